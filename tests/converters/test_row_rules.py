"""Rows that other software wrote: wrapped, mistagged, or an error answer of the API."""

from typing import Any

import attrs
import pytest

from tests.support.comparing import Refused, expect, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import COSTS, MISTAGGED, VECTORS, row, text
from usagewire import (
    CostsResult,
    UsageCompletionsResult,
    UsageImagesResult,
    UsageObject,
    UsageResult,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
    UsageVectorStoresResult,
    loads,
)

wrapped = pytest.mark.parametrize(
    ("key", "others"),
    [
        ("ActualInstance", {"ActualType": "X", "OneOfSchemas": ["X", "Y"]}),
        ("actual_instance", {"oneof_schema_1_validator": None, "one_of_schemas": []}),
    ],
)


@wrapped
@pytest.mark.parametrize(
    "kind",
    [UsageObject, UsageVectorStoresResult, UsageTimeBucketResultInner],
    ids=["of a union", "of one class", "of the flat class"],
)
def test_wrapper_strict(loads: Loads, key: str, others: dict[str, Any], kind: Any) -> None:
    """A wrapper in place of the row is refused by name."""
    assert Refused("sdk_wrapper") == outcome(loads, text(others | {key: row()}), kind)


@wrapped
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (UsageObject, UsageVectorStoresResult(usage_bytes=5)),
        (UsageVectorStoresResult, UsageVectorStoresResult(usage_bytes=5)),
        (UsageTimeBucketResultInner, UsageTimeBucketResultInner(object=VECTORS, usage_bytes=5)),
    ],
    ids=["of a union", "of one class", "of the flat class"],
)
def test_wrapper_lenient(
    loads: Loads, key: str, others: dict[str, Any], kind: Any, expected: Any
) -> None:
    """With strict=False the row in the wrapper is read."""
    document = text(others | {key: row()})

    assert expect(expected) == outcome(loads, document, kind, strict=False)


@wrapped
def test_wrapper_key_of_a_row(loads: Loads, key: str, others: dict[str, Any]) -> None:
    """A row with a tag is no wrapper, whatever other keys it has."""
    extra = others | {key: 5}

    assert extra == loads(text(row() | extra)).additional_properties


@wrapped
def test_wrapper_lenient_place(loads: Loads, key: str, others: dict[str, Any]) -> None:
    """The place of an error inside a wrapper begins with the wrapper's key."""
    document = text(others | {key: row(usage_bytes=None)})

    assert Refused("wrong_type", f"$.{key}.usage_bytes") == outcome(loads, document, strict=False)


@pytest.mark.parametrize(
    ("data", "strict", "expected"),
    [
        (MISTAGGED, True, Refused("wrong_tag", "$.object")),
        (MISTAGGED, False, UsageImagesResult(images=2, num_model_requests=1, project_id="p")),
        (row(COSTS, input_tokens=2, num_model_requests=1), False, Refused("ambiguous_kind")),
    ],
    ids=["strict", "lenient", "of two kinds"],
)
def test_mistagged_costs(loads: Loads, data: Any, expected: Any, *, strict: bool) -> None:
    """A costs row with counts of use only is refused; strict=False reads it by its fields."""
    assert expect(expected) == outcome(loads, text(data), strict=strict)


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
@pytest.mark.parametrize(
    "kind", [UsageObject, UsageVectorStoresResult, UsageTimeBucket, CostsResult]
)
def test_api_error(loads: Loads, unknown: str, kind: Any, *, strict: bool) -> None:
    """An error answer of the API is refused as such: no field is missing, and it is no cost."""
    document = text({"error": {"message": "Invalid limit", "type": "x", "code": None}})

    assert Refused("api_error") == outcome(loads, document, kind, unknown=unknown, strict=strict)


COMPLETION = row(COSTS, input_tokens=3, output_tokens=2, num_model_requests=1, amount=None)


@pytest.mark.parametrize("kind", [CostsResult, CostsResult | UsageVectorStoresResult])
@pytest.mark.parametrize("unknown", ["keep", "forbid"])
@pytest.mark.parametrize("strict", [True, False])
def test_mistagged_row_is_of_no_other_kind(kind: Any, unknown: Any, strict: bool) -> None:
    """A usage row tagged as costs never comes out where its kind was not asked for."""
    found = outcome(loads, text(COMPLETION), kind, strict=strict, unknown=unknown)

    assert Refused("wrong_tag", "$.object") == found


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("unknown", ["keep", "forbid"])
def test_mistagged_row_in_a_union_of_its_kind(unknown: Any) -> None:
    """With strict=False a mistagged row is read as its kind if the union has it."""
    found = loads(
        text(COMPLETION), CostsResult | UsageCompletionsResult, strict=False, unknown=unknown
    )

    assert UsageCompletionsResult(input_tokens=3, output_tokens=2, num_model_requests=1) == found


@attrs.frozen(kw_only=True, weakref_slot=False)
class MyCosts(CostsResult):
    note: str | None = None


def test_derived_costs(path: Way) -> None:
    """A class derived from `CostsResult` refuses usage rows too."""
    assert Refused("wrong_tag", "$.object") == outcome(path.loads, text(COMPLETION), MyCosts)
    assert MyCosts(note="x") == path.loads('{"note":"x"}', MyCosts)


def test_wrapper_in_a_wrapper() -> None:
    """Only one wrapper is taken off."""
    data = text({"ActualInstance": {"actual_instance": row(VECTORS)}})

    assert Refused("sdk_wrapper", "$.ActualInstance") == outcome(
        loads, data, UsageResult, strict=False
    )
