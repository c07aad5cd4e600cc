"""The counts of lines, which add up, and the rejections that are kept.

This module knows lines by their numbers and sizes alone: no JSON, no records, no files.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sized
from typing import Any, Final, Literal, Self, TypeAlias

import attrs

from usagewire.errors import DecodeError, Rejection

OnError: TypeAlias = Literal["raise", "skip", "collect"] | Callable[[Rejection], object]

MAX_REJECTIONS: Final = 1000
"""How many rejections are kept; all are counted."""


@attrs.frozen(kw_only=True)
class Counts:
    """What was seen: `lines == records + rejected + blank`, at every moment.

    >>> Counts(lines=2, records=2, bytes=20) + Counts(lines=1, blank=1, bytes=1)
    Counts(lines=3, records=2, rejected=0, blank=1, bytes=21, lenient=0)
    """

    lines: int = 0
    """Lines read."""
    records: int = 0
    """Lines that became a record."""
    rejected: int = 0
    """Lines that did not; `on_error` got each."""
    blank: int = 0
    """Lines of nothing but spaces, tabs and CR."""
    bytes: int = 0
    """Bytes of all these lines, line ends and byte order mark included."""
    lenient: int = 0
    """Values in records that only `strict=False` let through."""

    def __add__(self, other: Self) -> Self:
        """Return the counts of both, as of a run and of the one that resumed it."""
        return type(self)(
            **{a.name: getattr(self, a.name) + getattr(other, a.name) for a in attrs.fields(Counts)}
        )


class DecodeStats:
    """The counts of one decoder and its first rejections."""

    def __init__(self, on_error: OnError, max_rejections: int, max_kept_bytes: int) -> None:
        self.on_error = on_error
        self._max_rejections = max_rejections
        self._max_kept_bytes = max_kept_bytes
        self._lines = self._records = self._rejected = self._blank = self._bytes = 0
        self._lenient = 0
        self.rejections: list[Rejection] = []
        self._batch: Sized = ()
        self._leniencies: list[int] = []

    def counts(self, back: int = 0, size: int = 0) -> Counts:
        """Return the counts, less the last `back` records of `size` bytes."""
        kept = len(self._batch) - back
        # In order, so that asking after each record of a batch takes little.
        lenient = bisect_left(self._leniencies, kept) if back else len(self._leniencies)
        return Counts(
            lines=self._lines - back,
            records=self._records - back,
            rejected=self._rejected,
            blank=self._blank,
            bytes=self._bytes - size,
            lenient=self._lenient + lenient,
        )

    def start_batch(self, records: Sized) -> None:
        """Count leniencies by their index in `records` from now on."""
        self._lenient += len(self._leniencies)
        self._leniencies.clear()
        self._batch = records

    def count_leniency(self) -> None:
        """Count a value of the next record that only `strict=False` let through."""
        self._leniencies.append(len(self._batch))

    def drop_leniencies(self) -> None:
        """Take back the leniencies of the next record, which was rejected."""
        while self._leniencies and self._leniencies[-1] == len(self._batch):
            self._leniencies.pop()

    def mark(self) -> int:
        """Return a place in the leniencies, before a document that is decoded by itself."""
        return len(self._leniencies)

    def drop_from(self, mark: int) -> None:
        """Take back the leniencies of a document that was rejected."""
        del self._leniencies[mark:]

    def keep_from(self, mark: int) -> None:
        """Count the leniencies of a document."""
        self._lenient += len(self._leniencies) - mark
        del self._leniencies[mark:]

    def add_records(self, count: int, size: int, rejected: int = 0) -> None:
        """Count lines of `size` bytes: `count` records and `rejected` lines."""
        self._lines += count + rejected
        self._records += count
        self._rejected += rejected
        self._bytes += size

    def add_blank(self, size: int) -> None:
        """Count a blank line."""
        self._lines += 1
        self._blank += 1
        self._bytes += size

    def add_bytes(self, size: int) -> None:
        """Count bytes that are no line's."""
        self._bytes += size

    @property
    def wants_rejection(self) -> bool:
        """Whether the next rejection goes to somebody: `on_error`, or the list of rejections."""
        if self.on_error == "collect":
            return len(self.rejections) < self._max_rejections
        return self.on_error != "skip"

    def rejection(self, error: DecodeError, place: dict[str, Any]) -> Rejection | None:
        """Return the rejection for `error`, or None with `on_error="skip"`."""
        if self.on_error == "skip":
            return None
        return Rejection(code=error.code, message=error.message, path=error.path, **place)

    def add_rejected(self, size: int, rejection: Rejection | None) -> None:
        """Count a line of `size` bytes that gave no record, and keep its rejection."""
        kept: list[Rejection] = []
        if rejection is not None and len(self.rejections) < self._max_rejections:
            raw = rejection.raw[: self._max_kept_bytes]
            kept = [rejection if raw is rejection.raw else attrs.evolve(rejection, raw=raw)]
        self._lines += 1
        self._rejected += 1
        self._bytes += size
        self.rejections += kept
