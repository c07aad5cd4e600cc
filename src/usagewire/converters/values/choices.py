"""The rules for literals, enums and flags.

cattrs takes any equal value for a literal (`True` for 1). These hooks take only a value of the
right type, and write only values that they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, Flag
from typing import Any, Literal, get_args, get_origin

import orjson

from usagewire.converters import scalars
from usagewire.converters.scalars import wrong_type
from usagewire.errors import EncodeError, UsageWireError, quote
from usagewire.wire import exact_json
from usagewire.wire.hook_info import Hook, describe

_Key = tuple[type, Any]


def is_choice(kind: Any) -> bool:
    """Return whether `kind` is a literal or an enum."""
    return get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, Enum))


def json_values(kind: Any) -> list[Any]:
    """Return the JSON values of a literal or enum. Raise if one would not read back equal."""
    return [value for value, _ in _table(kind).values()]


def read_choice(kind: Any) -> Hook:
    """Return a hook that takes only the values of a literal or enum, with exactly their types.

    For the value of an enum member it returns the member.
    """
    if _is_flag(kind):
        return _read_flag(kind)
    table = _table(kind)
    expected = ", ".join(quote(value) for value, _ in list(table.values())[:8])
    missing = _own_missing(kind)

    def read(value: Any, _: Any = None) -> Any:
        value = scalars.read_json(value)
        try:
            return table[_key(value)][1]
        except (KeyError, TypeError):
            found = None if missing is None else missing(value)
            if missing is not None and isinstance(found, kind):
                return found
            raise wrong_type(f"one of {expected}", value) from None

    return describe(read, "choice", {key: choice for key, (_, choice) in table.items()})


def write_choice(kind: Any) -> Hook:
    """Return a hook that writes the values that `read_choice` returns."""
    if _is_flag(kind):
        return _write_flag(kind)
    table = {key: (scalars.write_json(value), one) for key, (value, one) in _table(kind).items()}
    read = None if _own_missing(kind) is None else read_choice(kind)

    def write(value: Any) -> Any:
        written = value.value if isinstance(value, Enum) else value
        try:
            known, choice = table[_key(written)]
        except (KeyError, TypeError):
            if read is not None and isinstance(value, kind) and _reads_back(read, written, value):
                return written
            raise EncodeError(f"{quote(value)} is not a value of {_name(kind)}") from None
        if choice is value or (not isinstance(choice, Enum) and type(choice) is type(value)):
            return known
        raise EncodeError(f"{quote(value)} is not a value of {_name(kind)}")

    return describe(write, "written choice", table)


def read_type(base: type, read: Hook) -> Hook:
    """Return a hook that calls `read` for `base`, and finds the member of an enum derived from it.

    cattrs uses the hook of `str` for an enum such as `class Tier(str, Enum)`.
    """
    choices: dict[type, Hook] = {}

    def typed(value: Any, kind: Any = base) -> Any:
        if kind is base or not isinstance(kind, type):
            return read(value)
        if kind not in choices:
            if not issubclass(kind, Enum):
                raise UsageWireError(f"{kind!r} is not supported: register a structure hook for it")
            choices[kind] = read_choice(kind)
        return choices[kind](value)

    return describe(typed, "value", base, read)


def _table(kind: Any) -> Mapping[_Key, tuple[Any, Any]]:
    """Return the JSON value and the choice of each key."""
    table: dict[_Key, tuple[Any, Any]] = {}
    for choice in get_args(kind) if get_origin(kind) is Literal else kind:
        value = choice.value if isinstance(choice, Enum) else choice
        try:
            scalars.write_json(value)
        except EncodeError as error:
            message = f"{_name(kind)} is not supported: JSON cannot give back {choice!r}"
            raise UsageWireError(message) from error
        _, other = table.setdefault(_key(value), (value, choice))
        if other is not choice and (isinstance(choice, Enum) or isinstance(other, Enum)):
            message = f"{_name(kind)} is not supported: JSON has one value for {other!r} and"
            raise UsageWireError(f"{message} {choice!r}")
    return table


def _key(value: Any) -> _Key:
    """Return what a value is looked up by: itself or, as lists have no hash, its JSON text."""
    if isinstance(value, list | dict):
        text = exact_json.dumps(scalars.write_json(value), orjson.OPT_SORT_KEYS)
        return type(value), text
    return type(value), value


def _own_missing(kind: Any) -> Any:
    """Return the `_missing_` of an enum, or None if it only has that of the library."""
    missing = getattr(kind, "_missing_", None)
    own = getattr(missing, "__func__", None)
    return missing if own not in (Enum._missing_.__func__, Flag._missing_.__func__) else None  # type: ignore[attr-defined]


def _reads_back(read: Hook, written: Any, value: Any) -> bool:
    try:
        scalars.write_json(written)
        return bool(read(written) == value)
    except Exception:
        return False


def _is_flag(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Flag)


def _read_flag(kind: Any) -> Hook:
    """Return a hook from an integer to a member of a flag or a combination of its members."""
    missing = _own_missing(kind)

    def read(value: Any, _: Any = None) -> Any:
        number = scalars.read_int(value)
        found: Any = None
        try:
            found = kind(number)
        except ValueError:
            if missing is not None:
                raise
        # `boundary=CONFORM` drops bits, and `boundary=EJECT` returns an int.
        if not isinstance(found, kind) or (missing is None and found.value != number):
            raise wrong_type(f"a combination of the members of {kind.__name__}", value)
        return found

    return read


def _write_flag(kind: Any) -> Hook:
    read = _read_flag(kind)

    def write(value: Any) -> int:
        if type(value) is not kind:
            raise EncodeError(f"{quote(value)} is not a value of {kind.__name__}")
        written = scalars.write_int(value.value)
        if not _reads_back(read, written, value):
            raise EncodeError(f"{quote(value)} would not read back equal")
        return written

    return write


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", None) if isinstance(kind, type) else str(kind)  # type: ignore[return-value]
