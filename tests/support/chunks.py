"""Data in chunks."""

from collections.abc import Iterable
from itertools import pairwise


def cut(data: bytes, size: int) -> list[bytes]:
    """Return `data` in chunks of `size` bytes."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def cut_at(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Return `data` in chunks that end at the places inside it."""
    ends = sorted({0, len(data), *(place for place in places if place < len(data))})
    return [data[start:end] for start, end in pairwise(ends)]
