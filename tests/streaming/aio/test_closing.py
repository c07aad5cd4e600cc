"""`aread` closes its sources, and only those."""

import asyncio
import gc
import io
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.asynchronous import GOOD, LINES, ROWS, Chunks, ended, unending, until_error
from tests.support.chunks import cut
from usagewire import FileError, aread


@pytest.mark.parametrize("taken", [0, 1, 6, 7])
@pytest.mark.parametrize("start", ["new", "begun"])
async def test_generator_is_closed(taken: int, start: str) -> None:
    """An async generator is closed with the reader, at any point."""
    closed: list[bool] = []
    source = unending(b"\n", *LINES * 100, closed=closed)
    if start == "begun":
        await anext(source)
    async with aread(source) as reader:
        for _ in range(taken):
            await anext(reader)
    begun = bool(taken) or start == "begun"
    assert ([True] * begun, True) == (closed, await ended(reader))
    assert taken == reader.counts.records
    await reader.aclose()


async def test_iterators() -> None:
    """An iterator from the user stays open; an iterator made from the source is closed."""

    class Body:
        def __init__(self) -> None:
            self.made = Chunks(*LINES)

        def __aiter__(self) -> Chunks:
            return self.made

    iterator, body = Chunks(*LINES), Body()
    for source in (iterator, body):
        async with aread(source) as reader:
            await anext(reader)
    assert (False, True) == (iterator.closed, body.made.closed)


async def test_files_are_closed(tmp_path: Path, opened: list[io.FileIO]) -> None:
    """A file that `aread` opened is closed with the reader; a file object is not."""
    (tmp_path / "log").write_bytes(GOOD * 10**5)
    given = io.BytesIO(GOOD)

    async with aread(tmp_path / "log") as reader:
        await anext(reader)
        assert not opened[0].closed
    async with aread(given) as reader:
        await anext(reader)

    assert ([True], False) == ([file.closed for file in opened], given.closed)


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_closing_wakes_a_waiting_task(kind: str) -> None:
    """A task that waits for a record sees the end when another task closes the reader."""
    release = threading.Event()

    def blocking() -> Iterator[bytes]:
        yield LINES[0]
        release.wait(20)

    reader = aread(unending(LINES[0]) if kind == "async" else blocking())
    waiting = asyncio.create_task(until_error(reader))
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(reader.aclose())
    records, error = await waiting
    release.set()
    await closing
    assert [ROWS[0], None] == [*records, error]


@pytest.mark.skipif(os.name != "posix", reason="asks for what POSIX systems have")
def test_closing_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    """A thread that is stuck in a read does not delay closing or the end of the event loop."""
    os.mkfifo(tmp_path / "pipe")
    handle = os.open(tmp_path / "pipe", os.O_RDWR)

    async def found() -> None:
        async with aread(tmp_path / "pipe") as reader:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(reader)

    try:
        asyncio.run(found())
    finally:
        os.write(handle, GOOD)
        os.close(handle)


async def test_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread can be started, that is a `FileError`, and the user can try again."""

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    reader = aread([GOOD])
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(FileError, match="can't start new thread"):
            await anext(reader)
    assert ROWS == [record async for record in reader]


@pytest.mark.parametrize("begun", [False, True])
async def test_source_that_cannot_be_closed(*, begun: bool) -> None:
    """An exception of a source that is closed before its end becomes one `FileError`."""

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield GOOD
            yield GOOD
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    source = chunks()
    await anext(source)
    reader = aread(source)
    if begun:
        await anext(reader)
        await asyncio.sleep(0)
    with pytest.raises(FileError, match="ZeroDivisionError"):
        await reader.aclose()
    assert await ended(reader)


@pytest.mark.parametrize("data", [GOOD * 10**4, GOOD], ids=["much", "little"])
async def test_forgotten_reader(data: bytes) -> None:
    """A forgotten reader closes its source and leaves no task."""
    closed: list[bool] = []
    async for _ in aread(unending(*cut(data, 1000), closed=closed)):
        break
    gc.collect()
    for _ in range(5):
        await asyncio.sleep(0)
    assert [True] == closed
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_forgotten_reader_of_a_file() -> None:
    """A forgotten reader ends its thread, which closes the source."""
    ended = threading.Event()

    def chunks() -> Iterator[bytes]:
        try:
            while True:
                yield GOOD
        finally:
            ended.set()

    async for _ in aread(chunks()):
        break
    gc.collect()

    assert ended.wait(20)
