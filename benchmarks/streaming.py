"""The time to read a file, compared with decoding the same text from memory and unpacking alone.

`python -m benchmarks.streaming` measures this part alone and prints it; `--small` takes seconds.
"""

from __future__ import annotations

import argparse
import bz2
import gc
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, TypeAlias

import attrs

from benchmarks import workloads
from benchmarks.tables import number, spread, table
from benchmarks.targets import Target, targets_table
from benchmarks.turns import ratios
from benchmarks.workloads import Workload
from usagewire import Decoder, Reader, read
from usagewire.io.files import CHUNK

Unpack: TypeAlias = Callable[[], Any]

zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

GZIP: Final = 16 + zlib.MAX_WBITS

FORMATS: Final[Mapping[str, tuple[Callable[[bytes], bytes], Unpack]]] = {
    ".gz": (partial(zlib.compress, wbits=GZIP), partial(zlib.decompressobj, GZIP)),
    ".zst": (zstd.compress, zstd.ZstdDecompressor),
    ".bz2": (bz2.compress, bz2.BZ2Decompressor),
    ".xz": (partial(lzma.compress, preset=1), lzma.LZMADecompressor),
}
"""By suffix: a function that compresses, and one that unpacks. The level of compression is the
library's default, except for xz, which has a low level that saves a minute."""

UNCOMPRESSED: Final = ".ndjson"
SUFFIXES: Final = (UNCOMPRESSED, *FORMATS)
WAYS: Final = ("iterating", "batches")

TARGETS: Final = {UNCOMPRESSED: 1.15, ".gz": 1.10}
"""Reading may take at most this multiple of the slower of decoding and unpacking."""


@attrs.frozen
class Sizes:
    """The size of a run."""

    rows: int
    turns: int


FULL: Final = Sizes(rows=200_000, turns=7)
SMALL: Final = Sizes(rows=10_000, turns=3)


@attrs.frozen(kw_only=True)
class Measured:
    """The measured times."""

    rows: int
    turns: int
    sizes: Mapping[str, int]
    """Bytes of each file, by suffix."""
    times: Mapping[tuple[str, str], Sequence[float]]
    """Seconds of each turn, by suffix and task: one of `WAYS`, "decoding" or "unpacking"."""

    def ratios(self, suffix: str, way: str) -> list[float]:
        """Return the time of `way` as a multiple of its slower part, for each turn.

        The parts are decoding and, for a compressed file, unpacking.
        """
        decoding = self.times[suffix, "decoding"]
        unpacking = self.times.get((suffix, "unpacking"), decoding)
        slower = list(map(max, decoding, unpacking))
        return ratios(self.times[suffix, way], slower)

    def to_decoding(self, suffix: str, task: str) -> list[float]:
        """Return the time of a task as a multiple of decoding alone, for each turn."""
        return ratios(self.times[suffix, task], self.times[suffix, "decoding"])


def measure(sizes: Sizes) -> Measured:
    """Write the files, compare the records of each with the decoded ones, and time the tasks."""
    workload = workloads.completions(sizes.rows)
    with TemporaryDirectory() as folder:
        files = write(workload, Path(folder))
        for file in files.values():
            check(workload, file)
        times: dict[tuple[str, str], list[float]] = {}
        # The first turn warms up.
        for turn in range(sizes.turns + 1):
            for suffix, file in files.items():
                for task, do in _tasks(workload, suffix, file).items():
                    taken = seconds(do)
                    if turn:
                        times.setdefault((suffix, task), []).append(taken)
        return Measured(
            rows=workload.rows,
            turns=sizes.turns,
            sizes={suffix: file.stat().st_size for suffix, file in files.items()},
            times=times,
        )


def write(workload: Workload, folder: Path) -> dict[str, Path]:
    """Write the text of `workload` to a file of each format, and return the files by suffix."""
    files = {suffix: folder / f"{workload.name}{suffix}" for suffix in SUFFIXES}
    files[UNCOMPRESSED].write_bytes(workload.data)
    for suffix, (compress, _) in FORMATS.items():
        files[suffix].write_bytes(compress(workload.data))
    return files


def check(workload: Workload, file: Path) -> None:
    """Assert that each way to read `file` gives the same records as decoding the text at once."""
    expected = Decoder(workload.kind).decode_lines(workload.data)
    assert len(expected) == workload.rows
    reader: Reader[Any]
    with read(file, workload.kind) as reader:
        assert list(reader) == expected
        assert reader.counts.lines == reader.counts.records == workload.rows
        assert reader.counts.bytes == len(workload.data)
    with read(file, workload.kind) as reader:
        assert [record for batch in reader.batches() for record in batch] == expected


def seconds(do: Callable[[], object]) -> float:
    """Return the seconds of wall-clock time that `do` takes."""
    gc.collect()
    start = perf_counter()
    do()
    return perf_counter() - start


def _tasks(workload: Workload, suffix: str, file: Path) -> dict[str, Callable[[], None]]:
    """Return the tasks for one file, in order."""
    tasks: dict[str, Callable[[], None]] = {
        "iterating": partial(_iterate, workload, file),
        "decoding": partial(_feed, workload),
        "batches": partial(_iterate_batches, workload, file),
    }
    if suffix in FORMATS:
        tasks["unpacking"] = partial(_unpack, file, FORMATS[suffix][1])
    return tasks


def _iterate(workload: Workload, file: Path) -> None:
    for _ in read(file, workload.kind):
        pass


def _iterate_batches(workload: Workload, file: Path) -> None:
    for _ in read(file, workload.kind).batches():
        pass


def _feed(workload: Workload) -> None:
    decoder = Decoder[Any](workload.kind)
    for start in range(0, len(workload.data), CHUNK):
        decoder.feed(workload.data[start : start + CHUNK])
    decoder.close()


def _unpack(file: Path, unpack: Unpack) -> None:
    decompress = unpack().decompress
    for chunk in _chunks(file):
        decompress(chunk)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb", buffering=0) as opened:
        while chunk := opened.read(CHUNK):
            yield chunk


def targets(measured: Measured) -> list[Target]:
    """Return each target with its measured values."""
    return [
        Target(
            f"read {suffix}, {way}: time / decoding", "at most", most, measured.ratios(suffix, way)
        )
        for suffix, most in TARGETS.items()
        for way in WAYS
    ]


def section(measured: Measured) -> str:
    """Return this section of the report."""
    rows = (
        (
            suffix,
            number(size),
            *(spread(measured.ratios(suffix, way)) for way in WAYS),
            spread(measured.to_decoding(suffix, "unpacking")) if suffix in FORMATS else "-",
        )
        for suffix, size in measured.sizes.items()
    )
    head = ("file", "bytes", *WAYS, "unpacking / decoding")
    gzip = ", ".join(f"{way} {spread(measured.to_decoding('.gz', way))}" for way in WAYS)
    return f"""\
This table compares reading a file with its slower part: decoding the same text from memory, or
unpacking. If the ratio is 1, reading costs nothing extra. Cells show the median and range of
{measured.turns} turns.

Reading is `read(path, UsageCompletionsResult)` for {measured.rows:,} completions rows, by iterating
or by `.batches()`, and drops each record at once. Decoding is `Decoder.feed` with chunks of
{CHUNK:,} bytes. Unpacking reads such chunks of the file into the standard library's decompressor,
and drops its output. The files were just written, so they are in the system's cache. Time is
wall-clock time, because usagewire unpacks gzip with zlib-ng in a second thread.

{table(head, rows)}

zlib-ng unpacks gzip faster than the standard library does. As a multiple of decoding alone, reading
.gz took: {gzip}."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument("--small", action="store_true", help="little data, few turns")
    measured = measure(SMALL if parser.parse_args().small else FULL)
    print(section(measured), targets_table(targets(measured)), sep="\n\n")


if __name__ == "__main__":
    main()
