"""Hooks between JSON objects and attrs classes, dataclasses and `TypedDict`.

`ClassStructurer` holds the rules. Rows of one kind repeat their keys in one order, so `codegen`
compiles the same steps for each frequent order of keys.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Final

import attrs
import orjson
from cattrs import Converter
from cattrs.gen import override

from usagewire.converters import codegen, scalars
from usagewire.converters.values.annotated import hashable, reader_of, writer_of
from usagewire.errors import (
    DecodeError,
    EncodeError,
    UsageWireError,
    located,
    located_writing,
    quote,
)
from usagewire.models import CostsResultAmount
from usagewire.wire import exact_json
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook, ValueHook, describe, info_of
from usagewire.wire.layout import Field, Layout, NamingRules, layout_of
from usagewire.wire.members import is_typed_dict, member_names

MAX_COMPILED: Final = 256
"""At most this many orders of keys of a class are compiled, and as many others are counted."""

MAX_KEYS: Final = 128
MAX_KEY_TEXT: Final = 4096
"""An order with more keys, or with more characters in its keys, is not compiled."""

COMPILE_AFTER: Final = 3
"""An order of keys is compiled for the object of this number. Compiling takes as long as reading
about 100 rows."""

_NO_ROW: Final = frozenset({*wire_names.WRAPPERS, wire_names.API_ERROR})


@attrs.frozen(eq=False, repr=False)
class Rules(NamingRules):
    """The options of a converter."""

    strict: bool = attrs.field(kw_only=True)
    used: scalars.Leniency = attrs.field(kw_only=True)
    money: wire_names.Money | None = attrs.field(kw_only=True)
    tests: dict[tuple[Hook, Any], str] = attrs.Factory(dict)
    """The `ValueHook.test` for a hook and a type."""

    def value_hook(
        self, field: Field, own: Hook | None, get_hook: Callable[[Any], Hook]
    ) -> ValueHook:
        """Return the `own` hook of `field`, or else the hook of the converter for its type."""
        if own is not None:
            return ValueHook(own, field.type)
        hook, kind = get_hook(field.type), hashable(field.type)
        nullable = info_of(hook)[:1] == ("optional",)
        if nullable:
            _, hook, kind = info_of(hook)
        return ValueHook(hook, kind, nullable, self.tests.get((hook, kind)))


def structure_function(cls: Any, converter: Converter, rules: Rules) -> Hook:
    """Return a hook `(JSON object, type) -> instance of cls`."""
    structurer = ClassStructurer(cls, converter, rules)
    compiled: dict[tuple[str, ...], Hook] = {}
    counts: dict[tuple[str, ...], int] = {}
    compiled_for = compiled.get

    def structure(o: Any, _: Any = None) -> Any:
        if type(o) is not dict:
            raise scalars.wrong_type("an object", o)
        function = compiled_for(tuple(o))
        if function is not None:
            return function(o)
        if len(o) <= MAX_KEYS and (function := count(tuple(o))) is not None:
            return function(o)
        return structurer(o, structure)

    def count(keys: tuple[str, ...]) -> Hook | None:
        # A key that is not a str does not come from JSON. `can_compile` rejects it.
        if sum(len(key) for key in keys if type(key) is str) > MAX_KEY_TEXT:
            return None
        times = counts.get(keys, 0) + 1
        if times < COMPILE_AFTER:
            if len(counts) >= MAX_COMPILED:
                counts.clear()
            counts[keys] = times
            return None
        if len(compiled) >= MAX_COMPILED or not structurer.can_compile(keys):
            return None
        counts.pop(keys, None)
        compiled[keys] = codegen.compile_structure(
            keys,
            structurer.layout,
            structurer.hooks,
            structurer.check_tag,
            structurer.mutable,
        )
        return compiled[keys]

    # Here cattrs looks for the names, as its strategies for unions do.
    structure.overrides = {  # type: ignore[attr-defined]
        field.attribute: override(rename=field.read[0]) for field in structurer.layout.fields
    }
    return describe(structure, "class", structurer)


def unstructure_function(cls: Any, converter: Converter, rules: Rules) -> Hook:
    """Return a hook `instance of cls -> JSON object`, which uses the names of `rules.dialect`."""
    layout = layout_of(cls, converter, rules)
    get_hook = partial(writer_of, converter=converter)
    hooks = tuple(rules.value_hook(f, f.override.unstruct_hook, get_hook) for f in layout.fields)
    if is_typed_dict(layout.cls):
        return _unstructure_keys(layout, hooks)
    if issubclass(layout.cls, CostsResultAmount) and rules.money is not None:
        hooks = tuple(
            _money_hook(hook, rules.money) if field.attribute == "value" else hook
            for field, hook in zip(layout.fields, hooks, strict=True)
        )
    return describe(codegen.compile_unstructure(layout, hooks), "class", layout, hooks)


def _money_hook(hook: ValueHook, money: wire_names.Money) -> ValueHook:
    """Return the hook that writes the value of an amount, but a hook of the user unchanged."""
    if hook.hook is not scalars.write_decimal:
        return hook
    write = scalars.write_money_text if money == "text" else scalars.write_money_number
    return attrs.evolve(hook, hook=write)


def _unstructure_keys(layout: Layout, hooks: Sequence[ValueHook]) -> Hook:
    """Return a function `TypedDict -> JSON object`."""
    name, known = layout.cls.__name__, member_names(layout.cls)

    def write(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise EncodeError(f"expected a dict for {name}, got {quote(value)}")
        done: dict[str, Any] = {}
        for field, hook in zip(layout.fields, hooks, strict=True):
            key = field.attribute
            try:
                if key in value:
                    is_null = value[key] is None and hook.nullable
                    done[field.written] = None if is_null else hook.hook(value[key])  # type: ignore[misc]
                elif field.required:
                    raise EncodeError(f"{name} requires this key")
            except Exception as error:
                raise located_writing(error, key)
        if others := [key for key in value if key not in known]:
            raise EncodeError(f"{name} has no key {quote(others[0])}")
        return done

    return write


class ClassStructurer:
    """The steps that read one attrs class from a JSON object."""

    def __init__(self, cls: Any, converter: Converter, rules: Rules) -> None:
        self.layout = layout_of(cls, converter, rules)
        get_hook = partial(reader_of, converter=converter)
        self.hooks = tuple(
            rules.value_hook(f, f.override.struct_hook, get_hook) if f.use_hook else ValueHook(None)
            for f in self.layout.fields
        )
        self._rules = rules

    @cached_property
    def mutable(self) -> Any:
        """The `codegen.mutable_layout` of the class, which dies with this object."""
        return codegen.mutable_layout(self.layout.cls)

    def __call__(self, o: dict[str, Any], structure: Hook) -> Any:
        """Return the instance for `o`. If `o` wraps a row, `structure` reads the row."""
        layout = self.layout
        keys: dict[int, str] = {}
        tag_key = None
        extra: dict[str, Any] = {}
        for key, value in o.items():
            index = layout.index.get(key)
            if key in layout.tag_keys:
                tag_key = _one_of(o, tag_key, key)
            elif index is not None:
                keys[index] = _one_of(o, keys.get(index), key)
            else:
                extra[key] = value
        if tag_key is not None:
            self.check_tag(o[tag_key], tag_key)
        elif layout.tag_field not in keys and layout.wrappers and extra:
            if wrapper := wrapper_in(extra):
                return unwrap(o, wrapper, structure, self._rules)
            if error := api_error(extra):
                raise error
        self._check_keys(keys, extra)
        arguments = {
            field.argument: self._value(index, o[keys[index]], keys[index])
            for index, field in enumerate(layout.fields)
            if index in keys
        }
        if extra and layout.keeps:
            arguments[layout.catch_all.alias] = scalars.read_json(extra)
        elif layout.catch_all is not None and layout.catch_all.default is attrs.NOTHING:
            arguments[layout.catch_all.alias] = {}
        try:
            return layout.cls(**arguments)
        except Exception as error:
            used = {layout.fields[index].attribute: key for index, key in keys.items()}
            raise located(error, codegen.blamed_key(error, used))

    def can_compile(self, keys: tuple[str, ...]) -> bool:
        """Return whether an object with `keys` can be wrong only in its values."""
        layout = self.layout
        fields = [layout.index[key] for key in keys if key in layout.index]
        tags = [key for key in keys if key in layout.tag_keys]
        tagged = tags or layout.tag_field in fields
        return (
            len(set(fields)) == len(fields)
            and len(tags) <= 1
            and all(i in fields for i, field in enumerate(layout.fields) if field.required)
            and not (layout.forbids and len(keys) > len(fields) + len(tags))
            and bool(tagged or not layout.wrappers or not _NO_ROW.intersection(keys))
            and all(type(key) is str for key in keys)
        )

    def check_tag(self, tag: Any, key: str) -> None:
        """Raise if the tag is that of another class."""
        layout = self.layout
        if type(tag) is not str:
            raise scalars.wrong_type("a string", tag).within(key)
        if tag not in layout.tags:
            raise DecodeError(
                "wrong_tag",
                f"{quote(tag)} is not {layout.tags[0]!r}, the tag of {layout.cls.__name__}",
            ).within(key)

    def _check_keys(self, keys: Mapping[int, str], extra: Mapping[str, Any]) -> None:
        name = self.layout.cls.__name__
        for index, field in enumerate(self.layout.fields):
            if field.required and index not in keys:
                key = field.read[0]
                raise api_error(extra) or DecodeError(
                    "missing_field", f"{name} requires {key!r}, which is absent"
                ).within(key)
        if extra and self.layout.forbids:
            key = next(iter(extra))
            raise api_error(extra) or DecodeError(
                "unknown_field", f"{name} has no field for the key {quote(key)}"
            ).within(key)

    def _value(self, index: int, value: Any, key: str) -> Any:
        reader = self.hooks[index]
        if reader.hook is None or (value is None and reader.nullable):
            return value
        try:
            return reader.hook(value, reader.kind)
        except Exception as error:
            raise located(error, key)


class RecursiveHooks:
    """The hooks of recursive classes, which nest to a fixed depth.

    While the hook for `Node` is built, a field of type `list[Node]` gets a hook that looks up the
    finished one when called. The depth must not depend on how much Python stack is left.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def build(self, key: Any, build: Callable[[], Hook], look_up: Callable[[], Hook]) -> Hook:
        """Return `build()`. For a `key` that is being built, return a hook that looks it up."""
        keys = self._local.__dict__.setdefault("keys", set())
        if key in keys:
            return describe(
                lambda *arguments: self._enter(look_up(), arguments), "recursive", look_up
            )
        keys.add(key)
        try:
            return build()
        finally:
            keys.remove(key)

    def _enter(self, hook: Hook, arguments: tuple[Any, ...]) -> Any:
        depth = self._local.__dict__.setdefault("depth", 0)
        if depth == scalars.MAX_DEPTH:
            raise RecursionError
        self._local.depth = depth + 1
        try:
            return hook(*arguments)
        finally:
            self._local.depth = depth


def api_error(o: Mapping[str, Any]) -> DecodeError | None:
    """Return the error for an error answer of the API, or None for any other object."""
    answer = o.get(wire_names.API_ERROR)
    if type(answer) is not dict or "message" not in answer:
        return None
    return DecodeError("api_error", f"the API answered with an error: {quote(answer['message'])}")


def wrapper_in(keys: Collection[str]) -> str | None:
    """Return the key that wraps a row, out of the keys of an object without a tag, or None."""
    return next((wrapper for wrapper in wire_names.WRAPPERS if wrapper in keys), None)


def unwrap(o: dict[str, Any], wrapper: str, structure: Hook, rules: Rules) -> Any:
    """Return the row inside a generated client's wrapper, or raise if `rules.strict`."""
    if rules.strict:
        raise DecodeError(
            "sdk_wrapper",
            f"{wrapper!r} is a generated client's wrapper around a row; strict=False unwraps it",
        )
    inner = o[wrapper]
    if type(inner) is dict and wrapper_in(inner) and wire_names.TAG not in inner:
        raise DecodeError("sdk_wrapper", "a wrapper holds another wrapper").within(wrapper)
    rules.used()
    try:
        return structure(inner, None)
    except Exception as error:
        raise located(error, wrapper)


def _one_of(o: dict[str, Any], first: str | None, key: str) -> str:
    """Return the key to use if `first` and `key` are spellings of one field."""
    if first is None or _same_json(o[first], o[key]):
        return first or key
    raise DecodeError(
        "ambiguous_name",
        f"{quote(first)} and {quote(key)} are spellings of one field but have different values",
    ).within(key)


def _same_json(one: Any, other: Any) -> bool:
    """Return whether two JSON values have equal types and values: 1, 1.0 and true differ."""
    try:
        return _json_of(one) == _json_of(other)
    except (UsageWireError, orjson.JSONEncodeError):
        return False


def _json_of(value: Any) -> bytes:
    return exact_json.dumps(scalars.write_json(scalars.read_json(value)), orjson.OPT_SORT_KEYS)
