"""Writing: records become lines of an `AtomicFile` or an `AppendLog`, and errors name the file."""

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
    from usagewire.wire.names import Dialect, Money

_LF: Final = ord("\n")


def write(
    path: str | os.PathLike[str],
    records: Iterable[Any],
    *,
    dialect: Dialect = "api",
    money: Money | None = None,
    converter: Converter | None = None,
) -> int:
    """Write records to a file as NDJSON and return their number.

    The file is replaced whole or not at all, and it is compressed if its name says so, as by
    `Writer`.

    Args:
        path: the file to write.
        records: the records, of any classes that `Encoder` takes.
        dialect: the spelling of the fields, as in `Encoder`.
        money: how to write the amounts of costs, as in `Encoder`.
        converter: your own cattrs converter, as in `Encoder`.

    Raises:
        FileError: if the file cannot be written, or if `path` is not a regular file.
        EncodeError: as `Writer.write_all` does.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from usagewire import UsageVectorStoresResult, read, write
    >>> path = Path(tempfile.mkdtemp()) / "usage.ndjson.gz"
    >>> write(path, [UsageVectorStoresResult(usage_bytes=5)])
    1
    >>> [record.usage_bytes for record in read(path)]
    [5]
    """
    with Writer(path, dialect=dialect, money=money, converter=converter) as writer:
        return writer.write_all(records)


class Writer:
    r"""A writer of NDJSON files, one record a line. It is a context manager.

    Without `append`, the file is replaced whole or not at all:

    - The lines go to a temporary file in the same folder. When all lines are on disk, `close`
      renames it to `path`. It gets the permissions, the group and, if possible, the owner of the
      file that it replaces.
    - An exception in the context discards the lines, as `discard` does.
    - A name that ends in `.gz`, `.zst`, `.bz2` or `.xz` makes a compressed file.
    - A killed process leaves its temporary file `.usagewire-*.part`. The next writer in that folder
      removes it, if the system has locks.

    With `append`, the lines are added to a log, which is created if it does not exist:

    - Leaving the context closes the log and keeps the lines, even after an exception.
    - An advisory lock keeps other appending writers away, if the system has locks.
    - If a writer died, the last line may lack its LF. If that line is a complete JSON document, it
      gets its LF. Otherwise the writer moves it to `NAME.torn`. A number is moved too, because it
      may be the beginning of a longer number.
    - A compressed file, by its name or its first bytes, is refused.

    Symbolic links are followed. The writer passes lines to the system in blocks of about 256 KiB.

    Args:
        path: the file to write.
        append: whether to add to the file instead of replacing it.
        dialect: the spelling of the fields, as in `Encoder`.
        money: how to write the amounts of costs, as in `Encoder`.
        converter: your own cattrs converter, as in `Encoder`.

    Raises:
        FileError: if the file cannot be written or is not a regular file. With `append`, also if
            another writer appends to it, or if it is compressed.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from usagewire import UsageVectorStoresResult, Writer
    >>> path = Path(tempfile.mkdtemp()) / "usage.ndjson"
    >>> with Writer(path, append=True) as writer:
    ...     writer.write(UsageVectorStoresResult(usage_bytes=5))
    >>> path.read_text()
    '{"object":"organization.usage.vector_stores.result","usage_bytes":5}\n'
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        append: bool = False,
        dialect: Dialect = "api",
        money: Money | None = None,
        converter: Converter | None = None,
    ) -> None:
        self._encoder = Encoder(dialect=dialect, money=money, converter=converter)
        self.name = str(path)
        """Name of the file as it was given. Error messages begin with it."""
        self.count = 0
        """The number of lines that this writer took."""
        with named(self.name):
            self._target = AppendLog(path) if append else AtomicFile(path)
        self.path = self._target.path
        """`pathlib.Path` of the file that is written, with symbolic links followed."""
        self.torn = self._target.torn
        """`pathlib.Path` of the file that a torn last line of the log was moved to, or None."""

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
        """Write one record as one line. If this raises, the writer did not take the record.

        Args:
            record: a record of any class that `Encoder` takes.

        Raises:
            EncodeError: if the record holds a value that would not read back equal.
            FileError: if the writer is closed, or if earlier lines cannot be written. A log then
                loses nothing: it ends in a whole line, and the next `write`, `flush` or `close`
                tries again to write the lines that were taken. Without `append`, the writer is then
                closed, and the file has not changed.
        """
        self._take(self._encoder.encode(record))

    def write_all(self, records: Iterable[Any]) -> int:
        """Write each record as one line and return the number of records.

        Args:
            records: the records, which may be an iterator.

        Raises:
            EncodeError: as `write` does. The `path` of the error begins with the index of the
                record. The writer has taken the records before it.
            FileError: as `write` does.
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
        """Write a line of any bytes that you made, without its LF. The writer adds the LF.

        If the first line of a file begins as compressed data does, readers and appending writers
        take the file for a compressed one.

        Args:
            line: the bytes of the line.

        Raises:
            EncodeError: if `line` is not bytes, or has an LF.
            FileError: as `write` does.
        """
        if not isinstance(line, bytes) or _LF in line:
            raise EncodeError(f"a line must be bytes without an LF, not {quote(line)}")
        self._take(line)

    def flush(self) -> None:
        """Pass all lines to the system and wait until they are on disk.

        When this returns, all lines of a log are safe. Without `append`, the lines are then in the
        temporary file, compressed lines only in part, and `close` replaces the file.

        Raises:
            FileError: if the lines cannot be written, as in `write`, or if the system reports that
                they may not be on disk. In that case each later `flush` fails too, because none can
                be sure of those lines. Open the log again to continue.
        """
        self._do(self._target.flush)

    def prepare(self) -> None:
        """Put all lines on disk, so that `close` only has to rename the file.

        Call this to replace several files together. Afterwards, only a log takes more lines.

        Raises:
            FileError: as `flush` does.
        """
        self._do(self._target.prepare)

    def close(self) -> None:
        """Write all lines and close the file. Without `append`, this replaces the file.

        Closing again does nothing.

        Raises:
            FileError: if that fails. The message says how many lines a log did not get. Without
                `append`, the file has not changed, with one exception: the new file may have its
                name, but the folder may not be on disk.
        """
        if self._target.is_open:
            self._do(self._target.close)
        elif self._target.failed:
            raise FileError(f"{self.name}: an earlier write failed, so the file was not replaced")

    def discard(self) -> None:
        """Close the file without the lines that were not passed to the system.

        A log keeps the lines that were passed to the system. Without `append`, the file does not
        change. Closing again does nothing.
        """
        self._target.discard()

    def _take(self, line: bytes) -> None:
        target = self._target
        if target.is_prepared or not target.is_open:
            state = "about to be closed" if target.is_open else "closed"
            raise FileError(f"{self.name}: the writer is {state}")
        if len(target.lines) >= BUFFER:
            self._do(target.write_lines)
        # No signal comes between these two. If memory runs out, the line was not taken.
        target.lines += line + b"\n"
        self.count += 1

    def _do(self, step: Callable[[], None]) -> None:
        if not self._target.is_open:
            raise FileError(f"{self.name}: the writer is closed")
        with named(self.name):
            try:
                step()
            except BaseException:
                with suppress(OSError):  # the next step tries again
                    self._target.recover()
                raise
