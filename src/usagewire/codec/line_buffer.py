"""A buffer that takes chunks and gives whole lines, in bounded memory.

The buffer splits bytes at LF, and only on request, because C reads the lines of a chunk in place.
It splits them into blocks, because a block costs one `bytes.split` and no Python code per line. The
number of times it reads a byte does not depend on the size of the chunks. The sizes of the lines
add up to the bytes pushed, without those held back.

Python handles signals when it calls or loops. State that belongs together is computed first, and
then stored without either, so an interrupt finds all of it changed or none. This module must not
know JSON or records.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from usagewire.errors import RAW_LIMIT

BOM: Final = b"\xef\xbb\xbf"
"""The UTF-8 byte order mark, which is skipped only at the start of a stream or document."""

MAX_LINE_BYTES: Final = 16 * 2**20
"""The default limit for the bytes of a line. orjson can need 30 times as much memory."""

_CR: Final = b"\r"
_BLANK: Final = b" \t\r\n"


class Block(NamedTuple):
    """Consecutive whole lines, or one line that is too long."""

    number: int
    """Line number of the first line, from 1."""
    lines: list[bytes]
    """The lines without LF, but with a CR before it. A line that is too long is truncated."""
    lead: int = 0
    """Bytes before the first line that belong to no line: a byte order mark."""
    unkept: int = 0
    """Bytes of the last line that are not in `lines`; -1 if the line has no LF."""
    length: int = 0
    """Bytes of a line that is too long, without its end; 0 for other lines."""

    def sizes(self) -> Iterator[int]:
        """Yield how many bytes the first line took, the first two lines, and so on."""
        size = self.lead
        for index, line in enumerate(self.lines, 1):
            size += len(line) + 1
            yield size + (self.unkept if index == len(self.lines) else 0)

    def size(self, start: int, stop: int) -> int:
        """Return how many bytes lines `start` to `stop` have, with their ends."""
        if start == stop:
            return 0
        size = self.lead if start == 0 else 0
        size += sum(map(len, self.lines[start:stop])) + stop - start
        return size + (self.unkept if stop == len(self.lines) else 0)


class LineBuffer:
    """The lines of a stream of chunks, and the place of the next line.

    A line has at most `max_line_bytes` bytes without its end, which is LF, CR LF or the end of the
    stream. The buffer keeps `max_raw_bytes` of a longer line, for its rejection. The first line is
    line `number`, at byte `offset` of the whole stream.
    """

    def __init__(
        self, max_line_bytes: int, max_raw_bytes: int = RAW_LIMIT, number: int = 1, offset: int = 0
    ) -> None:
        self.block = Block(number, [])
        self.index = 0
        """Index of the next line in the block. The reader of a line sets it, and `offset`."""
        self.offset = offset
        """Bytes before that line, and before a byte order mark in front of it."""
        self.text = b""
        """The bytes that hold the lines not split yet, from `start` to `stop`. The reader of these
        lines sets `start`, and `block` to an empty block with the number of the next line."""
        self.start = self.stop = 0
        self.run_start = 0
        """The start of the last run of lines that were not split."""
        # A block and the sizes of its first lines. A text, and its lines before an end.
        self._sums: tuple[Block, list[int]] = self.block, [0]
        self._starts: tuple[bytes, list[tuple[int, int]]] = self.text, [(0, 0)]
        self._limit = max_line_bytes
        self._raw_limit = max_raw_bytes
        self._room = max(max_line_bytes, max_raw_bytes) + len(BOM) + len(_CR)
        self._chunks: deque[bytes | memoryview | None] = deque()
        self._blocks: deque[Block] = deque()
        self._held = bytearray()
        self._length = 0
        self._last = b""

    @property
    def number(self) -> int:
        """Number of the first line after the block."""
        return self.block.number + len(self.block.lines)

    def push(self, chunk: bytes | memoryview) -> None:
        """Add the next chunk. A memoryview is copied only when its turn comes."""
        self._chunks.append(chunk)

    def finish(self) -> None:
        """End the stream, so that the bytes held back are the last line."""
        self._chunks.append(None)

    def release(self) -> None:
        """Drop the chunks whose turn has not come."""
        self._chunks.clear()

    def has_line(self) -> bool:
        """Go to the next block if this one was read; return whether there is a line to read."""
        while self.index == len(self.block.lines):
            if self._blocks:
                block = self._blocks[0]
                self.block, self.index = block, 0
                self._blocks.popleft()
            elif self.start < self.stop:
                self._cut()
            elif self._chunks:
                self._open(self._chunks[0])
            else:
                return False
        return True

    def has_text(self) -> bool:
        """Return whether the next lines are not split yet, so that C can read them in `text`."""
        while self.index == len(self.block.lines) and not self._blocks:
            if self.start < self.stop:
                return True
            if not self._chunks:
                return False
            self._open(self._chunks[0])
        return False

    def cut_line(self) -> None:
        """Make a block of the first line in `text` that is not split yet."""
        end = self.text.index(b"\n", self.start, self.stop)
        line = self.text[self.start : end]
        is_simple = self.offset and len(line) <= self._limit
        block = Block(self.number, [line]) if is_simple else self._blocks_of([line])[0]
        self.block, self.index, self.start = block, 0, end + 1

    def before(self, back: int) -> tuple[int, int]:
        """Return the bytes of the last `back` records, and how many blank lines are among them.

        The records are of the last run. A blank line comes after the place of the record before it.
        """
        if not back:
            return 0, 0
        # Sums are kept, because a caller may ask after each record of a run.
        if back <= self.index:
            block, sums = self._sums
            if block is not self.block:
                sums = [0, *self.block.sizes()]
                self._sums = self.block, sums
            return sums[self.index] - sums[self.index - back], 0
        # They were not split. The line after them may have been, since.
        end = self.start - self.block.size(0, len(self.block.lines))
        text, starts = self._starts
        if text is not self.text or starts[0][0] != end:
            starts = [(end, 0)]
        if len(starts) <= back:
            starts = starts.copy()
            while len(starts) <= back:
                starts.append(self._before_line(*starts[-1]))
            self._starts = self.text, starts
        start, blank = starts[back]
        return end - start, blank

    def _before_line(self, end: int, blank: int) -> tuple[int, int]:
        """Go back over the line that ends at `end`, and the blank lines before it."""
        text = self.text
        start = text.rfind(b"\n", 0, end - 1) + 1
        while start > self.run_start:
            earlier = text.rfind(b"\n", 0, start - 1) + 1
            if text[earlier:start].strip(_BLANK):
                break
            start, blank = earlier, blank + 1
        return start, blank

    def _open(self, chunk: bytes | memoryview | None) -> None:
        """Open a chunk: complete the line held back, and hold back the open line at its end."""
        data = b"" if chunk is None else bytes(chunk)
        first, stop = data.find(b"\n"), data.rfind(b"\n") + 1
        ends = stop > 0 or chunk is None
        start, blocks = 0, self._blocks
        if ends and self._length:
            start = first + 1
            line = data[: max(first, 0)]
            block = self._one(
                self.number,
                bytes(self._held) + line[: self._room - len(self._held)],
                self._length + len(line),
                ends_in_cr=(line[-1:] or self._last) == _CR,
                at_end=chunk is None,
            )
            blocks = deque([block])
        held = bytearray() if ends else self._held
        rest = data[stop:]
        part = rest[: self._room - len(held)]
        length = len(rest) + (0 if ends else self._length)
        last = rest[-1:] or self._last
        text = (data, start, stop) if stop else (self.text, self.start, self.stop)
        held += part
        self._held, self._length, self._last, self._blocks = held, length, last, blocks
        self.text, self.start, self.stop = text
        self._chunks.popleft()

    def _cut(self) -> None:
        lines = self.text[self.start : self.stop].split(b"\n")
        lines.pop()
        self._blocks, self.start = deque(self._blocks_of(lines)), self.stop

    def _blocks_of(self, lines: list[bytes]) -> list[Block]:
        blocks: list[Block] = []
        number, start = self.number, 0
        for index, line in enumerate(lines):
            if len(line) > self._limit or (index == self.offset == 0 and line.startswith(BOM)):
                if start < index:
                    blocks.append(Block(number + start, lines[start:index]))
                blocks.append(
                    self._one(number + index, line, len(line), ends_in_cr=line.endswith(_CR))
                )
                start = index + 1
        if start < len(lines):
            blocks.append(Block(number + start, lines[start:]))
        return blocks

    def _one(
        self, number: int, line: bytes, length: int, *, ends_in_cr: bool, at_end: bool = False
    ) -> Block:
        """Return a block of one line of `length` bytes, of which only `line` was kept."""
        is_first = number == 1 and self.offset == 0
        lead = len(BOM) if is_first and line.startswith(BOM) else 0
        text_length = length - lead - ends_in_cr
        text = line[lead:]
        if text_length <= self._limit:
            return Block(number, [text], lead, -at_end)
        text = text[: min(self._raw_limit, text_length)]
        return Block(number, [text], lead, length - lead - len(text) - at_end, text_length)
