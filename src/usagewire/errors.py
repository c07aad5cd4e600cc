"""The exceptions of this library, and `Rejection`, which describes a bad line as data.

This module must not know JSON, the models or files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Self

import attrs

RAW_LIMIT: Final = 4096
"""The number of bytes of a rejected line that a `Rejection` keeps by default."""

QUOTE_LIMIT: Final = 100
"""The number of characters of input that an error message quotes."""

_PATH_STEPS: Final = 24
"""The number of steps a path shows. A path as deep as orjson reads would have a thousand."""

CODES: Final = {
    "syntax": "input that is not one JSON object: invalid JSON or UTF-8, two documents, or another"
    " JSON value",
    "wrong_type": "a value whose JSON type is not the type of its field",
    "out_of_range": "a number that the type of its field, or a double, cannot hold exactly",
    "bad_decimal": "a money amount or a quantity that is not a finite decimal number",
    "bad_value": "a text that is not of its type, such as a date, or a value that a hook, validator"
    " or converter rejects",
    "missing_field": "a required field that is absent",
    "unknown_field": "a key for which the class has no field (only with unknown='forbid')",
    "ambiguous_name": "two spellings of one field with different values",
    "missing_tag": "an object without the key 'object', which holds the tag",
    "wrong_tag": "a tag of another class than the requested one, or one that the fields contradict",
    "ambiguous_kind": "a flattened row whose tag and fields do not identify its class",
    "sdk_wrapper": "a generated client's wrapper around the row instead of the row",
    "api_error": "an error answer of the API instead of data",
    "too_deep": "a value nested deeper than this library can write back",
    "line_too_long": "a line longer than max_line_bytes, or a line of which only a part was kept",
    "no_interval": "a row without the start and end of its bucket",
}
"""The meaning of every code that a `DecodeError` or `Rejection` can have. Codes are stable."""


def quote(value: object) -> str:
    """Return `repr(value)` cut to about `QUOTE_LIMIT` characters, for use in a message.

    A long string is cut before its `repr` is taken, so the cost does not depend on the input's
    size. Only the JSON type and size of a list or object are shown.
    """
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    if isinstance(value, list):
        return f"a list of {len(value)} items"
    if isinstance(value, str):
        shown = ascii(value[:QUOTE_LIMIT])
        return shown if len(value) <= QUOTE_LIMIT else f"{shown}... ({len(value)} characters)"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    shown = _safely(ascii, value)
    return shown if len(shown) <= QUOTE_LIMIT else f"{shown[:QUOTE_LIMIT]}..."


def text_of(error: BaseException) -> str:
    """Return `str(error)`, or the name of its class if its own code raises."""
    return _safely(str, error)


def _safely(show: Callable[[object], str], value: object) -> str:
    try:
        return show(value)
    except Exception:
        return object.__repr__(value)


@attrs.frozen(kw_only=True, weakref_slot=False)
class Rejection:
    """One line that could not be read, as data.

    It keeps no file open, and only the first bytes of the line in memory.

    >>> import usagewire
    >>> decoder = usagewire.Decoder(usagewire.UsageVectorStoresResult, on_error="collect")
    >>> decoder.decode_lines(b'{"usage_bytes":"5"}')
    []
    >>> [bad] = decoder.rejections
    >>> bad.line, bad.offset, bad.path, bad.code, bad.raw
    (1, 0, '$.usage_bytes', 'wrong_type', b'{"usage_bytes":"5"}')
    """

    code: str
    """The kind of error, a key of `CODES`."""
    message: str
    """The error in English. It quotes at most about 100 characters of input."""
    path: str
    """The place in the document, in the input's own spelling, as in `$.results[1].input_tokens`."""
    line: int
    """Line number. The first line is 1; blank lines count."""
    offset: int
    """Number of bytes before the line's first byte, in the decompressed stream."""
    length: int
    """Length of the whole line in bytes, without its line end."""
    raw: bytes = attrs.field(repr=False)
    """The line's first bytes, at most `max_raw_bytes` of the decoder: 4,096 by default."""
    file: str | None = None
    """Name of the file. None if the bytes did not come from a file."""

    def __str__(self) -> str:
        """Return `file:line: path: code: message`. Without a file it begins with `line N`."""
        where = f"{self.file}:{self.line}" if self.file is not None else f"line {self.line}"
        return f"{where}: {self.path}: {self.code}: {self.message}"


class UsageWireError(Exception):
    """Base of every exception that this library raises.

    The library raises this class itself for a wrong option or an unsupported type.
    """


NO_ROOM: Final = "nested too deep"
"""The message of an error where the stack has no room, for example because of a deep record."""


class _PlacedError(UsageWireError):
    """An error with a path, which grows from the inside out while the error propagates.

    At the end of the stack no function can be called, so `__new__` alone makes an error there. It
    has the attributes of its class.
    """

    steps: list[str] | tuple[()] = ()
    """The steps of the path, innermost first."""
    message: str = NO_ROOM
    """The error in English, without the path."""

    def __init__(self, *args: str) -> None:
        super().__init__(*args)
        self.steps = []

    @property
    def path(self) -> str:
        """The place, as in `$.results[1].input_tokens`; `$` is the whole document or record."""
        steps = self.steps[::-1]
        if len(steps) > _PATH_STEPS:
            steps = [*steps[: _PATH_STEPS // 2], "...", *steps[-_PATH_STEPS // 2 :]]
        return "$" + "".join(steps)

    def within(self, step: str | int) -> Self:
        """Add a key or an index in front of the path, and return this error."""
        if isinstance(step, int):
            shown = f"[{step}]"
        elif step.isidentifier() and len(step) <= QUOTE_LIMIT:
            shown = f".{step}"
        else:
            shown = f"[{quote(step)}]"
        self.steps = [*self.steps, shown]
        return self


class EncodeError(_PlacedError):
    """A value that cannot be written, because it would not read back equal.

    `path` is the place in the record, as in `$.results[1].input_tokens`.

    >>> import usagewire
    >>> try:
    ...     usagewire.dumps(usagewire.UsageVectorStoresResult(usage_bytes=2.5))
    ... except usagewire.EncodeError as error:
    ...     print(error.path)
    $.usage_bytes
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        """The error in English, without the path."""

    def __str__(self) -> str:
        """Return `path: message`."""
        return f"{self.path}: {self.message}"


class DecodeError(_PlacedError):
    """Input that cannot be read as the requested type.

    `path` is the place in the document, in the input's own spelling.

    >>> import usagewire
    >>> try:
    ...     usagewire.loads('{"usage_bytes": "5"}', usagewire.UsageVectorStoresResult)
    ... except usagewire.DecodeError as error:
    ...     print(error.code, error.path)
    wrong_type $.usage_bytes
    """

    code: str = "too_deep"
    rejection: Rejection | None = None
    """The rejected line. None if the input was not a line."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        """The kind of error, a key of `CODES`."""
        self.message = message
        """The error in English, without the path."""
        self.records: list[Any] = []
        """The records that the same call read before the bad line."""

    def __str__(self) -> str:
        """Return `path: code: message`, after the file and line if they are known."""
        if self.rejection is not None:
            return str(self.rejection)
        return f"{self.path}: {self.code}: {self.message}"


class FileError(UsageWireError):
    """A file that cannot be opened, read or written. The message names the file."""


class CheckpointError(FileError):
    """A checkpoint that is damaged, has another version, or does not match its file.

    >>> import usagewire
    >>> try:
    ...     usagewire.read("usage.ndjson", resume="5")
    ... except usagewire.CheckpointError as error:
    ...     print(str(error).partition(";")[0])
    '5' is not a checkpoint
    """


def located(error: Exception, step: str | int | None) -> Exception:
    """Return the exception to raise when `error` came up while reading the key or index `step`.

    A `DecodeError` gains the step. Any other error came from a user's hook, validator or converter
    and becomes the cause of a `bad_value`. A `MemoryError` is returned unchanged.
    """
    if memory := lack_of_memory(error):
        return memory
    found = error if isinstance(error, DecodeError) else _blame(error)
    if found is not error:
        found.__cause__ = error
    return found if step is None else found.within(step)


def lack_of_memory(error: BaseException) -> MemoryError | None:
    """Return `error` if it is a `MemoryError`, or the first one in an error group of cattrs."""
    if isinstance(error, MemoryError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(lack_of_memory, error.exceptions)), None)
    return None


def _blame(error: Exception) -> DecodeError:
    """Return a `DecodeError` for an error of a user's code, or for the first leaf of a group."""
    if isinstance(error, ExceptionGroup):
        first = error.exceptions[0]
        found = first if isinstance(first, DecodeError) else _blame(first)
        for note in getattr(first, "__notes__", ()):
            # cattrs marks each leaf with notes that carry the attribute or index it came from.
            step = getattr(note, "name", getattr(note, "index", None))
            if step is not None:
                found = found.within(step)
        return found
    code = "too_deep" if isinstance(error, RecursionError) else "bad_value"
    return DecodeError(code, _message(error))


def _message(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return NO_ROOM
    if isinstance(error, UsageWireError):
        return str(getattr(error, "message", error))
    return f"{type(error).__name__}: {quote(text_of(error))}"


def located_writing(error: Exception, step: str | int | None) -> Exception:
    """Return the exception to raise when `error` came up while writing the key or index `step`."""
    if memory := lack_of_memory(error):
        return memory
    found = error if isinstance(error, EncodeError) else EncodeError(_message(error))
    if found is not error:
        found.__cause__ = error
        if isinstance(error, _PlacedError):
            found.steps = error.steps
    return found if step is None else found.within(step)
