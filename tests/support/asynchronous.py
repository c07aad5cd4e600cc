"""Async sources of six records, and functions that read them."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from tests.support.chunks import cut
from tests.support.samples import line
from usagewire import AsyncReader, UsageVectorStoresResult, aread

ROWS: Final = [UsageVectorStoresResult(usage_bytes=number) for number in range(6)]
LINES: Final = [line(number) for number in range(6)]
GOOD: Final = b"".join(LINES)
LIMIT: Final = 200
MIXED: Final = b"".join(
    [
        *(LINES[0], b"what?\n", b" \r\n", LINES[1], b"\n", LINES[2].replace(b"\n", b"\r\n")),
        *(b"x" * (LIMIT + 1) + b"\n", LINES[3], b'{"usage_bytes":null}\n', LINES[4]),
        LINES[5].strip(),
    ]
)


class Chunks:
    """An async iterator that is not a generator, and notes whether it was closed."""

    def __init__(self, *chunks: Any) -> None:
        self._chunks = iter(chunks)
        self.closed = False

    def __aiter__(self) -> "Chunks":
        return self

    async def __anext__(self) -> Any:
        await asyncio.sleep(0)
        for chunk in self._chunks:
            if isinstance(chunk, BaseException):
                raise chunk
            return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True


async def generated(*chunks: Any) -> AsyncIterator[Any]:
    """Yield chunks without waiting."""
    for chunk in chunks:
        yield chunk


async def unending(*chunks: bytes, closed: list[bool] | None = None) -> AsyncIterator[bytes]:
    """Yield chunks, wait for ever, and note in `closed` when this is closed."""
    try:
        for chunk in chunks:
            yield chunk
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        if closed is not None:
            closed.append(True)


class AsyncBytesIO:
    """A file with an async `read`, whose lines must not be used."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    async def read(self, size: int) -> bytes:
        """Return a few bytes."""
        await asyncio.sleep(0)
        return self._file.read(min(size, 50))

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise NotImplementedError


def stream_reader(data: bytes) -> asyncio.StreamReader:
    """Return a stream of `data` that has ended. Its own limit on a line is 10 bytes."""
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(data)
    reader.feed_eof()
    return reader


ASYNC_SOURCES: Final[dict[str, Callable[[bytes], Any]]] = {
    "async generator": lambda data: generated(*cut(data, 50)),
    "async iterator": lambda data: Chunks(*cut(data, 50)),
    "bytearrays": lambda data: Chunks(*map(bytearray, cut(data, 50))),
    "memoryviews": lambda data: Chunks(*map(memoryview, cut(data, 50))),
    "StreamReader": stream_reader,
    "async read": AsyncBytesIO,
}


async def all_of(source: Any, **options: Any) -> list[Any]:
    """Return the records of a source."""
    async with aread(source, **options) as reader:
        return [record async for record in reader]


async def until_error(reader: AsyncReader[Any]) -> tuple[list[Any], Any]:
    """Return the records before the first error, and the error."""
    records: list[Any] = []
    try:
        async for record in reader:
            records.append(record)  # noqa: PERF401 -- a comprehension would lose them
    except BaseException as error:
        return records, error
    return records, None


async def ended(reader: AsyncReader[Any]) -> bool:
    """Return whether a reader has no more records and no more batches."""
    return [] == [one async for one in reader] == [one async for one in reader.batches()]
