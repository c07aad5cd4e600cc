"""The meaning of a JSON text, by the JSON parser of Python's standard library.

It says how each text must be read, so that both paths are compared with a third answer. It must not
know how usagewire reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from math import isfinite
from types import UnionType
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

import attrs

BOM: Final = b"\xef\xbb\xbf"
MOST_LEVELS: Final = 100
"""Unknown values may nest this deep, by our documentation."""
MOST_LEVELS_OF_ORJSON: Final = 1024
_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?", re.ASCII)
"""The decimal numbers that a string may hold."""
MOST_DIGITS: Final = 4300
"""The default of Python for the digits of an int."""


class Refusal(NamedTuple):
    """The refusal of a text: possible codes, and the path of the value, if it is known."""

    codes: tuple[str, ...]
    path: str | None = "$"

    def fits(self, code: str, path: str | None) -> bool:
        """Return whether an error with this code and path is this refusal."""
        return code in self.codes and self.path in (None, path)


class RefusedError(Exception):
    """A text that must be refused."""

    def __init__(self, code: str, path: str | None = "$") -> None:
        codes = ("too_deep", "syntax") if code == "too_deep" else (code,)
        self.refusal = Refusal(codes, path)


class Number(str):
    """A JSON number, as the text has it."""

    __slots__ = ()

    @property
    def is_integer(self) -> bool:
        """Whether the number has no fraction and no exponent."""
        return not set(self) & set(".eE")

    @property
    def is_past_int64(self) -> bool:
        """Whether the number is outside signed 64 bits."""
        return not -(2**63) <= self.exact <= 2**63 - 1

    @property
    def exact(self) -> Decimal:
        """The number, to the last digit. A number that `Decimal` cannot hold is infinite."""
        mantissa = self.lower().partition("e")[0]
        if not set(mantissa) & set("123456789"):
            return Decimal(0)
        try:
            number = Decimal(self)
        except InvalidOperation:
            return Decimal("-Infinity" if self.startswith("-") else "Infinity")
        return number


def parse(text: bytes) -> Any:
    """Return the value of a JSON text, in which numbers are `Number`.

    Raises:
        RefusedError: if the text is not JSON in UTF-8, or has half of a surrogate pair. Also if it
            nests deeper than orjson or this Python can read.
    """
    try:
        value = json.loads(
            text.decode(), parse_int=Number, parse_float=Number, parse_constant=_no_constant
        )
        # A key that comes twice hides its first value, so look for halves of pairs in pairs.
        pairs = json.loads(text, object_pairs_hook=list, parse_int=str, parse_float=str)
        json.dumps(pairs, ensure_ascii=False).encode()
    except RecursionError as error:
        raise RefusedError("too_deep", None) from error
    except ValueError as error:
        raise RefusedError("syntax") from error
    if max(_levels(value)) > MOST_LEVELS_OF_ORJSON:
        raise RefusedError("too_deep", None)
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def document(text: bytes) -> Any:
    """Return the value of a document, which may begin with a byte order mark."""
    return parse(text.removeprefix(BOM))


def read(kind: Any, value: Any, path: str | None = "$") -> Any:
    """Return the record of a parsed value.

    Raises:
        RefusedError: if a field of type `kind` must not take the value.
    """
    if kind is Any:
        return _any(value)
    if get_origin(kind) is list:
        items = _expect(list, value, path)
        return [read(get_args(kind)[0], one, f"{path}[{at}]") for at, one in enumerate(items)]
    if get_origin(kind) is dict:
        members = _expect(dict, value, path).items()
        return {key: read(get_args(kind)[1], one, _below(path, key)) for key, one in members}
    if attrs.has(kind):
        return _record(kind, _expect(dict, value, path), path)
    if type(kind) is UnionType:
        return None if value is None else read(get_args(kind)[0], value, path)
    if kind in _NUMBERS and isinstance(value, Number | str):
        return _NUMBERS[kind](value, path)
    return _expect(kind, value, path)


def _record(cls: type, members: dict[str, Any], path: str | None) -> Any:
    """Return a record of a class, whose other keys go to `additional_properties`."""
    rest = {key: value for key, value in members.items() if key != "object"}
    values = {}
    for name, kind in get_type_hints(cls).items():
        if name in rest:
            values[name] = read(kind, rest.pop(name), f"{path}.{name}")
    if rest:
        # The dict of unknown fields is a level of its own.
        values["additional_properties"] = read(Any, rest, path)
    return cls(**values)


def _below(path: str | None, key: str) -> str | None:
    """Return the path of a member, or None if the key has to be quoted in it."""
    return f"{path}.{key}" if re.fullmatch("[a-z]{1,20}", key) else None


def _expect(kind: type, value: Any, path: str | None) -> Any:
    if type(value) is not kind:
        raise RefusedError("wrong_type", path)
    return value


def _int(value: str, path: str | None) -> int:
    if type(value) is not Number:
        raise RefusedError("wrong_type", path)
    if value.is_past_int64:
        raise RefusedError("out_of_range", path)
    if not value.is_integer:
        raise RefusedError("wrong_type", path)
    return int(value)


def _float(value: str, path: str | None) -> float:
    if type(value) is not Number:
        raise RefusedError("wrong_type", path)
    number = float(value)
    if not isfinite(number) or not value.exact.is_finite():
        raise RefusedError("out_of_range", path)
    return 0.0 if value == "-0" else number


def _decimal(value: str, path: str | None) -> Decimal:
    if type(value) is str and _DECIMAL.fullmatch(value) is None:
        raise RefusedError("bad_decimal", path)
    number = Number(value).exact
    if not number:
        return Decimal(0)
    # The exponents of decimal128: of the first digit, and of the last one.
    if (
        not number.is_finite()
        or number.adjusted() > 6144
        or int(number.as_tuple().exponent) < -6176
    ):
        raise RefusedError("out_of_range", path)
    return number


_NUMBERS: Final = {int: _int, float: _float, Decimal: _decimal}


def _any(value: Any) -> Any:
    if max(_levels(value)) > MOST_LEVELS:
        raise RefusedError("too_deep", None)
    return _unknown(value)


def _unknown(value: Any) -> Any:
    if type(value) is list:
        return [_unknown(one) for one in value]
    if type(value) is dict:
        return {key: _unknown(one) for key, one in value.items()}
    return _unknown_number(value) if type(value) is Number else value


def _unknown_number(number: Number) -> int | float | Decimal:
    exact = number.exact
    if number.is_integer and len(number) <= MOST_DIGITS:
        return int(number)
    if not exact.is_finite():
        raise RefusedError("out_of_range", None)
    rounded = float(number)
    if isfinite(rounded) and not number.is_integer and Decimal(repr(rounded)) == exact:
        return rounded
    return exact


def _levels(value: Any) -> Iterator[int]:
    """Yield the depth of each list and dict in a value, without recursion."""
    yield 0
    rest = [(value, 1)]
    while rest:
        one, depth = rest.pop()
        if isinstance(one, list | dict):
            yield depth
            rest += [(item, depth + 1) for item in (one.values() if type(one) is dict else one)]
