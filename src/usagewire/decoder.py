"""Bytes to records: `Decoder`. Sans-I/O.

This module parses with orjson, hands the result to the converter, keeps the counts and turns what
went wrong into `Rejection`s. It knows no rule about values and opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Literal,
    TypeAlias,
    TypedDict,
    TypeVar,
    Unpack,
    overload,
)

import attrs
import orjson
from cattrs import Converter

from usagewire._fields import Unknown
from usagewire._lines import BOM, Block, Cursor, LineCutter
from usagewire._unions import members
from usagewire.converters import make_converter
from usagewire.errors import (
    RAW_LIMIT,
    DecodeError,
    Rejection,
    UsageWireError,
    located,
    quote,
)
from usagewire.models import UsageObject

if TYPE_CHECKING:
    # cattrs brings typing_extensions; we name it only where nothing runs.
    from typing_extensions import TypeForm

T = TypeVar("T")

Data: TypeAlias = bytes | bytearray | memoryview | str
OnError: TypeAlias = Literal["raise", "skip", "collect"] | Callable[[Rejection], object]

MAX_LINE_BYTES: Final = 16 * 2**20
"""Longest line that is read. orjson takes up to 30 times a line's bytes in memory, so that without
a limit one bad line could end the process."""

MAX_REJECTIONS: Final = 1000
"""How many rejections a decoder keeps; it counts all."""

_BLANK: Final = b" \t\r"


class DecoderOptions(TypedDict, total=False):
    """The options of `Decoder`, which `read` takes too. `Decoder` says what they mean."""

    strict: bool
    unknown: Unknown
    on_error: OnError
    max_line_bytes: int
    max_rejections: int
    converter: Converter | None
    name: str | None


@attrs.frozen(kw_only=True)
class Counts:
    """What a decoder has seen: `lines == records + rejected + blank`, at every moment."""

    lines: int = 0
    """Lines read."""
    records: int = 0
    """Lines that became a record."""
    rejected: int = 0
    """Lines that did not; each was told to `on_error`."""
    blank: int = 0
    """Lines of nothing but spaces, tabs and CR."""
    bytes: int = 0
    """Bytes of all these lines, line ends and byte order mark included."""
    lenient: int = 0
    """Values in records that only `strict=False` let through."""


class Decoder(Generic[T]):
    r"""Turn JSON bytes into records of one type, and account for every line.

    Args:
        type: what each document is: a class of ours, a slotted attrs class of yours, a union of
            such classes, `list[...]` of them. Told apart by the JSON key `object`.
        strict, unknown: as in `make_converter`.
        on_error: what to do with a bad line: `"raise"` a `DecodeError`, `"skip"` and count it,
            `"collect"` it in `rejections`, or call a function with its `Rejection`.
        max_line_bytes: a longer line is rejected as `line_too_long`; memory stays bounded.
        max_rejections: how many rejections `rejections` keeps.
        converter: a converter of yours to use instead, with its own strictness and names.
        name: what to call the stream in rejections (`Rejection.file`).

    Raises:
        UsageWireError: where the type cannot be decoded or an option is not one.

    A decoder is for one stream at a time and one thread at a time.

    >>> from usagewire import Decoder
    >>> decoder = Decoder(on_error="collect")
    >>> lines = b'{"object":"organization.usage.vector_stores.result","usage_bytes":5}\nwhat?\n'
    >>> decoder.decode_lines(lines)[0].usage_bytes
    5
    >>> print(decoder.rejections[0])
    line 2: $: syntax: invalid JSON: unexpected character, expected a JSON value at character 0

    """

    @overload
    def __init__(self: Decoder[UsageObject], **options: Unpack[DecoderOptions]) -> None: ...
    @overload
    def __init__(self, type: TypeForm[T], **options: Unpack[DecoderOptions]) -> None: ...
    def __init__(
        self,
        type: Any = UsageObject,  # noqa: A002 -- the name is public
        *,
        strict: bool = True,
        unknown: Unknown = "keep",
        on_error: OnError = "raise",
        max_line_bytes: int = MAX_LINE_BYTES,
        max_rejections: int = MAX_REJECTIONS,
        converter: Converter | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(on_error) and on_error not in ("raise", "skip", "collect"):
            raise UsageWireError(
                f"on_error is {on_error!r}; it must be 'raise', 'skip', 'collect' or a function"
            )
        for number, least in ((max_line_bytes, 1), (max_rejections, 0)):
            if not isinstance(number, int) or number < least:
                raise UsageWireError("max_line_bytes is an int from 1, max_rejections one from 0")
        if converter is not None and (not strict or unknown != "keep"):
            raise UsageWireError("give strict and unknown to the converter that you pass")
        if not isinstance(converter, Converter | None):
            raise UsageWireError(f"converter is {quote(converter)}; it must be a cattrs Converter")
        self._type: Any = type
        self._name = name
        self._on_error = on_error
        self._max_rejections = max_rejections
        self._max_line_bytes = max_line_bytes
        if converter is None:
            converter = (
                _strict_converter(unknown)
                if strict and isinstance(unknown, str)
                else make_converter(strict=strict, unknown=unknown, on_lenient=self._use_leniency)
            )
        self._structure = _structure_hook(converter, type)
        self.reads_objects = all(attrs.has(m) for m in members(type))
        """Whether each document is a JSON object: the type is attrs classes and nothing else."""
        self._lines = self._records = self._rejected = self._blank = self._bytes = 0
        self._lenient = 0
        self._lenient_here = 0
        self._lenient_at = -1
        self._rejections: list[Rejection] = []
        self._cutter = LineCutter(max_line_bytes)
        self._cursor = Cursor()
        self._ready: list[T] = []
        self._filling = self._ready

    @property
    def counts(self) -> Counts:
        """What was seen so far; `decode`, which reads no lines, only adds to `lenient`."""
        return Counts(
            lines=self._lines,
            records=self._records,
            rejected=self._rejected,
            blank=self._blank,
            bytes=self._bytes,
            lenient=self._lenient,
        )

    @property
    def rejections(self) -> list[Rejection]:
        """The first `max_rejections` rejections, oldest first; empty with `on_error="skip"`."""
        return list(self._rejections)

    def decode(self, data: Data) -> T:
        """Return the one document `data` holds.

        Raises:
            DecodeError: where it is not JSON or not of the type, whatever `on_error` says.

        """
        text = data if type(data) is bytes else _as_bytes(data)
        text = text.removeprefix(BOM)
        self._lenient_at = -1
        try:
            return self._structure(orjson.loads(text), self._type)  # type: ignore[no-any-return]
        except Exception as error:
            self._forget_leniencies()
            found = self._explained(error)
            raise found from found.__cause__

    def decode_lines(self, data: Data) -> list[T]:
        """Return the records of `data`, a whole NDJSON text; a last line may lack its LF.

        Lines are numbered from 1 and offsets counted from 0 anew in each call.

        Raises:
            DecodeError: with `on_error="raise"`, at the first bad line; `records` of the error
                holds the records before it.

        """
        cutter = LineCutter(self._max_line_bytes)
        blocks = chain(cutter.feed(_as_bytes(data)), cutter.close())
        return self._decode_all(Cursor(blocks), [])

    def decode_document(self, data: Data) -> list[T]:
        """Return the record, or the array of records, that one JSON document holds.

        Each record counts as a line and is numbered as one. Of a bad record in an array, `raw` is
        the element written anew, and `offset` is 0.

        Raises:
            DecodeError: with `on_error="raise"`, for the first bad record; `records` of the error
                holds all the good ones.

        """
        text = _as_bytes(data)
        self._bytes += len(text)
        text = text.removeprefix(BOM)
        value: Any
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as bad:
            value = bad
        whole = type(value) is not list
        self._filling = self._ready
        first: DecodeError | None = None
        for number, item in enumerate([value] if whole else value, 1):
            self._lenient_at = -1
            try:
                if isinstance(item, orjson.JSONDecodeError):
                    raise item
                self._ready.append(self._structure(item, self._type))
                self._lines += 1
                self._records += 1
            except MemoryError:
                raise
            except Exception as bad:
                self._lines += 1
                raw = text if whole else _dumped(item)
                try:
                    self._reject(bad, number, 0, len(raw), raw)
                except DecodeError as error:
                    first = first or error
        records = self._ready.copy()
        self._ready.clear()
        if first is not None:
            first.records = records
            raise first
        return records

    def feed(self, chunk: Data) -> list[T]:
        """Return the records of the lines that `chunk` completes; hold an incomplete line back.

        Raises:
            DecodeError: with `on_error="raise"`, at a bad line; `records` of the error holds the
                records before it in this call, and the next call goes on after the bad line.

        """
        self._cursor.add(self._cutter.feed(_as_bytes(chunk)))
        return self._decode_all(self._cursor, self._ready)

    def close(self) -> list[T]:
        """Return the record of a last line without LF, if there is one, and whatever is left.

        Raises:
            DecodeError: as `feed`.

        """
        self._cursor.add(self._cutter.close())
        return self._decode_all(self._cursor, self._ready)

    def _decode_all(self, cursor: Cursor, ready: list[T]) -> list[T]:
        """Return the records of all lines from `cursor` on, after those in `ready`.

        Should anything but a bad line stop this (an interrupt, no memory, a callback's error), what
        was read stays in `ready` and the cursor at the line that is next.
        """
        while cursor.has_line():
            self._decode_block(cursor, ready)
        records = ready.copy()
        ready.clear()
        return records

    def _decode_block(self, cursor: Cursor, ready: list[T]) -> None:
        block = cursor.block
        if block.cut_from:
            error = _too_long(block, self._max_line_bytes)
            return self._settle(error, cursor, ready)
        self._lenient_at = -1
        self._filling = ready
        lines = cursor.lines
        # Which line the loop is at follows from how many records there are.
        ahead = cursor.index - len(ready)
        append, structure, kind, loads = ready.append, self._structure, self._type, orjson.loads
        while True:
            try:
                for line in lines:
                    append(structure(loads(line), kind))
            except BaseException as error:
                self._count_records(cursor, len(ready) + ahead)
                if isinstance(error, MemoryError) or not isinstance(error, Exception):
                    self._forget_leniencies()
                    cursor.go_back()
                    raise
                bad = error
            else:
                return self._count_records(cursor, len(ready) + ahead)
            self._settle(bad, cursor, ready)
            ahead += 1

    def _count_records(self, cursor: Cursor, index: int) -> None:
        """Count the lines up to `index` as records and go there."""
        count = index - cursor.index
        self._lines += count
        self._records += count
        self._bytes += cursor.advance(index)

    def _settle(self, error: Exception, cursor: Cursor, ready: list[T]) -> None:
        """Account for the line at the cursor, which gave no record, and go to the next."""
        block, index, offset = cursor.block, cursor.index, cursor.offset
        data = block.lines[index].removesuffix(b"\r")
        self._lines += 1
        self._bytes += cursor.advance(index + 1)
        if not block.cut_from and not data.strip(_BLANK):
            self._blank += 1
            return
        try:
            self._reject(error, block.number + index, offset, block.cut_from or len(data), data)
        except DecodeError as found:
            found.records = ready.copy()
            ready.clear()
            raise

    def _reject(self, error: Exception, line: int, offset: int, length: int, data: bytes) -> None:
        """Count a rejection and tell it as `on_error` says."""
        self._forget_leniencies()
        self._rejected += 1
        found = self._explained(error)
        rejection = Rejection(
            code=found.code,
            message=found.message,
            path=found.path,
            line=line,
            offset=offset,
            length=length,
            raw=data[:RAW_LIMIT],
            file=self._name,
        )
        if self._on_error == "skip":
            return
        if len(self._rejections) < self._max_rejections:
            self._rejections.append(rejection)
        if self._on_error == "raise":
            found.rejection = rejection
            raise found from found.__cause__
        if callable(self._on_error):
            self._on_error(rejection)

    def _explained(self, error: Exception) -> DecodeError:
        """Return the `DecodeError` that says what `error` says."""
        if isinstance(error, orjson.JSONDecodeError):
            return DecodeError("syntax", f"invalid JSON: {error.msg} at character {error.pos}")
        found = located(error, None)
        if not isinstance(found, DecodeError):
            raise found
        if self.reads_objects and found.code == "wrong_type" and found.path == "$":
            return DecodeError("syntax", found.message)
        return found

    def _use_leniency(self) -> None:
        # Within a block, the records so far and the rejections so far name the line.
        line = len(self._filling) + self._rejected
        if line != self._lenient_at:
            self._lenient_at, self._lenient_here = line, 0
        self._lenient_here += 1
        self._lenient += 1

    def _forget_leniencies(self) -> None:
        """Take back what was counted for a document that was rejected after all."""
        if self._lenient_at == len(self._filling) + self._rejected:
            self._lenient -= self._lenient_here


@lru_cache(maxsize=8)
def _strict_converter(unknown: Unknown) -> Converter:
    return make_converter(unknown=unknown)


def _structure_hook(converter: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    try:
        return converter.get_structure_hook(kind)
    except UsageWireError:
        raise
    except Exception as error:
        raise UsageWireError(f"cannot decode into {kind!r}: {error}") from error


def _as_bytes(data: Data) -> bytes:
    if isinstance(data, str):
        # A lone surrogate cannot be UTF-8; as it is, the line it stands in is rejected.
        return data.encode("utf-8", "surrogatepass")
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise UsageWireError(f"data is {type(data).__name__}; it must be bytes-like or str")


def _dumped(value: Any) -> bytes:
    """Return `value` as JSON, or nothing where it is too deep for orjson to write."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return b""


def _too_long(block: Block, limit: int) -> DecodeError:
    return DecodeError(
        "line_too_long", f"the line has {block.cut_from} bytes; the limit is {limit}"
    )
