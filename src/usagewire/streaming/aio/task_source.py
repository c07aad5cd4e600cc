"""Async iterables of bytes and objects with an async `read`: a task fetches their events."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from inspect import isasyncgen, iscoroutinefunction
from typing import Any, Final, Protocol, TypeAlias

from usagewire.errors import FileError
from usagewire.io.decompression import PIECE, Decompressor
from usagewire.io.files import CHUNK, name_of, only_bytes
from usagewire.io.filesystem import named
from usagewire.streaming.aio.events import AsyncEventSource, Notifier
from usagewire.streaming.checkpoint import Checkpoint
from usagewire.streaming.events import Event, SourceStarted
from usagewire.streaming.sources import elsewhere

_DEPTH: Final = 64
"""At most this many events of an async source are held."""


class AsyncFile(Protocol):
    """An object with an async `read`, as `asyncio.StreamReader`. Empty bytes are its end."""

    async def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most `size`."""
        ...


AsyncSource: TypeAlias = AsyncIterable[bytes | bytearray | memoryview] | AsyncFile


def is_async(source: object) -> bool:
    """Return whether a source is an `AsyncSource`."""
    return isinstance(source, AsyncIterable) or _has_async_read(source)


class TaskEventSource(AsyncEventSource):
    """The events of one async source, fetched by a task.

    The task starts at the first wait, in the event loop of that moment. It closes an async
    generator, and an iterator that it made from the source. Any other source stays open.
    """

    def __init__(self, source: AsyncSource, name: str | None, resume: Checkpoint | None) -> None:
        super().__init__(SourceStarted(name=name or name_of(source), resume=resume))
        self._source: Any = source
        self._mailbox = Mailbox(self.start.name, self._notifier)
        self._task: asyncio.Task[None] | None = None

    @property
    def bytes_read(self) -> int:
        """Bytes read from the source so far, before decompression."""
        return self._mailbox.bytes_read

    def skip_source(self) -> None:
        """Fetch nothing more. Fetched events may still come."""
        self._mailbox.stopped = True
        if self._task is not None:
            self._task.cancel()

    async def aclose(self) -> None:
        """Close a source of the kinds that the class names."""
        self.stop()
        self.skip_source()
        if self._task is not None:
            await asyncio.wait([self._task])
            task, self._task = self._task, None
            error = None if task is None or task.cancelled() else task.exception()
            if error is not None:
                raise error
        elif isasyncgen(self._source):
            with named(self.start.name, Exception):
                await self._source.aclose()

    def _start_fetching(self) -> None:
        if self._task is None:
            events = _events(self._source, self._mailbox, self.start)
            self._task = asyncio.create_task(_fetch(events, self._mailbox))
            weakref.finalize(self, _forget, self._task, self._mailbox)

    def _has_fetched(self) -> bool:
        return bool(self._mailbox.items)

    def _next_fetched(self) -> Event | BaseException | None:
        return self._mailbox.take()


class Mailbox:
    """Fetched events that were not taken. The task refers to it, not to the `TaskEventSource`."""

    def __init__(self, name: str, notifier: Notifier) -> None:
        self.name = name
        self.items: deque[Event | BaseException | None] = deque()
        self.bytes_read = 0
        self.stopped = False
        self._notifier = notifier
        self._size = 0
        self._has_room = asyncio.Event()

    def put(self, item: Event | BaseException | None) -> None:
        """Add an item."""
        self.items.append(item)
        self._size += len(item) if isinstance(item, bytes) else 0
        self._notifier.notify()

    def take(self) -> Event | BaseException | None:
        """Return the first item. Text is joined, because each piece costs more than its bytes."""
        item = self.items.popleft()
        if isinstance(item, bytes):
            texts = [item]
            while self.items and isinstance(text := self.items[0], bytes):
                texts.append(text)
                self.items.popleft()
            item = b"".join(texts)
            self._size -= len(item)
        self._has_room.set()
        return item

    async def wait_for_room(self) -> None:
        """Wait until another item may be put."""
        while len(self.items) >= _DEPTH or self._size >= PIECE:
            self._has_room.clear()
            await self._has_room.wait()


async def _fetch(events: AsyncGenerator[Event], mailbox: Mailbox) -> None:
    try:
        async for event in events:
            mailbox.put(event)
            await mailbox.wait_for_room()
    except FileError as error:
        if mailbox.stopped:
            raise
        mailbox.put(error)
    except BaseException as error:
        if not mailbox.stopped:
            task = asyncio.current_task()
            # If no one cancelled this task, the source raised the cancellation.
            by_source = isinstance(error, asyncio.CancelledError) and task and not task.cancelling()
            if by_source or isinstance(error, Exception):
                mailbox.put(error)
            mailbox.put(FileError(f"{mailbox.name}: reading was interrupted; open it again"))
        if not isinstance(error, Exception):
            raise
    finally:
        mailbox.put(None)
        await events.aclose()


def _forget(task: asyncio.Task[None], mailbox: Mailbox) -> None:
    """End the task of a source that was forgotten."""
    mailbox.stopped = True
    loop = task.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(task.cancel)


async def _events(
    source: AsyncSource, mailbox: Mailbox, start: SourceStarted
) -> AsyncGenerator[Event]:
    if start.resume is not None and (start.resume.source or start.resume.before):
        raise elsewhere(start.resume)
    yield start
    unpack = Decompressor(start.name)
    with named(start.name, Exception):
        async with aclosing(_chunks(source, start.name)) as chunks:
            async for chunk in chunks:
                mailbox.bytes_read += len(chunk)
                for text in unpack.feed(chunk):
                    yield text
        for text in unpack.close():
            yield text


async def _chunks(source: Any, name: str) -> AsyncGenerator[bytes]:
    if _has_async_read(source):
        while chunk := only_bytes(await source.read(CHUNK), name):
            yield chunk
        return
    chunks: Any = aiter(source)
    ours = chunks is not source or isasyncgen(source)
    closing: AbstractAsyncContextManager[Any] = (
        aclosing(chunks) if ours and hasattr(chunks, "aclose") else nullcontext()
    )
    async with closing:
        async for chunk in chunks:
            yield only_bytes(chunk, name)


def _has_async_read(source: object) -> bool:
    # Preferred to iteration: an asyncio.StreamReader iterates over lines, and only short ones.
    return iscoroutinefunction(getattr(source, "read", None))
