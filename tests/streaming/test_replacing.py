"""`Writer` replaces a file whole or not at all."""

import errno
import os
import stat
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

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
    every_suffix,
    failing,
    needs_posix,
    records_then,
)
from usagewire import EncodeError, FileError, UsageVectorStoresResult, Writer, write

PART = ".usagewire-0123456789abcdef.part"
"""A name as temporary files have it."""


def test_nothing_before_the_end(old: Path) -> None:
    """Until it is closed the old file is there, also after a flush."""
    with Writer(old) as writer:
        writer.write_all(ROWS)
        writer.flush()
        between = old.read_bytes()

    assert [OLD, LINES] == [between, old.read_bytes()]
    assert [old.name] == contents(old.parent)


@every_suffix
def test_prepared(old: Path, suffix: str) -> None:
    """A file that is prepared takes no more lines, and then only its name."""
    path = old.with_name(f"x{suffix}")
    path.write_bytes(OLD)
    with Writer(path) as writer:
        writer.write_all(ROWS)
        writer.prepare()
        with pytest.raises(FileError, match="the writer is about to be closed"):
            writer.write(ROWS[0])
        part = next(old.parent.glob(".usagewire-*.part")).read_bytes()
        between = path.read_bytes()
        writer.prepare()
        writer.flush()

    assert (OLD, LINES, 5) == (between, UNPACK[suffix](part), writer.count)
    assert part == path.read_bytes()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("name", ["usage.ndjson", "new.ndjson", "new.gz", "new.zst"])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ValueError("mine"), MemoryError()], ids=repr
)
def test_error_of_the_records(old: Path, name: str, error: BaseException) -> None:
    """If the records fail midway, the old file is whole and nothing else is there."""
    with pytest.raises(type(error)) as caught:
        write(old.with_name(name), records_then(error))

    assert error is caught.value
    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


@pytest.mark.usefixtures("path")
def test_encode_error_midway(old: Path) -> None:
    """A record that cannot be written leaves the old file, and the error tells its index."""
    with pytest.raises(EncodeError) as caught:
        write(old, [*ROWS * 500, UsageVectorStoresResult(usage_bytes=2**63)])

    assert "$[2500].usage_bytes" == caught.value.path
    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("owner", "call"),
    [(os, "fsync"), (os, "fchmod"), (Path, "replace"), (FileIO, "write")],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_error_of_the_system(
    old: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, suffix: str, owner: Any, call: str
) -> None:
    """If the system fails, the old file is whole, nothing is left, and the error names the file."""
    old = old.rename(old.with_name(old.name + suffix))
    if call == "write":
        disk.room = 5
    else:
        monkeypatch.setattr(owner, call, failing(errno.ENOSPC))
    with pytest.raises(FileError, match=FULL) as caught:
        write(old, ROWS)

    assert str(caught.value).startswith(f"{old}: ")
    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


@pytest.mark.parametrize("room", [0, 1, 2**18, 2**19])
def test_full_disk_midway(old: Path, disk: Disk, room: int) -> None:
    """A writer whose lines could not be written is closed, says so again, and can be discarded."""
    disk.room = room
    writer = Writer(old)
    with pytest.raises(FileError, match=FULL):
        writer.write_all(ROWS * MANY)
    with pytest.raises(FileError, match="the writer is closed"):
        writer.write(ROWS[0])
    with pytest.raises(FileError, match="writing it failed before"):
        writer.close()
    writer.discard()
    writer.close()

    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


def test_failure_that_was_passed_over(old: Path, disk: Disk) -> None:
    """Who goes on after an error still learns that the file was not replaced."""
    disk.room = 0
    with pytest.raises(FileError, match="failed before"), Writer(old) as writer:  # noqa: PT012 -- raised in the end
        with pytest.raises(FileError, match=FULL):
            writer.write_all(ROWS * MANY)
        disk.room = 10**9

    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


def test_interrupt_while_writing(old: Path, disk: Disk) -> None:
    """An interrupt while the system writes passes, and leaves the old file alone."""
    disk.room, disk.errors = 100, [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        write(old, ROWS * MANY)

    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


@pytest.mark.parametrize("step", [Writer.flush, Writer.prepare])
def test_discard(old: Path, step: Callable[[Writer], None]) -> None:
    """What is discarded leaves the old file alone, also where it was flushed or prepared."""
    with Writer(old) as writer:
        writer.write_all(ROWS)
        step(writer)
        writer.discard()

    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


@either_way
def test_forgotten(old: Path, *, append: bool) -> None:
    """A writer that nobody closed warns, and leaves a file alone; a log gets what it took."""
    writer = Writer(old, append=append)
    writer.write_all(ROWS)
    with pytest.warns(ResourceWarning, match="was not closed"):
        del writer

    assert ([old.name], OLD + LINES * append) == (contents(old.parent), old.read_bytes())


@needs_posix
def test_order(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is on disk before it takes its name, and the folder after."""
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def note_fsync(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def note_replace(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    write(old, ROWS)

    assert ["file", "name", "folder"] == done


@needs_posix
@pytest.mark.parametrize(
    ("number", "told"), [(errno.EIO, True), (errno.EINVAL, False), (errno.ENOTSUP, False)]
)
def test_folder_that_is_not_synced(
    old: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, told: bool
) -> None:
    """That the folder is not on disk is told, but not where a file system never puts it there."""
    fsync = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda file: failing(number)() if stat.S_ISDIR(os.fstat(file).st_mode) else fsync(file),
    )
    errors: list[str] = []
    writer = Writer(old)
    writer.write_all(ROWS)
    try:
        writer.close()
    except FileError as error:
        errors.append(str(error))
    writer.close()

    assert ([f"{old}: {os.strerror(number)}"] if told else []) == errors
    assert ([old.name], LINES) == (contents(old.parent), old.read_bytes())


@needs_posix
def test_parts_of_the_dead_are_removed(old: Path) -> None:
    """A temporary file that nobody has locked is removed by the next writer."""
    old.with_name(PART).touch()
    write(old.with_name("other"), ROWS)

    assert ["other", old.name] == contents(old.parent)


@needs_posix
def test_parts_in_use_stay(tmp_path: Path) -> None:
    """Two writers in one folder, even of one file, leave each other alone; the last one wins."""
    with Writer(tmp_path / "x") as one, Writer(tmp_path / "x") as two:
        one.write(ROWS[0])
        two.write_all(ROWS)
        two.close()
        write(tmp_path / "y", ROWS)

    assert ["x", "y"] == contents(tmp_path)
    assert LINE == (tmp_path / "x").read_bytes()


@needs_posix
def test_only_parts_are_removed(old: Path) -> None:
    """What is not called like a temporary file, or cannot be locked, stays."""
    names = [PART[1:], f"{PART}x", f"x{PART}", PART.replace("0", "g"), PART.replace("01", "1")]
    for name in names:
        old.with_name(name).touch()
    old.with_name(PART).mkdir()
    write(old, ROWS)

    assert sorted([*names, PART, old.name]) == contents(old.parent)


@needs_posix
def test_parts_that_are_traps(old: Path) -> None:
    """A pipe or a link that is called like a temporary file neither blocks nor costs a file."""
    os.mkfifo(old.with_name(PART))
    old.with_name(PART.replace("0", "1")).symlink_to(old)
    write(old.with_name("other"), ROWS)

    assert OLD == old.read_bytes()


@needs_posix
def test_swept_before_it_was_locked(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary file that another removes before it is locked is made again."""
    fstat = os.fstat
    swept: list[Path] = []

    def sweep(handle: int) -> os.stat_result:
        part = next(old.parent.glob(".usagewire-*.part"), None)
        if part and not swept:
            swept.append(part)
            part.unlink()
        return fstat(handle)

    monkeypatch.setattr(os, "fstat", sweep)
    write(old, ROWS)

    assert 1 == len(swept)
    assert ([old.name], LINES) == (contents(old.parent), old.read_bytes())


@needs_posix
@either_way
def test_no_locks(old: Path, monkeypatch: pytest.MonkeyPatch, *, append: bool) -> None:
    """Where a file system has no locks, files are written, and no temporary file is removed."""
    old.with_name(PART).touch()
    monkeypatch.setattr("fcntl.flock", failing(errno.ENOLCK))
    with Writer(old, append=append) as writer:
        writer.write_all(ROWS)

    assert [PART, old.name] == contents(old.parent)
    assert (OLD if append else b"") + LINES == old.read_bytes()
