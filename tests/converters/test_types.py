"""The types of fields, by the tables `types.ndjson` and `refused_types.ndjson`."""

import json
from typing import Any

import attrs
import pytest

from tests.support.comparing import Refused, exact, expect, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import DATA
from tests.support.types import expression
from usagewire import EncodeError, UsageWireError, dumps


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


TYPES = rows("types.ndjson")


def holder(kind: str) -> Any:
    """Return a class with a field `x` of a type. attrs takes None for no type."""
    field = attrs.field(type=type(None) if kind == "None" else expression(kind))
    return attrs.make_class("Holder", {"x": field})


HOLDERS = {row["type"]: holder(row["type"]) for row in TYPES}


def parametrize(*names: str, column: str) -> Any:
    """Run a test for each type and each cell of a column."""
    found = []
    for row in TYPES:
        cells = row[column].items() if isinstance(row[column], dict) else row[column]
        found += [(row["type"], *([cell] if isinstance(cell, str) else cell)) for cell in cells]
    ids = [ascii(" ".join(case[:2]))[1:90] for case in found]
    return pytest.mark.parametrize(("kind", *names), found, ids=ids)


@parametrize("document", "value", column="reads")
def test_read(loads: Loads, kind: str, document: str, value: str) -> None:
    """A type takes its JSON, alone and in a field, and the value reads back equal."""
    expected, cls = expression(value), HOLDERS[kind]
    record = cls(expected)

    assert exact(expected) == exact(loads(document, expression(kind)))
    assert exact(record) == exact(loads(f'{{"x":{document}}}', cls))
    assert exact(record) == exact(loads(dumps(record), cls))


@parametrize("document", "refusal", column="rejects")
def test_rejected(loads: Loads, kind: str, document: str, refusal: str) -> None:
    """A type rejects other JSON with a code, at its place."""
    code, _, place = refusal.partition(" ")
    data = f'{{"x":{document}}}'

    assert expect(Refused(code, f"$.x{place}")) == outcome(loads, data, HOLDERS[kind])


@pytest.mark.usefixtures("path")
@parametrize("value", column="unwritable")
def test_not_written(kind: str, value: str) -> None:
    """A value that would not read back equal is not written."""
    with pytest.raises(EncodeError) as caught:
        dumps(HOLDERS[kind](expression(value)))

    assert caught.value.path.startswith("$.x")


@pytest.mark.parametrize("row", rows("refused_types.ndjson"), ids=lambda row: row["type"])
def test_refused_type(path: Way, row: dict[str, Any]) -> None:
    """A type that cannot be exact is refused when its decoder is built, and is not written."""
    cls = holder(row["type"])
    with pytest.raises(UsageWireError):
        path.Decoder(cls)
    for value in row["values"]:
        with pytest.raises(EncodeError):
            dumps(cls(expression(value)))
