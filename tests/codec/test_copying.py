"""Decoders, encoders and converters are copied and pickled by their options."""

import copy
import pickle
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import attrs
import pytest

import usagewire as uw

T = TypeVar("T")

COPIES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    lambda thing: pickle.loads(pickle.dumps(thing)),
]
ROW = b'{"usage_bytes":"5"}\n'


@pytest.fixture(params=COPIES, ids=["copy", "deepcopy", "pickle"])
def copied(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """Return a way to copy."""
    return request.param  # type: ignore[no-any-return]


@pytest.mark.usefixtures("path")
def test_a_decoder_is_copied_with_its_options(copied: Callable[[Any], Any]) -> None:
    """The copy has the options, and counts of its own."""
    decoder = uw.Decoder(uw.UsageVectorStoresResult, strict=False, name="a", on_error="collect")
    decoder.decode_lines(b"?\n")
    other = copied(decoder)

    assert other.decode_lines(ROW + b"!\n")[0].usage_bytes == 5
    assert ["a"] == [rejection.file for rejection in other.rejections]
    assert (1, 1) == (other.counts.lenient, decoder.counts.lines)


def test_options_are_not_copied_deeply() -> None:
    """A function and a converter of the user are shared with the copy."""
    seen: list[uw.Rejection] = []
    decoder = uw.Decoder(on_error=seen.append, converter=uw.make_converter("dart"))
    copy.deepcopy(decoder).decode_lines(b"?")

    assert ["syntax"] == [rejection.code for rejection in seen]


@pytest.mark.usefixtures("path")
def test_a_decoder_in_a_stream_is_not_copied(copied: Callable[[Any], Any]) -> None:
    """Half a line cannot be in two decoders. After `close` there is none."""
    decoder = uw.Decoder(uw.UsageVectorStoresResult)
    decoder.feed(b'{"usage_')
    with pytest.raises(uw.UsageWireError, match="middle of a stream"):
        copied(decoder)
    decoder.feed(b'bytes":5}')

    assert [5] == [row.usage_bytes for row in decoder.close()]
    assert uw.Counts() == copied(decoder).counts


@pytest.mark.usefixtures("path")
def test_an_encoder_is_copied(copied: Callable[[Any], Any]) -> None:
    """The copy writes the same."""
    row = uw.UsageVectorStoresResult(usage_bytes=5)
    for encoder in (uw.Encoder(dialect="dart"), uw.Encoder(converter=uw.make_converter("dart"))):
        assert encoder.encode(row) == copied(encoder).encode(row)


def test_a_converter_is_copied(copied: Callable[[Any], Any]) -> None:
    """The copy reads and writes by the same options, also those of cattrs."""
    converter = uw.make_converter("dart", strict=False, unknown="forbid", omit_if_default=True)
    other = copied(converter)
    row = other.structure({"usageBytes": "5"}, uw.UsageVectorStoresResult)

    assert uw.UsageVectorStoresResult(usage_bytes=5) == row
    assert converter.unstructure(row) == other.unstructure(row)
    with pytest.raises(uw.DecodeError, match="unknown_field"):
        other.structure({"usageBytes": 5, "x": 1}, uw.UsageVectorStoresResult)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
def test_a_copy_keeps_the_users_hooks(way: Callable[[Any], Any]) -> None:
    """A hook comes along; one registered on the copy is not on the first."""
    converter = uw.make_converter()
    converter.register_structure_hook(bytes, lambda value, _: value.encode())
    other = way(converter)
    other.register_structure_hook(int, lambda *_: 1)

    assert b"x" == other.structure("x", bytes)
    assert (1, 5) == (other.structure(5, int), converter.structure(5, int))


def test_a_converter_with_hooks_is_not_pickled() -> None:
    """A pickle would lose the hook."""
    converter = uw.make_converter()
    converter.register_unstructure_hook(bytes, bytes.decode)

    for thing in (converter, uw.Decoder(converter=converter), uw.Encoder(converter=converter)):
        with pytest.raises(uw.UsageWireError, match="hooks"):
            pickle.dumps(thing)


@attrs.frozen
class Named:
    n: int


def test_names_are_pickled() -> None:
    """The JSON keys of a user's class are options too."""
    converter = uw.make_converter(names={Named: {"n": ("number", "n")}})
    other = pickle.loads(pickle.dumps(converter))

    assert Named(5) == other.structure({"number": 5}, Named)


@attrs.define
class Box(Generic[T]):
    x: T


class Quiet:
    """A class that only a hook of the user's can write."""


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, uw.make_converter().__class__.copy])
def test_a_copy_follows_its_own_hooks(way: Callable[[Any], Any]) -> None:
    """A hook of the copy is used inside generic records, and unknown types are refused."""
    other = way(uw.make_converter())
    other.register_unstructure_hook(Quiet, lambda _: "quiet")

    assert {"x": "quiet"} == other.unstructure(Box(Quiet()))
    with pytest.raises(uw.UsageWireError):
        other.unstructure(object())


@pytest.mark.usefixtures("path")
def test_a_closed_decoder_is_copied_though_its_last_line_was_bad() -> None:
    """After `close` has raised, nothing of the stream is left."""
    decoder = uw.Decoder(uw.UsageVectorStoresResult)
    decoder.feed(b"bad")
    with pytest.raises(uw.DecodeError):
        decoder.close()

    assert uw.Counts() == copy.copy(decoder).counts


def test_a_copied_converter_can_be_pickled() -> None:
    """A copy is pickled by its options, unless it has other options than the first."""
    converter = uw.make_converter("dart", omit_if_default=True)
    record = uw.UsageImagesResult(images=2, num_model_requests=1)
    copied = pickle.loads(pickle.dumps(converter.copy()))

    assert converter.unstructure(record) == copied.unstructure(record)
    with pytest.raises(uw.UsageWireError, match="cannot be pickled"):
        pickle.dumps(converter.copy(omit_if_default=False))
