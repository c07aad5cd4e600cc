"""`read` and `write`: sources, gzip, documents, damage, and files that are whole or not there."""

import gzip
import io
import os
import stat
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

import usagewire
from usagewire import (
    Counts,
    DecodeError,
    EncodeError,
    FileError,
    UsageResponse,
    UsageVectorStoresResult,
    UsageWireError,
    make_converter,
    read,
    sources,
    write,
)

from .conftest import PAGES, VECTORS, row, text

ROWS = [UsageVectorStoresResult(usage_bytes=number, project_id="é") for number in range(5)]
LINES = b"".join(text(row(usage_bytes=number, project_id="é")) + b"\n" for number in range(5))
pytestmark = pytest.mark.usefixtures("path")  # each way to decode reads files

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_permissions = pytest.mark.skipif(AS_ROOT, reason="root may read and write everything")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="asks for what POSIX systems have")


@pytest.fixture
def ndjson(tmp_path: Path) -> Path:
    """Return the path of a file of five lines."""
    file = tmp_path / "usage.ndjson"
    file.write_bytes(LINES)
    return file


def read_until_error(source: Any, **options: Any) -> tuple[list[Any], FileError | None]:
    """Return the records of a source, and the error they end in."""
    records: list[Any] = []
    try:
        with read(source, **options) as reader:
            records.extend(reader)
    except FileError as error:
        return records, error
    return records, None


# --- sources ---------------------------------------------------------------------------------


@pytest.mark.parametrize("as_path", [str, Path], ids=["str", "Path"])
def test_path(ndjson: Path, as_path: Any) -> None:
    """A path may be a str or a path object."""
    with read(as_path(ndjson)) as reader:
        assert ROWS == list(reader)


def test_file_object(ndjson: Path) -> None:
    """A binary file object is read and stays open."""
    with ndjson.open("rb") as file:
        with read(file) as reader:
            assert ROWS == list(reader)
        assert not file.closed
        assert str(ndjson) == reader.name


def test_nameless_file_object() -> None:
    """A file object need not have a name."""
    assert ROWS == list(read(io.BytesIO(LINES)))


def test_file_object_of_short_reads() -> None:
    """A file object may give its bytes as it likes, also those that tell gzip."""

    class Slow(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            return super().read(1)

    assert ROWS == list(read(Slow(LINES)))
    assert ROWS == list(read(Slow(gzip.compress(LINES))))


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is standard input, which stays open."""
    file = io.BytesIO(LINES)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
    with read("-") as reader:
        assert ROWS == list(reader)
    assert ("<stdin>", False) == (reader.name, file.closed)


@needs_posix
def test_pipe(tmp_path: Path) -> None:
    """A pipe is read like a file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(LINES,))
    writer.start()

    assert ROWS == list(read(pipe))
    writer.join()


def test_context_closes(ndjson: Path) -> None:
    """Leaving the context ends the records."""
    with read(ndjson) as reader:
        assert ROWS[0] == next(reader)
    assert list(reader) == []
    reader.close()


def test_closed_when_it_cannot_go_on(ndjson: Path) -> None:
    """A reader is an iterator: what was read does not come again."""
    with read(ndjson) as reader:
        assert ROWS == list(reader)
        assert list(reader) == []


def test_counts_and_rejections(tmp_path: Path) -> None:
    """A reader tells the decoder's counts and rejections, with the name of the file."""
    file = tmp_path / "bad.ndjson"
    file.write_bytes(LINES + b"what?\n\n")
    with read(file, on_error="collect") as reader:
        assert ROWS == list(reader)

    assert Counts(lines=7, records=5, rejected=1, blank=1, bytes=len(LINES) + 7) == reader.counts
    assert [(str(file), 6, len(LINES))] == [(r.file, r.line, r.offset) for r in reader.rejections]


def test_name(ndjson: Path) -> None:
    """The stream can be given another name."""
    with read(ndjson, name="of mine") as reader:
        assert "of mine" == reader.name


def test_raise(tmp_path: Path) -> None:
    """With raise, the records before a bad line come first, and iterating goes on after it."""
    file = tmp_path / "bad.ndjson"
    file.write_bytes(text(row()) + b"\nwhat?\n\nno\n" + text(row()))
    found: list[Any] = []
    with read(file) as reader:
        for _ in range(4):
            try:
                found.append(type(next(reader)).__name__)
            except DecodeError as error:
                found.append(str(error).removeprefix(str(file)).split()[0])

        assert ["UsageVectorStoresResult", ":2:", ":4:", "UsageVectorStoresResult"] == found
        assert list(reader) == []


def test_type_and_options(tmp_path: Path) -> None:
    """The type and the options are the decoder's."""
    file = tmp_path / "lenient.ndjson"
    file.write_bytes(b'{"usage_bytes":"5","later":1}')
    with read(file, UsageVectorStoresResult, strict=False, unknown="ignore") as reader:
        assert [UsageVectorStoresResult(usage_bytes=5)] == list(reader)


def test_converter(ndjson: Path) -> None:
    """A converter of yours is used."""
    assert ROWS == list(read(ndjson, converter=make_converter()))


def test_option_that_is_none(ndjson: Path) -> None:
    """An option that is not one is refused before anything is read."""
    with pytest.raises(UsageWireError, match="on_error"):
        read(ndjson, on_error="ignore")  # type: ignore[call-overload]


def test_chunks_of_any_size(ndjson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines across chunks are whole."""
    for size in (1, 7, 100):
        monkeypatch.setattr(sources, "CHUNK", size)
        assert ROWS == list(read(ndjson))


# --- sources that cannot be read -------------------------------------------------------------


@pytest.mark.parametrize("name", ["missing.ndjson", "", "usage.ndjson/x", "a\0b"])
def test_cannot_be_opened(tmp_path: Path, ndjson: Path, name: str) -> None:
    """A file that is not there, or a folder, is an error that names it."""
    assert ndjson.exists()
    with pytest.raises(
        FileError, match="usage.ndjson" if name.startswith("usage") else None
    ) as caught:
        list(read(str(tmp_path / name) if "\0" not in name else f"{tmp_path}/{name}"))

    assert str(tmp_path) in str(caught.value)


def test_folder(tmp_path: Path) -> None:
    """A folder is no file."""
    with pytest.raises(FileError) as caught:
        list(read(tmp_path))

    assert str(caught.value).startswith(f"{tmp_path}: ")


@needs_permissions
def test_may_not_be_read(ndjson: Path) -> None:
    """A file that may not be read is an error that names it."""
    ndjson.chmod(0)
    with pytest.raises(FileError) as caught:
        read(ndjson)

    assert str(caught.value).startswith(f"{ndjson}: ")


@pytest.mark.parametrize("source", [5, None, object()], ids=["int", "None", "object"])
def test_no_source(source: Any) -> None:
    """What is neither path nor file is refused."""
    with pytest.raises(FileError):
        read(source)


def test_text_file(ndjson: Path) -> None:
    """A file opened as text is refused."""
    with ndjson.open(encoding="utf-8") as file, pytest.raises(FileError, match="bytes"):
        list(read(file))  # type: ignore[call-overload]


def test_error_while_reading() -> None:
    """An error of the system in the middle comes after the records before it."""

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            chunk = super().read(size)
            if not chunk:
                raise OSError(5, "Input/output error")
            return chunk

    records, error = read_until_error(Broken(LINES))

    assert ROWS == records
    assert "Input/output error" in str(error)


def test_closed_file(ndjson: Path) -> None:
    """A file that was closed is an error of ours."""
    file = ndjson.open("rb")
    file.close()
    with pytest.raises(FileError):
        list(read(file))


# --- gzip ------------------------------------------------------------------------------------

PACKED = gzip.compress(LINES, mtime=0)
SPLIT = LINES.find(b"\n") + 20
GOOD = {
    "one member": PACKED,
    "two members": gzip.compress(LINES[:SPLIT]) + gzip.compress(LINES[SPLIT:]),
    "a member a line": b"".join(map(gzip.compress, LINES.splitlines(keepends=True))),
    "empty members": gzip.compress(b"") * 3 + PACKED + gzip.compress(b""),
    "zeros after": PACKED + b"\0" * 1000,
    "zeros between": gzip.compress(LINES[:SPLIT]) + b"\0" * 7 + gzip.compress(LINES[SPLIT:]),
    "stored": gzip.compress(LINES, compresslevel=0),
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("size", [1, 13, 2**18])
def test_gzip(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gzip is told by its first bytes, and may have several members and padding."""
    monkeypatch.setattr(sources, "CHUNK", size)
    reader = read(io.BytesIO(GOOD[name]))

    assert ROWS == list(reader)
    assert len(LINES) == reader.counts.bytes


def test_gzip_whatever_its_name(tmp_path: Path) -> None:
    """The name of the file says nothing about gzip."""
    file = tmp_path / "usage.ndjson"
    file.write_bytes(PACKED)
    plain = tmp_path / "usage.ndjson.gz"
    plain.write_bytes(LINES)

    assert ROWS == list(read(file))
    assert ROWS == list(read(plain))


def test_offsets_are_of_the_text() -> None:
    """Offsets are counted in the decompressed stream."""
    reader = read(io.BytesIO(gzip.compress(LINES + b"what?")), on_error="collect")
    list(reader)

    assert [len(LINES)] == [one.offset for one in reader.rejections]


@pytest.mark.parametrize("size", [1, 2**18])
def test_every_truncation(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off anywhere, the records before come out and then an error: never a clean end."""
    monkeypatch.setattr(sources, "CHUNK", size)
    most = 0
    for cut in range(2, len(PACKED)):
        records, error = read_until_error(io.BytesIO(PACKED[:cut]), on_error="raise")

        assert ROWS[: len(records)] == records
        assert "gzip" in str(error)
        most = max(most, len(records))

    assert len(ROWS) == most


def test_truncation_of_the_second_member() -> None:
    """Cut off in a later member, the records of the earlier one come out."""
    second = gzip.compress(LINES)
    for cut in range(1, len(second)):
        records, error = read_until_error(io.BytesIO(PACKED + second[:cut]))

        assert ROWS == records[:5]
        assert error is not None


def test_every_flipped_byte() -> None:
    """With any byte flipped, what comes out is right or ends in an error."""
    for place in range(len(PACKED)):
        damaged = bytearray(PACKED)
        damaged[place] ^= 0x55
        records, error = read_until_error(io.BytesIO(damaged), on_error="skip")

        assert error is not None or ROWS == records or place < 10


def test_garbage_after_gzip() -> None:
    """What follows gzip data and is neither gzip nor zeros is an error."""
    records, error = read_until_error(io.BytesIO(PACKED + b"garbage"))

    assert ROWS == records
    assert "byte" in str(error)


def test_bomb_is_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A little gzip data that stands for much text is decompressed in pieces."""
    pieces: list[int] = []
    bomb = gzip.compress(b" " * 50_000_000 + b"\n")
    new = zlib.decompressobj

    class Counting:
        def __init__(self, wbits: int) -> None:
            self.real = new(wbits)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def decompress(self, data: bytes, size: int) -> bytes:
            made = self.real.decompress(data, size)
            pieces.append(len(made))
            return made

    monkeypatch.setattr(zlib, "decompressobj", Counting)
    reader = read(io.BytesIO(bomb), on_error="collect")

    assert list(reader) == []
    assert ["line_too_long"] == [one.code for one in reader.rejections]
    assert max(pieces) <= sources.CHUNK


# --- documents -------------------------------------------------------------------------------

PAGE = PAGES["costs"]
INDENTED = orjson.dumps(PAGE, option=orjson.OPT_INDENT_2)
ARRAY = orjson.dumps([PAGE, PAGE], option=orjson.OPT_INDENT_2)
DOCUMENTS = {
    "indented": (INDENTED, 1),
    "indented after the BOM": (b"\xef\xbb\xbf" + INDENTED, 1),
    "indented after blank lines": (b"\n \n" + INDENTED + b"\n", 1),
    "indented with CRLF": (INDENTED.replace(b"\n", b"\r\n"), 1),
    "indented gzip": (gzip.compress(INDENTED), 1),
    "array": (ARRAY, 2),
    "array on a line": (orjson.dumps([PAGE, PAGE]), 2),
    "array of one a line": (b"[\n" + text(PAGE) + b",\n" + text(PAGE) + b"\n]\n", 2),
    "empty array": (b"[]\n", 0),
    "page on a line": (text(PAGE), 1),
    "page a line": (text(PAGE) + b"\n" + text(PAGE), 2),
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("size", [16, 2**18])
def test_document(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may be one JSON document, over many lines, or an array of objects."""
    monkeypatch.setattr(sources, "CHUNK", size)
    data, count = DOCUMENTS[name]
    reader = read(io.BytesIO(data))
    records = list(reader)

    assert [UsageResponse] * count == [type(one) for one in records]
    assert (count, count) == (reader.counts.lines - reader.counts.blank, reader.counts.records)


def test_bad_element_of_a_document() -> None:
    """A bad element of an array is a rejection of its own, and the others come out."""
    data = b"[" + text(PAGE) + b",\n5,\n" + text(PAGE) + b"]"
    reader = read(io.BytesIO(data), on_error="collect")

    assert [UsageResponse, UsageResponse] == [type(one) for one in reader]
    assert [(2, "syntax", b"5")] == [(one.line, one.code, one.raw) for one in reader.rejections]


def test_bad_element_raises() -> None:
    """With raise, no good element is lost to a bad one."""
    reader = read(io.BytesIO(b"[" + text(PAGE) + b",5," + text(PAGE) + b"]"))
    found = []
    with pytest.raises(DecodeError):
        found.extend(reader)
    found.extend(reader)
    errors = reader.counts.rejected

    assert ([UsageResponse] * 2, 1) == ([type(one) for one in found], errors)


def test_cut_off_document() -> None:
    """A document that is cut off is an error, whatever is said about bad lines."""
    reader = read(io.BytesIO(INDENTED[:-5]), on_error="collect")

    assert list(reader) == []
    assert reader.counts.rejected > 0


def test_first_line_that_begins_like_an_array() -> None:
    """A bad first line that begins with a bracket does not cost the lines after it."""
    reader = read(io.BytesIO(b"[1,\n" + LINES), on_error="collect")

    assert ROWS == list(reader)
    assert [1] == [one.line for one in reader.rejections]


def test_document_past_the_limit() -> None:
    """A printed document longer than a line may be is refused, with what to do about it."""
    reader = read(io.BytesIO(INDENTED), max_line_bytes=len(INDENTED) - 1)
    with pytest.raises(FileError, match="raise max_line_bytes"):
        next(reader)

    assert len(list(read(io.BytesIO(INDENTED), max_line_bytes=len(INDENTED)))) == 1


def test_array_on_one_line_past_the_limit() -> None:
    """An array on one line that is too long is one rejected line."""
    array = b"[" + LINES.strip().replace(b"\n", b",") + b"]"
    reader = read(io.BytesIO(array), on_error="collect", max_line_bytes=len(array) - 1)

    assert list(reader) == []
    assert ["line_too_long"] == [one.code for one in reader.rejections]


def test_lists_a_line_are_no_document() -> None:
    """Where a record is a list, a single line of it is a line like any other."""
    line = b'[{"usage_bytes": 1}]\n'

    assert [[UsageVectorStoresResult(usage_bytes=1)]] == list(
        read(io.BytesIO(line), list[UsageVectorStoresResult])
    )


class Stop(Exception):  # noqa: N818 -- not the library's kind of error
    """An error of a user's own."""


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt])
def test_goes_on_after_an_error_of_the_callback(error: type[BaseException]) -> None:
    """What a callback raises comes after the records before it and costs none after it."""
    raising = [error, None]

    def tell(_: usagewire.Rejection) -> None:
        if raising.pop(0) is not None:
            raise error

    text = LINES + b"bad\n" + LINES + b"bad\n" + LINES
    reader = read(io.BytesIO(text), on_error=tell)
    found: list[Any] = []
    with pytest.raises(error):
        found.extend(reader)

    assert ROWS == found
    assert ROWS * 2 == list(reader)
    assert (len(ROWS) * 3, 2) == (reader.counts.records, reader.counts.rejected)


def test_interrupted_read_is_no_end() -> None:
    """A file whose reading was interrupted does not seem to have ended there."""

    class Interrupted(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            if self.tell():
                raise KeyboardInterrupt
            return super().read(len(LINES))

    reader = read(Interrupted(LINES * 2))
    with pytest.raises(KeyboardInterrupt):
        list(reader)
    with pytest.raises(FileError, match="interrupted"):
        list(reader)


# --- writing ---------------------------------------------------------------------------------


def contents(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("name", ["usage.ndjson", "usage.ndjson.gz"])
@pytest.mark.parametrize("count", [0, 1, 2500])
def test_write_and_read(tmp_path: Path, name: str, count: int) -> None:
    """What was written is read back, and how many there were is told."""
    records = [UsageVectorStoresResult(usage_bytes=number) for number in range(count)]

    assert count == write(tmp_path / name, iter(records))
    assert records == list(read(tmp_path / name))
    assert [name] == contents(tmp_path)


def test_write_keeps_the_permissions(tmp_path: Path) -> None:
    """A file that others may not read stays one."""
    path = tmp_path / "usage.ndjson"
    path.touch(mode=0o600)
    write(path, ROWS)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_write_follows_a_link(tmp_path: Path) -> None:
    """A link stays a link, and what it points to is replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", ROWS)

    assert (tmp_path / "link").is_symlink()
    assert ROWS == list(read(tmp_path / "real"))


@pytest.mark.parametrize("name", ["pipe", "", "folder"])
def test_write_replaces_only_files(tmp_path: Path, name: str) -> None:
    """What is not a regular file is refused and left alone."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError):
        write(tmp_path / name, ROWS)

    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert ["folder", "pipe"] == contents(tmp_path)


def test_write_gives_lines(tmp_path: Path) -> None:
    """A file is written as NDJSON, in the dialect asked for."""
    write(str(tmp_path / "x"), ROWS[:2], dialect="dart")

    assert (tmp_path / "x").read_bytes() == b"".join(
        b'{"object":"%s","usageBytes":%d,"projectId":"\xc3\xa9"}\n' % (VECTORS.encode(), number)
        for number in range(2)
    )


def test_gzip_is_the_same_each_time(tmp_path: Path) -> None:
    """The same records give the same gzip bytes: neither name nor time is in them."""
    write(tmp_path / "a.gz", ROWS)
    write(tmp_path / "b.gz", ROWS)

    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert b"".join(gzip.decompress((tmp_path / "a.gz").read_bytes()).splitlines()) == (
        b"".join(LINES.replace(b": ", b":").replace(b", ", b",").splitlines())
    )


def test_write_replaces(tmp_path: Path, ndjson: Path) -> None:
    """A file that is there is replaced."""
    write(ndjson, ROWS[:1])

    assert ROWS[:1] == list(read(ndjson))
    assert ["usage.ndjson"] == contents(tmp_path)


def records_then(error: BaseException) -> Iterator[Any]:
    """Yield enough records for several batches, and then raise."""
    for _ in range(2500):
        yield ROWS[0]
    raise error


@pytest.mark.parametrize("name", ["usage.ndjson", "usage.ndjson.gz", "new.ndjson"])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ValueError("mine"), MemoryError()], ids=repr
)
def test_error_midway(tmp_path: Path, ndjson: Path, name: str, error: BaseException) -> None:
    """If the records fail midway, the old file is whole and nothing else is there."""
    before = contents(tmp_path)
    with pytest.raises(type(error)):
        write(tmp_path / name, records_then(error))

    assert (before, LINES) == (contents(tmp_path), ndjson.read_bytes())


def test_encode_error_midway(tmp_path: Path, ndjson: Path) -> None:
    """A record that cannot be written leaves the old file, and the error tells its index."""
    wrong = UsageVectorStoresResult(usage_bytes=2**63)
    with pytest.raises(EncodeError) as caught:
        write(ndjson, [*ROWS * 500, wrong])

    assert "$[2500].usage_bytes" == caught.value.path
    assert (["usage.ndjson"], LINES) == (contents(tmp_path), ndjson.read_bytes())


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_system_error_midway(
    tmp_path: Path, ndjson: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """If the system fails, the old file is whole and the error names it."""

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, call) if call == "fsync" else (Path, call)), fail)
    with pytest.raises(FileError, match="No space left on device") as caught:
        write(ndjson, ROWS[:1])

    assert str(caught.value).startswith(f"{ndjson}: ")
    assert (["usage.ndjson"], LINES) == (contents(tmp_path), ndjson.read_bytes())


@pytest.mark.parametrize("name", ["missing/usage.ndjson", "usage.ndjson/x", "a\0b"])
def test_cannot_be_written(tmp_path: Path, ndjson: Path, name: str) -> None:
    """A path that cannot be is an error that names it."""
    assert ndjson.exists()
    with pytest.raises(FileError):
        write(f"{tmp_path}/{name}", ROWS)

    assert ["usage.ndjson"] == contents(tmp_path)


def test_write_to_a_folder(tmp_path: Path) -> None:
    """A folder is not replaced, and nothing is left beside it."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError):
        write(tmp_path / "folder", ROWS)

    assert ["folder"] == contents(tmp_path)


@needs_permissions
def test_may_not_be_written(tmp_path: Path) -> None:
    """A folder that may not be written is an error that names the file."""
    tmp_path.chmod(0o500)
    with pytest.raises(FileError) as caught:
        write(tmp_path / "x", ROWS)
    tmp_path.chmod(0o700)

    assert str(caught.value).startswith(f"{tmp_path / 'x'}: ")


@needs_posix
def test_permissions_are_the_usual(tmp_path: Path) -> None:
    """A file that is written has the permissions of any new file."""
    write(tmp_path / "x", ROWS)
    (tmp_path / "y").touch()

    assert stat.S_IMODE((tmp_path / "y").stat().st_mode) == (
        stat.S_IMODE((tmp_path / "x").stat().st_mode)
    )


def test_long_name(tmp_path: Path) -> None:
    """A file may have as long a name as the system takes."""
    name = "x" * 255
    write(tmp_path / name, ROWS)

    assert [name] == contents(tmp_path)


def test_folder_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is on disk before it takes its name, and the folder after."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os,
        "fsync",
        lambda handle: (
            done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
            or fsync(handle)
        ),
    )
    monkeypatch.setattr(
        Path, "replace", lambda self, target: done.append("name") or replace(self, target)
    )
    write(tmp_path / "x", ROWS)

    assert ["file", "name", "folder"][: 3 if os.name == "posix" else 2] == done
