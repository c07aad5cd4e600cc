"""Every JSON value in a field of each scalar type, by the table `values.txt`."""

import json
import re
from decimal import Decimal
from operator import attrgetter
from typing import Any

import attrs
import pytest

from tests.support.cases import table
from tests.support.classes import Inner
from tests.support.comparing import Refused, expect, outcome
from tests.support.paths import Loads
from tests.support.samples import COMPLETIONS, COSTS, VECTORS
from usagewire import CODES, DecodeError

# Each type with an independent function that reads a cell of the table.
TYPES: dict[Any, Any] = {
    int: int,
    float: float,
    bool: json.loads,
    str: json.loads,
    Decimal: lambda written: Decimal(written.strip('"')),
    Inner: lambda written: Inner(**json.loads(written)),
    list[int]: json.loads,
    dict[str, int]: json.loads,
}


def name(value: Any) -> str:
    """Return a short name of a type or JSON token for the id of a test."""
    shown = value if isinstance(value, str) else getattr(value, "__name__", str(value))
    return ascii(shown)[1:-1] if len(shown) < 40 else f"{len(shown)} characters of {shown[1]!r}"


VALUES = {
    re.sub(r"<(.) x (\d+)>", lambda found: found[1] * int(found[2]), cells.pop("JSON")): dict(
        zip(TYPES, cells.values(), strict=True)
    )
    for cells in table("values.txt")
}
HOLDERS = {
    kind: attrs.make_class("Holder", {"x": attrs.field(type=kind)}, frozen=True, slots=True)
    for kind in [*TYPES, *(kind | None for kind in TYPES)]
}
every_value = pytest.mark.parametrize("written", VALUES, ids=name)
every_type = pytest.mark.parametrize("kind", TYPES, ids=name)


def meant(kind: Any, written: str, *, strict: bool) -> Any:
    """Return the value in the table for `written` in a field `x` of `kind`."""
    cell = VALUES[written][kind]
    if cell.startswith("~"):
        cell = "" if strict else cell[1:]
    code, _, place = (cell or "wrong_type").partition(" ")
    if code in CODES:
        return Refused(code, f"$.x{place}")
    return TYPES[kind](written if cell == "=" else cell)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@every_value
@every_type
def test_value(loads: Loads, kind: Any, written: str, *, strict: bool) -> None:
    """A field takes the JSON value, or rejects it with its code and place."""
    actual = outcome(lambda: loads(f'{{"x":{written}}}', HOLDERS[kind], strict=strict).x)

    assert expect(meant(kind, written, strict=strict)) == actual


@pytest.mark.parametrize("written", ["null", "5", "1.5", "true", '"5"', "[]", "{}"], ids=name)
@every_type
def test_optional_value(loads: Loads, kind: Any, written: str) -> None:
    """An optional field takes null and the values of its type."""
    expected = None if written == "null" else meant(kind, written, strict=True)

    assert expect(expected) == outcome(lambda: loads(f'{{"x":{written}}}', HOLDERS[kind | None]).x)


@pytest.mark.parametrize("written", ["-0", "0.0", "-0.0", '"0E-6176"', '"-0.00"'])
def test_zero_of_money(loads: Loads, written: str) -> None:
    """A zero of money has no sign and no exponent."""
    assert "0" == str(loads(f'{{"x":{written}}}', HOLDERS[Decimal]).x)


@pytest.mark.parametrize(
    ("kind", "written", "shown"),
    [
        (float, "1e400", "1E+400 is beyond the range of a double"),
        (int, "1e400", "1E+400 does not fit a signed 64-bit integer"),
        (int, "0.12345678901234567890", "expected an integer, got 0.1234567890123456789"),
        (Decimal, "1e7000", "the exponent of 1E+7000 does not fit decimal128"),
        (str, "9007199254740993.5", "expected a string, got 9007199254740993.5"),
    ],
)
def test_message_has_the_number(loads: Loads, kind: Any, written: str, shown: str) -> None:
    """A message shows a long number as JSON has it."""
    with pytest.raises(DecodeError) as caught:
        loads(f'{{"x":{written}}}', HOLDERS[kind])

    assert shown == caught.value.message


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


@every_value
@pytest.mark.parametrize("field", MODEL_FIELDS)
def test_value_of_a_model(loads: Loads, field: str, written: str) -> None:
    """A field of our classes takes the values of its type. An optional field takes null too."""
    kind, tag, fields = MODEL_FIELDS[field]
    expected = meant(kind, written, strict=True)
    if isinstance(expected, Refused):
        expected = Refused(expected.code, f"$.{field}")
    if written == "null" and field != "usage_bytes":
        expected = None
    document = f'{{"object":"{tag}",{fields.replace("VALUE", written)}}}'

    assert expect(expected) == outcome(lambda: attrgetter(field)(loads(document)))
