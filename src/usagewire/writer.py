"""Writing: a file that is replaced whole or not at all, or a log that only gains whole lines.

Whatever stops the writing (an error, a full disk, an interrupt, the end of the process), a file
that was to be replaced is the old one or the new one, and a log has every line that it had. Bytes
that another writer left behind are never thrown away before they are on disk elsewhere. What a
line says is not decided here.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from warnings import warn

import orjson
from cattrs import Converter

from usagewire._compression import Decompressor, compressor
from usagewire._lines import BOM
from usagewire.decoder import MAX_LINE_BYTES
from usagewire.encoder import Encoder
from usagewire.errors import EncodeError, FileError, quote

if TYPE_CHECKING:
    from usagewire._wire import Dialect

BUFFER: Final = 2**18
"""Bytes of lines that are gathered before they are handed to the system, and bytes read at once."""

TORN: Final = ".torn"
"""What is added to the name of a log for the file that its torn lines are set aside in."""


_LF: Final = ord("\n")


def write(
    path: str | os.PathLike[str],
    records: Iterable[Any],
    *,
    dialect: Dialect = "api",
    converter: Converter | None = None,
) -> int:
    """Write `records` as NDJSON to `path` and return how many there were.

    The file is replaced whole or not at all, and compressed by its name, as by a `Writer`.

    Args:
        path: the file to write.
        records: records of any class, written one a line.
        dialect, converter: as in `Encoder`.

    Raises:
        FileError: where the file cannot be written, or what is there is not a regular file.
        EncodeError: where a record holds something that would not read back equal; the path begins
            with its index.

    """
    with Writer(path, dialect=dialect, converter=converter) as writer:
        return writer.write_all(records)


class Writer:
    """Write records to a file as NDJSON, one a line. A context manager.

    Without `append` the file is replaced whole or not at all: the lines go to a temporary file in
    the same folder, which takes the name and the permissions of `path` in `close`, once all of it
    is on disk. Leaving the context by an exception is `discard`. A name that ends in `.gz`, `.zst`,
    `.bz2` or `.xz` is written compressed.

    With `append` the lines are added to the end of a log, which is made if need be. Leaving the
    context is `close`, by an exception too. An advisory lock keeps other writers that append away,
    where the system has such locks. A last line without its LF, where a writer died, is mended
    first: a complete JSON document is given its LF, and anything else is torn and set aside in
    `NAME.torn`. A number counts as torn, because it may be the beginning of a longer one. A file
    that is compressed, by its name or its first bytes, is refused.

    Links are followed. Lines are gathered and handed to the system about `BUFFER` bytes at a time.

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
        self.path, mode = _regular(path)
        """The file that is written, links followed."""
        self.count = 0
        """How many lines this writer took."""
        with _named(self.name):
            self._target = (_Log if append else _Replacement)(self.path, mode, self.name)
        self.torn = self._target.torn
        """The file in which a torn last line of the log was set aside, or None where none was."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        elif not self._target.keeps:
            self.discard()
        elif self._target.is_open:
            try:
                self.close()
            except FileError as second:
                error.add_note(str(second))

    def write(self, record: Any) -> None:
        """Write one record as one line.

        Raises:
            EncodeError: where it holds something that would not read back equal. The record was
                not taken, and the next one can be.
            FileError: where the lines before it cannot be written, or the writer is closed. The
                record was not taken. Of a log nothing is lost: it ends in a whole line, the lines
                that were taken wait for the next `write`, `flush` or `close`, and it can be
                written again. Without `append` the writer is closed, and the file as it was.

        """
        self._take(self._encoder.encode(record))

    def write_all(self, records: Iterable[Any]) -> int:
        """Write each of `records` as one line and return how many there were.

        Raises:
            EncodeError: as `write`; the path begins with the index of the record. The records
                before it were taken.
            FileError: as `write`.

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
        """Write a line that was made elsewhere.

        Args:
            line: its bytes, of any kind but without LF, which is added.

        Raises:
            EncodeError: where it is not bytes, or more than one line.
            FileError: as `write`.

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

    def close(self) -> None:
        """Write what is left and close the file; replace it, unless the writer appends.

        Closing again does nothing.

        Raises:
            FileError: where that cannot be done. Without `append` the file is as it was, unless the
                new one has its name and only the folder could not be put on disk. The message
                tells how many lines a log did not get.

        """
        if self._target.is_open:
            self._do(self._target.close)
        elif self._target.failed:
            raise FileError(f"{self.name}: writing it failed before")

    def discard(self) -> None:
        """Close the file without the lines that were gathered. Closing again does nothing.

        Without `append` the file stays as it was. Of a log, lines that were handed to the system
        stay.
        """
        self._target.discard()
        self._target.failed = False

    def _take(self, line: bytes) -> None:
        target = self._target
        lines = target.lines
        if len(lines) >= BUFFER or not target.is_open:
            self._do(target.put)
        # No signal comes between these.
        lines += line
        lines += b"\n"
        self.count += 1

    def _do(self, step: Callable[[], None]) -> None:
        if not self._target.is_open:
            raise FileError(f"{self.name}: the writer is closed")
        with _named(self.name):
            try:
                step()
            except BaseException:
                with suppress(OSError):  # what fails again is done again later
                    self._target.fail()
                raise


class _Target(ABC):
    """An open file, and the whole lines that it is to get next."""

    keeps: bool
    """Whether it keeps the lines where an exception ends the writing."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self.torn: Path | None = None
        self.lines = bytearray()
        self.is_open = False
        self.failed = False

    def __del__(self) -> None:
        if self.is_open:
            warn(f"{self.name}: the writer was not closed", ResourceWarning, 2, self)
            (self.close if self.keeps else self.discard)()

    @abstractmethod
    def put(self) -> None:
        """Hand the lines to the system."""

    @abstractmethod
    def flush(self) -> None:
        """Put the lines on disk."""

    @abstractmethod
    def close(self) -> None:
        """Put the lines on disk and end."""

    @abstractmethod
    def discard(self) -> None:
        """End without the lines."""

    @abstractmethod
    def fail(self) -> None:
        """See to it that a step which failed leaves nothing wrong behind."""


class _Replacement(_Target):
    """A temporary file that takes the place of another."""

    keeps = False

    def __init__(self, path: Path, mode: int | None, name: str) -> None:
        super().__init__(path, name)
        self._packer = compressor(path.suffix, name)
        # Beside the target, because only a rename within one file system is a single step.
        part = f".usagewire-{os.getpid()}-{secrets.token_hex(8)}.part"
        self._temporary = path.with_name(part)
        self.is_open = True
        try:
            # At no moment may others read it who may not read the old file.
            self._file = _open(self._temporary, "x", mode)
            if mode is not None:
                self._temporary.chmod(mode)
        except BaseException:
            self.discard()
            raise

    def put(self) -> None:
        text = bytes(self.lines)
        self.lines.clear()
        _write(self._file, self._packer.compress(text) if self._packer else text)

    def flush(self) -> None:
        self.put()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self.put()
        if self._packer:
            _write(self._file, self._packer.flush())
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self.path)
        self.is_open = False
        _sync_folder(self.path.parent)

    def discard(self) -> None:
        if self.is_open:
            with suppress(AttributeError, OSError):  # it may not have been opened
                self._file.close()
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
            self.is_open = False

    def fail(self) -> None:
        # How much of the lines was written cannot be told.
        self.failed = self.is_open
        self.discard()


class _Log(_Target):
    """A file that grows by whole lines."""

    keeps = True

    def __init__(self, path: Path, mode: int | None, name: str) -> None:
        super().__init__(path, name)
        if compressor(path.suffix, name):
            raise FileError(f"{name}: a compressed file cannot be appended to")
        self._doubtful = False
        self._whole: int | None = None
        self._file = _open(path, "a+", mode)
        try:
            self._lock()
            self._refuse_compressed()
            self._mend()
            _sync_folder(path.parent)
        except BaseException:
            self._file.close()
            raise
        self.is_open = True

    def put(self) -> None:
        self.fail()
        if not self.lines:
            return
        status = os.fstat(self._file.fileno())
        if not status.st_nlink:
            raise OSError(errno.ENOENT, "was deleted or replaced while it was appended to")
        self._whole = status.st_size
        _write(self._file, bytes(self.lines))
        # One step: no signal comes between two stores, so no line is lost or doubled.
        self.lines[:], self._whole = b"", None

    def flush(self) -> None:
        self.put()
        if self._doubtful:
            # The system tells once of a page that it could not write, and takes it for clean then.
            raise OSError(errno.EIO, "an earlier flush failed, so lines may not be on disk")
        try:
            os.fsync(self._file.fileno())
        except OSError:
            self._doubtful = True
            raise

    def close(self) -> None:
        try:
            self.flush()
        except OSError as error:
            lost = self.lines.count(b"\n")
            raise OSError(
                error.errno, f"{error.strerror}; {lost} lines were not written"
            ) from error
        except BaseException:
            self.flush()  # an interrupt costs no line
            raise
        finally:
            self.discard()

    def discard(self) -> None:
        if self.is_open:
            self.is_open = False
            with suppress(OSError):
                self.fail()
            self._file.close()

    def fail(self) -> None:
        # What is past `_whole` is not whole lines, or lines that will be written again.
        if self._whole is not None:
            self._file.truncate(self._whole)
            self._whole = None

    def _lock(self) -> None:
        """Keep others away until the file is closed."""
        try:
            import fcntl  # noqa: PLC0415 -- not every system has it
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileError(f"{self.name}: another writer is appending to it") from error

    def _refuse_compressed(self) -> None:
        self._file.seek(0)
        told = Decompressor(self.name)
        with suppress(FileError):  # its damage is not our concern
            next(told.feed(self._file.read(16)), None)
        if told.kind:
            raise FileError(
                f"{self.name}: a file compressed with {told.kind} cannot be appended to"
            )

    def _mend(self) -> None:
        """See to it that the file is empty or ends in LF."""
        size = self._file.seek(0, os.SEEK_END)
        start = self._last_line(size)
        if start == size:
            return
        if self._lacks_only_lf(start, size - start):
            _write(self._file, b"\n")
        else:
            self.torn = self.path.with_name(self.path.name + TORN)
            with _named(str(self.torn)):
                self._set_aside(start, self.torn)
            self._file.truncate(start)
        os.fsync(self._file.fileno())

    def _last_line(self, end: int) -> int:
        """Return where the line begins that ends at `end`."""
        while end:
            start = max(0, end - BUFFER)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def _lacks_only_lf(self, start: int, length: int) -> bool:
        if length > MAX_LINE_BYTES:
            return False
        self._file.seek(start)
        text = self._file.read(length)
        text = text if start else text.removeprefix(BOM)
        try:
            return not text.strip() or type(orjson.loads(text)) not in (int, float)
        except orjson.JSONDecodeError:
            return False

    def _set_aside(self, start: int, torn: Path) -> None:
        """Add what the log has from `start` on to the file `torn`, as a line of its own."""
        path, _ = _regular(torn)
        mode = stat.S_IMODE(os.fstat(self._file.fileno()).st_mode)
        with _open(path, "a+", mode) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            try:
                if file.read(1) not in (b"", b"\n"):
                    _write(file, b"\n")
                self._file.seek(start)
                while chunk := self._file.read(BUFFER):
                    _write(file, chunk)
                _write(file, b"\n")
                os.fsync(file.fileno())
            except BaseException:
                with suppress(OSError):
                    file.truncate(size)
                raise
        _sync_folder(path.parent)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Turn an error of the system into one that names the file."""
    try:
        yield
    except OSError as error:
        raise _file_error(name, error) from error


def _file_error(name: str, error: Exception) -> FileError:
    return FileError(f"{name}: {getattr(error, 'strerror', None) or error}")


def _regular(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Return the file to write, links followed, and the mode that it has if it is there."""
    try:
        target = Path(path).resolve()
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        raise _file_error(quote(str(path)), error) from error
    try:
        found = target.stat()
    except FileNotFoundError:
        return target, None
    except OSError as error:
        raise _file_error(str(path), error) from error
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"{path}: not a regular file, so it cannot be written")
    return target, stat.S_IMODE(found.st_mode)


def _open(path: Path, how: str, mode: int | None) -> FileIO:
    """Open `path` without a buffer; a file that is made has `mode`, or what is usual."""
    return FileIO(path, how, opener=partial(os.open, mode=0o666 if mode is None else mode))


def _write(file: FileIO, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[file.write(rest) :]


def _sync_folder(folder: Path) -> None:
    """Put the folder's entries on disk too, where the system has folders that can be synced."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
