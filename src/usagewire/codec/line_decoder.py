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

from usagewire.codec.counts import Account, Counts
from usagewire.codec.documents import Document
from usagewire.codec.line_buffer import BOM, Block, Lines
from usagewire.errors import DecodeError, lack_of_memory

T = TypeVar("T")

_BLANK: Final = b" \t\r"

MOST_AT_ONCE: Final = 4096
"""How many lines C reads before Python looks for signals and other threads."""


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
    plan: Any
    """How C reads what is plain; None where it is not in use."""

    def record(self, text: bytes) -> T:
        """Return what one JSON text holds."""
        if self.plan is not None:
            record = self.plan.decode(text)
            if record is not NotImplemented:
                return record  # type: ignore[no-any-return]
        return self.structure(orjson.loads(text), self.type)


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
        self.ready: list[T] = []
        """Records that were read and not handed over, for who wants all at once."""
        self.document: Document | None = None
        """The document that is read instead of lines."""
        self._reading = reading
        self._name = name
        self._lines = Lines(reading.max_line_bytes, reading.max_raw_bytes, place.line, place.offset)
        # The number of a line that was read without its end.
        self._more_of = 0
        # What the line that is next is to be rejected for, unless it is blank.
        self._bad: Exception | None = None
        # Whether the line that is next gives no record, and nobody is to hear why.
        self._refused = False
        # A run that is not accounted for: where its records are, and how many stand before them. Of
        # lines that are not cut, also where the one after it begins, whether that is refused, and
        # how many such were passed over.
        self._run: tuple[list[T], int, memoryview[int] | None] | None = None
        self._spans: Iterator[tuple[int, int]] = iter(())
        self._spanned = _Element()

    @property
    def raises_next(self) -> bool:
        """Whether it is known that the next run begins with raising a `DecodeError`."""
        raises = self._reading.account.on_error == "raise"
        return raises and self._bad is not None and not self._at_blank()

    def push(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._lines.push(chunk)

    def push_after_open_end(self, chunk: bytes) -> None:
        """Take the first bytes where the line before them had no LF when it was read.

        Up to their first LF they are more of that line: its end, if they are blank.
        """
        lines = self._lines
        self._more_of = number = lines.number - 1
        lines.block = lines.block._replace(number=number)
        lines.push(chunk)

    def finish(self) -> None:
        """Take what is held back as the last line."""
        self._lines.finish()

    def push_line(self, line: bytes, length: int = 0) -> None:
        """Take one whole line without its end instead of chunks.

        It is rejected as too long where `length` says how many bytes it has, of which `line` is the
        beginning.
        """
        lines = self._lines
        if len(line) > self._reading.max_line_bytes:
            length = max(length, len(line))
        unkept = max(0, length - len(line))
        lines.block = lines.block._replace(lines=[line], unkept=unkept, length=length)

    def push_document(self, document: Document, done: int = 0) -> None:
        """Take a whole document instead of lines; its first `done` records were read before.

        Each record is a line. The bytes are counted with the first.
        """
        lines, size = self._lines, len(document.text)
        block = Block(1, document.items, lead=size, measured=False)
        index, spans = min(done, len(document.items)), document.spans()
        if not document.items:
            self._reading.account.add_bytes(size)
        self.document, self._spans, lines.block, lines.index = document, spans, block, index

    def place(self, back: int = 0) -> Place:
        """Return where the next line begins, or the one that is `back` records before it.

        `back` is at most the length of the last run.
        """
        self._catch_up()
        lines = self._lines
        index = lines.index - back
        if self.document is None:
            return Place(lines.block.number + index, lines.offset - lines.size(back))
        if self.document.items:
            return Place(item=index)
        # No record tells whether its bytes were counted: it is behind us like lines.
        text = self.document.text
        return Place(1 + text.count(b"\n"), len(text))

    def counts(self, back: int = 0) -> Counts:
        """Return the decoder's counts, less those of the last `back` records."""
        self._catch_up()
        return self._reading.account.counts(back, self._lines.size(back))

    def next_run(self, records: list[T], *, through: bool = False) -> bool:
        """Add the records of the next run to `records`; return whether there was a line to read.

        With `through`, more runs are added as long as nobody is to hear of the lines between them.

        Should anything but a bad line stop this (an interrupt, no memory, a callback's error), what
        was read is in `records`, and the next run begins at the line that is next.

        Raises:
            DecodeError: with `on_error="raise"`, for the bad line after the run before.

        """
        self._end_run()  # in case it was interrupted
        if self._bad is not None:
            self._settle(self._bad)
        if self._refused:
            self._pass_refused()
        lines, reading = self._lines, self._reading
        if reading.plan is not None and self.document is None and lines.has_text():
            self._read_text(records, through=through)
            return True
        if not lines.has_line():
            return False
        if lines.block.length:
            self._bad = _too_long(lines.block.length, reading.max_line_bytes)
        else:
            self._read_block(records)
        return True

    def _read_block(self, records: list[T]) -> None:
        """Add the records of the lines of the block, up to a bad one."""
        reading, block = self._reading, self._lines.block
        reading.account.fill(records)
        append, structure, kind = records.append, reading.structure, reading.type
        loads = orjson.loads if self.document is None else _parsed
        lines, document = block.lines, self.document
        texts = lines if document is None else document.texts
        self._run = records, len(records), None
        try:
            if reading.plan is not None and texts:
                for index in range(self._lines.index, len(lines)):
                    append(reading.record(texts[index]))
            else:
                for index in range(self._lines.index, len(lines)):
                    append(structure(loads(lines[index]), kind))
        except Exception as error:
            memory = lack_of_memory(error)
            if memory is not None:
                raise memory
            self._bad = error
        finally:
            self._end_run()

    def _read_text(self, records: list[T], *, through: bool) -> None:
        """Add the records of the lines that are not cut, up to a bad one, which is cut."""
        reading, lines = self._reading, self._lines
        reading.account.fill(records)
        append, structure, kind = records.append, reading.structure, reading.type
        loads, read, limit = orjson.loads, reading.plan.decode_lines, reading.max_line_bytes
        text, stop = lines.text, lines.stop
        is_quiet = not reading.account.hears
        passes = through and is_quiet
        place = progress_from(lines.start)
        self._run = records, len(records), place
        bad = None
        try:
            while place[0] < stop:
                before = len(records) + place[2]
                read(text, place, stop, limit, MOST_AT_ONCE, passes, records)
                if len(records) + place[2] - before == MOST_AT_ONCE or place[0] == stop:
                    continue
                if place[1] and is_quiet:
                    self._refused = True
                    return
                end = text.index(b"\n", place[0])
                line = text[place[0] : end]
                if len(line) > limit or line.startswith(BOM):
                    break
                record = structure(loads(line), kind)
                place[0] = end + 1
                append(record)
        except Exception as error:
            memory = lack_of_memory(error)
            if memory is not None:
                raise memory
            bad = error
        finally:
            reading.plan.track()
            self._end_run()
        if lines.start < stop:
            lines.cut_line()
            self._bad = bad

    def _pass_refused(self) -> None:
        """Account for the line that is next, which is not cut, gives no record and is not told."""
        lines = self._lines
        end = lines.text.index(b"\n", lines.start) + 1
        size, block = end - lines.start, Block(lines.number + 1, [])
        self._reading.account.add_rejected(size, None)
        lines.block, lines.index, lines.start = block, 0, end
        lines.offset += size
        self._refused = False

    def _end_run(self) -> None:
        """Account for the run, and leave its records to others."""
        if self._run is not None:
            self._reading.account.forget_leniencies()
            self._catch_up()
            self._run = None

    def _catch_up(self) -> None:
        """Account for the run, as far as it has come."""
        if self._run is None:
            return
        records, before, place = self._run
        after = len(records)
        passed = 0 if place is None else place[2]
        if after == before and not passed:
            return
        lines, count = self._lines, after - before
        if place is None:
            index, block = lines.index + count, lines.block
            start = lines.start
            size = block.size(lines.index, index)
        else:
            index, block = 0, Block(lines.number + count + passed, [])
            start = place[0]
            size = start - lines.start
        self._reading.account.add_records(count, size, passed)
        lines.block, lines.index, lines.start = block, index, start
        lines.offset += size
        self._run = records, after, place
        if place is not None:
            place[2] = 0

    def _at_blank(self) -> bool:
        """Return whether the line that is next is blank."""
        lines = self._lines
        is_line = self.document is None and not lines.block.length
        return is_line and not lines.block.lines[lines.index].strip(_BLANK)

    def _settle(self, error: Exception) -> None:
        """Account for the line that is next, which gave no record, and go on to the one after.

        Raises:
            DecodeError: with `on_error="raise"`; and whatever a callback raises.

        """
        lines, account = self._lines, self._reading.account
        size = lines.block.size(lines.index, lines.index + 1)
        if self._at_blank():
            if lines.block.number + lines.index == self._more_of:
                account.add_bytes(size)
            else:
                account.add_blank(size)
            lines.index += 1
            lines.offset += size
            self._bad = None
            return
        explained = self._reading.explained(error)
        rejection = account.rejection(explained, self._described())
        on_error = account.on_error
        is_function = callable(on_error)
        # From here on without a call up to the function's, so that a line is passed over once and
        # told once, or neither.
        account.add_rejected(size, rejection)
        lines.index += 1
        lines.offset += size
        self._bad = None
        if is_function:
            on_error(rejection)  # type: ignore[operator, arg-type]
        elif on_error == "raise":
            explained.rejection = rejection
            raise explained from explained.__cause__

    def _described(self) -> dict[str, Any]:
        """Return where the line that is next stands, and what it says."""
        block, index = self._lines.block, self._lines.index
        if self.document is not None:
            return self._element(self.document, index)
        data = block.lines[index]
        if not block.length:
            data = data.removesuffix(b"\r")
        return {
            "line": block.number + index,
            "offset": self._lines.offset + (0 if index else block.lead),
            "length": block.length or len(data),
            "raw": data[: self._reading.max_raw_bytes],
            "file": self._name,
        }

    def _element(self, document: Document, index: int) -> dict[str, Any]:
        """Return where record `index` of the document stands in its text."""
        last = self._spanned
        if last.index != index:
            # Records are asked for in order, so that the text is looked through once.
            try:
                [(start, end)] = islice(self._spans, index - last.index - 1, index - last.index)
                line = last.line + document.text.count(b"\n", last.start, start)
                self._spanned = last = _Element(index, line, start, end)
            except BaseException:
                self._spans, self._spanned = document.spans(), _Element()
                raise
        return {
            "line": last.line,
            "offset": last.start,
            "length": last.end - last.start,
            "raw": document.text[last.start : last.end][: self._reading.max_raw_bytes],
            "file": self._name,
        }


@attrs.frozen
class _Element:
    """A record of a document whose place in the text is known."""

    index: int = -1
    line: int = 1
    start: int = 0
    end: int = 0


def progress_from(start: int) -> memoryview[int]:
    """Return three int64 in which C keeps how far it has read.

    They are where the next line begins, whether that line surely gives no record, and how many such
    lines were passed over. C writes them without an allocation, so they always match the records.
    """
    progress = memoryview(bytearray(24)).cast("q")
    progress[0] = start
    return progress


def _too_long(length: int, limit: int) -> DecodeError:
    if length <= limit:  # it was longer than another limit
        return DecodeError(
            "line_too_long", f"only the beginning is left of a line of {length} bytes"
        )
    return DecodeError("line_too_long", f"the line has {length} bytes; the limit is {limit}")


def _parsed(value: Any) -> Any:
    """Return what orjson made of a document, or raise what it said instead."""
    if isinstance(value, orjson.JSONDecodeError):
        raise value
    return value
