"""Following a log: what is read as it grows, is rotated, cut and deleted, and goes on elsewhere."""

import bz2
import errno
import gzip
import lzma
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.samples import DATA
from usagewire import CheckpointError, FileError, Reader, UsageWireError, read
from usagewire.streaming.follow import rotation
from usagewire.streaming.follow.log_file import LogFile
from usagewire.streaming.follow.rotation import RotationSearch
from usagewire.streaming.follow.tail import FollowedLog

zstd: Any = pytest.importorskip(
    "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
)

PACK: Final[dict[str, Callable[[bytes], bytes]]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd.compress,
}
needs_posix = pytest.mark.skipif(os.name != "posix", reason="renames files that are open")
pytestmark = needs_posix


def lines(*numbers: int) -> bytes:
    """Return a line for each number."""
    line = '{"object":"organization.usage.vector_stores.result","usage_bytes":%d}\n'
    return "".join(line % number for number in numbers).encode()


class Log:
    """A log that is written and rotated, each change a second after the one before."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "usage.ndjson"
        self._time = 1_700_000_000

    def __call__(self, added: str) -> Path:
        """Return the path with something added to its name."""
        return self.path.with_name(self.path.name + added)

    def write(self, *texts: bytes | int, to: str = "") -> None:
        """Add texts, and lines of numbers."""
        with self(to).open("ab") as file:
            for one in texts:
                file.write(one if isinstance(one, bytes) else lines(one))
        self.touch(to)

    def touch(self, added: str = "") -> None:
        """Set the time of the last change to now."""
        self._time += 1
        os.utime(self(added), (self._time, self._time))

    def rotate(self, depth: int = 3) -> None:
        """Rename the log to `.1`, that to `.2`, and so on."""
        for number in range(depth, 0, -1):
            older = self(f".{number - 1}" if number > 1 else "")
            if older.exists():
                older.rename(self(f".{number}"))

    def copy_and_cut(self, added: str = ".1") -> None:
        """Copy the log and empty it."""
        shutil.copyfile(self.path, self(added))
        self.touch(added)
        self.cut()

    def cut(self, *texts: bytes | int) -> None:
        """Empty the log, and then write to it."""
        os.truncate(self.path, 0)
        self.write(*texts)

    def delete(self) -> None:
        """Remove the log."""
        self.path.unlink()

    def pack(self, added: str = ".1", suffix: str = ".gz") -> None:
        """Compress a file of the log, which keeps its time."""
        file = self(added)
        packed = file.with_name(file.name + suffix)
        packed.write_bytes(PACK[suffix](file.read_bytes()))
        shutil.copystat(file, packed)
        file.unlink()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Return a log that is not there yet."""
    return Log(tmp_path)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Do not wait between two looks."""
    if "_waits" not in request.fixturenames:
        monkeypatch.setattr(FollowedLog, "pause", lambda _: None)


@pytest.fixture
def _waits() -> None:
    """Wait as long as the interval says."""


def follow(log: Log, resume: str | None = None, **options: Any) -> Reader[Any]:
    """Follow the log, collecting bad lines."""
    return read(log.path, follow=True, resume=resume, on_error="collect", **options)


def news(reader: Reader[Any]) -> list[int]:
    """Return the numbers that are new; two looks that bring nothing are the end of them."""
    found: list[int] = []
    quiet = 0
    for batch in reader.batches():
        found += [one.usage_bytes for one in batch]
        quiet = 0 if batch else quiet + 1
        if quiet == 2:
            break
    return found


def stopped(reader: Reader[Any]) -> str:
    """Stop, close and return the checkpoint."""
    reader.stop()
    assert list(reader) == []
    reader.close()
    return reader.checkpoint()


# --- scenarios -------------------------------------------------------------------------------


SCENARIOS: Final = dict(
    re.findall(r"^(?!#)(.+)\n(.+)$", (DATA / "following.txt").read_text("utf-8"), re.MULTILINE)
)


VARIANTS: Final = {"SUFFIX": ["", *PACK], "SOME": ["", "1"]}


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(steps.replace(word, variant), id=f"{title}-{variant}")
        for title, steps in SCENARIOS.items()
        for word in [next((one for one in VARIANTS if one in steps), "-")]
        for variant in VARIANTS.get(word, ["-"])
    ],
)
def test_scenario(log: Log, steps: str) -> None:
    """Each line comes once and in order, whatever becomes of the log."""
    reader: Any = None
    checkpoint = None
    for step in steps.split(" | "):
        match step.split():
            case ["write", *words, "to", added]:
                log.write(*map(text_of, words), to=added)
            case ["write" | "cut" as name, *words]:
                getattr(log, name)(*map(text_of, words))
            case ["rename", added]:
                log.path.rename(log(added))
            case ["copy", added]:
                log.copy_and_cut(added)
            case ["pack", _]:
                pass  # this time the file is not compressed
            case ["rotate" | "pack" | "touch" | "delete" as name, *words]:
                getattr(log, name)(*words)
            case ["follow"]:
                reader = follow(log)
            case ["leave"]:
                checkpoint = reader.checkpoint()
                reader.close()
            case ["resume" | "unmoved" as name]:
                reader = follow(log, checkpoint) if name == "resume" else reader
                assert checkpoint == reader.checkpoint()
            case [name, *words]:
                assert [one for word in words for one in numbers(word)] == FOUND[name](reader)
    reader.close()


FOUND: Final[dict[str, Callable[[Reader[Any]], list[int]]]] = {
    "read": news,
    "eventually": lambda reader: news(reader) + news(reader),
    "next": lambda reader: [next(reader).usage_bytes],
    "counts": lambda reader: [
        getattr(reader.counts, name) for name in ("records", "rejected", "lines")
    ],
    "at": lambda reader: [reader.position.line] * reader.position.file.endswith("usage.ndjson"),
}


def numbers(word: str) -> list[int]:
    """Return the numbers of a word: 5, or 5..9."""
    first, _, last = word.partition("..")
    return list(range(int(first), int(last or first) + 1))


def text_of(word: str) -> bytes:
    """Return the bytes of a word: lines, a part of one, or a line that is no record."""
    whole, bracket, part = word.partition("[")
    if not whole:
        return word.encode() + b"\n"
    start, _, stop = part.rstrip("]").partition(":")
    text = lines(*numbers(whole))
    return text[int(start or 0) : int(stop) if stop else None] if bracket else text


# --- growing ---------------------------------------------------------------------------------


def test_grows(log: Log) -> None:
    """What is added comes out, in order."""
    log.write(1, 2)
    with follow(log) as reader:
        assert [1, 2] == news(reader)
        assert [] == news(reader)
        log.write(3)
        assert [3] == news(reader)
        assert len(lines(1, 2, 3)) == reader.counts.bytes == reader.taken


def test_not_there_yet(log: Log) -> None:
    """A log that is not there is waited for, and so is its folder."""
    log.path = log.path.with_name("later") / "usage.ndjson"
    with follow(log) as reader:
        assert [] == news(reader)
        log.path.parent.mkdir()
        log.write(1)
        assert [1] == news(reader)


def test_half_a_line_is_held_back(log: Log) -> None:
    """A line without its LF is neither read nor counted until that comes."""
    text = lines(1)
    with follow(log) as reader:
        for byte in range(len(text) - 1):
            log.write(text[byte : byte + 1])
            assert [] == news(reader)
            assert 0 == reader.counts.lines
        log.write(text[-1:])
        assert [1] == news(reader)


def test_one_by_one(log: Log) -> None:
    """Iterating gives the records as they come."""
    log.write(1, 2, 3)
    with follow(log) as reader:
        assert [1, 2, 3] == [next(reader).usage_bytes for _ in range(3)]


def test_a_large_log(log: Log) -> None:
    """What is larger than is read at once is read whole."""
    log.write(lines(*range(20_000)))
    with follow(log) as reader:
        assert list(range(20_000)) == news(reader)


def test_bad_lines(log: Log) -> None:
    """A bad line is accounted for with the name of the file and its place."""
    log.write(1, b"what?\n", 2)
    with follow(log) as reader:
        assert [1, 2] == news(reader)
        assert [(str(log.path), 2)] == [(one.file, one.line) for one in reader.rejections]


def test_name(log: Log) -> None:
    """The log can be given another name."""
    with follow(log, name="of mine") as reader:
        assert "of mine" == reader.name
        log.write(b"what?\n")
        news(reader)
        assert ["of mine"] == [one.file for one in reader.rejections]


# --- rotation by renaming --------------------------------------------------------------------


def test_writer_holds_the_old_file(log: Log) -> None:
    """A file that was renamed is left only when a whole interval has brought nothing more."""
    log.write(1)
    with follow(log) as reader:
        batches = reader.batches()
        assert [1] == [one.usage_bytes for one in next(batches)]
        log.rotate()
        log.write(9)
        for number in range(2, 6):
            assert [] == next(batches)
            log.write(number, to=".1")
            assert [number] == [one.usage_bytes for one in next(batches)]
        assert [9] == news(reader)


def test_renamed_and_back(log: Log) -> None:
    """A file that has its name again goes on."""
    log.write(1)
    with follow(log) as reader:
        assert [1] == news(reader)
        log.path.rename(log(".1"))
        log.write(5)
        batches = reader.batches()
        assert [] == next(batches)
        log(".1").rename(log.path)
        log.write(2)
        assert [2] == news(reader)


def test_renamed_and_back_between_two_steps(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that has its name again before the new one is opened is not read anew."""
    log.write(1)
    with follow(log) as reader:
        assert [1] == news(reader)
        with monkeypatch.context() as patch:
            patch.setattr(RotationSearch, "current_inode", lambda _: (0, 0))
            assert [] == news(reader)
        log.write(2)
        assert [2] == news(reader)


def test_names_with_the_suffix_last(tmp_path: Path) -> None:
    """A rotation may put its number or date before the suffix."""
    log = Log(tmp_path)
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        for number, name in enumerate(["usage-2024-01-01T18-30-00.000.ndjson", "usage.7.ndjson"]):
            log.write(number + 1)
            log.path.rename(tmp_path / name)
            log.write(number + 2)
            log.path.rename(tmp_path / f"{name}.x")  # is none of the generations
        log.write(9)
        assert [1, 2, 9] == news(reader)


def test_changed_at_the_same_moment(log: Log) -> None:
    """Of files changed at the same moment, the one with the higher number is the older."""
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        for number in range(1, 4):
            log.rotate(4)
            log.path.write_bytes(lines(number))
            shutil.copystat(log(".1"), log.path)
        assert [1, 2, 3] == news(reader)


OTHERS: Final = [".torn", ".checkpoint", ".1.torn", "2", ".bak", "-costs.ndjson", ".1.part"]


@pytest.mark.parametrize("other", OTHERS)
def test_other_files(log: Log, other: str) -> None:
    """What lies beside a log and is no generation of it is not read."""
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        log.rotate()
        log.write(8, to=other)
        log.write(9)
        assert [9] == news(reader)


def test_while_it_is_compressed(log: Log) -> None:
    """Of a file and the compressed one that is being made from it, the file counts."""
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
    """A file that is renamed between finding and opening it is found again."""
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
    """What is rotated just after the folder was listed is found all the same."""
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        checkpoint = stopped(reader)
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


# --- cutting ---------------------------------------------------------------------------------


def test_cut_where_only_the_beginning_tells(log: Log) -> None:
    """A cut is noticed where the last bytes before the place are the same by chance."""
    same = lines(7) * 200
    log.write(b"   \n", same)
    with follow(log) as reader:
        assert [7] * 200 == news(reader)
        log.cut(b"\t\t\t\n", same, 8)
        assert [*[7] * 200, 8] == news(reader)


def test_copied_and_cut_just_before_it_is_read(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cut away between looking at the log and reading it is read first, in the copy."""
    more = LogFile.read

    def late(generation: LogFile) -> bytes | None:
        if not log(".1").exists():
            log.copy_and_cut()
            log.write(2)
        return more(generation)

    log.write()
    with follow(log) as reader:
        assert [] == news(reader)
        log.write(1)
        monkeypatch.setattr(LogFile, "read", late)
        assert [1, 2] == news(reader)


# --- checkpoints -----------------------------------------------------------------------------


def test_half_a_line_is_held_back_on_stop(log: Log) -> None:
    """A line that was half there when following stopped is read whole by who resumes."""
    log.write(1, lines(2)[:9])
    reader = follow(log)
    assert [1] == news(reader)
    checkpoint = stopped(reader)
    assert (1, len(lines(1))) == (reader.counts.lines, reader.counts.bytes)
    log.write(lines(2)[9:], 3)
    with follow(log, checkpoint) as reader:
        assert checkpoint == reader.checkpoint()
        assert [2, 3] == news(reader)
        assert 4 == reader.position.line


def test_every_record_boundary(log: Log) -> None:
    """Whatever the rotations, each checkpoint gives exactly the records that did not come out."""
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


def test_resume_where_a_compressed_file_got_the_number_of_one_that_is_gone(log: Log) -> None:
    """What is compressed is another file than the empty log that a checkpoint was taken in."""
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


def test_resume_from_reading(log: Log) -> None:
    """A checkpoint of reading can be followed on, and one of following can be read on."""
    log.write(1, 2)
    with read(log.path) as reader:
        next(reader)
        checkpoint = reader.checkpoint()
    with follow(log, checkpoint) as reader:
        assert 2 == next(reader).usage_bytes
        checkpoint = reader.checkpoint()
    log.write(3)
    assert [3] == [one.usage_bytes for one in read(log.path, resume=checkpoint)]


@pytest.mark.parametrize("rotated", [False, True])
def test_resume_from_reading_nothing(log: Log, rotated: bool) -> None:
    """A checkpoint of reading with nothing read tells the file by its number."""
    log.write(1)
    with read(log.path) as reader:
        reader.checkpoint()
        next(reader)
        reader.close()
    log.cut()
    with read(log.path) as reader:
        assert list(reader) == []
        checkpoint = reader.checkpoint()
    log.write(1)
    if rotated:
        log.rotate()
        log.write(2)
        log.rotate()
        log.write(3)
    with follow(log, checkpoint) as reader:
        assert ([1, 2, 3] if rotated else [1]) == news(reader)


@pytest.mark.parametrize("change", [Log.cut, Log.delete], ids=["cut", "gone"])
@pytest.mark.parametrize("after", [[], [8, 9]], ids=["empty", "new"])
def test_resume_is_refused(log: Log, change: Callable[[Log], None], after: list[int]) -> None:
    """A text that is nowhere any more is an error, and nothing is read from elsewhere."""
    log.write(1, 2)
    with follow(log) as reader:
        assert 1 == next(reader).usage_bytes
        checkpoint = reader.checkpoint()
    change(log)
    if after:
        log.write(*after)
    with follow(log, checkpoint) as reader:
        with pytest.raises(CheckpointError, match=r"usage\.ndjson: neither .* at byte "):
            next(reader)
        assert list(reader) == []


def test_refusal_tells_what_could_not_be_read(log: Log) -> None:
    """Where the right file may be one that cannot be read, the error says so."""
    log.write(1)
    with follow(log) as reader:
        next(reader)
        checkpoint = reader.checkpoint()
    log.rotate()
    log.pack()
    log(".1.gz").write_bytes(log(".1.gz").read_bytes()[:30])
    with (
        follow(log, checkpoint) as reader,
        pytest.raises(CheckpointError, match=r"\.1\.gz: the gzip"),
    ):
        next(reader)


def test_checkpoint_of_something_else(log: Log) -> None:
    """A checkpoint of a JSON document, or of several sources, cannot be followed on."""
    log.write(b"[" + lines(1).strip() + b"," + lines(2) + b"]")
    with read(log.path) as document:
        next(document)
        with pytest.raises(CheckpointError, match="document"):
            follow(log, document.checkpoint())
    with read([log.path, log.path]) as several:
        assert 4 == len(list(several))
        with pytest.raises(CheckpointError, match="source 2"):
            follow(log, several.checkpoint())


# --- what cannot be followed -----------------------------------------------------------------


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
    """A file that is there may be called as a glob is written."""
    path = tmp_path / "a[b].ndjson"
    path.write_bytes(lines(1))
    with read(path, follow=True) as reader:
        assert [1] == news(reader)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_no_plain_file(log: Log, make: Callable[[Path], None]) -> None:
    """A folder and a pipe are refused, and a pipe is not waited for."""
    make(log.path)
    with pytest.raises(FileError, match=r"usage\.ndjson: "):
        follow(log)


@pytest.mark.parametrize("suffix", PACK)
def test_compressed(log: Log, suffix: str) -> None:
    """A compressed log is refused, whatever its name, when it is opened and when it comes."""
    packed = PACK[suffix](lines(1))
    with follow(log) as reader:
        assert [] == news(reader)
        log.write(packed)
        with pytest.raises(FileError, match="compressed"):
            next(reader)
    with pytest.raises(FileError, match="compressed"):
        follow(log)
    log.cut()
    with follow(log) as reader:
        assert [] == news(reader)
        log.write(packed)
        with pytest.raises(FileError, match="compressed"):
            next(reader)


def test_compressed_is_not_followed_on(log: Log) -> None:
    """A checkpoint of a compressed file cannot be followed on in that file."""
    log.write(gzip.compress(lines(1, 2)))
    with read(log.path) as reader:
        next(reader)
    with pytest.raises(FileError, match="compressed"):
        next(follow(log, reader.checkpoint()))


@pytest.mark.parametrize("interval", [0, -1, float("nan"), "1", None])
def test_no_interval(log: Log, interval: Any) -> None:
    """An interval is a number of seconds, more than none."""
    with pytest.raises(UsageWireError, match="interval"):
        follow(log, interval=interval)


# --- errors and interrupts -------------------------------------------------------------------


class Failing:
    """A function of `os` that fails once, or as often as it is asked to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> None:
        self._real = getattr(os, name)
        self.times = 0
        self._code = code
        monkeypatch.setattr(os, name, self)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Fail, or do what the function does."""
        if self.times:
            self.times -= 1
            raise OSError(self._code, os.strerror(self._code))
        return self._real(*args, **options)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fstat", errno.EIO),
        ("stat", errno.EACCES),
        ("open", errno.EMFILE),
        ("listdir", errno.EACCES),
    ],
)
def test_errors_of_the_system(
    log: Log, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    """An error names the file, and iterating on loses nothing, not even half a line."""
    failing = Failing(monkeypatch, name, code)
    log.write(1, lines(2)[:9])
    with follow(log) as reader:
        assert [1] == news(reader)
        log.write(lines(2)[9:])
        log.rotate()
        log.write(3)
        found: list[int] = []
        errors = []
        for _ in range(12):
            failing.times = 1
            try:
                found += [one.usage_bytes for one in next(reader.batches())]
            except FileError as error:
                errors.append(str(error))
        failing.times = 0
        found += news(reader)
        assert [2, 3] == found
        assert {True} == {str(log.path) in one and os.strerror(code) in one for one in errors}


def test_damaged_generation(log: Log) -> None:
    """Of a compressed generation that is damaged, what can be had is read before the error."""
    log.write(0)
    with follow(log) as reader:
        assert [0] == news(reader)
        log.rotate()
        log.write(1, 2)
        log.rotate()
        log.pack()
        packed = log(".1.gz").read_bytes()
        log(".1.gz").write_bytes(packed[:-9])
        log.touch(".1.gz")
        log.write(3)
        assert [1] == [next(reader).usage_bytes]
        with pytest.raises(FileError, match=r"\.1\.gz: .*gzip"):
            list(reader)
        assert [3] == news(reader)


@pytest.fixture
def _no_descriptor_left() -> Iterator[None]:
    """Compare the open files before and after."""
    before = sorted(Path("/proc/self/fd").iterdir())
    yield
    assert before == sorted(Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks Linux for the open files")
@pytest.mark.usefixtures("_no_descriptor_left")
def test_closes_what_it_opens(log: Log) -> None:
    """After rotations, copies, a resumption and close, no file is open."""
    log.write(1)
    with follow(log) as reader:
        news(reader)
        for number in range(2, 6):
            log.write(number)
            log.rotate(9)
            log.pack()
            log.write(number)
            news(reader)
            log.write(number)
            log.copy_and_cut(".0")
            log.write(number)
            news(reader)
        checkpoint = reader.checkpoint()
    with follow(log, checkpoint) as reader:
        news(reader)
    log.path.unlink()
    for file in log.path.parent.iterdir():
        file.unlink()
    with follow(log, checkpoint) as reader, pytest.raises(CheckpointError):
        next(reader)


def test_interrupt_while_waiting(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interrupt that came while waiting, iterating goes on."""
    log.write(1, lines(2)[:9])
    with follow(log) as reader:
        assert [1] == news(reader)

        def interrupt(_: FollowedLog) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(FollowedLog, "pause", interrupt)
            for _ in range(3):
                with pytest.raises(KeyboardInterrupt):
                    next(reader)
        checkpoint = reader.checkpoint()
        log.write(lines(2)[9:], 3)
        assert [2, 3] == news(reader)
    with follow(log, checkpoint) as reader:
        assert [2, 3] == news(reader)


@pytest.mark.parametrize("where", ["_read", "__next__"])
def test_interrupt_while_reading(log: Log, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """After any other interrupt, reading ends with an error, because text may be lost."""
    log.write(1)
    with follow(log) as reader:
        assert [1] == news(reader)
        log.write(2)
        real = getattr(FollowedLog, where)

        def interrupt(*args: Any) -> None:
            real(*args)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(FollowedLog, where, interrupt)
            with pytest.raises(KeyboardInterrupt):
                next(reader)
        with pytest.raises(FileError, match="interrupted"):
            next(reader)
        assert list(reader) == []
        checkpoint = reader.checkpoint()
    with follow(log, checkpoint) as reader:
        assert [2] == news(reader)


# --- stopping --------------------------------------------------------------------------------


def test_stop_gives_what_was_read(log: Log) -> None:
    """The records that were read come out before the end, and no others are read."""
    log.write(*range(1000))
    with follow(log) as reader:
        assert 0 == next(reader).usage_bytes
        reader.stop()
        log.write(1000)
        assert list(range(1, 1000)) == [one.usage_bytes for one in reader]
        assert list(reader.batches()) == []
        checkpoint = reader.checkpoint()
    with follow(log, checkpoint) as reader:
        assert [1000] == news(reader)


def test_stop_while_a_generation_is_looked_for(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping ends a search in a compressed file, and the search says nothing then."""
    log.write(*range(10_000))
    with follow(log) as reader:
        news(reader)
        checkpoint = reader.checkpoint()
    log.rotate()
    log.pack()
    with follow(log, checkpoint) as reader:
        real = LogFile.seek

        def stopping(generation: Any, place: int) -> bool:
            reader.stop()
            return real(generation, place)

        monkeypatch.setattr(LogFile, "seek", stopping)
        assert list(reader) == []
        assert checkpoint == reader.checkpoint()


@pytest.mark.usefixtures("_waits")
def test_stop_from_another_thread(log: Log) -> None:
    """Who waits for an hour is woken at once."""
    with follow(log, interval=3600) as reader:
        batches = reader.batches()
        assert [] == next(batches)
        timer = threading.Timer(0.05, reader.stop)
        timer.start()
        assert list(batches) == []
        timer.join()


@pytest.mark.usefixtures("_waits")
def test_stop_in_a_signal_handler(log: Log) -> None:
    """A signal handler may stop the waiting that it interrupts."""
    with follow(log, interval=float("inf")) as reader:
        before = signal.signal(signal.SIGALRM, lambda *_: reader.stop())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            assert list(reader) == []
        finally:
            signal.signal(signal.SIGALRM, before)


def test_stop_without_follow(log: Log) -> None:
    """Any reading can be stopped; what was read comes out, and half a line is held back."""
    log.write(1, lines(2)[:9])
    with read(log.path) as reader:
        assert 1 == next(reader).usage_bytes
        reader.stop()
        assert list(reader) == []
        assert 1 == reader.counts.lines


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
        time.sleep(0.03)  # file systems tell time by ticks
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
    """While another process writes and rotates, readers that come and go read each line once."""
    line = lines(0).decode().strip().replace(":0}", ":%d}")
    with subprocess.Popen([sys.executable, "-c", WRITER, str(log.path), line]) as writer:
        found: list[int] = []
        checkpoint = None
        ended = False
        while not ended or found[-1:] != [2999]:
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
