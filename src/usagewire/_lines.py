"""Chunks in, whole lines out, in bounded memory.

Bytes are cut at LF. Lines come in blocks, as many as a chunk completes, because a block costs one
`bytes.split` and no Python code a line. No byte is looked at twice, whatever the size of the
chunks, and none is lost: the sizes of the blocks add up to the bytes fed, less what is held back.

This module knows nothing of JSON and nothing of records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from usagewire.errors import RAW_LIMIT

BOM: Final = b"\xef\xbb\xbf"
"""The UTF-8 byte order mark, skipped at the very start and nowhere else."""

_CR: Final = b"\r"


class Block(NamedTuple):
    """Consecutive whole lines, or one line that is too long."""

    number: int
    """Line number of the first line, from 1."""
    offset: int
    """Bytes before the first line's first byte."""
    lines: list[bytes]
    """The lines without LF, but with a CR before it. Of a too long line, its beginning."""
    bom: int = 0
    """Bytes of the byte order mark that was skipped before the first line."""
    open_end: bool = False
    """Whether the last line has no LF, because the stream ended."""
    cut_from: int = 0
    """Of a too long line, how many bytes it has without its line end; else 0."""
    cut_cr: bool = False
    """Of a too long line, whether a CR stands before its LF."""
    measured: bool = True
    """Whether the lines are bytes; else they are what somebody made of them and have no size."""

    def size(self, start: int, stop: int) -> int:
        """Return how many bytes lines `start` to `stop` took, with their line ends."""
        if not self.measured:
            return 0
        text = self.cut_from + self.cut_cr or sum(map(len, self.lines[start:stop]))
        return text + stop - start - (self.open_end and start < stop == len(self.lines))


class Cursor:
    """A place in a sequence of blocks: which line is next and how many bytes stand before it."""

    def __init__(self, number: int = 1, offset: int = 0) -> None:
        self._blocks: deque[Iterator[Block]] = deque()
        self.block = Block(number, offset, [])
        self.index = 0
        """Index of the next line in the block."""
        self.offset = offset
        """Bytes before that line's first byte."""
        self.lines: Iterator[bytes] = iter(())
        """What is to be read next: the lines from there on, as long as they are taken in step."""

    def add(self, blocks: Iterator[Block]) -> None:
        """Put `blocks` after those that are still to come."""
        self._blocks.append(blocks)

    def has_line(self) -> bool:
        """Go to the next block if this one is done; return whether there is a line to read."""
        while self.index == len(self.block.lines):
            if not self._blocks:
                return False
            block = next(self._blocks[0], None)
            if block is None:
                self._blocks.popleft()
            else:
                self.block, self.index, self.offset = block, 0, block.offset
                self.lines = iter(block.lines)
        return True

    def advance(self, index: int) -> int:
        """Go on to line `index` of the block and return how many bytes were passed."""
        passed = self.block.size(self.index, index) if index > self.index else 0
        bom = self.block.bom if self.index == 0 < index else 0
        self.index = index
        self.offset += passed
        return bom + passed

    def align(self) -> None:
        """Let `lines` begin with the line at `index`, whatever was taken from it."""
        self.lines = islice(self.block.lines, self.index, None)


class LineCutter:
    """Cut a stream of chunks into lines of at most `max_line_bytes` bytes.

    Of a line past the limit, `max_raw_bytes` are kept for its rejection. A stream may begin in the
    middle, at line `number` and byte `offset`.
    """

    def __init__(
        self, max_line_bytes: int, max_raw_bytes: int = RAW_LIMIT, number: int = 1, offset: int = 0
    ) -> None:
        self._limit = max_line_bytes
        self._raw_limit = max_raw_bytes
        self._room = max(max_line_bytes, max_raw_bytes) + len(BOM) + len(_CR)
        self._number = number
        self._offset = offset
        self._parts: list[bytes] = []
        self._kept = 0
        self._length = 0
        self._last = b""

    @property
    def holds(self) -> bool:
        """Whether the beginning of a line is held back."""
        return self._length > 0

    def feed(self, chunk: bytes) -> Iterator[Block]:
        """Yield the lines that `chunk` completes. Exhaust it before the next call."""
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines:
            if self._length:
                self._hold(lines[0])
                yield self._take_held(open_end=False)
                del lines[0]
            yield from self._take(lines)
        if rest:
            self._hold(rest)

    def close(self) -> Iterator[Block]:
        """Yield the last line where the stream did not end with LF."""
        if self._length:
            yield self._take_held(open_end=True)

    def _hold(self, piece: bytes) -> None:
        part = piece[: self._room - self._kept]
        if part:
            self._parts.append(part)
            self._kept += len(part)
        self._length += len(piece)
        self._last = piece[-1:] or self._last

    def _take_held(self, *, open_end: bool) -> Block:
        line, length = b"".join(self._parts), self._length
        ends_in_cr = self._last == _CR
        self._parts.clear()
        self._kept = self._length = 0
        return self._one(line, length, ends_in_cr=ends_in_cr, open_end=open_end)

    def _take(self, lines: list[bytes]) -> Iterator[Block]:
        """Yield `lines` as one block, or as several around lines that need a look."""
        start = 0
        if lines and (self._offset == 0 or max(map(len, lines)) > self._limit):
            for index, line in enumerate(lines):
                if len(line) > self._limit or (self._offset == 0 and line.startswith(BOM)):
                    yield from self._many(lines[start:index])
                    yield self._one(line, len(line), ends_in_cr=line.endswith(_CR), open_end=False)
                    start = index + 1
        yield from self._many(lines[start:] if start else lines)

    def _many(self, lines: list[bytes]) -> Iterator[Block]:
        if lines:
            yield self._placed(Block(self._number, self._offset, lines))

    def _one(self, line: bytes, length: int, *, ends_in_cr: bool, open_end: bool) -> Block:
        """Return the block of one line of `length` bytes, of which `line` is what was kept."""
        bom = len(BOM) if self._offset == 0 and line.startswith(BOM) else 0
        length -= bom
        cut_cr = ends_in_cr and not open_end
        cut_from = length - cut_cr
        block = Block(self._number, self._offset + bom, [line[bom:]], bom, open_end)
        if cut_from > self._limit:
            block = block._replace(
                lines=[line[bom:][: self._raw_limit]], cut_from=cut_from, cut_cr=cut_cr
            )
        return self._placed(block)

    def _placed(self, block: Block) -> Block:
        self._number += len(block.lines)
        self._offset += block.bom + block.size(0, len(block.lines))
        return block
