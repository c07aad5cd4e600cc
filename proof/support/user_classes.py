"""User classes that C reads in part or not at all: generic, aliased, hostile, and of all types."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter, deque
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Self,
    TypedDict,
    TypeVar,
)
from uuid import UUID

import attrs
from cattrs.gen import override

from proof.support.classes import TYPES, Circle, Point

K = TypeVar("K")
V = TypeVar("V")


class Colour(StrEnum):
    """An enum with a value for other texts."""

    RED = "red"
    BLUE = "blue"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.RED if value == "scarlet" else None


class Level(IntEnum):
    """An enum of ints."""

    LOW = 1
    HIGH = 3


class Mixed(Enum):
    """An enum of several types."""

    TEXT = "a"
    NUMBER = 2
    NOTHING = None


class Permission(Flag):
    """Flags, which can be combined."""

    READ = 1
    WRITE = 2


UserId = NewType("UserId", str)
Tokens = NewType("Tokens", int)


class Place(NamedTuple):
    """A tuple with names."""

    x: int
    y: str = "a"


class Choices(TypedDict):
    """A dict with names."""

    a: int
    b: NotRequired[str]


@dataclasses.dataclass
class Plain:
    """A dataclass."""

    x: int
    y: list[int] = dataclasses.field(default_factory=list)


@attrs.define
class Pair(Generic[K, V]):
    """A generic class."""

    k: K
    v: V


@attrs.define
class Swapped(Pair[V, K], Generic[K, V]):
    """A generic class with the parameters of its base in another order."""

    more: list[K] = attrs.Factory(list)


@attrs.frozen
class Half(Pair[int, V]):
    """A generic class that gives one parameter of its base."""

    last: V | None = None


@attrs.frozen
class Title:
    """Has the JSON key `name`."""

    title: str = attrs.field(alias="name")
    pages: int | None = None


@attrs.frozen
class Person:
    """Has an attribute `title` with another JSON key."""

    title: str = attrs.field(alias="label")
    age: int | None = None


@attrs.frozen
class Dog:
    """A member that a Literal distinguishes by its JSON key."""

    kind: Literal["dog"] = attrs.field(alias="type")
    name: str = ""


@attrs.frozen
class Cat:
    """The other member."""

    kind: Literal["cat"] = attrs.field(alias="type")
    lives: int = 9


@attrs.frozen
class Shelf:
    """Fields of unions that JSON keys distinguish."""

    item: Title | Person
    pet: Dog | Cat | None = None
    pets: tuple[Dog | Cat, ...] = ()


@attrs.define
class Tree:
    """Names itself."""

    value: int
    kids: list[Self] = attrs.Factory(list)


@attrs.define(eq=False)
class Unequal:
    """Never equal."""

    n: int = 0
    x: float = float("nan")

    def __eq__(self, other: object) -> bool:
        """Return False."""
        return False

    __hash__ = None  # type: ignore[assignment]


def _fail(number: int) -> bool:
    errors = (KeyError, ValueError, StopIteration, OSError, RecursionError, TypeError)
    if number % 10 < len(errors):
        raise errors[number % 10](number)
    return False


def _plus_nothing(value: str) -> str:
    return value + ""


def _inverse(value: int) -> int:
    return 10 // (value - 5)


@attrs.frozen
class Failing:
    """Raises when it is made, compared or hashed, depending on `n`."""

    n: int

    def __attrs_post_init__(self) -> None:
        """Raise one of many errors."""
        _fail(self.n)

    def __eq__(self, other: object) -> bool:
        """Raise one of many errors."""
        return _fail(self.n + 1)

    def __hash__(self) -> int:
        """Raise one of many errors."""
        return _fail(self.n + 2)


@attrs.frozen
class Checked:
    """Has a validator and a converter that raise."""

    n: int = attrs.field()
    text: str = attrs.field(default="", converter=_plus_nothing)
    size: int = attrs.field(default=0, converter=_inverse)

    @n.validator
    def _check(self, _: Any, value: int) -> None:
        _fail(value)


@attrs.define
class Changing:
    """Has an attribute that is not the value of its slot."""

    n: int = 0
    text: str = ""

    def __getattribute__(self, name: str) -> Any:
        """Return a greater number."""
        value = object.__getattribute__(self, name)
        return value + 1 if name == "n" else value


@attrs.define
class Hostile:
    """Holds values of hostile classes."""

    a: int
    unequal: Unequal = attrs.field(factory=Unequal)
    failing: Failing | None = None
    checked: Checked | None = None
    changing: Changing | None = None
    rate: float = float("nan")


def _hooked(value: Any, _: Any) -> Any:
    if type(value) is not int:
        raise ValueError(value)
    return value


def _positive(_: Any, member: Any, value: int) -> None:
    if value < 0:
        raise ValueError(member.name)


@attrs.frozen
class Kinds:
    """Fields of all kinds that C reads, and some that hooks read."""

    colour: Colour | None = None
    level: Level | None = None
    literal: Literal["auto", 3] = "auto"
    table: dict[str, int] = attrs.Factory(dict)
    keyed: dict[int, float] | None = None
    numbers: set[int] | None = None
    texts: frozenset[str] = frozenset()
    items: tuple[int, str] | None = None
    place: Place | None = None
    either: int | str | None = None
    lists: list[int] | int = 0
    last: deque[int] | None = None
    day: dt.date | None = None
    hooked: Annotated[int, override(struct_hook=_hooked)] | None = None
    other: Title | Person | None = None
    pet: Dog | Cat | None = None


@attrs.frozen(cache_hash=True)
class Coded:
    """Slots that C fills, with code that attrs runs then."""

    n: int = attrs.field(validator=_positive)
    text: str = attrs.field(default="", converter=_plus_nothing)
    made: tuple[Any, ...] = attrs.field(factory=lambda: (1,))
    inner: Self | None = None

    def __attrs_post_init__(self) -> None:
        """Look at the record."""
        assert self.n >= 0


@attrs.define(slots=False)
class Called:
    """A class that C calls."""

    n: int
    inner: Coded | None = None
    more: list[Self] = attrs.Factory(list)
    additional_properties: dict[str, Any] = attrs.Factory(dict)


Wide: Any = attrs.make_class(
    "Wide",
    {f"w{i}": attrs.field(type=int | None, default=i) for i in range(70)},  # type: ignore[arg-type]
)
"""A class with more fields than a word has bits."""

CODED: Final[dict[str, Any]] = {cls.__name__: cls for cls in (Kinds, Coded, Called, Plain, Wide)}
"""Types that C reads with code of users."""

PROVED: Final = TYPES | CODED
"""The types of the proofs of memory, by name."""

USER_TYPES: Final[dict[str, Any]] = {
    "Any": Any,
    "list[Any]": list[Any],
    "dict[str, Any]": dict[str, Any],
    "Any|None": Any | None,
    "Pair[int, str]": Pair[int, str],
    "Swapped[int, str]": Swapped[int, str],
    "Half[Decimal]": Half[Decimal],
    "Pair[Swapped]": Pair[Swapped[int, Point], list[Half[str]]],
    "Title|Person": Title | Person,
    "Dog|Cat": Dog | Cat,
    "float": float,
    "str|None": str | None,
    **CODED,
    **{cls.__name__: cls for cls in (Shelf, Tree, Hostile, Unequal, Failing, Checked, Changing)},
}
"""Types that libFuzzer does not read, by name."""
CHANGED: Final = ("Hostile", "Changing", "Checked", "Failing", "Unequal")
"""Types whose records do not read back equal, because of their code or a NaN."""

TEXTS: Final[dict[Any, tuple[bytes, ...]]] = {
    Colour: (b'"red"', b'"blue"', b'"scarlet"', b'"blu\\u0065"'),
    Level: (b"1", b"3"),
    Mixed: (b'"a"', b"2", b"null"),
    Permission: (b"1", b"2", b"3", b"0"),
    Literal["auto", 3]: (b'"auto"', b"3"),
    dt.date: (b'"2026-11-30"', b'"0001-01-01"', b'"9999-12-31"'),
    dt.datetime: (b'"2026-11-30T01:02:03Z"', b'"2026-11-30T01:02:03.004005+05:30"'),
    dt.time: (b'"01:02:03"', b'"23:59:59.999999"', b'"01:02:03+01:00"'),
    dt.timedelta: (b'"PT5S"', b'"P1DT2H"', b'"-PT0.000001S"'),
    UUID: (b'"12345678-1234-5678-1234-567812345678"',),
    bytes: (b'""', b'"YWI="'),
    Path: (b'"a/b"', b'"."'),
    Place: (b'[1,"a"]', b'[-5,"\\u00e9"]'),
    Choices: (b'{"a":1}', b'{"b":"x","a":2}'),
    Plain: (b'{"x":1}', b'{"x":1,"y":[2,3]}'),
    set[int]: (b"[]", b"[1]", b"[3,1]"),
    frozenset[str]: (b"[]", b'["a","b"]'),
    deque[int]: (b"[]", b"[3,1]"),
    Counter[str]: (b"{}", b'{"a":2,"b":1}'),
    dict[str, int]: (b"{}", b'{"a":1,"b":2}'),
    dict[int, float]: (b'{"5":0.5}', b'{"-1":2.0,"0":1e300}'),
    dict[Colour, bool]: (b'{"red":true}', b'{"blue":false,"red":true}'),
    dict[UserId, str]: (b'{"a":"b"}',),
    dict[Permission, int]: (b'{"3":1}', b"{}"),
    tuple[int, str]: (b'[1,"a"]',),
    tuple[int, *tuple[str, ...]]: (b"[1]", b'[1,"a","b"]'),
    Literal["auto"] | int: (b'"auto"', b"5"),
    list[int] | int: (b"[1,2]", b"5"),
    int | str | None: (b"5", b'"a"', b"null"),
    Tokens | str: (b"5", b'"a"'),
    Annotated[int, "tokens"]: (b"5", b"-1"),
}
"""Types that no maker makes from parts, with JSON texts that are read."""
NEVER: Final = tuple(
    rb"""
"green" "read" 4 -1 2.0 "2026-W01-1" "2026-11-30 01:02" "2026-11-30T01:02:03+00:00:30" "20261130"
"24:00:00" "P1Y" "PT1,5S" "12345678123456781234567812345678" "YWI" "YW=I" "a\u0000b" {"1_0":1} {"05":1}
{"\u0665":1} {"a":0} {"blue":1} {"4":1} [1] [1,2] [1,1] ["a","a"] {"a":true} "Auto" [[1]] {"x":null}
""".split()
)
"""JSON texts that most of these types refuse."""
WRONG: Final[tuple[Any, ...]] = (
    Colour.RED, Level.HIGH, Mixed.NOTHING, Permission.READ | Permission.WRITE, Permission(0),
    dt.date(2026, 1, 1), dt.datetime(2026, 1, 1), dt.time(1), dt.timedelta(1, 2, 3),  # noqa: DTZ001
    dt.datetime(2026, 8, 1, tzinfo=dt.timezone(dt.timedelta(seconds=30))),
    dt.datetime(2026, 8, 1, tzinfo=dt.UTC), dt.time(1, tzinfo=dt.timezone(dt.timedelta(seconds=1))),
    UUID(int=5), b"\xff", Path(), Place(1), Place(1, 2), Plain(1), Plain("a"),  # type: ignore[arg-type]
    {1}, {True}, frozenset("a"), deque([1]), Counter(a=1), Counter(a=0), {5: 0.5}, {5: 5}, {"5": 0.5},
    {Colour.RED: True}, {Level.LOW: True}, {Permission.READ: 1}, {True: 1}, {None: 1}, {1.5: 1},
    (1, "a"), (1, "a", "b"), [1, "a"], {"a": 1, "c": 2}, {"b": "x"}, "auto", "green", 3, 4,
    Pair(1, "a"), Pair("a", 1), Swapped("a", 1, [1]), Half(1, 2.5), Title("a"), Person("a", 5),
    Dog("dog"), Dog("cow"), Cat("cat", 1), Circle(radius=1.5), Unequal(1, 0.5),  # type: ignore[arg-type]
    type, Colour, len, Ellipsis, NotImplemented, memoryview(b"a"), slice(1),
)  # fmt: skip
"""Values of these types, which most fields of other types refuse."""
