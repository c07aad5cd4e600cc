"""Pickles of records that an older version of this library wrote."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

C = TypeVar("C")


def fill_in_defaults(cls: C) -> C:
    """Give the fields of records their defaults if a pickle does not have them, and return `cls`.

    attrs leaves such a field without a value. A field without a default stays so.
    """
    made: Any = cls
    defaults = {a.name: a.default for a in attrs.fields(made) if a.default is not attrs.NOTHING}
    restore = made.__setstate__

    def set_state(record: Any, state: Any) -> None:
        restore(record, defaults | state if isinstance(state, dict) else state)

    made.__setstate__ = set_state
    return cls
