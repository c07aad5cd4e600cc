"""`Decoder`, which turns bytes into records, and its options.

The modules `line_decoder` and `documents` count lines and records. The converter knows the rules
about values. This module must not know files.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypedDict, Unpack, overload

import attrs
import orjson
from cattrs import Converter

from usagewire.codec.context import START, DecodeContext, Place, T
from usagewire.codec.counts import MAX_REJECTIONS, Counts, DecodeStats, OnError
from usagewire.codec.documents import Document, DocumentDecoder
from usagewire.codec.line_buffer import BOM, MAX_LINE_BYTES
from usagewire.codec.line_decoder import LineDecoder
from usagewire.converters.configure import make_converter
from usagewire.converters.unions import members
from usagewire.errors import RAW_LIMIT, DecodeError, Rejection, UsageWireError, located, quote
from usagewire.models import UsageObject
from usagewire.native import plans
from usagewire.wire.layout import Unknown

if TYPE_CHECKING:
    # cattrs installs typing_extensions, but nothing here needs it at run time.
    from typing_extensions import TypeForm

_cached_converter = lru_cache(maxsize=8)(make_converter)

Data: TypeAlias = bytes | bytearray | memoryview | str


class DecoderOptions(TypedDict, total=False):
    """The options that `Decoder` and `read` share. `Decoder` documents them."""

    strict: bool
    unknown: Unknown
    on_error: OnError
    max_line_bytes: int
    max_rejections: int
    max_raw_bytes: int | None
    converter: Converter | None
    name: str | None


class Decoder(Generic[T]):
    r"""A decoder of JSON bytes to records of one type, which counts every line.

    It opens no files: give it bytes with `decode_lines` (a whole text), with `feed` and `close` (a
    stream in chunks) or with `decode` (one document). Use a decoder for one stream at a time, and
    in one thread at a time.

    Args:
        type: the type of each document: a class of this library, your own attrs class, a union
            (`A | B`) or a container (`list[A]`). The JSON key `object` distinguishes the members of
            a union. By default, any page, bucket or row.
        strict: by default True. If False, values that are nearly right, such as `"5"` for an int,
            are accepted and counted in `Counts.lenient`. `make_converter` lists them.
        unknown: what to do with unknown fields: `"keep"` them in `additional_properties` (the
            default), `"ignore"` them, or `"forbid"` them, which rejects the line.
        on_error: what to do with a bad line: `"raise"` a `DecodeError` (the default), `"skip"` it,
            or `"collect"` its `Rejection` in `rejections`. A function is called with the
            `Rejection`. Every bad line is counted.
        max_line_bytes: the largest size of a line in bytes, without its end; by default 16 MiB. A
            longer line is rejected as `line_too_long`, and memory stays bounded.
        max_rejections: how many rejections `rejections` keeps; by default 1000.
        max_raw_bytes: how many bytes of a bad line `Rejection.raw` keeps; by default 4096. If
            `on_error` is a function with the attribute `whole_lines = True`, such as
            `DeadLetters`, then the default is `max_line_bytes` for the function, and 4096 for
            `rejections`.
        converter: your own cattrs converter, to use instead of one for `strict` and `unknown`.
        name: the name of the stream in rejections (`Rejection.file`).

    Raises:
        UsageWireError: if the type cannot be decoded, or an argument of this class or of one of its
            methods is wrong.

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
        max_raw_bytes: int | None = None,
        converter: Converter | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(on_error) and on_error not in ("raise", "skip", "collect"):
            raise UsageWireError(
                f"on_error must be 'raise', 'skip', 'collect' or a function, not {on_error!r}"
            )
        kept = RAW_LIMIT if max_raw_bytes is None else max_raw_bytes
        for option, number, least in (
            ("max_line_bytes", max_line_bytes, 1),
            ("max_rejections", max_rejections, 0),
            ("max_raw_bytes", kept, 0),
        ):
            if not isinstance(number, int) or number < least:
                raise UsageWireError(f"{option} must be an int of at least {least}, not {number!r}")
        if converter is not None and (not strict or unknown != "keep"):
            raise UsageWireError("converter has its own strict and unknown; set them there")
        if not isinstance(converter, Converter | None):
            raise UsageWireError(f"converter is {quote(converter)}; it must be a cattrs Converter")
        self.not_accelerated: str | None = None
        """The reason why this decoder does not use the C extension, as a str; None if it does."""
        self.max_line_bytes = max_line_bytes
        self._name = name
        self._stats = stats = DecodeStats(on_error, max_rejections, kept)
        if converter is None:
            converter = (
                _cached_converter(unknown=unknown)
                if strict and isinstance(unknown, str)
                else make_converter(strict=strict, unknown=unknown, on_lenient=stats.count_leniency)
            )
        hook = _structure_hook(converter, type)
        try:
            plan = plans.plan_for(hook, type)
        except plans.NotLoweredError as error:
            plan, self.not_accelerated = None, str(error)
        keeps_whole = max_raw_bytes is None and getattr(on_error, "whole_lines", False) is True
        raw_bytes = max_line_bytes if keeps_whole else kept
        self._context: DecodeContext[T] = DecodeContext(
            hook, type, self._to_decode_error, stats, max_line_bytes, raw_bytes, plan
        )
        self.reads_objects = all(attrs.has(m) for m in members(type))
        """Whether each document is a JSON object, because the type is made of attrs classes."""
        self._line_decoder = LineDecoder(self._context, name)

    @property
    def counts(self) -> Counts:
        """The `Counts` so far. `decode`, which reads no lines, adds only to `lenient`."""
        return self._stats.counts()

    @property
    def rejections(self) -> list[Rejection]:
        """The first `max_rejections` rejections, in order. Empty with `on_error="skip"`."""
        return list(self._stats.rejections)

    def decode(self, data: Data) -> T:
        """Return the record of one JSON document. This counts no line.

        Args:
            data: the document, as bytes, bytearray, memoryview or str.

        Raises:
            DecodeError: if `data` is not JSON or not of the type, whatever `on_error` is.
        """
        text = data if type(data) is bytes else _as_bytes(data)
        text = text.removeprefix(BOM)
        self._stats.start_batch(())
        try:
            return self._context.record(text)
        except Exception as error:
            self._stats.drop_leniencies()
            found = self._to_decode_error(error)
            raise found from found.__cause__

    def decode_lines(self, data: Data) -> list[T]:
        """Return the records of a whole NDJSON text.

        In each call, line numbers begin at 1 and offsets at 0.

        Args:
            data: the text, as bytes, bytearray, memoryview or str. Its last line may lack the LF.

        Raises:
            DecodeError: at the first bad line, with `on_error="raise"`. `DecodeError.records` holds
                the records before it.
        """
        lines = self.begin(self._name)
        lines.push(_as_bytes(data))
        lines.finish()
        return self._all_of(lines)

    def decode_document(self, data: Data) -> list[T]:
        """Return the records of one JSON document: a record, or an array of records.

        Each record counts as a line. A `Rejection` has the place of the record in the text.

        Args:
            data: the document, as bytes, bytearray, memoryview or str.

        Raises:
            DecodeError: for the first bad record, with `on_error="raise"`, after all records were
                read. `DecodeError.records` holds all good records.
        """
        document = self.begin_document(self._name, Document.read(_as_bytes(data)))
        records: list[T] = []
        first: DecodeError | None = None
        while True:
            try:
                records += self._all_of(document)
                break
            except DecodeError as error:
                records += error.records
                first = first or error
        if first is None:
            return records
        first.records = records
        raise first

    def feed(self, chunk: Data) -> list[T]:
        """Return the records of the lines that `chunk` completes, and hold back an open last line.

        Call `close` after the last chunk.

        Args:
            chunk: the next part of the stream, as bytes, bytearray, memoryview or str.

        Raises:
            DecodeError: at a bad line, with `on_error="raise"`. `DecodeError.records` holds the
                records before it in this call. The next call goes on after the bad line.
        """
        self._line_decoder.push(_as_bytes(chunk))
        return self._all_of(self._line_decoder)

    def close(self) -> list[T]:
        """Return the records that are left, including one of a last line without LF.

        Raises:
            DecodeError: at a bad line, as in `feed`.
        """
        self._line_decoder.finish()
        return self._all_of(self._line_decoder)

    def begin(self, name: str | None = None, place: Place = START) -> LineDecoder[T]:
        """Return a decoder of one stream that adds to the counts of this decoder."""
        return LineDecoder(self._context, name, place)

    def begin_document(
        self, name: str | None, document: Document, done: int = 0
    ) -> DocumentDecoder[T]:
        """Return a decoder of one document that adds to the counts of this decoder."""
        return DocumentDecoder(self._context, name, document, done)

    def _all_of(self, source: LineDecoder[T] | DocumentDecoder[T]) -> list[T]:
        """Return all records of `source`, which keeps them if anything but a bad line stops it."""
        try:
            while source.next_run(source.pending, through=True):
                pass
        except DecodeError as error:
            error.records = self._take_pending(source)
            raise
        return self._take_pending(source)

    def _take_pending(self, source: LineDecoder[T] | DocumentDecoder[T]) -> list[T]:
        self._stats.start_batch(())
        records, source.pending = source.pending, []
        return records

    def _to_decode_error(self, error: Exception) -> DecodeError:
        if isinstance(error, orjson.JSONDecodeError):
            return DecodeError("syntax", f"invalid JSON: {error.msg} at character {error.pos}")
        found = located(error, None)
        if not isinstance(found, DecodeError):
            raise found
        if self.reads_objects and found.code == "wrong_type" and found.path == "$":
            return DecodeError("syntax", found.message)
        return found


def _structure_hook(converter: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    try:
        return converter.get_structure_hook(kind)
    except UsageWireError:
        raise
    except Exception as error:
        raise UsageWireError(f"cannot decode into {kind!r}: {error}") from error


def _as_bytes(data: Data) -> bytes:
    if isinstance(data, str):
        # A lone surrogate is not valid UTF-8, so its line will be rejected.
        return data.encode("utf-8", "surrogatepass")
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise UsageWireError(f"data must be bytes-like or a str, not {type(data).__name__}")
