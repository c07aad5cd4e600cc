"""How a class makes its instances: whether filling their slots does the same as the constructor.

attrs writes an `__init__` that stores each field. It may also call attrs converters, validators and
`__attrs_post_init__`. This module knows classes only. It must not know JSON keys or values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, MemberDescriptorType
from typing import Any, Final

import attrs

from usagewire.wire.members import attrs_wrote

HASH_SLOT: Final = "_attrs_cached_hash"
"""The slot of attrs classes with `cache_hash=True`. attrs stores None there at the end."""

_ATTRS_SOURCE: Final = attrs.fields.__code__.co_filename
"""The module of attrs that makes classes."""


@attrs.frozen(eq=False, repr=False)
class Filling:
    """The work besides filling the slots, in this order."""

    converters: Mapping[str, Callable[[Any], Any]]
    """The attrs converter of an attribute. attrs calls it for defaults too."""
    validated: tuple[attrs.Attribute[Any], ...]
    """The attributes that have validators, which attrs calls unless they are disabled."""
    post_init: Any
    """`__attrs_post_init__` as the class has it, if attrs calls it."""
    caches_hash: bool
    """Whether to store None in `HASH_SLOT`."""
    own_factories: bool
    """Whether a default has a factory other than list, dict or set."""

    @property
    def runs_code(self) -> bool:
        """Whether code of the user's runs."""
        return bool(
            self.converters or self.validated or self.post_init is not None or self.own_factories
        )


def filling_of(cls: Any) -> Filling | str:
    """Return what making an instance does besides filling its slots.

    If only the constructor can make an instance, return the reason.
    """
    reason = _reason_to_construct(cls)
    if reason is not None:
        return reason
    members = attrs.fields(cls)
    names = vars(cls)["__init__"].__code__.co_names
    return Filling(
        converters={a.name: _plain_converter(a) for a in members if a.converter is not None},
        validated=tuple(a for a in members if a.validator),
        post_init=slot_of(cls, "__attrs_post_init__") if "__attrs_post_init__" in names else None,
        caches_hash=HASH_SLOT in _slots(cls),
        own_factories=any(
            isinstance(a.default, attrs.Factory) and a.default.factory not in (list, dict, set)  # type: ignore[arg-type]
            for a in members
        ),
    )


def init_side_effects(cls: Any) -> str | None:
    """Return what making an instance of `cls` does besides filling its slots, or None."""
    filling = filling_of(cls)
    if isinstance(filling, str):
        return filling
    stored = {*filling.converters, *(a.name for a in filling.validated)}
    if stored:
        return f"does more with {', '.join(sorted(stored))} than store it"
    if filling.post_init is not None:
        return "has __attrs_post_init__"
    return "caches its hash" if filling.caches_hash else None


def init_function(cls: Any) -> FunctionType | None:
    """Return the `__init__` that is all that the constructor calls besides `object.__new__`."""
    new: Any = cls.__new__
    init: Any = cls.__init__
    is_plain = type(cls) is type and new is object.__new__ and type(init) is FunctionType
    return init if is_plain else None


def is_frozen(cls: Any) -> bool:
    """Return whether attrs refuses to set an attribute of the class."""
    return cls.__setattr__ is Filling.__setattr__  # that of all frozen classes


def reads_slots(cls: Any, names: Iterable[str]) -> bool:
    """Return whether reading these attributes only reads slots, and `__class__` gives the type."""
    return (
        cls.__getattribute__ is object.__getattribute__
        and slot_of(cls, "__class__") is vars(object)["__class__"]
        and all(_is_slot(cls, name) for name in names)
    )


def slot_of(cls: Any, name: str) -> Any:
    """Return the descriptor of attribute `name`, or None. A slot has one."""
    return next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)


def _reason_to_construct(cls: Any) -> str | None:
    """Return why filling slots and calling attrs' own parts is not the same, or None."""
    own = vars(cls)
    if not attrs.has(cls):
        return "is not an attrs class"
    if not own.keys() >= {"__slots__", "__attrs_attrs__"}:
        return "has no slots"
    init = own.get("__init__")
    others = [a.name for a in attrs.fields(cls) if not _is_filled(a, cls)]
    reasons: dict[str, Callable[[], bool]] = {
        "has instances with a dict": lambda: bool(cls.__dictoffset__),
        "has a __del__": lambda: hasattr(cls, "__del__"),
        "has a metaclass": lambda: type(cls) is not type,
        "has a __new__": lambda: cls.__new__ is not object.__new__,
        "has a __getattribute__": lambda: cls.__getattribute__ is not object.__getattribute__,
        "has an __init__ that attrs did not write": lambda: not _has_generated_init(cls),
        "has a __setattr__ that attrs did not write": lambda: not _is_setattr_of_attrs(cls),
        "has __attrs_pre_init__": lambda: "__attrs_pre_init__" in init.__code__.co_names,
        f"does more with {', '.join(others)} than store it": lambda: bool(others),
        "has slots that are not fields": lambda: (
            not _slots(cls) <= {"__weakref__", HASH_SLOT, *attrs.fields_dict(cls)}
        ),
    }
    return next((reason for reason, applies in reasons.items() if applies()), None)


def _slots(cls: Any) -> set[str]:
    return {name for base in cls.__mro__ for name in vars(base).get("__slots__", ())}


def _is_slot(cls: Any, name: str) -> bool:
    return type(slot_of(cls, name)) is MemberDescriptorType


def _has_generated_init(cls: Any) -> bool:
    """Return whether attrs wrote the `__init__`. A user may have replaced or wrapped it since."""
    function = vars(cls).get("__init__")
    of_this_class = getattr(function, "__qualname__", None) == f"{cls.__qualname__}.__init__"
    is_generated = attrs_wrote(getattr(function, "__code__", None))
    return attrs.inspect(cls).added_init and of_this_class and is_generated


def _is_setattr_of_attrs(cls: Any) -> bool:
    """Return whether `__setattr__` is that of `object`, or attrs wrote it.

    Those of attrs refuse to set, or run the hooks of `on_setattr`. `__init__` passes them by.
    """
    found = cls.__setattr__
    if found is object.__setattr__ or is_frozen(cls):
        return True
    return getattr(getattr(found, "__code__", None), "co_filename", None) == _ATTRS_SOURCE


def _is_filled(a: attrs.Attribute[Any], cls: Any) -> bool:
    """Return whether the constructor takes the attribute and needs no instance to fill it."""
    made_of_self = isinstance(a.default, attrs.Factory) and a.default.takes_self  # type: ignore[arg-type, union-attr]
    converts = a.converter is None or _plain_converter(a) is not None
    return bool(a.init and converts and not made_of_self and _is_slot(cls, a.name))


def _plain_converter(a: attrs.Attribute[Any]) -> Any:
    """Return the function of an attrs converter that takes only the value, or None."""
    if not isinstance(a.converter, attrs.Converter):
        return a.converter
    converter: Any = a.converter
    return None if converter.takes_self or converter.takes_field else converter.converter
