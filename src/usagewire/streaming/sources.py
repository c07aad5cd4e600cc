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
from contextlib import suppress
from functools import cache, partial
from io import BufferedReader, BufferedRWPair, FileIO
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Self, TypeAlias

import attrs

from usagewire.errors import CheckpointError, FileError, UsageWireError, quote
from usagewire.io.compression import format_of
from usagewire.io.decompression import Decompressor
from usagewire.io.prefetch import DEPTH, Ahead
from usagewire.io.remote import public, remote_files, without_secrets
from usagewire.streaming.checkpoint import WINDOW, Checkpoint, sources_mark
from usagewire.streaming.events import Event, SourceStarted

OneSource: TypeAlias = str | os.PathLike[str] | BinaryIO
Source: TypeAlias = OneSource | Iterable[bytes] | Iterable[OneSource]

CHUNK: Final = 2**19
"""Bytes read at once."""

_LARGE_DEPTH: Final = 2
"""How many pieces of `LARGE` bytes are held ahead. One would have the thread wait for each."""

_CHUNKS_AHEAD: Final = 4
"""How many chunks are read at once by a thread that unpacks, because it waits for the interpreter
lock after each read."""

_FREED_ONCE: Final = 2**23
"""Bytes of the block that `_keep_freed_memory` allocates."""

STDIN: Final = "-"


class Opened(NamedTuple):
    """An open file."""

    file: Any
    """What has `read`."""
    ours: bool = False
    """Whether it is ours to close, and to read before its bytes are asked for."""
    seekable: bool = False
    """Whether it may be put to a place."""
    inode: tuple[int, int] | None = None
    """Device and number, where it is a file with a path."""
    remote: bool = False
    """Whether reading it waits for a network."""


class Item(NamedTuple):
    """One source."""

    name: str
    open: Callable[[], Opened]


class Sources:
    """The events of a source, or of several one after the other.

    After a `FileError` they go on with the next file. With `in_thread`, another thread decodes what
    they give, so that they need none themselves.
    """

    def __init__(
        self,
        source: Source,
        name: str | None,
        resume: Checkpoint | None,
        *,
        in_thread: bool = False,
    ) -> None:
        self.start = SourceStarted(name=name or "")
        """The first event, as far as it is known before anything is asked for."""
        self._items = _items(source)
        self._name = name
        self._resume = resume
        self._in_thread = in_thread
        self._number = -1
        self._before = ""
        self._at = "the sources"
        self._ready: tuple[Item, Opened] | None = None
        self._events: Generator[Event] | None = None
        self._taken = _Count()
        self._interrupted = False
        self._stopped = False
        if not _is_several(source):
            # Who names one file learns at once that it is not there.
            item = self._next_item()
            if item is not None:
                self.start = SourceStarted(name=name or item.name)
                self._ready = item, item.open()

    @property
    def is_followed(self) -> bool:
        """The files end."""
        return False

    @property
    def waiting(self) -> bool:
        """Whether an exception that comes now costs no event, which cannot be told."""
        return False

    @property
    def bytes_read(self) -> int:
        """Bytes read from the files so far, as they are in the files."""
        return self._taken.value

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._interrupted:
            self.close()
            self._interrupted = False
            raise FileError(f"{self._at}: reading was interrupted; open it again")
        try:
            while not self._stopped:
                if self._events is None:
                    self._events = self._next_events()
                if self._events is None:
                    break
                event = next(self._events, None)
                if event is not None:
                    return event
                self._events = None
        except FileError:
            self._events = None
            raise
        except BaseException:
            # The events end with this, and that must not pass for the end of the source.
            self._interrupted = True
            raise
        raise StopIteration

    def stop(self) -> None:
        """End the events soon."""
        self._stopped = True

    def skip_source(self) -> None:
        """Go on with the next file."""
        if self._events is not None:
            self._events.close()
            self._events = None
        ready, self._ready = self._ready, None
        if ready is not None and ready[1].ours:
            ready[1].file.close()

    def close(self) -> None:
        """Close the file that is open. There are no more events then."""
        self.skip_source()
        self._items = iter(())

    def _next_item(self) -> Item | None:
        item = next(self._items, None)
        self._number += 1
        if self._resume is not None:
            while item is not None and self._number < self._resume.source:
                self._before = sources_mark(self._before, item.name)
                item = next(self._items, None)
                self._number += 1
            if item is None or self._before != self._resume.before:
                raise elsewhere(self._resume)
        self._at = item.name if item else self._at
        return item

    def _next_events(self) -> Generator[Event] | None:
        (item, opened), self._ready = self._ready or (self._next_item(), None), None
        if item is None:
            return None
        resume, self._resume = self._resume, None
        begin = SourceStarted(
            name=self._name or item.name, source=self._number, before=self._before, resume=resume
        )
        self._before = sources_mark(self._before, item.name)
        return _events(item, opened, begin, self._taken, self._in_thread)


class _Count:
    """A number that is counted up elsewhere."""

    value = 0


def _events(
    item: Item,
    opened: Opened | None,
    begin: SourceStarted,
    taken: _Count,
    in_thread: bool,  # noqa: FBT001 -- told by its name
) -> Generator[Event]:
    """Yield the events of one source."""
    # Nothing here refers to the `Sources`, so that the file of one that is forgotten is closed.
    try:
        opened = opened or item.open()
    except FileError:
        yield begin  # what came before ends here, and was whole
        raise
    can_again = opened.ours and opened.seekable and not opened.remote
    unpack = Decompressor(begin.name, partial(_again, opened, begin.name) if can_again else None)
    text = _text(opened, unpack, taken)
    rest: Generator[bytes] | Ahead[bytes] = text
    try:
        yield _placed(opened, begin)
        for piece in text:  # from the first on it is known whether it is compressed
            if piece:
                yield piece
            if opened.ours and not in_thread and (opened.remote or unpack.is_worth_a_thread):
                rest = _ahead(text, DEPTH if opened.remote else _LARGE_DEPTH)
                break
        yield from filter(None, rest)
    finally:
        with suppress(ValueError):  # an interrupt came while a thread took the text over
            rest.close()
        if opened.ours and not isinstance(rest, Ahead):  # which closes it in its thread
            opened.file.close()


def _ahead(text: Generator[bytes], depth: int) -> Generator[bytes] | Ahead[bytes]:
    try:
        return Ahead(text, depth=depth)
    except RuntimeError:  # there are no threads, or no more of them
        return text


def elsewhere(resume: Checkpoint) -> CheckpointError:
    """Return the error for a checkpoint that was taken in another source than any given."""
    return CheckpointError(
        f"the checkpoint was taken in source {resume.source + 1}, {quote(resume.file)}, and the"
        " sources before it are not the same"
    )


def _is_several(source: object) -> bool:
    """Return whether a source is chunks or sources, which are asked for one by one."""
    one = isinstance(source, str | bytes | bytearray | memoryview) or _is_file(source)
    return isinstance(source, Iterable) and not one


def _is_file(source: object) -> bool:
    return callable(getattr(source, "read", None))


def _items(source: Any) -> Iterator[Item]:
    """Yield the sources that `source` stands for."""
    if isinstance(source, str | os.PathLike):
        yield from _named(os.fsdecode(source))
        return
    name = name_of(source)
    if _is_file(source):
        yield Item(name, partial(_given, source))
        return
    if not _is_several(source):
        raise FileError(
            f"{quote(source)} is no source; give a path, a URL, a binary file, chunks of bytes in a"
            " list or an iterator, or several of these; text in memory is for `Decoder`"
        )
    rest = _guarded(source, name)
    for first in rest:
        whole = chain([first], rest)
        if isinstance(first, bytes | bytearray | memoryview):
            yield Item(name, partial(Opened, _Chunks(whole)))
            return
        for one in whole:
            if not isinstance(one, str | os.PathLike) and not _is_file(one):
                none = f"{quote(one)} stands among several sources and is none"
                yield _none(quote(one), FileError(none))
            else:
                yield from _items(one)


def name_of(source: object) -> str:
    """Return what to call a source that is no path."""
    name = getattr(source, "name", None)
    # Of a file that was opened by its number, the name is the number.
    return os.fsdecode(name) if isinstance(name, str | bytes) else f"<{type(source).__name__}>"


class _Chunks:
    """An iterator of bytes, as something that can be read."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks

    def read(self, _: int) -> Any:
        return next((chunk for chunk in self._chunks if chunk != b""), b"")


def _guarded(items: Iterable[Any], name: str) -> Iterator[Any]:
    """Yield the items; whatever else the iterator raises becomes an error of ours."""
    try:
        yield from items
    except (MemoryError, UsageWireError):
        raise
    except Exception as error:
        raise file_error(name, error) from error


def _named(name: str) -> Iterator[Item]:
    if name == STDIN:
        yield Item("<stdin>", _stdin)
    elif _is_url(name):
        yield from _remote(name)
    elif found := paths(name):
        for path in found:
            yield Item(path, partial(_open, path))
    else:
        yield _none(name, FileError(f"{name}: no file matches"))


def _is_url(name: str) -> bool:
    return "://" in name and not os.path.lexists(name)


def paths(name: str) -> list[str]:
    """Return the files that a path or a glob stands for; none where `name` is neither."""
    if name == STDIN or _is_url(name):
        return []
    if not glob.has_magic(name) or "\0" in name or os.path.lexists(name):
        return [name]
    # Path.glob would change how the names are written: ./a becomes a.
    matches = glob.glob(name, recursive=True)  # noqa: PTH207
    return sorted({path for path in matches if not Path(path).is_dir()})


def _none(name: str, error: FileError, cause: Exception | None = None) -> Item:
    """Return an item that cannot be opened, so that the sources after it can be read."""

    def fail() -> Opened:
        raise error from cause

    return Item(name, fail)


def _remote(url: str) -> Iterator[Item]:
    """Yield the file, or the files of a glob, at `url`."""
    try:
        files = remote_files(url)
    except FileError as error:
        yield _none(public(url), error)
        return
    except Exception as error:
        # Its cause might show what is secret.
        yield _none(public(url), file_error(public(url), error))
        return
    if not files:
        yield _none(public(url), FileError(f"{public(url)}: no file matches"))
    for file in files:
        yield Item(file.name, partial(_open_remote, *file))


def _stdin() -> Opened:
    file = getattr(sys.stdin, "buffer", None)
    if file is None:
        raise FileError("<stdin>: there is no standard input, or none of bytes")
    return _given(file)


def _given(file: Any) -> Opened:
    """Return an open file that is not ours."""
    try:
        seekable = bool(hasattr(file, "seekable") and file.seekable())
    except (OSError, ValueError):  # it is closed, which reading will tell
        seekable = False
    return Opened(file, seekable=seekable)


def _open(name: str) -> Opened:
    try:
        file = FileIO(name)
        found = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise file_error(name, error) from error
    return Opened(file, ours=True, seekable=file.seekable(), inode=(found.st_dev, found.st_ino))


def _open_remote(name: str, opening: Callable[[], Any], seekable: bool) -> Opened:  # noqa: FBT001 -- the fields of a RemoteFile
    try:
        return Opened(opening(), ours=True, seekable=seekable, remote=True)
    except MemoryError:
        raise
    except Exception as error:
        raise file_error(name, error) from None  # it might show what is secret


def file_error(name: str, error: Exception) -> FileError:
    """Return the `FileError` for what went wrong with the file `name`."""
    what = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return FileError(f"{name}: {without_secrets(what)}")


def _chunks(opened: Opened, name: str, pays_more: Callable[[], bool] = bool) -> Iterator[bytes]:
    # Of these it is known that `read` waits until it has all that was asked for.
    waits = type(opened.file) in (BufferedReader, BufferedRWPair)
    read = partial(_read_some, opened.file) if waits else opened.file.read
    while True:
        try:
            chunk = read(CHUNK * _CHUNKS_AHEAD if pays_more() else CHUNK)
        except (MemoryError, UsageWireError):
            raise
        except Exception as error:
            # Of a URL, the cause might show what is secret.
            raise file_error(name, error) from (None if opened.remote else error)
        data = only_bytes(chunk, name)
        if not data:
            return
        yield data


def _read_some(file: BufferedReader | BufferedRWPair, size: int) -> bytes | None:
    """Return what there is, at most `size` bytes."""
    # Where nothing has come yet to a file that does not block, `read1` seems to be at the end.
    return file.read1(size) or file.read(1)


def only_bytes(chunk: object, name: str) -> bytes:
    """Return a chunk of the source `name`, which must be bytes."""
    if chunk is None:
        raise FileError(f"{name}: gives nothing yet; make the file one that blocks")
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise FileError(f"{name}: gives {type(chunk).__name__}, not bytes")
    return bytes(chunk)


def _text(opened: Opened, unpack: Decompressor, taken: _Count) -> Generator[bytes]:
    try:
        for chunk in _chunks(opened, unpack.name, lambda: unpack.is_worth_a_thread):
            if len(chunk) >= CHUNK:
                _keep_freed_memory()
            taken.value += len(chunk)
            yield from unpack.feed(chunk)
        yield from unpack.close()
    finally:
        if opened.ours:
            opened.file.close()


@cache
def _keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next chunks and pieces, in all of the process.

    Else it gets them from the system page by page, each by a fault, which takes a tenth of the time
    of a plain file, and a third of a compressed one's. It keeps what is smaller than the largest
    block that was freed, which may be 32 MiB. Once is enough, and later it takes long.
    """
    bytes(_FREED_ONCE)


def _again(opened: Opened, name: str, size: int) -> Iterator[bytes]:
    """Yield the first `size` bytes of a file anew."""
    try:
        opened.file.seek(0)
    except OSError as error:
        raise file_error(name, error) from error
    chunks = _chunks(opened, name)
    while size and (chunk := next(chunks, b"")):
        yield chunk[:size]
        size -= min(size, len(chunk))


def _placed(opened: Opened, begin: SourceStarted) -> SourceStarted:
    """Return the beginning; where that is possible, the file is put to the place to resume at."""
    begin = attrs.evolve(begin, inode=opened.inode)
    resume, file = begin.resume, opened.file
    if resume is None or resume.item is not None or not resume.offset or not opened.seekable:
        return begin
    try:
        start = file.tell()
        head = read_fully(file, WINDOW)
        if format_of(head) is not None:
            file.seek(start)
            return begin
        tail_at = max(0, resume.offset - WINDOW)
        file.seek(start + tail_at)
        tail = read_fully(file, resume.offset - tail_at)
    except MemoryError:
        raise
    except Exception as error:
        raise file_error(begin.name, error) from (None if opened.remote else error)
    return attrs.evolve(begin, fingerprint=resume.fingerprint(begin.name, head, tail))


def read_fully(file: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes of a file, or what there is of them."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
