"""A function that waits for another thread."""

import time
from collections.abc import Callable
from typing import Any


def until(true: Callable[[], Any]) -> bool:
    """Wait until `true()` is true, at most 5 seconds; return whether it is."""
    end = time.monotonic() + 5
    while not true() and time.monotonic() < end:
        time.sleep(0.001)
    return bool(true())
