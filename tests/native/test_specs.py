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
from unittest.mock import patch

import attrs
import pytest

from usagewire import Encoder, UsageObject, UsageVectorStoresResult, UsageWireError, make_converter
from usagewire.codec.line_decoder import progress_from
from usagewire.native import plans

pytestmark = pytest.mark.skipif(
    plans.unavailable() is not None, reason="the C extension is not in use"
)

PLAN, WRITER, READING, FUNCTIONS = plans._Plan, plans._Writer, plans._Reading, plans._FUNCTIONS  # noqa: SLF001 -- what these tests are about

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
    lowering = READING()
    root = lowering.kind(make_converter().get_structure_hook(kind), kind)
    return FUNCTIONS, tuple(lowering.classes), tuple(lowering.unions), root, True


class Noting:
    """Stands in for a `Writer` and notes what it is told."""

    def __init__(self) -> None:
        self.specs: list[Any] = []

    def add(self, spec: Any) -> int:
        """Note a class."""
        self.specs.append(spec)
        return len(self.specs) - 1

    def allow(self, cls: type, index: int) -> None:
        """Allow anything."""


def writer_specs(*classes: type) -> list[Any]:
    """Return what a `Writer` is told of classes, those inside them first."""
    known, noting = plans.RecordWriter(make_converter().get_unstructure_hook), Noting()
    with patch.object(known, "_native", noting):
        assert all(map(known.learn, classes))
    return noting.specs


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

BROKEN_PLANS: Final[dict[str, tuple[tuple[int, ...], Any]]] = {
    "functions": ((0,), (1, 2)),
    "classes": ((1,), []),
    "unions": ((2,), None),
    "no class": ((1, PLAIN), 5),
    "an empty class": ((1, PLAIN), ()),
    "type": ((1, PLAIN, 0), 5),
    "a type with items": ((1, PLAIN, 0), int),
    "a type with a dict": ((1, PLAIN, 0), Dict),
    "a type of atoms": ((1, PLAIN, 0), float),
    "a type with an end": ((1, PLAIN, 0), Finalised),
    "fields": ((1, PLAIN, 1), []),
    "too many fields": ((1, PLAIN, 1), lambda fields: fields[1:2] * 65),
    "field": ((1, PLAIN, 1, 0), ()),
    "no descriptor": ((1, PLAIN, 1, 0, 0), 5),
    "a property": ((1, PLAIN, 1, 0, 0), property()),
    "a slot of a number": ((1, PLAIN, 1, 0, 0), complex.real),
    "a slot of another class": ((1, PLAIN, 1, 0, 0), vars(Circle)["radius"]),
    "kind": ((1, PLAIN, 1, 0, 1), (1,)),
    "kind below": ((1, PLAIN, 1, 0, 1, 0), -1),
    "kind above": ((1, PLAIN, 1, 0, 1, 0), 10),
    "union below": ((1, PLAIN, 1, 0, 1, 2), -1),
    "union above": ((1, PLAIN, 1, 0, 1, 2), 1),
    "union that is no number": ((1, PLAIN, 1, 0, 1, 2), "x"),
    "class below": ((1, PLAIN, 1, 1, 1, 2), -1),
    "class above": ((1, PLAIN, 1, 1, 1, 2), 4),
    "item": ((1, PLAIN, 1, 2, 1, 2), 7),
    "keys": ((1, PLAIN, 2), []),
    "a key that is no text": ((1, PLAIN, 2, 0), 5),
    "a key that is no UTF-8": ((1, PLAIN, 2, 0), "\ud800"),
    "fewer keys": ((1, PLAIN, 2), lambda keys: keys[1:]),
    "key of no field": ((1, PLAIN, 3, 0), 4),
    "key of less than a field": ((1, PLAIN, 3, 0), -3),
    "key of no number": ((1, PLAIN, 3, 0), "x"),
    "tags": ((1, PLAIN, 4), []),
    "a tag that is no text": ((1, CIRCLE, 4), (5,)),
    "unknown keys in no field": ((1, PLAIN, 5), 4),
    "a refused field that is none": ((1, PLAIN, 9), 4),
    "refused": ((1, PLAIN, 10), ()),
    "no union": ((2, 0), 5),
    "an empty union": ((2, 0), ()),
    "tags of a union": ((2, 0, 0), []),
    "a tag of a union that is no text": ((2, 0, 0, 0), 5),
    "fewer tags": ((2, 0, 0), lambda tags: tags[1:]),
    "member above": ((2, 0, 1, 0), 4),
    "member below": ((2, 0, 1, 0), -1),
    "member that is no number": ((2, 0, 1, 0), "x"),
    "member without a tag": ((2, 0, 1, 0), POINT),
    "others": ((2, 0, 2), 4),
    "keys of the tag": ((2, 0, 3), []),
    "a key of the tag that is no text": ((2, 0, 3, 0), 5),
    "root": ((3,), ()),
    "root above": ((3, 2), 4),
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


BROKEN_WRITERS: Final[dict[str, tuple[tuple[int, ...], Any]]] = {
    "an empty class": ((), ()),
    "type": ((0,), 5),
    "a type with a dict": ((0,), Dict),
    "head": ((1,), "{"),
    "fields": ((2,), []),
    "field": ((2, 0), ()),
    "no descriptor": ((2, 0, 0), 5),
    "a slot of a number": ((2, 0, 0), complex.real),
    "a slot of another class": ((2, 0, 0), vars(Circle)["radius"]),
    "a slot of another class for unknown keys": ((3,), vars(Circle)["radius"]),
    "kind": ((2, 0, 1), ()),
    "kind below": ((2, 0, 1, 0), -1),
    "kind above": ((2, 0, 1, 0), 8),
    "no classes": ((2, 0, 1, 2), 5),
    "class below": ((2, 0, 1, 2, 0), -1),
    "class above": ((2, 0, 1, 2, 0), 3),
    "class that is no number": ((2, 0, 1, 2, 0), "x"),
    "item": ((2, 2, 1, 2), 7),
    "lead": ((2, 0, 2), ",x:"),
    "no slot for unknown keys": ((3,), 5),
    "refused": ((7,), ()),
}


@pytest.mark.parametrize("case", BROKEN_WRITERS)
def test_broken_writers(case: str) -> None:
    """A class that cannot be written is refused, and the writer goes on without it."""
    *inner, plain = writer_specs(Plain)
    writer = new_writer()
    assert [0, 1, 2] == [writer.add(spec) for spec in inner]
    broken = changed(plain, *BROKEN_WRITERS[case])
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


@pytest.mark.parametrize("functions", [(), (1, 2), (1, 2, 3, 4, 5), 5], ids=repr)
def test_writer_misused(functions: Any) -> None:
    """A writer needs its functions and the class of decimals."""
    steady(lambda: WRITER(functions))


@pytest.mark.usefixtures("_small_heap")
def test_collector_sees_what_plans_hold() -> None:
    """Whatever may be part of a cycle is visited."""
    spec = plan_spec()
    held = [object() for _ in range(6)]
    functions = (*held[:6], Decimal, spec[0][7])
    plan = PLAN(functions, *spec[1:])
    fallback = Square().side
    for one in (*held, Decimal, Circle, Square, Point, Plain, list, type(plan), fallback):
        assert any(holder is plan for holder in gc.get_referrers(one)), one
    assert not any(holder is plan for holder in gc.get_referrers(held))


@pytest.mark.usefixtures("_small_heap")
def test_collector_sees_what_writers_hold() -> None:
    """Whatever may be part of a cycle is visited."""
    held = [object() for _ in range(4)]
    writer = WRITER((*held, Decimal))
    circle, square = writer_specs(Circle, Square)
    default = ["left out"]
    writer.add(changed(changed(circle, (2, 0, 3), True), (2, 0, 4), default))  # noqa: FBT003
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
    assert gc.is_tracked(extra)
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
