"""The layout of an attrs class on the wire: its fields, their JSON keys and its tags.

It joins the names that a user gives with the tables in `names`, and reads and writes no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar, get_args, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import override

from usagewire.errors import UsageWireError, quote
from usagewire.models import UnknownResult
from usagewire.wire import names as wire_names

Name: TypeAlias = Any
"""The name of a field in `names=`: a JSON key; several, of which the first is written and all are
read; or a `cattrs.gen.override(...)`."""

Names: TypeAlias = Mapping[type, Mapping[str, Name]]
"""For each class, names for some of its attributes."""

Unknown: TypeAlias = Literal["keep", "ignore", "forbid"]
"""What to do with a JSON key that a class has no field for."""

NEUTRAL: Final = override()
_Override: Final = type(NEUTRAL)


@attrs.frozen(eq=False, repr=False)
class NamingRules:
    """The options of a converter that decide about keys."""

    dialect: wire_names.Dialect
    unknown: Unknown
    names: Names


@attrs.frozen(eq=False, repr=False)
class Field:
    """One field of a class on the wire."""

    attribute: str
    argument: str
    """Its name in the constructor."""
    type: Any
    default: Any
    written: str
    """The JSON key to write."""
    read: tuple[str, ...]
    """Every JSON key to read; the first is the usual one."""
    override: Any
    use_hook: bool
    """False where the attrs converter of the field does the work."""
    omit_default: bool
    """Whether a value equal to the default is left out when writing."""

    @property
    def required(self) -> bool:
        """Whether the JSON object must have it."""
        return self.default is attrs.NOTHING


@attrs.frozen(eq=False, repr=False)
class Layout:
    """An attrs class on the wire."""

    cls: Any
    fields: tuple[Field, ...]
    index: Mapping[str, int]
    """For each JSON key, the index of its field."""
    tags: tuple[str, ...]
    """The tags that mean the class, the one to write first; () where it has none."""
    tag_keys: frozenset[str]
    """The JSON keys under which the tag is read."""
    tag_field: int | None
    """The index of the field that holds the tag, where it is a field."""
    written_tag_key: str
    catch_all: Any
    """The attrs attribute that takes unknown keys, or None."""
    keeps: bool
    """Whether unknown keys go there."""
    forbids: bool
    """Whether unknown keys are refused."""
    wrappers: bool
    """Whether an object without tag may be a generated client's wrapper, or an API error."""


def layout_of(cls: Any, converter: Converter, rules: NamingRules) -> Layout:
    """Return the layout of attrs class `cls` under `rules`."""
    origin = get_origin(cls) or cls
    fields = fields_of(cls, converter, rules)
    attributes = [field.attribute for field in fields]
    tags = tags_of(origin)
    ours = bool(_own_bases(origin))
    tag_field = attributes.index(wire_names.TAG) if wire_names.TAG in attributes else None
    catch_all = attrs.fields_dict(origin).get(wire_names.EXTRA)
    if catch_all and (not catch_all.init or wire_names.EXTRA in attributes):
        catch_all = None
    # The unknown keys of an `UnknownResult` are its content, so no option drops them.
    is_content = issubclass(origin, UnknownResult)
    return Layout(
        cls=origin,
        fields=fields,
        index={key: i for i, field in enumerate(fields) for key in field.read},
        tags=tags,
        tag_keys=frozenset(tag_keys(origin) if tags else ()),
        tag_field=tag_field,
        written_tag_key=wire_names.spelling(wire_names.TAG, rules.dialect if ours else "api"),
        catch_all=catch_all,
        keeps=catch_all is not None and (rules.unknown == "keep" or is_content),
        forbids=rules.unknown == "forbid" and not is_content,
        wrappers=ours and bool(tags or tag_field is not None),
    )


def fields_of(cls: Any, converter: Converter, rules: NamingRules) -> tuple[Field, ...]:
    """Return the fields of attrs class `cls` that have a JSON key, with their names resolved.

    Names come, first found first, from `rules.names`, from `Annotated[..., override(rename=...)]`,
    from the converter's `type_overrides`, from our wire tables for the fields of our own classes,
    from the attrs alias where the converter has `use_alias`, and else from the attribute.
    """
    origin = get_origin(cls) or cls
    try:
        attrs.resolve_types(origin)
    except NameError as error:
        raise UsageWireError(f"cannot resolve the annotations of {origin!r}: {error}") from error
    variables = _type_variables(cls)
    own = {name for base in _own_bases(origin) for name in attrs.fields_dict(base)}
    given = rules.names.get(origin, {})
    if unknown := given.keys() - attrs.fields_dict(origin).keys():
        raise UsageWireError(f"{origin.__name__} has no field {min(unknown)!r} to name")
    found = []
    for a in attrs.fields(origin):
        # attrs has None for a field without annotation, and for the annotation None.
        kind = Any if a.type is None else _fill_in(a.type, variables)
        names, custom = _given_names(given.get(a.name), kind, converter)
        if custom.omit and a.init and a.default is attrs.NOTHING:
            raise UsageWireError(f"{origin.__name__}.{a.name} is omitted and has no default")
        if custom.omit or not a.init or (a.name == wire_names.EXTRA and names is None):
            continue
        if names is not None:
            read = written = names
        elif a.name in own:
            written = (wire_names.spelling(a.name, rules.dialect),)
            read = wire_names.spellings(a.name)
        else:
            read = written = (a.alias if converter.use_alias else a.name,)
        omit = custom.omit_if_default
        if omit is None:
            omit = converter.omit_if_default or a.name in own - wire_names.ALWAYS_WRITTEN
        found.append(
            Field(
                attribute=a.name,
                argument=a.alias,
                type=kind,
                default=a.default,
                written=written[0],
                read=read,
                override=custom,
                use_hook=custom.struct_hook is not None
                or a.converter is None
                or not converter._prefer_attrib_converters,  # noqa: SLF001 -- cattrs has no public name for it
                omit_default=omit and a.default is not attrs.NOTHING,
            )
        )
    _refuse_shared_keys(origin, found)
    return tuple(found)


def _own_bases(cls: type) -> list[Any]:
    """Return the classes of this library that `cls` is or is derived from."""
    return [base for base in cls.__mro__ if base.__module__ in wire_names.OWN_MODULES]


def tags_of(cls: type) -> tuple[str, ...]:
    """Return the tags of `cls`, or () where it has none or `object` is a field of it."""
    return () if wire_names.TAG in attrs.fields_dict(cls) else wire_names.tags(cls)


def tag_keys(cls: type) -> tuple[str, ...]:
    """Return the JSON keys under which the tag of `cls` is read."""
    return wire_names.spellings(wire_names.TAG) if _own_bases(cls) else (wire_names.TAG,)


def _type_variables(cls: Any) -> dict[Any, Any]:
    """Return the arguments for the type variables of `cls` and of its generic bases."""
    found: dict[Any, Any] = {}
    origin = get_origin(cls) or cls
    bases = [base for c in origin.__mro__ for base in vars(c).get("__orig_bases__", ())]
    for kind in (cls, *bases):
        parameters = getattr(get_origin(kind), "__parameters__", ())
        for variable, argument in zip(parameters, get_args(kind), strict=False):
            found.setdefault(variable, found.get(argument, argument))
    return found


def _fill_in(kind: Any, variables: Mapping[Any, Any]) -> Any:
    """Return the annotation `kind` with the type variables of a generic class filled in."""
    if isinstance(kind, TypeVar):
        return variables.get(kind, kind)
    parameters = getattr(kind, "__parameters__", ())
    if parameters and not isinstance(kind, type):
        return kind[tuple(variables.get(p, p) for p in parameters)]
    return kind


def _given_names(
    given: Name, kind: Any, converter: Converter
) -> tuple[tuple[str, ...] | None, Any]:
    """Return the names a user gave a field, or None, and the cattrs override that applies."""
    if isinstance(given, str):
        return (given,), NEUTRAL
    if isinstance(given, Sequence) and given:
        return tuple(given), NEUTRAL
    if given is None:
        marks = (mark for mark in getattr(kind, "__metadata__", ()) if isinstance(mark, _Override))
        given = next(marks, converter.type_overrides.get(kind, NEUTRAL))
    elif not isinstance(given, _Override):
        raise UsageWireError(
            f"a field is named by a str, a sequence of str or override(), not {quote(given)}"
        )
    return (None if given.rename is None else (given.rename,)), given


def _refuse_shared_keys(cls: type, fields: Iterable[Field]) -> None:
    owner: dict[str, str] = {}
    for field in fields:
        for key in field.read:
            if owner.setdefault(key, field.attribute) != field.attribute:
                raise UsageWireError(
                    f"{cls.__name__}: the JSON key {key!r} would name both {owner[key]!r} and"
                    f" {field.attribute!r}; give one of them another name"
                )
