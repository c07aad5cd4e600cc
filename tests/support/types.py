"""Classes for the types in `types.ndjson`, and the names that its expressions use."""

import collections
import collections.abc
import dataclasses
import datetime as dt
import typing
from decimal import Decimal
from enum import CONFORM, Enum, Flag, IntEnum, IntFlag, StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, NewType, NotRequired, Self, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

import annotated_types
import attrs
import typing_extensions


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(Enum):
    """An enum with values of several JSON types."""

    ONE = 1
    RED = "red"
    ITEMS = [1, "a"]  # noqa: RUF012 -- the value of a member
    SIZES = {"a": 1.5}  # noqa: RUF012 -- the same


class Nothing(Enum):
    """An enum whose value is null."""

    NONE = None


class Old(str, Enum):  # noqa: UP042 -- as it is written where Python may be older than 3.11
    RED = "red"


class Open(Enum):
    """An enum that takes unknown values as one member."""

    OK = "ok"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "Open | None":
        return cls.OTHER if isinstance(value, str) else None


class Permission(Flag):
    READ = 1
    WRITE = 2


class Bits(IntFlag):
    """A flag that keeps unknown bits."""

    ONE = 1


class Conform(Flag, boundary=CONFORM):
    """A flag that drops unknown bits."""

    ONE = 1


class Pair(Enum):
    """An enum with a value that JSON does not have."""

    ONE = (1, 2)


class Day(dt.date, Enum):
    """An enum of dates, which are text in JSON."""

    FIRST = 2026, 1, 1


UserId = NewType("UserId", str)
Number = NewType("Number", int)
Shade = NewType("Shade", Colour)


class Point(NamedTuple):
    x: int
    y: str = "a"


class Options(TypedDict):
    a: int
    b: NotRequired[str]


@dataclasses.dataclass
class Plain:
    """A dataclass."""

    x: int
    y: list[int] = dataclasses.field(default_factory=list)
    n: int = dataclasses.field(default=3, init=False)


@attrs.frozen
class Item:
    x: int
    y: str | None = None


@attrs.define
class Node:
    kids: list[Self] = attrs.field(factory=list)


@attrs.define
class Unset:
    """A class with fields that its constructor does not take."""

    a: int
    b: int = attrs.field(default=3, init=False)
    c: list[int] = attrs.field(factory=list, init=False)
    d: int = attrs.field(init=False)
    e: int = attrs.field(default=1, init=False, eq=False)

    @d.default
    def _twice(self) -> int:
        return self.a * 2


@attrs.define
class Computed:
    """A class that sets a field itself."""

    a: int
    b: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.b = self.a + 1


@dataclasses.dataclass
class WithInitVar:
    x: int
    y: dataclasses.InitVar[int] = 3


class MyInt(int):
    """A subclass of int."""


class Meta:
    """A stand-in for `msgspec.Meta`, which has all its limits as attributes."""

    gt = max_length = pattern = None

    def __init__(self, **given: Any) -> None:
        self.__dict__ |= given


Meta.__module__ = "msgspec"


Wrapped = NewType("Wrapped", MyInt)


class Later(typing_extensions.TypedDict):
    """A typed dict of the package that brings new types to old versions of Python."""

    a: typing_extensions.ReadOnly[int]
    b: NotRequired[str]


def altered(value: Any, **attributes: Any) -> Any:
    """Return a value after some of its attributes were set."""
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


NAMES: Final = {
    **{name: getattr(typing, name) for name in ("Annotated", "Any", "Final", "Literal")},
    **{name: getattr(collections.abc, name) for name in ("Mapping", "MutableMapping", "Sequence")},
    **{cls.__name__: cls for cls in (collections.Counter, collections.deque)},
    **{cls.__name__: cls for cls in (Decimal, Path, UUID, ZoneInfo)},
    **{name: one for name, one in globals().items() if getattr(one, "__module__", "") == __name__},
    "dt": dt,
    "typing": typing,
    "collections": collections,
    "AbstractSet": collections.abc.Set,
    "annotated_types": annotated_types,
    "msgspec": SimpleNamespace(Meta=Meta),
}
"""The names that an expression in a table can use."""


def expression(text: str) -> Any:
    """Return the value of an expression in a table."""
    return eval(text, dict(NAMES))  # noqa: S307 -- text of our own
