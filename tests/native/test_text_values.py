"""Values that JSON holds as text, read and written by C: dates, times, durations, UUIDs, bytes."""

import copy
import datetime as dt
import functools
import pickle
import re
import weakref
from collections.abc import Callable
from typing import Annotated, Any, Final, NewType
from uuid import UUID, SafeUUID
from zoneinfo import ZoneInfo

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.comparing import Refused, outcome
from tests.support.native import BACK, BY_C, converter_for, dice, meant, slotted, taken, writer_of
from tests.support.samples import DATA
from usagewire import Decoder, EncodeError, Encoder, make_converter
from usagewire.native import plans

pytestmark = BY_C

TYPES: Final = (dt.datetime, dt.date, dt.time, dt.timedelta, UUID, bytes)


def _tokens() -> dict[str, list[bytes]]:
    """Return the JSON strings of `text_values.txt`, by section."""
    found: dict[str, list[bytes]] = {}
    for line in (DATA / "text_values.txt").read_text("utf-8").splitlines()[1:]:
        if line.startswith("["):
            section = found.setdefault(line[1:-1], [])
        else:
            section += (token.encode() for token in line.split("  "))
    return found


TOKENS: Final = _tokens()


def tokens(kind: type, how: str) -> list[bytes]:
    """Return the JSON strings of a section."""
    return TOKENS.get(f"{kind.__name__}: {how}", [])


def usual(kind: type) -> list[bytes]:
    """Return the JSON strings that C reads as values of the type."""
    return tokens(kind, "read by C")


@functools.cache
def alone(kind: Any) -> Any:
    """Return a plan that calls no hook."""
    return plans.plan_for(make_converter().get_structure_hook(kind), kind, calls=False)


def same(kind: Any, data: bytes) -> Any:
    """Return the value that C alone reads, or BACK. Compare it, and that of C with hooks."""
    found = alone(kind).decode(data)
    expected = meant(kind, data)
    if found is not BACK:
        assert expected == (type(found), found), data
        value = expected[1]
        if isinstance(found, dt.datetime | dt.time):
            assert repr(value) == repr(found)  # also the zone
            assert (found.tzinfo is dt.UTC) == (value.tzinfo is dt.UTC)
    taken(kind, data)
    return found


@pytest.mark.parametrize("kind", TYPES)
def test_reading(kind: Any) -> None:
    """C reads the usual texts, and leaves others to the hook, which reads or refuses them."""
    number = attrs.field(type=int, default=1)
    holder = slotted("Holder", frozen=True, x=attrs.field(type=kind), y=number)
    for data in (token for section in TOKENS.values() for token in section):
        is_refused = isinstance(meant(kind, data), Refused)
        if data in usual(kind):
            assert same(kind, data) is not BACK
        else:
            assert is_refused or data not in tokens(kind, "refused")
            assert not is_refused or data not in tokens(kind, "read by the hook")
            assert same(kind, data) is BACK or data not in tokens(kind, "read by the hook")
        for frame in (b'{"x":%s}', b'{"y":5,"x": %s }'):
            assert outcome(Decoder(holder).decode, frame % data) == meant(holder, frame % data)
        value = taken(list[kind], b"[%s,%s]" % (data, data))
        assert is_refused == (value is BACK)


def test_other_json() -> None:
    """A value that is not a string, or a string with escapes, is left to the hook."""
    for kind in TYPES:
        data = usual(kind)[-1]
        escaped = b'"\\u00%02x%s' % (data[1], data[2:])
        assert alone(kind).decode(escaped) is BACK
        assert taken(kind, data) == taken(kind, escaped)
        for other in (*b'5 null true [] {} " "0 "\xff" "0\n"'.split(b" "), b"", b" "):
            assert same(kind, other) is BACK
        assert alone(kind | None).decode(b"null") is None


def test_each_cut_text() -> None:
    """C reads nothing past the end of a text, and refuses a text in which a byte is missing."""
    for kind in TYPES:
        for data in usual(kind):
            for at in range(len(data)):
                same(kind, data[:at])
                same(kind, data[:at] + data[at + 1 :])


ALPHABET: Final = '0123456789-+:.TtZz PWDHMSabcdefABCDEFgG~{|}!#_é/\\" '


@st.composite
def _damaged(draw: st.DrawFn) -> tuple[Any, str]:
    kind = draw(st.sampled_from(TYPES))
    text = orjson.loads(draw(st.sampled_from(usual(kind))))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        more = draw(st.sampled_from(ALPHABET) | st.just(""))
        text = text[:at] + more + text[at + draw(st.integers(0, 1)) :]
    return kind, text


@given(st.tuples(st.sampled_from(TYPES), st.text(max_size=40)) | _damaged())
def test_any_text(case: tuple[Any, str]) -> None:
    """C reads any text as the reference, or leaves it to the reference."""
    kind, text = case
    same(kind, orjson.dumps(text.encode("utf-8", "replace").decode()))


@given(st.text("0123456789ABCDXYZabcdxyz!#$%&()*+-;<=>?@^_`{|}~", max_size=12))
def test_any_base85(text: str) -> None:
    """C reads exactly the base85 that the reference reads."""
    data = orjson.dumps(text)
    assert (same(bytes, data) is BACK) == isinstance(meant(bytes, data), Refused)


def test_every_last_group_of_base85() -> None:
    """C reads exactly the last groups that the encoder gives."""
    rolled = dice(5)
    for _ in range(3000):
        text = "".join(rolled.choices("0129AZaz|}~{", k=rolled.randrange(1, 5)))
        data = orjson.dumps("00000" + text)
        assert (same(bytes, data) is BACK) == isinstance(meant(bytes, data), Refused)


MINUTES: Final = st.integers(-1439, 1439).map(lambda n: dt.timezone(dt.timedelta(minutes=n)))
ZONES: Final = st.none() | st.just(dt.UTC) | MINUTES
FOREIGN: Final = st.sampled_from(
    (
        ZoneInfo("Europe/Berlin"), ZoneInfo("UTC"), dt.timezone(dt.timedelta(seconds=90)),
        dt.timezone(dt.timedelta(microseconds=-1)), dt.timezone(dt.timedelta(hours=1), "name"),
    )
)  # fmt: skip
VALUES: Final[dict[Any, st.SearchStrategy[Any]]] = {
    dt.datetime: st.datetimes(timezones=ZONES),
    dt.date: st.dates(),
    dt.time: st.times(timezones=ZONES),
    dt.timedelta: st.timedeltas(),
    UUID: st.uuids() | st.integers(0, 2**128 - 1).map(lambda n: UUID(int=n)),
    bytes: st.binary(max_size=40),
}
HOLDERS: Final = {
    kind: slotted(f"{kind.__name__.title()}Holder", x=attrs.field(type=kind)) for kind in TYPES
}


@functools.cache
def _encoder() -> Encoder:
    encoder = Encoder()
    for holder in HOLDERS.values():
        assert encoder.not_accelerated(holder) is None
    return encoder


def written(kind: Any, value: Any) -> Any:
    """Return the text that C writes, or BACK, and compare it with the reference."""
    record = HOLDERS[kind](value)
    found = writer_of(_encoder()).encode(record)
    if found is not BACK:
        assert orjson.dumps(converter_for().unstructure(record)) == found
    return found


@given(st.sampled_from(TYPES).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind])))
def test_writing(case: tuple[Any, Any]) -> None:
    """C writes a value as the reference, and reads it back equal."""
    kind, value = case
    data = written(kind, value)
    assert data is not BACK
    assert (value, type(value)) == ((found := alone(HOLDERS[kind]).decode(data).x), type(found))


@given(st.datetimes(timezones=FOREIGN) | st.times(timezones=FOREIGN))
def test_writing_in_other_zones(value: dt.datetime | dt.time) -> None:
    """A time of another zone is written as the reference writes it, or refused as by it."""
    kind = type(value)
    written(kind, value)
    record = HOLDERS[kind](value)
    try:
        expected = orjson.dumps(converter_for().unstructure(record))
    except EncodeError as error:
        with pytest.raises(EncodeError, match=re.escape(str(error))):
            _encoder().encode(record)
    else:
        assert expected == _encoder().encode(record)


LIMITS: Final = (
    dt.datetime.min, dt.datetime.max, dt.datetime(2026, 10, 25, 2, 30, fold=1),  # noqa: DTZ001, DTZ901
    dt.date.min, dt.date.max, dt.time.min, dt.time.max, dt.time(1, fold=1), dt.timedelta.min,
    dt.timedelta.max, dt.timedelta.resolution, -dt.timedelta.resolution, dt.timedelta(-1),
    dt.timedelta(0, 0, 100), UUID(int=0), UUID(int=2**128 - 1), b"",
    *(bytes(range(n, n + 5))[:k] for n in (0, 251) for k in range(6)),
    b"\xff" * 8, bytes(100_000),
)  # fmt: skip


@pytest.mark.parametrize("value", LIMITS, ids=lambda value: f"{value!r:.40}")
def test_limits(value: Any) -> None:
    """C writes the least and greatest values and reads them."""
    kind = type(value)
    data = written(kind, value)
    assert value == alone(HOLDERS[kind]).decode(data).x


class Moment(dt.datetime):
    """A subclass of datetime."""


class Id(UUID):
    """A subclass of UUID."""


class Raw(bytes):
    """A subclass of bytes."""


def _damaged_uuid(number: Any) -> UUID:
    value = UUID(int=5)
    object.__setattr__(value, "int", number)
    return value


def test_other_values() -> None:
    """C leaves values of other types, and UUIDs without an int of 128 bits, to their hook."""
    others = (
        5, None, "2026-11-30", Moment.min, Id(int=5), Raw(b"a"), bytearray(b"a"),
        UUID.__new__(UUID), *map(_damaged_uuid, (-1, 2**128, 2**200, "5", 5.0, True)),
    )  # fmt: skip
    for kind in TYPES:
        for value in others:
            if type(value) is not kind or kind is UUID:
                found = written(kind, value)
                assert found is BACK or type(value) is kind is UUID, (kind, value)


def test_uuids() -> None:
    """A UUID that C made is complete, and can be used as any other."""
    text = "12345678-1234-5678-9234-567812345678"
    value = alone(UUID).decode(f'"{text}"'.encode())
    assert (text, UUID(text), hash(UUID(text))) == (str(value), value, hash(value))
    assert (SafeUUID.unknown, 5, int(text.replace("-", ""), 16)) == (
        value.is_safe,
        value.version,
        value.int,
    )
    assert value == pickle.loads(pickle.dumps(value)) == copy.deepcopy(value)
    assert weakref.ref(value)() is value


def test_inside_other_types() -> None:
    """C reads and writes such values in lists, dicts, unions, and behind other names."""
    named: Any = NewType("named", dt.date)
    cases: list[tuple[Any, bytes]] = [
        (list[UUID], b'["12345678-1234-5678-1234-567812345678"]'),
        (tuple[dt.date, ...], b'["2026-11-30","2026-12-01"]'),
        (dict[str, bytes], b'{"a":"VPaz%"}'),
        (tuple[dt.time, dt.timedelta], b'["01:02:03","PT5S"]'),
        (dt.datetime | int | None, b'"2026-11-30T01:02:03+00:00"'),
        (named, b'"2026-11-30"'),
        (Annotated[dt.date, "day"], b'"2026-11-30"'),
        (frozenset[dt.date], b'["2026-11-30"]'),
    ]
    for kind, data in cases:
        assert taken(kind, data) is not BACK
        assert alone(kind).decode(data) is not BACK
        holder: Any = slotted("Holder", x=attrs.field(type=kind))
        record = taken(holder, b'{"x":%s}' % data)
        assert b'{"x":%s}' % data == Encoder().encode(record)


@pytest.mark.parametrize("kind", TYPES)
def test_hooks_of_users(kind: Any) -> None:
    """If the user registered a hook for the type, it is called for usual texts too."""
    converter = make_converter()
    converter.register_structure_hook(kind, lambda value, _: ("read", value))
    converter.register_unstructure_hook(kind, lambda value: f"written {value!r}")
    holder = HOLDERS[kind]
    record = Decoder(holder, converter=converter).decode(b'{"x":%s}' % usual(kind)[1])
    assert ("read", orjson.loads(usual(kind)[1])) == record.x
    data = Encoder(converter=converter).encode(holder(5))
    assert b'{"x":"written 5"}' == data


def test_own_hooks_that_are_wrapped() -> None:
    """A function around the hook of the reference is called."""
    converter = make_converter()
    ours: Callable[..., Any] = converter.get_structure_hook(dt.date)

    @functools.wraps(ours)
    def later(value: Any, kind: Any) -> Any:
        return ours(value, kind) + dt.timedelta(1)

    converter.register_structure_hook(dt.date, later)
    decoder = Decoder(HOLDERS[dt.date], converter=converter)
    assert dt.date(2026, 12, 1) == decoder.decode(b'{"x":"2026-11-30"}').x


@pytest.mark.parametrize("kind", TYPES)
def test_other_class_in_the_description(kind: Any) -> None:
    """C refuses a description with another class than the one whose values it makes."""
    reference, classes, root, *others = plans.lowered(
        make_converter().get_structure_hook(kind), kind
    )
    plans.Plan(reference, classes, root, *others)
    wrong: tuple[Any, ...] = (int, object(), None)
    if kind is UUID:
        cls, number, is_safe, unknown = root.of
        wrong = (
            (5, number, is_safe, unknown), (cls, 5, is_safe, unknown), (cls, number, 5, unknown),
            (cls,), (int, number, is_safe, unknown), (slotted("O"), number, is_safe, unknown),
            *wrong,
        )  # fmt: skip
    for of in wrong:
        with pytest.raises((TypeError, SystemError)):
            plans.Plan(reference, classes, root._replace(of=of), *others)


def test_unknown_layout_of_uuids(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a version of Python has other slots in UUIDs, C calls the hook for them."""
    monkeypatch.setattr("usagewire.native.lowering._UUID_SLOTS", ("int", "is_safe", "more"))
    decoder = Decoder(HOLDERS[UUID], converter=make_converter())
    assert decoder.not_accelerated is None
    assert UUID(int=5) == decoder.decode(b'{"x":"%s"}' % str(UUID(int=5)).encode()).x
