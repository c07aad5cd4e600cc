"""Descriptions of hooks as data, so that C can do their work without calling them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

Hook: TypeAlias = Callable[..., Any]


def describe(hook: Hook, kind: str, *of: Any) -> Hook:
    """Store on `hook` its kind and its parts, and return it."""
    hook.info = hook, (kind, *of)  # type: ignore[attr-defined]
    return hook


def info_of(hook: Any) -> tuple[Any, ...]:
    """Return the kind of a hook and its parts, or () if it has no description."""
    # `functools.wraps` copies the description to a wrapper, which may do more.
    # A hook of the user's can have an `info` of its own.
    match getattr(hook, "info", None):
        case (noted, tuple(info)) if noted is hook:
            return info
    return ()


@attrs.frozen(eq=False, repr=False)
class ValueHook:
    """How to read or write the values of one field."""

    hook: Hook | None
    """The function to call. None if the value does not change."""
    kind: Any = None
    """The type to pass to the hook."""
    nullable: bool = False
    """Whether None stays None without a call of the hook."""
    test: str | None = None
    """An expression of `{v}`. If it is true, the hook would return the same object."""
