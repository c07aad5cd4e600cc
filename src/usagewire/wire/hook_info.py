"""What a hook of ours does, said as data, so that the same can be done in another way.

A hook is a function and tells nothing about itself. Whoever makes one may note beside it what it
was made of; whoever finds no note has to call it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

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


@attrs.frozen(eq=False, repr=False)
class ValueHook:
    """How the values of one field are read or written."""

    hook: Callable[..., Any] | None
    """What to call; None where the value stays as it is."""
    kind: Any = None
    """The type to tell the hook."""
    nullable: bool = False
    """Whether null stays null without asking the hook."""
    test: str | None = None
    """An expression over `{v}` that is true only where the hook would return the very same."""


def value_hook(
    hook: Callable[..., Any], kind: Any, plain: Mapping[tuple[Callable[..., Any], Any], str]
) -> ValueHook:
    """Return `hook` for values of type `kind`, taken apart where it only lets None through.

    `plain` has the `ValueHook.test` for a hook and a type.
    """
    facts = facts_of(hook)
    nullable = facts[:1] == ("optional",)
    if nullable:
        _, hook, kind = facts
    return ValueHook(hook, kind, nullable, plain.get((hook, kind)))
