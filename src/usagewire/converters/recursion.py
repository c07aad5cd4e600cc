"""Classes inside themselves: their hooks are built once and entered to a fixed depth.

The hook for `Node` needs that for `list[Node]`, which needs that for `Node`: the second one asks
for the finished hook when it is called. How deep such classes may nest must not depend on how much
of Python's stack is left.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from usagewire.converters.scalars import MAX_DEPTH

Hook = Callable[..., Any]


class Recursion:
    """What one converter is building, and how deep in classes inside themselves each thread is."""

    def __init__(self) -> None:
        self._local = threading.local()

    def build(self, key: Any, build: Callable[[], Hook], ask: Callable[[], Hook]) -> Hook:
        """Return `build()`; while that runs, for the same `key`, a hook that asks when called."""
        keys = self._local.__dict__.setdefault("keys", set())
        if key in keys:
            return lambda *arguments: self._enter(ask(), arguments)
        keys.add(key)
        try:
            return build()
        finally:
            keys.remove(key)

    def _enter(self, hook: Hook, arguments: tuple[Any, ...]) -> Any:
        depth = self._local.__dict__.setdefault("depth", 0)
        if depth == MAX_DEPTH:
            raise RecursionError
        self._local.depth = depth + 1
        try:
            return hook(*arguments)
        finally:
            self._local.depth = depth
