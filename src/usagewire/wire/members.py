"""The members of a class and their types: an attrs class, a dataclass or a `TypedDict`.

This module must not know JSON keys or values.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from types import GenericAlias, UnionType
from typing import Any, Final, Literal, Self, TypeVar, get_args, get_origin

import attrs

from usagewire.errors import UsageWireError, quote

_QUALIFIERS: Final = frozenset({"Required", "NotRequired", "ReadOnly"})


@attrs.frozen(eq=False, repr=False)
class Member:
    """A member of a class, in the terms of attrs."""

    name: str
    type: Any
    """None if it has no annotation."""
    default: Any
    """`attrs.NOTHING` if it is required. An `attrs.Factory` makes the default."""
    init: bool = True
    """Whether the constructor takes it."""
    alias: str = attrs.field(default=attrs.Factory(lambda self: self.name, takes_self=True))
    """The name of the constructor argument."""
    eq: Any = True
    """Whether it counts when two instances are compared."""
    converter: Any = None


def is_typed_dict(cls: Any) -> bool:
    """Return whether a class is a `TypedDict` of `typing` or of `typing_extensions`."""
    return isinstance(cls, type) and hasattr(cls, "__required_keys__") and hasattr(cls, "__total__")


def is_record(kind: Any) -> bool:
    """Return whether `kind` is an attrs class, a dataclass or a `TypedDict`."""
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and (
        attrs.has(origin) or dataclasses.is_dataclass(origin) or is_typed_dict(origin)
    )


def members_of(cls: type) -> tuple[Any, ...]:
    """Return the members of a class, with their annotations resolved."""
    if attrs.has(cls):
        return tuple(attrs.fields(_resolved(attrs.resolve_types, cls)))
    hints = hints_of(cls)
    if is_typed_dict(cls):
        return tuple(_key(cls, name, hint) for name, hint in hints.items())
    return tuple(_dataclass_fields(cls, hints))


def hints_of(cls: Any) -> dict[str, Any]:
    """Return the annotations of a class and its bases."""
    hints: dict[str, Any] = _resolved(typing.get_type_hints, cls)
    return hints


def _resolved(resolve: Any, cls: Any) -> Any:
    try:
        return resolve(cls, include_extras=True)
    except (NameError, AttributeError, SyntaxError) as error:
        advice = "define its names in its module"
        if attrs.has(cls):
            advice += f", or call attrs.resolve_types({cls.__name__}, localns=locals()) first"
        message = f"cannot resolve the annotations of {cls!r}: {error}: {advice}"
        raise UsageWireError(message) from error


def member_names(cls: type) -> frozenset[str]:
    """Return the names of the members of a class, without resolving annotations."""
    if attrs.has(cls):
        return frozenset(attrs.fields_dict(cls))
    if dataclasses.is_dataclass(cls):
        return frozenset(field.name for field in dataclasses.fields(cls))
    return _keys_of(cls) if is_typed_dict(cls) else frozenset()


def _keys_of(cls: Any) -> frozenset[str]:
    return frozenset(cls.__required_keys__ | cls.__optional_keys__)


def _dataclass_fields(cls: Any, hints: Mapping[str, Any]) -> Iterator[Member]:
    for name, field in cls.__dataclass_fields__.items():
        if field._field_type is dataclasses._FIELD_INITVAR:  # type: ignore[attr-defined] # noqa: SLF001 -- they have no public name
            raise UsageWireError(
                f"{cls.__name__}.{name} is an InitVar, so it cannot be written: register hooks for"
                " the class"
            )
    for field in dataclasses.fields(cls):
        default = attrs.NOTHING if field.default is dataclasses.MISSING else field.default
        if field.default_factory is not dataclasses.MISSING:
            default = attrs.Factory(field.default_factory)
        yield Member(
            field.name, hints[field.name], default, init=field.init, eq=field.compare is not False
        )


def _key(cls: Any, name: str, hint: Any) -> Member:
    """Return the member for a key of a `TypedDict`."""
    required = name in cls.__required_keys__
    metadata: tuple[Any, ...] = ()
    while True:
        qualifier = getattr(get_origin(hint), "_name", None)
        if qualifier in _QUALIFIERS:
            if qualifier != "ReadOnly":
                required = qualifier == "Required"
            hint = get_args(hint)[0]
        elif hasattr(hint, "__metadata__") and _is_qualified(hint.__origin__):
            metadata = (*hint.__metadata__, *metadata)
            hint = hint.__origin__
        else:
            break
    if metadata:
        hint = typing.Annotated[(hint, *metadata)]
    return Member(name, hint, attrs.NOTHING if required else None)


def _is_qualified(hint: Any) -> bool:
    return getattr(get_origin(hint), "_name", None) in _QUALIFIERS


def attrs_wrote(code: Any) -> bool:
    """Return whether attrs wrote this code object."""
    return getattr(code, "co_filename", "").startswith("<attrs generated")


def set_by_code(cls: Any) -> bool:
    """Return whether code of the class runs when an instance is made, and may set any member."""
    names = ("__attrs_pre_init__", "__attrs_post_init__", "__post_init__")
    code = getattr(cls.__init__, "__code__", None)
    generated = attrs_wrote(code) or getattr(code, "co_filename", "") == "<string>"
    return (
        any(hasattr(cls, name) for name in names)
        or not generated
        or cls.__new__ is not object.__new__
    )


# Type variables and `Self`


def type_variables(cls: Any) -> dict[str, Mapping[Any, Any]]:
    """Return for each member the values of the type variables in the class that defines it."""
    origin = get_origin(cls) or cls
    if is_typed_dict(origin):
        return _typed_dict_variables(cls, {})
    found: dict[Any, dict[Any, Any]] = {origin: _arguments(cls, {})}
    for base in origin.__mro__:
        for kind in vars(base).get("__orig_bases__", base.__bases__):
            # A base that is named twice has the same arguments both times.
            found.setdefault(get_origin(kind) or kind, _arguments(kind, found.get(base, {})))
    return {
        name: found.get(base, {})
        for base in reversed(origin.__mro__)
        for name in _own_members(base)
    }


def _own_members(base: type) -> list[str]:
    """Return the members that this class defines itself."""
    if "__attrs_attrs__" in vars(base):
        return [a.name for a in attrs.fields(base) if not a.inherited]
    fields = vars(base).get("__dataclass_fields__", {})
    bases = [vars(one).get("__dataclass_fields__", {}) for one in base.__mro__[1:]]
    # A dataclass takes the fields of its bases over as the same objects.
    return [
        name
        for name, field in fields.items()
        if not any(other.get(name) is field for other in bases)
    ]


def _typed_dict_variables(cls: Any, variables: Mapping[Any, Any]) -> dict[str, Mapping[Any, Any]]:
    """Return the same for a `TypedDict`, which has no base classes but in `__orig_bases__`."""
    origin = get_origin(cls) or cls
    arguments = _arguments(cls, variables)
    found: dict[str, Mapping[Any, Any]] = dict.fromkeys(_keys_of(origin), arguments)
    for base in vars(origin).get("__orig_bases__", ()):
        if is_typed_dict(get_origin(base) or base):
            found |= _typed_dict_variables(base, arguments)
    return found


def _arguments(kind: Any, variables: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the values of the type variables of a generic class, as `kind` gives them."""
    parameters = getattr(get_origin(kind), "__parameters__", ())
    if not all(isinstance(parameter, TypeVar) for parameter in parameters):
        raise UsageWireError(f"{quote(str(kind))} is not supported: use only type variables")
    arguments = (fill_in(argument, variables) for argument in get_args(kind))
    return dict(zip(parameters, arguments, strict=False))


def fill_in(kind: Any, variables: Mapping[Any, Any], cls: Any = None) -> Any:
    """Return the annotation `kind` with the type variables replaced, and `Self` by `cls`."""
    if cls is not None:
        kind = _without_self(kind, cls)
    if isinstance(kind, TypeVar):
        return variables.get(kind, kind)
    parameters = getattr(kind, "__parameters__", ())
    if parameters and not isinstance(kind, type):
        return kind[tuple(variables.get(p, p) for p in parameters)]
    return kind


def _without_self(kind: Any, cls: Any) -> Any:
    """Return the annotation with `Self` replaced, also inside of it."""
    if kind is Self:
        return cls
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal or not arguments:
        return kind
    if hasattr(kind, "__metadata__"):
        inner = _without_self(kind.__origin__, cls)
        return typing.Annotated[(inner, *kind.__metadata__)]
    replaced = tuple(_without_self(argument, cls) for argument in arguments)
    if all(new is old for new, old in zip(replaced, arguments, strict=True)):
        return kind
    return with_arguments(kind, replaced)


def with_arguments(kind: Any, arguments: tuple[Any, ...]) -> Any:
    """Return a union or generic type with other arguments."""
    if isinstance(kind, UnionType):
        return reduce(or_, arguments)
    if not isinstance(kind, GenericAlias):
        return kind.copy_with(arguments)
    made: Any = GenericAlias(get_origin(kind), arguments)
    return next(iter(made)) if getattr(kind, "__unpacked__", False) else made
