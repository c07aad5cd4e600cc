"""The strict reference, as an ordinary cattrs converter.

This module registers rules for types. The rules are in the other modules of this folder, the names
in `wire.layout`. It must not know the C extension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import lru_cache, wraps
from math import nan
from types import NoneType
from typing import Any, Self, TypeVar, get_args, get_origin

from cattrs import Converter
from cattrs._compat import is_protocol
from cattrs.fns import identity
from cattrs.preconf.orjson import configure_converter as configure_for_orjson

from usagewire.converters import classes, containers, row_rules, scalars, unions
from usagewire.converters.values import annotated, choices, text
from usagewire.errors import UsageWireError, quote
from usagewire.models import UnknownResult
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook, info_of
from usagewire.wire.layout import Names, Unknown
from usagewire.wire.members import is_record


def make_converter(
    dialect: wire_names.Dialect = "api",
    *,
    strict: bool = True,
    unknown: Unknown = "keep",
    names: Names | None = None,
    on_lenient: Callable[[], None] | None = None,
    money: wire_names.Money | None = None,
    **options: Any,
) -> Converter:
    """Make a cattrs converter that reads every spelling and writes those of `dialect`.

    It structures the values that orjson makes of JSON: dict, list, str, int, float, bool and None.
    Wrong input raises `DecodeError` with a code and a path.

    Args:
        dialect: The spellings to write: `api` (default), `legacy`, `dart` or `powershell`.
        strict: False turns on lenient conversion. An int then also takes `"5"` and `59200.0`, and a
            bool the words true and false. Wrappers of generated clients are unwrapped, and their
            usage rows with the tag of costs get their right class. A page or bucket with an unknown
            tag is read as what it is.
        unknown: How to treat a key for which the class has no field: `keep` it in
            `additional_properties` (default), `ignore` it or `forbid` it (`unknown_field`). A class
            without `additional_properties` ignores what it cannot keep.
        names: JSON keys for attributes of your own classes, for example
            `{Job: {"kind": "job_kind", "n": ("count", "n")}}`. The first key is written, all are
            read. A value may also be `cattrs.gen.override(...)`. `Annotated[int, override(...)]`
            does the same on the attribute.
        on_lenient: Called without arguments for each value that only lenient conversion accepts.
        money: How to write `amount.value` of costs: as `text` or as a `number`, as in `Encoder`.
        options: Options of `cattrs.Converter`. By default `use_alias` is True here, so an attrs
            `alias` is the JSON key.

    Returns:
        A converter whose `structure` and `unstructure` follow these rules.

    Raises:
        UsageWireError: `dialect`, `unknown` or `money` has an unknown value.

    >>> from usagewire import UsageImagesResult, make_converter
    >>> row = UsageImagesResult(images=2, num_model_requests=1, source_="image.edit")
    >>> make_converter("powershell").unstructure(row)["Source"]
    'image.edit'
    """
    options.setdefault("use_alias", True)
    converter = ReferenceConverter(**options)
    given: dict[str, Any] = {
        "strict": strict,
        "unknown": unknown,
        "names": names,
        "on_lenient": on_lenient,
        "money": money,
    }
    configure_converter(converter, dialect, **given)
    converter.made_by = dialect, {**given, **options}
    return converter


class ReferenceConverter(Converter):
    """A converter that `make_converter` made: it can be copied and pickled."""

    made_by: tuple[wire_names.Dialect, dict[str, Any]] | None = None
    """The arguments of `make_converter`; None once a hook was registered."""
    registrations: int = 0
    """How many hooks were registered since the converter was made."""

    def __reduce__(self) -> tuple[Any, ...]:
        if self.made_by is None:
            raise UsageWireError(
                "a converter with hooks of your own cannot be pickled: pickle what makes it"
            )
        return _remake, self.made_by

    def copy(self, *arguments: Any, **options: Any) -> Self:
        """Return a copy with all hooks, as `cattrs.Converter.copy` does."""
        copied: Any = super().copy(*arguments, **options)
        copied.made_by = None if arguments or options else self.made_by
        given = self._unstructure_func._fallback_factory  # noqa: SLF001 -- cattrs does not copy it
        copied._unstructure_func._fallback_factory = given  # noqa: SLF001 -- the same
        return copied  # type: ignore[no-any-return]

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: Any) -> Self:
        return self.__copy__()


def _remake(dialect: wire_names.Dialect, options: dict[str, Any]) -> Converter:
    return make_converter(dialect, **options)


def _noting(name: str) -> Any:
    """Return the method `name` of `Converter`, which notes that a hook was registered."""
    register = getattr(Converter, name)

    @wraps(register)
    def registering(self: ReferenceConverter, *arguments: Any, **options: Any) -> Any:
        self.made_by = None
        self.registrations += 1
        return register(self, *arguments, **options)

    return registering


for _name in ("", "_func", "_factory"):
    for _direction in ("structure", "unstructure"):
        _method = f"register_{_direction}_hook{_name}"
        setattr(ReferenceConverter, _method, _noting(_method))


def registrations(converter: Converter | None) -> float:
    """Return how many hooks were registered, or for an unknown converter a number unlike any."""
    return getattr(converter, "registrations", nan)


def is_lenient(converter: Converter) -> bool:
    """Return whether a converter was configured for lenient conversion."""
    hooks = (converter.get_structure_hook(kind) for kind in (int, bool))
    strict = scalars.read_int, scalars.read_bool
    return any(info_of(hook)[:1] == ("value",) and info_of(hook)[2] not in strict for hook in hooks)


@lru_cache(maxsize=16)
def shared_converter(
    dialect: wire_names.Dialect = "api",
    unknown: Unknown = "keep",
    money: wire_names.Money | None = None,
) -> Converter:
    """Return one converter for our own classes.

    It must not meet other classes: cattrs keeps each class that a converter met.
    """
    return make_converter(dialect, unknown=unknown, money=money)


def configure_converter(
    converter: Converter,
    dialect: wire_names.Dialect = "api",
    *,
    strict: bool = True,
    unknown: Unknown = "keep",
    names: Names | None = None,
    on_lenient: Callable[[], None] | None = None,
    money: wire_names.Money | None = None,
) -> None:
    """Register the rules of `make_converter` on your own converter.

    These rules apply in addition to those of `cattrs.preconf.orjson`:

    - int, float, str, bool and None take only their JSON type. An int must fit 64 bits.
    - `Decimal` takes numbers and decimal strings, and stays exact.
    - Dates, times, durations, `UUID` and bytes take and write one form of text.
    - list, tuple, set, deque and `NamedTuple` take a JSON list; dict and `Counter` a JSON object.
    - A literal or enum takes only a value of its type.
    - attrs classes, dataclasses and `TypedDict` take and write a JSON object with the keys of
      `names` and of the dialect.
    - The tag `object` chooses the member of a union of classes, and the JSON type that of others.
    - Other types are rejected, unless you register hooks for them. A value that would not read back
      equal is not written.

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
        money: As in `make_converter`.

    Raises:
        UsageWireError: `dialect`, `unknown` or `money` has an unknown value.
    """
    _refuse_unlisted("dialect", dialect, wire_names.DIALECTS)
    _refuse_unlisted("unknown", unknown, get_args(Unknown))
    if money is None:
        money = "text" if dialect == "api" else None
    else:
        _refuse_unlisted("money", money, get_args(wire_names.Money))
    used = on_lenient if on_lenient is not None else (lambda: None)
    configure_for_orjson(converter)
    _register_refusals(converter)
    unknown = "forbid" if converter.forbid_extra_keys else unknown
    rules = classes.Rules(dialect, unknown, names or {}, strict=strict, used=used, money=money)
    _register_scalars(converter, rules)
    reader = converter.register_structure_hook_factory
    writer = converter.register_unstructure_hook_factory
    reader(choices.is_choice, choices.read_choice)
    writer(choices.is_choice, choices.write_choice)
    reader(containers.is_sequence, containers.read_sequence)
    writer(containers.is_sequence, containers.write_sequence)
    reader(containers.is_dict, containers.read_dict)
    writer(containers.is_dict, containers.write_dict)
    reader(annotated.is_annotated, annotated.read_annotated)
    writer(annotated.is_annotated, annotated.write_annotated)
    reader(annotated.is_named, annotated.read_named)
    writer(annotated.is_named, annotated.write_named)
    reader(unions.is_union, lambda kind, asking: unions.read_union(kind, asking, rules))
    writer(unions.is_union, unions.write_union)
    _register_classes(converter, rules)


def _refuse_unlisted(option: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageWireError(f"{option} must be one of {', '.join(known)}, not {quote(value)}")


def _register_refusals(converter: Converter) -> None:
    def refuse(kind: Any) -> Hook:
        raise UsageWireError(
            f"{kind!r} is not supported: use a class, list, tuple, set or dict, or"
            " register hooks for it"
        )

    def is_refused(kind: Any) -> bool:
        origin = get_origin(kind) or kind
        return isinstance(origin, type) and issubclass(origin, Mapping | Sequence | AbstractSet)

    converter.register_structure_hook_factory(is_refused, refuse)
    converter.register_unstructure_hook_factory(is_refused, refuse)
    converter.register_unstructure_hook_factory(is_protocol, refuse)
    given = converter._unstructure_func._fallback_factory  # noqa: SLF001 -- cattrs has no public name for it

    def fall_back(kind: Any) -> Hook:
        # By default, cattrs returns a value of an unknown type unchanged.
        hook: Hook = given(kind)
        return refuse(kind) if hook is identity else hook

    converter._unstructure_func._fallback_factory = fall_back  # noqa: SLF001 -- the same


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
        *((of.kind, text.read_text(of), text.write_text(of), None) for of in text.TEXT_TYPES),
    ):
        hook = choices.read_type(kind, read)
        converter.register_structure_hook(kind, hook)
        converter.register_unstructure_hook(kind, write)
        if test is not None:
            rules.tests[hook, kind] = rules.tests[write, kind] = test
    converter.register_structure_hook_func(lambda kind: kind is None, scalars.read_none)
    converter.register_structure_hook_func(lambda kind: kind is Any, scalars.read_json)
    converter.register_unstructure_hook_func(lambda kind: kind is Any, scalars.write_json)

    # Without `type`, a value of a generic class is written by its own class.
    @converter.register_unstructure_hook_factory(lambda kind: isinstance(kind, TypeVar))
    def unstructure_by_class(_: Any, converter: Converter) -> Hook:
        return converter.unstructure


def _register_classes(converter: Converter, rules: classes.Rules) -> None:
    def is_unknown(kind: Any) -> bool:
        return isinstance(kind, type) and issubclass(kind, UnknownResult)

    recursive = classes.RecursiveHooks()

    @converter.register_structure_hook_factory(containers.is_named_tuple)
    def structure_items(kind: Any, converter: Converter) -> Hook:
        return recursive.build(
            (kind, "read"),
            lambda: containers.read_named_tuple(kind, converter),
            lambda: converter.get_structure_hook(kind),
        )

    @converter.register_unstructure_hook_factory(containers.is_named_tuple)
    def unstructure_items(kind: Any, converter: Converter) -> Hook:
        return recursive.build(
            (kind, "write"),
            lambda: containers.write_named_tuple(kind, converter),
            lambda: converter.get_unstructure_hook(kind),
        )

    @converter.register_structure_hook_factory(is_record)
    def structure_record(kind: Any, converter: Converter) -> Hook:
        def build() -> Hook:
            hook = classes.structure_function(kind, converter, rules)
            if row_rules.is_costs(kind):
                return row_rules.read_costs(hook)
            if row_rules.is_container(kind) and not rules.strict:
                return row_rules.read_container(hook, kind, rules.used)
            return row_rules.read_unknown(hook) if is_unknown(kind) else hook

        # The rules are a part of what is built, so that a class in itself follows them once.
        return recursive.build((kind, "read"), build, lambda: converter.get_structure_hook(kind))

    @converter.register_unstructure_hook_factory(is_record)
    def unstructure_record(kind: Any, converter: Converter) -> Hook:
        hook = recursive.build(
            (kind, "write"),
            lambda: classes.unstructure_function(kind, converter, rules),
            lambda: converter.get_unstructure_hook(kind),
        )
        if row_rules.is_costs(kind):
            return row_rules.write_costs(hook)
        return row_rules.write_unknown(hook) if is_unknown(kind) else hook
