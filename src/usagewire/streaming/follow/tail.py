"""Following: a log that grows and is rotated becomes one sequence of events, like `tail -F`.

The open file is read until another file has its name and a whole interval has brought nothing
more. The interval is for a writer that keeps the file open a little longer. Next come the files
that were rotated meanwhile, in order, and then the file that has the name now. Before each read,
the text before the offset is compared with the text that was read. A difference shows that the file
was truncated, even if it has grown since. Truncated text is read from a copy, if there is one.

Three things cannot be noticed:

- lines that a writer adds to a renamed file after a pause longer than an interval
- a file that was truncated and then got the same text again
- the order of files whose modification times the rotation did not keep
"""

from __future__ import annotations

import glob
import os
import weakref
from collections import deque
from threading import TIMEOUT_MAX
from typing import Final

from usagewire.errors import CheckpointError, FileError, UsageWireError, quote
from usagewire.io.files import STDIN
from usagewire.io.filesystem import file_error, named
from usagewire.io.prefetch import Waiter
from usagewire.streaming.checkpoint import Checkpoint, Prefix
from usagewire.streaming.events import Event, EventSource, SourceStarted
from usagewire.streaming.follow.log_file import LogFile
from usagewire.streaming.follow.rotation import RenamedError, RotationSearch
from usagewire.streaming.sources import elsewhere

INTERVAL: Final = 0.25
"""Seconds between two looks at a file that has nothing new."""

_REMEMBERED: Final = 16
"""At most this many texts are remembered, to recognise them under a different name."""


class FollowedLog(EventSource):
    """The events of a log that is followed. The arguments are those of `read`.

    An empty chunk means that nothing new has come. The next call waits for an interval. An error
    loses nothing: the next call waits and tries again. The text of each file is one stream, and its
    lines are counted from 1. It raises `CheckpointError` if the checkpoint is not of a log.
    """

    is_followed = True

    def __init__(
        self,
        source: object,
        name: str | None = None,
        resume: Checkpoint | None = None,
        interval: float = INTERVAL,
    ) -> None:
        self._path = _path_of(source)
        self._name = name
        if not isinstance(interval, int | float) or not interval > 0:
            raise UsageWireError(f"interval must be more than 0 seconds, not {quote(interval)}")
        self._interval = min(interval, TIMEOUT_MAX)
        self._is_idle = False
        # Not an Event: the code that a signal handler interrupts could hold its lock.
        self._waiter = Waiter()
        # A weak reference: when a log is forgotten, its file is closed at once.
        alive = weakref.ref(self)
        self._search = RotationSearch(self._path, lambda: getattr(alive(), "stopped", True))
        self._current: LogFile | None = None
        self._is_quiet = False
        self._bytes_before = 0
        self._done: deque[Prefix] = deque(maxlen=_REMEMBERED)
        self._resume = resume
        # Files modified up to this time, in nanoseconds, have been read or will not be read.
        self._since = 0
        # The inode of a file that is read even if it is that old.
        self._wanted: tuple[int, int] | None = None
        self.start = SourceStarted(name=name or self._path)
        self._first: SourceStarted | None = None
        if resume is None:
            with named(self._path):
                self._since = self._search.last_rotation()
                self._current = self._search.open_current()
            self.start = self._first = self._started(self._current)
        elif resume.source or resume.before:
            raise elsewhere(resume)
        elif resume.item is not None:
            raise CheckpointError(
                f"{self._path}: the checkpoint was taken in a JSON document; only lines can be"
                " followed"
            )

    @property
    def bytes_read(self) -> int:
        """Bytes read from the files so far, before decompression."""
        return self._bytes_before + (self._current.bytes_read if self._current else 0)

    def __next__(self) -> Event:
        if self._is_idle and not self.stopped:
            self.waiting = True
            self.pause()
            self.waiting = False
        self._is_idle = True
        if self.stopped:
            raise StopIteration
        try:
            event = self._event()
        except (OSError, FileError) as error:
            if self.stopped:
                raise StopIteration from None  # `stop` may have cut the step short
            name = self._current.path if self._current else self._path
            raise error if isinstance(error, FileError) else file_error(name, error)
        if self.stopped:
            raise StopIteration
        self._is_idle = event == b""
        return event

    def pause(self) -> None:
        """Wait for an interval, or until this is stopped."""
        self._waiter.wait(self._interval)

    def stop(self) -> None:
        """End the events, and a wait for an event."""
        super().stop()
        self._waiter.wake()

    def skip_source(self) -> None:
        """Do nothing: all of a log is read."""

    def close(self) -> None:
        """Close the open file. No more events come."""
        self.stop()
        if self._current is not None:
            self._current.close()

    def _event(self) -> Event:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            if self._resume is not None:
                return self._resumed(self._resume)
            return self._read(self._current) if self._current else self._next_file()
        except (RenamedError, FileNotFoundError):
            return b""  # nothing has changed here yet, so look again

    def _read(self, current: LogFile) -> Event:
        before, mtime = current.prefix, current.current_mtime()
        chunk = current.read()
        is_certain = before.is_distinctive or current.is_compressed
        if not is_certain and (modified := current.current_mtime()) != current.mtime:
            # The text before the offset does not show whether the file was truncated. A copy shows
            # it, if it was made after the last look and before the last modification.
            after, current.prefix = current.prefix, before
            until = modified if self._search.current_inode() == current.inode else modified - 1
            since = max(self._since, current.mtime)
            copy, _ = self._search.next_file(
                since, [current.inode], self._done, wanted=self._wanted, until=until
            )
            if copy is not None:
                if copy.continues(before):
                    return self._continue_in(copy, before) or self._next_file(truncated=True)
                copy.close()
                return self._next_file(truncated=True)
            current.prefix = after
        if chunk is None:
            # Continue in a copy or, if there is none with more text, with the next file.
            copies = self._search.copies(current.prefix, current.mtime)
            events = (self._continue_in(copy, current.prefix) for copy in copies)
            return next((one for one in events if one), b"") or self._next_file(truncated=True)
        current.mtime = mtime
        if chunk:
            self._is_quiet = False
            return chunk
        was_quiet = self._is_quiet
        self._is_quiet = self._search.current_inode() != current.inode
        if current.is_compressed or (was_quiet and self._is_quiet):
            return self._next_file()
        return b""

    def _continue_in(self, copy: LogFile, prefix: Prefix) -> Event:
        """Switch to a copy that was opened at the end of `prefix`, if it has more text."""
        if not prefix.offset:
            return self._switch_to(copy)
        chunk = copy.read()
        if chunk:
            self._replace(copy)
            return chunk
        copy.close()
        return b""

    def _next_file(self, *, truncated: bool = False) -> Event:
        """Switch to the file after the current one, if there is one yet."""
        current = self._current
        since = max(self._since, current.mtime) if current else self._since
        without = [current.inode] if current and not truncated else []
        done = list(self._done)
        if current and truncated:
            done.append(current.prefix._replace(inode=None))  # that file has a different text now
        elif current and current.prefix.is_distinctive:
            done.append(current.prefix)
        # This is opened before the folder is listed, so that no file rotated in between is missed.
        newest = self._search.open_current()
        found = None
        try:
            # It may be the current file, under its name again.
            if newest is None or newest.inode not in without:
                excluded = without + ([newest.inode] if newest else [])
                found, since = self._search.next_file(since, excluded, done, wanted=self._wanted)
                if found is None:
                    found, newest = newest, None
        finally:
            if newest:
                newest.close()
        if found is None:
            return b""
        self._since = since
        return self._switch_to(found)

    def _switch_to(self, found: LogFile) -> SourceStarted:
        if self._current is not None and self._current.prefix.is_distinctive:
            self._done.append(self._current.prefix)
        self._replace(found)
        return self._started(found)

    def _replace(self, found: LogFile) -> None:
        before, self._current = self._current, found
        self._is_quiet = False
        self._wanted = None
        if before is not None:
            self._bytes_before += before.bytes_read
            before.close()

    def _started(self, file: LogFile | None, resume: Checkpoint | None = None) -> SourceStarted:
        return SourceStarted(
            name=self._name or (file.path if file else self._path),
            lines=True,
            inode=file.inode if file else None,
            since=self._since,
            resume=resume,
            prefix=file.prefix if resume and file else None,
        )

    def _resumed(self, resume: Checkpoint) -> Event:
        """Find the file that a checkpoint was taken in, and the place in it."""
        if not resume.covered:
            # No text was read, so only the inode identifies the file.
            since = resume.since
            if since is None:
                since = self._search.last_rotation(resume.inode)
            self._since, self._wanted, self._resume = since, resume.inode, None
            return self._next_file()
        self._since = resume.since or 0
        found = self._search.find(resume)
        self._resume = None
        self._replace(found)
        return self._started(found, resume)


def _path_of(source: object) -> str:
    path = os.fsdecode(source) if isinstance(source, str | os.PathLike) else None
    if path in (None, STDIN, "") or "://" in path or "\0" in path:
        raise FileError(f"{quote(path or source)} cannot be followed; give the path of one file")
    if glob.has_magic(path) and not os.path.lexists(path):
        raise FileError(f"{path}: no file has this name, and several files cannot be followed")
    return path
