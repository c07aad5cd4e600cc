"""What each input means: every JSON value against every type, and the rules of whole objects."""

from collections.abc import Callable
from decimal import Decimal
from operator import attrgetter
from typing import Any

import attrs
import pytest

from tests.support.comparing import Refused, expect, outcome
from tests.support.paths import Way
from tests.support.samples import COMPLETIONS, COSTS, VECTORS, row, text
from usagewire import (
    CODES,
    CostsResult,
    CostsResultAmount,
    Decoder,
    UnknownResult,
    UsageCompletionsResult,
    UsageImagesResult,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
    UsageVectorStoresResult,
)

Loads = Callable[..., Any]

# Every JSON value that is tried on every type, as it is written.
TOKENS = (
    *("null", "true", "false"),
    *("0", "5", "-5", "-0", "9007199254740992", "9007199254740993", "1073741824", "-1073741825"),
    *("9223372036854775807", "9223372036854775808", "18446744073709551615"),
    *("18446744073709551616", "-9223372036854775808", "-9223372036854775809"),
    *("0.0", "-0.0", "1.5", "0.06", "59200.0", "1e5", "9007199254740992.0"),
    *("1e30", "-1e30", "1e308", "5e-324"),
    *('""', '"5"', '"-5"', '"-0"', '"05"', '"+1"', '" 5"', '"5\\n"', '"59200.0"', '"1.5"'),
    *('"9223372036854775807"', '"9223372036854775808"', '"-9223372036854775809"'),
    *('"18446744073709551616"', '"123456789012345678901234567890.123456"'),
    *('"NaN"', '"nan"', '"sNaN"', '"Infinity"', '"-Infinity"', '"inf"', '"1_000"', '" 1.5 "'),
    *(
        '"١٢"',
        '"\N{FULLWIDTH DIGIT ONE}"',
        '"0x10"',
        '"1e5"',
        '"1E-7"',
        '"0E-6176"',
        '"-0.00"',
        '"-1.50"',
    ),
    *('"1.6500000000000000000000000000000000"', '"1E+6144"', '"1E+7000"', '"1E-7000"'),
    *('".5"', '"5."', '"."', '"1e"', '"--1"', '"1,5"', '"5\\u0000"'),
    *('"true"', '"True"', '"TRUE"', '"false"', '"False"', '"FALSE"', '"tRUE"', '"yes"', '"null"'),
    *('"é€😀"', '"\\u0041\\ud83d\\ude00\\n"', f'"{"a" * 70_000}"', f'"{"9" * 7_000}"'),
    *("[]", "[1]", '["a"]', "[null]", "{}", '{"a":1}', '{"a":null}'),
)
INTEGERS = {
    token: int(token)
    for token in TOKENS
    if token.lstrip("-").isdecimal() and -(2**63) <= int(token) < 2**63
}
PAST_INT64 = (
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    *("1e30", "-1e30", "1e308"),
)
STRINGS = tuple(token for token in TOKENS if token.startswith('"'))


@attrs.frozen
class Inner:
    """A class inside another."""

    a: int = 0


# For each type: what it takes and as what, what it refuses with a code of its own, and what more it
# takes with strict=False. Every other token is a wrong_type.
MATRIX: dict[Any, tuple[dict[str, Any], dict[str, str], dict[str, Any]]] = {
    int: (
        INTEGERS,
        dict.fromkeys(PAST_INT64, "out_of_range"),
        {
            '"5"': 5,
            '"-5"': -5,
            '"-0"': 0,
            '"9223372036854775807"': 2**63 - 1,
            "0.0": 0,
            "-0.0": 0,
            "59200.0": 59200,
            "1e5": 100_000,
            "9007199254740992.0": 2**53,
            '"9223372036854775808"': Refused("out_of_range", "$.x"),
            '"-9223372036854775809"': Refused("out_of_range", "$.x"),
            '"18446744073709551616"': Refused("out_of_range", "$.x"),
            f'"{"9" * 7_000}"': Refused("out_of_range", "$.x"),
        },
    ),
    float: (
        {
            **{token: float(value) for token, value in INTEGERS.items() if abs(value) <= 2**53},
            **{
                token: float(token)
                for token in TOKENS
                if token[-1] != '"' and ("." in token or "e" in token) and token[-1].isdigit()
            },
            # orjson makes a double of an integer past 64 bits, and so does JSON in most readers.
            "18446744073709551616": 2.0**64,
            "-9223372036854775809": -(2.0**63),
        },
        dict.fromkeys(
            (
                *("9007199254740993", "9223372036854775807", "-9223372036854775808"),
                *("9223372036854775808", "18446744073709551615"),
            ),
            "out_of_range",
        ),
        {},
    ),
    bool: (
        {"true": True, "false": False},
        {},
        {
            '"true"': True,
            '"True"': True,
            '"TRUE"': True,
            '"false"': False,
            '"False"': False,
            '"FALSE"': False,
        },
    ),
    str: (
        {
            **{token: token[1:-1] for token in STRINGS if "\\" not in token},
            '"5\\n"': "5\n",
            '"5\\u0000"': "5\0",
            '"\\u0041\\ud83d\\ude00\\n"': "A😀\n",
        },
        {},
        {},
    ),
    Decimal: (
        {
            **{token: Decimal(value) for token, value in INTEGERS.items()},
            "0.0": Decimal(0),
            "-0.0": Decimal(0),
            "1.5": Decimal("1.5"),
            "0.06": Decimal("0.06"),
            "59200.0": Decimal(59200),
            "1e5": Decimal(100_000),
            "9007199254740992.0": Decimal(2**53),
            "5e-324": Decimal("5e-324"),
            "9223372036854775808": Decimal(2**63),
            "18446744073709551615": Decimal(2**64 - 1),
            **{
                f'"{number}"': Decimal(number)
                for number in (
                    *("5", "-5", "-0", "05", "59200.0", "1.5", "9223372036854775807"),
                    *("9223372036854775808", "-9223372036854775809", "18446744073709551616"),
                    *("123456789012345678901234567890.123456", "1e5", "1E-7", "-1.50"),
                    *("1.6500000000000000000000000000000000", "1E+6144"),
                )
            },
            '"0E-6176"': Decimal(0),
            '"-0.00"': Decimal(0),
        },
        {
            **dict.fromkeys(STRINGS, "bad_decimal"),
            **dict.fromkeys(
                (
                    *("18446744073709551616", "-9223372036854775809", "1e30", "-1e30", "1e308"),
                    *('"1E+7000"', '"1E-7000"', f'"{"9" * 7_000}"'),
                ),
                "out_of_range",
            ),
        },
        {},
    ),
    Inner: (
        {"{}": Inner(), '{"a":1}': Inner(a=1), '{"a":null}': Refused("wrong_type", "$.x.a")},
        {},
        {},
    ),
    list[int]: (
        {
            "[]": [],
            "[1]": [1],
            '["a"]': Refused("wrong_type", "$.x[0]"),
            "[null]": Refused("wrong_type", "$.x[0]"),
        },
        {},
        {},
    ),
    dict[str, int]: (
        {"{}": {}, '{"a":1}': {"a": 1}, '{"a":null}': Refused("wrong_type", "$.x.a")},
        {},
        {},
    ),
}


def holder(kind: Any) -> type:
    """Return a class of one field `x` of the type `kind`."""
    return attrs.make_class("Holder", {"x": attrs.field(type=kind)}, frozen=True, slots=True)


HOLDERS = {kind: holder(kind) for kind in MATRIX}


def name(value: Any) -> str:
    """Return the name of a type or token in the name of a test."""
    shown = getattr(value, "__name__", str(value)) if not isinstance(value, str) else value
    return ascii(shown)[1:-1] if len(shown) < 40 else f"{len(shown)} characters of {shown[1]!r}"


def meant(kind: Any, written: str, *, strict: bool) -> Any:
    """Return what the matrix says of `written` in a field of `kind`."""
    taken, coded, lenient = MATRIX[kind]
    if not strict and written in lenient:
        return lenient[written]
    return taken.get(written, Refused(coded.get(written, "wrong_type"), "$.x"))


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize("written", TOKENS, ids=name)
@pytest.mark.parametrize("kind", MATRIX, ids=name)
def test_value(loads: Loads, kind: Any, written: str, *, strict: bool) -> None:
    """A JSON value in a field of a type is taken as it is, or refused with its code and place."""
    actual = outcome(lambda: loads(f'{{"x":{written}}}', HOLDERS[kind], strict=strict).x)

    assert expect(meant(kind, written, strict=strict)) == actual


@pytest.mark.parametrize("written", ["null", "5", "1.5", "true", '"5"', "[]", "{}"], ids=name)
@pytest.mark.parametrize("kind", MATRIX, ids=name)
def test_optional_value(loads: Loads, kind: Any, written: str) -> None:
    """A field that may be None takes null and otherwise what the type takes."""
    cls = holder(kind | None)
    expected = None if written == "null" else meant(kind, written, strict=True)

    assert expect(expected) == outcome(lambda: loads(f'{{"x":{written}}}', cls).x)


MODEL_FIELDS = {
    "usage_bytes": (int, VECTORS, '"usage_bytes":VALUE'),
    "project_id": (str, VECTORS, '"usage_bytes":1,"project_id":VALUE'),
    "quantity": (Decimal, COSTS, '"quantity":VALUE'),
    "amount.value": (Decimal, COSTS, '"amount":{"value":VALUE}'),
    "batch": (
        bool,
        COMPLETIONS,
        '"input_tokens":1,"output_tokens":2,"num_model_requests":3,"batch":VALUE',
    ),
}


@pytest.mark.parametrize("written", TOKENS, ids=name)
@pytest.mark.parametrize("field", MODEL_FIELDS)
def test_value_of_a_model(loads: Loads, field: str, written: str) -> None:
    """A field of our own classes takes what its type takes; an optional one takes null too."""
    kind, tag, fields = MODEL_FIELDS[field]
    expected = meant(kind, written, strict=True)
    if isinstance(expected, Refused):
        expected = Refused(expected.code, f"$.{field}")
    if written == "null" and field != "usage_bytes":
        expected = None
    document = f'{{"object":"{tag}",{fields.replace("VALUE", written)}}}'

    assert expect(expected) == outcome(lambda: attrgetter(field)(loads(document)))


def test_matrix_is_used() -> None:
    """Every token that the matrix speaks of is among those tried."""
    spoken = {token for columns in MATRIX.values() for column in columns for token in column}

    assert set() == spoken - set(TOKENS)


# --- a field that is not there ---------------------------------------------------------------


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize("absent", ["input_tokens", "output_tokens", "num_model_requests"])
def test_required_field_absent(loads: Loads, absent: str, *, strict: bool) -> None:
    """A row without a required field is refused, whatever it has besides."""
    data = row(COMPLETIONS, later=1)
    del data[absent]

    assert Refused("missing_field", f"$.{absent}") == outcome(loads, text(data), strict=strict)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
def test_required_field_null(loads: Loads, *, strict: bool) -> None:
    """Null in a required field is a value of the wrong type."""
    assert Refused("wrong_type", "$.usage_bytes") == outcome(
        loads, text(row(usage_bytes=None)), strict=strict
    )


def test_optional_field_absent(loads: Loads) -> None:
    """An optional field that is absent is None, as one that is null."""
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
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
def test_unknown_key(loads: Loads, unknown: str, expected: Any, *, strict: bool) -> None:
    """A key that the class has no field for is kept, ignored or forbidden, as asked."""
    actual = outcome(loads, text(row(later=[1, 2.0])), unknown=unknown, strict=strict)

    assert expect(expected) == actual


@pytest.mark.parametrize("unknown", ["keep", "ignore", "forbid"])
def test_unknown_row_keeps_its_content(loads: Loads, unknown: str) -> None:
    """What an unknown row holds is its content, whatever is said about unknown keys."""
    expected = UnknownResult(object="later.result", additional_properties={"n": 1})

    assert expect(expected) == outcome(
        loads, text({"object": "later.result", "n": 1}), unknown=unknown
    )


@pytest.mark.parametrize("unknown", ["keep", "ignore"])
def test_class_without_place_for_unknown_keys(loads: Loads, unknown: str) -> None:
    """A class without `additional_properties` drops what it cannot keep."""
    assert expect(Inner(a=1)) == outcome(loads, '{"a":1,"b":2}', Inner, unknown=unknown)


def test_class_without_place_forbids(loads: Loads) -> None:
    """Unknown keys of any class can be forbidden."""
    assert Refused("unknown_field", "$.b") == outcome(
        loads, '{"a":1,"b":2}', Inner, unknown="forbid"
    )


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
        ('{"a":18446744073709551616}', Refused("out_of_range", "$.later.a")),
        ('{"a":1,}', Refused("syntax", "$")),
        ('{"a" 1}', Refused("syntax", "$")),
        ('{"a":01}', Refused("syntax", "$")),
        ('{"a":"\\ud800"}', Refused("syntax", "$")),
        ('{"\\ud800":1}', Refused("syntax", "$")),
        ("18446744073709551616", Refused("out_of_range", "$.later")),
        ("[1e30]", Refused("out_of_range", "$.later[0]")),
        ('{"a b":{"c":1e30}}', Refused("out_of_range", "$.later['a b'].c")),
    ],
)
def test_unknown_value(loads: Loads, value: str, expected: Any) -> None:
    """A kept value keeps its type, and one that would not come back the same is refused."""
    document = f'{{"object":"{VECTORS}","usage_bytes":5,"later":{value}}}'

    assert expect(expected) == outcome(
        lambda: loads(document).additional_properties["later"],
    )


@pytest.mark.parametrize("unknown", ["keep", "ignore"])
def test_unknown_value_too_deep(loads: Loads, unknown: str) -> None:
    """An unknown value that could not be written back is refused only where it is to be kept."""
    later: Any = 1
    for _ in range(200):
        later = {"a": later}
    found = outcome(loads, text(row(later=later)), unknown=unknown)

    assert {
        "keep": "too_deep",
        "ignore": UsageVectorStoresResult,
    }[unknown] == found[0]


def test_deep_enough_is_kept(loads: Loads) -> None:
    """An unknown value of 90 levels comes back whole."""
    later: Any = 1
    for _ in range(90):
        later = [later]

    assert later == loads(text(row(later=later))).additional_properties["later"]


# --- two spellings, and the same key twice ---------------------------------------------------


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
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
    """Two spellings of one field are refused unless their values are equal in type too."""
    tag = "organization.usage.code_interpreter_sessions.result"
    document = f'{{"object":"{tag}","num_sessions":{one},"numSessions":{other}}}'

    assert expect(expected) == outcome(lambda: loads(document, strict=strict).sessions)


def test_two_spellings_of_a_list(loads: Loads) -> None:
    """Values are compared by what they hold, not by the order of their keys."""
    rows = '[{"object":"later.result","a":1,"b":[2]}]'
    again = '[{"b":[2],"a":1,"object":"later.result"}]'
    times = '"start_time":1,"end_time":2'
    document = f'{{"object":"bucket",{times},"result":{rows},"results":{again}}}'

    assert loads(document).results[0].additional_properties == {"a": 1, "b": [2]}


def test_two_spellings_too_deep_to_compare(loads: Loads) -> None:
    """Values that nest too deep to be compared are not taken for equal."""
    deep = "[" * 300 + "]" * 300
    document = f'{{"object":"{VECTORS}","usage_bytes":1,"project_id":{deep},"projectId":{deep}}}'

    assert Refused("ambiguous_name", "$.projectId") == outcome(loads, document)


def test_two_spellings_of_the_tag(loads: Loads) -> None:
    """Two spellings of the tag must agree."""
    data = row() | {"Object": "organization.usage.images.result"}

    assert Refused("ambiguous_name", "$.Object") == outcome(loads, text(data))


def test_key_twice(loads: Loads) -> None:
    """Of the same key twice, the last one counts."""
    document = f'{{"object":"{VECTORS}","usage_bytes":1,"usage_bytes":2}}'

    assert loads(document).usage_bytes == 2


# --- tags ------------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('"object":"later.result"', UnknownResult(object="later.result")),
        ('"object":""', UnknownResult(object="")),
        ('"Object":"later.result"', UnknownResult(object="later.result")),
        ("", Refused("missing_tag")),
        ('"object":null', Refused("wrong_type", "$.object")),
        ('"object":5', Refused("wrong_type", "$.object")),
        ('"object":["bucket"]', Refused("wrong_type", "$.object")),
        ('"Object":5', Refused("wrong_type", "$.Object")),
        ('"_object":null', Refused("wrong_type", "$._object")),
    ],
)
def test_tag_of_a_union(loads: Loads, tag: str, expected: Any, *, strict: bool) -> None:
    """A union goes by the tag: an unknown one is an unknown row, one that is no string is wrong."""
    assert expect(expected) == outcome(loads, f"{{{tag}}}", strict=strict)


def test_tag_need_not_come_first(loads: Loads) -> None:
    """The tag tells the kind wherever it stands."""
    document = f'{{"usage_bytes":5,"later":{{"object":"bucket"}},"object":"{VECTORS}"}}'

    assert UsageVectorStoresResult is type(loads(document))


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (f'"object":"{VECTORS}",', UsageVectorStoresResult(usage_bytes=5)),
        ("", UsageVectorStoresResult(usage_bytes=5)),
        ('"object":"organization.usage.images.result",', Refused("wrong_tag", "$.object")),
        ('"object":"later.result",', Refused("wrong_tag", "$.object")),
        ('"Object":"later.result",', Refused("wrong_tag", "$.Object")),
        ('"object":null,', Refused("wrong_type", "$.object")),
        ('"object":{},', Refused("wrong_type", "$.object")),
    ],
)
def test_tag_of_one_class(loads: Loads, tag: str, expected: Any, *, strict: bool) -> None:
    """Where one class is asked for, the tag may be absent but not another's."""
    document = f'{{{tag}"usage_bytes":5}}'

    assert expect(expected) == outcome(loads, document, UsageVectorStoresResult, strict=strict)


def test_union_without_unknown(loads: Loads) -> None:
    """A union that has no `UnknownResult` refuses the tags of others."""
    union = UsageVectorStoresResult | UsageImagesResult

    assert Refused("wrong_tag", "$.object") == outcome(loads, '{"object":"later.result"}', union)


# --- what generated clients write ------------------------------------------------------------

WRAPPED = pytest.mark.parametrize(
    ("key", "others"),
    [
        ("ActualInstance", {"ActualType": "X", "OneOfSchemas": ["X", "Y"]}),
        ("actual_instance", {"oneof_schema_1_validator": None, "one_of_schemas": []}),
    ],
)


@WRAPPED
@pytest.mark.parametrize(
    "kind",
    [None, UsageVectorStoresResult, UsageTimeBucketResultInner],
    ids=["of a union", "of one class", "of the flat class"],
)
def test_wrapper_strict(loads: Loads, key: str, others: dict[str, Any], kind: Any) -> None:
    """A wrapper in place of the row is refused by name."""
    kinds = [] if kind is None else [kind]

    assert Refused("sdk_wrapper") == outcome(loads, text(others | {key: row()}), *kinds)


@WRAPPED
@pytest.mark.parametrize(
    "kind", [None, UsageVectorStoresResult], ids=["of a union", "of one class"]
)
def test_wrapper_lenient(loads: Loads, key: str, others: dict[str, Any], kind: Any) -> None:
    """With strict=False the row in the wrapper is what is meant."""
    kinds = [] if kind is None else [kind]
    document = text(others | {key: row()})

    assert expect(UsageVectorStoresResult(usage_bytes=5)) == outcome(
        loads, document, *kinds, strict=False
    )


@WRAPPED
def test_wrapper_lenient_flat(loads: Loads, key: str, others: dict[str, Any]) -> None:
    """A wrapped row of the flat class is unwrapped too."""
    document = text(others | {key: row()})
    expected = UsageTimeBucketResultInner(object=VECTORS, usage_bytes=5)

    assert expect(expected) == outcome(loads, document, UsageTimeBucketResultInner, strict=False)


@WRAPPED
def test_wrapper_key_of_a_row(loads: Loads, key: str, others: dict[str, Any]) -> None:
    """A row with a tag is no wrapper, whatever other keys it has."""
    extra = others | {key: 5}

    assert extra == loads(text(row() | extra)).additional_properties


@WRAPPED
def test_wrapper_lenient_place(loads: Loads, key: str, others: dict[str, Any]) -> None:
    """What is wrong inside a wrapper is found under the wrapper's key."""
    document = text(others | {key: row(usage_bytes=None)})

    assert Refused("wrong_type", f"$.{key}.usage_bytes") == outcome(loads, document, strict=False)


MISTAGGED = {
    "object": COSTS,
    "amount": None,
    "line_item": None,
    "images": 2,
    "num_model_requests": 1,
    "characters": 0,
    "project_id": "p",
}


def test_mistagged_costs_strict(loads: Loads) -> None:
    """A row that says it is a cost and has only counts of use is refused."""
    assert Refused("wrong_tag", "$.object") == outcome(loads, text(MISTAGGED))


def test_mistagged_costs_lenient(loads: Loads) -> None:
    """With strict=False the fields of such a row tell its kind."""
    expected = UsageImagesResult(images=2, num_model_requests=1, project_id="p")

    assert expect(expected) == outcome(loads, text(MISTAGGED), strict=False)


def test_mistagged_costs_that_could_be_two_kinds(loads: Loads) -> None:
    """With strict=False a row that could be of two kinds is still refused."""
    data = {"object": COSTS, "input_tokens": 2, "num_model_requests": 1}

    assert Refused("ambiguous_kind") == outcome(loads, text(data), strict=False)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    "data",
    [
        {"amount": {"value": 1}, "input_tokens": 5},
        {"amount": None, "input_tokens": 0, "images": None},
        {"amount": None},
    ],
    ids=["amount and use", "use of zero", "nothing"],
)
def test_costs_are_costs(loads: Loads, data: dict[str, Any], *, strict: bool) -> None:
    """A costs row with an amount, or without any use, is what it says."""
    assert CostsResult is type(loads(text({"object": COSTS} | data), strict=strict))


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize("unknown", ["keep", "ignore", "forbid"])
@pytest.mark.parametrize("kind", [None, UsageVectorStoresResult, UsageTimeBucket])
def test_api_error(loads: Loads, unknown: str, kind: Any, *, strict: bool) -> None:
    """An error answer of the API is told as such, not as a missing field."""
    document = text({"error": {"message": "Invalid limit", "type": "x", "code": None}})
    kinds = [] if kind is None else [kind]

    assert Refused("api_error") == outcome(loads, document, *kinds, unknown=unknown, strict=strict)


# --- places ----------------------------------------------------------------------------------


def bucket(**fields: Any) -> dict[str, Any]:
    """Return a bucket as JSON data."""
    return {"object": "bucket", "start_time": 1, "end_time": 2, **fields}


def page(*buckets: Any) -> bytes:
    """Return a page as JSON."""
    return text({"object": "page", "data": buckets, "has_more": False})


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            page(bucket(result=[row(COMPLETIONS) | {"inputTokens": "x"}])),
            Refused("ambiguous_name", "$.data[0].result[0].inputTokens"),
        ),
        (
            page(
                bucket(
                    result=[
                        {
                            "object": COMPLETIONS,
                            "inputTokens": "x",
                            "OutputTokens": 1,
                            "num_model_requests": 1,
                        }
                    ]
                )
            ),
            Refused("wrong_type", "$.data[0].result[0].inputTokens"),
        ),
        (
            page(bucket(results=[]), bucket(results=[row(), {"object": COSTS, "amount": 5}])),
            Refused("wrong_type", "$.data[1].results[1].amount"),
        ),
        (
            page(bucket(Results=[{"Object": COSTS, "Amount": {"Value": "NaN"}}])),
            Refused("bad_decimal", "$.data[0].Results[0].Amount.Value"),
        ),
        (
            page(bucket(results=[row(project_id=5)])),
            Refused("wrong_type", "$.data[0].results[0].project_id"),
        ),
        (page(bucket(results=None)), Refused("wrong_type", "$.data[0].results")),
        (page(bucket(results=[None])), Refused("wrong_type", "$.data[0].results[0]")),
        (page(bucket(results={})), Refused("wrong_type", "$.data[0].results")),
        (page(bucket()), Refused("missing_field", "$.data[0].results")),
        (page(5), Refused("wrong_type", "$.data[0]")),
        (page(bucket(results=[{}])), Refused("missing_tag", "$.data[0].results[0]")),
        (
            page(bucket(results=[row(**{"a.b": 1e30})])),
            Refused("out_of_range", "$.data[0].results[0]['a.b']"),
        ),
        (
            page(bucket(results=[row(**{"é\n": 1e30})])),
            Refused("out_of_range", "$.data[0].results[0]['\\xe9\\n']"),
        ),
        (text({"object": "page", "data": [], "has_more": 0}), Refused("wrong_type", "$.has_more")),
    ],
)
def test_place(loads: Loads, document: bytes, expected: Refused) -> None:
    """The path of an error uses the spelling of the input and the indices of its lists."""
    assert expected == outcome(loads, document)


# --- text that is not one JSON object --------------------------------------------------------

NOT_JSON = {
    "nothing": b"",
    "spaces": b"  ",
    "a word": b"what",
    "cut off": b'{"object":"page"',
    "single quotes": b"{'object':'page'}",
    "trailing comma": b'{"object":"page",}',
    "NaN": b'{"object":"later.result","n":NaN}',
    "comment": b'{"object":"later.result"} // x',
    "number past a double": b'{"object":"later.result","n":1e400}',
    "control character": b'{"object":"later\x01result"}',
    "two documents": b'{"object":"later.result"}{"object":"later.result"}',
    "two documents apart": b'{"object":"later.result"} {"object":"later.result"}',
    "array": b'[{"object":"later.result"}]',
    "string": b'"page"',
    "number": b"5",
    "null": b"null",
    "true": b"true",
    "truncated UTF-8": b'{"object":"later.\xe2\x82"}',
    "overlong UTF-8": b'{"object":"later.\xc0\xaf"}',
    "surrogate in UTF-8": b'{"object":"later.\xed\xa0\x80"}',
    "lone surrogate": b'{"object":"later.\\ud800"}',
    "Latin-1": b'{"object":"later.\xe9"}',
    "UTF-16": '{"object":"later.result"}'.encode("utf-16"),
    "too deep to parse": b'{"object":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "BOM twice": b'\xef\xbb\xbf\xef\xbb\xbf{"object":"later.result"}',
    "BOM inside": b'{\xef\xbb\xbf"object":"later.result"}',
}
not_json = pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)


@not_json
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
def test_syntax(loads: Loads, data: bytes, *, strict: bool) -> None:
    """Anything but one JSON object in UTF-8 is a syntax error of the whole document."""
    assert Refused("syntax") == outcome(loads, data, strict=strict)


@not_json
def test_syntax_of_a_line(path: Way, data: bytes) -> None:
    """A line that is not one JSON object is rejected or blank, and the next line is read."""
    decoder = path.Decoder(on_error="collect")
    records = decoder.decode_lines(b"\n" + data.replace(b"\n", b" ") + b"\n" + text(row()))

    assert ([UsageVectorStoresResult], 3) == ([type(one) for one in records], decoder.counts.lines)
    assert decoder.counts.rejected + decoder.counts.blank == 2


@pytest.mark.parametrize("data", ["{}", "[]", "5", "null", '"x"'])
def test_document_that_is_no_object(loads: Loads, data: str) -> None:
    """Where the type is no class, a document may be any JSON."""
    assert {"{}": {}, "[]": [], "5": 5, "null": None, '"x"': "x"}[data] == loads(data, Any)


@pytest.mark.parametrize("blank", [b"", b" ", b"\t", b"\r", b" \t \r"], ids=repr)
def test_blank_line(path: Way, blank: bytes) -> None:
    """A line of spaces, tabs and CR is blank: neither a record nor rejected."""
    decoder = path.Decoder()
    decoder.decode_lines(blank + b"\n" + text(row()) + b"\n" + blank + b"\n")

    assert attrs.astuple(decoder.counts)[:4] == (3, 1, 0, 2)


@pytest.mark.parametrize("blank", [b"\x0b", b"\x0c", b"\xc2\xa0", b"\0"], ids=repr)
def test_other_space_is_not_blank(path: Way, blank: bytes) -> None:
    """A line of anything else is rejected, even if some would call it space."""
    decoder = path.Decoder(on_error="skip")
    decoder.decode_lines(blank + b"\n")

    assert attrs.astuple(decoder.counts)[:4] == (1, 0, 1, 0)


BOM = b"\xef\xbb\xbf"


def test_bom_first(path: Way) -> None:
    """A byte order mark before the first line is skipped."""
    assert [UsageVectorStoresResult(usage_bytes=5)] == path.Decoder().decode_lines(
        BOM + text(row())
    )


def test_bom_elsewhere(path: Way) -> None:
    """A byte order mark before another line is rejected."""
    decoder = path.Decoder(on_error="collect")
    decoder.decode_lines(text(row()) + b"\n" + BOM + text(row()) + b"\n")

    assert [(one.code, one.line) for one in decoder.rejections] == [("syntax", 2)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, bytes.decode])
def test_bom_of_a_document(loads: Loads, kind: Callable[[bytes], Any]) -> None:
    """A byte order mark before a document is skipped, whatever the data comes in."""
    assert UsageVectorStoresResult(usage_bytes=5) == loads(kind(BOM + text(row())))


def test_line_too_long(path: Way) -> None:
    """A line over the limit is rejected unread, and reading goes on at the next line."""
    good = text(row())
    decoder = path.Decoder(on_error="collect", max_line_bytes=len(good))
    records = decoder.decode_lines(good + b"\n" + good + b" \n" + good + b"\r\n" + good)

    assert len(records) == 3
    assert [("line_too_long", 2, len(good) + 1)] == [
        (one.code, one.line, one.length) for one in decoder.rejections
    ]


def test_long_blank_line(path: Way) -> None:
    """Even a line of spaces is too long over the limit."""
    decoder = path.Decoder(on_error="collect", max_line_bytes=10)
    decoder.decode_lines(b" " * 11 + b"\n")

    assert [one.code for one in decoder.rejections] == ["line_too_long"]


# --- leniencies are counted ------------------------------------------------------------------

LENIENT = {
    "none": (row(), 0),
    "one": (row(usage_bytes="5"), 1),
    "one beside an unknown key": (row(usage_bytes="5", later=1), 1),
    "one beside another spelling": (row(usage_bytes="5", projectId="p"), 1),
    "one under another spelling": ({"object": VECTORS, "UsageBytes": "5"}, 1),
    "one in an unusual tag": ({"Object": VECTORS, "usage_bytes": 5.0}, 1),
    "two": (row(COMPLETIONS, batch="FALSE", input_tokens=5.0), 2),
    "two in a page": (
        {
            "object": "page",
            "has_more": "true",
            "data": [bucket(result=[row(usage_bytes="5", later=1), row()])],
        },
        2,
    ),
    "wrapper": ({"ActualInstance": row()}, 1),
    "wrapper and value": ({"ActualInstance": row(usage_bytes="5")}, 2),
    "mistagged costs": (MISTAGGED, 1),
    "mistagged costs and value": (MISTAGGED | {"images": "2"}, 2),
}


@pytest.mark.parametrize(("data", "expected"), LENIENT.values(), ids=LENIENT)
def test_leniencies_are_counted(path: Way, data: Any, expected: int) -> None:
    """Each value that only strict=False lets through counts once."""
    decoder = path.Decoder(strict=False)
    decoder.decode_lines(text(data))

    assert expected == decoder.counts.lenient


def test_leniencies_of_a_document_are_counted(path: Way) -> None:
    """Leniencies of `decode` count like those of lines."""
    decoder = path.Decoder(strict=False)
    decoder.decode(text(row(usage_bytes="5")))

    assert decoder.counts.lenient == 1


def test_leniencies_of_rejected_lines_are_not_counted(path: Way) -> None:
    """A line that is rejected after all had no use of its leniencies."""
    decoder = path.Decoder(strict=False, on_error="skip")
    decoder.decode_lines(text(row(COMPLETIONS, input_tokens="5", batch=5)) + b"\n" + text(row()))

    assert (
        decoder.counts.records,
        decoder.counts.rejected,
        decoder.counts.lenient,
    ) == (1, 1, 0)


def test_strict_rejects_what_is_lenient(path: Way) -> None:
    """Everything counted as a leniency is rejected by default."""
    lines = b"\n".join(text(data) for data, count in LENIENT.values() if count)
    decoder = path.Decoder(on_error="skip")
    decoder.decode_lines(lines)

    assert (0, len(LENIENT) - 1) == (decoder.counts.records, decoder.counts.rejected)


# --- codes -----------------------------------------------------------------------------------


@attrs.frozen
class Picky:
    """A class that looks at its values."""

    x: int = attrs.field(validator=attrs.validators.gt(5))


def to_result(data: bytes) -> Any:
    """Return the row of a flattened row."""
    return Decoder(UsageTimeBucketResultInner).decode(data).to_result()


EVERY_CODE: dict[str, tuple[Any, dict[str, Any]]] = {
    "syntax": ("what", {}),
    "wrong_type": (text(row(usage_bytes="5")), {}),
    "out_of_range": (text(row(usage_bytes=2**63)), {}),
    "bad_decimal": (text({"object": COSTS, "quantity": "NaN"}), {}),
    "bad_value": ('{"x":5}', {"type": Picky}),
    "missing_field": ("{}", {"type": Picky}),
    "unknown_field": (text(row(later=1)), {"unknown": "forbid"}),
    "ambiguous_name": (text(row(usageBytes=6)), {}),
    "missing_tag": ("{}", {}),
    "wrong_tag": (text(MISTAGGED), {}),
    "ambiguous_kind": (
        text({"object": COSTS, "input_tokens": 1, "num_model_requests": 1}),
        {"strict": False},
    ),
    "sdk_wrapper": ('{"ActualInstance":{}}', {}),
    "api_error": ('{"error":{"message":"no"}}', {}),
    "too_deep": (b'{"object":"x","a":' + b"[" * 300 + b"]" * 300 + b"}", {}),
    "line_too_long": (b" " * 11, {"max_line_bytes": 10}),
}


OF_CONVERSION = ["no_interval"]  # of records that were read well


def test_every_code_has_an_example() -> None:
    """The examples above are one for each code that a line can be rejected with."""
    assert list(CODES) == [*EVERY_CODE, *OF_CONVERSION]


@pytest.mark.parametrize("code", EVERY_CODE)
def test_code(path: Way, code: str) -> None:
    """Each code is what some line is rejected with."""
    line, options = EVERY_CODE[code]
    decoder = path.Decoder(on_error="collect", **options)
    decoder.decode_lines(line)

    assert [code] == [one.code for one in decoder.rejections]


@pytest.mark.parametrize("code", CODES)
def test_code_is_explained(code: str) -> None:
    """Each code says what it means."""
    assert len(CODES[code]) > 20


def test_amount_of_nothing(loads: Loads) -> None:
    """An amount without value or currency is one that was not stated."""
    assert CostsResult(amount=CostsResultAmount()) == loads(text({"object": COSTS, "amount": {}}))


def test_completions_have_every_field(loads: Loads) -> None:
    """A row with every field set reads into every field."""
    data = {field.name: 7 for field in attrs.fields(UsageCompletionsResult)[:-1]}
    data |= {name: "s" for name in data if name.endswith(("_id", "model", "tier", "source"))}
    data["batch"] = True
    record = loads(text({"object": COMPLETIONS} | data))

    assert data == {name: getattr(record, name) for name in data}
