"""Events for an asyncio event loop, and the questions that every async source answers.

Events are fetched a little ahead and kept until they are taken, so a wait may be cancelled.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress

from usagewire.errors import FileError
from usagewire.streaming.events import Event, SourceStarted


class Notifier:
    """Wakes tasks that wait in an event loop, from any thread."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    async def wait(self, is_ready: Callable[[], bool]) -> None:
        """Wait for `notify`, unless it is ready already."""
        notified = asyncio.Event()
        self._waiting[notified] = asyncio.get_running_loop()
        try:
            if not is_ready():
                await notified.wait()
        finally:
            self._waiting.pop(notified, None)

    def notify(self) -> None:
        """Wake all tasks that wait."""
        with suppress(KeyError):
            while True:
                notified, loop = self._waiting.popitem()
                with suppress(RuntimeError):  # the loop is closed, so no task waits
                    loop.call_soon_threadsafe(notified.set)


class AsyncEventSource(ABC):
    """A source of events that are fetched elsewhere. One event loop at a time uses it.

    Its attributes have the meaning that they have in `EventSource`.
    """

    def __init__(self, start: SourceStarted, *, is_followed: bool = False) -> None:
        self.start = start
        self.is_followed = is_followed
        self.stopped = False
        self._notifier = Notifier()

    @property
    def pending(self) -> bool:
        """Whether there is something to `take`."""
        return self.stopped or self._has_fetched()

    def take(self) -> Event | FileError | None:
        """Return the next event, or the error that came in its place, or None at the end.

        Call it only if `pending` is true. It raises any other exception of the source.
        """
        found = None if self.stopped else self._next_fetched()
        if not isinstance(found, BaseException) or isinstance(found, FileError):
            return found
        try:
            raise found
        finally:
            del found  # its traceback would refer to itself

    async def wait(self) -> None:
        """Wait until something may be `pending`. After a cancellation, wait again."""
        self._start_fetching()
        await self._notifier.wait(lambda: self.pending)

    def stop(self) -> None:
        """End the events. Other threads may call this."""
        self.stopped = True
        self._notifier.notify()

    @property
    @abstractmethod
    def bytes_read(self) -> int:
        """Bytes read from the source so far, before decompression."""

    @abstractmethod
    def skip_source(self) -> None:
        """Continue with the next file, if any. Fetched events of this file may still come."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close all that is open, or raise `FileError`. No more events come."""

    @abstractmethod
    def _start_fetching(self) -> None: ...

    @abstractmethod
    def _has_fetched(self) -> bool: ...

    @abstractmethod
    def _next_fetched(self) -> Event | BaseException | None: ...
