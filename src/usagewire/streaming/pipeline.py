"""From events to records: the part of reading that opens nothing.

`Pipeline` takes the events of a source and gives runs of records, with the place of each. `reader`
and `aio.reader` fetch the events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from operator import length_hint
from typing import Final, Generic

import attrs

from usagewire.codec.context import T
from usagewire.codec.counts import Counts
from usagewire.codec.decoder import Decoder, DecoderOptions
from usagewire.errors import CheckpointError, FileError, Rejection
from usagewire.streaming.checkpoint import Checkpoint
from usagewire.streaming.events import Event, SourceStarted
from usagewire.streaming.source_text import SourceText

_BATCH: Final = 1000
"""From how many records on a batch is given out."""


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


class ReadOptions(DecoderOptions, total=False):
    """The options of `read` and `aread`. `read` says what they mean."""

    follow: bool
    interval: float
    resume: str | bytes | None


class Pipeline(Generic[T]):
    """The records of one or more sources, as far as they were read.

    `start` is the first event, as far as it is known.
    """

    def __init__(
        self, decoder: Decoder[T], start: SourceStarted, resume: Checkpoint | None
    ) -> None:
        self.buffer: Iterator[T] = iter(())
        """The records of the last run that have not come out."""
        self.is_ended = False
        """Whether no more events are to be fetched."""
        self.skips_source = False
        """Whether no more of this source is wanted."""
        self.interrupted = False
        """Whether something is only half done. If it stays so, an interrupt came."""
        self.decoder = decoder
        self._text = SourceText(decoder, start)
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
    def name(self) -> str:
        """Name of the file that is being read, as rejections give it."""
        return self._text.started.name

    @property
    def position(self) -> Position:
        """The place after the last record that came out."""
        place = self._resume.place if self._resume else self._text.place(self._back)
        return Position(file=self.name, **place._asdict())

    def checkpoint(self) -> str:
        """Return the place after the last record that came out."""
        return self._resume.dumps() if self._resume else self._text.checkpoint(self._back)

    @property
    def _back(self) -> int:
        """How many records were read and did not come out."""
        return length_hint(self.buffer) + self._dropped

    def step(self) -> bool:
        """Read the next run of records into `buffer`; return whether input is needed for that.

        It is empty for a line that gives no record. Errors that were put off are raised.
        """
        if self._deferred_error is not None:
            error, self._deferred_error = self._deferred_error, None
            raise error
        if self._is_closed:
            return True
        run: list[T] = []
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
                needs_input = self.step()
                batch += self.buffer
                if needs_input:
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
        self._text.release(self._dropped)

    def receive(self, event: Event | FileError | None, *, goes_on: bool = False) -> None:
        """Take what the source gave: an event, the news that a file cannot be read on, or the end.

        Everything that came before must have been read. With `goes_on`, neither an error nor the
        end is the end of the text: a log is followed, or reading was stopped. It raises `FileError`
        as `SourceText.push` does, and the news itself with `goes_on`.
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
                self._source_done = True
                self._text.abort()
                self._next = event
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
        if not self._source_done:
            self._text.finish()

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
        text = SourceText(self.decoder, self._next)
        # All at once, so that a checkpoint after an interrupt is of the one file or of the other.
        self._text, self._resume, self._source_done, self._next = text, None, False, None
        return True


class ReaderState(Generic[T]):
    """What a reader tells of the records that came out of its pipeline."""

    _pipeline: Pipeline[T]

    @property
    def counts(self) -> Counts:
        """The counts up to the last record that came out.

        `lines == records + rejected + blank`, at every moment.
        """
        return self._pipeline.counts

    @property
    def rejections(self) -> list[Rejection]:
        """The first rejections, oldest first; empty with `on_error="skip"`."""
        return self._pipeline.decoder.rejections

    @property
    def name(self) -> str:
        """Name of the source that is being read, as rejections give it."""
        return self._pipeline.name

    @property
    def position(self) -> Position:
        """The place after the last record that came out."""
        return self._pipeline.position

    def checkpoint(self) -> str:
        """Return the place after the last record that came out, for `read(..., resume=...)`.

        It is one line of ASCII text of a few hundred bytes.
        """
        return self._pipeline.checkpoint()
