"""Plans and writers of the C extension, and whether the extension is in use.

Only this module knows `extension`. The module `descriptions` describes types.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import orjson

from usagewire.converters import codegen, scalars
from usagewire.errors import UsageWireError, lack_of_memory, text_of
from usagewire.models import NO_PROPERTIES
from usagewire.native import descriptions, lowering
from usagewire.wire import exact_json
from usagewire.wire.hook_info import info_of

NotLoweredError = lowering.NotLoweredError

Plan: Any = None
Writer: Any = None
_missing: str | None = None
try:
    from usagewire.native import extension

    Plan, Writer = extension.Plan, extension.Writer
except ImportError as error:
    _missing = f"the C extension cannot be imported ({error})"

PURE: Final = os.environ.get("USAGEWIRE_PURE", "") not in ("", "0")
"""Whether the user turned the C extension off."""


def unavailable() -> str | None:
    """Return why the C extension is not in use, or None if it is."""
    return "USAGEWIRE_PURE is set" if PURE else _missing


def _read_extra(value: Any) -> Any:
    """Return the value of an unknown key as `read_json` does for the object that holds it."""
    return scalars.read_json({"": value})[""]


def _extra_json(extra: Any, reserved: frozenset[str]) -> bytes:
    """Return the unknown keys of a record as a JSON object."""
    merged: dict[str, Any] = {}
    codegen.merge(merged, extra, reserved)
    return exact_json.dumps(merged)


REFERENCE: Final = descriptions.Reference(
    loads=orjson.loads,
    parse=exact_json.parse,
    dumps=orjson.dumps,
    exact_dumps=exact_json.dumps,
    json_error=orjson.JSONDecodeError,
    wire_error=UsageWireError,
    read_any=scalars.read_json,
    read_extra=_read_extra,
    read_decimal=scalars.read_decimal,
    extra_json=_extra_json,
    no_extra=NO_PROPERTIES,
    decimal=Decimal,
    zero=scalars.ZERO,
)


def plan_for(hook: Callable[..., Any], kind: Any, *, calls: bool = True) -> Any:
    """Return the plan with which C reads values of type `kind`, as the structure hook `hook` does.

    With `calls=False`, C calls no hooks: it may hand a record back after a hook counted a leniency.

    Raises:
        NotLoweredError: if C cannot read them.
    """
    missing = unavailable()
    if missing is not None:
        raise NotLoweredError(missing)
    # The hook holds its plan. A table of plans would keep each class for ever.
    made_by, made_for, plan = getattr(hook, "plan", (None, None, None))
    if made_by is not hook or made_for is not kind:
        try:
            plan = Plan(*lowered(hook, kind, calls=calls))
        except NotLoweredError:
            raise
        except Exception as error:
            memory = lack_of_memory(error)
            if memory is not None:
                raise memory
            raise NotLoweredError(text_of(error)) from error
        hook.plan = hook, kind, plan  # type: ignore[attr-defined]
    return plan


def lowered(hook: Callable[..., Any], kind: Any, *, calls: bool = True) -> tuple[Any, ...]:
    """Return the arguments of `Plan` for values of type `kind`, which `hook` reads."""
    made = lowering.Lowering("read", calls=calls)
    root = made.root(hook, kind)
    return REFERENCE, tuple(made.classes), root, made.is_strict, made.calls_hooks


class RecordWriter:
    """A writer of C that learns the class of a record when it first meets one.

    Args:
        hook_of: returns the unstructure hook of a class.
    """

    def __init__(self, hook_of: Callable[[Any], Any]) -> None:
        self._native = Writer(REFERENCE)
        self._hook_of = hook_of
        self._hooks: dict[type, Any] = {list: hook_of(list)}
        self._writes_lists = info_of(self._hooks[list])[:2] == ("sequence", list)
        self._refused: dict[type, str] = {}
        encode = self._native.encode if self._writes_lists else self._encode_no_list
        self.encode: Callable[[Any], Any] = encode
        """Return a record or a list as JSON; NotImplemented if the reference has to write it."""
        self.encode_lines: Callable[[list[Any], int], tuple[bytes, int]] = self._native.encode_lines
        """Return records from an index on as lines, and the index of the first one left."""

    def _encode_no_list(self, obj: Any) -> Any:
        return NotImplemented if type(obj) is list else self._native.encode(obj)

    def learn_from(self, obj: Any) -> bool:
        """Learn to write `obj` or the items of a list. Return whether a class was new."""
        if type(obj) is list:
            classes = {id(type(item)): type(item) for item in obj}
            return self._writes_lists and sum(map(self.learn, classes.values())) > 0
        return self.learn(type(obj))

    def learn(self, cls: type) -> bool:
        """Learn to write `cls`. Return whether it was new, and C can write it."""
        try:
            if cls in self._hooks or cls in self._refused:
                return False
        except Exception:
            return False  # its metaclass raises, and the reference will report that
        try:
            hook = self._hook_of(cls)
            # A lowering for each class, because making one can call user code, which can use this
            # writer. So can another thread.
            made = lowering.Lowering("written")
            index = made.index_of(hook)
            index += self._native.add(tuple(made.classes))
            self._native.allow(cls, index)
        except Exception as error:
            memory = lack_of_memory(error)
            if memory is not None:
                raise memory  # the next call may have the memory
            if not isinstance(error, RecursionError):  # the next call may have more room
                self._refused[cls] = str(error)
            return False
        self._hooks[cls] = hook
        return True

    def is_current(self) -> bool:
        """Return whether the hooks of all known classes are still the same."""
        # A copy, because another thread may add a class meanwhile.
        hooks = self._hooks.copy()
        return all(self._hook_of(cls) is hook for cls, hook in hooks.items())

    def refusal(self, cls: type) -> str | None:
        """Return why C does not write `cls`, or None if it does."""
        try:
            self.learn(cls)
            return self._refused.get(cls)
        except Exception as error:
            memory = lack_of_memory(error)
            if memory is not None:
                raise memory
            return text_of(error)  # the metaclass raises
