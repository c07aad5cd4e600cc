"""Files to read: which files a source names, how to open each one, and its text.

This module must not know records, events or checkpoints.
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
"""Bytes to read at once."""

_LARGE_DEPTH: Final = 2
"""How many pieces of `LARGE` bytes a thread holds. With one, it would wait after each."""

_CHUNKS_AHEAD: Final = 4
"""Chunks that a thread reads at once to decompress. After each read it waits for the GIL."""

STDIN: Final = "-"


class OpenedFile(NamedTuple):
    """An open file."""

    file: Any
    """An object with `read`."""
    is_ours: bool = False
    """Whether we opened it, so that we close it and may read ahead."""
    is_seekable: bool = False
    inode: tuple[int, int] | None = None
    """Device and inode number, if it is a file with a path."""
    is_remote: bool = False
    """Whether reading it waits for a network."""

    def close(self) -> None:
        """Close the file if it is ours."""
        if self.is_ours:
            self.file.close()


class InputFile(NamedTuple):
    """A file to open."""

    name: str
    open: Callable[[], OpenedFile]


class ByteCounter:
    """The number of bytes that were read."""

    value = 0


def input_files(source: Any) -> Iterator[InputFile]:
    """Yield the files that `source` names.

    It raises `FileError` if it is not a source, or if an iterable fails to give the next one.
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
            f"{quote(source)} is not a source; give a path, a URL, a binary file, chunks of bytes"
            " in a list or an iterator, or several of these; read text in memory with `Decoder`"
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
                error = FileError(f"the sources include {quote(item)}, which is not a source")
                yield _unusable(quote(item), error)


def is_several(source: object) -> bool:
    """Return whether a source is an iterable of chunks or of sources."""
    is_one = isinstance(source, str | bytes | bytearray | memoryview) or _is_file(source)
    return isinstance(source, Iterable) and not is_one


def name_of(source: object) -> str:
    """Return the name of a source that is not a path."""
    name = getattr(source, "name", None)
    # The name of a file that was opened by its descriptor is that number.
    return os.fsdecode(name) if isinstance(name, str | bytes) else f"<{type(source).__name__}>"


def paths(name: str) -> list[str]:
    """Return the files that a path or a glob names; none if `name` is standard input or a URL."""
    if name == STDIN or _is_url(name):
        return []
    if not glob.has_magic(name) or "\0" in name or os.path.lexists(name):
        return [name]
    # Path.glob would change the names: ./a becomes a.
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
    failure = FileError(f"{name}: no file matches")
    try:
        with named(name, Exception, shows_cause=False):
            files = remote_files(url)
    except FileError as error:
        error.__context__ = None  # it may hold a secret of the URL
        failure = error
    if not files:
        yield _unusable(name, failure)
    for file in files:
        yield InputFile(file.name, partial(_open_remote, *file))


def _unusable(name: str, error: FileError) -> InputFile:
    """Return a file that fails when it is opened, so that the files after it can be read."""

    def fail() -> OpenedFile:
        raise error from None

    return InputFile(name, fail)


class _ChunkFile:
    """A file whose `read` gives the next chunk that is not empty."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        self._chunks = chunks

    def read(self, _: int) -> Any:
        return next((chunk for chunk in self._chunks if chunk != b""), b"")


def _open_stdin() -> OpenedFile:
    file = getattr(sys.stdin, "buffer", None)
    if file is None:
        raise FileError("<stdin>: there is no standard input, or it does not give bytes")
    return _open_given(file)


def _open_given(file: Any) -> OpenedFile:
    try:
        is_seekable = bool(hasattr(file, "seekable") and file.seekable())
    except (OSError, ValueError):  # it is closed, so reading it will raise this error
        is_seekable = False
    return OpenedFile(file, is_seekable=is_seekable)


def _open_path(name: str) -> OpenedFile:
    with named(name, Exception):
        file = FileIO(name)
        found = os.fstat(file.fileno())
    inode = found.st_dev, found.st_ino
    return OpenedFile(file, is_ours=True, is_seekable=file.seekable(), inode=inode)


def _open_remote(name: str, opening: Callable[[], Any], is_seekable: bool) -> OpenedFile:  # noqa: FBT001 -- the fields of a RemoteFile
    with named(name, Exception, shows_cause=False):
        return OpenedFile(opening(), is_ours=True, is_seekable=is_seekable, is_remote=True)


class TextReader:
    """The decompressed text of an open file. If it is ours, a thread may read ahead."""

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
        """Yield the text in pieces, without empty ones."""
        for piece in self._text:  # the first piece shows whether the file is compressed
            if piece:
                yield piece
            if self._may_prefetch and (self._opened.is_remote or self._unpack.is_worth_a_thread):
                with suppress(RuntimeError):  # no thread can start
                    depth = DEPTH if self._opened.is_remote else _LARGE_DEPTH
                    self._rest = PrefetchIterator(self._text, depth=depth)
                break
        yield from filter(None, self._rest)

    def close(self) -> None:
        """Close the file if it is ours, or let the thread that reads ahead close it."""
        with suppress(ValueError):  # the thread runs the text, because an interrupt came
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
    # The `read` of these types waits until all bytes have come.
    waits = type(opened.file) in (BufferedReader, BufferedRWPair)
    read = partial(_read_some, opened.file) if waits else opened.file.read
    while True:
        # Without `named`, because it took a sixth longer with chunks of one line each.
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
    """Yield the first `size` bytes of a file again."""
    with named(name):
        opened.file.seek(0)
    chunks = _chunks(opened, name)
    while size and (chunk := next(chunks, b"")):
        yield chunk[:size]
        size -= min(size, len(chunk))


def _read_some(file: BufferedReader | BufferedRWPair, size: int) -> bytes | None:
    # For a non-blocking file, b"" from `read1` can also mean that no bytes have come yet.
    return file.read1(size) or file.read(1)


def only_bytes(chunk: object, name: str) -> bytes:
    """Return a chunk as bytes, or raise a `FileError` about the source `name`."""
    if chunk is None:
        raise FileError(f"{name}: gives no bytes yet; open the file in blocking mode")
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
