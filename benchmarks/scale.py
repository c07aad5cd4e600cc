"""Whether time and memory a record stay the same from few records to very many; Linux only.

`python -m benchmarks.scale` measures this part alone and prints it; `--small` takes seconds. Each
process keeps all that it decodes: if it did not, a few records would go into memory that was used
before, and very many into new memory. It does so twice, into new memory first. What new memory
takes is the system's affair, and that of the host of a virtual machine, which may give the first
gigabytes sooner than others. So what is compared is the second time, when Python has the memory.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, Final

import attrs

from benchmarks import peers, workloads
from benchmarks.memory import resident
from benchmarks.tables import number, spread, table
from benchmarks.targets import Target, targets_table
from benchmarks.turns import ratios
from usagewire import Decoder, UsageCompletionsResult, accelerated

TARGET: Final = 1.1
"""The most that a record may take of the largest size, as a multiple of the second size."""

BYTES_A_RECORD: Final = 1_000 if accelerated() else 2_000
"""What has to be free for each record: the line, the record, and half as much again."""

LEFT: Final = 1_000
"""Of so many records one is left; Python gets memory for some thousands at once."""


@attrs.frozen
class Sizes:
    """How much is measured."""

    records: Sequence[int]
    """Numbers of records, growing; ratios are taken to the second."""
    block: int
    """Lines that are made; more records are the same lines again, other strings and numbers are
    made of them all the same."""
    calls: Sequence[int]
    """How many times each number is decoded in a process, all of it kept; the mean is taken."""
    turns: int


FULL: Final = Sizes((10_000, 100_000, 1_000_000, 10_000_000), 100_000, (200, 20, 2, 1), turns=5)
SMALL: Final = Sizes((1_000, 10_000, 20_000), 10_000, (20, 2, 1), turns=2)


@attrs.frozen
class Spent:
    """What one process took, a record."""

    seconds: float
    """In memory that Python had."""
    new: float
    """Seconds in new memory."""
    bytes: float
    """Bytes kept."""


@attrs.frozen(kw_only=True)
class Measured:
    """What was measured of each number of records; of one that does not fit, nothing."""

    sizes: Sizes
    spent: Mapping[int, Sequence[Spent]]
    """Of each turn, by number of records."""

    def ratios(self, records: int, *, new: bool = False) -> list[float]:
        """Return the time a record as a multiple of that at the second size, for each turn.

        With `new`, that in new memory.
        """

        def taken(spent: Sequence[Spent]) -> list[float]:
            return [one.new if new else one.seconds for one in spent]

        these = taken(self.spent[records])
        return ratios(these, taken(self.spent[self.sizes.records[1]])) if these else []


def measure(sizes: Sizes) -> Measured:
    """Decode each number of records in a process of its own, in turns."""
    found: dict[int, list[Spent]] = {records: [] for records in sizes.records}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "block.ndjson"
        file.write_bytes(workloads.completions(sizes.block).data)
        for _ in range(sizes.turns):
            for records, calls in zip(sizes.records, sizes.calls, strict=True):
                if records * calls * BYTES_A_RECORD <= available():
                    found[records].append(_run(file, records, calls))
    whole = {n: spent if len(spent) == sizes.turns else [] for n, spent in found.items()}
    return Measured(sizes=sizes, spent=whole)


def available() -> int:
    """Return the bytes of memory that processes may still take."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise LookupError("MemAvailable")


def _run(file: Path, records: int, calls: int) -> Spent:
    run = [sys.executable, "-m", "benchmarks.scale", "--case", str(file), str(records), str(calls)]
    answer = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)  # noqa: S603 -- our own command
    return Spent(**answer)


def observed(file: Path, records: int, calls: int) -> Spent:
    """Decode so many records so many times, after what warms up, and keep them all; and again."""
    block = file.read_bytes()
    text = _text(block, records)
    _check(text, records)
    decoder = Decoder(UsageCompletionsResult)
    kept = decoder.decode_lines(block)
    before = resident()
    found, new = _decoded(decoder, text, calls)
    grown = resident() - before
    assert [len(one) for one in found] == [records] * calls
    # With one record left in each piece of memory that Python gets, it gives none of them back.
    kept += [record for one in found for record in one[::LEFT]]
    del found
    found, spent = _decoded(decoder, text, calls)
    assert [len(one) for one in found] == [records] * calls
    total = records * calls
    return Spent(spent / total, new / total, grown / total)


def _decoded(decoder: Decoder[Any], text: bytes, calls: int) -> tuple[list[list[Any]], float]:
    """Return the records of each call, and the seconds it took."""
    gc.collect()
    start = process_time()
    found = [decoder.decode_lines(text) for _ in range(calls)]
    return found, process_time() - start


def _text(block: bytes, records: int) -> bytes:
    """Return the first so many lines of `block`, again and again where it has fewer."""
    lines = block.count(b"\n")
    if records < lines:
        return b"".join(block.splitlines(keepends=True)[:records])
    assert records % lines == 0
    return block * (records // lines)


def _check(text: bytes, records: int) -> None:
    """Assert that the text has so many lines and that the first thousand are read as they are."""
    assert text.count(b"\n") == records
    head = b"\n".join(text.split(b"\n", 1000)[:1000])
    decode = peers.load("usagewire_reference").decoder(UsageCompletionsResult)
    assert Decoder(UsageCompletionsResult).decode_lines(head) == decode(head)


def targets(measured: Measured) -> list[Target]:
    """Return the target with what was measured."""
    base, most = measured.sizes.records[1], measured.sizes.records[-1]
    what = f"decode, time a record at {most:,} records / at {base:,}"
    return [Target(what, "at most", TARGET, measured.ratios(most))]


def section(measured: Measured) -> str:
    """Return the part of the report."""
    base = measured.sizes.records[1]
    rows = [
        (
            f"{records:,}",
            number(median(one.seconds for one in spent) * 1e9),
            spread(measured.ratios(records)),
            number(median(one.new for one in spent) * 1e9),
            spread(measured.ratios(records, new=True)),
            number(median(one.bytes for one in spent)),
        )
        if spent
        else (f"{records:,}", *["does not fit into memory"] * 5)
        for records, spent in measured.spent.items()
    ]
    head = (
        "records",
        "ns a record",
        f"/ at {base:,}",
        "in new memory",
        f"/ at {base:,}",
        "bytes kept a record",
    )
    return f"""\
Completions rows, decoded from memory into lists that are kept, each number of records in processes
of its own, which do so {", ".join(map(str, measured.sizes.calls))} times, after they have warmed
up; {measured.sizes.turns} turns of a process each. The lines are {measured.sizes.block:,} different
ones, again and again. CPU time. First the memory is new, and the system's time to give it, which on
a virtual machine depends on its host, is part of the time. Then all records but one in {LEFT:,} are
dropped and the same is done again, in memory that Python has: that is what is compared. Bytes kept
are those by which resident memory grew the first time, after collecting garbage.

{table(head, rows)}"""


def main() -> None:
    """Measure and print; with --case be the process that is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--small", action="store_true", help="few records, few turns")
    parser.add_argument("--case", nargs=3, metavar=("FILE", "N", "CALLS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        file, records, calls = options.case
        print(json.dumps(attrs.asdict(observed(Path(file), int(records), int(calls)))))
    else:
        measured = measure(SMALL if options.small else FULL)
        print(section(measured), targets_table(targets(measured)), sep="\n\n")


if __name__ == "__main__":
    main()
