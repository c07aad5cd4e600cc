"""Descriptions of types for C: tuples, lowered from the hooks of a converter.

Reading and writing use the same form. `hook_info` explains hooks, and `Layout` describes classes. A
user's hook, or a class with a validator, is refused with a reason. The reference then reads or
writes the type. This module has no rules about input, and does not know the extension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, get_origin

import attrs
import orjson

from usagewire.converters import codegen, row_rules, scalars
from usagewire.errors import quote
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import ValueHook, info_of
from usagewire.wire.layout import Field, Layout

KINDS: Final = (
    "int", "float", "str", "bool", "Decimal", "money text", "money number", "any", "class", "union",
    "list", "tuple",
)  # fmt: skip
"""In the order of `KindName` in `schema.h`."""

_VALUES: Final = {int: "int", float: "float", str: "str", bool: "bool", Decimal: "Decimal"}
_STRICT: Final = (
    scalars.read_int,
    scalars.read_float,
    scalars.read_str,
    scalars.read_bool,
    scalars.read_decimal,
)
_WRITTEN: Final = {
    scalars.write_int: "int",
    scalars.write_float: "float",
    scalars.write_str: "str",
    scalars.write_bool: "bool",
    scalars.write_decimal: "Decimal",
    scalars.write_money_text: "money text",
    scalars.write_money_number: "money number",
}
_FACTORIES: Final = (list, dict, set)
"""Factories that C may call. They do not fail, and an unneeded call does no harm."""

_COMPARED: Final = frozenset(_VALUES)
"""Types of defaults that C compares with a value. Comparing them runs no user code."""

_MOST_FIELDS: Final = 64
_TAG, _FALLBACK = -1, -2
_REQUIRED, _VALUE, _FACTORY = range(3)

Direction = Literal["read", "written"]


class NotLoweredError(Exception):
    """The reason why only the reference can read or write a type."""


class Reference(NamedTuple):
    """The functions of the reference that C calls, and its special objects."""

    loads: Callable[..., Any]
    parse: Callable[..., Any]
    dumps: Callable[..., Any]
    json_error: type[Exception]
    wire_error: type[Exception]
    read_any: Callable[..., Any]
    read_extra: Callable[..., Any]
    read_decimal: Callable[..., Any]
    write_decimal: Callable[..., Any]
    write_money_text: Callable[..., Any]
    write_money_number: Callable[..., Any]
    extra_json: Callable[..., Any]
    no_extra: Any
    decimal: type
    zero: Any


class Kind(NamedTuple):
    """The kind of the values of a field or a list."""

    name: int
    nullable: bool = False
    of: Any = None
    """The index of a class, a `UnionDescription`, or the kind of the items."""


class UnionDescription(NamedTuple):
    """Classes that C distinguishes by a tag in reading, and by type in writing."""

    tags: tuple[str, ...]
    classes: tuple[int, ...]
    others: int | None = None
    """The class for other tags."""
    tag_keys: tuple[str, ...] = ()


class FieldDescription(NamedTuple):
    """One slot of a class."""

    descriptor: Any
    kind: Kind
    mode: int
    default: Any
    """The default or its factory. Reading uses it if the key is missing; writing omits it."""
    key_prefix: bytes | None
    """The JSON text before the value; None if the field has no key."""


class ClassDescription(NamedTuple):
    """An attrs class."""

    cls: type
    fields: tuple[FieldDescription, ...]
    """Fields that have keys come first."""
    keys: tuple[str, ...]
    fields_of_keys: tuple[int, ...]
    tags: tuple[str, ...]
    extra: int
    """The index of the field for unknown keys, or -1."""
    keep_extra: bool
    ignore_extra: bool
    frozen: bool
    tag_field: int
    """The index of the field whose value must not be in `known_tags`, or -1."""
    known_tags: frozenset[str]
    head: bytes
    """The start of its JSON objects."""
    reserved: Any
    """Keys that unknown keys must not equal; None if the reference writes unknown keys."""


class Lowering:
    """Makes the descriptions of the classes of one type, or of one writer.

    Args:
        direction: "read" for structure hooks, "written" for unstructure hooks.
        add: takes each class, after the classes that it refers to, and returns its index.
    """

    def __init__(self, direction: Direction, add: Callable[[ClassDescription], int]) -> None:
        self._add = add
        self.is_strict = True
        """Whether every hook so far rejects values of other types."""
        self._direction = direction
        self._is_read = direction == "read"
        self._index: dict[Any, int] = {}

    def kind(self, hook: Any, kind: Any = None) -> Kind:  # noqa: PLR0911 -- one for each kind
        """Return the description of type `kind`, which `hook` reads or writes."""
        if self._is_read and hook is scalars.read_json:
            return _kind("any")
        if not self._is_read and hook in _WRITTEN:
            return _kind(_WRITTEN[hook])
        match info_of(hook):
            case ("value", base, read) if base in _VALUES and (
                kind is base or not isinstance(kind, type)
            ):
                self.is_strict &= read in _STRICT
                return _kind(_VALUES[base])
            case ("annotated", inner, inner_kind):
                return self.kind(inner, inner_kind)
            case ("optional", inner, inner_kind):
                return self.kind(inner, inner_kind)._replace(nullable=True)
            case ("sequence", made, item_kind, item) if made in (list, tuple):
                return _kind(made.__name__, self.kind(item, item_kind))
            case ("sequence", made, item) if made in (list, tuple):
                return _kind(made.__name__, self.kind(item))
            case ("tagged", table, others, keys, nullable):
                classes = tuple(self.index_of(inner) for inner, _ in table.values())
                other = None
                if others is not None and info_of(others[0]) != ("rejecting",):
                    other = self.index_of(others[0])
                union = UnionDescription(tuple(table), classes, other, keys)
                return _kind("union", union, nullable=nullable)
            case ("union", table):
                hooks = [inner for cls, inner in table.items() if cls is not NoneType]
                union = UnionDescription((), tuple(map(self.index_of, hooks)))
                return _kind("union", union, nullable=NoneType in table)
            case ("class", *_) | (("costs" | "unknown" | "container"), _):
                return _kind("class", self.index_of(hook))
        raise NotLoweredError(
            f"{name_of(kind)} is {self._direction} by a hook that C does not know"
        )

    def index_of(self, hook: Any) -> int:
        """Return the index of the class that `hook` reads or writes."""
        if hook in self._index:
            return self._index[hook]
        inner, rules = hook, set()
        while (info := info_of(inner))[:1] in (("costs",), ("unknown",), ("container",)):
            rules.add(info[0])
            inner = info[1]
        match info:
            case ("class", structurer):
                layout, hooks = structurer.layout, structurer.hooks
            case ("class", layout, hooks):
                pass
            case _:
                raise NotLoweredError(
                    f"a class is {self._direction} by a hook that C does not know"
                )
        index = self._index[hook] = self._add(self._class(layout, hooks, rules))
        return index

    def _class(
        self, layout: Layout, hooks: Sequence[ValueHook], rules: set[str]
    ) -> ClassDescription:
        cls = layout.cls
        _refuse_class(cls)
        attributes = attrs.fields_dict(cls)
        fields = [
            self._field(attributes[field.attribute], cls, field, hook)
            for field, hook in zip(layout.fields, hooks, strict=True)
        ]
        known = {field.attribute for field in layout.fields}
        others = [a for name, a in attributes.items() if name not in known]
        fields += [self._field(a, cls) for a in others]
        extra = -1 if layout.catch_all is None else len(known) + others.index(layout.catch_all)
        keys: dict[str, int] = {}
        if "costs" in rules:
            keys |= dict.fromkeys(row_rules.METRIC_KEYS, _FALLBACK)
        if layout.wrappers:
            keys |= dict.fromkeys((*wire_names.WRAPPERS, wire_names.API_ERROR), _FALLBACK)
        is_unknown = "unknown" in rules
        if is_unknown:
            keys |= dict.fromkeys(row_rules.CONTAINER_OF_KEY, _FALLBACK)
        keys |= layout.index
        keys |= dict.fromkeys(layout.tag_keys, _TAG)
        head = b"{"
        if layout.tags:
            head += orjson.dumps(layout.written_tag_key) + b":" + orjson.dumps(layout.tags[0])
        reserved = layout.tag_keys | layout.index.keys()
        if is_unknown:
            reserved |= row_rules.CONTAINER_OF_KEY.keys()  # only the reference compares the values
        return ClassDescription(
            cls,
            tuple(fields),
            tuple(keys),
            tuple(keys.values()),
            layout.tags,
            extra,
            layout.keeps,
            not layout.keeps and not layout.forbids,
            cls.__setattr__ is not object.__setattr__,
            layout.tag_field if is_unknown and layout.tag_field is not None else -1,
            frozenset(wire_names.CLASS_OF_TAG if is_unknown else ()),
            head,
            None if "costs" in rules else reserved,
        )

    def _field(
        self,
        a: attrs.Attribute[Any],
        cls: Any,
        field: Field | None = None,
        hook: ValueHook | None = None,
    ) -> FieldDescription:
        """Return a field. A field without `hook` has no key."""
        prefix = None
        if field is None or hook is None:
            kind = _kind("str")
        elif hook.hook is None and self._is_read:
            raise NotLoweredError(f"{cls.__name__}.{a.name} is read by its attrs converter")
        else:
            kind = self.kind(hook.hook, hook.kind)
            kind = kind._replace(nullable=kind.nullable or hook.nullable)
            prefix = b"," + orjson.dumps(field.written) + b":"
        mode, default = self._default(a, cls) if self._is_read else self._omitted(field, cls)
        return FieldDescription(slot_of(cls, a.name), kind, mode, default, prefix)

    def _default(self, a: attrs.Attribute[Any], cls: Any) -> tuple[int, Any]:
        """Return how to fill a field whose key is missing."""
        if isinstance(a.default, attrs.Factory):  # type: ignore[arg-type]
            factory = a.default.factory  # type: ignore[union-attr]
            if factory not in _FACTORIES:
                name = f"{cls.__name__}.{a.name}"
                raise NotLoweredError(f"{name} has a default factory that C does not call")
            return _FACTORY, factory
        if a.default is not attrs.NOTHING:
            return _VALUE, a.default
        return (_FACTORY, dict) if a.name == wire_names.EXTRA else (_REQUIRED, None)

    def _omitted(self, field: Field | None, cls: Any) -> tuple[int, Any]:
        """Return the value with which writing omits a field."""
        if field is None or not field.omit_default:
            return _REQUIRED, None
        default = field.default
        is_empty_tuple = type(default) is tuple and not default
        if not (default is None or is_empty_tuple or type(default) in _COMPARED):
            name = f"{cls.__name__}.{field.attribute}"
            raise NotLoweredError(f"{name} has a default that C does not compare")
        return _VALUE, field.default


def _kind(name: str, of: Any = None, *, nullable: bool = False) -> Kind:
    return Kind(KINDS.index(name), nullable, of)


def _refuse_class(cls: Any) -> None:
    more = codegen.init_side_effects(cls)
    if more is not None:
        raise NotLoweredError(f"{cls.__name__} {more}")
    if len(attrs.fields(cls)) > _MOST_FIELDS:
        raise NotLoweredError(f"{cls.__name__} has more than {_MOST_FIELDS} fields")


def slot_of(cls: Any, name: str) -> Any:
    """Return the descriptor of the slot of attribute `name`."""
    return next(vars(base)[name] for base in cls.__mro__ if name in vars(base))


def name_of(kind: Any) -> str:
    """Return the name of a type for a reason."""
    # Python 3.14 gave `int | str` the name "Union".
    name = None if get_origin(kind) is UnionType else getattr(kind, "__name__", None)
    return name or quote(str(kind))
