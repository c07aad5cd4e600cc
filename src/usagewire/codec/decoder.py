"""`Decoder`, which turns bytes into records, and its options.

The modules `line_decoder` and `documents` count lines and records. The converter knows the rules
about values. This module must not know files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    TypedDict,
    Unpack,
    overload,
)

from cattrs import Converter

from usagewire.codec.context import START, Data, DecodeContext, Place, Remade, T, as_bytes
from usagewire.codec.counts import MAX_REJECTIONS, Counts, DecodeStats, OnError
from usagewire.codec.documents import Document, DocumentDecoder
from usagewire.codec.line_buffer import BOM, MAX_LINE_BYTES
from usagewire.codec.line_decoder import LineDecoder
from usagewire.converters import configure
from usagewire.converters.unions import members
from usagewire.converters.values.annotated import hashable, own_reader, unwrapped
from usagewire.errors import (
    NO_ROOM,
    RAW_LIMIT,
    DecodeError,
    Rejection,
    UsageWireError,
    located,
    quote,
    text_of,
)
from usagewire.models import UsageObject
from usagewire.native import plans
from usagewire.wire.layout import Unknown
from usagewire.wire.members import is_record
from usagewire.wire.names import is_own

if TYPE_CHECKING:
    # cattrs installs typing_extensions, but nothing here needs it at run time.
    from typing_extensions import TypeForm

_LIKE_A_PATH: Final = re.compile(rb"[^\"{}\[\]\r\n]{1,255}\.(ndjson|jsonl?)(\.\w{2,4})?")


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


class Decoder(Remade, Generic[T]):
    r"""A decoder of JSON bytes to records of one type, which counts every line.

    It opens no files: give it bytes with `decode_lines` (a whole text), with `feed` and `close` (a
    stream in chunks) or with `decode` (one document). Use a decoder for one stream at a time, and
    in one thread at a time.

    Args:
        type: the type of each document: a class of this library, your own attrs class or
            dataclass, a union (`A | B`) or a container (`list[A]`). The JSON key `object`
            distinguishes the members of a union. By default, any page, bucket or row.
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
    line 2: $: syntax: invalid JSON: unexpected character, expected a JSON value at byte 0
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
                "on_error must be 'raise', 'skip', 'collect' or a function, not " + quote(on_error)
            )
        kept = RAW_LIMIT if max_raw_bytes is None else max_raw_bytes
        for option, number, least in (
            ("max_line_bytes", max_line_bytes, 1),
            ("max_rejections", max_rejections, 0),
            ("max_raw_bytes", kept, 0),
        ):
            if not isinstance(number, int) or number < least:
                raise UsageWireError(f"{option} must be an int of at least {least}, not {number!r}")
        self._given = given = converter
        if converter is not None and (not strict or unknown != "keep"):
            raise UsageWireError("converter has its own strict and unknown; set them there")
        if not isinstance(converter, Converter | None):
            raise UsageWireError(f"converter is {quote(converter)}; it must be a cattrs Converter")
        self.not_accelerated: str | None = None
        """The reason why this decoder does not use the C extension, as a str; None if it does."""
        self.max_line_bytes = max_line_bytes
        self._name = name
        self._stats = stats = DecodeStats(on_error, max_rejections, kept)
        self._note_unknown = stats.count_unknown_of_document
        with _naming(type):
            type = hashable(type)  # noqa: A001 -- the name is public
            if converter is None:
                converter = (
                    configure.shared_converter(unknown=unknown)
                    if strict and isinstance(unknown, str) and is_own(type)
                    else configure.make_converter(
                        strict=strict, unknown=unknown, on_lenient=stats.count_leniency
                    )
                )
            hook = own_reader(type, converter.get_structure_hook(type))
            self._is_strict = strict
            self.reads_objects = all(is_record(unwrapped(one)) for one in members(type))
            """Whether each document must be a JSON object: the type is classes alone."""
        keeps_whole = max_raw_bytes is None and getattr(on_error, "whole_lines", False) is True
        raw_bytes = max_line_bytes if keeps_whole else kept
        self._context: DecodeContext[T] = DecodeContext(
            hook, type, self._to_decode_error, stats, max_line_bytes, raw_bytes,
            self._plan_for(hook, type, converter),
        )  # fmt: skip
        self._line_decoder = LineDecoder(self._context, name)
        self._is_fed = self._is_reading = False
        self._registrations = configure.registrations(given)
        self._arguments = type, {
            "strict": strict, "unknown": unknown, "on_error": on_error,
            "max_line_bytes": max_line_bytes, "max_rejections": max_rejections,
            "max_raw_bytes": max_raw_bytes, "converter": given, "name": name,
        }  # fmt: skip

    def __reduce__(self) -> tuple[Any, ...]:
        if self._is_fed or self._is_reading:
            raise UsageWireError(
                "a decoder in the middle of a stream cannot be copied or pickled: close it first"
            )
        return _make, (self.__class__, *self._arguments)

    def _plan_for(self, hook: Any, kind: Any, converter: Converter) -> Any:
        self.not_accelerated = None
        try:
            return plans.plan_for(hook, kind, calls=not configure.is_lenient(converter))
        except plans.NotLoweredError as error:
            self.not_accelerated = str(error)
            return None

    def _use_new_hooks(self) -> None:
        """Use the hooks that the user has registered on their converter since the last call."""
        if self._given is None or self._registrations == configure.registrations(self._given):
            return
        self._registrations = configure.registrations(self._given)
        kind = self._context.type
        with _naming(kind):
            given = self._given
            hook: Any = own_reader(kind, given.get_structure_hook(kind))
            if hook is not self._context.structure:
                plan = self._plan_for(hook, kind, given)
                self._context = self._context._replace(structure=hook, plan=plan)
                self._line_decoder.use(self._context)

    @property
    def counts(self) -> Counts:
        """The `Counts` so far. `decode`, which reads no lines, adds to `lenient` and `unknown`."""
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
        try:
            text = (data if type(data) is bytes else as_bytes(data)).removeprefix(BOM)
            if self._given is not None:
                self._use_new_hooks()
            if self._is_strict:
                return self._document(text)
            with self._stats.lenient_document():
                return self._document(text)
        except RecursionError as error:
            found = DecodeError.__new__(DecodeError, "too_deep", NO_ROOM)
            found.records = []
            raise found from error

    def _document(self, text: bytes) -> T:
        context = self._context
        try:
            # Inline, as `context.record` does it: one more call takes 8 % longer.
            if context.plan is not None and not context.plan.calls_hooks:
                record = context.plan.decode(text, self._note_unknown)
                if record is not NotImplemented:
                    return record  # type: ignore[no-any-return]
                return context.record_by_reference(text, self._note_unknown)
            return context.record(text, self._note_unknown)
        except Exception as error:
            found = self._to_decode_error(error)
            if found.code == "syntax" and _LIKE_A_PATH.fullmatch(text):
                found.message += "; this looks like a path, and `read` opens those"
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
        try:
            self._use_new_hooks()
            return self._all_of(self.begin(self._name), as_bytes(data), last=True)
        except RecursionError as error:
            raise UsageWireError(NO_ROOM) from error

    def decode_document(self, data: Data) -> list[T]:
        """Return the records of one JSON document: a record, or an array of records.

        Each record counts as a line. A `Rejection` has the place of the record in the text.

        Args:
            data: the document, as bytes, bytearray, memoryview or str.

        Raises:
            DecodeError: for the first bad record, with `on_error="raise"`, after all records were
                read. `DecodeError.records` holds all good records.
        """
        records: list[T] = []
        first: DecodeError | None = None
        try:
            self._use_new_hooks()
            document = self.begin_document(self._name, Document.read(as_bytes(data)))
            while True:
                try:
                    records += self._all_of(document)
                    break
                except DecodeError as error:
                    records += error.records
                    first = first or error
        except RecursionError as error:
            raise UsageWireError(NO_ROOM) from error
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
        try:
            text = as_bytes(chunk)
            self._use_new_hooks()
            return self._all_of(self._line_decoder, text)
        except RecursionError as error:
            raise UsageWireError(NO_ROOM) from error

    def close(self) -> list[T]:
        """Return the records that are left, including one of a last line without LF.

        Raises:
            DecodeError: at a bad line, as in `feed`.
        """
        try:
            self._use_new_hooks()
            try:
                return self._all_of(self._line_decoder, b"", last=True)
            finally:
                self._is_fed = self._line_decoder.has_more
        except RecursionError as error:
            raise UsageWireError(NO_ROOM) from error

    def begin(self, name: str | None = None, place: Place = START) -> LineDecoder[T]:
        """Return a decoder of one stream that adds to the counts of this decoder."""
        return LineDecoder(self._context, name, place)

    def begin_document(
        self, name: str | None, document: Document, done: int = 0
    ) -> DocumentDecoder[T]:
        """Return a decoder of one document that adds to the counts of this decoder."""
        return DocumentDecoder(self._context, name, document, done)

    def _all_of(
        self, source: LineDecoder[T] | DocumentDecoder[T], chunk: bytes = b"", *, last: bool = False
    ) -> list[T]:
        """Return all records of `source`, which keeps them if anything but a bad line stops it."""
        if self._is_reading:
            raise UsageWireError(
                "this decoder is reading already, in another thread or in the call that led here:"
                " use another decoder"
            )
        # No lock: an interrupt after taking one, before the block that frees it, leaves it taken.
        try:
            self._is_reading = True
            if isinstance(source, LineDecoder):
                self._is_fed |= source is self._line_decoder
                source.push(chunk)
                if last:
                    source.finish()
            while source.next_run(source.pending, through=True):
                pass
            return self._take_pending(source)
        except DecodeError as error:
            error.records = self._take_pending(source)
            raise
        finally:
            self._is_reading = False

    def _take_pending(self, source: LineDecoder[T] | DocumentDecoder[T]) -> list[T]:
        self._stats.start_batch(())
        records, source.pending = source.pending, []
        return records

    def _to_decode_error(self, error: Exception) -> DecodeError:
        found = located(error, None)
        if not isinstance(found, DecodeError):
            raise found
        if self.reads_objects and found.code == "wrong_type" and found.path == "$":
            return DecodeError("syntax", found.message)
        return found


@contextmanager
def _naming(kind: Any) -> Iterator[None]:
    """Make the errors of a type that cannot be decoded errors of ours."""
    try:
        yield
    except (UsageWireError, MemoryError):
        raise
    except Exception as error:
        raise UsageWireError(f"cannot decode into {quote(kind)}: {text_of(error)}") from error


def _make(cls: type[Decoder[Any]], kind: Any, options: dict[str, Any]) -> Decoder[Any]:
    return cls(kind, **options)
