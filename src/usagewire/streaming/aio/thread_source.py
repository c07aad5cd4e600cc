"""Files and followed logs for an event loop: a thread fetches their events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator

from usagewire.errors import FileError
from usagewire.io.prefetch import DEPTH, PrefetchIterator
from usagewire.streaming.aio.events import AsyncEventSource
from usagewire.streaming.events import Event, EventSource, SourceStarted


class ThreadEventSource(AsyncEventSource):
    """The events of a source that blocks: a thread fetches them and closes the source.

    The thread starts at the first wait. If the source is a function, the thread calls it.
    """

    def __init__(self, source: EventSource | Callable[[], EventSource], name: str | None) -> None:
        self._fetcher = _Fetcher(source)
        opened = self._fetcher.source
        super().__init__(
            opened.start if opened else SourceStarted(name=name or ""),
            is_followed=opened is not None and opened.is_followed,
        )
        self._fetched: PrefetchIterator[Event | BaseException] | None = None
        self._files_taken = 0
        self._is_done = False

    @property
    def bytes_read(self) -> int:
        """Bytes read from the files so far, before decompression."""
        return self._fetcher.source.bytes_read if self._fetcher.source else 0

    def skip_source(self) -> None:
        """Continue with the next file. Fetched events of this file may still come."""
        self._fetcher.file_to_skip = self._files_taken

    async def aclose(self) -> None:
        """Close the open file. A thread that is stuck in a read closes it later."""
        self.stop()
        source = self._fetcher.source
        if source is not None:
            source.stop()
        if self._fetched is not None and not self._is_done:
            await asyncio.to_thread(self._fetched.close)
        elif self._fetched is None and source is not None:
            source.close()

    def _start_fetching(self) -> None:
        if self._fetched is None:
            # A followed log is read again after an error, so the error should not be old.
            depth = 1 if self.is_followed else DEPTH
            events = self._fetcher.events()
            try:
                self._fetched = PrefetchIterator(events, self._notifier.notify, depth)
            except RuntimeError as error:
                raise FileError(f"{self.start.name or 'the sources'}: {error}") from error

    def _has_fetched(self) -> bool:
        return self._fetched is not None and self._fetched.pending

    def _next_fetched(self) -> Event | BaseException | None:
        found = next(self._fetched, None) if self._fetched else None
        self._files_taken += isinstance(found, SourceStarted)
        self._is_done = found is None
        return found


class _Fetcher:
    """The state of the thread, which does not keep a forgotten `ThreadEventSource` alive."""

    def __init__(self, source: EventSource | Callable[[], EventSource]) -> None:
        self._open = source if callable(source) else lambda: source
        self.source: EventSource | None = None if callable(source) else source
        self.file_to_skip = 0

    def events(self) -> Generator[Event | BaseException]:
        """Yield the events, and each error in its place among them."""
        try:
            self.source = source = self._open()
        except BaseException as error:
            yield error
            return
        files = 0
        try:
            while True:
                try:
                    if files and self.file_to_skip == files:
                        source.skip_source()
                    event = next(source, None)
                except BaseException as error:
                    yield error
                    continue
                if event is None:
                    return
                files += isinstance(event, SourceStarted)
                yield event
        finally:
            source.close()
