"""The flattened row, converted to its row class by tag or by fields, and back."""

from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given

from tests.support.cases import cases
from tests.support.comparing import Refused, exact, expect, outcome
from tests.support.paths import Loads
from tests.support.records import full
from tests.support.samples import COMPLETIONS, COSTS, QUIRKS, row, text
from tests.support.strategies import ROW_RECORDS
from usagewire import (
    DIALECTS,
    CostsResult,
    CostsResultAmount,
    DecodeError,
    UnknownResult,
    UsageCompletionsResult,
    UsageImagesResult,
    UsageTimeBucketResultInner,
    UsageVectorStoresResult,
    dumps,
    loads,
)
from usagewire.models import ROW_CLASSES
from usagewire.wire import names

ROWS = [full(cls) for cls in ROW_CLASSES]
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)

# The Dart client writes every key, and the tag of costs on every row.
DART = {
    **dict.fromkeys(("input_tokens", "input_cached_tokens", "output_tokens", "images"), 0),
    **dict.fromkeys(("characters", "seconds", "usage_bytes", "num_model_requests"), 0),
    **dict.fromkeys(("input_audio_tokens", "output_audio_tokens", "batch", "amount"), None),
    **dict.fromkeys(("project_id", "user_id", "api_key_id", "model", "source", "size"), None),
    **dict.fromkeys(("num_sessions", "line_item"), None),
    "object": COSTS,
}
METRICS = {"input_tokens", "images", "characters", "seconds", "usage_bytes", "num_sessions"}
DART_ROWS = cases("dart_rows.ndjson")


def flat(loads: Loads, data: dict[str, Any]) -> UsageTimeBucketResultInner:
    """Return JSON data as a flattened row."""
    row: UsageTimeBucketResultInner = loads(text(data), UsageTimeBucketResultInner)
    return row


def test_fields() -> None:
    """The flat class has the fields of every row class, and `object`."""
    every = {field.name for cls in ROW_CLASSES for field in attrs.fields(cls)}

    assert every | {"object"} == {f.name for f in attrs.fields(UsageTimeBucketResultInner)}


@every_row
def test_there_and_back(row: Any) -> None:
    """A row of each kind keeps its tag when it is flattened, and is restored equal."""
    inner = UsageTimeBucketResultInner.from_result(row)

    assert row.object == inner.object
    assert exact(row) == exact(inner.to_result())


@every_row
@pytest.mark.parametrize("dialect", DIALECTS)
def test_written_flat(loads: Loads, row: Any, dialect: Any) -> None:
    """A flattened row is written in every dialect, and read as either class."""
    inner = UsageTimeBucketResultInner.from_result(row)
    data = dumps(inner, dialect=dialect)

    assert exact(row) == exact(loads(data))
    assert exact(inner) == exact(loads(data, UsageTimeBucketResultInner))


@every_row
def test_unknown_fields_stay(row: Any) -> None:
    """A row keeps its unknown fields when it is flattened and restored."""
    row = attrs.evolve(row, additional_properties={"later": [1]})

    assert row == UsageTimeBucketResultInner.from_result(row).to_result()


def blanked(row: Any) -> Any:
    """Return a row with None instead of empty strings."""
    names = [field.name for field in attrs.fields(type(row)) if field.init]
    return attrs.evolve(row, **{name: None for name in names if getattr(row, name) == ""})


@given(row=ROW_RECORDS)
def test_any_row_there_and_back(row: Any) -> None:
    """Any row is restored equal, except that empty strings become None."""
    assert exact(blanked(row)) == exact(UsageTimeBucketResultInner.from_result(row).to_result())


@pytest.mark.parametrize("case", DART_ROWS)
def test_dart(loads: Loads, case: str) -> None:
    """The fields choose the class of a row with every key and the tag of costs."""
    fields, expected = DART_ROWS[case].values()

    assert expect(expected) == outcome(flat(loads, DART | fields).to_result)


@pytest.mark.parametrize("case", [case for case in DART_ROWS if "cost" not in case])
def test_dart_as_a_row(loads: Loads, case: str) -> None:
    """Lenient conversion reads such a row directly as its class."""
    fields, expected = DART_ROWS[case].values()
    if not any(DART[key] != value and value for key, value in fields.items() if key in METRICS):
        return

    assert expect(expected) == outcome(loads, text(DART | fields), strict=False)


@pytest.mark.parametrize("quirk", ["flattened_dart", "flattened_sessions"])
def test_flattened_quirk(loads: Loads, quirk: str) -> None:
    """The rows that users reported from flattening clients are completions."""
    (data,) = QUIRKS[quirk]["data"][0]["result"]

    assert UsageCompletionsResult is type(flat(loads, data).to_result())


GO = QUIRKS["flattened_go_official"]["data"][0]["results"][0]
# The Go client writes the right tag and every key, with zeros and empty strings if absent.
GO_EMPTY = {key: type(value)() for key, value in GO.items() if key != "amount"} | {
    "amount": {"currency": "", "value": 0}
}

# The counts of each row.
QUIET: dict[type, dict[str, Any]] = {
    type(row): {
        field.name: getattr(row, field.name)
        for field in attrs.fields(type(row))
        if type(getattr(row, field.name)) is int and field.name != "sessions"
    }
    for row in ROWS
}


def test_go(loads: Loads) -> None:
    """The tag chooses the class of a Go row, and empty strings become None."""
    expected = CostsResult(
        amount=CostsResultAmount(value=Decimal("0.06"), currency="usd"),
        line_item="gpt-4o-mini-2024-07-18, input",
        project_id="proj_exampleA",
        quantity=Decimal(10_000),
    )

    assert exact(expected) == exact(flat(loads, GO).to_result())


@every_row
def test_go_of_each_kind(loads: Loads, row: Any) -> None:
    """The tag chooses the class of a Go row of each kind, despite the zeros of other kinds."""
    own = {key: value for key, value in QUIET[type(row)].items() if value is not None}
    result = flat(loads, GO_EMPTY | own | {"object": row.object}).to_result()

    assert type(row) is type(result)
    assert own == {key: getattr(result, key) for key in own}


@pytest.mark.parametrize("tag", [cls.object for cls in ROW_CLASSES])
def test_go_of_nothing(loads: Loads, tag: str) -> None:
    """The tag chooses the class of a row that has only zeros, and an amount of zero."""
    assert tag == flat(loads, GO_EMPTY | {"object": tag}).to_result().object


def test_historical_tag(loads: Loads) -> None:
    """The tags that other clients write choose the class too."""
    data = {"object": "OBJECT_ORGANIZATION_USAGE_VECTOR_STORES_RESULT", "usageBytes": 5}

    assert UsageVectorStoresResult(usage_bytes=5) == flat(loads, data).to_result()


@pytest.mark.parametrize(
    ("absent", "place"),
    [("usage_bytes", "$.usage_bytes"), ("sessions", "$.num_sessions")],
)
def test_required_field_of_the_kind(absent: str, place: str) -> None:
    """A required field of the class that the row lacks is missing."""
    (row,) = [row for row in ROWS if hasattr(row, absent)]
    inner = UsageTimeBucketResultInner(object=row.object)

    assert Refused("missing_field", place) == outcome(inner.to_result)


def test_wrong_tag_of_use(loads: Loads) -> None:
    """The fields choose the class if the tagged class lacks one of them."""
    data = {"object": UsageVectorStoresResult.object, "images": 2, "num_model_requests": 1}

    assert exact(UsageImagesResult(images=2, num_model_requests=1)) == exact(
        flat(loads, data).to_result()
    )


def test_ambiguous_row_is_named() -> None:
    """The error names the possible classes, and is short."""
    inner = UsageTimeBucketResultInner(
        object=COSTS, input_tokens=1, num_model_requests=1, project_id="p" * 10_000
    )
    named = "input_tokens=1, num_model_requests=1, .* could be UsageEmbeddingsResult or Usage"
    with pytest.raises(DecodeError, match=named) as caught:
        inner.to_result()

    assert len(str(caught.value)) < 400


def test_unknown_tag(loads: Loads) -> None:
    """A row with an unknown tag keeps its fields as JSON under the API's names."""
    data = {
        "object": "later.result",
        "num_sessions": 1,
        "source": "x",
        "quantity": "0.50",
        "amount": {"value": "1.25", "currency": "usd", "tax": 0},
        "later": None,
    }
    expected = UnknownResult(
        object="later.result",
        additional_properties={
            "num_sessions": 1,
            "source": "x",
            "quantity": 0.5,
            "amount": {"value": 1.25, "currency": "usd", "tax": 0},
            "later": None,
        },
    )

    assert exact(expected) == exact(flat(loads, data).to_result())


def test_unknown_tag_of_nothing() -> None:
    """A row with an unknown tag may have no fields."""
    assert UnknownResult(object="x") == UsageTimeBucketResultInner(object="x").to_result()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "record",
    [
        UnknownResult(object="new", additional_properties={"project_id": "p", "widgets": 3}),
        CostsResult(line_item="x", additional_properties={"images": 0, "model": ""}),
        loads(text(row(COMPLETIONS, images=0))),
    ],
    ids=["unknown", "costs", "completions"],
)
def test_flat_row_can_be_written(record: Any) -> None:
    """A row can be flattened and written if its unknown fields are fields of the flat class."""
    inner = UsageTimeBucketResultInner.from_result(record)

    assert loads(dumps(inner), UsageTimeBucketResultInner) == inner
    assert record.object == inner.to_result().object


# --- rows with the tag of costs --------------------------------------------------------------

ZERO_OF_COSTS: dict[str, Any] = {
    "amount": CostsResultAmount(value=Decimal(0), currency=None),
    "quantity": Decimal(0),
    "quantity_unit": "",
    "line_item": "",
}


@pytest.mark.parametrize("name", ZERO_OF_COSTS)
def test_a_field_of_a_cost_makes_a_cost(name: str) -> None:
    """Zeros of usage do not make usage of a row with the tag and a field of a cost, even zero."""
    inner = UsageTimeBucketResultInner(
        object=COSTS, images=0, num_model_requests=0, **{name: ZERO_OF_COSTS[name]}
    )
    result: Any = inner.to_result()

    assert CostsResult is type(result)
    assert (ZERO_OF_COSTS[name] or None) == (getattr(result, name) or None)


def test_a_cost_may_have_no_field_of_a_cost() -> None:
    """A row with the tag of costs and without counts is a cost."""
    inner = UsageTimeBucketResultInner(object=COSTS, project_id="p")

    assert CostsResult(project_id="p") == inner.to_result()


@pytest.mark.parametrize("name", sorted(names.USAGE_METRICS))
def test_a_count_makes_usage(name: str) -> None:
    """A row with the tag of costs, a count and no field of a cost is not a cost."""
    inner = UsageTimeBucketResultInner(object=COSTS, project_id="p", **{name: 0})

    assert CostsResult is not type(outcome(inner.to_result))


@pytest.mark.parametrize("name", ["amount", "quantity", "quantity_unit", "line_item"])
def test_usage_has_no_field_of_a_cost(name: str) -> None:
    """A field of a cost does not fit the tag of usage, and then no class fits."""
    value = {"amount": CostsResultAmount(value=Decimal(1)), "quantity": Decimal(1)}.get(name, "x")
    inner = UsageTimeBucketResultInner(
        object=UsageVectorStoresResult.object, usage_bytes=5, **{name: value}
    )

    assert Refused("ambiguous_kind") == outcome(inner.to_result)


def test_kind_without_a_required_field() -> None:
    """A class with another required field, which the row lacks, does not fit."""
    inner = UsageTimeBucketResultInner(object=COSTS, images=2)

    assert Refused("ambiguous_kind") == outcome(inner.to_result)


def test_ambiguous_row_of_nothing() -> None:
    """The error of a row with zeros only says so."""
    inner = UsageTimeBucketResultInner(object=COSTS, images=0)
    with pytest.raises(DecodeError, match="'nothing above zero' could be of no known class"):
        inner.to_result()
