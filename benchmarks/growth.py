"""Does time grow in proportion to the input? The shapes of input here are made to break that.

`python -m benchmarks.growth` measures this part alone and prints it; `--small` takes seconds.
"""

from __future__ import annotations

import argparse
import gc
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, Final, TypeAlias

import attrs

from benchmarks.tables import number, spread, table
from benchmarks.targets import Target
from usagewire import Counts, Decoder, Reader, UsageResponse, UsageVectorStoresResult, read

Run: TypeAlias = Callable[[], Counts]

GZIP: Final = 16 + zlib.MAX_WBITS
ROW: Final = b'{"object":"organization.usage.vector_stores.result","usage_bytes":5}'
LINE: Final = ROW + b"\n"
BAD: Final = b'{"object":"organization.usage.vector_stores.result","usage_bytes":"5"}'
LIMIT: Final = 2**30
"""Longer than any line here, so that no line is too long."""

TARGET: Final = 2.3
"""Twice the input may take at most this multiple of the time of the input."""
LINES: Final = 1_000_000
"""Blank lines that are compared with as many good rows."""
BLANK_TARGET: Final = 2.0
"""Blank lines may take at most this multiple of the time of good rows."""


@attrs.frozen
class Shape:
    """A hostile input of any size."""

    title: str
    size: int
    """The number of parts of the smaller input in a full run. The larger one has twice as many."""
    make: Callable[[int, Path], Run]
    """Prepare the input of this many parts in a folder, and return the function to time."""
    lines: Callable[[int], Counts]
    """The expected counts for this many parts, without bytes."""


@attrs.frozen
class Sizes:
    """The size of a run."""

    divisor: int
    """The shapes are smaller than in a full run by this factor."""
    turns: int


FULL: Final = Sizes(divisor=1, turns=5)
SMALL: Final = Sizes(divisor=20, turns=3)


@attrs.frozen(kw_only=True)
class Measured:
    """The measured times of each shape."""

    turns: int
    shapes: Mapping[str, tuple[int, Sequence[tuple[float, float]]]]
    """By title: the number of parts n, and the seconds for n and for 2n parts in each turn."""
    blank: tuple[int, Sequence[tuple[float, float]]]
    """A number of lines, and the seconds for as many blank lines and good rows in each turn."""


def measure(sizes: Sizes, shapes: Iterable[Shape] | None = None) -> Measured:
    """Time each shape at one size and at twice that size, by turns."""
    found = {}
    for shape in SHAPES if shapes is None else shapes:
        size = max(shape.size // sizes.divisor, 1)
        with TemporaryDirectory() as one, TemporaryDirectory() as two:
            once, twice = shape.make(size, Path(one)), shape.make(2 * size, Path(two))
            check(shape, size, once)
            check(shape, 2 * size, twice)
            turns = [(_seconds(once), _seconds(twice)) for _ in range(sizes.turns)]
        found[shape.title] = size, turns
    return Measured(turns=sizes.turns, shapes=found, blank=_blank_and_good(sizes))


def _blank_and_good(sizes: Sizes) -> tuple[int, Sequence[tuple[float, float]]]:
    size = max(LINES // sizes.divisor, 1)
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        blank, good = (
            _reading_file(line * size, Path(folder)) for line, folder in ((b"\n", one), (LINE, two))
        )
        assert (blank().blank, good().records) == (size, size)
        return size, [(_seconds(blank), _seconds(good)) for _ in range(sizes.turns)]


def check(shape: Shape, size: int, run: Run) -> None:
    """Assert that the good, bad and blank lines are counted correctly."""
    counts = run()
    assert attrs.evolve(counts, bytes=0) == shape.lines(size), shape.title
    assert counts.lines == counts.records + counts.rejected + counts.blank


def _seconds(run: Run) -> float:
    gc.collect()
    start = process_time()
    run()
    return process_time() - start


def targets(measured: Measured) -> list[Target]:
    """Return the target with the times of the worst input."""
    found = {title: [b / a for a, b in turns] for title, (_, turns) in measured.shapes.items()}
    worst = max(found, key=lambda title: median(found[title]))
    what = f"hostile inputs, time of 2n / of n, the worst of {len(found)}: {worst}"
    size, turns = measured.blank
    blank = [a / b for a, b in turns]
    of_blank = f"time of {number(size)} blank lines / of as many good rows"
    return [
        Target(what, "at most", TARGET, found[worst]),
        Target(of_blank, "at most", BLANK_TARGET, blank),
    ]


def section(measured: Measured) -> str:
    """Return this section of the report."""
    rows = (
        (title, number(size), spread([b / a for a, b in turns]))
        for title, (size, turns) in measured.shapes.items()
    )
    head = ("input", "n", "time of 2n / time of n")
    size, blank = measured.blank
    of_good = spread([a / b for a, b in blank])
    return f"""\
This table shows whether time grows in proportion to the input, for inputs that are made to break
that. If the ratio is 2, twice the input takes twice the time; the target is at most {TARGET}.

An input has n parts, such as chunks, lines or files. The ratio is the CPU time for 2n parts divided
by that for n parts in the same turn: median and range of {measured.turns} turns. Before an input is
timed, its good, bad and blank lines must be counted correctly.

{table(head, rows)}

{number(size)} blank lines take {of_good} of the time of as many good rows."""


def _feeding(chunks: Callable[[], Iterable[bytes]], **options: Any) -> Run:
    """Return a function that feeds chunks to a decoder, as a socket would."""

    def run() -> Counts:
        decoder = Decoder(UsageVectorStoresResult, on_error="collect", **options)
        for chunk in chunks():
            decoder.feed(chunk)
        decoder.close()
        return decoder.counts

    return run


def _reading(source: Callable[[], Any], **options: Any) -> Run:
    """Return a function that reads a source."""

    def run() -> Counts:
        with read(source(), UsageVectorStoresResult, on_error="collect", **options) as reader:
            for _ in reader:
                pass
            return reader.counts

    return run


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def _reading_file(data: bytes, folder: Path, **options: Any) -> Run:
    file = folder / "input"
    file.write_bytes(data)
    return _reading(lambda: file, **options)


def _long_line(size: int, _: Path) -> Run:
    line = ROW[:-1] + b',"note":"' + b"x" * (64 * size) + b'"}\n'
    return _feeding(lambda: _cut(line, 64), max_line_bytes=LIMIT)


def _long_line_read(size: int, _: Path) -> Run:
    line = ROW[:-1] + b',"note":"' + b"x" * (64 * size) + b'"}\n'
    return _reading(lambda: _cut(line, 64), max_line_bytes=LIMIT)


def _too_long_line(size: int, _: Path) -> Run:
    return _feeding(lambda: _cut(b"x" * (64 * size), 64), max_line_bytes=1000)


def _small_files(size: int, folder: Path) -> Run:
    files = [folder / f"{index}.ndjson" for index in range(size)]
    for file in files:
        file.write_bytes(LINE)
    return _reading(lambda: files)


def _members(size: int, folder: Path) -> Run:
    return _reading_file(zlib.compress(LINE, wbits=GZIP) * size, folder)


def _empty_members(size: int, folder: Path) -> Run:
    members = zlib.compress(LINE, wbits=GZIP) + zlib.compress(b"", wbits=GZIP) * size
    return _reading_file(members, folder)


def _array(element: bytes) -> Callable[[int, Path], Run]:
    def make(size: int, folder: Path) -> Run:
        data = b"[" + b",\n".join(repeat(element, size)) + b"]"
        return _reading_file(data, folder, max_line_bytes=LIMIT)

    return make


def _pretty_page(size: int, _: Path) -> Run:
    row = b'        {\n          "object": "o",\n          "usage_bytes": 5\n        }'
    row = row.replace(b'"o"', b'"organization.usage.vector_stores.result"')
    head = b'{\n  "object": "page",\n  "data": [\n    {\n      "object": "bucket",\n'
    times = b'      "start_time": 0,\n      "end_time": 86400,\n      "results": [\n'
    tail = b'\n      ]\n    }\n  ],\n  "has_more": false,\n  "next_page": null\n}\n'
    data = head + times + b",\n".join(repeat(row, size)) + tail

    def run() -> Counts:
        with read(_cut(data, 4096), max_line_bytes=LIMIT) as reader:
            [page] = reader
            assert isinstance(page, UsageResponse)
            assert len(page.data[0].results) == size
            return reader.counts

    return run


def _no_document(size: int, _: Path) -> Run:
    """Read lines after a `[` that is never closed, which could be a document until the end."""
    data = b"[\n" + b"\n".join(repeat(ROW, size))
    return _reading(lambda: _cut(data, 64), max_line_bytes=LIMIT)


def _asking(ask: Callable[[Any], object]) -> Callable[[int, Path], Run]:
    """Return the maker of a function that asks the reader for something at each record."""

    def make(size: int, folder: Path) -> Run:
        file = folder / "input"
        file.write_bytes(LINE * size)

        def run() -> Counts:
            with read(file, UsageVectorStoresResult) as reader:
                for _ in reader:
                    ask(reader)
                return reader.counts

        return run

    return make


def _records(count: int) -> Counts:
    return Counts(lines=count, records=count)


def _rejected(count: int) -> Counts:
    return Counts(lines=count, rejected=count)


def _blank(count: int) -> Counts:
    return Counts(lines=count, blank=count)


SHAPES: Final = (
    Shape("one line in 64-byte chunks, by `feed`", 200_000, _long_line, lambda _: _records(1)),
    Shape("the same, by `read`", 200_000, _long_line_read, lambda _: _records(1)),
    Shape("the same, far past the limit", 200_000, _too_long_line, lambda _: _rejected(1)),
    Shape(
        "one-byte chunks",
        4_000,
        lambda size, _: _feeding(lambda: _cut(LINE * size, 1)),
        _records,
    ),
    Shape(
        "one-byte chunks of gzip",
        500,
        lambda size, _: _reading(lambda: _cut(zlib.compress(LINE * size, 0, GZIP), 1)),
        _records,
    ),
    Shape("blank lines", 200_000, lambda n, f: _reading_file(b" \r\n" * n, f), _blank),
    Shape("bad lines", 20_000, lambda n, f: _reading_file((BAD + b"\n") * n, f), _rejected),
    Shape(
        "good and bad lines in turn",
        20_000,
        lambda n, f: _reading_file((LINE + BAD + b"\n") * n, f),
        lambda n: Counts(lines=2 * n, records=n, rejected=n),
    ),
    Shape(
        "lines past the limit",
        50_000,
        lambda n, f: _reading_file(LINE * n, f, max_line_bytes=20),
        _rejected,
    ),
    Shape(
        "nothing but CR",
        2_000_000,
        lambda n, f: _reading_file(b"\r" * n, f, max_line_bytes=LIMIT),
        lambda _: _blank(1),
    ),
    Shape(
        "lines that end in CR alone",
        50_000,
        lambda n, f: _reading_file((ROW + b"\r") * n, f, max_line_bytes=LIMIT),
        lambda _: _rejected(1),
    ),
    Shape("gzip members of one line each", 20_000, _members, _records),
    Shape("empty gzip members", 20_000, _empty_members, lambda _: _records(1)),
    Shape("files of one line each", 2_000, _small_files, _records),
    Shape("a document with only bad elements", 20_000, _array(BAD), _rejected),
    Shape("a document, pretty-printed", 20_000, _pretty_page, lambda _: _records(1)),
    Shape(
        "lines that may be a document until the end",
        20_000,
        _no_document,
        lambda n: Counts(lines=n + 1, records=n, rejected=1),
    ),
    Shape("`.checkpoint()` at each record", 20_000, _asking(Reader.checkpoint), _records),
    Shape("`.counts` at each record", 50_000, _asking(lambda reader: reader.counts), _records),
    Shape("`.position` at each record", 50_000, _asking(lambda reader: reader.position), _records),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--small", action="store_true", help="little data, few turns")
    print(section(measure(SMALL if parser.parse_args().small else FULL)))


if __name__ == "__main__":
    main()
