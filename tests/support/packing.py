"""Functions that compress and decompress without the package, by the suffix of a file name."""

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

PACK: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": zstd.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
UNPACK: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".zst": zstd.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}


@lru_cache
def two_members(data: bytes, suffix: str) -> bytes:
    """Return `data` compressed in two members, the first of 300 bytes."""
    return PACK[suffix](data[:300]) + PACK[suffix](data[300:])
