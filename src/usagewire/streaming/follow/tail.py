"""Following: a log that grows and is rotated becomes one sequence of events, like `tail -F`.

The file that was opened is read until another has its name and a whole interval has brought
nothing more, because a writer may hold it a little longer. Then come the generations that were
rotated away meanwhile, in order, and at last the file that has the name now. Before each read, what
stands before the place is compared with what was read, so a file that was cut is noticed however
much it has grown since; what was cut away is read on in a copy where there is one.

What cannot be seen: lines that a writer adds to a renamed file after a pause of more than an
interval; a file that was cut and has the very same text again; and the order of generations whose
times of change a rotation did not keep.

The text of each generation is one stream, and its lines are counted from 1. What a line means is
not known here.
"""

from __future__ import annotations

import glob
import math
import os
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX
from typing import Final, Self

from usagewire.errors import CheckpointError, FileError, UsageWireError, quote
from usagewire.io.files import STDIN
from usagewire.io.filesystem import file_error
from usagewire.streaming.checkpoint import Checkpoint, PrefixFingerprint
from usagewire.streaming.events import Event, SourceStarted
from usagewire.streaming.follow.rotation import Generation, Seen, Sibling, siblings
from usagewire.streaming.sources import elsewhere

INTERVAL: Final = 0.25
"""Seconds between two looks at a file that has nothing new."""

_KEPT: Final = 16
"""How many generations that were read are known again when they turn up under another name."""


class Follow:
    """The events of a log that is followed.

    An empty chunk says that there is nothing new; the next event is waited for. An error loses
    nothing: asking for the next event tries again, after waiting.

    Args:
        source: the path of a plain file, which need not be there yet.
        name: what to call it, instead of its path.
        resume: where to begin, whatever the file is called now.
        interval: seconds between two looks where there is nothing new.

    Raises:
        FileError: where the source cannot be followed.
        CheckpointError: where the checkpoint is of no log.
        UsageWireError: where the interval is none.

    """

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
            raise UsageWireError(f"interval is {quote(interval)}; it must be seconds, more than 0")
        self._interval = min(interval, TIMEOUT_MAX)
        self.waiting = False
        """Whether it is waiting: what is raised then costs no event."""
        self._idle = False
        # Unlike that of an Event, its lock is no trouble in a signal handler.
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._stopped = False
        self._current: Generation | None = None
        self._quiet = False
        self._taken = 0
        self._done: deque[Seen] = deque(maxlen=_KEPT)
        self._resume = resume
        self._since = 0
        """What was changed last up to this time, in nanoseconds, has been read, or never will."""
        self._wanted: tuple[int, int] | None = None
        """The file that is to be read even so."""
        self.start = SourceStarted(name=name or self._path)
        """The first event, as far as it is known before anything is looked for."""
        self._first: SourceStarted | None = None
        if resume is None:
            self.start = self._first = self._fresh()
        elif resume.source or resume.before:
            raise elsewhere(resume)
        elif resume.item is not None:
            raise CheckpointError(
                f"{self._path}: the checkpoint was taken in a JSON document; only lines can be"
                " followed"
            )

    @property
    def name(self) -> str:
        """What the log is called at first."""
        return self.start.name

    @property
    def is_followed(self) -> bool:
        """It is a log that may grow."""
        return True

    @property
    def bytes_read(self) -> int:
        """Bytes read from the files so far, as they are in the files."""
        return self._taken + (self._current.taken if self._current else 0)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        if self._idle and not self._stopped:
            self.waiting = True
            self.pause()
            self.waiting = False
        self._idle = True
        if self._stopped:
            raise StopIteration
        try:
            event = self._event()
        except (OSError, FileError) as error:
            if self._stopped:
                raise StopIteration from None  # it may be for a step that was cut short
            name = self._current.path if self._current else self._path
            raise error if isinstance(error, FileError) else file_error(name, error)
        if self._stopped:
            raise StopIteration
        self._idle = event == b""
        return event

    def pause(self) -> None:
        """Wait for an interval, or until this is stopped."""
        with suppress(Empty):
            self._bell.get(timeout=self._interval)

    def stop(self) -> None:
        """End the events. It may be called from another thread and in a signal handler."""
        self._stopped = True
        self._bell.put(None)

    def skip_source(self) -> None:
        """Do nothing: a log has no part that may be passed over."""

    def close(self) -> None:
        """Close the file that is open. There are no more events then."""
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
            return self._next() if self._current is None else self._read(self._current)
        except (_MovedError, FileNotFoundError):
            return b""  # nothing was changed here by then; look again

    def _read(self, current: Generation) -> Event:
        """Read on in the current generation, or after it."""
        seen, mtime = current.seen, current.last_change()
        chunk = current.more()
        is_told = seen.tells or current.is_packed
        if not is_told and (changed := current.last_change()) != current.mtime:
            # What stands before the place does not tell whether it was cut. A copy does that was
            # made since the last look, but before the last change.
            after = current.seen
            current.put_to(seen)
            until = changed if self._inode() == current.inode else changed - 1
            since = max(self._since, current.mtime)
            copy, _ = self._later(since, [current.inode], self._done, until)
            if copy is not None:
                return self._go_on_in(copy, current) or self._next(cut=True)
            current.put_to(after)
        if chunk is None:
            return self._cut(current)
        current.mtime = mtime
        if chunk:
            self._quiet = False
            return chunk
        was_quiet, self._quiet = self._quiet, self._inode() != current.inode
        if current.is_packed or (was_quiet and self._quiet):
            return self._next()
        return b""

    def _cut(self, current: Generation) -> Event:
        """Go on in the copy of a file that was cut, or after it where there is none."""
        found = siblings(self._path)
        rotated = [one for one in found if one.is_rotated]
        for one in rotated + [one for one in reversed(found) if not one.is_rotated]:
            if one.mtime >= current.mtime:
                copy = self._open_if(one, lambda copy: copy.goes_on_from(current.seen))
                event = self._go_on_in(copy, current) if copy else b""
                if event:
                    return event
        return self._next(cut=True)

    def _go_on_in(self, copy: Generation, current: Generation) -> Event:
        """Turn to a copy of a file that was cut, if it has more of the same text."""
        if not current.offset:
            return self._turn_to(copy)
        chunk = copy.more() if copy.goes_on_from(current.seen) else None
        if chunk:
            self._replace(copy)
            return chunk
        copy.close()
        return b""

    def _next(self, *, cut: bool = False) -> Event:
        """Turn to the generation after the current one, if there is one yet."""
        current = self._current
        since = max(self._since, current.mtime) if current else self._since
        without = [current.inode] if current and not cut else []
        done = list(self._done)
        if current and cut:
            done.append(current.seen._replace(inode=None))  # which has another text now
        elif current and current.seen.tells:
            done.append(current.seen)
        # Opened before the folder is listed, so that what is rotated in between is not missed.
        there = self._open_path()
        try:
            if there and there.inode in without:
                later = None  # it has its name again
            else:
                later, since = self._later(since, without + ([there.inode] if there else []), done)
            if later is None and there and there.inode not in without:
                later, there = there, None
        finally:
            if there:
                there.close()
        if later is None:
            return b""
        self._since = since
        return self._turn_to(later)

    def _later(
        self,
        since: int,
        without: list[tuple[int, int]],
        done: Iterable[Seen],
        until: float = math.inf,
    ) -> tuple[Generation | None, int]:
        """Return the oldest file that was rotated away after the time `since` and is not done.

        And what `since` is then, as what is done may be a copy that was made later.
        """
        found = siblings(self._path)
        done_until = since
        # What was changed at that very moment is later if its number is lower.
        number = max((one.number for one in found if one.inode in without), default=0)
        for one in found:
            is_later = one.mtime > since or (one.mtime == since and one.number < number)
            if (
                not one.is_rotated
                or one.inode in without
                or one.mtime > until
                or not (is_later or one.is_file(self._wanted))
            ):
                continue
            same = self._found_in(done, one)
            if same:
                done_until = max(done_until, one.mtime)
                # Of half a line there is one copy; another such file is another half.
                done = done if same.tells else [seen for seen in done if seen is not same]
                continue
            later = self._open(one.path)
            if later.inode == one.inode:
                return later, done_until
            later.close()
            raise _MovedError
        return None, done_until

    def _found_in(self, done: Iterable[Seen], one: Sibling) -> Seen | None:
        """Return which of the texts that were read to their end a file has."""
        for seen in done:
            same = self._open_if(one, partial(_is_same, seen)) if seen.offset else None
            if same:
                same.close()
                return seen
        return None

    def _turn_to(self, found: Generation) -> SourceStarted:
        if self._current is not None and self._current.seen.tells:
            self._done.append(self._current.seen)
        self._replace(found)
        return self._begin(found)

    def _replace(self, found: Generation) -> None:
        """Let `found` be the one that is read."""
        before, self._current = self._current, found
        self._quiet = False
        self._wanted = None
        if before is not None:
            self._taken += before.taken
            before.close()

    def _begin(self, found: Generation | None, resume: Checkpoint | None = None) -> SourceStarted:
        seen = found.seen if found else None
        return SourceStarted(
            name=self._name or (found.path if found else self._path),
            lines=True,
            inode=seen.inode if seen else None,
            since=self._since,
            resume=resume,
            fingerprint=PrefixFingerprint(seen.head, seen.tail, seen.offset)
            if resume and seen
            else None,
        )

    def _fresh(self) -> SourceStarted:
        """Start with the file that has the name now; what was rotated before is not looked at."""
        try:
            self._since = self._latest()
            self._current = self._open_path()
        except OSError as error:
            raise file_error(self._path, error) from error
        return self._begin(self._current)

    def _latest(self) -> int:
        return max([0, *(one.mtime for one in siblings(self._path) if one.is_rotated)])

    def _resumed(self, resume: Checkpoint) -> Event:
        """Find the generation that a checkpoint was taken in, and its place in it."""
        if not resume.covered:
            # Its text says nothing, as there is none.
            times = (one.mtime for one in siblings(self._path) if one.is_file(resume.inode))
            since = next(times, self._latest()) if resume.since is None else resume.since
            self._since, self._wanted = since, resume.inode
            self._resume = None
            return self._next()
        self._since = resume.since or 0
        trouble: list[FileError] = []
        candidates = self._candidates(resume.inode)
        for one in candidates:
            found = self._open_if(
                one,
                lambda found: (
                    found.go_to(resume.covered) and resume.matches(found.seen.head, found.seen.tail)
                ),
                trouble,
            )
            if found:
                self._resume = None
                self._replace(found)
                return self._begin(found, resume)
        if _files(candidates) != _files(self._candidates(resume.inode)):
            raise _MovedError  # by a rotation while they were looked through
        raise CheckpointError(
            f"{self._path}: neither this file nor one that it may have been rotated to is the one"
            f" that the checkpoint was taken in, at byte {resume.covered}"
            + "".join(f"; {error}" for error in trouble)
        )

    def _candidates(self, inode: tuple[int, int] | None) -> list[Sibling]:
        """Return the files that a checkpoint may have been taken in, the likeliest first."""
        found = siblings(self._path)
        there = self._open_path()
        if there is not None:
            there.close()
            found.append(Sibling(self._path, there.inode, there.mtime, is_rotated=False, number=0))
        return sorted(
            found, key=lambda one: (one.inode != inode, one.path != self._path, -one.mtime)
        )

    def _inode(self) -> tuple[int, int] | None:
        """Return which file has the name now."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 -- the name stays as it was given
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _open_path(self) -> Generation | None:
        """Return the file that has the name now."""
        try:
            found = self._open(self._path)
        except FileNotFoundError:
            return None
        if found.is_packed:
            found.close()
            raise _packed(self._path)
        return found

    def _open(self, path: str) -> Generation:
        return Generation(path, lambda: self._stopped)

    def _open_if(
        self,
        one: Sibling,
        check: Callable[[Generation], bool],
        trouble: list[FileError] | None = None,
    ) -> Generation | None:
        """Return a file if it is found to be what it should; one that cannot be read is not."""
        found = None
        good = False
        try:
            found = self._open(one.path)
            if found.inode != one.inode:
                raise _MovedError
            good = check(found)
        except FileNotFoundError:
            raise
        except (OSError, FileError) as error:
            if trouble is not None:
                trouble.append(
                    error if isinstance(error, FileError) else file_error(one.path, error)
                )
        finally:
            if found is not None and not good:
                found.close()
        return found if good else None


def _is_same(seen: Seen, found: Generation) -> bool:
    """Return whether a file is the one that was read, or as long as that and of the same text."""
    return found.goes_on_from(seen) and (found.inode == seen.inode or not found.more())


def _files(found: Iterable[Sibling]) -> set[tuple[str, tuple[int, int]]]:
    """Return which files have which names."""
    return {(one.path, one.inode) for one in found}


class _MovedError(Exception):
    """A file was renamed between finding and opening it."""


def _packed(path: str) -> FileError:
    return FileError(f"{path}: is compressed; only plain text can be followed")


def _path_of(source: object) -> str:
    """Return the path that `source` is."""
    if not isinstance(source, str | os.PathLike):
        raise FileError(f"{quote(source)} cannot be followed: only a file with a path can")
    path = os.fsdecode(source)
    if path in (STDIN, "") or "://" in path or "\0" in path:
        raise FileError(f"{quote(path)} cannot be followed: only a file with a path can")
    if glob.has_magic(path) and not os.path.lexists(path):
        raise FileError(f"{path}: several files cannot be followed, and no file has this name")
    return path
