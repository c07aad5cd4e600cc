"""The ways to decode, and checks that a decoder goes the way it should."""

from collections.abc import Callable, Iterable, Iterator
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
"""The ways to decode: step by step, by compiled code from the first object on, and by the C
extension before the first. Every test of decoding runs on each, and every test of encoding, for
which the first two are one."""

if plans.unavailable() is not None:
    del PATHS["c"]

SHIPPED: Final = {"COMPILE_AFTER": classes.COMPILE_AFTER, "MAX_COMPILED": classes.MAX_COMPILED}
"""What the package itself does: it compiles code for keys that come by often."""

CACHES: Final = [
    value
    for module in (functions, decoder, encoder)
    for value in vars(module).values()
    if hasattr(value, "cache_clear")
]

OURS: Final = frozenset({*get_args(usagewire.UsageObject), usagewire.CostsResultAmount})
"""The classes that the C extension reads and writes, whatever the options are."""


class Way(NamedTuple):
    """One way to decode, with the names that the package has for it."""

    name: str
    loads: Callable[..., Any]
    Decoder: Callable[..., usagewire.Decoder[Any]]


def check_ways(patch: pytest.MonkeyPatch) -> None:
    """Make each decoder that is built, and each encoder that is used, prove which way it goes.

    By C, where that is in use, go classes of ours and unions and lists of them; others may. A
    converter of one's own may do anything with them.
    """
    build, encode, encode_lines = Decoder.__init__, Encoder.encode, Encoder.encode_lines

    def built(self: Any, type: Any = usagewire.UsageObject, **options: Any) -> None:  # noqa: A002 -- as it is named there
        build(self, type, **options)
        kinds = set(leaves(type))
        if not usagewire.accelerated():
            assert self.not_accelerated == plans.unavailable()
        elif kinds and kinds <= OURS and options.get("converter") is None:
            assert self.not_accelerated is None

    def check(self: Any, records: Iterable[Any]) -> None:
        for cls in {type(record) for record in records}:
            if not usagewire.accelerated():
                assert self.not_accelerated(cls) == plans.unavailable()
            elif cls in OURS and self._is_own:
                assert self.not_accelerated(cls) is None

    def encoded(self: Any, obj: Any) -> bytes:
        data = encode(self, obj)
        check(self, [obj])
        return data

    def encoded_lines(self: Any, objs: Any, **options: Any) -> bytes:
        data = encode_lines(self, objs, **options)
        check(self, objs if isinstance(objs, list) else [])
        return data

    patch.setattr(Decoder, "__init__", built)
    patch.setattr(Encoder, "encode", encoded)
    patch.setattr(Encoder, "encode_lines", encoded_lines)


def leaves(kind: Any) -> Iterator[Any]:
    """Yield the types that a union or list is made of, without None."""
    if get_origin(kind) in (list, Union, UnionType):
        for argument in get_args(kind):
            yield from leaves(argument)
    elif kind is not None and kind is not NoneType:
        yield kind
