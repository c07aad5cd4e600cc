"""From events to records: the part of reading that opens nothing.

`Pipeline` takes the events of a source and gives runs of records, with the place of each record.
`reader` and `aio.reader` fetch the events.
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
"""A batch ends once it has at least this many records."""


@attrs.frozen(kw_only=True)
class Position:
    r"""A place between two records of a source.

    >>> from usagewire import UsageVectorStoresResult, read
    >>> chunks = [b'{"usage_bytes":5}\n{"usage_bytes":6}\n']
    >>> with read(chunks, UsageVectorStoresResult, name="a.ndjson") as records:
    ...     next(records).usage_bytes, records.position
    (5, Position(file='a.ndjson', line=2, offset=18, item=None))
    """

    file: str
    """Name of the source."""
    line: int
    """Number of the next line, from 1."""
    offset: int
    """Bytes before that line, in the decompressed text."""
    item: int | None = None
    """For a JSON document, which begins at `line` and `offset`: how many of its records were read.
    None for lines."""


class ReadOptions(DecoderOptions, total=False):
    """The options of `read` and `aread`. `read` explains them."""

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
        """Whether to fetch no more events."""
        self.skips_source = False
        """Whether no more of this source is wanted."""
        self.interrupted = False
        """Whether a step is only half done. If this stays true, an interrupt came."""
        self.decoder = decoder
        self.resume = resume
        """The place to resume at, until the first source has begun."""
        self.text = SourceText(decoder, start)
        # Whether the text takes no more: no source has begun, or it cannot be read further.
        self._source_done = True
        # The start of the next source, or an error: it comes when all text before it is read.
        self._next: SourceStarted | FileError | None = None
        self._is_closed = False
        self._deferred_error: BaseException | None = None
        self._dropped = 0

    @property
    def name(self) -> str:
        """Name of the file that is being read, as in rejections."""
        return self.text.started.name

    @property
    def back(self) -> int:
        """The number of records that were read and did not come out."""
        return length_hint(self.buffer) + self._dropped

    def step(self) -> bool:
        """Read the next run of records into `buffer`, and return whether that needs input.

        The run is empty if a line gives no record. A deferred error is raised.
        """
        if self._deferred_error is not None:
            error, self._deferred_error = self._deferred_error, None
            raise error
        if self._is_closed:
            return True
        run: list[T] = []
        self.buffer = iter(run)  # at once: all that is read comes out, even if reading is stopped
        try:
            return not self.text.records.next_run(run) and not self._begin_next()
        finally:
            if self._is_closed:  # by an `on_error` function
                self._dropped += len(run)
                run.clear()

    def batch(self, enough: Callable[[], bool] = bool) -> tuple[list[T], bool]:
        """Return a batch of records, and whether more records need input.

        The batch may be small or empty if `enough` returns true after a step. It ends before a
        line whose error will be raised, so that the place is before that line. Any other exception
        is deferred if there are records before it.
        """
        batch: list[T] = []
        try:
            batch += self.buffer
            while len(batch) < _BATCH:
                if batch and self.text.records.raises_next:
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
        """Give no more records. The counts and the place stay at the last record given."""
        self._dropped = self.back
        buffer, self.buffer = self.buffer, iter(())
        deque(buffer, maxlen=0)  # a loop that still holds it gets nothing more
        self._next = self._deferred_error = None
        self._is_closed = self.is_ended = True
        self.text.release(self._dropped)

    def receive(self, event: Event | FileError | None, *, goes_on: bool = False) -> None:
        """Take an event, a `FileError` if a file cannot be read further, or None at the end.

        All text before it must have been read. With `goes_on`, an error or the end does not end the
        text, because a log is followed or reading was stopped. The error is then raised. This also
        raises `FileError` as `SourceText.push` does.
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
                self.text.abort()
                self._next = event
            elif event is None or isinstance(event, SourceStarted):
                self.is_ended |= event is None
                if not self._source_done:
                    self.text.finish()
                self._next = event
            elif not self._source_done:
                self.text.push(event)
        except CheckpointError:
            self.interrupted = False
            self.close()
            raise
        except FileError:
            # No call between the two, so that an interrupt cannot come between them.
            self.interrupted = False
            self._source_done = self.skips_source = True
            raise
        self.interrupted = False

    def _begin_next(self) -> bool:
        """Begin the next source, or raise the error that ends this one; return whether it began."""
        if self.interrupted:
            self.close()  # reported once: the next call comes to the end
            raise FileError(f"{self.name}: reading was interrupted; open it again")
        if self._next is None:
            return False
        if isinstance(self._next, FileError):
            error, self._next = self._next, None
            raise error
        text = SourceText(self.decoder, self._next)
        # One statement, so that a checkpoint after an interrupt is of one file or of the other.
        self.text, self.resume, self._source_done, self._next = text, None, False, None
        return True


class ReaderState(Generic[T]):
    """The part that `Reader` and `AsyncReader` share: facts about the records that came out."""

    _pipeline: Pipeline[T]

    @property
    def counts(self) -> Counts:
        """`Counts` up to the last record that came out.

        `lines == records + rejected + blank` is true at every moment.
        """
        return self._pipeline.text.records.counts(self._pipeline.back)

    @property
    def rejections(self) -> list[Rejection]:
        """The first `max_rejections` rejections, oldest first. Empty with `on_error="skip"`."""
        return self._pipeline.decoder.rejections

    @property
    def name(self) -> str:
        """Name of the source that is being read, as in rejections."""
        return self._pipeline.name

    @property
    def position(self) -> Position:
        """The `Position` after the last record that came out."""
        pipeline = self._pipeline
        resume = pipeline.resume
        place = resume.place if resume else pipeline.text.place(pipeline.back)
        return Position(file=pipeline.name, **place._asdict())

    def checkpoint(self) -> str:
        """Return the place after the last record that came out, for `read(..., resume=...)`.

        It is one line of ASCII text: usually a few hundred bytes, always less than 1,600.
        """
        pipeline = self._pipeline
        resume = pipeline.resume
        return resume.dumps() if resume else pipeline.text.checkpoint(pipeline.back)
