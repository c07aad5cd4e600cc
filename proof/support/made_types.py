"""Types made from a seed: classes with any fields, aliases, generics, and unions of them."""

from __future__ import annotations

import functools
import gc
import linecache
import types
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import Annotated, Any, Final, Generic, NewType, TypeVar

import attrs
from cattrs.gen import override

from proof.support.classes import TYPES, Circle, Point, Square
from proof.support.user_classes import TEXTS, USER_TYPES, Dog, Mixed, Pair, Swapped, Tree
from usagewire import make_converter

MADE: Final = "made "
"""The name of a made type begins with this."""
_KEYS: Final = ("a", "b", "c", "name", "id", "kind", "object_", "longer_key", "é", "_low")
_KINDS: Final[tuple[Any, ...]] = (
    *TEXTS, int, str, float, bool, Decimal, Any, Point, Circle | Square, Dog, Tree, Pair[int, str],
    Swapped[str, Decimal],
)  # fmt: skip
_PARAMETERS: Final = tuple(TypeVar(name) for name in ("A", "B"))


def type_of(name: str) -> Any:
    """Return a type by the name that findings have for it."""
    if name.startswith(MADE):
        return _made(name)
    return TYPES[name] if name in TYPES else USER_TYPES[name]


def classes_of(kind: Any) -> list[type]:
    """Return the classes of a made type, without those of its fields."""
    cls = getattr(kind, "__origin__", kind)
    if isinstance(cls, type) and attrs.has(cls):
        return [cls]
    return [one for part in getattr(kind, "__args__", ()) for one in classes_of(part)]


@lru_cache(maxsize=64)
def _made(name: str) -> Any:
    linecache.clearcache()  # attrs keeps the text of each class there
    rng = Random(name)
    chance = rng.random()
    label = "Made" + "_".join(name.removeprefix(MADE).split("/"))
    if chance < 0.5:
        return _class(rng, label)
    if chance < 0.7:
        return _generic(rng, label)
    if chance < 0.8:
        return list[_class(rng, label)]  # type: ignore[misc]
    # A key of its own distinguishes each member.
    first, second, *_ = (_class(rng, f"{label}_{i}", own=f"own{i}") for i in range(2))
    return first | second


def _kind(rng: Random) -> Any:
    kind: Any = rng.choice(_KINDS)
    chance = rng.random()
    if chance < 0.1:
        return list[kind]
    if chance < 0.2:
        return tuple[kind, ...]
    if chance < 0.25:
        return dict[str, kind]
    if chance < 0.3 and kind is not Mixed:
        return NewType("New", kind)
    return kind


def _class(rng: Random, label: str, own: str = "") -> Any:
    keys = rng.sample(_KEYS, rng.randint(1, 5))
    fields: dict[str, Any] = {}
    for i, key in enumerate(keys):
        alias = key if rng.random() < 0.5 else None
        # Half of the names are the key of another field in another class.
        name = rng.choice(("f", "name", "kind")) + str(i) if alias else key
        fields[name] = _field(rng, _kind(rng), alias, is_last=i > 1)
    if own:
        fields["own"] = attrs.field(type=int, alias=own, kw_only=True)
    if rng.random() < 0.2:
        fields["additional_properties"] = attrs.field(type=dict[str, Any], factory=dict)
    return attrs.make_class(label, fields, **_options(rng))


def _generic(rng: Random, label: str) -> Any:
    a, b = _PARAMETERS
    kinds = (a, b, list[a], dict[str, b], tuple[a, b], a | None)  # type: ignore[valid-type]
    hints = {f"g{i}": rng.choice(kinds) for i in range(3)}
    base: Any = _bare(label, (Generic[a, b],), hints)  # type: ignore[index]
    given = rng.choice(((b, a), (a, b), (int, a), (list[a], b), (Pair[a, b], a)))  # type: ignore[valid-type]
    left = tuple(dict.fromkeys(one for one in (a, b) if one in base[given].__parameters__))
    cls: Any = _bare(label + "_sub", (base[given], Generic[left]), {"more": rng.choice(left)})  # type: ignore[index]
    chosen = cls if rng.random() < 0.6 else base
    drawn: list[Any] = [_kind(rng) for _ in chosen.__parameters__]
    return chosen[tuple(int if kind is Mixed else kind for kind in drawn)]  # a field may be None


def _bare(label: str, bases: tuple[Any, ...], hints: dict[str, Any]) -> type:
    body = {"__annotations__": hints, "__module__": __name__}
    return attrs.define(types.new_class(label, bases, exec_body=lambda names: names.update(body)))


def _field(rng: Random, kind: Any, alias: str | None, *, is_last: bool) -> Any:
    code = _code_of_field(rng)
    if rng.random() < 0.1 and kind is not Mixed:
        read, write = _hooks_of(kind)
        kind = Annotated[kind, override(struct_hook=read, unstruct_hook=write)]
    if not is_last or rng.random() < 0.3 or kind is Mixed:  # Mixed has None
        return attrs.field(type=kind, alias=alias, kw_only=True, **code)
    default = {"factory": lambda: None} if rng.random() < 0.2 else {"default": None}
    return attrs.field(type=kind | None, alias=alias, kw_only=True, **default, **code)


def _code_of_field(rng: Random) -> dict[str, Any]:
    """Return a validator or an attrs converter, which change nothing."""
    chance = rng.random()
    if chance < 0.1:
        return {"validator": _collect}
    if chance < 0.2:
        return {"converter": _same}
    return {"converter": _SAME_BY_SELF} if chance < 0.23 else {}


def _collect(*_: Any) -> None:
    """Let the collector see what is being made."""
    gc.collect(0)


def _same(value: Any, *_: Any) -> Any:
    return value


_SAME_BY_SELF: Final = attrs.Converter(_same, takes_self=True)


def _hooks_of(kind: Any) -> tuple[Any, Any]:
    """Return hooks of a user that read and write as the hooks of the type do."""
    converter = make_converter()
    read, write = converter.get_structure_hook(kind), converter.get_unstructure_hook(kind)
    return lambda value, _: read(value, kind), functools.partial(write)


_CODE: Final[tuple[dict[str, Any], ...]] = (
    {"__attrs_post_init__": _collect},
    {"__attrs_pre_init__": _collect},
    {"__setattr__": object.__setattr__},
    {"__del__": _collect},
    {"__new__": lambda cls, **_: object.__new__(cls)},
)
"""Parts of classes that run when an instance is made."""


def _options(rng: Random) -> dict[str, Any]:
    frozen = rng.random() < 0.5
    body = rng.choice(_CODE) if rng.random() < 0.3 else {}
    return {
        "frozen": frozen and "__setattr__" not in body, "slots": rng.random() < 0.8,
        "weakref_slot": rng.random() < 0.5, "collect_by_mro": True, "class_body": body,
        "cache_hash": frozen and "__setattr__" not in body and rng.random() < 0.1,
    }  # fmt: skip
