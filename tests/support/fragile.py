"""A class whose constructor may raise, to interrupt the code that decodes it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs

from usagewire import Counts


@attrs.frozen
class Fragile:
    """A class whose constructor calls `FUSE`, which may raise."""

    n: int = attrs.field()

    @n.validator
    def _check(self, _: Any, value: int) -> None:
        FUSE[0](value)


FUSE: list[Callable[[int], None]] = [lambda _: None]


@contextmanager
def burning(burn: Callable[[int], None]) -> Iterator[None]:
    """Let each new `Fragile` call `burn`."""
    FUSE[0] = burn
    try:
        yield
    finally:
        FUSE[0] = lambda _: None


def adds_up(counts: Counts) -> bool:
    """Return whether each line is counted once."""
    return counts.lines == counts.records + counts.rejected + counts.blank
