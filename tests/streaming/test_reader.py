"""`read` and its `Reader`: iterator, context manager, batches, counts and errors."""

import gc
import gzip
import io
import weakref
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.support.reading import LINES, ROWS
from tests.support.samples import row, text
from usagewire import (
    Counts,
    DecodeError,
    FileError,
    Position,
    UsageVectorStoresResult,
    UsageWireError,
    make_converter,
    read,
)

SIZES = [len(line) + 1 for line in LINES.splitlines()]
pytestmark = pytest.mark.usefixtures("path")  # each way to decode reads files


def test_iterator(ndjson: Path) -> None:
    """A reader is an iterator: a loop continues where the one before it stopped."""
    reader = read(ndjson)
    for record in reader:
        if record == ROWS[1]:
            break

    assert iter(reader) is reader
    assert ROWS[2] == next(reader)
    assert ROWS[3:] == list(reader)
    assert list(reader) == []


def test_forgotten(ndjson: Path) -> None:
    """A reader without references is gone at once, without the garbage collector."""
    gc.disable()
    try:
        reader = read(ndjson)
        next(reader)
        left = weakref.ref(reader)
        del reader

        assert left() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_closed_while_iterated(ndjson: Path, taken: int) -> None:
    """An iterator in the middle of a run ends when the reader is closed."""
    reader = read(ndjson)
    records = iter(reader)
    found = [next(records) for _ in range(taken)]
    reader.close()

    assert (ROWS[:taken], []) == (found, list(records))
    assert (taken, taken) == (reader.counts.records, reader.counts.lines)


BAD = text(row(usage_bytes="x")) + b"\n"


@pytest.mark.parametrize("iterates", [True, False])
@pytest.mark.parametrize("good", [0, 1, 3])
def test_closed_at_a_bad_line(tmp_path: Path, good: int, iterates: bool) -> None:
    """If a callback closes the reader, no more records come, and resuming loses none."""
    file = tmp_path / "usage.ndjson"
    lines = LINES.splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:good], BAD, *lines[good:]]))
    reader = read(file, on_error=lambda _: reader.close())
    found = list(reader) if iterates else list(chain.from_iterable(reader.batches()))

    assert ROWS[:good] == found
    counts = reader.counts
    assert (good + 1, good, 1) == (counts.lines, counts.records, counts.rejected)
    assert ROWS[good:] == list(read(file, on_error="skip", resume=reader.checkpoint()))


def test_asking_for_a_record_at_a_bad_line() -> None:
    """If a callback asks for a record, it gets an error, and no record is lost."""
    errors: list[UsageWireError] = []

    def ask(_: Any) -> None:
        with pytest.raises(UsageWireError, match="while one is being read") as caught:
            next(reader)
        errors.append(caught.value)

    reader = read([LINES + BAD + LINES + BAD], on_error=ask)

    assert ROWS * 2 == list(reader)
    assert len(errors) == 2


def test_stop_iteration_at_a_bad_line() -> None:
    """A StopIteration of a callback does not look like the end."""
    reader = read([LINES + BAD + LINES], on_error=lambda _: next(iter(())))
    found: list[Any] = []
    with pytest.raises(RuntimeError, match="StopIteration"):
        found.extend(reader)
    found.extend(reader)

    assert ROWS * 2 == found
    assert (11, 1) == (reader.counts.lines, reader.counts.rejected)


def test_context_closes(ndjson: Path) -> None:
    """Leaving the context ends the records; the counts cover the records that came out."""
    with read(ndjson) as reader:
        assert ROWS[0] == next(reader)
    assert list(reader) == list(reader.batches()) == []
    assert Counts(lines=1, records=1, bytes=SIZES[0]) == reader.counts
    reader.close()


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()], ids=repr)
def test_context_lets_errors_through(ndjson: Path, error: BaseException) -> None:
    """An exception in the context closes the reader and is raised."""
    with pytest.raises(type(error)), read(ndjson) as reader:
        raise error

    assert list(reader) == []


def test_type_and_options(tmp_path: Path) -> None:
    """The decoder gets the type and the options."""
    file = tmp_path / "lenient.ndjson"
    file.write_bytes(b'{"usage_bytes":"5","later":1}')
    with read(file, UsageVectorStoresResult, strict=False, unknown="ignore") as reader:
        assert [UsageVectorStoresResult(usage_bytes=5)] == list(reader)
        assert 1 == reader.counts.lenient


def test_converter(ndjson: Path) -> None:
    """The user's own converter is used."""
    assert ROWS == list(read(ndjson, converter=make_converter()))


def test_wrong_option(ndjson: Path) -> None:
    """A wrong option is refused before anything is read."""
    with pytest.raises(UsageWireError, match="on_error"):
        read(ndjson, on_error="ignore")  # type: ignore[call-overload]


MANY = b"".join(text(row(usage_bytes=number)) + b"\n" for number in range(3000))


@pytest.mark.parametrize("size", [100, 2**18])
def test_batches(size: int) -> None:
    """All records come in lists, and no list is empty."""
    reader = read(MANY[start : start + size] for start in range(0, len(MANY), size))
    batches = list(reader.batches())

    assert list(range(3000)) == [one.usage_bytes for batch in batches for one in batch]
    assert all(batches)


def test_batches_and_records_in_turn() -> None:
    """A user can switch from records to batches and back."""
    reader = read([LINES, b"\n", LINES])
    first = next(reader)
    batch = next(reader.batches())

    assert ROWS * 2 == [first, *batch, *reader]


def test_batches_of_live_records() -> None:
    """A batch holds the records that have come: no more input is asked for."""
    asked = []

    def live() -> Iterator[bytes]:
        for number in range(3):
            asked.append(number)
            yield LINES

    for number, batch in enumerate(read(live()).batches()):
        assert (ROWS, number) == (batch, asked[-1])


def test_batches_with_a_bad_line() -> None:
    """The error of a line comes after the batch before it, and `batches` can be called again."""
    reader = read([LINES + b"bad\n" + LINES])
    found: list[Any] = []
    for _ in range(2):
        try:
            found.extend(len(batch) for batch in reader.batches())
        except DecodeError as error:
            found.append(error.code)

    assert [5, "syntax", 5] == found  # `extend` keeps what came before an error
    assert (10, 1) == (reader.counts.records, reader.counts.rejected)


def test_taken(ndjson: Path) -> None:
    """`taken` counts the bytes of the files, before decompression."""
    packed = gzip.compress(LINES)
    reader = read([ndjson, io.BytesIO(packed)])
    list(reader)

    assert len(LINES) + len(packed) == reader.taken


def test_name_and_position(ndjson: Path) -> None:
    """The name and the place belong to the last record; the user can give a different name."""
    reader = read([ndjson, io.BytesIO(LINES)])
    for number in range(5):
        next(reader)
        offset = sum(SIZES[: number + 1])

        assert Position(file=str(ndjson), line=number + 2, offset=offset) == reader.position
    next(reader)
    assert ("<BytesIO>", 2) == (reader.name, reader.position.line)
    with read(ndjson, name="of mine") as named:
        assert "of mine" == named.name
        next(named)
        assert "of mine" == named.position.file


def test_raise(tmp_path: Path) -> None:
    """With raise, the records before a bad line come first, and iterating continues after it."""
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


def test_file_error_is_raised_once() -> None:
    """If a file cannot be read further, one error says so, and half a line is not a record."""
    reader = read([gzip.compress(LINES)[:-1]])
    found: list[Any] = []
    for _ in range(3):
        try:
            found.extend(next(reader) for _ in range(9))
        except RuntimeError:  # the StopIteration of a generator
            found.append("end")
        except FileError:
            found.append("error")

    assert [*ROWS, "error", "end", "end"] == found


class Interrupted(io.BytesIO):
    """A file whose reading is interrupted after the first lines."""

    error: BaseException = KeyboardInterrupt()

    def read(self, _: int | None = -1, /) -> bytes:
        """Return lines, or raise."""
        if self.tell():
            raise self.error
        return super().read(len(LINES))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), SystemExit()], ids=repr)
def test_interrupted_read_is_no_end(error: BaseException) -> None:
    """If reading a file is interrupted, that does not look like its end."""
    file = Interrupted(LINES * 2)
    file.error = error
    reader = read([file, io.BytesIO(LINES)])
    found: list[Any] = []
    with pytest.raises(type(error)):
        found.extend(reader)
    with pytest.raises(FileError, match=r"^<Interrupted>: reading was interrupted"):
        found.extend(reader)

    assert (ROWS, []) == (found, list(reader))
