"""The files that a log was rotated to: how they are listed, distinguished and found again.

A rotation moves or copies the text of a log to another file, which may be compressed later. A file
is therefore recognised by its text, not by its name: by the first bytes, and by the bytes before
the offset that reading has come to. Files are ordered by their modification times, which a
rotation keeps. This module must not know when to look.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from usagewire.errors import CheckpointError, FileError
from usagewire.io.filesystem import file_error
from usagewire.streaming.checkpoint import Checkpoint, Prefix
from usagewire.streaming.follow.log_file import COMPRESSED, LogFile

_COMPRESSED: Final = re.compile(r"\.(gz|zst|bz2|xz)$")
_ROTATED: Final = re.compile(r"[-._]\d[\dTZ._:+-]*|\.old|")
"""A rotation adds one of these to a name: a number, a date, a time, `.old`, or only `.gz`."""
_NUMBERED: Final = re.compile(r"[-._](\d{1,5})")
_OURS: Final = re.compile(r"\.(torn|part)$")
"""The files that this library puts beside a log."""


class RotationCandidate(NamedTuple):
    """A file that the log may have been rotated to."""

    path: str
    inode: tuple[int, int]
    mtime: int
    """The modification time in nanoseconds."""
    is_rotated: bool = False
    """Whether its name is one that a rotation gives."""
    number: int = 0
    """If two files were modified at the same moment, the file with the higher number is older."""

    def is_renamed(self, inode: tuple[int, int] | None) -> bool:
        """Return whether it is the file `inode`, renamed.

        A compressed file is a new file, which may have the inode number of a deleted file.
        """
        return self.inode == inode and not _COMPRESSED.search(self.path)


class RenamedError(Exception):
    """A file was renamed after it was listed and before it was opened. Look again."""


class RotationSearch:
    """Finds the files of one log by their text."""

    def __init__(self, path: str, stopped: Callable[[], bool]) -> None:
        self._path = path
        self._stopped = stopped

    def current_inode(self) -> tuple[int, int] | None:
        """Return the inode of the file that has the log's name now."""
        with suppress(FileNotFoundError):
            found = os.stat(self._path)  # noqa: PTH116 -- a Path would change the name
            return found.st_dev, found.st_ino
        return None

    def open_current(self) -> LogFile | None:
        """Open the file that has the log's name now."""
        try:
            found = LogFile(self._path, self._stopped)
        except FileNotFoundError:
            return None
        if found.is_compressed:
            found.close()
            raise FileError(f"{self._path}: {COMPRESSED}")
        return found

    def last_rotation(self, inode: tuple[int, int] | None = None) -> int:
        """Return the modification time of the rotated file `inode`, in nanoseconds.

        If there is no such file, return the latest time of any rotated file, or 0.
        """
        found = candidates(self._path)
        renamed = [one.mtime for one in found if one.is_renamed(inode)]
        return renamed[0] if renamed else max([0, *(one.mtime for one in found if one.is_rotated)])

    def next_file(
        self,
        since: int,
        without: list[tuple[int, int]],
        done: Iterable[Prefix],
        *,
        wanted: tuple[int, int] | None = None,
        until: float = math.inf,
    ) -> tuple[LogFile | None, int]:
        """Return the oldest file that was rotated away after the time `since`, and a new `since`.

        This skips the inodes `without`, and the texts `done`, which were read to their end. If it
        skips a file that was copied later, the new time is later too. It returns the inode
        `wanted` even if that file is older.
        """
        found = candidates(self._path)
        done_until = since
        # If a file was modified at that very moment, it is later if its number is lower.
        number = max((one.number for one in found if one.inode in without), default=0)
        for one in found:
            is_later = one.mtime > since or (one.mtime == since and one.number < number)
            if (
                not one.is_rotated
                or one.inode in without
                or one.mtime > until
                or not (is_later or one.is_renamed(wanted))
            ):
                continue
            same = self._found_in(done, one)
            if same:
                done_until = max(done_until, one.mtime)
                # Half a line has one copy. A second such file is a different half.
                done = done if same.is_distinctive else [seen for seen in done if seen is not same]
                continue
            return self._open(one), done_until
        return None, done_until

    def copies(self, prefix: Prefix, since: int) -> Iterator[LogFile]:
        """Yield the files modified at `since` or later that begin with `prefix`, at its end."""
        found = candidates(self._path)
        rotated = [one for one in found if one.is_rotated]
        for one in rotated + [one for one in reversed(found) if not one.is_rotated]:
            if one.mtime >= since:
                copy = self._open_if(one, lambda copy: copy.continues(prefix))
                if copy is not None:
                    yield copy

    def find(self, resume: Checkpoint) -> LogFile:
        """Return the file that a checkpoint was taken in, opened at its place.

        It raises `CheckpointError` if no file has the text before the place.
        """
        errors: list[FileError] = []
        found = self._likely(resume.inode)
        for one in found:
            file = self._open_if(
                one,
                lambda file: file.seek(resume.covered) and resume.matches(file.prefix),
                errors,
            )
            if file:
                return file
        if _names(found) != _names(self._likely(resume.inode)):
            raise RenamedError
        raise CheckpointError(
            f"{self._path}: the {resume.covered} bytes that were read before the checkpoint are"
            " neither in this file nor in a rotated file beside it"
            + "".join(f"; {error}" for error in errors)
        )

    def _likely(self, inode: tuple[int, int] | None) -> list[RotationCandidate]:
        """Return the files that a checkpoint may have been taken in, the likeliest first."""
        found = candidates(self._path)
        current = self.open_current()
        if current is not None:
            current.close()
            found.append(RotationCandidate(self._path, current.inode, current.mtime))
        return sorted(
            found, key=lambda one: (one.inode != inode, one.path != self._path, -one.mtime)
        )

    def _found_in(self, done: Iterable[Prefix], one: RotationCandidate) -> Prefix | None:
        """Return the text of `done` that a file has, if it has one."""

        def has(file: LogFile, prefix: Prefix) -> bool:
            # A longer text is a different one, unless it is in the same file.
            return file.continues(prefix) and (file.inode == prefix.inode or not file.read())

        for prefix in done:
            same = prefix.offset and self._open_if(one, partial(has, prefix=prefix))
            if same:
                same.close()
                return prefix
        return None

    def _open(self, one: RotationCandidate) -> LogFile:
        found = LogFile(one.path, self._stopped)
        if found.inode == one.inode:
            return found
        found.close()
        raise RenamedError

    def _open_if(
        self,
        one: RotationCandidate,
        check: Callable[[LogFile], bool],
        errors: list[FileError] | None = None,
    ) -> LogFile | None:
        """Return the opened file if it passes the check. An unreadable file does not pass."""
        found = None
        passes = False
        try:
            found = self._open(one)
            passes = check(found)
        except FileNotFoundError:
            raise
        except (OSError, FileError) as error:
            if errors is not None:
                ours = error if isinstance(error, FileError) else file_error(one.path, error)
                errors.append(ours)
        finally:
            if found is not None and not passes:
                found.close()
        return found if passes else None


def candidates(path: str) -> list[RotationCandidate]:
    """Return the files beside `path` that it may have been rotated to, the oldest first.

    A rotation adds something to the name, at the end or before the suffix, and compression adds its
    suffix. A compressed file is left out as long as the uncompressed file exists. This raises
    `OSError` if the folder cannot be listed.
    """
    # A rename while a folder is listed may hide a file, so list it until two lists are equal.
    before: list[RotationCandidate] | None = None
    while (found := _listed(Path(path))) != before:
        before = found
    return found


def _listed(path: Path) -> list[RotationCandidate]:
    found: dict[str, RotationCandidate] = {}
    try:
        names = sorted(os.listdir(path.parent))  # noqa: PTH208 -- only names, and all at once
    except FileNotFoundError:
        return []
    for name in names:
        plain = _COMPRESSED.sub("", name)
        added = _added(plain, path)
        # In this order, a name comes before the same name with a suffix.
        if name == path.name or plain in found or added is None:
            continue
        beside = os.path.join(os.path.dirname(path), name)  # noqa: PTH118, PTH120 -- keeps "./"
        try:
            status = os.stat(beside)  # noqa: PTH116 -- it is a str
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            number = _NUMBERED.fullmatch(added)
            found[plain] = RotationCandidate(
                path=beside,
                inode=(status.st_dev, status.st_ino),
                mtime=status.st_mtime_ns,
                is_rotated=bool(_ROTATED.fullmatch(added)),
                number=int(number[1]) if number else 0,
            )
    return sorted(found.values(), key=lambda one: (one.mtime, -one.number, one.path))


def _added(name: str, path: Path) -> str | None:
    """Return the text that `name` adds to the name of `path`, or None if it is not such a name."""
    if _OURS.search(name):
        return None
    if name.startswith(path.name):
        return name[len(path.name) :]
    between = name.startswith((path.stem + "-", path.stem + ".")) and name.endswith(path.suffix)
    return name[len(path.stem) : len(name) - len(path.suffix)] if between else None


def _names(found: Iterable[RotationCandidate]) -> set[tuple[str, tuple[int, int]]]:
    return {(one.path, one.inode) for one in found}
