"""Sources: what can be read, opened and turned into text.

A path, a glob, standard input, a binary file object, an iterable of bytes, a URL, or several of
these become events for `Intake`: each file's beginning, then its text, decompressed. What the text
means is not known here.

With `follow` and `writer`, the only modules that open anything.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from io import FileIO
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Self, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import attrs

from usagewire._ahead import Ahead
from usagewire._checkpoint import WINDOW, Checkpoint, sources_mark
from usagewire._compression import Decompressor
from usagewire._intake import Begin, Event
from usagewire.errors import CheckpointError, FileError, quote

OneSource: TypeAlias = str | os.PathLike[str] | BinaryIO
Source: TypeAlias = OneSource | Iterable[bytes] | Iterable[OneSource]

CHUNK: Final = 2**18
"""Bytes read at once."""

STDIN: Final = "-"


class Opened(NamedTuple):
    """An open file."""

    file: BinaryIO
    ours: bool
    """Whether it is ours to close, and to read before its bytes are asked for."""
    inode: tuple[int, int] | None = None
    """Device and number, where it is a file with a path."""
    remote: bool = False
    """Whether reading it waits for a network."""


class Item(NamedTuple):
    """One source: a file that can be opened, or bytes that need no opening."""

    name: str
    open: Callable[[], Opened] | None
    chunks: Iterator[Any] = iter(())


class Sources:
    """The events of a source, or of several one after the other.

    After a `FileError` they go on with the next file.
    """

    def __init__(self, source: Source, name: str | None, resume: Checkpoint | None) -> None:
        self.taken = 0
        """Bytes taken from the files so far, as they are in the files."""
        self._items = _items(source)
        self._name = name
        self._resume = resume
        self._number = -1
        self._before = ""
        self._events: Generator[Event] | None = None
        self._interrupted: str | None = None
        self._ready: Item | None = None
        self._opened: Opened | None = None
        if not isinstance(source, Iterable) or isinstance(source, str) or _is_file(source):
            self._ready = next(self._items)
            # Who names one file learns at once that it is not there.
            self._opened = self._ready.open() if self._ready.open else None
        self.name = name or (self._ready.name if self._ready else "")
        """What the first source is called, if that is known already."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._interrupted is not None:
            name, self._interrupted = self._interrupted, None
            self.close()
            raise FileError(f"{name}: reading was interrupted; open it again")
        name = "the sources"
        try:
            while True:
                if self._events is None:
                    item = self._next_item()
                    if item is None:
                        break
                    name = item.name
                    self._events = self._of(item)
                event = next(self._events, None)
                if event is not None:
                    return event
                self._events = None
        except FileError:
            self._events = None
            raise
        except BaseException:
            # The events end with this, and that must not pass for the end of the source.
            self._interrupted = name
            raise
        raise StopIteration

    def leave(self) -> None:
        """Go on with the next file."""
        if self._events is not None:
            self._events.close()
            self._events = None

    def close(self) -> None:
        """Close the file that is open. There are no more events then."""
        self.leave()
        self._items = iter(())
        self._ready, opened, self._opened = None, self._opened, None
        if opened is not None and opened.ours:
            opened.file.close()

    def _next_item(self) -> Item | None:
        item, self._ready = self._ready or next(self._items, None), None
        self._number += 1
        if self._resume is None:
            return item
        while item is not None and self._number < self._resume.source:
            self._before = sources_mark(self._before, item.name)
            item = next(self._items, None)
            self._number += 1
        if item is None or self._before != self._resume.before:
            raise CheckpointError(
                f"the checkpoint was taken in source {self._resume.source + 1},"
                f" {quote(self._resume.file)}, and the sources before it are not the same"
            )
        return item

    def _of(self, item: Item) -> Generator[Event]:
        """Yield the events of one source."""
        resume, self._resume = self._resume, None
        begin = Begin(
            name=self._name or item.name, source=self._number, before=self._before, resume=resume
        )
        self._before = sources_mark(self._before, item.name)
        unpack = Decompressor(begin.name)
        if item.open is None:
            yield begin
            yield from _text(self._counted(item.chunks), unpack)
            return
        opened, self._opened = self._opened or item.open(), None
        text: Generator[bytes] | Ahead[bytes]
        text = _text(self._counted(_chunks(opened, begin.name)), unpack, opened)
        try:
            yield _placed(opened, begin)
            first = next(text, None)
            if first is not None:
                yield first
            if opened.ours and (opened.remote or unpack.kind is not None):
                text = Ahead(text)
            yield from text
        finally:
            text.close()
            if opened.ours and not isinstance(text, Ahead):
                opened.file.close()

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.taken += len(chunk)
            yield chunk


def _is_file(source: object) -> bool:
    return callable(getattr(source, "read", None))


def _items(source: Any) -> Iterator[Item]:
    """Yield the sources that `source` stands for."""
    if isinstance(source, str | os.PathLike):
        yield from _named(os.fsdecode(source))
        return
    name = str(getattr(source, "name", f"<{type(source).__name__}>"))
    if _is_file(source):
        yield Item(name, lambda: Opened(source, ours=False))
        return
    if isinstance(source, bytes | bytearray | memoryview) or not isinstance(source, Iterable):
        raise FileError(
            f"{quote(source)} is no source; give a path, a URL, a binary file, chunks of bytes in a"
            " list or an iterator, or several of these; text in memory is for `Decoder`"
        )
    rest = iter(source)
    for first in rest:
        whole = chain([first], rest)
        if isinstance(first, bytes | bytearray | memoryview):
            yield Item(name, None, _bytes_only(whole, name))
            return
        for one in whole:
            if not isinstance(one, str | os.PathLike) and not _is_file(one):
                raise FileError(f"{quote(one)} stands among several sources and is none")
            yield from _items(one)


def _named(name: str) -> Iterator[Item]:
    if name == STDIN:
        yield Item("<stdin>", lambda: Opened(sys.stdin.buffer, ours=False))
    elif "://" in name:
        yield from _remote(name)
    elif glob.has_magic(name) and not os.path.lexists(name):
        # Path.glob would change how the names are written: ./a becomes a.
        matches = glob.glob(name, recursive=True)  # noqa: PTH207
        found = sorted(path for path in matches if not Path(path).is_dir())
        if not found:
            raise FileError(f"{name}: no file matches")
        for path in found:
            yield Item(path, partial(_open, path))
    else:
        yield Item(name, partial(_open, name))


def _remote(url: str) -> Iterator[Item]:
    """Yield the file, or the files of a glob, that fsspec finds at `url`."""
    name = _public(url)
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 -- it needs an extra
    except ModuleNotFoundError:
        raise FileError(
            f'{name}: reading a URL needs fsspec: pip install "usagewire[remote]"'
        ) from None
    try:
        system, path = url_to_fs(url)
        # In a web address a question mark begins the query.
        web = url.startswith(("http://", "https://"))
        paths = [path]
        if not web and glob.has_magic(path) and not system.exists(path):
            paths = sorted(system.glob(path))
    except Exception as error:
        raise file_error(name, error) from error
    if not paths:
        raise FileError(f"{name}: no file matches")
    for one in paths:
        shown = name if one == path else system.unstrip_protocol(one)
        yield Item(shown, partial(_open_remote, system, one, shown))


def _public(url: str) -> str:
    """Return a URL without what may be secret: user, password, query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _open(name: str) -> Opened:
    try:
        file = FileIO(name)
        found = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise file_error(name, error) from error
    return Opened(file, ours=True, inode=(found.st_dev, found.st_ino))


def _open_remote(system: Any, path: str, name: str) -> Opened:
    try:
        return Opened(system.open(path, "rb"), ours=True, remote=True)
    except Exception as error:
        raise file_error(name, error) from error


def file_error(name: str, error: Exception) -> FileError:
    """Return the `FileError` for what went wrong with the file `name`."""
    return FileError(f"{name}: {getattr(error, 'strerror', None) or error or type(error).__name__}")


def _chunks(opened: Opened, name: str) -> Iterator[bytes]:
    expected = Exception if opened.remote else (OSError, ValueError)
    try:
        while chunk := opened.file.read(CHUNK):
            if not isinstance(chunk, bytes):  # a text file, whatever its type says
                raise FileError(f"{name}: the file gives {type(chunk).__name__}, not bytes")
            yield chunk
    except FileError:
        raise
    except expected as error:
        raise file_error(name, error) from error


def _bytes_only(chunks: Iterator[Any], name: str) -> Iterator[bytes]:
    for chunk in chunks:
        if not isinstance(chunk, bytes | bytearray | memoryview):
            raise FileError(f"{name}: gives {type(chunk).__name__} among bytes")
        yield bytes(chunk)


def _text(
    chunks: Iterator[bytes], unpack: Decompressor, opened: Opened | None = None
) -> Generator[bytes]:
    try:
        for chunk in chunks:
            yield from unpack.feed(chunk)
        yield from unpack.close()
    finally:
        if opened is not None and opened.ours:
            opened.file.close()


def _placed(opened: Opened, begin: Begin) -> Begin:
    """Return the beginning; where that is possible, the file is put to the place to resume at."""
    begin = attrs.evolve(begin, inode=opened.inode)
    resume, file = begin.resume, opened.file
    seekable = getattr(file, "seekable", None)
    if (
        resume is None
        or resume.item is not None
        or not resume.offset
        or not (seekable and seekable())
    ):
        return begin
    try:
        start = file.tell()
        head = read_fully(file, WINDOW)
        if is_compressed(head):
            file.seek(start)
            return begin
        tail_at = max(0, resume.offset - WINDOW)
        file.seek(start + tail_at)
        tail = read_fully(file, resume.offset - tail_at)
    except (OSError, ValueError) as error:
        raise file_error(begin.name, error) from error
    return attrs.evolve(begin, witness=resume.witness(begin.name, head, tail))


def is_compressed(head: bytes) -> bool:
    """Return whether a file that begins with `head` is compressed."""
    unpack = Decompressor("")
    for _ in unpack.feed(head):
        break
    return unpack.kind is not None


def read_fully(file: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes of a file, or what there is of them."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
