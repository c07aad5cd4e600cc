"""Pairs of decoders and encoders, one with C and one without, and their answers."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, NamedTuple

import attrs

from proof.support.classes import TYPES
from proof.support.exact import exact, rejection
from proof.support.fence import fenced
from proof.support.made_types import type_of
from usagewire import DecodeError, Decoder, Encoder, Rejection, UsageWireError, make_converter
from usagewire.native import plans

BETWEEN: Final = b"\x1e"
"""Separates documents, which may have LF inside."""


@contextmanager
def without_c() -> Iterator[None]:
    """Build decoders and encoders without the extension."""
    before = plans.PURE
    plans.PURE = True  # type: ignore[misc]
    try:
        yield
    finally:
        plans.PURE = before  # type: ignore[misc]


@attrs.frozen
class Options:
    """The options of a decoder."""

    type: str
    strict: bool = True
    unknown: Any = "keep"
    on_error: str = "call"
    """A decoder's, a key of `KEPT`, or `call` or `again`: a function, which may use the decoder."""
    max_line_bytes: int = 2**24
    copied: bool = False
    """Whether the decoder is a copy of another one."""


class Counted:
    """A plan of C that counts the records it reads and the lines it skips."""

    def __init__(self, plan: Any) -> None:
        self.plan = plan
        self.track = plan.track
        self.calls_hooks = plan.calls_hooks
        self.taken = 0

    def decode(self, text: bytes, note: Any) -> Any:
        """Return the record of a document."""
        with fenced(text):
            record = self.plan.decode(text, note)
        self.taken += record is not NotImplemented
        return record

    def decode_lines(self, *arguments: Any) -> None:
        """Add the records of lines."""
        place, records = arguments[1], arguments[6]
        before = len(records) + place[2]
        try:
            with fenced(arguments[0]):
                self.plan.decode_lines(*arguments)
        finally:
            self.taken += len(records) + place[2] - before


class Answer(NamedTuple):
    """The answer of a decoder to an input."""

    records: list[Any]
    exact: bytes
    """Records, errors, rejections and counts, as bytes."""
    lines: int
    unknown: int
    """Unknown rows."""
    fault: str
    """A description of a fault that this answer shows by itself, or an empty text."""


def differ(c: Answer, reference: Answer) -> bool:
    """Return whether two answers differ, or one is wrong by itself."""
    return c.exact != reference.exact or bool(c.fault or reference.fault)


KEPT: Final = {"few": 3, "none": 0}
"""How many rejections the values of `on_error` keep that are not those of a decoder."""


class Side:
    """A decoder with its rejections."""

    def __init__(self, options: Options, *, by_c: bool) -> None:
        self.rejections: list[Any] = []
        self.counted: Counted | None = None
        self.again: list[Any] = []
        """The answers to documents and lines that a callback read by this decoder."""
        on_error: Any = "collect" if options.on_error in KEPT else options.on_error
        functions = {"call": self.rejections.append, "again": self._read_again}
        decoder: Decoder[Any] = Decoder(
            type_of(options.type),
            strict=options.strict,
            unknown=options.unknown,
            on_error=functions.get(on_error, on_error),
            max_line_bytes=options.max_line_bytes,
            max_rejections=KEPT.get(options.on_error, 1000),
        )
        if options.copied:
            decoder = copy.copy(decoder)
        if by_c and (decoder.not_accelerated is None or options.type in TYPES):
            if decoder.not_accelerated is not None:
                raise AssertionError(decoder.not_accelerated)
            self.counted = Counted(decoder._context.plan)
            decoder._context = decoder._context._replace(plan=self.counted)
            decoder._line_decoder = decoder.begin()
        elif not by_c and decoder.not_accelerated is None:
            raise AssertionError("the reference is accelerated")
        self.decoder = decoder

    def answer(self, read: Callable[[Decoder[Any]], list[Any]]) -> Answer:
        """Return the answer of the decoder."""
        decoder = self.decoder
        self.rejections.clear()
        self.again.clear()
        decoder._stats.rejections.clear()
        before = decoder.counts
        failed: Any = None
        fault = ""
        try:
            records = read(decoder)
        except DecodeError as error:
            records = error.records
            rejected = None if error.rejection is None else rejection(error.rejection)
            failed = (type(error).__name__, error.code, error.path, str(error), rejected)
        except UsageWireError as error:
            records, failed = [], (type(error).__name__, str(error))
        except Exception as error:
            records, fault = [], f"not an error of the library: {error!r}"
        after = decoder.counts
        names = [a.name for a in attrs.fields(type(after))]
        counts = {name: getattr(after, name) - getattr(before, name) for name in names}
        rejections = [rejection(one) for one in (*self.rejections, *decoder.rejections)]
        lines = counts["lines"]
        if lines != counts["records"] + counts["rejected"] + counts["blank"]:
            fault = fault or f"lines are lost: {counts}"
        answer = exact([records, failed, rejections, counts, self.again])
        return Answer(records, answer, lines, counts["unknown"], fault)

    def _read_again(self, one: Rejection) -> None:
        self.rejections.append(one)
        for read in (self.decoder.decode, self.decoder.decode_lines, self.decoder.feed):
            try:
                self.again.append(read(one.raw))
            except UsageWireError as error:
                self.again.append(str(error))


class Pair:
    """Two decoders with the same options."""

    def __init__(self, options: Options) -> None:
        self.c = Side(options, by_c=True)
        with without_c():
            self.reference = Side(options, by_c=False)

    @property
    def taken(self) -> int:
        """The number of lines that C read."""
        return 0 if self.c.counted is None else self.c.counted.taken

    def read(self, way: str, data: bytes, cuts: tuple[int, ...]) -> tuple[Answer, Answer]:
        """Return the answers of C and of the reference."""
        read = WAYS[way]
        sides = (self.c, self.reference)
        c, reference = (side.answer(lambda decoder: read(decoder, data, cuts)) for side in sides)
        return c, reference


pair_of: Final = lru_cache(maxsize=512)(Pair)


def read_lines(decoder: Decoder[Any], data: bytes, _: tuple[int, ...]) -> list[Any]:
    """Read all lines at once."""
    return decoder.decode_lines(data)


def read_chunks(decoder: Decoder[Any], data: bytes, cuts: tuple[int, ...]) -> list[Any]:
    """Read chunk by chunk."""
    decoder._line_decoder = decoder.begin()  # the last one was finished
    records: list[Any] = []
    try:
        for start, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            records += decoder.feed(data[start:end])
        return records + decoder.close()
    except DecodeError as error:
        error.records = records + error.records
        raise


def read_documents(decoder: Decoder[Any], data: bytes, _: tuple[int, ...]) -> list[Any]:
    """Read documents one by one."""
    return [_document(decoder, document) for document in data.split(BETWEEN)]


def read_in_threads(decoder: Decoder[Any], data: bytes, _: tuple[int, ...]) -> list[Any]:
    """Read documents in several threads, which change as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            return [*threads.map(lambda one: _document(decoder, one), data.split(BETWEEN))]
    finally:
        sys.setswitchinterval(before)


def _document(decoder: Decoder[Any], document: bytes) -> Any:
    try:
        return decoder.decode(document)
    except DecodeError as error:
        return error.code, error.path, str(error)
    except UsageWireError as error:
        return str(error)


def read_array(decoder: Decoder[Any], data: bytes, _: tuple[int, ...]) -> list[Any]:
    """Read all lines as one JSON array."""
    return decoder.decode_document(b"[" + data.replace(b"\n", b",") + b"]")


WAYS: Final[dict[str, Callable[[Decoder[Any], bytes, tuple[int, ...]], list[Any]]]] = {
    "lines": read_lines,
    "chunks": read_chunks,
    "documents": read_documents,
    "threads": read_in_threads,
    "array": read_array,
}


class Encoders:
    """Two encoders of one dialect, which omit defaults or not."""

    def __init__(self, dialect: Any, *, omit: bool = False) -> None:
        self.c = _encoder(dialect, omit=omit)
        self.reference = _encoder(dialect, omit=omit)
        self.reference._writer = None
        self.how = f"in dialect {dialect}" + ", without defaults" * omit
        self.handed_back = 0
        """The number of records that C handed back."""
        assert self.c._writer is not None
        by_reference = self.c._encode

        def counted(obj: Any, option: int, hook: Any = None) -> bytes:
            self.handed_back += 1
            return by_reference(obj, option, hook)

        self.c._encode = counted  # type: ignore[method-assign]

    def write(self, records: list[Any]) -> bool:
        """Return whether both write the same lines, or raise the same error."""
        lines = _written(self.c.encode_lines, records)
        return lines == _written(self.reference.encode_lines, records)

    def write_one(self, record: Any) -> bool:
        """Return whether both write the same document, or raise the same error."""
        return _written(self.c.encode, record) == _written(self.reference.encode, record)


def _encoder(dialect: Any, *, omit: bool) -> Encoder:
    if omit:
        return Encoder(converter=make_converter(dialect, omit_if_default=True))
    return Encoder(dialect=dialect)


def _written(write: Callable[[Any], bytes], value: Any) -> object:
    try:
        return write(value)
    except UsageWireError as error:
        return type(error), str(error)
    except Exception:
        return object()  # equal to nothing: it must not cross the API
