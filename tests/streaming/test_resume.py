"""Resuming: a run that stops anywhere and the run that resumes it give the same as one run."""

import io
import json
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.chunks import cut
from tests.support.comparing import exact
from tests.support.packing import PACK, two_members
from tests.support.reading import came
from tests.support.samples import mixed, row, text
from usagewire import CheckpointError, Counts, DecodeError, FileError, Rejection, read
from usagewire.io import files
from usagewire.streaming import checkpoint as checkpoints
from usagewire.streaming import pipeline, source_text, sources

pytestmark = pytest.mark.usefixtures("path")  # each way to decode is resumed

LIMIT = 500  # for documents too
LINES = mixed(LIMIT)
OPTIONS: dict[str, Any] = {"max_line_bytes": LIMIT, "max_raw_bytes": 20, "on_error": "collect"}
ROWS = [
    *(row(usage_bytes=1), row(usage_bytes=9), 5, row(usage_bytes="2")),
    *(None, row(usage_bytes=3), row(usage_bytes="x")),
]
ARRAY = json.dumps(ROWS, indent=1).encode()
PAGE = json.dumps(
    {"object": "page", "data": [], "has_more": False, "next_page": None}, indent=2
).encode()

Make = Callable[[Path], Any]


def put(folder: Path, name: str, data: bytes) -> str:
    """Write a file, unless it exists, and return its path."""
    file = folder / name
    if not file.exists():
        file.write_bytes(data)
    return str(file)


class Pipe:
    """A file with no method but `read`."""

    def __init__(self, data: bytes) -> None:
        self.read = io.BytesIO(data).read


def several(folder: Path) -> list[str]:
    """Return the paths of files of all kinds."""
    return [
        put(folder, "a.ndjson", LINES),
        put(folder, "b.json", ARRAY),
        put(folder, "c.ndjson", b""),
        put(folder, "d.ndjson.gz", two_members(LINES[:300], ".gz")),
        put(folder, "e.json", b"[ ]\n"),
        put(folder, "f.json.xz", two_members(PAGE, ".xz")),
        put(folder, "g.ndjson", b"\n\nwhat?\n"),
    ]


SOURCES: dict[str, Make] = {
    **{
        f"file{suffix}": lambda folder, suffix=suffix: put(folder, "a", two_members(LINES, suffix))
        for suffix in PACK
    },
    "chunks": lambda _: cut(LINES, 7),
    "generator": lambda _: (piece for piece in cut(LINES, 7)),
    "chunks of gzip": lambda _: cut(two_members(LINES, ".gz"), 7),
    "file object": lambda _: io.BytesIO(LINES),
    "pipe": lambda _: Pipe(LINES),
    "array": lambda folder: put(folder, "a", ARRAY),
    "array.zst": lambda folder: put(folder, "a", two_members(ARRAY, ".zst")),
    "array in chunks": lambda _: cut(ARRAY, 7),
    "array on one line": lambda _: [json.dumps(ROWS).encode()],
    "empty array": lambda _: [b"[\n]\n"],
    "page": lambda folder: put(folder, "a", PAGE),
    "blank lines": lambda _: [b"\n", b" \r\n\n"],
    "nothing": lambda _: [b""],
    "several": several,
    "glob": lambda folder: os.path.join(os.path.dirname(several(folder)[0]), "*"),  # noqa: PTH118, PTH120
}
FEW = ["file", "file.gz", "chunks", "pipe", "array", "empty array", "blank lines", "several"]


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in chunks and blocks so small that they end everywhere."""
    monkeypatch.setattr(files, "CHUNK", 41)
    monkeypatch.setattr(source_text, "_AT_ONCE", 29)
    for module in (sources, checkpoints):
        monkeypatch.setattr(module, "WINDOW", 16)


small = pytest.mark.usefixtures("_small")


class Run(NamedTuple):
    """The records, rejections and counts of one reading."""

    records: list[Any]
    rejections: list[Rejection]
    counts: Counts

    def __add__(self, other: Any) -> Any:
        """Return the results of both."""
        return Run(*(mine + its for mine, its in zip(self, other, strict=True)))


def run(source: Any, count: int | None = None, **options: Any) -> tuple[Run, str]:
    """Read `count` records or all; return the results and the checkpoint after them."""
    with read(source, **OPTIONS | options) as reader:
        records = exact(list(islice(reader, count)))
        return Run(records[1], reader.rejections, reader.counts), reader.checkpoint()


@pytest.mark.parametrize("chunks", ["large", "small"])
@pytest.mark.parametrize("name", SOURCES)
def test_every_record(
    name: str, chunks: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Stopped after any number of records and resumed, a reader gives the records of one run."""
    if chunks == "small":
        request.getfixturevalue("_small")
    make = SOURCES[name]
    expected, _ = run(make(tmp_path))
    for count in range(len(expected.records) + 2):
        first, checkpoint = run(make(tmp_path), count)
        second, _ = run(make(tmp_path), resume=checkpoint)
        counts = first.counts

        assert expected == first + second
        assert counts.lines == counts.records + counts.rejected + counts.blank


@pytest.mark.parametrize(("name", "size"), [("array", len(ARRAY)), ("empty array", 4)])
def test_bytes_of_a_document(name: str, size: int, tmp_path: Path) -> None:
    """The bytes of a document count with its first record, or at once if it has none."""
    reader = read(SOURCES[name](tmp_path), **OPTIONS)
    next(reader, None)
    first = reader.counts
    list(reader)

    assert (size, size) == (first.bytes, reader.counts.bytes)


@small
@pytest.mark.parametrize("on_error", ["collect", "raise"])
@pytest.mark.parametrize("name", FEW)
def test_a_checkpoint_a_step(name: str, on_error: str, tmp_path: Path) -> None:
    """If each record and error has a new reader, they together give what one run gives."""
    make = SOURCES[name]
    expected, _ = run(make(tmp_path))
    found = Run([], [], Counts())
    resume, errors, is_over = None, 0, False
    while not is_over:
        with read(make(tmp_path), **OPTIONS | {"on_error": on_error}, resume=resume) as reader:
            records: list[Any] = []
            try:
                records.extend(map(exact, islice(reader, 1)))
                is_over = not records
            except DecodeError:
                errors += 1
            found += Run(records, reader.rejections, reader.counts)
            resume = reader.checkpoint()

    assert expected == found
    assert errors == (expected.counts.rejected if on_error == "raise" else 0)


@small
@pytest.mark.parametrize("on_error", ["collect", "raise"])
@pytest.mark.parametrize("name", FEW)
def test_every_batch(
    name: str, on_error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after any batch and resumed, a reader gives and raises the same as one run."""
    monkeypatch.setattr(pipeline, "_BATCH", 2)
    make = SOURCES[name]

    def stop_after(batches: int, resume: str | None) -> tuple[list[Any], Counts, str]:
        came: list[Any] = []
        with read(make(tmp_path), **OPTIONS | {"on_error": on_error}, resume=resume) as reader:
            while batches:
                try:
                    for batch in reader.batches():
                        came += map(exact, batch)
                        batches -= 1
                        if not batches:
                            break
                    else:
                        break
                except DecodeError as error:
                    came.append(str(error))
            return came, reader.counts, reader.checkpoint()

    expected, counts, _ = stop_after(-1, None)
    for batches in range(len(expected) + 1):
        first, first_counts, checkpoint = stop_after(batches, None)
        second, second_counts, _ = stop_after(-1, checkpoint)

        assert (expected, counts) == (first + second, first_counts + second_counts)


@pytest.mark.parametrize("name", ["file", "file.zst", "array", "pipe", "several"])
def test_places_of_a_checkpoint(name: str, tmp_path: Path) -> None:
    """A checkpoint stays the same when taken again, after `close`, and after resuming."""
    make = SOURCES[name]
    reader = read(make(tmp_path), **OPTIONS)
    assert [1, 1] == [1 for _ in islice(reader, 2)]
    checkpoint = reader.checkpoint()
    assert checkpoint == reader.checkpoint()
    position, counts = reader.position, reader.counts
    reader.close()
    assert checkpoint == reader.checkpoint()
    assert (position, counts) == (reader.position, reader.counts)

    resumed = read(make(tmp_path), **OPTIONS, resume=checkpoint.encode())
    assert checkpoint == resumed.checkpoint()
    list(resumed)
    end = resumed.checkpoint()
    resumed.close()
    assert end == resumed.checkpoint()
    assert [] == list(read(make(tmp_path), **OPTIONS, resume=end))


@small
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("by", ["records", "batches"])
@pytest.mark.parametrize("name", ["file", "array", "several"])
def test_callback_that_raises(
    name: str, by: str, error: type[BaseException], tmp_path: Path
) -> None:
    """An exception of a callback, at any line, loses no record and repeats none."""
    make = SOURCES[name]
    expected, _ = run(make(tmp_path))
    for at in range(expected.counts.rejected):
        seen: list[Rejection] = []

        def fail(rejection: Rejection, seen: list[Rejection] = seen, at: int = at) -> None:
            seen.append(rejection)
            if len(seen) == at + 1:
                raise error

        reader = read(make(tmp_path), **OPTIONS | {"on_error": fail})
        records: list[Any] = []
        with pytest.raises(error):
            records.extend(map(exact, came(reader, by)))
        first = reader.counts
        assert first.lines == first.records + first.rejected + first.blank
        assert len(records) == first.records
        second, _ = run(make(tmp_path), resume=reader.checkpoint())
        records_then = list(map(exact, reader))

        assert expected == Run(records + records_then, seen, reader.counts)
        assert (records_then, expected.counts) == (second.records, first + second.counts)


LINE = len(text(row(usage_bytes=1))) + 1
TEN = b"".join(text(row(usage_bytes=number)) + b"\n" for number in range(1, 11))  # one is longer
ENDS = ["", ".gz", ".zst"]


CHANGES: dict[str, bytes] = {
    "replaced": TEN.replace(b"vector_stores", b"moderations.."),
    "emptied": b"",
    "cut to a line before": TEN[: 3 * LINE],
    "cut in the last line": TEN[: 4 * LINE - 1],
    "its first byte": b" " + TEN[1:],
    "the byte before the place": TEN[: 4 * LINE - 1] + b" " + TEN[4 * LINE :],
    "a byte of the line before": TEN[: 4 * LINE - 5] + b"9" + TEN[4 * LINE - 4 :],
    "a line put in before": TEN[:LINE] + TEN,
    "a line taken out before": TEN[LINE:],
    "other line ends": TEN.replace(b"\n", b"\r\n"),
    "became a document": b"[" + TEN.rstrip().replace(b"\n", b",\n") + b"]",
}


DOCUMENTS: dict[str, bytes] = {
    "grown": ARRAY + b"\n",
    "cut": ARRAY[:-1],
    "emptied": b"",
    "edited": ARRAY[:-1] + b" ",
    "became lines": b"".join(text(one) + b"\n" for one in ROWS if isinstance(one, dict)),
    "became lines of the same size": TEN.ljust(len(ARRAY))[: len(ARRAY)],
}
# The text before, the number of records read from it, and the text after.
CHANGED = {f"lines, {name}": (TEN, 4, after) for name, after in CHANGES.items()} | {
    f"document, {name}": (ARRAY, 1, after) for name, after in DOCUMENTS.items()
}


@pytest.mark.parametrize("change", CHANGED)
@pytest.mark.parametrize("suffix", ENDS)
def test_changed_source(change: str, suffix: str, tmp_path: Path) -> None:
    """Lines that changed before the place, and changed documents, are refused with advice."""
    before, count, after = CHANGED[change]
    checkpoint = run([before], count)[1]
    reader = read(put(tmp_path, "a", two_members(after, suffix)), **OPTIONS, resume=checkpoint)
    with pytest.raises(CheckpointError, match=r"a: .*; read it without the checkpoint"):
        next(reader)

    assert ([], checkpoint, Counts()) == (list(reader), reader.checkpoint(), reader.counts)


STAYS: dict[str, bytes] = {
    "the same": TEN,
    "grown": TEN + TEN,
    "cut after the place": TEN[: 5 * LINE],
    "edited after the place": TEN[: 4 * LINE] + TEN,
    "cut at the place": TEN[: 4 * LINE],
}


@pytest.mark.parametrize("stays", STAYS)
@pytest.mark.parametrize("suffix", ENDS)
def test_the_same_file(stays: str, suffix: str, tmp_path: Path) -> None:
    """The text after the place may change, and so may the compression."""
    checkpoint = run([TEN], 4)[1]
    data = STAYS[stays]
    rest, _ = run([data[4 * LINE :]])
    found, _ = run(put(tmp_path, "a.ndjson", two_members(data, suffix)), resume=checkpoint)

    assert rest.records == found.records


def test_document_resumed_as_lines(tmp_path: Path) -> None:
    """A checkpoint in a document is refused by a reader of a type that documents do not have."""
    file = put(tmp_path, "a.json", ARRAY)
    _, checkpoint = run(file, 1)
    with pytest.raises(CheckpointError, match=r"a\.json: "):
        list(read(file, Any, resume=checkpoint))


LISTS: dict[str, tuple[list[str], bool]] = {
    "the same": (["a", "b", "c"], True),
    "one more after": (["a", "b", "c", "c"], True),
    "another after": (["a", "b", "a"], True),
    "none after": (["a", "b"], True),
    "renamed, with what was read": (["a", "copy of b", "c"], True),
    "one more before": (["a", "a", "b", "c"], False),
    "one less before": (["b", "c"], False),
    "another before": (["c", "b", "c"], False),
    "swapped": (["b", "a", "c"], False),
    "another at the place": (["a", "c", "b"], False),
    "too few": (["a"], False),
    "none": ([], False),
}


@pytest.mark.parametrize("change", LISTS)
def test_several_sources(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources before the place must have the same names, the one at the place the same text."""
    monkeypatch.chdir(tmp_path)
    for name, data in (("a", TEN), ("b", LINES), ("copy of b", LINES), ("c", TEN[::-1])):
        put(tmp_path, name, data)
    first, checkpoint = run(["a", "b", "c"], 13)
    names, is_same = LISTS[change]
    if is_same:
        whole, _ = run(names)
        both = first + run(names, resume=checkpoint)[0]
        assert (whole.records, whole.counts) == (both.records, both.counts)
    else:
        with pytest.raises(CheckpointError, match=r"'b'|[abc]: "):
            run(names, resume=checkpoint)


@pytest.mark.parametrize("size", [None, 1, 100, 230])
def test_file_that_cannot_be_read_up_to_the_place(size: int | None, tmp_path: Path) -> None:
    """A missing or damaged file is an error, and the place stays the same."""
    data = two_members(LINES, ".gz")
    file = tmp_path / "a"
    file.write_bytes(data)
    _, checkpoint = run([file], 8)
    file.unlink()
    if size is not None:
        file.write_bytes(data[:size])
    reader = read([file], **OPTIONS, resume=checkpoint)
    with pytest.raises(FileError, match="a: " if size else "No such file"):
        next(reader)

    assert checkpoint == reader.checkpoint()


def test_place_in_a_file_object() -> None:
    """A file object is read from its current position, and a checkpoint counts from there."""
    file = io.BytesIO(b"text before" + TEN)
    file.seek(11)
    _, checkpoint = run(file, 4)
    file.seek(11)

    assert run([TEN[4 * LINE :]])[0].records == run(file, resume=checkpoint)[0].records


def test_text_file_object(tmp_path: Path) -> None:
    """A file opened as text is refused when reading resumes, too."""
    file = put(tmp_path, "a", TEN)
    _, checkpoint = run(file, 4)
    with Path(file).open(encoding="utf-8") as opened, pytest.raises(FileError, match="a: "):
        next(read(opened, resume=checkpoint))  # type: ignore[arg-type]


ROW = text(row(usage_bytes=1)) + b"\n"
OPEN = {
    "completed": b"\n",
    "completed with CR": b"\r\n",
    "completed with blanks": b" \r\n\n",
    "completed and continued": b"\n" + ROW + b"bad\n" + ROW,
    "more of it": b"x" + ROW + b"bad\n" + ROW,
}


@pytest.mark.parametrize("added", OPEN)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [1, 2**18])
def test_resume_after_a_line_without_lf(
    added: str, packed: bool, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An LF that comes later belongs to the line before it, and lines keep their numbers."""
    monkeypatch.setattr(files, "CHUNK", size)
    path = tmp_path / "usage"
    pack = PACK[".gz" if packed else ""]
    path.write_bytes(pack(ROW + ROW[:-1]))
    before = read(path)
    assert 2 == len(list(before))
    place = before.checkpoint()
    path.write_bytes(pack(ROW + ROW[:-1] + OPEN[added]))
    after = read(path, resume=place, on_error="collect")
    assert (3, place) == (after.position.line, after.checkpoint())
    found = list(after)
    whole = read(path, on_error="collect")
    records = list(whole)

    numbers = [one.line for one in whole.rejections]
    assert numbers == [one.line for one in after.rejections]
    assert whole.position == after.position
    if added != "more of it":
        assert (records[2:], whole.counts) == (found, before.counts + after.counts)
