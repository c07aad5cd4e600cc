"""A file that takes the place of another, whole or not at all.

It is given whole lines and hands them to the system, so that whatever stops it (an error, a full
disk, an interrupt, the end of the process), the file is the old one or the new one. What a line
says is not decided here.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from usagewire.io.compression import compressor
from usagewire.io.filesystem import OutputFile, make_part, sync_folder, write_whole


class AtomicFile(OutputFile):
    """A temporary file that takes the place of another."""

    keeps = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._packer = compressor(self.path.suffix, self.name)
        self._part, self._file = make_part(self.path, self.old)
        self.is_open = True

    def put(self) -> None:
        """Hand the lines to the system."""
        text = bytes(self.lines)
        self.lines.clear()
        write_whole(self._file, self._packer.compress(text) if self._packer else text)

    def flush(self) -> None:
        """Put the lines on disk."""
        if not self.is_full:
            self.put()
            os.fsync(self._file.fileno())

    def prepare(self) -> None:
        """Put the last lines on disk and finish the compressed data."""
        if not self.is_full:
            self.put()
            if self._packer:
                write_whole(self._file, self._packer.flush())
            os.fsync(self._file.fileno())
            self.is_full = True

    def close(self) -> None:
        """Put the lines on disk and end."""
        self.prepare()
        if sys.platform == "win32":  # which renames no open file; elsewhere its lock is kept
            self._file.close()
        self._part.replace(self.path)
        self.is_open = False
        self._file.close()
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """End without the lines."""
        if self.is_open:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._part.unlink(missing_ok=True)
            self.is_open = False
        self.failed = False

    def fail(self) -> None:
        """See to it that a step which failed leaves nothing wrong behind."""
        # How much of the lines was written cannot be told.
        failed = self.is_open
        self.discard()
        self.failed = failed
