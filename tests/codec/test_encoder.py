"""`Encoder` and `dumps`: which records are written, how, and which are refused."""

import json
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Final

import pytest
from attrs import frozen

from tests.support.classes import Nest
from tests.support.comparing import exact
from tests.support.paths import Loads
from tests.support.samples import COMPLETIONS, VECTORS, row, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
    DecodeError,
    Decoder,
    EncodeError,
    Encoder,
    UnknownResult,
    UsageCompletionsResult,
    UsageResponse,
    UsageTimeBucket,
    UsageVectorStoresResult,
    UsageWireError,
    dumps,
    make_converter,
)
from usagewire.models import NO_PROPERTIES


def wrong(**fields: Any) -> UsageCompletionsResult:
    """Return a row with the given fields, which no reader would make."""
    good = {"input_tokens": 1, "output_tokens": 1, "num_model_requests": 1}
    return UsageCompletionsResult(**good | fields)


def extra(value: Any) -> UsageCompletionsResult:
    """Return a row with `value` as its unknown fields."""
    return wrong(additional_properties=value)


def bucket_of(results: Any) -> UsageTimeBucket:
    """Return a bucket with `results`."""
    return UsageTimeBucket(start_time=1, end_time=2, results=results)


class Tier(str, Enum):  # noqa: UP042 -- as code for Python before 3.11 has it
    FLEX = "flex"


class Size(IntEnum):
    BIG = 7


class Neither(Enum):
    FLEX = "flex"


EXTRA = "$.additional_properties"
CANNOT = {
    "float for int": (wrong(input_tokens=1.0), "$.input_tokens"),
    "bool for int": (wrong(input_tokens=True), "$.input_tokens"),
    "str for int": (wrong(input_tokens="1"), "$.input_tokens"),
    "None for int": (wrong(input_tokens=None), "$.input_tokens"),
    "int past 64 bits": (wrong(input_tokens=2**63), "$.input_tokens"),
    "int below 64 bits": (wrong(input_cached_tokens=-(2**63) - 1), "$.input_cached_tokens"),
    "int for str": (wrong(model=1), "$.model"),
    "bytes for str": (wrong(model=b"x"), "$.model"),
    "enum for str": (wrong(model=Neither.FLEX), "$.model"),
    "int for bool": (wrong(batch=1), "$.batch"),
    "lone surrogate": (wrong(model="\ud800"), "$"),
    "NaN": (CostsResult(quantity=Decimal("NaN")), "$.quantity"),
    "sNaN": (CostsResult(quantity=Decimal("sNaN")), "$.quantity"),
    "infinity": (CostsResult(quantity=Decimal("-Infinity")), "$.quantity"),
    "float for Decimal": (CostsResult(quantity=1.5), "$.quantity"),
    "int for Decimal": (CostsResult(quantity=1), "$.quantity"),
    "exponent too large": (CostsResult(quantity=Decimal("1E+6145")), "$.quantity"),
    "exponent too small": (CostsResult(quantity=Decimal("1E-6177")), "$.quantity"),
    "dict for amount": (CostsResult(amount={"value": 1}), "$.amount"),
    "inside the amount": (
        CostsResult(amount=CostsResultAmount(value=Decimal("NaN"))),
        "$.amount.value",
    ),
    "amount of too many digits": (
        CostsResult(amount=CostsResultAmount(value=Decimal("1" * 6146))),
        "$.amount.value",
    ),
    "amount of too many places": (
        CostsResult(amount=CostsResultAmount(value=Decimal("0." + "1" * 6177))),
        "$.amount.value",
    ),
    "amount with a large exponent": (
        CostsResult(amount=CostsResultAmount(value=Decimal("1E+6145"))),
        "$.amount.value",
    ),
    "list for tuple": (bucket_of([]), "$.results"),
    "inside a tuple": (bucket_of((wrong(), wrong(model=1))), "$.results[1].model"),
    "not a member": (bucket_of((5,)), "$.results[0]"),
    "page in a bucket": (bucket_of((UsageResponse(data=(), has_more=False),)), "$.results[0]"),
    "known tag": (UnknownResult(object=COMPLETIONS), "$"),
    "known tag of old": (UnknownResult(object="bucket"), "$"),
    "extra with a field's key": (extra({"model": "x"}), EXTRA),
    "extra with another spelling": (extra({"inputTokens": 1}), EXTRA),
    "extra with the tag": (extra({"object": "x"}), EXTRA),
    "extra int key": (extra({1: 2}), EXTRA),
    "extra NaN": (extra({"x": float("nan")}), f"{EXTRA}.x"),
    "extra that a float holds": (extra({"x": [Decimal("1.5")]}), f"{EXTRA}.x[0]"),
    "extra that an integer holds": (extra({"x": Decimal(5)}), f"{EXTRA}.x"),
    "extra Infinity": (extra({"x": Decimal("Infinity")}), f"{EXTRA}.x"),
    "extra sNaN": (extra({"x": Decimal("sNaN")}), f"{EXTRA}.x"),
    "extra tuple": (extra({"x": ()}), f"{EXTRA}.x"),
    "extra no mapping": (extra([("x", 1)]), EXTRA),
    "extra None": (extra(None), EXTRA),
    "extra empty list": (extra([]), EXTRA),
    "a cost that reads as use": (CostsResult(additional_properties={"input_tokens": 5}), "$"),
}


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(("record", "place"), CANNOT.values(), ids=CANNOT)
def test_cannot_be_written(record: Any, place: str) -> None:
    """A record that would not read back equal is refused, and the error has the path."""
    with pytest.raises(EncodeError) as caught:
        dumps(record)

    assert place == caught.value.path
    assert len(str(caught.value)) < 400


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "value",
    [object(), 2**64, float("nan"), float("-inf"), "\ud800", {1: 2}, {"a": float("inf")}, [object]],
    ids=repr,
)
def test_value_cannot_be_written(value: Any) -> None:
    """A value that JSON cannot hold is refused."""
    with pytest.raises(EncodeError):
        dumps(value)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("model", Tier.FLEX, "flex"),
        ("model", "é\n\0", "é\n\0"),
        ("input_tokens", Size.BIG, 7),
    ],
)
def test_plain_value_is_written(loads: Loads, field: str, value: Any, expected: Any) -> None:
    """Any text is written, and a member of a str or int enum as its str or int."""
    assert exact(expected) == exact(getattr(loads(dumps(wrong(**{field: value}))), field))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", b"0"),
        ("-0.00", b"0"),
        ("0E-6176", b"0"),
        ("1", b"1"),
        ("1.50", b"1.5"),
        ("-0.06", b"-0.06"),
        ("1E+3", b"1000"),
        ("123456789012345678", b"123456789012345678"),
        ("1E+17", b"100000000000000000"),
        ("1E+18", b'"1E+18"'),
        ("9223372036854775808", b'"9223372036854775808"'),
        ("0.1234567890123456789", b'"0.1234567890123456789"'),
        ("1E-7", b"1e-7"),
        ("1E-400", b'"1E-400"'),
        ("1E+6144", b'"1E+6144"'),
        ("1.6500000000000000000000000000000000", b"1.65"),
    ],
)
def test_money_is_written(loads: Loads, value: str, expected: bytes) -> None:
    """A quantity is a number if a reader gets the same `Decimal` from it, else a string."""
    record = CostsResult(quantity=Decimal(value))
    data = dumps(record)

    assert expected == data.partition(b'"quantity":')[2].removesuffix(b"}")
    assert exact(record) == exact(loads(data))


AMOUNTS: Final = {
    "0": (b'"0"', b"0"),
    "-0.00": (b'"0"', b"0"),
    "0E-6176": (b'"0"', b"0"),
    "1": (b'"1"', b"1"),
    "-1.50": (b'"-1.50"', b"-1.5"),
    "1E+3": (b'"1E+3"', b"1000"),
    "1E-7": (b'"1E-7"', b"1e-7"),
    "9007199254740992": (b'"9007199254740992"', b"9007199254740992"),
    "9007199254740993": (b'"9007199254740993"', None),
    "0.1234567890123456789": (b'"0.1234567890123456789"', None),
    "1E+300": (b'"1E+300"', b"1e+300"),
    "1E+400": (b'"1E+400"', None),
    "1E-400": (b'"1E-400"', None),
    "1234567890123456789012345678901234.5": (b'"1234567890123456789012345678901234.5"', None),
}
"""Amounts as text and as numbers; None for an amount that a double cannot hold."""


@pytest.mark.parametrize("money", [None, "text", "number"])
@pytest.mark.parametrize("value", AMOUNTS)
def test_amount_is_written(loads: Loads, value: str, money: Any) -> None:
    """The amount of a cost is text as the API writes it, or a number if that is asked for."""
    record = CostsResult(amount=CostsResultAmount(value=Decimal(value)))
    expected = AMOUNTS[value][money == "number"]
    encoder = Encoder(money=money)

    if expected is None:
        with pytest.raises(EncodeError) as caught:
            encoder.encode_lines([record])
        assert caught.value.path == "$[0].amount.value"
        return
    data = encoder.encode(record)
    assert expected == data.partition(b'"value":')[2].removesuffix(b"}}")
    assert data == dumps(record, money=money)
    assert record == loads(data)


@pytest.mark.usefixtures("path")
def test_money_of_other_dialects_and_fields() -> None:
    """Other dialects write an amount as a quantity is written, unless they are asked."""
    record = CostsResult(amount=CostsResultAmount(value=Decimal("0.06")), quantity=Decimal("0.50"))

    for dialect in ("legacy", "dart"):
        assert b'"value":0.06' in dumps(record, dialect=dialect).lower()
        assert b'"value":"0.06"' in dumps(record, dialect=dialect, money="text").lower()
    assert b'"quantity":0.5' in dumps(record)
    assert {"value": "0.06"} == make_converter().unstructure(record)["amount"]
    assert {"value": 0.06} == make_converter(money="number").unstructure(record)["amount"]


@frozen(kw_only=True)
class Taxed(CostsResultAmount):
    """An amount with a field of its own."""

    tax: Decimal = Decimal(0)


class Huge(Enum):
    """Values that are too large for a double or for 64 bits."""

    INTEGER = 10**30
    NUMBERS = [Decimal("1E+400"), 1e300]  # noqa: RUF012 -- a member


@pytest.mark.usefixtures("path")
def test_only_the_value_of_an_amount_is_money() -> None:
    """Another field of a subclass is written as any Decimal."""
    data = dumps(Taxed(value=Decimal("0.5"), tax=Decimal("0.25")))

    assert {"value": "0.5", "tax": 0.25} == json.loads(data)


@pytest.mark.parametrize("value", [Huge.INTEGER, Huge.NUMBERS])
def test_enum_of_long_numbers(loads: Loads, value: Huge) -> None:
    """A member whose value is a long number is written and read."""
    assert value is loads(dumps(value), Huge)


def test_numbers_with_two_spellings(loads: Loads) -> None:
    """Two spellings of a field may have one number in two forms, but not two numbers."""
    amount = '{"object":"organization.costs.result","quantity":%s,"Quantity":%s}'
    assert Decimal("1E+400") == loads(amount % ("1e400", "10e399")).quantity
    with pytest.raises(DecodeError, match="ambiguous_name"):
        loads(amount % ("1e400", "1e401"))


@pytest.mark.usefixtures("path")
def test_hook_of_the_user_writes_money() -> None:
    """A hook that the user registered for `Decimal` writes amounts too."""
    converter = make_converter(money="number")
    converter.register_unstructure_hook(Decimal, lambda value: f"{value} EUR")
    record = CostsResult(amount=CostsResultAmount(value=Decimal("0.06")))

    assert b'"value":"0.06 EUR"' in dumps(record, converter=converter)


@pytest.mark.parametrize("money", ["TEXT", "", 1, [], b"text"])
def test_wrong_money(money: Any) -> None:
    """Another way to write money is an error."""
    for call in (
        lambda: Encoder(money=money),
        lambda: dumps(5, money=money),
        lambda: make_converter(money=money),
    ):
        with pytest.raises(UsageWireError, match="money"):
            call()


@pytest.mark.parametrize(
    "value",
    [
        2**64, -(2**63) - 1, 10**400, Decimal("1E+400"), Decimal("-1E-400"), 1e300, -5e-324,
        Decimal("9007199254740993.5"), Decimal("0.1000000000000000055"), Decimal("1" * 5000),
        [1, {"a": [Decimal("1E+400"), 2**70, 1e22]}],
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_number_under_an_unknown_key_is_written(loads: Loads, value: Any) -> None:
    """A number under an unknown key is written as a number, and reads back equal."""
    for record in (
        extra({"x": value}),
        UnknownResult(object="y", additional_properties={"x": value}),
    ):
        data = dumps(record)
        assert exact(record) == exact(loads(data))
        assert data + b"\n" == Encoder().encode_lines([record])
        json.loads(data, parse_float=Decimal, parse_int=Decimal)


@pytest.mark.usefixtures("path")
def test_none_is_left_out() -> None:
    """A None is left out, except for the key that the API always has."""
    page = UsageResponse(data=(), has_more=False)

    assert b'{"object":"page","data":[],"has_more":false,"next_page":null}' == dumps(page)
    assert b'{"object":"%s","usage_bytes":5}' % VECTORS.encode() == dumps(
        UsageVectorStoresResult(usage_bytes=5)
    )


@pytest.mark.usefixtures("path")
def test_unknown_fields_are_written_last() -> None:
    """Unknown fields are written after the fields of the class."""
    record = UsageVectorStoresResult(usage_bytes=5, additional_properties={"a": [1.0, None]})

    assert dumps(record).endswith(b'"usage_bytes":5,"a":[1.0,null]}')


def test_no_unknown_fields_are_one_object(loads: Loads) -> None:
    """Records without unknown fields share one empty mapping."""
    assert NO_PROPERTIES is loads(text(row())).additional_properties


@pytest.mark.usefixtures("path")
def test_lines_end_in_lf() -> None:
    """Each line ends in LF, and no records give no bytes."""
    records = [UsageVectorStoresResult(usage_bytes=1)] * 2

    assert (dumps(records[0]) + b"\n") * 2 == Encoder().encode_lines(iter(records))
    assert Encoder().encode_lines([]) == b""


@pytest.mark.usefixtures("path")
def test_error_in_lines_has_the_index() -> None:
    """The path of an error in a line begins with the index of the record."""
    with pytest.raises(EncodeError) as caught:
        Encoder().encode_lines([wrong(), wrong(model=1)])
    with pytest.raises(EncodeError) as later:
        Encoder().encode_lines([wrong(model=1)], first=1000)

    assert ("$[1].model", "$[1000].model") == (caught.value.path, later.value.path)


@pytest.mark.usefixtures("path")
def test_converter_of_the_caller() -> None:
    """An encoder and a decoder can use your own converter."""
    converter = make_converter("dart", names={Nest: {"inner": "in"}})
    record = Nest(inner=Nest())

    assert b'{"in":{"in":null}}' == Encoder(converter=converter).encode(record)
    assert record == Decoder(Nest, converter=converter).decode('{"in":{"in":null}}')


@pytest.mark.usefixtures("path")
def test_wrong_dialect() -> None:
    """An unknown dialect is refused, and so is a dialect together with a converter."""
    with pytest.raises(UsageWireError, match="powershell"):
        dumps(wrong(), dialect="ruby")  # type: ignore[arg-type]
    with pytest.raises(UsageWireError):
        Encoder(dialect="dart", converter=make_converter())


class StepsError(Exception):
    """An error with an attribute that our errors have too."""

    steps = 7


@pytest.mark.usefixtures("path")
def test_an_error_with_steps_of_its_own() -> None:
    """Only errors of usagewire have a path."""

    def hook(_: Any) -> Any:
        raise StepsError

    converter = make_converter()
    converter.register_unstructure_hook(str, hook)
    with pytest.raises(EncodeError) as caught:
        Encoder(converter=converter).encode(CostsResult(line_item="x"))
    assert "$.line_item" == caught.value.path
    assert isinstance(caught.value.__cause__, StepsError)
