"""Counts of lines and bytes, and the rejections that are kept.

This module knows only the numbers and sizes of lines. It must not know JSON, records or files.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from threading import RLock
from typing import Any, Final, Literal, Self, TypeAlias

import attrs

from usagewire.errors import DecodeError, Rejection

OnError: TypeAlias = Literal["raise", "skip", "collect"] | Callable[[Rejection], object]

MAX_REJECTIONS: Final = 1000
"""How many rejections a decoder keeps by default. It counts all of them."""


@attrs.frozen(kw_only=True)
class Counts:
    """How many lines, bytes, lenient values and unknown rows a decoder has counted so far.

    Every line is a record, rejected or blank, so `lines == records + rejected + blank` is always
    true. In a JSON document each record counts as a line. Each count is an int, by default 0. Two
    `Counts` can be added, for example those of a run and of the run that resumed it.

    >>> from usagewire import Counts
    >>> Counts(lines=2, records=2, bytes=20) + Counts(lines=1, blank=1, bytes=1)
    Counts(lines=3, records=2, rejected=0, blank=1, bytes=21, lenient=0, unknown=0)
    """

    lines: int = 0
    """Lines read."""
    records: int = 0
    """Lines that became a record."""
    rejected: int = 0
    """Lines that could not become a record; `on_error` decides what happens to each."""
    blank: int = 0
    """Lines that are empty or hold only spaces, tabs and carriage returns."""
    bytes: int = 0
    """Decompressed bytes of all these lines, including line ends and a byte order mark."""
    lenient: int = 0
    """Values in records that were accepted only because of `strict=False`."""
    unknown: int = 0
    """Rows in records that became an `UnknownResult`. A page with three of them adds three."""

    def __getstate__(self) -> dict[str, int]:
        return attrs.asdict(self)

    def __setstate__(self, state: dict[str, int]) -> None:
        for a in attrs.fields(Counts):  # a pickle of an earlier version lacks the later counts
            object.__setattr__(self, a.name, state.get(a.name, a.default))

    def __add__(self, other: Self) -> Self:
        return type(self)(
            **{a.name: getattr(self, a.name) + getattr(other, a.name) for a in attrs.fields(Counts)}
        )


class Tally:
    """The number of things in records, and the record of each thing in the last batch."""

    def __init__(self) -> None:
        self.total = 0
        """Things in earlier batches."""
        self.indices: list[int] = []
        """The index of the record of each thing, in order."""

    def before(self, index: int) -> int:
        """Return the number of things before a record of the batch."""
        # In order, so that asking after each record of a batch takes little.
        return self.total + bisect_left(self.indices, index)

    def settle(self) -> None:
        """Count the things of the batch, and forget their records."""
        self.total += len(self.indices)
        self.indices.clear()

    def drop(self, index: int) -> None:
        """Remove the things of the last record, which has this index."""
        while self.indices and self.indices[-1] == index:
            self.indices.pop()


class _Documents(threading.local):
    """The count of the document that a thread decodes by itself."""

    lenient: int | None = None
    """Lenient values of the document, or None if the thread decodes lines."""


class DecodeStats:
    """The counts of one decoder, and the first of its rejections."""

    def __init__(self, on_error: OnError, max_rejections: int, max_kept_bytes: int) -> None:
        self.on_error = on_error
        self._max_rejections = max_rejections
        self._max_kept_bytes = max_kept_bytes
        self._lines = self._records = self._rejected = self._blank = self._bytes = 0
        self.lenient, self.unknown = Tally(), Tally()
        self._documents = _Documents()
        self._lenient_in_documents = self._unknown_in_documents = 0
        self._lock = RLock()
        self.rejections: list[Rejection] = []
        self._batch: Sized = ()

    def counts(self, back: int = 0, size: int = 0, blank: int = 0) -> Counts:
        """Return the counts without the last `back` records, and `blank` lines before them.

        These lines have `size` bytes together.
        """
        kept = len(self._batch) - back
        return Counts(
            lines=self._lines - back - blank,
            records=self._records - back,
            rejected=self._rejected,
            blank=self._blank - blank,
            bytes=self._bytes - size,
            lenient=self.lenient.before(kept) + self._lenient_in_documents,
            unknown=self.unknown.before(kept) + self._unknown_in_documents,
        )

    def start_batch(self, records: Sized) -> None:
        """Note the index in `records` with each leniency and unknown row from now on."""
        self.lenient.settle()
        self.unknown.settle()
        self._batch = records

    def count_leniency(self) -> None:
        """Count a value of the next record that only `strict=False` accepts."""
        if self._documents.lenient is None:
            self.lenient.indices.append(len(self._batch))
        else:
            self._documents.lenient += 1

    def count_unknown(self, rows: int) -> None:
        """Count unknown rows of the next record."""
        self.unknown.indices.extend([len(self._batch)] * rows)

    def count_unknown_of_document(self, rows: int) -> None:
        """Count unknown rows of a document that is decoded by itself."""
        with self._lock:
            self._unknown_in_documents += rows

    @contextmanager
    def lenient_document(self) -> Iterator[None]:
        """Count the leniencies of a document that is decoded by itself, if it gives a record."""
        documents = self._documents
        outer, documents.lenient = documents.lenient, 0
        try:
            yield
            found = documents.lenient
        finally:
            documents.lenient = outer
        with self._lock:
            self._lenient_in_documents += found

    def drop_next(self) -> None:
        """Remove what was counted of the next record, because it was rejected."""
        self.lenient.drop(len(self._batch))
        self.unknown.drop(len(self._batch))

    def add(self, size: int, *, records: int = 0, rejected: int = 0, blank: int = 0) -> None:
        """Count `size` bytes and the lines in them."""
        self._lines += records + rejected + blank
        self._records += records
        self._rejected += rejected
        self._blank += blank
        self._bytes += size

    @property
    def wants_rejection(self) -> bool:
        """Whether the next rejection will be used, by `on_error` or the list of rejections."""
        if self.on_error == "collect":
            return len(self.rejections) < self._max_rejections
        return self.on_error != "skip"

    def rejection(self, error: DecodeError, place: dict[str, Any]) -> Rejection | None:
        """Return the rejection for `error`, or None with `on_error="skip"`."""
        if self.on_error == "skip":
            return None
        return Rejection(code=error.code, message=error.message, path=error.path, **place)

    def add_rejected(self, size: int, rejection: Rejection | None) -> None:
        """Count a rejected line of `size` bytes, and keep its rejection if there is room."""
        kept: list[Rejection] = []
        if rejection is not None and len(self.rejections) < self._max_rejections:
            raw = rejection.raw[: self._max_kept_bytes]
            kept = [rejection if raw is rejection.raw else attrs.evolve(rejection, raw=raw)]
        self._lines += 1
        self._rejected += 1
        self._bytes += size
        self.rejections += kept
