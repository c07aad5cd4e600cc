"""What holds for a class whatever its constructor, and however often its keys have come by."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import attrs
import pytest
from cattrs import Converter
from cattrs.gen import override

import usagewire
from tests.support.comparing import Refused, exact, outcome
from tests.support.paths import Way
from tests.support.samples import COMPLETIONS, COSTS, VECTORS, row, text
from usagewire import (
    CostsResult,
    Decoder,
    EncodeError,
    UnknownResult,
    UsageCompletionsResult,
    UsageResponse,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
    UsageVectorStoresResult,
    UsageWireError,
    configure_converter,
    dumps,
    loads,
    make_converter,
)
from usagewire.converters import codegen
from usagewire.models import ROW_CLASSES

T = TypeVar("T")
OFTEN = 5


@attrs.frozen
class Plain:
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

OWN = (Plain, Mutable, Checked, Unslotted, OwnSetattr, Wrapped)


@pytest.mark.parametrize("cls", OWN)
def test_every_sighting_is_read_alike(cls: type[Any]) -> None:
    """The same object gives what the constructor gives, the first time and the hundredth."""
    decoder = Decoder(cls)

    assert [exact(cls(x=1))] * OFTEN == [
        exact(one) for one in decoder.decode_lines('{"x":1}\n' * OFTEN)
    ]


@pytest.mark.parametrize("cls", [Plain, Mutable])
def test_omitted_field_keeps_its_default(cls: type[Any]) -> None:
    """A field that is omitted has its default, the first time and the hundredth."""
    converter = make_converter(names={cls: {"y": override(omit=True)}})
    found = [converter.structure({"x": 1, "y": 9}, cls) for _ in range(OFTEN)]

    assert [cls(x=1)] * OFTEN == found
    assert {"x": 1} == converter.unstructure(cls(x=1))


def test_omitted_field_needs_a_default() -> None:
    """A required field cannot be omitted."""
    converter = make_converter(names={Plain: {"x": override(omit=True)}})
    with pytest.raises(UsageWireError, match="omitted"):
        converter.structure({}, Plain)


@pytest.mark.parametrize(
    "cls", [*ROW_CLASSES, UsageResponse, UsageTimeBucket, UnknownResult, UsageTimeBucketResultInner]
)
def test_our_records_are_filled_directly(cls: type[Any]) -> None:
    """None of our classes needs its constructor, which is the slow way."""
    assert codegen.mutable_layout(cls) is not None


def test_own_constructors_are_called() -> None:
    """A class whose constructor does more than store is never filled behind its back."""
    assert [None] * 4 == [
        codegen.mutable_layout(cls) for cls in (Checked, Unslotted, OwnSetattr, Wrapped)
    ]


@attrs.define
class Box(Generic[T]):
    item: T
    items: list[T]


@attrs.define
class IntBox(Box[int]):
    more: int = 0


def test_generic_base(path: Way) -> None:
    """The type variables of a generic base are known in the class derived from it."""
    assert IntBox(1, [2], 3) == path.loads('{"item":1,"items":[2],"more":3}', IntBox)
    assert Refused("wrong_type", "$.items[0]") == outcome(
        path.loads, '{"item":1,"items":["2"]}', IntBox
    )


@attrs.define
class Node:
    child: Node | None = None


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("depth", [100, 101])
def test_depth_does_not_depend_on_history(depth: int) -> None:
    """A class inside itself is read, and written, to a fixed depth, however often it came by."""
    data = '{"child":' * depth + "{}" + "}" * depth
    decoder = Decoder(Node, on_error="collect")
    found = decoder.decode_lines(f"{data}\n" * OFTEN)

    assert (OFTEN if depth == 100 else 0) == len(found)
    assert {"too_deep"} >= {one.code for one in decoder.rejections}
    node = None
    for _ in range(depth + 1):
        node = Node(node)
    if depth == 100:
        assert [node] * OFTEN == found
        assert loads(dumps(node), Node) == node
    else:
        with pytest.raises(EncodeError, match="too deep"):
            dumps(node)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (
            {"object": "bucket", "start_time": 1, "end_time": 2, "results": []},
            usagewire.UsageResult,
        ),
        (row(COSTS), UsageCompletionsResult | UnknownResult),
        (row(VECTORS), UnknownResult),
    ],
    ids=["bucket", "costs", "vectors"],
)
def test_known_tag_is_not_unknown(path: Way, data: dict[str, Any], kind: Any) -> None:
    """An object of a known kind that was not asked for is refused, not taken for an unknown one."""
    assert Refused("wrong_tag", "$.object") == outcome(path.loads, text(data), kind)


MISTAGGED = row(COSTS, input_tokens=3, output_tokens=2, num_model_requests=1, amount=None)


@pytest.mark.parametrize("kind", [CostsResult, CostsResult | UsageVectorStoresResult])
@pytest.mark.parametrize("unknown", ["keep", "forbid"])
@pytest.mark.parametrize("strict", [True, False])
def test_mistagged_row_is_of_no_other_kind(kind: Any, unknown: Any, strict: bool) -> None:
    """A usage row tagged as costs never comes out where its kind was not asked for."""
    found = outcome(loads, text(MISTAGGED), kind, strict=strict, unknown=unknown)

    assert Refused("wrong_tag", "$.object") == found


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("unknown", ["keep", "forbid"])
def test_mistagged_row_in_a_union_of_its_kind(unknown: Any) -> None:
    """Where its kind is asked for, leniency finds it, whatever is said of unknown keys."""
    found = loads(
        text(MISTAGGED), CostsResult | UsageCompletionsResult, strict=False, unknown=unknown
    )

    assert UsageCompletionsResult(input_tokens=3, output_tokens=2, num_model_requests=1) == found


@attrs.frozen(kw_only=True, weakref_slot=False)
class MyCosts(CostsResult):
    note: str | None = None


def test_derived_costs(path: Way) -> None:
    """A class derived from `CostsResult` refuses usage rows too."""
    assert Refused("wrong_tag", "$.object") == outcome(path.loads, text(MISTAGGED), MyCosts)
    assert MyCosts(note="x") == path.loads('{"note":"x"}', MyCosts)


def test_wrapper_in_a_wrapper() -> None:
    """Only one wrapper is taken off."""
    data = text({"ActualInstance": {"actual_instance": row(VECTORS)}})

    assert Refused("sdk_wrapper", "$.ActualInstance") == outcome(
        loads, data, usagewire.UsageResult, strict=False
    )


def test_api_error_is_no_cost(path: Way) -> None:
    """An error answer of the API is not taken for a cost of which nothing is known."""
    assert Refused("api_error") == outcome(path.loads, '{"error":{"message":"no"}}', CostsResult)


@attrs.define
class Left:
    a: int


@attrs.define
class Right:
    b: int


@pytest.mark.usefixtures("path")
def test_classes_without_tags() -> None:
    """A union of classes without tags is told apart by required fields, as cattrs does."""
    assert Right(1) == loads('{"b":1}', Left | Right)
    assert Refused("syntax") == outcome(loads, "[1]", Left | Right)
    assert Refused("bad_value") == outcome(loads, "{}", Left | Right)


def test_union_hook_of_a_copy() -> None:
    """A hook for a union that is registered on a copy of a converter is asked there."""
    converter = make_converter().copy()
    converter.register_structure_hook(Left | int, lambda value, _: value)
    configured = Converter()
    configured.register_structure_hook(Left | int, lambda value, _: value)
    configure_converter(configured)

    assert [5, 5] == [one.structure(5, Left | int) for one in (converter, configured)]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("way", ["structure", "decode", "decode_lines"])
def test_the_cause_is_kept(way: str) -> None:
    """What a user's own hook raised is the cause of what we raise."""
    cause = ValueError("no")

    def refuse(*_: Any) -> Left:
        raise cause

    converter = make_converter()
    converter.register_structure_hook(Left, refuse)
    holder: Any = attrs.make_class("Holder", {"left": attrs.field(type=Left)})
    decoder = Decoder(holder, converter=converter)
    calls: dict[str, Any] = {
        "structure": lambda: converter.structure({"left": {}}, holder),
        "decode": lambda: decoder.decode('{"left":{}}'),
        "decode_lines": lambda: decoder.decode_lines('{"left":{}}'),
    }
    with pytest.raises(usagewire.DecodeError) as caught:
        calls[way]()

    assert cause is caught.value.__cause__


@pytest.mark.parametrize("unknown", ["keep", "forbid"])
def test_keys_of_an_object_that_are_no_strings(unknown: Any) -> None:
    """An object with other keys than str, which JSON does not have, is refused each time."""
    converter = make_converter(unknown=unknown)
    for _ in range(OFTEN):
        with pytest.raises(usagewire.DecodeError):
            converter.structure({"usage_bytes": 5, 1: 2}, UsageVectorStoresResult)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "call",
    [
        lambda: loads(5),  # type: ignore[call-overload]
        lambda: loads(None),  # type: ignore[call-overload]
        lambda: loads(b"1", [int]),  # type: ignore[call-overload]
        lambda: loads(b"1", int, unknown=[]),  # type: ignore[call-overload]
        lambda: dumps(5, dialect=[]),  # type: ignore[arg-type]
        lambda: Decoder().decode_lines(5),  # type: ignore[arg-type]
        lambda: Decoder().feed(5),  # type: ignore[arg-type]
        lambda: Decoder().decode_document(5),  # type: ignore[arg-type]
        lambda: Decoder(max_line_bytes="a"),  # type: ignore[call-overload]
        lambda: Decoder(converter=5),  # type: ignore[call-overload]
        lambda: usagewire.Encoder(converter=5),  # type: ignore[arg-type]
        lambda: usagewire.write(5, []),  # type: ignore[arg-type]
    ],
)
def test_misuse_is_told(call: Any) -> None:
    """Arguments of a wrong type are refused with the library's own error."""
    with pytest.raises(UsageWireError):
        call()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "record",
    [
        UnknownResult(object="new", additional_properties={"project_id": "p", "widgets": 3}),
        CostsResult(line_item="x", additional_properties={"images": 0, "model": ""}),
        loads(text(row(COMPLETIONS, images=0))),
    ],
    ids=["unknown", "costs", "completions"],
)
def test_flat_row_can_be_written(record: Any) -> None:
    """A row that kept keys which the flat shape has fields for can be written in that shape."""
    flat = UsageTimeBucketResultInner.from_result(record)

    assert loads(dumps(flat), UsageTimeBucketResultInner) == flat
    assert record.object == flat.to_result().object


@pytest.mark.usefixtures("path")
def test_null_in_a_list() -> None:
    """A list may have nulls where its items may, in both directions."""
    holder = attrs.make_class("Holder", {"items": attrs.field(type=list[int | None])})
    record = holder([1, None])

    assert record == loads('{"items":[1,null]}', holder)
    assert dumps(record) == b'{"items":[1,null]}'


class Count(int):
    """A kind of int."""


@pytest.mark.usefixtures("path")
def test_types_derived_from_scalars_are_refused() -> None:
    """A type derived from a scalar that is no enum is refused, because JSON cannot tell it."""
    with pytest.raises(UsageWireError, match="not supported"):
        loads("1", Count)


def test_keys_that_are_no_strings() -> None:
    """A dict that came from elsewhere than JSON may have other keys, which are refused."""
    with pytest.raises(usagewire.DecodeError, match="a string as key"):
        make_converter().structure({1: 2}, dict[str, int])
