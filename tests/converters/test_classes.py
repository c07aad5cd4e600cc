"""JSON objects read as classes: required fields, unknown keys, spellings and places of errors."""

from decimal import Decimal
from functools import reduce
from typing import Any

import pytest

from tests.support.cases import cases
from tests.support.classes import Inner
from tests.support.comparing import Refused, expect, outcome
from tests.support.paths import Loads
from tests.support.samples import COMPLETIONS, COSTS, VECTORS, row, text, text_not_held
from usagewire import CostsResult, CostsResultAmount, UnknownResult, UsageVectorStoresResult

PLACES = cases("places.ndjson")
both_modes = pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])


@both_modes
@pytest.mark.parametrize("absent", ["input_tokens", "output_tokens", "num_model_requests"])
def test_required_field_absent(loads: Loads, absent: str, *, strict: bool) -> None:
    """A row without a required field is rejected."""
    data = row(COMPLETIONS, later=1)
    del data[absent]

    assert Refused("missing_field", f"$.{absent}") == outcome(loads, text(data), strict=strict)


@both_modes
def test_required_field_null(loads: Loads, *, strict: bool) -> None:
    """Null in a required field has the wrong type."""
    assert Refused("wrong_type", "$.usage_bytes") == outcome(
        loads, text(row(usage_bytes=None)), strict=strict
    )


def test_optional_field_absent(loads: Loads) -> None:
    """An optional field that is absent or null is None."""
    assert outcome(loads, text(row(project_id=None))) == outcome(loads, text(row()))


# --- unknown keys ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unknown", "expected"),
    [
        ("keep", UsageVectorStoresResult(usage_bytes=5, additional_properties={"later": [1, 2.0]})),
        ("ignore", UsageVectorStoresResult(usage_bytes=5)),
        ("forbid", Refused("unknown_field", "$.later")),
    ],
)
@both_modes
def test_unknown_key(loads: Loads, unknown: str, expected: Any, *, strict: bool) -> None:
    """`unknown=` keeps, ignores or forbids a key for which the class has no field."""
    actual = outcome(loads, text(row(later=[1, 2.0])), unknown=unknown, strict=strict)

    assert expect(expected) == actual


@pytest.mark.parametrize("unknown", ["keep", "ignore", "forbid"])
def test_unknown_row_keeps_its_content(loads: Loads, unknown: str) -> None:
    """An unknown row keeps its keys even if unknown keys are ignored or forbidden."""
    expected = UnknownResult(object="later.result", additional_properties={"n": 1})

    assert expect(expected) == outcome(
        loads, text({"object": "later.result", "n": 1}), unknown=unknown
    )


@pytest.mark.parametrize(
    ("unknown", "expected"),
    [
        ("keep", Inner(a=1)),
        ("ignore", Inner(a=1)),
        ("forbid", Refused("unknown_field", "$.b")),
    ],
)
def test_class_without_place_for_unknown_keys(loads: Loads, unknown: str, expected: Any) -> None:
    """A class without `additional_properties` ignores unknown keys unless they are forbidden."""
    assert expect(expected) == outcome(loads, '{"a":1,"b":2}', Inner, unknown=unknown)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e18", 1e18),
        ("-0.0", -0.0),
        ('{"a":[true,null,"é"]}', {"a": [True, None, "é"]}),
        ("{ }", {}),
        ('{ "a" : "x", "b":7 ,"c":true,"d":null}', {"a": "x", "b": 7, "c": True, "d": None}),
        ('{"a":1,"b":2,"a":"x"}', {"a": "x", "b": 2}),
        ('{"é":"\\u00e9","\\n":"\\\\"}', {"é": "é", "\n": "\\"}),
        ('{"a":1,"b":1.5,"c":{"d":-0.0}}', {"a": 1, "b": 1.5, "c": {"d": -0.0}}),
        ('{"a":[18446744073709551616,-9223372036854775809]}', {"a": [2**64, -(2**63) - 1]}),
        ("9007199254740993.5", Decimal("9007199254740993.5")),
        (
            "[0.1000000000000000055511151231257827]",
            [Decimal("0.1000000000000000055511151231257827")],
        ),
        (
            '{"a":1E400,"b":[1e-400,{"c":0.30000000000000004}]}',
            {"a": Decimal("1E+400"), "b": [Decimal("1E-400"), {"c": 0.30000000000000004}]},
        ),
        ("9" * 400, 10**400 - 1),
        ("9" * 5000, Decimal("9" * 5000)),
        ("-6.02214076e+23", -6.02214076e23),
        ('{"a":{"b":1e308,"c":1.50}}', {"a": {"b": 1e308, "c": 1.5}}),
        ("12345678901234567.250", Decimal("12345678901234567.25")),
        (
            '{"é":["\\u00e9",1e999,"1e999",null,true,{}]}',
            {"é": ["é", Decimal("1E+999"), "1e999", None, True, {}]},
        ),
        ('{"a":1,}', Refused("syntax", "$")),
        ('{"a" 1}', Refused("syntax", "$")),
        ('{"a":01}', Refused("syntax", "$")),
        ('{"a":"\\ud800"}', Refused("syntax", "$")),
        ('{"\\ud800":1}', Refused("syntax", "$")),
        ('{"a":1e999,}', Refused("syntax", "$")),
        ("[1e999,01]", Refused("syntax", "$")),
        ("1e-99999999999999999999", Refused("out_of_range", "$.later")),
        ("[1,1e99999999999999999999]", Refused("out_of_range", "$.later[1]")),
        ('{"a b":{"c":1e-99999999999999999999}}', Refused("out_of_range", "$.later['a b'].c")),
    ],
)
def test_unknown_value(loads: Loads, value: str, expected: Any) -> None:
    """An unknown value keeps its type. A value that would not read back equal is rejected."""
    document = f'{{"object":"{VECTORS}","usage_bytes":5,"later":{value}}}'

    assert expect(expected) == outcome(
        lambda: loads(document).additional_properties["later"],
    )


@pytest.mark.parametrize("nest", [lambda one: {"a": one}, lambda one: [one]], ids=["dict", "list"])
def test_depth_of_an_unknown_value(loads: Loads, nest: Any) -> None:
    """An unknown value with 90 levels is kept whole. With 200 it is rejected unless ignored."""
    later = reduce(lambda one, _: nest(one), range(90), 1)
    deeper = text(row(later=reduce(lambda one, _: nest(one), range(200), 1)))

    assert later == loads(text(row(later=later))).additional_properties["later"]
    assert "too_deep" == outcome(loads, deeper).code
    assert UsageVectorStoresResult(usage_bytes=5) == loads(deeper, unknown="ignore")


# --- two spellings, and the same key twice ---------------------------------------------------


@both_modes
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1", "1", 1),
        ("1", "2", Refused("ambiguous_name", "$.numSessions")),
        ("1", "1.0", Refused("ambiguous_name", "$.numSessions")),
        ("1", "true", Refused("ambiguous_name", "$.numSessions")),
        ("1", '"1"', Refused("ambiguous_name", "$.numSessions")),
        ("1", "null", Refused("ambiguous_name", "$.numSessions")),
        ("null", "null", Refused("wrong_type", "$.num_sessions")),
    ],
)
def test_two_spellings(loads: Loads, one: str, other: str, expected: Any, *, strict: bool) -> None:
    """Two spellings of one field are rejected unless their values and types are equal."""
    tag = "organization.usage.code_interpreter_sessions.result"
    document = f'{{"object":"{tag}","num_sessions":{one},"numSessions":{other}}}'

    assert expect(expected) == outcome(lambda: loads(document, strict=strict).sessions)


def test_two_spellings_of_a_list(loads: Loads) -> None:
    """Objects under two spellings are equal if only the order of their keys differs."""
    rows = '[{"object":"later.result","a":1,"b":[2]}]'
    again = '[{"b":[2],"a":1,"object":"later.result"}]'
    times = '"start_time":1,"end_time":2'
    document = f'{{"object":"bucket",{times},"result":{rows},"results":{again}}}'

    assert loads(document).results[0].additional_properties == {"a": 1, "b": [2]}


def test_two_spellings_too_deep_to_compare(loads: Loads) -> None:
    """Values that are too deep to compare count as different."""
    deep = "[" * 300 + "]" * 300
    document = f'{{"object":"{VECTORS}","usage_bytes":1,"project_id":{deep},"projectId":{deep}}}'

    assert Refused("ambiguous_name", "$.projectId") == outcome(loads, document)


def test_two_spellings_of_the_tag(loads: Loads) -> None:
    """Two spellings of the tag must have the same value."""
    data = row() | {"Object": "organization.usage.images.result"}

    assert Refused("ambiguous_name", "$.Object") == outcome(loads, text(data))


def test_key_twice(loads: Loads) -> None:
    """The last value of a repeated key is used."""
    document = f'{{"object":"{VECTORS}","usage_bytes":1,"usage_bytes":2}}'

    assert loads(document).usage_bytes == 2


@pytest.mark.parametrize("case", PLACES)
def test_place(loads: Loads, case: str) -> None:
    """The path of an error has the spellings of the input and the indices of its lists."""
    document, expected = PLACES[case].values()

    assert expected == outcome(loads, text_not_held(document))


def test_amount_of_nothing(loads: Loads) -> None:
    """An amount may lack both value and currency."""
    assert CostsResult(amount=CostsResultAmount()) == loads(text({"object": COSTS, "amount": {}}))
