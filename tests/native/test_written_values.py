"""Values that C writes by itself, by their hook, or not at all."""

import enum
import gc
import json
import sys
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Literal, NamedTuple, NewType, Optional

import attrs
import orjson
import pytest

from tests.support.native import BACK, BY_C, dice, slotted, writer_of
from tests.support.samples import DATA
from tests.support.types import expression
from usagewire import EncodeError, Encoder, UsageWireError, make_converter
from usagewire.native.descriptions import KINDS
from usagewire.native.lowering import Lowering
from usagewire.wire import exact_json

pytestmark = BY_C


class Colour(enum.Enum):
    RED = "red"
    TWO = 2
    NONE = None
    LIST = [1]  # noqa: RUF012 -- a value of an enum
    TEXT = 'a "quoted" é'


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Tier(str, enum.Enum):  # noqa: UP042 -- as older code has it
    FREE = "free"


class Open(enum.Enum):
    """Takes any number."""

    ONE = 1

    @classmethod
    def _missing_(cls, value: object) -> Any:
        made = object.__new__(cls)
        made._name_, made._value_ = f"N{value}", value
        return cls._value2member_map_.setdefault(value, made)


class Pair(NamedTuple):
    x: int
    y: str = "y"


class Lying(tuple[int, ...]):
    """A named tuple that iterates over other items."""

    __slots__ = ()
    _fields = ("x",)
    __annotations__ = {"x": int}

    def __iter__(self) -> Any:
        return iter((7,))


@attrs.frozen
class Tree:
    x: int
    kids: "tuple[Tree, ...]" = ()
    by_name: "dict[str, Tree]" = attrs.Factory(dict)


Name = NewType("Name", str)
WRITTEN: Final[list[tuple[Any, Any]]] = [
    *((Colour, one) for one in Colour),
    *((Level, one) for one in Level),
    *((Tier | None, one) for one in (Tier.FREE, None)),
    *((Literal["a", 1, True, Level.HIGH] | None, one) for one in ("a", 1, True, None, Level.HIGH)),
    *((Literal["a", 1], one) for one in (bytes.decode(b"a"), int("1"))),
    *((Literal[0, False], one) for one in (0, False)),
    *((Literal[2**40], one) for one in (2**40, int("1099511627776"))),
    (Open, Open.ONE),
    (Open, Open(5)),
    (int, Level.LOW),
    (str, Tier.FREE),
    (Name, "n"),
    *((int | str | None, one) for one in (5, -(2**63), "s", "é", None)),
    *((bool | float | list[int], one) for one in (True, 0.5, [1])),
    *((set[int] | str, one) for one in ({5}, "s")),
    *((set[int], one) for one in (set(), {1}, set(range(100)))),
    *((frozenset[str], one) for one in (frozenset(), frozenset(map(str, range(100))))),
    *((dict[str, int], one) for one in ({}, {"a": 1}, {'"': 1, "é": 2, "": 3})),
    *((dict[str, list[int | None]], one) for one in ({"a": []}, {"a": [1, None]})),
    *((dict[int, str], one) for one in ({}, {-5: "a", 2**40: "b"})),
    *((dict[Level, str], one) for one in ({Level.LOW: "a", Level.HIGH: "b"},)),
    *((dict[str, int], one) for one in (OrderedDict(a=1), Counter(a=1))),
    (Mapping[str, int], {"a": 1}),
    (Counter[str], Counter(a=5)),
    (deque[int], deque([1, 2])),
    *((tuple[int, str], one) for one in ((1, "a"), (-1, ""))),
    (tuple[()], ()),
    *((Pair, one) for one in (Pair(1), Pair(1, "é"))),
    (Optional[Lying], Lying((5,))),  # noqa: UP045 -- the same type, spelt otherwise
    (Tree, Tree(1, (Tree(2), Tree(3, (Tree(4),))), {"a": Tree(5)})),
    *((Any, one) for one in (None, True, 5, -1.5, "s", [], {}, [1, [2, {"a": None}]])),
    *((Any, one) for one in (2**63, 2**64 - 1, 2**70, {"a": [2**70]}, [0.1, -0.0, 1e300])),
    (list, [1, "a", None, [2]]),
    (dict, {"a": [1]}),
    (list[Any], [1, {"a": 2}]),
]
"""Types and values that C writes."""

REFUSED: Final[list[tuple[Any, Any]]] = [
    *((Colour, one) for one in ("red", 2, None, Level.LOW, Tier.FREE)),
    *((Literal["a", 1], one) for one in ("b", 2, True, 1.0, None, Tier.FREE, Level.LOW)),
    *((Literal[Level.HIGH], one) for one in (2, Level.LOW)),
    *((int | str, one) for one in (5.0, True, None, [], 2**63, "\ud800")),
    *((set[int], one) for one in (frozenset(), [1], {"a"}, {None}, {2**63})),
    *((frozenset[int], one) for one in (set(), frozenset({1.0}))),
    *((dict[str, int], one) for one in ([], None, {1: 1}, {"a": "b"}, {"\ud800": 1}, {"a": 2**63})),
    *((dict[int, int], one) for one in ({"1": 1}, {1.0: 1}, {True: 1}, {2**63: 1})),
    *((tuple[int, str], one) for one in ((1,), (1, "a", 2), [1, "a"], ("a", 1), None)),
    *((Pair, one) for one in ((1, "a"), Pair("a"), None)),  # type: ignore[arg-type]
    *((Any, one) for one in (float("nan"), {1}, {1: 2}, (1,), b"", [{"a": {1}}], "\ud800")),
    (Tree, Tree("x")),  # type: ignore[arg-type]
]
"""Types and values that would not read back equal."""


def holder(kind: Any) -> Any:
    """Return a class with one field."""
    return slotted("Holder", x=attrs.field(type=type(None) if kind is None else kind))


@pytest.mark.parametrize(("kind", "value"), WRITTEN, ids=lambda one: ascii(one)[:40])
def test_value_is_written(kind: Any, value: Any) -> None:
    """C writes the text of the reference."""
    cls, encoder = holder(kind), Encoder()
    assert encoder.not_accelerated(cls) is None
    expected = exact_json.dumps(make_converter().unstructure(cls(value)))
    assert expected == writer_of(encoder).encode(cls(value))


@pytest.mark.parametrize(("kind", "value"), REFUSED, ids=lambda one: ascii(one)[:40])
def test_value_is_refused(kind: Any, value: Any) -> None:
    """C hands a record back if a value would not read back equal, and the reference refuses it."""
    cls, encoder = holder(kind), Encoder()
    assert encoder.not_accelerated(cls) is None
    assert writer_of(encoder).encode(cls(value)) is BACK
    assert (b"", 0) == writer_of(encoder).encode_lines([cls(value)], 0)
    with pytest.raises(UsageWireError):
        encoder.encode(cls(value))


TYPES: Final = [
    json.loads(line) for line in (DATA / "types.ndjson").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("row", TYPES, ids=lambda row: row["type"])
def test_type_of_the_documentation(row: dict[str, Any]) -> None:
    """C writes every type of the table, some of them by their hook."""
    kind = None if row["type"] == "None" else expression(row["type"])
    cls, encoder, converter = holder(kind), Encoder(), make_converter()
    assert encoder.not_accelerated(cls) is None
    for _, value in row["reads"].items() if isinstance(row["reads"], dict) else row["reads"]:
        record = cls(expression(value))
        expected = exact_json.dumps(converter.unstructure(record))
        assert expected == writer_of(encoder).encode(record)


def test_share_of_types() -> None:
    """C writes most types of the table without their hook."""
    called = []
    for row in TYPES:
        cls = holder(None if row["type"] == "None" else expression(row["type"]))
        lowering = Lowering("written")
        index = lowering.index_of(make_converter().get_unstructure_hook(cls))
        if lowering.classes[index].fields[0].kind.name == KINDS.index("call"):
            called.append(row["type"])
    assert len(called) < 0.25 * len(TYPES), called


class Mine:
    """A class with a hook of the user's."""

    def __init__(self, of: Any) -> None:
        self.of = of


def mine_encoder(hook: Callable[[Any], Any]) -> Encoder:
    """Return an encoder that writes `Mine` by a hook."""
    converter = make_converter()
    converter.register_unstructure_hook(Mine, hook)
    converter.register_structure_hook(Mine, lambda value, _: Mine(value))
    return Encoder(converter=converter)


@attrs.define
class Work:
    """A record with one such field between others, and containers of such values."""

    a: int
    mine: Mine
    many: list[Mine] = attrs.Factory(list)
    by_name: dict[str, Mine] = attrs.Factory(dict)
    some: set[Mine] = attrs.Factory(set)
    note: str = "note"


RESULTS: Final = [
    *(None, True, False, 0, -5, 2**63 - 1, 2**63, 2**64 - 1, 0.5, float("nan"), float("inf"), ""),
    *("text", 'a"b', "é", [], {}, [1, [2]], {"a": {"b": [None]}}, (1, 2), Level.LOW, Tier.FREE),
]


@pytest.mark.parametrize("result", RESULTS, ids=ascii)
def test_result_of_a_hook(result: Any) -> None:
    """C writes the result of a hook as the reference does."""
    encoder = mine_encoder(lambda mine: mine.of)
    record = Work(1, Mine(result), [Mine(result), Mine(5)], {"a": Mine(result)}, {Mine(result)})
    assert encoder.not_accelerated(Work) is None
    result = orjson.dumps(result)
    expected = b'{"a":1,"mine":%s,"many":[%s,5],"by_name":{"a":%s},"some":[%s],"note":"note"}'
    assert expected % ((result,) * 4) == writer_of(encoder).encode(record)


def test_hook_is_called_once() -> None:
    """A hook is called once for a value that C writes, in the order of the fields."""
    seen: list[Any] = []
    encoder = mine_encoder(lambda mine: seen.append(mine.of) or mine.of)
    encoder.not_accelerated(Work)
    record = Work(1, Mine(1), [Mine(2), Mine(3)], {"a": Mine(4)}, {Mine(5)})
    assert writer_of(encoder).encode(record) is not BACK
    assert [1, 2, 3, 4, 5] == seen


@pytest.mark.parametrize("result", [{1}, {1: 2}, "\ud800", 2**70, Pair(1)], ids=ascii)
def test_result_that_is_not_json(result: Any) -> None:
    """C hands the record back after a hook gave what JSON does not have."""
    encoder = mine_encoder(lambda mine: mine.of)
    encoder.not_accelerated(Work)
    assert writer_of(encoder).encode(Work(1, Mine(result))) is BACK
    with pytest.raises(EncodeError):
        encoder.encode(Work(1, Mine(result)))


@pytest.mark.parametrize("levels", [1, 40, 98, 99, 100, 150, 253, 300])
def test_depth_of_a_result(levels: int) -> None:
    """A nested result is written as the reference writes it, or refused as the reference does."""
    nested: Any = 5
    for _ in range(levels):
        nested = [nested]
    encoder = mine_encoder(lambda mine: mine.of)
    encoder.not_accelerated(Work)
    record = Work(1, Mine(nested))
    assert (writer_of(encoder).encode(record) is BACK) == (levels >= 100)
    if levels < 254:
        assert b"[" * levels + b"5" + b"]" * levels in encoder.encode(record)
    else:
        with pytest.raises(EncodeError):
            encoder.encode(record)


@pytest.mark.parametrize("levels", [1, 49, 50, 51, 99, 100, 101, 120, 5000])
def test_depth_of_a_class(levels: int) -> None:
    """A recursive class nests as deep as the reference lets it."""
    tree, encoder = Tree(0), Encoder()
    for _ in range(levels):
        tree = Tree(1, (tree,))
    encoder.not_accelerated(Tree)
    found = writer_of(encoder).encode(tree)
    assert (found is BACK) == (levels >= 50)
    if levels <= 100:
        expected = exact_json.dumps(make_converter().unstructure(tree))
        assert expected == encoder.encode(tree)
    else:
        with pytest.raises(EncodeError, match="nested too deep"):
            encoder.encode(tree)


def test_cyclic_values() -> None:
    """A list that holds itself is refused."""
    cycle: list[Any] = []
    cycle.append(cycle)
    for value in (cycle, {"a": cycle}):
        with pytest.raises(EncodeError):
            Encoder().encode(holder(Any)(value))


@pytest.mark.parametrize("raised", [ValueError, EncodeError, RecursionError, OSError])
def test_hook_raises(raised: type[Exception]) -> None:
    """An error of a hook gets its place from the reference."""

    def hook(mine: Mine) -> Any:
        if mine.of == "bad":
            raise raised("no")
        return mine.of

    encoder = mine_encoder(hook)
    encoder.not_accelerated(Work)
    for record, path in (
        (Work(1, Mine("bad")), "$.mine"),
        (Work(1, Mine(1), [Mine(2), Mine("bad")]), "$.many[1]"),
        (Work(1, Mine(1), [], {"k": Mine("bad")}), "$.by_name.k"),
    ):
        assert writer_of(encoder).encode(record) is BACK
        with pytest.raises(EncodeError) as caught:
            encoder.encode(record)
        assert path == caught.value.path
    good = Work(1, Mine(1))
    assert encoder.encode(good) + b"\n" == encoder.encode_lines([good])


@pytest.mark.parametrize("raised", [MemoryError(), KeyboardInterrupt(), SystemExit()])
def test_exceptions_that_pass(raised: BaseException) -> None:
    """Lack of memory and interrupts pass through C."""

    def hook(_: Any) -> Any:
        raise raised

    encoder = mine_encoder(hook)
    encoder.not_accelerated(Work)
    for write in (
        encoder.encode,
        writer_of(encoder).encode,
        lambda one: encoder.encode_lines([one]),
    ):
        with pytest.raises(type(raised)):
            write(Work(1, Mine(1)))


def test_hooks_that_change_what_is_written() -> None:
    """A hook can change the record, a container or the class, and C stays safe and exact."""
    rolled = dice(9)
    encoder: Encoder

    def hook(mine: Mine) -> Any:
        if mine.of is None:
            return 1
        mine.of, act = None, mine.of
        act()
        return 2

    encoder = mine_encoder(hook)
    encoder.not_accelerated(Work)

    def made(act: str) -> Work:
        first, second = Mine(None), Mine(None)
        record = Work(1, first, [first, second], {"a": first, "b": second}, {first, second})
        acts: dict[str, Callable[[], Any]] = {
            "shrink the list": record.many.clear,
            "grow the list": lambda: len(record.many) < 50 and record.many.append(Mine(None)),
            "shrink the dict": record.by_name.clear,
            "grow the dict": lambda: record.by_name.update({str(i): first for i in range(100)}),
            "other keys": lambda: (record.by_name.pop("b"), record.by_name.update(c=second)),
            "grow the set": lambda: record.some.update(Mine(None) for _ in range(100)),
            "shrink the set": record.some.clear,
            "delete an attribute": lambda: delattr(record, "note"),
            "delete its own attribute": lambda: delattr(record, "mine"),
            "replace attributes": lambda: [
                setattr(record, n, "x" * 50) for n in Work.__slots__[:-1]
            ],
            "another class": lambda: setattr(record, "__class__", Twin),
            "use the encoder": lambda: encoder.encode([Work(5, Mine(None))] * 3),
            "learn a class": lambda: encoder.encode(slotted("New", x=int)(5)),
            "collect": gc.collect,
        }
        rolled.choice([first, second]).of = acts[act]
        made.acts = list(acts)  # type: ignore[attr-defined]
        return record

    made("collect")
    for act in made.acts * 30:  # type: ignore[attr-defined]
        text = writer_of(encoder).encode(made(act))
        assert text is BACK or orjson.loads(text)["a"] == 1, act
        with suppress(EncodeError):
            assert orjson.loads(encoder.encode(made(act)))


@attrs.define
class Twin:
    """Has the slots of `Work`."""

    a: int
    mine: Mine
    many: list[Mine]
    by_name: dict[str, Mine]
    some: set[Mine]
    note: str


def test_attributes_that_run_code() -> None:
    """C reads the attributes of a class with code as the reference does."""
    reads: list[str] = []

    @attrs.define(slots=False)
    class Watched:
        x: int
        y: list[int] = attrs.Factory(list)

        def __getattribute__(self, name: str) -> Any:
            if name in ("x", "y", "bad"):
                reads.append(name)
            return object.__getattribute__(self, name)

    @attrs.define(slots=False)
    class Raising:
        x: int

        def __getattribute__(self, name: str) -> Any:
            if name == "x":
                raise ZeroDivisionError
            return object.__getattribute__(self, name)

    encoder = Encoder()
    assert encoder.not_accelerated(Watched) is None is encoder.not_accelerated(Raising)
    assert b'{"x":1,"y":[]}' == writer_of(encoder).encode(Watched(1))
    assert ["x", "y"] == reads
    record = Raising.__new__(Raising)
    assert writer_of(encoder).encode(record) is BACK
    with pytest.raises(EncodeError) as caught:
        encoder.encode(record)
    assert "$.x" == caught.value.path


def test_record_that_lies_about_its_class() -> None:
    """The reference chooses the hook of a record by `__class__`, so C hands such a record back."""

    @attrs.define
    class Liar:
        x: int

        @property
        def __class__(self) -> Any:
            return int

        @__class__.setter
        def __class__(self, value: Any) -> None:
            raise AttributeError

    encoder = Encoder()
    record = object.__new__(Liar)
    Liar.x.__set__(record, 5)  # type: ignore[attr-defined]
    encoder.not_accelerated(Liar)
    assert writer_of(encoder).encode(record) is BACK


def test_members_that_are_not_written() -> None:
    """C writes a record only if its members without a key have their defaults."""
    cls = slotted("Hidden", x=int, y=attrs.field(default=3, init=False, type=int))
    encoder = Encoder()
    encoder.not_accelerated(cls)
    record = cls(5)
    assert b'{"x":5}' == writer_of(encoder).encode(record)
    record.y = 4
    assert writer_of(encoder).encode(record) is BACK
    with pytest.raises(EncodeError, match="4 is not the default"):
        encoder.encode(record)


@attrs.define
class Defaults:
    """Has defaults of all kinds."""

    a: list[int] = attrs.Factory(list)
    b: dict[str, int] = attrs.Factory(dict)
    c: list[int] = attrs.Factory(lambda: [1])
    d: int = attrs.Factory(lambda self: len(self.a), takes_self=True)
    e: Any = list
    f: frozenset[int] = frozenset()
    g: Colour = Colour.RED
    h: float = float("nan")
    i: Literal["a"] | None = None
    j: tuple[int, ...] = (1, 2)


@pytest.mark.parametrize("change", [{}, *({name: 1} for name in "abcdefghij")], ids=str)
def test_defaults_are_omitted(change: dict[str, Any]) -> None:
    """A field is omitted if it equals the default or what the factory makes."""
    others = {
        "a": [1],
        "b": {"a": 1},
        "c": [],
        "d": 5,
        "e": [],
        "f": frozenset({1}),
        "g": Colour.TWO,
        "h": 1.5,
        "i": "a",
        "j": (),
    }
    changed = {"h": 0.5} | {name: others[name] for name in change}
    record, converter = Defaults(**changed), make_converter(omit_if_default=True)
    encoder = Encoder(converter=converter)
    assert encoder.not_accelerated(Defaults) is None
    expected = exact_json.dumps(converter.unstructure(record))
    assert expected == writer_of(encoder).encode(record)


def test_default_that_cannot_be_made() -> None:
    """C hands a record back if a factory or a comparison raises."""

    class Uneasy:
        def __ne__(self, other: object) -> bool:
            raise ZeroDivisionError

        __hash__ = None  # type: ignore[assignment]

    def raising() -> Any:
        raise ZeroDivisionError

    for default in (attrs.Factory(raising), Uneasy()):
        cls = slotted("Cls", x=attrs.field(default=default, type=int))
        encoder = Encoder(converter=make_converter(omit_if_default=True))
        assert encoder.not_accelerated(cls) is None
        assert writer_of(encoder).encode(cls(5)) is BACK
        with pytest.raises(EncodeError) as caught:
            encoder.encode(cls(5))
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_hook_with_an_info_of_its_own() -> None:
    """A hook can be any callable, with any attributes."""

    class Hook:
        info = "mine"

        def __call__(self, value: Any) -> Any:
            return value.of

    encoder = mine_encoder(Hook())
    record = Work(1, Mine(5))
    assert encoder.not_accelerated(Work) is None
    assert b'"mine":5' in writer_of(encoder).encode(record)


def test_two_keys_with_one_text() -> None:
    """Two keys of a dict that have the same text are refused."""
    converter = make_converter()
    converter.register_unstructure_hook(Name, lambda name: name.lower())
    encoder = Encoder(converter=converter)
    cls = holder(dict[Name, int])
    encoder.not_accelerated(cls)
    assert b'{"x":{"a":1,"b":2}}' == writer_of(encoder).encode(cls({"A": 1, "B": 2}))
    assert writer_of(encoder).encode(cls({"A": 1, "a": 2})) is BACK
    with pytest.raises(EncodeError, match="the same text"):
        encoder.encode(cls({"A": 1, "a": 2}))


def test_threads_learn_classes() -> None:
    """Threads that add classes to one writer at once do not mix them up."""
    classes = [slotted(f"C{i}", **{f"f{i}": slotted(f"In{i}", x=int)}) for i in range(60)]
    encoder, wrong = Encoder(), []

    def write() -> None:
        for i, cls in enumerate(classes):
            inner = attrs.fields(cls)[0].type
            if encoder.encode(cls(inner(i))) != b'{"f%d":{"x":%d}}' % (i, i):
                wrong.append(i)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong
    assert [None] * 60 == list(map(encoder.not_accelerated, classes))


def test_metaclass_with_a_hash_of_its_own() -> None:
    """C finds a class by its identity."""

    class Meta(type):
        def __hash__(cls) -> int:
            return 5

        def __eq__(cls, other: object) -> bool:
            return cls is other

    cls = attrs.define(Meta("Cls", (), {"__annotations__": {"x": int}}))
    encoder = Encoder()
    assert encoder.not_accelerated(cls) is None
    assert b'{"x":5}' == writer_of(encoder).encode(cls(5))
