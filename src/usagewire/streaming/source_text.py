"""The text of one source on its way to a decoder, and the checkpoint of each place in it."""

from __future__ import annotations

from typing import Final, Generic

from usagewire.codec.context import Place, T
from usagewire.codec.decoder import Decoder
from usagewire.codec.documents import Document, DocumentDecoder, DocumentSniffer
from usagewire.codec.line_decoder import LineDecoder
from usagewire.errors import CheckpointError, FileError
from usagewire.streaming.checkpoint import START_OVER, Checkpoint, Prefix, PrefixTracker, mark
from usagewire.streaming.events import SourceStarted

_AT_ONCE: Final = 2**20
"""Bytes that are cut into lines at once, which bounds the memory for any size of chunks."""

_NAME: Final = 200
"""A checkpoint keeps at most this many characters of a name, from its end."""


class SourceText(Generic[T]):
    """The text of one source: lines or one JSON document, as its first bytes decide.

    Text before the place of a checkpoint is skipped and compared with the checkpoint.
    """

    def __init__(self, decoder: Decoder[T], started: SourceStarted) -> None:
        resume = started.resume
        # A checkpoint at the very beginning says nothing about the file.
        ahead = resume if resume and resume.covered and not started.prefix else None
        place = resume.place if resume and started.prefix else Place()
        # A source that was lines at the checkpoint is lines.
        is_lines = started.lines or place.offset or (ahead is not None and ahead.item is None)
        self.started = started
        self._decoder = decoder
        self._lines = decoder.begin(started.name, place)
        self.records: LineDecoder[T] | DocumentDecoder[T] = self._lines
        """The decoder of the lines or, once the text has ended, of the document."""
        self._tracker = PrefixTracker(started.prefix)
        # The place to resume at, until reading has come to it.
        self._resume = ahead
        # The place that reading began at, if the line before it had no LF then.
        self._open_end = _open_end(self._tracker, place)
        self._sniffer: DocumentSniffer | None = None
        if decoder.reads_objects and not is_lines:
            self._sniffer = DocumentSniffer(decoder.max_line_bytes)

    def place(self, back: int) -> Place:
        """Return the place before the last `back` records."""
        if self._resume is not None:
            return self._resume.place
        place = self.records.place(back)
        open_end = self._open_end
        return open_end if open_end and open_end.offset == place.offset else place

    def checkpoint(self, back: int) -> str:
        """Return the checkpoint of the place before the last `back` records."""
        if self._resume is not None:
            return self._resume.dumps()
        place, started = self.place(back), self.started
        if isinstance(self.records, DocumentDecoder):
            prefix = Prefix().extended(self.records.text)
        else:
            prefix = self._tracker.seen(place.offset)
        return Checkpoint(
            source=started.source,
            before=started.before,
            file=started.name[-_NAME:],
            inode=started.inode,
            since=started.since,
            covered=prefix.offset,
            mark=mark(prefix.head, prefix.tail),
            **place._asdict(),
        ).dumps()

    def push(self, text: bytes) -> None:
        """Take the next text. All records before it must have been read.

        It raises `FileError` if the text is too large a document, or if it is not the text that was
        read before the checkpoint.
        """
        if self._sniffer is not None:
            try:
                lines = self._sniffer.feed(text)
            except OverflowError:
                self._sniffer = None
                raise FileError(
                    f"{self.started.name}: seems to be one JSON document of more than"
                    f" {self._decoder.max_line_bytes} bytes; to read it, raise max_line_bytes"
                ) from None
            if lines is not None:
                self._sniffer = None
                self._check_document(None)
                self._push_lines(lines)
        elif self._resume is not None:
            self._skip_to(self._resume, text)
        else:
            self._push_lines(text)

    def finish(self) -> None:
        """End the text. It raises `CheckpointError` if the text ends before the place to resume."""
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
            self._resume.check(self.started.name, Prefix())  # raises: the text is too short
        self._lines.finish()

    def release(self, back: int) -> None:
        """Keep only the text that the place before the last `back` records needs."""
        self._sniffer = None
        if self._resume is None and self.records is self._lines:
            self._tracker = PrefixTracker(self._tracker.seen(self._lines.place(back).offset))
            self._lines.release()

    def abort(self) -> None:
        """Release the lines that were held back, because the text cannot be read further."""
        if self._sniffer is not None and self._resume is None:
            self._push_lines(self._sniffer.abort())
        self._sniffer = None

    def _push_lines(self, text: bytes) -> None:
        if not text:
            return
        open_end, end = self._open_end, self._tracker.end
        self._tracker.add(text, self._lines.place().offset)
        first = memoryview(text)[:_AT_ONCE] if len(text) > _AT_ONCE else text
        if open_end is not None and end == open_end.offset:
            self._lines.push_after_open_end(first)
        else:
            self._lines.push(first)
        for start in range(_AT_ONCE, len(text), _AT_ONCE):
            self._lines.push(memoryview(text)[start : start + _AT_ONCE])

    def _skip_to(self, resume: Checkpoint, text: bytes) -> None:
        part = text[: resume.offset - self._tracker.end]
        self._tracker.add(part, self._tracker.end)
        if self._tracker.end == resume.offset:
            resume.check(self.started.name, self._tracker.seen(resume.offset))
            lines = self._decoder.begin(self.started.name, resume.place)
            self.records, self._lines, self._resume = lines, lines, None
            self._open_end = _open_end(self._tracker, resume.place)
            self._push_lines(text[len(part) :])

    def _check_document(self, document: Document | None) -> int:
        """Return how many records of a document were read before; None means lines."""
        resume = self._resume
        if resume is None or resume.item is None:
            return 0
        text = b"" if document is None else document.text
        if len(text) != resume.covered:
            raise CheckpointError(
                f"{self.started.name}: no longer holds the JSON document of {resume.covered} bytes"
                f" that was read before the checkpoint, so the file was replaced; {START_OVER}"
            )
        resume.check(self.started.name, Prefix().extended(text))
        return resume.item


def _open_end(tracker: PrefixTracker, place: Place) -> Place | None:
    """Return `place` if the line before it was the last line when it was read, and had no LF."""
    tail = tracker.seen(place.offset).tail
    return place if tail and not tail.endswith(b"\n") else None
