"""A file that keeps a checkpoint: read at the start of a run, and replaced whole as it goes on."""

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
"""Seconds between two writings at least, but for the last."""

_LONGEST: Final = 2**16
"""Bytes that are read at most. A checkpoint has a few hundred; another file may have any number."""


class CheckpointFile:
    """The checkpoint of reading `log`, in the file `path`.

    Raises:
        FileError: where that is the log itself, or its name asks for compression.

    """

    def __init__(self, path: str, log: str) -> None:
        if realpath(path) == realpath(log):
            raise FileError(f"{path}: is the log, and cannot be its checkpoint")
        if compressor(Path(path).suffix, path):
            raise FileError(f"{path}: a checkpoint is not compressed; give it another name")
        self._path = path
        self._kept = ""
        self._next = 0.0
        self._trouble: FileError | None = None

    def read(self) -> str | None:
        """Return the checkpoint, or None where there is no file yet.

        Raises:
            FileError: where the file cannot be read.
            CheckpointError: where it holds no checkpoint.

        """
        try:
            with Path(self._path).open("rb") as file:
                text = file.read(_LONGEST).decode("utf-8", "replace")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise file_error(self._path, error) from error
        try:
            Checkpoint.loads(text)
        except CheckpointError as error:
            raise CheckpointError(f"{self._path}: {error}") from error
        self._kept = text.strip()
        return self._kept

    def keep(self, checkpoint: Callable[[], str], *, now: bool = False) -> FileError | None:
        """Write the checkpoint if it is time, or `now`; return what went wrong the last time."""
        if not now and monotonic() < self._next:
            return self._trouble
        self._next = monotonic() + PAUSE
        text = checkpoint()
        if text == self._kept:
            return self._trouble
        try:
            with Writer(self._path) as writer:
                writer.write_line(text.encode())
        except FileError as error:
            self._trouble = error
        else:
            self._kept, self._trouble = text, None
        return self._trouble
