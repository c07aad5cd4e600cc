"""An iterator that is run ahead in a thread, so that what it waits for overlaps with other work.

Worth it where the iterator leaves the interpreter lock alone for long, as networks do, and few
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
"""Seconds that `close` waits for the thread, which may be in the middle of a read, and that an
interrupt may go unheard."""

_MORE: Final = "more"
_STOP: Final = "stop"

# An interrupt that comes while a `queue.Queue` is used may leave it locked; these have no lock.
_Made: TypeAlias = "SimpleQueue[tuple[V] | BaseException | None]"
_Wanted: TypeAlias = "SimpleQueue[str]"


class Ahead(Generic[V]):
    """The items of a generator, made in a thread that begins at once.

    What the generator raises comes after the items before it. The generator is closed in its own
    thread: when it is done, after `close`, or when nobody refers to the `Ahead` any more. `told` is
    called in that thread at each item and at the end; it must not refer to the `Ahead`. At most
    `depth` items are held.

    Raises:
        RuntimeError: where no thread can be started. The generator is untouched then.

    """

    def __init__(
        self, items: Generator[V], told: Callable[[], object] = bool, depth: int = DEPTH
    ) -> None:
        self._made: _Made[V] = SimpleQueue()
        self._wanted: _Wanted = SimpleQueue()
        self._over = False
        for _ in range(depth):
            self._wanted.put(_MORE)
        # A thread that is stuck in a read must not keep the process from ending.
        self._thread = threading.Thread(
            target=_run, args=(items, self._made, self._wanted, told), daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> V:
        if self._over:
            raise StopIteration
        found = self._next_made()
        if isinstance(found, tuple):
            self._wanted.put(_MORE)
            return found[0]
        self._over = True
        if found is None:
            raise StopIteration
        try:
            raise found
        finally:
            del found  # or it would refer to itself by its traceback

    def _next_made(self) -> tuple[V] | BaseException | None:
        while True:
            # A signal that comes just before the wait is not heard until the wait is over.
            with suppress(Empty):
                return self._made.get(timeout=_PATIENCE)

    @property
    def ready(self) -> bool:
        """Whether `next` need not wait: there is an item, or the end."""
        return self._over or not self._made.empty()

    def close(self) -> None:
        """Stop the thread, and wait a little for it. There are no more items then."""
        self._over = True
        self.stop()
        self._thread.join(_PATIENCE)

    def __del__(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Let the thread come to its end once the item it makes is done."""
        with suppress(Empty):
            while True:
                self._wanted.get_nowait()
        self._wanted.put(_STOP)


def _run(items: Generator[V], made: _Made[V], wanted: _Wanted, told: Callable[[], object]) -> None:
    # Nothing here refers to the `Ahead`, so one that is forgotten can be collected.
    end: BaseException | None = None
    try:
        while wanted.get() == _MORE:
            made.put((next(items),))
            told()
    except StopIteration:
        pass
    except BaseException as error:
        end = error
    made.put(end)
    told()
    del end  # or its traceback would refer to itself
    with suppress(Exception):  # nobody is there to be told
        items.close()
