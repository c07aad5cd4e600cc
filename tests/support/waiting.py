"""Waiting for what another thread does."""

import time
from collections.abc import Callable
from typing import Any


def until(true: Callable[[], Any]) -> bool:
    """Wait, 5 seconds at most, until something is true."""
    end = time.monotonic() + 5
    while not true() and time.monotonic() < end:
        time.sleep(0.001)
    return bool(true())
