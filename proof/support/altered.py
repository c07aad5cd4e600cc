"""Altered records: slots that hold a wrong value, or none."""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from random import Random
from types import MappingProxyType
from typing import Any, Final

import attrs

from proof.support.classes import Base, Circle, Derived, Mutable, Open, Point, Square
from proof.support.user_classes import WRONG
from usagewire import CostsResultAmount, UnknownResult, UsageVectorStoresResult


class Number(int):
    """A subclass of int."""


class Text(str):
    """A subclass of str."""

    __slots__ = ()


class Share(float):
    """A subclass of float."""


class Price(Decimal):
    """A subclass of Decimal."""


class Colour(IntEnum):
    """An int enum."""

    RED = 1


class Size(StrEnum):
    """A str enum."""

    LARGE = "large"


class Mood(Enum):
    """Another enum."""

    GOOD = "good"


class Unequal:
    """Raises when it is compared, and has no hash."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ValueError("not to be compared")


class Failing(dict[str, Any]):
    """A dict whose `items` fails."""

    def items(self) -> Any:
        """Fail."""
        raise RuntimeError("no items")


def _decimals(texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts.split()]


VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 5, 2**31, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64,
    10**400, 0.0, -0.0, 1.0, 1.5, 0.1, 1e300, 5e-324, 1e16, float("nan"), float("inf"),
    -float("inf"), "", "a", "organization.costs.result", "circle", "é", "日本", "\ud800", "a\udfff",
    "\x00", 'q"\\', "\n", "x" * 7, "x" * 8, "x" * 9, "x" * 300, "\x7f", "\x1f", "x" * 20 + '"',
    "x" * 20 + "é", "/", "\u2028", Number(5), Text("a"), Share(0.5), Price("1.5"), Colour.RED,
    Size.LARGE, Mood.GOOD, Unequal(),
    *_decimals("0 -0 0.00 0E-9 1 1.0 1.10 0.1 0.10 -2.50 100 1E+2 1E+17 1E+18 123456789012345"),
    *_decimals("1234567890123456 0.0001 0.00010 0.00001 0.000010 1E-5 -0.0001 0.00012"),
    *_decimals("12345678901234.5 123456789012345.6 0.1234567890123456789 1E-7 NaN sNaN Infinity"),
    *_decimals("-Infinity 1E+6144 1E+6145 1E-6176 1E-6177 999999999999999 9.99E+400"),
    *(Decimal("9" * 40), Decimal("0." + "1" * 40)),
    [], [1], [None], ["a"], [1.5], [True], [[True], []], [[1]], (), (1,), (0.5, 1.5), ("a",),
    [[[]]], {}, {"a": 1}, {"input_tokens": 1}, {"object": "x"}, {1: 2}, {"a": float("nan")},
    {"a": {1: 1}}, {"": None}, {"\ud800": 1}, {"a": "\ud800"}, {"a": 2**64}, {"a": 2**63},
    {"a": (1,)}, {"a": Decimal(1)}, {"key": 1, "amount": 2}, {"b": 1, "a": [1, {"c": 2.5}]},
    OrderedDict(a=1), MappingProxyType({"a": 1}), Failing(), Failing(a=1),
    {"error": {"message": "m"}}, {"ActualInstance": {}}, {"usage_bytes": 5}, b"bytes",
    bytearray(b"x"), {1, 2}, frozenset({1}), object(), Ellipsis, 1j, int, range(3), Point(1),
    Point(x="a"),  # type: ignore[arg-type]
    Mutable(1), Circle(radius=0.5), Square(side=1), Open("k"), Base(1), Derived(1),
    Derived(1, inner=Derived(2)), CostsResultAmount(value=Decimal("0.06"), currency="usd"),
    CostsResultAmount(value=1),  # type: ignore[arg-type]
    UnknownResult(object="later"), UnknownResult(object="page"),
    UsageVectorStoresResult(usage_bytes=5), UsageVectorStoresResult(usage_bytes=True), [Point(1)],
    (Point(1), Point(2)), [Circle(radius=1.5), Square(side=1)], (Circle(radius=1),), [Base(1)],
)  # fmt: skip


def altered(rng: Random, record: Any) -> Any:
    """Return a copy of a record with other values in one or two slots, or without a value."""
    cls = type(record)
    other = object.__new__(cls)
    names = [a.name for a in attrs.fields(cls)]
    for name in names:
        if hasattr(record, name):
            object.__setattr__(other, name, getattr(record, name))
    for _ in range(1 if rng.random() < 0.8 else 2):
        if not names:
            break
        name = rng.choice(names)
        if rng.random() < 0.02:
            if hasattr(other, name):
                object.__delattr__(other, name)
        else:
            object.__setattr__(other, name, rng.choice(VALUES if rng.random() < 0.8 else WRONG))
    return other
