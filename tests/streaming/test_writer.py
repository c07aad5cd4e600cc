"""`write` and `Writer`: a file that is replaced whole or not at all, and a log that only grows."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from io import FileIO
from itertools import repeat
from pathlib import Path
from typing import Any

import attrs
import pytest
from cattrs import Converter
from hypothesis import given
from hypothesis import strategies as st

from tests.support.packing import UNPACK
from tests.support.samples import VECTORS
from usagewire import (
    EncodeError,
    FileError,
    UsageCompletionsResult,
    UsageVectorStoresResult,
    UsageWireError,
    Writer,
    make_converter,
    read,
    write,
)
from usagewire.io import append_log, filesystem

ROWS = [UsageVectorStoresResult(usage_bytes=number, project_id="é") for number in range(5)]
LINES = b"".join(
    b'{"object":"%s","usage_bytes":%d,"project_id":"\xc3\xa9"}\n' % (VECTORS.encode(), number)
    for number in range(5)
)
LINE = LINES.splitlines(keepends=True)[0]
OLD = b"what was there before\n"
FULL = "No space left on device"
MANY = 8000
"""More records than are gathered before they are handed to the system."""

PART = ".usagewire-0123456789abcdef.part"
"""A name as temporary files have it."""

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root may give files away")
needs_permissions = pytest.mark.skipif(AS_ROOT, reason="root may write everything")
needs_posix = pytest.mark.skipif(os.name != "posix", reason="asks for what POSIX systems have")

every_suffix = pytest.mark.parametrize("suffix", UNPACK, ids=lambda suffix: suffix or "plain")
either_way = pytest.mark.parametrize("append", [False, True], ids=["replace", "append"])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return the path of a file that is there already, alone in its folder."""
    file = tmp_path / "usage.ndjson"
    file.write_bytes(OLD)
    return file


@attrs.define
class Disk:
    """What the system does with the bytes that are written, and when it stops."""

    room: int = 10**9
    """Bytes that it still takes."""
    at_once: int = 10**9
    """Bytes that it takes in one call."""
    errors: list[BaseException] = attrs.field(factory=lambda: [OSError(errno.ENOSPC, FULL)])
    """What happens after that, one after the other; the last one always."""
    room_again: int = 0
    """Bytes that it takes once that has happened."""
    truncates: bool = True
    """Whether a file can be made shorter."""

    def open(self, *args: Any, **options: Any) -> FileIO:
        """Open a file of this disk, as `FileIO`."""
        disk = self

        class File(FileIO):
            def write(self, data: Any) -> int:
                if not disk.room:
                    disk.room = disk.room_again
                    raise disk.errors[0] if len(disk.errors) == 1 else disk.errors.pop(0)
                taken = super().write(data[: min(disk.room, disk.at_once)])
                disk.room -= taken
                return taken

            def truncate(self, size: int | None = None) -> int:
                if not disk.truncates and not self.closed:
                    raise OSError(errno.EIO, "Input/output error")
                return super().truncate(size)

        return File(*args, **options)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Write to a disk that can be full."""
    disk = Disk()
    monkeypatch.setattr(filesystem, "FileIO", disk.open)
    return disk


def contents(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(entry.name for entry in folder.iterdir())


def failing(number: int) -> Callable[..., Any]:
    """Return a function that fails as the system does."""

    def fail(*_: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def records_then(error: BaseException, count: int = MANY) -> Iterator[Any]:
    """Yield enough records for several batches, and then raise."""
    yield from repeat(ROWS[0], count)
    raise error


# --- what is written -------------------------------------------------------------------------


@pytest.mark.usefixtures("path")
@every_suffix
@pytest.mark.parametrize(
    ("dialect", "count"),
    [("api", 0), ("api", 1), ("api", MANY // 6), ("legacy", 1), ("dart", 1), ("powershell", 1)],
)
def test_write_and_read(tmp_path: Path, suffix: str, dialect: Any, count: int) -> None:
    """What was written is read back, and how many there were is told."""
    name = f"usage.ndjson{suffix}"
    row = UsageCompletionsResult(
        input_tokens=1, output_tokens=2, num_model_requests=3, model='"\n\\', batch=True
    )
    records = [*ROWS, row] * count

    assert len(records) == write(tmp_path / name, iter(records), dialect=dialect)
    assert records == list(read(tmp_path / name))
    assert [name] == contents(tmp_path)


@pytest.mark.usefixtures("path")
@every_suffix
def test_compressed_by_name(tmp_path: Path, suffix: str) -> None:
    """The name tells the compression of the lines; neither name nor time is in the bytes."""
    for name in "ab":
        write(tmp_path / f"{name}{suffix}", ROWS)
    written = (tmp_path / f"a{suffix}").read_bytes()

    assert LINES == UNPACK[suffix](written)
    assert written == (tmp_path / f"b{suffix}").read_bytes()


def lists(row: UsageVectorStoresResult) -> list[int]:
    """Return a row in a form that no dialect has."""
    return [row.usage_bytes]


CONVERTER = Converter()
CONVERTER.register_unstructure_hook(UsageVectorStoresResult, lists)


@pytest.mark.usefixtures("path")
@either_way
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"dialect": "dart"}, LINES.replace(b"e_b", b"eB").replace(b"t_id", b"tId")),
        ({"converter": CONVERTER}, b"[0]\n[1]\n[2]\n[3]\n[4]\n"),
    ],
    ids=["dialect", "converter"],
)
def test_options(tmp_path: Path, options: Any, expected: bytes, *, append: bool) -> None:
    """The names of the dialect are written, and a converter of yours is used."""
    with Writer(str(tmp_path / "x"), append=append, **options) as writer:
        writer.write_all(ROWS)

    assert expected == (tmp_path / "x").read_bytes()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "options",
    [{"dialect": "latin"}, {"dialect": "dart", "converter": make_converter()}, {"converter": 5}],
    ids=str,
)
def test_options_that_are_none(old: Path, options: Any) -> None:
    """Options that cannot be are refused before anything is opened."""
    with pytest.raises(UsageWireError):
        write(old, ROWS, **options)

    assert OLD == old.read_bytes()


@pytest.mark.usefixtures("path")
@either_way
def test_each_way_to_write(tmp_path: Path, *, append: bool) -> None:
    """Records one by one, many, and lines made elsewhere are written in turn, and counted."""
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write(ROWS[0])
        counts = [writer.count, writer.write_all(ROWS[1:3]), writer.count]
        writer.write_line(b"")
        writer.write_line(b"\xff what else")

    assert [1, 2, 3] == counts
    assert (
        b"".join(LINES.splitlines(keepends=True)[:3]) + b"\n\xff what else\n"
        == (tmp_path / "x").read_bytes()
    )
    assert 5 == writer.count


@pytest.mark.parametrize("line", [b"a\nb", b"a\n", "a", bytearray(b"a"), None], ids=repr)
def test_no_line(tmp_path: Path, line: Any) -> None:
    """What is not the bytes of one line is refused, and the next line is taken."""
    with Writer(tmp_path / "x") as writer:
        with pytest.raises(EncodeError):
            writer.write_line(line)
        writer.write_line(b"next")

    assert b"next\n" == (tmp_path / "x").read_bytes()
    assert 1 == writer.count


@pytest.mark.usefixtures("path")
@either_way
def test_record_that_cannot_be_written(tmp_path: Path, *, append: bool) -> None:
    """A record that cannot be written is not taken, and the next one is."""
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write(ROWS[0])
        with pytest.raises(EncodeError, match=r"^\$\.usage_bytes: "):
            writer.write(UsageVectorStoresResult(usage_bytes=2**63))
        writer.write(ROWS[1])

    assert 2 == writer.count
    assert b"".join(LINES.splitlines(keepends=True)[:2]) == (tmp_path / "x").read_bytes()


@either_way
@pytest.mark.parametrize("at_once", [1, 7])
def test_written_in_parts(tmp_path: Path, disk: Disk, at_once: int, *, append: bool) -> None:
    """The system may take the bytes in parts."""
    disk.at_once = at_once
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write_all(ROWS)

    assert LINES == (tmp_path / "x").read_bytes()


def test_lines_are_handed_on(tmp_path: Path) -> None:
    """What is held back does not grow with what is written."""
    with Writer(tmp_path / "x", append=True) as writer:
        writer.write_all(ROWS * MANY)
        held = len(LINES) * MANY - (tmp_path / "x").stat().st_size

    assert 0 < held < 2**18 + len(LINE)


@either_way
def test_closed(tmp_path: Path, *, append: bool) -> None:
    """To a writer that is closed nothing can be written, and closing it again does nothing."""
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write_all(ROWS)
    writer.close()
    writer.discard()
    for step in (writer.flush, lambda: writer.write(ROWS[0]), lambda: writer.write_line(b"")):
        with pytest.raises(FileError, match="the writer is closed") as caught:
            step()
        assert str(caught.value).startswith(f"{tmp_path / 'x'}: ")

    assert LINES == (tmp_path / "x").read_bytes()
    assert 5 == writer.count


# --- where it is written ---------------------------------------------------------------------


@either_way
def test_links_are_followed(tmp_path: Path, *, append: bool) -> None:
    """A link stays a link, and what it points to is written, be it there or not."""
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for _ in range(2):
        with Writer(tmp_path / "link", append=append) as writer:
            writer.write_all(ROWS)

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").resolve() == writer.path
    assert LINES * (2 if append else 1) == (tmp_path / "real").read_bytes()


@either_way
def test_folder_is_that_of_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, append: bool
) -> None:
    """A relative path means what it meant when the writer was made."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Writer("x", append=append) as writer:
        monkeypatch.chdir("elsewhere")
        writer.write_all(ROWS)

    assert ("x", LINES) == (writer.name, (tmp_path / "x").read_bytes())


@needs_posix
@either_way
@pytest.mark.parametrize("name", ["pipe", "", "folder", "to folder", "loop", "/dev/full"])
def test_only_files_are_written(tmp_path: Path, name: str, *, append: bool) -> None:
    """What is not a regular file is refused by name and left alone, without waiting for it."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "to folder").symlink_to("folder")
    (tmp_path / "loop").symlink_to("loop")
    before = contents(tmp_path)
    with pytest.raises(FileError) as caught:
        Writer(tmp_path / name, append=append)

    assert str(tmp_path / name) in str(caught.value)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert before == contents(tmp_path)


@either_way
@pytest.mark.parametrize("name", ["missing/x", "usage.ndjson/x", "a\0b", "x" * 300])
def test_cannot_be(tmp_path: Path, old: Path, name: str, *, append: bool) -> None:
    """A path that cannot be is an error that names it."""
    with pytest.raises(FileError) as caught:
        Writer(f"{tmp_path}/{name}", append=append)

    assert str(tmp_path) in str(caught.value)
    assert ([old.name], OLD) == (contents(tmp_path), old.read_bytes())


@either_way
@pytest.mark.parametrize("path", [None, 5, b"usage.ndjson"], ids=repr)
def test_no_path(path: Any, *, append: bool) -> None:
    """What is no path is refused."""
    with pytest.raises(FileError):
        Writer(path, append=append)


@needs_permissions
@either_way
def test_may_not_be_written(tmp_path: Path, *, append: bool) -> None:
    """A folder that may not be written is an error that names the file."""
    tmp_path.chmod(0o500)
    with pytest.raises(FileError) as caught:
        Writer(tmp_path / "x", append=append)
    tmp_path.chmod(0o700)

    assert str(caught.value).startswith(f"{tmp_path / 'x'}: ")


def test_long_name(tmp_path: Path) -> None:
    """A file may have as long a name as the system takes."""
    name = "x" * 255
    write(tmp_path / name, ROWS)

    assert [name] == contents(tmp_path)


@either_way
@pytest.mark.parametrize("line", [b"a", b""])
def test_permissions_of_a_new_file(tmp_path: Path, line: bytes, *, append: bool) -> None:
    """A file that is made has the permissions of any new file."""
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write_line(line)
    (tmp_path / "y").touch()

    assert (tmp_path / "y").stat().st_mode == (tmp_path / "x").stat().st_mode


@needs_posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_permissions_are_kept(old: Path, mode: int) -> None:
    """A file that is replaced has the permissions it had, at no moment more."""
    old.chmod(mode)
    with Writer(old) as writer:
        part = next(old.parent.glob(".usagewire-*.part"))
        meanwhile = stat.S_IMODE(part.stat().st_mode)
        writer.write_all(ROWS)

    assert [mode, mode] == [meanwhile, stat.S_IMODE(old.stat().st_mode)]


@needs_posix
def test_private_from_the_beginning(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a file has the group of the one it replaces, nobody else may read it."""
    old.chmod(0o666)
    modes: list[int] = []
    monkeypatch.setattr(
        os, "fchown", lambda file, *_: modes.append(stat.S_IMODE(os.fstat(file).st_mode))
    )
    write(old, ROWS)

    assert [0o600] == modes


@needs_root
def test_owner_is_kept(old: Path) -> None:
    """A file that is replaced has the owner and the group that it had."""
    os.chown(old, 12345, 54321)
    old.chmod(0o640)
    write(old, ROWS)
    status = old.stat()

    assert (12345, 54321, 0o640) == (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))


@needs_posix
@pytest.mark.parametrize(("may", "mode"), [("group", 0o664), ("nothing", 0o604)])
def test_owner_cannot_be_kept(
    old: Path, monkeypatch: pytest.MonkeyPatch, may: str, mode: int
) -> None:
    """Where the group cannot be kept, no other group gets its permissions."""
    old.chmod(0o664)
    calls: list[tuple[int, int]] = []

    def fchown(_: int, user: int, group: int) -> None:
        calls.append((user, group))
        if may == "nothing" or user != -1:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", fchown)
    status = old.stat()
    write(old, ROWS)

    assert [(status.st_uid, status.st_gid), (-1, status.st_gid)] == calls
    assert mode == stat.S_IMODE(old.stat().st_mode)


# --- replaced whole or not at all ------------------------------------------------------------


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


# --- what the dead leave behind --------------------------------------------------------------


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


# --- logs ------------------------------------------------------------------------------------


def append(path: Path, *lines: bytes) -> Path | None:
    """Append lines to a log, and return where a torn line was set aside."""
    with Writer(path, append=True) as writer:
        for line in lines:
            writer.write_line(line)
    return writer.torn


def test_appended(old: Path) -> None:
    """Lines are added to those that are there, by one writer after the other."""
    for row in ROWS:
        with Writer(old, append=True) as writer:
            writer.write(row)

    assert (None, 1, OLD + LINES) == (writer.torn, writer.count, old.read_bytes())
    assert [old.name] == contents(old.parent)


def test_flushed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was flushed is in the log, and on disk."""
    synced: list[int] = []
    with Writer(old, append=True) as writer:
        writer.write_all(ROWS)
        monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
        writer.flush()

        assert [old.stat().st_ino] == synced
        assert OLD + LINES == old.read_bytes()


def test_prepared_log(old: Path) -> None:
    """A log that is prepared has its lines, and takes more."""
    with Writer(old, append=True) as writer:
        writer.write(ROWS[0])
        writer.prepare()
        between = old.read_bytes()
        writer.write_all(ROWS[1:])

    assert [OLD + LINE, OLD + LINES] == [between, old.read_bytes()]


@needs_posix
def test_locked(old: Path) -> None:
    """A log has one writer at a time, however it is called."""
    old.with_name("link").symlink_to(old)
    with Writer(old, append=True) as writer:
        writer.write(ROWS[0])
        with pytest.raises(FileError, match="another writer is appending to it") as caught:
            Writer(old.with_name("link"), append=True)
    append(old, b"next")

    assert str(caught.value).startswith(f"{old.with_name('link')}: ")
    assert OLD + LINE + b"next\n" == old.read_bytes()


@pytest.mark.parametrize("suffix", list(UNPACK)[1:])
@pytest.mark.parametrize("by", ["name", "content"])
def test_compressed_log(tmp_path: Path, suffix: str, by: str) -> None:
    """A compressed file, by its name or its first bytes, is not appended to."""
    path = tmp_path / f"x{suffix}"
    write(path, ROWS)
    path = path.rename(tmp_path / "x") if by == "content" else path
    before = path.read_bytes()
    with pytest.raises(FileError, match="cannot be appended to") as caught:
        Writer(path, append=True)

    assert str(caught.value).startswith(f"{path}: ")
    assert ([path.name], before) == (contents(tmp_path), path.read_bytes())


def test_compressed_log_that_is_not(tmp_path: Path) -> None:
    """A name that says compressed makes no file."""
    with pytest.raises(FileError, match="cannot be appended to"):
        Writer(tmp_path / "x.gz", append=True)

    assert [] == contents(tmp_path)


LACKING = rb'{"a":1}|{}|[1]|"5"|null|true|{"a":1} '.split(b"|")
LACKING += [b" \t\r", b'{"a":1} \r', b"\xef\xbb\xbf{}"]
TORN = rb'{"a":1|{|5|-1.5|tru|{} {}|5 '.split(b"|")
TORN += [b'{"a":"\xff"}', b"\0\0", b"[" * 10**5]


@pytest.mark.parametrize("first", [b"", OLD], ids=["alone", "last"])
@pytest.mark.parametrize("tail", [*LACKING, *TORN], ids=lambda tail: repr(tail[:10]))
def test_last_line(old: Path, first: bytes, tail: bytes) -> None:
    """A last line that is whole is given its LF, and one that is torn is set aside."""
    whole = tail in LACKING and not (first and tail.startswith(b"\xef"))
    old.write_bytes(first + tail)
    torn = append(old, b"next")

    assert (None if whole else old.with_name(f"{old.name}.torn")) == torn
    assert first + (tail + b"\n" if whole else b"") + b"next\n" == old.read_bytes()
    assert (b"" if whole else tail + b"\n") == (b"" if torn is None else torn.read_bytes())


@pytest.mark.parametrize("size", [2**18 - 2, 2**18 - 1, 2**18, 2**18 + 1, 2**24 + 1])
def test_long_last_line(old: Path, size: int) -> None:
    """The last line is found wherever it begins; one longer than any that is read is set aside."""
    tail = b'"' + b"x" * size + b'"' * (size > 2**24)
    old.write_bytes(OLD + tail)
    torn = append(old)

    assert torn is not None
    assert (OLD, tail + b"\n") == (old.read_bytes(), torn.read_bytes())


@pytest.mark.parametrize("before", [b"", b"earlier\n", b"earlier"])
def test_torn_lines_add_up(old: Path, before: bytes) -> None:
    """Each torn line is added to those set aside before, as a line of its own."""
    aside = old.with_name(f"{old.name}.torn")
    aside.write_bytes(before)
    for tail in (b"{1", b"{2"):
        old.write_bytes(old.read_bytes() + tail)
        append(old)

    assert (OLD, b"earlier\n" * bool(before) + b"{1\n{2\n") == (
        old.read_bytes(),
        aside.read_bytes(),
    )


@needs_posix
def test_torn_lines_are_as_private(old: Path) -> None:
    """What is set aside may be read by those who may read the log."""
    old.write_bytes(b"{")
    old.chmod(0o640)
    torn = append(old)

    assert torn is not None
    assert 0o640 == stat.S_IMODE(torn.stat().st_mode)


@needs_posix
def test_order_of_mending(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn line is on disk where it is set aside before the log is made shorter."""
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


def test_torn_line_that_cannot_be_set_aside(old: Path) -> None:
    """Where a torn line cannot be set aside the log stays as it was, and the error says where."""
    old.write_bytes(OLD + b"{torn")
    aside = old.with_name(f"{old.name}.torn")
    aside.mkdir()
    with pytest.raises(FileError) as caught:
        Writer(old, append=True)

    assert str(caught.value).startswith(f"{aside}: ")
    assert OLD + b"{torn" == old.read_bytes()


@pytest.mark.parametrize("room", range(len(b"\n{torn\n")))
def test_full_disk_while_setting_aside(old: Path, disk: Disk, room: int) -> None:
    """A torn line is set aside whole or not at all."""
    old.write_bytes(OLD + b"{torn")
    aside = old.with_name(f"{old.name}.torn")
    aside.write_bytes(b"earlier")
    disk.room = room
    with pytest.raises(FileError, match=FULL) as caught:
        Writer(old, append=True)

    assert str(caught.value).startswith(f"{aside}: ")
    assert (OLD + b"{torn", b"earlier") == (old.read_bytes(), aside.read_bytes())


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("mine")], ids=repr)
def test_error_keeps_what_was_taken(old: Path, error: BaseException) -> None:
    """An exception in the context costs a log no line that was taken."""
    with pytest.raises(type(error)), Writer(old, append=True) as writer:
        writer.write_all(records_then(error))

    assert MANY == writer.count
    assert OLD + LINE * MANY == old.read_bytes()


@pytest.mark.parametrize("room", [0, 1, len(LINE), 2**18, 2**18 + 100])
def test_full_disk(old: Path, disk: Disk, room: int) -> None:
    """On a full disk a log ends in a whole line; once there is room again, no line is missing."""
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
    """A log that cannot be closed tells how many lines it did not get, once."""
    writer = Writer(old, append=True)
    writer.write_all(ROWS[:2])
    writer.flush()
    writer.write_all(ROWS[2:])
    disk.room = 100
    with pytest.raises(FileError) as caught:
        writer.close()
    writer.close()

    assert f"{old}: {FULL}; 3 lines were not written" == str(caught.value)
    assert OLD + b"".join(LINES.splitlines(keepends=True)[:2]) == old.read_bytes()


def test_full_disk_after_an_error(old: Path, disk: Disk) -> None:
    """An error in the context that costs lines after all has a note that tells how many."""
    disk.room = 0
    with pytest.raises(ValueError, match="mine") as caught, Writer(old, append=True) as writer:
        writer.write_all(records_then(ValueError("mine"), 5))

    assert [f"{old}: {FULL}; 5 lines were not written"] == caught.value.__notes__
    assert OLD == old.read_bytes()


@either_way
def test_error_after_the_end(old: Path, *, append: bool) -> None:
    """What was closed in the context stays as it is, whatever is raised there later."""
    with pytest.raises(ValueError, match="mine"), Writer(old, append=append) as writer:  # noqa: PT012 -- raised in the end
        writer.write_all(ROWS)
        writer.close()
        raise ValueError("mine")

    assert (OLD if append else b"") + LINES == old.read_bytes()


def test_disk_that_fails_altogether(old: Path, disk: Disk) -> None:
    """Where not even half a line can be taken back, the next writer sets it aside."""
    writer = Writer(old, append=True)
    writer.write_all(ROWS)
    disk.room, disk.truncates = 10, False
    with pytest.raises(FileError, match="5 lines were not written"):
        writer.close()
    disk.room, disk.truncates = 10**9, True
    torn = append(old)

    assert torn is not None
    assert (OLD, LINE[:10] + b"\n") == (old.read_bytes(), torn.read_bytes())


def test_half_a_line_is_taken_back_later(old: Path, disk: Disk) -> None:
    """Where half a line cannot be taken back at once, it is before anything else is written."""
    with Writer(old, append=True) as writer:
        writer.write_all(ROWS)
        disk.room, disk.truncates = 10, False
        for _ in range(2):
            with pytest.raises(FileError):
                writer.flush()
        disk.room, disk.truncates = 10**9, True

    assert OLD + LINES == old.read_bytes()


def test_flush_that_failed(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a flush that failed none vouches for the lines, though they are written."""
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
    """An interrupt while lines are handed over costs no line and doubles none."""
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
    """An interrupt after lines were handed over or put on disk costs and doubles none either."""
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
    """An interrupt that costs lines after all has a note that tells how many."""
    writer = Writer(old, append=True)
    writer.write_all(ROWS)
    disk.room, disk.errors = 0, [KeyboardInterrupt(), OSError(errno.ENOSPC, FULL)]
    with pytest.raises(KeyboardInterrupt) as caught:
        writer.close()

    assert [f"{old}: {FULL}; 5 lines were not written"] == caught.value.__notes__
    assert OLD == old.read_bytes()


def test_deleted_log(old: Path) -> None:
    """A log that was deleted or replaced meanwhile is an error, not lines that go nowhere."""
    writer = Writer(old, append=True)
    writer.write_all(ROWS)
    write(old, ROWS[:1])
    with pytest.raises(FileError, match=r"was deleted or replaced.*; 5 lines were not written"):
        writer.close()

    assert LINE == old.read_bytes()


def test_log_that_was_moved(old: Path) -> None:
    """A log that was moved gets its lines where it is."""
    with Writer(old, append=True) as writer:
        moved = old.rename(old.with_name("moved"))
        writer.write_all(ROWS)

    assert OLD + LINES == moved.read_bytes()


def test_log_cut_meanwhile(old: Path) -> None:
    """A log that was emptied meanwhile, as rotation by copying does, goes on from its beginning."""
    with Writer(old, append=True) as writer:
        writer.write(ROWS[0])
        writer.flush()
        os.truncate(old, 0)
        writer.write_all(ROWS)

    assert LINES == old.read_bytes()


def test_discarded_lines(old: Path) -> None:
    """What is discarded of a log is what was not yet handed over."""
    with Writer(old, append=True) as writer:
        writer.write_all(ROWS)
        writer.flush()
        writer.write(ROWS[0])
        writer.discard()

    assert OLD + LINES == old.read_bytes()


# --- logs cut anywhere -----------------------------------------------------------------------

MAGICS = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\0")
# What begins as a compressed file does is refused as one.
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
    """Return the path of a log in a folder of its own."""
    return tmp_path_factory.mktemp("log") / "log"


class Kept:
    """What a log and the file beside it must hold, told from what was written and cut."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.aside = log.with_name("log.torn")
        log.unlink(missing_ok=True)
        self.aside.unlink(missing_ok=True)
        self.lines = b""
        self.torn = b""

    def append(self, batch: list[bytes]) -> bytes:
        """Append a batch, check that every byte and every line is there; return the new lines."""
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
    """Wherever a log is cut, the next writer keeps every byte and has every whole line once."""
    text = b"".join(line + b"\n" for line in batch)
    for place in range(len(text) + 1):
        kept = Kept(log)
        log.write_bytes(text[:place])
        kept.append([b"next"])


@given(steps=st.lists(st.tuples(BATCH, st.floats(0, 1)), max_size=6))
def test_cut_again_and_again(log: Path, steps: list[tuple[list[bytes], float]]) -> None:
    """The same goes for any sequence of appends, each cut somewhere in what it added."""
    kept = Kept(log)
    for batch, part in steps:
        added = kept.append(batch)
        os.truncate(log, log.stat().st_size - int(len(added) * part))
    kept.append([])
