"""Chunks in, whole lines out, in bounded memory.

Bytes are cut at LF. What comes out is the line without its LF (and without the CR before it), where
it stands, and whether it was cut off for being too long. No byte is looked at twice, whatever the
size of the chunks, and none is lost: `Line.size` adds up to the bytes fed.

This module knows nothing of JSON and nothing of records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from usagewire.errors import RAW_LIMIT

BOM: Final = b"\xef\xbb\xbf"
"""The UTF-8 byte order mark, skipped at the very start and nowhere else."""


class Line(NamedTuple):
    """One line and where it stands."""

    number: int
    """From 1."""
    offset: int
    """Bytes before its first byte."""
    data: bytes
    """Its bytes without the line end; only the first few where it is too long."""
    length: int
    """How many bytes it has without the line end, too long or not."""
    size: int
    """How many bytes it took, with its line end (and a BOM before it)."""
    too_long: bool


class LineCutter:
    """Cut a stream of chunks into lines of at most `max_line_bytes` bytes."""

    def __init__(self, max_line_bytes: int) -> None:
        self._limit = max_line_bytes
        self._number = 0
        self._offset = 0
        self._parts: list[bytes] = []
        self._held = 0
        self._kept = 0

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """Yield the lines that `chunk` completes. Exhaust it before the next call."""
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            yield self._take(piece, 1)
        if rest:
            self._hold(rest)

    def close(self) -> Iterator[Line]:
        """Yield the last line where the stream did not end with LF."""
        if self._held:
            yield self._take(b"", 0)

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        # Once past the limit the line is lost anyway: keep its beginning and count the rest.
        room = self._limit + len(BOM) + 2 - self._kept
        if room > 0:
            self._parts.append(piece[:room])
            self._kept += min(len(piece), room)

    def _take(self, piece: bytes, end: int) -> Line:
        data = piece
        length = len(piece)
        if self._held:
            self._hold(piece)
            data = b"".join(self._parts)
            length = self._held
            self._parts.clear()
            self._held = self._kept = 0
        offset = self._offset
        size = length + end
        self._offset += size
        self._number += 1
        if offset == 0 and data.startswith(BOM):
            data = data[len(BOM) :]
            offset = len(BOM)
            length -= len(BOM)
        if end and length == len(data) and data.endswith(b"\r"):
            data = data[:-1]
            length -= 1
        too_long = length > self._limit
        return Line(
            self._number, offset, data[:RAW_LIMIT] if too_long else data, length, size, too_long
        )
