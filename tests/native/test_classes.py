"""Classes and hooks of users: C reads any class, and calls what it does not know."""

import functools
import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum, Flag
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypedDict

import attrs
import orjson
import pytest
from cattrs import Converter

from tests.support.comparing import exact
from tests.support.native import BY_C, Mutable, Point, compact, plan_of, slotted, writer_of
from tests.support.samples import DATA
from usagewire import Decoder, Encoder, make_converter
from usagewire.native import plans

pytestmark = BY_C


class NoSlots:
    """A class without slots."""


class Meta(type):
    """A metaclass."""


class Colour(Enum):
    """Values to choose from."""

    RED = "red"


class Flags(Flag):
    """Values to combine."""

    BOLD = 1


class Pair(NamedTuple):
    """Two items."""

    number: int
    text: str


class Keys(TypedDict):
    """One key."""

    x: int


@dataclass
class Data:
    """One field."""

    x: int


def made(name: str, kind: Any = int, body: dict[str, Any] | None = None, **options: Any) -> Any:
    """Return a class with a field `x`; the options are of the field, the bases or the class."""
    of_class = {"slots": True, "frozen": True, "bases": (object,)}
    of_class |= {key: options.pop(key) for key in (*of_class, "cache_hash") if key in options}
    fields = {"x": attrs.field(type=kind, **options.pop("x", {}))}
    fields |= {key: attrs.field(type=int, **given) for key, given in options.items()}
    return attrs.make_class(name, fields, class_body=body, auto_detect=True, **of_class)


def plus_one(record: Any, x: int | None = None) -> None:
    """Fill a record as an initializer that does more than attrs."""
    object.__setattr__(record, "x", (record.x if x is None else x) + 1)


def get_attribute(record: Any, name: str) -> Any:
    """Return an attribute, as `object` does."""
    return object.__getattribute__(record, name)


def set_attribute(record: Any, name: str, value: Any) -> None:
    """Set an attribute, as attrs does."""
    object.__setattr__(record, name, value)


set_attribute.__name__ = "_frozen_setattrs"  # as attrs calls it for a frozen class


Checked: Final = made("Checked", x={"validator": lambda *_: None})
Converted: Final = made("Converted", x={"converter": lambda value: value + 1})
PostInit: Final = made("PostInit", body={"__attrs_post_init__": plus_one})
PreInit: Final = made("PreInit", body={"__attrs_pre_init__": lambda _: None})
Unslotted: Final = made("Unslotted", slots=False)
Hashing: Final = made("Hashing", cache_hash=True)
OfNoSlots: Final = made("OfNoSlots", bases=(NoSlots,))
OnSet: Final = made("OnSet", frozen=False, body={"__setattr__": set_attribute})
New: Final = made("New", body={"__new__": lambda cls, *_, **__: object.__new__(cls)})
OwnInit: Final = made("OwnInit", body={"__init__": plus_one})
Eight: Final = made("Eight", y={"default": 8})
OtherInit: Final = made("OtherInit", y={"default": 7})
OtherInit.__init__ = Eight.__init__
BorrowedInit: Final = made("BorrowedInit", body={"__init__": Eight.__init__}, y={"default": 7})
Finalized: Final = made("Finalized", body={"__del__": lambda _: None})
Factory: Final = made("Factory", y={"factory": lambda: 7})
OfSelf: Final = made("OfSelf", y={"default": attrs.Factory(lambda s: s.x + 1, takes_self=True)})
NoInit: Final = made("NoInit", y={"default": 3, "init": False})
TooWide: Final = made("TooWide", **{f"f{i}": {"default": i} for i in range(64)})
Several: Final = made("Several", y={})


@attrs.frozen
class OfMeta(metaclass=Meta):
    x: int


@attrs.frozen
class Tree:
    x: int
    inner: "Tree | None" = None


Validating: Final = made("Validating", frozen=False, x={"validator": lambda *_: None})
Getting: Final = made("Getting", body={"__getattribute__": get_attribute})
TakesSelf: Final = made(
    "TakesSelf", x={"converter": attrs.Converter(lambda value, _: value, takes_self=True)}
)

UNKNOWN: Final = "is read by a hook that C does not know"
READ: Final[list[tuple[Any, str, Any]]] = [
    (Checked, "5", 5),
    (Converted, "5", 5),
    (PostInit, "5", 5),
    (PreInit, "5", 5),
    (Unslotted, "5", 5),
    (OfNoSlots, "5", 5),
    (Hashing, "5", 5),
    (OnSet, "5", 5),
    (New, "5", 5),
    (OwnInit, "5", 5),
    (OtherInit, "5", 5),
    (BorrowedInit, "5", 5),
    (OfMeta, "5", 5),
    (Finalized, "5", 5),
    (Factory, "5", 5),
    (OfSelf, "5", 5),
    (NoInit, "5", 5),
    (Tree, "5", 5),
    (made("Chosen", Literal[5, "s"]), "5", 5),
    (made("Coloured", Colour), '"red"', Colour.RED),
    (made("Keyed", dict[str, int]), '{"a":1}', {"a": 1}),
    (made("KeyedByColour", dict[Colour, int]), '{"red":1}', {Colour.RED: 1}),
    (made("Scalars", int | str), "5", 5),
    (made("Fixed", tuple[int, str]), '[5,"s"]', (5, "s")),
    (made("Several", set[int]), "[5]", {5}),
    (made("Frozen", frozenset[int]), "[5]", frozenset({5})),
    (Validating, "5", 5),
    (Getting, "5", 5),
    (TakesSelf, "5", 5),
    (made("Deep", list[Checked]), '[{"x":5}]', [Checked(5)]),
    (made("Dated", date), '"2026-11-30"', date(2026, 11, 30)),
    (made("Queue", deque[int]), "[5]", deque([5])),
    (made("Counted", Counter[str]), '{"a":5}', Counter(a=5)),
    (made("Named", Pair), '[5,"s"]', Pair(5, "s")),
    (made("Keys", Keys), '{"x":5}', {"x": 5}),
    (made("Data", Data), '{"x":5}', Data(5)),
    (made("Either", Checked | Several), '{"x":5,"y":6}', Several(5, 6)),
    (TooWide, "5", 5),
]
"""Classes, JSON for `x`, and the values of `x`."""


@pytest.mark.parametrize(("cls", "value", "x"), READ, ids=[cls.__name__ for cls, *_ in READ])
def test_class_is_read(cls: Any, value: str, x: Any) -> None:
    """C reads any class, and hands at most a field to the reference."""
    expected = cls(x)
    for kind, document, found in (
        (cls, f'{{"x":{value}}}', expected),
        (cls | None, f'{{ "x": {value} }}', expected),
        (list[cls], f'[{{"x":{value}}}]', [expected]),
    ):
        decoder = Decoder(kind)
        assert decoder.not_accelerated is None
        assert exact(found) == exact(plan_of(decoder).decode(document.encode()))
        assert exact(found) == exact(decoder.decode(document))
        assert exact([found]) == exact(decoder.decode_lines(document + "\n"))


CLASSES: Final = {"Mutable": Mutable} | globals()
CODE: Final = [json.loads(line) for line in (DATA / "class_code.ndjson").read_text().splitlines()]


@pytest.mark.parametrize("row", CODE, ids=lambda row: row["part"])
def test_making_instances(row: dict[str, Any]) -> None:
    """C fills the slots of a class, or calls it, as the table of the documentation says."""
    for name in row["classes"]:
        cls = CLASSES[name]
        decoder, converter = Decoder(cls), make_converter()
        _, classes, *_ = plans.lowered(converter.get_structure_hook(cls), cls)
        assert row["slots"] == classes[0].is_slots, name
        record = plan_of(decoder).decode(b'{"x":5}')
        assert exact(converter.structure({"x": 5}, cls)) == exact(record)
        assert (dict if row["how"] == "makes a dict" else cls) is type(record)


@pytest.mark.parametrize("kind", [Path, Flags, deque[int], None], ids=str)
def test_type_is_refused(kind: Any) -> None:
    """C does not read a type that is only a hook."""
    assert UNKNOWN in Decoder(kind).not_accelerated


@pytest.mark.parametrize(
    ("cls", "x"), [row[::2] for row in READ], ids=[one.__name__ for one, *_ in READ]
)
def test_class_is_written(cls: Any, x: Any) -> None:
    """C writes any class, and calls the hook of a field that it does not know."""
    encoder, record = Encoder(), cls(x)
    expected = orjson.dumps(make_converter().unstructure(record))

    assert encoder.not_accelerated(cls) is None
    assert expected == writer_of(encoder).encode(record) == encoder.encode(record)
    assert (expected + b"\n", 1) == writer_of(encoder).encode_lines([record], 0)


def wrapped(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hook that adds 1 to an int and has the name of the wrapped one."""

    @functools.wraps(hook)
    def more(value: Any, kind: Any = None) -> Any:
        found = hook(value, kind)
        return found + 1 if type(found) is int else found

    return more


@pytest.mark.parametrize("kind", [int, int | None, Point, list[int]], ids=str)
@pytest.mark.parametrize("wraps", [True, False])
def test_registered_hook_is_called(kind: Any, wraps: bool) -> None:
    """C calls a registered hook, also one that wraps the hook of usagewire."""
    converter = make_converter()
    hook = converter.get_structure_hook(kind)
    mine = wrapped(hook) if wraps else lambda value, _: hook(value, kind)
    if kind in (int, Point):
        converter.register_structure_hook(kind, mine)
    else:
        converter.register_structure_hook_func(lambda asked: asked == kind, mine)
    value = {"x": 5} if kind is Point else [5] if kind == list[int] else 5
    decoder = Decoder(slotted("Holder", v=kind), converter=converter)

    assert decoder.not_accelerated is None
    expected = 6 if wraps and value == 5 else hook(value, kind)
    assert exact(expected) == exact(plan_of(decoder).decode(compact({"v": value})).v)


def test_hook_for_a_class_in_writing() -> None:
    """Encoders call a hook that is registered after or before they first use the converter."""
    converter = make_converter()
    before, record = Encoder(converter=converter), Point(5)
    assert before.not_accelerated(Point) is None
    assert b'{"x":5,"note":""}' == before.encode(record)
    assert b'{"x":5,"note":""}\n' == before.encode_lines([record])
    converter.register_unstructure_hook(Point, lambda point: point.x)
    after = Encoder(converter=converter)

    for encoder in (before, after):
        assert [b"5", b"5\n5\n"] == [encoder.encode(record), encoder.encode_lines([record] * 2)]
        assert "a hook that C does not know" in encoder.not_accelerated(Point)


def test_hook_for_a_field_in_writing() -> None:
    """An encoder calls a hook for the type of a field that is registered later."""
    converter = make_converter()
    encoder = Encoder(converter=converter)
    encoder.encode_lines([Point(5)])
    converter.register_unstructure_hook(int, str)

    assert b'{"x":"5","note":""}\n' == encoder.encode_lines([Point(5)])


@pytest.mark.parametrize("strict", [True, False])
def test_new_converter_is_accelerated(strict: bool) -> None:
    """A decoder with a converter of `make_converter` is accelerated, one of cattrs is not."""
    converter = make_converter(strict=strict, names={Point: {"x": "ex"}})
    decoder = Decoder(Point, converter=converter)

    assert decoder.not_accelerated is None
    assert Point(5) == plan_of(decoder).decode(b'{"ex":5}')
    assert Decoder(int, converter=Converter()).not_accelerated is not None
