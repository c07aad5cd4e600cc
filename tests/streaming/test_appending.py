"""`Writer` adds whole lines to a log, even after errors and interrupts."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.packing import UNPACK
from tests.support.writing import (
    FULL,
    LINE,
    LINES,
    MANY,
    OLD,
    ROWS,
    Disk,
    contents,
    either_way,
    failing,
    needs_posix,
    records_then,
)
from usagewire import FileError, Writer, write
from usagewire.io import append_log


def append(path: Path, *lines: bytes) -> Path | None:
    """Append lines to a log, and return the file that a torn line was moved to."""
    with Writer(path, append=True) as writer:
        for line in lines:
            writer.write_line(line)
    return writer.torn


def test_appended(old: Path) -> None:
    """One writer after the other adds its lines to those that are there."""
    for row in ROWS:
        with Writer(old, append=True) as writer:
            writer.write(row)

    assert (None, 1, OLD + LINES) == (writer.torn, writer.count, old.read_bytes())
    assert [old.name] == contents(old.parent)


@pytest.mark.parametrize("step", [Writer.flush, Writer.prepare])
def test_flushed(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: Callable[[Writer], None]
) -> None:
    """Flushed or prepared lines are in the log and on disk, and the log takes more."""
    synced: list[int] = []
    with Writer(old, append=True) as writer:
        writer.write(ROWS[0])
        monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
        step(writer)
        assert ([old.stat().st_ino], OLD + LINE) == (synced, old.read_bytes())
        writer.write_all(ROWS[1:])

    assert OLD + LINES == old.read_bytes()


@needs_posix
def test_locked(old: Path) -> None:
    """A log has one writer at a time, whatever name is used."""
    old.with_name("link").symlink_to(old)
    with Writer(old, append=True) as writer:
        writer.write(ROWS[0])
        with pytest.raises(FileError, match="another writer is appending to it") as caught:
            Writer(old.with_name("link"), append=True)
    append(old, b"next")

    assert str(caught.value).startswith(f"{old.with_name('link')}: ")
    assert OLD + LINE + b"next\n" == old.read_bytes()


@pytest.mark.parametrize("suffix", list(UNPACK)[1:])
@pytest.mark.parametrize("by", ["name", "content", "new name"])
def test_compressed_log(tmp_path: Path, suffix: str, by: str) -> None:
    """A compressed file, by its name or its first bytes, is refused and left alone."""
    path = tmp_path / f"x{suffix}"
    if by != "new name":
        write(path, ROWS)
    path = path.rename(tmp_path / "x") if by == "content" else path
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(FileError, match="cannot be appended to") as caught:
        Writer(path, append=True)

    assert str(caught.value).startswith(f"{path}: ")
    assert before == {file: file.read_bytes() for file in tmp_path.iterdir()}


LACKING = rb'{"a":1}|{}|[1]|"5"|null|true|{"a":1} '.split(b"|")
LACKING += [b" \t\r", b'{"a":1} \r', b"\xef\xbb\xbf{}"]
TORN = rb'{"a":1|{|5|-1.5|tru|{} {}|5 '.split(b"|")
TORN += [b'{"a":"\xff"}', b"\0\0", b"[" * 10**5]


@pytest.mark.parametrize("first", [b"", OLD], ids=["alone", "last"])
@pytest.mark.parametrize("tail", [*LACKING, *TORN], ids=lambda tail: repr(tail[:10]))
def test_last_line(old: Path, first: bytes, tail: bytes) -> None:
    """A whole last line gets its LF, and a torn one is moved."""
    whole = tail in LACKING and not (first and tail.startswith(b"\xef"))
    old.write_bytes(first + tail)
    torn = append(old, b"next")

    assert (None if whole else old.with_name(f"{old.name}.torn")) == torn
    assert first + (tail + b"\n" if whole else b"") + b"next\n" == old.read_bytes()
    assert (b"" if whole else tail + b"\n") == (b"" if torn is None else torn.read_bytes())


@pytest.mark.parametrize("before", [b"", b"\n"])
def test_empty_log(old: Path, before: bytes) -> None:
    """A log without text has no torn line."""
    old.write_bytes(before)

    assert None is append(old, b"next")
    assert before + b"next\n" == old.read_bytes()
    assert [old.name] == contents(old.parent)


@pytest.mark.parametrize("size", [2**18 - 2, 2**18 - 1, 2**18, 2**18 + 1, 2**24 + 1])
def test_long_last_line(old: Path, size: int) -> None:
    """The last line is found wherever it begins, and moved if it is longer than a reader allows."""
    tail = b'"' + b"x" * size + b'"' * (size > 2**24)
    old.write_bytes(OLD + tail)
    torn = append(old)

    assert torn is not None
    assert (OLD, tail + b"\n") == (old.read_bytes(), torn.read_bytes())


@pytest.mark.parametrize("before", [b"", b"earlier\n", b"earlier", b"e"])
def test_torn_lines_add_up(old: Path, before: bytes) -> None:
    """Each torn line becomes one more line in the file of torn lines."""
    aside = old.with_name(f"{old.name}.torn")
    aside.write_bytes(before)
    for tail in (b"{1", b"{2"):
        old.write_bytes(old.read_bytes() + tail)
        append(old)

    assert OLD == old.read_bytes()
    assert b"".join(line + b"\n" for line in (*before.splitlines(), b"{1", b"{2")) == (
        aside.read_bytes()
    )


@needs_posix
def test_torn_lines_are_as_private(old: Path) -> None:
    """The users who may read the log may read its torn lines."""
    old.write_bytes(b"{")
    old.chmod(0o640)
    append(old)

    assert 0o640 == stat.S_IMODE(old.with_name(f"{old.name}.torn").stat().st_mode)


@needs_posix
def test_order_of_moving(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn line is on disk in its new file before the log is truncated."""
    old.write_bytes(OLD + b"{torn")
    done: list[tuple[str, int]] = []

    def note(handle: int) -> None:
        of = {path.stat().st_ino: path.name for path in (old.parent, *old.parent.iterdir())}
        done.append((of[os.fstat(handle).st_ino], old.stat().st_size))

    monkeypatch.setattr(os, "fsync", note)
    append(old)

    folder, long, short = old.parent.name, len(OLD + b"{torn"), len(OLD)
    assert [
        (f"{old.name}.torn", long),
        (folder, long),
        (old.name, short),
        (folder, short),
        (old.name, short),
    ] == done


def test_torn_line_that_cannot_be_moved(old: Path) -> None:
    """If a torn line cannot be moved, the log stays as it was, and the error names the file."""
    old.write_bytes(OLD + b"{torn")
    aside = old.with_name(f"{old.name}.torn")
    aside.mkdir()
    with pytest.raises(FileError) as caught:
        Writer(old, append=True)

    assert str(caught.value).startswith(f"{aside}: ")
    assert OLD + b"{torn" == old.read_bytes()


@pytest.mark.parametrize("room", range(len(b"\n{torn\n")))
def test_full_disk_while_moving(old: Path, disk: Disk, room: int) -> None:
    """A torn line is moved whole or not at all."""
    old.write_bytes(OLD + b"{torn")
    aside = old.with_name(f"{old.name}.torn")
    aside.write_bytes(b"earlier")
    disk.room = room
    with pytest.raises(FileError, match=FULL) as caught:
        Writer(old, append=True)

    assert str(caught.value).startswith(f"{aside}: ")
    assert (OLD + b"{torn", b"earlier") == (old.read_bytes(), aside.read_bytes())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("mine")], ids=repr)
def test_error_keeps_lines(old: Path, error: BaseException) -> None:
    """An exception in the context loses no line that the writer took."""
    with pytest.raises(type(error)), Writer(old, append=True) as writer:
        writer.write_all(records_then(error))

    assert (MANY, OLD + LINE * MANY) == (writer.count, old.read_bytes())


@pytest.mark.parametrize("room", [0, 1, len(LINE), 2**18, 2**18 + 100])
def test_full_disk(old: Path, disk: Disk, room: int) -> None:
    """On a full disk a log ends in a whole line. Once there is room, no line is missing."""
    disk.room = room
    with Writer(old, append=True) as writer:
        with pytest.raises(FileError, match=FULL):
            writer.write_all(ROWS * MANY)
        taken, between = writer.count, old.read_bytes()
        with pytest.raises(FileError, match=FULL):
            writer.flush()
        disk.room = 10**9
        writer.write_all(ROWS[taken % 5 :])
        writer.flush()

    assert OLD + LINES * (taken // 5 + 1) == old.read_bytes()
    assert old.read_bytes().startswith(between)
    assert between.endswith(b"\n")


def test_full_disk_in_the_end(old: Path, disk: Disk) -> None:
    """If a log cannot be closed, the error says once how many lines it did not get."""
    writer = Writer(old, append=True)
    writer.write_all(ROWS[:2])
    writer.flush()
    writer.write_all(ROWS[2:])
    disk.room = 100
    with pytest.raises(FileError) as caught:
        writer.close()
    writer.close()

    assert f"{old}: {FULL}; 3 lines were not written" == str(caught.value)
    assert OLD + LINES[: 2 * len(LINE)] == old.read_bytes()


def test_full_disk_after_an_error(old: Path, disk: Disk) -> None:
    """If lines are lost after an error in the context, a note says how many."""
    disk.room = 0
    with pytest.raises(ValueError, match="mine") as caught, Writer(old, append=True) as writer:
        writer.write_all(records_then(ValueError("mine"), 5))

    assert [f"{old}: {FULL}; 5 lines were not written"] == caught.value.__notes__
    assert OLD == old.read_bytes()


@either_way
def test_error_after_the_end(old: Path, *, append: bool) -> None:
    """After `close` in the context, a later exception changes nothing."""
    with pytest.raises(ValueError, match="mine"), Writer(old, append=append) as writer:  # noqa: PT012 -- raised in the end
        writer.write_all(ROWS)
        writer.close()
        raise ValueError("mine")

    assert (OLD if append else b"") + LINES == old.read_bytes()


def test_disk_that_fails_altogether(old: Path, disk: Disk) -> None:
    """If half a line cannot be removed, the next writer moves it."""
    writer = Writer(old, append=True)
    writer.write_all(ROWS)
    disk.room, disk.truncates = 10, False
    with pytest.raises(FileError, match="5 lines were not written"):
        writer.close()
    disk.room, disk.truncates = 10**9, True
    torn = append(old)

    assert torn is not None
    assert (OLD, LINE[:10] + b"\n") == (old.read_bytes(), torn.read_bytes())


def test_half_a_line_is_removed_later(old: Path, disk: Disk) -> None:
    """If half a line cannot be removed at once, it is removed before more lines are written."""
    with Writer(old, append=True) as writer:
        writer.write_all(ROWS)
        disk.room, disk.truncates = 10, False
        for _ in range(2):
            with pytest.raises(FileError):
                writer.flush()
        disk.room, disk.truncates = 10**9, True

    assert OLD + LINES == old.read_bytes()


def test_flush_that_failed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failed flush, each later flush fails, though the lines are written."""
    with pytest.raises(FileError) as caught, Writer(old, append=True) as writer:  # noqa: PT012 -- raised in the end
        writer.write(ROWS[0])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing(errno.EIO))
            with pytest.raises(FileError, match="Input/output error"):
                writer.flush()
        writer.write_all(ROWS[1:])
        with pytest.raises(FileError, match="an earlier flush failed"):
            writer.flush()

    assert "the last lines may not be on disk" in str(caught.value)
    assert OLD + LINES == old.read_bytes()


@pytest.mark.parametrize("step", ["flush", "close"])
@pytest.mark.parametrize("room", [0, 1, len(LINE), len(LINES) - 1])
def test_interrupted_midway(old: Path, disk: Disk, room: int, step: str) -> None:
    """An interrupt while lines are written loses no line and repeats none."""
    with Writer(old, append=True) as writer:
        writer.write_all(ROWS)
        disk.room, disk.errors, disk.room_again = room, [KeyboardInterrupt()], 10**9
        with pytest.raises(KeyboardInterrupt):
            getattr(writer, step)()
        between = old.read_bytes()

    assert (OLD + LINES if step == "close" else OLD) == between
    assert OLD + LINES == old.read_bytes()


@pytest.mark.parametrize("step", ["flush", "close"])
@pytest.mark.parametrize(
    ("owner", "call"), [(append_log, "write_whole"), (os, "fsync")], ids=["write", "fsync"]
)
def test_interrupted_after(
    old: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, call: str, step: str
) -> None:
    """An interrupt just after lines were written or put on disk loses and repeats none."""
    calls: list[Any] = []
    real = getattr(owner, call)

    def interrupted(*args: Any) -> None:
        real(*args)
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt

    with Writer(old, append=True) as writer:
        writer.write_all(ROWS)
        monkeypatch.setattr(owner, call, interrupted)
        with pytest.raises(KeyboardInterrupt):
            getattr(writer, step)()

    assert OLD + LINES == old.read_bytes()


def test_interrupted_and_full(old: Path, disk: Disk) -> None:
    """If lines are lost after an interrupt, a note says how many."""
    writer = Writer(old, append=True)
    writer.write_all(ROWS)
    disk.room, disk.errors = 0, [KeyboardInterrupt(), OSError(errno.ENOSPC, FULL)]
    with pytest.raises(KeyboardInterrupt) as caught:
        writer.close()

    assert [f"{old}: {FULL}; 5 lines were not written"] == caught.value.__notes__
    assert OLD == old.read_bytes()


def test_deleted_log(old: Path) -> None:
    """If a log was deleted or replaced meanwhile, that is an error."""
    writer = Writer(old, append=True)
    writer.write_all(ROWS)
    write(old, ROWS[:1])
    with pytest.raises(FileError, match=r"was deleted or replaced.*; 5 lines were not written"):
        writer.close()

    assert LINE == old.read_bytes()


def test_renamed_log(old: Path) -> None:
    """A renamed log gets its lines under its new name."""
    with Writer(old, append=True) as writer:
        moved = old.rename(old.with_name("moved"))
        writer.write_all(ROWS)

    assert OLD + LINES == moved.read_bytes()


def test_truncated_log(old: Path) -> None:
    """If a log was emptied meanwhile, as rotation by copying does, it grows from its beginning."""
    with Writer(old, append=True) as writer:
        writer.write(ROWS[0])
        writer.flush()
        os.truncate(old, 0)
        writer.write_all(ROWS)

    assert LINES == old.read_bytes()


def test_discarded_lines(old: Path) -> None:
    """`discard` drops the lines of a log that were not written yet."""
    with Writer(old, append=True) as writer:
        writer.write_all(ROWS)
        writer.flush()
        writer.write(ROWS[0])
        writer.discard()

    assert OLD + LINES == old.read_bytes()


MAGICS = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0")
# A file that begins as a compressed file does is refused.
RAW = (
    st.binary(max_size=6)
    .map(lambda line: line.replace(b"\n", b""))
    .filter(lambda line: not line.startswith(MAGICS) and line[1:4] != b"\x2a\x4d\x18")
)
JSON = st.sampled_from([b"{}", b'{"a":[1,"x"]}', b"12", b"null", b" ", b"", b"\xef\xbb\xbf{}"])
BATCH = st.lists(RAW | JSON, max_size=4)


@pytest.fixture(scope="module")
def _unsynced() -> Iterator[None]:
    """Do not wait for the disk: thousands of small files are written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, _unsynced: None) -> Path:
    """Return the path of a log in a new folder."""
    return tmp_path_factory.mktemp("log") / "log"


class Kept:
    """A log and its file of torn lines, which together must keep every byte."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.aside = log.with_name("log.torn")
        log.unlink(missing_ok=True)
        self.aside.unlink(missing_ok=True)
        self.torn = b""

    def append(self, batch: list[bytes]) -> bytes:
        """Append a batch, check that every byte and every line is there, return the new lines."""
        before = self.log.read_bytes() if self.log.exists() else b""
        whole = before[: before.rfind(b"\n") + 1]
        tail = before[len(whole) :]
        torn = append(self.log, *batch)

        added = b"".join(line + b"\n" for line in batch)
        if torn is not None:
            self.torn += tail + b"\n"
            tail = b""
        assert whole + tail + b"\n" * bool(tail) + added == self.log.read_bytes()
        assert self.torn == (self.aside.read_bytes() if self.aside.exists() else b"")
        return added


@given(batch=BATCH)
def test_cut_at_every_byte(log: Path, batch: list[bytes]) -> None:
    """Wherever a log is cut, the next writer keeps every byte and every whole line once."""
    text = b"".join(line + b"\n" for line in batch)
    for place in range(len(text) + 1):
        kept = Kept(log)
        log.write_bytes(text[:place])
        kept.append([b"next"])


@given(steps=st.lists(st.tuples(BATCH, st.floats(0, 1)), max_size=6))
def test_cut_again_and_again(log: Path, steps: list[tuple[list[bytes], float]]) -> None:
    """Any sequence of appends keeps every byte, if each is cut somewhere in its lines."""
    kept = Kept(log)
    for batch, part in steps:
        added = kept.append(batch)
        os.truncate(log, log.stat().st_size - int(len(added) * part))
    kept.append([])
