"""Whatever the user's code raises crosses the API as the cause of an error of ours."""

import enum
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import pytest

import usagewire as uw

ERRORS = [
    ValueError, TypeError, KeyError, AttributeError, OSError, StopIteration, RuntimeError,
    AssertionError, ZeroDivisionError, UnicodeError, ExceptionGroup,
]  # fmt: skip


def made(kind: type[Exception]) -> Exception:
    """Return an error of a kind."""
    return kind("boo", [ValueError("boo")]) if kind is ExceptionGroup else kind("boo")


@attrs.define
class Peculiar:
    """A class whose attribute cannot be read."""

    n: int
    error: Any = attrs.field(default=None, init=False)

    def __getattribute__(self, name: str) -> Any:
        if name == "n" and Peculiar.raised is not None:
            raise Peculiar.raised
        return 7 if name == "n" else object.__getattribute__(self, name)


Peculiar.raised = None  # type: ignore[attr-defined]


class BadMapping(Mapping[str, Any]):
    """A mapping that raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getitem__(self, key: str) -> Any:
        raise self.error

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1


class Meta(type):
    """A metaclass whose classes have no hash."""

    def __hash__(cls) -> int:
        raise ValueError("no hash")


@pytest.fixture(params=ERRORS, ids=lambda kind: kind.__name__)
def error(request: pytest.FixtureRequest) -> Exception:
    """Return an error."""
    return made(request.param)


@pytest.mark.usefixtures("path")
def test_an_attribute_that_raises(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The path names the attribute."""
    record = Peculiar(1)
    monkeypatch.setattr(Peculiar, "raised", error)
    for write in (uw.dumps, lambda one: uw.Encoder().encode_lines([one])):
        with pytest.raises(uw.EncodeError) as caught:
            write(record)
        assert ".n" == caught.value.path[-2:]
        assert caught.value.__cause__ is error


@pytest.mark.usefixtures("path")
def test_an_attribute_that_changes_its_value() -> None:
    """The encoder writes the value that reading the attribute gives, not the value of the slot."""
    assert b'{"n":7}' == uw.Encoder(converter=uw.make_converter(omit_if_default=True)).encode(
        Peculiar(1)
    )


@pytest.mark.usefixtures("path")
def test_a_mapping_that_raises(error: Exception) -> None:
    """The path names the mapping."""
    row = uw.UsageVectorStoresResult(usage_bytes=1, additional_properties=BadMapping(error))
    with pytest.raises(uw.EncodeError) as caught:
        uw.dumps(row)
    assert "$.additional_properties" == caught.value.path


@pytest.mark.usefixtures("path")
def test_hooks_that_raise(error: Exception) -> None:
    """A reading hook gives `bad_value`, a writing one `EncodeError`, both with the path."""

    def hook(*_: Any) -> Any:
        raise error

    converter = uw.make_converter()
    converter.register_structure_hook(str, hook)
    converter.register_unstructure_hook(str, hook)
    with pytest.raises(uw.DecodeError) as read:
        uw.Decoder(uw.CostsResult, converter=converter).decode('{"line_item":"x"}')
    with pytest.raises(uw.EncodeError) as written:
        uw.Encoder(converter=converter).encode(uw.CostsResult(line_item="x"))
    assert ("bad_value", "$.line_item") == (read.value.code, read.value.path)
    assert ("$.line_item", error) == (written.value.path, written.value.__cause__)


@pytest.mark.usefixtures("path")
def test_a_class_without_a_hash() -> None:
    """It cannot be looked up, and an error of ours reports that."""

    class Unhashable(metaclass=Meta):
        pass

    for write in (
        uw.dumps,
        lambda one: uw.Encoder().encode([one]),
        lambda one: uw.Encoder().encode_lines([one]),
        lambda one: uw.dumps(one, type=Mine | Holder),
    ):
        with pytest.raises(uw.EncodeError):
            write(Unhashable())
    assert uw.Encoder().not_accelerated(Unhashable)
    with pytest.raises(uw.UsageWireError):
        uw.Decoder(Unhashable)


@pytest.mark.usefixtures("path")
def test_a_memoryview_that_was_released() -> None:
    """It has no bytes any more."""
    data = memoryview(bytearray(b"{}"))
    data.release()
    decoder = uw.Decoder()
    for call in (uw.loads, decoder.decode, decoder.decode_lines, decoder.feed):
        with pytest.raises(uw.UsageWireError, match="released"):
            call(data)


class Lists(enum.Enum):
    ONE = [1]  # noqa: RUF012 -- it is the case
    TWO = [2, {"a": 1}]  # noqa: RUF012 -- it is the case


@attrs.define
class Holder:
    choice: Lists


@pytest.mark.usefixtures("path")
def test_an_enum_of_lists() -> None:
    """Values without a hash are choices too, equal in type."""
    for choice in Lists:
        assert Holder(choice) == uw.loads(uw.dumps(Holder(choice)), Holder)
    with pytest.raises(uw.DecodeError) as caught:
        uw.loads('{"choice":[true]}', Holder)
    assert ("wrong_type", "$.choice") == (caught.value.code, caught.value.path)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("line", "at"),
    [
        (b'{"a":"\xff"}', 6),
        (b"\xff", 0),
        (b'{"\xc3\xa4":"\xed\xa0\x80"}', 7),
        (b'{"\xc3\xa4":tru}', 6),
        (b'{"a":"\xc3"}', 6),
    ],
)
def test_the_byte_of_a_syntax_error(line: bytes, at: int) -> None:
    """It is counted in bytes from 0, in documents and lines."""
    decoder = uw.Decoder(Any, on_error="collect")
    decoder.decode_lines(b"1\n" + line + b"\n")
    with pytest.raises(uw.DecodeError) as caught:
        uw.loads(line, Any)

    assert f"at byte {at}" in decoder.rejections[0].message
    assert f"at byte {at}" in caught.value.message


@pytest.mark.parametrize("name", ["g.json", "logs/usage-1.ndjson.gz", "C:\\logs\\a.jsonl"])
def test_a_path_is_not_json(name: str) -> None:
    """The error says what to call instead."""
    with pytest.raises(uw.DecodeError, match="looks like a path"):
        uw.loads(name)


class Raising:
    """An object none of whose special methods works."""

    def __repr__(self) -> str:
        raise OSError("no repr")

    __str__ = __repr__

    def __hash__(self) -> int:
        raise OSError("no hash")

    def __eq__(self, other: object) -> bool:
        raise OSError("no eq")


class SilentError(Exception):
    """An error without a text."""

    def __str__(self) -> str:
        raise OSError("no text")


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "call",
    [
        lambda: uw.Decoder(Raising()),  # type: ignore[arg-type]
        lambda: uw.Decoder(list[Raising]),
        lambda: uw.loads("{}", Raising()),  # type: ignore[arg-type]
        lambda: uw.loads(Raising()),  # type: ignore[call-overload]
        lambda: uw.dumps(Raising()),
        lambda: uw.dumps([Raising()]),
        lambda: uw.dumps({"a": Raising()}),
        lambda: uw.Encoder().encode_lines([Raising()]),
        lambda: uw.dumps(Holder(Raising())),  # type: ignore[arg-type]
        lambda: uw.Decoder(converter=Raising()),  # type: ignore[arg-type]
    ],
)
def test_objects_none_of_whose_methods_work(call: Any) -> None:
    """They are named by their class in the message."""
    with pytest.raises(uw.UsageWireError) as caught:
        call()
    assert str(caught.value)


@pytest.mark.usefixtures("path")
def test_an_error_without_a_text() -> None:
    """It is named by its class, at its path."""

    def hook(*_: Any) -> Any:
        raise SilentError

    converter = uw.make_converter()
    converter.register_structure_hook(int, hook)
    with pytest.raises(uw.DecodeError, match=r"\$\.usage_bytes: bad_value: SilentError"):
        uw.Decoder(uw.UsageVectorStoresResult, converter=converter).decode('{"usage_bytes":1}')


@attrs.define
class Mine:
    n: int


@pytest.mark.usefixtures("path")
def test_lack_of_memory_is_not_remembered() -> None:
    """The class is written by C as soon as there is memory."""
    failing = [MemoryError()]
    converter = uw.make_converter()

    def fail(_: Any) -> Any:
        raise failing.pop()

    converter.register_unstructure_hook_factory(lambda cls: cls is Mine and bool(failing), fail)
    encoder = uw.Encoder(converter=converter)
    with pytest.raises(MemoryError):
        encoder.encode(Mine(1))

    assert b'{"n":1}' == encoder.encode(Mine(1))
    assert uw.Encoder().not_accelerated(Mine) == encoder.not_accelerated(Mine)
