"""Hooks for list, tuple, set, deque, dict and Counter, and for named tuples.

cattrs takes any iterable for a list. These hooks take only a JSON list for a list, and write only
the values that they read.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import Any, Final, Unpack, get_args, get_origin

from cattrs import Converter

from usagewire.converters.scalars import wrong_type
from usagewire.converters.values.annotated import reader_of, with_items, writer_of
from usagewire.converters.values.keys import already_read, read_key, write_key
from usagewire.errors import EncodeError, located, located_writing, quote
from usagewire.wire.hook_info import Hook, describe
from usagewire.wire.members import fill_in, hints_of

SEQUENCES: Final[Mapping[Any, type]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    deque: deque,
    Sequence: tuple,
    AbstractSet: frozenset,
}
"""The class of the Python value for each sequence type."""

MAPPINGS: Final[Mapping[Any, type]] = {dict: dict, Mapping: Mapping, Counter: Counter}
"""The class of the values that are written for each type of a mapping."""

_STANDARD: Final = frozenset({"builtins", "collections", "collections.abc", "types"})
"""The modules of Python's own containers."""


def is_sequence(kind: Any) -> bool:
    """Return whether `kind` is a type for a JSON list."""
    return (get_origin(kind) or kind) in SEQUENCES


def _star(argument: Any) -> tuple[Any, ...] | None:
    """Return the item types of `*tuple[...]` inside a tuple, or None for another type."""
    if get_origin(argument) is Unpack:
        return get_args(get_args(argument)[0])
    return get_args(argument) if getattr(argument, "__unpacked__", False) else None


def _item_types(kind: Any) -> tuple[tuple[Any, ...], Any, tuple[Any, ...]]:
    """Return the types of the first items, of any number of items, and of the last items."""
    kind = with_items(kind)
    arguments = get_args(kind) if get_origin(kind) else (Any,)
    if get_origin(kind) is not tuple:
        return (), arguments[0], ()
    flat: list[Any] = []
    for argument in arguments:
        flat += (argument,) if (inner := _star(argument)) is None else inner
    if Ellipsis not in flat:
        return tuple(flat), None, ()
    at = flat.index(Ellipsis)
    return tuple(flat[: at - 1]), flat[at - 1], tuple(flat[at + 1 :])


def read_sequence(kind: Any, converter: Converter) -> Hook:
    """Return a hook from a JSON list to the sequence type `kind`."""
    first, repeated, last = _item_types(kind)
    if repeated is None or first or last:
        return _read_items(first, repeated, last, converter, tuple)
    make: Any = SEQUENCES[get_origin(kind) or kind]
    item_type = repeated
    item = reader_of(item_type, converter)

    def read(value: Any, _: Any = None) -> Any:
        if type(value) is not list:
            raise wrong_type("a list", value)
        items: list[Any] = []
        try:
            for one in value:
                items.append(item(one, item_type))  # noqa: PERF401 -- len(items) locates the error
        except Exception as error:
            raise located(error, len(items))
        if issubclass(make, AbstractSet):
            return _set_of(make, items)
        return make(items)

    return describe(read, "sequence", make, item_type, item)


def _set_of(make: Any, items: list[Any]) -> Any:
    try:
        return make(items)
    except TypeError as error:
        for index, one in enumerate(items):
            if isinstance(one, list | dict):
                raise wrong_type("an item of a set", one).within(index) from error
        raise


def _is_a(value: Any, kind: type) -> bool:
    """Return whether a value is of a class, or of one derived from it that compares as it does."""
    if not isinstance(value, kind):
        return False
    standard = next((base for base in type(value).__mro__ if base.__module__ in _STANDARD), kind)
    return type(value).__eq__ is standard.__eq__  # type: ignore[comparison-overlap]


def write_sequence(kind: Any, converter: Converter) -> Hook:
    """Return a hook from the sequence type `kind` to a JSON list."""
    if get_origin(kind):
        first, repeated, last = _item_types(kind)
        if repeated is None or first or last:
            return _write_items(first, repeated, last, converter, None)
        kind, item = SEQUENCES[get_origin(kind)], writer_of(repeated, converter)
    else:
        item = converter.unstructure

    def write(value: Any) -> list[Any]:
        if not _is_a(value, kind):
            raise EncodeError(f"expected a {kind.__name__}, got {quote(value)}")
        items: list[Any] = []
        try:
            for one in value:
                items.append(item(one))  # noqa: PERF401 -- len(items) locates the error
        except Exception as error:
            raise located_writing(error, len(items))
        return items

    return describe(write, "sequence", kind, item)


def _read_items(
    first: tuple[Any, ...], repeated: Any, last: tuple[Any, ...], converter: Converter, make: Any
) -> Hook:
    """Return a hook for a list whose items have their own types."""

    def with_hooks(kinds: tuple[Any, ...]) -> list[tuple[Hook, Any]]:
        return [(reader_of(kind, converter), kind) for kind in kinds]

    before, after = with_hooks(first), with_hooks(last)
    middle = None if repeated is None else with_hooks((repeated,))
    fixed = len(before) + len(after)
    expected = f"a list of {'at least ' * (middle is not None)}{fixed} items"

    def read(value: Any, _: Any = None) -> Any:
        more = len(value) - fixed if type(value) is list else -1
        if more < 0 or (more and middle is None):
            raise wrong_type(expected, value)
        done: list[Any] = []
        try:
            for one, (hook, kind) in zip(
                value, chain(before, (middle or []) * more, after), strict=True
            ):
                done.append(hook(one, kind))
        except Exception as error:
            raise located(error, len(done))
        return make(done)

    if middle is None:
        describe(read, "items", before, None if make is tuple else make)
    return read


def _write_items(
    first: tuple[Any, ...], repeated: Any, last: tuple[Any, ...], converter: Converter, cls: Any
) -> Hook:
    """Return a hook for a tuple whose items have their own types, or for named tuple `cls`."""
    before, after = ([writer_of(kind, converter) for kind in kinds] for kinds in (first, last))
    middle = None if repeated is None else [writer_of(repeated, converter)]
    fixed = len(before) + len(after)
    expected = f"a tuple of {'at least ' * (middle is not None)}{fixed} items"

    def write(value: Any) -> list[Any]:
        if cls is not None and type(value) is not cls:
            raise EncodeError(f"expected a {cls.__name__}, got {quote(value)}")
        more = len(value) - fixed if isinstance(value, tuple) else -1
        if more < 0 or (more and middle is None):
            raise EncodeError(f"expected {expected}, got {quote(value)}")
        done: list[Any] = []
        try:
            for one, hook in zip(value, chain(before, (middle or []) * more, after), strict=True):
                done.append(hook(one))
        except Exception as error:
            raise located_writing(error, len(done))
        return done

    if middle is None:
        describe(write, "items", before, cls)
    return write


def is_named_tuple(kind: Any) -> bool:
    """Return whether `kind` is a `NamedTuple`, or a class of `collections.namedtuple`."""
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, tuple) and hasattr(origin, "_fields")


def read_named_tuple(kind: Any, converter: Converter) -> Hook:
    """Return a hook from a JSON list to the named tuple `kind`, as cattrs has it for orjson."""
    cls = get_origin(kind) or kind
    return _read_items(_named_types(kind), None, (), converter, lambda items: cls(*items))


def write_named_tuple(kind: Any, converter: Converter) -> Hook:
    """Return a hook from the named tuple `kind` to a JSON list."""
    return _write_items(_named_types(kind), None, (), converter, get_origin(kind) or kind)


def _named_types(kind: Any) -> tuple[Any, ...]:
    cls = get_origin(kind) or kind
    variables = dict(zip(getattr(cls, "__parameters__", ()), get_args(kind), strict=False))
    hints = hints_of(cls)
    return tuple(fill_in(hints.get(name, Any), variables, kind) for name in cls._fields)


def is_dict(kind: Any) -> bool:
    """Return whether `kind` is a dict, `Mapping` or `Counter`."""
    return (get_origin(kind) or kind) in MAPPINGS


def _key_and_item(kind: Any) -> tuple[Any, Any]:
    key_type, *item_type = get_args(with_items(kind)) or (str, Any)
    if (get_origin(kind) or kind) is Counter:
        return key_type, int
    return key_type, item_type[0]


def read_dict(kind: Any, converter: Converter) -> Hook:
    """Return a hook from a JSON object to a dict or Counter."""
    key_type, item_type = _key_and_item(kind)
    key_of = None if key_type is str else read_key(key_type, converter)
    item = reader_of(item_type, converter)
    make = Counter if (get_origin(kind) or kind) is Counter else dict

    def read(value: Any, _: Any = None) -> Any:
        if type(value) is not dict:
            raise wrong_type("an object", value)
        done: dict[Any, Any] = make()
        key: Any = None
        try:
            for key, one in value.items():
                if key_of is None:
                    if type(key) is not str:
                        raise wrong_type("a string as key", key)
                    done[key] = item(one, item_type)
                    continue
                known = key_of(key)
                if known in done:
                    raise already_read(key)
                done[known] = item(one, item_type)
        except Exception as error:
            raise located(error, key if type(key) is str else None)
        return done

    return describe(read, "mapping", make, key_of, item_type, item)


def write_dict(kind: Any, converter: Converter) -> Hook:
    """Return a hook from a mapping to a JSON object."""
    item: Hook = converter.unstructure
    cls = MAPPINGS[get_origin(kind) or kind]
    key_of = None
    if get_args(kind) or cls is Counter:
        key_type, item_type = _key_and_item(kind)
        item = writer_of(item_type, converter)
        key_of = None if key_type is str else write_key(key_type, converter)

    def write(value: Any) -> dict[str, Any]:
        if not _is_a(value, Counter if cls is Counter else Mapping):
            raise EncodeError(f"expected a {cls.__name__}, got {quote(value)}")
        done: dict[str, Any] = {}
        for key, one in value.items():
            if key_of is not None:
                written = key_of(key)
            elif type(key) is str:
                written = key
            else:
                raise EncodeError(f"expected str keys, got {quote(key)}")
            try:
                done[written] = item(one)
            except Exception as error:
                raise located_writing(error, written)
        if len(done) < len(value):
            raise EncodeError(f"two keys of {quote(value)} have the same text")
        return done

    return describe(write, "mapping", cls, key_of, item)
