"""Hooks for unions. The tag `object` chooses a class, and the JSON type chooses between others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from cattrs import Converter

from usagewire.converters import row_rules
from usagewire.converters.classes import Rules, api_error, unwrap, wrapper_in
from usagewire.converters.containers import SEQUENCES, is_dict, is_named_tuple, is_sequence
from usagewire.converters.scalars import wrong_type
from usagewire.converters.values.annotated import reader_of, unwrapped, writer_of
from usagewire.converters.values.choices import is_choice, json_values
from usagewire.converters.values.text import TEXT_TYPES
from usagewire.errors import DecodeError, EncodeError, UsageWireError, quote
from usagewire.models import UnknownResult
from usagewire.wire import names as wire_names
from usagewire.wire.discriminators import discriminator
from usagewire.wire.hook_info import Hook, describe, info_of
from usagewire.wire.layout import tag_keys, tags_of
from usagewire.wire.members import is_record, is_typed_dict

_JSON_TYPES: Final[Mapping[Any, frozenset[type]]] = {
    bool: frozenset({bool}),
    str: frozenset({str}),
    int: frozenset({int}),
    float: frozenset({float, int}),
    Decimal: frozenset({float, int, str}),
    NoneType: frozenset({NoneType}),
    **{of.kind: frozenset({str}) for of in TEXT_TYPES},
}
"""The JSON types, as orjson gives them, that each scalar type takes."""


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
    kind = _with_bare_classes(kind, converter.get_structure_hook)
    classes = _not_none(kind)
    if len(classes) == 1:
        _refuse_two_nulls(kind, classes[0])
        return _read_optional(classes[0], converter)
    if all(map(_has_tag, classes)):
        return _read_tagged(kind, classes, converter, rules)
    if all(map(_is_class, classes)):
        return _read_untagged(kind, classes, converter)
    return _read_by_json_type(kind, converter)


def _with_bare_classes(kind: Any, hook_of: Callable[..., Hook]) -> Any:
    """Return a union with its classes instead of their names and annotations.

    A name or an annotation for which the user registered a hook stays. This raises for an
    annotation that is not supported.
    """

    def bare(member: Any) -> Any:
        inner = unwrapped(member)
        if inner is member or not _is_class(inner):
            return member
        return inner if info_of(hook_of(member, cache_result=False)) else member

    found = tuple(map(bare, members(kind)))
    # `typing` keeps each union that it makes, and so its classes.
    return kind if found == members(kind) else Union[found]  # noqa: UP007 -- a tuple of them


def _refuse_two_nulls(kind: Any, member: Any) -> None:
    """Raise if null can be None or the member of an enum."""
    base = unwrapped(member)
    if is_choice(base) and None in json_values(base) and None not in get_args(base):
        raise _indistinct(kind)


def _read_optional(kind: Any, converter: Converter) -> Hook:
    hook = reader_of(kind, converter)

    def nullable(value: Any, _: Any = None) -> Any:
        return None if value is None else hook(value, kind)

    return describe(nullable, "optional", hook, kind)


def _write_optional(kind: Any, converter: Converter) -> Hook:
    hook = writer_of(kind, converter)

    def nullable(value: Any) -> Any:
        return None if value is None else hook(value)

    return describe(nullable, "optional", hook, kind)


def _is_class(kind: Any) -> bool:
    """Return whether values of the type have a class of their own, which a `TypedDict` has not."""
    return is_record(kind) and not is_typed_dict(get_origin(kind) or kind)


def _has_tag(cls: Any) -> bool:
    if not isinstance(cls, type) or not _is_class(cls):
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
    class_of = discriminator(kind, hooks, _literal_values)

    def read(o: Any, _: Any = None) -> Any:
        if o is None and nullable:
            return None
        if type(o) is not dict:
            raise wrong_type("an object", o)
        cls = class_of(o)
        return hooks[cls](o, cls)

    return describe(read, "untagged", hooks, class_of, nullable)


def _literal_values(kind: Any) -> list[Any]:
    """Return the JSON values of a Literal, also in `Final` or `Annotated`; [] for another type."""
    inner = unwrapped(kind)
    return json_values(inner) if get_origin(inner) is Literal else []


def write_union(kind: Any, converter: Converter) -> Hook:
    """Return a hook that writes a member of the union `kind` and rejects other values."""
    kind = _with_bare_classes(kind, converter.get_unstructure_hook)
    classes = _not_none(kind)
    if len(classes) == 1:
        _refuse_two_nulls(kind, classes[0])
        return _write_optional(classes[0], converter)
    of_class = list(members(kind))
    if not all(map(_is_class, classes)):
        given = kind in converter._union_struct_registry  # noqa: SLF001 -- it has no public name
        of_class = of_class if given else list(dict.fromkeys(_takers(kind).values()))
    table: dict[Any, Hook] = {}
    for member in of_class:
        hook = writer_of(member, converter)
        for cls in _classes_of(member):
            table[cls] = _either(table[cls], hook) if cls in table else hook

    def write(value: Any) -> Any:
        hook = table.get(type(value))
        if hook is None:
            raise EncodeError(f"a {type(value).__name__} is not a member of {quote(str(kind))}")
        return hook(value)

    keeps = [hasattr(get_origin(cls) or cls, wire_names.EXTRA) for cls in classes]
    if any(keeps) and all(map(_is_class, classes)) and not all(map(_has_tag, classes)):
        return _write_keyed(kind, classes, write, converter)
    return describe(write, "union", table)


def _write_keyed(kind: Any, classes: list[Any], write: Hook, converter: Converter) -> Hook:
    """Return `write`, but reject a record whose unknown keys make it read as another class."""
    hooks = {cls: converter.get_structure_hook(cls, cache_result=False) for cls in classes}
    class_of = discriminator(kind, hooks, _literal_values)

    def write_checked(value: Any) -> Any:
        written = write(value)
        found = None if written is None else class_of(written)
        if (get_origin(found) or found) not in (None, type(value)):
            raise EncodeError(f"its unknown keys are those of another member of {quote(str(kind))}")
        return written

    return write_checked


def _either(first: Hook, second: Hook) -> Hook:
    """Return a hook for two members of one class, such as `Box[int] | Box[str]`."""

    def write(value: Any) -> Any:
        try:
            return first(value)
        except EncodeError:
            return second(value)

    return write


def _classes_of(member: Any) -> list[Any]:
    """Return the classes of the values of a member of a union."""
    kind = unwrapped(member)
    if is_union(kind):
        return [cls for one in members(kind) for cls in _classes_of(one)]
    if get_origin(kind) is Literal:
        return list(dict.fromkeys(map(type, get_args(kind))))
    origin = get_origin(kind) or kind
    if origin is Mapping or is_typed_dict(origin):
        return [dict]
    if found := next((of.cls for of in TEXT_TYPES if of.kind is origin), None):
        return [found]
    return [SEQUENCES.get(origin, origin)]


def _read_by_json_type(kind: Any, converter: Converter) -> Hook:
    """Return a hook that chooses the member of a union by the JSON type of the value."""
    table = {
        json_type: (reader_of(member, converter), member)
        for json_type, member in _takers(kind).items()
    }
    names = " or ".join(getattr(m, "__name__", str(m)) for m in members(kind))

    def read(value: Any, _: Any = None) -> Any:
        # A Decimal is a number that a float does not hold.
        found = table.get(type(value)) or (table.get(float) if type(value) is Decimal else None)
        if found is None:
            raise wrong_type(names, value)
        return found[0](value, found[1])

    return describe(read, "by type", table)


def _takers(kind: Any) -> dict[type, Any]:
    """Return the member of a union that takes each JSON type. Raise if two members take one."""
    found: dict[type, Any] = {}
    for member in _merged(kind):
        types = _json_types(member)
        if get_origin(unwrapped(member)) is Literal:
            types -= {one for one in types if one in map(unwrapped, members(kind))}
        elif not types:
            raise _indistinct(kind)
        for json_type in types:
            other = found.setdefault(json_type, member)
            pair = {unwrapped(other), unwrapped(member)}
            if pair == {int, float}:  # An integer is an int, and any other number a float.
                found[int] = other if unwrapped(other) is int else member
            elif len(pair) > 1:
                raise _indistinct(kind)
    return found


def _indistinct(kind: Any) -> UsageWireError:
    return UsageWireError(
        f"{kind} is not supported: JSON cannot distinguish its members; register a structure hook"
        " for it"
    )


def _merged(kind: Any) -> list[Any]:
    """Return the members of a union, but all literals as one, and all classes as one."""
    kinds = members(kind)
    literals = tuple(m for m in kinds if get_origin(m) is Literal)
    choices = tuple(choice for literal in literals for choice in get_args(literal))
    classes = tuple(filter(_is_class, kinds))
    rest = [m for m in kinds if m not in literals and m not in classes]
    return [
        *rest,
        *([Literal[choices]] if choices else []),
        *([Union[classes]] if classes else []),  # noqa: UP007 -- a tuple of them
    ]


def _json_types(member: Any) -> set[type]:
    """Return the JSON types that a member of a union takes; none if it is not supported."""
    kind = unwrapped(member)
    if is_choice(kind):
        return set(map(type, json_values(kind)))
    if is_sequence(kind) or is_named_tuple(kind):
        return {list}
    if is_union(kind):
        return {json_type for one in members(kind) for json_type in _json_types(one)}
    if is_dict(kind) or is_record(kind):
        return {dict}
    return set(_JSON_TYPES.get(kind, ()))
