"""Converters with hooks of users, options of cattrs and options of the library."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import attrs
import pytest
from cattrs import Converter
from cattrs.gen import override
from cattrs.preconf.orjson import make_converter as make_orjson_converter

import usagewire
from tests.support.classes import Child, Data, Frozen, HasData, Made, WithA, WithB
from tests.support.comparing import Refused, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import COSTS, VECTORS, row, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
    DecodeError,
    Decoder,
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


@attrs.frozen
class Timed:
    """A class with a time."""

    at: datetime
    x: int = 0


def configured(converter: Converter) -> Converter:
    """Configure a converter and return it."""
    configure_converter(converter)
    return converter


def raising(error: BaseException) -> Any:
    """Return a hook that raises `error`."""

    def hook(*_: Any) -> Any:
        raise error

    return hook


def seconds(value: Any, _: Any) -> datetime:
    """Return Unix seconds as a datetime."""
    return datetime.fromtimestamp(value, UTC)


@pytest.mark.parametrize(
    "make", [make_converter, lambda: configured(Converter())], ids=["made", "configured"]
)
def test_hook_of_a_type(path: Way, make: Any) -> None:
    """A hook that a user registers for a type comes first, to read and to write."""
    converter = make()
    converter.register_structure_hook(datetime, seconds)
    converter.register_unstructure_hook(datetime, lambda value: int(value.timestamp()))
    record = Timed(datetime(2026, 8, 1, tzinfo=UTC))
    data = Encoder(converter=converter).encode(record)

    assert b'{"at":1785542400,"x":0}' == data
    assert record == path.Decoder(Timed, converter=converter).decode(data)


def test_datetime_of_cattrs(loads: Loads) -> None:
    """Without a hook, a datetime is a string of RFC 3339, as cattrs writes it for orjson."""
    record = Timed(datetime(2026, 8, 1, tzinfo=UTC))

    assert record == loads(dumps(record), Timed)
    assert Refused("wrong_type", "$.at") == outcome(loads, '{"at":5}', Timed)


def test_hook_of_a_scalar(path: Way) -> None:
    """A user can replace even the hook of int."""
    converter = make_converter()
    converter.register_structure_hook(int, lambda value, _: value * 2)

    assert Frozen(10) == path.Decoder(Frozen, converter=converter).decode('{"x":5}')


def test_hook_of_a_class(path: Way) -> None:
    """A user's hook for a class comes before ours, also inside a list."""
    converter = make_converter()
    converter.register_structure_hook(Frozen, lambda value, _: Frozen(value))
    converter.register_unstructure_hook(Frozen, lambda value: value.x)
    decoder = path.Decoder(list[Frozen], converter=converter)

    assert [Frozen(5)] == decoder.decode("[5]")
    assert b"[5]" == Encoder(converter=converter).encode([Frozen(5)])


def test_hook_of_a_row(path: Way) -> None:
    """A user's hook for one of our classes is used in unions and buckets too."""
    converter = make_converter()
    converter.register_structure_hook(
        UsageVectorStoresResult, lambda _, __: UsageVectorStoresResult(usage_bytes=0)
    )
    bucket = {"object": "bucket", "start_time": 1, "end_time": 2, "results": [row(usage_bytes=9)]}
    decoder = path.Decoder(converter=converter)

    assert 0 == decoder.decode(text(row(usage_bytes=9))).usage_bytes
    assert 0 == decoder.decode(text(bucket)).results[0].usage_bytes


def test_hook_of_a_union(path: Way) -> None:
    """A user's hook for a union comes before ours."""
    union = WithA | WithB | int
    converter = make_converter()
    converter.register_structure_hook(
        union, lambda value, _: value if isinstance(value, int) else WithA(0)
    )
    decoder = path.Decoder(list[union], converter=converter)

    assert [5, WithA(0)] == decoder.decode('[5,{"b":1}]')


def test_hook_of_a_tagged_union(path: Way) -> None:
    """A user's hook for the union of all rows comes before ours."""
    converter = make_converter()
    converter.register_structure_hook(UsageObject, lambda value, _: len(value))

    assert 2 == path.Decoder(converter=converter).decode('{"a":1,"b":2}')


def test_hook_of_a_factory(path: Way) -> None:
    """A hook factory that a user registers later comes first."""
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
    """`override(struct_hook=, unstruct_hook=)` applies to one field."""
    assert Hooked(255) == loads('{"x":"ff"}', Hooked)
    assert b'{"x":"ff"}' == dumps(Hooked(255))
    assert Refused("bad_value", "$.x") == outcome(loads, '{"x":"zz"}', Hooked)


def test_hook_of_a_field_by_name(path: Way) -> None:
    """`names=` takes an override with hooks for a field of any class, including ours."""
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
    """An error of a hook becomes a `bad_value` with its place and message."""
    converter = make_converter()
    converter.register_structure_hook(datetime, raising(error))
    with pytest.raises(DecodeError, match="no") as caught:
        path.Decoder(list[Timed], converter=converter).decode('[{"at":5}]')

    assert ("bad_value", "$[0].at") == (caught.value.code, caught.value.path)


def test_hook_that_raises_our_error(path: Way) -> None:
    """A hook may raise a `DecodeError`, which gains the place."""
    error = DecodeError("out_of_range", "not in this century")
    converter = make_converter()
    converter.register_structure_hook(datetime, raising(error))

    assert Refused("out_of_range", "$.at") == outcome(
        path.Decoder(Timed, converter=converter).decode, '{"at":5}'
    )


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("error", [ValueError("no"), UsageWireError("no")], ids=repr)
def test_writing_hook_that_fails(error: Exception) -> None:
    """An error of a writing hook becomes an `EncodeError` with its place."""
    converter = make_converter()
    converter.register_unstructure_hook(datetime, raising(error))
    record = [Timed(datetime(2026, 8, 1, tzinfo=UTC))]
    with pytest.raises(EncodeError, match="no") as caught:
        Encoder(converter=converter).encode_lines(record)

    assert "$[0].at" == caught.value.path


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_writing_hook_that_is_interrupted(error: type[BaseException]) -> None:
    """A `MemoryError` or `KeyboardInterrupt` of a writing hook propagates unchanged."""
    converter = make_converter()
    converter.register_unstructure_hook(datetime, raising(error()))
    with pytest.raises(error):
        Encoder(converter=converter).encode([Timed(datetime(2026, 8, 1, tzinfo=UTC))])


def test_detailed_validation_of_cattrs(path: Way) -> None:
    """If cattrs raises an error group, the error is its first leaf."""
    inner = make_orjson_converter()
    converter = make_converter()
    converter.register_structure_hook(Data, lambda value, _: inner.structure(value, Data))

    assert Refused("bad_value", "$.data[1].x") == outcome(
        path.Decoder(HasData, converter=converter).decode, '{"data":[{"x":5},{"x":"a"}]}'
    )


# --- options of cattrs and of ours -----------------------------------------------------------


def test_forbid_extra_keys(path: Way) -> None:
    """The cattrs option `forbid_extra_keys` means `unknown="forbid"`."""
    converter = make_converter(forbid_extra_keys=True)
    decoder = path.Decoder(Frozen | None, converter=converter)

    assert Refused("unknown_field", "$.z") == outcome(decoder.decode, '{"x":5,"z":1}')


@pytest.mark.usefixtures("path")
def test_omit_if_default() -> None:
    """The cattrs option `omit_if_default` omits values that equal the default."""
    converter = make_converter(omit_if_default=True)

    assert {"x": 5} == converter.unstructure(Child(5))
    assert {"x": 5, "y": "s"} == converter.unstructure(Child(5, "s"))
    assert {} == converter.unstructure(Made())
    assert {"double": 5} == converter.unstructure(Made(double=5))


@pytest.mark.usefixtures("path")
def test_omit_if_default_of_a_field() -> None:
    """`override(omit_if_default=)` applies to one field."""
    converter = make_converter(names={Child: {"z": override(omit_if_default=True)}})

    assert {"x": 5, "y": None} == converter.unstructure(Child(5))


def test_omit(path: Way) -> None:
    """`override(omit=True)` removes a field from JSON, to read and to write."""
    converter = make_converter(names={Child: {"z": override(omit=True)}}, unknown="forbid")
    decoder = path.Decoder(Child, converter=converter)

    assert {"x": 5, "y": None} == converter.unstructure(Child(5))
    assert Refused("unknown_field", "$.z") == outcome(decoder.decode, '{"x":5,"z":1}')


@pytest.mark.usefixtures("path")
def test_defaults_of_user_classes_are_written() -> None:
    """Every field of a user class is written, including nulls."""
    assert b'{"x":5,"y":null,"z":3}' == dumps(Child(5))


def test_not_strict(path: Way) -> None:
    """A lenient converter calls `on_lenient` for each lenient conversion."""
    calls: list[int] = []
    converter = make_converter(strict=False, on_lenient=lambda: calls.append(1))
    decoder = path.Decoder(list[Frozen], converter=converter)

    assert [Frozen(5), Frozen(6)] == decoder.decode('[{"x":"5"},{"x":6.0}]')
    assert 2 == len(calls)
    quiet = path.Decoder(Frozen, converter=make_converter(strict=False))
    assert Frozen(5) == quiet.decode('{"x":"5"}')


@pytest.mark.parametrize("option", ["dialect", "unknown"])
def test_wrong_option(option: str) -> None:
    """The error for a wrong option lists the valid values."""
    with pytest.raises(UsageWireError, match=f"{option} must be one of .*, not 'nonsense'"):
        make_converter(**{option: "nonsense"})  # type: ignore[arg-type]


@pytest.mark.parametrize("default", [attrs.Factory(dict), attrs.NOTHING], ids=["dict", "required"])
def test_catch_all(loads: Loads, default: Any) -> None:
    """A user class may have `additional_properties`. Without unknown keys it is an empty dict."""

    @attrs.frozen
    class Catching:
        x: int
        additional_properties: Mapping[str, Any] = attrs.field(default=default)

    record = loads('{"x":5,"z":[1]}', Catching)

    assert {"z": [1]} == record.additional_properties
    assert b'{"x":5,"z":[1]}' == dumps(record)
    assert {} == loads('{"x":5}', Catching).additional_properties
    assert {} == loads('{"x":5,"z":1}', Catching, unknown="ignore").additional_properties


def test_catch_all_under_another_name(loads: Loads) -> None:
    """`additional_properties` may have an alias, or not be an argument of the constructor."""

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


def test_converter_alone() -> None:
    """A converter structures JSON data without a decoder."""
    converter = make_converter()
    bucket = {"object": "bucket", "start_time": 1, "end_time": 2, "result": [row()]}
    record = converter.structure(bucket, UsageObject)

    assert UsageTimeBucket(
        start_time=1, end_time=2, results=(UsageVectorStoresResult(usage_bytes=5),)
    ) == (record)
    assert [row()] == converter.unstructure(record)["results"]


@pytest.mark.parametrize(
    "value",
    [(), (1,), {1: 2}, object(), b"x", float("nan"), float("inf"), Decimal("inf"), 1e30],
    ids=repr,
)
def test_value_that_is_not_json(value: Any) -> None:
    """A value that JSON does not have is rejected, even under an unknown key."""
    converter = make_converter()
    with pytest.raises(DecodeError):
        converter.structure(row(later=value), UsageObject)


def test_unstructure_of_a_union_member() -> None:
    """A converter writes a member of a union as its class, and rejects other values."""
    converter = make_converter()
    cost = CostsResult(amount=CostsResultAmount(value=Decimal("0.5")))

    assert {"object": COSTS, "amount": {"value": "0.5"}} == converter.unstructure(cost, UsageObject)
    with pytest.raises(EncodeError):
        converter.unstructure(Frozen(5), UsageObject)
    with pytest.raises(EncodeError):
        converter.unstructure(UnknownResult(object="page"), UsageObject)


def test_two_converters_do_not_mix(path: Way) -> None:
    """Converters do not share their `names=`."""
    one = make_converter(names={Frozen: {"x": "a"}})
    other = make_converter(names={Frozen: {"x": "b"}})

    assert Frozen(5) == path.Decoder(Frozen, converter=one).decode('{"a":5}')
    assert Frozen(5) == path.Decoder(Frozen, converter=other).decode('{"b":5}')
    assert {"x": 5, "y": None} == make_converter().unstructure(Frozen(5))


def test_union_hook_of_a_copy() -> None:
    """A hook for a union is used if it is registered on a copy, or before `configure_converter`."""
    converter = make_converter().copy()
    converter.register_structure_hook(WithA | int, lambda value, _: value)
    other = Converter()
    other.register_structure_hook(WithA | int, lambda value, _: value)

    assert [5, 5] == [one.structure(5, WithA | int) for one in (converter, configured(other))]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("way", ["structure", "decode", "decode_lines"])
def test_the_cause_is_kept(way: str) -> None:
    """The error of a user's hook is the cause of our error."""
    cause = ValueError("no")
    converter = make_converter()
    converter.register_structure_hook(WithA, raising(cause))
    holder: Any = attrs.make_class("Holder", {"left": attrs.field(type=WithA)})
    decoder = Decoder(holder, converter=converter)
    calls: dict[str, Any] = {
        "structure": lambda: converter.structure({"left": {}}, holder),
        "decode": lambda: decoder.decode('{"left":{}}'),
        "decode_lines": lambda: decoder.decode_lines('{"left":{}}'),
    }
    with pytest.raises(usagewire.DecodeError) as caught:
        calls[way]()

    assert cause is caught.value.__cause__


@pytest.mark.parametrize("unknown", ["keep", "forbid"])
def test_keys_that_are_not_strings(unknown: Any) -> None:
    """A dict with a key that is not a str is rejected every time."""
    converter = make_converter(unknown=unknown)
    for _ in range(5):
        with pytest.raises(usagewire.DecodeError):
            converter.structure({"usage_bytes": 5, 1: 2}, UsageVectorStoresResult)
