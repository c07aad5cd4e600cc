"""A decoder by C beside one by the reference, an encoder beside another, and what they answer."""

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
"""What stands between documents: they may have LF inside."""

DECODERS: Final = 512
"""How many pairs of decoders are kept."""


@contextmanager
def without_c() -> Iterator[None]:
    """Build decoders and encoders that do without the extension."""
    before = plans.PURE
    plans.PURE = True  # type: ignore[misc]
    try:
        yield
    finally:
        plans.PURE = before  # type: ignore[misc]


@attrs.frozen
class Options:
    """How a decoder is built."""

    type: str
    strict: bool = True
    unknown: Any = "keep"
    on_error: str = "call"
    """`call` is a function that is told every rejection, `few` keeps the first three."""
    max_line_bytes: int = 2**24


class Counted:
    """A plan of C that counts what it does itself."""

    def __init__(self, plan: Any) -> None:
        self.plan = plan
        self.taken = 0

    def decode(self, text: bytes) -> Any:
        """Return the record of a document."""
        with fenced(text):
            record = self.plan.decode(text)
        self.taken += record is not NotImplemented
        return record

    def decode_lines(self, *arguments: Any) -> None:
        """Add the records of lines."""
        place, records = arguments[1], arguments[-1]
        before = len(records) + place[2]
        try:
            with fenced(arguments[0]):
                self.plan.decode_lines(*arguments)
        finally:
            self.taken += len(records) + place[2] - before

    def track(self) -> None:
        """Let the garbage collector see the records."""
        self.plan.track()


class Answer(NamedTuple):
    """What a decoder makes of some input."""

    records: list[Any]
    said: bytes
    """All that there is to tell, as bytes."""
    lines: int


class Side:
    """A decoder, and what it was told by the way."""

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
            raise AssertionError("the reference goes by C")
        self.decoder = decoder

    def answer(self, read: Callable[[Decoder[Any]], list[Any]]) -> Answer:
        """Return what `read` gives."""
        decoder = self.decoder
        self.rejections.clear()
        before, kept = decoder.counts, len(decoder.rejections)
        failed: Any = None
        try:
            records = read(decoder)
        except DecodeError as error:
            records = error.records
            told = None if error.rejection is None else rejection(error.rejection)
            failed = (type(error).__name__, error.code, error.path, str(error), told)
        except UsageWireError as error:
            records, failed = [], (type(error).__name__, str(error))
        after = decoder.counts
        counts = [
            getattr(after, a.name) - getattr(before, a.name) for a in attrs.fields(type(after))
        ]
        rejections = [rejection(one) for one in (*self.rejections, *decoder.rejections[kept:])]
        return Answer(records, exact([records, failed, rejections, counts]), counts[0])


class Pair:
    """Two decoders of the same options."""

    def __init__(self, options: Options) -> None:
        self.c = Side(options, by_c=True)
        with without_c():
            self.reference = Side(options, by_c=False)

    @property
    def taken(self) -> int:
        """How many lines C read itself."""
        assert self.c.counted is not None
        return self.c.counted.taken

    def read(self, way: str, data: bytes, cuts: tuple[int, ...]) -> tuple[Answer, Answer]:
        """Return what C makes of `data`, and what the reference does."""
        read = WAYS[way]
        sides = (self.c, self.reference)
        c, reference = (side.answer(lambda decoder: read(decoder, data, cuts)) for side in sides)
        return c, reference


@lru_cache(maxsize=DECODERS)
def pair_of(options: Options) -> Pair:
    """Return two decoders."""
    return Pair(options)


# --- ways to read ---


def read_lines(decoder: Decoder[Any], data: bytes, _: tuple[int, ...]) -> list[Any]:
    """Read all at once."""
    return decoder.decode_lines(data)


def read_chunks(decoder: Decoder[Any], data: bytes, cuts: tuple[int, ...]) -> list[Any]:
    """Read chunk by chunk."""
    decoder._line_decoder = decoder.begin()  # it was finished
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
    """Read all lines as one array."""
    return decoder.decode_document(b"[" + data.replace(b"\n", b",") + b"]")


WAYS: Final[dict[str, Callable[[Decoder[Any], bytes, tuple[int, ...]], list[Any]]]] = {
    "lines": read_lines,
    "chunks": read_chunks,
    "documents": read_documents,
    "array": read_array,
}


# --- writing ---


class Encoders:
    """Two encoders of one dialect, which leave out what is the default, or not."""

    def __init__(self, dialect: Any, *, omit: bool = False) -> None:
        self.c = _encoder(dialect, omit=omit)
        self.reference = _encoder(dialect, omit=omit)
        self.reference._writer = None
        self.how = f"in dialect {dialect}" + ", without what is the default" * omit
        self.given_back = 0
        """How many records the reference wrote for C."""
        assert self.c._writer is not None
        by_reference = self.c._encode

        def counted(obj: Any, option: int) -> bytes:
            self.given_back += 1
            return by_reference(obj, option)

        self.c._encode = counted  # type: ignore[method-assign]

    def write(self, records: list[Any]) -> bool:
        """Return whether both write the same lines, or refuse them in the same words."""
        said = _written(self.c.encode_lines, records)
        return said == _written(self.reference.encode_lines, records)

    def write_one(self, record: Any) -> bool:
        """Return whether both write the same document, or refuse it in the same words."""
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
