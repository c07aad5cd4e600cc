"""Classes and hooks whose code C could miss, run too often, or show what it must not see."""

import dataclasses
import gc
import types
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import attrs
import pytest

from tests.support.comparing import exact
from tests.support.native import BY_C, meant, plan_of
from usagewire import (
    DecodeError,
    Decoder,
    EncodeError,
    Encoder,
    UsageResult,
    UsageWireError,
    make_converter,
)
from usagewire.wire.exact_json import parse

pytestmark = BY_C


def sorted_keys(extra: dict[str, Any]) -> tuple[str, ...]:
    """Return the unknown keys, after the memory of some dicts was used again."""
    assert len([{"a": 1} for _ in range(300)]) == 300
    return tuple(sorted(extra))


def test_converter_of_unknown_keys() -> None:
    """An attrs converter may replace the dict of unknown keys."""

    @attrs.define
    class Kept:
        a: int
        additional_properties: Any = attrs.field(factory=dict, converter=sorted_keys)

    lines = b'{"a":1,"b":[1,2],"c":{"d":1}}\n' * 100
    assert [Kept(1, {"b": 0, "c": 0})] * 100 == Decoder(Kept).decode_lines(lines)


WIDE: Final = attrs.make_class(
    "Wide", {f"f{i}": attrs.field(type=int, default=0) for i in range(70)}
)


@attrs.define
class One:
    x: int


REJECTED: Final = [
    (WIDE, b'{"f66":"bad"}'),
    (WIDE, b'{"f2":"bad"}'),
    (dict[str, One], b'{"a":{"x":"bad"}}'),
]
ACCEPTED: Final = [
    (dict[str, One], b'{"a":{"x":"bad"},"a":{"x":1}}'),
    (dict[str, One] | None, b'{"a":{},"a":{"x":1}}'),
    (list[dict[str, One]], b'[{"a":{"x":"bad"},"a":{"x":1}}]'),
]


@pytest.mark.parametrize("on_error", ["skip", "collect"])
@pytest.mark.parametrize(("kind", "line"), REJECTED + ACCEPTED)
def test_no_line_is_lost(kind: Any, line: bytes, on_error: Any) -> None:
    """A line is counted as rejected only if the reference rejects it."""
    decoder = Decoder(kind, on_error=on_error)
    found = decoder.decode_lines(line + b"\n")
    rejected = (kind, line) in REJECTED
    assert rejected == decoder.counts.rejected
    assert rejected or meant(kind, line) == exact(found[0])


@dataclasses.dataclass
class Data:
    a: int
    additional_properties: dict[str, Any] = dataclasses.field(default_factory=dict)


class Node(NamedTuple):
    v: int
    next: "Node | None" = None


@attrs.define(init=False)
class Optional:
    """Takes unknown keys, and says if it did not get them."""

    a: int
    additional_properties: Any = None

    def __init__(self, a: int, additional_properties: Any = "none") -> None:
        self.a, self.additional_properties = a, additional_properties


@attrs.define(init=False)
class Required:
    """The same, but the attribute has no default."""

    a: int
    additional_properties: Any

    def __init__(self, a: int, additional_properties: Any = "none") -> None:
        self.a, self.additional_properties = a, additional_properties


@attrs.define
class Static:
    """Has a static method that runs after the slots are filled."""

    a: int

    @staticmethod
    def __attrs_post_init__() -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Data, b'{"a":1,"b":2}'),
        (Node, b"[1,[2,null]]"),
        (Optional, b'{"a":1}'),
        (Required, b'{"a":1}'),
        (Required, b'{"a":1,"b":2}'),
        (Static, b'{"a":1}'),
    ],
)
def test_classes_that_are_called(kind: Any, text: bytes) -> None:
    """The constructor gets what the reference gives it."""
    decoder = Decoder(kind)
    expected = make_converter().structure(parse(text), kind)
    assert decoder.not_accelerated is None
    assert exact(expected) == exact(plan_of(decoder).decode(text))


def test_records_with_a_setter_are_tracked() -> None:
    """The collector sees a record that can be changed, and so can be in a cycle."""

    @attrs.define(on_setattr=lambda _, __, value: value)
    class Changed:
        x: Any = attrs.field(type=None)
        y: int = 0

    record = Decoder(Changed).decode_lines(b'{"x":1}\n')[0]
    assert gc.is_tracked(record)


def test_unknown_rows_in_class_code() -> None:
    """Unknown rows that a converter of a class reads are counted."""
    converter = make_converter()

    @attrs.define
    class Report:
        row: Any = attrs.field(converter=lambda value: converter.structure(value, UsageResult))

    decoder = Decoder(Report)
    text = b'{"row":{"object":"organization.usage.new.result"}}'
    decoder.decode(text)
    decoder.decode_lines(text + b"\n")
    assert 2 == decoder.counts.unknown


def test_leniencies_of_a_given_converter() -> None:
    """With lenient conversion C calls no hooks, so each leniency is reported once."""
    used: list[None] = []
    converter = make_converter(strict=False, on_lenient=lambda: used.append(None))

    @attrs.define
    class Queue:
        q: deque[int]
        z: int

    lines = b'{"q":["5"],"z":"7"}\n{"q":["5"],"z":"7","z":1}\n'
    Decoder(Queue, converter=converter).decode_lines(lines)
    assert 3 == len(used)


@attrs.define
class Card:
    kind: Literal["card"]
    iban: str = ""


@attrs.define
class Transfer:
    iban: str
    kind: Literal["transfer"] = "transfer"


@pytest.mark.parametrize("last", ["card", "transfer", "other"])
def test_literal_that_comes_twice(last: str) -> None:
    """The last of two equal keys decides between the classes of a union."""
    names = {Card: {"kind": ("type", "kind")}, Transfer: {"kind": "type"}}
    converter = make_converter(names=names)
    text = f'{{"kind":"transfer","iban":"x","kind":"{last}"}}'.encode()
    answers: list[Any] = []
    for read in (
        Decoder(Card | Transfer, converter=converter).decode,
        lambda data: converter.structure(parse(data), Card | Transfer),
    ):
        try:
            answers.append(exact(read(text)))
        except DecodeError as error:
            answers.append((error.code, error.path))
    assert answers[0] == answers[1]


class Leaf:
    """A class with hooks of the user's that use the library again."""

    def __init__(self, depth: int) -> None:
        self.depth = depth


@attrs.define
class Holder:
    a: int
    p: Leaf


def nested_calls(depth: int) -> tuple[int, int]:
    """Return the calls of hooks in reading and writing, when the innermost raises."""
    calls = {"read": 0, "written": 0}
    converter = make_converter()

    def read(value: Any, _: Any) -> Any:
        calls["read"] += 1
        return decoder.decode(b'{"a":1,"p":%d}' % (value - 1)) if value else int("x")

    def write(value: Leaf) -> Any:
        calls["written"] += 1
        return (
            encoder.encode(Holder(1, Leaf(value.depth - 1))).decode() if value.depth else int("x")
        )

    converter.register_structure_hook(Leaf, read)
    converter.register_unstructure_hook(Leaf, write)
    decoder, encoder = Decoder(Holder, converter=converter), Encoder(converter=converter)
    with pytest.raises(UsageWireError):
        decoder.decode(b'{"a":1,"p":%d}' % depth)
    with pytest.raises(EncodeError):
        encoder.encode(Holder(1, Leaf(depth)))
    return calls["read"], calls["written"]


def test_hooks_that_use_the_library() -> None:
    """Hooks inside hooks do not run twice as often at each level."""
    assert max(nested_calls(10)) < 200


@attrs.define
class Chain:
    n: "Chain | None"
    p: Leaf | None
    additional_properties: Any


def test_records_that_only_the_reference_writes() -> None:
    """A record inside others is not written again by the hook of each of them."""
    calls: list[Leaf] = []
    converter = make_converter()
    converter.register_unstructure_hook(Leaf, lambda leaf: calls.append(leaf) or 1)
    converter.register_structure_hook(Leaf, lambda value, _: value)
    record = Chain(None, Leaf(0), types.MappingProxyType({"a": 1}))
    for _ in range(50):
        record = Chain(record, None, types.MappingProxyType({"a": 1}))
    assert Encoder(converter=converter).encode(record).startswith(b'{"n":{"n":')
    assert len(calls) <= 3


def test_names_of_arguments_are_shared() -> None:
    """The names of arguments are interned, as CPython compares them by their address first."""
    names: list[str] = []

    @attrs.define(init=False)
    class Named:
        _x: int

        def __init__(self, **given: int) -> None:
            names.extend(given)
            self.__attrs_init__(**given)

    Decoder(Named).decode(b'{"x":1}')
    plan: Callable[..., Any] = plan_of(Decoder(Named)).decode
    plan(b'{"x":1}')
    assert names[-1] is "x"[:]


@attrs.define
class Dog:
    type: Literal["dog"]
    name: str = ""


@attrs.define
class Cat:
    type: Literal["cat"]
    name: str = ""


def test_union_with_another_key_that_looks_like_a_tag() -> None:
    """The key `object` decides only in a union of classes with tags."""
    plan = plan_of(Decoder(Dog | Cat))
    assert Dog("dog") == plan.decode(b'{"object":"cat","type":"dog"}')
    assert Cat("cat", "Tom") == plan.decode(b'{"object":"dog","name":"Tom","type":"cat"}')


@attrs.define
class Left:
    object: Literal["left"]
    x: int = 0


@attrs.define
class Right:
    object: Literal["right"]
    x: int = 0


def test_union_with_the_tag_in_a_field() -> None:
    """A field with the key `object` is read, although it also chooses the class."""
    plan = plan_of(Decoder(Left | Right))
    assert Right("right", 5) == plan.decode(b'{"object":"right","x":5}')
    assert Left("left") == plan.decode(b'{"x":0,"object":"left"}')


def test_validators_see_tracked_records() -> None:
    """The collector sees a record of numbers before its validator, which may keep it."""
    seen: list[bool] = []

    @attrs.frozen
    class Number:
        x: int = attrs.field(validator=lambda record, *_: seen.append(gc.is_tracked(record)))

    plan_of(Decoder(Number)).decode(b'{"x":5}')
    assert [True] == seen
