"""Objects read by the steps of `classes`, and later by generated code."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from cattrs.gen import override

from tests.support.comparing import exact
from tests.support.paths import Way
from usagewire import (
    DecodeError,
    Decoder,
    UnknownResult,
    UsageResponse,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
    UsageWireError,
    make_converter,
)
from usagewire.converters import codegen
from usagewire.models import ROW_CLASSES

OFTEN = 5


@attrs.frozen
class Ordinary:
    x: int
    y: int = 5


@attrs.define(weakref_slot=False)
class Mutable:
    x: int
    y: int = 5


@attrs.define
class Checked:
    x: int = attrs.field(validator=attrs.validators.ge(0))
    y: int = attrs.field(default=4, converter=lambda y: y + 1)


@attrs.define(slots=False)
class Unslotted:
    x: int
    y: int = attrs.field(default=attrs.Factory(lambda self: self.x + 4, takes_self=True))


@attrs.define(weakref_slot=False)
class OwnSetattr:
    x: int
    y: int = 5

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value * 10)


@attrs.frozen(weakref_slot=False)
class Wrapped:
    x: int
    y: int = 5


_written = Wrapped.__init__


def _wrapping(self: Wrapped, x: int, y: int = 5) -> None:
    _written(self, x * 10, y * 10)


Wrapped.__init__ = _wrapping  # type: ignore[method-assign, assignment]

OWN = (Ordinary, Mutable, Checked, Unslotted, OwnSetattr, Wrapped)


@pytest.mark.parametrize("cls", OWN)
def test_the_same_object_again_and_again(cls: type[Any]) -> None:
    """An object is read as the constructor makes it, the first time and later."""
    decoder = Decoder(cls)

    assert [exact(cls(x=1))] * OFTEN == [
        exact(one) for one in decoder.decode_lines('{"x":1}\n' * OFTEN)
    ]


@attrs.frozen
class Unsorted:
    b: int
    a: int = 5


@pytest.mark.usefixtures("_shipped")
def test_code_is_generated_for_frequent_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order of keys gets its code when the third object has it, and one order only once."""
    compiled: list[tuple[str, ...]] = []
    generate = codegen.compile_structure

    def note(keys: tuple[str, ...], *arguments: Any) -> Any:
        compiled.append(keys)
        return generate(keys, *arguments)

    monkeypatch.setattr(codegen, "compile_structure", note)
    structure = make_converter().get_structure_hook(Unsorted)
    found = []
    for _ in range(OFTEN):
        for keys in ({"b": 1, "a": 2}, {"a": 2, "b": 1}, {"b": 1}):
            structure(keys, Unsorted)
        found.append(len(compiled))

    assert [0, 0, 3, 3, 3] == found
    assert [("b", "a"), ("a", "b"), ("b",)] == compiled


def test_first_wrong_field_is_reported(path: Way) -> None:
    """If several fields are wrong, the error names the first one of the class."""
    for _ in range(OFTEN):
        with pytest.raises(DecodeError, match=r"\$\.b: wrong_type"):
            path.loads('{"a":"x","b":"x"}', Unsorted)


@pytest.mark.parametrize("cls", [Ordinary, Mutable])
def test_omitted_field_keeps_its_default(cls: type[Any]) -> None:
    """A field that is omitted has its default, the first time and later."""
    converter = make_converter(names={cls: {"y": override(omit=True)}})
    found = [converter.structure({"x": 1, "y": 9}, cls) for _ in range(OFTEN)]

    assert [cls(x=1)] * OFTEN == found
    assert {"x": 1} == converter.unstructure(cls(x=1))


def test_omitted_field_needs_a_default() -> None:
    """A required field cannot be omitted."""
    converter = make_converter(names={Ordinary: {"x": override(omit=True)}})
    with pytest.raises(UsageWireError, match="omitted"):
        converter.structure({}, Ordinary)


@pytest.mark.parametrize(
    "cls", [*ROW_CLASSES, UsageResponse, UsageTimeBucket, UnknownResult, UsageTimeBucketResultInner]
)
def test_our_records_are_filled_directly(cls: type[Any]) -> None:
    """Generated code fills our classes without their slow constructor."""
    assert codegen.mutable_layout(cls) is not None


def test_own_constructors_are_called() -> None:
    """Generated code calls the constructor if it does more than store values."""
    assert [None] * 4 == [
        codegen.mutable_layout(cls) for cls in (Checked, Unslotted, OwnSetattr, Wrapped)
    ]
