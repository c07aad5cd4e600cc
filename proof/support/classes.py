"""Classes to read into and to write, of every make that the C extension takes; and their types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Final

import attrs

import usagewire
from usagewire import UsageTimeBucketResultInner


@attrs.frozen
class Point:
    """Frozen, with a weakref slot, all atomic."""

    x: int
    y: float = 0.5
    label: str | None = None


@attrs.define
class Mutable:
    """Not frozen: always tracked by the collector."""

    count: int
    name: str = "none"
    flag: bool = False
    share: float | None = None
    point: Point | None = None


@attrs.frozen(weakref_slot=False, kw_only=True)
class Money:
    """Decimals, and defaults that are compared with what is written."""

    price: Decimal
    tax: Decimal | None = None
    rebate: Decimal = Decimal("0.10")
    times: int = 1
    rate: float = 1.0


@attrs.define
class Lists:
    """Sequences of all kinds, and what factories make."""

    numbers: list[int]
    floats: tuple[float, ...] = ()
    names: list[str] = attrs.Factory(list)
    points: tuple[Point, ...] = ()
    nested: list[list[bool]] = attrs.Factory(list)
    maybe: list[int | None] | None = None
    prices: list[Decimal] | None = None


@attrs.frozen
class Open:
    """Keeps unknown keys in a dict of its own."""

    key: str
    additional_properties: dict[str, Any] = attrs.Factory(dict)


@attrs.frozen(kw_only=True)
class MustOpen:
    """Keeps unknown keys, and has no default for them."""

    additional_properties: dict[str, Any]
    number: int | None = None


@attrs.frozen
class Long:
    """Keys that are longer than what is compared at once, and one just as long."""

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
    """Values of any kind, which C reads and does not write."""

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
    """Another, not frozen."""

    object: ClassVar[str] = "square"
    side: int
    points: list[Point] = attrs.Factory(list)


@attrs.frozen
class Drawing:
    """Unions inside."""

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


YOURS: Final = (
    Point, Mutable, Money, Lists, Open, MustOpen, Long, Empty, Anything, Circle, Square, Drawing,
    Derived,
)  # fmt: skip

OURS: Final = (
    usagewire.UsageCompletionsResult, usagewire.UsageEmbeddingsResult,
    usagewire.UsageModerationsResult, usagewire.UsageImagesResult,
    usagewire.UsageAudioSpeechesResult, usagewire.UsageAudioTranscriptionsResult,
    usagewire.UsageVectorStoresResult, usagewire.UsageCodeInterpreterSessionsResult,
    usagewire.UsageFileSearchCallsResult, usagewire.UsageWebSearchCallsResult,
    usagewire.UsageDecisionsResult, usagewire.CostsResult, usagewire.CostsResultAmount,
    usagewire.UnknownResult, UsageTimeBucketResultInner, usagewire.UsageTimeBucket,
    usagewire.UsageResponse,
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
"""Every type that is read, by its name in a finding."""
