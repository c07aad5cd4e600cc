"""The file of `--checkpoint`: read when a run starts, and replaced as a whole while it goes on."""

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
"""At least this many seconds pass between two writes. The last write does not wait."""

_MAX_BYTES: Final = 2**16
"""At most this many bytes are read: a checkpoint has a few hundred, a wrong file may be huge."""


class CheckpointFile:
    """The file `path` that keeps the checkpoint of reading `log`."""

    def __init__(self, path: str, log: str) -> None:
        if realpath(path) == realpath(log):
            raise FileError(f"{path}: the log cannot be its own checkpoint; choose another file")
        if compressor(suffix := Path(path).suffix, path):
            raise FileError(f"{path}: the name of a checkpoint cannot end in {suffix}")
        self._path = path
        self._saved = ""
        self._next_save = 0.0
        self._error: FileError | None = None

    def read(self) -> str | None:
        """Return the checkpoint, or None if there is no file yet."""
        try:
            with Path(self._path).open("rb") as file:
                text = file.read(_MAX_BYTES).decode("utf-8", "replace")
            Checkpoint.loads(text)
        except FileNotFoundError:
            return None
        except CheckpointError as error:
            raise CheckpointError(f"{self._path}: {error}") from error
        except (OSError, ValueError) as error:
            raise file_error(self._path, error) from error
        self._saved = text.strip()
        return self._saved

    def save(self, checkpoint: Callable[[], str], *, now: bool = False) -> FileError | None:
        """Write the checkpoint if it is time, or `now`, and return the error of the last write."""
        if now or monotonic() >= self._next_save:
            self._next_save = monotonic() + PAUSE
            self._write(checkpoint())
        return self._error

    def _write(self, text: str) -> None:
        if text == self._saved:
            return
        try:
            with Writer(self._path) as writer:
                writer.write_line(text.encode())
            self._saved, self._error = text, None
        except FileError as error:
            self._error = error
