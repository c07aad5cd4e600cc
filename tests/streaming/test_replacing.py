"""`Writer` replaces a file whole or not at all."""

import errno
import os
import re
import stat
from collections.abc import Callable
from contextlib import nullcontext
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
"""The name of a temporary file."""


def test_nothing_before_the_end(old: Path) -> None:
    """Until the writer is closed, the old file is there, even after a flush."""
    with Writer(old) as writer:
        writer.write_all(ROWS)
        writer.flush()
        between = old.read_bytes()

    assert [OLD, LINES] == [between, old.read_bytes()]
    assert [old.name] == contents(old.parent)


@every_suffix
def test_prepared(old: Path, suffix: str) -> None:
    """A prepared file takes no more lines, and `close` only renames it."""
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
    """If the records raise midway, the old file is whole and no other file is there."""
    with pytest.raises(type(error)) as caught:
        write(old.with_name(name), records_then(error))

    assert error is caught.value
    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


@pytest.mark.usefixtures("path")
def test_encode_error_midway(old: Path) -> None:
    """If a record cannot be written, the old file stays, and the error names the index."""
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
    """If lines cannot be written, the writer is closed, repeats the error, and can be discarded."""
    disk.room = room
    writer = Writer(old)
    with pytest.raises(FileError, match=FULL):
        writer.write_all(ROWS * MANY)
    with pytest.raises(FileError, match="the writer is closed"):
        writer.write(ROWS[0])
    with pytest.raises(FileError, match="an earlier write failed, so the file was not replaced"):
        writer.close()
    writer.discard()
    writer.close()

    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


def test_ignored_failure(old: Path, disk: Disk) -> None:
    """If the caller ignores an error, `close` still reports that the file was not replaced."""
    disk.room = 0
    with pytest.raises(FileError, match="was not replaced"), Writer(old) as writer:  # noqa: PT012 -- raised in the end
        with pytest.raises(FileError, match=FULL):
            writer.write_all(ROWS * MANY)
        disk.room = 10**9

    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


def test_interrupt_while_writing(old: Path, disk: Disk) -> None:
    """If an interrupt comes while the system writes, it is raised, and the old file stays."""
    disk.room, disk.errors = 100, [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        write(old, ROWS * MANY)

    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


@pytest.mark.parametrize("step", [Writer.flush, Writer.prepare])
def test_discard(old: Path, step: Callable[[Writer], None]) -> None:
    """After `discard` the old file stays, even if lines were flushed or prepared."""
    with Writer(old) as writer:
        writer.write_all(ROWS)
        step(writer)
        writer.discard()

    assert ([old.name], OLD) == (contents(old.parent), old.read_bytes())


@either_way
def test_forgotten(old: Path, *, append: bool) -> None:
    """A writer that was not closed warns. A file stays as it was; a log gets its lines."""
    writer = Writer(old, append=append)
    writer.write_all(ROWS)
    with pytest.warns(ResourceWarning, match="was not closed"):
        del writer

    assert ([old.name], OLD + LINES * append) == (contents(old.parent), old.read_bytes())


@needs_posix
def test_order(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is on disk before the rename, and the folder after it."""
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
    ("number", "reported"), [(errno.EIO, True), (errno.EINVAL, False), (errno.ENOTSUP, False)]
)
def test_folder_that_is_not_synced(
    old: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, reported: bool
) -> None:
    """A failed fsync of the folder is an error, unless the file system does not support it."""
    fsync = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda file: failing(number)() if stat.S_ISDIR(os.fstat(file).st_mode) else fsync(file),
    )
    writer = Writer(old)
    writer.write_all(ROWS)
    error = f"^{re.escape(f'{old}: {os.strerror(number)}')}$"
    with pytest.raises(FileError, match=error) if reported else nullcontext():
        writer.close()
    writer.close()

    assert ([old.name], LINES) == (contents(old.parent), old.read_bytes())


@needs_posix
def test_abandoned_parts_are_removed(old: Path) -> None:
    """The next writer removes a temporary file that is not locked."""
    old.with_name(PART).touch()
    write(old.with_name("other"), ROWS)

    assert ["other", old.name] == contents(old.parent)


@needs_posix
def test_parts_in_use_stay(tmp_path: Path) -> None:
    """Two writers in one folder, even of one file, do not disturb each other; the last one wins."""
    with Writer(tmp_path / "x") as one, Writer(tmp_path / "x") as two:
        one.write(ROWS[0])
        two.write_all(ROWS)
        two.close()
        write(tmp_path / "y", ROWS)

    assert ["x", "y"] == contents(tmp_path)
    assert LINE == (tmp_path / "x").read_bytes()


@needs_posix
def test_only_parts_are_removed(old: Path) -> None:
    """A file with a different name stays. A folder, a pipe and a link do not block or mislead."""
    names = [PART[1:], f"{PART}x", f"x{PART}", PART.replace("0", "g"), PART.replace("01", "1")]
    for name in names:
        old.with_name(name).touch()
    folder, pipe, link = (PART.replace("0", digit) for digit in "234")
    old.with_name(folder).mkdir()
    os.mkfifo(old.with_name(pipe))
    old.with_name(link).symlink_to(old)
    write(old.with_name("other"), ROWS)

    assert sorted([*names, folder, "other", old.name]) == [
        name for name in contents(old.parent) if name not in {pipe, link}
    ]
    assert OLD == old.read_bytes()


@needs_posix
def test_removed_before_it_was_locked(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another writer removes a temporary file before it is locked, it is created again."""
    fstat = os.fstat
    removed: list[Path] = []

    def remove(handle: int) -> os.stat_result:
        part = next(old.parent.glob(".usagewire-*.part"), None)
        if part and not removed:
            removed.append(part)
            part.unlink()
        return fstat(handle)

    monkeypatch.setattr(os, "fstat", remove)
    write(old, ROWS)

    assert 1 == len(removed)
    assert ([old.name], LINES) == (contents(old.parent), old.read_bytes())


@needs_posix
@either_way
def test_no_locks(old: Path, monkeypatch: pytest.MonkeyPatch, *, append: bool) -> None:
    """If a file system has no locks, files are written, and no temporary file is removed."""
    old.with_name(PART).touch()
    monkeypatch.setattr("fcntl.flock", failing(errno.ENOLCK))
    with Writer(old, append=append) as writer:
        writer.write_all(ROWS)

    assert [PART, old.name] == contents(old.parent)
    assert (OLD if append else b"") + LINES == old.read_bytes()
