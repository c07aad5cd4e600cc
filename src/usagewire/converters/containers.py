"""Hooks for list, tuple, set and dict, for annotated types, and for literals and enums.

cattrs takes any iterable for a list and any equal value for a literal (`True` for 1). These hooks
take only a JSON list for a list, and only a value of the right type for a literal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Any, Final, Literal, get_args, get_origin

from cattrs import Converter

from usagewire.converters.scalars import wrong_type
from usagewire.errors import EncodeError, UsageWireError, located, located_writing, quote
from usagewire.wire.hook_info import Hook, describe

_SEQUENCES: Final[Mapping[Any, type]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    AbstractSet: frozenset,
}
"""The class of the Python value for each sequence type."""


def is_sequence(kind: Any) -> bool:
    """Return whether `kind` is a type for a JSON list."""
    return (get_origin(kind) or kind) in _SEQUENCES


def _item_types(kind: Any) -> tuple[Any, ...]:
    arguments = get_args(kind) if get_origin(kind) else (Any,)
    return arguments[:-1] if arguments[-1:] == (Ellipsis,) else arguments


def _is_fixed(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[-1:] != (Ellipsis,)


def read_sequence(kind: Any, converter: Converter) -> Hook:
    """Return a hook from a JSON list to the sequence type `kind`."""
    types = _item_types(kind)
    hooks = tuple(converter.get_structure_hook(one, cache_result=False) for one in types)
    if _is_fixed(kind):
        return _read_fixed_tuple(types, hooks)
    make, item_type, item = _SEQUENCES[get_origin(kind) or kind], types[0], hooks[0]

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


def write_sequence(kind: Any, converter: Converter) -> Hook:
    """Return a hook from the sequence type `kind` to a JSON list."""
    if get_origin(kind):
        types = _item_types(kind)
        hooks = tuple(converter.get_unstructure_hook(one, cache_result=False) for one in types)
        if _is_fixed(kind):
            return _write_fixed_tuple(hooks)
        kind, item = _SEQUENCES[get_origin(kind)], hooks[0]
    else:
        item = converter.unstructure

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


def _read_fixed_tuple(item_types: tuple[Any, ...], items: tuple[Hook, ...]) -> Hook:
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


def _write_fixed_tuple(items: tuple[Hook, ...]) -> Hook:
    def write(value: Any) -> list[Any]:
        if not isinstance(value, tuple) or len(value) != len(items):
            raise EncodeError(f"expected a tuple of {len(items)} items, got {quote(value)}")
        return [hook(one) for one, hook in zip(value, items, strict=True)]

    return write


def is_dict(kind: Any) -> bool:
    """Return whether `kind` is a dict or `Mapping`."""
    return (get_origin(kind) or kind) in (dict, Mapping)


def read_dict(kind: Any, converter: Converter) -> Hook:
    """Return a hook from a JSON object to a dict with str keys."""
    key_type, item_type = get_args(kind) or (str, Any)
    if key_type is not str:
        raise UsageWireError(f"{kind!r} is not supported: the keys of a JSON object are str")
    item = converter.get_structure_hook(item_type, cache_result=False)

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


def write_dict(kind: Any, converter: Converter) -> Hook:
    """Return a hook from a mapping with str keys to a JSON object."""
    item: Hook = converter.unstructure
    if get_args(kind):
        item = converter.get_unstructure_hook(get_args(kind)[1], cache_result=False)

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


def is_annotated(kind: Any) -> bool:
    """Return whether `kind` is `Annotated[...]`."""
    return hasattr(kind, "__metadata__")


def read_annotated(kind: Any, converter: Converter) -> Hook:
    """Return a hook for the type without its annotations."""
    inner = kind.__origin__
    hook = converter.get_structure_hook(inner, cache_result=False)

    def read(value: Any, _: Any = None) -> Any:
        return hook(value, inner)

    return describe(read, "annotated", hook, inner)


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
            choices[kind] = read_choice(kind)
        return choices[kind](value)

    return describe(typed, "value", base, read)


def is_choice(kind: Any) -> bool:
    """Return whether `kind` is a literal or an enum."""
    return get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum))


def read_choice(kind: Any) -> Hook:
    """Return a hook that takes only the values of a literal or enum, with exactly their types.

    For the value of an enum member it returns the member.
    """
    table = {}
    for choice in get_args(kind) or tuple(kind):
        value = choice.value if isinstance(choice, Enum) else choice
        table[type(value), value] = choice

    def read(value: Any, _: Any = None) -> Any:
        try:
            return table[type(value), value]
        except (KeyError, TypeError):
            expected = ", ".join(quote(known) for _, known in list(table)[:8])
            raise wrong_type(f"one of {expected}", value) from None

    return read
