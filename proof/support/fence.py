"""A fence after a text: AddressSanitizer reports a read of the byte after it.

A bytes object has a NUL there, so no tool would see that C reads one byte too many.
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
    """Forbid reading the byte after `text`, if AddressSanitizer is loaded."""
    # CPython shares bytes objects of length 0 and 1.
    return _fence(text) if IS_ON and len(text) > 1 else nullcontext()
