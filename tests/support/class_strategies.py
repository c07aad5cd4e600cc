"""Hypothesis strategies: classes as attrs, dataclasses and typing make them, with instances.

`type_strategies` has the types of fields. Here are fields with all that attrs can give them, and
classes with all their options: inheritance, generics, nesting and unions.
"""

import collections.abc
import dataclasses
import keyword
from decimal import Decimal
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
)

import attrs
from hypothesis import strategies as st

from tests.support import types as t
from tests.support.strategies import DECIMALS, FLOATS, INT64, JSON
from tests.support.type_strategies import KEYS, TYPES, Typed

T = TypeVar("T")

NAMES = st.sampled_from(
    [
        *("a", "b", "x1", "camelCase", "UPPER", "class_", "_private", "é", "_1"),
        *("name_of_more_than_thirty_two_characters", "object", "data", "results", "error", "value"),
        *("json", "cls", "type", "items", "keys", "count", "index", "name", "source", "copy"),
    ]
) | st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name) and name != "additional_properties"
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ITEMS = st.builds(t.Item, INT64, st.none() | _TEXT)
_SMALL = st.integers(-(2**60), 2**60)


def _abstract(of: Typed) -> st.SearchStrategy[Typed]:
    """Return types made of a type that `type_strategies` does not make."""
    kind, values = of
    some = st.dictionaries(_TEXT, values, max_size=2)
    return st.sampled_from(
        [
            (collections.abc.Sequence[kind], st.lists(values, max_size=2).map(tuple)),
            (collections.abc.Mapping[str, kind], some),
            (Annotated[kind, "note"], values),
        ]
    )


PLAIN: st.SearchStrategy[Typed] = st.one_of(
    TYPES,
    TYPES,
    TYPES.flatmap(_abstract),
    st.sampled_from(KEYS).map(
        lambda of: (collections.abc.Set[of[0]], st.frozensets(of[1], max_size=2))
    ),
    st.sampled_from(
        [
            (t.Node, st.builds(t.Node, st.lists(st.builds(t.Node), max_size=2))),
            (t.Unset, st.builds(t.Unset, _SMALL)),
            (t.Item, ITEMS),
        ]
    ),
)
"""The types of a field of a class, without other classes that are made."""

_STORED: st.SearchStrategy[Typed] = st.sampled_from(
    [
        *((int, INT64), (str, _TEXT), (float, FLOATS), (bool, st.booleans())),
        *((Decimal, DECIMALS), (int | None, st.none() | INT64), (str | None, st.none() | _TEXT)),
        *((list[int], st.lists(INT64, max_size=3)), (list[str], st.lists(_TEXT, max_size=3))),
        *((tuple[float, ...], st.lists(FLOATS, max_size=3).map(tuple)), (t.Item, ITEMS)),
        *((list[t.Item], st.lists(ITEMS, max_size=3)), (t.Item | None, st.none() | ITEMS)),
        (Any, JSON),
    ]
)
"""Types that C reads."""


class Field(NamedTuple):
    """A field of a class, with its options."""

    name: str
    kind: Any
    values: st.SearchStrategy[Any]
    default: str
    """The way that it has a default: none, value, factory, or self: a factory with an argument."""
    value: Any
    """The default, if it has one."""
    alias: str | None
    kw_only: bool
    init: bool
    options: dict[str, Any]

    @property
    def argument(self) -> str:
        """The argument of the constructor."""
        return self.alias or self.name.lstrip("_")

    @property
    def has_default(self) -> bool:
        """Whether the constructor needs no argument for it."""
        return self.default != "none"

    def made(self) -> Any:
        """Return the attribute of attrs."""
        defaults: dict[str, Any] = {
            "none": {},
            "value": {"default": self.value},
            "factory": {"factory": lambda: self.value},
            "self": {"default": attrs.Factory(lambda _: self.value, takes_self=True)},
        }[self.default]
        given = {"alias": self.alias, "kw_only": self.kw_only, "init": self.init}
        return attrs.field(type=self.kind, **defaults, **given, **self.options)


def _same(value: Any) -> Any:
    return value


OPTIONS = st.sampled_from(
    [
        *({}, {}, {}, {}, {"repr": False}, {"eq": False}, {"metadata": {"unit": "tokens"}}),
        *({"validator": lambda *_: None}, {"hash": False}, {"converter": _same}),
    ]
)


@st.composite
def fields(draw: st.DrawFn, types: st.SearchStrategy[Typed], most: int = 4) -> list[Field]:
    """Draw fields of which no two have one name or argument.

    Half of the time, their constructor only stores values, so that C makes the instances.
    """
    found: list[Field] = []
    stores = draw(st.booleans())
    types = draw(st.sampled_from([types, _STORED])) if stores else types
    for _ in range(draw(st.integers(0, most))):
        kind, values = draw(types)
        ways = ["none", "none", "value"] if stores else ["none", "none", "value", "factory", "self"]
        default = draw(st.sampled_from(ways))
        field = Field(
            draw(NAMES),
            kind,
            values,
            default,
            None if default == "none" else draw(values),
            draw(st.none() | st.none() | NAMES.map(lambda name: name.lstrip("_"))),
            draw(st.booleans()),
            stores or default == "none" or draw(st.booleans()),
            {} if stores else draw(OPTIONS),
        )
        taken = {name for one in found for name in (one.name, one.argument)}
        if field.argument.isidentifier() and not {field.name, field.argument} & taken:
            found.append(field)
    return found


CLASS_OPTIONS = st.fixed_dictionaries(
    {"slots": st.sampled_from([True, True, True, False])},
    optional={
        "frozen": st.just(True),  # noqa: FBT003 -- hypothesis takes it so
        "kw_only": st.just(True),  # noqa: FBT003
        "weakref_slot": st.just(False),  # noqa: FBT003
        "order": st.booleans(),
        "unsafe_hash": st.just(True),  # noqa: FBT003
        "repr": st.just(False),  # noqa: FBT003
    },
)


def _instances(cls: Any, some: list[Field]) -> st.SearchStrategy[Any]:
    """Return instances, in which fields that have a default may be left out."""
    required = {one.argument: one.values for one in some if one.init and not one.has_default}
    optional = {one.argument: one.values for one in some if one.init and one.has_default}
    return st.fixed_dictionaries(required, optional=optional).map(lambda given: cls(**given))


def _attrs_class(some: list[Field], options: dict[str, Any], bases: tuple[Any, ...]) -> Any:
    """Return an attrs class. Fields without a default come first, or are keyword only."""
    is_first = not any(attrs.has(base) for base in bases)
    if is_first:
        some = sorted(some, key=lambda one: one.has_default)
    else:
        options = options | {"kw_only": True}
    body = {one.name: one.made() for one in some}
    return attrs.make_class("Made", body, bases=bases or (object,), **options)


@st.composite
def attrs_classes(draw: st.DrawFn, types: st.SearchStrategy[Typed]) -> Typed:
    """Draw an attrs class, which may have a base."""
    base = draw(st.none() | fields(types, 2)) or []
    taken = {name for one in base for name in (one.name, one.argument)}
    own = [one for one in draw(fields(types)) if not {one.name, one.argument} & taken]
    options = draw(CLASS_OPTIONS)
    bases = (_attrs_class(base, draw(CLASS_OPTIONS), ()),) if base else ()
    cls = _attrs_class(own, options, bases)
    return cls, _instances(cls, [*base, *own])


@st.composite
def generic_classes(draw: st.DrawFn, types: st.SearchStrategy[Typed]) -> Typed:
    """Draw a generic attrs class with its argument, or a class that derives from it."""
    kind, values = draw(types)
    made = {
        "one": (T, values),
        "many": (list[T], st.lists(values, max_size=2)),
        "named": (dict[str, T], st.dictionaries(_TEXT, values, max_size=2)),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(made)), min_size=1, unique=True))
    options = draw(CLASS_OPTIONS)
    body = {name: attrs.field(type=made[name][0]) for name in chosen}
    cls: Any = attrs.make_class("Generic", body, bases=(Generic[T],), **options)
    instances = {name: made[name][1] for name in chosen}
    if draw(st.booleans()):
        cls = attrs.make_class("Filled", {}, bases=(cls[kind],), **options)
        return cls, st.fixed_dictionaries(instances).map(lambda given: cls(**given))
    return cls[kind], st.fixed_dictionaries(instances).map(lambda given: cls(**given))


@st.composite
def dataclass_classes(draw: st.DrawFn, types: st.SearchStrategy[Typed]) -> Typed:
    """Draw a dataclass. Its fields are keyword only, and may have a factory."""
    some = {one.argument: one._replace(alias=None) for one in draw(fields(types))}
    some = {one.name: one for one in some.values() if one.name == one.argument}
    made: list[Any] = []
    for one in some.values():
        default = {"default_factory": lambda value=one.value: value} if one.has_default else {}
        made.append((one.name, one.kind, dataclasses.field(init=one.init, **default)))
    options = st.fixed_dictionaries({}, optional={"frozen": st.booleans(), "slots": st.booleans()})
    cls = dataclasses.make_dataclass("Data", made, kw_only=True, **draw(options))
    return cls, _instances(cls, [*some.values()])


@st.composite
def typed_dicts(draw: st.DrawFn, types: st.SearchStrategy[Typed]) -> Typed:
    """Draw a `TypedDict` with required keys and others."""
    some = draw(fields(types, 3))
    required = {one.name: one for one in some if not one.has_default}
    optional = {one.name: one for one in some if one.has_default}
    kinds: dict[str, Any] = {name: Required[one.kind] for name, one in required.items()}
    kinds |= {name: NotRequired[one.kind] for name, one in optional.items()}
    cls: Any = TypedDict("Keys", kinds, total=draw(st.booleans()))  # type: ignore[misc, operator]
    return cls, st.fixed_dictionaries(
        {name: one.values for name, one in required.items()},
        optional={name: one.values for name, one in optional.items()},
    )


@st.composite
def named_tuples(draw: st.DrawFn, types: st.SearchStrategy[Typed]) -> Typed:
    """Draw a `NamedTuple` of up to three items."""
    some = draw(st.lists(types, max_size=3))
    cls: Any = NamedTuple("Items", [(f"f{at}", kind) for at, (kind, _) in enumerate(some)])  # type: ignore[misc]
    return cls, st.tuples(*[values for _, values in some]).map(lambda items: cls(*items))


@st.composite
def unions(draw: st.DrawFn, types: st.SearchStrategy[Typed]) -> Typed:
    """Draw a union of two attrs classes: each has a key that the other lacks, or its own tag."""
    members = []
    has_tags = draw(st.booleans())
    for name in ("left", "right"):
        kind, values = draw(types)
        body: dict[str, Any] = {name: attrs.field(type=kind)}
        given = {name: values}
        if has_tags:
            body = {"tag": attrs.field(type=Literal[name]), "value": attrs.field(type=kind)}
            given = {"tag": st.just(name), "value": values}
        cls: Any = attrs.make_class(name.title(), body, **draw(CLASS_OPTIONS))
        members.append((cls, st.fixed_dictionaries(given).map(lambda given, cls=cls: cls(**given))))
    (left, lefts), (right, rights) = members
    return left | right, lefts | rights


def _records(types: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Return classes with fields of these types, also in containers."""
    one = st.one_of(
        attrs_classes(types),
        attrs_classes(types),
        generic_classes(types),
        dataclass_classes(types),
        typed_dicts(types),
        named_tuples(types),
        unions(types),
    )
    return (
        one
        | one.map(lambda of: (list[of[0]], st.lists(of[1], max_size=2)))
        | one.map(lambda of: (of[0] | None, st.none() | of[1]))
        | one.map(lambda of: (dict[str, of[0]], st.dictionaries(_TEXT, of[1], max_size=2)))
    )


# A function has a short name, so that Hypothesis can show the example of a failed test.


@st.composite
def _plain(draw: st.DrawFn) -> Typed:
    return draw(PLAIN)


@st.composite
def _nested(draw: st.DrawFn) -> Typed:
    return draw(PLAIN | PLAIN | PLAIN | _records(_plain()))


CLASSES: st.SearchStrategy[Typed] = st.one_of(
    attrs_classes(_nested()),
    attrs_classes(_nested()),
    generic_classes(_nested()),
    dataclass_classes(_nested()),
    unions(_nested()),
)
"""Classes with records in their fields, and their instances."""
