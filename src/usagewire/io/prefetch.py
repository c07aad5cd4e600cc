"""An iterator that runs ahead in a thread, so that waiting for it overlaps with other work.

This pays where the iterator releases the interpreter lock for long, as networks do, and few
decompressors.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final, Generic, Self, TypeAlias, TypeVar

V = TypeVar("V")

DEPTH: Final = 8
"""How many items are held at most."""

_PATIENCE: Final = 0.5
"""Seconds that `close` waits for the thread, and the longest time until an interrupt is noticed."""

_MORE: Final = "more"
_STOP: Final = "stop"

# An interrupt that comes while a `queue.Queue` is used may leave it locked; these have no lock.
_Made: TypeAlias = "SimpleQueue[tuple[V] | BaseException | None]"
_Wanted: TypeAlias = "SimpleQueue[str]"


class PrefetchIterator(Generic[V]):
    """The items of a generator, made in a thread that starts at once.

    An exception of the generator comes after the items before it. The thread closes the generator:
    when it is done, after `close`, or when nobody refers to this iterator any more. The thread
    calls `notify` at each item and at the end; `notify` must not refer to this iterator. At most
    `depth` items are held. It raises `RuntimeError` where no thread can be started. The generator
    is untouched then.
    """

    def __init__(
        self, items: Generator[V], notify: Callable[[], object] = bool, depth: int = DEPTH
    ) -> None:
        self._made: _Made[V] = SimpleQueue()
        self._wanted: _Wanted = SimpleQueue()
        self._is_done = False
        for _ in range(depth):
            self._wanted.put(_MORE)
        # A thread that is stuck in a read must not keep the process from ending.
        self._thread = threading.Thread(
            target=_run, args=(items, self._made, self._wanted, notify), daemon=True
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
            del found  # or it would refer to itself by its traceback

    def _next_made(self) -> tuple[V] | BaseException | None:
        while True:
            # A signal that comes just before the wait is only noticed when the wait is over.
            with suppress(Empty):
                return self._made.get(timeout=_PATIENCE)

    @property
    def pending(self) -> bool:
        """Whether `next` need not wait: there is an item, or the end."""
        return self._is_done or not self._made.empty()

    def close(self) -> None:
        """Stop the thread, and wait a little for it. There are no more items then."""
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
    items: Generator[V], made: _Made[V], wanted: _Wanted, notify: Callable[[], object]
) -> None:
    # Nothing here refers to the `PrefetchIterator`, so one that is forgotten can be collected.
    end: BaseException | None = None
    try:
        while wanted.get() == _MORE:
            made.put((next(items),))
            notify()
    except StopIteration:
        pass
    except BaseException as error:
        end = error
    made.put(end)
    notify()
    del end  # or its traceback would refer to itself
    with suppress(Exception):  # nobody is there to be told
        items.close()
