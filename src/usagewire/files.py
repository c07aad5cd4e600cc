"""Files: the only module that opens anything.

`read` gives the records of a file as an iterator, in memory that does not grow with the file;
`write` replaces a file whole or not at all. What the bytes mean is not decided here.
"""

from __future__ import annotations

import os
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Generic, Self, TypeAlias, Unpack, overload

import orjson
from cattrs import Converter

from usagewire._lines import BOM
from usagewire.decoder import MAX_LINE_BYTES, Counts, Decoder, DecoderOptions, T
from usagewire.encoder import Encoder
from usagewire.errors import DecodeError, FileError, Rejection, quote
from usagewire.models import UsageObject

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from usagewire._wire import Dialect

Source: TypeAlias = str | os.PathLike[str] | BinaryIO

CHUNK: Final = 2**18
"""Bytes read at once."""

STDIN: Final = "-"
GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 16 + zlib.MAX_WBITS
_BATCH: Final = 1000


@overload
def read(source: Source, **options: Unpack[DecoderOptions]) -> Reader[UsageObject]: ...
@overload
def read(source: Source, type: TypeForm[T], **options: Unpack[DecoderOptions]) -> Reader[T]: ...
def read(
    source: Source,
    type: Any = UsageObject,  # noqa: A002 -- the name is public
    **options: Unpack[DecoderOptions],
) -> Reader[Any]:
    """Open `source` and return an iterator over its records, which is a context manager too.

    Args:
        source: a path, `-` for standard input, or a binary file object (which stays open). gzip is
            recognised by its first bytes. The text is NDJSON, or one JSON document: an object
            printed over several lines or an array of objects. NDJSON takes constant memory; a
            document is held in memory whole and so may have `max_line_bytes` at most.
        type, options: as in `Decoder`; `name` is the name of the source unless given.

    Raises:
        FileError: where the source cannot be opened, and during iteration where it cannot be read
            on, as when gzip data is damaged; the records before the damage come first.
        DecodeError: during iteration, with `on_error="raise"`, at a bad line. The records before it
            have come out, and iterating on continues after it.

    """
    name = options["name"] = options.get("name") or _name(source)
    decoder = Decoder(type, **options)
    return Reader(source, name, decoder, options.get("max_line_bytes", MAX_LINE_BYTES))


class Reader(Generic[T]):
    """The records of one file, in order. Made by `read`."""

    def __init__(self, source: Source, name: str, decoder: Decoder[T], max_line_bytes: int) -> None:
        self.name = name
        """Name of the file, as rejections give it."""
        self._decoder = decoder
        self._file, self._ours = _open(source, name)
        self._limit = max_line_bytes
        self._chunks: Iterator[bytes] | None = None
        self._document: bytes | None = None
        self._ready: Iterator[T] = iter(())
        self._error: DecodeError | None = None
        self._stopped = False
        self._ended = False

    @property
    def counts(self) -> Counts:
        """What was read so far: `lines == records + rejected + blank`."""
        return self._decoder.counts

    @property
    def rejections(self) -> list[Rejection]:
        """The first rejections, oldest first; empty with `on_error="skip"`."""
        return self._decoder.rejections

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while True:
            for record in self._ready:
                return record
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            try:
                self._ready = iter(self._more())
            except DecodeError as error:
                records, error.records = error.records, []
                self._ready, self._error = iter(records), error
            except (StopIteration, FileError):
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file if `read` opened it. There are no more records then."""
        self._ended, self._stopped = True, False
        self._ready = iter(())
        if self._ours:
            self._file.close()

    def _more(self) -> list[T]:
        """Return the records of one more step.

        Whatever stops a step (a bad line, an error of the callback, an interrupt), the lines that
        it left are in the decoder, and the next step goes on with them.
        """
        if self._stopped:
            step: Callable[[], list[T]] = partial(self._decoder.feed, b"")
        elif self._ended:
            raise StopIteration
        else:
            step = self._next_step()
        self._stopped = True
        records = step()
        self._stopped = False
        return records

    def _next_step(self) -> Callable[[], list[T]]:
        try:
            if self._chunks is None:
                text = _text(self._file, self.name)
                if self._decoder.reads_objects:
                    self._chunks, document = _tell_document(text, self._limit, self.name)
                    if document is not None:
                        return partial(self._decoder.decode_document, document)
                else:
                    self._chunks = text
            chunk = next(self._chunks, None)
        except FileError:
            raise
        except BaseException:
            # The chunks end with this, and that must not pass for the end of the file.
            self._chunks = _interrupted(self.name)
            raise
        if chunk is not None:
            return partial(self._decoder.feed, chunk)
        self._ended = True
        return self._decoder.close


def _interrupted(name: str) -> Iterator[bytes]:
    raise FileError(f"{name}: reading was interrupted; open it again")
    yield b""


def _name(source: Source) -> str:
    if isinstance(source, str | os.PathLike):
        return "<stdin>" if source == STDIN else os.fspath(source)
    return str(getattr(source, "name", source))


def _open(source: Source, name: str) -> tuple[BinaryIO, bool]:
    """Return the open file and whether it is ours to close."""
    if source == STDIN:
        return sys.stdin.buffer, False
    if not isinstance(source, str | os.PathLike):
        if not callable(getattr(source, "read", None)):
            raise FileError(f"{name}: not a path and not a binary file")
        return source, False
    try:
        return Path(source).open("rb"), True
    except (OSError, ValueError) as error:
        raise _file_error(name, error) from error


def _file_error(name: str, error: Exception) -> FileError:
    return FileError(f"{name}: {getattr(error, 'strerror', None) or error}")


def _text(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the file's bytes in chunks, decompressed where they are gzip."""
    chunks = _chunks(file, name)
    first = next(chunks, b"")
    while len(first) < len(GZIP_MAGIC) and (more := next(chunks, b"")):
        first += more
    whole = chain([first], chunks)
    return _gunzip(whole, name) if first.startswith(GZIP_MAGIC) else whole


def _chunks(file: BinaryIO, name: str) -> Iterator[bytes]:
    try:
        while chunk := file.read(CHUNK):
            if not isinstance(chunk, bytes):  # a text file, whatever its type says
                raise FileError(f"{name}: the file gives {type(chunk).__name__}, not bytes")
            yield chunk
    except (OSError, ValueError) as error:
        raise _file_error(name, error) from error


def _gunzip(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Yield the text of all gzip members, in pieces of bounded size.

    A stream that ends inside a member is an error: zlib would take it for a clean end.
    """
    member = zlib.decompressobj(_GZIP)
    fresh = True
    offset = 0
    for chunk in chunks:
        data = chunk
        while data:
            if fresh:
                # Zeros between and after members are padding.
                data = data.lstrip(b"\0")
                fresh = not data
                continue
            try:
                text = member.decompress(data, CHUNK)
            except zlib.error as error:
                at = offset + len(chunk) - len(data)
                raise FileError(f"{name}: damaged gzip data near byte {at}: {error}") from error
            data = member.unconsumed_tail
            if member.eof:
                data = member.unused_data
                member = zlib.decompressobj(_GZIP)
                fresh = True
            if text:
                yield text
        offset += len(chunk)
    if not fresh:
        yield member.flush()
        raise FileError(f"{name}: the gzip data ends in the middle, after {offset} bytes")


def _tell_document(
    chunks: Iterator[bytes], limit: int, name: str
) -> tuple[Iterator[bytes], bytes | None]:
    """Return the chunks to read as NDJSON, or no chunks and the text of the one JSON document."""
    head: list[bytes] = []
    size = lines = 0
    for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        # Blank lines before the text tell nothing.
        lines += (chunk if lines or head[:-1] else chunk.removeprefix(BOM).lstrip()).count(b"\n")
        if lines > 1 or size > limit:
            break
    first, *more = b"".join(head).removeprefix(BOM).lstrip().split(b"\n", 2)
    first = first.rstrip()
    printed = first[-1:] in (b"{", b"[", b",") and bool(more) and not _is_object(more[0])
    if first[:1] == b"[" or (first[:1] == b"{" and printed):
        for chunk in chunks:
            head.append(chunk)
            size += len(chunk)
            if size > limit:
                break
        if size <= limit:
            text = b"".join(head).removeprefix(BOM)
            with suppress(orjson.JSONDecodeError):
                orjson.loads(text)
                return iter(()), text
        elif printed:
            raise FileError(
                f"{name}: seems to be one JSON document, of more than {limit} bytes; to hold it in"
                " memory, raise max_line_bytes"
            )
    return chain([b"".join(head)], chunks), None


def _is_object(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict
    except orjson.JSONDecodeError:
        return False


def write(
    path: str | os.PathLike[str],
    records: Iterable[Any],
    *,
    dialect: Dialect = "api",
    converter: Converter | None = None,
) -> int:
    """Write `records` as NDJSON to `path` and return how many there were.

    The file is replaced whole or not at all: the text goes to a temporary file in the same folder,
    which takes the name and the permissions of `path` once all of it is on disk. Links are
    followed. A name that ends in `.gz` is written as gzip.

    Args:
        path: the file to write.
        records: records of any class, written one a line.
        dialect, converter: as in `Encoder`.

    Raises:
        FileError: where the file cannot be written, or what is there is not a regular file.
        EncodeError: where a record holds something that would not read back equal; the path begins
            with its index.

    """
    target, mode = _regular_target(path)
    encoder = Encoder(dialect=dialect, converter=converter)
    # Beside the target, because only a rename within one file system is a single step.
    temporary = target.with_name(f".usagewire-{os.getpid()}-{time.time_ns()}.part")
    try:
        with temporary.open("xb") as file:
            count = _write_lines(file, records, encoder, packed=target.suffix == ".gz")
            file.flush()
            if mode is not None:
                temporary.chmod(mode)
            os.fsync(file.fileno())
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise _file_error(str(target), error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return count


def _regular_target(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Return the file to replace, links followed, and the mode that it has."""
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
        raise FileError(f"{path}: not a regular file, so it cannot be replaced")
    return target, stat.S_IMODE(found.st_mode)


def _write_lines(file: BinaryIO, records: Iterable[Any], encoder: Encoder, *, packed: bool) -> int:
    packer = zlib.compressobj(wbits=_GZIP) if packed else None
    rest = iter(records)
    count = 0
    while some := list(islice(rest, _BATCH)):
        text = encoder.encode_lines(some, first=count)
        file.write(packer.compress(text) if packer else text)
        count += len(some)
    if packer:
        file.write(packer.flush())
    return count


def _sync_folder(folder: Path) -> None:
    """Put the folder's entry on disk too, where the system has folders that can be synced."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
