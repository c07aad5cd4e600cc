"""Options of one call: the type to write as, and converters whose hooks change."""

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeVar

import pytest
from attrs import define
from cattrs import Converter
from cattrs.preconf.orjson import make_converter as orjson_converter

from usagewire import (
    CostsResult,
    Decoder,
    EncodeError,
    Encoder,
    UsageCompletionsResult,
    UsageResult,
    UsageVectorStoresResult,
    UsageWireError,
    configure_converter,
    dumps,
    loads,
    make_converter,
)

T = TypeVar("T")
VECTOR = UsageVectorStoresResult(usage_bytes=5)


@define
class It:
    a: int


@define
class Page(Generic[T]):
    items: list[T]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("obj", "kind", "text"),
    [
        (Page([1]), Page[int], b'{"items":[1]}'),
        (Page([None]), Page[int | None], b'{"items":[null]}'),
        (VECTOR, UsageVectorStoresResult, dumps(VECTOR)),
        (VECTOR, UsageResult, dumps(VECTOR)),
        (VECTOR, UsageResult | None, dumps(VECTOR)),
        (None, UsageResult | None, b"null"),
        ([VECTOR], list[UsageResult], b"[" + dumps(VECTOR) + b"]"),
        ((1, "a"), tuple[int, str], b'[1,"a"]'),
        (5, int | str, b"5"),
    ],
    ids=repr,
)
def test_an_object_is_written_as_a_type(obj: Any, kind: Any, text: bytes) -> None:
    """It is the same text as of its class, and it reads back equal as that type."""
    assert text == dumps(obj, type=kind)
    assert text == Encoder().encode(obj, kind)
    assert 2 * (text + b"\n") == Encoder().encode_lines([obj, obj], kind)
    assert obj == loads(text, kind)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("obj", "kind", "path_of_error"),
    [
        (Page(["a"]), Page[int], "$.items[0]"),
        (Page([1]), Page[It], "$.items[0]"),
        (VECTOR, UsageCompletionsResult, "$"),
        (VECTOR, CostsResult | UsageCompletionsResult, "$"),
        ([VECTOR], list[CostsResult], "$[0]"),
        (None, UsageVectorStoresResult, "$"),
        ("x", int, "$"),
    ],
    ids=repr,
)
def test_an_object_that_is_not_of_the_type(obj: Any, kind: Any, path_of_error: str) -> None:
    """It is refused, in lines with its index first."""
    with pytest.raises(EncodeError) as caught:
        dumps(obj, type=kind)
    assert path_of_error == caught.value.path
    with pytest.raises(EncodeError) as caught:
        Encoder().encode_lines([obj], kind, first=7)
    assert "$[7]" + path_of_error[1:] == caught.value.path


@pytest.mark.usefixtures("path")
def test_converters_for_one_document() -> None:
    """`loads` and `dumps` take a converter, with its names and hooks."""
    converter = make_converter("dart", names={It: {"a": ("b",)}})

    assert It(1) == loads('{"b":1}', It, converter=converter)
    assert b'{"b":1}' == dumps(It(1), converter=converter)
    for wrong in ({"strict": False}, {"unknown": "forbid"}):
        with pytest.raises(UsageWireError, match="set them there"):
            loads("{}", It, converter=converter, **wrong)
    with pytest.raises(UsageWireError, match="set it there"):
        dumps(It(1), converter=converter, dialect="legacy")


def configured() -> Converter:
    """Return a converter of cattrs that follows our rules."""
    converter = orjson_converter()
    configure_converter(converter)
    return converter


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("make", [make_converter, configured])
def test_hooks_registered_later_count_from_the_next_call(make: Callable[[], Converter]) -> None:
    """Decoders and encoders follow one rule, and hold no copy of the converter."""
    converter = make()
    decoder, encoder = Decoder(It, converter=converter), Encoder(converter=converter)
    assert It(1) == decoder.decode('{"a":1}')
    assert [] == decoder.feed('{"a":')
    assert b'{"a":1}' == encoder.encode(It(1))
    converter.register_structure_hook(int, lambda value, _: value + 1)
    converter.register_unstructure_hook(int, lambda value: value + 2)

    assert It(2) == decoder.decode('{"a":1}')
    assert [It(6)] == decoder.feed("5}\n")
    assert [It(2)] == decoder.decode_lines('{"a":1}')
    assert [It(2)] == decoder.decode_document('[{"a":1}]')
    assert b'{"a":3}' == encoder.encode(It(1))
    assert b'{"a":3}\n' == encoder.encode_lines([It(1)], It)


CALLS: dict[str, Callable[[Decoder[It]], list[It]]] = {
    "decode": lambda decoder: [decoder.decode('{"a":1}')],
    "decode_lines": lambda decoder: decoder.decode_lines('{"a":1}'),
    "decode_document": lambda decoder: decoder.decode_document('[{"a":1}]'),
    "feed": lambda decoder: decoder.feed('{"a":1}\n'),
    "close": lambda decoder: decoder.close(),
}


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("call", CALLS)
def test_each_call_uses_a_hook_registered_before(call: str) -> None:
    """Whatever is called next, a hook that was registered before counts."""
    converter = make_converter()
    decoder = Decoder(It, converter=converter)
    if call == "close":
        decoder.feed('{"a":1}')
    converter.register_structure_hook(int, lambda value, _: value + 1)

    assert [It(2)] == CALLS[call](decoder)


@define
class Other:
    b: int


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("obj", "kind"),
    [
        ("zzz", Literal["a"] | int),
        (["a"], list[int] | str),
        ({"a": "q"}, dict[str, int] | str),
        (Page(["x"]), Page[int] | Other),
        (Page(["x"]), Page[int] | None),
    ],
    ids=repr,
)
def test_a_union_is_a_type_too(obj: Any, kind: Any) -> None:
    """An object is checked against the member, not only by its class."""
    for write in (lambda: dumps(obj, type=kind), lambda: Encoder().encode_lines([obj], kind)):
        with pytest.raises(EncodeError):
            write()
