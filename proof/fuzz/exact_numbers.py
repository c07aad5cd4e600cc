"""Check that numbers of any length are exact: compare what is read with Python's own `Decimal`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any, Final

from proof.fuzz.differences import DifferenceError
from proof.fuzz.values import long_number
from proof.support.both_paths import without_c
from proof.support.classes import Money, Point
from usagewire import DecodeError, Decoder, Encoder, UsageObject

NUMBERS: Final = 50
"""Numbers of one check."""
FAR: Final = 6000
"""Money with an exponent below this is always read, whatever decimal128 does with subnormals."""


def _extra(record: Any) -> Any:
    return record.additional_properties["new"]


_COSTS: Final = b'{"object":"organization.costs.result",'
_PLACES: Final[dict[str, tuple[Any, bytes, Callable[[Any], Any]]]] = {
    "a Decimal": (Money, b'{"price":%s}', lambda record: record.price),
    "money": (UsageObject, _COSTS + b'"amount":{"value":%s}}', lambda record: record.amount.value),
    "a quantity": (UsageObject, _COSTS + b'"quantity":%s}', lambda record: record.quantity),
    "a float": (Point, b'{"x":1,"y":%s}', lambda record: record.y),
    "an int": (Point, b'{"x":%s}', lambda record: record.x),
    "any value": (Any, b"%s", lambda value: value),
    "an unknown key": (UsageObject, _COSTS + b'"new":%s}', _extra),
    "an unknown row": (UsageObject, b'{"object":"later","new":%s}', _extra),
}
"""A type, a document with a number, and where the number is in the record."""


def check_numbers(rng: Random) -> None:
    """Read and write long numbers in each place, on both paths.

    Raises:
        DifferenceError: if a number is not exact, or refused for no reason.
    """
    for _ in range(NUMBERS):
        text = long_number(rng)
        for place in _PLACES:
            for by_c in (True, False):
                _check(text, place, by_c=by_c)


def _check(text: bytes, place: str, *, by_c: bool) -> None:
    document, find = _PLACES[place][1:]
    decoder, encoder = _pair(place, by_c=by_c)
    where = f"{text.decode()} as {place}, {'by C' if by_c else 'by the reference'}"
    try:
        record = decoder.decode(document % text)
    except DecodeError as error:
        if _must_be_read(text, place):
            raise DifferenceError(f"{where}: {error}") from error
        return
    kind = _PLACES[place][0]
    for value in (find(record), find(decoder.decode(encoder.encode(record, kind)))):
        expected = repr(float(text)) if place == "a float" else text.decode()
        # The text of a float is exact: JSON readers get the same float from it.
        if Decimal(repr(value) if isinstance(value, float) else value) != Decimal(expected):
            raise DifferenceError(f"{where}: {value!r}")


def _must_be_read(text: bytes, place: str) -> bool:
    number = Decimal(text.decode())
    if place == "an int":
        return text.lstrip(b"-").isdigit() and -(2**63) <= number < 2**63
    if place == "a float":
        return abs(float(text)) != float("inf") and not text.lstrip(b"-").isdigit()
    if place in ("a Decimal", "money", "a quantity"):
        digits, exponent = number.as_tuple()[1:]
        return int(exponent) > -FAR and int(exponent) + len(digits) < FAR
    return True


@cache
def _pair(place: str, *, by_c: bool) -> tuple[Decoder[Any], Encoder]:
    if by_c:
        return Decoder(_PLACES[place][0]), Encoder()
    with without_c():
        return Decoder(_PLACES[place][0]), Encoder()
