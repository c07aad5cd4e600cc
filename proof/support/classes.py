"""Classes of every kind that the C extension reads and writes, and types made of them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

import attrs

import usagewire
from usagewire import UsageTimeBucketResultInner
from usagewire.models import ROW_CLASSES


@attrs.frozen
class Point:
    """Frozen, with a slot for weak references, and only atoms."""

    x: int
    y: float = 0.5
    label: str | None = None


@attrs.define
class Mutable:
    """Not frozen, so always GC-tracked."""

    count: int
    name: str = "none"
    flag: bool = False
    share: float | None = None
    point: Point | None = None


@attrs.frozen(weakref_slot=False, kw_only=True)
class Money:
    """Decimals, and defaults that C compares in writing."""

    price: Decimal
    tax: Decimal | None = None
    rebate: Decimal = Decimal("0.10")
    times: int = 1
    rate: float = 1.0


@attrs.define
class Lists:
    """Sequences of all kinds, and defaults from factories."""

    numbers: list[int]
    floats: tuple[float, ...] = ()
    names: list[str] = attrs.Factory(list)
    points: tuple[Point, ...] = ()
    nested: list[list[bool]] = attrs.Factory(list)
    maybe: list[int | None] | None = None
    prices: list[Decimal] | None = None


@attrs.frozen
class Open:
    """Keeps unknown keys in a new dict."""

    key: str
    additional_properties: dict[str, Any] = attrs.Factory(dict)


@attrs.frozen(kw_only=True)
class MustOpen:
    """Keeps unknown keys, and has no default for them."""

    additional_properties: dict[str, Any]
    number: int | None = None


@attrs.frozen
class Long:
    """Keys that are longer than C compares at once, and one just as long."""

    a_name_that_is_longer_than_all_that_is_compared_in_one_go: int
    a_name_that_is_longer_than_all_that_is_compared_in_one_gO: int | None = None
    exactly_twenty_eight_letters: str | None = None
    twenty_nine_letters_make_33_b: str | None = None
    short: str | None = None


@attrs.frozen
class Empty:
    """No fields."""


@attrs.frozen
class Anything:
    """Any values, which C reads and does not write."""

    value: Any
    other: Any = None


@attrs.frozen
class Circle:
    """One member of a union."""

    object: ClassVar[str] = "circle"
    radius: float
    centre: Point | None = None


@attrs.define
class Square:
    """Another member, not frozen."""

    object: ClassVar[str] = "square"
    side: int
    points: list[Point] = attrs.Factory(list)


@attrs.frozen
class Drawing:
    """Fields of unions."""

    shapes: tuple[Circle | Square, ...]
    main: Circle | Square | None = None
    title: str | None = None


@attrs.frozen
class Base:
    """A class to derive from."""

    first: int
    second: str = ""


@attrs.frozen
class Derived(Base):
    """Slots of two classes."""

    third: Decimal | None = None
    inner: Base | None = None


@attrs.frozen
class Texts:
    """Values that JSON holds as text."""

    start: dt.datetime
    day: dt.date | None = None
    clock: dt.time | None = None
    length: dt.timedelta = dt.timedelta()
    id: UUID | None = None
    data: bytes = b""
    more: tuple[UUID | int, ...] = ()
    days: dict[str, dt.date] | None = None


class Colour(Enum):
    """Values to choose from."""

    RED = "red"
    TWO = 2


@attrs.frozen
class Hooked:
    """Is written by a hook of the user's."""

    of: Any


def converter_with_hook(**options: Any) -> Any:
    """Return a converter that has the hook of `Hooked`."""
    converter = usagewire.make_converter(**options)
    converter.register_unstructure_hook(Hooked, lambda value: value.of)
    return converter


@attrs.define(slots=False)
class WrittenKinds:
    """Values of other kinds, in a class without slots."""

    hooked: Hooked
    colour: Colour | None = None
    word: Literal["a", 1, True] = "a"
    either: int | str | None = None
    table: dict[str, int] = attrs.Factory(dict)
    by_number: dict[int, str] = attrs.Factory(dict)
    numbers: set[int] = attrs.Factory(set)
    names: frozenset[str] = frozenset()
    fixed: tuple[int, str] = (1, "a")
    value: Any = None
    shape: Point | WrittenKinds | None = None
    size: int = attrs.Factory(lambda self: len(self.table), takes_self=True)


def written_kinds(hooked: Any) -> WrittenKinds:
    """Return a record with values of each kind."""
    inner = WrittenKinds(Hooked(None), Colour.TWO, 1, "text", shape=Point(1))
    return WrittenKinds(
        *(Hooked(hooked), Colour.RED, True, 70000, {"a": 70000, "é": 1}, {70000: "x", -1: "y"}),
        *({70000, 5}, frozenset({"n"}), (70000, "b"), {"a": [1, None, "x", True]}, inner, 70000),
    )


YOURS: Final = (
    Point, Mutable, Money, Lists, Open, MustOpen, Long, Empty, Anything, Circle, Square, Drawing,
    Derived, Texts,
)  # fmt: skip

OURS: Final = (
    *ROW_CLASSES, usagewire.UnknownResult, usagewire.CostsResultAmount, UsageTimeBucketResultInner,
    usagewire.UsageTimeBucket, usagewire.UsageResponse,
)  # fmt: skip

TYPES: Final[dict[str, Any]] = {
    "UsageObject": usagewire.UsageObject,
    "UsageResult": usagewire.UsageResult,
    "Shape": Circle | Square,
    "list[Point]": list[Point],
    "list[UsageResult]": list[usagewire.UsageResult],
    "NoCosts": usagewire.UsageCompletionsResult | usagewire.UnknownResult,
    "int": int,
    "Decimal|None": Decimal | None,
    **{cls.__name__: cls for cls in (*OURS, *YOURS)},
}
"""Types that every proof reads, by name."""
