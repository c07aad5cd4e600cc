"""Objects read by the steps of `classes`, and later by generated code."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from cattrs.gen import override

from tests.support.comparing import exact
from usagewire import (
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
