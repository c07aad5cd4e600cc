"""Do the time and memory of a record stay the same, from few records to very many? Linux only.

`python -m benchmarks.scale` measures this part alone and prints it; `--small` takes seconds.

Each process keeps all its records. If it did not, a few records would go into used memory and very
many into new memory. It decodes twice, the first time into new memory. The time to get that
depends on the system. The host of a virtual machine may give the first gigabytes faster than later
ones. Therefore the target compares the second time, when Python has the memory.
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
"""A record of the largest size may take at most this multiple of one of the second size."""

BYTES_A_RECORD: Final = 1_000 if accelerated() else 2_000
"""Free memory that each record needs: the line, the record, and half as much again."""

LEFT: Final = 1_000
"""One record in 1,000 is kept. Python allocates memory for some thousands at once."""


@attrs.frozen
class Sizes:
    """The size of a run."""

    records: Sequence[int]
    """Numbers of records, growing. Ratios compare with the second."""
    block: int
    """The number of different lines. More records repeat them, but are decoded to new objects."""
    calls: Sequence[int]
    """So many times each number is decoded in a process, which keeps all records. The figures are
    means."""
    turns: int


FULL: Final = Sizes((10_000, 100_000, 1_000_000, 10_000_000), 100_000, (200, 20, 2, 1), turns=5)
SMALL: Final = Sizes((1_000, 10_000, 20_000), 10_000, (20, 2, 1), turns=2)


@attrs.frozen
class Spent:
    """The measurements of one process, for each record."""

    seconds: float
    """Seconds in memory that Python already had."""
    new: float
    """Seconds in new memory."""
    bytes: float
    """Bytes kept."""


@attrs.frozen(kw_only=True)
class Measured:
    """The measurements of each number of records, or none if it does not fit into memory."""

    sizes: Sizes
    spent: Mapping[int, Sequence[Spent]]
    """The measurements of each turn, by number of records."""

    def ratios(self, records: int, *, new: bool = False) -> list[float]:
        """Return the time a record as a multiple of the second size's, for each turn.

        With `new`, it is the time in new memory.
        """

        def taken(spent: Sequence[Spent]) -> list[float]:
            return [one.new if new else one.seconds for one in spent]

        these = taken(self.spent[records])
        return ratios(these, taken(self.spent[self.sizes.records[1]])) if these else []


def measure(sizes: Sizes) -> Measured:
    """Decode each number of records in a separate process, by turns."""
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
    """Return the bytes of memory that are still available."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise LookupError("MemAvailable")


def _run(file: Path, records: int, calls: int) -> Spent:
    run = [sys.executable, "-m", "benchmarks.scale", "--case", str(file), str(records), str(calls)]
    answer = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)  # noqa: S603 -- our own command
    return Spent(**answer)


def observed(file: Path, records: int, calls: int) -> Spent:
    """Decode `records` records in each of `calls` calls, twice; time only the second round."""
    block = file.read_bytes()
    text = _text(block, records)
    _check(text, records)
    decoder = Decoder(UsageCompletionsResult)
    kept = decoder.decode_lines(block)
    before = resident()
    found, new = _decoded(decoder, text, calls)
    grown = resident() - before
    assert [len(one) for one in found] == [records] * calls
    # Python gives no memory back if each piece that it allocated still holds one record.
    kept += [record for one in found for record in one[::LEFT]]
    del found
    found, spent = _decoded(decoder, text, calls)
    assert [len(one) for one in found] == [records] * calls
    total = records * calls
    return Spent(spent / total, new / total, grown / total)


def _decoded(decoder: Decoder[Any], text: bytes, calls: int) -> tuple[list[list[Any]], float]:
    """Return the records of each call, and the seconds of all calls."""
    gc.collect()
    start = process_time()
    found = [decoder.decode_lines(text) for _ in range(calls)]
    return found, process_time() - start


def _text(block: bytes, records: int) -> bytes:
    """Return this many lines: the first ones of `block`, or all of it several times."""
    lines = block.count(b"\n")
    if records < lines:
        return b"".join(block.splitlines(keepends=True)[:records])
    assert records % lines == 0
    return block * (records // lines)


def _check(text: bytes, records: int) -> None:
    """Assert that the text has this many lines, and that the first thousand are read correctly."""
    assert text.count(b"\n") == records
    head = b"\n".join(text.split(b"\n", 1000)[:1000])
    decode = peers.load("usagewire_reference").decoder(UsageCompletionsResult)
    assert Decoder(UsageCompletionsResult).decode_lines(head) == decode(head)


def targets(measured: Measured) -> list[Target]:
    """Return the target with its measured values."""
    base, most = measured.sizes.records[1], measured.sizes.records[-1]
    what = f"decode, time a record at {most:,} records / at {base:,}"
    return [Target(what, "at most", TARGET, measured.ratios(most))]


def section(measured: Measured) -> str:
    """Return this section of the report."""
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
This table shows whether the time and memory of a record stay the same from few records to very
many. Each column "/ at {base:,}" compares the time before it with that for {base:,} records.

Each process warms up, decodes one number of completions rows from memory, and keeps all records.
From the smallest number to the largest, it does so {", ".join(map(str, measured.sizes.calls))}
times, and the figures are means. The text repeats {measured.sizes.block:,} different lines. Time is
CPU time, over {measured.sizes.turns} turns with new processes.

A process does this twice. The first time, its memory is new, and the time includes what the system
takes to give it. On a virtual machine, that depends on the host. Then it drops all records except
one in {LEFT:,}, and decodes again into memory that Python already has. "Ns a record" and the target
are of this second time. "Bytes kept" is the growth of resident memory the first time, after
collecting garbage.

{table(head, rows)}"""


def main() -> None:
    """Measure and print. With --case, this is the process that is measured."""
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
