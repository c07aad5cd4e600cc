"""Records of files and async streams in an event loop: `aread`, and the `AsyncReader` it returns.

This module does with an `AsyncEventSource` what `reader` does with an `EventSource`: no rule of
reading is here. The event loop is asyncio's.
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
"""Seconds of decoding after which other tasks get a turn, when the step at hand is done."""


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
    r"""Return an async iterator over the records of `source`, an async context manager too.

    It is `read` for an asyncio event loop: the same compressions, documents, errors, checkpoints.

    Args:
        source: an async iterable of bytes, as HTTP clients give; an object with an async `read`,
            as `asyncio.StreamReader`; or anything that `read` takes, which a thread opens, reads
            and iterates over, so that waiting for it does not block the event loop.
        type, follow, interval, resume, options: as in `read`. A checkpoint may be of either.

    Raises:
        CheckpointError: where the checkpoint is none.
        FileError: where the source cannot be followed.
        UsageWireError: as `Decoder`, for the type and the options.

    Nothing is opened or started before the first record is asked for, but for the look at a log
    that is to be followed. Iterating raises the errors of `read`. An exception of an async source
    is the cause of a `FileError`, after the records before it. A cancellation passes.

    Decoding runs in the event loop. Other tasks get a turn after `SLICE` seconds of it, between two
    steps, of which each is at most 1 MiB of lines, or one line longer than that, or one whole
    document.

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
    """The records of an async source, or of files, in order. Made by `aread`.

    A wait for a record or a batch may be cancelled, as by `asyncio.timeout`: no record is lost and
    none comes twice. Several tasks may share a reader; each record comes to one of them.
    """

    def __init__(self, source: AsyncEventSource, pipeline: Pipeline[T]) -> None:
        self._source = source
        self._pipeline = pipeline
        self._since = monotonic()

    @property
    def taken(self) -> int:
        """Bytes taken from the source so far, as it gave them: for showing progress."""
        return self._source.bytes_read

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            for record in self._pipeline.buffer:
                return record
            # At each await nothing is held here, and another task may go on.
            if self._pipeline.step():
                await self._fetch()
            else:
                await self._give_way()

    def batches(self) -> AsyncIterator[list[T]]:
        """Return an async iterator over the records in lists of about a thousand; none is empty.

        A list is smaller where no more is there yet. The iterator raises as the reader does, once
        the records before have come out, and goes on after that.
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
        """Let the records end soon, as `Reader.stop` does, also from another thread."""
        self._source.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what `aread` opened, and an async generator that was its source.

        There are no more records then. Any other source stays open; up to a few chunks more than
        the records need were read from it. It raises `FileError` where an async source cannot be
        closed.
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
    """No generator, which would end for good with the first error or cancellation."""

    def __init__(self, batch: Callable[[], Awaitable[list[T]]]) -> None:
        self._batch = batch

    async def __anext__(self) -> list[T]:
        return await self._batch()
