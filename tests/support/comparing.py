"""Exact comparison, because 1, 1.0 and True are equal with `==`."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

import attrs

from usagewire import DecodeError


class Refused(NamedTuple):
    """A refusal of a document: its code and path."""

    code: str
    path: str = "$"


def exact(value: Any) -> Any:
    """Return an object that is equal only for values with the same parts of the same types.

    So 1, 1.0, True and Decimal(1) are four different values, and -0.0 is not 0.0. But
    Decimal("1.0") equals Decimal(1), and mappings of different types can be equal.
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
    """Return the exact result of `call`, or how it refuses the document."""
    try:
        return exact(call(*args, **options))
    except DecodeError as error:
        return Refused(error.code, error.path)


def expect(value: Any) -> Any:
    """Return the outcome that `value`, which may be a `Refused`, describes."""
    return value if isinstance(value, Refused) else exact(value)


def at(record: Any, place: str) -> Any:
    """Return the value at a dotted place of a record, made of attributes, keys and indices."""

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
