"""The outputs of a conversion: a file of records and one of rejected lines, both or neither.

Standard output may take the place of the file of records; what it got cannot be taken back.
"""

from __future__ import annotations

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
    """The outputs of one conversion. A context manager: an exception leaves both as they were.

    `out` is a file or `STDOUT`; `files` are the sources, and one of the outputs may be among them.
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
                raise FileError(f"{rejects}: cannot be both the output and the file for rejects")
            if realpath(rejects) in sources:
                if self._replaces_source:
                    raise FileError(f"{rejects}: only one output can be among the files to read")
                letters_last = True
            elif self._replaces_source and _has_text(rejects):
                raise FileError(
                    f"{rejects}: holds lines that an earlier run may have taken out of {out}; give"
                    " another file for rejects, or move this one away"
                )
        self._written = ""
        self._letters: DeadLetters | None = None
        self._records = StandardOutput(dialect) if out == STDOUT else Writer(out, dialect=dialect)
        # The content of a source must be elsewhere before that source is replaced.
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
        """How many records were written."""
        return self._records.count

    @property
    def state(self) -> str:
        """What has been written, for the message where the conversion ends early."""
        if isinstance(self._records, StandardOutput) and self.count:
            return f"{self.count} records were written to standard output, which is not all"
        return self._written or "nothing was written"

    def write_all(self, records: Iterable[Any]) -> None:
        """Write records."""
        self._records.write_all(records)

    def reject(self, rejection: Rejection, notes: Mapping[str, Any] = NO_PROPERTIES) -> None:
        """Keep a rejected line with notes on it, if there is a file for rejects."""
        if self._letters is not None:
            self._letters(rejection, notes)

    def close(self, rejected: int) -> None:
        """Give the files their names, unless the `rejected` lines would be lost with a source."""
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
                self._written = f"{name} was written, and nothing else"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for _, output in self._in_order:
            output.discard()


def _has_text(name: str) -> bool:
    try:
        return bool(os.stat(name).st_size)  # noqa: PTH116 -- nothing else is asked of the path
    except (OSError, ValueError):
        return False  # the error comes when it is written


class StandardOutput:
    """Records on standard output, one a line, in the names of a dialect.

    On a terminal, characters that could steer it are written as the escapes that JSON has for them.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._encoder = Encoder(dialect=dialect)
        self._file = sys.stdout.buffer
        self._is_terminal = self._file.isatty()
        self.count = 0
        """How many records were written."""

    def write_all(self, records: Iterable[Any]) -> None:
        """Write records at once."""
        batch = list(records)
        text = self._encoder.encode_lines(batch)
        # Unbuffered (PYTHONUNBUFFERED), one write may take only a part.
        write_whole(cast("FileIO", self._file), _harmless(text) if self._is_terminal else text)
        self._file.flush()
        self.count += len(batch)

    def close(self) -> None:
        """Do nothing: the records are written, and cannot be taken back."""

    prepare = discard = close


def _is_stdin(path: str, names: list[str]) -> bool:
    if STDIN in names:
        with suppress(OSError, ValueError):  # where there is none of them
            return os.path.samestat(os.fstat(0), os.stat(path))  # noqa: PTH116 -- as given
    return False


def _harmless(text: bytes) -> bytes:
    r"""Return JSON text with whatever could steer a terminal escaped.

    >>> _harmless('{"model":"a\x9b\U000e0001"}\n'.encode())
    b'{"model":"a\\u009b\\udb40\\udc01"}\n'
    """

    def shown(c: str) -> str:
        if c.isprintable() or c == "\n":
            return c
        return re.sub("....", r"\\u\g<0>", c.encode("utf-16-be").hex())

    return "".join(map(shown, text.decode())).encode()
