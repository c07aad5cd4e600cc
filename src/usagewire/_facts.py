"""What a hook of ours does, said as data, so that the same can be done in another way.

A hook is a function and tells nothing about itself. Whoever makes one may note beside it what it
was made of; whoever finds no note has to call it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Hook = TypeVar("Hook", bound=Callable[..., Any])


def describe(hook: Hook, kind: str, *of: Any) -> Hook:
    """Note that `hook` is of `kind`, made of `of`; return it."""
    hook.facts = hook, (kind, *of)  # type: ignore[attr-defined]
    return hook


def facts_of(hook: Any) -> tuple[Any, ...]:
    """Return the kind of a hook and what it was made of, or () where nobody noted that.

    A note is about one function: `functools.wraps` copies it to another, which does more.
    """
    noted, facts = getattr(hook, "facts", (None, ()))
    return facts if noted is hook else ()
