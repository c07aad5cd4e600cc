"""Records of files and async streams in an asyncio event loop: `aread` and its `AsyncReader`.

This module treats an `AsyncEventSource` as `reader` treats an `EventSource`. It must not know any
rule of reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self, Unpack, overload

from usagewire.codec.context import T
from usagewire.codec.decoder import Decoder, DecoderOptions
from usagewire.models import UsageObject
from usagewire.streaming.aio.events import AsyncEventSource
from usagewire.streaming.aio.task_source import AsyncSource, TaskEventSource, is_async
from usagewire.streaming.aio.thread_source import ThreadEventSource
from usagewire.streaming.checkpoint import Checkpoint
from usagewire.streaming.follow.tail import INTERVAL, FollowedLog
from usagewire.streaming.pipeline import Pipeline, ReaderState, ReadOptions
from usagewire.streaming.sources import Source, Sources

if TYPE_CHECKING:
    from typing_extensions import TypeForm

SLICE: Final = 0.005
"""Seconds of decoding after which other tasks get a turn, as soon as the current step is done."""


@overload
def aread(
    source: Source | AsyncSource, **options: Unpack[ReadOptions]
) -> AsyncReader[UsageObject]: ...
@overload
def aread(
    source: Source | AsyncSource, type: TypeForm[T], **options: Unpack[ReadOptions]
) -> AsyncReader[T]: ...
def aread(
    source: Any,
    type: Any = UsageObject,  # noqa: A002 -- the name is public
    *,
    follow: bool = False,
    interval: float = INTERVAL,
    resume: str | bytes | None = None,
    **options: Unpack[DecoderOptions],
) -> AsyncReader[Any]:
    r"""Return an async iterator over the records of a source. It is also an async context manager.

    It is `read` for an asyncio event loop, with the same compressions, documents, errors and
    checkpoints. Nothing is opened or started until the first record is asked for. Only a log to
    follow is looked at when this is called.

    Args:
        source: an async iterable of bytes, as HTTP clients give, an object with an async `read`, as
            `asyncio.StreamReader`, or anything that `read` takes. A thread opens and reads what
            `read` takes, so waiting for it does not block the event loop.
        type: the type of the records, as in `Decoder`.
        follow: whether to wait for more text at the end of a log, as in `read`.
        interval: seconds between two looks at a followed log that has nothing new.
        resume: a checkpoint of a reader of either kind. Reading continues at its place.
        **options: the options of `Decoder`, as in `read`.

    Raises:
        CheckpointError: if `resume` is not a checkpoint.
        FileError: if the source cannot be followed.
        UsageWireError: if the type or an option is wrong, as in `Decoder`.

    Iterating raises the errors that `read` lists. If an async source raises an exception, it
    becomes the cause of a `FileError` after the records before it. A cancellation is raised as is.

    Decoding runs in the event loop. After 5 milliseconds of decoding, other tasks get a turn as
    soon as the current step is done. A step is at most 1 MiB of lines, one longer line, or one
    whole document.

    >>> import asyncio
    >>> from usagewire import aread
    >>> async def chunks():
    ...     yield b'{"object":"organization.usage.vector_stores.result",'
    ...     yield b'"usage_bytes":5}\n'
    >>> async def total():
    ...     async with aread(chunks()) as rows:
    ...         return sum([row.usage_bytes async for row in rows])
    >>> asyncio.run(total())
    5
    """
    at = None if resume is None else Checkpoint.loads(resume)
    decoder: Decoder[Any] = Decoder(type, **options)
    name = options.get("name")
    events: AsyncEventSource
    if follow:
        events = ThreadEventSource(FollowedLog(source, name, at, interval), name)
    elif is_async(source):
        events = TaskEventSource(source, name, at)
    else:
        events = ThreadEventSource(lambda: Sources(source, name, at, in_thread=True), name)
    return AsyncReader(events, Pipeline(decoder, events.start, at))


class AsyncReader(ReaderState[T]):
    """The records of a source, in order: an async iterator and context manager. `aread` returns it.

    You can cancel a wait for a record or a batch, as `asyncio.timeout` does: no record is lost or
    comes twice. Several tasks may share a reader; each record comes to one of them. Iterating
    raises the errors that `read` lists. `aread` has an example.
    """

    def __init__(self, source: AsyncEventSource, pipeline: Pipeline[T]) -> None:
        self._source = source
        self._pipeline = pipeline
        self._since = monotonic()

    @property
    def taken(self) -> int:
        """Bytes read from the source so far, before decompression. Use it to show progress."""
        return self._source.bytes_read

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            for record in self._pipeline.buffer:
                return record
            # This holds no record at an await, so another task may continue.
            if self._pipeline.step():
                await self._fetch()
            else:
                await self._give_way()

    def batches(self) -> AsyncIterator[list[T]]:
        """Return an async iterator over the records in lists, none of them empty.

        A list usually has at least 1,000 records. It has fewer if no more have come yet, or if an
        error comes next. The iterator raises as iterating does. You can use it again then.
        """
        return _Batches(self._batch)

    async def _batch(self) -> list[T]:
        while True:
            await self._give_way()
            batch, needs_input = self._pipeline.batch(self._is_time)
            if batch:
                return batch
            if needs_input:
                await self._fetch()

    def stop(self) -> None:
        """End the records soon, as `Reader.stop` does. Other threads may call this."""
        self._source.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what `aread` opened, and a source that is an async generator. No more records come.

        Any other source stays open, but a few more chunks than the records need may have been read
        from it.

        Raises:
            FileError: if an async source cannot be closed.
        """
        self._pipeline.close()
        await self._source.aclose()

    def _is_time(self) -> bool:
        return monotonic() - self._since >= SLICE

    async def _give_way(self) -> None:
        if self._is_time():
            await asyncio.sleep(0)
            self._since = monotonic()

    async def _fetch(self) -> None:
        source, pipeline = self._source, self._pipeline
        if pipeline.is_ended:
            raise StopAsyncIteration
        if not source.pending:
            await source.wait()
            self._since = monotonic()
            return
        try:
            pipeline.receive(source.take(), goes_on=source.stopped or source.is_followed)
        finally:
            if pipeline.is_ended:
                await source.aclose()
            elif pipeline.skips_source:
                source.skip_source()


class _Batches(AsyncIterator[list[T]]):
    """Not a generator, which would end for good at the first error or cancellation."""

    def __init__(self, batch: Callable[[], Awaitable[list[T]]]) -> None:
        self._batch = batch

    async def __anext__(self) -> list[T]:
        return await self._batch()
