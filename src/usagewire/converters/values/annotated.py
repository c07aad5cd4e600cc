"""The rules for annotations around a type, and the hook of a type inside another value."""

from __future__ import annotations

import typing
from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NewType, get_args, get_origin

from cattrs import Converter
from cattrs.typealiases import get_type_alias_base, is_type_alias

from usagewire.converters import scalars
from usagewire.converters.values.choices import read_choice, write_choice
from usagewire.errors import UsageWireError, quote
from usagewire.wire.hook_info import Hook, describe, info_of
from usagewire.wire.members import fill_in, with_arguments

_CONSTRAINING: Final = frozenset({"annotated_types", "beartype", "msgspec", "pydantic"})
"""Packages whose marks in `Annotated` limit the values of a type."""

_DESCRIBING: Final = frozenset({"DocInfo", "Unit"})
"""Their marks that limit nothing."""

_MSGSPEC_LIMITS: Final = (
    *("gt", "ge", "lt", "le", "multiple_of"),
    *("pattern", "min_length", "max_length", "tz"),
)

_BARE: Final[Mapping[Any, Any]] = {
    list: list[Any],
    tuple: tuple[Any, ...],
    set: set[Any],
    frozenset: frozenset[Any],
    deque: deque[Any],
    Sequence: Sequence[Any],
    AbstractSet: AbstractSet[Any],
    dict: dict[str, Any],
    Mapping: Mapping[str, Any],
}

_ORIGINAL: Final = (
    *(typing.List, typing.Tuple, typing.Set, typing.FrozenSet, typing.Dict),  # noqa: UP006 -- as users write it
    *(typing.Deque, typing.Counter, typing.Sequence, typing.AbstractSet, typing.Mapping),  # noqa: UP006 -- the same
)

_EXACT_WRITERS: Final[Mapping[Hook, type]] = {
    scalars.write_int: int,
    scalars.write_bool: bool,
    scalars.write_str: str,
    scalars.write_float: float,
    scalars.write_decimal: Decimal,
}
"""The hooks that take exactly one type."""


def is_annotated(kind: Any) -> bool:
    """Return whether `kind` is `Annotated[...]`."""
    return hasattr(kind, "__metadata__")


def read_annotated(kind: Any, converter: Converter) -> Hook:
    """Return a hook for the type without its annotations."""
    _refuse_constraints(kind)
    return _read_as(kind.__origin__, converter)


def write_annotated(kind: Any, converter: Converter) -> Hook:
    """Return the writing hook for the type without its annotations."""
    _refuse_constraints(kind)
    return writer_of(kind.__origin__, converter)


def is_named(kind: Any) -> bool:
    """Return whether `kind` is another name of a type: `NewType`, `Final` or a type alias."""
    return _named(kind) is not None


def read_named(kind: Any, converter: Converter) -> Hook:
    """Return a hook for the type that has another name."""
    return _read_as(_named(kind), converter)


def _read_as(inner: Any, converter: Converter) -> Hook:
    hook = reader_of(inner, converter)

    def read(value: Any, _: Any = None) -> Any:
        return hook(value, inner)

    return describe(read, "annotated", hook, inner)


def write_named(kind: Any, converter: Converter) -> Hook:
    """Return the writing hook of the type that has another name."""
    return writer_of(_named(kind), converter)


def _named(kind: Any) -> Any:
    if is_type_alias(kind):
        arguments = get_args(kind)
        parameters = kind.__origin__.__type_params__ if arguments else ()
        variables = dict(zip(parameters, arguments, strict=False))
        return fill_in(get_type_alias_base(kind), variables)
    if isinstance(kind, NewType):
        return kind.__supertype__
    if kind is Final:
        return Any
    return get_args(kind)[0] if get_origin(kind) is Final else None


def unwrapped(kind: Any) -> Any:
    """Return the type without `Annotated`, `NewType`, `Final` and names of type aliases."""
    while True:
        inner = kind.__origin__ if is_annotated(kind) else _named(kind)
        if inner is None:
            return with_items(kind)
        kind = inner


def with_items(kind: Any) -> Any:
    """Return `kind`, or for a bare container the same container of any JSON."""
    if any(kind is original for original in _ORIGINAL):
        kind = get_origin(kind)
    kind = hashable(kind)
    return _BARE.get(kind, kind)


def hashable(kind: Any) -> Any:
    """Return the type without annotations that have no hash: cattrs keeps types in dicts."""
    try:
        hash(kind)
    except TypeError:
        if is_annotated(kind):
            _refuse_constraints(kind)
            return hashable(kind.__origin__)
        return with_arguments(kind, tuple(map(hashable, get_args(kind))))
    return kind


def reader_of(kind: Any, converter: Converter) -> Hook:
    """Return the hook that reads values of `kind` inside another value."""
    hook = converter.get_structure_hook(with_items(kind), cache_result=False)
    return own_reader(kind, hook)


def writer_of(kind: Any, converter: Converter) -> Hook:
    """Return the hook that writes values of `kind` inside another value."""
    hook = converter.get_unstructure_hook(with_items(kind), cache_result=False)
    return own_writer(kind, hook)


def own_reader(kind: Any, hook: Hook) -> Hook:
    """Return `hook`, the reading hook of `kind`, unless it is that of a base class.

    For a subclass of `str` and the like, cattrs finds the hook of `str`. Return another hook for an
    enum, and raise for another subclass.
    """
    match info_of(hook):
        case ("value", base, _) if isinstance(kind, type) and kind is not base:
            if issubclass(kind, Enum):
                return read_choice(kind)
            raise UsageWireError(f"{kind!r} is not supported: register a structure hook for it")
    return hook


def own_writer(kind: Any, hook: Hook) -> Hook:
    """Return `hook`, the writing hook of `kind`, unless it is that of a base class."""
    if isinstance(kind, type) and _EXACT_WRITERS.get(hook, kind) is not kind:
        if issubclass(kind, Enum):
            return write_choice(kind)
        raise UsageWireError(f"{kind!r} is not supported: register hooks for it")
    return hook


def _refuse_constraints(kind: Any) -> None:
    for mark in kind.__metadata__:
        if _limits(mark):
            raise UsageWireError(
                f"the constraint {quote(mark)} in {kind} is not supported: check it in a validator"
                " of the class, or register a structure hook for this type"
            )


def _limits(mark: Any) -> bool:
    """Return whether a mark limits values. Its package need not be imported for this."""
    cls = mark if isinstance(mark, type) else type(mark)
    packages = {base.__module__.partition(".")[0] for base in cls.__mro__}
    if not packages & _CONSTRAINING or cls.__name__ in _DESCRIBING:
        return False
    if "msgspec" in packages:
        return any(getattr(mark, name, None) is not None for name in _MSGSPEC_LIMITS)
    if cls.__name__ == "FieldInfo":
        return bool(getattr(mark, "metadata", True))
    return True
