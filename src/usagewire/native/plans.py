"""The C extension: whether it is in use, and the plans and writers made of it for a type.

This is the only module that knows `extension`. What a type is like, `descriptions` says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import orjson

from usagewire.converters import codegen, scalars
from usagewire.errors import UsageWireError, lack_of_memory
from usagewire.models import NO_PROPERTIES
from usagewire.native.descriptions import (
    ClassDescription,
    Lowering,
    NotLoweredError,
    Reference,
)
from usagewire.wire.hook_info import info_of

__all__ = [
    "PURE",
    "REFERENCE",
    "NotLoweredError",
    "Plan",
    "RecordWriter",
    "Writer",
    "lowered",
    "plan_for",
    "unavailable",
]

Plan: Any = None
Writer: Any = None
_missing: str | None = None
try:
    from usagewire.native import extension

    Plan, Writer = extension.Plan, extension.Writer
except ImportError as error:
    _missing = f"the C extension cannot be imported ({error})"

PURE: Final = os.environ.get("USAGEWIRE_PURE", "") not in ("", "0")
"""Whether the user does without the C extension."""


def unavailable() -> str | None:
    """Return why the C extension is not in use at all, or None where it is."""
    if PURE:
        return "USAGEWIRE_PURE is set"
    return _missing


def _check_extra(value: Any) -> Any:
    """Refuse what cannot be the value of an unknown key."""
    return scalars.read_json({"": value})


def _extra_json(extra: Any, reserved: frozenset[str]) -> bytes:
    """Return the unknown keys of a record as a JSON object."""
    merged: dict[str, Any] = {}
    codegen.merge(merged, extra, reserved)
    return orjson.dumps(merged)


REFERENCE: Final = Reference(
    loads=orjson.loads,
    dumps=orjson.dumps,
    json_error=orjson.JSONDecodeError,
    wire_error=UsageWireError,
    check_any=scalars.read_json,
    check_extra=_check_extra,
    read_decimal=scalars.read_decimal,
    write_decimal=scalars.write_decimal,
    extra_json=_extra_json,
    no_extra=NO_PROPERTIES,
    decimal=Decimal,
    zero=scalars.ZERO,
)


def plan_for(hook: Callable[..., Any], kind: Any) -> Any:
    """Return the plan by which C reads what structure hook `hook` reads as a `kind`.

    Raises:
        NotLoweredError: where it cannot.
    """
    missing = unavailable()
    if missing is not None:
        raise NotLoweredError(missing)
    # The hook holds its plan. A table of plans would keep each class for ever.
    made_by, made_for, plan = getattr(hook, "plan", (None, None, None))
    if made_by is not hook or made_for is not kind:
        arguments = lowered(hook, kind)
        try:
            plan = Plan(*arguments)
        except TypeError as error:
            raise NotLoweredError(str(error)) from error
        hook.plan = hook, kind, plan  # type: ignore[attr-defined]
    return plan


def lowered(hook: Callable[..., Any], kind: Any) -> tuple[Any, ...]:
    """Return the arguments of `Plan` for what `hook` reads as a `kind`."""
    classes: list[ClassDescription] = []

    def add(described: ClassDescription) -> int:
        classes.append(described)
        return len(classes) - 1

    lowering = Lowering("read", add)
    root = lowering.kind(hook, kind)
    return REFERENCE, tuple(classes), root, lowering.is_strict


class RecordWriter:
    """How C writes records: it learns their classes as they come by.

    Args:
        hook_of: gives the unstructure hook for a class.
    """

    def __init__(self, hook_of: Callable[[Any], Any]) -> None:
        self._native = Writer(REFERENCE)
        self._hook_of = hook_of
        self._lowering = Lowering("written", self._native.add)
        self._hooks: dict[type, Any] = {list: hook_of(list)}
        self._writes_lists = info_of(self._hooks[list])[:2] == ("sequence", list)
        self._refused: dict[type, str] = {}
        self.encode: Callable[[Any], Any] = (
            self._native.encode if self._writes_lists else self._encode_no_list
        )
        """Return a record, or a list of records, as JSON, or NotImplemented."""
        self.encode_lines: Callable[[list[Any], int], tuple[bytes, int]] = self._native.encode_lines
        """Return records of a list from an index on as lines, and the index of the one after."""

    def _encode_no_list(self, obj: Any) -> Any:
        return NotImplemented if type(obj) is list else self._native.encode(obj)

    def learn_from(self, obj: Any) -> bool:
        """Learn to write `obj`, or the items of a list; return whether one was not known before."""
        if type(obj) is list:
            return self._writes_lists and sum(map(self.learn, set(map(type, obj)))) > 0
        return self.learn(type(obj))

    def learn(self, cls: type) -> bool:
        """Learn to write `cls`; return whether it is known now and was not before."""
        try:
            if cls in self._hooks or cls in self._refused:
                return False
        except Exception:
            return False  # its metaclass raises; the reference says so
        try:
            hook = self._hook_of(cls)
            self._native.allow(cls, self._lowering.index_of(hook))
        except Exception as error:
            memory = lack_of_memory(error)
            if memory is not None:
                raise memory  # the next call may have the memory
            self._refused[cls] = str(error)
            return False
        self._hooks[cls] = hook
        return True

    def is_current(self) -> bool:
        """Return whether no other hooks were registered since classes were learnt."""
        return all(self._hook_of(cls) is hook for cls, hook in self._hooks.items())

    def refusal(self, cls: type) -> str | None:
        """Return why `cls` is not written by C, or None where it is."""
        self.learn(cls)
        return self._refused.get(cls)
