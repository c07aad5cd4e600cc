"""The rules for a single JSON value: int, float, str, bool, Decimal, None and any JSON.

They know no classes, fields or paths: the caller adds the path to their errors.

orjson reads a number past 64 bits as a double, so a double of 2**63 or more may stand for an
integer that is already rounded. Wherever exactness matters it is refused as `out_of_range`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Final

from usagewire.errors import DecodeError, EncodeError, located_writing, quote
from usagewire.models import MAX_ADJUSTED, MIN_EXPONENT

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
"""Counts are signed 64-bit integers: generated clients' 32 bits are too few for a day's tokens."""

UINT_MAX: Final = 2**64 - 1
EXACT_FLOAT: Final = 2**53
"""Up to here a double holds every integer exactly."""

MAX_DEPTH: Final = 100
"""How deep an unknown value, or a class inside itself, may nest. orjson writes 254 levels."""

_JSON_INT = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)
_INT64_LENGTH: Final = len(str(INT_MIN))
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,9})?", re.ASCII)
ZERO: Final = Decimal(0)
_WORDS: Final = dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(
    ("false", "False", "FALSE"), False
)

# Tests for generated code: if one is true, `read_*` and `write_*` return the same object. IS_INT is
# for small integers only, because CPython compares those fastest.
IS_INT: Final = "type({v}) is int and -1073741824 < {v} < 1073741824"
IS_STR: Final = "type({v}) is str"
IS_BOOL: Final = "type({v}) is bool"

Leniency = Callable[[], None]
"""Called once for every value that only `strict=False` let through."""


def wrong_type(expected: str, value: Any) -> DecodeError:
    """Return the error for `value` where JSON of another type was expected."""
    return DecodeError("wrong_type", f"expected {expected}, got {quote(value)}")


def _past_64_bits(value: Any) -> DecodeError:
    return DecodeError("out_of_range", f"{quote(value)} does not fit a signed 64-bit integer")


def _past_double(value: float) -> DecodeError:
    reason = f"{quote(value)} is past the integers a double holds exactly"
    return DecodeError("out_of_range", reason)


def _rounded(value: float) -> DecodeError:
    reason = f"a number of {quote(value)} is past what a double holds exactly"
    return DecodeError("out_of_range", f"{reason}; write it as a string")


# --- reading ---------------------------------------------------------------------------------


def read_int(value: Any, _: Any = None) -> int:
    """Return a JSON integer within signed 64 bits."""
    if type(value) is int:
        if INT_MIN <= value <= INT_MAX:
            return value
        raise _past_64_bits(value)
    if type(value) is float and abs(value) > INT_MAX:
        raise _past_64_bits(value)
    raise wrong_type("an integer", value)


def read_float(value: Any, _: Any = None) -> float:
    """Return a JSON number as a float; an integer only where a double holds it exactly."""
    if type(value) is float:
        return value
    if type(value) is int:
        if abs(value) <= EXACT_FLOAT:
            return float(value)
        raise _past_double(value)
    raise wrong_type("a number", value)


def read_str(value: Any, _: Any = None) -> str:
    """Return a JSON string."""
    if type(value) is str:
        return value
    raise wrong_type("a string", value)


def read_bool(value: Any, _: Any = None) -> bool:
    """Return a JSON boolean."""
    if type(value) is bool:
        return value
    raise wrong_type("true or false", value)


def read_decimal(value: Any, _: Any = None) -> Decimal:
    """Return a JSON number, or a decimal string of ASCII digits, as the exact Decimal.

    A number that is not an integer means its shortest representation (`0.06` is exactly 0.06).
    Any zero is `Decimal(0)`: the API writes free use as `0E-6176`.
    """
    if type(value) is str:
        if _DECIMAL.fullmatch(value) is None:
            raise DecodeError("bad_decimal", f"{quote(value)} is no plain decimal number")
        number = Decimal(value)
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
        raise DecodeError("out_of_range", f"{quote(value)} has an exponent past decimal128's")
    return number


def read_none(value: Any, _: Any = None) -> None:
    """Return None for a JSON null."""
    if value is not None:
        raise wrong_type("null", value)


def read_json(value: Any, _: Any = None) -> Any:
    """Return `value`, any JSON, after making sure that it can be written back as it was."""
    _check_json(value, MAX_DEPTH)
    return value


def _check_json(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not INT_MIN <= value <= UINT_MAX:
            raise _past_64_bits(value)
    elif kind is float:
        if not abs(value) <= INT_MAX:
            raise _rounded(value)
    elif kind is list or kind is dict:
        if not depth:
            raise DecodeError("too_deep", f"an unknown value nests deeper than {MAX_DEPTH} levels")
        for key, item in value.items() if kind is dict else enumerate(value):
            if kind is dict and type(key) is not str:
                raise wrong_type("a string as key", key)
            try:
                _check_json(item, depth - 1)
            except DecodeError as error:
                raise error.within(key)
    else:
        raise wrong_type("JSON", value)


def lenient_int(used: Leniency) -> Callable[[Any, Any], int]:
    """Return `read_int` that also takes `"5"` and `59200.0`, calling `used` when it does."""

    def read(value: Any, _: Any = None) -> int:
        if type(value) is str and _JSON_INT.fullmatch(value):
            if len(value) > _INT64_LENGTH:
                raise _past_64_bits(value)
            number = read_int(int(value))
        elif type(value) is float and value.is_integer():
            if abs(value) > EXACT_FLOAT:
                raise _past_double(value)
            number = int(value)
        else:
            return read_int(value)
        used()
        return number

    return read


def lenient_bool(used: Leniency) -> Callable[[Any, Any], bool]:
    """Return `read_bool` that also takes the words true and false, calling `used` when it does."""

    def read(value: Any, _: Any = None) -> bool:
        if type(value) is str and value in _WORDS:
            used()
            return _WORDS[value]
        return read_bool(value)

    return read


def in_decimal128_range(number: Decimal) -> bool:
    """Return whether a number is finite and has exponents that decimal128 has."""
    exponent = number.as_tuple().exponent
    return (
        isinstance(exponent, int) and exponent >= MIN_EXPONENT and number.adjusted() <= MAX_ADJUSTED
    )


# --- writing ---------------------------------------------------------------------------------


def write_int(value: Any) -> int:
    """Return an int within signed 64 bits; of an enum member that is one, its value."""
    if type(value) is int and INT_MIN <= value <= INT_MAX:
        return value
    if isinstance(value, Enum) and isinstance(value, int):
        return write_int(value.value)
    raise EncodeError(f"expected an int within 64 bits, got {quote(value)}")


def write_float(value: Any) -> float:
    """Return a finite float: JSON has no NaN and no infinity."""
    if type(value) is float and isfinite(value):
        return value
    raise EncodeError(f"expected a finite float, got {quote(value)}")


def write_str(value: Any) -> str:
    """Return a str; of an enum member that is one, its value."""
    if type(value) is str:
        return value
    if isinstance(value, Enum) and isinstance(value, str):
        return write_str(value.value)
    raise EncodeError(f"expected a str, got {quote(value)}")


def write_bool(value: Any) -> bool:
    """Return a bool."""
    if type(value) is bool:
        return value
    raise EncodeError(f"expected a bool, got {quote(value)}")


def write_decimal(value: Any) -> int | float | str:
    """Return a JSON number where `read_decimal` makes the same Decimal of it, else a string.

    The API does the same: it writes numbers, and strings of up to 36 digits.
    """
    if type(value) is not Decimal or not value.is_finite():
        raise EncodeError(f"expected a finite Decimal, got {quote(value)}")
    if not value:
        return 0
    if not in_decimal128_range(value):
        raise EncodeError(f"{quote(value)} has an exponent past decimal128's")
    magnitude = value.adjusted()
    if -308 < magnitude < 18:  # noqa: PLR2004 -- within int64 and within a normal double
        if value == value.to_integral_value():
            return int(value)
        number = float(value)
        if Decimal(repr(number)) == value:
            return number
    return str(value)


def write_none(value: Any) -> None:
    """Return None."""
    if value is not None:
        raise EncodeError(f"expected None, got {quote(value)}")


def write_json(value: Any) -> Any:
    """Return `value`, which must be plain JSON data that reads back equal."""
    try:
        _check_json(value, MAX_DEPTH)
    except DecodeError as error:
        raise located_writing(error, None)
    return value
