"""The rules for the keys of a dict: JSON has only text there."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from cattrs import Converter

from usagewire.converters.scalars import INT_MIN, wrong_type
from usagewire.converters.values.annotated import reader_of, unwrapped, writer_of
from usagewire.converters.values.choices import is_choice, json_values
from usagewire.converters.values.text import TEXT_TYPES
from usagewire.errors import DecodeError, EncodeError, UsageWireError, quote
from usagewire.wire.hook_info import Hook

_AS_TEXT: Final = (str, *(of.kind for of in TEXT_TYPES))
_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_INT64_LENGTH: Final = len(str(INT_MIN))

Key = Callable[[Any], Any]


def read_key(kind: Any, converter: Converter) -> Key:
    """Return a function from a JSON key to a key of `kind`.

    A key that is an integer has the only decimal form that `write_key` gives it.
    """
    is_integer = _is_integer(kind)
    hook = reader_of(kind, converter)

    def read(key: Any) -> Any:
        if type(key) is not str:
            raise wrong_type("a string as key", key)
        if not is_integer:
            return hook(key, kind)
        if _INTEGER.fullmatch(key) is None:
            raise wrong_type("an integer as key", key)
        if len(key) > _INT64_LENGTH:
            raise DecodeError("out_of_range", f"{quote(key)} does not fit a signed 64-bit integer")
        return hook(int(key), kind)

    return read


def write_key(kind: Any, converter: Converter) -> Key:
    """Return a function from a key of `kind` to a JSON key."""
    expected = int if _is_integer(kind) else str
    hook: Hook = writer_of(kind, converter)

    def write(key: Any) -> str:
        written = hook(key)
        if type(written) is not expected:
            raise EncodeError(f"expected {expected.__name__} keys, got {quote(key)}")
        return str(written)

    return write


def already_read(key: str) -> DecodeError:
    """Return the error for the second of two JSON keys that give the same key."""
    return DecodeError(
        "ambiguous_name", f"another key of the object means the same as {quote(key)}"
    )


def _is_integer(kind: Any) -> bool:
    """Return whether the keys are integers. If False, they are text. Raise for other types."""
    base = unwrapped(kind)
    if base is int or base in _AS_TEXT:
        return base is int
    types = {type(value) for value in json_values(base)} if is_choice(base) else set()
    if types in ({int}, {str}):
        return int in types
    raise UsageWireError(
        f"keys of type {kind!r} are not supported: the keys of a JSON object are text, so"
        " use str, int, an enum of one of them, or a type that JSON holds as text"
    )
