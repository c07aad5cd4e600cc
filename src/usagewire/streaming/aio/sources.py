"""Sources for an event loop: their events, fetched so that the loop is never blocked.

What `sources` and `follow` read is fetched in a thread, an async iterable of bytes by a task of its
own. Both run a little ahead, and keep what they fetched: who waits here may be cancelled and ask
again. What the text means is not known here. The event loop is asyncio's.
"""

from __future__ import annotations

import asyncio
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from inspect import isasyncgen, iscoroutinefunction
from typing import Any, Final, Protocol, TypeAlias

from usagewire.errors import FileError, UsageWireError
from usagewire.io.decompression import PIECE, Decompressor
from usagewire.io.files import CHUNK, name_of, only_bytes
from usagewire.io.filesystem import file_error
from usagewire.io.prefetch import DEPTH, PrefetchIterator
from usagewire.streaming.checkpoint import Checkpoint
from usagewire.streaming.events import Event, SourceStarted
from usagewire.streaming.follow.tail import Follow
from usagewire.streaming.sources import Sources, elsewhere

_DEPTH: Final = 64
"""How many chunks of an async source are held at most."""


class AsyncFile(Protocol):
    """What has an async `read`, as `asyncio.StreamReader`; nothing read is its end."""

    async def read(self, size: int, /) -> bytes:
        """Return the next bytes, `size` at most."""
        ...


AsyncSource: TypeAlias = AsyncIterable[bytes | bytearray | memoryview] | AsyncFile


class AsyncEvents(ABC):
    """The events of a source, fetched elsewhere. Made and used in one event loop at a time."""

    def __init__(self, name: str, followed: Follow | None = None) -> None:
        self.name = name
        """What the source is called, if that is known already."""
        self.followed = followed
        """The log, if one is followed."""
        self.stopped = False
        """Whether nothing more is to be taken."""
        self._bell = Bell()

    @property
    def ready(self) -> bool:
        """Whether there is something to `take`."""
        return self.stopped or self._is_there()

    def take(self) -> Event | FileError | None:
        """Return what `Intake` receives next, None at the end. It must be there.

        Raises what fetching it raised, but for a `FileError`, which is returned.
        """
        found = None if self.stopped else self._next()
        if not isinstance(found, BaseException) or isinstance(found, FileError):
            return found
        try:
            raise found
        finally:
            del found  # or it would refer to itself by its traceback

    async def wait(self) -> None:
        """Wait until there may be something to `take`. After a cancellation, wait again."""
        self._start()
        await self._bell.wait(lambda: self.ready)

    def stop(self) -> None:
        """End the events, also from another thread."""
        self.stopped = True
        self._bell.ring()

    @property
    @abstractmethod
    def bytes_read(self) -> int:
        """Bytes taken from the source so far, as it gave them."""

    @abstractmethod
    def skip_source(self) -> None:
        """Go on with the next file, if there is one. What was fetched of this may still come."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what is to be closed. There are no more events then.

        Raises:
            FileError: where it cannot be closed.

        """

    @abstractmethod
    def _start(self) -> None:
        """Begin to fetch, if that was not begun."""

    @abstractmethod
    def _is_there(self) -> bool:
        """Return whether something was fetched."""

    @abstractmethod
    def _next(self) -> Event | BaseException | None:
        """Return what was fetched next."""


class ThreadEvents(AsyncEvents):
    """The events of `Sources` or of `Follow`, fetched and closed by a thread of their own.

    The thread begins when the first is waited for. Sources are opened there; a log that is followed
    is looked for before.
    """

    def __init__(self, sources: Callable[[], Sources] | Follow, name: str | None) -> None:
        super().__init__(name or "", sources if isinstance(sources, Follow) else None)
        self._fetching = _Fetching(sources)
        self._ahead: PrefetchIterator[Event | BaseException] | None = None
        self._begun = 0
        self._over = False

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the files so far, as they are in the files."""
        return self._fetching.sources.bytes_read if self._fetching.sources else 0

    def skip_source(self) -> None:
        """Go on with the next file. What was fetched of this may still come."""
        self._fetching.left = self._begun

    async def aclose(self) -> None:
        """Close the file that is open. A thread that is stuck in a read does that later."""
        self.stop()
        if self.followed is not None:
            self.followed.stop()
        if self._ahead is not None and not self._over:
            await asyncio.to_thread(self._ahead.close)
        elif self._ahead is None and self.followed is not None:
            self.followed.close()

    def _start(self) -> None:
        if self._ahead is None:
            # An error of a log that is followed is tried again, so it should not be an old one.
            depth = 1 if self.followed else DEPTH
            try:
                self._ahead = PrefetchIterator(self._fetching.events(), self._bell.ring, depth)
            except RuntimeError as error:
                raise FileError(f"{self.name or 'the sources'}: {error}") from error

    def _is_there(self) -> bool:
        return self._ahead is not None and self._ahead.pending

    def _next(self) -> Event | BaseException | None:
        found = next(self._ahead, None) if self._ahead else None
        self._begun += isinstance(found, SourceStarted)
        self._over = found is None
        return found


class _Fetching:
    """What the thread knows. It does not refer to the `ThreadEvents`, which may be forgotten."""

    def __init__(self, sources: Callable[[], Sources] | Follow) -> None:
        self.sources: Sources | Follow | None = None
        self.left = 0
        """Number of the file to be left, from 1."""
        self._given = sources

    def events(self) -> Generator[Event | BaseException]:
        """Yield the events, and errors in their place among them."""
        try:
            given = self._given
            self.sources = sources = given if isinstance(given, Follow) else given()
        except BaseException as error:
            yield error
            return
        begun = 0
        try:
            while True:
                try:
                    if begun and self.left == begun:
                        sources.skip_source()
                    event = next(sources, None)
                except BaseException as error:
                    yield error
                    continue
                if event is None:
                    return
                begun += isinstance(event, SourceStarted)
                yield event
        finally:
            sources.close()


class TaskEvents(AsyncEvents):
    """The events of one async source, which a task of their own fetches.

    The task begins when the first is waited for, and belongs to the event loop of that moment. An
    iterator that was made from the source is closed by the task, and so is an async generator,
    which is of no use to anybody else then; anything else stays open.
    """

    def __init__(self, source: AsyncSource, name: str | None, resume: Checkpoint | None) -> None:
        super().__init__(name or name_of(source))
        self._source: Any = source
        self._resume = resume
        self._box = _Box(self.name, self._bell)
        self._task: asyncio.Task[None] | None = None

    @property
    def bytes_read(self) -> int:
        """Bytes taken from the source so far, as it gave them."""
        return self._box.bytes_read

    def skip_source(self) -> None:
        """Fetch no more. What was fetched may still come."""
        self._box.stopped = True
        if self._task is not None:
            self._task.cancel()

    async def aclose(self) -> None:
        """Close what is to be closed, as the class says."""
        self.stop()
        self.skip_source()
        if self._task is not None:
            await asyncio.wait([self._task])
            task, self._task = self._task, None
            error = None if task is None or task.cancelled() else task.exception()
            if error is not None:
                raise error
        elif isasyncgen(self._source):
            try:
                await self._source.aclose()
            except Exception as error:
                raise file_error(self.name, error) from error

    def _start(self) -> None:
        if self._task is None:
            events = _events(self._source, self._box, self._resume)
            self._task = asyncio.create_task(_run(events, self._box))
            weakref.finalize(self, _forget, self._task, self._box)

    def _is_there(self) -> bool:
        return bool(self._box.items)

    def _next(self) -> Event | BaseException | None:
        return self._box.take()


class Bell:
    """Wake who waits in an event loop, from any thread."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    async def wait(self, ready: Callable[[], bool]) -> None:
        """Wait for a ring, unless what is waited for is there already."""
        rung = asyncio.Event()
        self._waiting[rung] = asyncio.get_running_loop()
        try:
            if not ready():
                await rung.wait()
        finally:
            self._waiting.pop(rung, None)

    def ring(self) -> None:
        """Wake all who wait."""
        with suppress(KeyError):
            while True:
                rung, loop = self._waiting.popitem()
                with suppress(RuntimeError):  # the loop was closed, and nobody waits any more
                    loop.call_soon_threadsafe(rung.set)


class _Box:
    """What was fetched and not taken. The task refers to it, and not to the `TaskEvents`."""

    def __init__(self, name: str, bell: Bell) -> None:
        self.name = name
        self._bell = bell
        self.items: deque[Event | BaseException | None] = deque()
        self.bytes_read = 0
        self.stopped = False
        self._size = 0
        self._room = asyncio.Event()

    def put(self, item: Event | BaseException | None) -> None:
        """Add an item."""
        self.items.append(item)
        self._size += len(item) if isinstance(item, bytes) else 0
        self._bell.ring()

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
        self._room.set()
        return item

    async def room(self) -> None:
        """Wait until there is room."""
        while len(self.items) >= _DEPTH or self._size >= PIECE:
            self._room.clear()
            await self._room.wait()


async def _run(events: AsyncGenerator[Event], box: _Box) -> None:
    try:
        async for event in events:
            box.put(event)
            await box.room()
    except FileError as error:
        if box.stopped:
            raise
        box.put(error)
    except BaseException as error:
        if not box.stopped:
            if isinstance(error, Exception) or _is_of_the_source(error):
                box.put(error)
            box.put(FileError(f"{box.name}: reading was interrupted; open it again"))
        if not isinstance(error, Exception):
            raise
    finally:
        box.put(None)
        await events.aclose()


def _is_of_the_source(error: BaseException) -> bool:
    """Return whether it is a cancellation that nobody asked the task for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and bool(task and not task.cancelling())


def _forget(task: asyncio.Task[None], box: _Box) -> None:
    """End a task whose events nobody can ask for any more."""
    box.stopped = True
    loop = task.get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(task.cancel)


async def _events(
    source: AsyncSource, box: _Box, resume: Checkpoint | None
) -> AsyncGenerator[Event]:
    """Yield the events of a source."""
    if resume is not None and (resume.source or resume.before):
        raise elsewhere(resume)
    yield SourceStarted(name=box.name, resume=resume)
    unpack = Decompressor(box.name)
    try:
        async with aclosing(_chunks(source, box.name)) as chunks:
            async for chunk in chunks:
                box.bytes_read += len(chunk)
                for text in unpack.feed(chunk):
                    yield text
        for text in unpack.close():
            yield text
    except (MemoryError, UsageWireError):
        raise
    except Exception as error:
        raise file_error(box.name, error) from error


async def _chunks(source: Any, name: str) -> AsyncGenerator[bytes]:
    """Yield the bytes that a source gives, whatever it is."""
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


def is_async(source: object) -> bool:
    """Return whether a source is an `AsyncSource`."""
    return isinstance(source, AsyncIterable) or _has_async_read(source)


def _has_async_read(source: object) -> bool:
    # Preferred to iteration, which of an asyncio.StreamReader gives lines, and short ones only.
    return iscoroutinefunction(getattr(source, "read", None))
