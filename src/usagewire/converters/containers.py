"""Hooks for list, tuple, set and dict, for optional values, and for literals and enums.

cattrs takes any iterable for a list and any equal value for a literal (`True` for 1). These hooks
take only a JSON list for a list, and only a value of the right type for a literal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any

from usagewire.converters.scalars import wrong_type
from usagewire.errors import EncodeError, UsageWireError, located, located_writing, quote
from usagewire.wire.hook_info import Hook, describe


def read_sequence(make: Callable[[list[Any]], Any], item_type: Any, item: Hook) -> Hook:
    """Return a hook from a JSON list to `make(items)`."""

    def read(value: Any, _: Any = None) -> Any:
        if type(value) is not list:
            raise wrong_type("a list", value)
        items: list[Any] = []
        try:
            for one in value:
                items.append(item(one, item_type))  # noqa: PERF401 -- len(items) locates the error
        except Exception as error:
            raise located(error, len(items))
        return make(items)

    return describe(read, "sequence", make, item_type, item)


def write_sequence(kind: type[Collection[Any]], item: Hook) -> Hook:
    """Return a hook from a `kind` to a JSON list."""

    def write(value: Any) -> list[Any]:
        if not isinstance(value, kind):
            raise EncodeError(f"expected a {kind.__name__}, got {quote(value)}")
        items: list[Any] = []
        try:
            for one in value:
                items.append(item(one))  # noqa: PERF401 -- len(items) locates the error
        except Exception as error:
            raise located_writing(error, len(items))
        return items

    return describe(write, "sequence", kind, item)


def read_fixed_tuple(item_types: tuple[Any, ...], items: tuple[Hook, ...]) -> Hook:
    """Return a hook from a JSON list of exactly these items to a tuple."""

    def read(value: Any, _: Any = None) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(items):
            raise wrong_type(f"a list of {len(items)} items", value)
        done: list[Any] = []
        try:
            for one, hook, kind in zip(value, items, item_types, strict=True):
                done.append(hook(one, kind))
        except Exception as error:
            raise located(error, len(done))
        return tuple(done)

    return read


def write_fixed_tuple(items: tuple[Hook, ...]) -> Hook:
    """Return a hook from a tuple of exactly these items to a JSON list."""

    def write(value: Any) -> list[Any]:
        if not isinstance(value, tuple) or len(value) != len(items):
            raise EncodeError(f"expected a tuple of {len(items)} items, got {quote(value)}")
        return [hook(one) for one, hook in zip(value, items, strict=True)]

    return write


def read_dict(item_type: Any, item: Hook) -> Hook:
    """Return a hook from a JSON object to a dict with str keys."""

    def read(value: Any, _: Any = None) -> dict[str, Any]:
        if type(value) is not dict:
            raise wrong_type("an object", value)
        done: dict[str, Any] = {}
        key: Any = None
        try:
            for key, one in value.items():
                if type(key) is not str:
                    raise wrong_type("a string as key", key)
                done[key] = item(one, item_type)
        except Exception as error:
            raise located(error, key if type(key) is str else None)
        return done

    return read


def write_dict(item: Hook) -> Hook:
    """Return a hook from a mapping with str keys to a JSON object."""

    def write(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise EncodeError(f"expected a mapping, got {quote(value)}")
        done: dict[str, Any] = {}
        for key, one in value.items():
            if type(key) is not str:
                raise EncodeError(f"expected str keys, got {quote(key)}")
            try:
                done[key] = item(one)
            except Exception as error:
                raise located_writing(error, key)
        return done

    return write


def read_as(kind: Any, hook: Hook) -> Hook:
    """Return a hook that calls `hook` with `kind`, the type without its annotations."""

    def read(value: Any, _: Any = None) -> Any:
        return hook(value, kind)

    return describe(read, "annotated", hook, kind)


def not_none(hook: Hook, kind: Any) -> Hook:
    """Return a hook that returns None for None, and else calls `hook`."""

    def nullable(value: Any, _: Any = None) -> Any:
        return None if value is None else hook(value, kind)

    return describe(nullable, "optional", hook, kind)


def not_none_writing(hook: Hook, kind: Any) -> Hook:
    """Return a writing hook that returns None for None, and else calls `hook`."""

    def nullable(value: Any) -> Any:
        return None if value is None else hook(value)

    return describe(nullable, "optional", hook, kind)


def read_type(base: type, read: Hook) -> Hook:
    """Return a hook that calls `read` for `base`, and finds the member of an enum derived from it.

    cattrs uses the hook of `str` for an enum such as `class Tier(str, Enum)`.
    """
    choices: dict[type, Hook] = {}

    def typed(value: Any, kind: Any = base) -> Any:
        if kind is base or not isinstance(kind, type):
            return read(value)
        if kind not in choices:
            if not issubclass(kind, Enum):
                raise UsageWireError(f"{kind!r} is not supported: register a structure hook for it")
            choices[kind] = read_choice(tuple(kind))
        return choices[kind](value)

    return describe(typed, "value", base, read)


def read_choice(choices: Collection[Any]) -> Hook:
    """Return a hook that takes only the values of `choices`, with exactly their types.

    For the value of an enum member it returns the member.
    """
    table = {}
    for choice in choices:
        value = choice.value if isinstance(choice, Enum) else choice
        table[type(value), value] = choice

    def read(value: Any, _: Any = None) -> Any:
        try:
            return table[type(value), value]
        except (KeyError, TypeError):
            expected = ", ".join(quote(known) for _, known in list(table)[:8])
            raise wrong_type(f"one of {expected}", value) from None

    return read
