"""Following a log through errors, interrupts and stops."""

import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.logs import Log, follow, lines, news
from usagewire import CheckpointError, FileError, read
from usagewire.streaming.follow.log_file import LogFile
from usagewire.streaming.follow.tail import FollowedLog

pytestmark = pytest.mark.skipif(os.name != "posix", reason="renames files that are open")


class Failing:
    """A function of `os` that fails `times` times."""

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


ERRORS = {"fstat": errno.EIO, "stat": errno.EACCES, "open": errno.EMFILE, "listdir": errno.EACCES}


@pytest.mark.parametrize(("name", "code"), ERRORS.items())
def test_errors_of_the_system(
    log: Log, monkeypatch: pytest.MonkeyPatch, name: str, code: int
) -> None:
    """An error names the file, and iterating again loses nothing, not even half a line."""
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


def test_damaged_file(log: Log) -> None:
    """The readable part of a damaged compressed file comes before the error."""
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
def test_all_files_are_closed(log: Log) -> None:
    """After rotations, copies, resuming and closing, no file is open."""
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
    for file in log.path.parent.iterdir():
        file.unlink()
    with follow(log, checkpoint) as reader, pytest.raises(CheckpointError):
        next(reader)


def test_interrupt_while_waiting(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an interrupt during a wait, the user can iterate again."""
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
    """After any other interrupt, reading ends with an error, because text may be missing."""
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
    """After `stop`, the records that were read come out, and no others are read."""
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


def test_stop_during_a_search(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """`stop` ends a search in a compressed file, without an error."""
    log.write(*range(10_000))
    with follow(log) as reader:
        news(reader)
        checkpoint = reader.checkpoint()
    log.rotate()
    log.pack()
    with follow(log, checkpoint) as reader:
        real = LogFile.seek

        def stopping(file: Any, place: int) -> bool:
            reader.stop()
            return real(file, place)

        monkeypatch.setattr(LogFile, "seek", stopping)
        assert list(reader) == []
        assert checkpoint == reader.checkpoint()


@pytest.mark.usefixtures("_waits")
def test_stop_from_another_thread(log: Log) -> None:
    """`stop` in another thread ends a wait of an hour at once."""
    with follow(log, interval=3600) as reader:
        batches = reader.batches()
        assert [] == next(batches)
        timer = threading.Timer(0.05, reader.stop)
        timer.start()
        assert list(batches) == []
        timer.join()


@pytest.mark.usefixtures("_waits")
def test_stop_in_a_signal_handler(log: Log) -> None:
    """A signal handler may stop the wait that it interrupts."""
    with follow(log, interval=float("inf")) as reader:
        before = signal.signal(signal.SIGALRM, lambda *_: reader.stop())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            assert list(reader) == []
        finally:
            signal.signal(signal.SIGALRM, before)


def test_stop_without_follow(log: Log) -> None:
    """A reader that does not follow can be stopped too, and half a line is held back."""
    log.write(1, lines(2)[:9])
    with read(log.path) as reader:
        assert 1 == next(reader).usage_bytes
        reader.stop()
        assert list(reader) == []
        assert 1 == reader.counts.lines
