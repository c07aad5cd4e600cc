"""The outputs of a conversion: a file of records and a file of rejected lines, both or neither.

Standard output may replace the file of records. Records that it received cannot be taken back.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import FileIO
from os.path import realpath
from typing import Any, Final, Self, cast

from usagewire.cli.signals import uninterrupted
from usagewire.codec.encoder import Encoder
from usagewire.errors import FileError, Rejection
from usagewire.io.files import STDIN, paths
from usagewire.io.filesystem import write_whole
from usagewire.models import NO_PROPERTIES
from usagewire.streaming.dead_letters import DeadLetters
from usagewire.streaming.writer import Writer
from usagewire.wire.names import Dialect

STDOUT: Final = "-"


class Outputs:
    """The outputs of one conversion. After an exception in its `with` block, no file has changed.

    `out` is a file or `STDOUT`. `files` are the sources; one of the outputs may be a source too.
    """

    def __init__(
        self, out: str, rejects: str | None, files: Iterable[str], dialect: Dialect
    ) -> None:
        names = list(files)
        sources = {realpath(path) for name in names for path in paths(name)}
        sources |= {realpath(path) for path in (out, rejects or "") if _is_stdin(path, names)}
        self._out = out
        self._replaces_source = out != STDOUT and realpath(out) in sources
        letters_last = out == STDOUT
        if rejects is not None:
            if out != STDOUT and realpath(out) == realpath(rejects):
                raise FileError(f"{rejects}: the output and the rejects must be different files")
            if realpath(rejects) in sources:
                if self._replaces_source:
                    raise FileError(f"{rejects}: only one output can also be an input")
                letters_last = True
            elif self._replaces_source and _has_text(rejects):
                raise FileError(
                    f"{rejects}: may hold the only copy of lines that an earlier run rejected from"
                    f" {out}; choose another file for --rejects, or move this one away"
                )
        self._written = ""
        self._letters: DeadLetters | None = None
        self._records = StandardOutput(dialect) if out == STDOUT else Writer(out, dialect=dialect)
        # A source is replaced last, when all of its content is in another file.
        self._in_order: list[tuple[str, Writer | StandardOutput | DeadLetters]]
        self._in_order = [(out, self._records)]
        if rejects is not None:
            try:
                self._letters = DeadLetters(rejects)
            except BaseException:
                self._records.discard()
                raise
            self._in_order.insert(letters_last, (rejects, self._letters))

    @property
    def count(self) -> int:
        """The number of records written."""
        return self._records.count

    @property
    def state(self) -> str:
        """The output so far, in words, for the message when the conversion ends early."""
        if isinstance(self._records, StandardOutput) and self.count:
            return f"only {self.count} records were written to standard output"
        return self._written or "nothing was written"

    def write_all(self, records: Iterable[Any]) -> None:
        """Write records."""
        self._records.write_all(records)

    def reject(self, rejection: Rejection, notes: Mapping[str, Any] = NO_PROPERTIES) -> None:
        """Keep a rejected line with its notes, if there is a file for rejects."""
        if self._letters is not None:
            self._letters(rejection, notes)

    def close(self, rejected: int) -> None:
        """Give the files their names, unless that would lose the `rejected` lines of a source."""
        if rejected and self._replaces_source and self._letters is None:
            raise FileError(
                f"{self._out}: replacing it would lose {rejected} rejected lines; give a file for"
                " them with --rejects"
            )
        for _, output in self._in_order:
            output.prepare()
        with uninterrupted():
            for name, output in self._in_order:
                output.close()
                self._written = f"only {name} was written"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for _, output in self._in_order:
            output.discard()


class StandardOutput:
    """Records on standard output, one JSON object a line, in a dialect.

    On a terminal, characters that could control it are written as JSON escapes.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._encoder = Encoder(dialect=dialect)
        self._file = sys.stdout.buffer
        self._is_terminal = self._file.isatty()
        self.count = 0

    def write_all(self, records: Iterable[Any]) -> None:
        """Write records at once."""
        batch = list(records)
        text = self._encoder.encode_lines(batch)
        # If the stream is unbuffered (PYTHONUNBUFFERED), one write may take only a part.
        write_whole(cast("FileIO", self._file), _escaped(text) if self._is_terminal else text)
        self._file.flush()
        self.count += len(batch)

    def close(self) -> None:
        """Do nothing: the records are already written."""

    prepare = discard = close


def _has_text(name: str) -> bool:
    with suppress(OSError, ValueError):  # writing the file raises the error
        return bool(os.stat(name).st_size)  # noqa: PTH116 -- nothing else is asked of the path
    return False


def _is_stdin(path: str, names: list[str]) -> bool:
    if STDIN in names:
        with suppress(OSError, ValueError):  # one of the two does not exist
            return os.path.samestat(os.fstat(0), os.stat(path))  # noqa: PTH116 -- as given
    return False


def _escaped(text: bytes) -> bytes:
    r"""Return JSON text with an escape for each character that could control a terminal.

    >>> _escaped('{"model":"a\x9b\U000e0001"}\n'.encode())
    b'{"model":"a\\u009b\\udb40\\udc01"}\n'
    """

    def shown(c: str) -> str:
        if c.isprintable() or c == "\n":
            return c
        return re.sub("....", r"\\u\g<0>", c.encode("utf-16-be").hex())

    return "".join(map(shown, text.decode())).encode()
