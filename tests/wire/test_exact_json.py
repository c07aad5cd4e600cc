"""JSON with numbers that orjson rounds or rejects, beside the reader of the standard library."""

import decimal
import json
import sys
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.comparing import exact
from usagewire.wire import exact_json
from usagewire.wire.exact_json import dumps, parse, parser_of

EXPONENTS = st.one_of(st.just(""), st.integers(-400, 400).map("e{}".format), st.just("E+07"))
NUMBERS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.one_of(st.integers(0, 30), st.integers(0, 10**40)),
    st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,25}", fullmatch=True)),
    EXPONENTS,
)
SCALARS = st.one_of(
    NUMBERS,
    NUMBERS.map(json.dumps),
    st.text().map(json.dumps),
    st.text().map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(["null", "true", "false", r'"\\"', r'"\"1e999,"', '"[{"']),
)
SPACES = st.sampled_from(["", " ", "\t", "\r\n"])


def arrays(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Make arrays and objects as texts, with keys that may come twice."""
    members = st.builds(
        "{}{}:{}".format,
        st.sampled_from(['"a"', '"b"', '"1e999"', '"\\u00e9"', '""']),
        SPACES,
        items,
    )
    return st.one_of(
        st.builds("[{}{}]".format, SPACES, st.lists(items, max_size=4).map(",".join)),
        st.builds("{{{}{}}}".format, SPACES, st.lists(members, max_size=4).map(" , ".join)),
    )


DOCUMENTS = st.recursive(SCALARS, arrays, max_leaves=20).filter(lambda text: "\\ud" not in text)


def meant(text: str) -> Any:
    """Return a number of JSON as its type in `exact_json`: int, float or Decimal."""
    number = Decimal(text)
    if abs(number) < 2**63 and Decimal(repr(float(text))) == number:
        return float(text)
    return number


def same_value(text: str) -> Any:
    """Return the value of a document according to the standard library."""
    return json.loads(text, parse_float=meant)


@given(st.builds("{}{}".format, SPACES, DOCUMENTS))
@example("-0")
@example('[":5..e3",",1.2.3.4.5.6.7.8.9",": -00000000000000000001"]')
@example(" \t-9007199254740993.5")
@example('{"a":[18446744073709551615,-9223372036854775808,18446744073709551616]}')
@example("[-0.0,0e999,-0E-999,1e-999,1E400,-1E400]")
@example("[9007199254740993.0,9007199254740993,9223372036854775808.0,9223372036854774784.0]")
def test_values(text: str) -> None:
    """Every number has its exact value. All other values are those of any JSON reader."""
    assert exact(same_value(text)) == exact(parse(text.encode()))


@given(st.lists(DOCUMENTS, max_size=3), SPACES)
def test_parser_of_lines(lines: list[str], space: str) -> None:
    """The parser that is chosen for a text parses each of its lines exactly."""
    texts = [(space + line).encode() for line in lines]
    loads = parser_of(b"\n".join(texts))

    assert exact([parse(text) for text in texts]) == exact([loads(text) for text in texts])


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":0.1,"b":123456789012345,"c":1785542400}',
        b'{"id":"3e8-4e5","v":"0.1234567890123456789"}',
        b'["12345678901234567890", "gpt-4-1106"]', b"{}", b"-1",
    ],
)  # fmt: skip
def test_usual_text_is_parsed_once(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text without long numbers is parsed by orjson alone, whatever is in its strings."""
    monkeypatch.setattr(exact_json, "_parse_again", None)

    assert orjson.loads(text) == parser_of(text)(text)


@given(DOCUMENTS)
def test_round_trip(text: str) -> None:
    """A number that is written and read again keeps its value."""
    value = parse(text.encode())

    try:
        written = dumps(value)
    except orjson.JSONEncodeError:  # `write_json` makes a Decimal of an int past 64 bits
        assert any(digits.isdigit() for digits in text)
    else:
        assert parse(written) == value


@given(
    DOCUMENTS, st.integers(0, 200), st.sampled_from([",", "]", "}", "x", '"', "\x00", "1e999", "."])
)
def test_syntax_errors(text: str, at: int, more: str) -> None:
    """A text is rejected if and only if the standard library rejects it."""
    damaged = text[:at] + more + text[at:]
    try:
        expected = json.loads(damaged, parse_float=meant, parse_constant=float.fromhex)
    except ValueError:
        with pytest.raises(orjson.JSONDecodeError):
            parse(damaged.encode())
    else:
        assert exact(expected) == exact(parse(damaged.encode()))


@pytest.mark.parametrize(
    "text",
    [
        "[1e999,]", "[1e999 1]", '{"a":1e999,"b"}', "1e999x", "[1e999,-]", "[1e999.5]", "[1e999e5]",
        '[1e999,"\\x"]', '["1e999\\"1e999,"1e999]', "[1e999", "{1e999:1e999}",
    ],
)  # fmt: skip
def test_place_of_a_syntax_error(text: str) -> None:
    """A syntax error after a number beyond a double has its own place."""
    with pytest.raises(orjson.JSONDecodeError) as expected:
        orjson.loads(text.replace("1e999", "1    "))
    with pytest.raises(orjson.JSONDecodeError) as error:
        parse(text.encode())

    assert expected.value.pos == error.value.pos


@pytest.mark.parametrize("text", ["99.", "[1.,2]", "1e", "[1e5,01]", "[12345678901234567.]", "-"])
def test_error_without_a_huge_number(text: str) -> None:
    """The message of orjson stays if no number is beyond a double."""
    with pytest.raises(orjson.JSONDecodeError) as expected:
        orjson.loads(text)
    with pytest.raises(orjson.JSONDecodeError) as error:
        parse(text.encode())

    assert (expected.value.msg, expected.value.pos) == (error.value.msg, error.value.pos)


def test_integers_of_any_length() -> None:
    """An integer of more digits than Python reads quickly is a Decimal."""
    assert 10**4299 == parse(b"1" + b"0" * 4299)
    assert exact(Decimal("1" + "0" * 4300)) == exact(parse(b"1" + b"0" * 4300))


def test_time_is_linear() -> None:
    """A number of a million digits, and a million of numbers, are read without recursion."""
    assert Decimal("0." + "3" * 10**6) == parse(b"0." + b"3" * 10**6)
    assert [1.0, Decimal("1E400")] * 10**5 == parse(b"[" + b",".join([b"1.0,1E400"] * 10**5) + b"]")
    assert "[" * 1000 + "Decimal" in repr_of(parse(b"[" * 1000 + b"1e400" + b"]" * 1000))


def repr_of(value: Any) -> str:
    """Return the `repr` of nested lists, without recursion."""
    depth = 0
    while type(value) is list:
        value, depth = value[0], depth + 1
    return "[" * depth + repr(value)


def test_time_of_a_string_without_end_is_linear() -> None:
    """A string without its end, full of quotes after a huge number, is looked at once."""
    with pytest.raises(orjson.JSONDecodeError):
        parse(b'{"a":1e400,"b":"' + b'\\"' * 10**6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10e399", "1E+400"), ("-0.10000000000000000550e0", "-0.1000000000000000055"),
     ("1234567890123456789.0e1", "1.234567890123456789E+19")],
)  # fmt: skip
def test_zeros_at_the_end_are_dropped(text: str, expected: str) -> None:
    """Equal numbers have one Decimal, however they are written."""
    assert expected == str(parse(text.encode()))


def test_lower_limit_of_digits() -> None:
    """If the user lets Python read fewer digits, a longer integer is a Decimal."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert Decimal("7" * 700) == parse(b"[" + b"7" * 700 + b"]")[0]
    finally:
        sys.set_int_max_str_digits(limit)


@pytest.mark.parametrize("text", ["1e1000000000000000000", "-1e-99999999999999999999"])
def test_exponent_beyond_a_decimal(text: str) -> None:
    """A number that no Decimal holds is infinite, so that no rule takes it."""
    assert parse(f"[{text}]".encode())[0].is_infinite()


def test_context_of_the_user_does_not_matter() -> None:
    """The precision and the traps of the user's decimal context do not change a number."""
    with decimal.localcontext() as context:
        context.prec = 3
        context.Emax = 10
        context.traps = dict.fromkeys(context.traps, True)
        assert Decimal("9007199254740993.5") == parse(b"9007199254740993.5")
        assert Decimal("1E+400") == parse(b"1E400")
        context.traps = dict.fromkeys(context.traps, False)
        assert parse(b"1e9999999999999999999").is_infinite()
