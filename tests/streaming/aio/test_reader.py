"""`aread` gives the same as `read`, from async sources and all others."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import fsspec
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
    ended,
    generated,
    until_error,
)
from tests.support.chunks import cut, cut_at
from tests.support.comparing import exact
from tests.support.packing import PACK
from usagewire import CheckpointError, DecodeError, FileError, UsageWireError, aread, read

DATA: Final = {
    "lines": MIXED,
    "document": b"[\n" + LINES[0] + b",\n 5,\n" + LINES[1] + b"]\n",
    "large document": b"{\n" + b' "x": 1,\n' * LIMIT,
    "cut-off document": b"[\n" + LINES[0] + b",\n" + LINES[1],
    "nothing": b"",
}


def story(source: Any, **options: Any) -> list[Any]:
    """Return all that `read` reports, record by record, with its errors in their places."""
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
    """Return all that `aread` reports, record by record, with its errors in their places."""
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


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("on_error", ["raise", "skip", "collect"])
@pytest.mark.parametrize("kind", ASYNC_SOURCES)
@pytest.mark.usefixtures("path")
async def test_async_sources(kind: str, on_error: Any, data: str) -> None:
    """Each async source gives the same as `read` gives for the same bytes."""
    options: dict[str, Any] = {"name": "log", "on_error": on_error, "max_line_bytes": LIMIT}

    found = await async_story(ASYNC_SOURCES[kind](DATA[data]), **options)
    assert story(io.BytesIO(DATA[data]), **options) == found


def remote(folder: Path) -> str:
    """Return the URL of a file in the memory of fsspec."""
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
    "list": lambda folder: cut((folder / "a.ndjson").read_bytes(), 50),
    "iterator": lambda folder: iter(cut((folder / "b.ndjson.gz").read_bytes(), 50)),
    "URL": remote,
    "no source": lambda _: 5,
}


@pytest.mark.parametrize("on_error", ["raise", "collect"])
@pytest.mark.parametrize("kind", SOURCES)
async def test_sources(kind: str, on_error: Any, tmp_path: Path) -> None:
    """Each source of `read` gives the same records, places and errors."""
    (tmp_path / "a.ndjson").write_bytes(MIXED)
    (tmp_path / "b.ndjson.gz").write_bytes(PACK[".gz"](MIXED))
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
    suffix=st.sampled_from(list(PACK)),
    damage=st.integers(min_value=0, max_value=30),
    cuts=st.lists(st.integers(min_value=0, max_value=300)),
    waits=st.booleans(),
)
def test_any_cut_of_any_compression(
    data: list[bytes], suffix: str, damage: int, cuts: list[int], *, waits: bool
) -> None:
    """With any chunks, compression and damage, the result is the same as from `read`."""
    whole = PACK[suffix](b"".join(data))
    whole = whole[: len(whole) - damage]
    chunks = cut_at(whole, cuts)
    source = Chunks(*chunks) if waits else generated(*chunks)
    options: dict[str, Any] = {"name": "log", "on_error": "collect"}
    found = asyncio.run(async_story(source, **options))
    # `read` gets the same chunks: the place at which damage is noticed depends on them.
    assert story(iter(chunks), **options) == found


@pytest.mark.parametrize("suffix", PACK)
async def test_batches(suffix: str) -> None:
    """Batches have all the records in order, and none is empty."""
    chunks = cut(PACK[suffix](GOOD * 500), 1000)
    batches = [batch async for batch in aread(Chunks(*chunks)).batches()]

    assert ROWS * 500 == [record for batch in batches for record in batch]
    assert all(batches)


async def test_batches_after_an_error() -> None:
    """An iterator over batches continues after a bad line, as a reader does."""
    batches = aread(Chunks(GOOD + b"no\n" + GOOD)).batches()
    first = await anext(batches)
    with pytest.raises(DecodeError):
        await anext(batches)
    assert [ROWS, ROWS] == [first, *[batch async for batch in batches]]


def test_options_are_checked_at_once() -> None:
    """A wrong option or checkpoint is refused before anything is read."""
    with pytest.raises(UsageWireError, match="on_error"):
        aread("x", on_error="ignore")  # type: ignore[call-overload]
    with pytest.raises(CheckpointError):
        aread("x", resume="{}")


@pytest.mark.parametrize("make", [Chunks, lambda data: [data]], ids=["async", "thread"])
async def test_taken(make: Callable[[bytes], Any]) -> None:
    """`taken` counts the bytes of the source before decompression."""
    async with aread(make(PACK[".gz"](GOOD))) as reader:
        assert 0 == reader.taken
        assert ROWS == [record async for record in reader]
    assert len(PACK[".gz"](GOOD)) == reader.taken


class ClientError(Exception):
    """An error of an HTTP client."""


@pytest.mark.parametrize("cause", [OSError(5, "Input/output error"), ClientError(), TimeoutError()])
async def test_error_of_the_source(cause: Exception) -> None:
    """An exception of the source is the cause of a `FileError` after the records before it."""
    reader = aread(Chunks(GOOD[:-1], cause), name="log")
    records, error, rest = (*await until_error(reader), [record async for record in reader])

    assert (ROWS[:-1], FileError, []) == (records, type(error), rest)
    assert error is not None
    assert cause is error.__cause__
    assert str(error).startswith("log: ")


async def test_file_error_of_the_source() -> None:
    """A `FileError` of the source is raised without a change."""
    cause = FileError("inner: damaged")

    assert (ROWS, cause) == await until_error(aread(Chunks(GOOD, cause)))


@pytest.mark.parametrize("chunk", ["text", 5])
async def test_wrong_chunk(chunk: Any) -> None:
    """A chunk that is not bytes is an error, after the records before it."""
    records, error = await until_error(aread(Chunks(GOOD, chunk)))

    assert ROWS == records
    assert f"<Chunks>: gives {type(chunk).__name__}, not bytes" == str(error)


@pytest.mark.parametrize("chunk", ["text", "", None])
async def test_async_text_file(chunk: Any) -> None:
    """An async file that is opened as text, or gives None, is refused."""

    class Wrong:
        async def read(self, _: int) -> Any:
            return chunk

    with pytest.raises(FileError, match="<Wrong>: gives"):
        await all_of(Wrong())


@pytest.mark.parametrize("cause", [MemoryError, asyncio.CancelledError])
async def test_unchanged_errors(cause: type[BaseException]) -> None:
    """A MemoryError or cancellation of the source is raised unchanged, and is not its end."""
    reader = aread(Chunks(GOOD, cause()))
    first, raised, second, error = [*await until_error(reader), *await until_error(reader)]

    assert (ROWS, cause, []) == (first, type(raised), second)
    assert "<Chunks>: reading was interrupted; open it again" == str(error)
    assert ([], None) == await until_error(reader)


@pytest.mark.parametrize(
    ("cause", "becomes"), [(ClientError, FileError), (MemoryError, MemoryError)]
)
async def test_error_of_an_iterable(cause: type[Exception], becomes: type[Exception]) -> None:
    """An exception of an iterable in its thread comes after the records, and is not its end."""

    def chunks() -> Iterator[bytes]:
        yield GOOD
        raise cause

    reader = aread(chunks())
    first, raised, second, error = [*await until_error(reader), *await until_error(reader)]

    assert (ROWS, becomes, []) == (first, type(raised), second)
    assert (becomes is MemoryError) == ("interrupted" in str(error))


async def test_rest_of_a_large_document_is_not_read() -> None:
    """The rest of a too large document is not read, even if its source never ends."""
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
        assert ROWS == [record async for record in several]
        assert await ended(one)
