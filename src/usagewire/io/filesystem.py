"""Calls of the system for files: errors with names, locks, permissions and syncing of folders.

This module decides what to do if a system or a file system lacks a feature. `atomic_file` and
`append_log` decide when to make each call, and why.
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
"""Bytes of lines to collect before they are written, and bytes to read at once."""

_TEMPORARY: Final = ".usagewire-{}.part"
"""The name of a temporary file, with 16 random hexadecimal digits."""


@contextmanager
def named(
    name: str, kind: type[Exception] = OSError, *, shows_cause: bool = True
) -> Iterator[None]:
    """Turn an error of the `kind` into a `FileError` that names the file.

    Use `shows_cause=False` if the cause may hold a secret part of a URL.
    """
    try:
        yield
    except (MemoryError, UsageWireError):
        raise
    except kind as error:
        raise file_error(name, error) from (error if shows_cause else None)


def file_error(name: str, error: Exception) -> FileError:
    """Return a `FileError` that names the file and has the message of `error`."""
    what = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return FileError(f"{name}: {without_secrets(what)}")


def resolve_output(path: str | os.PathLike[str]) -> tuple[Path, os.stat_result | None]:
    """Follow links, and return the file to write and its status, which is None for a new file.

    It raises `FileError` if there is something other than a regular file.
    """
    with named(quote(str(path)), Exception):
        target = Path(path).resolve()
    with named(str(path)):
        try:
            found = target.stat()
        except FileNotFoundError:
            return target, None
    if not stat.S_ISREG(found.st_mode):
        raise FileError(f"{path}: not a regular file, so it cannot be written")
    return target, found


def open_file(path: Path, how: str, mode: int = 0o666, *, flags: int = 0) -> FileIO:
    """Open `path` without a buffer. A new file gets the permissions `mode`."""
    return FileIO(path, how, opener=lambda name, usual: os.open(name, usual | flags, mode))


def write_whole(file: FileIO, text: bytes) -> None:
    """Write all of `text`, in several calls if the system accepts only a part of it."""
    rest = memoryview(text)
    while rest:
        rest = rest[file.write(rest) :]


def lock(file: FileIO, *, default: bool) -> bool:
    """Lock `file` until it is closed; return False if it was locked already.

    The lock is advisory. If the system or the file system has no such locks, return `default`.
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
    """Make a temporary file that will replace `path`; return its path and the open, locked file.

    It is in the same folder, because a rename is atomic only within one file system. Only users who
    can read `old` can read it. Temporary files without a lock are removed first, because their
    writers died.
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
            flags = os.O_NONBLOCK | os.O_NOFOLLOW  # because it may be a pipe or a link
            # NFS cannot lock a file that is open only for reading.
            with suppress(OSError), open_file(part, "r+", flags=flags) as file:
                if lock(file, default=False):
                    part.unlink()


def copy_permissions(file: FileIO, old: os.stat_result) -> None:
    """Give `file`, which others cannot read yet, the owner, group and permissions of `old`.

    If the group cannot be set, the group gets no permissions, because it is a different group.
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
    """Put the folder's entries on disk, if the system can do that."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # if the file system cannot
            raise
    finally:
        os.close(handle)


class OutputFile(ABC):
    """The base of `AppendLog` and `AtomicFile`: an open file, and whole lines to write to it."""

    keeps_lines: bool
    """Whether the lines are written even if an exception ends the writing."""
    is_open = False
    is_prepared = False
    """Whether an open file accepts no more lines."""
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
        """Close the file and drop the lines."""
