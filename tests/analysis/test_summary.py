"""`Summary`: rows, groups and exact sums."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usagewire import (
    CostsResult,
    CostsResultAmount,
    UnknownResult,
    UsageAudioTranscriptionsResult,
    UsageCompletionsResult,
    UsageEmbeddingsResult,
    UsageFileSearchCallsResult,
    UsageImagesResult,
    UsageResponse,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
    UsageVectorStoresResult,
    UsageWebSearchCallsResult,
    UsageWireError,
)
from usagewire.analysis.summary import (
    ATTRIBUTE_KEYS,
    BREAKDOWN,
    HEADLINE,
    KEYS,
    KINDS,
    OTHERS,
    Summary,
    kind,
    rows,
)
from usagewire.models import ROW_CLASSES

START = 1_785_542_400  # 2026-08-01T00:00:00Z
END = START + 86_400

STORED = UsageVectorStoresResult(usage_bytes=5)
EMBEDDED = UsageEmbeddingsResult(input_tokens=20, num_model_requests=2, model="m")

# Input 5,000 = uncached 3,000 + cached 1,800 + written 200, and the parts of these.
COMPLETED = UsageCompletionsResult(
    input_tokens=5000,
    output_tokens=1000,
    num_model_requests=5,
    input_uncached_tokens=3000,
    input_cached_tokens=1800,
    input_cache_write_tokens=200,
    input_cache_write_30m_tokens=120,
    input_cache_write_12h_tokens=80,
    input_text_tokens=2500,
    input_audio_tokens=300,
    input_image_tokens=200,
    input_cached_text_tokens=1500,
    input_cached_audio_tokens=100,
    input_cached_image_tokens=200,
    output_text_tokens=800,
    output_audio_tokens=100,
    output_image_tokens=100,
    model="m",
    batch=False,
)


def cost(value: str | None, currency: str | None = "usd", **fields: Any) -> CostsResult:
    """Return a costs row."""
    amount = CostsResultAmount(value=None if value is None else Decimal(value), currency=currency)
    return CostsResult(amount=amount, **fields)


def bucket(*results: Any, start: int = START) -> UsageTimeBucket:
    """Return the bucket of a day."""
    return UsageTimeBucket(start_time=start, end_time=start + 86_400, results=results)


def summed(*records: Any, by: Any = (), **options: Any) -> Summary:
    """Return the summary of some records."""
    summary = Summary(by=by, **options)
    for record in records:
        summary.add(record)
    return summary


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (STORED, [(STORED, None, None)]),
        (bucket(), []),
        (bucket(STORED, EMBEDDED), [(STORED, START, END), (EMBEDDED, START, END)]),
        (
            UsageResponse(data=(bucket(STORED), bucket(EMBEDDED, start=END)), has_more=False),
            [(STORED, START, END), (EMBEDDED, END, END + 86_400)],
        ),
    ],
    ids=["row", "empty bucket", "bucket", "page"],
)
def test_rows_have_the_time_of_their_bucket(record: Any, expected: Any) -> None:
    """`rows` yields the rows of a page, of a bucket, or the row itself, with their times."""
    assert expected == list(rows(record))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"start_time": START, "end_time": END}, (START, END)),
        ({"start_time": START}, (START, None)),
        ({"start_time": str(START), "end_time": float(END)}, (None, None)),
        ({"start_time": True, "end_time": None}, (None, None)),
    ],
)
def test_a_row_outside_a_bucket_has_times_as_unknown_fields(properties: Any, expected: Any) -> None:
    """An unknown field is a time only if it is an integer."""
    ((_, *times),) = rows(attrs.evolve(STORED, additional_properties=properties))
    assert expected == tuple(times)


def test_a_flattened_row_comes_out_as_its_own_class() -> None:
    """`rows` converts a generated client's row to its row class, with its times."""
    flat = UsageTimeBucketResultInner(
        object="organization.costs.result",
        usage_bytes=5,
        additional_properties={"start_time": START},
    )
    expected = attrs.evolve(STORED, additional_properties={"start_time": START})
    assert [(expected, START, None)] == list(rows(flat))


def test_a_dict_is_not_a_record() -> None:
    """A dict is not a record."""
    with pytest.raises(UsageWireError, match="got a dict"):
        Summary().add({})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("organization.usage.completions.result", "completions"),
        ("organization.usage.file_searches.result", "file_searches"),
        ("organization.costs.result", "costs"),
        ("organization.usage.videos.result", "organization.usage.videos.result"),
    ],
)
def test_kinds_are_short_names_of_known_tags(tag: str, expected: str) -> None:
    """A known tag has a short name. An unknown tag has none."""
    assert expected == kind(tag)


def test_every_field_of_every_row_is_accounted_for() -> None:
    """A field is a group key, is summed, or is one of four that cannot be."""
    fields = {a.name for cls in ROW_CLASSES for a in attrs.fields(cls)}
    not_summed = {"amount", "quantity", "quantity_unit", "additional_properties"}
    metrics = {*HEADLINE, *OTHERS, *BREAKDOWN} - {"requests"} | {"num_model_requests"}
    assert fields == {*ATTRIBUTE_KEYS.values()} | metrics | not_summed
    assert len(ROW_CLASSES) == len(set(KINDS.values()))


def test_headline_metrics_are_always_there_and_in_order() -> None:
    """Other metrics are present only if a row states them."""
    requests, *tokens = HEADLINE
    assert {requests: 0, **dict.fromkeys(tokens, 0)} == summed(cost("1")).total.metrics
    total = summed(UsageImagesResult(images=2, num_model_requests=1), EMBEDDED).total
    assert [*HEADLINE, "images"] == list(total.metrics)
    assert [3, 20, 0, 0, 2] == list(total.metrics.values())


@pytest.mark.parametrize(
    ("row", "metric", "expected"),
    [
        (UsageImagesResult(images=0, num_model_requests=1), "images", 0),
        (UsageAudioTranscriptionsResult(seconds=6, num_model_requests=1), "seconds", 6),
        (UsageVectorStoresResult(usage_bytes=2**43), "usage_bytes", 2**43),
        (UsageFileSearchCallsResult(num_requests=8), "num_requests", 8),
        (UsageWebSearchCallsResult(num_requests=8, num_model_requests=3), "num_requests", 8),
        (UsageWebSearchCallsResult(num_requests=8, num_model_requests=3), "requests", 3),
    ],
)
def test_metrics_are_fields_of_the_row(row: Any, metric: str, expected: int) -> None:
    """A metric is the sum of one field. Tool calls are not requests to a model."""
    assert expected == summed(row).total.metrics[metric]


def test_parts_of_tokens_are_never_added_to_the_totals() -> None:
    """The totals count audio, image and cached tokens once."""
    metrics = summed(COMPLETED, COMPLETED).total.metrics
    assert dict(zip(HEADLINE, (10, 10_000, 3_600, 2_000), strict=True)) == metrics


def test_the_breakdown_adds_up_to_the_totals() -> None:
    """With `breakdown` the parts are summed too, and add up to the totals."""
    m = summed(COMPLETED, COMPLETED, breakdown=True).total.metrics
    assert {*HEADLINE, *BREAKDOWN} == set(m)
    parts = ("input_uncached_tokens", "input_cached_tokens", "input_cache_write_tokens")
    assert m["input_tokens"] == sum(m[part] for part in parts) == 10_000
    assert m["output_tokens"] == sum(v for k, v in m.items() if k.startswith("output_")) / 2


def test_counts_are_summed_past_64_bits() -> None:
    """The sum of two of the largest counts is exact."""
    row = UsageVectorStoresResult(usage_bytes=2**63 - 1)
    assert 2**64 - 2 == summed(row, row).total.metrics["usage_bytes"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["0.1", "0.2"], "0.3"),
        (["0.1739150000000000000000000001", "12345678.1"], "12345678.2739150000000000000000000001"),
        (["1E+6144", "1E-6176", "-1E+6144"], "1E-6176"),
        (["12.50", "-12.50"], "0"),
        (["9.99E+6144"] * 3, "2.997E+6145"),
        (["1", "0E-6176"], "1"),
    ],
)
def test_money_is_exact(values: list[str], expected: str) -> None:
    """No sum is rounded, for any exponents of the amounts."""
    assert {"usd": Decimal(expected)} == summed(*map(cost, values)).total.cost


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=28), max_size=20))
def test_money_adds_up_as_fractions_do(values: list[Decimal]) -> None:
    """The order and grouping of rows do not change a sum."""
    records = [cost(str(value), line_item=str(i % 3)) for i, value in enumerate(values)]
    expected = sum(map(Fraction, values))
    forwards, backwards = summed(*records, by="line_item"), summed(*records[::-1], by="line_item")
    assert expected == Fraction(forwards.total.cost.get("usd", 0))
    assert expected == sum(Fraction(g.cost["usd"]) for g in forwards.groups)
    assert forwards.groups == backwards.groups


def test_free_use_does_not_lengthen_a_sum() -> None:
    """`0E-6176` adds no decimals to a sum."""
    total = summed(cost("0E-6176"), cost("1.5"), cost("0E-6176")).total
    assert "1.5" == str(total.cost["usd"])


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+6145", "1E-6177"])
def test_amounts_without_an_exact_sum_are_refused_whole(value: str) -> None:
    """A record that cannot be added does not change the summary."""
    summary = summed(cost("1"))
    with pytest.raises(UsageWireError, match="the amount"):
        summary.add(bucket(STORED, cost("1"), cost(value)))
    assert (1, {"usd": 1}) == (summary.total.rows, summary.total.cost)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (cost("1.5", "USD"), {"usd": Decimal("1.5")}),
        (cost("1.5", None), {None: Decimal("1.5")}),
        (cost("1.5", ""), {None: Decimal("1.5")}),
        (cost("1.5", "?"), {None: Decimal("1.5")}),
        (cost(None), {}),
        (CostsResult(), {}),
        (cost("0"), {"usd": Decimal(0)}),
        (cost("-1.5"), {"usd": Decimal("-1.5")}),
    ],
)
def test_money_is_summed_by_currency(row: CostsResult, expected: Any) -> None:
    """An amount without a value adds no money, but its row counts."""
    total = summed(row).total
    assert (1, expected) == (total.rows, total.cost)


def test_currencies_are_never_added_to_one_another() -> None:
    """Sums are sorted by currency. Money without a currency is last."""
    total = summed(cost("3", None), cost("2", "usd"), cost("1", "EUR"), cost("1", "eur")).total
    assert [("eur", 2), ("usd", 2), (None, 3)] == list(total.cost.items())


def test_quantities_are_not_summed() -> None:
    """Quantities are not metrics, because their unit differs from row to row."""
    row = cost("1", quantity=Decimal(10), quantity_unit="tokens")
    assert set(HEADLINE) == set(summed(row, breakdown=True).total.metrics)


@pytest.mark.parametrize(("key", "attribute"), ATTRIBUTE_KEYS.items())
def test_every_attribute_key_groups(key: str, attribute: str) -> None:
    """A group has the value of the row's attribute."""
    cls: Any = next(c for c in ROW_CLASSES if attribute in attrs.fields_dict(c))
    required = {a.name: 1 for a in attrs.fields(cls) if a.default is attrs.NOTHING}
    row = cls(**required, **{attribute: "v"})
    groups = summed(row, cls(**required), by=(key,)).groups
    assert [{key: "v"}, {key: None}] == [group.key for group in groups]


@pytest.mark.parametrize(
    ("start", "day", "month"),
    [
        (START, "2026-08-01", "2026-08"),
        (START - 1, "2026-07-31", "2026-07"),
        (0, "1970-01-01", "1970-01"),
        (-1, "1969-12-31", "1969-12"),
        (253_402_300_799, "9999-12-31", "9999-12"),
        (253_402_300_800, None, None),
        (START * 1000, None, None),
        (-(2**63), None, None),
        (None, None, None),
    ],
)
def test_days_and_months_are_utc(start: int | None, day: str | None, month: str | None) -> None:
    """Days are UTC. A time past the calendar, for example in milliseconds, has no day."""
    record = STORED if start is None else bucket(STORED, start=start)
    (group,) = summed(record, by=("day", "month")).groups
    assert {"day": day, "month": month} == group.key


def test_rows_of_unknown_kinds_are_counted() -> None:
    """The kind of an unknown row is its tag, and its other keys are None."""
    row = UnknownResult(object="x.y", additional_properties={"model": "m", "start_time": START})
    (group,) = summed(row, by=("kind", "model", "day")).groups
    assert ({"kind": "x.y", "model": None, "day": "2026-08-01"}, 1) == (group.key, group.rows)


def test_groups_are_sorted_with_none_last() -> None:
    """Keys have the requested order, and groups are sorted by their values."""
    records = [
        attrs.evolve(COMPLETED, model=model, batch=batch)
        for model, batch in [(None, True), ("b", True), ("a", None), ("b", False)]
    ]
    groups = summed(*records, by=("model", "batch")).groups
    expected = [("a", None), ("b", False), ("b", True), (None, True)]
    assert expected == [tuple(group.key.values()) for group in groups]
    assert ["model", "batch"] == list(groups[0].key)


def test_the_total_is_the_sum_of_the_groups() -> None:
    """The total has the rows, metrics and money of all groups."""
    records = [bucket(STORED, EMBEDDED, COMPLETED), cost("1"), cost("2", "eur"), cost("0.5")]
    summary = summed(*records, by=("kind",))
    assert (6, 4) == (summary.total.rows, len(summary.groups))
    assert {"usd": Decimal("1.5"), "eur": Decimal(2)} == summary.total.cost
    for name, number in summary.total.metrics.items():
        assert number == sum(group.metrics.get(name, 0) for group in summary.groups), name
    assert {} == summary.total.key


def test_nothing_added_is_an_empty_total() -> None:
    """An empty summary has no groups, and its total is zero."""
    summary = Summary()
    assert ([], 0, {}) == (summary.groups, summary.total.rows, summary.total.cost)


def test_only_the_kinds_asked_for_are_summed() -> None:
    """Rows of other kinds are counted by kind and skipped."""
    records = bucket(STORED, EMBEDDED, cost("1"), cost("2"), UnknownResult(object="x.y"))
    summary = summed(records, by="kind", kinds=("organization.costs.result", "x.y"))
    assert ["costs", "x.y"] == [group.key["kind"] for group in summary.groups]
    assert [("embeddings", 1), ("vector_stores", 1)] == list(summary.skipped.items())


@pytest.mark.parametrize(
    ("options", "known"),
    [({"by": ["modle"]}, KEYS), ({"kinds": ["completion"]}, KINDS.values())],
)
def test_a_wrong_name_is_refused_with_the_right_ones(options: Any, known: Any) -> None:
    """The error lists every valid name."""
    with pytest.raises(UsageWireError) as caught:
        Summary(**options)
    assert [] == [name for name in known if name not in str(caught.value)]


def test_a_key_given_twice_is_refused() -> None:
    """A group key must not be repeated."""
    with pytest.raises(UsageWireError, match="twice"):
        Summary(by=("model", "model"))
