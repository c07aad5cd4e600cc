"""What files need of the system: errors with names, locks, permissions, folders that are on disk.

This module decides what to do where a system or a file system lacks something. `atomic_file` and
`append_log` decide what is done when, and why.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Final
from warnings import warn

from usagewire.errors import FileError, UsageWireError, quote
from usagewire.io.remote import without_secrets

if sys.platform != "win32":
    import fcntl

BUFFER: Final = 2**18
"""Bytes of lines that are gathered before they are handed to the system, and bytes read at once."""

_PART: Final = ".usagewire-{}.part"
"""Name of a temporary file, which has 16 hexadecimal digits in it."""


@contextmanager
def named(
    name: str, kind: type[Exception] = OSError, *, shows_cause: bool = True
) -> Iterator[None]:
    """Turn an error of the `kind` into a `FileError` that names the file.

    Without `shows_cause` it has no cause: the cause may hold a secret part of a URL.
    """
    try:
        yield
    except (MemoryError, UsageWireError):
        raise
    except kind as error:
        raise file_error(name, error) from (error if shows_cause else None)


def file_error(name: str, error: Exception) -> FileError:
    """Return the `FileError` that names the file and says what went wrong."""
    what = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return FileError(f"{name}: {without_secrets(what)}")


def regular(path: str | os.PathLike[str]) -> tuple[Path, os.stat_result | None]:
    """Return the file to write, links followed, and what the system says of it if it is there.

    Raises:
        FileError: where something is there that is not a regular file, or nothing can be.

    """
    try:
        target = Path(path).resolve()
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        raise file_error(quote(str(path)), error) from error
    with named(str(path)):
        try:
            found = target.stat()
        except FileNotFoundError:
            return target, None
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"{path}: not a regular file, so it cannot be written")
    return target, found


def open_file(path: Path, how: str, mode: int = 0o666, *, flags: int = 0) -> FileIO:
    """Open `path` without a buffer; a file that is made has `mode`."""
    return FileIO(path, how, opener=lambda name, usual: os.open(name, usual | flags, mode))


def write_whole(file: FileIO, text: bytes) -> None:
    """Hand all of `text` to the system, which may take it in parts."""
    rest = memoryview(text)
    while rest:
        rest = rest[file.write(rest) :]


def lock(file: FileIO, *, without: bool) -> bool:
    """Lock `file` until it is closed, and return whether no other has it locked.

    The lock is advisory: it keeps only those away who ask for it. `without` is the answer where the
    system, or the file system, has no such locks.
    """
    if sys.platform == "win32":
        return without
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return without
    return True


def make_part(path: Path, old: os.stat_result | None) -> tuple[Path, FileIO]:
    """Make a temporary file that is to replace `path`; return its path, and it open and locked.

    It is in the same folder, because only a rename within one file system is a single step. At no
    moment may others read it who may not read `old`. Parts that nobody has locked are removed
    first: those who wrote them died.
    """
    _sweep(path.parent)
    while True:
        part = path.with_name(_PART.format(secrets.token_hex(8)))
        file = open_file(part, "x", 0o600 if old else 0o666)
        try:
            if lock(file, without=True) and os.fstat(file.fileno()).st_nlink:
                if old:
                    resemble(file, old)
                return part, file
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise
        file.close()  # another swept it before it was locked


def _sweep(folder: Path) -> None:
    if sys.platform == "win32":
        return
    with suppress(OSError):
        for part in folder.glob(_PART.format("[0-9a-f]" * 16)):
            flags = os.O_NONBLOCK | os.O_NOFOLLOW  # it may be anything that has such a name
            # NFS gives no lock on what is open to be read only.
            with suppress(OSError), open_file(part, "r+", flags=flags) as file:
                if lock(file, without=False):
                    part.unlink()


def resemble(file: FileIO, old: os.stat_result) -> None:
    """Give `file`, which nobody else may read yet, the owner, group and permissions of `old`.

    Where the group cannot be given, its permissions are withheld: another group would have them.
    """
    if sys.platform == "win32":
        return
    mode = old.st_mode & 0o777
    for owner in (old.st_uid, -1):
        with suppress(OSError):
            os.fchown(file.fileno(), owner, old.st_gid)
            break
    else:
        mode &= ~0o070
    os.fchmod(file.fileno(), mode)


def sync_folder(folder: Path) -> None:
    """Put the folder's entries on disk too, where the system can."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # a file system that does not do it
            raise
    finally:
        os.close(handle)


class OutputFile(ABC):
    """An open file, and the whole lines that it is to get next."""

    keeps: bool
    """Whether it keeps the lines where an exception ends the writing."""
    is_open = False
    is_full = False
    """Whether it takes no more lines, although it is open."""
    failed = False
    """Whether it was given up, so that what it was to write is lost."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = str(path)
        self.path, self.old = regular(path)
        self.torn: Path | None = None
        self.lines = bytearray()

    def __del__(self) -> None:
        if self.is_open:
            try:
                warn(f"{self.name}: the writer was not closed", ResourceWarning, 2, self)
            finally:
                (self.close if self.keeps else self.discard)()

    @abstractmethod
    def put(self) -> None:
        """Hand the lines to the system."""

    @abstractmethod
    def flush(self) -> None:
        """Put the lines on disk."""

    def prepare(self) -> None:
        """Put the last lines on disk, so that `close` has little to do."""
        self.flush()

    @abstractmethod
    def close(self) -> None:
        """Put the lines on disk and end."""

    @abstractmethod
    def discard(self) -> None:
        """End without the lines."""

    @abstractmethod
    def fail(self) -> None:
        """See to it that a step which failed leaves nothing wrong behind."""
