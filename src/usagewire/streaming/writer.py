"""Writing: records become lines of an `AtomicFile` or an `AppendLog`, named in every error."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from cattrs import Converter

from usagewire.codec.encoder import Encoder
from usagewire.errors import EncodeError, FileError, quote
from usagewire.io.append_log import AppendLog
from usagewire.io.atomic_file import AtomicFile
from usagewire.io.filesystem import BUFFER, named

if TYPE_CHECKING:
    from usagewire.wire.names import Dialect

_LF: Final = ord("\n")


def write(
    path: str | os.PathLike[str],
    records: Iterable[Any],
    *,
    dialect: Dialect = "api",
    converter: Converter | None = None,
) -> int:
    """Write `records`, of any class, as NDJSON to `path` and return how many there were.

    The file is replaced whole or not at all, and compressed by its name, as by a `Writer`.
    `dialect` and `converter` are those of `Encoder`.

    Raises:
        FileError: where the file cannot be written, or what is there is not a regular file.
        EncodeError: as `Writer.write_all`.
    """
    with Writer(path, dialect=dialect, converter=converter) as writer:
        return writer.write_all(records)


class Writer:
    """Write records to a file as NDJSON, one a line. A context manager.

    Without `append` the file is replaced whole or not at all: the lines go to a temporary file in
    the same folder, which takes the name of `path` in `close`, once all of it is on disk. It has
    the permissions, the group and, if possible, the owner of the file it replaces. Leaving the
    context by an exception is `discard`. A name that ends in `.gz`, `.zst`, `.bz2` or `.xz` is
    written compressed. A killed process leaves its temporary file `.usagewire-*.part` behind. The
    next writer in that folder removes it, where the system has locks.

    With `append` the lines are added to the end of a log, which is made if need be. Leaving the
    context is `close`, by an exception too. An advisory lock keeps other writers that append away,
    where the system has locks. If the last line lacks its LF because a writer died, a complete JSON
    document gets its LF. Anything else is torn and set aside in `NAME.torn`, also a number, which
    may be the beginning of a longer one. A file that is compressed, by its name or its first bytes,
    is refused.

    Links are followed. Lines are handed to the system about `BUFFER` bytes at a time.

    Args:
        path: the file to write.
        append: whether to add to what is there instead of replacing it.
        dialect, converter: as in `Encoder`.

    Raises:
        FileError: where the file cannot be written, what is there is not a regular file, another
            writer appends to it, or it is compressed and was to be appended to.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        append: bool = False,
        dialect: Dialect = "api",
        converter: Converter | None = None,
    ) -> None:
        self._encoder = Encoder(dialect=dialect, converter=converter)
        self.name = str(path)
        """Name of the file as it was given; error messages begin with it."""
        self.count = 0
        """How many lines this writer took."""
        with named(self.name):
            self._target = AppendLog(path) if append else AtomicFile(path)
        self.path = self._target.path
        """The file that is written, links followed."""
        self.torn = self._target.torn
        """The file in which a torn last line of the log was set aside, or None where none was."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.close()
        elif not self._target.keeps_lines:
            self.discard()
        elif self._target.is_open:
            try:
                self.close()
            except FileError as second:
                error.add_note(str(second))

    def write(self, record: Any) -> None:
        """Write one record as one line. Where this raises, the record was not taken.

        Raises:
            EncodeError: where it holds something that would not read back equal.
            FileError: where the lines before it cannot be written, or the writer is closed. A log
                loses nothing: it ends in a whole line, and the lines that were taken wait for the
                next `write`, `flush` or `close`. Without `append` the writer is closed, and the
                file is as it was.
        """
        self._take(self._encoder.encode(record))

    def write_all(self, records: Iterable[Any]) -> int:
        """Write each of `records` as one line and return how many there were.

        It raises as `write` does. The path of an `EncodeError` begins with the index of the record,
        and the records before it were taken.
        """
        before = self.count
        for index, record in enumerate(records):
            try:
                line = self._encoder.encode(record)
            except EncodeError as error:
                raise error.within(index)
            self._take(line)
        return self.count - before

    def write_line(self, line: bytes) -> None:
        """Write a line of any bytes that was made elsewhere, without its LF, which is added.

        A file whose first line begins as compressed data does is taken for such by all that read or
        append to it. It raises `EncodeError` where it is not bytes, or more than one line, and
        `FileError` as `write` does.
        """
        if not isinstance(line, bytes) or _LF in line:
            raise EncodeError(f"{quote(line)} is not the bytes of one line without its LF")
        self._take(line)

    def flush(self) -> None:
        """Hand all lines to the system and wait until they are on disk.

        Of a log, the lines written before are safe when this returns. Without `append` they are in
        the temporary file, and compressed ones in part; the file is replaced in `close`.

        Raises:
            FileError: where the lines cannot be written, as `write`, or the system cannot say that
                they are on disk. No later `flush` can vouch for those lines, so all of them fail;
                open the log again to go on.
        """
        self._do(self._target.flush)

    def prepare(self) -> None:
        """Put all lines on disk, so that `close` only has to give the file its name.

        This serves to replace several files together. Only a log takes lines afterwards. It raises
        as `flush` does.
        """
        self._do(self._target.prepare)

    def close(self) -> None:
        """Write what is left and close the file, which is replaced unless the writer appends.

        Closing again does nothing.

        Raises:
            FileError: where that cannot be done. The message tells how many lines a log did not
                get. Without `append` the file is as it was, unless the new one has its name and
                only the folder could not be put on disk.
        """
        if self._target.is_open:
            self._do(self._target.close)
        elif self._target.failed:
            raise FileError(f"{self.name}: writing it failed before")

    def discard(self) -> None:
        """Close the file without the lines that were gathered. Closing again does nothing.

        The file stays as it was; a log keeps the lines that were handed to the system.
        """
        self._target.discard()

    def _take(self, line: bytes) -> None:
        target = self._target
        if target.is_prepared or not target.is_open:
            state = "about to be closed" if target.is_open else "closed"
            raise FileError(f"{self.name}: the writer is {state}")
        if len(target.lines) >= BUFFER:
            self._do(target.write_lines)
        # No signal comes between the two, and where memory runs out nothing was taken.
        target.lines += line + b"\n"
        self.count += 1

    def _do(self, step: Callable[[], None]) -> None:
        if not self._target.is_open:
            raise FileError(f"{self.name}: the writer is closed")
        with named(self.name):
            try:
                step()
            except BaseException:
                with suppress(OSError):  # it is tried again later
                    self._target.recover()
                raise
