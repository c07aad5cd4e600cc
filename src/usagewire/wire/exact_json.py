"""JSON text to Python values and back, with every number exact.

orjson reads a number as a double or as 64 bits, and it rejects a number beyond a double. So the few
texts with such numbers are read again here. This module must not know classes or their rules.

A number becomes an int if it has no point and no exponent. Another number becomes a float if it is
below 2**63 and the shortest text of its double is the same number, as 0.1 is. All others become a
`Decimal`, infinite if the exponent has more digits than a `Decimal` holds (18).
So a float here is never a number that a parser rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Final

import orjson

_MOST_DIGITS: Final = 4300
"""The digits of an int that CPython reads by default (since 3.11). Longer ones take it too long."""

_CLASSES: Final = bytes.maketrans(b".123456789E,[\n", b"0" * 10 + b"e:::")
_LONG: Final = b":" + b"0" * 16
"""A double holds any number of 15 digits and a point (IEEE 754)."""

_SUSPECT: Final = re.compile(
    rb"(?:^|[:,\[\s])(-?(?=[0-9.]{16}|[0-9.]+[eE])[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?)"
)
"""A number that orjson may round or reject, or such a text in a string."""

# A string may lack its end. If that were not a token, each quote after it would be tried in vain.
_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]|[^\s,:\[\]{}"]++', re.DOTALL)
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NAN: Final = Decimal("NaN")
_FIRST: Final = frozenset(b"%d" % digit for digit in range(10)) | {b"-"}
_SAFE: Final = 2**63
"""From here on, a double from orjson may be an integer that orjson rounded."""


def parse(text: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        orjson.JSONDecodeError: if `text` is not JSON. `pos` is right even after a huge number.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        if not _suspects(text):
            raise
        orjson.loads(_TOKENS.sub(_padded, text))
        return _parse_again(text)
    if any(map(_is_inexact, _suspects(text))):
        return _parse_again(text)
    return value


def parser_of(text: bytes) -> Callable[[bytes], Any]:
    """Return the function that parses the lines of `text` exactly: `orjson.loads` if it does."""
    # One id such as 5e7 makes a block suspect. Looking at each line then takes less time than a
    # search of the block: 7 instead of 14 µs a completions row (2026-11).
    return parse if _may_be_inexact(text) else orjson.loads


def _suspects(text: bytes) -> list[bytes]:
    """Return the numbers that orjson may round or reject, and such texts in strings."""
    return _SUSPECT.findall(text) if _may_be_inexact(text) else []


def _may_be_inexact(text: bytes) -> bool:
    """Return whether there may be a number that orjson rounds or rejects. False is certain."""
    # Two searches for bytes take a tenth of the time of a regular expression.
    classes = text.translate(_CLASSES, b"+- \t\r")
    return _LONG in classes or b"0e0" in classes or classes[:1] == b"0"


def _is_inexact(token: bytes) -> bool:
    if not _NUMBER.fullmatch(token):
        return False  # it is in a string
    if token.lstrip(b"-").isdigit():
        return len(token) > len(str(_SAFE)) + 1 or not -_SAFE <= int(token) < 2 * _SAFE
    return type(_number(token)) is not float


def _is_number(token: bytes) -> bool:
    return token[:1] in _FIRST


def _padded(token: re.Match[bytes]) -> bytes:
    """Return a number beyond a double as a zero of the same length, and the rest unchanged."""
    number = _NUMBER.match(token[0])
    if number is None or isfinite(float(number[0])):
        return token[0]
    return b"0".ljust(number.end()) + token[0][number.end() :]


def _parse_again(text: bytes) -> Any:
    """Return the value of a text that is JSON. This does not recurse: orjson reads 1024 levels."""
    levels: list[list[Any]] = [[]]
    for match in _TOKENS.finditer(text):
        token = match[0]
        if token in (b"[", b"{"):
            levels.append([])
        elif token == b"]":
            items = levels.pop()
            levels[-1].append(items)
        elif token == b"}":
            items = levels.pop()
            levels[-1].append(dict(zip(items[::2], items[1::2], strict=True)))
        else:
            levels[-1].append(_number(token) if _is_number(token) else orjson.loads(token))
    return levels[0][0]


def _number(token: bytes) -> int | float | Decimal:
    """Return the exact value of a JSON number."""
    text = token.decode()
    if text.lstrip("-").isdigit():
        try:
            return int(text) if len(text) <= _MOST_DIGITS else Decimal(text)
        except ValueError:  # the user has set a lower limit
            return Decimal(text)
    rounded = float(text)
    if repr(rounded) == text and abs(rounded) < _SAFE:  # most numbers, in a third of the time
        return rounded
    number = _decimal(text)
    # Arithmetic rounds to the user's context, but copies and comparisons do not.
    return number if number.copy_abs() >= _SAFE else float_or_decimal(number)


def _decimal(text: str) -> Decimal:
    """Return the Decimal of a number with a point or an exponent, without zeros at its end."""
    if "e" not in text and "E" not in text:
        text = text.rstrip("0")
        return decimal_of(text + "0" if text.endswith(".") else text)
    number = decimal_of(text)
    if not (number and number.is_finite()):
        return number
    sign, digits, exponent = number.as_tuple()
    kept = len("".join(map(str, digits)).rstrip("0"))
    number = Decimal((sign, digits[:kept], int(exponent) + len(digits) - kept))
    # Without a point, an integer such as 9007199254740993e0 would be written as an int.
    return Decimal(f"{number}.0") if str(number).lstrip("-").isdigit() else number


def decimal_of(text: str) -> Decimal:
    """Return the exact Decimal of a number; infinite if no Decimal has its exponent."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = _NAN
    if number.is_finite():
        return number
    # Without its trap, the user's decimal context makes NaN of such an exponent.
    is_zero = not text.lower().partition("e")[0].strip("-0.")
    sign = "-" if text.startswith("-") else ""
    return Decimal(sign + ("0.0" if is_zero else "Infinity"))


def float_or_decimal(number: Decimal) -> float | Decimal:
    """Return a number as a float if the shortest text of the float is the same number."""
    rounded = float(number)
    return rounded if Decimal(repr(rounded)) == number else number


def dumps(value: Any, option: int = 0) -> bytes:
    """Return a value as JSON. A `Decimal` becomes a number.

    Raises:
        orjson.JSONEncodeError: if JSON has no such value.
    """
    return orjson.dumps(value, _exact_number, option)


def _exact_number(value: Any) -> orjson.Fragment:
    if type(value) is Decimal and value.is_finite():
        text = str(value).encode()
        if type(_number(text)) is not float:  # a reader gets an equal number
            return orjson.Fragment(text)
    raise TypeError
