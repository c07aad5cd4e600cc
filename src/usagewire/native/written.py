"""Makes the descriptions of values that C writes, from unstructure hooks.

This module does not know classes, and has no rules about values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType
from typing import Any, Final

from usagewire.converters import scalars
from usagewire.native.descriptions import ChoiceDescription, Kind, kind_named
from usagewire.wire import exact_json
from usagewire.wire.hook_info import info_of

_SINGLE: Final = (
    (scalars.write_int, kind_named("int")),
    (scalars.write_float, kind_named("float")),
    (scalars.write_str, kind_named("str")),
    (scalars.write_bool, kind_named("bool")),
    (scalars.write_none, kind_named("call", nullable=True)),
    (scalars.write_decimal, kind_named("Decimal")),
    (scalars.write_money_text, kind_named("money text")),
    (scalars.write_money_number, kind_named("money number")),
    (scalars.write_json, kind_named("any")),
)
"""A list, because the hash of a user's hook can be code of the user's."""

_SEQUENCES: Final = (list, tuple, set, frozenset)


def kind_of(hook: Any, kind_by: Callable[[Any], Kind]) -> Kind | None:  # noqa: PLR0911 -- one for each kind
    """Return how C writes the values that `hook` writes, or None if only `hook` knows.

    `kind_by` describes the values of another hook.
    """
    for known, kind in _SINGLE:
        if known is hook:
            return kind
    match info_of(hook):
        case ("sequence", made, item) if made in _SEQUENCES:
            return kind_named(made.__name__, (kind_by(item),))
        case ("items", items, cls) if cls is None or _is_plain_tuple(cls):
            return kind_named("items", tuple(map(kind_by, items)), make=cls)
        case ("mapping", made, key_of, item) if made is dict or made is Mapping:
            return kind_named("dict", (kind_by(item),), make=key_of)
        case ("written choice", table):
            return kind_named("choice", _choices(table))
        case ("union", table):
            return _union(table, kind_by)
    return None


def _is_plain_tuple(cls: Any) -> bool:
    """Return whether C finds the items of a named tuple as `iter` does."""
    return cls.__iter__ is tuple.__iter__ and cls.__len__ is tuple.__len__


def _union(table: Mapping[Any, Any], kind_by: Callable[[Any], Kind]) -> Kind:
    """Return the kind of a union, by the type of the value."""
    nullable = table.get(NoneType) is scalars.write_none
    hooks = {
        cls: hook
        for cls, hook in table.items()
        if isinstance(cls, type) and not (nullable and cls is NoneType)
    }
    kinds = tuple(map(kind_by, hooks.values()))
    return kind_named("types", kinds, nullable=nullable)._replace(type=tuple(hooks))


def _choices(table: Mapping[Any, tuple[Any, Any]]) -> ChoiceDescription:
    """Return the JSON of enum members, by identity, and of other values, by type and value."""
    texts: dict[int, str] = {}
    objects: dict[int, Any] = {}
    for known, choice in table.values():
        if not isinstance(known, list | dict):  # only the hook knows how deep they nest
            try:
                texts[id(choice)] = exact_json.dumps(known).decode()
            except TypeError:
                continue  # orjson does not write lone surrogates
            objects[id(choice)] = choice
    single = {
        choice: index for index, choice in enumerate(objects.values()) if type(choice) in (int, str)
    }
    return ChoiceDescription(tuple(texts.values()), tuple(objects.values()), single)
