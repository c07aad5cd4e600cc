"""Sources of every kind: paths, globs, pipes, files, chunks and URLs, alone and together."""

import array
import contextlib
import glob
import gzip
import io
import itertools
import os
import socket
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.reading import FIRST, LINES, ROWS, everything
from tests.support.samples import row, text
from tests.support.writing import needs_posix
from usagewire import CheckpointError, FileError, read
from usagewire.streaming import sources

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_permissions = pytest.mark.skipif(AS_ROOT, reason="root may read and write everything")


# --- paths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "as_path",
    [str, Path, lambda path: list(os.scandir(os.fsencode(path.parent))).pop()],
    ids=["str", "Path", "DirEntry"],
)
def test_path(ndjson: Path, as_path: Any) -> None:
    """A path may be a str or a path object, even one of bytes, as `os.DirEntry` can be."""
    with read(as_path(ndjson)) as reader:
        assert ROWS == list(reader)
        assert str(ndjson) == reader.name


@pytest.mark.parametrize(
    "name", ["missing.ndjson", "", "usage.ndjson/x", "a\0b", "*\0", "missing/*", "*.gz", "\udcff"]
)
def test_cannot_be_opened(tmp_path: Path, ndjson: Path, name: str) -> None:
    """A missing file or a folder is an error at once that names it."""
    assert ndjson.exists()
    with pytest.raises(FileError) as caught:
        read(f"{tmp_path}/{name}")

    assert str(caught.value).startswith(f"{tmp_path}/{name}: ")


@needs_permissions
def test_forbidden_file(ndjson: Path) -> None:
    """A file without read permission is an error that names it."""
    ndjson.chmod(0)
    with pytest.raises(FileError) as caught:
        read(ndjson)

    assert str(caught.value).startswith(f"{ndjson}: ")


def write_many(folder: Path, *names: str) -> None:
    """Write files of one record each, with the numbers from 0 as usage bytes."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text(row(usage_bytes=number)))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.ndjson", [0, 1, 2]),
        ("[ab].ndjson", [0, 1]),
        ("**/*.ndjson", [0, 1, 2, 3]),
        ("**/**/b.ndjson", [1, 3]),
        ("*/b.*", [3]),
        ("b[1].ndjson", [2]),
        ("x?", ["x?: no file matches"]),
    ],
)
def test_glob(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, expected: list[Any]
) -> None:
    """A glob reads all matching files in order, or the one file of exactly that name."""
    write_many(tmp_path, "a.ndjson", "b.ndjson", "b[1].ndjson", "sub/b.ndjson")
    (tmp_path / "folder.ndjson").mkdir()
    monkeypatch.chdir(tmp_path)

    if isinstance(expected[0], str):
        with pytest.raises(FileError, match=r"^x\?: no file matches$"):
            read(pattern)
    else:
        assert expected == everything(pattern)


def test_names_of_a_glob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the files begin as the glob does."""
    write_many(tmp_path, "a", "b")
    monkeypatch.chdir(tmp_path)
    reader = read(f"{glob.escape('./')}*")

    assert [("./a", 0), ("./b", 1)] == [(reader.name, one.usage_bytes) for one in reader]


def test_path_that_looks_like_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An existing file is read, even if its name looks like a URL."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "memory:").mkdir()
    (tmp_path / "memory:" / "x").write_bytes(LINES)

    assert ROWS == list(read("memory://x"))


@needs_posix
def test_named_pipe(tmp_path: Path) -> None:
    """A pipe is read like a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for data in (LINES, gzip.compress(LINES)):
        writer = threading.Thread(target=pipe.write_bytes, args=(data,))
        writer.start()

        assert ROWS == list(read(pipe))
        writer.join()


# --- files that are given ------------------------------------------------------------------------


def test_file_object(ndjson: Path) -> None:
    """A binary file object is read from its current position and stays open."""
    with ndjson.open("rb") as file:
        file.readline()
        with read(file) as reader:
            assert ROWS[1:] == list(reader)
        assert not file.closed
        assert str(ndjson) == reader.name


@needs_posix
def test_names_of_files() -> None:
    """A file object without a name, or with a number, gets the name of its type."""
    with tempfile.TemporaryFile() as file:
        names = [read(one).name for one in (io.BytesIO(), file, iter([b""]))]

    assert ["<BytesIO>", "<BufferedRandom>", ""] == names


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input, which stays open."""
    file = io.BytesIO(LINES)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
    with read("-") as reader:
        assert ROWS == list(reader)
    assert ("<stdin>", False) == (reader.name, file.closed)


@pytest.mark.parametrize("stdin", [None, io.StringIO("{}")], ids=["none", "text"])
def test_no_stdin(monkeypatch: pytest.MonkeyPatch, stdin: Any) -> None:
    """If standard input is missing, or is text only, `-` is an error."""
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(FileError, match=r"^<stdin>: "):
        read("-")


@contextlib.contextmanager
def sockets() -> Iterator[tuple[Any, Callable[[bytes], object]]]:
    """Give a file that reads from a socket, and a function that writes to it."""
    one, other = socket.socketpair()
    with one, other, one.makefile("rb") as file:
        yield file, other.sendall


@contextlib.contextmanager
def pipes(buffering: int = -1) -> Iterator[tuple[Any, Callable[[bytes], object]]]:
    """Give a file that reads from a pipe, and a function that writes to it."""
    reading, writing = os.pipe()
    with open(reading, "rb", buffering) as file, open(writing, "wb", 0) as other:  # noqa: PTH123
        yield file, other.write


@contextlib.contextmanager
def stdin() -> Iterator[tuple[Any, Callable[[bytes], object]]]:
    """Give standard input, and a function that writes to it."""
    with pipes() as (file, write), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(file))
        yield "-", write
        sys.stdin.detach()


@pytest.mark.parametrize(
    "channel", [sockets, pipes, lambda: pipes(0), stdin], ids=["socket", "pipe", "raw pipe", "-"]
)
def test_live_source(channel: Any) -> None:
    """A record comes when its line is there, before the next line."""
    with channel() as (file, write):
        reader = read(file)
        for number in range(3):
            write(text(row(usage_bytes=number)) + b"\n")

            assert number == next(reader).usage_bytes


@needs_posix
@pytest.mark.parametrize("buffering", [-1, 0])
def test_file_that_does_not_block(buffering: int) -> None:
    """If a file has nothing yet, that is an error, not the end."""
    with pipes(buffering) as (file, write):
        os.set_blocking(file.fileno(), False)
        write(LINES)
        *found, error = everything(file)

        assert [0, 1, 2, 3, 4] == found
        assert "gives no bytes yet" in error


@pytest.mark.parametrize("content", [LINES, b""], ids=["full", "empty"])
def test_text_file(ndjson: Path, content: bytes) -> None:
    """A file opened as text is refused."""
    ndjson.write_bytes(content)
    with ndjson.open(encoding="utf-8") as file, pytest.raises(FileError, match="str, not bytes"):
        list(read(file))  # type: ignore[call-overload]


def test_closed_file(ndjson: Path) -> None:
    """A closed file is a `FileError`."""
    file = ndjson.open("rb")
    reader = read(file)
    next(reader)
    file.close()
    for resume in (None, reader.checkpoint()):
        with pytest.raises(FileError, match="closed file"):
            list(read(file, resume=resume))


class Broken(io.BytesIO):
    """A file that fails at the end of its bytes."""

    error: BaseException = OSError(5, "Input/output error")

    def read(self, size: int | None = -1) -> bytes:
        """Return bytes, or raise."""
        chunk = super().read(size)
        if not chunk:
            raise self.error
        return chunk


@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error"), EOFError(), zlib.error("Input/output error")]
)
def test_error_while_reading(error: Exception) -> None:
    """Any exception of a file becomes a `FileError` after the records before it."""
    file = Broken(LINES)
    file.error = error
    reader = read(file)

    assert ROWS == [next(reader) for _ in range(5)]
    with pytest.raises(FileError, match=r"Input/output error|EOFError") as caught:
        next(reader)
    assert caught.value.__cause__ is error
    assert list(reader) == []


# --- chunks --------------------------------------------------------------------------------------

CHUNKS: dict[str, Callable[[], Any]] = {
    "list": lambda: [LINES],
    "cut": lambda: [LINES[:100], LINES[100:]],
    "with empty ones": lambda: (b"", LINES[:1], b"", b"", LINES[1:], b""),
    "bytes-like": lambda: [bytearray(LINES[:7]), memoryview(LINES)[7:20], LINES[20:]],
    "of integers": lambda: [memoryview(array.array("i", LINES[:64])), LINES[64:]],
    "generator": lambda: (LINES[start : start + 9] for start in range(0, len(LINES), 9)),
    "gzip": lambda: [gzip.compress(LINES)],
}


@pytest.mark.parametrize("name", CHUNKS)
def test_chunks(name: str) -> None:
    """An iterable of bytes is read, with any chunks."""
    assert ROWS == list(read(CHUNKS[name]()))


def test_reused_buffer() -> None:
    """A chunk may change once the next chunk is asked for."""
    buffer = bytearray(10)

    def chunks() -> Iterator[memoryview]:
        for start in range(0, len(LINES), 10):
            part = LINES[start : start + 10]
            buffer[: len(part)] = part
            yield memoryview(buffer)[: len(part)]

    assert ROWS == list(read(chunks()))
    assert [] == list(read([]))  # no chunk at all


@pytest.mark.parametrize("other", ["text", 5, None])
def test_wrong_chunk(other: Any) -> None:
    """A chunk that is not bytes is an error, after the records before it."""
    *found, error = everything([LINES, other, LINES])

    assert [0, 1, 2, 3, 4] == found
    assert error.startswith("<list>: gives ")


@pytest.mark.parametrize("item", [LINES, io.BytesIO(LINES)], ids=["chunk", "source"])
def test_error_of_a_generator(item: Any) -> None:
    """An exception of an iterator becomes a `FileError`, after the records before it."""

    def items() -> Iterator[Any]:
        yield item
        raise ConnectionResetError(104, "Connection reset by peer")

    assert [0, 1, 2, 3, 4, "<generator>: Connection reset by peer"] == everything(items())


def test_no_more_chunks_than_needed() -> None:
    """Only the chunks that the records need are taken from an iterator."""
    chunks = iter([LINES, LINES])
    reader = read(chunks)
    for _ in range(5):
        next(reader)

    assert [LINES] == list(chunks)


@pytest.mark.parametrize("source", [5, None, object(), LINES, bytearray(LINES)], ids=type)
def test_wrong_source(source: Any) -> None:
    """Anything but a source is refused at once, and the message lists the sources."""
    with pytest.raises(FileError, match="is not a source; give a path"):
        read(source)


# --- several sources -----------------------------------------------------------------------------


def test_several(tmp_path: Path, ndjson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, globs, files and standard input may follow each other in any iterable."""
    write_many(tmp_path, "a.x", "b.x")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINES[:FIRST])))
    reader = read(iter([ndjson, str(tmp_path / "*.x"), io.BytesIO(LINES), "-"]))
    names = [name for name, _ in itertools.groupby(reader.name for _ in reader)]

    assert [str(ndjson), f"{tmp_path}/a.x", f"{tmp_path}/b.x", "<BytesIO>", "<stdin>"] == names
    assert (13, 13) == (reader.counts.lines, reader.counts.records)


BAD: dict[str, tuple[Any, str]] = {
    "missing": ("missing", "missing: No such file or directory"),
    "glob": ("missing*", "missing*: no file matches"),
    "folder": (".", ".: Is a directory"),
    "NUL": ("\0", "\0: embedded null byte"),
    "number": (5, "the sources include 5, which is not a source"),
    "bytes": (LINES, "which is not a source"),
    "text": (io.StringIO("{}"), "<StringIO>: gives str, not bytes"),
    "scheme": ("nonsense://x", "nonsense://x: Protocol not known: nonsense"),
    "driver": ("nothere://x/y", "nothere://x/y: install what reads it"),
    "remote": ("memory://missing", "memory://missing: "),
    "remote glob": ("memory://missing*", "memory://missing*: no file matches"),
    "gzip": (io.BytesIO(gzip.compress(LINES)[:-1]), "<BytesIO>: the gzip data ends in the middle"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_one_among_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    """The error of one source comes in its place, and all records of the others come."""
    monkeypatch.chdir(tmp_path)
    registry = pytest.importorskip("fsspec.registry")
    driver = {"class": "not_there.FileSystem", "err": "install what reads it"}
    monkeypatch.setitem(registry.known_implementations, "nothere", driver)
    page = b'{"object": "page",\n"data": [],\n"has_more": false}'
    for before, count in ((LINES.rstrip(), 5), (page, 1)):
        if isinstance(BAD[bad][0], io.IOBase):
            BAD[bad][0].seek(0)
        reader = read([io.BytesIO(before), BAD[bad][0], io.BytesIO(LINES)])
        found = [next(reader) for _ in range(count + (5 if bad == "gzip" else 0))]
        with pytest.raises(FileError) as caught:
            next(reader)

        assert BAD[bad][1] in str(caught.value)
        assert ROWS == list(reader)
        assert len(found) + 5 == reader.counts.records == reader.counts.lines


def test_file_that_cannot_be_resumed_is_closed(
    ndjson: Path, opened: list[io.FileIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was replaced since the checkpoint, or cannot be sought in, is closed."""
    with read(ndjson) as reader:
        next(reader)
    checkpoint = reader.checkpoint()
    ndjson.write_bytes(LINES.replace(b"5", b"6").replace(b"0", b"7"))
    with pytest.raises(CheckpointError, match="replaced"):
        list(read(ndjson, resume=checkpoint))
    monkeypatch.setattr(sources, "read_fully", lambda *_: Path("\0").stat())
    with pytest.raises(FileError, match="null"):
        list(read(ndjson, resume=checkpoint))

    assert [True] * 3 == [one.closed for one in opened]


def test_interrupted_sources_are_no_end(ndjson: Path) -> None:
    """After an interrupt, the next event is an error, and then the events end."""
    file = Broken(LINES)
    file.error = KeyboardInterrupt()
    events = sources.Sources([file, ndjson], None, None)
    assert 2 == len([next(events), next(events)])
    for error in (KeyboardInterrupt, FileError):
        with pytest.raises(error):
            next(events)

    assert [] == list(events)


def test_checkpoint_of_a_missing_file(tmp_path: Path) -> None:
    """If no file of a glob is the file of the checkpoint, that is an error at once."""
    write_many(tmp_path, "a", "b")
    reader = read(str(tmp_path / "*"))
    checkpoint = [reader.checkpoint() for _ in reader][-1]
    (tmp_path / "a").rename(tmp_path / "c")
    with pytest.raises(CheckpointError, match="source 2"):
        read(str(tmp_path / "*"), resume=checkpoint)
