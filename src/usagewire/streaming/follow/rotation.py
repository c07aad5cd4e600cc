"""The files that a log is and was: how they are found, known again and read.

Each rotation leaves a generation behind, under another name, in another file or compressed. A name
says little about which one a file is. What tells is the text: its beginning and what stands before
the place that reading has come to. The order is that of the times of the last change, which a
rotation keeps.

This module knows nothing of when to look, and nothing of what the text means.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

from usagewire.errors import FileError
from usagewire.io.compression import LONGEST_MAGIC, format_of
from usagewire.io.decompression import Decompressor
from usagewire.io.files import CHUNK, read_fully
from usagewire.streaming.checkpoint import WINDOW

_PACKED: Final = re.compile(r"\.(gz|zst|bz2|xz)$")
_ROTATED: Final = re.compile(r"[-._]\d[\dTZ._:+-]*|\.old|")
"""What a rotation adds to a name: a number, a date, a time, `.old`, or only `.gz`."""
_NUMBERED: Final = re.compile(r"[-._](\d{1,5})")
_NONE_OF_THEM: Final = re.compile(r"\.(torn|part)$")
"""What we ourselves put beside a log."""


class Seen(NamedTuple):
    """What is kept of a text that was read up to a place."""

    inode: tuple[int, int] | None
    """Device and number of the file, if they tell."""
    offset: int
    """The place."""
    head: bytes
    """The first bytes of the text, `WINDOW` of them at most."""
    tail: bytes
    """The last bytes before the place, as many."""

    @property
    def tells(self) -> bool:
        """Whether it is enough to know the text by: the beginning of a line says little."""
        return b"\n" in self.head or b"\n" in self.tail


class Sibling(NamedTuple):
    """A file that may be a generation of the log."""

    path: str
    inode: tuple[int, int]
    mtime: int
    """When it was changed last, in nanoseconds."""
    is_rotated: bool
    """Whether its name is one that a rotation gives."""
    number: int
    """Of files changed at the same moment, the one with the higher number is the older."""

    def is_file(self, inode: tuple[int, int] | None) -> bool:
        """Return whether it is that file, renamed. A compressed one is another, made since then.

        It may have been given the number of a file that is gone.
        """
        return self.inode == inode and not _PACKED.search(self.path)


class Generation:
    """The text of one file, from its beginning on. It is decompressed where that is called for.

    Raises:
        FileError: where it is no regular file.
        OSError: where it cannot be opened; reading it may raise both as well.

    """

    def __init__(self, path: str, stopped: Callable[[], bool] = bool) -> None:
        self.path = path
        self.offset = 0
        """How many bytes of the text were given."""
        self._head = self._tail = self._rest = b""
        self._stopped = stopped
        self._file = FileIO(path, opener=_open)
        try:
            found = os.fstat(self._file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise FileError(f"{path}: not a regular file, so it cannot be followed")
            self.inode = found.st_dev, found.st_ino
            self.mtime = found.st_mtime_ns
            """When it was changed last, in nanoseconds, as far as that was looked at."""
            self.is_packed = format_of(self._at(0, LONGEST_MAGIC)) is not None
            """Whether it is compressed. There is no more to come then after its end."""
            self._file.seek(0)
        except BaseException:
            self._file.close()
            raise
        self._text = _unpacked(self._file, path)

    @property
    def taken(self) -> int:
        """How many bytes of the file were read."""
        return self._file.tell() if self.is_packed and not self._file.closed else self.offset

    @property
    def seen(self) -> Seen:
        """What is needed to know the text again."""
        return Seen(self.inode, self.offset, self._head, self._tail)

    def last_change(self) -> int:
        """Return when the file was changed last, in nanoseconds."""
        return os.fstat(self._file.fileno()).st_mtime_ns

    def more(self) -> bytes | None:
        """Return the next bytes of the text, or none where there are no more yet.

        None is returned where what stands before them is not what was read: the file was cut.
        """
        if self.is_packed:
            chunk, self._rest = self._rest or next(self._text, b""), b""
        else:
            found = self._at(self.offset - len(self._tail), len(self._tail) + CHUNK)
            # Up to `WINDOW`, the one has the other.
            same_head = self.offset <= WINDOW or self._at(0, WINDOW) == self._head
            if not found.startswith(self._tail) or not same_head:
                return None
            if self.offset < LONGEST_MAGIC and format_of(found):
                raise FileError(f"{self.path}: is compressed; what is followed must be plain text")
            chunk = found[len(self._tail) :]
        self._pass(chunk)
        return chunk

    def go_to(self, place: int) -> bool:
        """Pass over the text before `place`, which is further on; return whether there is so much.

        It is False as well where this was stopped.
        """
        if not self.is_packed:
            self.offset = place
            self._head = self._at(0, min(place, WINDOW))
            start = max(0, place - WINDOW)
            self._tail = self._at(start, place - start)
            return len(self._tail) == place - start
        while self.offset < place and not self._stopped():
            chunk = self._rest or next(self._text, b"")
            if not chunk:
                return False
            self._rest = chunk[place - self.offset :]
            self._pass(chunk[: place - self.offset])
        return self.offset == place

    def goes_on_from(self, seen: Seen) -> bool:
        """Go to the place of `seen`; return whether the text before it is the same."""
        return (
            # Most that is another is another from its first bytes on.
            self.go_to(min(seen.offset, WINDOW))
            and self._head == seen.head
            and self.go_to(seen.offset)
            and self._tail == seen.tail
        )

    def put_to(self, seen: Seen) -> None:
        """Be where `seen` was what was read, in a file that is not compressed."""
        _, self.offset, self._head, self._tail = seen

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _at(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return read_fully(self._file, size)

    def _pass(self, text: bytes) -> None:
        self.offset += len(text)
        self._head += text[: WINDOW - len(self._head)]
        self._tail = (self._tail + text[-WINDOW:])[-WINDOW:]


def siblings(path: str) -> list[Sibling]:
    """Return the files beside `path` that may be generations of it, the oldest first.

    They are called as it is and something more, or have that before its suffix; compressed ones
    have the suffix of the compression too. Of a file and the compressed one made from it, only the
    first is there.

    Raises:
        OSError: where the folder cannot be listed.

    """
    # Renaming while a folder is listed may hide a file: it is in two lists alike.
    before: list[Sibling] | None = None
    while (found := _siblings(Path(path))) != before:
        before = found
    return found


def _siblings(path: Path) -> list[Sibling]:
    found: dict[str, Sibling] = {}
    try:
        names = sorted(os.listdir(path.parent))  # noqa: PTH208 -- of names alone, and all at once
    except FileNotFoundError:
        return []
    for name in names:
        plain = _PACKED.sub("", name)
        added = _added(plain, path)
        # In order, a name comes before the same with a suffix.
        if name == path.name or plain in found or added is None:
            continue
        beside = os.path.join(os.path.dirname(path), name)  # noqa: PTH118, PTH120 -- keeps "./"
        try:
            status = os.stat(beside)  # noqa: PTH116 -- it is no Path
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            number = _NUMBERED.fullmatch(added)
            found[plain] = Sibling(
                path=beside,
                inode=(status.st_dev, status.st_ino),
                mtime=status.st_mtime_ns,
                is_rotated=bool(_ROTATED.fullmatch(added)),
                number=int(number[1]) if number else 0,
            )
    return sorted(found.values(), key=lambda one: (one.mtime, -one.number, one.path))


def _added(name: str, path: Path) -> str | None:
    """Return what `name` has more than that of `path`, or None where it is made otherwise."""
    if _NONE_OF_THEM.search(name):
        return None
    if name.startswith(path.name):
        return name[len(path.name) :]
    between = name.startswith((path.stem + "-", path.stem + ".")) and name.endswith(path.suffix)
    return name[len(path.stem) : len(name) - len(path.suffix)] if between else None


def _open(path: str, flags: int) -> int:
    # A pipe that nobody writes to must not be waited for.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _unpacked(file: FileIO, name: str) -> Iterator[bytes]:
    unpack = Decompressor(name)
    while chunk := file.read(CHUNK):
        yield from unpack.feed(chunk)
    yield from unpack.close()
