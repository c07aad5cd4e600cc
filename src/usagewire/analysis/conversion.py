"""Conversion of records: pages and buckets into rows, and rows into pages.

This module must not know JSON or files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, Final, Literal, TypeAlias, get_args

import attrs

from usagewire.analysis.summary import Record, rows
from usagewire.converters.flat_row import UsageTimeBucketResultInner
from usagewire.converters.scalars import INT_MAX, INT_MIN
from usagewire.errors import DecodeError, UsageWireError, quote
from usagewire.models import NO_PROPERTIES, UsageResponse, UsageResult, UsageTimeBucket
from usagewire.wire import names as wire_names

Shape: TypeAlias = Literal["rows", "flat", "pages"]
"""Rows of their own classes, `UsageTimeBucketResultInner` rows, or pages."""

MAX_ROWS: Final = 1000
"""The largest number of rows in a page that is made from rows, and of rows kept for it."""

START: Final = "start_time"
END: Final = "end_time"
"""The unknown fields in which a row outside a bucket has the times of its bucket."""


class Conversion:
    """A conversion of records to another shape. It keeps their order, every row and every number.

    - `rows`: a page or bucket becomes its rows. Each row gets the times of its bucket as unknown
      fields `start_time` and `end_time`, which replace unknown fields of these names. A flattened
      row becomes an instance of its row class. Other rows do not change.
    - `flat`: the same rows as `UsageTimeBucketResultInner`. A flattened row does not change. A row
      also stays the same if it has an unknown field with the name of a flattened field, and could
      not be read back. Its JSON has the flattened shape all the same.
    - `pages`: a bucket becomes a page of one bucket. So do consecutive rows with the same times, at
      most 1,000 to a page; the bucket gets their times. A page does not change. The new pages have
      no next page.

    Rows have no place for the cursor of a page, the unknown fields of pages and buckets, and
    intervals without rows. `rows` and `flat` drop them.

    Args:
        to: The shape: `rows`, `flat` or `pages`. None (default) keeps the shape.
        drop_personal: Whether to remove the fields that identify a person: `user_id`, and the
            unknown fields `user_email`, `user_name`, `user` and `email`. Every spelling and any
            depth counts. Ids and names of projects, API keys and organizations stay, and so does
            free text such as a `line_item`. The default is False.

    Raises:
        UsageWireError: `to` is not a shape.

    >>> from usagewire import Conversion, UsageTimeBucket, UsageVectorStoresResult
    >>> stored = UsageVectorStoresResult(usage_bytes=5)
    >>> day = UsageTimeBucket(start_time=1785542400, end_time=1785628800, results=(stored, stored))
    >>> found = Conversion("rows").add(day)
    >>> len(found), found[0].additional_properties
    (2, {'start_time': 1785542400, 'end_time': 1785628800})
    >>> pages = Conversion("pages")
    >>> [pages.add(row) for row in found], pages.close()[0].data == (day,)
    ([[], []], True)
    """

    def __init__(self, to: Shape | None = None, *, drop_personal: bool = False) -> None:
        if to not in (None, *get_args(Shape)):
            shapes = ", ".join(get_args(Shape))
            raise UsageWireError(f"to must be one of {shapes}, not {quote(to)}")
        self._to = to
        self._drop_personal = drop_personal
        self._interval = (0, 0)
        self._rows: list[UsageResult] = []

    def add(self, record: Record) -> list[Record]:
        """Take the next record and return the records to write now, if any.

        If this raises, the conversion skips the record and can take the next one.

        Args:
            record: A page, bucket or row.

        Returns:
            The converted records. With `pages` some rows may stay behind until later.

        Raises:
            DecodeError: `no_interval` for a row without times that must go into a page, and the
                codes of `UsageTimeBucketResultInner.to_result`.
            UsageWireError: `record` is not a page, bucket or row, unless no option changes records.
        """
        if self._drop_personal:
            record = without_personal(record)
        if self._to is None:
            return [record]
        if self._to == "pages":
            return self._add_to_page(record)
        if self._to == "rows":
            return [*_rows(record)]
        if isinstance(record, UsageTimeBucketResultInner):
            return [record]
        return [_flat(row) for row in _rows(record)]

    def close(self) -> list[Record]:
        """Return the page of the rows that stayed behind, if any. You may then add more records."""
        if not self._rows:
            return []
        kept, self._rows = tuple(self._rows), []
        start, end = self._interval
        return [_page(UsageTimeBucket(start_time=start, end_time=end, results=kept))]

    def _add_to_page(self, record: Record) -> list[Record]:
        if isinstance(record, UsageResponse):
            return [*self.close(), record]
        if isinstance(record, UsageTimeBucket):
            return [*self.close(), _page(record)]
        [(row, _, _)] = rows(record)
        interval = _time(row, START), _time(row, END)
        goes_in = interval == self._interval and len(self._rows) < MAX_ROWS
        done = [] if goes_in else self.close()
        self._interval = interval
        self._rows.append(_with_times(row, {}))
        return done


def without_personal(record: Any) -> Any:
    """Return the record without the fields that identify a person (see `Conversion`)."""
    cls = type(record)
    if not attrs.has(cls):
        raise UsageWireError(f"expected a page, a bucket or a row, got a {cls.__name__}")
    changes: dict[str, Any] = {}
    for name, is_personal in _attributes(cls):
        value = getattr(record, name)
        if value is not None and value is not NO_PROPERTIES:
            cleaned = None if is_personal else _cleaned(value)
            if cleaned is not value:
                changes[name] = cleaned
    return attrs.evolve(record, **changes) if changes else record


@cache
def _attributes(cls: Any) -> tuple[tuple[str, bool], ...]:
    return tuple((a.name, _is_personal(a.name)) for a in attrs.fields(cls))


def _cleaned(value: Any) -> Any:
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, list | tuple):
        return type(value)(map(_cleaned, value))
    if isinstance(value, Mapping):
        return {key: _cleaned(one) for key, one in value.items() if not _is_personal(key)}
    return without_personal(value)


def _is_personal(key: object) -> bool:
    return _normalized(str(key)) in _PERSONAL


def _normalized(key: str) -> str:
    """Return the key without case and punctuation, so that all its spellings are equal."""
    return "".join(filter(str.isalnum, key)).casefold()


_SCALARS: Final = (int, str, float, Decimal, NoneType)
_PERSONAL: Final = frozenset(map(_normalized, wire_names.PERSONAL))
_FLAT_KEYS: Final = frozenset(
    key for a in attrs.fields(UsageTimeBucketResultInner) for key in wire_names.spellings(a.name)
)


def _rows(record: Record) -> Iterator[UsageResult]:
    """Yield each row of a record with the times of its bucket as unknown fields."""
    has_times = isinstance(record, UsageResponse | UsageTimeBucket)
    for row, start, end in rows(record):
        yield _with_times(row, {START: start, END: end}) if has_times else row


def _with_times(row: UsageResult, times: Mapping[str, int | None]) -> UsageResult:
    others = {key: v for key, v in row.additional_properties.items() if key not in (START, END)}
    return attrs.evolve(row, additional_properties={**others, **times} or NO_PROPERTIES)


def _time(row: UsageResult, key: str) -> int:
    value = row.additional_properties.get(key)
    if type(value) is not int or not INT_MIN <= value <= INT_MAX:
        found = quote(value) if key in row.additional_properties else "absent"
        raise DecodeError(
            "no_interval", f"a row in a page needs {key!r} in Unix seconds UTC, but it is {found}"
        ).within(key)
    return value


def _flat(row: UsageResult) -> Record:
    flat = UsageTimeBucketResultInner.from_result(row)
    if _FLAT_KEYS.isdisjoint(row.additional_properties):
        return flat
    if _FLAT_KEYS.isdisjoint(flat.additional_properties):
        with suppress(DecodeError):
            if flat.to_result() == row:
                return flat
    return row


def _page(bucket: UsageTimeBucket) -> UsageResponse:
    return UsageResponse(data=(bucket,), has_more=False)
