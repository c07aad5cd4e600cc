"""Descriptions of hooks as data, so that other code can do the same without calling them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

Hook: TypeAlias = Callable[..., Any]


def describe(hook: Hook, kind: str, *of: Any) -> Hook:
    """Note on `hook` that it is of `kind` and made of `of`; return it."""
    hook.info = hook, (kind, *of)  # type: ignore[attr-defined]
    return hook


def info_of(hook: Any) -> tuple[Any, ...]:
    """Return the kind of a hook and its parts, or () where it has no description.

    A description is of one function: `functools.wraps` copies it to another, which does more.
    """
    noted, info = getattr(hook, "info", (None, ()))
    return info if noted is hook else ()


@attrs.frozen(eq=False, repr=False)
class ValueHook:
    """The way to read or write the values of one field."""

    hook: Hook | None
    """The function to call; None where the value stays as it is."""
    kind: Any = None
    """The type to pass to the hook."""
    nullable: bool = False
    """Whether null stays null without a call of the hook."""
    test: str | None = None
    """An expression over `{v}`: if it is true, the hook returns the same object."""
