"""From events to records: the part of reading that opens nothing.

`Pipeline` takes the events of a source and gives runs of records. It knows the place of each record
and makes checkpoints. `reader` and `aio.reader` fetch the events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from operator import length_hint
from typing import Final, Generic

import attrs

from usagewire.codec.context import Place, T
from usagewire.codec.counts import Counts
from usagewire.codec.decoder import Decoder
from usagewire.codec.documents import Document, DocumentDecoder, DocumentSniffer
from usagewire.codec.line_decoder import LineDecoder
from usagewire.errors import CheckpointError, FileError, Rejection
from usagewire.streaming.checkpoint import START_OVER, WINDOW, Checkpoint, PrefixFingerprint, mark
from usagewire.streaming.events import Event, SourceStarted

_AT_ONCE: Final = 2**20
"""Bytes that are cut into lines at once, whatever the size of the chunks: it bounds the memory."""

_BATCH: Final = 1000
"""From how many records on a batch is given out."""

_NAME: Final = 200
"""How many characters of a name a checkpoint keeps, from its end."""


@attrs.frozen(kw_only=True)
class Position:
    """A place between two records of a source."""

    file: str
    """Name of the source."""
    line: int
    """Number of the line that comes next, from 1."""
    offset: int
    """Bytes before that line, in the decompressed text."""
    item: int | None = None
    """In a JSON document, which begins at `line` and `offset`: how many of its records are read."""


class SourceText(Generic[T]):
    """The text of one source on its way to a decoder.

    The first bytes decide whether it is lines or one JSON document. Text before the place of a
    checkpoint is passed over and compared with the checkpoint.
    """

    def __init__(self, decoder: Decoder[T], limit: int, started: SourceStarted) -> None:
        resume = started.resume
        # A checkpoint at the very beginning says nothing about the file.
        ahead = resume if resume and resume.covered and not started.fingerprint else None
        place = resume.place if resume and started.fingerprint else Place()
        # A source that was lines at the checkpoint is lines.
        is_lines = started.lines or place.offset or (ahead is not None and ahead.item is None)
        self.started = started
        self._decoder = decoder
        self._lines = decoder.begin(started.name, place)
        self.records: LineDecoder[T] | DocumentDecoder[T] = self._lines
        """The decoder of the lines or, once the text has ended, of the document."""
        self._limit = limit
        self._fingerprint = started.fingerprint or PrefixFingerprint()
        # The place to come to, until reading is there.
        self._resume = ahead
        # The place that reading began at, if the line before it had no LF then.
        self._open_end = _open_end(self._fingerprint, place)
        self._sniffer = DocumentSniffer(limit) if decoder.reads_objects and not is_lines else None

    def place(self, back: int) -> Place:
        """Return the place before the last `back` records."""
        if self._resume is not None:
            return self._resume.place
        place = self.records.place(back)
        open_end = self._open_end
        return open_end if open_end and open_end.offset == place.offset else place

    def checkpoint(self, back: int) -> str:
        """Return the checkpoint of the place before the last `back` records."""
        if self._resume is not None:  # that place has not been come to
            return self._resume.dumps()
        place, started = self.place(back), self.started
        if isinstance(self.records, DocumentDecoder):
            text = self.records.text
            covered, found = len(text), mark(text[:WINDOW], text[-WINDOW:])
        else:
            covered, found = place.offset, mark(*self._fingerprint.seen(place.offset))
        return Checkpoint(
            source=started.source,
            before=started.before,
            file=started.name[-_NAME:],
            inode=started.inode,
            since=started.since,
            covered=covered,
            mark=found,
            **place._asdict(),
        ).dumps()

    def push(self, text: bytes) -> None:
        """Take the next text. All records before it must have been read.

        Raises:
            FileError: where this is a document of more than can be held, or not what was read
                before the checkpoint.

        """
        if self._sniffer is not None:
            try:
                lines = self._sniffer.feed(text)
            except OverflowError:
                self._sniffer = None
                raise FileError(
                    f"{self.started.name}: seems to be one JSON document, of more than"
                    f" {self._limit} bytes; to hold it in memory, raise max_line_bytes"
                ) from None
            if lines is not None:
                self._sniffer = None
                self._check_document(None)
                self._push_lines(lines)
        elif self._resume is not None:
            self._pass_over(text, self._resume)
        else:
            self._push_lines(text)

    def finish(self) -> None:
        """Take the end of the text.

        Raises:
            CheckpointError: where it comes before the place of the checkpoint.

        """
        if self._sniffer is not None:
            text, document = self._sniffer.close()
            self._sniffer = None
            done = self._check_document(document)
            if document is not None:
                records = self._decoder.begin_document(self.started.name, document, done)
                self.records, self._resume = records, None
                return
            self._push_lines(text)
        elif self._resume is not None:
            self._resume.fingerprint(self.started.name, b"", b"")  # it ends too soon
        self._lines.finish()

    def abort(self) -> None:
        """Take the news that the text cannot be read on: lines that were held back are read."""
        if self._sniffer is not None and self._resume is None:
            self._push_lines(self._sniffer.abort())
        self._sniffer = None

    def _push_lines(self, text: bytes) -> None:
        if not text:
            return
        open_end, end = self._open_end, self._fingerprint.end
        self._fingerprint.add(text, self._lines.place().offset)
        first = memoryview(text)[:_AT_ONCE] if len(text) > _AT_ONCE else text
        if open_end is not None and end == open_end.offset:
            self._lines.push_after_open_end(first)
        else:
            self._lines.push(first)
        for start in range(_AT_ONCE, len(text), _AT_ONCE):
            self._lines.push(memoryview(text)[start : start + _AT_ONCE])

    def _pass_over(self, text: bytes, resume: Checkpoint) -> None:
        """Pass over the text before the checkpoint."""
        part = text[: resume.offset - self._fingerprint.end]
        self._fingerprint.add(part, self._fingerprint.end)
        if self._fingerprint.end == resume.offset:
            resume.fingerprint(self.started.name, *self._fingerprint.seen(resume.offset))
            lines = self._decoder.begin(self.started.name, resume.place)
            self.records, self._lines, self._resume = lines, lines, None
            self._open_end = _open_end(self._fingerprint, resume.place)
            self._push_lines(text[len(part) :])

    def _check_document(self, document: Document | None) -> int:
        """Return how many records of a document were read before; None means that it is lines."""
        resume = self._resume
        if resume is None or resume.item is None:
            return 0
        text = b"" if document is None else document.text
        if len(text) != resume.covered:
            raise CheckpointError(
                f"{self.started.name}: is not the JSON document of {resume.covered} bytes that it"
                f" was at the checkpoint: the file was replaced; {START_OVER}"
            )
        resume.fingerprint(self.started.name, text[:WINDOW], text[-WINDOW:])
        return resume.item


class Pipeline(Generic[T]):
    """The records of one or more sources, as far as they were read.

    Args:
        decoder: makes the records and counts the lines.
        limit: bytes of the largest JSON document that is held in memory.
        start: the first event, as far as it is known.
        resume: the checkpoint to go on at.

    """

    def __init__(
        self, decoder: Decoder[T], limit: int, start: SourceStarted, resume: Checkpoint | None
    ) -> None:
        self.buffer: Iterator[T] = iter(())
        """The records of the last run that have not come out."""
        self.is_ended = False
        """Whether no more events are to be fetched."""
        self.skips_source = False
        """Whether no more of this source is wanted."""
        self.interrupted = False
        """Whether something is only half done. If it stays so, an interrupt came."""
        self._decoder = decoder
        self._limit = limit
        self._text = SourceText(decoder, limit, start)
        self._resume = resume
        # Whether the text takes nothing more: there is none yet, or it cannot be read on.
        self._source_done = True
        # What comes once all text before it is read: the start of the next source, or an error.
        self._next: SourceStarted | FileError | None = None
        self._is_closed = False
        self._deferred_error: BaseException | None = None
        self._dropped = 0

    @property
    def counts(self) -> Counts:
        """The counts up to the last record that came out: they add up at every moment."""
        return self._text.records.counts(self._back)

    @property
    def rejections(self) -> list[Rejection]:
        """The first rejections, oldest first; empty with `on_error="skip"`."""
        return self._decoder.rejections

    @property
    def name(self) -> str:
        """Name of the file that is being read, as rejections give it."""
        return self._text.started.name

    @property
    def position(self) -> Position:
        """The place after the last record that came out."""
        place = self._resume.place if self._resume else self._text.place(self._back)
        return Position(file=self.name, **place._asdict())

    def checkpoint(self) -> str:
        """Return the place after the last record that came out, as one line of ASCII text."""
        return self._resume.dumps() if self._resume else self._text.checkpoint(self._back)

    @property
    def _back(self) -> int:
        """How many records were read and did not come out."""
        return length_hint(self.buffer) + self._dropped

    def advance(self) -> bool:
        """Read the next run of records into `buffer`; return whether input is needed for that.

        Raises whatever was put off until the records before it had come out.
        """
        while not self.step():
            if length_hint(self.buffer):
                return False
        return True

    def step(self, run: list[T] | None = None) -> bool:
        """Do the least that `advance` does: read a run, or a line that gives no record.

        Return whether input is needed. `run` is an empty list; the records are in it, too.
        """
        if self._deferred_error is not None:
            error, self._deferred_error = self._deferred_error, None
            raise error
        if self._is_closed:
            return True
        run = [] if run is None else run
        self.buffer = iter(run)  # at once: what is read comes out, whatever stops the reading
        try:
            return not self._text.records.next_run(run) and not self._begin_next()
        finally:
            if self._is_closed:  # by an `on_error` function
                self._dropped += len(run)
                run.clear()

    def batch(self, enough: Callable[[], bool] = bool) -> tuple[list[T], bool]:
        """Return a batch of records, and whether input is needed for more.

        It may be small, or empty, where `enough` says so after a step. It ends before a line
        whose error is to be raised, so that the place is before that line. What else stops the
        reading is put off where there are records before it.
        """
        batch: list[T] = []
        try:
            batch += self.buffer
            while len(batch) < _BATCH:
                if batch and self._text.records.raises_next:
                    break
                run: list[T] = []
                dry, none = self.step(run), iter(run[:0])
                if batch:
                    batch += self.buffer
                else:  # without a copy, and both at once
                    batch, self.buffer = run, none
                if dry:
                    return batch, True
                if enough():
                    break
        except BaseException as error:
            batch += self.buffer
            if not batch:
                raise
            self._deferred_error = error
        return batch, False

    def close(self) -> None:
        """Give no more records. The counts and the place stay those of the last one given."""
        self._dropped = self._back
        buffer, self.buffer = self.buffer, iter(())
        deque(buffer, maxlen=0)  # whoever holds it has nothing left either
        self._next = self._deferred_error = None
        self._is_closed = self.is_ended = True

    def receive(self, event: Event | FileError | None, *, goes_on: bool = False) -> None:
        """Take what the source gave: an event, the news that a file cannot be read on, or the end.

        Everything that came before must have been read. With `goes_on`, neither an error nor the
        end is the end of the text: a log is followed, or reading was stopped.

        Raises:
            FileError: where this is more than can be held, or not what was read before the
                checkpoint; and the news itself with `goes_on`.

        """
        if goes_on and (event is None or type(event) is FileError):
            self.interrupted = False
            self.is_ended = event is None
            if event is not None:
                raise event
            return
        self.skips_source = False
        self.interrupted = True
        try:
            if isinstance(event, FileError):
                self.is_ended = isinstance(event, CheckpointError)
                self._abort(event)
            elif event is None:
                self.is_ended = True
                self._finish()
            elif isinstance(event, SourceStarted):
                self._finish()
                self._next = event
            elif not self._source_done:
                self._text.push(event)
        except CheckpointError:
            self.interrupted = False
            self.close()
            raise
        except FileError:
            self.interrupted = False
            self._source_done = self.skips_source = True
            raise
        self.interrupted = False

    def _finish(self) -> None:
        """Take the end of the text, unless it cannot be read to its end."""
        if not self._source_done:
            self._text.finish()

    def _abort(self, error: FileError) -> None:
        """Take the news that the text cannot be read on. What was read comes out first."""
        self._source_done = True
        self._text.abort()
        self._next = error

    def _begin_next(self) -> bool:
        """Begin the next source, or raise the error that ends this one; return whether it began."""
        if self.interrupted:
            self.close()  # reported once: who goes on after an error comes to the end
            raise FileError(f"{self.name}: reading was interrupted; open it again")
        if self._next is None:
            return False
        if isinstance(self._next, FileError):
            error, self._next = self._next, None
            raise error
        text = SourceText(self._decoder, self._limit, self._next)
        # All at once, so that a checkpoint after an interrupt is of the one file or of the other.
        self._text, self._resume, self._source_done, self._next = text, None, False, None
        return True


def _open_end(fingerprint: PrefixFingerprint, place: Place) -> Place | None:
    """Return `place` if the line before it was the last when it was read, and had no LF."""
    _, tail = fingerprint.seen(place.offset)
    return place if tail and not tail.endswith(b"\n") else None
