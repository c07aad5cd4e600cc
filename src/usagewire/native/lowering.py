"""Makes the descriptions of types for C from the hooks of a converter.

`hook_info` explains hooks, and `Layout` describes classes. C calls a hook that it does not know.
This module has no rules about input, and does not know the extension.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_origin
from uuid import UUID, SafeUUID

import attrs
import orjson

from usagewire.converters import codegen, row_rules, scalars
from usagewire.errors import quote
from usagewire.native.descriptions import (
    FACTORY,
    FACTORY_OF_SELF,
    JSON_TYPES,
    REQUIRED,
    VALUE,
    ChoiceDescription,
    ClassDescription,
    FieldDescription,
    Kind,
    UnionDescription,
    UuidDescription,
    kind_named,
)
from usagewire.native.written import kind_of as written_kind
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import ValueHook, info_of
from usagewire.wire.instances import (
    Filling,
    filling_of,
    init_function,
    is_frozen,
    reads_slots,
    slot_of,
)
from usagewire.wire.layout import Field, Layout
from usagewire.wire.members import is_typed_dict, members_of

_VALUES: Final = {int: "int", float: "float", str: "str", bool: "bool", Decimal: "Decimal"}
_STRICT: Final = (
    scalars.read_int,
    scalars.read_float,
    scalars.read_str,
    scalars.read_bool,
    scalars.read_decimal,
)
_TEXTS: Final = frozenset({datetime, date, time, timedelta, UUID, bytes})
_UUID_SLOTS: Final = ("int", "is_safe", "__weakref__")
"""The slots of `UUID` in the versions of Python that C knows."""
_SEQUENCES: Final = (list, tuple, set, frozenset)
_MOST_FIELDS: Final = 64
"""The most fields of a class whose slots C fills or reads. Other classes are called."""

_TAG, _FALLBACK = -1, -2

Direction = Literal["read", "written"]


class NotLoweredError(Exception):
    """The reason why only the reference can read or write a type."""


class Lowering:
    """Makes the descriptions of the classes of one type, or of one writer.

    Args:
        direction: "read" for structure hooks, "written" for unstructure hooks.
        calls: whether C may call hooks that it does not know. Such a hook runs again if C hands
            the record back.
    """

    def __init__(self, direction: Direction, *, calls: bool = True) -> None:
        self.classes: list[Any] = []
        """The descriptions of the classes, by their index."""
        self.is_strict = True
        """Whether every hook so far rejects values of other types."""
        self.calls_hooks = False
        """Whether C calls hooks."""
        self._direction = direction
        self._is_read = direction == "read"
        self._calls = calls
        self._index: dict[Any, int] = {}

    def forget(self, size: int) -> None:
        """Forget the classes from index `size` on."""
        del self.classes[size:]
        self._index = {hook: index for hook, index in self._index.items() if index < size}

    def root(self, hook: Any, kind: Any) -> Kind:
        """Return the description of a type to read. Raise if only its hook can read it."""
        return self._known_kind(hook, kind)

    def kind(self, hook: Any, kind: Any = None) -> Kind:
        """Return the description of type `kind`, which `hook` reads or writes."""
        size = len(self.classes)
        try:
            return self._known_kind(hook, kind) if self._is_read else self._written_kind(hook)
        except NotLoweredError:
            self.forget(size)
            if not self._calls:
                raise
        return self._with_hook(kind_named("call"), hook, kind)

    def _with_hook(self, described: Kind, hook: Any, kind: Any) -> Kind:
        """Return a description with the hook that C calls for unusual values."""
        if not self._calls:
            return described
        self.calls_hooks = True
        return described._replace(hook=hook, type=kind)

    def _known_kind(self, hook: Any, kind: Any) -> Kind:  # noqa: C901, PLR0911, PLR0912 -- one case a kind
        if hook is scalars.read_json:
            return kind_named("any")
        match info_of(hook):
            case ("value", base, read) if base in _VALUES and (
                kind is base or not isinstance(kind, type)
            ):
                self.is_strict &= read in _STRICT
                return kind_named(_VALUES[base])
            case ("value", base, _) if base in _TEXTS and (
                kind is base or not isinstance(kind, type)
            ):
                return self._with_hook(_text(base), hook, kind)
            case ("annotated", inner, inner_kind):
                return self.kind(inner, inner_kind)
            case ("optional", inner, inner_kind):
                return self.kind(inner, inner_kind)._replace(nullable=True)
            case ("recursive", look_up):
                inner = look_up()
                if info_of(inner)[:1] == ("items",):
                    raise NotLoweredError("a named tuple that holds itself is read by its hook")
                return self.kind(inner, kind)
            case ("sequence", made, item_kind, item) if made in _SEQUENCES:
                return kind_named(made.__name__, (self.kind(item, item_kind),))
            case ("items", items, make):
                self.calls_hooks |= make is not None
                kinds = tuple(self.kind(inner, inner_kind) for inner, inner_kind in items)
                return kind_named("items", kinds, make=make)
            case ("mapping", made, key_of, item_kind, item) if made is dict:
                self.calls_hooks |= key_of is not None
                return kind_named("dict", (self.kind(item, item_kind),), make=key_of)
            case ("choice", table):
                return self._with_hook(kind_named("choice", _choices(table)), hook, kind)
            case ("by type", table):
                return self._with_hook(kind_named("JSON types", self._by_type(table)), hook, kind)
            case ("tagged", table, others, keys, nullable):
                classes = tuple(self.index_of(inner) for inner, _ in table.values())
                other = None
                if others is not None and info_of(others[0]) != ("rejecting",):
                    other = self.index_of(others[0])
                union = UnionDescription(tuple(table), classes, other, keys)
                return kind_named("union", union, nullable=nullable)
            case ("untagged", hooks, class_of, nullable):
                return kind_named("union", self._untagged(hooks, class_of), nullable=nullable)
            case ("class", *_) | (("costs" | "unknown" | "container"), _):
                return kind_named("class", self.index_of(hook))
        raise NotLoweredError(
            f"{name_of(kind)} is {self._direction} by a hook that C does not know"
        )

    def _written_kind(self, hook: Any) -> Kind:
        found = written_kind(hook, self.kind)
        if found is None:
            info = info_of(hook)
            if info[:1] == ("optional",):
                return self.kind(info[1])._replace(nullable=True)
            if info[:1] == ("text",) and info[1] in _TEXTS:
                return self._with_hook(_text(info[1]), hook, None)
            inner = info[1]() if info[:1] == ("recursive",) else hook
            if info_of(inner)[:1] not in (("class",), ("costs",), ("unknown",)):
                raise NotLoweredError("only the hook knows its values")
            found = kind_named("class", self.index_of(inner))
        return self._with_hook(found, hook, found.type)

    def _untagged(self, hooks: Any, class_of: Any) -> UnionDescription:
        """Return a union without tags, whose classes a Literal or a required key shows."""
        match info_of(class_of):
            case ("by literal", names, table):
                classes = tuple(self.index_of(hooks[cls]) for cls in table.values())
                return UnionDescription(tuple(table), classes, None, tuple(names))
            case ("by key", chosen, rest):
                classes = tuple(self.index_of(hooks[cls]) for cls in chosen.values())
                others = self.index_of(hooks[rest[0]]) if rest else None
                return UnionDescription((), classes, others, tuple(chosen))
        raise NotLoweredError("the user chooses the class of a union")

    def _by_type(self, table: Any) -> tuple[Kind | None, ...]:
        """Return the kinds of a union for each of `JSON_TYPES`."""
        found = (table.get(NoneType if one is None else one) for one in JSON_TYPES)
        return tuple(None if hook is None else self._member(*hook) for hook in found)

    def _member(self, hook: Any, kind: Any) -> Kind:
        if hook is scalars.read_none or kind is None or kind is NoneType:
            return kind_named("any")  # null is the only value of its JSON type
        return self.kind(hook, kind)

    def index_of(self, hook: Any) -> int:
        """Return the index of the class that `hook` reads or writes."""
        if hook in self._index:
            return self._index[hook]
        inner, rules = hook, set()
        while (info := info_of(inner))[:1] in (("costs",), ("unknown",), ("container",)):
            rules.add(info[0])
            inner = info[1]
        match info:
            case ("class", structurer) if self._is_read:
                layout, hooks = structurer.layout, structurer.hooks
            case ("class", layout, hooks) if not self._is_read:
                pass
            case ("recursive", look_up):
                return self.index_of(look_up())
            case _:
                raise NotLoweredError(
                    f"a class is {self._direction} by a hook that C does not know"
                )
        index = self._index[hook] = len(self.classes)
        self.classes.append(None)  # a class can refer to itself
        self.classes[index] = self._class(layout, hooks, rules)
        return index

    def _class(
        self, layout: Layout, hooks: Sequence[ValueHook], rules: set[str]
    ) -> ClassDescription:
        cls = layout.cls
        attributes = {member.name: member for member in members_of(cls)}
        is_small = len(attributes) <= _MOST_FIELDS
        found = filling_of(cls) if self._is_read and is_small else None
        filling = found if isinstance(found, Filling) else None
        is_slots = filling is not None if self._is_read else reads_slots(cls, attributes)
        self.calls_hooks |= filling is None or filling.runs_code
        fields = [
            self._field(attributes[field.attribute], cls, field, hook, filling)
            for field, hook in zip(layout.fields, hooks, strict=True)
        ]
        known = {field.attribute for field in layout.fields}
        others = [a for name, a in attributes.items() if name not in known]
        if not is_slots:  # the constructor fills the others
            others = [a for a in others if layout.catch_all and a.name == layout.catch_all.name]
        fields += [self._field(a, cls, filling=filling) for a in others]
        names = [a.name for a in others]
        extra = -1 if layout.catch_all is None else len(known) + names.index(layout.catch_all.name)
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
            is_frozen(cls),
            layout.tag_field if is_unknown and layout.tag_field is not None else -1,
            frozenset(wire_names.CLASS_OF_TAG if is_unknown else ()),
            head,
            None if "costs" in rules else reserved,
            is_slots,
            make=None if not self._is_read else dict if is_typed_dict(cls) else cls,
            init=init_function(cls),
            finish=None if filling is None else codegen.compile_finish(filling),
            check=None if self._is_read else codegen.checking(layout),
        )

    def _field(
        self,
        a: Any,
        cls: Any,
        field: Field | None = None,
        hook: ValueHook | None = None,
        filling: Filling | None = None,
    ) -> FieldDescription:
        """Return a field. A field without `hook` has no key."""
        prefix = None
        if field is None or hook is None:
            kind = kind_named("str")
        elif hook.hook is None and self._is_read:
            kind = kind_named("call")
        else:
            kind = self.kind(hook.hook, hook.kind)
            kind = kind._replace(nullable=kind.nullable or hook.nullable)
        if field is not None:
            prefix = b"," + orjson.dumps(field.written) + b":"
        mode, default = (
            _default(a, is_slots=filling is not None) if self._is_read else _omitted(field)
        )
        convert = None if filling is None else filling.converters.get(a.name)
        name = a.alias if self._is_read else a.name
        return FieldDescription(slot_of(cls, a.name), kind, mode, default, prefix, name, convert)


def _default(a: Any, *, is_slots: bool) -> tuple[int, Any]:
    """Return how to fill a field whose key is missing."""
    if isinstance(a.default, attrs.Factory):  # type: ignore[arg-type]
        return FACTORY, a.default.factory
    if a.default is not attrs.NOTHING:
        return VALUE, a.default
    # The reference gives the constructor an empty dict.
    return (FACTORY, dict) if a.name == wire_names.EXTRA and is_slots else (REQUIRED, None)


def _omitted(field: Field | None) -> tuple[int, Any]:
    """Return the value with which writing omits a field."""
    if field is None or not field.omit_default:
        return REQUIRED, None
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return FACTORY_OF_SELF if field.default.takes_self else FACTORY, field.default.factory
    return VALUE, field.default


def _text(base: type) -> Kind:
    """Return the kind of values that JSON holds as text."""
    if base is not UUID:
        make = timezone.utcoffset if base in (datetime, time) else None
        return kind_named(base.__name__, base, make=make)
    if UUID.__bases__ != (object,) or UUID.__slots__ != _UUID_SLOTS:
        raise NotLoweredError("C does not know the slots of this version's UUID")
    number, is_safe = (slot_of(UUID, name) for name in _UUID_SLOTS[:2])
    return kind_named("UUID", UuidDescription(UUID, number, is_safe, SafeUUID.unknown))


def _choices(table: Any) -> ChoiceDescription:
    texts = {value: one for (cls, value), one in table.items() if cls is str}
    numbers = {value: one for (cls, value), one in table.items() if cls is int}
    return ChoiceDescription(tuple(texts), tuple(texts.values()), numbers)


def name_of(kind: Any) -> str:
    """Return the name of a type for a reason."""
    # Python 3.14 gave `int | str` the name "Union".
    name = None if get_origin(kind) is UnionType else getattr(kind, "__name__", None)
    return name or quote(str(kind))
