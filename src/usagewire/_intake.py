"""What comes from sources on its way to records: the part of reading that opens nothing.

A source is a sequence of events: `Begin`, then text in chunks, for each of its files. `Intake`
takes events and gives runs of records, knows the place of each, and makes checkpoints. Whoever
fetches the events, and how, is for `reader` and `async_reader`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from operator import length_hint
from typing import Final, Generic, TypeAlias

import attrs

from usagewire._account import Counts
from usagewire._checkpoint import WINDOW, Checkpoint, Witness, mark
from usagewire._documents import Document, DocumentTeller
from usagewire._stream import Place
from usagewire.decoder import Decoder, T
from usagewire.errors import CheckpointError, FileError, Rejection

_AT_ONCE: Final = 2**20
"""Bytes that are cut into lines at once, whatever the size of the chunks: it bounds the memory."""

_BATCH: Final = 1000
"""From how many records on a batch is given out."""


@attrs.frozen(kw_only=True)
class Begin:
    """A new stream begins."""

    name: str
    """What rejections call it."""
    source: int = 0
    """Which of the sources it is, from 0."""
    before: str = ""
    """`sources_mark` of those before it."""
    inode: tuple[int, int] | None = None
    """Device and number of the file, where it is one."""
    lines: bool = False
    """Whether it is known to be lines, and no JSON document."""
    resume: Checkpoint | None = None
    """Where reading is to begin. The text that follows is from its very start all the same, unless
    there is a `witness`."""
    witness: Witness | None = None
    """Set where the text follows from the place of `resume` on, which was checked then."""


Event: TypeAlias = Begin | bytes
"""A chunk may be empty: nothing new has come."""


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
        self._begin = Begin(name=name)
        self._stream = decoder.begin()
        self._upcoming: Begin | None = None
        self._texts: deque[bytes | memoryview] = deque()
        self._teller: DocumentTeller | None = None
        self._document: Document | None = None
        self._witness = Witness()
        self._resume = resume
        self._skipped = 0
        self._moving = self._finishing = self._cut_off = self._closed = False
        self._error: FileError | None = None
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
        place = self._resume.place if self._resume else self._stream.place(self._back)
        return Position(file=self.name, **place._asdict())

    def checkpoint(self) -> str:
        """Return the place after the last record that came out, for `read(..., resume=...)`.

        It is one line of ASCII text of a few hundred bytes.
        """
        if self._resume is not None:  # that place has not been come to
            return self._resume.dumps()
        place = self._stream.place(self._back)
        if self._document is not None:
            text = self._document.text
            covered, found = len(text), mark(text[:WINDOW], text[-WINDOW:])
        else:
            covered, found = place.offset, mark(*self._witness.seen(place.offset))
        begin = self._begin
        return Checkpoint(
            source=begin.source,
            before=begin.before,
            file=begin.name,
            inode=begin.inode,
            covered=covered,
            mark=found,
            **place._asdict(),
        ).dumps()

    @property
    def _back(self) -> int:
        """How many records were read and did not come out."""
        return length_hint(self._rest) + self._dropped

    def _advance(self) -> bool:
        """Read the next run of records into `_rest`; return whether input is needed for that.

        Raises whatever was put off until the records before it had come out.
        """
        run: list[T] = []
        if self._stashed is not None:
            stashed, self._stashed = self._stashed, None
            raise stashed
        try:
            while not run:
                if self._closed:
                    return True
                if not self._stream.next_run(run) and not self._go_on():
                    return True
        finally:
            # What was read comes out, whatever stopped the reading.
            self._rest = iter(run)
        return False

    def _collect(self) -> tuple[list[T], bool]:
        """Return a batch of records, and whether input is needed for more.

        What stops the reading is put off where there are records before it.
        """
        batch = list(self._rest)
        try:
            while len(batch) < _BATCH:
                if self._advance():
                    return batch, True
                batch += self._rest
        except BaseException as error:
            batch += self._rest
            if not batch:
                raise
            self._stashed = error
        return batch, False

    def _shut(self) -> None:
        """Give no more records. The counts and the place stay those of the last one given."""
        self._dropped = self._back
        self._rest = iter(())
        self._texts.clear()
        self._error = self._stashed = None
        self._closed = True

    def _go_on(self) -> bool:
        """Give the stream what comes next; return whether there was anything."""
        if self._moving:
            # An interrupt came in the middle of this, and text may be lost or doubled.
            raise FileError(f"{self.name}: reading was interrupted; open it again")
        self._moving = True
        if self._texts:
            text = bytes(self._texts.popleft())
            self._witness.add(text, self._stream.place().offset)
            self._stream.push(text)
        elif self._finishing:
            self._finishing = False
            self._stream.finish()
        elif self._error is not None:
            error, self._error = self._error, None
            self._moving = False
            raise error
        elif self._upcoming is not None:
            begin, self._upcoming = self._upcoming, None
            self._start(begin)
        else:
            self._moving = False
            return False
        self._moving = False
        return True

    def _start(self, begin: Begin) -> None:
        resume = begin.resume
        self._begin = begin
        self._cut_off = False
        self._document = None
        self._witness = begin.witness or Witness()
        self._skipped = 0
        # A checkpoint at the very beginning says nothing about the file.
        self._resume = resume if resume and resume.covered and not begin.witness else None
        place = resume.place if resume and begin.witness else Place()
        self._stream = self._decoder.begin(begin.name, place)
        # What was lines at the checkpoint is lines.
        may_be_document = self._resume is None or self._resume.item is not None
        if self._decoder.reads_objects and not begin.lines and not place.offset and may_be_document:
            self._teller = DocumentTeller(self._limit)

    def _take(self, event: Event) -> None:
        """Take the next event. Everything that came before must have been read.

        Raises:
            FileError: where this is more than can be held, or not what was read before.

        """
        if isinstance(event, Begin):
            self._finish()
            self._upcoming = event
        elif self._cut_off:
            pass
        elif self._teller is not None:
            try:
                texts = self._teller.feed(event)
            except OverflowError:
                self._teller, self._cut_off = None, True
                raise FileError(
                    f"{self.name}: seems to be one JSON document, of more than {self._limit} bytes;"
                    " to hold it in memory, raise max_line_bytes"
                ) from None
            if texts is not None:
                self._teller = None
                self._check_document(None)
                self._put(*texts)
        elif self._resume is not None:
            self._skip(event, self._resume)
        else:
            self._put(event)

    def _finish(self) -> None:
        """Take the end of the stream, unless it cannot be read to its end."""
        if self._cut_off:
            return
        if self._teller is not None:
            texts, document = self._teller.close()
            self._teller = None
            done = self._check_document(document)
            if document is not None:
                self._document = document
                self._stream.push_document(document, done)
            self._put(*texts)
        elif self._resume is not None:
            self._resume.witness(self.name, b"", b"")  # it ends too soon
        self._finishing = True

    def _abort(self, error: FileError) -> None:
        """Take the news that the stream cannot be read on. What was read comes out first."""
        self._error = error
        self._cut_off = True
        if self._teller is not None and self._resume is None:
            self._put(*self._teller.abort())
        self._teller = None

    def _put(self, *texts: bytes) -> None:
        for text in texts:
            view = memoryview(text)
            pieces = (view[i : i + _AT_ONCE] for i in range(0, len(view), _AT_ONCE))
            self._texts.extend([text] if 0 < len(text) <= _AT_ONCE else pieces)

    def _skip(self, text: bytes, resume: Checkpoint) -> None:
        """Pass over what was read before the checkpoint."""
        rest = text[resume.offset - self._skipped :]
        part = text[: len(text) - len(rest)]
        self._witness.add(part, self._skipped)
        self._skipped += len(part)
        if self._skipped == resume.offset:
            resume.witness(self.name, *self._witness.seen(resume.offset))
            self._resume = None
            self._stream = self._decoder.begin(self.name, resume.place)
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
                " the checkpoint: the file was replaced"
            )
        resume.witness(self.name, text[:WINDOW], text[-WINDOW:])
        self._resume = None
        return resume.item
