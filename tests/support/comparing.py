"""Exact comparison: `==` takes 1, 1.0 and True for one."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

import attrs

from usagewire import DecodeError


class Refused(NamedTuple):
    """How a document is refused: the code and the place."""

    code: str
    path: str = "$"


def exact(value: Any) -> Any:
    """Return `value` as something that equals only what has the same values of the same types.

    So 1, 1.0, True and Decimal(1) are four values and -0.0 is not 0.0; but Decimal("1.0") is
    Decimal(1), and an empty mapping is an empty mapping.
    """
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        return (type(value), {name: exact(getattr(value, name)) for name in names})
    if isinstance(value, Mapping):
        return (Mapping, {key: exact(one) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return (type(value), [exact(one) for one in value])
    if isinstance(value, float):
        return (float, repr(value))
    return (type(value), value)


def outcome(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return what `call` returns, exactly, or how it refuses the document."""
    try:
        return exact(call(*args, **options))
    except DecodeError as error:
        return Refused(error.code, error.path)


def expect(value: Any) -> Any:
    """Return what `outcome` gives for `value`: a value, or a `Refused`."""
    return value if isinstance(value, Refused) else exact(value)


def at(record: Any, place: str) -> Any:
    """Return the value at a dotted place of a record: names of attributes, keys, and indices."""

    def step(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return value[name]
        return value[int(name)] if name.isdecimal() else getattr(value, name)

    return reduce(step, place.split("."), record)


def filled(value: Any) -> Any:
    """Return JSON data without its nulls."""
    if isinstance(value, dict):
        return {key: filled(one) for key, one in value.items() if one is not None}
    return [filled(one) for one in value] if isinstance(value, list) else value
