"""Enums, literals, containers and unions of scalars as types of fields."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Final, Literal, NewType

import attrs
import pytest

import usagewire
from tests.support.classes import Frozen, Mutable
from tests.support.comparing import Refused, exact, expect, outcome
from tests.support.paths import Loads
from tests.support.samples import row, text
from usagewire import (
    EncodeError,
    UnknownResult,
    UsageVectorStoresResult,
    UsageWireError,
    dumps,
    loads,
    make_converter,
)


class Colour(StrEnum):
    """An enum of str."""

    RED = "red"


class Level(IntEnum):
    """An enum of int."""

    HIGH = 1


class Mixed(Enum):
    """An enum with values of several types."""

    ONE = 1
    RED = "red"


class Old(str, Enum):  # noqa: UP042 -- as it is written where Python may be older than 3.11
    """An enum of str in the way of Python before 3.11."""

    RED = "red"


UserId = NewType("UserId", str)
BAD = Refused("wrong_type")
TYPES: list[tuple[Any, str, Any]] = [
    (Literal["a", 1], '"a"', "a"),
    (Literal["a", 1], "1", 1),
    (Literal["a", 1], "true", BAD),
    (Literal["a", 1], "1.0", BAD),
    (Literal["a", 1], "[]", BAD),
    (Literal["a", None], "null", None),  # noqa: PYI061 -- as users write it
    (Literal[True], "1", BAD),
    (Colour, '"red"', Colour.RED),
    (Colour, '"blue"', BAD),
    (Colour, "1", BAD),
    (Level, "1", Level.HIGH),
    (Level, "true", BAD),
    (Level, "2", BAD),
    (Mixed, "1", Mixed.ONE),
    (Mixed, '"red"', Mixed.RED),
    (Mixed, "null", BAD),
    (Old, '"red"', Old.RED),
    (Old, '"blue"', BAD),
    (UserId, '"u"', "u"),
    (UserId, "5", BAD),
    (Final[int], "5", 5),
    (Final[int], "5.0", BAD),
    (Annotated[int, "tokens"], "5", 5),
    (Annotated[int, "tokens"], '"5"', BAD),
    (tuple[int, ...], "[1,2]", (1, 2)),
    (tuple[int, ...], '["a"]', Refused("wrong_type", "$[0]")),
    (tuple[int, ...], "{}", BAD),
    (tuple[int, str], '[1,"a"]', (1, "a")),
    (tuple[int, str], "[1]", BAD),
    (tuple[int, str], "[1,2]", Refused("wrong_type", "$[1]")),
    (tuple[int, str], '[1,"a",2]', BAD),
    (tuple[()], "[]", ()),
    (tuple[()], "[1]", BAD),
    (tuple, '[1,"a"]', (1, "a")),
    (list, "[1,[2]]", [1, [2]]),
    (list, "{}", BAD),
    (list[int | None], "[1,null]", [1, None]),
    (set[int], "[1,1,2]", {1, 2}),
    (set[int], "{}", BAD),
    (frozenset[str], '["a"]', frozenset("a")),
    (Sequence[int], "[1]", (1,)),
    (Sequence[str], '"ab"', BAD),
    (AbstractSet[int], "[1]", frozenset({1})),
    (dict, '{"a":[1]}', {"a": [1]}),
    (dict[str, int], '{"a":"1"}', Refused("wrong_type", "$.a")),
    (dict[str, list[int]], '{"a b":["1"]}', Refused("wrong_type", "$['a b'][0]")),
    (Mapping[str, bool], '{"a":true}', {"a": True}),
    (int | None, "null", None),
    (int | None, "0", 0),
    (int | str, "5", 5),
    (int | str, '"5"', "5"),
    (int | str, "true", BAD),
    (int | str, "null", BAD),
    (int | str | None, "null", None),
    (int | bool, "true", True),
    (int | bool, "1", 1),
    (int | float, "1", 1),
    (int | float, "1.0", 1.0),
    (int | float, "true", BAD),
    (int | float, "9223372036854775808", Refused("out_of_range")),
    (float | str, "1", 1.0),
    (int | str | float, '"x"', "x"),
    (None, "null", None),
    (None, "5", BAD),
    (type(None), "5", BAD),
    (Any, "1e30", 1e30),
    (Any, "1e400", Decimal("1E+400")),
    (Any, "1e9999999999999999999", Refused("out_of_range")),
    (int | float, "1e400", Refused("out_of_range")),
    (int | float, "6.02214076e+23", 6.02214076e23),
    (float | str, "0.1000000000000000055", 0.1),
    (int | str, "1e30", BAD),
    (Decimal | None, "1e30", Decimal("1e30")),
    (Literal[1, "x"], "1.0000000000000000000001", BAD),
    (Any, '{"a":null}', {"a": None}),
    (Frozen | None, "null", None),
    (Frozen | None, '{"x":5}', Frozen(5)),
    (UsageVectorStoresResult | UnknownResult | None, "null", None),
    (UsageVectorStoresResult | UnknownResult | None, "5", BAD),
    (list[Frozen], '[{"x":5}]', [Frozen(5)]),
    (dict[str, Frozen], '{"a":{"x":"5"}}', Refused("wrong_type", "$.a.x")),
    (list[UsageVectorStoresResult], text([row(usage_bytes=1)]).decode(), [
        UsageVectorStoresResult(usage_bytes=1)
    ]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "document", "expected"),
    TYPES,
    ids=[ascii(f"{kind} {document}") for kind, document, _ in TYPES],
)
def test_type(loads: Loads, kind: Any, document: str, expected: Any) -> None:
    """A type takes exactly its JSON values and rejects others."""
    assert expect(expected) == outcome(loads, document, kind)


@pytest.mark.parametrize(
    ("kind", "document", "expected"),
    [(kind, doc, one) for kind, doc, one in TYPES if not isinstance(one, Refused)],
)
def test_type_of_a_field(loads: Loads, kind: Any, document: str, expected: Any) -> None:
    """A field of the type is read, and its value reads back equal."""
    cls = attrs.make_class("Holder", {"x": attrs.field(type=kind)}, frozen=True)
    record = loads(f'{{"x":{document}}}', cls)

    assert exact(expected) == exact(record.x)
    assert exact(record) == exact(loads(dumps(record), cls))


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (list[int], (1,)),
        (list[int], ["a"]),
        (tuple[int, ...], [1]),
        (tuple[int, str], (1,)),
        (tuple[int, str], (1, 2)),
        (set[int], [1]),
        (dict[str, int], [("a", 1)]),
        (dict[str, int], {1: 1}),
        (dict[str, int], {"a": None}),
        (dict, {1: 1}),
        (int | None, "a"),
        (int | str, None),
        (int | str, 1.0),
        (float, 1),
        (float, float("inf")),
        (float, float("nan")),
        (bool, 1),
        (int | None | str, 1.5),
        (type(None), 1),
        (Frozen, Mutable(1)),
        (Frozen, {"x": 1}),
        (Frozen | None, 5),
        (list[Frozen], [None]),
        (Any, object()),
        (Any, {"a": {1: 2}}),
        (Decimal, "1"),
    ],
    ids=str,
)
def test_value_of_another_type_is_not_written(kind: Any, value: Any) -> None:
    """A value that its type could not read back is rejected at its place."""
    cls = attrs.make_class("Holder", {"x": attrs.field(type=kind)}, frozen=True)
    with pytest.raises(EncodeError) as caught:
        dumps(cls(value))

    assert caught.value.path.startswith("$.x")


class Count(int):
    """A subclass of int."""


@pytest.mark.usefixtures("path")
def test_types_derived_from_scalars_are_refused() -> None:
    """A subclass of a scalar is rejected unless it is an enum, because JSON cannot express it."""
    with pytest.raises(UsageWireError, match="not supported"):
        loads("1", Count)


def test_keys_that_are_not_strings() -> None:
    """A dict with a key that is not a str is rejected."""
    with pytest.raises(usagewire.DecodeError, match="a string as key"):
        make_converter().structure({1: 2}, dict[str, int])


class Mine(list[int]):
    """A list that equals no other list."""

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]


class Alike(list[int]):
    """A list that compares as a list does."""


def test_a_container_that_does_not_compare_as_one() -> None:
    """It would not read back equal, so it is refused."""
    assert b"[1]" == dumps(Alike([1]), type=list[int])
    with pytest.raises(EncodeError):
        dumps(Mine([1]), type=list[int])
