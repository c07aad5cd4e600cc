"""One file of a log: its text from the beginning, and a prefix to recognise that text by."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from io import FileIO
from typing import Final

from usagewire.errors import FileError
from usagewire.io.compression import LONGEST_MAGIC, format_of
from usagewire.io.decompression import Decompressor
from usagewire.io.files import CHUNK, read_fully
from usagewire.streaming.checkpoint import WINDOW, Prefix

COMPRESSED: Final = "is compressed; only uncompressed files can be followed"


class LogFile:
    """The text of one file, decompressed.

    Opening raises `FileError` if it is not a regular file, and `OSError` if it cannot be opened.
    Reading may raise both as well.
    """

    def __init__(self, path: str, stopped: Callable[[], bool] = bool) -> None:
        self.path = path
        self._buffered = b""
        self._stopped = stopped
        self._file = FileIO(path, opener=_open)
        try:
            found = os.fstat(self._file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise FileError(f"{path}: not a regular file, so it cannot be followed")
            self.inode = found.st_dev, found.st_ino
            self.prefix = Prefix(inode=self.inode)
            """The text before the next bytes. In an uncompressed file it may be set back."""
            self.mtime = found.st_mtime_ns
            """The modification time at the last look, in nanoseconds."""
            self.is_compressed = format_of(self._at(0, LONGEST_MAGIC)) is not None
            """Whether it is compressed. If so, the file does not grow."""
            self._file.seek(0)
        except BaseException:
            self._file.close()
            raise
        self._text = _decompressed(self._file, path)

    @property
    def bytes_read(self) -> int:
        """Bytes of the file that were read."""
        is_open = self.is_compressed and not self._file.closed
        return self._file.tell() if is_open else self.prefix.offset

    def current_mtime(self) -> int:
        """Return the modification time of the file now, in nanoseconds."""
        return os.fstat(self._file.fileno()).st_mtime_ns

    def read(self) -> bytes | None:
        """Return the next bytes of the text, possibly none, or None if the file was truncated.

        The file was truncated if the text before the next bytes has changed.
        """
        offset, head, tail, _ = self.prefix
        if self.is_compressed:
            chunk, self._buffered = self._buffered or next(self._text, b""), b""
        else:
            found = self._at(offset - len(tail), len(tail) + CHUNK)
            # Up to `WINDOW`, the tail contains the head.
            same_head = offset <= WINDOW or self._at(0, WINDOW) == head
            if not found.startswith(tail) or not same_head:
                return None
            if offset < LONGEST_MAGIC and format_of(found):
                raise FileError(f"{self.path}: {COMPRESSED}")
            chunk = found[len(tail) :]
        self.prefix = self.prefix.extended(chunk)
        return chunk

    def seek(self, offset: int) -> bool:
        """Go to `offset`. Return whether the text is that long and the search was not stopped.

        A compressed file can only go forwards.
        """
        if not self.is_compressed:
            tail_at = max(0, offset - WINDOW)
            head, tail = self._at(0, min(offset, WINDOW)), self._at(tail_at, offset - tail_at)
            self.prefix = Prefix(offset, head, tail, self.inode)
            return len(tail) == offset - tail_at
        while self.prefix.offset < offset and not self._stopped():
            chunk = self._buffered or next(self._text, b"")
            if not chunk:
                return False
            part = chunk[: offset - self.prefix.offset]
            self._buffered = chunk[len(part) :]
            self.prefix = self.prefix.extended(part)
        return self.prefix.offset == offset

    def continues(self, prefix: Prefix) -> bool:
        """Go to the end of `prefix`. Return whether the text before it is the same."""
        return (
            # Most other texts differ in their first bytes.
            self.seek(min(prefix.offset, WINDOW))
            and self.prefix.head == prefix.head
            and self.seek(prefix.offset)
            and self.prefix.tail == prefix.tail
        )

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _at(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return read_fully(self._file, size)


def _open(path: str, flags: int) -> int:
    # Opening a pipe that no one writes to must not block.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _decompressed(file: FileIO, name: str) -> Iterator[bytes]:
    unpack = Decompressor(name)
    while chunk := file.read(CHUNK):
        yield from unpack.feed(chunk)
    yield from unpack.close()
