"""Bytes into lines: line ends, blanks, the byte order mark, limits and places, in any chunks."""

import json
import random
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.support.cases import table, unescaped
from tests.support.chunks import cut
from tests.support.comparing import exact
from tests.support.paths import Way
from tests.support.samples import BOM
from usagewire import Counts
from usagewire.codec.context import Place
from usagewire.codec.line_buffer import Block, LineBuffer


def read(path: Way, chunks: Iterable[bytes], **options: Any) -> tuple[list[Any], Any]:
    """Return the records of a stream and its decoder."""
    decoder = path.Decoder(Any, on_error="collect", **options)
    records = [one for chunk in chunks for one in decoder.feed(chunk)]
    return records + decoder.close(), decoder


FRAMES = {row["name"]: row for row in table("lines.txt")}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("bytes_at_once", [1, 2, 3, 1000])
def test_frame(path: Way, frame: str, bytes_at_once: int) -> None:
    """The records and counts of a stream are the same in chunks of any size."""
    data, records = unescaped(FRAMES[frame]["text"]), json.loads(FRAMES[frame]["records"])
    rejected, blank = int(FRAMES[frame]["rejected"]), int(FRAMES[frame]["blank"])
    found, decoder = read(path, cut(data, bytes_at_once))

    assert exact(records) == exact(found)
    assert decoder.counts == Counts(
        lines=len(records) + rejected + blank,
        records=len(records),
        rejected=rejected,
        blank=blank,
        bytes=len(data),
    )


PLACES = {row["name"]: row for row in table("rejections.txt")}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [1, 1000])
def test_place(path: Way, place: str, size: int) -> None:
    """A rejection has the number, offset, length and text of its line, without the line end."""
    data, expected = unescaped(PLACES[place]["text"]), json.loads(PLACES[place]["rejections"])
    _, decoder = read(path, cut(data, size), max_line_bytes=10)

    assert [
        (line, offset, length, data[offset : offset + length]) for line, offset, length in expected
    ] == [(one.line, one.offset, one.length, one.raw) for one in decoder.rejections]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""], ids=repr)
@pytest.mark.parametrize("start", [b"", BOM], ids=["", "BOM"])
@pytest.mark.parametrize(("length", "expected"), [(9, True), (10, True), (11, False), (12, False)])
@pytest.mark.parametrize("size", [1, 1000])
def test_limit(
    path: Way, size: int, length: int, end: bytes, start: bytes, *, expected: bool
) -> None:
    """The limit is on the line without its end and without the byte order mark."""
    line = b"1" * length
    records, _ = read(path, cut(start + line + end, size), max_line_bytes=10)

    assert ([int(line)] if expected else []) == records


@pytest.mark.parametrize("size", [4095, 4096, 4097, 100_000])
@pytest.mark.parametrize("step", [1000, 10**6])
def test_raw_is_bounded(path: Way, size: int, step: int) -> None:
    """A rejection keeps 4,096 bytes, in chunks of any size, for lines over the limit or not."""
    chunks = cut(b"x" * size + b"\r\n", step)
    kept = []
    for limit in (10, 10**6):
        _, decoder = read(path, chunks, max_line_bytes=limit)
        kept += [(one.length, len(one.raw)) for one in decoder.rejections]

    assert [(size, min(size, 4096))] * 2 == kept


@pytest.mark.parametrize("limit", [10, 100])
def test_raw_that_ends_in_cr(path: Way, limit: int) -> None:
    """The kept part of a line can end in a CR that is not its end."""
    data = b"x\ry" + b"z" * 20 + b"\n"
    _, decoder = read(path, [data], max_line_bytes=limit, max_raw_bytes=2)

    assert [(23, b"x\r")] == [(one.length, one.raw) for one in decoder.rejections]


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_far_places(step: int) -> None:
    """Line numbers and offsets pass 2**32 and 2**63, and no byte order mark is skipped."""
    data = b"1\n\n" + BOM + b"\r\n" + b"x" * 20 + b"\r\n2"
    for number, offset in ((2**32 - 1, 2**32 - 3), (2**32, 2**33), (2**63, 2**64)):
        lines = LineBuffer(10, number=number, offset=offset)
        for chunk in cut(data, step):
            lines.push(chunk)
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
"""The limit for the bytes of a line in the tests below."""

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
    """Yield the number, offset, text and length of each line, in ways that the dice choose.

    After each line, check the sizes of the lines that were read in one way from one chunk.
    """
    run: list[tuple[int, bool]] = []
    while True:
        way = dice.randrange(3) if dice else 0
        if way and lines.has_text():
            end = lines.text.index(b"\n", lines.start, lines.stop)
            line, size = lines.text[lines.start : end], end + 1 - lines.start
            is_simple = len(line) <= LIMIT and not (lines.offset == 0 and line.startswith(BOM))
            if way == 1 and is_simple:
                yield lines.number, lines.offset, line, 0
                lines.run_start = lines.run_start if run else lines.start
                lines.block, lines.index = Block(lines.number + 1, []), 0
                lines.start, lines.offset = end + 1, lines.offset + size
                run.append((size, not line.strip()))
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
        run.append((block.size(index, index + 1), False))
        lines.offset += run[-1][0]
        lines.index += 1
        check_sizes(lines, run)
        if lines.index == len(block.lines):
            run = []


def check_sizes(lines: LineBuffer, run: list[tuple[int, bool]]) -> None:
    """Check the sizes that the buffer reports for the lines just read, which are blank or not."""
    if not run or run[-1][1]:
        return  # a run ends with a record
    back = size = blank = 0
    for before, (more, is_blank) in zip([*run[-2::-1], (0, False)], run[::-1], strict=True):
        size, blank, back = size + more, blank + is_blank, back + (not is_blank)
        if not before[1]:
            assert (size, blank) == lines.before(back)


@pytest.mark.parametrize("name", TEXTS)
def test_cut_or_not(name: str) -> None:
    """Lines and places are the same in any chunks, split at once, one by one or not."""
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
    """Text not split yet ends in LF, begins at the next line, and comes after split lines."""
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
    """The lines before the next one keep their sizes when that one is split off."""
    for after in (b"1", b"x" * 11, b"", b"\r"):
        lines = LineBuffer(LIMIT)
        lines.push(b"1\n22\n333\r\n" + after + b"\n7\n")
        assert lines.has_text()
        lines.block, lines.start, lines.offset = Block(4, []), 10, 10
        sizes = [0, 5, 8, 10]
        assert sizes == [lines.before(back)[0] for back in range(4)]
        lines.cut_line()
        assert sizes == [lines.before(back)[0] for back in range(4)]
        assert 4 == lines.block.number


def test_far_places_of_rejections(path: Way) -> None:
    """A stream that begins at a far place counts lines and bytes from there."""
    decoder = path.Decoder(Any, on_error="collect")
    stream = decoder.begin("log", Place(2**32, 2**40))
    stream.push(b"1\nx\n2\n")
    while stream.next_run([]):
        pass

    assert [(2**32 + 1, 2**40 + 2)] == [(one.line, one.offset) for one in decoder.rejections]
    assert Place(2**32 + 3, 2**40 + 6) == stream.place()


@pytest.mark.parametrize("step", [1, 2, 64 * 2**10])
def test_long_line_takes_no_memory(step: int) -> None:
    """A very long line takes no more memory than a line at the limit, in chunks of any size."""
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
    """Chunks after `close` continue the line numbers and offsets of the stream."""
    decoder = path.Decoder(Any, on_error="collect")
    decoder.feed(b"1\n2")
    decoder.close()
    decoder.feed(b"x\n")

    assert [(3, 3)] == [(one.line, one.offset) for one in decoder.rejections]
