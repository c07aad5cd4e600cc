"""Files to read: which ones a source names, how each is opened, and its bytes and text.

This module knows no records, no events and no checkpoints.
"""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from io import BufferedReader, BufferedRWPair, FileIO
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from usagewire.errors import FileError, UsageWireError, quote
from usagewire.io.decompression import Decompressor
from usagewire.io.filesystem import file_error, named
from usagewire.io.prefetch import DEPTH, PrefetchIterator
from usagewire.io.remote import RemoteFile, public, remote_files

CHUNK: Final = 2**19
"""Bytes read at once."""

_LARGE_DEPTH: Final = 2
"""How many pieces of `LARGE` bytes are held ahead. With one, the thread would wait for each."""

_CHUNKS_AHEAD: Final = 4
"""Chunks that a thread that decompresses reads at once: after each read it waits for the lock."""

STDIN: Final = "-"


class OpenedFile(NamedTuple):
    """An open file."""

    file: Any
    """An object with `read`."""
    is_ours: bool = False
    """Whether we close it, and may read it before its bytes are asked for."""
    is_seekable: bool = False
    inode: tuple[int, int] | None = None
    """Device and inode number, where it is a file with a path."""
    is_remote: bool = False
    """Whether reading it waits for a network."""

    def close(self) -> None:
        """Close the file if it is ours."""
        if self.is_ours:
            self.file.close()


class InputFile(NamedTuple):
    """A file that can be opened."""

    name: str
    open: Callable[[], OpenedFile]


class ByteCounter:
    """The number of bytes that were read."""

    value = 0


def input_files(source: Any) -> Iterator[InputFile]:
    """Yield the files that `source` stands for.

    It raises `FileError` where it stands for none, or asking an iterable for the next one fails.
    """
    if isinstance(source, str | os.PathLike):
        yield from _files_at(os.fsdecode(source))
        return
    name = name_of(source)
    if _is_file(source):
        yield InputFile(name, partial(_open_given, source))
        return
    if not is_several(source):
        raise FileError(
            f"{quote(source)} is no source; give a path, a URL, a binary file, chunks of bytes in a"
            " list or an iterator, or several of these; text in memory is for `Decoder`"
        )
    rest = _items(source, name)
    for first in rest:
        items = chain([first], rest)
        if isinstance(first, bytes | bytearray | memoryview):
            yield InputFile(name, partial(OpenedFile, _ChunkFile(items)))
            return
        for item in items:
            if isinstance(item, str | os.PathLike) or _is_file(item):
                yield from input_files(item)
            else:
                none = f"{quote(item)} stands among several sources and is none"
                yield _unusable(quote(item), FileError(none))


def is_several(source: object) -> bool:
    """Return whether a source is chunks or several files, which are asked for one by one."""
    is_one = isinstance(source, str | bytes | bytearray | memoryview) or _is_file(source)
    return isinstance(source, Iterable) and not is_one


def name_of(source: object) -> str:
    """Return what to call a source that is no path."""
    name = getattr(source, "name", None)
    # A file that was opened by its descriptor has that number as its name.
    return os.fsdecode(name) if isinstance(name, str | bytes) else f"<{type(source).__name__}>"


def paths(name: str) -> list[str]:
    """Return the files that a path or a glob stands for; none where `name` is neither."""
    if name == STDIN or _is_url(name):
        return []
    if not glob.has_magic(name) or "\0" in name or os.path.lexists(name):
        return [name]
    # Path.glob would change how the names are written: ./a becomes a.
    matches = glob.glob(name, recursive=True)  # noqa: PTH207
    return sorted({path for path in matches if not Path(path).is_dir()})


def _is_file(source: object) -> bool:
    return callable(getattr(source, "read", None))


def _is_url(name: str) -> bool:
    return "://" in name and not os.path.lexists(name)


def _items(items: Iterable[Any], name: str) -> Iterator[Any]:
    with named(name, Exception):
        yield from items


def _files_at(name: str) -> Iterator[InputFile]:
    if name == STDIN:
        yield InputFile("<stdin>", _open_stdin)
    elif _is_url(name):
        yield from _files_at_url(name)
    elif found := paths(name):
        for path in found:
            yield InputFile(path, partial(_open_path, path))
    else:
        yield _unusable(name, FileError(f"{name}: no file matches"))


def _files_at_url(url: str) -> Iterator[InputFile]:
    name = public(url)
    files: list[RemoteFile] = []
    failure: FileError | None = None
    try:
        with named(name, Exception, shows_cause=False):
            files = remote_files(url)
    except FileError as error:
        error.__context__ = None  # it may hold a secret of the URL
        failure = error
    if failure is not None:
        yield _unusable(name, failure)
    elif not files:
        yield _unusable(name, FileError(f"{name}: no file matches"))
    for file in files:
        yield InputFile(file.name, partial(_open_remote, *file))


def _unusable(name: str, error: FileError) -> InputFile:
    """Return a file that cannot be opened, so that the files after it can be read."""

    def fail() -> OpenedFile:
        raise error from None

    return InputFile(name, fail)


class _ChunkFile:
    """An iterator of bytes, as a file."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks

    def read(self, _: int) -> Any:
        return next((chunk for chunk in self._chunks if chunk != b""), b"")


def _open_stdin() -> OpenedFile:
    file = getattr(sys.stdin, "buffer", None)
    if file is None:
        raise FileError("<stdin>: there is no standard input, or none of bytes")
    return _open_given(file)


def _open_given(file: Any) -> OpenedFile:
    try:
        is_seekable = bool(hasattr(file, "seekable") and file.seekable())
    except (OSError, ValueError):  # it is closed, and reading it will say so
        is_seekable = False
    return OpenedFile(file, is_seekable=is_seekable)


def _open_path(name: str) -> OpenedFile:
    try:
        file = FileIO(name)
        found = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise file_error(name, error) from error
    inode = found.st_dev, found.st_ino
    return OpenedFile(file, is_ours=True, is_seekable=file.seekable(), inode=inode)


def _open_remote(name: str, opening: Callable[[], Any], is_seekable: bool) -> OpenedFile:  # noqa: FBT001 -- the fields of a RemoteFile
    with named(name, Exception, shows_cause=False):
        return OpenedFile(opening(), is_ours=True, is_seekable=is_seekable, is_remote=True)


class TextReader:
    """The text of an open file, decompressed.

    Where that pays, and only for a file of ours, a thread reads ahead.
    """

    def __init__(
        self, opened: OpenedFile, name: str, counter: ByteCounter, *, may_prefetch: bool
    ) -> None:
        self._opened = opened
        self._may_prefetch = may_prefetch and opened.is_ours
        can_read_again = opened.is_ours and opened.is_seekable and not opened.is_remote
        self._unpack = Decompressor(name, partial(_again, opened, name) if can_read_again else None)
        self._text = _text(opened, self._unpack, counter)
        self._rest: Generator[bytes] | PrefetchIterator[bytes] = self._text

    def pieces(self) -> Iterator[bytes]:
        """Yield the text in pieces, none of them empty."""
        for piece in self._text:  # from the first on it is known whether it is compressed
            if piece:
                yield piece
            if self._may_prefetch and (self._opened.is_remote or self._unpack.is_worth_a_thread):
                with suppress(RuntimeError):  # there are no threads, or no more of them
                    depth = DEPTH if self._opened.is_remote else _LARGE_DEPTH
                    self._rest = PrefetchIterator(self._text, depth=depth)
                break
        yield from filter(None, self._rest)

    def close(self) -> None:
        """Close the file, if it is ours. A thread that reads ahead closes it itself."""
        with suppress(ValueError):  # an interrupt came while a thread took the text over
            self._rest.close()
        if not isinstance(self._rest, PrefetchIterator):
            self._opened.close()


def _text(opened: OpenedFile, unpack: Decompressor, counter: ByteCounter) -> Generator[bytes]:
    try:
        for chunk in _chunks(opened, unpack.name, lambda: unpack.is_worth_a_thread):
            counter.value += len(chunk)
            yield from unpack.feed(chunk)
        yield from unpack.close()
    finally:
        opened.close()


def _chunks(
    opened: OpenedFile, name: str, reads_more: Callable[[], bool] = bool
) -> Iterator[bytes]:
    # The `read` of these waits until it has all that was asked for.
    waits = type(opened.file) in (BufferedReader, BufferedRWPair)
    read = partial(_read_some, opened.file) if waits else opened.file.read
    while True:
        # With `named`, reading chunks of one line each took a sixth longer.
        try:
            chunk = read(CHUNK * _CHUNKS_AHEAD if reads_more() else CHUNK)
        except (MemoryError, UsageWireError):
            raise
        except Exception as error:
            raise file_error(name, error) from (None if opened.is_remote else error)
        data = only_bytes(chunk, name)
        if not data:
            return
        yield data


def _again(opened: OpenedFile, name: str, size: int) -> Iterator[bytes]:
    """Yield the first `size` bytes of a file once more."""
    with named(name):
        opened.file.seek(0)
    chunks = _chunks(opened, name)
    while size and (chunk := next(chunks, b"")):
        yield chunk[:size]
        size -= min(size, len(chunk))


def _read_some(file: BufferedReader | BufferedRWPair, size: int) -> bytes | None:
    # `read1` of a file that does not block seems to be at the end where nothing has come yet.
    return file.read1(size) or file.read(1)


def only_bytes(chunk: object, name: str) -> bytes:
    """Return a chunk of the source `name`, which must be bytes."""
    if chunk is None:
        raise FileError(f"{name}: gives nothing yet; make the file one that blocks")
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise FileError(f"{name}: gives {type(chunk).__name__}, not bytes")
    return bytes(chunk)


def read_fully(file: BinaryIO, size: int) -> bytes:
    """Return the next `size` bytes of a file, or fewer at its end."""
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
