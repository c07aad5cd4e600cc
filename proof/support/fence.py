"""The byte after a text, fenced off: under AddressSanitizer C may not even look at it.

A bytes object has a NUL there, so that reading one byte too many goes unseen by any tool.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

_PROCESS: Final = ctypes.CDLL(None)
IS_ON: Final = hasattr(_PROCESS, "__asan_poison_memory_region")
_HEAD: Final = bytes.__basicsize__ - 1


@contextmanager
def _fence(text: bytes) -> Iterator[None]:
    end = ctypes.c_void_p(id(text) + _HEAD + len(text))
    one = ctypes.c_size_t(1)
    _PROCESS.__asan_poison_memory_region(end, one)
    try:
        yield
    finally:
        _PROCESS.__asan_unpoison_memory_region(end, one)


def fenced(text: bytes) -> AbstractContextManager[None]:
    """Fence the byte after `text` off, where AddressSanitizer is there."""
    # CPython shares the empty one and those of one byte.
    return _fence(text) if IS_ON and len(text) > 1 else nullcontext()
