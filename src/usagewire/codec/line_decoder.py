"""The decoder of lines, which reads them run by run.

A rejected or blank line is counted only when the caller asks for the run after it. So between any
two records, the place and the counts are those of the records that the caller took and of the lines
before them. This module must not know rules about values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from usagewire.codec.context import (
    START,
    DecodeContext,
    Place,
    RunDecoder,
    T,
    bad_value,
    counted,
)
from usagewire.codec.counts import Counts
from usagewire.codec.line_buffer import BOM, Block, LineBuffer
from usagewire.converters.row_rules import UNKNOWN_ROWS
from usagewire.errors import DecodeError
from usagewire.wire.exact_json import parse, parser_of

_BLANK: Final = b" \t\r"

MOST_AT_ONCE: Final = 4096
"""How many lines C reads before Python looks for signals and other threads."""

NEXT, MALFORMED, IGNORED, BLANK = range(4)
"""The indices of the numbers that C reports: where the next line begins, whether that line cannot
give a record, how many such lines C ignored, and how many blank lines it skipped."""

SKIP_MALFORMED, SKIP_LEADING_BLANK, SKIP_BLANK = 1, 2, 4
"""The lines that C skips: those that cannot give a record, and blank lines before and after the
first record."""


class LineDecoder(RunDecoder[T]):
    """The records of the lines of one stream, from a given place."""

    def __init__(
        self, context: DecodeContext[T], name: str | None = None, place: Place = START
    ) -> None:
        super().__init__(context, name)
        self._lines = LineBuffer(
            context.max_line_bytes, context.max_raw_bytes, place.line, place.offset
        )
        self.push = self._lines.push
        self.finish = self._lines.finish
        self.release = self._lines.release
        # A block, and the function that parses its lines.
        self._parser: tuple[Block | None, Callable[[bytes], Any]] = None, parse
        # The number of a line that was read without its end.
        self._unended = 0
        # Whether the next line cannot give a record, and its rejection is not wanted.
        self._ignores_next = False

    def push_after_open_end(self, chunk: bytes | memoryview) -> None:
        """Add the first bytes after a line that had no LF when it was read.

        The bytes up to their first LF belong to that line. If they are blank, they are its end.
        """
        lines = self._lines
        self._unended = number = lines.number - 1
        lines.block = lines.block._replace(number=number)
        lines.push(chunk)

    def push_line(self, line: bytes, length: int = 0) -> None:
        """Add one line without its end. If `length` is given, `line` is only its beginning."""
        lines = self._lines
        if len(line) > self._context.max_line_bytes:
            length = max(length, len(line))
        unkept = max(0, length - len(line))
        lines.block = lines.block._replace(lines=[line], unkept=unkept, length=length)

    @property
    def has_more(self) -> bool:
        """Whether there are lines that no run has accounted for."""
        return self._lines.has_text() or self._lines.has_line()

    def place(self, back: int = 0) -> Place:
        """Return the place of the next line, or of the record `back` lines before it."""
        self._account()
        lines = self._lines
        size, blank = lines.before(back)
        return Place(lines.block.number + lines.index - back - blank, lines.offset - size)

    def counts(self, back: int = 0) -> Counts:
        """Return the decoder's counts without the last `back` records."""
        self._account()
        return self._context.stats.counts(back, *self._lines.before(back))

    def next_run(self, records: list[T], *, through: bool = False) -> bool:
        """Append the records of the next run to `records`; return whether a line was left to read.

        With `through`, it goes on with more runs if the rejections between them are not wanted.

        An interrupt, a lack of memory or an error of a callback stops it. Then `records` holds the
        records that were read, and the next run begins at the next line. With `on_error="raise"`,
        it raises `DecodeError` for the bad line after the previous run.
        """
        self._end_run()  # in case it was interrupted
        if self._error is not None:
            self._reject_line(self._error)
        if self._ignores_next:
            self._ignore_line()
        lines, context = self._lines, self._context
        if context.plan is not None and lines.has_text():
            self._read_text(records, through=through)
            return True
        if not lines.has_line():
            return False
        if lines.block.length:
            self._error = _too_long(lines.block.length, context.max_line_bytes)
        else:
            if context.plan is not None:
                self._read_run(records, lines.block.lines, lines.index, self._record_of)
                return True
            if self._parser[0] is not lines.block:
                # One look at a block takes a fifth of the time of a look at each line.
                self._parser = lines.block, parser_of(b"\n".join(lines.block.lines))
            self._read_run(records, lines.block.lines, lines.index, None, self._parser[1])
        return True

    def _read_text(self, records: list[T], *, through: bool) -> None:
        """Append the records of the lines that are not split yet, and split off a bad one."""
        context, lines = self._context, self._lines
        context.stats.start_batch(records)
        read, limit = context.plan.decode_lines, context.max_line_bytes
        text, stop = lines.text, lines.stop
        is_quiet = not context.stats.wants_rejection
        progress = progress_from(lines.start)
        lines.run_start = lines.start
        self._run = records, len(records), progress
        bad, line = None, b""
        note, before_run = context.stats.count_unknown, UNKNOWN_ROWS.note
        found: list[int] = []  # C forgets what hooks note of a line that it hands back
        try:
            UNKNOWN_ROWS.note = found.append
            while progress[NEXT] < stop:
                before = len(records) + progress[IGNORED] + progress[BLANK]
                leading = through or len(records) == self._run[1]
                skips = self._skips(leading=leading, malformed=through and is_quiet)
                read(text, progress, stop, limit, MOST_AT_ONCE, skips, records, note, found)
                done = len(records) + progress[IGNORED] + progress[BLANK] - before
                if done == MOST_AT_ONCE or progress[NEXT] == stop:
                    continue
                if progress[MALFORMED] and is_quiet:
                    self._ignores_next = True
                    return
                end = text.index(b"\n", progress[NEXT])
                line = text[progress[NEXT] : end]
                if len(line) > limit or line.startswith(BOM):
                    break
                record = counted(note, context.structure, parse(line), context.type)
                progress[NEXT] = end + 1
                records.append(record)
        except Exception as error:
            bad = bad_value(error, line)
        finally:
            UNKNOWN_ROWS.note = before_run
            context.plan.track()
            self._end_run()
        if lines.start < stop:
            lines.cut_line()
            self._error = bad

    def _skips(self, *, leading: bool, malformed: bool) -> int:
        """Return which lines C skips."""
        if self._lines.number == self._unended:
            return 0
        blank = SKIP_BLANK | (SKIP_LEADING_BLANK if leading else 0)
        return blank | (SKIP_MALFORMED if malformed else 0)

    def _ignore_line(self) -> None:
        """Count the next line, which is not split yet, as rejected, without a rejection."""
        lines = self._lines
        end = lines.text.index(b"\n", lines.start) + 1
        size, block = end - lines.start, Block(lines.number + 1, [])
        self._context.stats.add_rejected(size, None)
        lines.block, lines.index, lines.start = block, 0, end
        lines.offset += size
        self._ignores_next = False

    def _account(self) -> None:
        if self._run is None:
            return
        records, before, progress = self._run
        after = len(records)
        ignored, blank = (0, 0) if progress is None else (progress[IGNORED], progress[BLANK])
        if after == before and not ignored and not blank:
            return
        lines, count = self._lines, after - before
        if progress is None:
            index, block = lines.index + count, lines.block
            start = lines.start
            size = block.size(lines.index, index)
        else:
            index, block = 0, Block(lines.number + count + ignored + blank, [])
            start = progress[NEXT]
            size = start - lines.start
        self._context.stats.add(size, records=count, rejected=ignored, blank=blank)
        lines.block, lines.index, lines.start = block, index, start
        lines.offset += size
        self._run = records, after, progress
        if progress is not None:
            progress[IGNORED] = progress[BLANK] = 0

    def _at_blank(self) -> bool:
        lines = self._lines
        return not lines.block.length and not lines.block.lines[lines.index].strip(_BLANK)

    def _reject_line(self, error: Exception) -> None:
        """Count the next line as blank or rejected, and go on to the line after it."""
        lines, stats = self._lines, self._context.stats
        size = lines.block.size(lines.index, lines.index + 1)
        if not self._at_blank():
            self._reject(error, self._next_line(), size, lines)
            return
        # The end of a line that was counted before is not a line.
        stats.add(size, blank=lines.block.number + lines.index != self._unended)
        lines.index += 1
        lines.offset += size
        self._error = None

    def _next_line(self) -> dict[str, Any]:
        block, index = self._lines.block, self._lines.index
        data = block.lines[index]
        if not block.length:
            data = data.removesuffix(b"\r")
        return {
            "line": block.number + index,
            "offset": self._lines.offset + (0 if index else block.lead),
            "length": block.length or len(data),
            "raw": data[: self._context.max_raw_bytes],
            "file": self._name,
        }


def progress_from(start: int) -> memoryview[int]:
    """Return the four int64 in which C notes how far it has read, from `start` on.

    C writes them without allocating memory, so they always match the records.
    """
    progress = memoryview(bytearray(32)).cast("q")
    progress[NEXT] = start
    return progress


def _too_long(length: int, limit: int) -> DecodeError:
    if length <= limit:  # it was longer than the limit of an earlier decoder
        message = f"only the beginning of this line of {length} bytes was kept"
    else:
        message = f"the line has {length} bytes; max_line_bytes is {limit}"
    return DecodeError("line_too_long", message)
