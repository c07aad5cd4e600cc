"""`aread` from a checkpoint, and following a log."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.asynchronous import (
    ASYNC_SOURCES,
    GOOD,
    LIMIT,
    LINES,
    MIXED,
    ROWS,
    Chunks,
    all_of,
    ended,
    unending,
    until_error,
)
from tests.support.packing import PACK
from tests.support.writing import needs_posix
from usagewire import AsyncReader, CheckpointError, FileError, aread, read

RESUMED: Final = {
    "lines": MIXED,
    "gzip": PACK[".gz"](MIXED),
    "zstd": PACK[".zst"](MIXED),
    "document": b"[\n" + LINES[0] + b",\n 5,\n" + LINES[1] + b"]\n",
}


@pytest.mark.parametrize("data", RESUMED)
@pytest.mark.parametrize("kind", ["path", "async iterator", "StreamReader"])
@pytest.mark.usefixtures("path")
def test_resume(kind: str, data: str, tmp_path: Path) -> None:
    """From a checkpoint of `read` or `aread`, at any record, both continue at its place."""
    path = tmp_path / "log"
    path.write_bytes(RESUMED[data])
    options: dict[str, Any] = {"on_error": "skip", "max_line_bytes": LIMIT, "name": "log"}

    def source() -> Any:
        return path if kind == "path" else ASYNC_SOURCES[kind](RESUMED[data])

    async def resumed(checkpoint: str) -> list[Any]:
        return await all_of(source(), resume=checkpoint, **options)

    async def places(count: int) -> tuple[str, str]:
        async with aread(source(), **options) as reader:
            with read(path, **options) as other:
                for _ in range(count):
                    await anext(reader)
                    next(other)
                return reader.checkpoint(), other.checkpoint()

    whole = list(read(path, **options))
    for count in range(len(whole) + 1):
        ours, theirs = asyncio.run(places(count))

        assert whole[count:] == list(read(path, resume=ours, **options))
        assert whole[count:] == asyncio.run(resumed(ours))
        assert whole[count:] == asyncio.run(resumed(theirs))


def test_resume_among_several(tmp_path: Path) -> None:
    """A checkpoint in the second of several files fits these files, but not a stream."""
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(GOOD)
    with read(paths) as reader:
        for _ in range(8):
            next(reader)
        checkpoint = reader.checkpoint()

    assert ROWS[2:] == asyncio.run(all_of(paths, resume=checkpoint))
    with pytest.raises(CheckpointError, match="source 2"):
        asyncio.run(all_of(Chunks(GOOD), resume=checkpoint))


@pytest.mark.parametrize("make", [Chunks, lambda data: [data]], ids=["async", "thread"])
@pytest.mark.parametrize("data", [GOOD[:-1].replace(b"5", b"6"), GOOD[:40], b""])
async def test_resume_of_another_source(make: Callable[[bytes], Any], data: bytes) -> None:
    """A different source is refused, and none of its records comes out."""
    with read([GOOD]) as reader:
        list(reader)
        checkpoint = reader.checkpoint()

    reader = aread(make(data), resume=checkpoint)
    records, error, *rest = [*await until_error(reader), *await until_error(reader)]

    assert ([], CheckpointError, [[], None]) == (records, type(error), rest)


async def test_refused_source_is_closed() -> None:
    """A refused source is closed at once."""
    closed: list[bool] = []
    with read([GOOD]) as reader:
        list(reader)
        checkpoint = reader.checkpoint()

    refused = aread(unending(b"x" * len(GOOD), closed=closed), resume=checkpoint)
    with pytest.raises(CheckpointError):
        await anext(refused)
    assert [True] == closed


async def test_checkpoint_before_the_first_record() -> None:
    """A checkpoint of a reader that has read nothing is the place where it begins."""
    async with aread(Chunks(GOOD)) as reader:
        start = reader.checkpoint()
        await anext(reader)
        second = reader.checkpoint()
    async with aread(Chunks(GOOD), resume=second) as reader:
        assert second == reader.checkpoint()
    assert ROWS == await all_of(Chunks(GOOD), resume=start)


def followed(path: Path, resume: str | None = None) -> AsyncReader[Any]:
    """Return a reader that follows a log and looks often."""
    return aread(path, follow=True, interval=0.001, resume=resume)


async def news(reader: AsyncReader[Any], count: int) -> list[Any]:
    """Return the next records."""
    return [await anext(reader) for _ in range(count)]


@needs_posix
async def test_follow(tmp_path: Path) -> None:
    """A log is followed as it grows and is rotated, and from a checkpoint of either reader."""
    log = tmp_path / "log"

    def write(text: bytes) -> None:
        with log.open("ab") as file:
            file.write(text)

    async with followed(log) as reader:
        waiting = asyncio.create_task(anext(reader))
        await asyncio.sleep(0)
        write(LINES[0] + LINES[1][:10])
        assert ROWS[0] == await waiting
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await anext(reader)
        checkpoint = reader.checkpoint()
        write(LINES[1][10:])
        log.rename(tmp_path / "log.1")
        write(LINES[2] + LINES[3][:20])
        assert ROWS[1:3] == await news(reader, 2)
        last = reader.checkpoint()
    async with followed(log, checkpoint) as reader:
        assert ROWS[1:3] == await news(reader, 2)
    write(LINES[3][20:])
    async with followed(log, last) as reader:
        assert ROWS[3:4] == await news(reader, 1)
    with read(log, follow=True, resume=last) as other:
        assert ROWS[3] == next(other)
        assert reader.checkpoint() == other.checkpoint()


@needs_posix
@pytest.mark.parametrize("in_batches", [False, True])
def test_stop(tmp_path: Path, *, in_batches: bool) -> None:
    """`stop` ends following, even during a wait; a last line without LF is not read."""
    (tmp_path / "log").write_bytes(GOOD[:-1])

    async def found() -> list[Any]:
        reader = aread(tmp_path / "log", follow=True, interval=60)
        records: list[Any] = []
        all_there = asyncio.Event()

        async def work() -> None:
            async for found in reader.batches() if in_batches else reader:
                records.extend(found if in_batches else [found])
                if len(records) == 5:
                    all_there.set()

        working = asyncio.create_task(work())
        await all_there.wait()
        await asyncio.sleep(0.01)
        stopping = threading.Thread(target=reader.stop)
        stopping.start()
        await working
        stopping.join()
        assert await ended(reader)
        return [*records, reader.counts.bytes]

    assert [*ROWS[:5], len(GOOD) - len(LINES[5])] == asyncio.run(found())


async def test_stop_without_follow() -> None:
    """After `stop`, the records that were read come out, and no others are read."""
    reader = aread(Chunks(GOOD, GOOD, LINES[0]))
    first = await anext(reader)
    reader.stop()
    assert ROWS == [first, *[record async for record in reader]]


@needs_posix
@pytest.mark.parametrize("begun", [False, True])
def test_closing_ends_the_thread_that_waits(tmp_path: Path, *, begun: bool) -> None:
    """The thread of a closed reader ends at once, even during a long interval."""
    (tmp_path / "log").write_bytes(LINES[0])

    async def found() -> None:
        async with aread(tmp_path / "log", follow=True, interval=600) as reader:
            if begun:
                await anext(reader)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await anext(reader)

    before = set(threading.enumerate())
    asyncio.run(found())

    assert set() == {one for one in set(threading.enumerate()) - before if one.is_alive()}


@needs_posix
def test_error_of_a_log_is_tried_again(tmp_path: Path) -> None:
    """An unreadable log is read further when it is readable again, without a gap."""
    log = tmp_path / "log"
    log.write_bytes(LINES[0])

    async def found() -> list[Any]:
        async with followed(log) as reader:
            first = await anext(reader)
            log.rename(tmp_path / "log.1")
            log.mkdir()
            with pytest.raises(FileError, match="log: "):
                await anext(reader)
            await asyncio.sleep(0.05)  # many intervals without a look
            log.rmdir()
            log.write_bytes(GOOD[len(LINES[0]) :])
            for _ in range(3):
                with suppress(FileError):  # one may have been found before
                    return [first, *await news(reader, 5)]
            return []

    assert ROWS == asyncio.run(found())


@needs_posix
async def test_checkpoint_of_a_log_before_its_first_record(tmp_path: Path) -> None:
    """A log is looked for at once, so a checkpoint of its beginning identifies the file."""
    (tmp_path / "log").write_bytes(GOOD)
    with read(tmp_path / "log", follow=True) as expected:
        async with followed(tmp_path / "log") as reader:
            assert expected.checkpoint() == reader.checkpoint()


@pytest.mark.parametrize("source", ["-", "memory://x", Chunks(), [b""]])
def test_only_a_path_can_be_followed(source: Any) -> None:
    """Anything but a path is refused at once, as `read` does."""
    with pytest.raises(FileError, match="cannot be followed"):
        aread(source, follow=True)
