"""The parts that the decoders of lines and of documents share: context, places and runs.

A run is a series of neighbouring lines that all became records. This module parses with orjson and
passes the result to the converter's hook. It must not know rules about values, or open files.

State that belongs together is stored as in `line_buffer`, so an interrupt finds all of it or none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, Self, TypeAlias, TypeVar

import orjson

from usagewire.codec.counts import DecodeStats
from usagewire.converters.row_rules import UNKNOWN_ROWS
from usagewire.errors import DecodeError, UsageWireError, lack_of_memory
from usagewire.wire.exact_json import parse

T = TypeVar("T")

Data: TypeAlias = bytes | bytearray | memoryview | str


class DecodeContext(NamedTuple, Generic[T]):
    """The hook, the limits and the counts of one decoder."""

    structure: Callable[[Any, Any], T]
    """The converter's hook, which makes a record of the value that orjson parsed."""
    type: Any
    """The second argument of `structure`."""
    to_decode_error: Callable[[Exception], DecodeError]
    stats: DecodeStats
    max_line_bytes: int
    max_raw_bytes: int
    """How many bytes of a rejected line its `Rejection` keeps."""
    plan: Any
    """The plan by which C reads, or None if C is not in use."""

    def record(self, text: bytes, note: Callable[[int], object]) -> T:
        """Return the record of a JSON text, and pass its number of unknown rows to `note`."""
        if self.plan is not None:
            decode = self.plan.decode
            hooks = self.plan.calls_hooks
            record = counted(note, decode, text, note) if hooks else decode(text, note)
            if record is not NotImplemented:
                return record  # type: ignore[no-any-return]
        return self.record_by_reference(text, note)

    def record_by_reference(self, text: bytes, note: Callable[[int], object]) -> T:
        """Do as `record` does, but without C."""
        try:
            value = parse(text)
        except orjson.JSONDecodeError as error:
            raise syntax_error(error, text) from None
        return counted(note, self.structure, value, self.type)


def counted(note: Callable[[int], object], make: Callable[..., T], *arguments: Any) -> T:
    """Return `make(*arguments)`, and pass the number of unknown rows that hooks read to `note`."""
    found: list[int] = []
    before = UNKNOWN_ROWS.note
    try:
        UNKNOWN_ROWS.note = found.append
        made = make(*arguments)
    finally:
        UNKNOWN_ROWS.note = before
    if found and made is not NotImplemented:
        note(len(found))
    return made


class Place(NamedTuple):
    """A place between two lines of a stream, or between two elements of a document."""

    line: int = 1
    """Number of the next line, from 1."""
    offset: int = 0
    """Bytes before that line."""
    item: int | None = None
    """Records read of the JSON document that begins at `line` and `offset`; None for lines."""


START: Final = Place()


class Cursor(Protocol):
    """The index of the next line or record, and the number of bytes counted before it."""

    index: int
    offset: int


class RunDecoder(ABC, Generic[T]):
    """A decoder that reads runs of records and rejects the bad lines between them."""

    def __init__(self, context: DecodeContext[T], name: str | None) -> None:
        self.pending: list[T] = []
        """Records that were read for a caller that collects them, and not returned yet."""
        self._context = context
        self._name = name
        # The error to reject the next line with, unless that line is blank.
        self._error: Exception | None = None
        # The run that is not counted yet: the list it is in, the number of records before it in
        # that list and, if C reads the text, the progress that C reports.
        self._run: tuple[list[T], int, memoryview[int] | None] | None = None

    def use(self, context: DecodeContext[T]) -> None:
        """Read what comes next by another context of the same decoder."""
        self._context = context

    @property
    def raises_next(self) -> bool:
        """Whether the next run is known to begin by raising a `DecodeError`."""
        raises = self._context.stats.on_error == "raise"
        return raises and self._error is not None and not self._at_blank()

    def _at_blank(self) -> bool:
        return False

    def _read_run(
        self,
        records: list[T],
        items: Sequence[Any],
        start: int,
        make: Callable[[Any], T] | None,
        loads: Callable[[Any], Any] = parse,
    ) -> None:
        """Append the records of `items[start:]`, up to the first bad item, to `records`.

        Each is what `make` makes of the item, or the reference of the value that `loads` parses.
        """
        self._context.stats.start_batch(records)
        append, structure, kind = records.append, self._context.structure, self._context.type
        self._run = records, len(records), None
        before = UNKNOWN_ROWS.note
        try:
            UNKNOWN_ROWS.note = self._context.stats.count_unknown
            for index in range(start, len(items)):
                # Inline, because one more call for each line took 4 to 9 % longer.
                append(make(items[index]) if make else structure(loads(items[index]), kind))
        except Exception as error:
            self._error = bad_value(error, items[len(records) - self._run[1] + start])
        finally:
            UNKNOWN_ROWS.note = before
            self._end_run()

    def _record_of(self, text: bytes) -> T:
        return self._context.record(text, self._context.stats.count_unknown)

    def _end_run(self) -> None:
        """Count the run and forget its records."""
        if self._run is not None:
            self._context.stats.drop_next()
            self._account()
            self._run = None

    @abstractmethod
    def _account(self) -> None:
        """Count the part of the run that was read."""

    def _reject(self, error: Exception, place: dict[str, Any], size: int, cursor: Cursor) -> None:
        """Count the next line as rejected, move `cursor` past it, and do as `on_error` says."""
        stats = self._context.stats
        found = self._context.to_decode_error(error)
        rejection = stats.rejection(found, place)
        on_error = stats.on_error
        is_function = callable(on_error)
        # From the stores in this call to the call of the function there is no other call. So an
        # interrupt finds the line both counted and reported, or neither.
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
    """Return what to reject `text` for, but raise a `MemoryError`, which is not its fault."""
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


def as_bytes(data: Data) -> bytes:
    """Return data as bytes."""
    if isinstance(data, str):
        # A lone surrogate is not valid UTF-8, so its line will be rejected.
        return data.encode("utf-8", "surrogatepass")
    if isinstance(data, bytes | bytearray | memoryview):
        try:
            return bytes(data)
        except ValueError as error:
            raise UsageWireError(f"data cannot be read: {error}") from error
    raise UsageWireError(f"data must be bytes-like or a str, not {type(data).__name__}")


class Remade:
    """An object that is copied as it is pickled: by making it again from its options."""

    def __copy__(self) -> Self:
        made: Any = self.__reduce__()
        return made[0](*made[1])  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: Any) -> Self:
        return self.__copy__()
