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
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import orjson

_MOST_DIGITS: Final = 4300
"""The digits of an int that CPython reads by default (since 3.11). Longer ones take it too long."""

_DIGITS: Final = bytes.maketrans(b".123456789E", b"0" * 10 + b"e")
_LONG: Final = b"0" * 16
"""A double holds any number of 15 digits and a point (IEEE 754)."""

_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]|[^\s,:\[\]{}"]++')
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INFINITE: Final = Decimal("Infinity")
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
        if not _may_be_inexact(text):
            raise
        orjson.loads(_TOKENS.sub(_padded, text))
        return _parse_again(text)
    return _parse_again(text) if _may_be_inexact(text) and _has_inexact(text) else value


def _may_be_inexact(text: bytes) -> bool:
    """Return whether there may be a number that orjson rounds or rejects. False is certain."""
    # Two searches take a tenth of the time of a regular expression.
    digits = text.translate(_DIGITS, b"+-")
    return _LONG in digits or b"0e0" in digits


def _has_inexact(text: bytes) -> bool:
    # orjson reads integers of 64 bits exactly.
    return any(
        type(_number(token[0])) is not float
        and not (token[0].lstrip(b"-").isdigit() and len(token[0]) < len(str(_SAFE)))
        for token in _TOKENS.finditer(text)
        if _is_number(token[0])
    )


def _is_number(token: bytes) -> bool:
    return token[0] in b"-0123456789"


def _padded(token: re.Match[bytes]) -> bytes:
    """Return a number as a zero of the same length, and what follows it unchanged."""
    number = _NUMBER.match(token[0])
    end = number.end() if number else 0
    return b"0".ljust(end)[:end] + token[0][end:]


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
        return int(text) if len(text) <= _MOST_DIGITS else Decimal(text)
    number = _decimal(text)
    # Arithmetic rounds to the user's context, but copies and comparisons do not.
    return number if number.copy_abs() >= _SAFE else float_or_decimal(number)


def _decimal(text: str) -> Decimal:
    """Return the Decimal of a number with a point or an exponent, without zeros at its end."""
    if "e" not in text and "E" not in text:
        text = text.rstrip("0")
        text = text + "0" if text.endswith(".") else text
    return decimal_of(text)


def decimal_of(text: str) -> Decimal:
    """Return the exact Decimal of a number; infinite if no Decimal has its exponent."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = _INFINITE
    if number.is_finite():
        return number
    # Without its trap, the user's decimal context makes NaN of such an exponent.
    is_zero = not text.lower().partition("e")[0].strip("-0.")
    return Decimal(text[0].rstrip("0") + "0.0") if is_zero else _INFINITE


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
        return orjson.Fragment(str(value).encode())
    raise TypeError
