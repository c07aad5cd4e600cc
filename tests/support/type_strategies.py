"""Hypothesis strategies: types of fields with their values, and values of any type."""

import collections
import dataclasses
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
from hypothesis import strategies as st

from tests.support import types as t
from tests.support.strategies import DECIMALS, FLOATS, INT64, JSON

Typed = tuple[Any, st.SearchStrategy[Any]]
"""A type and the values of it that are written."""

_ZONES = st.none() | st.integers(-1439, 1439).map(
    lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))
)
_BERLIN = ZoneInfo("Europe/Berlin")
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)

KEYS: list[Typed] = [
    (str, _TEXT),
    (int, INT64),
    (t.UserId, _TEXT),
    (t.Number, INT64),
    (t.Colour, st.sampled_from(t.Colour)),
    (t.Level, st.sampled_from(t.Level)),
    (t.Permission, st.integers(0, 3).map(t.Permission)),
    (t.Bits, st.integers(0, 100).map(t.Bits)),
    (Literal["a", "b"], st.sampled_from(["a", "b"])),
    (dt.datetime, st.datetimes(timezones=_ZONES)),
    (dt.date, st.dates()),
    (dt.time, st.times(timezones=_ZONES)),
    (dt.timedelta, st.timedeltas()),
    (UUID, st.uuids()),
    (bytes, st.binary(max_size=9)),
    (Path, st.text("ab/.", max_size=5).map(Path)),
]
"""The types that can be keys of a dict, which are hashable too."""

SCALARS: list[Typed] = [
    *KEYS,
    (float, FLOATS),
    (bool, st.booleans()),
    (Decimal, DECIMALS),
    (Any, JSON),
    (t.Mixed, st.sampled_from(t.Mixed)),
    (t.Old, st.sampled_from(t.Old)),
    (t.Open, st.sampled_from(t.Open)),
    (Literal["a", 1] | None, st.sampled_from(["a", 1, None])),
    (Annotated[int, "tokens"], INT64),
    (int | str | None, INT64 | _TEXT | st.none()),
    (Literal["auto"] | int, st.just("auto") | INT64),
    (list[int] | dt.date, st.lists(INT64, max_size=2) | st.dates()),
    (t.Permission | bool | t.Point, st.booleans() | st.builds(t.Point, INT64, _TEXT)),
    (t.Plain | float, FLOATS | st.builds(t.Plain, INT64)),
]


T = TypeVar("T")
U = TypeVar("U")


@attrs.define
class Pair(Generic[T, U]):
    k: T
    v: U


@attrs.define
class Swapped(Pair[U, T], Generic[T, U]):
    more: list[T] = attrs.Factory(list)


def _generic(first: Typed, second: Typed) -> Typed:
    """Return a generic class that swaps the parameters of its base."""
    one, other = first[1], second[1]
    values = st.builds(Swapped, k=other, v=one, more=st.lists(one, max_size=2))
    return Swapped[first[0], second[0]], values  # type: ignore[name-defined]


def _union(first: Typed, second: Typed) -> Typed:
    """Return a union of two classes whose attributes have the same name, but not the same key."""
    classes: list[Any] = [
        attrs.make_class(f"Made{key}", {"name": attrs.field(type=of[0], alias=key)})
        for key, of in (("x", first), ("y", second))
    ]
    one, other = (
        of[1].map(lambda value, cls=cls, key=key: cls(**{key: value}))
        for cls, key, of in zip(classes, "xy", (first, second), strict=True)
    )
    return classes[0] | classes[1], one | other


def _one(kind: Any, make: Callable[[list[Any]], Any]) -> Callable[[Typed], Typed]:
    """Return a function from the type of the items to a container of them."""
    return lambda of: (kind[of[0]], st.lists(of[1], max_size=3).map(make))


def _repeated(of: Typed) -> Typed:
    values = st.tuples(INT64, st.lists(of[1], max_size=2).map(tuple))
    return tuple[int, *tuple[of[0], ...]], values.map(lambda parts: (parts[0], *parts[1]))


def _dict(key: Typed, item: Typed) -> Typed:
    return dict[key[0], item[0]], st.dictionaries(key[1], item[1], max_size=3)  # type: ignore[name-defined]


def _of_class(made: str, fields: list[Typed]) -> Typed:
    """Return a class with these fields."""
    kinds = {f"f{index}": kind for index, (kind, _) in enumerate(fields)}
    if made == "NamedTuple":
        cls: Any = NamedTuple("Made", [*kinds.items()])  # type: ignore[misc]
    elif made == "TypedDict":
        cls = TypedDict("Made", kinds)  # type: ignore[misc, operator]
    elif made == "dataclass":
        cls = dataclasses.make_dataclass("Made", [*kinds.items()])
    else:
        cls = attrs.make_class(
            "Made", {name: attrs.field(type=kind) for name, kind in kinds.items()}
        )
    values = {name: value for name, (_, value) in zip(kinds, fields, strict=True)}
    return cls, st.fixed_dictionaries(values).map(lambda given: cls(**given))


def _containers(types: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    keys = st.sampled_from(KEYS)
    return st.one_of(
        types.map(_one(list, list)),
        types.map(_one(collections.deque, collections.deque)),
        types.map(lambda of: (tuple[of[0], ...], st.lists(of[1], max_size=3).map(tuple))),
        types.map(_repeated),
        types.map(lambda of: (tuple[of[0], str], st.tuples(of[1], _TEXT))),
        types.map(lambda of: (of[0] | None if of[0] is not Any else Any, st.none() | of[1])),
        types.map(lambda of: (NewType("New", of[0]), of[1])),
        keys.map(_one(set, set)),
        keys.map(_one(frozenset, frozenset)),
        keys.map(_one(collections.Counter, collections.Counter)),
        st.tuples(keys, types).map(
            lambda two: (
                dict[two[0][0], two[1][0]],
                st.dictionaries(two[0][1], two[1][1], max_size=3),
            )
        ),
        st.builds(_generic, types, types),
        st.builds(_union, types, types),
        st.builds(
            _of_class,
            st.sampled_from(["attrs", "dataclass", "TypedDict", "NamedTuple"]),
            st.lists(types, max_size=3),
        ),
    )


TYPES: st.SearchStrategy[Typed] = st.recursive(st.sampled_from(SCALARS), _containers, max_leaves=4)
CLASSES = st.lists(TYPES, min_size=1, max_size=4).map(lambda fields: _of_class("attrs", fields))

ANYTHING = TYPES.flatmap(lambda of: of[1]) | st.sampled_from(
    [
        *(object(), 1j, 2**64, float("nan"), float("inf"), Decimal("NaN"), Decimal("1e9999")),
        *(
            t.MyInt(5),
            t.Pair.ONE,
            t.Day.FIRST,
            bytearray(b"a"),
            range(3),
            collections.OrderedDict(),
        ),
        dt.time(1, tzinfo=_BERLIN),
        *(dt.datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=_BERLIN) for fold in (0, 1)),
        dt.datetime(2026, 8, 1, tzinfo=dt.timezone(dt.timedelta(seconds=30))),
        *(
            dt.datetime(2026, 10, 25, 2, 30, fold=n, tzinfo=t.ZoneInfo("Europe/Berlin"))
            for n in (0, 1)
        ),
        *(t.Bits(2**70), "\ud800", {"\ud800": 1}, {1: 1}, {None: 1}, [(1,)], ({},), {b"a": 1}),
        *(t.altered(t.Unset(1), b=4), t.Computed(1), t.WithInitVar(1)),
    ]
)
"""Values of which most cannot be written in a field of most types."""
