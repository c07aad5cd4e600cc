"""Writing by the C extension: what it writes by itself, and what it gives back."""

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

# --- writing ---------------------------------------------------------------------------------


def written(record: Any, **options: Any) -> Any:
    """Return what C writes of a record, which is what the reference writes; BACK where nothing."""
    encoder = encoder_for(**options)
    found = writer_of(encoder).encode(record)
    if found is not BACK:
        assert orjson.dumps(make_converter_for(**options).unstructure(record)) == found
    return found


@functools.cache
def make_converter_for(dialect: Any = "api", **options: Any) -> Converter:
    """Return the reference of writing."""
    return make_converter(dialect, **options)


@functools.cache
def encoder_for(dialect: Any = "api", **options: Any) -> Encoder:
    """Return an encoder that knows the classes here."""
    encoder = (
        Encoder(converter=make_converter(dialect, **options))
        if options
        else Encoder(dialect=dialect)
    )
    for cls in (*CLASSES, *WRITTEN):
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


WRITTEN: Final = (Texts, Numbers, Lists, Nothing, Point, Base, Derived, Mine)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_class_is_written(cls: Any, dialect: Any) -> None:
    """C writes every class in every spelling, full, and with unknown keys."""
    record = full(cls)
    needed = {
        a.name: getattr(record, a.name) for a in attrs.fields(cls) if a.default is attrs.NOTHING
    }
    extras = [{"new": 1}, {"a": [1.5, None, {"b": "é"}], "c": "x"}, {}]
    for one in (
        record,
        cls(**needed),
        *(attrs.evolve(record, additional_properties=e) for e in extras),
    ):
        is_odd_cost = cls is CostsResult and one.additional_properties is not NO_PROPERTIES
        assert (written(one, dialect=dialect) is BACK) == is_odd_cost


def test_numbers_are_written() -> None:
    """Integers of any length, floats and booleans are written by C."""
    edges = (
        [10**n + d for n in range(19) for d in (-1, 0, 1)] + [2**n for n in range(63)] + [2**63 - 1]
    )
    for number in [*edges, *(-edge for edge in edges), -(2**63), 5, 10, 99, 100]:
        assert written(Numbers(x=number)) is not BACK
    for four in range(10_000):
        for number in (four, four * 10**4, four * 10**8 + 8_765_432):
            assert written(Numbers(x=number)) is not BACK
    for number in (0.0, -0.0, 1.5, 1e300, 5e-324, 0.1, 1e16, 123456.789):
        assert written(Numbers(y=number)) is not BACK
    assert b'{"x":5,"y":0.5,"z":1,"b":true,"n":7}' == written(Numbers(b=True, n=7))


@pytest.mark.parametrize("long", [2**20, 2**25])
def test_text_of_many_megabytes_is_written(long: int) -> None:
    """A text so large that its memory is asked for in steps is the texts of its records."""
    records = [UsageVectorStoresResult(usage_bytes=i, project_id="x" * 2**13) for i in range(9000)]
    records.insert(4500, UsageVectorStoresResult(usage_bytes=1, project_id="y" * long))
    encoder = encoder_for()
    text = encoder.encode_lines(records)
    assert len(text) > 2**25
    assert text == b"".join(encoder.encode(record) + b"\n" for record in records)
    assert encoder.encode(records) + b"\n" == b"[" + text[:-1].replace(b"\n", b",") + b"]\n"


def test_first_list_is_not_copied() -> None:
    """An encoder that has not met a class writes a list of it in the memory of its text."""
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


def test_money_is_written() -> None:
    """Money is written by C as by the reference."""
    rolled = dice(6)
    texts = [*TOKENS["money"]]
    for _ in range(3000):
        whole = str(rolled.randrange(10 ** rolled.randrange(1, 18)))
        texts.append(
            f"{rolled.choice(['', '-'])}{whole}.{rolled.randrange(10 ** rolled.randrange(1, 18))}"
        )
        texts.append(
            f"0.{'0' * rolled.randrange(6)}{rolled.randrange(10 ** rolled.randrange(1, 12))}"
        )
    for one in texts:
        assert written(Numbers(z=Decimal(one))) is not BACK, one


def test_texts_are_written() -> None:
    """Text of any length, with any character at any place, is written by C."""
    for length in range(40):
        for at in range(length + 1):
            for odd in ("", "é", '"', "\\", "\n", "\x00", "\x7f", "\x1f", "😀", "\u2028"):
                assert written(Texts("a" * at + odd + "b" * (length - at))) is not BACK
    assert written(Texts("a" * 100_000, "é" * 50_000)) is not BACK


CANNOT_BE_WRITTEN: Final = [
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
]


@pytest.mark.parametrize("index", range(len(CANNOT_BE_WRITTEN)))
def test_cannot_be_written(index: int) -> None:
    """What would not read back equal is not written by C, and the reference refuses it."""
    record = CANNOT_BE_WRITTEN[index]

    assert writer_of(encoder_for()).encode(record) is BACK
    for call in (
        lambda: encoder_for().encode(record),
        lambda: encoder_for().encode_lines([record]),
    ):
        with pytest.raises(UsageWireError):
            call()


def test_values_that_are_left_out() -> None:
    """A value that equals the default is left out where that is asked for, as by the reference."""
    for record in (
        *(Numbers(), Numbers(5, 0.5, Decimal(1)), Numbers(6, 0.25, Decimal(2), b=True, n=1)),
        *(Numbers(x=5000), Numbers(y=-0.5), Numbers(z=Decimal("1.0")), Numbers(z=Decimal("1.5"))),
        *(
            Derived(1),
            Derived(1, "base", 0.5),
            Derived(1, str(b"base", "ascii")),
            Derived(1, "other"),
        ),
        *(Texts("a"), Texts("a", None), Texts("a", "b"), Lists([1]), Lists([], (), None)),
    ):
        assert written(record, omit_if_default=True) is not BACK
        assert written(record) is not BACK
    assert b"{}" == written(Numbers(), omit_if_default=True)
    assert b'{"b":true}' == written(Numbers(b=True), omit_if_default=True)
    assert b'{"x":6,"b":true}' == written(Numbers(x=6, b=True), omit_if_default=True)
    assert written(Numbers(x=True), omit_if_default=True) is BACK
    assert written(Numbers(x=5.0), omit_if_default=True) is BACK
    assert b"{}" == written(Nothing())


@attrs.frozen
class Holder:
    """Holds a record of one class."""

    base: Base


def test_derived_record_is_not_written_as_its_base() -> None:
    """A field of a class takes that class alone, as the reference does."""
    writer_of(encoder_for()).learn(Holder)
    assert written(Holder(Base(1))) is not BACK
    assert written(Holder(Derived(1))) is BACK
    with pytest.raises(EncodeError, match="expected a Base, got a Derived"):
        encoder_for().encode(Holder(Derived(1)))


HELD: Final[list[Any]] = []


@attrs.define(eq=False)
class Dropping:
    """Its `==` drops what may be the last reference to itself."""

    n: int = 0
    s: str = ""

    def __eq__(self, other: object) -> bool:
        if HELD:
            HELD.pop().inner = other
        return False

    __hash__ = None  # type: ignore[assignment]


@attrs.define
class Dropped:
    """Holds such a value, and its default."""

    a: int
    inner: Dropping = Dropping(0, "default")  # noqa: RUF009 -- a default that is compared


def test_comparing_by_code_is_left_to_the_reference() -> None:
    """A default whose `==` is code of a user's may free what is compared: C does not compare it."""
    encoder = Encoder(converter=make_converter(omit_if_default=True))
    reason = "Dropped.inner has a default that C does not compare"
    assert (reason, None) == (encoder.not_accelerated(Dropped), Encoder().not_accelerated(Dropped))
    for i in range(50):
        record = Dropped(1, Dropping(5, "x" * 50 + str(i)))
        HELD.append(record)
        assert writer_of(encoder).encode(record) is BACK
        assert encoder.encode(record) == b'{"a":1,"inner":{"n":5,"s":"%sx%d"}}' % (b"x" * 49, i)
        assert not HELD


def test_default_that_does_not_equal_itself() -> None:
    """A NaN equals nothing, itself included: it is not left out, and so cannot be written."""

    @attrs.frozen
    class NotEqual:
        x: float = float("nan")
        y: Decimal = Decimal("NaN")

    for record in (NotEqual(), NotEqual(1.5), NotEqual(y=Decimal(1))):
        assert written(record, omit_if_default=True) is BACK
        with pytest.raises(EncodeError):
            encoder_for(omit_if_default=True).encode(record)
    assert written(NotEqual(1.5, Decimal(1)), omit_if_default=True) is not BACK


def test_lists_are_written() -> None:
    """Lists, tuples and records in them are written by C."""
    for record in (
        *(Lists([]), Lists([1]), Lists([1, None, 3]), Lists([], (Point(1), Base(2), Point(3)))),
        *(Lists([], (), Point(1)), Lists([], (), Base(1)), Lists([None], (), None)),
    ):
        assert written(record) is not BACK


def test_list_of_records_is_written() -> None:
    """A list of records is written by C, unless one of them is not plain."""
    encoder = encoder_for()
    for records in ([], [Point(1)], [Point(1), Base(2), Point(3)]):
        assert written(records) is not BACK
    for records in ((Point(1),), [[Point(1)]]):
        assert orjson.dumps(make_converter().unstructure(records)) == encoder.encode(records)
    for records in ([Point(1), Point("x")], [5], [Point(1), None], [Derived]):
        assert writer_of(encoder).encode(records) is BACK


def test_unknown_keys_come_after_a_comma() -> None:
    """Unknown keys stand behind a comma where anything stands before them, and only there."""
    empty = attrs.make_class(
        "Empty", {"additional_properties": attrs.field(factory=dict)}, slots=True
    )
    encoder = Encoder()
    for record, expected in (
        (empty(), b"{}"),
        (empty({"a": 1}), b'{"a":1}'),
        (empty({"a": 1, "b": 2}), b'{"a":1,"b":2}'),
    ):
        assert encoder.not_accelerated(empty) is None
        assert expected == writer_of(encoder).encode(record)


def test_slots_that_are_empty() -> None:
    """A record with a slot that was never filled, or emptied, is given back."""
    record = Point.__new__(Point)

    assert writer_of(encoder_for()).encode(record) is BACK
    with pytest.raises(UsageWireError):
        encoder_for().encode(record)
    row = full(UsageVectorStoresResult)
    object.__delattr__(row, "additional_properties")
    assert writer_of(encoder_for()).encode(row) is BACK


def test_writing_is_interrupted() -> None:
    """An interrupt while much is written comes through."""
    many = [Point(1)] * 2_000_000
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        with pytest.raises(KeyboardInterrupt):
            writer_of(encoder_for()).encode_lines(many, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_lines_are_written() -> None:
    """Records of a list are written from an index on, up to one that is not known or plain."""
    writer = writer_of(encoder_for())
    records = [Point(1), Base(2), Point("x"), Point(3)]

    assert (b'{"x":1,"note":""}\n{"x":2,"y":"base"}\n', 2) == writer.encode_lines(records, 0)
    assert (b'{"x":2,"y":"base"}\n', 2) == writer.encode_lines(records, 1)
    assert (b"", 2) == writer.encode_lines(records, 2)
    assert (b'{"x":3,"note":""}\n', 4) == writer.encode_lines(records, 3)
    assert (b"", 4) == writer.encode_lines(records, 4)
    assert (b"", 9) == writer.encode_lines(records, 9)
    assert (b"", -1) == writer.encode_lines(records, -1)
    assert (b"", sys.maxsize) == writer.encode_lines(records, sys.maxsize)
    assert (b"", 0) == writer.encode_lines([5], 0)
    assert (b"", 0) == writer.encode_lines([], 0)
    many = [Point(i) for i in range(20_000)]
    assert (
        b"".join(b'{"x":%d,"note":""}\n' % i for i in range(20_000))
        == writer.encode_lines(many, 0)[0]
    )
    with pytest.raises(TypeError):
        writer.encode_lines((Point(1),), 0)


@pytest.mark.parametrize("sizes", [(1, 1000), (1000, 1), (1, 1), (100, 101), (9_000_000, 1)])
@pytest.mark.parametrize("count", [63, 64, 65, 66, 200])
def test_size_of_many_records_is_guessed(count: int, sizes: tuple[int, int]) -> None:
    """However far the first records are from the size of the others, the text is the same."""
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
def test_writing_leaves_nothing_behind() -> None:
    """Writing any record again and again, good or bad, takes no more memory."""
    encoder = encoder_for()
    shared = [None, Point, NO_PROPERTIES, orjson.dumps, Decimal, Lists]
    records = [
        *map(full, CLASSES),
        *CANNOT_BE_WRITTEN,
        Numbers(z=Decimal("1E+20")),
        Texts("é"),
        Nothing(),
    ]
    records += [
        attrs.evolve(full(cls), additional_properties={"a": [1], "b": "x"}) for cls in CLASSES
    ]
    records += [Lists([1, None, 300], (Point(1), Base(2)), Point(3)), Lists([], (), Derived(1))]
    for record in records:
        counts = [sys.getrefcount(one) for one in [*shared, record]]
        values = [getattr(record, a.name) for a in attrs.fields(type(record))]
        held = [sys.getrefcount(value) for value in values]
        assert abs(grown(lambda record=record: writer_of(encoder).encode(record))) < 30, record
        assert (
            abs(grown(lambda record=record: writer_of(encoder).encode_lines([record] * 4, 0))) < 30
        ), record
        assert all(
            abs(sys.getrefcount(one) - n) < 20
            for one, n in zip([*shared, record], counts, strict=True)
        ), record
        assert all(
            abs(sys.getrefcount(one) - n) < 20 for one, n in zip(values, held, strict=True)
        ), record


def test_subclass_is_another_class() -> None:
    """An instance of a derived class is not written as one of its base."""
    assert b'{"x":1,"y":"base","z":0.5}' == Encoder().encode(Derived(1))
    assert b'{"x":1,"y":"base"}\n{"x":1,"y":"base","z":0.5}\n' == Encoder().encode_lines(
        [Base(1), Derived(1)]
    )
    assert json.loads(dumps(Mine(usage_bytes=1)))["mine"] == 7
