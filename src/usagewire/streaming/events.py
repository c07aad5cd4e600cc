"""Events: what a source of text delivers, and the questions that every source answers.

For each of its files, a source delivers `SourceStarted` and then the text in chunks. This module
opens nothing and must not know what the text means.
"""

from __future__ import annotations

from typing import Protocol, Self, TypeAlias

import attrs

from usagewire.streaming.checkpoint import Checkpoint, Prefix


@attrs.frozen(kw_only=True)
class SourceStarted:
    """The text of the next file begins."""

    name: str
    """The name of the file in rejections."""
    source: int = 0
    before: str = ""
    inode: tuple[int, int] | None = None
    since: int | None = None
    """These four go into each `Checkpoint` of the file."""
    lines: bool = False
    """Whether the text is known to be lines, not a JSON document."""
    resume: Checkpoint | None = None
    """The place to resume at. Without a `prefix`, the text still begins at its start."""
    prefix: Prefix | None = None
    """The text before the place of `resume`, already checked, if the text begins there."""


Event: TypeAlias = SourceStarted | bytes
"""An empty chunk means that nothing new has come."""


class EventSource(Protocol):
    """A source of events: one or more files, or a log that is followed.

    Asking for the next event raises `FileError` if a file cannot be read further. The next call
    continues with the next file, or tries again.
    """

    start: SourceStarted
    """The first event, as far as it is known before any event is asked for."""
    is_followed: bool = False
    """Whether the text may grow: an error or the end of a file does not end it."""
    stopped: bool = False
    """Whether nothing more is to come."""
    waiting: bool = False
    """Whether the source waits for something new. An exception then loses no event."""

    @property
    def bytes_read(self) -> int:
        """Bytes read from the files so far, before decompression."""
        ...

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event: ...

    def stop(self) -> None:
        """End the events soon. Other threads and signal handlers may call this."""
        self.stopped = True

    def skip_source(self) -> None:
        """Continue with the next file, if there are several."""

    def close(self) -> None:
        """Close the open file. No more events come."""
