"""The places of a text in JSON, and how both paths read it there."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

import attrs
from tests.support.comparing import exact as typed

from proof.conformance import meaning
from proof.conformance.meaning import Refusal, RefusedError
from proof.support.exact import exact, rejection
from usagewire import (
    CostsResult,
    Decoder,
    Encoder,
    UsageVectorStoresResult,
    UsageWireError,
)


class Place(NamedTuple):
    """A place of a text in a document."""

    name: str
    type: Any
    before: bytes = b""
    after: bytes = b""

    def embed(self, text: bytes) -> bytes:
        """Return a document with a text in this place."""
        return self.before + text + self.after


class Known(NamedTuple):
    """A record that is expected."""

    record: Any


def _in_field(kind: Any) -> Place:
    """Return the place of a value in a field of this type."""
    fields = {"f": attrs.field(type=kind), "after": attrs.field(type=int)}
    name = str(getattr(kind, "__name__", kind) if kind in _SCALARS else kind)
    short = name.replace("typing.", "").replace("decimal.", "")
    return Place(f"field: {short}", attrs.make_class("Holder", fields), b'{"f":', b',"after":2}')


_SCALARS: Final = (str, int, float, Decimal, bool)
_ROW: Final = b'{"object":"organization.usage.vector_stores.result",'
DOCUMENT: Final = Place("document", Any)
_UNKNOWN_KEY: Final = Place(
    "unknown key of a row", UsageVectorStoresResult, _ROW + b'"usage_bytes":5,', b":1}"
)
PLACES: Final = (
    DOCUMENT,
    *map(_in_field, (*_SCALARS, Any, list[Any], dict[str, Any], list[int], list[Decimal])),
    Place("count of a row", UsageVectorStoresResult, _ROW + b'"usage_bytes":', b"}"),
    Place("quantity of a cost", CostsResult, b'{"quantity":', b"}"),
    Place("object key", dict[str, Any], b"{", b":1}"),
    _UNKNOWN_KEY,
    Place(
        "unknown value of a row", UsageVectorStoresResult, _ROW + b'"usage_bytes":5,"later":', b"}"
    ),
)
"""The places in a document."""


def expected(place: Place, text: bytes) -> Known | Refusal | None:
    """Return what must become of a text in a place, or None if that is not known.

    A bad text may end the value that it is in and begin another one. No answer is known then.
    """
    try:
        if place is DOCUMENT:
            return Known(meaning.read(Any, meaning.document(text)))
        value = meaning.parse(place.embed(text))
        if not _is_value(text) or (place is _UNKNOWN_KEY and not value.keys().isdisjoint(_NAMES)):
            return None
        return Known(meaning.read(place.type, value))
    except RefusedError as error:
        return error.refusal


_NAMES: Final = frozenset(["projectId", "error", "data", "results", "result"]) | {
    field.name for field in attrs.fields(UsageVectorStoresResult) if field.name != "usage_bytes"
}
"""Keys that have a meaning in a row."""


def _is_value(text: bytes) -> bool:
    try:
        meaning.parse(text)
    except RefusedError:
        return False
    return True


class Answer(NamedTuple):
    """The answer to one text."""

    record: Any
    refused: tuple[Any, Any] | None
    """The code and the path of the error."""
    whole: bytes
    """The record with its text, or the error, to compare with the answer of another path."""

    def differs(self, from_: Known | Refusal | None) -> bool:
        """Return whether this is another answer than the expected one."""
        if from_ is None:
            return False
        if isinstance(from_, Refusal):
            return self.refused is None or not from_.fits(*self.refused)
        return self.refused is not None or typed(self.record) != typed(from_.record)


class Lines(NamedTuple):
    """The answer to the lines of one text."""

    records: list[Any]
    rejected: list[tuple[int, int, str, str]]
    """The line, offset, code and path of each rejection."""
    whole: bytes


class Reader:
    """A decoder and an encoder for each place, on the path that is in use when it is built."""

    def __init__(self) -> None:
        self._decoders = {place.name: Decoder(place.type) for place in PLACES}
        self._encoder = Encoder()

    def read(self, place: Place, text: bytes | str) -> Answer:
        """Read a document, write its record, and read that again."""
        decode = self._decoders[place.name].decode
        try:
            record = decode(text)
        except UsageWireError as error:
            code, path = getattr(error, "code", None), getattr(error, "path", None)
            return Answer(None, (code, path), exact([type(error).__name__, code, path, str(error)]))
        written = self._encoder.encode(record, place.type)
        again = decode(written)
        if typed(again) != typed(record):
            raise AssertionError(f"{record!r} is written as {written!r} and reads as {again!r}")
        return Answer(record, None, exact([record, written]))

    def lines(self, text: bytes) -> Lines:
        """Read a text as lines, write the records, and read them again."""
        decoder: Decoder[Any] = Decoder(Any, on_error="collect", max_rejections=10**6)
        records = decoder.decode_lines(text)
        rejections = decoder.rejections
        counts = attrs.astuple(decoder.counts)
        written = self._encoder.encode_lines(records, Any)
        again = decoder.decode_lines(written)
        if typed(again) != typed(records):
            raise AssertionError(f"{records!r} is written as {written!r} and reads as {again!r}")
        return Lines(
            records,
            [(one.line, one.offset, one.code, one.path) for one in rejections],
            exact([records, [rejection(one) for one in rejections], counts, written]),
        )


def lines_differ(found: Lines, text: bytes) -> bool:
    """Return whether an answer is another one than that of the standard library."""
    records: list[Any] = []
    refusals: list[tuple[int, int, Refusal]] = []
    for line, offset, one in _lines(text):
        try:
            records.append(meaning.read(Any, meaning.parse(one)))
        except RefusedError as error:
            refusals.append((line, offset, error.refusal))
    return (
        typed(records) != typed(found.records)
        or [at[:2] for at in refusals] != [at[:2] for at in found.rejected]
        or not all(
            refusal.fits(*rejected[2:])
            for (*_, refusal), rejected in zip(refusals, found.rejected, strict=True)
        )
    )


def _lines(text: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield the number, the offset and the text of each line that is not blank."""
    offset = 0
    for number, line in enumerate(text.split(b"\n"), 1):
        bom = meaning.BOM if number == 1 and line.startswith(meaning.BOM) else b""
        rest = line.removeprefix(bom)
        if rest.strip(b" \t\r"):
            yield number, offset + len(bom), rest
        offset += len(line) + 1
