"""The empty mapping that every record without unknown fields shares."""

from collections.abc import Iterator, Mapping
from typing import Any, Final


class _NoProperties(Mapping[str, Any]):
    """An empty, read-only mapping with a single instance."""

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
        # Given a string, pickle and copy look up that name here instead of making a second object.
        return "NO_PROPERTIES"


NO_PROPERTIES: Final[Mapping[str, Any]] = _NoProperties()
"""The default of every `additional_properties`. It equals `{}` and cannot be changed."""
