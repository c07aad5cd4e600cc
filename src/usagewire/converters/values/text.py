"""The rules for values that JSON holds as text: dates, times, durations, UUIDs, bytes and paths.

Each text that is read gives exactly one value, and each value that is written reads back equal.
"""

from __future__ import annotations

import re
from base64 import b85decode, b85encode
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from usagewire.converters.scalars import wrong_type
from usagewire.errors import DecodeError, EncodeError, quote
from usagewire.wire.hook_info import Hook, describe

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = (
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.(?P<fraction>[0-9]+))?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?"
)
# RFC 3339, sections 5.6 (with its notes on `t`, `z` and a space) and 5.7. Without an offset, the
# value is naive, which RFC 3339 does not have.
_FULL_DATE = re.compile(_DATE)
_FULL_TIME = re.compile(_TIME)
_DATE_TIME = re.compile(f"{_DATE}[Tt ]{_TIME}")
# ISO 8601, section 5.5.2.2. Years and months have no fixed length.
_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?!$)(?:(?P<weeks>[0-9]{1,12})W)?(?:(?P<days>[0-9]{1,12})D)?"
    r"(?:T(?!$)(?:(?P<hours>[0-9]{1,15})H)?(?:(?P<minutes>[0-9]{1,15})M)?"
    r"(?:(?P<seconds>[0-9]{1,18})(?:\.(?P<fraction>[0-9]+))?S)?)?"
)
# RFC 9562, section 4: hexadecimal digits in either case, with the hyphens.
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MICROSECOND_DIGITS: Final = 6


class TextType(NamedTuple):
    """A Python type that JSON holds as text."""

    kind: type
    """The type in an annotation."""
    cls: type
    """The class of the values."""
    expected: str
    """The name of its values in messages."""
    read: Callable[[str], Any]
    """Return the value of a text, or raise ValueError, OverflowError or DecodeError."""
    write: Callable[[Any], str]
    """Return the text of a value."""


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError
    return found


def _short_fraction(found: re.Match[str]) -> str:
    """Return the six digits of a fraction of a second."""
    fraction = found["fraction"] or ""
    if fraction[_MICROSECOND_DIGITS:].strip("0"):
        raise DecodeError(
            "out_of_range", f"{quote(found.string)} has more than six digits after the second"
        )
    return fraction[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")


def _standard(pattern: re.Pattern[str], text: str) -> str:
    """Return the text of a time in the only form that all versions of Python read exactly."""
    found = _matched(pattern, text)
    fraction = found["fraction"]
    if fraction is not None:
        at = found.start("fraction")
        text = text[:at] + _short_fraction(found) + text[at + len(fraction) :]
    return text.upper()


def _read_date(text: str) -> date:
    return date.fromisoformat(_matched(_FULL_DATE, text)[0])


def _read_datetime(text: str) -> datetime:
    return datetime.fromisoformat(_standard(_DATE_TIME, text))


def _read_time(text: str) -> time:
    return time.fromisoformat(_standard(_FULL_TIME, text))


def _read_timedelta(text: str) -> timedelta:
    found = _matched(_DURATION, text)
    parts = {
        name: int(found[name] or 0) for name in ("weeks", "days", "hours", "minutes", "seconds")
    }
    # The parts are ints, so the sum is exact. A negative sum may be below the least days.
    length = timedelta(microseconds=int(_short_fraction(found)))
    sign = -1 if found["sign"] == "-" else 1
    return sign * timedelta(**parts) + sign * length


def _write_timedelta(value: timedelta) -> str:
    sign = "-" if value.days < 0 else ""
    # The least timedelta has no negative, so count in microseconds.
    total = abs((value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds)
    seconds, fraction = divmod(total, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    parts = [f"{sign}P"]
    if days:
        parts.append(f"{days}D")
    if seconds or fraction or not days:
        parts.append(f"T{seconds}")
        parts.append(f".{fraction:06}".rstrip("0") if fraction else "")
        parts.append("S")
    return "".join(parts)


def _read_uuid(text: str) -> UUID:
    return UUID(_matched(_UUID, text)[0])


def _read_bytes(text: str) -> bytes:
    value = b85decode(text)
    if b85encode(value).decode() != text:
        raise ValueError  # Several texts decode to the same bytes.
    return value


TEXT_TYPES: Final = (
    TextType(datetime, datetime, "a date and time of RFC 3339", _read_datetime, datetime.isoformat),
    TextType(date, date, "a date of RFC 3339", _read_date, date.isoformat),
    TextType(time, time, "a time of RFC 3339", _read_time, time.isoformat),
    TextType(timedelta, timedelta, "a duration of ISO 8601", _read_timedelta, _write_timedelta),
    TextType(UUID, UUID, "a UUID", _read_uuid, str),
    TextType(bytes, bytes, "bytes in base85", _read_bytes, lambda value: b85encode(value).decode()),
    TextType(Path, type(Path()), "a path", Path, str),
)


_ZONED: Final = frozenset({datetime, time})
_MINUTE: Final = timedelta(minutes=1)


def _reads_back(of: TextType, text: str, value: Any) -> bool:
    """Return whether the text of a datetime or time gives an equal value.

    An offset may have seconds. A change of the clock may repeat an hour. A datetime in such an hour
    never equals one of another zone (PEP 495).
    """
    zone = value.tzinfo
    if zone is None or zone is UTC:
        return True
    if type(zone) is timezone:
        return not zone.utcoffset(None) % _MINUTE
    try:
        return bool(of.read(text) == value)
    except ValueError:
        return False


def read_text(of: TextType) -> Hook:
    """Return a hook from a JSON string to a value of the type."""

    def read(value: Any, _: Any = None) -> Any:
        if type(value) is not str:
            raise wrong_type(f"a string with {of.expected}", value)
        try:
            return of.read(value)
        except OverflowError as error:
            message = f"{quote(value)} does not fit a {of.kind.__name__}"
            raise DecodeError("out_of_range", message) from error
        except ValueError as error:
            raise DecodeError("bad_value", f"{quote(value)} is not {of.expected}") from error

    return read


def write_text(of: TextType) -> Hook:
    """Return a hook from a value of exactly the type to text that reads back equal."""

    def write(value: Any) -> str:
        if type(value) is not of.cls:
            raise EncodeError(f"expected {of.kind.__name__}, got {quote(value)}")
        text = of.write(value)
        if of.kind in _ZONED and not _reads_back(of, text, value):
            raise EncodeError(f"{quote(value)} would not read back equal")
        return text

    return describe(write, "text", of.kind)
