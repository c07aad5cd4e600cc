"""The C extension: whether it is in use, and what it needs to know of a type.

That is lowered from the hooks of a converter. A hook is taken apart by what `hook_info` noted of
it, a class by its `Layout`. What has no note (a hook of yours), or does more than C does (a
validator), is refused with a reason, and the reference serves: nothing here has an opinion of its
own about what input means.

This is the only module that knows `extension`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from decimal import Decimal
from types import NoneType
from typing import Any, Final
from weakref import WeakKeyDictionary

import attrs
import orjson

from usagewire.converters import codegen, row_rules, scalars
from usagewire.errors import UsageWireError, quote
from usagewire.models import NO_PROPERTIES
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import ValueHook, facts_of
from usagewire.wire.layout import Field, Layout

_Plan: Any = None
_Writer: Any = None
_missing: str | None = None
try:
    from usagewire.native import extension

    _Plan, _Writer = extension.Plan, extension.Writer
except ImportError as error:
    _missing = f"the C extension cannot be imported ({error})"

PURE: Final = os.environ.get("USAGEWIRE_PURE", "") not in ("", "0")
"""Whether the user does without the C extension."""

KINDS: Final = ("int", "float", "str", "bool", "Decimal", "any", "class", "union", "list", "tuple")
"""In the order of `KindName` in `plan.h`."""

WRITE_KINDS: Final = ("int", "float", "str", "bool", "Decimal", "record", "list", "tuple")
"""In the order of `WriteName` in `encode.h`."""

_STRICT: Final = (
    scalars.read_int,
    scalars.read_float,
    scalars.read_str,
    scalars.read_bool,
    scalars.read_decimal,
)
_VALUES: Final = {int: "int", float: "float", str: "str", bool: "bool", Decimal: "Decimal"}
_FACTORIES: Final = (list, dict, set)
"""Factories that C may call: they cannot fail, and calling one in vain changes nothing."""

_MOST_FIELDS: Final = 64
_TAG, _ODD = -1, -2
_REQUIRED, _VALUE, _MADE = range(3)

Kind = tuple[int, bool, Any]


class NotLoweredError(Exception):
    """Why a type is read or written by the reference."""


def unavailable() -> str | None:
    """Return why the C extension is not in use at all, or None where it is."""
    if PURE:
        return "USAGEWIRE_PURE is set"
    return _missing


def plan_for(hook: Callable[..., Any], kind: Any) -> Any:
    """Return the plan by which C reads what structure hook `hook` reads as a `kind`.

    Raises:
        NotLoweredError: where it cannot.

    """
    missing = unavailable()
    if missing is not None:
        raise NotLoweredError(missing)
    made_for, plan = _plans.get(hook, (None, None))
    if plan is None or made_for is not kind:
        lowering = _Reading()
        root = lowering.kind(hook, kind)
        try:
            plan = _Plan(
                _FUNCTIONS,
                tuple(lowering.classes),
                tuple(lowering.unions),
                root,
                lowering.is_strict,
            )
        except TypeError as error:
            raise NotLoweredError(str(error)) from error
        _plans[hook] = kind, plan
    return plan


_plans: WeakKeyDictionary[Callable[..., Any], tuple[Any, Any]] = WeakKeyDictionary()


def _check_extra(value: Any) -> Any:
    """Refuse what cannot be the value of an unknown key."""
    return scalars.read_json({"": value})


_FUNCTIONS: Final = (
    orjson.loads,
    orjson.JSONDecodeError,
    UsageWireError,
    scalars.read_json,
    _check_extra,
    scalars.read_decimal,
    Decimal,
    scalars.ZERO,
)


class _Reading:
    """The classes and unions of one type, as `reading.h` takes them."""

    def __init__(self) -> None:
        self.classes: list[Any] = []
        self.unions: list[Any] = []
        self.is_strict = True
        """Whether no value is taken for one of another type."""
        self._index: dict[Any, int] = {}

    def kind(self, hook: Any, kind: Any) -> Kind:  # noqa: PLR0911 -- one for each kind
        """Return what values of type `kind` are, which `hook` reads."""
        if hook is scalars.read_json:
            return _kind("any")
        match facts_of(hook):
            case ("annotated", inner, inner_kind):
                return self.kind(inner, inner_kind)
            case ("value", base, read) if base in _VALUES and (kind is base or not _is_class(kind)):
                self.is_strict &= read in _STRICT
                return _kind(_VALUES[base])
            case ("optional", inner, inner_kind):
                name, _, of = self.kind(inner, inner_kind)
                return name, True, of
            case ("sequence", made, item_kind, item) if made in (list, tuple):
                return _kind(made.__name__, self.kind(item, item_kind))
            case ("tagged", table, others, keys, nullable):
                name, _, of = self._union(table, others, keys)
                return name, nullable, of
            case ("class", _) | ("costs", _) | ("unknown", _):
                return _kind("class", self._class(hook))
        raise NotLoweredError(f"{name_of(kind)} is read by a hook that C does not know")

    def _union(self, table: Any, others: Any, keys: tuple[str, ...]) -> Kind:
        classes = tuple(self._class(hook) for hook, _ in table.values())
        other = -1 if others is None else self._class(others[0])
        self.unions.append((tuple(table), classes, other, keys))
        return _kind("union", len(self.unions) - 1)

    def _class(self, hook: Any) -> int:
        """Return the index of the class that `hook` reads."""
        if hook in self._index:
            return self._index[hook]
        inner = hook
        odd: set[str] = set()
        refused: frozenset[str] = frozenset()
        while (facts := facts_of(inner))[:1] in (("costs",), ("unknown",)):
            if facts[0] == "costs":
                odd |= row_rules.METRIC_KEYS
            else:
                refused = frozenset(wire_names.CLASS_OF_TAG)
            inner = facts[1]
        if facts[:1] != ("class",):
            raise NotLoweredError("a class is read by a hook that C does not know")
        spec = self._spec(facts[1].layout, facts[1].hooks, odd, refused)
        self._index[hook] = len(self.classes)
        self.classes.append(spec)
        return self._index[hook]

    def _spec(
        self,
        layout: Layout,
        hooks: Sequence[ValueHook],
        odd: set[str],
        refused: frozenset[str],
    ) -> tuple[Any, ...]:
        """Return a class as `reading.h` takes it."""
        cls = layout.cls
        refuse_class(cls)
        attributes = attrs.fields(cls)
        index = {a.name: i for i, a in enumerate(attributes)}
        hook_of = {f.attribute: h for f, h in zip(layout.fields, hooks, strict=True)}
        fields = tuple(self._field(a, cls, hook_of.get(a.name)) for a in attributes)
        keys = dict.fromkeys(odd, _ODD)
        if layout.wrappers:
            keys |= dict.fromkeys((*wire_names.WRAPPERS, wire_names.API_ERROR), _ODD)
        keys |= {key: index[field.attribute] for field in layout.fields for key in field.read}
        keys |= dict.fromkeys(layout.tag_keys, _TAG)
        extra = -1 if layout.catch_all is None else index[wire_names.EXTRA]
        return (
            cls,
            fields,
            tuple(keys),
            tuple(keys.values()),
            layout.tags,
            extra,
            layout.keeps,
            not layout.keeps and not layout.forbids,
            cls.__setattr__ is not object.__setattr__,
            index[wire_names.TAG] if refused else -1,
            refused,
        )

    def _field(self, a: attrs.Attribute[Any], cls: Any, hook: ValueHook | None) -> tuple[Any, ...]:
        """Return a field as `reading.h` takes it; one without `hook` is never read."""
        if hook is None:
            kind = _kind("str")
        elif hook.hook is None:
            raise NotLoweredError(f"{cls.__name__}.{a.name} is read by its attrs converter")
        else:
            name, nullable, of = self.kind(hook.hook, hook.kind)
            kind = name, nullable or hook.nullable, of
        return slot_of(cls, a.name), kind, *self._default(a, cls)

    def _default(self, a: attrs.Attribute[Any], cls: Any) -> tuple[int, Any]:
        if isinstance(a.default, attrs.Factory):  # type: ignore[arg-type]
            if a.default.factory not in _FACTORIES:  # type: ignore[union-attr]
                raise NotLoweredError(f"{cls.__name__}.{a.name} has a default factory of its own")
            return _MADE, a.default.factory  # type: ignore[union-attr]
        if a.default is not attrs.NOTHING:
            return _VALUE, a.default
        return (_MADE, dict) if a.name == wire_names.EXTRA else (_REQUIRED, None)


_WRITE_VALUES: Final = {
    scalars.write_int: "int",
    scalars.write_float: "float",
    scalars.write_str: "str",
    scalars.write_bool: "bool",
    scalars.write_decimal: "Decimal",
}


def _extra_json(extra: Any, reserved: frozenset[str]) -> bytes:
    """Return the unknown keys of a record as a JSON object."""
    merged: dict[str, Any] = {}
    codegen.merge(merged, extra, reserved)
    return orjson.dumps(merged)


class RecordWriter:
    """How C writes records: it learns their classes as they come by.

    Args:
        hook_of: gives the unstructure hook for a class.

    """

    def __init__(self, hook_of: Callable[[Any], Any]) -> None:
        functions = (orjson.dumps, UsageWireError, scalars.write_decimal, _extra_json, Decimal)
        self._native = _Writer(functions)
        self._hook_of = hook_of
        self._index: dict[Any, int] = {}
        self._hooks: dict[type, Any] = {list: hook_of(list)}
        self._writes_lists = facts_of(self._hooks[list])[:2] == ("sequence", list)
        self._refused: dict[type, str] = {}
        self.encode: Callable[[Any], Any] = (
            self._native.encode if self._writes_lists else self._encode_no_list
        )
        """Return a record, or a list of records, as JSON, or NotImplemented."""
        self.encode_lines: Callable[[list[Any], int], tuple[bytes, int]] = self._native.encode_lines
        """Return records of a list from an index on as lines, and the index of the one after."""

    def _encode_no_list(self, obj: Any) -> Any:
        return NotImplemented if type(obj) is list else self._native.encode(obj)

    def learn_from(self, obj: Any) -> bool:
        """Learn to write `obj`, or the items of a list; return whether one was not known before."""
        if type(obj) is list:
            return self._writes_lists and sum(map(self.learn, set(map(type, obj)))) > 0
        return self.learn(type(obj))

    def learn(self, cls: type) -> bool:
        """Learn to write `cls`; return whether it is known now and was not before."""
        if cls in self._hooks or cls in self._refused:
            return False
        try:
            hook = self._hook_of(cls)
            self._native.allow(cls, self._class(hook))
        except Exception as error:
            self._refused[cls] = str(error)
            return False
        self._hooks[cls] = hook
        return True

    def is_current(self) -> bool:
        """Return whether no other hooks were registered since classes were learnt."""
        return all(self._hook_of(cls) is hook for cls, hook in self._hooks.items())

    def refusal(self, cls: type) -> str | None:
        """Return why `cls` is not written by C, or None where it is."""
        self.learn(cls)
        return self._refused.get(cls)

    def _class(self, hook: Any) -> int:
        """Return the index of the class that `hook` writes."""
        if hook in self._index:
            return self._index[hook]
        inner, open_ended = hook, True
        refused: frozenset[str] = frozenset()
        while (facts := facts_of(inner))[:1] in (("costs",), ("unknown",)):
            if facts[0] == "costs":
                open_ended = False
            else:
                refused = frozenset(wire_names.CLASS_OF_TAG)
            inner = facts[1]
        if facts[:1] != ("class",):
            raise NotLoweredError("a class is written by a hook that C does not know")
        _, layout, hooks = facts
        self._index[hook] = self._native.add(self._spec(layout, hooks, open_ended, refused))
        return self._index[hook]

    def _spec(
        self,
        layout: Layout,
        hooks: Sequence[ValueHook],
        open_ended: bool,  # noqa: FBT001 -- of this class only
        refused: frozenset[str],
    ) -> tuple[Any, ...]:
        """Return a class as `writing.h` takes it."""
        cls = layout.cls
        refuse_class(cls)
        head = b"{"
        if layout.tags:
            head += _quoted(layout.written_tag_key) + b":" + _quoted(layout.tags[0])
        fields = tuple(
            self._field(field, cls, hook) for field, hook in zip(layout.fields, hooks, strict=True)
        )
        extra = None if layout.catch_all is None else slot_of(cls, wire_names.EXTRA)
        reserved = layout.tag_keys | layout.index.keys()
        return (
            cls,
            head,
            fields,
            extra,
            NO_PROPERTIES,
            reserved if open_ended else None,
            layout.tag_field if refused else -1,
            refused,
        )

    def _field(self, field: Field, cls: Any, hook: ValueHook) -> tuple[Any, ...]:
        """Return a field as `writing.h` takes it."""
        name, nullable, of = self._kind(hook)
        omitted = field.default if field.omit_default else None
        if isinstance(omitted, attrs.Factory):  # type: ignore[arg-type]
            raise NotLoweredError(f"{cls.__name__}.{field.attribute} is compared with what is made")
        lead = b"," + _quoted(field.written) + b":"
        kind = WRITE_KINDS.index(name), nullable, of
        return slot_of(cls, field.attribute), kind, lead, field.omit_default, omitted

    def _kind(self, hook: ValueHook) -> tuple[str, bool, Any]:
        """Return what the values are that `hook` writes."""
        if hook.hook in _WRITE_VALUES:
            return _WRITE_VALUES[hook.hook], hook.nullable, None
        match facts_of(hook.hook):
            case ("optional", inner, kind):
                name, _, of = self._kind(ValueHook(inner, kind))
                return name, True, of
            case ("sequence", made, item) if made in (list, tuple):
                name, nullable, of = self._kind(ValueHook(item))
                return made.__name__, hook.nullable, (WRITE_KINDS.index(name), nullable, of)
            case ("union", table):
                hooks = [inner for cls, inner in table.items() if cls is not NoneType]
                classes = tuple(self._class(inner) for inner in hooks)
                return "record", hook.nullable or NoneType in table, classes
            case ("class", *_) | ("costs", _) | ("unknown", _):
                return "record", hook.nullable, (self._class(hook.hook),)
        raise NotLoweredError(f"{name_of(hook.kind)} is written by a hook that C does not know")


def _quoted(text: str) -> bytes:
    return orjson.dumps(text)


def _kind(name: str, of: Any = None) -> Kind:
    return KINDS.index(name), False, of


def _is_class(kind: Any) -> bool:
    return isinstance(kind, type)


def refuse_class(cls: Any) -> None:
    """Refuse a class of which an instance is more than slots that are filled."""
    more = codegen.init_side_effects(cls)
    if more is not None:
        raise NotLoweredError(f"{cls.__name__} {more}")
    if len(attrs.fields(cls)) > _MOST_FIELDS:
        raise NotLoweredError(f"{cls.__name__} has more than {_MOST_FIELDS} fields")


def slot_of(cls: Any, name: str) -> Any:
    """Return the descriptor of the slot of attribute `name`."""
    return next(vars(base)[name] for base in cls.__mro__ if name in vars(base))


def name_of(kind: Any) -> str:
    """Return what to call a type in a reason."""
    return getattr(kind, "__name__", None) or quote(str(kind))
