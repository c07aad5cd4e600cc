"""The mapping of unknown fields that every record has: the empty one, which all share."""

from collections.abc import Iterator, Mapping
from typing import Any, Final


class _NoProperties(Mapping[str, Any]):
    """The empty mapping that records without unknown fields share: read-only, and one object."""

    __slots__ = ()

    def __getitem__(self, key: str, /) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"

    def __reduce__(self) -> str:
        # A string makes pickle and copy look the object up here by that name: one object stays one.
        return "NO_PROPERTIES"


NO_PROPERTIES: Final[Mapping[str, Any]] = _NoProperties()
"""The default of every `additional_properties`. It equals `{}` and cannot be changed."""
