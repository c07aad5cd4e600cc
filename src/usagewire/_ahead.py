"""An iterator that is run ahead in a thread, so that what it waits for overlaps with other work.

Worth it where the iterator leaves the interpreter lock alone, as decompression and networks do.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import suppress
from queue import Empty, Queue
from typing import Final, Generic, Self, TypeVar

V = TypeVar("V")

DEPTH: Final = 8
"""How many items are held at most."""

_PATIENCE: Final = 0.5
"""Seconds that `close` waits for the thread, which may be in the middle of a read."""


class Ahead(Generic[V]):
    """The items of a generator, made in a thread that begins at once.

    What the generator raises comes after the items before it. The generator is closed in its own
    thread, when it is done or after `close`.
    """

    def __init__(self, items: Generator[V]) -> None:
        self._queue: Queue[tuple[V] | BaseException | None] = Queue(DEPTH)
        self._stopped = threading.Event()
        self._over = False
        # A thread that is stuck in a read must not keep the process from ending.
        self._thread = threading.Thread(
            target=_run, args=(items, self._queue, self._stopped), daemon=True
        )
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> V:
        if self._over:
            raise StopIteration
        found = self._queue.get()
        if isinstance(found, tuple):
            return found[0]
        self._over = True
        if found is None:
            raise StopIteration
        raise found

    def close(self) -> None:
        """Stop the thread. There are no more items then."""
        self._over = True
        self._stopped.set()
        with suppress(Empty):
            while True:  # a thread that waits for room goes on and sees that it is to stop
                self._queue.get_nowait()
        self._thread.join(_PATIENCE)


def _run(
    items: Generator[V],
    queue: Queue[tuple[V] | BaseException | None],
    stopped: threading.Event,
) -> None:
    # Nothing here refers to the `Ahead`, so one that is forgotten can be collected.
    end: BaseException | None = None
    try:
        for item in items:
            queue.put((item,))
            if stopped.is_set():
                break
    except BaseException as error:
        end = error
    finally:
        items.close()
        if not stopped.is_set():
            queue.put(end)
