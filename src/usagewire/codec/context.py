"""What decoding lines and decoding a document have in common: the hook, the runs, the places.

A run is neighbouring lines that all became records. This module parses with orjson and hands the
result to the converter's hook. It knows no rule about values, and opens nothing.

Signals are delivered where Python calls or loops. What belongs together is stored without either,
so an interrupt finds all of it or nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import orjson

from usagewire.codec.counts import DecodeStats
from usagewire.errors import DecodeError, lack_of_memory

T = TypeVar("T")


class DecodeContext(NamedTuple, Generic[T]):
    """The hook, the limits and the counts of one decoder."""

    structure: Callable[[Any, Any], T]
    """Make a record of what orjson parsed."""
    type: Any
    """The type that `structure` is asked for."""
    to_decode_error: Callable[[Exception], DecodeError]
    stats: DecodeStats
    max_line_bytes: int
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
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise syntax_error(error, text) from None
        return self.structure(value, self.type)


class Place(NamedTuple):
    """A place between two lines of a stream, or between two elements of a document."""

    line: int = 1
    """Number of the line that comes next, from 1."""
    offset: int = 0
    """Bytes before that line."""
    item: int | None = None
    """In a JSON document, which begins at `line` and `offset`: how many records were read."""


START: Final = Place()


class Cursor(Protocol):
    """Which line or record is next."""

    index: int
    offset: int
    """Bytes that are accounted for."""


class RunDecoder(ABC, Generic[T]):
    """Reads runs of records, and rejects the bad lines between them."""

    def __init__(self, context: DecodeContext[T], name: str | None) -> None:
        self.pending: list[T] = []
        """Records that were read and not handed over, for who wants all at once."""
        self._context = context
        self._name = name
        # The error that the next line is to be rejected for, unless it is blank.
        self._error: Exception | None = None
        # A run that is not accounted for: its list, how many records stand before it there and, for
        # text that is not cut, the progress that C reports.
        self._run: tuple[list[T], int, memoryview[int] | None] | None = None

    @property
    def raises_next(self) -> bool:
        """Whether it is known that the next run begins with raising a `DecodeError`."""
        raises = self._context.stats.on_error == "raise"
        return raises and self._error is not None and not self._at_blank()

    def _at_blank(self) -> bool:
        return False

    def _read_run(
        self, records: list[T], items: Sequence[Any], start: int, make: Callable[[Any], T] | None
    ) -> None:
        """Add a record of each of `items` from `start` on, up to a bad one, to `records`."""
        self._context.stats.start_batch(records)
        append, structure, kind = records.append, self._context.structure, self._context.type
        loads = orjson.loads
        self._run = records, len(records), None
        try:
            for index in range(start, len(items)):
                # One call less for each line: a function of these took 4 to 9 % longer.
                append(make(items[index]) if make else structure(loads(items[index]), kind))
        except Exception as error:
            self._error = bad_value(error, items[len(records) - self._run[1] + start])
        finally:
            self._end_run()

    def _end_run(self) -> None:
        """Account for the run, and leave its records to others."""
        if self._run is not None:
            self._context.stats.drop_leniencies()
            self._account()
            self._run = None

    @abstractmethod
    def _account(self) -> None:
        """Account for the run, as far as it has come."""

    def _reject(self, error: Exception, place: dict[str, Any], size: int, cursor: Cursor) -> None:
        """Account for the next line, which is bad, and move `cursor` to the one after it.

        It raises `DecodeError` with `on_error="raise"`, and whatever a callback raises.
        """
        stats = self._context.stats
        found = self._context.to_decode_error(error)
        rejection = stats.rejection(found, place)
        on_error = stats.on_error
        is_function = callable(on_error)
        # From here on without a call up to the function's, so that a line is counted and reported
        # once, or neither.
        stats.add_rejected(size, rejection)
        cursor.index += 1
        cursor.offset += size
        self._error = None
        if is_function:
            on_error(rejection)  # type: ignore[operator, arg-type]
        elif on_error == "raise":
            found.rejection = rejection
            raise found from found.__cause__


def bad_value(error: Exception, text: Any) -> Exception:
    """Return what to reject `text` for; raise a lack of memory, which is not a bad value."""
    memory = lack_of_memory(error)
    if memory is not None:
        raise memory
    if isinstance(error, orjson.JSONDecodeError) and isinstance(text, bytes):
        return syntax_error(error, text)
    return error


def syntax_error(error: orjson.JSONDecodeError, text: bytes) -> DecodeError:
    """Return the error of orjson with the offset of the byte in `text`, from 0."""
    try:
        before = text.decode()[: error.pos]
    except UnicodeDecodeError as wrong:
        at = wrong.start
        return DecodeError("syntax", f"invalid JSON: 0x{text[at]:02x} at byte {at} is not UTF-8")
    return DecodeError("syntax", f"invalid JSON: {error.msg} at byte {len(before.encode())}")
