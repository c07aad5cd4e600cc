"""One stream of bytes on its way to records, run by run.

A run is neighbouring lines that all became records. Between two runs stands what did not, and it is
accounted for only when the run before it was taken: so at each record boundary the place and the
counts are those of the records that were taken and of the lines before them, and nothing else.

This module parses with orjson, hands the result to the converter and accounts for every line. It
knows no rule about values and opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeVar

import attrs
import orjson

from usagewire._account import Account, Counts
from usagewire._documents import Document
from usagewire._lines import Block, Cursor, LineCutter
from usagewire.errors import DecodeError

T = TypeVar("T")

_BLANK: Final = b" \t\r"


class Reading(NamedTuple, Generic[T]):
    """What all streams of one decoder have in common."""

    structure: Callable[[Any, Any], T]
    """Make a record of what orjson parsed."""
    type: Any
    """The type that `structure` is asked for."""
    explained: Callable[[Exception], DecodeError]
    """Say what an error says in our words."""
    account: Account
    """Where every line is counted."""
    max_line_bytes: int
    """A longer line is rejected."""
    max_raw_bytes: int
    """How much of a rejected line is told."""


class Place(NamedTuple):
    """A place between two lines of a stream, or between two elements of a document."""

    line: int = 1
    """Number of the line that comes next, from 1."""
    offset: int = 0
    """Bytes before that line."""
    item: int | None = None
    """Of a JSON document, which begins at `line` and `offset`, how many records were read."""


START: Final = Place()


class Stream(Generic[T]):
    """The lines of one stream, from a place on."""

    def __init__(self, reading: Reading[T], name: str | None = None, place: Place = START) -> None:
        self._reading = reading
        self._name = name
        self._cutter = LineCutter(
            reading.max_line_bytes, reading.max_raw_bytes, place.line, place.offset
        )
        self._cursor = Cursor(place.line, place.offset)
        self._bad: Exception | None = None
        self._document: Document | None = None
        self._spans: Iterator[tuple[int, int]] = iter(())
        self._spanned = _Element()

    @property
    def holds_line(self) -> bool:
        """Whether the beginning of a line is held back until its end has come."""
        return self._cutter.holds

    def push(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._cursor.add(self._cutter.feed(chunk))

    def finish(self) -> None:
        """Take what is held back as the last line."""
        self._cursor.add(self._cutter.close())

    def push_document(self, document: Document, done: int = 0) -> None:
        """Take a whole document instead of lines; its first `done` records were read before."""
        self._document, self._spans, self._spanned = document, document.spans(), _Element()
        if not done:
            self._reading.account.add_bytes(len(document.text))
        # The records are the lines of a block; cutting does not know that they are none.
        self._cursor.add(iter([Block(1, 0, document.items, measured=False)]))  # type: ignore[arg-type]
        if self._cursor.has_line():
            self._cursor.index = min(done, len(document.items))
            self._cursor.align()

    def place(self, back: int = 0) -> Place:
        """Return where the next line begins, or the one that is `back` records before it.

        `back` is at most the length of the last run.
        """
        cursor = self._cursor
        index = cursor.index - back
        if self._document is not None:
            return Place(item=index)
        return Place(
            cursor.block.number + index, cursor.offset - cursor.block.size(index, cursor.index)
        )

    def counts(self, back: int = 0) -> Counts:
        """Return the decoder's counts, less those of the last `back` records."""
        cursor = self._cursor
        size = cursor.block.size(cursor.index - back, cursor.index)
        return self._reading.account.counts(back, size)

    def next_run(self, records: list[T]) -> bool:
        """Add the records of the next run to `records`; return whether there was a line to read.

        Should anything but a bad line stop this (an interrupt, no memory, a callback's error), what
        was read is in `records`, and the next run begins at the line that is next.

        Raises:
            DecodeError: with `on_error="raise"`, for the bad line after the run before.

        """
        cursor = self._cursor
        reading = self._reading
        try:
            if self._bad is not None:
                self._settle(self._bad)
            if not cursor.has_line():
                return False
            block = cursor.block
            if block.cut_from:
                self._bad = _too_long(block, reading.max_line_bytes)
                return True
            reading.account.fill(records)
            append, structure, kind = records.append, reading.structure, reading.type
            loads = orjson.loads if self._document is None else _parsed
            before = len(records)
            try:
                for line in cursor.lines:
                    append(structure(loads(line), kind))
            except Exception as error:
                if isinstance(error, MemoryError):
                    raise
                reading.account.forget_leniencies()
                self._bad = error
            finally:
                count = len(records) - before
                reading.account.add_records(count, cursor.advance(cursor.index + count))
        except BaseException as error:
            if isinstance(error, MemoryError) or not isinstance(error, Exception):
                reading.account.forget_leniencies()
                cursor.align()
            raise
        return True

    def _settle(self, error: Exception) -> None:
        """Account for the line at the cursor, which gave no record, and go to the next."""
        self._bad = None
        cursor, account = self._cursor, self._reading.account
        block, index, offset = cursor.block, cursor.index, cursor.offset
        if self._document is not None:
            cursor.advance(index + 1)
            account.reject(self._reading.explained(error), 0, **self._element(index))
            return
        data = block.lines[index].removesuffix(b"\r")
        size = cursor.advance(index + 1)
        if not block.cut_from and not data.strip(_BLANK):
            account.add_blank(size)
            return
        account.reject(
            self._reading.explained(error),
            size,
            line=block.number + index,
            offset=offset,
            length=block.cut_from or len(data),
            raw=data[: self._reading.max_raw_bytes],
            file=self._name,
        )

    def _element(self, index: int) -> dict[str, Any]:
        """Return where record `index` of the document stands in its text."""
        text = self._document.text if self._document else b""
        # Records are asked for in order, so that the text is looked through once.
        before = self._spanned
        [(start, end)] = islice(self._spans, index - before.index - 1, index - before.index)
        line = before.line + text.count(b"\n", before.start, start)
        self._spanned = _Element(index, line, start)
        return {
            "line": line,
            "offset": start,
            "length": end - start,
            "raw": text[start : min(end, start + self._reading.max_raw_bytes)],
            "file": self._name,
        }


@attrs.frozen
class _Element:
    """A record of a document whose place in the text is known."""

    index: int = -1
    line: int = 1
    start: int = 0


def _parsed(value: Any) -> Any:
    """Return what orjson made of a document, or raise what it said instead."""
    if isinstance(value, orjson.JSONDecodeError):
        raise value
    return value


def _too_long(block: Block, limit: int) -> DecodeError:
    return DecodeError(
        "line_too_long", f"the line has {block.cut_from} bytes; the limit is {limit}"
    )
