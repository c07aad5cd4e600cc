"""`Encoder` and `dumps`: which records are written, how, and which are refused."""

from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import pytest

from tests.support.classes import Nest
from tests.support.comparing import exact
from tests.support.paths import Loads
from tests.support.samples import COMPLETIONS, VECTORS, row, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
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
    """Return a row with the given fields, which no reader would have made."""
    good = {"input_tokens": 1, "output_tokens": 1, "num_model_requests": 1}
    return UsageCompletionsResult(**good | fields)


class Tier(str, Enum):  # noqa: UP042 -- as it is written where Python may be older than 3.11
    """A str that is one of a few."""

    FLEX = "flex"


class Size(IntEnum):
    """An int that is one of a few."""

    BIG = 7


class Plain(Enum):
    """Neither str nor int."""

    FLEX = "flex"


CANNOT = {
    "float for int": (wrong(input_tokens=1.0), "$.input_tokens"),
    "bool for int": (wrong(input_tokens=True), "$.input_tokens"),
    "str for int": (wrong(input_tokens="1"), "$.input_tokens"),
    "None for int": (wrong(input_tokens=None), "$.input_tokens"),
    "int past 64 bits": (wrong(input_tokens=2**63), "$.input_tokens"),
    "int below 64 bits": (wrong(input_cached_tokens=-(2**63) - 1), "$.input_cached_tokens"),
    "int for str": (wrong(model=1), "$.model"),
    "bytes for str": (wrong(model=b"x"), "$.model"),
    "plain enum for str": (wrong(model=Plain.FLEX), "$.model"),
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
    "list for tuple": (UsageTimeBucket(start_time=1, end_time=2, results=[]), "$.results"),
    "inside a tuple": (
        UsageTimeBucket(start_time=1, end_time=2, results=(wrong(), wrong(model=1))),
        "$.results[1].model",
    ),
    "not a member": (UsageTimeBucket(start_time=1, end_time=2, results=(5,)), "$.results[0]"),
    "page in a bucket": (
        UsageTimeBucket(
            start_time=1, end_time=2, results=(UsageResponse(data=(), has_more=False),)
        ),
        "$.results[0]",
    ),
    "known tag": (UnknownResult(object=COMPLETIONS), "$"),
    "known tag of old": (UnknownResult(object="bucket"), "$"),
    "extra with a field's key": (
        wrong(additional_properties={"model": "x"}),
        "$.additional_properties",
    ),
    "extra with another spelling": (
        wrong(additional_properties={"inputTokens": 1}),
        "$.additional_properties",
    ),
    "extra with the tag": (
        wrong(additional_properties={"object": "x"}),
        "$.additional_properties",
    ),
    "extra int key": (wrong(additional_properties={1: 2}), "$.additional_properties"),
    "extra NaN": (wrong(additional_properties={"x": float("nan")}), "$.additional_properties.x"),
    "extra of 64 bits": (wrong(additional_properties={"x": 2**64}), "$.additional_properties.x"),
    "extra tuple": (wrong(additional_properties={"x": ()}), "$.additional_properties.x"),
    "extra no mapping": (wrong(additional_properties=[("x", 1)]), "$.additional_properties"),
    "extra None": (wrong(additional_properties=None), "$.additional_properties"),
    "extra empty list": (wrong(additional_properties=[]), "$.additional_properties"),
    "a cost that reads as use": (
        CostsResult(additional_properties={"input_tokens": 5}),
        "$",
    ),
}


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(("record", "place"), CANNOT.values(), ids=CANNOT)
def test_cannot_be_written(record: Any, place: str) -> None:
    """A record that would not read back equal is refused, at its place."""
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
    """What is not JSON is refused."""
    with pytest.raises(EncodeError):
        dumps(value)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (wrong(model=Tier.FLEX), "flex"),
        (wrong(model="é\n\0"), "é\n\0"),
    ],
)
def test_str_is_written(loads: Loads, record: Any, expected: str) -> None:
    """Any text, and a member of an enum of str, is written as the str it is."""
    assert exact(expected) == exact(loads(dumps(record)).model)


def test_int_enum_is_written(loads: Loads) -> None:
    """A member of an enum of int is written as the int it is."""
    assert exact(7) == exact(loads(dumps(wrong(input_tokens=Size.BIG))).input_tokens)


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
    """Money is a number where a reader gets the same Decimal of it, else a string."""
    record = CostsResult(quantity=Decimal(value))
    data = dumps(record)

    assert expected == data.partition(b'"quantity":')[2].removesuffix(b"}")
    assert exact(record) == exact(loads(data))


@pytest.mark.usefixtures("path")
def test_none_is_left_out() -> None:
    """A None is left out, but for the key that the API always has."""
    page = UsageResponse(data=(), has_more=False)

    assert b'{"object":"page","data":[],"has_more":false,"next_page":null}' == dumps(page)
    assert b'{"object":"%s","usage_bytes":5}' % VECTORS.encode() == dumps(
        UsageVectorStoresResult(usage_bytes=5)
    )


@pytest.mark.usefixtures("path")
def test_unknown_fields_are_written_last() -> None:
    """Unknown fields come after those of the class, as they were."""
    record = UsageVectorStoresResult(usage_bytes=5, additional_properties={"a": [1.0, None]})

    assert dumps(record).endswith(b'"usage_bytes":5,"a":[1.0,null]}')


def test_no_unknown_fields_are_one_object(loads: Loads) -> None:
    """Records without unknown fields share one empty mapping."""
    assert NO_PROPERTIES is loads(text(row())).additional_properties


@pytest.mark.usefixtures("path")
def test_lines_end_in_lf() -> None:
    """Each line ends in LF, and no record makes no line."""
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
def test_converter_of_ones_own() -> None:
    """An encoder and a decoder may use a converter of yours."""
    converter = make_converter("dart", names={Nest: {"inner": "in"}})
    record = Nest(inner=Nest())

    assert b'{"in":{"in":null}}' == Encoder(converter=converter).encode(record)
    assert record == Decoder(Nest, converter=converter).decode('{"in":{"in":null}}')


@pytest.mark.usefixtures("path")
def test_dialect_of_ones_own_converter() -> None:
    """The dialect is said to the converter."""
    with pytest.raises(UsageWireError):
        Encoder(dialect="dart", converter=make_converter())


@pytest.mark.usefixtures("path")
def test_dialect_that_is_none() -> None:
    """A dialect that is none is refused."""
    with pytest.raises(UsageWireError, match="powershell"):
        dumps(wrong(), dialect="ruby")  # type: ignore[arg-type]
