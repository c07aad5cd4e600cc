"""Makers of the JSON texts of types, from their classes and hints."""

from __future__ import annotations

import inspect
from decimal import Decimal
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints

import attrs
import orjson

from proof.fuzz.lines import ALL_TAGS, TEXT_TYPES, Line, Maker
from proof.fuzz.values import quoted
from proof.support.user_classes import TEXTS
from usagewire.wire import names as wire_names


@attrs.frozen
class Field:
    """A field of a class."""

    keys: tuple[bytes, ...]
    """Its JSON keys, those of the dialects first."""
    required: bool
    nullable: bool
    make: Maker


class Model:
    """The JSON of a class, or of a generic class with its parameters."""

    def __init__(self, kind: Any) -> None:
        self.cls = cls = get_origin(kind) or kind
        self.ours = ours = cls.__module__.startswith("usagewire.")
        hints = _hints(kind)
        fields = [
            Field(
                tuple(quoted(key) for key in (_keys(a.name) if ours else (a.alias,))),
                a.default is attrs.NOTHING,
                NoneType in get_args(hints[a.name]),
                maker(hints[a.name]) if a.name != wire_names.TAG else _any_tag,
            )
            for a in attrs.fields(cls)
            if a.name != wire_names.EXTRA
        ]
        self.all_fields = fields
        self.fields = {
            "declared": fields,
            "shuffled": fields,
            "sorted": sorted(fields, key=lambda field: field.keys[0]),
            "reversed": fields[::-1],
        }
        tag = getattr(cls, wire_names.TAG, None)
        texts = wire_names.tags(cls) or ((tag,) if isinstance(tag, str) else ())
        self.tags = [quoted(text) for text in texts]


def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of the fields, base by base, so that the library is compared with them."""
    cls = get_origin(kind) or kind
    if not attrs.has(cls):
        raise TypeError(f"no maker of {kind}")
    given = dict(zip(getattr(cls, "__parameters__", ()), get_args(kind), strict=True))
    hints: dict[str, Any] = {}
    for base in reversed(cls.__dict__.get("__orig_bases__", cls.__bases__)):
        if attrs.has(get_origin(base) or base):
            hints |= _hints(_filled(base, given))
    own = get_type_hints(cls, localns={"Self": kind, cls.__name__: cls}, include_extras=True)
    names = inspect.get_annotations(cls)
    if not names:  # made by make_class
        names = own = {a.name: a.type for a in attrs.fields(cls) if not a.inherited}
    return hints | {name: _filled(own[name], given) for name in names}


def _filled(kind: Any, given: dict[Any, Any]) -> Any:
    """Return a type with its parameters filled in by Python, not by the library."""
    if isinstance(kind, TypeVar):
        return given[kind]
    parameters = getattr(kind, "__parameters__", ())
    return kind[tuple(given[one] for one in parameters)] if given and parameters else kind


def _keys(name: str) -> tuple[str, ...]:
    named = [wire_names.spelling(name, dialect) for dialect in wire_names.DIALECTS]
    return (*named, *wire_names.spellings(name))


def _any_tag(line: Line) -> bytes:
    chance = line.random()
    if chance < 0.9:
        return line.pick(line.pool.models)
    return line.pick(ALL_TAGS) if chance < 0.97 else line.pick(line.pool.unusual)


@cache
def model_of(kind: Any) -> Model:
    """Return the model of a class."""
    return Model(kind)


def _text_of(kind: Any) -> Maker:
    return lambda line: line.pick(line.pool.texts[kind])


_SCALARS: Final[dict[Any, Maker]] = {
    int: lambda line: line.pick(line.pool.ints),
    float: lambda line: line.pick(line.pool.floats),
    str: Line.string,
    bool: lambda line: line.pick((b"true", b"false")),
    Decimal: lambda line: line.pick(line.pool.decimals),
    Any: lambda line: line.pick(line.pool.anything),
    NoneType: lambda _: b"null",
    **{kind: _text_of(kind) for kind in TEXT_TYPES},
}


@cache
def maker(kind: Any) -> Maker:
    """Return the maker of a type."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    if kind in TEXTS:
        return lambda line: line.pick(TEXTS[kind])
    inner = (
        kind.__origin__ if hasattr(kind, "__metadata__") else getattr(kind, "__supertype__", None)
    )
    if inner is not None:
        return maker(inner)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        texts = tuple(map(orjson.dumps, arguments))
        return lambda line: line.pick(texts)
    if origin is Unpack:  # one item of *tuple[str, ...]
        return maker(get_args(arguments[0])[0])
    if origin is tuple and ... not in arguments:
        return _tuple_of([maker(one) for one in arguments])
    if origin in (list, tuple):
        return _list_of(maker(arguments[0]))
    if origin is dict:
        return _dict_of(maker(arguments[1]))
    if origin in (Union, UnionType):
        inside = _one_of(tuple(maker(one) for one in arguments if one is not NoneType))
        return _shallow(inside) if NoneType in arguments else inside
    found: list[Model] = []  # made late, for a class may name itself

    def make(line: Line) -> bytes:
        if not found:
            found.append(model_of(kind))
        line.depth += 1
        text = line.object(found[0])
        line.depth -= 1
        return text

    return make


def _shallow(make: Maker) -> Maker:
    """Return a maker that makes null inside many objects, so that recursive classes end."""
    return lambda line: make(line) if line.depth < DEEPEST else b"null"


def _one_of(makers: tuple[Maker, ...]) -> Maker:
    """Return the maker of a union. It makes the same class many times in a row, as in files."""
    if len(makers) == 1:
        return makers[0]

    def made(line: Line) -> bytes:
        make = line.members.get(makers)
        if make is None or line.random() < 0.1:
            line.members[makers] = make = makers[int(line.random() * len(makers))]
        return make(line)

    return made


def _list_of(make: Maker) -> Maker:
    def made(line: Line) -> bytes:
        most = 4 if line.random() < 0.95 else 40  # rarely many
        most *= line.depth < DEEPEST
        items = [make(line) for _ in range(int(line.random() * most))]
        return b"[" + line.inner + line.comma.join(items) + line.inner + b"]"

    return made


def _tuple_of(makers: list[Maker]) -> Maker:
    return lambda line: b"[" + line.comma.join(make(line) for make in makers) + b"]"


def _dict_of(make: Maker) -> Maker:
    def made(line: Line) -> bytes:
        keys = KEYS[: int(line.random() * (len(KEYS) + 1))]
        items = [key + line.colon + make(line) for key in keys]
        return b"{" + line.inner + line.comma.join(items) + line.inner + b"}"

    return made


DEEPEST: Final = 6
"""Lists at this depth are empty, so that a class that names itself has an end."""
KEYS: Final = (b'"a"', b'"new_1"', '"clé"'.encode())
