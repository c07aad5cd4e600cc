"""Bytes into lines: line ends, blanks, the byte order mark, limits and places, in any chunks."""

import random
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.support.comparing import exact
from tests.support.paths import Way
from tests.support.samples import BOM
from usagewire import Counts
from usagewire.codec.context import Place
from usagewire.codec.line_buffer import Block, LineBuffer


def read(path: Way, chunks: Iterable[bytes], **options: Any) -> tuple[list[Any], Any]:
    """Return the records of a stream, and its decoder."""
    decoder = path.Decoder(Any, on_error="collect", **options)
    records = [one for chunk in chunks for one in decoder.feed(chunk)]
    return records + decoder.close(), decoder


def bytewise(data: bytes) -> list[bytes]:
    """Return the data one byte at a time."""
    return [data[index : index + 1] for index in range(len(data))]


FRAMES: dict[str, tuple[bytes, list[Any], Counts]] = {
    "nothing": (b"", [], Counts()),
    "one line": (b"1\n", [1], Counts(lines=1, records=1, bytes=2)),
    "no last LF": (b"1\n2", [1, 2], Counts(lines=2, records=2, bytes=3)),
    "CRLF": (b"1\r\n2\r\n", [1, 2], Counts(lines=2, records=2, bytes=6)),
    "CR at the end": (b"1\r", [1], Counts(lines=1, records=1, bytes=2)),
    "CR alone ends no line": (b"1\r2\n", [], Counts(lines=1, rejected=1, bytes=4)),
    "two CR": (b"1\r\r\n", [1], Counts(lines=1, records=1, bytes=4)),
    "blank lines": (b"\n1\n\n \t\r\n2\n", [1, 2], Counts(lines=5, records=2, blank=3, bytes=10)),
    "only LF": (b"\n\n\n", [], Counts(lines=3, blank=3, bytes=3)),
    "only a space": (b" ", [], Counts(lines=1, blank=1, bytes=1)),
    "space around": (b" 1 \n\t2\t\n", [1, 2], Counts(lines=2, records=2, bytes=8)),
    "LF in a string": (b'"a\\nb"\n', ["a\nb"], Counts(lines=1, records=1, bytes=7)),
    "separators of Unicode": (
        '"a\u2028b\u0085c"\n'.encode(),
        ["a\u2028b\u0085c"],
        Counts(lines=1, records=1, bytes=11),
    ),
    "NUL": (b"\0\n1\n", [1], Counts(lines=2, records=1, rejected=1, bytes=4)),
    "other spaces": (b"1\x0b\n1\x0c\n", [], Counts(lines=2, rejected=2, bytes=6)),
    "BOM": (BOM + b"1\n2\n", [1, 2], Counts(lines=2, records=2, bytes=7)),
    "BOM alone": (BOM, [], Counts(lines=1, blank=1, bytes=3)),
    "BOM on a blank line": (BOM + b"\n1\n", [1], Counts(lines=2, records=1, blank=1, bytes=6)),
    "BOM and CRLF": (BOM + b"1\r\n", [1], Counts(lines=1, records=1, bytes=6)),
    "BOM twice": (BOM + BOM + b"1\n", [], Counts(lines=1, rejected=1, bytes=8)),
    "BOM later": (b"1\n" + BOM + b"2\n", [1], Counts(lines=2, records=1, rejected=1, bytes=7)),
    "BOM after a blank line": (
        b"\n" + BOM + b"1",
        [],
        Counts(lines=2, rejected=1, blank=1, bytes=5),
    ),
    "half a BOM": (BOM[:2], [], Counts(lines=1, rejected=1, bytes=2)),
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("bytes_at_once", [1, 2, 3, 1000])
def test_frame(path: Way, frame: str, bytes_at_once: int) -> None:
    """A stream has these records and counts, in chunks of any size."""
    data, records, counts = FRAMES[frame]
    chunks = [data[i : i + bytes_at_once] for i in range(0, len(data), bytes_at_once)]
    found, decoder = read(path, chunks)

    assert exact(records) == exact(found)
    assert counts == decoder.counts


PLACES: dict[str, tuple[bytes, list[tuple[int, int, int, bytes]]]] = {
    "first": (b"x\n1\n", [(1, 0, 1, b"x")]),
    "last": (b"1\nxy", [(2, 2, 2, b"xy")]),
    "after CRLF": (b"1\r\nx\r\n", [(2, 3, 1, b"x")]),
    "after blank lines": (b"\n\r\n \nxyz\n", [(4, 5, 3, b"xyz")]),
    "after the BOM": (BOM + b"x\n", [(1, 3, 1, b"x")]),
    "after a line with the BOM": (BOM + b"1\nx\n", [(2, 5, 1, b"x")]),
    "after multi-byte text": ('"é😀"\nx'.encode(), [(2, 9, 1, b"x")]),
    "after too long a line": (
        b"1234567890123\nx\n",
        [(1, 0, 13, b"1234567890123"), (2, 14, 1, b"x")],
    ),
    "after too long a line of CRLF": (
        b"1234567890123\r\nx\n",
        [(1, 0, 13, b"1234567890123"), (2, 15, 1, b"x")],
    ),
    "too long after the BOM": (BOM + b"12345678901\n", [(1, 3, 11, b"12345678901")]),
    "too long at the end": (b"1\n12345678901", [(2, 2, 11, b"12345678901")]),
    "CR inside": (b"x\ry\n", [(1, 0, 3, b"x\ry")]),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("cut", [bytewise, lambda data: [data]], ids=["bytewise", "whole"])
def test_place(path: Way, place: str, cut: Any) -> None:
    """A rejection has its line's number, offset and length, and the line without its end."""
    data, expected = PLACES[place]
    _, decoder = read(path, cut(data), max_line_bytes=10)

    assert expected == [(one.line, one.offset, one.length, one.raw) for one in decoder.rejections]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""], ids=repr)
@pytest.mark.parametrize("start", [b"", BOM], ids=["", "BOM"])
@pytest.mark.parametrize(("length", "expected"), [(9, True), (10, True), (11, False), (12, False)])
@pytest.mark.parametrize("cut", [bytewise, lambda data: [data]], ids=["bytewise", "whole"])
def test_limit(
    path: Way, cut: Any, length: int, end: bytes, start: bytes, *, expected: bool
) -> None:
    """The limit is on the line without its end and without the byte order mark."""
    line = b"1" * length
    records, _ = read(path, cut(start + line + end), max_line_bytes=10)

    assert ([int(line)] if expected else []) == records


@pytest.mark.parametrize("size", [4095, 4096, 4097, 100_000])
@pytest.mark.parametrize("step", [1000, 10**6])
def test_raw_is_bounded(path: Way, size: int, step: int) -> None:
    """Of a bad line 4,096 bytes are kept, in chunks of any size, within the limit or past it."""
    data = b"x" * size + b"\r\n"
    chunks = [data[i : i + step] for i in range(0, len(data), step)]
    kept = []
    for limit in (10, 10**6):
        _, decoder = read(path, chunks, max_line_bytes=limit)
        kept += [(one.length, len(one.raw)) for one in decoder.rejections]

    assert [(size, min(size, 4096))] * 2 == kept


@pytest.mark.parametrize("limit", [10, 100])
def test_raw_that_ends_in_cr(path: Way, limit: int) -> None:
    """What is kept of a line may end in a CR of its middle."""
    data = b"x\ry" + b"z" * 20 + b"\n"
    _, decoder = read(path, [data], max_line_bytes=limit, max_raw_bytes=2)

    assert [(23, b"x\r")] == [(one.length, one.raw) for one in decoder.rejections]


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_far_places(step: int) -> None:
    """Line numbers and offsets go on past 2**32 and 2**63, and no byte order mark is skipped."""
    data = b"1\n\n" + BOM + b"\r\n" + b"x" * 20 + b"\r\n2"
    for number, offset in ((2**32 - 1, 2**32 - 3), (2**32, 2**33), (2**63, 2**64)):
        lines = LineBuffer(10, number=number, offset=offset)
        for at in range(0, len(data), step):
            lines.push(data[at : at + step])
        lines.finish()
        found = [(at - offset, line - number, text) for line, at, text in each(lines)]

        assert [
            *((0, 0, b"1"), (2, 1, b""), (3, 2, BOM + b"\r")),
            *((8, 3, b"x" * 20), (30, 4, b"2")),
        ] == found
        assert offset + len(data) == lines.offset


def each(lines: LineBuffer) -> Iterator[tuple[int, int, bytes]]:
    """Yield the number, the offset and the text of each line."""
    while lines.has_line():
        block, index = lines.block, lines.index
        yield block.number + index, lines.offset, block.lines[index]
        lines.offset += block.size(index, index + 1)
        lines.index += 1


LIMIT = 10
"""Longest line of the tests below."""

TEXTS = {
    "usual": b"1\n22\n\n333\r\n4444\n5",
    "one line": b"12345\n",
    "no LF": b"12345",
    "nothing": b"",
    "BOM": BOM + b"1\n22\n" + BOM + b"3\n",
    "BOM alone": BOM + b"\n1\n",
    "too long": b"1\n" + b"x" * 11 + b"\n2\n" + b"y" * 40 + b"\r\n3\n" + b"z" * 10 + b"\r\n",
    "too long at first": BOM + b"x" * 11 + b"\n1\n",
    "blank": b"\n\n\r\n \n",
}


def either(
    lines: LineBuffer, dice: random.Random | None = None
) -> Iterator[tuple[int, int, bytes, int]]:
    """Yield the number, the offset, the text and the length of each line, cut as the dice say.

    After each, the lines that were read in one way from one chunk have the sizes that they have.
    """
    run: list[int] = []
    while True:
        way = dice.randrange(3) if dice else 0
        if way and lines.has_text():
            end = lines.text.index(b"\n", lines.start, lines.stop)
            line, size = lines.text[lines.start : end], end + 1 - lines.start
            is_plain = len(line) <= LIMIT and not (lines.offset == 0 and line.startswith(BOM))
            if way == 1 and is_plain:
                yield lines.number, lines.offset, line, 0
                lines.block, lines.index = Block(lines.number + 1, []), 0
                lines.start, lines.offset = end + 1, lines.offset + size
                run.append(size)
                check_sizes(lines, run)
                run = run if lines.start < lines.stop else []
                continue
            lines.cut_line()
            check_sizes(lines, run)
        if not lines.has_line():
            return
        block, index = lines.block, lines.index
        run = [] if index == 0 else run
        yield block.number + index, lines.offset, block.lines[index], block.length
        run.append(block.size(index, index + 1))
        lines.offset += run[-1]
        lines.index += 1
        check_sizes(lines, run)
        if lines.index == len(block.lines):
            run = []


def check_sizes(lines: LineBuffer, run: list[int]) -> None:
    """Check what is said of the sizes of the lines just read."""
    for back in range(len(run) + 1):
        assert sum(run[len(run) - back :]) == lines.size(back)


@pytest.mark.parametrize("name", TEXTS)
def test_cut_or_not(name: str) -> None:
    """Lines and their places are the same in any chunks, cut all at once, one by one or not."""
    data = TEXTS[name]
    whole = LineBuffer(LIMIT)
    whole.push(data)
    whole.finish()
    expected = list(either(whole))
    for seed in range(300):
        dice = random.Random(seed)  # noqa: S311 -- of a game
        lines, found = LineBuffer(LIMIT), []
        cuts = sorted(dice.choices(range(len(data) + 1), k=dice.randrange(4)))
        for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
            lines.push(data[start:stop])
            if dice.randrange(2):
                found += either(lines, dice)
        lines.finish()
        found += either(lines, dice)

        assert expected == found
        assert len(data) == lines.offset


def test_text_is_whole_lines() -> None:
    """What is not cut ends in LF, begins at the next line, and is there only where no line is."""
    lines = LineBuffer(LIMIT)
    assert not lines.has_text()
    lines.push(b"12")
    assert not lines.has_text()
    lines.push(b"3\n4\n5\n6")

    assert not lines.has_text()
    assert lines.has_line()
    assert [b"123"] == lines.block.lines
    lines.index, lines.offset = 1, 4
    assert lines.has_text()
    assert (b"4\n5\n", 2) == (lines.text[lines.start : lines.stop], lines.number)
    lines.cut_line()
    assert (not lines.has_text(), [b"4"], 2, 3) == (
        *(True, lines.block.lines, lines.block.number, lines.number),
    )
    lines.index, lines.offset = 1, 6
    assert lines.has_text()
    assert b"5\n" == lines.text[lines.start : lines.stop]
    assert lines.has_line()
    assert [b"5"] == lines.block.lines
    lines.index = 1
    assert not lines.has_text()


def test_sizes_after_a_cut() -> None:
    """The lines before the next one keep their sizes when that one is cut, of any kind."""
    for after in (b"1", b"x" * 11, b"", b"\r"):
        lines = LineBuffer(LIMIT)
        lines.push(b"1\n22\n333\r\n" + after + b"\n7\n")
        assert lines.has_text()
        lines.block, lines.start, lines.offset = Block(4, []), 10, 10
        sizes = [0, 5, 8, 10]
        assert sizes == [lines.size(back) for back in range(4)]
        lines.cut_line()
        assert sizes == [lines.size(back) for back in range(4)]
        assert 4 == lines.block.number


def test_far_places_of_rejections(path: Way) -> None:
    """A stream that begins far behind tells places from there."""
    decoder = path.Decoder(Any, on_error="collect")
    stream = decoder.begin("log", Place(2**32, 2**40))
    stream.push(b"1\nx\n2\n")
    while stream.next_run([]):
        pass

    assert [(2**32 + 1, 2**40 + 2)] == [(one.line, one.offset) for one in decoder.rejections]
    assert Place(2**32 + 3, 2**40 + 6) == stream.place()


@pytest.mark.parametrize("step", [1, 2, 64 * 2**10])
def test_long_line_takes_no_memory(step: int) -> None:
    """A line of any length takes the memory of the limit, in chunks of any size."""
    limit = 2**16
    total = 64 * 2**20 if step > 2 else 2**17
    chunk = b"x" * step
    lines = LineBuffer(limit)
    tracemalloc.start()
    try:
        for _ in range(total // step):
            lines.push(chunk)
            assert not lines.has_line()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    lines.push(b"\n")
    assert lines.has_line()

    assert (total, total + 1) == (lines.block.length, lines.block.size(0, 1))
    assert peak < 4 * limit


def test_close_twice(path: Way) -> None:
    """Closing again gives nothing more."""
    decoder = path.Decoder(Any)
    decoder.feed(b"1")

    assert ([1], []) == (decoder.close(), decoder.close())


def test_stream_after_close(path: Way) -> None:
    """What is fed after `close` goes on where the stream ended."""
    decoder = path.Decoder(Any, on_error="collect")
    decoder.feed(b"1\n2")
    decoder.close()
    decoder.feed(b"x\n")

    assert [(3, 3)] == [(one.line, one.offset) for one in decoder.rejections]
