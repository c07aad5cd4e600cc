"""`aread` gives what `read` gives, from async sources and others."""

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
    "list": lambda folder: cut((folder / "a.ndjson").read_bytes(), 50),
    "iterator": lambda folder: iter(cut((folder / "b.ndjson.gz").read_bytes(), 50)),
    "URL": remote,
    "no source": lambda _: 5,
}


@pytest.mark.parametrize("on_error", ["raise", "collect"])
@pytest.mark.parametrize("kind", SOURCES)
async def test_sources(kind: str, on_error: Any, tmp_path: Path) -> None:
    """What `read` takes is taken, with the same records, places and errors."""
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
    """However the bytes are cut, packed and cut off, what comes out is what `read` gives."""
    whole = PACK[suffix](b"".join(data))
    whole = whole[: len(whole) - damage]
    chunks = cut_at(whole, cuts)
    source = Chunks(*chunks) if waits else generated(*chunks)
    options: dict[str, Any] = {"name": "log", "on_error": "collect"}
    found = asyncio.run(async_story(source, **options))
    # The place of a checkpoint depends on no cut, but for the moment at which damage is seen.
    assert story(iter(chunks), **options) == found


@pytest.mark.parametrize("suffix", PACK)
async def test_batches(suffix: str) -> None:
    """Batches have all the records in order, and none is empty."""
    chunks = cut(PACK[suffix](GOOD * 500), 1000)
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
    async with aread(make(PACK[".gz"](GOOD))) as reader:
        before = reader.taken
        assert ROWS == [record async for record in reader]
        result = [before, reader.taken]
    assert [0, len(PACK[".gz"](GOOD))] == result


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
