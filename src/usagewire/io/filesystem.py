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
"""Bytes of lines that are collected before they are written, and bytes read at once."""

_TEMPORARY: Final = ".usagewire-{}.part"
"""The name of a temporary file, with 16 random hexadecimal digits."""


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


def resolve_output(path: str | os.PathLike[str]) -> tuple[Path, os.stat_result | None]:
    """Return the file to write, links followed, and its status if it exists.

    It raises `FileError` where that is not a regular file, or no file can be there.
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
    """Open `path` without a buffer. A new file gets `mode`."""
    return FileIO(path, how, opener=lambda name, usual: os.open(name, usual | flags, mode))


def write_whole(file: FileIO, text: bytes) -> None:
    """Write all of `text`, which the system may take in parts."""
    rest = memoryview(text)
    while rest:
        rest = rest[file.write(rest) :]


def lock(file: FileIO, *, default: bool) -> bool:
    """Lock `file` until it is closed; return whether nobody else has locked it.

    The lock is advisory: it stops only those who ask for it. Where the system or the file system
    has no such locks, return `default`.
    """
    if sys.platform == "win32":
        return default
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return default
    return True


def make_temporary(path: Path, old: os.stat_result | None) -> tuple[Path, FileIO]:
    """Make a temporary file that will replace `path`; return its path, and the open, locked file.

    It is in the same folder, because only a rename within one file system is one step. At no moment
    can anyone read it who cannot read `old`. Temporary files that nobody has locked are removed
    first: their writers died.
    """
    _remove_abandoned(path.parent)
    while True:
        part = path.with_name(_TEMPORARY.format(secrets.token_hex(8)))
        file = open_file(part, "x", 0o600 if old else 0o666)
        try:
            if lock(file, default=True) and os.fstat(file.fileno()).st_nlink:
                if old:
                    copy_permissions(file, old)
                return part, file
        except BaseException:
            file.close()
            part.unlink(missing_ok=True)
            raise
        file.close()  # another writer removed it before it was locked


def _remove_abandoned(folder: Path) -> None:
    if sys.platform == "win32":
        return
    with suppress(OSError):
        for part in folder.glob(_TEMPORARY.format("[0-9a-f]" * 16)):
            flags = os.O_NONBLOCK | os.O_NOFOLLOW  # it may be anything that has such a name
            # NFS gives no lock on a file that is open for reading only.
            with suppress(OSError), open_file(part, "r+", flags=flags) as file:
                if lock(file, default=False):
                    part.unlink()


def copy_permissions(file: FileIO, old: os.stat_result) -> None:
    """Give `file`, which nobody else can read yet, the owner, group and permissions of `old`.

    Where the group cannot be set, give no permissions to the group: it would be another one.
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
    """An open file, and the whole lines that will be written to it next.

    This is what an `AppendLog` and an `AtomicFile` have in common.
    """

    keeps_lines: bool
    """Whether the lines are kept where an exception ends the writing."""
    is_open = False
    is_prepared = False
    """Whether it takes no more lines, although it is open."""
    failed = False
    """Whether writing was given up, so that the lines are lost."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.name = str(path)
        self.path, self.old = resolve_output(path)
        self.torn: Path | None = None
        self.lines = bytearray()

    def __del__(self) -> None:
        if self.is_open:
            try:
                warn(f"{self.name}: the writer was not closed", ResourceWarning, 2, self)
            finally:
                (self.close if self.keeps_lines else self.discard)()

    @abstractmethod
    def close(self) -> None:
        """Put the lines on disk and close the file."""

    @abstractmethod
    def discard(self) -> None:
        """Close the file without the lines."""
