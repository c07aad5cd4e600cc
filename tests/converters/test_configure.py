"""Converters and users' classes: all that attrs and cattrs can do, and what is refused."""

import collections
import dataclasses
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar

import attrs
import pytest
from cattrs import Converter
from cattrs.gen import override
from cattrs.preconf.orjson import make_converter as make_orjson_converter

from tests.support.comparing import Refused, exact, expect, outcome
from tests.support.paths import Way
from tests.support.samples import COSTS, VECTORS, row, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
    DecodeError,
    EncodeError,
    Encoder,
    UnknownResult,
    UsageObject,
    UsageTimeBucket,
    UsageVectorStoresResult,
    UsageWireError,
    configure_converter,
    dumps,
    make_converter,
)

Loads = Callable[..., Any]
T = TypeVar("T")


# --- classes of any make ---------------------------------------------------------------------


@attrs.frozen
class Frozen:
    """Frozen and slotted."""

    x: int
    y: str | None = None


@attrs.define
class Mutable:
    """Slotted, and its fields can be set."""

    x: int
    y: str | None = None


@attrs.frozen(slots=False)
class Unslotted:
    """Frozen, with a dict."""

    x: int
    y: str | None = None


@attrs.define(slots=False)
class Ordinary:
    """With a dict, and its fields can be set."""

    x: int
    y: str | None = None


@attrs.frozen(kw_only=True)
class KeywordOnly:
    """Made by keyword."""

    x: int
    y: str | None = None


@attrs.frozen
class Child(Frozen):
    """A class that inherits its fields."""

    z: int = 3


@attrs.frozen
class OfPlainBase(Frozen):
    """A class whose base is not attrs all the way."""


class PlainChild(Frozen):
    """A subclass that attrs did not make."""

    __slots__ = ()


@attrs.frozen(eq=True, weakref_slot=False)
class WithoutWeakref:
    """Without a weakref slot."""

    x: int
    y: str | None = None


@attrs.frozen(cache_hash=True)
class Hashed:
    """With a hash that is kept."""

    x: int
    y: str | None = None


@attrs.define(init=False)
class OwnInit:
    """With an `__init__` of its own."""

    x: int
    y: str | None = None

    def __init__(self, x: int, y: str | None = None) -> None:
        self.__attrs_init__(x, y)


class Registering:
    """A base that looks at its subclasses."""

    __slots__ = ()
    names: Final[list[str]] = []

    def __init_subclass__(cls) -> None:
        Registering.names.append(cls.__name__)


@attrs.frozen
class Registered(Registering):
    """A class whose base looks at it."""

    x: int
    y: str | None = None


MADE = (
    *(Frozen, Mutable, Unslotted, Ordinary, KeywordOnly, Child, OfPlainBase, PlainChild),
    *(WithoutWeakref, Hashed, OwnInit, Registered),
)
every_make = pytest.mark.parametrize("cls", MADE, ids=lambda cls: cls.__name__)


@every_make
def test_make(loads: Loads, cls: Any) -> None:
    """A class of any make is read and written like any other."""
    record = loads('{"y":"s","x":5,"later":1}', cls)

    assert exact(cls(x=5, y="s")) == exact(record)
    assert (cls, hash(cls(x=5)) if cls.__hash__ else None) == (
        type(record),
        hash(loads('{"x":5}', cls)) if cls.__hash__ else None,
    )
    assert record == loads(dumps(record), cls)


@every_make
@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{}", Refused("missing_field", "$.x")),
        ('{"x":true}', Refused("wrong_type", "$.x")),
        ('{"x":1,"y":5}', Refused("wrong_type", "$.y")),
        ("[]", Refused("syntax", "$")),
    ],
)
def test_make_refuses(loads: Loads, cls: Any, document: str, expected: Refused) -> None:
    """A class of any make is as strict as any other."""
    assert expected == outcome(loads, document, cls)


def test_reading_makes_no_subclass(loads: Loads) -> None:
    """Reading a class does not call its base's `__init_subclass__` again."""
    loads('{"x":5}', Registered)

    assert ["Registered"] == sorted(set(Registering.names))
    assert len(Registering.names) <= 2  # attrs makes a slotted class a second time


def test_frozen_stays_frozen(loads: Loads) -> None:
    """A record that was read is as frozen as one that was made."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        loads('{"x":5}', Frozen).x = 6


# --- what a constructor does besides storing -------------------------------------------------


@attrs.frozen
class Validated:
    """With a validator."""

    x: int = attrs.field(validator=attrs.validators.lt(10))


@attrs.frozen
class Converted:
    """With a converter, which gets what the type's hook made."""

    x: int = attrs.field(converter=lambda value: value + 1)


@attrs.frozen
class Checked:
    """With an `__attrs_post_init__`."""

    x: int
    doubled: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "doubled", 2 * self.x)


@attrs.frozen
class Prepared:
    """With an `__attrs_pre_init__`."""

    x: int
    calls = 0

    def __attrs_pre_init__(self) -> None:
        type(self).calls += 1


@attrs.frozen
class Made:
    """With defaults that are made."""

    x: int = 1
    items: list[int] = attrs.Factory(list)
    double: int = attrs.Factory(lambda self: 2 * self.x, takes_self=True)


@attrs.frozen
class Private:
    """With a private attribute and one that is not set by the constructor."""

    _x: int
    y: int = attrs.field(init=False, default=7)


@attrs.define
class SetHook:
    """With an `on_setattr` hook, which the constructor does not call."""

    x: int = attrs.field(on_setattr=attrs.setters.validate, validator=attrs.validators.lt(10))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"x":5}', Validated(5)),
        ('{"x":5}', Converted(5)),
        ('{"x":5}', Checked(5)),
        ('{"x":5}', Prepared(5)),
        ("{}", Made()),
        ('{"x":5}', Made(5, [], 10)),
        ('{"x":5,"items":[1],"double":0}', Made(5, [1], 0)),
        ('{"x":5}', Private(5)),
        ('{"x":5}', SetHook(5)),
    ],
    ids=lambda value: type(value).__name__ if attrs.has(type(value)) else "",
)
def test_constructor(loads: Loads, document: str, expected: Any) -> None:
    """What a constructor does is done: validators, converters, hooks and factories."""
    assert exact(expected) == exact(loads(document, type(expected)))


def test_converted_is_written_as_it_is(loads: Loads) -> None:
    """A converter of attrs is of reading; the value is written as it stands."""
    assert b'{"x":6}' == dumps(loads('{"x":5}', Converted))


def test_pre_init_is_called(loads: Loads) -> None:
    """`__attrs_pre_init__` is called once a record."""
    before = Prepared.calls
    loads('{"x":5}', Prepared)

    assert before + 1 == Prepared.calls


def test_factories_make_anew(loads: Loads) -> None:
    """A default that is made is made for each record."""
    one, other = loads("[{},{}]", list[Made])

    assert one.items is not other.items


def test_validator_refuses(path: Way) -> None:
    """What a validator refuses is a bad value of the whole object, and says why."""
    decoder = path.Decoder(list[Validated], on_error="collect")
    decoder.decode_lines('[{"x":5},{"x":50}]')

    assert [("bad_value", "$[1]")] == [(one.code, one.path) for one in decoder.rejections]
    assert "must be < 10" in decoder.rejections[0].message


def test_prefer_attrib_converters(path: Way) -> None:
    """With `prefer_attrib_converters` the converter of attrs gets the JSON value itself."""

    @attrs.frozen
    class Parsed:
        x: int = attrs.field(converter=int)

    converter = make_converter(prefer_attrib_converters=True)

    assert Parsed(5) == path.Decoder(Parsed, converter=converter).decode('{"x":"5"}')
    assert Refused("wrong_type", "$.x") == outcome(path.loads, '{"x":"5"}', Parsed)


# --- generic, recursive, inherited -----------------------------------------------------------


@attrs.frozen
class Box(Generic[T]):
    """A generic class."""

    item: T
    items: list[T] = attrs.Factory(list)


def test_generic(loads: Loads) -> None:
    """A generic class is read with its arguments filled in, side by side with others."""
    assert Box(5, [6]) == loads('{"item":5,"items":[6]}', Box[int])
    assert Box("s") == loads('{"item":"s"}', Box[str])
    assert Box(Frozen(5)) == loads('{"item":{"x":5}}', Box[Frozen])
    assert Refused("wrong_type", "$.items[0]") == outcome(
        loads, '{"item":5,"items":["s"]}', Box[int]
    )


@attrs.frozen
class Tree:
    """A class inside itself."""

    n: int
    children: "tuple[Tree, ...]" = ()
    other: "Tree | None" = None


def test_recursive(loads: Loads) -> None:
    """A class inside itself is read to any depth, and errors have the whole path."""
    tree = Tree(1, (Tree(2, (Tree(3),)), Tree(4)), Tree(5))

    assert tree == loads(dumps(tree), Tree)
    assert Refused("wrong_type", "$.children[0].other.n") == outcome(
        loads, '{"n":1,"children":[{"n":2,"other":{"n":"x"}}]}', Tree
    )


@attrs.frozen
class Left:
    """One of two classes inside each other."""

    right: "Right | None" = None


@attrs.frozen
class Right:
    """The other of two classes inside each other."""

    left: Left | None = None


def test_mutually_recursive(loads: Loads) -> None:
    """Two classes inside each other are read."""
    record = Left(Right(Left(Right())))

    assert record == loads(dumps(record), Left)
    assert Refused("wrong_type", "$.right.left.right") == outcome(
        loads, '{"right":{"left":{"right":5}}}', Left
    )


def test_unresolvable(loads: Loads) -> None:
    """A class whose annotations cannot be resolved is refused."""

    @attrs.frozen
    class Lost:
        x: "Nowhere"  # type: ignore[name-defined]  # noqa: F821 -- that is the point

    with pytest.raises(UsageWireError, match="Nowhere"):
        loads("{}", Lost)


# --- types of fields -------------------------------------------------------------------------


class Colour(StrEnum):
    """An enum of str."""

    RED = "red"


class Level(IntEnum):
    """An enum of int."""

    HIGH = 1


class Mixed(Enum):
    """An enum of anything."""

    ONE = 1
    RED = "red"


class Old(str, Enum):  # noqa: UP042 -- as it is written where Python may be older than 3.11
    """An enum of str, made as before Python 3.11."""

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
    (Any, "1e30", Refused("out_of_range")),
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
    """A type takes its own JSON, by value and type, and refuses the rest."""
    assert expect(expected) == outcome(loads, document, kind)


@pytest.mark.parametrize(
    ("kind", "document", "expected"),
    [(kind, doc, one) for kind, doc, one in TYPES if not isinstance(one, Refused)],
)
def test_type_of_a_field(loads: Loads, kind: Any, document: str, expected: Any) -> None:
    """A field of such a type is read, and what is written of it reads back equal."""
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
    """A field that holds what its type cannot read back is refused at its place."""
    cls = attrs.make_class("Holder", {"x": attrs.field(type=kind)}, frozen=True)
    with pytest.raises(EncodeError) as caught:
        dumps(cls(value))

    assert caught.value.path.startswith("$.x")


class Named(NamedTuple):
    """A named tuple."""

    x: int


class Typed(TypedDict):
    """A typed dict."""

    x: int


@dataclasses.dataclass
class Data:
    """A dataclass."""

    x: int


@attrs.frozen
class HasData:
    """A class with a dataclass in a field."""

    data: list[Data]


REFUSED = (
    *(Data, HasData, Typed, Named, collections.deque, collections.deque[int]),
    *(dict[int, str], Mapping[int, str], MutableMapping[str, int], collections.Counter[str]),
    *(collections.defaultdict[str, int], Iterable[int], object, complex, bytearray, "Frozen", 5),
    *(Decimal | str, Frozen | int, Literal["a"] | int, list[int] | dict[str, int]),
    Annotated[Data, "x"] | None,
)


@pytest.mark.parametrize("kind", REFUSED, ids=str)
def test_type_refused(path: Way, kind: Any) -> None:
    """A type that could not be read strictly is refused when the decoder is built."""
    with pytest.raises(UsageWireError):
        path.Decoder(kind)


# --- unions of users' classes ----------------------------------------------------------------


@attrs.frozen
class WithA:
    """Told by `a`."""

    a: int


@attrs.frozen
class WithB:
    """Told by `b`."""

    b: int


def test_union_without_tags(loads: Loads) -> None:
    """Classes without tags are told apart by the fields that only one requires."""
    union = WithA | WithB

    assert [WithA(1), WithB(2)] == loads('[{"a":1},{"b":2}]', list[union])
    assert "bad_value" == outcome(loads, "{}", union).code
    assert Refused("wrong_type", "$.a") == outcome(loads, '{"a":"x"}', union)


# --- hooks of users --------------------------------------------------------------------------


@attrs.frozen
class Timed:
    """A class with a time."""

    at: datetime
    x: int = 0


def seconds(value: Any, _: Any) -> datetime:
    """Return the time of Unix seconds."""
    return datetime.fromtimestamp(value, UTC)


@pytest.mark.parametrize("make", [make_converter, "configured"], ids=["made", "configured"])
def test_hook_of_a_type(path: Way, make: Any) -> None:
    """A hook that is registered for a type comes first, in either direction."""
    converter = Converter() if make == "configured" else make()
    if make == "configured":
        configure_converter(converter)
    converter.register_structure_hook(datetime, seconds)
    converter.register_unstructure_hook(datetime, lambda value: int(value.timestamp()))
    record = Timed(datetime(2026, 8, 1, tzinfo=UTC))
    data = Encoder(converter=converter).encode(record)

    assert b'{"at":1785542400,"x":0}' == data
    assert record == path.Decoder(Timed, converter=converter).decode(data)


def test_datetime_of_cattrs(loads: Loads) -> None:
    """Without a hook, a time is what cattrs makes it for orjson: an ISO 8601 string."""
    record = Timed(datetime(2026, 8, 1, tzinfo=UTC))

    assert record == loads(dumps(record), Timed)
    assert "bad_value" == outcome(loads, '{"at":5}', Timed).code


def test_hook_of_a_scalar(path: Way) -> None:
    """Even the hook of int can be replaced, plain values included."""
    converter = make_converter()
    converter.register_structure_hook(int, lambda value, _: value * 2)

    assert Frozen(10) == path.Decoder(Frozen, converter=converter).decode('{"x":5}')


def test_hook_of_a_class(path: Way) -> None:
    """A hook for a class comes before ours, wherever the class stands."""
    converter = make_converter()
    converter.register_structure_hook(Frozen, lambda value, _: Frozen(value))
    converter.register_unstructure_hook(Frozen, lambda value: value.x)
    decoder = path.Decoder(list[Frozen], converter=converter)

    assert [Frozen(5)] == decoder.decode("[5]")
    assert b"[5]" == Encoder(converter=converter).encode([Frozen(5)])


def test_hook_of_a_row(path: Way) -> None:
    """A hook for one of our classes is used in unions and buckets too."""
    converter = make_converter()
    converter.register_structure_hook(
        UsageVectorStoresResult, lambda _, __: UsageVectorStoresResult(usage_bytes=0)
    )
    bucket = {"object": "bucket", "start_time": 1, "end_time": 2, "results": [row(usage_bytes=9)]}
    decoder = path.Decoder(converter=converter)

    assert 0 == decoder.decode(text(row(usage_bytes=9))).usage_bytes
    assert 0 == decoder.decode(text(bucket)).results[0].usage_bytes


def test_hook_of_a_union(path: Way) -> None:
    """A hook for a union comes before ours."""
    union = WithA | WithB | int
    converter = make_converter()
    converter.register_structure_hook(
        union, lambda value, _: value if isinstance(value, int) else WithA(0)
    )
    decoder = path.Decoder(list[union], converter=converter)

    assert [5, WithA(0)] == decoder.decode('[5,{"b":1}]')


def test_hook_of_a_tagged_union(path: Way) -> None:
    """A hook for the union of all rows comes before ours."""
    converter = make_converter()
    converter.register_structure_hook(UsageObject, lambda value, _: len(value))

    assert 2 == path.Decoder(converter=converter).decode('{"a":1,"b":2}')


def test_hook_of_a_factory(path: Way) -> None:
    """A hook factory that is registered later comes first."""
    converter = make_converter()
    converter.register_structure_hook_factory(
        lambda kind: kind is Data, lambda _: lambda value, __: Data(value["x"])
    )

    assert HasData([Data(5)]) == path.Decoder(HasData, converter=converter).decode(
        '{"data":[{"x":5}]}'
    )


@attrs.frozen
class Hooked:
    """A class with hooks in its annotations."""

    x: Annotated[
        int, override(struct_hook=lambda value, _: int(value, 16), unstruct_hook=lambda v: f"{v:x}")
    ]


def test_hook_of_a_field(loads: Loads) -> None:
    """`override(struct_hook=, unstruct_hook=)` is for one field."""
    assert Hooked(255) == loads('{"x":"ff"}', Hooked)
    assert b'{"x":"ff"}' == dumps(Hooked(255))
    assert Refused("bad_value", "$.x") == outcome(loads, '{"x":"zz"}', Hooked)


def test_hook_of_a_field_by_name(path: Way) -> None:
    """`names=` takes an override with hooks for a field of any class, ours too."""
    names = {
        UsageVectorStoresResult: {
            "usage_bytes": override(
                struct_hook=lambda value, _: value // 1024, unstruct_hook=lambda value: value * 1024
            )
        }
    }
    converter = make_converter(names=names)
    record = path.Decoder(converter=converter).decode(text(row(usage_bytes=2048)))

    assert UsageVectorStoresResult(usage_bytes=2) == record
    assert {"object": VECTORS, "usage_bytes": 2048} == converter.unstructure(record)


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyError("no"), UsageWireError("no")], ids=repr
)
def test_hook_that_fails(path: Way, error: Exception) -> None:
    """What a hook raises is a bad value at its place, and says why."""

    def refuse(_value: Any, _: Any) -> Any:
        raise error

    converter = make_converter()
    converter.register_structure_hook(datetime, refuse)
    with pytest.raises(DecodeError, match="no") as caught:
        path.Decoder(list[Timed], converter=converter).decode('[{"at":5}]')

    assert ("bad_value", "$[0].at") == (caught.value.code, caught.value.path)


def test_hook_that_refuses_in_our_words(path: Way) -> None:
    """A hook may raise a `DecodeError` of its own code, which gains the place."""

    def refuse(_value: Any, _: Any) -> Any:
        raise DecodeError("out_of_range", "not in this century")

    converter = make_converter()
    converter.register_structure_hook(datetime, refuse)

    assert Refused("out_of_range", "$.at") == outcome(
        path.Decoder(Timed, converter=converter).decode, '{"at":5}'
    )


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("error", [ValueError("no"), UsageWireError("no")], ids=repr)
def test_writing_hook_that_fails(error: Exception) -> None:
    """What a writing hook raises is an `EncodeError` at its place."""

    def refuse(_value: Any) -> Any:
        raise error

    converter = make_converter()
    converter.register_unstructure_hook(datetime, refuse)
    record = [Timed(datetime(2026, 8, 1, tzinfo=UTC))]
    with pytest.raises(EncodeError, match="no") as caught:
        Encoder(converter=converter).encode_lines(record)

    assert "$[0].at" == caught.value.path


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_writing_hook_that_is_interrupted(error: type[BaseException]) -> None:
    """An interrupt in a writing hook passes as it is."""

    def interrupt(_value: Any) -> Any:
        raise error

    converter = make_converter()
    converter.register_unstructure_hook(datetime, interrupt)
    with pytest.raises(error):
        Encoder(converter=converter).encode([Timed(datetime(2026, 8, 1, tzinfo=UTC))])


def test_detailed_validation_of_cattrs(path: Way) -> None:
    """An error group of cattrs, from a hook it made, is followed down to its first leaf."""
    inner = make_orjson_converter()
    converter = make_converter()
    converter.register_structure_hook(Data, lambda value, _: inner.structure(value, Data))

    assert Refused("bad_value", "$.data[1].x") == outcome(
        path.Decoder(HasData, converter=converter).decode, '{"data":[{"x":5},{"x":"a"}]}'
    )


# --- options of cattrs and of ours -----------------------------------------------------------


def test_forbid_extra_keys(path: Way) -> None:
    """`forbid_extra_keys` of cattrs is `unknown="forbid"`."""
    converter = make_converter(forbid_extra_keys=True)
    decoder = path.Decoder(Frozen | None, converter=converter)

    assert Refused("unknown_field", "$.z") == outcome(decoder.decode, '{"x":5,"z":1}')


@pytest.mark.usefixtures("path")
def test_omit_if_default() -> None:
    """`omit_if_default` of cattrs leaves out what is as its default."""
    converter = make_converter(omit_if_default=True)

    assert {"x": 5} == converter.unstructure(Child(5))
    assert {"x": 5, "y": "s"} == converter.unstructure(Child(5, "s"))
    assert {} == converter.unstructure(Made())
    assert {"double": 5} == converter.unstructure(Made(double=5))


@pytest.mark.usefixtures("path")
def test_omit_if_default_of_a_field() -> None:
    """`override(omit_if_default=)` is for one field."""
    converter = make_converter(names={Child: {"z": override(omit_if_default=True)}})

    assert {"x": 5, "y": None} == converter.unstructure(Child(5))


def test_omit(path: Way) -> None:
    """`override(omit=True)` keeps a field out of JSON, in either direction."""
    converter = make_converter(names={Child: {"z": override(omit=True)}}, unknown="forbid")
    decoder = path.Decoder(Child, converter=converter)

    assert {"x": 5, "y": None} == converter.unstructure(Child(5))
    assert Refused("unknown_field", "$.z") == outcome(decoder.decode, '{"x":5,"z":1}')


@pytest.mark.usefixtures("path")
def test_defaults_of_users_classes_are_written() -> None:
    """Of a user's class every field is written, nulls included."""
    assert b'{"x":5,"y":null,"z":3}' == dumps(Child(5))


def test_not_strict(path: Way) -> None:
    """A converter may be lenient, and tells each leniency."""
    told: list[int] = []
    converter = make_converter(strict=False, on_lenient=lambda: told.append(1))
    decoder = path.Decoder(list[Frozen], converter=converter)

    assert [Frozen(5), Frozen(6)] == decoder.decode('[{"x":"5"},{"x":6.0}]')
    assert 2 == len(told)


def test_lenient_without_being_told(path: Way) -> None:
    """Nobody needs to hear of leniencies."""
    converter = make_converter(strict=False)

    assert Frozen(5) == path.Decoder(Frozen, converter=converter).decode('{"x":"5"}')


@pytest.mark.parametrize("option", ["dialect", "unknown"])
def test_option_that_is_none(option: str) -> None:
    """An option that is not one is refused, and the error says which there are."""
    with pytest.raises(UsageWireError, match=f"{option} is 'nonsense'; it must be one of "):
        make_converter(**{option: "nonsense"})  # type: ignore[arg-type]


def test_unknown_field_of_a_catch_all(loads: Loads) -> None:
    """A user's class may have `additional_properties` too."""

    @attrs.frozen
    class Catching:
        x: int
        additional_properties: Mapping[str, Any] = attrs.Factory(dict)

    record = loads('{"x":5,"z":[1]}', Catching)

    assert {"z": [1]} == record.additional_properties
    assert b'{"x":5,"z":[1]}' == dumps(record)
    assert {} == loads('{"x":5}', Catching).additional_properties
    assert {} == loads('{"x":5,"z":1}', Catching, unknown="ignore").additional_properties


def test_catch_all_under_another_name(loads: Loads) -> None:
    """The place for unknown keys may have an alias, or be none of the constructor's business."""

    @attrs.frozen
    class Renamed:
        x: int
        additional_properties: Mapping[str, Any] = attrs.field(factory=dict, alias="more")

    @attrs.frozen
    class Apart:
        x: int
        additional_properties: Mapping[str, Any] = attrs.field(factory=dict, init=False)

    assert Renamed(5, more={"z": 1}) == loads('{"x":5,"z":1}', Renamed)
    assert Apart(5) == loads('{"x":5,"z":1}', Apart)


def test_required_catch_all(loads: Loads) -> None:
    """A place for unknown keys that has no default is an empty dict where there are none."""

    @attrs.frozen
    class Catching:
        additional_properties: dict[str, Any]

    assert {} == loads("{}", Catching).additional_properties
    assert {"z": 1} == loads('{"z":1}', Catching).additional_properties


def test_converter_alone() -> None:
    """A converter structures what `json.loads` gives, without a decoder."""
    converter = make_converter()
    bucket = {"object": "bucket", "start_time": 1, "end_time": 2, "result": [row()]}
    record = converter.structure(bucket, UsageObject)

    assert UsageTimeBucket(
        start_time=1, end_time=2, results=(UsageVectorStoresResult(usage_bytes=5),)
    ) == (record)
    assert [row()] == converter.unstructure(record)["results"]


@pytest.mark.parametrize(
    "value",
    [(), (1,), {1: 2}, object(), b"x", float("nan"), float("inf"), Decimal(1), 2**70],
    ids=repr,
)
def test_value_that_json_never_has(value: Any) -> None:
    """What no JSON gives is refused, as an unknown value too."""
    converter = make_converter()
    with pytest.raises(DecodeError):
        converter.structure(row(later=value), UsageObject)


def test_unstructure_of_a_union_member() -> None:
    """A converter writes a member of a union as the class it is."""
    converter = make_converter()
    cost = CostsResult(amount=CostsResultAmount(value=Decimal("0.5")))

    assert {"object": COSTS, "amount": {"value": 0.5}} == converter.unstructure(cost, UsageObject)
    with pytest.raises(EncodeError):
        converter.unstructure(Frozen(5), UsageObject)
    with pytest.raises(EncodeError):
        converter.unstructure(UnknownResult(object="page"), UsageObject)


def test_two_converters_do_not_mix(path: Way) -> None:
    """What one converter was told is not known to another."""
    one = make_converter(names={Frozen: {"x": "a"}})
    other = make_converter(names={Frozen: {"x": "b"}})

    assert Frozen(5) == path.Decoder(Frozen, converter=one).decode('{"a":5}')
    assert Frozen(5) == path.Decoder(Frozen, converter=other).decode('{"b":5}')
    assert {"x": 5, "y": None} == make_converter().unstructure(Frozen(5))
