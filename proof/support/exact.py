"""Values as bytes that are equal only if types, order and bits are the same, too."""

from __future__ import annotations

import marshal
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from operator import attrgetter
from typing import Any, Final

import attrs

from usagewire import Rejection
from usagewire.models import NO_PROPERTIES

_VERSION: Final = 2
"""The last version of marshal that does not note whether two values are one object."""
_ATOMS: Final = frozenset({int, float, str, bool, bytes, type(None)})


def flat(value: Any) -> Any:
    """Return a value as data that marshal can write. Other types are written by their names."""
    kind: Any = type(value)
    return value if kind in _ATOMS else _flattener(kind)(value)


def exact(value: Any) -> bytes:
    """Return a value as bytes that are equal only for the same value."""
    return marshal.dumps(flat(value), _VERSION)


def rejection(one: Rejection) -> tuple[Any, ...]:
    """Return the attributes of a rejection."""
    return (one.line, one.offset, one.length, one.path, one.code, one.message, one.raw, one.file)


@cache
def _flattener(kind: type) -> Callable[[Any], Any]:
    if attrs.has(kind):
        return _record_flattener(kind)
    if kind is list:
        return lambda value: [flat(one) for one in value]
    if kind is tuple:
        return lambda value: tuple([flat(one) for one in value])
    if kind is dict:
        # Pairs, because the order of a dict counts, too.
        return lambda value: ("dict", [(flat(k), flat(v)) for k, v in value.items()])
    if kind is Decimal:
        return lambda value: ("Decimal", *map(str, value.as_tuple()))
    if kind in (set, frozenset):
        return lambda value: (kind.__name__, sorted(map(exact, value)))
    if kind is type(NO_PROPERTIES):
        return lambda value: ("no properties", value is NO_PROPERTIES)
    return lambda value: (f"{kind.__module__}.{kind.__qualname__}", repr(value))


def _record_flattener(kind: type) -> Callable[[Any], Any]:
    names = [a.name for a in attrs.fields(kind)]
    label = f"{kind.__module__}.{kind.__qualname__}"
    if len(names) < 2:
        return lambda record: (label, *(flat(getattr(record, name)) for name in names))
    get = attrgetter(*names)
    # Atoms need no call: most values are atoms.
    return lambda record: (
        label,
        *[value if type(value) in _ATOMS else flat(value) for value in get(record)],
    )
