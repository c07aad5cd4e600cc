"""Events: what a source of text gives, and what every source can be asked.

A source gives `SourceStarted`, then the text in chunks, for each of its files, and ends. This
module opens nothing and knows nothing of what the text means.
"""

from __future__ import annotations

from typing import Protocol, Self, TypeAlias

import attrs

from usagewire.streaming.checkpoint import Checkpoint, Prefix


@attrs.frozen(kw_only=True)
class SourceStarted:
    """The text of another file begins."""

    name: str
    """What rejections call it."""
    source: int = 0
    before: str = ""
    inode: tuple[int, int] | None = None
    since: int | None = None
    """These four are those of its `Checkpoint`."""
    lines: bool = False
    """Whether the text is known to be lines, and no JSON document."""
    resume: Checkpoint | None = None
    """Where reading is to begin. The text that follows is from its very start all the same, unless
    there is a `prefix`."""
    prefix: Prefix | None = None
    """Set where the text follows from the place of `resume` on, which was checked then."""


Event: TypeAlias = SourceStarted | bytes
"""A chunk may be empty: nothing new has come."""


class EventSource(Protocol):
    """A source of events: one or more files, or a log that is followed.

    Asking for the next event raises `FileError` where a file cannot be read on. Asking again goes
    on with the next file, or tries again.
    """

    start: SourceStarted
    """The first event, as far as it is known before anything is asked for."""
    is_followed: bool = False
    """Whether neither an error nor the end of a file ends the text: it may grow."""
    stopped: bool = False
    """Whether nothing more is to come."""
    waiting: bool = False
    """Whether it is waiting for something new: an exception that comes then costs no event."""

    @property
    def bytes_read(self) -> int:
        """Bytes read from the files so far, as they are in the files."""
        ...

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event: ...

    def stop(self) -> None:
        """End the events soon. It may be called from another thread and in a signal handler."""
        self.stopped = True

    def skip_source(self) -> None:
        """Go on with the next file, if there are several."""

    def close(self) -> None:
        """Close the file that is open. There are no more events then."""
