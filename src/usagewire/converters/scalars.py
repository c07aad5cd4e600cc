"""The rules for a single JSON value: int, float, str, bool, Decimal, None and any JSON.

They must not know classes, fields or paths. The caller adds the path to their errors.

The rules take the numbers of `wire.exact_json`: a `Decimal` is a number that no int or float holds.
Other parsers round: orjson reads an integer past 64 bits as a double. So if a float of 2**63 or
more must be exact, the rules reject it as `out_of_range`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from math import inf, isfinite
from types import NoneType
from typing import Any, Final

from usagewire.errors import DecodeError, EncodeError, located_writing, quote
from usagewire.models import MAX_ADJUSTED, MIN_EXPONENT
from usagewire.wire.exact_json import decimal_of, float_or_decimal, parse

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
"""Limits of a count. The 32 bits of generated clients cannot count the tokens of a day."""

UINT_MAX: Final = 2**64 - 1
EXACT_FLOAT: Final = 2**53
"""The largest integer up to which a double holds every integer exactly."""

MAX_DEPTH: Final = 100
"""The number of levels that an unknown value or a recursive class may nest. orjson writes 254."""

_JSON_INT = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_INT64_LENGTH: Final = len(str(INT_MIN))
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
ZERO: Final = Decimal(0)
_WORDS: Final = dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(
    ("false", "False", "FALSE"), False
)

# Tests for generated code: if one is true, `read_*` and `write_*` would return the same object.
# IS_INT is for small integers only, because CPython compares those fastest.
IS_INT: Final = "type({v}) is int and -1073741824 < {v} < 1073741824"
IS_STR: Final = "type({v}) is str"
IS_BOOL: Final = "type({v}) is bool"

Leniency = Callable[[], None]
"""A function that is called for each value that only lenient conversion accepts."""


def wrong_type(expected: str, value: Any) -> DecodeError:
    """Return the error for a `value` of the wrong JSON type."""
    return DecodeError("wrong_type", f"expected {expected}, got {_quote_json(value)}")


def _quote_json(value: Any) -> str:
    """Return `quote(value)`, but a `Decimal` as the number that it is in JSON."""
    shown = quote(value)
    return shown.removeprefix("Decimal('").removesuffix("')") if type(value) is Decimal else shown


def _past_64_bits(value: Any) -> DecodeError:
    return DecodeError("out_of_range", f"{_quote_json(value)} does not fit a signed 64-bit integer")


def _past_double(value: float | Decimal) -> DecodeError:
    return DecodeError("out_of_range", f"a double cannot hold {_quote_json(value)} exactly")


def _rounded(value: float) -> DecodeError:
    return DecodeError("out_of_range", f"a parser may have rounded {quote(value)} to a float")


def _unwritable(expected: str, value: Any) -> EncodeError:
    return EncodeError(f"expected {expected}, got {quote(value)}")


def _exactly(
    kind: type, expected: str, error: Callable[[str, Any], Exception]
) -> Callable[..., Any]:
    """Return a hook that returns a value of exactly `kind` unchanged."""

    def hook(value: Any, _: Any = None) -> Any:
        if type(value) is kind:
            return value
        raise error(expected, value)

    return hook


read_str = _exactly(str, "a string", wrong_type)
read_bool = _exactly(bool, "true or false", wrong_type)
read_none = _exactly(NoneType, "null", wrong_type)
write_bool = _exactly(bool, "a bool", _unwritable)
write_none = _exactly(NoneType, "None", _unwritable)


def read_int(value: Any, _: Any = None) -> int:
    """Return a JSON integer that fits signed 64 bits."""
    if type(value) is int:
        if INT_MIN <= value <= INT_MAX:
            return value
        raise _past_64_bits(value)
    if type(value) in (float, Decimal) and _is_past_64_bits(value):
        raise _past_64_bits(value)
    raise wrong_type("an integer", value)


def _is_past_64_bits(value: float | Decimal) -> bool:
    return value > INT_MAX or value < INT_MIN


def read_float(value: Any, _: Any = None) -> float:
    """Return the float that is nearest to a JSON number, as other JSON readers do."""
    if type(value) is float:
        return value
    if type(value) is int or type(value) is Decimal:
        try:
            number = float(value)
        except OverflowError:
            number = inf
        if isfinite(number):
            return number
        raise DecodeError("out_of_range", f"{_quote_json(value)} is beyond the range of a double")
    raise wrong_type("a number", value)


def read_decimal(value: Any, _: Any = None) -> Decimal:
    """Return a JSON number, or a decimal string of ASCII digits, as an exact Decimal.

    The Decimal of a float has its shortest digits (`0.06` is exactly 0.06). Any zero becomes
    `Decimal(0)`, because the API writes `0E-6176` for free use.
    """
    if type(value) is Decimal:
        number = value
    elif type(value) is str:
        if _DECIMAL.fullmatch(value) is None:
            raise DecodeError("bad_decimal", f"{quote(value)} is not a decimal number")
        number = decimal_of(value)
    elif type(value) is int:
        number = Decimal(value)
    elif type(value) is float:
        if abs(value) > INT_MAX:
            raise _rounded(value)
        number = Decimal(repr(value))
    else:
        raise wrong_type("a number or a decimal string", value)
    if not number:
        return ZERO
    if not in_decimal128_range(number):
        message = f"the exponent of {_quote_json(value)} does not fit decimal128"
        raise DecodeError("out_of_range", message)
    return number


def read_json(value: Any, _: Any = None) -> Any:
    """Return any JSON `value`, if it can be written back with the same value.

    A `Decimal` becomes a float if the shortest text of the float is the same number.
    """
    return _each_scalar(value, _read_number, MAX_DEPTH)


def _read_number(value: Any) -> Any:
    if type(value) is int:
        return value
    if type(value) is float:
        if abs(value) <= INT_MAX:
            return value
        raise _rounded(value)
    if type(value) is Decimal:
        if value.is_finite():
            return float_or_decimal(value)
        raise DecodeError("out_of_range", "the exponent of a number does not fit a Decimal")
    raise wrong_type("JSON", value)


def _each_scalar(value: Any, convert: Callable[[Any], Any], depth: int) -> Any:
    """Return a JSON value with its numbers converted, or `value` itself if none changes."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int and INT_MIN <= value <= UINT_MAX:
        return value
    if kind is not list and kind is not dict:
        return convert(value)
    if not depth:
        raise DecodeError("too_deep", f"an unknown value nests deeper than {MAX_DEPTH} levels")
    changed = value
    for key, item in value.items() if kind is dict else enumerate(value):
        if kind is dict and type(key) is not str:
            raise wrong_type("a string as key", key)
        try:
            converted = _each_scalar(item, convert, depth - 1)
        except DecodeError as error:
            raise error.within(key)
        if converted is not item:
            if changed is value:
                changed = value.copy()
            changed[key] = converted
    return changed


def lenient_int(used: Leniency) -> Callable[[Any, Any], int]:
    """Return a `read_int` that also takes `"5"` and `59200.0`, and calls `used` for them."""

    def read(value: Any, _: Any = None) -> int:
        if type(value) is str and _JSON_INT.fullmatch(value):
            if len(value) > _INT64_LENGTH:
                raise _past_64_bits(value)
            number = read_int(int(value))
        elif type(value) is float and value.is_integer():
            if abs(value) > EXACT_FLOAT:
                raise _past_double(value)
            number = int(value)
        elif type(value) is Decimal and not _is_past_64_bits(value) and value == int(value):
            raise _past_double(value)
        else:
            return read_int(value)
        used()
        return number

    return read


def lenient_bool(used: Leniency) -> Callable[[Any, Any], Any]:
    """Return a `read_bool` that also takes the words true and false, and calls `used` for them."""

    def read(value: Any, _: Any = None) -> Any:
        if type(value) is str and value in _WORDS:
            used()
            return _WORDS[value]
        return read_bool(value)

    return read


def in_decimal128_range(number: Decimal) -> bool:
    """Return whether a number is finite and its exponents fit decimal128."""
    exponent = number.as_tuple().exponent
    return (
        isinstance(exponent, int) and exponent >= MIN_EXPONENT and number.adjusted() <= MAX_ADJUSTED
    )


def write_int(value: Any) -> int:
    """Return an int that fits signed 64 bits, or the value of an enum member that is an int."""
    if type(value) is int and INT_MIN <= value <= INT_MAX:
        return value
    if isinstance(value, Enum) and isinstance(value, int):
        return write_int(value.value)
    raise _unwritable("an int within 64 bits", value)


def write_float(value: Any) -> float:
    """Return a finite float. JSON has no NaN or infinity."""
    if type(value) is float and isfinite(value):
        return value
    raise _unwritable("a finite float", value)


def write_str(value: Any) -> str:
    """Return a str, or the value of an enum member that is a str."""
    if type(value) is str:
        return value
    if isinstance(value, Enum) and isinstance(value, str):
        return write_str(value.value)
    raise _unwritable("a str", value)


def write_decimal(value: Any) -> int | float | str:
    """Return a JSON number if `read_decimal` returns the same Decimal for it, or else a string.

    The API does the same: it writes numbers, and strings of up to 36 digits.
    """
    if type(value) is not Decimal or not value.is_finite():
        raise _unwritable("a finite Decimal", value)
    if not value:
        return 0
    if not in_decimal128_range(value):
        raise EncodeError(f"the exponent of {quote(value)} does not fit decimal128")
    magnitude = value.adjusted()
    if -308 < magnitude < 18:  # noqa: PLR2004 -- within int64 and within a normal double
        if value == value.to_integral_value():
            return int(value)
        number = float(value)
        if Decimal(repr(number)) == value:
            return number
    return str(value)


def write_money_text(value: Any) -> str:
    """Return an amount of money as text, as the API writes it."""
    written = write_decimal(value)
    return str(value) if written else "0"


def write_money_number(value: Any) -> int | float:
    """Return an amount of money as a number, but only if a double holds it."""
    written = write_decimal(value)
    held = float_or_decimal(value)
    if isinstance(held, Decimal):
        raise EncodeError(f"{quote(value)} is not the shortest text of a double: write it as text")
    return held if isinstance(written, str) else written


def write_json(value: Any) -> Any:
    """Return any JSON `value`, if it reads back equal.

    A number that orjson cannot write becomes a `Decimal`, which `exact_json.dumps` writes.
    """
    try:
        return _each_scalar(value, _write_number, MAX_DEPTH)
    except DecodeError as error:
        raise located_writing(error, None)


def _write_number(value: Any) -> Any:
    if type(value) is int:
        return Decimal(value)
    if type(value) is float and isfinite(value):
        return value
    if type(value) is Decimal and value.is_finite():
        held = read_json(parse(str(value).encode()))
        if type(held) is Decimal:
            return value
        raise wrong_type(f"the {type(held).__name__} that a reader makes of it", value)
    raise wrong_type("JSON", value)
