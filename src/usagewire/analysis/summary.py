"""Rows added up: counts and money by model, project, day or any other group key.

`rows` finds the rows of a record and their times; `Summary` adds them up. Every sum is exact:
counts are integers, money is added without rounding and never across currencies.

This module knows no JSON, no files and no terminal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any, Final, TypeAlias

import attrs

from usagewire.converters.flat_row import UsageTimeBucketResultInner
from usagewire.converters.scalars import in_decimal128_range
from usagewire.errors import UsageWireError, quote
from usagewire.models import (
    ROW_CLASSES,
    CostsResult,
    UsageObject,
    UsageResponse,
    UsageResult,
    UsageTimeBucket,
)

Record: TypeAlias = UsageObject | UsageTimeBucketResultInner
"""A record to add up: a page, a bucket, a row, or a generated client's flattened row."""

KeyValue: TypeAlias = str | bool | None
"""A value of a group key; None where the row does not say."""

HEADLINE: Final = ("requests", "input_tokens", "input_cached_tokens", "output_tokens")
"""The metrics every group has, 0 where no row states them. `requests` is `num_model_requests`;
`input_cached_tokens` is a part of `input_tokens`, never an addition to it."""

OTHERS: Final = ("images", "characters", "seconds", "usage_bytes", "sessions", "num_requests")
"""The metrics a group has only where a row of it states them. `usage_bytes` is what was stored in
each interval: over several days the sum is byte-days."""

BREAKDOWN: Final = (
    "input_uncached_tokens",
    "input_cache_write_tokens",
    "input_cache_write_30m_tokens",
    "input_cache_write_12h_tokens",
    "input_text_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "input_cached_text_tokens",
    "input_cached_audio_tokens",
    "input_cached_image_tokens",
    "output_text_tokens",
    "output_audio_tokens",
    "output_image_tokens",
)
"""Parts of `input_tokens` and `output_tokens`, summed only with `breakdown=True`.

Since the API specification of 2026-07-15 the totals hold all of them: adding a part to a total
counts it twice.
"""

KINDS: Final[Mapping[str, str]] = {
    cls.object: cls.object.split(".", 1)[1].removeprefix("usage.").removesuffix(".result")
    for cls in ROW_CLASSES
}
"""The short name of each known tag, as `completions`, `file_searches` or `costs`."""

ATTRIBUTE_KEYS: Final = {
    "project_id": "project_id",
    "user_id": "user_id",
    "api_key_id": "api_key_id",
    "model": "model",
    "batch": "batch",
    "service_tier": "service_tier",
    "api_source": "api_source",
    "size": "size",
    "source": "source_",
    "vector_store_id": "vector_store_id",
    "context_level": "context_level",
    "line_item": "line_item",
}
"""Group keys that are attributes of row classes: the name of the key and that of the attribute."""

KEYS: Final = ("kind", "day", "month", *ATTRIBUTE_KEYS)
"""Every key `Summary` can group by.

`kind` is the short name of the row's kind, or the whole tag of a kind this version does not know.
`day` (`YYYY-MM-DD`) and `month` (`YYYY-MM`) are those of the start of the row's interval, in UTC;
an interval longer than a day counts for the day it starts on.
"""

_ATTRIBUTES: Final = {name: name for name in (*HEADLINE, *OTHERS, *BREAKDOWN)} | {
    "requests": "num_model_requests"
}

_EXACT: Final = Context(
    # The bound above needs 12,321 digits; 179 more hold the sum of 10**179 amounts. Should a sum
    # be rounded after all, Inexact makes an error of it.
    prec=12_500,
    Emin=MIN_EMIN,
    Emax=MAX_EMAX,
    traps=[Inexact, InvalidOperation, DivisionByZero],
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rows(record: Record) -> Iterator[tuple[UsageResult, int | None, int | None]]:
    """Yield each row of a record with the start and the end of its interval, in Unix seconds UTC.

    A page has the rows of its buckets, a bucket its own, and a row is one. Times are the bucket's;
    a row that stands alone has those it carries as unknown fields `start_time` and `end_time`, as
    flattened logs do, or None. A `UsageTimeBucketResultInner` comes out as the row it stands for.

    Raises:
        UsageWireError: where the record is none of these.
        DecodeError: where a flattened row does not tell its kind, as in its `to_result`.

    >>> from usagewire import UsageTimeBucket, UsageVectorStoresResult
    >>> row = UsageVectorStoresResult(usage_bytes=5)
    >>> bucket = UsageTimeBucket(start_time=1785542400, end_time=1785628800, results=(row,))
    >>> [(row.object, start, end) for row, start, end in rows(bucket)]
    [('organization.usage.vector_stores.result', 1785542400, 1785628800)]
    """
    if isinstance(record, UsageResponse):
        for bucket in record.data:
            yield from rows(bucket)
    elif isinstance(record, UsageTimeBucket):
        for row in record.results:
            yield _row(row), record.start_time, record.end_time
    else:
        row = _row(record)
        start, end = (row.additional_properties.get(key) for key in ("start_time", "end_time"))
        yield row, start if type(start) is int else None, end if type(end) is int else None


def kind(tag: str) -> str:
    """Return the short name of the kind of row that has the tag, or an unknown tag itself.

    >>> kind("organization.usage.file_searches.result"), kind("organization.costs.result")
    ('file_searches', 'costs')
    """
    return KINDS.get(tag, tag)


@attrs.frozen(kw_only=True)
class Group:
    """Sums over the rows that have the same values in the group keys."""

    key: Mapping[str, KeyValue]
    """The value of each key asked for, in that order; empty in a grand total."""
    rows: int
    """How many rows there were, rows that state no metric and no amount included."""
    metrics: Mapping[str, int]
    """Sums by metric: `HEADLINE` always, others where a row states them."""
    cost: Mapping[str | None, Decimal]
    """Sums of money by currency in lower case, sorted; None is money without a currency."""


@attrs.define
class _Sums:
    rows: int = 0
    metrics: dict[str, int] = attrs.Factory(dict)
    cost: dict[str | None, Decimal] = attrs.Factory(dict)

    def add(
        self, rows: int, metrics: Mapping[str, int], cost: Mapping[str | None, Decimal]
    ) -> None:
        self.rows += rows
        for name, number in metrics.items():
            self.metrics[name] = self.metrics.get(name, 0) + number
        for currency, value in cost.items():
            before = self.cost.get(currency, Decimal(0))
            # A zero may be written 0E-6176; adding that would give the sum as many decimals.
            self.cost[currency] = _EXACT.add(before, value) if value else before

    def group(self, key: Mapping[str, KeyValue]) -> Group:
        metrics = dict.fromkeys(HEADLINE, 0) | self.metrics
        metrics = {name: metrics[name] for name in _ATTRIBUTES if name in metrics}
        cost = dict(sorted(self.cost.items(), key=lambda item: (item[0] is None, item[0])))
        return Group(key=key, rows=self.rows, metrics=metrics, cost=cost)


class Summary:
    """Add up records, group by group.

    Args:
        by: names of group keys, out of `KEYS`; none at all gives one group. A row that lacks a key,
            or has None in it, goes with None. So does a row of an unknown kind in every key but
            `kind`, `day` and `month`.
        kinds: the kinds to add up, by short name or tag; none at all is every kind. Rows of other
            kinds are counted in `skipped`.
        breakdown: whether to sum the parts of the token totals too (`BREAKDOWN`).

    Raises:
        UsageWireError: for a key that is not one or is given twice, or a kind that is neither a
            short name nor, having a dot, a tag.

    Two things are not summed: `quantity`, because its unit differs from row to row, and an amount
    without a value, because that is not zero; the row still counts. Nothing is deduplicated: a
    bucket that was pulled twice is in the sum twice.

    >>> from usagewire import loads
    >>> summary = Summary(by=("kind", "day"))
    >>> summary.add(loads('''{"object": "bucket", "start_time": 1785542400, "end_time": 1785628800,
    ...     "results": [{"object": "organization.costs.result", "line_item": "tool calls",
    ...                  "amount": {"value": "0.10", "currency": "USD"}},
    ...                 {"object": "organization.costs.result", "line_item": "a credit",
    ...                  "amount": {"value": -0.03, "currency": "usd"}}]}'''))
    >>> group = summary.groups[0]
    >>> group.key, group.rows, group.cost
    ({'kind': 'costs', 'day': '2026-08-01'}, 2, {'usd': Decimal('0.07')})
    """

    def __init__(
        self,
        by: Iterable[str] = ("model",),
        *,
        kinds: Collection[str] = (),
        breakdown: bool = False,
    ) -> None:
        self.by = (by,) if isinstance(by, str) else tuple(by)
        """The group keys, in the order asked for."""
        for name in self.by:
            if name not in KEYS:
                raise UsageWireError(
                    f"cannot group by {quote(name)}; the keys are {', '.join(KEYS)}"
                )
        if len(set(self.by)) < len(self.by):
            raise UsageWireError(f"a group key is given twice: {', '.join(self.by)}")
        self._readers = [_reader(name) for name in self.by]
        for name in kinds:
            if name not in KINDS.values() and "." not in name:
                raise UsageWireError(
                    f"{quote(name)} is no tag and no kind; the kinds are"
                    f" {', '.join(KINDS.values())}"
                )
        self._kinds = frozenset(map(kind, kinds))
        self._metrics = HEADLINE + OTHERS + (BREAKDOWN if breakdown else ())
        self._sums: dict[tuple[KeyValue, ...], _Sums] = defaultdict(_Sums)
        self._skipped: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Add every row of a record, or none where this raises.

        Raises:
            UsageWireError: as `rows`; where an amount is no finite number, or has more than 6,176
                decimals or more than 6,145 digits before the point.
        """
        found = [(row, start, _cost(row)) for row, start, _ in rows(record)]
        for row, start, cost in found:
            short = kind(row.object)
            if self._kinds and short not in self._kinds:
                self._skipped[short] += 1
                continue
            key = tuple(read(row, start) for read in self._readers)
            metrics = {}
            for name in self._metrics:
                number = getattr(row, _ATTRIBUTES[name], None)
                if number is not None:
                    metrics[name] = number
            self._sums[key].add(1, metrics, cost)

    @property
    def groups(self) -> list[Group]:
        """The groups, sorted by their keys' values as text; None comes last."""
        ordered = sorted(self._sums, key=lambda key: [(v is None, str(v)) for v in key])
        return [self._sums[key].group(dict(zip(self.by, key, strict=True))) for key in ordered]

    @property
    def total(self) -> Group:
        """The sums over all groups."""
        whole = _Sums()
        for sums in self._sums.values():
            whole.add(sums.rows, sums.metrics, sums.cost)
        return whole.group({})

    @property
    def skipped(self) -> dict[str, int]:
        """How many rows were left out by `kinds`, by kind, sorted."""
        return dict(sorted(self._skipped.items()))


def _row(record: Any) -> UsageResult:
    if isinstance(record, UsageTimeBucketResultInner):
        return record.to_result()
    if not isinstance(record, UsageResult):
        raise UsageWireError(f"expected a page, a bucket or a row, got a {type(record).__name__}")
    return record


def _cost(row: UsageResult) -> dict[str | None, Decimal]:
    """Return the money of a row by its currency; {} where it has none."""
    if not isinstance(row, CostsResult) or row.amount is None or row.amount.value is None:
        return {}
    value = row.amount.value
    if not value.is_finite():
        raise UsageWireError(f"the amount {value} is no finite number")
    if value and not in_decimal128_range(value):
        raise UsageWireError(f"the amount {quote(value)} has an exponent past decimal128's")
    # Money without a currency is shown as "?", so a currency of that name means the same.
    currency = (row.amount.currency or "?").lower()
    return {None if currency == "?" else currency: value}


@lru_cache(maxsize=4096)
def _day(start: int | None) -> str | None:
    """Return the UTC date of a time, or None where the calendar (years 1 to 9999) has none."""
    if start is None:
        return None
    try:
        return (_EPOCH + timedelta(seconds=start)).date().isoformat()
    except OverflowError:
        return None


def _reader(key: str) -> Callable[[Any, int | None], KeyValue]:
    """Return a function from a row, and the start of its interval, to the value of a group key."""
    if key == "kind":
        return lambda row, _: kind(row.object)
    if key == "day":
        return lambda _, start: _day(start)
    if key == "month":
        return lambda _, start: (_day(start) or "")[: len("YYYY-MM")] or None
    attribute = ATTRIBUTE_KEYS[key]
    return lambda row, _: getattr(row, attribute, None)
