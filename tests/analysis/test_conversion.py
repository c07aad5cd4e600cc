"""`Conversion` keeps every row and sum in every shape, and can drop personal data."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.cases import cases
from tests.support.comparing import exact
from tests.support.paths import Way
from tests.support.strategies import ROW_RECORDS
from usagewire import (
    DIALECTS,
    Conversion,
    CostsResult,
    CostsResultAmount,
    DecodeError,
    UnknownResult,
    UsageEmbeddingsResult,
    UsageResponse,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
    UsageVectorStoresResult,
    UsageWireError,
    dumps,
)
from usagewire.analysis import conversion
from usagewire.analysis.summary import KEYS, Summary, rows
from usagewire.models import NO_PROPERTIES
from usagewire.wire.names import PERSONAL, spelling

START = 1_785_542_400  # 2026-08-01T00:00:00Z
DAY = 86_400
TIMES = {"start_time": START, "end_time": START + DAY}
STORED = UsageVectorStoresResult(usage_bytes=5)
EMBEDDED = UsageEmbeddingsResult(input_tokens=20, num_model_requests=2, model="m")
FLAT = UsageTimeBucketResultInner(object="organization.costs.result", usage_bytes=5)


def timed(row: Any, start: int = START, **extra: Any) -> Any:
    """Return the row with the start and end of a day as unknown fields."""
    times = {"start_time": start, "end_time": start + DAY}
    return attrs.evolve(row, additional_properties=extra | times)


def bucket(*results: Any, start: int = START) -> UsageTimeBucket:
    """Return the bucket of a day."""
    return UsageTimeBucket(start_time=start, end_time=start + DAY, results=results)


def page(*data: UsageTimeBucket) -> UsageResponse:
    """Return a page without a next page."""
    return UsageResponse(data=data, has_more=False)


def converted(records: Iterable[Any], to: Any = None, **options: Any) -> list[Any]:
    """Return the records after a conversion."""
    made = Conversion(to, **options)
    return [one for record in records for one in made.add(record)] + made.close()


DAYS = st.integers(0, 2).map(lambda day: START + day * DAY)
TIMED = st.builds(timed, ROW_RECORDS, DAYS)
BUCKETS = st.builds(
    lambda results, start: bucket(*results, start=start),
    st.lists(ROW_RECORDS, max_size=2),
    DAYS,
)
# Every row of these records has its times, so that it can go into a page.
PLACED = st.lists(st.one_of(TIMED, TIMED, BUCKETS, st.builds(page, BUCKETS)), max_size=4)
ANY = st.lists(ROW_RECORDS | TIMED | BUCKETS, max_size=4)
SHAPES = st.sampled_from([None, "rows", "flat", "pages"])
ROW_SHAPES = st.sampled_from([None, "rows", "flat"])
few = settings(max_examples=20)  # making records with all their fields is slow


def census(records: Iterable[Any]) -> list[Any]:
    """Return the rows with their times, in order."""
    found = ((row, start, end) for record in records for row, start, end in rows(record))
    return [exact((untimed(row), start, end)) for row, start, end in found]


def untimed(row: Any) -> Any:
    """Return the row without times in its unknown fields."""
    extra = {k: v for k, v in row.additional_properties.items() if k not in TIMES}
    return attrs.evolve(row, additional_properties=extra)


# --- no row is lost --------------------------------------------------------------------------


@settings(max_examples=40)
@given(work=st.tuples(SHAPES, PLACED) | st.tuples(ROW_SHAPES, ANY))
def test_no_row_is_lost(path: Way, work: tuple[Any, list[Any]]) -> None:
    """Every shape, written and read back, has the same rows and times in the same order."""
    to, records = work
    data = b"".join(dumps(one) + b"\n" for one in converted(records, to))

    assert census(records) == census(path.Decoder().decode_lines(data))


@few
@given(to=SHAPES, records=PLACED, key=st.sampled_from([(), *((key,) for key in KEYS)]))
def test_sums_stay(to: Any, records: list[Any], key: Any) -> None:
    """A conversion changes no sum for any key."""
    before, after = Summary(key, breakdown=True), Summary(key, breakdown=True)
    for one in records:
        before.add(one)
    for one in converted(records, to):
        after.add(one)

    assert sums_by_key(before) == sums_by_key(after)


def sums_by_key(sums: Summary) -> dict[Any, Any]:
    """Return the sums of each group. The keys "" and None are the same group."""
    whole: dict[Any, Any] = {}
    for group in sums.groups:
        key = tuple(value or None for value in group.key.values())
        of_key = whole.setdefault(key, Counter({"rows": 0}))
        of_key.update({"rows": group.rows} | dict(group.metrics))
        for currency, value in group.cost.items():
            of_key[currency, "cost"] = of_key.get((currency, "cost"), Decimal(0)) + value
    return whole


@few
@given(records=PLACED)
def test_rows_come_back_from_pages(records: list[Any]) -> None:
    """Rows that become pages and then rows again are the same rows in the same order."""
    taken = converted(records, "rows")

    assert exact(taken) == exact(converted(converted(taken, "pages"), "rows"))


@few
@given(records=PLACED)
def test_pages_are_pages(records: list[Any]) -> None:
    """The shape `pages` returns only pages, and does not change pages."""
    made = converted(records, "pages")

    assert {"page"} >= {one.object for one in made}
    assert [one for one in records if one.object == "page"] == [
        one for one in made if any(one is record for record in records)
    ]


@few
@given(records=ANY)
def test_no_shape_changes_nothing(records: list[Any]) -> None:
    """Without a shape, the result is the same object."""
    made = Conversion()
    assert all(made.add(one)[0] is one for one in records)
    assert [] == made.close()


# --- cases of each shape ---------------------------------------------------------------------

DAYS_ROW, NEXT_DAYS_ROW = timed(STORED), timed(EMBEDDED, START + DAY)
DAYS_PAGE, NEXT_DAYS_PAGE = page(bucket(STORED)), page(bucket(EMBEDDED, start=START + DAY))
LATER = {"additional_properties": {"x": 1}}
WRONG_TIME = {"additional_properties": {"start_time": "May", "x": 1}}

CASES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "a bucket's rows": ("rows", [bucket(STORED, EMBEDDED)], [DAYS_ROW, timed(EMBEDDED)]),
    "a page's rows": (
        "rows",
        [page(bucket(STORED), bucket(EMBEDDED, start=START + DAY))],
        [DAYS_ROW, NEXT_DAYS_ROW],
    ),
    "no rows": ("rows", [page(bucket()), page(), bucket()], []),
    "a row alone": ("rows", [STORED, DAYS_ROW], [STORED, DAYS_ROW]),
    "a flattened row": ("rows", [FLAT], [STORED]),
    "a flattened row with times": ("rows", [timed(FLAT)], [DAYS_ROW]),
    "times of a row in a bucket": (
        "rows",
        [bucket(attrs.evolve(STORED, **WRONG_TIME))],
        [timed(STORED, x=1)],
    ),
    "flat": ("flat", [bucket(STORED)], [timed(attrs.evolve(FLAT, object=STORED.object))]),
    "flat stays flat": ("flat", [FLAT], [FLAT]),
    "a bucket's page": ("pages", [bucket(STORED)], [DAYS_PAGE]),
    "rows of one day": ("pages", [DAYS_ROW, timed(EMBEDDED)], [page(bucket(STORED, EMBEDDED))]),
    "rows of two days": (
        "pages",
        [DAYS_ROW, NEXT_DAYS_ROW, DAYS_ROW],
        [DAYS_PAGE, NEXT_DAYS_PAGE, DAYS_PAGE],
    ),
    "rows around a bucket": (
        "pages",
        [DAYS_ROW, bucket(EMBEDDED), DAYS_ROW],
        [DAYS_PAGE, page(bucket(EMBEDDED)), DAYS_PAGE],
    ),
    "rows around a page": ("pages", [DAYS_ROW, page(), DAYS_ROW], [DAYS_PAGE, page(), DAYS_PAGE]),
    "flattened rows of one day": ("pages", [timed(FLAT)] * 2, [page(bucket(STORED, STORED))]),
    "unknown fields of rows": (
        "pages",
        [timed(STORED, x=1)],
        [page(bucket(attrs.evolve(STORED, **LATER)))],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_records_of_each_shape(case: str) -> None:
    """Each shape returns the expected records."""
    to, records, expected = CASES[case]
    assert exact(expected) == exact(converted(records, to))


KEPT_ROWS = {
    "a field of another kind": attrs.evolve(STORED, additional_properties={"model": "m"}),
    "zeros of another kind": attrs.evolve(STORED, additional_properties={"images": 0}),
    "a field of another type": UnknownResult(object="x", additional_properties={"model": 5}),
    "a field that is null": UnknownResult(object="x", additional_properties={"model": None}),
    "another spelling": UnknownResult(object="x", additional_properties={"inputTokens": 5}),
}


@pytest.mark.parametrize("row", KEPT_ROWS.values(), ids=KEPT_ROWS)
def test_rows_that_flattening_would_change(row: Any) -> None:
    """A row with an unknown field that has the name of a flattened field does not change."""
    assert [row] == converted([row], "flat")


def test_an_unknown_kind_is_flattened() -> None:
    """The fields of an unknown row become known fields if their names and types fit."""
    row = UnknownResult(object="x", additional_properties={"model": "m", "frames": 5})
    (flat,) = converted([row], "flat")
    assert ("m", {"frames": 5}) == (flat.model, flat.additional_properties)


def test_cursors_are_left_out() -> None:
    """Rows do not have the cursor or the unknown fields of pages and buckets."""
    one = attrs.evolve(bucket(STORED), additional_properties={"start_time_iso": "x"})
    whole = UsageResponse(data=(one,), has_more=True, next_page="c", additional_properties={"y": 1})
    assert [timed(STORED)] == converted([whole], "rows")
    assert [whole] == converted([whole], "pages")


# --- pages in bounded memory -----------------------------------------------------------------


def test_a_page_of_rows_is_bounded() -> None:
    """A page gets at most `MAX_ROWS` rows."""
    most = conversion.MAX_ROWS
    made = Conversion("pages")
    found = [
        len(one.data[0].results) for _ in range(2 * most + 1) for one in made.add(timed(STORED))
    ]  # type: ignore[union-attr]
    assert ([most, most], [page(bucket(STORED))]) == (found, made.close())


def test_close_gives_each_row_once() -> None:
    """A second `close` returns nothing, and more records can be added."""
    made = Conversion("pages")
    made.add(timed(STORED))
    assert [page(bucket(STORED))] == made.close()
    assert [] == made.close()
    assert [] == made.add(timed(EMBEDDED))
    assert [page(bucket(EMBEDDED))] == made.close()


# --- records that cannot be converted --------------------------------------------------------

UNPLACED: dict[str, tuple[dict[str, Any], str]] = {
    "no times": ({}, "start_time"),
    "no end": ({"start_time": START}, "end_time"),
    "no start": ({"end_time": START}, "start_time"),
    "text": (TIMES | {"start_time": "2026-08-01"}, "start_time"),
    "a fraction": (TIMES | {"end_time": 1.0}, "end_time"),
    "a bool": (TIMES | {"start_time": True}, "start_time"),
    "null": (TIMES | {"start_time": None}, "start_time"),
    "past 64 bits": (TIMES | {"end_time": 2**63}, "end_time"),
}


@pytest.mark.parametrize("case", UNPLACED)
def test_a_row_without_times_has_no_page(case: str) -> None:
    """A row without times is rejected with its key. The rows around it share a page."""
    times, key = UNPLACED[case]
    made = Conversion("pages")
    made.add(timed(STORED))
    with pytest.raises(DecodeError, match="no_interval") as caught:
        made.add(attrs.evolve(STORED, additional_properties=times))
    assert ("no_interval", f"$.{key}") == (caught.value.code, caught.value.path)
    made.add(timed(EMBEDDED))
    assert [page(bucket(STORED, EMBEDDED))] == made.close()


@pytest.mark.parametrize("to", ["rows", "pages"])
def test_a_flattened_row_of_no_clear_kind(to: Any) -> None:
    """A flattened row that `to_result` rejects is rejected with the same code."""
    flat = timed(attrs.evolve(FLAT, usage_bytes=None, input_tokens=1, num_model_requests=1))
    with pytest.raises(DecodeError, match="ambiguous_kind"):
        Conversion(to).add(flat)


@pytest.mark.parametrize("to", ["rows", "flat", "pages"])
@pytest.mark.parametrize("drop_personal", [False, True])
def test_a_dict_is_not_a_record(to: Any, *, drop_personal: bool) -> None:
    """A dict is not a record."""
    with pytest.raises(UsageWireError, match="got a dict"):
        Conversion(to, drop_personal=drop_personal).add({})  # type: ignore[arg-type]


@pytest.mark.parametrize("to", ["row", "", 5, []])
def test_a_wrong_shape(to: Any) -> None:
    """The error lists the shapes."""
    with pytest.raises(UsageWireError, match="rows, flat, pages"):
        Conversion(to)


# --- personal data ---------------------------------------------------------------------------

ADA = "ada@example.org"
EVERY_SPELLING = sorted({spelling(key, dialect) for key in PERSONAL for dialect in DIALECTS})
PERSONAL_KEYS = st.sampled_from([*EVERY_SPELLING, "USER_ID", "user-email", "User Name"])
# JSON in which only personal keys have the address.
NESTED = st.recursive(
    st.dictionaries(PERSONAL_KEYS, st.sampled_from([ADA, [ADA], {"name": ADA}]), max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.fixed_dictionaries({"owner": inner, "n": inner}),
    max_leaves=4,
)
EXTRA = st.builds(lambda key, more: {key: ADA, "more": more}, PERSONAL_KEYS, NESTED)
# A row with a field `user_id` has no unknown field of that name.
USER_IDS = {spelling("user_id", dialect) for dialect in DIALECTS}
OTHER_KEYS = EXTRA.map(lambda extra: {k: v for k, v in extra.items() if k not in USER_IDS})
NAMED_ROWS = st.one_of(
    st.builds(UnknownResult, object=st.just("later"), additional_properties=EXTRA),
    st.builds(
        lambda extra, of_amount: CostsResult(
            user_id=ADA,
            amount=CostsResultAmount(value=Decimal(1), additional_properties=of_amount),
            additional_properties=extra,
        ),
        OTHER_KEYS,
        EXTRA,
    ),
    OTHER_KEYS.map(lambda extra: attrs.evolve(EMBEDDED, user_id=ADA, additional_properties=extra)),
)
NAMED = st.one_of(
    NAMED_ROWS.map(lambda row: timed(row, **row.additional_properties)),
    st.builds(
        lambda row, of_bucket, of_page: attrs.evolve(
            page(attrs.evolve(bucket(row), additional_properties=of_bucket)),
            additional_properties=of_page,
        ),
        NAMED_ROWS,
        EXTRA,
        EXTRA,
    ),
)


@few
@given(to=SHAPES, records=st.lists(NAMED, max_size=3))
def test_personal_values_go(to: Any, records: list[Any]) -> None:
    """Personal values are removed at any depth. The rows stay."""
    cleaned = converted(records, to, drop_personal=True)

    assert ADA.encode() not in b"".join(map(dumps, cleaned))
    assert len(census(records)) == len(census(cleaned))


@few
@given(records=PLACED)
def test_other_values_stay(records: list[Any]) -> None:
    """Records without personal data do not change."""
    keys = {*re.findall(r'"([^"]+)":', dumps(records).decode())} - {"user_id"}
    letters = ["".join(filter(str.isalnum, key)).casefold() for key in keys]
    # Hypothesis finds other unknown keys for a person, such as "USERNAME".
    assume(not any("user" in key or "email" in key for key in letters))
    nameless = [strip_user(one) for one in records]

    assert exact(nameless) == exact(converted(nameless, drop_personal=True))


def strip_user(record: Any) -> Any:
    """Return the record without users."""
    parts = {
        name: tuple(map(strip_user, getattr(record, name)))
        for name in ("data", "results")
        if hasattr(record, name)
    }
    return attrs.evolve(
        record, **parts, **({"user_id": None} if hasattr(record, "user_id") else {})
    )


PERSONAL_CASES = cases("personal.ndjson")


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("case", PERSONAL_CASES)
def test_personal_fields_go(case: str) -> None:
    """A user's id, name and e-mail are removed. Projects, keys and organizations stay."""
    record, expected = PERSONAL_CASES[case].values()
    (found,) = converted([record], drop_personal=True)
    assert exact(expected) == exact(found)
    assert json.loads(dumps(expected)) == json.loads(dumps(found))


def test_a_record_without_names_is_not_copied() -> None:
    """A record without personal data is not copied."""
    (found,) = converted([STORED], drop_personal=True)
    assert found is STORED
    assert found.additional_properties is NO_PROPERTIES
