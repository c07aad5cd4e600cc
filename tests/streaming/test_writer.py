"""`write` and `Writer`: the bytes that they write, and the files."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cattrs import Converter

from tests.support.packing import UNPACK
from tests.support.writing import (
    LINE,
    LINES,
    MANY,
    OLD,
    ROWS,
    Disk,
    contents,
    either_way,
    every_suffix,
    needs_posix,
)
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

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root may give files away")
needs_permissions = pytest.mark.skipif(AS_ROOT, reason="root may write everything")


@pytest.mark.usefixtures("path")
@every_suffix
@pytest.mark.parametrize(
    ("dialect", "count"),
    [("api", 0), ("api", 1), ("api", MANY // 6), ("legacy", 1), ("dart", 1), ("powershell", 1)],
)
def test_write_and_read(tmp_path: Path, suffix: str, dialect: Any, count: int) -> None:
    """`write` returns the number of records, and `read` gives them back."""
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
    """The name decides the compression; the bytes do not hold the name or the time."""
    for name in "ab":
        write(tmp_path / f"{name}{suffix}", ROWS)
    written = (tmp_path / f"a{suffix}").read_bytes()

    assert LINES == UNPACK[suffix](written)
    assert written == (tmp_path / f"b{suffix}").read_bytes()


DART = LINES.replace(b"usage_bytes", b"usageBytes").replace(b"project_id", b"projectId")
CONVERTER = Converter()
CONVERTER.register_unstructure_hook(UsageVectorStoresResult, lambda row: [row.usage_bytes])


@pytest.mark.usefixtures("path")
@either_way
@pytest.mark.parametrize(
    ("options", "expected"),
    [({"dialect": "dart"}, DART), ({"converter": CONVERTER}, b"[0]\n[1]\n[2]\n[3]\n[4]\n")],
    ids=["dialect", "converter"],
)
def test_options(tmp_path: Path, options: Any, expected: bytes, *, append: bool) -> None:
    """The writer uses the spelling of the dialect, and the user's own converter."""
    with Writer(str(tmp_path / "x"), append=append, **options) as writer:
        writer.write_all(ROWS)

    assert expected == (tmp_path / "x").read_bytes()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "options",
    [{"dialect": "latin"}, {"dialect": "dart", "converter": make_converter()}, {"converter": 5}],
    ids=str,
)
def test_wrong_options(old: Path, options: Any) -> None:
    """Wrong options are refused before any file is opened."""
    with pytest.raises(UsageWireError):
        write(old, ROWS, **options)

    assert OLD == old.read_bytes()


@pytest.mark.usefixtures("path")
@either_way
def test_each_way_to_write(tmp_path: Path, *, append: bool) -> None:
    """Single records, many records and ready lines are written in turn, and counted."""
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write(ROWS[0])
        counts = [writer.count, writer.write_all(ROWS[1:3]), writer.count]
        writer.write_line(b"")
        writer.write_line(b"\xff what else")

    assert ([1, 2, 3], 5) == (counts, writer.count)
    assert LINES[: 3 * len(LINE)] + b"\n\xff what else\n" == (tmp_path / "x").read_bytes()


@pytest.mark.parametrize("line", [b"a\nb", b"a\n", "a", bytearray(b"a"), None], ids=repr)
def test_wrong_line(tmp_path: Path, line: Any) -> None:
    """Anything but the bytes of one line is refused, and the next line is taken."""
    with Writer(tmp_path / "x") as writer:
        with pytest.raises(EncodeError):
            writer.write_line(line)
        writer.write_line(b"next")

    assert (1, b"next\n") == (writer.count, (tmp_path / "x").read_bytes())


@pytest.mark.usefixtures("path")
@either_way
def test_record_that_cannot_be_written(tmp_path: Path, *, append: bool) -> None:
    """A record that cannot be written is not taken, and the next one is."""
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write(ROWS[0])
        with pytest.raises(EncodeError, match=r"^\$\.usage_bytes: "):
            writer.write(UsageVectorStoresResult(usage_bytes=2**63))
        writer.write(ROWS[1])

    assert (2, LINES[: 2 * len(LINE)]) == (writer.count, (tmp_path / "x").read_bytes())


@either_way
@pytest.mark.parametrize("at_once", [1, 7])
def test_written_in_parts(tmp_path: Path, disk: Disk, at_once: int, *, append: bool) -> None:
    """All bytes are written if the system takes them in parts."""
    disk.at_once = at_once
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write_all(ROWS)

    assert LINES == (tmp_path / "x").read_bytes()


def test_bounded_memory(tmp_path: Path) -> None:
    """The lines that a writer holds back are bounded."""
    with Writer(tmp_path / "x", append=True) as writer:
        writer.write_all(ROWS * MANY)
        held = len(LINES) * MANY - (tmp_path / "x").stat().st_size

    assert 0 < held < 2**18 + len(LINE)


@either_way
def test_closed(tmp_path: Path, *, append: bool) -> None:
    """A closed writer takes nothing, and closing it again does nothing."""
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write_all(ROWS)
    writer.close()
    writer.discard()
    for step in (writer.flush, lambda: writer.write(ROWS[0]), lambda: writer.write_line(b"")):
        with pytest.raises(FileError, match="the writer is closed") as caught:
            step()
        assert str(caught.value).startswith(f"{tmp_path / 'x'}: ")

    assert (5, LINES) == (writer.count, (tmp_path / "x").read_bytes())


@either_way
def test_links_are_followed(tmp_path: Path, *, append: bool) -> None:
    """A link stays a link, and its target is written, even if it does not exist yet."""
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for _ in range(2):
        with Writer(tmp_path / "link", append=append) as writer:
            writer.write_all(ROWS)

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").resolve() == writer.path
    assert LINES * (2 if append else 1) == (tmp_path / "real").read_bytes()


@either_way
def test_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, append: bool) -> None:
    """A relative path belongs to the folder in which the writer was made."""
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
    """Anything but a regular file is refused by name and left alone, without waiting for it."""
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
def test_impossible_path(tmp_path: Path, old: Path, name: str, *, append: bool) -> None:
    """An impossible path is an error that names it."""
    with pytest.raises(FileError) as caught:
        Writer(f"{tmp_path}/{name}", append=append)

    assert str(tmp_path) in str(caught.value)
    assert ([old.name], OLD) == (contents(tmp_path), old.read_bytes())


@either_way
@pytest.mark.parametrize("path", [None, 5, b"usage.ndjson"], ids=repr)
def test_wrong_path(path: Any, *, append: bool) -> None:
    """Anything but a path is refused."""
    with pytest.raises(FileError):
        Writer(path, append=append)


@needs_permissions
@either_way
def test_forbidden_folder(tmp_path: Path, *, append: bool) -> None:
    """A folder without write permission is an error that names the file."""
    tmp_path.chmod(0o500)
    with pytest.raises(FileError) as caught:
        Writer(tmp_path / "x", append=append)
    tmp_path.chmod(0o700)

    assert str(caught.value).startswith(f"{tmp_path / 'x'}: ")


def test_long_name(tmp_path: Path) -> None:
    """A name can be as long as the system allows."""
    write(tmp_path / ("x" * 255), ROWS)

    assert ["x" * 255] == contents(tmp_path)


@either_way
@pytest.mark.parametrize("line", [b"a", b""])
def test_permissions_of_a_new_file(tmp_path: Path, line: bytes, *, append: bool) -> None:
    """A new file has the permissions of any new file."""
    with Writer(tmp_path / "x", append=append) as writer:
        writer.write_line(line)
    (tmp_path / "y").touch()

    assert (tmp_path / "y").stat().st_mode == (tmp_path / "x").stat().st_mode


@needs_posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_permissions_are_kept(old: Path, mode: int) -> None:
    """A replaced file keeps its permissions and never has more."""
    old.chmod(mode)
    with Writer(old) as writer:
        part = next(old.parent.glob(".usagewire-*.part"))
        meanwhile = stat.S_IMODE(part.stat().st_mode)
        writer.write_all(ROWS)

    assert [mode, mode] == [meanwhile, stat.S_IMODE(old.stat().st_mode)]


@needs_posix
def test_private_from_the_beginning(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until a file has the group of the file that it replaces, no one else may read it."""
    old.chmod(0o666)
    modes: list[int] = []
    monkeypatch.setattr(
        os, "fchown", lambda file, *_: modes.append(stat.S_IMODE(os.fstat(file).st_mode))
    )
    write(old, ROWS)

    assert [0o600] == modes


@needs_root
def test_owner_is_kept(old: Path) -> None:
    """A replaced file keeps its owner and its group."""
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
    """If the group cannot be kept, no other group gets its permissions."""
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
