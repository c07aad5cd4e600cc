"""Wrapped and mistagged rows of generated clients, and error answers of the API."""

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
    ("kind", "expected"),
    [
        (UsageObject, UsageVectorStoresResult(usage_bytes=5)),
        (UsageVectorStoresResult, UsageVectorStoresResult(usage_bytes=5)),
        (UsageTimeBucketResultInner, UsageTimeBucketResultInner(object=VECTORS, usage_bytes=5)),
    ],
    ids=["of a union", "of one class", "of the flat class"],
)
def test_wrapper(loads: Loads, key: str, others: dict[str, Any], kind: Any, expected: Any) -> None:
    """A wrapper around a row is rejected. Lenient conversion reads the row."""
    document = text(others | {key: row()})

    assert Refused("sdk_wrapper") == outcome(loads, document, kind)
    assert expect(expected) == outcome(loads, document, kind, strict=False)


@wrapped
def test_wrapper_key_of_a_row(loads: Loads, key: str, others: dict[str, Any]) -> None:
    """An object with a tag is not a wrapper, even if it has the key of one."""
    extra = others | {key: 5}

    assert extra == loads(text(row() | extra)).additional_properties


@wrapped
def test_wrapper_lenient_place(loads: Loads, key: str, others: dict[str, Any]) -> None:
    """The path of an error inside a wrapper begins with the wrapper's key."""
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
    """A usage row with the tag of costs is rejected. Lenient conversion goes by its fields."""
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
    """A row with the tag of costs is one if it has an amount or no usage."""
    assert CostsResult is type(loads(text({"object": COSTS} | data), strict=strict))


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize("unknown", ["keep", "ignore", "forbid"])
@pytest.mark.parametrize(
    "kind", [UsageObject, UsageVectorStoresResult, UsageTimeBucket, CostsResult]
)
def test_api_error(loads: Loads, unknown: str, kind: Any, *, strict: bool) -> None:
    """An error answer of the API is rejected as `api_error`, for every type."""
    document = text({"error": {"message": "Invalid limit", "type": "x", "code": None}})

    assert Refused("api_error") == outcome(loads, document, kind, unknown=unknown, strict=strict)


COMPLETION = row(COSTS, input_tokens=3, output_tokens=2, num_model_requests=1, amount=None)


@pytest.mark.parametrize("kind", [CostsResult, CostsResult | UsageVectorStoresResult])
@pytest.mark.parametrize("unknown", ["keep", "forbid"])
@pytest.mark.parametrize("strict", [True, False])
def test_mistagged_row_of_another_kind(kind: Any, unknown: Any, strict: bool) -> None:
    """A usage row with the tag of costs is rejected if its class was not requested."""
    found = outcome(loads, text(COMPLETION), kind, strict=strict, unknown=unknown)

    assert Refused("wrong_tag", "$.object") == found


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("unknown", ["keep", "forbid"])
def test_mistagged_row_in_a_union_of_its_kind(unknown: Any) -> None:
    """Lenient conversion reads a mistagged row as its class if the union has it."""
    found = loads(
        text(COMPLETION), CostsResult | UsageCompletionsResult, strict=False, unknown=unknown
    )

    assert UsageCompletionsResult(input_tokens=3, output_tokens=2, num_model_requests=1) == found


@attrs.frozen(kw_only=True, weakref_slot=False)
class MyCosts(CostsResult):
    note: str | None = None


def test_derived_costs(path: Way) -> None:
    """A subclass of `CostsResult` rejects usage rows too."""
    assert Refused("wrong_tag", "$.object") == outcome(path.loads, text(COMPLETION), MyCosts)
    assert MyCosts(note="x") == path.loads('{"note":"x"}', MyCosts)


def test_wrapper_in_a_wrapper() -> None:
    """A wrapper inside a wrapper is rejected."""
    data = text({"ActualInstance": {"actual_instance": row(VECTORS)}})

    assert Refused("sdk_wrapper", "$.ActualInstance") == outcome(
        loads, data, UsageResult, strict=False
    )
