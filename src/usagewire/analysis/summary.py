"""Exact sums of counts and money by model, project, day or any other group key.

This module must not know JSON, files or the terminal.
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
"""A page, a bucket, a row, or a generated client's flattened row."""

KeyValue: TypeAlias = str | bool | None
"""A value of a group key. None if the row does not state it."""

HEADLINE: Final = ("requests", "input_tokens", "input_cached_tokens", "output_tokens")
"""The metrics of every group, 0 if no row states them.

`requests` is `num_model_requests`. `input_cached_tokens` is a part of `input_tokens`: do not add
the two.
"""

OTHERS: Final = ("images", "characters", "seconds", "usage_bytes", "sessions", "num_requests")
"""The metrics that a group has only if one of its rows states them.

`usage_bytes` is the storage during each interval, so a sum over several days is in byte-days.
"""

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

Since the API specification of 2026-07-15 the totals include all of them. If you add a part to a
total, you count it twice.
"""

KINDS: Final[Mapping[str, str]] = {
    cls.object: cls.object.split(".", 1)[1].removeprefix("usage.").removesuffix(".result")
    for cls in ROW_CLASSES
}
"""The short name of each known tag, for example `completions`, `file_searches` or `costs`."""

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
"""The attribute of row classes for each group key that is one."""

KEYS: Final = ("kind", "day", "month", *ATTRIBUTE_KEYS)
"""Every key `Summary` can group by.

`kind` is the short name of a known kind of row, or the whole tag of an unknown kind. `day`
(`YYYY-MM-DD`) and `month` (`YYYY-MM`) are the UTC date on which the row's interval starts.
"""

_ATTRIBUTES: Final = {name: name for name in (*HEADLINE, *OTHERS, *BREAKDOWN)} | {
    "requests": "num_model_requests"
}

_EXACT: Final = Context(
    # An amount has at most 12,321 digits. 179 digits more are enough to add 10**179 amounts.
    # So no sum is rounded. If one were, the trap Inexact would raise.
    prec=12_500,
    Emin=MIN_EMIN,
    Emax=MAX_EMAX,
    traps=[Inexact, InvalidOperation, DivisionByZero],
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rows(record: Record) -> Iterator[tuple[UsageResult, int | None, int | None]]:
    """Yield each row of a record with the start and end of its interval.

    The times are those of the bucket. The times of a row outside a bucket are its unknown fields
    `start_time` and `end_time`, as in flattened logs, or None.

    Args:
        record: A page, bucket or row.

    Yields:
        The row, its start and its end, both in Unix seconds UTC. A `UsageTimeBucketResultInner` is
        converted to its row class.

    Raises:
        UsageWireError: `record` is not a page, bucket or row.
        DecodeError: The class of a flattened row is not clear; see its `to_result`.

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
    """Return the short name of a known tag, or an unknown tag unchanged.

    >>> kind("organization.usage.file_searches.result"), kind("organization.costs.result")
    ('file_searches', 'costs')
    """
    return KINDS.get(tag, tag)


@attrs.frozen(kw_only=True)
class Group:
    """The sums of the rows with the same values of the group keys."""

    key: Mapping[str, KeyValue]
    """The value of each group key, in the order of `Summary.by`. Empty in a grand total."""
    rows: int
    """The number of rows, including rows without metrics and amount."""
    metrics: Mapping[str, int]
    """The sum of each metric by its name. `Summary` lists the names."""
    cost: Mapping[str | None, Decimal]
    """The sum of money for each currency, in lower case and sorted. None is money without one."""


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
            # A zero may be 0E-6176, which would give the sum as many decimals.
            self.cost[currency] = _EXACT.add(before, value) if value else before

    def group(self, key: Mapping[str, KeyValue]) -> Group:
        metrics = dict.fromkeys(HEADLINE, 0) | self.metrics
        metrics = {name: metrics[name] for name in _ATTRIBUTES if name in metrics}
        cost = dict(sorted(self.cost.items(), key=lambda item: (item[0] is None, item[0])))
        return Group(key=key, rows=self.rows, metrics=metrics, cost=cost)


class Summary:
    """Exact sums of records, group by group. Money is never added across currencies.

    Every group has the metrics `requests` (the sum of `num_model_requests`), `input_tokens`,
    `input_cached_tokens` and `output_tokens`. They are 0 if no row states them. A group has
    `images`, `characters`, `seconds`, `usage_bytes`, `sessions` and `num_requests` only if a row
    states them. `input_cached_tokens` is a part of `input_tokens`: do not add the two.
    `usage_bytes` is the storage in each interval, so a sum over several days is in byte-days.

    It does not sum `quantity`, because the unit differs from row to row. It counts a row with an
    amount without a value, but adds no money. It does not remove duplicates: a bucket that was
    fetched twice counts twice.

    Args:
        by: Names of group keys; the default is `model`. Without keys there is one group. `kind` is
            the short name of a known kind of row, or the tag of an unknown one. `day`
            (`YYYY-MM-DD`) and `month` (`YYYY-MM`) are the UTC date on which the interval of the
            row starts. The other keys are `project_id`, `user_id`, `api_key_id`, `model`, `batch`,
            `service_tier`, `api_source`, `size`, `source`, `vector_store_id`, `context_level` and
            `line_item`. A row without a value for a key has None there. An unknown row has None
            for every key except `kind`, `day` and `month`.
        kinds: The kinds of rows to sum, as short names or tags. By default every kind. `skipped`
            counts the other rows.
        breakdown: Whether to sum the parts of the token totals too, such as `input_audio_tokens`.
            A group has a part only if a row states it. The totals already include the parts.

    Raises:
        UsageWireError: A key is unknown or repeated, or a kind is not a short name and has no dot,
            as a tag has.

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
        """The group keys, in the requested order."""
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
                    f"{quote(name)} is not a kind or a tag; the kinds are"
                    f" {', '.join(KINDS.values())}"
                )
        self._kinds = frozenset(map(kind, kinds))
        self._metrics = HEADLINE + OTHERS + (BREAKDOWN if breakdown else ())
        self._sums: dict[tuple[KeyValue, ...], _Sums] = defaultdict(_Sums)
        self._skipped: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Add every row of a record, or no row if this raises.

        Args:
            record: A page, bucket or row.

        Raises:
            UsageWireError: `record` is not one of these. Or an amount is not finite, or has more
                than 6,176 decimals or 6,145 digits before the point.
            DecodeError: The class of a flattened row is not clear.
        """
        found = [(row, start, _cost(row)) for row, start, _ in rows(record)]
        for row, start, cost in found:
            short = kind(row.object)
            if self._kinds and short not in self._kinds:
                self._skipped[short] += 1
                continue
            key = tuple(read(row, start) for read in self._readers)
            numbers = ((name, getattr(row, _ATTRIBUTES[name], None)) for name in self._metrics)
            metrics = {name: number for name, number in numbers if number is not None}
            self._sums[key].add(1, metrics, cost)

    @property
    def groups(self) -> list[Group]:
        """The groups, sorted by the values of their keys as text. None is last."""
        ordered = sorted(self._sums, key=lambda key: [(v is None, str(v)) for v in key])
        return [self._sums[key].group(dict(zip(self.by, key, strict=True))) for key in ordered]

    @property
    def total(self) -> Group:
        """The sums of all groups, with an empty key."""
        whole = _Sums()
        for sums in self._sums.values():
            whole.add(sums.rows, sums.metrics, sums.cost)
        return whole.group({})

    @property
    def skipped(self) -> dict[str, int]:
        """The number of rows of each kind that `kinds` excluded, sorted by kind."""
        return dict(sorted(self._skipped.items()))


def _row(record: Any) -> UsageResult:
    if isinstance(record, UsageTimeBucketResultInner):
        return record.to_result()
    if not isinstance(record, UsageResult):
        raise UsageWireError(f"expected a page, a bucket or a row, got a {type(record).__name__}")
    return record


def _cost(row: UsageResult) -> dict[str | None, Decimal]:
    """Return the money of a row by its currency, or {} if it has none."""
    if not isinstance(row, CostsResult) or row.amount is None or row.amount.value is None:
        return {}
    value = row.amount.value
    if not value.is_finite():
        raise UsageWireError(f"the amount {value} is not a finite number")
    if value and not in_decimal128_range(value):
        raise UsageWireError(f"the exponent of the amount {quote(value)} does not fit decimal128")
    # Money without a currency is displayed as "?", so a currency "?" means the same.
    currency = (row.amount.currency or "?").lower()
    return {None if currency == "?" else currency: value}


@lru_cache(maxsize=4096)
def _day(start: int | None) -> str | None:
    """Return the UTC date of a time, or None outside the calendar (years 1 to 9999)."""
    if start is None:
        return None
    try:
        return (_EPOCH + timedelta(seconds=start)).date().isoformat()
    except OverflowError:
        return None


def _reader(key: str) -> Callable[[Any, int | None], KeyValue]:
    """Return a function from a row and the start of its interval to the value of a group key."""
    if key == "kind":
        return lambda row, _: kind(row.object)
    if key == "day":
        return lambda _, start: _day(start)
    if key == "month":
        return lambda _, start: (_day(start) or "")[: len("YYYY-MM")] or None
    attribute = ATTRIBUTE_KEYS[key]
    return lambda row, _: getattr(row, attribute, None)
