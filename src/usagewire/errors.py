"""What can go wrong, as types: one base class, one class a direction, and a bad line as data.

Every exception this library raises is a `UsageWireError`. A line that could not be read is a
`Rejection`: plain data that says where the line is, what is wrong with it and what it said, and
that keeps neither the line's file nor more than `RAW_LIMIT` bytes of it alive.

This module knows nothing of JSON, of the models or of files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Self

import attrs

RAW_LIMIT: Final = 4096
"""How many bytes of a rejected line a `Rejection` keeps; `Rejection.length` is the whole length."""

QUOTE_LIMIT: Final = 100
"""How many characters of input an error message quotes."""

_PATH_STEPS: Final = 24
"""How many steps a path shows: a path as deep as orjson reads would have a thousand."""

CODES: Final = {
    "syntax": "not one JSON object: invalid JSON or UTF-8, two documents, or another JSON value",
    "wrong_type": "a value of another JSON type than the field has",
    "out_of_range": "a number that the field's type, or a double, cannot hold exactly",
    "bad_decimal": "money or a quantity that is no plain finite decimal number",
    "bad_value": "a value that a hook, validator or converter of the class refused",
    "missing_field": "a required field is absent",
    "unknown_field": "a key that the class does not have (only with unknown='forbid')",
    "ambiguous_name": "two spellings of one field with different values",
    "missing_tag": "the key 'object', which tells the kind, is absent",
    "wrong_tag": "the key 'object' names another kind than was asked for or than the fields show",
    "ambiguous_kind": "neither the tag nor the fields tell which kind a flattened row is",
    "sdk_wrapper": "a generated client's wrapper around the row instead of the row",
    "api_error": "an error answer of the API instead of data",
    "too_deep": "nested deeper than can be written back",
    "line_too_long": "a line longer than max_line_bytes, or of which only a part was kept",
    "no_interval": "a row without the start and end that tell which bucket it belongs in",
}
"""Every code a `DecodeError` or `Rejection` can carry, and what it means. Codes are stable."""


def quote(value: object) -> str:
    """Return `repr(value)` cut to about `QUOTE_LIMIT` characters, for use in a message.

    A long string is cut before its `repr` is taken, so that quoting costs the same whatever the
    size of the input. Lists and objects are named by their JSON type and size alone.
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
    """One line that could not be read, as data."""

    code: str
    """What is wrong, one of `CODES`."""
    message: str
    """The same for a person, quoting about 100 characters of input at most."""
    path: str
    """Where in the document, in the spelling of the input: `$.results[1].input_tokens`."""
    line: int
    """Line number, from 1. Blank lines count."""
    offset: int
    """Bytes before the line's first byte, in the decompressed stream."""
    length: int
    """Bytes of the line without its line end."""
    raw: bytes = attrs.field(repr=False)
    """The line's bytes, at most the first `RAW_LIMIT` of them unless more were asked for."""
    file: str | None = None
    """Name of the file, or None where the bytes did not come from one."""

    def __str__(self) -> str:
        """Return `file:line: path: code: message`, without the file where there is none."""
        where = f"{self.file}:{self.line}" if self.file is not None else f"line {self.line}"
        return f"{where}: {self.path}: {self.code}: {self.message}"


class UsageWireError(Exception):
    """Base of every exception this library raises."""


class _PlacedError(UsageWireError):
    """An error that knows where in a document it came up, and learns it from the inside out."""

    def __init__(self, *args: str) -> None:
        super().__init__(*args)
        self.steps: list[str] = []
        """The steps of the path, innermost first."""

    @property
    def path(self) -> str:
        """Where in the document, as in `$.results[1].input_tokens`; `$` is the document."""
        steps = self.steps[::-1]
        if len(steps) > _PATH_STEPS:
            steps = [*steps[: _PATH_STEPS // 2], "...", *steps[-_PATH_STEPS // 2 :]]
        return "$" + "".join(steps)

    def within(self, step: str | int) -> Self:
        """Return this error as seen from one level further out: inside key or index `step`."""
        if isinstance(step, int):
            self.steps.append(f"[{step}]")
        elif step.isidentifier() and len(step) <= QUOTE_LIMIT:
            self.steps.append(f".{step}")
        else:
            self.steps.append(f"[{quote(step)}]")
        return self


class EncodeError(_PlacedError):
    """A record holds something that cannot be written so that it reads back equal.

    `message` says it for a person, `path` says where in the record.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        """Return `path: message`."""
        return f"{self.path}: {self.message}"


class DecodeError(_PlacedError):
    """Input that is not what was asked for.

    `code` is one of `CODES`, `message` says it for a person, `path` says where in the document, in
    the spelling of the input. When the input was a line, `rejection` tells the line too, and
    `records` holds the records that were read before it in the same call.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.rejection: Rejection | None = None
        self.records: list[Any] = []

    def __str__(self) -> str:
        """Return `path: code: message`, with file and line where they are known."""
        if self.rejection is not None:
            return str(self.rejection)
        return f"{self.path}: {self.code}: {self.message}"


class FileError(UsageWireError):
    """A file that cannot be opened, read or written; the message names it."""


class CheckpointError(FileError):
    """A checkpoint that is damaged or of another version, or a file that is not what it was."""


def located(error: Exception, step: str | int | None) -> Exception:
    """Return what to raise when `error` came up while reading the key or index `step`.

    A `DecodeError` gains the step. Anything else came from a hook, validator or converter that is
    not ours and becomes a `bad_value` with `error` as its cause; cattrs' error groups are followed
    down to their first leaf. Running out of memory stays what it is.
    """
    if memory := lack_of_memory(error):
        return memory
    found = error if isinstance(error, DecodeError) else _blame(error)
    if found is not error:
        found.__cause__ = error
    return found if step is None else found.within(step)


def lack_of_memory(error: BaseException) -> MemoryError | None:
    """Return the lack of memory that `error` is, or that is in a group of cattrs'."""
    if isinstance(error, MemoryError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next(filter(None, map(lack_of_memory, error.exceptions)), None)
    return None


def _blame(error: Exception) -> DecodeError:
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
        return "nested too deep"
    if isinstance(error, UsageWireError):
        return str(getattr(error, "message", error))
    return f"{type(error).__name__}: {quote(text_of(error))}"


def located_writing(error: Exception, step: str | int | None) -> Exception:
    """Return what to raise when `error` came up while writing the attribute or index `step`."""
    if isinstance(error, MemoryError):
        return error
    if isinstance(error, EncodeError):
        found = error
    else:
        found = EncodeError(_message(error))
        found.__cause__ = error
        if isinstance(error, _PlacedError):
            found.steps = error.steps
    return found if step is None else found.within(step)
