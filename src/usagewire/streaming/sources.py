"""Sources: files become events, for each file its start and then its text."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable
from typing import BinaryIO, TypeAlias

import attrs

from usagewire.errors import CheckpointError, FileError, quote
from usagewire.io.compression import format_of
from usagewire.io.files import (
    ByteCounter,
    InputFile,
    OpenedFile,
    TextReader,
    input_files,
    is_several,
    read_fully,
)
from usagewire.io.filesystem import named
from usagewire.streaming.checkpoint import WINDOW, Checkpoint, Prefix, sources_mark
from usagewire.streaming.events import Event, EventSource, SourceStarted

OneSource: TypeAlias = str | os.PathLike[str] | BinaryIO
Source: TypeAlias = OneSource | Iterable[bytes] | Iterable[OneSource]


class Sources(EventSource):
    """The events of a source, or of several sources one after the other.

    After a `FileError` they continue with the next file. With `in_thread`, a thread of the caller
    reads ahead, so the files need no thread.
    """

    def __init__(
        self,
        source: Source,
        name: str | None,
        resume: Checkpoint | None,
        *,
        in_thread: bool = False,
    ) -> None:
        self.start = SourceStarted(name=name or "")
        self._files = input_files(source)
        self._name = name
        self._resume = resume
        self._in_thread = in_thread
        self._number = -1
        self._before = ""
        self._current_name = "the sources"
        self._opened: tuple[InputFile, OpenedFile] | None = None
        self._events: Generator[Event] | None = None
        self._counter = ByteCounter()
        self._interrupted = False
        if not is_several(source):
            # If the one file that the user names is missing, report it at once.
            file = self._next_file()
            if file is not None:
                self.start = SourceStarted(name=name or file.name)
                self._opened = file, file.open()

    @property
    def bytes_read(self) -> int:
        """Bytes read from the files so far."""
        return self._counter.value

    def __next__(self) -> Event:
        if self._interrupted:
            self.close()
            self._interrupted = False
            raise FileError(f"{self._current_name}: reading was interrupted; open it again")
        try:
            while not self.stopped:
                if self._events is None:
                    self._events = self._next_events()
                if self._events is None:
                    break
                event = next(self._events, None)
                if event is not None:
                    return event
                self._events = None
        except FileError:
            self._events = None
            raise
        except BaseException:
            # This ends the events, which must not look like the end of the source.
            self._interrupted = True
            raise
        raise StopIteration

    def skip_source(self) -> None:
        """Continue with the next file."""
        if self._events is not None:
            self._events.close()
            self._events = None
        unread, self._opened = self._opened, None
        if unread is not None:
            unread[1].close()

    def close(self) -> None:
        """Close the open file. No more events come."""
        self.skip_source()
        self._files = iter(())

    def _next_file(self) -> InputFile | None:
        file = next(self._files, None)
        self._number += 1
        if self._resume is not None:
            while file is not None and self._number < self._resume.source:
                self._before = sources_mark(self._before, file.name)
                file = next(self._files, None)
                self._number += 1
            if file is None or self._before != self._resume.before:
                raise elsewhere(self._resume)
        self._current_name = file.name if file else self._current_name
        return file

    def _next_events(self) -> Generator[Event] | None:
        (file, opened), self._opened = self._opened or (self._next_file(), None), None
        if file is None:
            return None
        resume, self._resume = self._resume, None
        started = SourceStarted(
            name=self._name or file.name, source=self._number, before=self._before, resume=resume
        )
        self._before = sources_mark(self._before, file.name)
        return _events(file, opened, started, self._counter, may_prefetch=not self._in_thread)


def _events(
    file: InputFile,
    opened: OpenedFile | None,
    started: SourceStarted,
    counter: ByteCounter,
    *,
    may_prefetch: bool,
) -> Generator[Event]:
    # Nothing here refers to the `Sources`: when a reader is forgotten, its file is closed.
    try:
        opened = opened or file.open()
    except FileError:
        yield started  # the text before ends here, and was whole
        raise
    text = TextReader(opened, started.name, counter, may_prefetch=may_prefetch)
    try:
        yield _resumed(opened, started)
        yield from text.pieces()
    finally:
        text.close()


def _resumed(opened: OpenedFile, started: SourceStarted) -> SourceStarted:
    """Return the event and, if possible, seek the file to the place to resume at."""
    started = attrs.evolve(started, inode=opened.inode)
    resume, file = started.resume, opened.file
    if resume is None or resume.item is not None or not resume.offset or not opened.is_seekable:
        return started
    with named(started.name, Exception, shows_cause=not opened.is_remote):
        start = file.tell()
        head = read_fully(file, WINDOW)
        if format_of(head):
            file.seek(start)
            return started
        tail_at = max(0, resume.offset - WINDOW)
        file.seek(start + tail_at)
        tail = read_fully(file, resume.offset - tail_at)
    prefix = Prefix(resume.offset, head[: resume.offset], tail)
    resume.check(started.name, prefix)
    return attrs.evolve(started, prefix=prefix)


def elsewhere(resume: Checkpoint) -> CheckpointError:
    """Return the error for a checkpoint of a source that was not given."""
    return CheckpointError(
        f"the checkpoint was taken in source {resume.source + 1}, {quote(resume.file)}, but the"
        " sources before it have changed; give the same sources in the same order"
    )
