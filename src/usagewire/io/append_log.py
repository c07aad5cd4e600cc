"""A log that grows by whole lines.

Whatever stops it (an error, a full disk, an interrupt, the end of the process), the log has every
line that it had. Bytes that another writer left behind are never thrown away before they are on
disk elsewhere. What a line says is not decided here.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import orjson

from usagewire.codec.decoder import MAX_LINE_BYTES
from usagewire.codec.line_buffer import BOM
from usagewire.errors import FileError
from usagewire.io.compression import LONGEST_MAGIC, compressor, format_of
from usagewire.io.filesystem import (
    BUFFER,
    OutputFile,
    lock,
    named,
    open_file,
    regular,
    resemble,
    sync_folder,
    write_whole,
)

TORN: Final = ".torn"
"""What is added to the name of a log for the file that its torn lines are set aside in."""


class AppendLog(OutputFile):
    """A file that grows by whole lines."""

    keeps = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        if compressor(self.path.suffix, self.name):
            raise FileError(f"{self.name}: a compressed file cannot be appended to")
        self._doubtful = False
        self._whole: int | None = None
        self._file = open_file(self.path, "a+")
        try:
            if not lock(self._file, without=True):
                raise FileError(f"{self.name}: another writer is appending to it")
            self._refuse_compressed()
            self._mend()
            sync_folder(self.path.parent)
        except BaseException:
            self._file.close()
            raise
        self.is_open = True

    def put(self) -> None:
        """Hand the lines to the system."""
        self.fail()
        if not self.lines:
            return
        status = os.fstat(self._file.fileno())
        if not status.st_nlink:
            raise OSError(errno.ENOENT, "was deleted or replaced while it was appended to")
        self._whole = status.st_size
        write_whole(self._file, bytes(self.lines))
        # One step: no signal comes between two stores, so no line is lost or doubled.
        self.lines[:], self._whole = b"", None

    def flush(self) -> None:
        """Put the lines on disk."""
        self.put()
        if self._doubtful:
            # The system tells once of a page that it could not write, and takes it for clean then.
            raise OSError(errno.EIO, "an earlier flush failed, so lines may not be on disk")
        try:
            os.fsync(self._file.fileno())
        except OSError:
            self._doubtful = True
            raise

    def close(self) -> None:
        """Put the lines on disk and end."""
        try:
            self.flush()
        except OSError as error:
            raise self._loss(error) from error
        except BaseException as stop:
            try:
                self.flush()  # an interrupt costs no line
            except OSError as error:
                stop.add_note(f"{self.name}: {self._loss(error).strerror}")
            raise
        finally:
            self.discard()

    def discard(self) -> None:
        """End without the lines."""
        if self.is_open:
            self.is_open = False
            with suppress(OSError):
                self.fail()
            self._whole = None  # no one can truncate it now
            with suppress(OSError):
                self._file.close()

    def fail(self) -> None:
        """See to it that a step which failed leaves nothing wrong behind."""
        # What is past `_whole` is not whole lines, or lines that will be written again.
        if self._whole is not None:
            self._file.truncate(self._whole)
            self._whole = None

    def _loss(self, error: OSError) -> OSError:
        lost = self.lines.count(b"\n")
        told = f"{lost} lines were not written" if lost else "the last lines may not be on disk"
        return OSError(error.errno, f"{error.strerror}; {told}")

    def _refuse_compressed(self) -> None:
        self._file.seek(0)
        found = format_of(self._file.read(LONGEST_MAGIC))
        if found is not None:
            raise FileError(
                f"{self.name}: a file compressed with {found.name} cannot be appended to"
            )

    def _mend(self) -> None:
        """See to it that the file is empty or ends in LF."""
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
        """Return where the line begins that ends at `end`."""
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
            return not text.strip() or type(orjson.loads(text)) not in (int, float)
        except orjson.JSONDecodeError:
            return False

    def _set_aside(self, start: int, torn: Path) -> None:
        """Add what the log has from `start` on to the file `torn`, as a line of its own."""
        path, old = regular(torn)
        with open_file(path, "a+", 0o600) as file:
            if not old:
                resemble(file, os.fstat(self._file.fileno()))
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
