"""Checks of the reference itself: records that were read are written, and read back equal."""

from __future__ import annotations

import json
from random import Random
from typing import Any, Final

import attrs

from proof.fuzz.differences import DifferenceError
from proof.fuzz.lines import Line, Pool
from proof.fuzz.models import maker
from proof.support.altered import VALUES
from proof.support.both_paths import BETWEEN, Encoders, Options, Pair
from proof.support.classes import OURS
from proof.support.exact import exact, flat
from proof.support.made_types import classes_of, type_of
from proof.support.user_classes import WRONG
from usagewire import Decoder, UsageWireError

DOCUMENTS: Final = 20
"""Good documents of a new type. Some lack a field or hold a number that is too large."""


def check_read_back(encoders: Encoders, decoder: Decoder[Any], kind: Any, value: Any) -> None:
    """Check that a value that was read as a type is written, and reads back equal.

    Raises:
        DifferenceError: if not.
    """
    ways = {f"as a {kind}": kind}
    if attrs.has(type(value)) and not hasattr(type(value), "__parameters__"):
        ways["by its class"] = None
    for how, given in ways.items():
        texts = []
        for encoder in (encoders.c, encoders.reference):
            try:
                texts.append(encoder.encode(value, given))
            except UsageWireError as error:
                raise DifferenceError(f"read, but not written {how}: {value!r}: {error}") from error
        if texts[0] != texts[1]:
            raise DifferenceError(f"written apart {how}: {value!r}: {texts}")
        again = decoder.decode(texts[0])
        if not _are_same(again, value):
            raise DifferenceError(
                f"written {how}: {texts[0]!r}\n  of: {value!r}\n  read: {again!r}"
            )
    if type(value) in OURS:
        json.dumps(attrs.asdict(value), default=str)


def check_altered(encoders: Encoders, decoder: Decoder[Any], kind: Any, record: Any) -> None:
    """Check that an altered record reads back equal, or is refused.

    Raises:
        DifferenceError: if not.
    """
    try:
        text = encoders.c.encode(record, kind)
    except UsageWireError:
        return
    try:
        again: Any = decoder.decode(text)
    except UsageWireError as error:
        again = error
    if not _are_same(again, record) and again != record:
        raise DifferenceError(
            f"not read back equal: {record!r}\n  text: {text!r}\n  read: {again!r}"
        )


def check_made_type(options: Options, pool: Pool) -> None:
    """Check a new type: that good texts are read, and that wrong values are not written.

    Raises:
        DifferenceError: if not.
    """
    kind = type_of(options.type)
    rng = Random(options.type)
    line = Line(rng, pool, documents=True)
    try:
        pair = Pair(options)
    except UsageWireError as error:
        raise DifferenceError(f"{options.type} is refused: {error}") from error
    line.unusual = line.unknown = 0.0
    make = maker(kind)
    texts = [make(line) for _ in range(DOCUMENTS)]
    found, expected = pair.read("documents", BETWEEN.join(texts), ())
    if found.exact != expected.exact or found.fault or expected.fault:
        raise DifferenceError(f"{options}: read apart: {texts}")
    if all(isinstance(one, str | tuple) for one in found.records):
        raise DifferenceError(f"{options}: no text is read: {texts}: {found.records}")
    encoders = Encoders("api")
    for cls in classes_of(kind):
        records = [one for one in _items(found.records) if type(one) is cls]
        if not records:
            continue
        for name in [a.name for a in attrs.fields(cls) if a.name != "additional_properties"]:
            for value in (*VALUES, *WRONG):
                record = _with(rng.choice(records), name, value)
                if not encoders.write_one(record):
                    raise DifferenceError(f"written apart: {record!r}")


def _are_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal in type and value, also if their `==` says no."""
    return exact(one) == exact(other) or _without_zeros(flat(one)) == _without_zeros(flat(other))


def _without_zeros(part: Any) -> Any:
    """Return a flat value with its Decimals without zeros at the end, which are not written."""
    if not isinstance(part, list | tuple):
        # Two NaNs are one value, and 1 is not 1.0 or True.
        return type(part), repr(part)
    if part[:1] == ("Decimal",):
        _, sign, digits, exponent = part
        trimmed = digits.strip("(,)").replace(", ", "").rstrip("0")
        zeros = len(digits.strip("(,)").replace(", ", "")) - len(trimmed)
        return sign, trimmed, int(exponent) + zeros if trimmed else 0
    return [_without_zeros(one) for one in part]


def _with(record: Any, name: str, value: Any) -> Any:
    other = object.__new__(type(record))
    for a in attrs.fields(type(record)):
        object.__setattr__(other, a.name, getattr(record, a.name))
    object.__setattr__(other, name, value)
    return other


def _items(values: list[Any]) -> list[Any]:
    return [item for one in values for item in (one if isinstance(one, list) else [one])]
