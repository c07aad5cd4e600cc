"""An iterator that runs ahead in a thread, so that its waits overlap with other work.

This helps only if the iterator releases the GIL for a long time. Waiting for a network does so, but
most decompressors do not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final, Generic, Self, TypeAlias, TypeVar

V = TypeVar("V")

DEPTH: Final = 8
"""The thread makes at most this many items in advance."""

_PATIENCE: Final = 0.5
"""`close` waits this many seconds for the thread. An interrupt is raised within this time."""

_MORE: Final = "more"
_STOP: Final = "stop"

# An interrupt can leave a `queue.Queue` locked. A `SimpleQueue` has no lock.
_Made: TypeAlias = "SimpleQueue[tuple[V] | BaseException | None]"
_Wanted: TypeAlias = "SimpleQueue[str]"


class Waiter:
    """A wait that another thread or a signal handler can end.

    On CPython 3.11 and 3.12, `SimpleQueue.get` with a timeout waits for ever if a signal handler
    runs past the end of the wait.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, seconds: float) -> None:
        """Wait this many seconds, or until `wake` is called. A call before counts too."""
        self._lock.acquire(timeout=seconds)

    def wake(self) -> None:
        """End the wait, or the next one."""
        with suppress(RuntimeError):  # no one has waited since the last call
            self._lock.release()


class PrefetchIterator(Generic[V]):
    """The items of a generator, which runs in a thread that starts at once.

    An exception of the generator is raised after the items before it. The thread closes the
    generator at its end, after `close`, or when nothing refers to this iterator any more. It calls
    `notify`, which must not refer to this iterator, after each item and at the end. At most `depth`
    items are held. If no thread can start, it raises `RuntimeError` and the generator is unused.
    """

    def __init__(
        self, items: Generator[V], notify: Callable[[], object] = bool, depth: int = DEPTH
    ) -> None:
        self._made: _Made[V] = SimpleQueue()
        self._wanted: _Wanted = SimpleQueue()
        self._waiter = Waiter()
        self._is_done = False
        for _ in range(depth):
            self._wanted.put(_MORE)
        # A daemon, because a thread that waits in a read must not stop the process from ending.
        self._thread = threading.Thread(
            target=_run, args=(items, self._made, self._wanted, self._waiter, notify), daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> V:
        if self._is_done:
            raise StopIteration
        found = self._next_made()
        if isinstance(found, tuple):
            self._wanted.put(_MORE)
            return found[0]
        self._is_done = True
        if found is None:
            raise StopIteration
        try:
            raise found
        finally:
            del found  # or its traceback would refer to it

    def _next_made(self) -> tuple[V] | BaseException | None:
        while True:
            with suppress(Empty):
                return self._made.get_nowait()
            # A signal just before the wait is noticed only after the wait.
            self._waiter.wait(_PATIENCE)

    @property
    def pending(self) -> bool:
        """Whether `next` returns without waiting, because an item or the end has come."""
        return self._is_done or not self._made.empty()

    def close(self) -> None:
        """Drop all items, stop the thread, and wait a little for it."""
        self._is_done = True
        self._stop()
        self._thread.join(_PATIENCE)

    def __del__(self) -> None:
        self._stop()

    def _stop(self) -> None:
        with suppress(Empty):
            while True:
                self._wanted.get_nowait()
        self._wanted.put(_STOP)


def _run(
    items: Generator[V],
    made: _Made[V],
    wanted: _Wanted,
    waiter: Waiter,
    notify: Callable[[], object],
) -> None:
    # Nothing here refers to the `PrefetchIterator`, so it can become garbage while this runs.
    end: BaseException | None = None
    try:
        while wanted.get() == _MORE:
            made.put((next(items),))
            waiter.wake()
            notify()
    except StopIteration:
        pass
    except BaseException as error:
        end = error
    made.put(end)
    waiter.wake()
    notify()
    del end  # or its traceback would refer to itself
    with suppress(Exception):  # no one can receive it any more
        items.close()
