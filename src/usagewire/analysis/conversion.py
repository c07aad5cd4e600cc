"""Records in another shape: pages and buckets split into rows, and rows joined into pages.

`Conversion` takes records one by one and returns the records to write instead. It moves rows and,
if asked, removes personal data. It changes no number and loses no row.

This module knows no JSON and no files.
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
"""`rows`: rows of their own kinds. `pages`: pages. `flat`: rows of generated clients' one kind."""

MAX_ROWS: Final = 1000
"""The most rows in a page that is made of rows. They are kept until it is full."""

START: Final = "start_time"
END: Final = "end_time"
"""The unknown fields in which a row without bucket carries the times of its bucket."""


class Conversion:
    """Turn records into records of another shape, in their order.

    Args:
        to: the shape. None leaves every record as it is.
        drop_personal: whether to remove what tells who a person is: `user_id`, and the unknown
            fields `user_email`, `user_name`, `user` and `email`, in every spelling and at any
            depth. Not removed are the ids and names of projects, API keys and organizations, and
            what is said in free text, as in a `line_item`.

    Raises:
        UsageWireError: for a shape that is not one.

    - `rows`: pages and buckets become their rows. Each carries the times of its bucket as unknown
      fields `start_time` and `end_time`, in place of unknown fields of these names. A row that
      stands alone stays as it is; a flattened row becomes the row it stands for.
    - `flat`: the same rows as `UsageTimeBucketResultInner`. A flattened row stays as it is, and so
      does a row with an unknown field of the name of a flattened one, if it could not be told from
      that any more; as JSON it has the flattened shape all the same.
    - `pages`: a page stays as it is, a bucket becomes a page of one bucket, and neighbouring rows
      of equal times become a page of one bucket, of at most `MAX_ROWS` rows, which states the times
      instead of them. Such pages are the last of their kind: they have no next page.

    What `rows` and `flat` leave out, because no row has a place for it: the cursor of a page, the
    unknown fields of pages and buckets, and intervals without any rows.

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
            raise UsageWireError(f"cannot convert to {quote(to)}; the shapes are {shapes}")
        self._to = to
        self._drop_personal = drop_personal
        self._interval = (0, 0)
        self._rows: list[UsageResult] = []

    def add(self, record: Record) -> list[Record]:
        """Take the next record and return what to write now, which may be nothing.

        Raises:
            DecodeError: where the record cannot be converted: `no_interval` for a row without its
                times that is to go into a page, and as `UsageTimeBucketResultInner.to_result`. It
                was not taken, and the next one can be.
            UsageWireError: where it is no page, bucket or row, unless nothing is to be changed.
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
        """Return what was kept back. More records may be added afterwards."""
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
    """Return the record without personal data, as `Conversion` defines it."""
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
    """Return the key without case and punctuation, in which its spellings differ."""
    return "".join(filter(str.isalnum, key)).casefold()


_SCALARS: Final = (int, str, float, Decimal, NoneType)
_PERSONAL: Final = frozenset(map(_normalized, wire_names.PERSONAL))
_FLAT_KEYS: Final = frozenset(
    key for a in attrs.fields(UsageTimeBucketResultInner) for key in wire_names.spellings(a.name)
)


def _rows(record: Record) -> Iterator[UsageResult]:
    """Yield each row of a record with the times of its bucket."""
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
            "no_interval", f"a row in a page needs {key!r}, in Unix seconds UTC; it is {found}"
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
