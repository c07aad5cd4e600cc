"""Hooks for unions. The tag `object` chooses a class, and the JSON type chooses a scalar."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.disambiguators import create_default_dis_func

from usagewire.converters import row_rules
from usagewire.converters.classes import Rules, api_error, unwrap, wrapper_in
from usagewire.converters.scalars import wrong_type
from usagewire.errors import DecodeError, EncodeError, UsageWireError, located, quote
from usagewire.models import UnknownResult
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook, describe
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
        found = table.get(tag, others)
        if found is None:
            raise DecodeError("wrong_tag", f"expected {expected}, got {quote(tag)}").within(key)
        return found[0](o, found[1])

    return describe(read, "tagged", table, others, keys, nullable)


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
    """Return a hook from a JSON object to the class that cattrs chooses by its required fields."""
    nullable = len(classes) < len(members(kind))
    class_of = create_default_dis_func(converter, *classes)
    hooks = {cls: converter.get_structure_hook(cls, cache_result=False) for cls in classes}

    def read(o: Any, _: Any = None) -> Any:
        if o is None and nullable:
            return None
        if type(o) is not dict:
            raise wrong_type("an object", o)
        try:
            cls: Any = class_of(o)
        except Exception as error:
            raise located(error, None)
        return hooks[cls](o, cls)

    return read


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
