"""Following a log that grows and is rotated, truncated and deleted."""

import gzip
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.logs import Log, follow, lines, news
from tests.support.packing import PACK
from usagewire import CheckpointError, FileError, UsageWireError, read
from usagewire.streaming.follow import rotation
from usagewire.streaming.follow.log_file import LogFile
from usagewire.streaming.follow.rotation import RotationSearch

pytestmark = pytest.mark.skipif(os.name != "posix", reason="renames files that are open")


# --- growing ---------------------------------------------------------------------------------


def test_not_there_yet(log: Log) -> None:
    """A missing log is waited for, and so is its folder."""
    log.path = log.path.with_name("later") / "usage.ndjson"
    with follow(log) as reader:
        assert [] == news(reader)
        log.path.parent.mkdir()
        log.write(1)
        assert [1] == news(reader)


@pytest.mark.parametrize("name", [None, "of mine"])
def test_name(log: Log, name: str | None) -> None:
    """A bad line is rejected with its place and the name of the log, or the name from the user."""
    log.write(1, b"what?\n", 2)
    with follow(log, name=name) as reader:
        expected = name or str(log.path)
        assert expected == reader.name
        assert [1, 2] == news(reader)
        assert [(expected, 2)] == [(one.file, one.line) for one in reader.rejections]


# --- rotation by renaming --------------------------------------------------------------------


def test_renamed_and_back_between_two_steps(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that gets its name back before the new file is opened is not read again."""
    log.write(1)
    with follow(log) as reader:
        assert [1] == news(reader)
        with monkeypatch.context() as patch:
            patch.setattr(RotationSearch, "current_inode", lambda _: (0, 0))
            assert [] == news(reader)
        log.write(2)
        assert [2] == news(reader)


def test_changed_at_the_same_moment(log: Log) -> None:
    """If files were modified at the same moment, the one with the higher number is older."""
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        for number in range(1, 4):
            log.rotate(4)
            log.path.write_bytes(lines(number))
            shutil.copystat(log(".1"), log.path)
        assert [1, 2, 3] == news(reader)


def test_while_it_is_compressed(log: Log) -> None:
    """While a file is being compressed, the uncompressed file is read."""
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        log.rotate()
        log.write(1)
        log.rotate()
        log(".1.gz").write_bytes(gzip.compress(lines(1))[:20])
        log.write(2)
        assert [1, 2] == news(reader)


def test_renamed_while_it_is_looked_for(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is renamed after it was listed is found again."""
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        log.rotate()
        log.write(1)
        log.rotate()
        stale = rotation.candidates(str(log.path))
        log.write(2)
        log.rotate()
        log.write(3)
        listings = chain([stale], iter(partial(rotation.candidates, str(log.path)), None))
        monkeypatch.setattr(rotation, "candidates", lambda _: next(listings))
        assert [1, 2, 3] == news(reader) + news(reader)


@pytest.mark.parametrize("rotate", [Log.rotate, Log.copy_and_cut])
def test_resume_while_it_is_rotated(
    log: Log, monkeypatch: pytest.MonkeyPatch, rotate: Callable[[Log], None]
) -> None:
    """A file that is rotated just after the folder was listed is still found."""
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        checkpoint = reader.checkpoint()
    log.write(1)

    real = rotation.candidates

    def listed(path: str) -> list[rotation.RotationCandidate]:
        found = real(path)
        if not log(".1").exists():
            rotate(log)
            log.write(2)
        return found

    monkeypatch.setattr(rotation, "candidates", listed)
    with follow(log, checkpoint) as reader:
        assert [1, 2] == news(reader) + news(reader)


# --- truncating ------------------------------------------------------------------------------


def test_truncated_with_the_same_last_bytes(log: Log) -> None:
    """A truncation is noticed even if the last bytes before the place are the same."""
    same = lines(7) * 200
    log.write(b"   \n", same)
    with follow(log) as reader:
        assert [7] * 200 == news(reader)
        log.cut(b"\t\t\t\n", same, 8)
        assert [*[7] * 200, 8] == news(reader)


def test_copied_and_cut_just_before_it_is_read(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that is truncated between the look and the read is read first, from the copy."""
    more = LogFile.read

    def late(file: LogFile) -> bytes | None:
        if not log(".1").exists():
            log.copy_and_cut()
            log.write(2)
        return more(file)

    log.write()
    with follow(log) as reader:
        assert [] == news(reader)
        log.write(1)
        monkeypatch.setattr(LogFile, "read", late)
        assert [1, 2] == news(reader)


# --- checkpoints -----------------------------------------------------------------------------


def test_half_a_line_is_held_back_on_stop(log: Log) -> None:
    """Half a line at the stop is read whole after resuming."""
    log.write(1, lines(2)[:9])
    reader = follow(log)
    assert [1] == news(reader)
    reader.stop()
    assert list(reader) == []
    reader.close()
    checkpoint = reader.checkpoint()
    assert (1, len(lines(1))) == (reader.counts.lines, reader.counts.bytes)
    assert len(lines(1)) + 9 == reader.taken
    log.write(lines(2)[9:], 3)
    with follow(log, checkpoint) as reader:
        assert checkpoint == reader.checkpoint()
        assert [2, 3] == news(reader)
        assert 4 == reader.position.line


def test_every_record_boundary(log: Log) -> None:
    """After rotations, each checkpoint gives exactly the records that did not come out."""
    log.write(0, 1)
    checkpoints = []
    with follow(log) as reader:
        checkpoints.append(reader.checkpoint())
        news_ = []
        for number in range(2, 8):
            news_.append(next(reader).usage_bytes)
            checkpoints.append(reader.checkpoint())
            if number % 2:
                log.rotate(9)
            log.write(number)
    assert list(range(6)) == news_
    for done, checkpoint in enumerate(checkpoints):
        with follow(log, checkpoint) as reader:
            assert list(range(done, 8)) == news(reader)


def test_compressed_file_with_a_reused_inode(log: Log) -> None:
    """A compressed file is not the empty log of the checkpoint, even with the same inode."""
    log.write(1)
    log.rotate()
    log.write()
    with follow(log) as reader:
        assert [] == news(reader)
        checkpoint = reader.checkpoint()
    log.path.write_bytes(gzip.compress(log(".1").read_bytes()))
    shutil.copystat(log(".1"), log.path)
    log.path.rename(log(".1.gz"))
    log(".1").unlink()
    with follow(log, checkpoint) as reader:
        assert [] == news(reader)


def test_refusal_names_unreadable_files(log: Log) -> None:
    """If the right file may be unreadable, the error names it."""
    log.write(1)
    with follow(log) as reader:
        next(reader)
        checkpoint = reader.checkpoint()
    log.rotate()
    log.pack()
    log(".1.gz").write_bytes(log(".1.gz").read_bytes()[:30])
    with pytest.raises(CheckpointError, match=r"\.1\.gz: the gzip"):
        next(follow(log, checkpoint))


def test_checkpoint_of_something_else(log: Log) -> None:
    """A checkpoint of a JSON document, or of several sources, is refused."""
    log.write(b"[" + lines(1).strip() + b"," + lines(2) + b"]")
    with read(log.path) as document:
        next(document)
        with pytest.raises(CheckpointError, match="document"):
            follow(log, document.checkpoint())
    with read([log.path, log.path]) as several:
        assert 4 == len(list(several))
        with pytest.raises(CheckpointError, match="source 2"):
            follow(log, several.checkpoint())


# --- refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    ["-", "https://example.com/x", "*.ndjson", "", "a\0b", ["a"], [b"{}"], sys.stdin, None],
    ids=repr,
)
def test_refused(source: Any) -> None:
    """Only the path of one file can be followed."""
    with pytest.raises(FileError, match="followed"):
        read(source, follow=True)


def test_brackets_in_the_name(tmp_path: Path) -> None:
    """The name of an existing file may look like a glob."""
    path = tmp_path / "a[b].ndjson"
    path.write_bytes(lines(1))
    with read(path, follow=True) as reader:
        assert [1] == news(reader)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_not_a_regular_file(log: Log, make: Callable[[Path], None]) -> None:
    """A folder and a pipe are refused at once."""
    make(log.path)
    with pytest.raises(FileError, match=r"usage\.ndjson: "):
        follow(log)


@pytest.mark.parametrize("suffix", list(PACK)[1:])
@pytest.mark.parametrize("exists", [False, True])
def test_compressed(log: Log, suffix: str, exists: bool) -> None:
    """A compressed log is refused under any name, when it is opened and when it is written."""
    if exists:
        log.write()
    with follow(log) as reader:
        assert [] == news(reader)
        log.write(PACK[suffix](lines(1)))
        with pytest.raises(FileError, match="compressed"):
            next(reader)
    with pytest.raises(FileError, match="compressed"):
        follow(log)


def test_checkpoint_of_a_compressed_file(log: Log) -> None:
    """A checkpoint of a compressed file cannot be followed."""
    log.write(gzip.compress(lines(1, 2)))
    with read(log.path) as reader:
        next(reader)
    with pytest.raises(FileError, match="compressed"):
        next(follow(log, reader.checkpoint()))


@pytest.mark.parametrize("interval", [0, -1, float("nan"), "1", None])
def test_wrong_interval(log: Log, interval: Any) -> None:
    """An interval must be more than 0 seconds."""
    with pytest.raises(UsageWireError, match="interval"):
        follow(log, interval=interval)


# --- a real writer ---------------------------------------------------------------------------

WRITER: Final = """
import gzip, os, shutil, sys, time
path, line = sys.argv[1], sys.argv[2]
for number in range(3000):
    text = line % number
    with open(path, "a") as file:
        file.write(text[: number % 60])
        file.flush()
        file.write(text[number % 60 :] + chr(10))
    if number % 300 == 299:
        time.sleep(0.03)  # file systems count time in ticks
        for depth in range(9, 0, -1):
            for end in ("", ".gz"):
                if os.path.exists(f"{path}.{depth}{end}"):
                    os.rename(f"{path}.{depth}{end}", f"{path}.{depth + 1}{end}")
        if number // 300 % 3 == 0:
            os.rename(path, path + ".1")
        elif number // 300 % 3 == 1:
            shutil.copyfile(path, path + ".1")
            os.truncate(path, 0)
        else:
            os.rename(path, path + ".1")
            with open(path + ".1", "rb") as file, gzip.open(path + ".1.part", "wb") as packed:
                shutil.copyfileobj(file, packed)
            shutil.copystat(path + ".1", path + ".1.part")
            os.rename(path + ".1.part", path + ".1.gz")
            os.unlink(path + ".1")
"""


@pytest.mark.usefixtures("_waits")
def test_a_real_writer(log: Log) -> None:
    """While another process writes and rotates, several readers in turn read each line once."""
    line = lines(0).decode().strip().replace(":0}", ":%d}")
    checkpoint = follow(log).checkpoint()  # before the writer can rotate anything
    with subprocess.Popen([sys.executable, "-c", WRITER, str(log.path), line]) as writer:
        found: list[int] = []
        ended = False
        end = time.monotonic() + 100
        while time.monotonic() < end and (not ended or found[-1:] != [2999]):
            ended = writer.poll() is not None
            with follow(log, checkpoint, interval=0.002) as reader:
                quiet = 0
                for batch in reader.batches():
                    found += [one.usage_bytes for one in batch]
                    quiet = 0 if batch else quiet + 1
                    if quiet == 2 or len(batch) % 5 == 1:
                        break
                checkpoint = reader.checkpoint()
                assert reader.rejections == []
    assert (0, list(range(3000))) == (writer.returncode, found)
