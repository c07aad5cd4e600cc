"""A file that is replaced whole or not at all.

If an error, a full disk, an interrupt or the end of the process stops the writing, the file is
whole: the old one or the new one. This module must not know the meaning of a line.
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
        """Write the lines to the file, perhaps not to disk yet."""
        text = bytes(self.lines)
        self.lines.clear()
        write_whole(self._file, self._compressor.compress(text) if self._compressor else text)

    def flush(self) -> None:
        """Put the lines on disk."""
        if not self.is_prepared:
            self.write_lines()
            os.fsync(self._file.fileno())

    def prepare(self) -> None:
        """End the compressed data and put it on disk, so that only the rename is left."""
        if not self.is_prepared:
            self.write_lines()
            if self._compressor:
                write_whole(self._file, self._compressor.flush())
            os.fsync(self._file.fileno())
            self.is_prepared = True

    def close(self) -> None:
        """Put the lines on disk and replace the old file."""
        self.prepare()
        if sys.platform == "win32":  # it cannot rename an open file; elsewhere, keep the lock
            self._file.close()
        self._temporary.replace(self.path)
        self.is_open = False
        self._file.close()
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the temporary file and drop the lines."""
        if self.is_open:
            with suppress(OSError):
                self._file.close()
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            self.is_open = False
        self.failed = False

    def recover(self) -> None:
        """Give up, because a failed write may have written any part of the lines."""
        failed = self.is_open
        self.discard()
        self.failed = failed
