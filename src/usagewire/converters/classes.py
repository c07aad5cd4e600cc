"""attrs classes from JSON objects and back.

`ClassStructurer` is the rule. Rows of one kind repeat their keys in one order: when an order has
come a few times, `codegen` compiles the same steps for just that order, up to a limit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import attrs
import orjson
from cattrs import Converter
from cattrs.gen import override

from usagewire.converters import codegen, scalars
from usagewire.errors import DecodeError, located, quote
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook, ValueHook, describe, info_of
from usagewire.wire.layout import Field, NamingRules, layout_of

MAX_COMPILED: Final = 256
"""How many orders of keys of a class are compiled, and how many more are counted at a time."""

MAX_KEYS: Final = 128
MAX_KEY_TEXT: Final = 4096
"""Orders of more keys, or of more characters in them, are not compiled."""

COMPILE_AFTER: Final = 3
"""How many objects have an order of keys before it is compiled, which takes as long as reading
about 100 rows."""

_NO_ROW: Final = frozenset({*wire_names.WRAPPERS, wire_names.API_ERROR})


@attrs.frozen(eq=False, repr=False)
class Rules(NamingRules):
    """The options of a converter."""

    strict: bool = attrs.field(kw_only=True)
    used: scalars.Leniency = attrs.field(kw_only=True)
    tests: dict[tuple[Hook, Any], str] = attrs.Factory(dict)
    """The `ValueHook.test` of a hook and a type."""

    def value_hook(self, field: Field, own: Hook | None, get_hook: Hook) -> ValueHook:
        """Return how to treat the values of `field`: by its `own` hook, else the converter's."""
        if own is not None:
            return ValueHook(own, field.type)
        hook, kind = get_hook(field.type, cache_result=False), field.type
        nullable = info_of(hook)[:1] == ("optional",)
        if nullable:
            _, hook, kind = info_of(hook)
        return ValueHook(hook, kind, nullable, self.tests.get((hook, kind)))


def structure_function(cls: Any, converter: Converter, rules: Rules) -> Hook:
    """Return a hook `(JSON object, type) -> instance of cls` that obeys `rules`."""
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
        # Keys that are no str do not come from JSON; `can_compile` refuses them.
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
            keys, structurer.layout, structurer.hooks, structurer.check_tag
        )
        return compiled[keys]

    # Here cattrs looks for the names, as its strategies for unions do.
    structure.overrides = {  # type: ignore[attr-defined]
        field.attribute: override(rename=field.read[0]) for field in structurer.layout.fields
    }
    return describe(structure, "class", structurer)


def unstructure_function(cls: Any, converter: Converter, rules: Rules) -> Hook:
    """Return a hook `instance of cls -> JSON object` in the names of `rules.dialect`."""
    layout = layout_of(cls, converter, rules)
    get_hook = converter.get_unstructure_hook
    hooks = tuple(rules.value_hook(f, f.override.unstruct_hook, get_hook) for f in layout.fields)
    return describe(codegen.compile_unstructure(layout, hooks), "class", layout, hooks)


class ClassStructurer:
    """Read the objects of one attrs class, step by step."""

    def __init__(self, cls: Any, converter: Converter, rules: Rules) -> None:
        self.layout = layout_of(cls, converter, rules)
        get_hook = converter.get_structure_hook
        self.hooks = tuple(
            rules.value_hook(f, f.override.struct_hook, get_hook) if f.use_hook else ValueHook(None)
            for f in self.layout.fields
        )
        self._rules = rules

    def __call__(self, o: dict[str, Any], structure: Hook) -> Any:
        """Return the instance for `o`; `structure` is the hook for a row that `o` wraps."""
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
        """Return whether objects of `keys` can only be wrong in their values."""
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
        """Refuse the tag of another class."""
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
    """The hooks of classes inside themselves, built once and entered to a fixed depth.

    The hook for `Node` may need itself, as for a `list[Node]`: the inner one looks up the finished
    hook when it is called. The depth must not depend on how much of Python's stack is left.
    """

    def __init__(self) -> None:
        self._local = threading.local()

    def build(self, key: Any, build: Callable[[], Hook], look_up: Callable[[], Hook]) -> Hook:
        """Return `build()`; meanwhile, for the same `key`, a hook that calls `look_up()`."""
        keys = self._local.__dict__.setdefault("keys", set())
        if key in keys:
            return lambda *arguments: self._enter(look_up(), arguments)
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
    """Return the key among `keys`, those of an object without tag, that wraps the row."""
    return next((wrapper for wrapper in wire_names.WRAPPERS if wrapper in keys), None)


def unwrap(o: dict[str, Any], wrapper: str, structure: Hook, rules: Rules) -> Any:
    """Return the row inside a generated client's wrapper; refuse it where `rules.strict`."""
    if rules.strict:
        raise DecodeError(
            "sdk_wrapper",
            f"a generated client put the row under {wrapper!r}; strict=False unwraps it",
        )
    inner = o[wrapper]
    if type(inner) is dict and wrapper_in(inner) and wire_names.TAG not in inner:
        raise DecodeError("sdk_wrapper", "a wrapper inside a wrapper").within(wrapper)
    rules.used()
    try:
        return structure(inner, None)
    except Exception as error:
        raise located(error, wrapper)


def _one_of(o: dict[str, Any], first: str | None, key: str) -> str:
    """Return the key to use where `first` and `key` are spellings of one field."""
    if first is None or _same_json(o[first], o[key]):
        return first or key
    raise DecodeError(
        "ambiguous_name",
        f"{quote(first)} and {quote(key)} are spellings of one field, with different values",
    ).within(key)


def _same_json(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal in type too: 1, 1.0 and true are three."""
    sort = orjson.OPT_SORT_KEYS
    try:
        return orjson.dumps(one, option=sort) == orjson.dumps(other, option=sort)
    except orjson.JSONEncodeError:
        return False
