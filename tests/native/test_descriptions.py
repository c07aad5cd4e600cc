"""What C is told of a type: it refuses what it cannot hold, and shows the collector what it holds.

`plans` tells it nothing wrong. But what is wrong here would be memory that is not there, later on.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, ClassVar, Final

import attrs
import pytest

from usagewire import Encoder, UsageObject, UsageVectorStoresResult, UsageWireError, make_converter
from usagewire.codec.line_decoder import progress_from
from usagewire.native import plans
from usagewire.native.descriptions import Lowering

pytestmark = pytest.mark.skipif(
    plans.unavailable() is not None, reason="the C extension is not in use"
)

PLAN, WRITER, REFERENCE = plans.Plan, plans.Writer, plans.REFERENCE

REFUSED: Final = (TypeError, ValueError, IndexError, SystemError)


@attrs.frozen
class Circle:
    """A class with a tag."""

    object: ClassVar[str] = "circle"
    radius: float = 1.0


@attrs.frozen
class Square:
    """Another."""

    object: ClassVar[str] = "square"
    side: Decimal = Decimal("1.5")


@attrs.frozen
class Point:
    """A class without tag."""

    x: int


@attrs.frozen
class Plain:
    """Of kinds that hold others."""

    shape: Circle | Square
    point: Point | None = None
    names: list[str] = attrs.Factory(list)
    numbers: tuple[int, ...] = ()


class Dict:
    """Instances have a dict."""


class Finalised:
    """Instances want to be told of their end."""

    __slots__ = ("x",)

    def __del__(self) -> None:
        """Do nothing."""


def changed(spec: Any, at: tuple[int, ...], value: Any) -> Any:
    """Return a spec with another value somewhere in its tuples; a function gets the old one."""
    if not at:
        return value(spec) if callable(value) and not isinstance(value, type) else value
    index, *rest = at
    index %= len(spec)
    return (*spec[:index], changed(spec[index], tuple(rest), value), *spec[index + 1 :])


def plan_spec(kind: Any = Plain) -> tuple[Any, ...]:
    """Return the arguments of `Plan`."""
    return plans.lowered(make_converter().get_structure_hook(kind), kind)


def writer_specs(*classes: type) -> list[Any]:
    """Return the descriptions of classes to write, those inside them first."""
    specs: list[Any] = []

    def add(described: Any) -> int:
        specs.append(described)
        return len(specs) - 1

    lowering = Lowering("written", add)
    for cls in classes:
        lowering.index_of(make_converter().get_unstructure_hook(cls))
    return specs


WRITING: Final = Encoder()


def new_writer() -> Any:
    """Return a writer that knows nothing."""
    return plans.RecordWriter(make_converter().get_unstructure_hook)._native  # noqa: SLF001


def steady(call: Callable[[], Any]) -> None:
    """See that `call` is refused, and that no reference is left behind."""
    watched = (Circle, Square, Plain, Decimal, UsageWireError, Square(), None)
    with pytest.raises(REFUSED):
        call()
    before = [sys.getrefcount(one) for one in watched]
    for _ in range(50):
        with suppress(*REFUSED):
            call()
    after = [sys.getrefcount(one) for one in watched]
    assert all(abs(more - less) < 20 for less, more in zip(before, after, strict=True))


CIRCLE, SQUARE, POINT, PLAIN = range(4)
"""Indexes of the classes in the specs."""

BROKEN_CLASSES: Final[dict[str, tuple[tuple[int, ...], Any]]] = {
    "no class": ((), 5),
    "an empty class": ((), ()),
    "type": ((0,), 5),
    "a type with items": ((0,), int),
    "a type with a dict": ((0,), Dict),
    "a type of atoms": ((0,), float),
    "a type with an end": ((0,), Finalised),
    "fields": ((1,), []),
    "too many fields": ((1,), lambda fields: fields[1:2] * 65),
    "field": ((1, 0), ()),
    "no descriptor": ((1, 0, 0), 5),
    "a property": ((1, 0, 0), property()),
    "a slot of a number": ((1, 0, 0), complex.real),
    "a slot of another class": ((1, 0, 0), vars(Circle)["radius"]),
    "kind": ((1, 0, 1), (1,)),
    "kind below": ((1, 0, 1, 0), -1),
    "kind above": ((1, 0, 1, 0), 10),
    "class below": ((1, 1, 1, 2), -1),
    "class above": ((1, 1, 1, 2), 4),
    "class itself": ((1, 1, 1, 2), PLAIN),
    "class that is no number": ((1, 1, 1, 2), "x"),
    "item": ((1, 2, 1, 2), 7),
    "key prefix": ((1, 0, 4), ",x:"),
    "keys": ((2,), []),
    "a key that is no text": ((2, 0), 5),
    "a key that is no UTF-8": ((2, 0), "\ud800"),
    "fewer keys": ((2,), lambda keys: keys[1:]),
    "key of no field": ((3, 0), 4),
    "key of less than a field": ((3, 0), -3),
    "key of no number": ((3, 0), "x"),
    "tags": ((4,), []),
    "a tag that is no text": ((4,), (5,)),
    "unknown keys in no field": ((5,), 4),
    "a tag in no field": ((9,), 4),
    "known tags": ((10,), ()),
    "head": ((11,), "{"),
    "no union": ((1, 0, 1, 2), 5),
    "an empty union": ((1, 0, 1, 2), ()),
    "tags of a union": ((1, 0, 1, 2, 0), []),
    "a tag of a union that is no text": ((1, 0, 1, 2, 0), (5, 5)),
    "fewer tags": ((1, 0, 1, 2, 0), ("circle",)),
    "members of a union": ((1, 0, 1, 2, 1), []),
    "member above": ((1, 0, 1, 2, 1, 0), 4),
    "member below": ((1, 0, 1, 2, 1, 0), -1),
    "member that is no number": ((1, 0, 1, 2, 1, 0), "x"),
    "member without a tag": ((1, 0, 1, 2), (("circle", "point"), (CIRCLE, POINT), None, ())),
    "others": ((1, 0, 1, 2, 2), 4),
    "keys of the tag": ((1, 0, 1, 2, 3), []),
    "a key of the tag that is no text": ((1, 0, 1, 2, 3), (5,)),
}
"""Where in a description of `Plain` something is put, and what."""

BROKEN_PLANS: Final[dict[str, tuple[tuple[int, ...], Any]]] = {
    "reference": ((0,), (1, 2)),
    "no tuple as reference": ((0,), 5),
    "no class of decimals": ((0, 10), 5),
    "classes": ((1,), []),
    "root": ((2,), ()),
    "root above": ((2, 2), 4),
    **{f"class: {case}": ((1, PLAIN, *at), value) for case, (at, value) in BROKEN_CLASSES.items()},
}


@pytest.mark.parametrize("case", BROKEN_PLANS)
def test_broken_plans(case: str) -> None:
    """A plan of what cannot be is refused, and dropped as far as it was made."""
    spec = plan_spec()
    assert [Circle, Square, Point, Plain] == [one[0] for one in spec[1]]
    broken = changed(spec, *BROKEN_PLANS[case])
    PLAN(*spec)
    steady(lambda: PLAN(*broken))


def test_plan_that_keeps_nothing() -> None:
    """Where there is no field for unknown keys, none are kept, whatever else is said."""
    spec = changed(plan_spec(Circle), (1, 0, 6), True)  # noqa: FBT003 -- a value of a spec
    data = b'{"object":"circle","radius":2.0,"x":1}'
    assert PLAN(*spec).decode(data) == PLAN(*plan_spec(Circle)).decode(data)


@pytest.mark.parametrize("case", BROKEN_CLASSES)
def test_broken_writers(case: str) -> None:
    """A class that cannot be written is refused, and the writer goes on without it."""
    *inner, plain = writer_specs(Plain)
    writer = new_writer()
    assert [0, 1, 2] == [writer.add(spec) for spec in inner]
    broken = changed(plain, *BROKEN_CLASSES[case])
    steady(lambda: writer.add(broken))
    assert PLAIN == writer.add(plain)
    writer.allow(Plain, PLAIN)
    assert b'{"shape":{"object":"circle","radius":0.5},"point":null,"names":[],"numbers":[1]}' == (
        writer.encode(Plain(Circle(0.5), numbers=(1,)))
    )


@pytest.mark.parametrize(
    "arguments", [(), (5, 0), (Circle, -1), (Circle, 1), (Square, 0), (Circle, "x")], ids=repr
)
def test_only_the_class_itself_is_allowed(arguments: Any) -> None:
    """An index that is not the class's is refused."""
    writer = new_writer()
    assert 0 == writer.add(writer_specs(Circle)[0])
    steady(lambda: writer.allow(*arguments))
    assert writer.encode(Circle()) is NotImplemented


@pytest.mark.parametrize("reference", [(), (1, 2), tuple(range(12)), 5], ids=repr)
def test_writer_misused(reference: Any) -> None:
    """A writer needs the functions of the reference and the class of decimals."""
    steady(lambda: WRITER(reference))
    steady(WRITER)


@pytest.mark.usefixtures("_small_heap")
def test_collector_sees_what_plans_hold() -> None:
    """Whatever may be part of a cycle is visited."""
    spec = plan_spec()
    held = [object() for _ in range(10)]
    plan = PLAN((*held, Decimal, spec[0].zero), *spec[1:])
    fallback = Square().side
    for one in (*held, Decimal, Circle, Square, Point, Plain, list, type(plan), fallback):
        assert any(holder is plan for holder in gc.get_referrers(one)), one
    assert not any(holder is plan for holder in gc.get_referrers(held))


@pytest.mark.usefixtures("_small_heap")
def test_collector_sees_what_writers_hold() -> None:
    """Whatever may be part of a cycle is visited."""
    held = [object() for _ in range(10)]
    writer = WRITER((*held, Decimal, REFERENCE.zero))
    circle, square = writer_specs(Circle, Square)
    default = ["left out"]
    writer.add(changed(changed(circle, (1, 0, 2), 1), (1, 0, 3), default))
    writer.add(square)
    writer.allow(Square, 1)
    index = next(one for one in gc.get_referents(writer) if type(one) is dict)
    assert index == {Square: 1}
    for one in (*held, Decimal, Circle, Square, default, type(writer), index):
        assert any(holder is writer for holder in gc.get_referrers(one)), one


def test_collector_sees_what_was_changed_meanwhile() -> None:
    """What was held back from the collector may have come to its sight by a change."""
    plan = PLAN(*plan_spec(UsageVectorStoresResult))
    records: list[Any] = []
    data = b'{"usage_bytes":1,"x":[]}\n'
    plan.decode_lines(data, progress_from(0), len(data), 100, 100, False, records)  # noqa: FBT003
    extra = records[0].additional_properties
    extra["y"] = []
    # Since 3.14 a dict is tracked when it is made, and a change of it tracks nothing.
    assert gc.is_tracked(extra) == (sys.version_info < (3, 14))
    plan.track()
    assert all(map(gc.is_tracked, (*records, extra)))
    assert {"x": [], "y": []} == extra


@pytest.mark.usefixtures("_small_heap")
def test_collector_at_any_time() -> None:
    """Plans and writers may be visited while they are made."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for kind in (Plain, UsageObject):
            spec = plan_spec(kind)
            plan = PLAN(*spec)
            assert plan.decode(b"what?") is NotImplemented
        assert new_writer().encode(Circle()) is NotImplemented
        assert WRITING.encode([Plain(Circle()), Plain(Square())]).startswith(b'[{"shape"')
    finally:
        gc.set_threshold(*before)
