"""The layout of a class: its fields, their JSON keys and its tags.

A layout joins a user's names with the tables in `names`. It must not know values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, get_origin

import attrs
from cattrs import Converter
from cattrs.gen import override

from usagewire.errors import UsageWireError, quote
from usagewire.models import UnknownResult
from usagewire.wire import names as wire_names
from usagewire.wire.members import (
    fill_in,
    is_typed_dict,
    member_names,
    members_of,
    set_by_code,
    type_variables,
)

Name: TypeAlias = Any
"""The name of a field in `names=`: a JSON key, a sequence of keys or `cattrs.gen.override(...)`.
The first key of a sequence is written and all are read."""

Names: TypeAlias = Mapping[type, Mapping[str, Name]]
"""Names for some attributes of some classes."""

Unknown: TypeAlias = Literal["keep", "ignore", "forbid"]
"""How to treat a JSON key for which a class has no field."""

NEUTRAL: Final = override()
_Override: Final = type(NEUTRAL)


@attrs.frozen(eq=False, repr=False)
class NamingRules:
    """The options of a converter that concern keys."""

    dialect: wire_names.Dialect
    unknown: Unknown
    names: Names


@attrs.frozen(eq=False, repr=False)
class Field:
    """One field of a class and its JSON keys."""

    attribute: str
    argument: str
    """The name of the constructor argument."""
    type: Any
    default: Any
    written: str
    """The JSON key to write."""
    read: tuple[str, ...]
    """Every JSON key to read, the most common one first."""
    override: Any
    use_hook: bool
    """Whether to call a hook. False if the field's attrs converter does the work."""
    omit_default: bool
    """Whether to omit a value that equals the default."""

    @property
    def required(self) -> bool:
        """Whether the JSON object must have the field."""
        return self.default is attrs.NOTHING


@attrs.frozen(eq=False, repr=False)
class Layout:
    """An attrs class, a dataclass or a `TypedDict`, and its JSON keys."""

    cls: Any
    fields: tuple[Field, ...]
    index: Mapping[str, int]
    """The index of the field of each JSON key."""
    tags: tuple[str, ...]
    """The tags of the class; the first is written. () if the class has none."""
    tag_keys: frozenset[str]
    """The JSON keys of the tag."""
    tag_field: int | None
    """The index of the field that holds the tag. None if the tag is not a field."""
    written_tag_key: str
    catch_all: Any
    """The attrs attribute that holds unknown fields, or None."""
    keeps: bool
    """Whether to keep unknown fields there."""
    forbids: bool
    """Whether to reject unknown fields."""
    unwritten: tuple[Any, ...]
    """The members without a JSON key that must have their default, so that they read back equal."""
    wrappers: bool
    """Whether an object without a tag may be a client's wrapper or an error answer of the API."""


def layout_of(cls: Any, converter: Converter, rules: NamingRules) -> Layout:
    """Return the layout of class `cls` under `rules`."""
    origin = get_origin(cls) or cls
    fields = fields_of(cls, converter, rules)
    attributes = [field.attribute for field in fields]
    tags = tags_of(origin)
    ours = bool(_own_bases(origin))
    tag_field = attributes.index(wire_names.TAG) if wire_names.TAG in attributes else None
    members = {member.name: member for member in members_of(origin)}
    catch_all = None if is_typed_dict(origin) else members.get(wire_names.EXTRA)
    if catch_all and (not catch_all.init or wire_names.EXTRA in attributes):
        catch_all = None
    # The unknown fields of an `UnknownResult` are its content, so no option drops them.
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
        unwritten=() if set_by_code(origin) else tuple(filter(_is_unwritten, members.values())),
        wrappers=ours and bool(tags or tag_field is not None),
    )


def _is_unwritten(member: Any) -> bool:
    """Return whether the constructor does not take a member that counts in a comparison."""
    return not member.init and member.eq is not False


def fields_of(cls: Any, converter: Converter, rules: NamingRules) -> tuple[Field, ...]:
    """Return the members of class `cls` that have a JSON key.

    The first of these gives the name: `rules.names`; `Annotated[..., override(rename=...)]`; the
    converter's `type_overrides`; our tables, for a field of ours; the attrs alias, with the option
    `use_alias`; the attribute.
    """
    origin = get_origin(cls) or cls
    members = members_of(origin)
    variables = type_variables(cls)
    own = {name for base in _own_bases(origin) for name in attrs.fields_dict(base)}
    given = rules.names.get(origin, {})
    if unknown := given.keys() - member_names(origin):
        raise UsageWireError(
            f"names= has {min(unknown)!r}, which is not a field of {origin.__name__}"
        )
    found = []
    for a in members:
        # attrs uses None for a field without annotation and for the annotation None.
        kind = Any if a.type is None else fill_in(a.type, variables.get(a.name, {}), cls)
        names, custom = _given_names(given.get(a.name), kind, converter)
        if custom.omit and a.init and a.default is attrs.NOTHING:
            raise UsageWireError(f"{origin.__name__}.{a.name} is omitted but has no default")
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
    """Return `cls` and its bases, as far as this library defines them."""
    return [base for base in cls.__mro__ if base.__module__ in wire_names.OWN_MODULES]


def tags_of(cls: type) -> tuple[str, ...]:
    """Return the tags of `cls`, or () if it has none or has a field `object`."""
    return () if wire_names.TAG in member_names(cls) else wire_names.tags(cls)


def tag_keys(cls: type) -> tuple[str, ...]:
    """Return the JSON keys of the tag of `cls`."""
    return wire_names.spellings(wire_names.TAG) if _own_bases(cls) else (wire_names.TAG,)


def _given_names(
    given: Name, kind: Any, converter: Converter
) -> tuple[tuple[str, ...] | None, Any]:
    """Return a field's keys from the user, or None, and the cattrs override that applies."""
    if isinstance(given, str):
        return (given,), NEUTRAL
    if isinstance(given, Sequence) and given:
        return tuple(given), NEUTRAL
    if given is None:
        marks = (mark for mark in getattr(kind, "__metadata__", ()) if isinstance(mark, _Override))
        # A loop, because `Annotated[int, []]` has no hash.
        of_type = (one for each, one in converter.type_overrides.items() if each == kind)
        given = next(marks, None) or next(of_type, NEUTRAL)
    elif not isinstance(given, _Override):
        raise UsageWireError(
            "the name of a field must be a str, a sequence of str or override(), not "
            + quote(given)
        )
    return (None if given.rename is None else (given.rename,)), given


def _refuse_shared_keys(cls: type, fields: Iterable[Field]) -> None:
    owner: dict[str, str] = {}
    for field in fields:
        for key in field.read:
            if owner.setdefault(key, field.attribute) != field.attribute:
                raise UsageWireError(
                    f"{cls.__name__}: {owner[key]!r} and {field.attribute!r} have the same JSON key"
                    f" {key!r}; give one of them another name"
                )
