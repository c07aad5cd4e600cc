"""The empty mapping that every record without unknown fields shares."""

from collections.abc import Mapping
from typing import Any, Final, NoReturn


class _NoProperties(dict[str, Any]):
    """An empty dict that cannot be changed.

    It is a dict so that `json` and other libraries write what `attrs.asdict` makes of a record.
    """

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("additional_properties of a record cannot be changed; use attrs.evolve")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = _refuse
    setdefault = update = _refuse  # pyright: ignore[reportAssignmentType] -- they are overloads

    def __reduce__(self) -> str:
        # Given a string, pickle and copy look up that name here instead of making a second object.
        return "NO_PROPERTIES"


NO_PROPERTIES: Final[Mapping[str, Any]] = _NoProperties()
"""The default of every `additional_properties`. It equals `{}` and cannot be changed."""
