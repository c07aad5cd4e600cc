"""A file that is replaced whole or not at all.

Whatever stops the writing (an error, a full disk, an interrupt, the end of the process), the file
is the old one or the new one. This module does not know the meaning of a line.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from usagewire.io.compression import compressor
from usagewire.io.filesystem import OutputFile, make_temporary, sync_folder, write_whole


class AtomicFile(OutputFile):
    """A temporary file that replaces another when it is closed."""

    keeps_lines = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._compressor = compressor(self.path.suffix, self.name)
        self._temporary, self._file = make_temporary(self.path, self.old)
        self.is_open = True

    def write_lines(self) -> None:
        """Write the lines to the file. They may not be on disk yet."""
        text = bytes(self.lines)
        self.lines.clear()
        write_whole(self._file, self._compressor.compress(text) if self._compressor else text)

    def flush(self) -> None:
        """Put the lines on disk."""
        if not self.is_prepared:
            self.write_lines()
            os.fsync(self._file.fileno())

    def prepare(self) -> None:
        """Put the last lines on disk and finish the compressed data."""
        if not self.is_prepared:
            self.write_lines()
            if self._compressor:
                write_whole(self._file, self._compressor.flush())
            os.fsync(self._file.fileno())
            self.is_prepared = True

    def close(self) -> None:
        """Put the lines on disk and close the file."""
        self.prepare()
        if sys.platform == "win32":  # which renames no open file; elsewhere the lock is kept
            self._file.close()
        self._temporary.replace(self.path)
        self.is_open = False
        self._file.close()
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Close the file without the lines."""
        if self.is_open:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            self.is_open = False
        self.failed = False

    def recover(self) -> None:
        """Undo what a failed step left half done."""
        # Nobody knows how much of the lines was written.
        failed = self.is_open
        self.discard()
        self.failed = failed
