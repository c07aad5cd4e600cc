"""Hooks for unions. The tag `object` chooses a class, and the JSON type chooses a scalar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs._compat import adapted_fields

from usagewire.converters import row_rules
from usagewire.converters.classes import Rules, api_error, unwrap, wrapper_in
from usagewire.converters.scalars import wrong_type
from usagewire.errors import DecodeError, EncodeError, UsageWireError, quote
from usagewire.models import UnknownResult
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook, describe, info_of
from usagewire.wire.layout import tag_keys, tags_of

SCALARS: Final[Mapping[type, tuple[type, ...]]] = {
    bool: (bool,),
    str: (str,),
    int: (int, float),
    float: (float,),
    NoneType: (NoneType,),
}
"""The types that take each JSON type of orjson's, the preferred one first. Decimal is missing: it
takes numbers and strings, so a union cannot distinguish it from them."""


def is_union(kind: Any) -> bool:
    """Return whether `kind` is `A | B` or `Union[A, B]`."""
    return get_origin(kind) in (Union, UnionType)


def members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, None as `NoneType`. Another type is its only member."""
    return get_args(kind) if is_union(kind) else (kind,)


def _not_none(kind: Any) -> list[Any]:
    return [member for member in members(kind) if member is not NoneType]


def read_union(kind: Any, converter: Converter, rules: Rules) -> Hook:
    """Return a hook for the union `kind`. Raise if nothing distinguishes its members."""
    # cattrs keeps the unions that a user registered in a separate table and would ask it last.
    given = converter._union_struct_registry.get(kind)  # noqa: SLF001 -- it has no public name
    if given is not None:
        return given
    classes = _not_none(kind)
    if len(classes) == 1:
        return _read_optional(classes[0], converter)
    if all(map(_has_tag, classes)):
        return _read_tagged(kind, classes, converter, rules)
    if all(m in SCALARS for m in members(kind)):
        return _read_scalars(kind, converter)
    if all(map(attrs.has, classes)):
        return _read_untagged(kind, classes, converter)
    raise UsageWireError(
        f"{kind} is not supported: JSON cannot distinguish its members; register a structure hook"
        " for it"
    )


def _read_optional(kind: Any, converter: Converter) -> Hook:
    hook = converter.get_structure_hook(kind, cache_result=False)

    def nullable(value: Any, _: Any = None) -> Any:
        return None if value is None else hook(value, kind)

    return describe(nullable, "optional", hook, kind)


def _write_optional(kind: Any, converter: Converter) -> Hook:
    hook = converter.get_unstructure_hook(kind, cache_result=False)

    def nullable(value: Any) -> Any:
        return None if value is None else hook(value)

    return describe(nullable, "optional", hook, kind)


def _has_tag(cls: Any) -> bool:
    if not isinstance(cls, type) or not attrs.has(cls):
        return False
    return cls is UnknownResult or bool(tags_of(cls))


def _read_tagged(kind: Any, classes: list[Any], converter: Converter, rules: Rules) -> Hook:
    """Return a hook from a JSON object to the member of `kind` that has its tag."""
    table = _tag_table(kind, classes, converter, rules)
    usual = table.get
    others = None
    if UnknownResult in classes:
        others = converter.get_structure_hook(UnknownResult, cache_result=False), UnknownResult
    nullable = len(classes) < len(members(kind))
    keys = tuple(dict.fromkeys(key for cls in classes for key in tag_keys(cls)))
    expected = " or ".join(sorted({tags_of(cls)[0] for cls in classes if tags_of(cls)}))

    def read(o: Any, _: Any = None) -> Any:
        if type(o) is dict:
            tag = o.get(wire_names.TAG)
            found = usual(tag) if type(tag) is str else None
            return unusual(o) if found is None else found[0](o, found[1])
        if o is None and nullable:
            return None
        raise wrong_type("an object", o)

    def unusual(o: dict[str, Any]) -> Any:
        for key in keys:
            if key in o:
                break
        else:
            if wrapper := wrapper_in(o):
                return unwrap(o, wrapper, read, rules)
            raise api_error(o) or DecodeError(
                "missing_tag", f"the key {wire_names.TAG!r}, which holds the tag, is absent"
            )
        tag = o[key]
        if type(tag) is not str:
            raise wrong_type("a string", tag).within(key)
        found = table.get(tag)
        if found is None and not rules.strict:
            found = _container_in(table, o, tag)
        found = found or others
        if found is None:
            raise DecodeError("wrong_tag", f"expected {expected}, got {quote(tag)}").within(key)
        return found[0](o, found[1])

    return describe(read, "tagged", table, others, keys, nullable)


def _container_in(
    table: Mapping[str, tuple[Hook, type]], o: dict[str, Any], tag: str
) -> tuple[Hook, type] | None:
    """Return the member that reads a page or bucket with an unknown tag, or None."""
    found = row_rules.container_in(o, tag)
    if found is None:
        return None
    return next((item for item in table.values() if issubclass(item[1], found[1])), None)


def _tag_table(
    kind: Any, classes: list[Any], converter: Converter, rules: Rules
) -> dict[str, tuple[Hook, type]]:
    table: dict[str, tuple[Hook, type]] = {}
    for cls in classes:
        hook = converter.get_structure_hook(cls, cache_result=False)
        if row_rules.is_costs(cls) and not rules.strict:
            # Only this rule needs the class, which takes 4 % of the time to import `loads`.
            from usagewire.converters import flat_row  # noqa: PLC0415

            inner = flat_row.UsageTimeBucketResultInner
            flat = converter.get_structure_hook(inner, cache_result=False)
            hook = row_rules.read_costs_in_union(hook, flat, classes, rules.used)
        for tag in tags_of(cls):
            if tag in table:
                raise UsageWireError(f"two members of {kind} have the tag {tag!r}")
            table[tag] = hook, cls
    return table


def _read_untagged(kind: Any, classes: list[Any], converter: Converter) -> Hook:
    """Return a hook from a JSON object to the class that a Literal or a required key shows."""
    nullable = len(classes) < len(members(kind))
    hooks = {cls: converter.get_structure_hook(cls, cache_result=False) for cls in classes}
    keys = {cls: _keys_of(cls, hooks[cls]) for cls in classes}
    class_of = _by_literal(classes, keys) or _by_required_key(kind, classes, keys)

    def read(o: Any, _: Any = None) -> Any:
        if o is None and nullable:
            return None
        if type(o) is not dict:
            raise wrong_type("an object", o)
        cls = class_of(o)
        return hooks[cls](o, cls)

    return describe(read, "untagged", hooks)


class _Key(NamedTuple):
    """A JSON key by which a field of a class is read."""

    attribute: str
    type: Any
    required: bool
    always_written: bool


def _keys_of(cls: Any, hook: Hook) -> dict[str, _Key]:
    """Return the JSON keys of a class; for a hook of the user's, as `cattrs` names them."""
    match info_of(hook):
        case ("class", structurer):
            return {
                key: _Key(
                    field.attribute,
                    field.type,
                    field.required,
                    field.required or not field.omit_default,
                )
                for field in structurer.layout.fields
                for key in field.read
            }
    overrides = getattr(hook, "overrides", {})
    found = {}
    for a in adapted_fields(get_origin(cls) or cls):
        rename = getattr(overrides.get(a.name), "rename", None)
        required = a.default is attrs.NOTHING
        found[rename or a.name] = _Key(a.name, a.type, required, required)
    return found


def _by_literal(
    classes: list[Any], keys: Mapping[Any, Mapping[str, _Key]]
) -> Callable[[dict[str, Any]], Any] | None:
    """Return a function that chooses by a key under which each class has its own Literal."""
    for key in keys[classes[0]]:
        table: dict[Any, Any] = {}
        count = 0
        for cls in classes:
            found = keys[cls].get(key)
            is_tag = found and found.always_written and get_origin(found.type) is Literal
            choices = get_args(found.type) if found and is_tag else ()
            if not choices or not all(type(choice) is str for choice in choices):
                break
            table |= dict.fromkeys(choices, cls)
            count += len(choices)
        else:
            if len(table) == count:
                return partial(_class_by_literal, key, table)
    return None


def _class_by_literal(key: str, table: Mapping[str, Any], o: dict[str, Any]) -> Any:
    if key not in o:
        raise DecodeError("missing_tag", f"the key {quote(key)}, which tells the class, is absent")
    value = o[key]
    if type(value) is not str:
        raise wrong_type("a string", value).within(key)
    if value not in table:
        message = f"expected one of {', '.join(map(quote, table))}, got {quote(value)}"
        raise DecodeError("wrong_tag", message).within(key)
    return table[value]


def _by_required_key(
    kind: Any, classes: list[Any], keys: Mapping[Any, Mapping[str, _Key]]
) -> Callable[[dict[str, Any]], Any]:
    """Return a function that chooses by a key that only one class has, and that it requires."""
    chosen: dict[str, Any] = {}
    rest = list(classes)
    # A class that has such a key is left out for the others, so look again until none is found.
    while found := {cls: own for cls in rest if (own := _own_keys(cls, rest, keys))}:
        for cls, own in found.items():
            chosen |= dict.fromkeys(own, cls)
        rest = [cls for cls in rest if cls not in found]
    if len(rest) > 1:
        names = " and ".join(cls.__name__ for cls in rest)
        raise UsageWireError(
            f"{quote(str(kind))} is not supported: no required JSON key and no Literal is"
            f" different in {names}; register a structure hook for it"
        )
    expected = " or ".join(map(quote, chosen))

    def class_of(o: dict[str, Any]) -> Any:
        for key, cls in chosen.items():
            if key in o:
                return cls
        if rest:
            return rest[0]
        raise DecodeError("bad_value", f"no key tells the class: expected {expected}")

    return class_of


def _own_keys(cls: Any, classes: list[Any], keys: Mapping[Any, Mapping[str, _Key]]) -> list[str]:
    """Return the spellings of a required field of `cls` that no other class has."""
    others = {key for other in classes if other is not cls for key in keys[other]}
    by_field: dict[str, list[str]] = {}
    for key, found in keys[cls].items():
        if found.required:
            by_field.setdefault(found.attribute, []).append(key)
    return next((own for own in by_field.values() if others.isdisjoint(own)), [])


def write_union(kind: Any, converter: Converter) -> Hook:
    """Return a hook that writes a member of the union `kind` and rejects other values."""
    classes = _not_none(kind)
    if len(classes) == 1:
        return _write_optional(classes[0], converter)
    table = {
        get_origin(m) or m: converter.get_unstructure_hook(m, cache_result=False)
        for m in members(kind)
    }

    def write(value: Any) -> Any:
        hook = table.get(type(value))
        if hook is None:
            raise EncodeError(f"a {type(value).__name__} is not a member of {quote(str(kind))}")
        return hook(value)

    return describe(write, "union", table)


def _read_scalars(kind: Any, converter: Converter) -> Hook:
    """Return a hook for a union of scalars, which chooses by the JSON type of the value."""
    table: dict[type, tuple[Hook, Any]] = {}
    for json_type, takers in SCALARS.items():
        member = next((taker for taker in takers if taker in members(kind)), None)
        if member is not None:
            table[json_type] = converter.get_structure_hook(member, cache_result=False), member
    names = " or ".join(getattr(m, "__name__", str(m)) for m in members(kind))

    def read(value: Any, _: Any = None) -> Any:
        found = table.get(type(value))
        if found is None:
            raise wrong_type(names, value)
        return found[0](value, found[1])

    return read
