"""An iterator that runs ahead in a thread: the same items, bounded, and no thread is left."""

import gc
import signal
import sys
import threading
import time
import weakref
from collections.abc import Generator
from typing import Any

import pytest

from tests.support.waiting import until
from usagewire.io.prefetch import DEPTH, PrefetchIterator, Waiter


class Items:
    """A generator that notes what happens to it."""

    def __init__(self, count: int, error: BaseException | None = None) -> None:
        self.made = 0
        self.closed = threading.Event()
        self.thread: threading.Thread | None = None
        self._count = count
        self._error = error

    def __call__(self) -> Generator[int]:
        """Yield numbers, and then raise the error."""
        self.thread = threading.current_thread()
        try:
            for number in range(self._count):
                self.made = number + 1
                yield number
            if self._error is not None:
                raise self._error
        finally:
            self.closed.set()

    def is_over(self) -> bool:
        """Wait for the end of the thread; return whether it came."""
        closed = self.closed.wait(5)
        if self.thread is not None:
            self.thread.join(5)
        return closed and self.thread is not None and not self.thread.is_alive()


@pytest.mark.parametrize("count", [0, 1, DEPTH - 1, DEPTH, DEPTH + 1, 1000])
def test_gives_the_same_items(count: int) -> None:
    """All items come in order, and then the thread ends."""
    items = Items(count)
    ahead = PrefetchIterator(items())

    assert list(range(count)) == list(ahead)
    assert list(ahead) == []
    assert items.is_over()
    ahead.close()


def test_runs_ahead_to_its_limit() -> None:
    """`DEPTH` items are made before the first `next`, and not more."""
    items = Items(1000)
    ahead = PrefetchIterator(items())

    assert until(lambda: items.made == DEPTH)
    assert 0 == next(ahead)
    assert until(lambda: items.made == DEPTH + 1)
    ahead.close()


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), MemoryError()])
def test_error_comes_after_the_items(error: BaseException) -> None:
    """An error of the generator is raised once, after the items before it."""
    items = Items(3, error)
    ahead = PrefetchIterator(items())

    assert [0, 1, 2] == [next(ahead) for _ in range(3)]
    with pytest.raises(type(error)) as caught:
        next(ahead)
    assert caught.value is error
    assert list(ahead) == []
    assert items.is_over()


def test_error_keeps_nothing_alive() -> None:
    """An error is not part of a reference cycle, so it is freed after it was caught."""

    class Mine(Exception):  # noqa: N818 -- not an error of the library
        pass

    def failing() -> Generator[int]:
        yield from ()
        raise Mine

    gc.disable()
    try:
        ahead = PrefetchIterator(failing())
        try:
            next(ahead)
        except Mine as error:
            kept = weakref.ref(error)

        ahead.close()
        assert until(lambda: kept() is None)
    finally:
        gc.enable()


@pytest.mark.parametrize("taken", [0, 1, DEPTH + 3])
def test_close_ends_the_thread(taken: int) -> None:
    """After `close` with all items held, the thread ends and the generator is closed."""
    items = Items(1000)
    generator = items()
    ahead = PrefetchIterator(generator)
    for _ in range(taken):
        next(ahead)
    assert until(lambda: items.made == DEPTH + taken)
    ahead.close()

    assert items.is_over()
    assert ([], [], DEPTH + taken) == (list(ahead), list(generator), items.made)
    ahead.close()


def test_forgotten() -> None:
    """The thread ends when nothing refers to the iterator, without `close`."""
    items = Items(1000)
    ahead = PrefetchIterator(items())
    assert until(lambda: items.made == DEPTH)
    del ahead

    assert items.is_over()


def test_close_does_not_wait_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """`close` does not wait for a thread in a slow read, which ends later."""
    monkeypatch.setattr("usagewire.io.prefetch._PATIENCE", 0.01)
    data_comes = threading.Event()
    closed = threading.Event()

    def slow() -> Generator[int]:
        try:
            data_comes.wait()
            yield 1
        finally:
            closed.set()

    ahead = PrefetchIterator(slow())
    ahead.close()
    assert not closed.is_set()
    data_comes.set()

    assert closed.wait(5)
    assert list(ahead) == []


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pthread_kill")
def test_interrupt_while_waiting() -> None:
    """Ctrl-C interrupts the wait for the next item, and loses no item."""
    data_comes = threading.Event()
    waiting = threading.Event()

    def slow() -> Generator[int]:
        yield 1
        waiting.set()
        data_comes.wait()
        yield 2

    ahead = PrefetchIterator(slow())
    assert 1 == next(ahead)
    assert waiting.wait(5)
    main = threading.main_thread().ident
    threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        next(ahead)
    data_comes.set()

    assert [2] == list(ahead)


def test_no_thread_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread can start, the generator is not used."""

    def fail(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    items = Items(3)()
    with pytest.raises(RuntimeError, match="thread"):
        PrefetchIterator(items)

    assert [0, 1, 2] == list(items)


def test_a_wait_ends_though_a_signal_handler_runs_past_its_end() -> None:
    """The rest of the wait is never negative, which would mean to wait for ever."""
    waiter, calls = Waiter(), []

    def handler(*_: Any) -> None:
        calls.append(1)
        time.sleep(0.004)

    before = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(20):
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            waiter.wait(0.002)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert calls


def test_a_wait_is_ended_by_a_call_before_it_or_in_a_handler() -> None:
    """`wake` counts once, however often it was called."""
    waiter = Waiter()
    waiter.wake()
    waiter.wake()
    waiter.wait(60)
    before = signal.signal(signal.SIGALRM, lambda *_: waiter.wake())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        waiter.wait(60)
    finally:
        signal.signal(signal.SIGALRM, before)
