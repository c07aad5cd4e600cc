"""A log that grows by whole lines.

If an error, a full disk, an interrupt or the end of the process stops the writing, the log keeps
every line that it had. A torn line of an earlier writer is removed only after it is on disk
elsewhere. This module must not know the meaning of a line.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Final

import orjson

from usagewire.codec.line_buffer import BOM, MAX_LINE_BYTES
from usagewire.errors import FileError
from usagewire.io.compression import LONGEST_MAGIC, compressor, format_of
from usagewire.io.filesystem import (
    BUFFER,
    OutputFile,
    copy_permissions,
    lock,
    named,
    open_file,
    resolve_output,
    sync_folder,
    write_whole,
)
from usagewire.wire.exact_json import parse

TORN: Final = ".torn"
"""The suffix of the file to which torn last lines of a log are moved."""


class AppendLog(OutputFile):
    """A file that grows by whole lines."""

    keeps_lines = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        if compressor(self.path.suffix, self.name):
            raise FileError(f"{self.name}: a compressed file cannot be appended to")
        self._sync_failed = False
        self._truncate_to: int | None = None
        self._file = open_file(self.path, "a+")
        try:
            if not lock(self._file, default=True):
                raise FileError(f"{self.name}: another writer is appending to it")
            self._file.seek(0)
            found = format_of(self._file.read(LONGEST_MAGIC))
            if found is not None:
                raise FileError(
                    f"{self.name}: a file compressed with {found.name} cannot be appended to"
                )
            self._repair()
            sync_folder(self.path.parent)
        except BaseException:
            self._file.close()
            raise
        self.is_open = True

    def write_lines(self) -> None:
        """Write the lines to the file, perhaps not to disk yet."""
        self.recover()
        if not self.lines:
            return
        status = os.fstat(self._file.fileno())
        if not status.st_nlink:
            raise OSError(errno.ENOENT, "was deleted or replaced while it was appended to")
        self._truncate_to = status.st_size
        write_whole(self._file, bytes(self.lines))
        # In one statement, no signal comes between, so no line is lost or written twice.
        self.lines[:], self._truncate_to = b"", None

    def flush(self) -> None:
        """Put the lines on disk."""
        self.write_lines()
        if self._sync_failed:
            # The system reports only once that it could not write a page.
            raise OSError(errno.EIO, "an earlier flush failed, so lines may not be on disk")
        try:
            os.fsync(self._file.fileno())
        except OSError:
            self._sync_failed = True
            raise

    prepare = flush

    def close(self) -> None:
        """Put the lines on disk and close the file."""
        try:
            self.flush()
        except OSError as error:
            raise self._lost(error) from error
        except BaseException as stop:
            try:
                self.flush()  # so that an interrupt loses no line
            except OSError as error:
                stop.add_note(f"{self.name}: {self._lost(error).strerror}")
            raise
        finally:
            self.discard()

    def discard(self) -> None:
        """Close the file and drop the lines."""
        if self.is_open:
            self.is_open = False
            with suppress(OSError):
                self.recover()
            self._truncate_to = None  # no one can truncate it now
            with suppress(OSError):
                self._file.close()

    def recover(self) -> None:
        """Remove the bytes of a write that failed: half a line, or lines to write again."""
        if self._truncate_to is not None:
            self._file.truncate(self._truncate_to)
            self._truncate_to = None

    def _lost(self, error: OSError) -> OSError:
        lost = self.lines.count(b"\n")
        message = f"{lost} lines were not written" if lost else "the last lines may not be on disk"
        return OSError(error.errno, f"{error.strerror}; {message}")

    def _repair(self) -> None:
        size = self._file.seek(0, os.SEEK_END)
        start = self._last_line(size)
        if start == size:
            return
        if self._lacks_only_lf(start, size - start):
            write_whole(self._file, b"\n")
        else:
            self.torn = self.path.with_name(self.path.name + TORN)
            with named(str(self.torn)):
                self._set_aside(start, self.torn)
            self._file.truncate(start)
        os.fsync(self._file.fileno())

    def _last_line(self, end: int) -> int:
        while end:
            start = max(0, end - BUFFER)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def _lacks_only_lf(self, start: int, length: int) -> bool:
        if length > MAX_LINE_BYTES:
            return False
        self._file.seek(start)
        text = self._file.read(length)
        text = text if start else text.removeprefix(BOM)
        try:
            return not text.strip() or type(parse(text)) not in (int, float, Decimal)
        except orjson.JSONDecodeError:
            return False

    def _set_aside(self, start: int, torn: Path) -> None:
        """Append the rest of the log, from `start`, to the file `torn` as one line."""
        path, old = resolve_output(torn)
        with open_file(path, "a+", 0o600) as file:
            if not old:
                copy_permissions(file, os.fstat(self._file.fileno()))
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            try:
                if file.read(1) not in (b"", b"\n"):
                    write_whole(file, b"\n")
                self._file.seek(start)
                while chunk := self._file.read(BUFFER):
                    write_whole(file, chunk)
                write_whole(file, b"\n")
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    file.truncate(size)
                raise
        sync_folder(path.parent)
