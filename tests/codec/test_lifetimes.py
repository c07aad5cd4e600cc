"""A class, its decoders and its encoders are freed together."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import usagewire as uw


def decoder(cls: Any) -> Any:
    """Give a class a decoder that was used."""
    cls.used = uw.Decoder(cls)
    cls.used.decode_lines(b'{"x":1}\n' * 5)


def lenient_decoder(cls: Any) -> Any:
    """Give a class a lenient decoder of a list of it."""
    cls.used = uw.Decoder(list[cls], strict=False)
    cls.used.decode(b'[{"x":"1"},{"x":2}]')


def own_converter(cls: Any) -> Any:
    """Give a class a decoder and an encoder with a converter of their own."""
    converter = uw.make_converter()
    cls.used = uw.Decoder(cls, converter=converter), uw.Encoder(converter=converter)
    cls.used[1].encode(cls.used[0].decode(b'{"x":1}'))


def encoder(cls: Any) -> Any:
    """Give a class an encoder that was used, for one record and for lists."""
    cls.used = uw.Encoder(dialect="dart")
    cls.used.encode(cls(x=1))
    cls.used.encode([cls(x=1)])
    cls.used.encode_lines([cls(x=1)])


def two_decoders(cls: Any) -> Any:
    """Give a class two decoders, of which one is for the class inside another."""
    outer = attrs.make_class("Outer", {"inner": attrs.field(type=cls | None, default=None)})
    cls.used = uw.Decoder(cls), uw.Decoder(outer), outer
    cls.used[1].decode(b'{"inner":{"x":1}}')


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "use",
    [decoder, lenient_decoder, own_converter, encoder, two_decoders],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("frozen", [True, False])
def test_a_class_that_holds_its_decoder_is_freed(
    use: Callable[[Any], Any], *, frozen: bool
) -> None:
    """Nothing in the package keeps the class, its plan or its hooks."""

    def build() -> weakref.ref[Any]:
        fields = {
            "x": attrs.field(type=int),
            "more": attrs.field(type=tuple[int, ...], default=(1, 2)),
        }
        cls = attrs.make_class("Gone", fields, slots=True, frozen=frozen, kw_only=True)
        use(cls)
        return weakref.ref(cls)

    references = [build() for _ in range(3)]
    gc.collect()
    gc.collect()

    assert [None] * 3 == [reference() for reference in references]
