"""The file of `--checkpoint`: read at the start of a run, and replaced whole as it goes on."""

from __future__ import annotations

from collections.abc import Callable
from os.path import realpath
from pathlib import Path
from time import monotonic
from typing import Final

from usagewire.errors import CheckpointError, FileError
from usagewire.io.compression import compressor
from usagewire.io.filesystem import file_error
from usagewire.streaming.checkpoint import Checkpoint
from usagewire.streaming.writer import Writer

PAUSE: Final = 5.0
"""Seconds between two writes at least; the last one does not wait."""

_MAX_BYTES: Final = 2**16
"""Bytes that are read at most: a checkpoint has a few hundred, and a wrong file may be huge."""


class CheckpointFile:
    """The checkpoint of reading `log`, in the file `path`: not compressed, and not the log."""

    def __init__(self, path: str, log: str) -> None:
        if realpath(path) == realpath(log):
            raise FileError(f"{path}: is the log, and cannot be its checkpoint")
        if compressor(Path(path).suffix, path):
            raise FileError(f"{path}: a checkpoint is not compressed; give it another name")
        self._path = path
        self._saved = ""
        self._next_save = 0.0
        self._error: FileError | None = None

    def read(self) -> str | None:
        """Return the checkpoint, or None where there is no file yet."""
        try:
            with Path(self._path).open("rb") as file:
                text = file.read(_MAX_BYTES).decode("utf-8", "replace")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise file_error(self._path, error) from error
        try:
            Checkpoint.loads(text)
        except CheckpointError as error:
            raise CheckpointError(f"{self._path}: {error}") from error
        self._saved = text.strip()
        return self._saved

    def save(self, checkpoint: Callable[[], str], *, now: bool = False) -> FileError | None:
        """Write the checkpoint if it is time, or `now`; return the error of the last write."""
        if not now and monotonic() < self._next_save:
            return self._error
        self._next_save = monotonic() + PAUSE
        text = checkpoint()
        if text == self._saved:
            return self._error
        try:
            with Writer(self._path) as writer:
                writer.write_line(text.encode())
            self._saved, self._error = text, None
        except FileError as error:
            self._error = error
        return self._error
