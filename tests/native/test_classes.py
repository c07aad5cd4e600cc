"""Classes and the C extension: which it refuses and why, and what it makes of the others."""

import copy
import functools
import gc
import json
import pickle
import sys
import weakref
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal

import attrs
import orjson
import pytest
from cattrs import Converter

from tests.support.comparing import exact
from tests.support.native import (
    BY_C,
    DOCUMENTS,
    GIVEN_BACK,
    Base,
    Derived,
    Mine,
    Point,
    compact,
    grown,
    plan_for,
    plan_of,
    read_lines,
    taken,
)
from tests.support.samples import COMPLETIONS, PAGES, row, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
    Decoder,
    Encoder,
    UnknownResult,
    UsageCompletionsResult,
    UsageObject,
    UsageResponse,
    UsageTimeBucket,
    UsageVectorStoresResult,
    make_converter,
)
from usagewire.codec.line_decoder import progress_from
from usagewire.converters import scalars
from usagewire.models import NO_PROPERTIES

pytestmark = BY_C

# --- classes that C refuses ------------------------------------------------------------------


class Plain:
    """A class without slots."""


class Colour(Enum):
    """Values to choose from."""

    RED = "red"


def validated(_instance: Any, _attribute: Any, _value: Any) -> None:
    """Check nothing."""


def made(name: str, kind: Any = int, *, frozen: bool = True, **options: Any) -> Any:
    """Return a class with a field `x`, made with options of a field or of a class."""
    of_class = {key: options.pop(key) for key in ("slots", "cache_hash") if key in options}
    field = attrs.field(type=kind, **options)
    return attrs.make_class(name, {"x": field}, frozen=frozen, **({"slots": True} | of_class))


Validated: Final = made("Validated", validator=validated)
Converted: Final = made("Converted", converter=lambda value: value + 1)
NoSlots: Final = made("NoSlots", slots=False)
Hashing: Final = made("Hashing", cache_hash=True)


@attrs.frozen
class PostInit:
    x: int

    def __attrs_post_init__(self) -> None:
        """Do something."""
        object.__setattr__(self, "x", self.x + 1)


@attrs.frozen
class PreInit:
    x: int

    def __attrs_pre_init__(self) -> None:
        """Do something."""


@attrs.frozen
class OfPlain(Plain):
    x: int


@attrs.define
class OnSet:
    x: int

    def __setattr__(self, name: str, value: Any) -> None:
        """Set it."""
        object.__setattr__(self, name, value)


@attrs.frozen
class New:
    x: int

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """Make it."""
        return object.__new__(cls)


@attrs.frozen(init=False)
class OwnInit:
    x: int

    def __init__(self, x: int) -> None:
        """Fill it."""
        self.__attrs_init__(x + 1)


class Meta(type):
    """A metaclass."""


@attrs.frozen
class OfMeta(metaclass=Meta):
    x: int


@attrs.frozen
class Finalised:
    x: int

    def __del__(self) -> None:
        """Go."""


@attrs.frozen
class Factory:
    x: int
    y: int = attrs.field(factory=lambda: 7)


@attrs.frozen
class FactoryOfSelf:
    x: int
    y: int = attrs.Factory(lambda self: self.x + 1, takes_self=True)


@attrs.frozen
class NoInit:
    x: int
    y: int = attrs.field(default=3, init=False)


@attrs.frozen
class Tree:
    x: int
    inner: "Tree | None" = None


TooWide: Final = attrs.make_class(
    "TooWide",
    {"x": attrs.field(type=int)} | {f"f{i}": attrs.field(type=int, default=i) for i in range(64)},
    slots=True,
)

STORES: Final = "does more with {} than to store it"
UNKNOWN: Final = "is read by a hook that C does not know"
REFUSED: Final[list[tuple[Any, str, str, Any]]] = [
    (Validated, "5", f"Validated {STORES.format('x')}", 5),
    (Converted, "5", f"Converted {STORES.format('x')}", 5),
    (PostInit, "5", "PostInit has __attrs_pre_init__ or __attrs_post_init__", 5),
    (PreInit, "5", "PreInit has __attrs_pre_init__ or __attrs_post_init__", 5),
    (NoSlots, "5", "NoSlots has no slots", 5),
    (OfPlain, "5", "not a class with slots only", 5),
    (Hashing, "5", "Hashing has slots that are no fields", 5),
    (OnSet, "5", "OnSet has a __setattr__ that attrs did not write", 5),
    (New, "5", "New has a __new__", 5),
    (OwnInit, "5", "OwnInit has an __init__ that attrs did not write", 5),
    (OfMeta, "5", "OfMeta has a metaclass", 5),
    (Finalised, "5", "not a class with slots only", 5),
    (Factory, "5", "Factory.y has a default factory that C does not call", 5),
    (FactoryOfSelf, "5", f"FactoryOfSelf {STORES.format('y')}", 5),
    (NoInit, "5", f"NoInit {STORES.format('y')}", 5),
    (Tree, "5", f"Tree {UNKNOWN}", 5),
    (made("Chosen", Literal[5]), "5", f"Literal {UNKNOWN}", 5),
    (made("Coloured", Colour), '"red"', f"Colour {UNKNOWN}", Colour.RED),
    (made("Keyed", dict[str, int]), '{"a":1}', f"dict {UNKNOWN}", {"a": 1}),
    (made("Scalars", int | str), "5", f"int | str' {UNKNOWN}", 5),
    (made("Fixed", tuple[int, str]), '[5,"s"]', f"tuple {UNKNOWN}", (5, "s")),
    (made("Several", set[int]), "[5]", f"set {UNKNOWN}", {5}),
    (made("Deep", list[Validated]), '[{"x":5}]', f"Validated {STORES.format('x')}", [Validated(5)]),
    (TooWide, "5", "TooWide has more than 64 fields", 5),
]


@pytest.mark.parametrize(
    ("cls", "value", "reason", "x"), REFUSED, ids=[cls.__name__ for cls, *_ in REFUSED]
)
def test_class_is_refused(cls: Any, value: str, reason: str, x: Any) -> None:
    """A class that is more than its slots is read by the reference, and the decoder says why."""
    expected = cls(x)
    for kind, document, found in (
        (cls, f'{{"x":{value}}}', expected),
        (cls | None, f'{{"x":{value}}}', expected),
        (list[cls], f'[{{"x":{value}}}]', [expected]),
    ):
        decoder = Decoder(kind)
        assert reason == decoder.not_accelerated.removeprefix("'")
        assert plan_of(decoder) is None
        assert exact(found) == exact(decoder.decode(document))
        assert exact([found]) == exact(decoder.decode_lines(document + "\n"))


@pytest.mark.parametrize("kind", [dict[str, int], int | str, None, Literal[1, 2], Colour], ids=str)
def test_type_is_refused(kind: Any) -> None:
    """A type that is no class may be refused, too."""
    assert "is read by a hook that C does not know" in Decoder(kind).not_accelerated


@pytest.mark.parametrize(
    "cls", [Validated, Converted, PostInit, NoSlots, Hashing, New, OwnInit, OfMeta, OnSet, TooWide]
)
def test_class_is_refused_in_writing(cls: Any) -> None:
    """An encoder says why a class is written by the reference, and writes it."""
    encoder, record = Encoder(), cls(5)

    assert cls.__name__ in encoder.not_accelerated(cls)
    assert orjson.dumps(make_converter().unstructure(record)) == encoder.encode(record)
    assert encoder.encode(record) + b"\n" == encoder.encode_lines([record])


def wrapped(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Return a hook that does more, and says it is the other."""

    @functools.wraps(hook)
    def more(value: Any, kind: Any = None) -> Any:
        found = hook(value, kind)
        return found + 1 if type(found) is int else found

    return more


@pytest.mark.parametrize("kind", [int, int | None, Point, list[int]], ids=str)
@pytest.mark.parametrize("wraps", [True, False])
def test_hook_of_ones_own(kind: Any, wraps: bool) -> None:
    """A hook that was registered is called, also where it passes itself off as the one it wraps."""
    converter = make_converter()
    hook = converter.get_structure_hook(kind)
    mine = wrapped(hook) if wraps else lambda value, _: hook(value, kind)
    if kind == int | None or kind == list[int]:
        converter.register_structure_hook_func(lambda asked: asked == kind, mine)
    else:
        converter.register_structure_hook(kind, mine)
    holder = attrs.make_class("Holder", {"v": attrs.field(type=kind)}, slots=True)
    value = {"x": 5} if kind is Point else [5] if kind == list[int] else 5
    decoder = Decoder(holder, converter=converter)

    assert "is read by a hook that C does not know" in decoder.not_accelerated
    expected = 6 if wraps and value == 5 else hook(value, kind)
    assert exact(expected) == exact(decoder.decode(compact({"v": value})).v)


def test_hooks_of_ones_converter_in_writing() -> None:
    """Hooks that are registered on a converter after an encoder used it are obeyed, and before."""
    converter = make_converter()
    before, record = Encoder(converter=converter), Point(5)
    assert before.not_accelerated(Point) is None
    assert [b'{"x":5,"note":""}', b'{"x":5,"note":""}\n'] == [
        before.encode(record),
        before.encode_lines([record]),
    ]
    converter.register_unstructure_hook(Point, lambda point: point.x)
    after = Encoder(converter=converter)

    for encoder in (before, after):
        assert [b"5", b"5\n5\n"] == [encoder.encode(record), encoder.encode_lines([record] * 2)]
        assert "a hook that C does not know" in encoder.not_accelerated(Point)


def test_hook_of_a_field_in_writing() -> None:
    """A hook for the type of a field is obeyed, on a converter that an encoder used already."""
    converter = make_converter()
    encoder = Encoder(converter=converter)
    encoder.encode_lines([Point(5)])
    converter.register_unstructure_hook(int, str)

    assert b'{"x":"5","note":""}\n' == encoder.encode_lines([Point(5)])


@pytest.mark.parametrize("strict", [True, False])
def test_converter_of_ones_own_is_accelerated(strict: bool) -> None:
    """A converter that nobody registered anything on is as good as ours."""
    converter = make_converter(strict=strict, names={Point: {"x": "ex"}})
    decoder = Decoder(Point, converter=converter)

    assert decoder.not_accelerated is None
    assert Point(5) == plan_of(decoder).decode(b'{"ex":5}')
    assert Decoder(int, converter=Converter()).not_accelerated is not None


# --- what C makes ----------------------------------------------------------------------------


@attrs.define
class Mutable:
    x: int
    items: list[int] = attrs.Factory(list)
    table: Any = attrs.Factory(dict)
    note: str | None = None


@attrs.frozen
class WithRef:
    x: int
    note: str = "none"


@attrs.define(weakref_slot=False)
class NoRef:
    x: int


@attrs.frozen
class Holding:
    point: Point
    other: Point | None = None
    points: tuple[Point, ...] = ()


PRICE: Final = Decimal("1.5")


@attrs.frozen
class Priced:
    x: int
    price: Decimal = PRICE


OfLists: Final = made("OfLists", tuple[list[int], ...])
OfMutables: Final = made("OfMutables", tuple[NoRef, ...])
OfAny: Final = made("OfAny", tuple[Any, ...])
OfList: Final = made("OfList", list[int])
SharingOdd: Final = made("SharingOdd", int | None, default={"a": []})
Making: Final = made("Making", Any, factory=list)
MakingOdd: Final = made("MakingOdd", int | None, factory=list)


@attrs.frozen
class SharingUnknown:
    number: int
    additional_properties: Any = attrs.field(default={"a": []})


@attrs.frozen
class OfUnknown:
    number: int
    additional_properties: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Keeping:
    x: int
    additional_properties: Any


SHAPES: Final[list[tuple[Any, bytes, Any]]] = [
    (Mutable, b'{"x":1}', Mutable(1)),
    (
        Mutable,
        b'{"x":1,"items":[1,2],"table":{"a":1},"note":"n"}',
        Mutable(1, [1, 2], {"a": 1}, "n"),
    ),
    (WithRef, b'{"x":1}', WithRef(1)),
    (NoRef, b'{"x":1}', NoRef(1)),
    (
        Holding,
        b'{"point":{"x":1},"points":[{"x":2},{"x":3}]}',
        Holding(Point(1), None, (Point(2), Point(3))),
    ),
    (Holding, b'{"point":{"x":1},"other":null}', Holding(Point(1))),
    (Derived, b'{"x":1}', Derived(1)),
    (Derived, b'{"z":1.5,"y":"s","x":2}', Derived(2, "s", 1.5)),
    (
        Mine,
        b'{"usage_bytes":1,"mine":2,"new":3}',
        Mine(usage_bytes=1, mine=2, additional_properties={"new": 3}),
    ),
    (Keeping, b'{"x":1,"new":2}', Keeping(x=1, additional_properties={"new": 2})),
    (Keeping, b'{"x":1}', Keeping(x=1, additional_properties={})),
    (Priced, b'{"x":1}', Priced(1)),
    (list[Point], b'[{"x":1},{"x":2}]', [Point(1), Point(2)]),
    (tuple[Point, ...], b"[]", ()),
    (Point | None, b"null", None),
]


@pytest.mark.parametrize(
    ("kind", "data", "expected"), SHAPES, ids=[str(kind) + str(data) for kind, data, _ in SHAPES]
)
def test_classes_of_ones_own(kind: Any, data: bytes, expected: Any) -> None:
    """A slotted attrs class of anybody's is made by C, with its defaults."""
    found = taken(kind, data)

    assert exact(expected) == exact(found)
    assert expected == found


def test_tuples_and_lists() -> None:
    """A list is a list and a tuple is a tuple, each the one that was asked for."""
    assert exact([[1], [2, 3], []]) == exact(taken(list[list[int]], b"[[1],[2,3],[]]"))
    assert exact(((1,), (2, 3), ())) == exact(taken(tuple[tuple[int, ...], ...], b"[[1],[2,3],[]]"))


def test_made_by_c_like_any_other() -> None:
    """A record of C's is equal to one that was called into being, and so are its copies."""
    made = [one for page in PAGES for one in [plan_for(UsageObject).decode(text(PAGES[page]))]]
    for one in [*made, *made[0].data[0].results, plan_for(UsageObject).decode(text(row(new=[1])))]:
        called = type(one)(**{a.name: getattr(one, a.name) for a in attrs.fields(type(one))})
        assert called == one
        assert hash(called) == hash(one)
        assert repr(called) == repr(one)
        for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            assert exact(one) == exact(other)
            assert hash(one) == hash(other)


def test_frozen_stays_frozen() -> None:
    """What C fills cannot be changed where the class is frozen, and can where it is not."""
    frozen, mutable = taken(Point, b'{"x":1}'), taken(Mutable, b'{"x":1}')
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        frozen.x = 2
    mutable.x = 2

    assert [1, 2] == [frozen.x, mutable.x]


def test_weak_references() -> None:
    """A class with a slot for weak references has one that is empty at first and works."""
    found = taken(WithRef, b'{"x":1}')
    assert weakref.getweakrefcount(found) == 0
    seen: list[Any] = []
    reference = weakref.ref(found, seen.append)
    assert found is reference()
    del found

    assert [None, [reference]] == [reference(), seen]


def test_defaults_are_made_anew() -> None:
    """What a factory makes is another object in each record; a default is one object."""
    one, other = (plan_for(Mutable).decode(b'{"x":1}') for _ in range(2))
    one.items.append(5)
    one.table["a"] = 1

    assert [[], {}] == [other.items, other.table]
    assert taken(Base, b'{"x":1}').y is attrs.fields(Base).y.default
    assert taken(UsageVectorStoresResult, text(row())).additional_properties is NO_PROPERTIES
    assert all(
        taken(UsageVectorStoresResult, text(row()) + b" ").additional_properties is NO_PROPERTIES
        for _ in range(3)
    )


TRACKED: Final[list[tuple[Any, bytes, bool]]] = [
    (UsageVectorStoresResult, b'{"usage_bytes":5}', False),
    (UsageVectorStoresResult, b'{"usage_bytes":5,"new":1}', True),
    (UsageCompletionsResult, text(row(COMPLETIONS, model="m", batch=True)), False),
    (CostsResult, b'{"amount":{"value":1.5,"currency":"usd"}}', False),
    (CostsResult, b'{"amount":{"value":1.5,"currency":"usd","new":1}}', True),
    (CostsResult, b'{"amount":null}', False),
    (UsageTimeBucket, b'{"start_time":1,"end_time":2,"results":[]}', False),
    (UsageTimeBucket, compact({"start_time": 1, "end_time": 2, "results": [row(), row()]}), False),
    (
        UsageTimeBucket,
        compact({"start_time": 1, "end_time": 2, "results": [row(), row(a=1)]}),
        True,
    ),
    (
        UsageTimeBucket,
        compact({"start_time": 1, "end_time": 2, "results": [row(a=1), row()]}),
        True,
    ),
    (UsageResponse, text(PAGES["completions"]), False),
    (UnknownResult, b'{"object":"later"}', False),
    (UnknownResult, b'{"object":"later","a":1}', True),
    (Point, b'{"x":1}', False),
    (Mutable, b'{"x":1}', True),
    (NoRef, b'{"x":1}', True),
    (Holding, b'{"point":{"x":1}}', False),
    (Holding, b'{"point":{"x":1},"points":[{"x":1}]}', False),
    (OfLists, b'{"x":[]}', False),
    (OfLists, b'{"x":[[1]]}', True),
    (OfUnknown, b'{"number":1}', True),
    (SharingUnknown, b'{"number":1}', True),
    (OfAny, b'{"x":[1,"s"]}', False),
    (OfAny, b'{"x":[{"a":1}]}', True),
    (OfMutables, b'{"x":[]}', False),
    (OfMutables, b'{"x":[{"x":1}]}', True),
    (Making, b"{}", True),
    (MakingOdd, b"{}", True),
    (OfList, b'{"x":[]}', True),
    (SharingOdd, b"{}", True),
    (WithRef, b'{"x":1}', False),
]


@pytest.mark.parametrize(("cls", "data", "expected"), TRACKED)
def test_collector_sees_what_may_be_in_a_cycle(cls: Any, data: bytes, expected: bool) -> None:
    """A frozen record of nothing but atoms, and a tuple of such, is not seen, and no other."""
    found = taken(cls, data)

    assert expected == gc.is_tracked(found)
    assert expected == gc.is_tracked(taken(list[cls], b"[%s]" % data)[0])
    assert gc.is_tracked(taken(list[cls], b"[%s]" % data))


def test_nested_record_is_tracked_as_what_it_holds() -> None:
    """A frozen record that holds a record is seen by the collector if the other is."""
    holder = attrs.make_class(
        "H",
        {"p": attrs.field(type=NoRef | None), "q": attrs.field(type=Point | None, default=None)},
        slots=True,
        frozen=True,
    )

    assert not gc.is_tracked(taken(holder, b'{"p":null,"q":{"x":1}}'))
    assert gc.is_tracked(taken(holder, b'{"q":{"x":1},"p":{"x":1}}'))
    results = [row(new=1), row()]
    bucket = taken(UsageTimeBucket, compact({"start_time": 1, "end_time": 2, "results": results}))
    assert [True, False] == [gc.is_tracked(result) for result in bucket.results]
    assert gc.is_tracked(bucket.results)


def test_cycles_are_collected() -> None:
    """A cycle through a record that can be changed is found by the collector."""
    record = taken(Mutable, b'{"x":1}')
    record.table["self"] = record
    reference = weakref.ref(record)
    del record
    gc.collect()

    assert reference() is None


def test_cycles_through_a_tuple_are_collected() -> None:
    """So is one through a dict in a tuple of a frozen record."""
    [record] = Decoder(OfAny).decode_lines(b'{"x":[{"a":1}]}\n')
    record.x[0]["self"] = record
    reference = weakref.ref(record)
    del record
    gc.collect()

    assert reference() is None


def test_cycles_through_unknown_keys_are_collected() -> None:
    """So is one through the unknown keys of a frozen record, or an object in them."""
    for key in ("self", "inner"):
        data = b'{"number":1,"new":1,"inner":{"a":1}}\n'
        [record] = Decoder(OfUnknown).decode_lines(data)
        extra = record.additional_properties
        (extra if key == "self" else extra["inner"])["self"] = record
        del extra
        reference = weakref.ref(record)
        del record
        gc.collect()
        assert reference() is None, key


def test_collector_sees_records_once_all_lines_were_read() -> None:
    """While lines are read the collector is not shown what they made; after it, it is."""
    plan = plan_for(Mutable)
    records: list[Any] = []
    data = b'{"x":1}\n{"x":2,"table":{"a":[]}}\n{"x":3}\n'
    plan.decode_lines(data, progress_from(0), len(data), 100, 100, True, records)  # noqa: FBT003 -- as C takes it
    assert [False] * 3 == [gc.is_tracked(record) for record in records]
    dropped = records.pop()
    reference = weakref.ref(dropped)
    del dropped
    assert reference() is not None
    plan.track()
    assert [True] * 2 == [gc.is_tracked(record) for record in records]
    assert reference() is None
    plan.track()

    assert [True] * 3 == [gc.is_tracked(record) for record in Decoder(Mutable).decode_lines(data)]


def test_collector_sees_records_before_a_line_without_one() -> None:
    """What a line made that gives no record is garbage, which is not held on to."""
    plan = plan_for(Mutable)
    records: list[Any] = []
    good, bad = b'{"x":1}\n', b'{"x":2,"table":{"a":[1],}}\n'
    for passes in (True, False):
        data = good + bad
        plan.decode_lines(data, progress_from(0), len(data), 100, 100, passes, records)
        assert gc.is_tracked(records.pop())


@pytest.mark.usefixtures("_small_heap")
def test_collector_runs_while_others_read() -> None:
    """Where others use the plan in the midst of a record, that is tracked as what it holds."""
    inner = {"value": 1.5, "currency": "usd", "new": [1]}
    costs = compact({"object": CostsResult.object, "amount": inner})
    rows = [row(new=1), row()]
    bucket = compact({"object": "bucket", "start_time": 1, "end_time": 2, "results": rows})
    other = Decoder()

    def meanwhile(_: str, __: Any) -> None:
        other.decode_lines(costs)

    before = gc.get_threshold()
    gc.callbacks.append(meanwhile)
    gc.set_threshold(3, 100, 100)
    try:
        found = Decoder().decode_lines(b"\n".join([costs, bucket] * 300))
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(meanwhile)
    for record in found:
        inside = record.amount if type(record) is CostsResult else record.results
        assert gc.is_tracked(record)
        assert gc.is_tracked(inside)


@pytest.mark.parametrize("letters", ["s", "é", "東", "\N{GRINNING FACE}", '"', "\\", "\n"])
def test_strings_are_shared(letters: str) -> None:
    """The same text, written alike, is one object, in fields and documents of one decoder."""
    plan = plan_for(list[str])
    size = len(orjson.dumps(letters)) - 2
    for times in (2 if size == 1 else 1, 3, 7, 8, 9, 16, 17, 63, 64):
        if times * size <= 64:
            data = orjson.dumps([letters * times] * 2)
            one, other = plan.decode(data)
            assert letters * times == one
            assert one is other
            assert one is plan.decode(data)[0]
    one, other = plan.decode(orjson.dumps([letters * 65] * 2))
    assert letters * 65 == one == other
    assert one is not other


def test_strings_that_differ_by_a_byte_are_told_apart() -> None:
    """Whatever stands in the table of shared strings, each text gives its own."""
    plan = plan_for(str)
    texts = [
        f"{'é' * n}{chr(0x80 + i)}{'z' * m}" for n in (0, 9) for i in range(200) for m in (0, 9)
    ]
    texts += [f"é{n:04}{'z' * size}" for n in range(5000) for size in (9, 8)]
    for written in (orjson.dumps, lambda text: json.dumps(text).encode()):
        for text_ in texts * 2:
            assert text_ == plan.decode(written(text_))


def test_small_integers_are_shared() -> None:
    """An integer up to some thousands is one object; larger ones are not kept."""
    plan = plan_for(list[int])
    for number, expected in ((0, True), (300, True), (8191, True), (8192, False), (-300, False)):
        one, other = plan.decode(compact([number, number]))
        assert [number, number] == [one, other]
        assert expected == (one is other)


@pytest.mark.usefixtures("_small_heap")
def test_shared_strings_are_bounded() -> None:
    """However many texts come by, a few thousand are kept."""
    numbers = iter(range(10**9))
    plan = plan_for(str)

    assert grown(lambda: plan.decode(b'"text %d"' % next(numbers)), 20_000) < 4500
    assert grown(lambda: plan.decode(b'"text %d"' % next(numbers)), 20_000) < 100
    assert grown(lambda: plan.decode(b'"t\\u00e9xt %d"' % next(numbers)), 20_000) < 1100
    assert grown(lambda: plan.decode('"té %d"'.encode() % next(numbers)), 20_000) < 100


# Documents for each way through, all of which are read again and again.
ROUNDS: Final[dict[str, tuple[Any, bytes]]] = {
    **{f"page {page}": (UsageObject, text(PAGES[page])) for page in PAGES},
    **{f"back {case}": (UsageObject, data) for case, data in GIVEN_BACK.items()},
    **{f"shape {i}": (kind, data) for i, (kind, data, _) in enumerate(SHAPES)},
    **{f"cut {at}": (UsageObject, DOCUMENTS[1][:at]) for at in range(0, len(DOCUMENTS[1]), 5)},
    **{f"cut page {at}": (UsageObject, DOCUMENTS[4][:at]) for at in range(0, len(DOCUMENTS[4]), 9)},
    **{
        f"value {token}": (list[kind], f"[{token}]".encode())
        for kind in (int, float, str, bool, Decimal, Any)
        for token in (
            "1",
            "1.5",
            "1e5",
            "9223372036854775807",
            "18446744073709551616",
            "true",
            "null",
            '"s"',
            r'"\u00e9"',
            r'"\ud800"',
            '"1.5"',
            '"0"',
            '"1e5"',
            '"x1"',
            '"é"',
            "[1]",
            '{"a":1}',
            "123456.789",
            "1.00",
            "12345678901234567.5",
        )
    },
    "mutable cut": (Mutable, b'{"x":1,"items":[1,2,"x"]}'),
    "mutable no end": (Mutable, b'{"items":[1,2],"table":{"a":1},"x":1'),
    "mutable missing": (Mutable, b'{"items":[1,2],"note":"abc"}'),
    "bad later item": (list[Point], b'[{"x":1,"note":"abc"},{"x":2},{"x":"x"}]'),
    "bad end of items": (list[Point], b'[{"x":1},{"x":2}'),
    "extra then bad": (UsageObject, text(row(a=1, b=[1], c="x", usage_bytes="x"))),
    "a long unknown key": (UsageObject, text(row(**{"k" * 70: 1, "é" * 9: 2}))),
    "a long unknown key, passed over": (UsageObject, text(row(**{"k" * 70: [1], "é" * 9: 2.5}))),
    "extra twice": (UsageObject, b'{"object":"later","a":12345678901,"a":[12345678901]}'),
    "junk after": (UsageObject, text(row(a=[1])) + b"x"),
}


@pytest.mark.usefixtures("_small_heap")
def test_nothing_is_left_behind() -> None:
    """Reading any document again and again, good or bad, takes no more memory."""
    for case, (kind, data) in ROUNDS.items():
        plan = plan_for(kind, unknown="ignore" if "passed over" in case else "keep")
        assert abs(grown(lambda plan=plan, data=data: plan.decode(data))) < 30, case
        assert (
            abs(grown(lambda plan=plan, data=data: read_lines(plan, data + b"\n" + data))) < 30
        ), case


@pytest.mark.usefixtures("_small_heap")
def test_references_are_counted() -> None:
    """What records share is owned as often as it is held, and no longer than that."""
    shared: dict[str, Any] = {
        "None": None,
        "true": True,
        "zero": scalars.ZERO,
        "nothing unknown": NO_PROPERTIES,
        "a row's class": UsageVectorStoresResult,
        "a class": Point,
        "a changeable class": Mutable,
        "Decimal": Decimal,
        "a default": PRICE,
        "a bucket's class": UsageTimeBucket,
        "an amount's class": CostsResultAmount,
        "orjson.loads": orjson.loads,
        "read_decimal": scalars.read_decimal,
    }
    records: list[Any] = []
    for kind, data in ROUNDS.values():
        plan_for(kind).decode(data)
    text_of = plan_for(list[str]).decode(b'["some text"]')[0]
    shared["a text"] = text_of
    gc.collect()
    before = {name: sys.getrefcount(one) for name, one in shared.items()}
    for kind, data in ROUNDS.values():
        for _ in range(20):
            records.append(plan_for(kind).decode(data))
            plan_for(list[str]).decode(b'["some text"]')
    records.clear()
    gc.collect()

    assert {} == {
        name: change
        for name, one in shared.items()
        if abs(change := sys.getrefcount(one) - before[name]) > 10
    }


def test_records_own_what_they_hold() -> None:
    """Each record owns each None, default and class that it shows, while it lives."""
    if sys.version_info < (3, 12):  # where None is counted
        plan = plan_for(UsageCompletionsResult)
        data = compact(row(COMPLETIONS))
        nones = sum(
            getattr(plan.decode(data), a.name) is None for a in attrs.fields(UsageCompletionsResult)
        )
        before = sys.getrefcount(None)
        records = [plan.decode(data) for _ in range(200)]
        assert abs(sys.getrefcount(None) - before - 200 * nones) < 50
        del records
    for cls, shared in (
        (Priced, PRICE),
        (Priced, Priced),
        (UsageVectorStoresResult, NO_PROPERTIES),
    ):
        data = b'{"x":1}' if cls is Priced else text(row())
        before = sys.getrefcount(shared)
        records = [plan_for(cls).decode(data) for _ in range(100)]
        assert 100 == sys.getrefcount(shared) - before
        del records
        assert before == sys.getrefcount(shared)
    kept = plan_for(list[str]).decode(b'["kept here"]')[0]
    before = sys.getrefcount(kept)
    again = [plan_for(list[str]).decode(b'["kept here"]') for _ in range(50)]
    assert 50 == sys.getrefcount(kept) - before
    del again


def test_plans_go() -> None:
    """A decoder that is not needed any more, its plan and its class are freed."""

    def build() -> weakref.ref[Any]:
        cls = attrs.make_class(
            "Gone",
            {
                "x": attrs.field(type=int),
                "y": attrs.field(type=list[int | None], default=None),
                "z": attrs.field(type=str, default="d"),
            },
            slots=True,
        )
        converter = make_converter()
        Decoder(list[cls], converter=converter).decode('[{"x":1},{"x":2,"y":[1]}]')
        Encoder(converter=converter).encode(cls(1, [1]))
        return weakref.ref(cls)

    references = [build() for _ in range(5)]
    for _ in range(3):
        gc.collect()

    assert [None] * 5 == [reference() for reference in references]
