"""Records that C writes by itself, and records that it hands back to the reference."""

import functools
import json
import signal
import sys
import tracemalloc
from decimal import Decimal
from typing import Any, Final

import attrs
import orjson
import pytest
from cattrs import Converter

from tests.support.native import (
    BACK,
    BY_C,
    TOKENS,
    Base,
    Derived,
    Mine,
    Point,
    dice,
    grown,
    slotted,
    writer_of,
)
from tests.support.records import CLASSES, full
from tests.support.samples import COSTS
from usagewire import (
    DIALECTS,
    CostsResult,
    EncodeError,
    Encoder,
    UnknownResult,
    UsageVectorStoresResult,
    UsageWireError,
    dumps,
    make_converter,
)
from usagewire.models import NO_PROPERTIES

pytestmark = BY_C


def written(record: Any, **options: Any) -> Any:
    """Return the JSON that C writes, which must be the reference's, or BACK."""
    found = writer_of(encoder_for(**options)).encode(record)
    if found is not BACK:
        assert orjson.dumps(converter_for(**options).unstructure(record)) == found
    return found


@functools.cache
def converter_for(dialect: Any = "api", **options: Any) -> Converter:
    """Return the reference of writing."""
    return make_converter(dialect, **options)


@functools.cache
def encoder_for(dialect: Any = "api", **options: Any) -> Encoder:
    """Return an encoder that knows the classes of this module."""
    converter = make_converter(dialect, **options) if options else None
    encoder = Encoder(converter=converter) if converter else Encoder(dialect=dialect)
    for cls in (*CLASSES, Texts, Numbers, Lists, Nothing, Point, Base, Derived, Mine):
        assert encoder.not_accelerated(cls) is None
    return encoder


@attrs.frozen
class Texts:
    x: str
    y: str | None = None


@attrs.frozen
class Numbers:
    x: int = 5
    y: float = 0.5
    z: Decimal = Decimal(1)
    b: bool = False
    n: int | None = None


@attrs.frozen
class Lists:
    items: list[int | None]
    rows: tuple[Point | Base, ...] = ()
    one: Point | Base | None = None


@attrs.frozen
class Nothing:
    pass


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class(cls: Any, dialect: Any) -> None:
    """C writes every class in every spelling, with all fields, few fields or unknown keys."""
    record = full(cls)
    required = [a.name for a in attrs.fields(cls) if a.default is attrs.NOTHING]
    least = cls(**{name: getattr(record, name) for name in required})
    extras = [{"new": 1}, {"a": [1.5, None, {"b": "é"}], "c": "x"}, {}]
    for one in (record, least, *(attrs.evolve(record, additional_properties=e) for e in extras)):
        is_for_reference = cls is CostsResult and one.additional_properties is not NO_PROPERTIES
        assert (written(one, dialect=dialect) is BACK) == is_for_reference


def test_numbers() -> None:
    """C writes integers of any length, floats and booleans."""
    edges = [10**n + d for n in range(19) for d in (-1, 0, 1)]
    edges += [2**n for n in range(63)] + [2**63 - 1]
    for number in [*edges, *(-edge for edge in edges), -(2**63), 5, 10, 99, 100]:
        assert written(Numbers(x=number)) is not BACK
    for four in range(10_000):
        for number in (four, four * 10**4, four * 10**8 + 8_765_432):
            assert written(Numbers(x=number)) is not BACK
    for number in (0.0, -0.0, 1.5, 1e300, 5e-324, 0.1, 1e16, 123456.789):
        assert written(Numbers(y=number)) is not BACK
    assert b'{"x":5,"y":0.5,"z":1,"b":true,"n":7}' == written(Numbers(b=True, n=7))


def test_money() -> None:
    """C writes money as the reference does."""
    rolled = dice(6)
    texts = [*TOKENS["money"]]
    for _ in range(3000):
        whole, part = (rolled.randrange(10 ** rolled.randrange(1, 18)) for _ in range(2))
        zeros, rest = "0" * rolled.randrange(6), rolled.randrange(10 ** rolled.randrange(1, 12))
        texts += [f"{rolled.choice(['', '-'])}{whole}.{part}", f"0.{zeros}{rest}"]
    for one in texts:
        assert written(Numbers(z=Decimal(one))) is not BACK, one


def test_texts() -> None:
    """C writes strings of any length, with any character at any place."""
    for length in range(40):
        for at in range(length + 1):
            for one in ("", "é", '"', "\\", "\n", "\x00", "\x7f", "\x1f", "😀", "\u2028"):
                assert written(Texts("a" * at + one + "b" * (length - at))) is not BACK
    assert written(Texts("a" * 100_000, "é" * 50_000)) is not BACK


@pytest.mark.parametrize("long", [2**20, 2**25])
def test_text_of_many_megabytes(long: int) -> None:
    """A text that takes its memory in steps is the texts of its records."""
    records = [UsageVectorStoresResult(usage_bytes=i, project_id="x" * 2**13) for i in range(9000)]
    records.insert(4500, UsageVectorStoresResult(usage_bytes=1, project_id="y" * long))
    encoder = encoder_for()
    text = encoder.encode_lines(records)
    assert len(text) > 2**25
    assert text == b"".join(encoder.encode(record) + b"\n" for record in records)
    assert encoder.encode(records) + b"\n" == b"[" + text[:-1].replace(b"\n", b",") + b"]\n"


def test_first_list_is_not_copied() -> None:
    """An encoder that first meets a class writes a list of it in the memory of its text."""
    records = [UsageVectorStoresResult(usage_bytes=1, project_id="x" * 2**10)] * 2**11
    encoder = Encoder()
    tracemalloc.start()
    try:
        text = encoder.encode_lines(records)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(text) > 2**21
    assert peak < 1.5 * len(text)


UNWRITABLE: Final = [
    *(Numbers(x=one) for one in (2**63, -(2**63) - 1, 2**64, 1.0, True, "5", None)),
    *(Numbers(y=one) for one in (float("nan"), float("inf"), -float("inf"), 1, None)),
    *(Numbers(z=one) for one in (Decimal("NaN"), Decimal("Infinity"), Decimal("1E+6145"), 1, None)),
    *(Numbers(b=one) for one in (1, 0, None, "true")),
    *(Texts(one) for one in (None, 5, b"x", "\ud800")),
    *(Lists(one) for one in ((1,), None, [1, "x"], [True], [1.0])),
    *(Lists([], one) for one in ([Point(1)], (Point(1), 5), (Derived(1),), (None,), (Point("x"),))),
    *(Lists([], (), one) for one in (Derived(1), 5, UsageVectorStoresResult(usage_bytes=1))),
    *(
        Mine(usage_bytes=1, additional_properties=one)
        for one in (None, [], {"usage_bytes": 1}, {1: 2}, {"a": {1}})
    ),
    UnknownResult(object=COSTS),
    UnknownResult(object=5),
    Point.__new__(Point),
]
"""Records that would not read back equal; the last one has empty slots."""


@pytest.mark.parametrize("index", range(len(UNWRITABLE)))
def test_unwritable_records(index: int) -> None:
    """C hands back a record that would not read back equal, and the reference refuses it."""
    record, encoder = UNWRITABLE[index], encoder_for()

    assert writer_of(encoder).encode(record) is BACK
    with pytest.raises(UsageWireError):
        encoder.encode(record)
    with pytest.raises(UsageWireError):
        encoder.encode_lines([record])


def test_slot_for_unknown_keys_is_empty() -> None:
    """C hands back a record without a value for its unknown keys."""
    record = full(UsageVectorStoresResult)
    object.__delattr__(record, "additional_properties")
    assert writer_of(encoder_for()).encode(record) is BACK


def test_omitted_defaults() -> None:
    """With `omit_if_default` C omits values that equal the default, as the reference does."""
    for record in (
        *(Numbers(), Numbers(5, 0.5, Decimal(1)), Numbers(6, 0.25, Decimal(2), b=True, n=1)),
        *(Numbers(x=5000), Numbers(y=-0.5), Numbers(z=Decimal("1.0")), Numbers(z=Decimal("1.5"))),
        *(Derived(1), Derived(1, "base", 0.5), Derived(1, str(b"base", "ascii"))),
        *(Derived(1, "other"), Texts("a"), Texts("a", None), Texts("a", "b")),
        *(Lists([1]), Lists([], (), None)),
    ):
        assert written(record, omit_if_default=True) is not BACK
        assert written(record) is not BACK
    assert b"{}" == written(Numbers(), omit_if_default=True)
    assert b'{"b":true}' == written(Numbers(b=True), omit_if_default=True)
    assert b'{"x":6,"b":true}' == written(Numbers(x=6, b=True), omit_if_default=True)
    assert written(Numbers(x=True), omit_if_default=True) is BACK
    assert b"{}" == written(Numbers(x=5.0), omit_if_default=True)
    assert b"{}" == written(Nothing())


HELD: Final[list[Any]] = []


@attrs.define(eq=False)
class Dropping:
    """Its `==` drops the only other reference to it."""

    n: int = 0
    s: str = ""

    def __eq__(self, other: object) -> bool:
        if HELD:
            HELD.pop().inner = other
        return False

    __hash__ = None  # type: ignore[assignment]


@attrs.define
class Dropped:
    """Holds such a value, and has one as default."""

    a: int
    inner: Dropping = Dropping(0, "default")  # noqa: RUF009 -- a default that is compared


def test_comparing_drops_the_value() -> None:
    """A comparison by user code can drop the other references to the value."""
    encoder = Encoder(converter=make_converter(omit_if_default=True))
    assert encoder.not_accelerated(Dropped) is None
    for i in range(50):
        record = Dropped(1, Dropping(5, "x" * 50 + str(i)))
        HELD.append(record)
        expected = b'{"a":1,"inner":{"n":5,"s":"%sx%d"}}' % (b"x" * 49, i)
        assert expected == writer_of(encoder).encode(record)
        assert not HELD


def test_default_that_does_not_equal_itself() -> None:
    """A default of NaN is not omitted, so it cannot be written."""

    @attrs.frozen
    class NotEqual:
        x: float = float("nan")
        y: Decimal = Decimal("NaN")

    for record in (NotEqual(), NotEqual(1.5), NotEqual(y=Decimal(1))):
        assert written(record, omit_if_default=True) is BACK
        with pytest.raises(EncodeError):
            encoder_for(omit_if_default=True).encode(record)
    assert written(NotEqual(1.5, Decimal(1)), omit_if_default=True) is not BACK


def test_lists() -> None:
    """C writes lists, tuples and the records in them."""
    for record in (
        *(Lists([]), Lists([1]), Lists([1, None, 3]), Lists([], (Point(1), Base(2), Point(3)))),
        *(Lists([], (), Point(1)), Lists([], (), Base(1)), Lists([None], (), None)),
        *([], [Point(1)], [Point(1), Base(2), Point(3)]),
    ):
        assert written(record) is not BACK
    encoder = encoder_for()
    for records in ((Point(1),), [[Point(1)]]):
        assert orjson.dumps(make_converter().unstructure(records)) == encoder.encode(records)
    for records in ([Point(1), Point("x")], [5], [Point(1), None], [Derived]):
        assert writer_of(encoder).encode(records) is BACK


def test_unknown_keys_come_after_a_comma() -> None:
    """Unknown keys follow a comma if they are not first in the object."""
    empty = slotted("Empty", additional_properties=attrs.field(factory=dict))
    encoder = Encoder()
    assert encoder.not_accelerated(empty) is None
    for extra, expected in (
        ({}, b"{}"),
        ({"a": 1}, b'{"a":1}'),
        ({"a": 1, "b": 2}, b'{"a":1,"b":2}'),
    ):
        assert expected == writer_of(encoder).encode(empty(extra))


def test_derived_record_is_not_written_as_its_base() -> None:
    """C writes a derived record as its own class, and not in a field of the base class."""
    holder = slotted("Holder", base=Base)
    writer_of(encoder_for()).learn(holder)
    assert written(holder(Base(1))) is not BACK
    assert written(holder(Derived(1))) is BACK
    with pytest.raises(EncodeError, match="expected a Base, got a Derived"):
        encoder_for().encode(holder(Derived(1)))
    base, derived = b'{"x":1,"y":"base"}', b'{"x":1,"y":"base","z":0.5}'
    assert derived == Encoder().encode(Derived(1))
    assert base + b"\n" + derived + b"\n" == Encoder().encode_lines([Base(1), Derived(1)])
    assert json.loads(dumps(Mine(usage_bytes=1)))["mine"] == 7


def test_interrupt() -> None:
    """An interrupt stops the writing of many records."""
    many = [Point(1)] * 2_000_000
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        with pytest.raises(KeyboardInterrupt):
            writer_of(encoder_for()).encode_lines(many, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_lines() -> None:
    """C writes records from an index up to one that it hands back or does not know."""
    writer = writer_of(encoder_for())
    records = [Point(1), Base(2), Point("x"), Point(3)]
    for start, text, end in (
        (0, b'{"x":1,"note":""}\n{"x":2,"y":"base"}\n', 2),
        (1, b'{"x":2,"y":"base"}\n', 2),
        (2, b"", 2),
        (3, b'{"x":3,"note":""}\n', 4),
        *((index, b"", index) for index in (4, 9, -1, sys.maxsize)),
    ):
        assert (text, end) == writer.encode_lines(records, start)
    assert (b"", 0) == writer.encode_lines([5], 0)
    assert (b"", 0) == writer.encode_lines([], 0)
    many = [Point(i) for i in range(20_000)]
    text = b"".join(b'{"x":%d,"note":""}\n' % i for i in range(20_000))
    assert (text, 20_000) == writer.encode_lines(many, 0)
    with pytest.raises(TypeError):
        writer.encode_lines((Point(1),), 0)


@pytest.mark.parametrize("sizes", [(1, 1000), (1000, 1), (1, 1), (100, 101), (9_000_000, 1)])
@pytest.mark.parametrize("count", [63, 64, 65, 66, 200])
def test_estimated_size(count: int, sizes: tuple[int, int]) -> None:
    """The text is correct, and not larger than needed, if later records have another size."""
    first, rest = (Base(1, "y" * size) for size in sizes)
    many = [first] + [rest] * (count - 1)
    texts = [b'{"x":1,"y":"%s"}\n' % (b"y" * size) for size in sizes]
    expected = texts[0] + texts[1] * (count - 1)
    text, at = writer_of(encoder_for()).encode_lines(many, 0)
    assert (len(expected), count) == (len(text), at)
    assert expected == text
    assert hash(expected) == hash(text)
    assert sys.getsizeof(text) == sys.getsizeof(expected)


@pytest.mark.usefixtures("_small_heap")
def test_nothing_is_kept() -> None:
    """Writing a record many times, good or bad, keeps no memory and no references."""
    writer = writer_of(encoder_for())
    records = [*map(full, CLASSES), *UNWRITABLE[:-1]]
    records += [Numbers(z=Decimal("1E+20")), Texts("é"), Nothing()]
    extra = {"a": [1], "b": "x"}
    records += [attrs.evolve(full(cls), additional_properties=extra) for cls in CLASSES]
    records += [Lists([1, None, 300], (Point(1), Base(2)), Point(3)), Lists([], (), Derived(1))]
    for record in records:
        held = [None, Point, NO_PROPERTIES, orjson.dumps, Decimal, Lists, record]
        held += [getattr(record, a.name) for a in attrs.fields(type(record))]
        counts = [sys.getrefcount(one) for one in held]
        assert abs(grown(lambda record=record: writer.encode(record))) < 30, record
        many = [record] * 4
        assert abs(grown(lambda many=many: writer.encode_lines(many, 0))) < 30, record
        del many
        after = [sys.getrefcount(one) for one in held]
        assert all(abs(b - a) < 20 for a, b in zip(counts, after, strict=True)), record


def test_an_interrupt_while_a_class_is_added() -> None:
    """C writes the class and those after it, if the class is added again."""
    encoder = Encoder()
    writer = writer_of(encoder)
    native = writer._native  # noqa: SLF001 -- an interrupt can come after it

    class Interrupted:
        def add(self, classes: Any) -> int:
            native.add(classes)
            raise KeyboardInterrupt

    writer._native = Interrupted()  # noqa: SLF001
    with pytest.raises(KeyboardInterrupt):
        encoder.encode(UsageVectorStoresResult(usage_bytes=1))
    writer._native = native  # noqa: SLF001

    for record in (CostsResult(), UsageVectorStoresResult(usage_bytes=1)):
        assert dumps(record) == encoder.encode(record)
        assert encoder.not_accelerated(type(record)) is None
