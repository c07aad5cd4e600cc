"""The fields of our classes, for peers that need their own classes with the same fields.

Those classes have every field except `additional_properties`: no such peer keeps unknown keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, Final, get_args, get_origin

import attrs

from usagewire import CostsResultAmount, UsageResponse, UsageResult, UsageTimeBucket
from usagewire.models import ROW_CLASSES

JSON_NAMES: Final[Mapping[str, str]] = {"source_": "source", "sessions": "num_sessions"}
"""The attributes whose JSON key is different."""

EXTRA: Final = "additional_properties"


@attrs.frozen
class Field:
    """A field to make."""

    attribute: str
    key: str
    kind: Any
    """Its annotation, with the peer's classes."""
    required: bool
    """False if its default is None."""


def tag_of(cls: type) -> str | None:
    """Return the tag of one of our classes, or None if it has no tag."""
    return getattr(cls, "object", None)


def rebuild(
    make: Callable[[type, Sequence[Field]], Any], union: Callable[[tuple[Any, ...]], Any]
) -> dict[Any, Any]:
    """Return the peer's type for each of our classes and for `UsageResult`.

    Args:
        make: Makes the peer's class from one of ours and its fields.
        union: Makes the peer's union of all rows.
    """
    made: dict[Any, Any] = {}

    def add(cls: type) -> None:
        made[cls] = make(cls, _fields(cls, made))

    add(CostsResultAmount)
    for cls in ROW_CLASSES:
        add(cls)
    made[UsageResult] = union(tuple(made[cls] for cls in ROW_CLASSES))
    add(UsageTimeBucket)
    add(UsageResponse)
    return made


def _fields(cls: type, made: Mapping[Any, Any]) -> list[Field]:
    return [
        Field(
            a.name,
            JSON_NAMES.get(a.name, a.name),
            _translated(a.type, made),
            a.default is attrs.NOTHING,
        )
        for a in attrs.fields(cls)
        if a.name != EXTRA
    ]


def _translated(kind: Any, made: Mapping[Any, Any]) -> Any:
    """Return the annotation `kind` with our classes replaced by the peer's."""
    if kind in made:
        return made[kind]
    if get_origin(kind) is tuple:
        generic: Any = tuple
        return generic[_translated(get_args(kind)[0], made), ...]
    if isinstance(kind, UnionType):
        return reduce(or_, (_translated(member, made) for member in get_args(kind)))
    return kind
