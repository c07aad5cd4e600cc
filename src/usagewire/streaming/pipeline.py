"""What comes from sources on its way to records: the part of reading that opens nothing.

A source is a sequence of events: `SourceStarted`, then text in chunks, for each of its files.
`Intake` takes events and gives runs of records, knows the place of each, and makes checkpoints.
`reader` and `aio.reader` fetch the events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from operator import length_hint
from typing import Final, Generic

import attrs

from usagewire.codec.counts import Counts
from usagewire.codec.decoder import Decoder, T
from usagewire.codec.documents import Document, DocumentTeller
from usagewire.codec.line_decoder import Place
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


class Intake(Generic[T]):
    """The records of one or more streams, as far as they were read."""

    def __init__(
        self, decoder: Decoder[T], limit: int, name: str, resume: Checkpoint | None
    ) -> None:
        self._decoder = decoder
        self._limit = limit
        self._begin = SourceStarted(name=name)
        self._stream = decoder.begin()
        # What was taken and not given to the stream: text, its end (None), an error that ends it
        # instead, or the beginning of the next.
        self._steps: deque[bytes | memoryview | SourceStarted | FileError | None] = deque()
        self._teller: DocumentTeller | None = None
        self._fingerprint = PrefixFingerprint()
        # The place to come to, until reading is there.
        self._resume = resume
        # The place that reading began at, if the line before it had no LF then.
        self._open_end: Place | None = None
        # Whether the stream takes nothing more: there is none yet, or it cannot be read on.
        self._cut_off = True
        # Whether something is only half done; should it be so later, an interrupt came.
        self._torn = False
        self._ended = self._unwanted = self._closed = False
        self._stashed: BaseException | None = None
        self._rest: Iterator[T] = iter(())
        self._dropped = 0

    @property
    def counts(self) -> Counts:
        """What was read, up to the last record that came out.

        `lines == records + rejected + blank`, at every moment.
        """
        return self._stream.counts(self._back)

    @property
    def rejections(self) -> list[Rejection]:
        """The first rejections, oldest first; empty with `on_error="skip"`."""
        return self._decoder.rejections

    @property
    def name(self) -> str:
        """Name of the file that is being read, as rejections give it."""
        return self._begin.name

    @property
    def position(self) -> Position:
        """The place after the last record that came out."""
        place = self._resume.place if self._resume else self._place()
        return Position(file=self.name, **place._asdict())

    def checkpoint(self) -> str:
        """Return the place after the last record that came out, for `read(..., resume=...)`.

        It is one line of ASCII text of a few hundred bytes.
        """
        if self._resume is not None:  # that place has not been come to
            return self._resume.dumps()
        place = self._place()
        if self._stream.document is not None:
            text = self._stream.document.text
            covered, found = len(text), mark(text[:WINDOW], text[-WINDOW:])
        else:
            covered, found = place.offset, mark(*self._fingerprint.seen(place.offset))
        begin = self._begin
        return Checkpoint(
            source=begin.source,
            before=begin.before,
            file=begin.name[-_NAME:],
            inode=begin.inode,
            since=begin.since,
            covered=covered,
            mark=found,
            **place._asdict(),
        ).dumps()

    @property
    def _back(self) -> int:
        """How many records were read and did not come out."""
        return length_hint(self._rest) + self._dropped

    def _place(self) -> Place:
        """Return the place in the stream after the last record that came out."""
        place = self._stream.place(self._back)
        open_end = self._open_end
        return open_end if open_end and open_end.offset == place.offset else place

    def _advance(self) -> bool:
        """Read the next run of records into `_rest`; return whether input is needed for that.

        Raises whatever was put off until the records before it had come out.
        """
        while not self._step():
            if length_hint(self._rest):
                return False
        return True

    def _step(self, run: list[T] | None = None) -> bool:
        """Do the least of what `_advance` does: read a run, or a line that gives no record.

        The records are in `run` too, which is empty, if it is given.
        """
        if self._stashed is not None:
            stashed, self._stashed = self._stashed, None
            raise stashed
        if self._closed:
            return True
        run = [] if run is None else run
        self._rest = iter(run)  # at once: what is read comes out, whatever stops the reading
        try:
            return not self._stream.next_run(run) and not self._go_on()
        finally:
            if self._closed:  # by a function that was told of a bad line
                self._dropped += len(run)
                run.clear()

    def _collect(self, enough: Callable[[], bool] = bool) -> tuple[list[T], bool]:
        """Return a batch of records, and whether input is needed for more.

        It may be small, or empty, where `enough` says so after a step. It ends before a line
        whose error is to be raised, so that the place is before that line. What else stops the
        reading is put off where there are records before it.
        """
        batch: list[T] = []
        try:
            batch += self._rest
            while len(batch) < _BATCH:
                if batch and self._stream.raises_next:
                    break
                run: list[T] = []
                dry, none = self._step(run), iter(run[:0])
                if batch:
                    batch += self._rest
                else:  # without a copy, and both at once
                    batch, self._rest = run, none
                if dry:
                    return batch, True
                if enough():
                    break
        except BaseException as error:
            batch += self._rest
            if not batch:
                raise
            self._stashed = error
        return batch, False

    def _shut(self) -> None:
        """Give no more records. The counts and the place stay those of the last one given."""
        self._dropped = self._back
        rest, self._rest = self._rest, iter(())
        deque(rest, maxlen=0)  # whoever holds it has nothing left either
        self._steps.clear()
        self._stashed = None
        self._closed = self._ended = True

    def _go_on(self) -> bool:
        """Give the stream what comes next; return whether there was anything."""
        if self._torn:
            self._shut()  # told once: who goes on after an error comes to the end
            raise FileError(f"{self.name}: reading was interrupted; open it again")
        if not self._steps:
            return False
        self._torn = True
        step = self._steps.popleft()
        if step is None:
            self._stream.finish()
        elif isinstance(step, SourceStarted):
            self._start(step)
        elif isinstance(step, FileError):
            self._torn = False
            raise step
        else:
            text = bytes(step)
            open_end = self._open_end
            is_first = text and open_end is not None and self._fingerprint.end == open_end.offset
            self._fingerprint.add(text, self._stream.place().offset)
            if is_first:
                self._stream.push_after_open_end(text)
            else:
                self._stream.push(text)
        self._torn = False
        return True

    def _start(self, begin: SourceStarted) -> None:
        resume = begin.resume
        # A checkpoint at the very beginning says nothing about the file.
        ahead = resume if resume and resume.covered and not begin.fingerprint else None
        place = resume.place if resume and begin.fingerprint else Place()
        stream = self._decoder.begin(begin.name, place)
        fingerprint = begin.fingerprint or PrefixFingerprint()
        # What was lines at the checkpoint is lines.
        is_lines = begin.lines or place.offset or (ahead is not None and ahead.item is None)
        may_be_document = self._decoder.reads_objects and not is_lines
        teller = DocumentTeller(self._limit) if may_be_document else None
        # All at once, so that a checkpoint after an interrupt is of the one file or of the other.
        self._begin, self._stream, self._fingerprint, self._resume = (
            begin,
            stream,
            fingerprint,
            ahead,
        )
        self._teller, self._cut_off = teller, False
        self._open_end = _open_end(fingerprint, place)

    def _receive(self, event: Event | FileError | None, *, goes_on: bool = False) -> None:
        """Take what the sources gave: an event, the news that a file cannot be read on, or the end.

        Everything that came before must have been read. After this nothing more is to be fetched
        where `_ended` is set, and nothing more of this stream where `_unwanted` is. With `goes_on`,
        neither an error nor the end is the end of the text: a log is followed, or was left.

        Raises:
            FileError: as `_take`; and the news itself with `goes_on`.

        """
        if goes_on and (event is None or type(event) is FileError):
            self._torn = False
            self._ended = event is None
            if event is not None:
                raise event
            return
        self._unwanted = False
        self._torn = True
        try:
            if isinstance(event, FileError):
                self._ended = isinstance(event, CheckpointError)
                self._abort(event)
            elif event is None:
                self._ended = True
                self._finish()
            else:
                self._take(event)
        except CheckpointError:
            self._torn = False
            self._shut()
            raise
        except FileError:
            self._torn = False
            self._unwanted = True
            raise
        self._torn = False

    def _take(self, event: Event) -> None:
        """Take the next event. Everything that came before must have been read.

        Raises:
            FileError: where this is more than can be held, or not what was read before.

        """
        if isinstance(event, SourceStarted):
            self._finish()
            self._steps.append(event)
        elif self._cut_off:
            pass
        elif self._teller is not None:
            try:
                text = self._teller.feed(event)
            except OverflowError:
                self._teller, self._cut_off = None, True
                raise FileError(
                    f"{self.name}: seems to be one JSON document, of more than {self._limit} bytes;"
                    " to hold it in memory, raise max_line_bytes"
                ) from None
            if text is not None:
                self._teller = None
                self._check_document(None)
                self._put(text)
        elif self._resume is not None:
            self._skip(event, self._resume)
        else:
            self._put(event)

    def _finish(self) -> None:
        """Take the end of the stream, unless it cannot be read to its end."""
        if self._cut_off:
            return
        if self._teller is not None:
            text, document = self._teller.close()
            self._teller = None
            done = self._check_document(document)
            if document is not None:
                self._stream.push_document(document, done)
                self._resume = None
            self._put(text)
        elif self._resume is not None:
            self._resume.fingerprint(self.name, b"", b"")  # it ends too soon
        self._steps.append(None)

    def _abort(self, error: FileError) -> None:
        """Take the news that the stream cannot be read on. What was read comes out first."""
        self._cut_off = True
        if self._teller is not None and self._resume is None:
            self._put(self._teller.abort())
        self._teller = None
        self._steps.append(error)

    def _put(self, text: bytes) -> None:
        view = memoryview(text)
        pieces = (view[i : i + _AT_ONCE] for i in range(0, len(view), _AT_ONCE))
        self._steps.extend([text] if 0 < len(text) <= _AT_ONCE else pieces)

    def _skip(self, text: bytes, resume: Checkpoint) -> None:
        """Pass over what was read before the checkpoint."""
        part = text[: resume.offset - self._fingerprint.end]
        rest = text[len(part) :]
        self._fingerprint.add(part, self._fingerprint.end)
        if self._fingerprint.end == resume.offset:
            resume.fingerprint(self.name, *self._fingerprint.seen(resume.offset))
            stream = self._decoder.begin(self.name, resume.place)
            self._stream, self._resume = stream, None
            self._open_end = _open_end(self._fingerprint, resume.place)
            self._put(rest)

    def _check_document(self, document: Document | None) -> int:
        """Return how many records of a document were read before; None is what is no document."""
        resume = self._resume
        if resume is None or resume.item is None:
            return 0
        text = b"" if document is None else document.text
        if len(text) != resume.covered:
            raise CheckpointError(
                f"{self.name}: is not the JSON document of {resume.covered} bytes that it was at"
                f" the checkpoint: the file was replaced; {START_OVER}"
            )
        resume.fingerprint(self.name, text[:WINDOW], text[-WINDOW:])
        return resume.item


def _open_end(fingerprint: PrefixFingerprint, place: Place) -> Place | None:
    """Return `place` if the line before it was the last when it was read, and had no LF."""
    _, tail = fingerprint.seen(place.offset)
    return place if tail and not tail.endswith(b"\n") else None
