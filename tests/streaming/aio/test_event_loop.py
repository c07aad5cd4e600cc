"""`aread` does not block the event loop, and survives cancelled waits."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.asynchronous import (
    ASYNC_SOURCES,
    GOOD,
    LIMIT,
    LINES,
    MIXED,
    ROWS,
    Chunks,
    all_of,
    generated,
    unending,
    until_error,
)
from tests.support.chunks import cut
from usagewire import AsyncReader, aread, read
from usagewire.streaming.aio import reader


async def test_blocking_source() -> None:
    """While a source blocks its thread, the event loop runs and can release the source."""
    released = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield GOOD
        assert released.wait(20)
        yield GOOD

    async with aread(chunks()) as reader:
        first = [await anext(reader) for _ in ROWS]
        waiting = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        released.set()
        rest = [await waiting, *[record async for record in reader]]
    assert ROWS * 2 == first + rest


@pytest.mark.parametrize(
    ("line", "turns"), [(LINES[0], 4), (b"no\n", 300)], ids=["good lines", "bad lines"]
)
@pytest.mark.parametrize("in_batches", [False, True])
async def test_other_tasks_get_turns(
    monkeypatch: pytest.MonkeyPatch, line: bytes, turns: int, *, in_batches: bool
) -> None:
    """Other tasks get turns between the steps of decoding one big chunk."""
    monkeypatch.setattr(reader, "SLICE", 0)
    # Enough lines of either kind for several steps.
    data = line * (300 if turns == 300 else 4 * 2**20 // len(line))
    turned = 0

    async def tick() -> None:
        nonlocal turned
        while True:
            await asyncio.sleep(0)
            turned += 1

    ticking = asyncio.create_task(tick())
    async with aread(generated(data), on_error="skip") as rows:
        async for _ in rows.batches() if in_batches else rows:
            pass
    ticking.cancel()

    assert turned >= turns


async def test_readers_side_by_side() -> None:
    """Readers in one event loop do not mix."""
    sources = [Chunks(*cut(GOOD, 7)), ASYNC_SOURCES["StreamReader"](GOOD), iter(cut(GOOD, 11))]
    assert [ROWS] * 3 == await asyncio.gather(*map(all_of, sources))


@pytest.mark.parametrize("make", [Chunks, lambda *chunks: iter(chunks)], ids=["async", "thread"])
async def test_tasks_that_share_a_reader(make: Callable[..., Any]) -> None:
    """Each record comes to one of several tasks."""
    reader = aread(make(*cut(GOOD * 20, 150)))
    shares: list[list[Any]] = []

    async def work() -> None:
        mine: list[Any] = []
        shares.append(mine)
        async for record in reader:
            mine.append(record)
            await asyncio.sleep(0)

    await asyncio.gather(work(), work(), work())

    assert sorted(ROWS * 20, key=repr) == sorted(chain(*shares), key=repr)
    assert all(shares)


def test_one_reader_in_two_loops(tmp_path: Path) -> None:
    """Reading a file can continue in a second event loop."""
    (tmp_path / "log").write_bytes(GOOD)
    reader = aread(tmp_path / "log")

    async def some() -> list[Any]:
        return [await anext(reader) for _ in range(3)]

    assert ROWS == asyncio.run(some()) + asyncio.run(some())


def test_async_source_in_another_loop() -> None:
    """If an event loop ends in the middle of an async source, that does not look like its end."""
    reader = aread(Chunks(*LINES[:2], *[b""] * 200, *LINES[2:]))

    async def some() -> tuple[list[Any], Any]:
        return [await anext(reader) for _ in range(2)], None

    assert (ROWS[:2], None) == asyncio.run(some())
    records, error = asyncio.run(until_error(reader))
    assert "<Chunks>: reading was interrupted; open it again" == str(error)
    assert ROWS[2 : 2 + len(records)] == records


@given(
    turns=st.lists(st.integers(min_value=0, max_value=6), min_size=1, max_size=30),
    size=st.integers(min_value=10, max_value=200),
    in_batches=st.booleans(),
    kind=st.sampled_from(["async", "generator", "thread"]),
)
def test_cancelled_waits_lose_nothing(
    turns: list[int], size: int, *, in_batches: bool, kind: str
) -> None:
    """Waits that are cancelled after any number of turns lose and repeat no record."""

    async def slowly() -> AsyncIterator[bytes]:
        for chunk in cut(MIXED, size):
            await asyncio.sleep(0)
            yield chunk
            await asyncio.sleep(0)

    async def found() -> list[Any]:
        chunks: dict[str, Any] = {
            "async": Chunks(*cut(MIXED, size)),
            "generator": slowly(),
            "thread": iter(cut(MIXED, size)),
        }
        records: list[Any] = []
        to_come = iter(turns)
        async with aread(chunks[kind], on_error="skip", max_line_bytes=LIMIT) as reader:
            items: Any = reader.batches() if in_batches else reader
            while True:
                waiting = asyncio.ensure_future(anext(items))
                for _ in range(next(to_come, 10**6)):
                    if waiting.done():
                        break
                    await asyncio.sleep(0)
                else:
                    waiting.cancel()
                try:
                    item = await waiting
                except asyncio.CancelledError:
                    continue
                except StopAsyncIteration:
                    return [*records, reader.counts]
                records += item if in_batches else [item]

    at_once = read([MIXED], on_error="skip", max_line_bytes=LIMIT)

    assert [*at_once, at_once.counts] == asyncio.run(found())


async def test_cancelled_waits_are_freed() -> None:
    """A cancelled wait leaves no object."""

    async def events(reader: AsyncReader[Any]) -> int:
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(reader)
        gc.collect()
        return sum(isinstance(one, asyncio.Event) for one in gc.get_objects())

    async with aread(unending()) as reader:
        assert await events(reader) == await events(reader)


async def test_cancelled_task_closes_its_source() -> None:
    """A task that is cancelled in the context closes the source."""
    closed: list[bool] = []

    async def work() -> None:
        async with aread(unending(GOOD, closed=closed)) as reader:
            async for _ in reader:
                pass

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [True] == closed
