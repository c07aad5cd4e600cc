"""The handling of signals while a command is at work."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from usagewire.cli import signals
from usagewire.cli.signals import Terminated, stopping, terminable, uninterrupted

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _unchanged() -> Iterator[None]:
    """Check that every handler is restored."""
    before = [signal.getsignal(number) for number in NUMBERS]
    yield
    assert before == [signal.getsignal(number) for number in NUMBERS]


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_both_signals_end_the_work(number: int, expected: type[BaseException]) -> None:
    """The exception shows which of the two arrived."""
    with pytest.raises(KeyboardInterrupt) as ended, terminable():
        signal.raise_signal(number)
    assert expected is ended.type


@pytest.mark.parametrize(("echo", "ends"), [(0, True), (signals.ECHO, False)])
def test_the_first_signal_stops_and_the_second_ends(
    echo: float, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped work ends normally, unless a second signal arrives that is not an echo.

    A signal that is sent to a process and to its group arrives twice.
    """
    monkeypatch.setattr(signals, "ECHO", echo)
    stopped: list[bool] = []
    with stopping(lambda: stopped.append(True)):
        signal.raise_signal(signal.SIGTERM)
        assert [True] == stopped
        with pytest.raises(KeyboardInterrupt) if ends else nullcontext():
            signal.raise_signal(signal.SIGINT if ends else signal.SIGTERM)
    assert [True] == stopped


def test_a_step_is_not_cut_in_two() -> None:
    """Signals that arrive during the step are ignored."""
    with terminable(), uninterrupted():
        for number in NUMBERS:
            signal.raise_signal(number)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals of POSIX")
def test_a_signal_ends_a_wait_that_it_does_not_interrupt() -> None:
    """A signal that arrives in another thread, or just before the wait, ends it too."""
    waiting, other = os.pipe()
    done = threading.Event()

    def call() -> None:
        done.wait(0.05)  # the main thread waits after that
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        done.wait(10)
        os.close(other)  # end a wait that nothing interrupted

    def wait() -> None:
        with terminable():
            thread.start()
            os.read(waiting, 1)

    thread = threading.Thread(target=call)
    try:
        with pytest.raises(Terminated):
            wait()
    finally:
        done.set()
        thread.join()
        os.close(waiting)


def test_other_threads_are_left_alone() -> None:
    """Outside the main thread the context managers do nothing."""
    done: list[bool] = []

    def work() -> None:
        with terminable(), stopping(lambda: None), uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert [True] == done
