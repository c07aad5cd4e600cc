"""Whether time and memory a record stay the same from few records to very many; Linux only.

`python -m benchmarks.scale` measures this part alone and prints it; `--small` takes seconds. Each
size is decoded in processes of its own, which do nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import attrs

from benchmarks import peers, workloads
from benchmarks.memory import resident
from benchmarks.tables import number, spread, table
from benchmarks.targets import Target, targets_table
from benchmarks.turns import ratios, seconds
from usagewire import Decoder, UsageCompletionsResult, accelerated

TARGET: Final = 1.1
"""The most that a record may take of the largest size, as a multiple of the second size."""

BYTES_A_RECORD: Final = 1_000 if accelerated() else 2_000
"""What has to be free for each record: the line, the record, and half as much again."""


@attrs.frozen
class Sizes:
    """How much is measured."""

    records: Sequence[int]
    """Numbers of records, growing; ratios are taken to the second."""
    block: int
    """Lines that are made; more records are the same lines again, other strings and numbers are
    made of them all the same."""
    at_least: int
    """Records that each process decodes in all: fewer at a time, more times."""
    turns: int


FULL: Final = Sizes((10_000, 100_000, 1_000_000, 10_000_000), 100_000, 1_000_000, turns=5)
SMALL: Final = Sizes((1_000, 10_000, 20_000), 10_000, 10_000, turns=2)


@attrs.frozen(kw_only=True)
class Measured:
    """What was measured of each number of records; of one that does not fit, nothing."""

    sizes: Sizes
    times: Mapping[int, Sequence[float]]
    """Seconds a record of each turn."""
    memory: Mapping[int, Sequence[float]]
    """Bytes kept a record of each turn."""

    def ratios(self, records: int) -> list[float]:
        """Return the time a record as a multiple of that at the second size, for each turn."""
        base = self.times[self.sizes.records[1]]
        return ratios(self.times[records], base) if self.times[records] else []


def measure(sizes: Sizes) -> Measured:
    """Decode each number of records in a process of its own, in turns."""
    times: dict[int, list[float]] = {records: [] for records in sizes.records}
    kept: dict[int, list[float]] = {records: [] for records in sizes.records}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "block.ndjson"
        file.write_bytes(workloads.completions(sizes.block).data)
        for _ in range(sizes.turns):
            for records in sizes.records:
                if records * BYTES_A_RECORD > available():
                    continue
                spent, grown = _run(file, records, max(1, sizes.at_least // records))
                times[records].append(spent / records)
                kept[records].append(grown / records)
    whole = {records for records, spent in times.items() if len(spent) == sizes.turns}
    return Measured(
        sizes=sizes,
        times={records: spent if records in whole else [] for records, spent in times.items()},
        memory={records: grown if records in whole else [] for records, grown in kept.items()},
    )


def available() -> int:
    """Return the bytes of memory that processes may still take."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise LookupError("MemAvailable")


def _run(file: Path, records: int, times: int) -> tuple[float, int]:
    run = [sys.executable, "-m", "benchmarks.scale", "--case", str(file), str(records), str(times)]
    answer = json.loads(subprocess.run(run, check=True, capture_output=True).stdout)  # noqa: S603 -- our own command
    return answer["seconds"], answer["bytes"]


def observed(file: Path, records: int, times: int) -> tuple[float, int]:
    """Decode so many records so many times; return the median time and what the first kept."""
    text = _text(file.read_bytes(), records)
    _check(text, records)
    decoder = Decoder(UsageCompletionsResult)
    before = resident()
    kept = decoder.decode_lines(text)
    grown = resident() - before
    assert len(kept) == records
    del kept
    return median(seconds(lambda: decoder.decode_lines(text)) for _ in range(times)), grown


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
            number(median(spent) * 1e9),
            spread(measured.ratios(records)),
            number(median(measured.memory[records])),
        )
        if spent
        else (f"{records:,}", *["does not fit into memory"] * 3)
        for records, spent in measured.times.items()
    ]
    head = ("records", "ns a record", f"time a record / at {base:,}", "bytes kept a record")
    return f"""\
Completions rows, decoded from memory into a list that is kept, each number of records in processes
of their own, {measured.sizes.turns} turns of one process each; smaller numbers are decoded several
times in each, and the median taken. The lines are {measured.sizes.block:,} different ones, again
and again. CPU time, so that the system's for new pages of memory counts. Bytes kept are those by
which resident memory grew at the first decoding, after collecting garbage.

{table(head, rows)}"""


def main() -> None:
    """Measure and print; with --case be the process that is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--small", action="store_true", help="few records, few turns")
    parser.add_argument("--case", nargs=3, metavar=("FILE", "N", "TIMES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        file, records, times = options.case
        spent, grown = observed(Path(file), int(records), int(times))
        print(json.dumps({"seconds": spent, "bytes": grown}))
    else:
        measured = measure(SMALL if options.small else FULL)
        print(section(measured), targets_table(targets(measured)), sep="\n\n")


if __name__ == "__main__":
    main()
