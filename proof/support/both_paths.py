"""Pairs of decoders and encoders, one with C and one without, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, NamedTuple

import attrs

from proof.support.classes import TYPES
from proof.support.exact import exact, rejection
from proof.support.fence import fenced
from usagewire import DecodeError, Decoder, Encoder, UsageWireError, make_converter
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
    """`call` passes every rejection to a function, `few` keeps the first three."""
    max_line_bytes: int = 2**24


class Counted:
    """A plan of C that counts the records it reads and the lines it skips."""

    def __init__(self, plan: Any) -> None:
        self.plan = plan
        self.track = plan.track
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


class Side:
    """A decoder with its rejections."""

    def __init__(self, options: Options, *, by_c: bool) -> None:
        self.rejections: list[Any] = []
        self.counted: Counted | None = None
        few = options.on_error == "few"
        on_error: Any = "collect" if few else options.on_error
        decoder: Decoder[Any] = Decoder(
            TYPES[options.type],
            strict=options.strict,
            unknown=options.unknown,
            on_error=self.rejections.append if on_error == "call" else on_error,
            max_line_bytes=options.max_line_bytes,
            max_rejections=3 if few else 1000,
        )
        if by_c:
            if decoder.not_accelerated is not None:
                raise AssertionError(decoder.not_accelerated)
            self.counted = Counted(decoder._context.plan)
            decoder._context = decoder._context._replace(plan=self.counted)
            decoder._line_decoder = decoder.begin()
        elif decoder.not_accelerated is None:
            raise AssertionError("the reference is accelerated")
        self.decoder = decoder

    def answer(self, read: Callable[[Decoder[Any]], list[Any]]) -> Answer:
        """Return the answer of the decoder."""
        decoder = self.decoder
        self.rejections.clear()
        before, kept = decoder.counts, len(decoder.rejections)
        failed: Any = None
        try:
            records = read(decoder)
        except DecodeError as error:
            records = error.records
            rejected = None if error.rejection is None else rejection(error.rejection)
            failed = (type(error).__name__, error.code, error.path, str(error), rejected)
        except UsageWireError as error:
            records, failed = [], (type(error).__name__, str(error))
        after = decoder.counts
        names = [a.name for a in attrs.fields(type(after))]
        counts = {name: getattr(after, name) - getattr(before, name) for name in names}
        rejections = [rejection(one) for one in (*self.rejections, *decoder.rejections[kept:])]
        answer = exact([records, failed, rejections, counts])
        return Answer(records, answer, counts["lines"], counts["unknown"])


class Pair:
    """Two decoders with the same options."""

    def __init__(self, options: Options) -> None:
        self.c = Side(options, by_c=True)
        with without_c():
            self.reference = Side(options, by_c=False)

    @property
    def taken(self) -> int:
        """The number of lines that C read."""
        assert self.c.counted is not None
        return self.c.counted.taken

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
    answers: list[Any] = []
    for document in data.split(BETWEEN):
        try:
            answers.append(decoder.decode(document))
        except DecodeError as error:
            answers.append((error.code, error.path, str(error)))
        except UsageWireError as error:
            answers.append(str(error))
    return answers


def read_array(decoder: Decoder[Any], data: bytes, _: tuple[int, ...]) -> list[Any]:
    """Read all lines as one JSON array."""
    return decoder.decode_document(b"[" + data.replace(b"\n", b",") + b"]")


WAYS: Final[dict[str, Callable[[Decoder[Any], bytes, tuple[int, ...]], list[Any]]]] = {
    "lines": read_lines,
    "chunks": read_chunks,
    "documents": read_documents,
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
    except Exception as error:
        return type(error), str(error)
