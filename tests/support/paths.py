"""The ways to decode, and checks that a decoder uses the expected way."""

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from types import NoneType, UnionType
from typing import Any, Final, NamedTuple, Union, get_args, get_origin

import pytest

import usagewire
from usagewire import Decoder, Encoder
from usagewire.codec import decoder, encoder, functions
from usagewire.converters import classes
from usagewire.native import plans

Loads = Callable[..., Any]
"""The type of the fixture `loads`."""

PATHS: Final = {
    "reference": {"COMPILE_AFTER": 10**9},
    "compiled": {"COMPILE_AFTER": 1, "MAX_COMPILED": 10**9},
    "c": {"COMPILE_AFTER": 10**9},
}
"""The ways to decode: with the reference step by step, with compiled code from the first object,
and with C. Every test of decoding or encoding runs on each. For encoding the first two are the
same."""

if plans.unavailable() is not None:
    del PATHS["c"]

SHIPPED: Final = {"COMPILE_AFTER": classes.COMPILE_AFTER, "MAX_COMPILED": classes.MAX_COMPILED}
"""The default of the package: it compiles code for keys that are read often."""

CACHES: Final = [
    value
    for module in (functions, decoder, encoder)
    for value in vars(module).values()
    if hasattr(value, "cache_clear")
]

OURS: Final = frozenset({*get_args(usagewire.UsageObject), usagewire.CostsResultAmount})
"""The classes that C reads and writes with any options."""


class Way(NamedTuple):
    """One way to decode, with names as in the package."""

    name: str
    loads: Callable[..., Any]
    Decoder: Callable[..., usagewire.Decoder[Any]]


def check_ways(patch: pytest.MonkeyPatch) -> None:
    """Make each new decoder, and each encoder that is used, check which way it uses.

    If C is in use, it must read our classes, and unions and lists of them. It may read other
    classes. With your own converter, any way is right.
    """
    build, encode, encode_lines = Decoder.__init__, Encoder.encode, Encoder.encode_lines

    @wraps(build)
    def built(self: Any, type: Any = usagewire.UsageObject, **options: Any) -> None:  # noqa: A002 -- the name is public
        build(self, type, **options)
        kinds = [*leaves(type)]  # which may have no hash
        are_ours = bool(kinds) and all(any(kind is cls for cls in OURS) for kind in kinds)
        if not usagewire.accelerated():
            assert self.not_accelerated == plans.unavailable()
        elif are_ours and options.get("converter") is None:
            assert self.not_accelerated is None

    def check(self: Any, records: Iterable[Any]) -> None:
        for cls in {type(record) for record in records}:
            if not usagewire.accelerated():
                assert self.not_accelerated(cls) == plans.unavailable()
            elif cls in OURS and self._is_own:
                assert self.not_accelerated(cls) is None

    @wraps(encode)
    def encoded(self: Any, obj: Any, type: Any = None) -> bytes:  # noqa: A002 -- as it is named there
        data = encode(self, obj, type)
        check(self, [obj])
        return data

    @wraps(encode_lines)
    def encoded_lines(self: Any, objs: Any, *arguments: Any, **options: Any) -> bytes:
        data = encode_lines(self, objs, *arguments, **options)
        check(self, objs if isinstance(objs, list) else [])
        return data

    patch.setattr(Decoder, "__init__", built)
    patch.setattr(Encoder, "encode", encoded)
    patch.setattr(Encoder, "encode_lines", encoded_lines)


def leaves(kind: Any) -> Iterator[Any]:
    """Yield the types in a union or list, without None."""
    if get_origin(kind) in (list, Union, UnionType):
        for argument in get_args(kind):
            yield from leaves(argument)
    elif kind is not None and kind is not NoneType:
        yield kind
