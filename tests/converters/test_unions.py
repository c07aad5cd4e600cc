"""Unions whose members differ in the tag, or in a required field."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Final, Generic, Literal, NewType, TypeVar

import pytest
from attrs import field, frozen, make_class
from cattrs.disambiguators import create_default_dis_func

from tests.support.classes import WithA, WithB
from tests.support.comparing import Refused, expect, outcome
from tests.support.paths import Loads
from tests.support.samples import COSTS, VECTORS, bucket, row, text
from usagewire import (
    DecodeError,
    Decoder,
    EncodeError,
    UnknownResult,
    UsageCompletionsResult,
    UsageImagesResult,
    UsageResult,
    UsageVectorStoresResult,
    UsageWireError,
    dumps,
    make_converter,
)

T = TypeVar("T")


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('"object":"later.result"', UnknownResult(object="later.result")),
        ('"object":""', UnknownResult(object="")),
        ('"Object":"later.result"', UnknownResult(object="later.result")),
        ("", Refused("missing_tag")),
        ('"object":null', Refused("wrong_type", "$.object")),
        ('"object":5', Refused("wrong_type", "$.object")),
        ('"object":["bucket"]', Refused("wrong_type", "$.object")),
        ('"Object":5', Refused("wrong_type", "$.Object")),
        ('"_object":null', Refused("wrong_type", "$._object")),
    ],
)
def test_tag_of_a_union(loads: Loads, tag: str, expected: Any, *, strict: bool) -> None:
    """An unknown tag makes an unknown row. A tag that is not a string is rejected."""
    assert expect(expected) == outcome(loads, f"{{{tag}}}", strict=strict)


def test_tag_need_not_come_first(loads: Loads) -> None:
    """The tag may come after other keys."""
    document = f'{{"usage_bytes":5,"later":{{"object":"bucket"}},"object":"{VECTORS}"}}'

    assert UsageVectorStoresResult is type(loads(document))


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (f'"object":"{VECTORS}",', UsageVectorStoresResult(usage_bytes=5)),
        ("", UsageVectorStoresResult(usage_bytes=5)),
        ('"object":"organization.usage.images.result",', Refused("wrong_tag", "$.object")),
        ('"object":"later.result",', Refused("wrong_tag", "$.object")),
        ('"Object":"later.result",', Refused("wrong_tag", "$.Object")),
        ('"object":null,', Refused("wrong_type", "$.object")),
        ('"object":{},', Refused("wrong_type", "$.object")),
    ],
)
def test_tag_of_one_class(loads: Loads, tag: str, expected: Any, *, strict: bool) -> None:
    """If the type is one class, the tag may be absent, but it must not be another tag."""
    document = f'{{{tag}"usage_bytes":5}}'

    assert expect(expected) == outcome(loads, document, UsageVectorStoresResult, strict=strict)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (bucket(results=[]), UsageResult),
        (row(COSTS), UsageCompletionsResult | UnknownResult),
        (row(VECTORS), UnknownResult),
        (row("later.result"), UsageVectorStoresResult | UsageImagesResult),
    ],
    ids=["bucket", "costs", "vectors", "unknown"],
)
def test_tag_outside_the_union(loads: Loads, data: dict[str, Any], kind: Any) -> None:
    """A tag of no member of the union is rejected. A known tag never makes an unknown row."""
    assert Refused("wrong_tag", "$.object") == outcome(loads, text(data), kind)


def test_union_without_tags(loads: Loads) -> None:
    """A required field distinguishes classes without tags."""
    union = WithA | WithB

    assert [WithA(1), WithB(2)] == loads('[{"a":1},{"b":2}]', list[union])
    assert Refused("bad_value") == outcome(loads, "{}", union)
    assert Refused("syntax") == outcome(loads, "[1]", union)
    assert Refused("wrong_type", "$.a") == outcome(loads, '{"a":"x"}', union)


@frozen
class Book:
    title: str = field(alias="name")


@frozen
class Person:
    name: str


@frozen
class ByX:
    a: int = field(alias="x")


@frozen
class ByY:
    b: int = field(alias="y")


@frozen
class Dog:
    n: int
    kind: Literal["dog", "puppy"] = field(alias="type", default="dog")


@frozen
class Cat:
    n: int
    kind: Literal["cat"] = field(alias="type", default="cat")


@frozen
class Short:
    x: int


@frozen
class Middle:
    x: int
    y: int


@frozen
class Long:
    x: int
    y: int
    z: int


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (ByX | ByY, '{"x":1}', ByX(1)),
        (ByX | ByY, '{"y":1}', ByY(1)),
        (ByX | ByY, '{"a":1}', Refused("bad_value")),
        (Short | Middle | Long, '{"x":1}', Short(1)),
        (Short | Middle | Long, '{"x":1,"y":2}', Middle(1, 2)),
        (Long | Short | Middle, '{"x":1,"y":2,"z":3}', Long(1, 2, 3)),
        (Dog | Cat, '{"n":1,"type":"dog"}', Dog(1)),
        (Dog | Cat, '{"n":1,"type":"puppy"}', Dog(1, "puppy")),
        (Cat | Dog | None, '{"n":1,"type":"cat"}', Cat(1)),
        (Cat | Dog | None, "null", None),
        (Dog | Cat, '{"n":1,"type":"cow"}', Refused("wrong_tag", "$.type")),
        (Dog | Cat, '{"n":1,"kind":"dog"}', Refused("missing_tag")),
        (Dog | Cat, '{"n":1,"type":5}', Refused("wrong_type", "$.type")),
        (list[Dog | Cat], '[{"n":2,"type":[]}]', Refused("wrong_type", "$[0].type")),
    ],
)  # fmt: skip
def test_union_by_json_keys(loads: Loads, kind: Any, data: str, expected: Any) -> None:
    """A Literal or a required JSON key shows the class; attribute names do not matter."""
    assert expect(expected) == outcome(loads, data, kind)
    if not isinstance(expected, Refused):
        assert expected == loads(dumps(expected) if expected else b"null", kind)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Book | Person, {}),
        (ByX | ByY, {"names": {ByX: {"a": ("z", "y")}, ByY: {"b": ("y", "z")}}}),
        (Dog | Cat, {"omit_if_default": True}),
        (Person | WithA | Book, {}),
    ],
)
def test_union_that_nothing_tells_is_refused(kind: Any, options: dict[str, Any]) -> None:
    """It is refused when the decoder is built, and the message names the classes."""
    with pytest.raises(UsageWireError, match="no required JSON key and no Literal"):
        Decoder(kind, converter=make_converter(**options))


def test_strategies_of_cattrs_see_the_names() -> None:
    """`cattrs` finds the JSON keys of our hooks in their attribute `overrides`."""
    converter = make_converter()
    choose = create_default_dis_func(converter, ByX, ByY)

    assert [ByX, ByY] == [choose({"x": 1}), choose({"y": 1})]


@frozen
class Named(Generic[T]):
    kind: T
    n: int


def test_two_types_of_one_class(loads: Loads) -> None:
    """Each is written by the member that takes its values."""
    union = Named[Literal["a"]] | Named[Literal["b"]]
    for record in (Named("a", 1), Named("b", 2)):
        assert record == loads(dumps(record, type=union), union)
        assert [record] == loads(dumps([record], type=list[union]), list[union])
    with pytest.raises(EncodeError):
        dumps(Named("c", 1), type=union)


def test_every_spelling_of_the_tag(loads: Loads) -> None:
    """A Literal may have several keys, as any field."""
    names = {"kind": ("type", "kind")}
    converter = make_converter(names={Dog: names, Cat: names})
    for key in ("type", "kind"):
        data = f'{{"n":1,"{key}":"cat"}}'
        assert Cat(1) == loads(data, Dog | Cat, converter=converter)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Annotated[int | str, "x"] | list[int], ["5", '"a"', "[1]"]),
        (Annotated[int | None, "x"] | str, ["5", "null", '"a"']),
    ],
)
def test_a_union_inside_a_union(loads: Loads, kind: Any, values: list[str]) -> None:
    """It takes the JSON types of all its members."""
    for value in values:
        assert value == dumps(loads(value, kind), type=kind).decode()


@pytest.mark.parametrize(
    "kind",
    [
        NewType("A", Dog) | Annotated[Cat, "a cat"],
        Annotated[Dog, "a dog"] | Cat | None,
        NewType("B", Annotated[Dog, "a dog"]) | NewType("C", Cat),  # type: ignore[valid-newtype]
    ],
)
def test_named_classes_in_a_union(loads: Loads, kind: Any) -> None:
    """They are distinguished as the classes themselves, and so are those of a field."""
    holder = make_class("Holder", {"pet": field(type=kind), "pets": field(type=list[kind])})
    for pet in (Dog(1), Cat(2)):
        assert pet == loads(dumps(pet, type=kind), kind)
        held = holder(pet, [pet])
        assert held == loads(dumps(held), holder)
    with pytest.raises(DecodeError) as caught:
        loads(b'{"type":"cow","n":1}', kind)
    assert ("wrong_tag", "$.type") == (caught.value.code, caught.value.path)


def test_a_named_class_with_a_hook(loads: Loads) -> None:
    """A hook of a `NewType` is not passed over: the union needs a hook then."""
    Named = NewType("Named", KeepsX)
    converter = make_converter()
    converter.register_structure_hook_func(
        lambda kind: kind is Named, lambda value, _: KeepsX(value["x"] + 1)
    )
    with pytest.raises(UsageWireError, match="register a structure hook"):
        loads(b'{"x":1}', Named | KeepsY, converter=converter)


@frozen
class KeepsX:
    x: int
    additional_properties: Mapping[str, Any] = field(factory=dict)


@frozen
class KeepsY:
    y: int
    additional_properties: Mapping[str, Any] = field(factory=dict)


def test_unknown_keys_do_not_change_the_class(loads: Loads) -> None:
    """A record that would be read as another member is refused."""
    union = KeepsX | KeepsY
    good = KeepsY(1, {"z": 2})
    assert good == loads(dumps(good, type=union), union)
    both = KeepsX(1, {"y": 2})
    assert both == loads(dumps(both, type=union), union)
    with pytest.raises(EncodeError):
        dumps(KeepsY(1, {"x": 2}), type=union)


class Kind(Enum):
    CAR = "car"
    BUS = "bus"


@frozen
class Car:
    n: int
    kind: Literal[Kind.CAR] = Kind.CAR


@frozen
class Bus:
    n: int
    kind: Annotated[Literal[Kind.BUS], "a bus"] = Kind.BUS


@frozen
class Bike:
    n: int
    kind: Final[Literal["bike", "trike"]] = "bike"


@pytest.mark.parametrize("record", [Car(1), Bus(2), Bike(3)])
def test_a_literal_of_enum_members_or_in_another_type_is_a_tag(loads: Loads, record: Any) -> None:
    """Its JSON values count, whatever it is wrapped in."""
    union = Car | Bus | Bike
    assert record == loads(dumps(record, type=union), union)
    assert Refused("wrong_tag", "$.kind") == outcome(loads, '{"n":1,"kind":"CAR"}', union)


@frozen
class Mixed:
    """A class with a Literal of several JSON types."""

    kind: Literal["a", 1]
    x: int


@frozen
class AlsoMixed:
    """Another one."""

    kind: Literal["b", 2]
    y: int


def test_literals_of_several_types_do_not_choose(loads: Loads) -> None:
    """A Literal chooses the class only if all its values are strings; here a key chooses."""
    assert Mixed(1, 5) == loads('{"kind":1,"x":5}', Mixed | AlsoMixed)
    assert AlsoMixed("b", 5) == loads('{"kind":"b","y":5}', Mixed | AlsoMixed)
