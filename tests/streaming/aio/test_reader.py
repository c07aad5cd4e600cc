"""`aread`: what `read` gives, from async sources and others, with the event loop left free."""

import asyncio
import gc
import io
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

import aiohttp
import fsspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from tests.support.comparing import exact
from tests.support.samples import row, text
from usagewire import (
    AsyncReader,
    CheckpointError,
    DecodeError,
    FileError,
    UsageVectorStoresResult,
    UsageWireError,
    aread,
    read,
)
from usagewire.io import files
from usagewire.io.compression import compressor
from usagewire.streaming.aio import reader

ROWS: Final = [UsageVectorStoresResult(usage_bytes=number) for number in range(6)]
LINES: Final = [text(row(usage_bytes=number)) + b"\n" for number in range(6)]
GOOD: Final = b"".join(LINES)
LIMIT: Final = 200
MIXED: Final = b"".join(
    [
        *(LINES[0], b"what?\n", b" \r\n", LINES[1], b"\n", LINES[2].replace(b"\n", b"\r\n")),
        *(b"x" * (LIMIT + 1) + b"\n", LINES[3], b'{"usage_bytes":null}\n', LINES[4]),
        LINES[5].strip(),
    ]
)
DATA: Final = {
    "lines": MIXED,
    "document": b"[\n" + LINES[0] + b",\n 5,\n" + LINES[1] + b"]\n",
    "large document": b"{\n" + b' "x": 1,\n' * LIMIT,
    "cut-off document": b"[\n" + LINES[0] + b",\n" + LINES[1],
    "nothing": b"",
}
SUFFIXES: Final = ["", ".gz", ".zst", ".bz2", ".xz"]


def packed(data: bytes, suffix: str) -> bytes:
    """Return `data` compressed as the suffix says."""
    pack = compressor(suffix)
    return pack.compress(data) + pack.flush() if pack else data


class Chunks:
    """An async iterator that is no generator, and tells whether it was closed."""

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
    """Yield chunks, without waiting for anything."""
    for chunk in chunks:
        yield chunk


class AsyncBytesIO:
    """A file with an async `read`, and lines that are too short to be of use."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    async def read(self, size: int) -> bytes:
        """Return a few bytes."""
        await asyncio.sleep(0)
        return self._file.read(min(size, 50))

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise NotImplementedError


def stream_reader(data: bytes) -> asyncio.StreamReader:
    """Return a stream that has `data` and has ended; its lines may have 10 bytes."""
    reader = asyncio.StreamReader(limit=10)
    reader.feed_data(data)
    reader.feed_eof()
    return reader


def cut(data: bytes, size: int = 50) -> list[bytes]:
    """Return `data` in chunks."""
    return [data[i : i + size] for i in range(0, len(data), size)]


def story(source: Any, **options: Any) -> list[Any]:
    """Return all that `read` tells, record by record, with its errors in their places."""
    found: list[Any] = []
    try:
        reader = read(source, **options)
    except FileError as error:
        return [(type(error), str(error))]
    while True:
        try:
            found += [exact(next(reader)), reader.counts, reader.position, reader.checkpoint()]
        except StopIteration:
            return [*found, reader.counts, reader.rejections]
        except UsageWireError as error:
            found += [(type(error), str(error))]


async def async_story(source: Any, **options: Any) -> list[Any]:
    """Return all that `aread` tells, record by record, with its errors in their places."""
    found: list[Any] = []
    async with aread(source, **options) as reader:
        while True:
            try:
                record = await anext(reader)
            except StopAsyncIteration:
                return [*found, reader.counts, reader.rejections]
            except UsageWireError as error:
                found += [(type(error), str(error))]
            else:
                found += [exact(record), reader.counts, reader.position, reader.checkpoint()]


async def all_of(source: Any, **options: Any) -> list[Any]:
    """Return the records of a source."""
    async with aread(source, **options) as reader:
        return [record async for record in reader]


async def until_error(reader: AsyncReader[Any]) -> tuple[list[Any], Any]:
    """Return the records before the first error, and the error."""
    records: list[Any] = []
    try:
        async for record in reader:
            records.append(record)  # noqa: PERF401 -- those before the error are to be kept
    except BaseException as error:
        return records, error
    return records, None


# --- as `read` does --------------------------------------------------------------------------

ASYNC_SOURCES: Final[dict[str, Callable[[bytes], Any]]] = {
    "async generator": lambda data: generated(*cut(data)),
    "async iterator": lambda data: Chunks(*cut(data)),
    "bytearrays": lambda data: Chunks(*map(bytearray, cut(data))),
    "memoryviews": lambda data: Chunks(*map(memoryview, cut(data))),
    "StreamReader": stream_reader,
    "async read": AsyncBytesIO,
}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("on_error", ["raise", "skip", "collect"])
@pytest.mark.parametrize("kind", ASYNC_SOURCES)
@pytest.mark.usefixtures("path")
async def test_async_sources(kind: str, on_error: Any, data: str) -> None:
    """Whatever gives the bytes, all is as `read` says of the same bytes."""
    options: dict[str, Any] = {"name": "log", "on_error": on_error, "max_line_bytes": LIMIT}

    found = await async_story(ASYNC_SOURCES[kind](DATA[data]), **options)
    assert story(io.BytesIO(DATA[data]), **options) == found


def remote(folder: Path) -> str:
    """Return the URL of a file that is in no folder."""
    fsspec.filesystem("memory").pipe("/mixed", (folder / "a.ndjson").read_bytes())
    return "memory://mixed"


SOURCES: Final[dict[str, Callable[[Path], Any]]] = {
    "path": lambda folder: folder / "a.ndjson",
    "str": lambda folder: str(folder / "a.ndjson"),
    "gzip": lambda folder: folder / "b.ndjson.gz",
    "glob": lambda folder: str(folder / "*.ndjson*"),
    "several": lambda folder: [folder / "a.ndjson", folder / "b.ndjson.gz"],
    "one missing": lambda folder: [folder / "a.ndjson", folder / "x", folder / "b.ndjson.gz"],
    "missing": lambda folder: folder / "x",
    "folder": lambda folder: folder,
    "glob of nothing": lambda folder: str(folder / "x*"),
    "large document": lambda folder: [folder / "large.json", folder / "a.ndjson"],
    "file object": lambda folder: io.BytesIO((folder / "a.ndjson").read_bytes()),
    "list": lambda folder: cut((folder / "a.ndjson").read_bytes()),
    "iterator": lambda folder: iter(cut((folder / "b.ndjson.gz").read_bytes())),
    "URL": remote,
    "no source": lambda _: 5,
}


@pytest.mark.parametrize("on_error", ["raise", "collect"])
@pytest.mark.parametrize("kind", SOURCES)
async def test_sources(kind: str, on_error: Any, tmp_path: Path) -> None:
    """What `read` takes is taken, with the same records, places and errors."""
    (tmp_path / "a.ndjson").write_bytes(MIXED)
    (tmp_path / "b.ndjson.gz").write_bytes(packed(MIXED, ".gz"))
    (tmp_path / "large.json").write_bytes(b"{\n" + b" \n" * 10**6 + b"}")
    options: dict[str, Any] = {"on_error": on_error, "max_line_bytes": LIMIT}
    expected = story(SOURCES[kind](tmp_path), **options)
    found = await async_story(SOURCES[kind](tmp_path), **options)

    assert expected == found[: len(expected)]


async def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(GOOD)))

    assert ROWS == await all_of("-")


@given(
    data=st.lists(st.sampled_from([*LINES, b"no\n", b"\n", b"[\n", b"\xef\xbb\xbf"])),
    suffix=st.sampled_from(SUFFIXES),
    damage=st.integers(min_value=0, max_value=30),
    cuts=st.lists(st.integers(min_value=0, max_value=300)),
    waits=st.booleans(),
)
def test_any_cut_of_any_compression(
    data: list[bytes], suffix: str, damage: int, cuts: list[int], *, waits: bool
) -> None:
    """However the bytes are cut, packed and cut off, what comes out is what `read` gives."""
    whole = packed(b"".join(data), suffix)
    whole = whole[: len(whole) - damage]
    ends = [0, *sorted(end for end in cuts if end < len(whole)), len(whole)]
    chunks = [whole[start:end] for start, end in pairwise(ends)]
    source = Chunks(*chunks) if waits else generated(*chunks)
    options: dict[str, Any] = {"name": "log", "on_error": "collect"}
    found = asyncio.run(async_story(source, **options))
    # The place of a checkpoint depends on no cut, but for the moment at which damage is seen.
    assert story(iter(chunks), **options) == found


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_batches(suffix: str) -> None:
    """Batches have all the records in order, and none is empty."""
    chunks = cut(packed(GOOD * 500, suffix), 1000)
    batches = [batch async for batch in aread(Chunks(*chunks)).batches()]

    assert ROWS * 500 == [record for batch in batches for record in batch]
    assert all(batches)


async def test_batches_after_an_error() -> None:
    """An iterator over batches goes on after a bad line, as iterating over records does."""
    batches = aread(Chunks(GOOD + b"no\n" + GOOD)).batches()
    first = await anext(batches)
    with pytest.raises(DecodeError):
        await anext(batches)
    assert [ROWS, ROWS] == [first, *[batch async for batch in batches]]


def test_options_are_checked_at_once() -> None:
    """A wrong option, or no checkpoint, is told before anything is read."""
    with pytest.raises(UsageWireError, match="on_error"):
        aread("x", on_error="ignore")  # type: ignore[call-overload]
    with pytest.raises(CheckpointError):
        aread("x", resume="{}")


@pytest.mark.parametrize("make", [Chunks, lambda data: [data]], ids=["async", "thread"])
async def test_taken(make: Callable[[bytes], Any]) -> None:
    """The bytes taken are those of the source, not of its text."""
    async with aread(make(packed(GOOD, ".gz"))) as reader:
        before = reader.taken
        assert ROWS == [record async for record in reader]
        result = [before, reader.taken]
    assert [0, len(packed(GOOD, ".gz"))] == result


# --- networks --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_socket(suffix: str) -> None:
    """What comes through a socket is read, in whatever pieces it comes."""
    data = packed(GOOD * 300, suffix)

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for chunk in cut(data, 997):
            writer.write(chunk)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        records = await all_of(reader)
        writer.close()
        await writer.wait_closed()
        result = records
    assert ROWS * 300 == result


async def with_client(
    data: bytes, length: int, use: Callable[[aiohttp.ClientResponse], Awaitable[Any]]
) -> Any:
    """Return what `use` makes of the response of a server that says it sends `length` bytes."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(length)})
        await response.prepare(request)
        for chunk in cut(data, 997):
            await response.write(chunk)
        if length > len(data) and request.transport is not None:
            request.transport.close()
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}") as got:
            return await use(got)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "stream",
    [
        lambda response: response.content,
        lambda response: response.content.iter_any(),
        lambda response: response.content.iter_chunked(100),
    ],
    ids=["content", "iter_any", "iter_chunked"],
)
async def test_aiohttp(stream: Callable[[aiohttp.ClientResponse], Any]) -> None:
    """The body of an HTTP response is read as it comes."""
    data = packed(GOOD * 300, ".gz")

    async def use(response: aiohttp.ClientResponse) -> list[Any]:
        return await all_of(stream(response))

    assert ROWS * 300 == await with_client(data, len(data), use)


async def test_aiohttp_cut_off() -> None:
    """A body that breaks off is an error, whose cause is the client's, after its records."""

    async def use(response: aiohttp.ClientResponse) -> tuple[list[Any], FileError | None]:
        return await until_error(aread(response.content, name="the log"))

    records, error = await with_client(GOOD, len(GOOD) + 1, use)

    assert (ROWS, FileError) == (records, type(error))
    assert isinstance(error.__cause__, aiohttp.ClientError)
    assert str(error).startswith("the log: ")


# --- errors ----------------------------------------------------------------------------------


class ClientError(Exception):
    """An error of an HTTP client's own kind."""


@pytest.mark.parametrize("cause", [OSError(5, "Input/output error"), ClientError(), TimeoutError()])
async def test_error_of_the_source(cause: Exception) -> None:
    """What the source raises is the cause of an error of ours, after the records before it."""
    reader = aread(Chunks(GOOD[:-1], cause), name="log")
    records, error, rest = (*await until_error(reader), [record async for record in reader])

    assert (ROWS[:-1], FileError, []) == (records, type(error), rest)
    assert error is not None
    assert cause is error.__cause__
    assert str(error).startswith("log: ")


async def test_own_error_of_the_source_stays() -> None:
    """A source that is made of our own parts raises our own errors, and they stay what they are."""
    cause = FileError("inner: damaged")

    assert (ROWS, cause) == await until_error(aread(Chunks(GOOD, cause)))


@pytest.mark.parametrize("chunk", ["text", 5])
async def test_chunks_that_are_no_bytes(chunk: Any) -> None:
    """A chunk that is no bytes is an error, after the records before it."""
    records, error = await until_error(aread(Chunks(GOOD, chunk)))

    assert ROWS == records
    assert f"<Chunks>: gives {type(chunk).__name__}, not bytes" == str(error)


@pytest.mark.parametrize("chunk", ["text", "", None])
async def test_async_text_file(chunk: Any) -> None:
    """An async file opened as text, or one that does not wait, is refused."""

    class Wrong:
        async def read(self, _: int) -> Any:
            return chunk

    with pytest.raises(FileError, match="<Wrong>: gives"):
        await all_of(Wrong())


@pytest.mark.parametrize("cause", [MemoryError, asyncio.CancelledError])
async def test_what_passes(cause: type[BaseException]) -> None:
    """No memory, and a cancellation of the source's own, pass; that is no end of the source."""
    reader = aread(Chunks(GOOD, cause()))
    first, passed, second, error, *rest = [
        one for _ in range(3) for one in await until_error(reader)
    ]

    assert (ROWS, cause, []) == (first, type(passed), second)
    assert "<Chunks>: reading was interrupted; open it again" == str(error)
    assert [[], None] == rest


@pytest.mark.parametrize(
    ("cause", "becomes"), [(ClientError, FileError), (MemoryError, MemoryError)]
)
async def test_error_of_an_iterable(cause: type[Exception], becomes: type[Exception]) -> None:
    """What an iterable raises in its thread comes after what came before, and is no end."""

    def chunks() -> Iterator[bytes]:
        yield GOOD
        raise cause

    reader = aread(chunks())
    first, raised, second, error = [*await until_error(reader), *await until_error(reader)]

    assert (ROWS, becomes, []) == (first, type(raised), second)
    assert (becomes is MemoryError) == ("interrupted" in str(error))


async def test_rest_of_a_large_document_is_not_read() -> None:
    """What is a document and too large is left, though its source never ends."""
    piece = DATA["large document"]

    class Endless:
        def read(self, _: int) -> bytes:
            return piece

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield piece

    async with asyncio.timeout(60):
        files: Any = [Endless(), io.BytesIO(GOOD)]
        several = aread(files, max_line_bytes=LIMIT)
        one = aread(endless(), max_line_bytes=LIMIT)
        for reader in (several, one):
            with pytest.raises(FileError, match="raise max_line_bytes"):
                await anext(reader)
        result = [*[record async for record in several], await ended(one)]
    assert [*ROWS, True] == result


# --- the event loop --------------------------------------------------------------------------


async def test_waiting_source_leaves_the_loop_free() -> None:
    """While a source blocks its thread, the event loop runs: here it is what lets it go on."""
    gone_on = threading.Event()

    def chunks() -> Iterator[bytes]:
        yield GOOD
        assert gone_on.wait(20)
        yield GOOD

    async with aread(chunks()) as reader:
        first = [await anext(reader) for _ in ROWS]
        waiting = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        gone_on.set()
        result = [*first, await waiting, *[record async for record in reader]]
    assert ROWS * 2 == result


@pytest.mark.parametrize(
    ("line", "turns"), [(LINES[0], 4), (b"no\n", 300)], ids=["good lines", "bad lines"]
)
@pytest.mark.parametrize("in_batches", [False, True])
async def test_other_tasks_get_turns(
    monkeypatch: pytest.MonkeyPatch, line: bytes, turns: int, *, in_batches: bool
) -> None:
    """One big chunk does not starve other tasks: they get turns between the steps of decoding."""
    monkeypatch.setattr(reader, "SLICE", 0)
    # Enough for several steps, whichever kind of line it is.
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
    """Readers of one loop do not mix."""
    sources = [Chunks(*cut(GOOD, 7)), stream_reader(GOOD[::1]), iter(cut(GOOD, 11))]
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
    """A file can be read on in another event loop."""
    (tmp_path / "log").write_bytes(GOOD)
    reader = aread(tmp_path / "log")

    async def some() -> list[Any]:
        return [await anext(reader) for _ in range(3)]

    assert ROWS == asyncio.run(some()) + asyncio.run(some())


def test_async_source_in_another_loop() -> None:
    """An async source that another event loop cut off does not seem to have ended."""
    reader = aread(Chunks(*LINES[:2], *[b""] * 200, *LINES[2:]))

    async def some() -> tuple[list[Any], Any]:
        return [await anext(reader) for _ in range(2)], None

    assert (ROWS[:2], None) == asyncio.run(some())
    records, error = asyncio.run(until_error(reader))
    assert "<Chunks>: reading was interrupted; open it again" == str(error)
    assert ROWS[2 : 2 + len(records)] == records


# --- cancelling ------------------------------------------------------------------------------


@given(
    turns=st.lists(st.integers(min_value=0, max_value=6), min_size=1, max_size=30),
    size=st.integers(min_value=10, max_value=200),
    in_batches=st.booleans(),
    kind=st.sampled_from(["async", "generator", "thread"]),
)
def test_cancelled_waits_lose_nothing(
    turns: list[int], size: int, *, in_batches: bool, kind: str
) -> None:
    """Waits that are cancelled after any number of turns of the loop lose and double no record."""

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


async def test_waits_that_end_leave_nothing_behind() -> None:
    """However often a wait is cancelled, nothing is kept of it."""

    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def events(reader: AsyncReader[Any]) -> int:
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(reader)
        gc.collect()
        return sum(isinstance(one, asyncio.Event) for one in gc.get_objects())

    async with aread(never()) as reader:
        result = -await events(reader) + await events(reader)
    assert 0 == result


async def test_cancelled_task_closes_its_source() -> None:
    """A task that is cancelled inside the context closes the source on its way out."""
    closed = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield GOOD
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def work() -> None:
        async with aread(chunks()) as reader:
            async for _ in reader:
                pass

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [True] == closed


# --- closing ---------------------------------------------------------------------------------


async def ended(reader: AsyncReader[Any]) -> bool:
    """Return whether a reader has no more records, and `batches` none."""
    return [] == [one async for one in reader] == [one async for one in reader.batches()]


@pytest.mark.parametrize("taken", [0, 1, 6, 7])
@pytest.mark.parametrize("start", ["new", "begun"])
async def test_generator_is_closed(taken: int, start: str) -> None:
    """An async generator is closed with the reader, wherever it has come to."""
    closed = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield b"\n"
            for line in LINES * 100:
                yield line
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    source = chunks()
    if start == "begun":
        await anext(source)
    async with aread(source) as reader:
        for _ in range(taken):
            await anext(reader)
    begun = bool(taken) or start == "begun"
    assert ([True] * begun, True) == (closed, await ended(reader))
    assert taken == reader.counts.records
    await reader.aclose()


async def test_what_is_only_read_from_stays_open() -> None:
    """An iterator that was handed over stays open; one that was made from the source is closed."""

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


async def test_files_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was opened is closed at its end, and with the reader; a file object is not."""
    opened: list[io.FileIO] = []

    class Noted(io.FileIO):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            opened.append(self)

    monkeypatch.setattr(files, "FileIO", Noted)
    (tmp_path / "log").write_bytes(GOOD * 10**5)
    given = io.BytesIO(GOOD)

    async with aread(tmp_path / "log") as reader:
        await anext(reader)
        assert not opened[0].closed
    async with aread(given) as reader:
        await anext(reader)

    assert ([True], False) == ([file.closed for file in opened], given.closed)


@pytest.mark.parametrize("kind", ["async", "thread"])
async def test_closing_wakes_who_waits(kind: str) -> None:
    """A task that waits for a record sees the end when another closes the reader."""
    release = threading.Event()

    async def never() -> AsyncIterator[bytes]:
        yield LINES[0]
        await asyncio.Event().wait()

    def blocking() -> Iterator[bytes]:
        yield LINES[0]
        release.wait(20)

    reader = aread(never() if kind == "async" else blocking())
    waiting = asyncio.create_task(until_error(reader))
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(reader.aclose())
    records, error = await waiting
    release.set()
    await closing
    assert [ROWS[0], None] == [*records, error]


@pytest.mark.skipif(os.name != "posix", reason="asks for what POSIX systems have")
def test_closing_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    """A thread that is stuck in a read keeps neither closing nor the event loop from ending."""
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
    """Where no thread can be started, that is an error of ours, and it can be tried again."""

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
    """What goes wrong when a source is closed before its end is an error of ours, told once."""

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield GOOD
            yield GOOD
            await asyncio.Event().wait()
        finally:
            raise ClientError

    source = chunks()
    await anext(source)
    reader = aread(source)
    if begun:
        await anext(reader)
        await asyncio.sleep(0)
    with pytest.raises(FileError, match="ClientError"):
        await reader.aclose()
    assert await ended(reader)


@pytest.mark.parametrize("data", [GOOD * 10**4, GOOD], ids=["much", "little"])
async def test_forgotten_reader(data: bytes) -> None:
    """A reader that is forgotten closes its source and leaves no task behind."""
    closed = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            for chunk in cut(data, 1000):
                yield chunk
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async for _ in aread(chunks()):
        break
    gc.collect()
    for _ in range(5):
        await asyncio.sleep(0)
    assert [True] == closed
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_forgotten_reader_of_a_file() -> None:
    """A reader that is forgotten ends its thread, which lets the source go."""
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


# --- resuming --------------------------------------------------------------------------------

RESUMED: Final = {
    "lines": MIXED,
    "gzip": packed(MIXED, ".gz"),
    "zstd": packed(MIXED, ".zst"),
    "document": DATA["document"],
}


@pytest.mark.parametrize("data", RESUMED)
@pytest.mark.parametrize("kind", ["path", "async iterator", "StreamReader"])
@pytest.mark.usefixtures("path")
def test_resume(kind: str, data: str, tmp_path: Path) -> None:
    """From a checkpoint of either, taken at any record, either goes on where it was taken."""
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
    """A checkpoint in a later one of several files is for these files, and for no stream."""
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
    """What is not what was read before is refused, and nothing of it comes out."""
    with read([GOOD]) as reader:
        list(reader)
        checkpoint = reader.checkpoint()

    reader = aread(make(data), resume=checkpoint)
    records, error, *rest = [*await until_error(reader), *await until_error(reader)]

    assert ([], CheckpointError, [[], None]) == (records, type(error), rest)


async def test_refused_source_is_closed() -> None:
    """A source that is not what was read before is closed at once."""
    closed = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * len(GOOD)
        finally:
            closed.append(True)

    with read([GOOD]) as reader:
        list(reader)
        checkpoint = reader.checkpoint()

    refused = aread(chunks(), resume=checkpoint)
    with pytest.raises(CheckpointError):
        await anext(refused)
    assert [True] == closed


async def test_checkpoint_before_the_first_record() -> None:
    """A checkpoint of a reader that has read nothing is of the place where it begins."""
    async with aread(Chunks(GOOD)) as reader:
        start = reader.checkpoint()
        await anext(reader)
        second = reader.checkpoint()
    async with aread(Chunks(GOOD), resume=second) as reader:
        assert second == reader.checkpoint()
    assert ROWS == await all_of(Chunks(GOOD), resume=start)


# --- following -------------------------------------------------------------------------------

needs_posix: Final = pytest.mark.skipif(os.name != "posix", reason="renames files that are open")


def followed(path: Path, resume: str | None = None) -> AsyncReader[Any]:
    """Return a reader that follows a log and looks often."""
    return aread(path, follow=True, interval=0.001, resume=resume)


async def news(reader: AsyncReader[Any], count: int) -> list[Any]:
    """Return the next records."""
    return [await anext(reader) for _ in range(count)]


@needs_posix
async def test_follow(tmp_path: Path) -> None:
    """A log is followed as it grows and is rotated, and exactly on from a checkpoint of either."""
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
    """Following ends when it is told to, also while it waits; a last line without LF is none."""
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


async def test_stop_of_what_is_not_followed() -> None:
    """The records that were read come out before the end, and no others are read."""
    reader = aread(Chunks(GOOD, GOOD, LINES[0]))
    first = await anext(reader)
    reader.stop()
    assert ROWS == [first, *[record async for record in reader]]


@needs_posix
@pytest.mark.parametrize("begun", [False, True])
def test_closing_ends_the_thread_that_waits(tmp_path: Path, *, begun: bool) -> None:
    """However long the interval is, the thread of a reader that is closed ends at once."""
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
    """A log that cannot be read is read on when it can, and its text is not cut off by that."""
    log = tmp_path / "log"
    log.write_bytes(LINES[0])

    async def found() -> list[Any]:
        async with followed(log) as reader:
            first = await anext(reader)
            log.rename(tmp_path / "log.1")
            log.mkdir()
            with pytest.raises(FileError, match="log: "):
                await anext(reader)
            await asyncio.sleep(0.05)  # many intervals, in which it is not asked
            log.rmdir()
            log.write_bytes(GOOD[len(LINES[0]) :])
            for _ in range(3):
                with suppress(FileError):  # but for one that was found before
                    return [first, *await news(reader, 5)]
            return []

    assert ROWS == asyncio.run(found())


@needs_posix
async def test_checkpoint_of_a_log_before_its_first_record(tmp_path: Path) -> None:
    """A log is looked for at once, so that a checkpoint of its beginning knows the file."""
    (tmp_path / "log").write_bytes(GOOD)
    with read(tmp_path / "log", follow=True) as reader:
        expected = reader.checkpoint()

    async with followed(tmp_path / "log") as reader:
        result = reader.checkpoint()
    assert expected == result


@pytest.mark.parametrize("source", ["-", "memory://x", Chunks(), [b""]])
def test_only_a_path_can_be_followed(source: Any) -> None:
    """Anything else is refused at once, as `read` does."""
    with pytest.raises(FileError, match="cannot be followed"):
        aread(source, follow=True)
