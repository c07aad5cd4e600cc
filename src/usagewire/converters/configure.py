"""The strict reference, as an ordinary cattrs converter.

This module registers rules for types. The rules are in the other modules of this folder, the names
in `wire.layout`. It must not know the C extension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin, is_typeddict

import attrs
from cattrs import Converter
from cattrs.preconf.orjson import configure_converter as configure_for_orjson

from usagewire.converters import classes, containers, row_rules, scalars, unions
from usagewire.errors import UsageWireError
from usagewire.models import UnknownResult
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook
from usagewire.wire.layout import Names, Unknown


def make_converter(
    dialect: wire_names.Dialect = "api",
    *,
    strict: bool = True,
    unknown: Unknown = "keep",
    names: Names | None = None,
    on_lenient: Callable[[], None] | None = None,
    **options: Any,
) -> Converter:
    """Make a cattrs converter that reads every spelling and writes those of `dialect`.

    It structures the values that orjson makes of JSON: dict, list, str, int, float, bool and None.
    Wrong input raises `DecodeError` with a code and a path.

    Args:
        dialect: The spellings to write: `api` (default), `legacy`, `dart` or `powershell`.
        strict: False turns on lenient conversion. An int then also takes `"5"` and `59200.0`, and a
            bool the words true and false. Wrappers of generated clients are unwrapped, and their
            usage rows with the tag of costs get their right class.
        unknown: How to treat a key for which the class has no field: `keep` it in
            `additional_properties` (default), `ignore` it or `forbid` it (`unknown_field`). A class
            without `additional_properties` ignores what it cannot keep.
        names: JSON keys for attributes of your own classes, for example
            `{Job: {"kind": "job_kind", "n": ("count", "n")}}`. The first key is written, all are
            read. A value may also be `cattrs.gen.override(...)`. `Annotated[int, override(...)]`
            does the same on the attribute.
        on_lenient: Called without arguments for each value that only lenient conversion accepts.
        options: Options of `cattrs.Converter`. By default `use_alias` is True here, so an attrs
            `alias` is the JSON key.

    Returns:
        A converter whose `structure` and `unstructure` follow these rules.

    Raises:
        UsageWireError: `dialect` or `unknown` has an unknown value.

    >>> from usagewire import UsageImagesResult, make_converter
    >>> row = UsageImagesResult(images=2, num_model_requests=1, source_="image.edit")
    >>> make_converter("powershell").unstructure(row)["Source"]
    'image.edit'
    """
    options.setdefault("use_alias", True)
    converter = Converter(**options)
    configure_converter(
        converter, dialect, strict=strict, unknown=unknown, names=names, on_lenient=on_lenient
    )
    return converter


def configure_converter(
    converter: Converter,
    dialect: wire_names.Dialect = "api",
    *,
    strict: bool = True,
    unknown: Unknown = "keep",
    names: Names | None = None,
    on_lenient: Callable[[], None] | None = None,
) -> None:
    """Register the rules of `make_converter` on your own converter.

    These rules apply in addition to those of `cattrs.preconf.orjson`:

    - int, float, str, bool and None take only their JSON type. An int must fit 64 bits.
    - `Decimal` takes numbers and decimal strings, and stays exact.
    - list, tuple and set take a JSON list; dict takes a JSON object.
    - A literal or enum takes only a value of its type.
    - attrs classes take and write a JSON object with the keys of `names` and of the dialect.
    - The tag `object` chooses the member of a union of classes, and the JSON type that of scalars.
    - Dataclasses, `TypedDict` and other collections are rejected unless you register a hook.

    As always in cattrs, hooks that you register later come first. The converter's own
    `forbid_extra_keys`, `omit_if_default`, `use_alias`, `type_overrides` and
    `prefer_attrib_converters` apply too.

    Args:
        converter: The converter to change.
        dialect: As in `make_converter`.
        strict: As in `make_converter`.
        unknown: As in `make_converter`.
        names: As in `make_converter`.
        on_lenient: As in `make_converter`.

    Raises:
        UsageWireError: `dialect` or `unknown` has an unknown value.
    """
    _refuse_unlisted("dialect", dialect, wire_names.DIALECTS)
    _refuse_unlisted("unknown", unknown, get_args(Unknown))
    used = on_lenient if on_lenient is not None else (lambda: None)
    configure_for_orjson(converter)
    _register_refusals(converter)
    unknown = "forbid" if converter.forbid_extra_keys else unknown
    rules = classes.Rules(dialect, unknown, names or {}, strict=strict, used=used)
    _register_scalars(converter, rules)
    _register_sequences(converter)
    _register_dicts(converter)
    _register_unions(converter, rules)
    _register_classes(converter, rules)


def _refuse_unlisted(option: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageWireError(f"{option} must be one of {', '.join(known)}, not {value!r}")


def _register_refusals(converter: Converter) -> None:
    def refuse(kind: Any) -> Hook:
        raise UsageWireError(
            f"{kind!r} is not supported: use an attrs class, list, tuple, set or dict, or register"
            " a structure hook for it"
        )

    def is_refused(kind: Any) -> bool:
        origin = get_origin(kind) or kind
        return (
            is_typeddict(origin)
            or hasattr(origin, "__dataclass_fields__")
            or (isinstance(origin, type) and issubclass(origin, Mapping | Sequence | AbstractSet))
        )

    converter.register_structure_hook_factory(is_refused, refuse)


def _register_scalars(converter: Converter, rules: classes.Rules) -> None:
    read_int: Hook = scalars.read_int if rules.strict else scalars.lenient_int(rules.used)
    read_bool: Hook = scalars.read_bool if rules.strict else scalars.lenient_bool(rules.used)
    for kind, read, write, test in (
        (int, read_int, scalars.write_int, scalars.IS_INT),
        (bool, read_bool, scalars.write_bool, scalars.IS_BOOL),
        (str, scalars.read_str, scalars.write_str, scalars.IS_STR),
        (float, scalars.read_float, scalars.write_float, None),
        (Decimal, scalars.read_decimal, scalars.write_decimal, None),
        (NoneType, scalars.read_none, scalars.write_none, None),
    ):
        hook = containers.read_type(kind, read)
        converter.register_structure_hook(kind, hook)
        converter.register_unstructure_hook(kind, write)
        if test is not None:
            rules.tests[hook, kind] = rules.tests[write, kind] = test
    converter.register_structure_hook_func(lambda kind: kind is None, scalars.read_none)
    converter.register_structure_hook_func(lambda kind: kind is Any, scalars.read_json)
    converter.register_unstructure_hook_func(lambda kind: kind is Any, scalars.write_json)

    def is_choice(kind: Any) -> bool:
        return get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum))

    @converter.register_structure_hook_factory(is_choice)
    def structure_choice(kind: Any) -> Hook:
        return containers.read_choice(get_args(kind) or tuple(kind))


# The class of the Python value for each sequence type.
_SEQUENCES: Final[Mapping[Any, type]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    Sequence: tuple,
    AbstractSet: frozenset,
}


def _register_sequences(converter: Converter) -> None:
    def is_sequence(kind: Any) -> bool:
        return (get_origin(kind) or kind) in _SEQUENCES

    def item_types(kind: Any) -> tuple[Any, ...]:
        arguments = get_args(kind) if get_origin(kind) else (Any,)
        return arguments[:-1] if arguments[-1:] == (Ellipsis,) else arguments

    def is_fixed(kind: Any) -> bool:
        return get_origin(kind) is tuple and get_args(kind)[-1:] != (Ellipsis,)

    @converter.register_structure_hook_factory(is_sequence)
    def structure_sequence(kind: Any, converter: Converter) -> Hook:
        items = item_types(kind)
        hooks = tuple(converter.get_structure_hook(item, cache_result=False) for item in items)
        if is_fixed(kind):
            return containers.read_fixed_tuple(items, hooks)
        make = _SEQUENCES[get_origin(kind) or kind]
        return containers.read_sequence(make, items[0], hooks[0])

    @converter.register_unstructure_hook_factory(is_sequence)
    def unstructure_sequence(kind: Any, converter: Converter) -> Hook:
        if not get_origin(kind):
            return containers.write_sequence(kind, converter.unstructure)
        items = item_types(kind)
        hooks = tuple(converter.get_unstructure_hook(item, cache_result=False) for item in items)
        if is_fixed(kind):
            return containers.write_fixed_tuple(hooks)
        return containers.write_sequence(_SEQUENCES[get_origin(kind)], hooks[0])


def _register_dicts(converter: Converter) -> None:
    def is_dict(kind: Any) -> bool:
        return (get_origin(kind) or kind) in (dict, Mapping)

    @converter.register_structure_hook_factory(is_dict)
    def structure_dict(kind: Any, converter: Converter) -> Hook:
        key, item = get_args(kind) or (str, Any)
        if key is not str:
            raise UsageWireError(f"{kind!r} is not supported: the keys of a JSON object are str")
        return containers.read_dict(item, converter.get_structure_hook(item, cache_result=False))

    @converter.register_unstructure_hook_factory(is_dict)
    def unstructure_dict(kind: Any, converter: Converter) -> Hook:
        if not get_args(kind):
            return containers.write_dict(converter.unstructure)
        item = get_args(kind)[1]
        return containers.write_dict(converter.get_unstructure_hook(item, cache_result=False))


def _register_unions(converter: Converter, rules: classes.Rules) -> None:
    @converter.register_structure_hook_factory(lambda kind: hasattr(kind, "__metadata__"))
    def structure_annotated(kind: Any, converter: Converter) -> Hook:
        inner = kind.__origin__
        return containers.read_as(inner, converter.get_structure_hook(inner, cache_result=False))

    @converter.register_structure_hook_factory(unions.is_union)
    def structure_union(kind: Any, converter: Converter) -> Hook:
        # cattrs keeps the unions that a user registered in a separate table and would ask it last.
        given = converter._union_struct_registry.get(kind)  # noqa: SLF001 -- it has no public name
        if given is not None:
            return given
        inner = unions.optional(kind)
        if inner is None:
            return unions.read_union(kind, converter, rules)
        return containers.not_none(converter.get_structure_hook(inner, cache_result=False), inner)

    @converter.register_unstructure_hook_factory(unions.is_union)
    def unstructure_union(kind: Any, converter: Converter) -> Hook:
        inner = unions.optional(kind)
        if inner is None:
            return unions.write_union(kind, converter)
        hook = converter.get_unstructure_hook(inner, cache_result=False)
        return containers.not_none_writing(hook, inner)


def _register_classes(converter: Converter, rules: classes.Rules) -> None:
    def is_attrs(kind: Any) -> bool:
        origin = get_origin(kind) or kind
        return isinstance(origin, type) and attrs.has(origin)

    def is_unknown(kind: Any) -> bool:
        return isinstance(kind, type) and issubclass(kind, UnknownResult)

    recursive = classes.RecursiveHooks()

    @converter.register_structure_hook_factory(is_attrs)
    def structure_attrs(kind: Any, converter: Converter) -> Hook:
        hook = recursive.build(
            (kind, "read"),
            lambda: classes.structure_function(kind, converter, rules),
            lambda: converter.get_structure_hook(kind),
        )
        if row_rules.is_costs(kind):
            return row_rules.read_costs(hook)
        return row_rules.read_unknown(hook) if is_unknown(kind) else hook

    @converter.register_unstructure_hook_factory(is_attrs)
    def unstructure_attrs(kind: Any, converter: Converter) -> Hook:
        hook = recursive.build(
            (kind, "write"),
            lambda: classes.unstructure_function(kind, converter, rules),
            lambda: converter.get_unstructure_hook(kind),
        )
        if row_rules.is_costs(kind):
            return row_rules.write_costs(hook)
        return row_rules.write_unknown(hook) if is_unknown(kind) else hook
