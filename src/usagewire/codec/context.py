"""What all decoding by one decoder has in common, and the places that decoding can be at.

This module parses with orjson and hands the result to the converter's hook. It knows no rule about
values, and opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson

from usagewire.codec.counts import DecodeStats
from usagewire.errors import DecodeError

T = TypeVar("T")


class DecodeContext(NamedTuple, Generic[T]):
    """The hook, the limits and the counts of one decoder."""

    structure: Callable[[Any, Any], T]
    """Make a record of what orjson parsed."""
    type: Any
    """The type that `structure` is asked for."""
    to_decode_error: Callable[[Exception], DecodeError]
    """Return the `DecodeError` for an exception."""
    stats: DecodeStats
    """Where every line is counted."""
    max_line_bytes: int
    """A longer line is rejected."""
    max_raw_bytes: int
    """How many bytes of a rejected line its `Rejection` keeps."""
    plan: Any
    """The plan by which C reads; None where C is not in use."""

    def record(self, text: bytes) -> T:
        """Return the record that one JSON text holds."""
        if self.plan is not None:
            record = self.plan.decode(text)
            if record is not NotImplemented:
                return record  # type: ignore[no-any-return]
        return self.structure(orjson.loads(text), self.type)


class Place(NamedTuple):
    """A place between two lines of a stream, or between two elements of a document."""

    line: int = 1
    """Number of the line that comes next, from 1."""
    offset: int = 0
    """Bytes before that line."""
    item: int | None = None
    """In a JSON document, which begins at `line` and `offset`: how many records were read."""


START: Final = Place()
