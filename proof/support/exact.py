"""Values as something that is equal only where types, order and bits are the same, too."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import attrs

from usagewire import Rejection
from usagewire.models import NO_PROPERTIES

_VERSION: Final = 2
"""Of marshal: the last that does not tell whether two values are one object."""

_ATOMS: Final = frozenset({int, float, str, bool, bytes, type(None)})

Told = tuple[Any, ...]


def told(value: Any) -> Any:
    """Return a value as plain data that marshal can write, with the types that it cannot tell."""
    kind = type(value)
    if kind in _ATOMS:
        return value
    tell = _tellers.get(kind)
    if tell is None:
        tell = _tellers[kind] = _teller(kind)
    return tell(value)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are alike in everything but identity."""
    return exact(one) == exact(other)


def exact(value: Any) -> bytes:
    """Return a value as bytes that are equal only for a value that is alike in everything."""
    return marshal.dumps(told(value), _VERSION)


def rejection(one: Rejection) -> Told:
    """Return all that a rejection says."""
    return (
        *(one.line, one.offset, one.length, one.path, one.code, one.message, one.raw, one.file),
    )


def _teller(kind: type) -> Callable[[Any], Any]:
    if attrs.has(kind):
        return _record_teller(kind)
    if kind is list:
        return lambda value: [told(one) for one in value]
    if kind is tuple:
        return lambda value: tuple([told(one) for one in value])
    if kind is dict:
        # Pairs, because a dict is written in its order and compared without.
        return lambda value: ("dict", [(told(k), told(v)) for k, v in value.items()])
    if kind is Decimal:
        return lambda value: ("Decimal", *map(str, value.as_tuple()))
    if kind is type(NO_PROPERTIES):
        return lambda value: ("no properties", value is NO_PROPERTIES)
    return lambda value: (f"{kind.__module__}.{kind.__qualname__}", repr(value))


def _record_teller(kind: type) -> Callable[[Any], Any]:
    names = [a.name for a in attrs.fields(kind)]
    label = f"{kind.__module__}.{kind.__qualname__}"
    if len(names) < 2:
        return lambda record: (label, *(told(getattr(record, name)) for name in names))
    get = attrgetter(*names)
    atoms = _ATOMS

    def tell(record: Any) -> Any:
        values = get(record)
        return (label, *[value if type(value) in atoms else told(value) for value in values])

    return tell


_tellers: dict[type, Callable[[Any], Any]] = {}
