"""Descriptions of types: C refuses wrong ones, and shows the collector the objects in others.

`plans` makes no wrong descriptions. But C would read memory that is not there if it accepted one.
"""

import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, ClassVar, Final

import attrs
import pytest

from tests.support.native import BY_C
from usagewire import Encoder, UsageObject, UsageVectorStoresResult, UsageWireError, make_converter
from usagewire.codec.line_decoder import progress_from
from usagewire.native import plans
from usagewire.native.descriptions import KINDS, Kind, kind_named
from usagewire.native.lowering import Lowering

pytestmark = BY_C

PLAN, WRITER, REFERENCE = plans.Plan, plans.Writer, plans.REFERENCE

REFUSED: Final = (TypeError, ValueError, IndexError, SystemError)


@attrs.frozen
class Circle:
    """A class with a tag."""

    object: ClassVar[str] = "circle"
    radius: float = 1.0


@attrs.frozen
class Square:
    """Another class with a tag."""

    object: ClassVar[str] = "square"
    side: Decimal = Decimal("1.5")


@attrs.frozen
class Point:
    """A class without a tag."""

    x: int


@attrs.frozen
class Drawing:
    """A class with fields of classes, unions, lists and tuples."""

    shape: Circle | Square
    point: Point | None = None
    names: list[str] = attrs.Factory(list)
    numbers: tuple[int, ...] = ()


class Dict:
    """A class whose instances have a dict."""


class Finalized:
    """A class with a finalizer."""

    __slots__ = ("x",)

    def __del__(self) -> None:
        """Do nothing."""


def changed(spec: Any, at: tuple[int, ...], value: Any) -> Any:
    """Return a spec with another value in its tuples. A function gets the old value."""
    if not at:
        return value(spec) if callable(value) and not isinstance(value, type) else value
    index, *rest = at
    index %= len(spec)
    return (*spec[:index], changed(spec[index], tuple(rest), value), *spec[index + 1 :])


def plan_spec(kind: Any = Drawing) -> tuple[Any, ...]:
    """Return the arguments of `Plan`."""
    return plans.lowered(make_converter().get_structure_hook(kind), kind)


def writer_specs(*classes: type) -> list[Any]:
    """Return the descriptions of classes to write, those inside them first."""
    lowering = Lowering("written")
    for cls in classes:
        lowering.index_of(make_converter().get_unstructure_hook(cls))
    return lowering.classes


WRITING: Final = Encoder()


def new_writer() -> Any:
    """Return a writer without classes."""
    return plans.RecordWriter(make_converter().get_unstructure_hook)._native  # noqa: SLF001


def steady(call: Callable[[], Any]) -> None:
    """Check that `call` is refused and leaves no reference."""
    watched = (Circle, Square, Drawing, Decimal, UsageWireError, Square(), None)
    with pytest.raises(REFUSED):
        call()
    before = [sys.getrefcount(one) for one in watched]
    for _ in range(50):
        with suppress(*REFUSED):
            call()
    after = [sys.getrefcount(one) for one in watched]
    assert all(abs(more - less) < 20 for less, more in zip(before, after, strict=True))


DRAWING: Final = 0
"""The index of this class in the specs, before those that it refers to."""

BROKEN_CLASSES: Final[dict[str, tuple[tuple[int, ...], Any]]] = {
    "not a class": ((), 5),
    "an empty class": ((), ()),
    "type": ((0,), 5),
    "fields": ((1,), []),
    "field": ((1, 0), ()),
    "not a descriptor": ((1, 0, 0), 5),
    "a property": ((1, 0, 0), property()),
    "a slot of a number": ((1, 0, 0), complex.real),
    "a slot of another class": ((1, 0, 0), vars(Circle)["radius"]),
    "kind": ((1, 0, 1), (1,)),
    "kind below": ((1, 0, 1, 0), -1),
    "kind above": ((1, 0, 1, 0), len(KINDS)),
    "class below": ((1, 1, 1, 2), -1),
    "class above": ((1, 1, 1, 2), 4),
    "class that is not a number": ((1, 1, 1, 2), "x"),
    "item": ((1, 2, 1, 2), 7),
    "two items": ((1, 2, 1, 2), lambda items: items * 2),
    "a broken item": ((1, 2, 1, 2), (5,)),
    "JSON types": ((1, 2, 1), Kind(KINDS.index("JSON types"), of=())),
    "choices": ((1, 2, 1), Kind(KINDS.index("choice"), of=())),
    "texts of choices": ((1, 2, 1), Kind(KINDS.index("choice"), of=((), (5,), {}))),
    "a text that is not a str": ((1, 2, 1), Kind(KINDS.index("choice"), of=((5,), (5,), {}))),
    "key prefix": ((1, 0, 4), ",x:"),
    "name": ((1, 0, 5), 5),
    "keys": ((2,), []),
    "a key that is not a str": ((2, 0), 5),
    "a key that is not UTF-8": ((2, 0), "\ud800"),
    "fewer keys": ((2,), lambda keys: keys[1:]),
    "key of no field": ((3, 0), 4),
    "key of less than a field": ((3, 0), -3),
    "key that is not a number": ((3, 0), "x"),
    "tags": ((4,), []),
    "a tag that is not a str": ((4,), (5,)),
    "unknown keys in no field": ((5,), 4),
    "a tag in no field": ((9,), 4),
    "known tags": ((10,), ()),
    "head": ((11,), "{"),
    "a choice of nothing": ((1, 0, 1), kind_named("choice", 5)),
    "fewer values of a choice": ((1, 0, 1), kind_named("choice", (("a",), (), {}))),
    "a choice that is not a str": ((1, 0, 1), kind_named("choice", ((5,), (5,), {}))),
    "values of a choice": ((1, 0, 1), kind_named("choice", (("a",), (5,), ()))),
}
"""Places in the description of `Drawing`, and wrong values for them."""

BROKEN_UNIONS: Final[dict[str, tuple[tuple[int, ...], Any]]] = {
    "not a union": ((1, 0, 1, 2), 5),
    "an empty union": ((1, 0, 1, 2), ()),
    "tags of a union": ((1, 0, 1, 2, 0), []),
    "a tag of a union that is not a str": ((1, 0, 1, 2, 0), (5, 5)),
    "fewer tags": ((1, 0, 1, 2, 0), ("circle",)),
    "members of a union": ((1, 0, 1, 2, 1), []),
    "member above": ((1, 0, 1, 2, 1, 0), 4),
    "member below": ((1, 0, 1, 2, 1, 0), -1),
    "member that is not a number": ((1, 0, 1, 2, 1, 0), "x"),
    "others": ((1, 0, 1, 2, 2), 4),
    "keys of the tag": ((1, 0, 1, 2, 3), []),
    "a key of the tag that is not a str": ((1, 0, 1, 2, 3), (5,)),
}
"""The same in reading."""

BROKEN_TYPES: Final[dict[str, tuple[tuple[int, ...], Any]]] = {
    "types of a union": ((1, 0, 1, 5), [Circle, Square]),
    "fewer types": ((1, 0, 1, 5), (Circle,)),
    "fewer kinds": ((1, 0, 1, 2), lambda kinds: kinds[1:]),
    "a member": ((1, 0, 1, 2, 0), 5),
    "a member of a class above": ((1, 0, 1, 2, 0, 2), 4),
}
"""The same in writing."""

BROKEN_PLANS: Final[dict[str, tuple[tuple[int, ...], Any]]] = {
    "reference": ((0,), (1, 2)),
    "reference is not a tuple": ((0,), 5),
    "class of decimals": ((0, -2), 5),
    "classes": ((1,), []),
    "root": ((2,), ()),
    "root above": ((2, 2), 4),
    **{
        f"class: {case}": ((1, DRAWING, *at), value)
        for case, (at, value) in (BROKEN_CLASSES | BROKEN_UNIONS).items()
    },
}


@pytest.mark.parametrize("case", BROKEN_PLANS)
def test_broken_plans(case: str) -> None:
    """A wrong plan is refused, and the half built one is freed."""
    spec = plan_spec()
    assert [Drawing, Circle, Square, Point] == [one[0] for one in spec[1]]
    broken = changed(spec, *BROKEN_PLANS[case])
    PLAN(*spec)
    steady(lambda: PLAN(*broken))


def test_plan_without_a_field_for_unknown_keys() -> None:
    """A plan without a field for unknown keys keeps none, even if `keep_extra` is true."""
    spec = changed(plan_spec(Circle), (1, 0, 6), True)  # noqa: FBT003 -- a value of a spec
    data = b'{"object":"circle","radius":2.0,"x":1}'
    assert PLAN(*spec).decode(data) == PLAN(*plan_spec(Circle)).decode(data)


@pytest.mark.parametrize("case", BROKEN_CLASSES | BROKEN_TYPES)
def test_broken_writers(case: str) -> None:
    """Wrong classes are refused together, and the writer still accepts correct ones."""
    drawing, *inner = writer_specs(Drawing)
    writer = new_writer()
    broken = changed(drawing, *(BROKEN_CLASSES | BROKEN_TYPES)[case])
    steady(lambda: writer.add((broken, *inner)))
    writer.add((drawing, *inner))
    writer.allow(Drawing, DRAWING)
    assert b'{"shape":{"object":"circle","radius":0.5},"point":null,"names":[],"numbers":[1]}' == (
        writer.encode(Drawing(Circle(0.5), numbers=(1,)))
    )


OTHER_TYPES: Final = {
    "a type with items": int,
    "a type with a dict": Dict,
    "a type of atoms": float,
    "a type with a finalizer": Finalized,
}


@pytest.mark.parametrize("name", OTHER_TYPES)
def test_type_that_is_not_slots(name: str) -> None:
    """C does not fill the slots of such a type, whatever the description says."""
    spec = changed(plan_spec(Point), (1, 0, 0), OTHER_TYPES[name])
    made = changed(spec, (1, 0, 14), lambda x: ("made", x))
    plan = PLAN(*changed(made, (1, 0, 15), None))
    assert plan.decode(b'{"x":5}') is NotImplemented  # it takes no keywords
    spec = changed(plan_spec(Point), (1, 0, 1), lambda fields: fields * 65)
    assert PLAN(*changed(spec, (1, 0, 1, 0), fields_of(spec)[0])).decode(b"{}") is NotImplemented


def fields_of(spec: Any) -> Any:
    """Return the descriptions of the fields of the first class."""
    return spec[1][0][1]


@pytest.mark.parametrize(
    "arguments", [(), (5, 0), (Circle, -1), (Circle, 1), (Square, 0), (Circle, "x")], ids=repr
)
def test_wrong_index_of_a_class(arguments: Any) -> None:
    """A writer refuses an index of another class."""
    writer = new_writer()
    writer.add(tuple(writer_specs(Circle)))
    steady(lambda: writer.allow(*arguments))
    assert writer.encode(Circle()) is NotImplemented


@pytest.mark.parametrize("reference", [(), (1, 2), tuple(range(12)), 5], ids=repr)
def test_writer_misused(reference: Any) -> None:
    """A writer refuses a wrong tuple of functions, and no tuple."""
    steady(lambda: WRITER(reference))
    steady(WRITER)
    writer = new_writer()
    steady(lambda: writer.add([]))


@pytest.mark.usefixtures("_small_heap")
def test_collector_sees_what_plans_hold() -> None:
    """The collector visits every object that can be in a cycle."""
    spec = plan_spec()
    held = [object() for _ in REFERENCE[:-2]]
    plan = PLAN((*held, Decimal, spec[0].zero), *spec[1:])
    fallback = Square().side
    for one in (*held, Decimal, Circle, Square, Point, Drawing, list, type(plan), fallback):
        assert any(holder is plan for holder in gc.get_referrers(one)), one
    assert not any(holder is plan for holder in gc.get_referrers(held))


@pytest.mark.usefixtures("_small_heap")
def test_collector_sees_what_writers_hold() -> None:
    """The collector visits every object that can be in a cycle."""
    held = [object() for _ in REFERENCE[:-2]]
    writer = WRITER((*held, Decimal, REFERENCE.zero))
    circle, square = writer_specs(Circle, Square)
    default = ["left out"]
    writer.add((changed(changed(circle, (1, 0, 2), 1), (1, 0, 3), default), square))
    writer.allow(Square, 1)
    index = next(one for one in gc.get_referents(writer) if type(one) is dict)
    assert index == {Square: 1}
    for one in (*held, Decimal, Circle, Square, default, type(writer), index):
        assert any(holder is writer for holder in gc.get_referrers(one)), one


def test_deferred_object_is_changed() -> None:
    """A change can track a deferred object before C does."""
    plan = PLAN(*plan_spec(UsageVectorStoresResult))
    records: list[Any] = []
    data = b'{"usage_bytes":1,"x":[]}\n'
    plan.decode_lines(data, progress_from(0), len(data), 100, 100, False, records)  # noqa: FBT003
    extra = records[0].additional_properties
    extra["y"] = []
    # Before Python 3.14 a change makes a dict tracked. Since then only its creation does.
    assert gc.is_tracked(extra) == (sys.version_info < (3, 14))
    plan.track()
    assert all(map(gc.is_tracked, (*records, extra)))
    assert {"x": [], "y": []} == extra


@pytest.mark.usefixtures("_small_heap")
def test_collector_at_any_time() -> None:
    """The collector can run while plans and writers are made."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for kind in (Drawing, UsageObject):
            spec = plan_spec(kind)
            plan = PLAN(*spec)
            assert plan.decode(b"what?") is NotImplemented
        assert new_writer().encode(Circle()) is NotImplemented
        assert WRITING.encode([Drawing(Circle()), Drawing(Square())]).startswith(b'[{"shape"')
    finally:
        gc.set_threshold(*before)
