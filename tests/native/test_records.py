"""Records that C makes: equal to others, with their defaults, shared values and weak references."""

import copy
import json
import pickle
import weakref
from typing import Any

import attrs
import orjson
import pytest

from tests.support.comparing import exact
from tests.support.native import (
    BY_C,
    SHAPES,
    Base,
    Mutable,
    Point,
    WithRef,
    compact,
    grown,
    plan_for,
    taken,
)
from tests.support.samples import PAGES, row, text
from usagewire import UsageObject, UsageVectorStoresResult
from usagewire.models import NO_PROPERTIES

pytestmark = BY_C


@pytest.mark.parametrize(
    ("kind", "data", "expected"), SHAPES, ids=[str(kind) + str(data) for kind, data, _ in SHAPES]
)
def test_user_classes(kind: Any, data: bytes, expected: Any) -> None:
    """C reads any slotted attrs class, with its defaults."""
    found = taken(kind, data)

    assert exact(expected) == exact(found)
    assert expected == found


def test_records_equal_those_of_calls() -> None:
    """A record that C made, and its copies, equal one that a call made."""
    plan = plan_for(UsageObject)
    made = [plan.decode(text(PAGES[page])) for page in PAGES]
    for one in [*made, *made[0].data[0].results, plan.decode(text(row(new=[1])))]:
        called = type(one)(**{a.name: getattr(one, a.name) for a in attrs.fields(type(one))})
        assert called == one
        assert hash(called) == hash(one)
        assert repr(called) == repr(one)
        for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
            assert exact(one) == exact(other)
            assert hash(one) == hash(other)


def test_frozen_stays_frozen() -> None:
    """A frozen record cannot be changed, and another one can."""
    frozen, mutable = taken(Point, b'{"x":1}'), taken(Mutable, b'{"x":1}')
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        frozen.x = 2
    mutable.x = 2

    assert [1, 2] == [frozen.x, mutable.x]


def test_weak_references() -> None:
    """The slot for weak references is empty at first, and works."""
    found = taken(WithRef, b'{"x":1}')
    assert weakref.getweakrefcount(found) == 0
    seen: list[Any] = []
    reference = weakref.ref(found, seen.append)
    assert found is reference()
    del found

    assert [None, [reference]] == [reference(), seen]


def test_defaults() -> None:
    """Each record has a new object from a factory, and all share a default."""
    one, other = (plan_for(Mutable).decode(b'{"x":1}') for _ in range(2))
    one.items.append(5)
    one.table["a"] = 1

    assert [[], {}] == [other.items, other.table]
    assert taken(Base, b'{"x":1}').y is attrs.fields(Base).y.default
    for _ in range(3):
        found = taken(UsageVectorStoresResult, text(row()))
        assert found.additional_properties is NO_PROPERTIES


@pytest.mark.parametrize("letters", ["s", "é", "東", "\N{GRINNING FACE}", '"', "\\", "\n"])
def test_strings_are_shared(letters: str) -> None:
    """Short strings with the same bytes are one object, in all documents of a decoder."""
    plan = plan_for(list[str])
    size = len(orjson.dumps(letters)) - 2
    for times in (2 if size == 1 else 1, 3, 7, 8, 9, 16, 17, 63, 64):
        if times * size <= 64:
            data = orjson.dumps([letters * times] * 2)
            one, other = plan.decode(data)
            assert letters * times == one
            assert one is other
            assert one is plan.decode(data)[0]
    one, other = plan.decode(orjson.dumps([letters * 65] * 2))
    assert letters * 65 == one == other
    assert one is not other


def test_strings_that_differ_by_a_byte_are_not_shared() -> None:
    """Each text is read as itself, whichever strings are in the table."""
    plan = plan_for(str)
    texts = [
        f"{'é' * n}{chr(0x80 + i)}{'z' * m}" for n in (0, 9) for i in range(200) for m in (0, 9)
    ]
    texts += [f"é{n:04}{'z' * size}" for n in range(5000) for size in (9, 8)]
    for written in (orjson.dumps, lambda text: json.dumps(text).encode()):
        for one in texts * 2:
            assert one == plan.decode(written(one))


def test_small_integers_are_shared() -> None:
    """Integers from 0 to 1023 are one object each, and larger ones are new."""
    plan = plan_for(list[int])
    for number, expected in ((0, True), (300, True), (1023, True), (1025, False), (-300, False)):
        one, other = plan.decode(compact([number, number]))
        assert [number, number] == [one, other]
        assert expected == (one is other)


@pytest.mark.usefixtures("_small_heap")
def test_shared_strings_are_bounded() -> None:
    """A plan keeps a few thousand strings, however many it reads."""
    numbers = iter(range(10**9))
    plan = plan_for(str)

    assert grown(lambda: plan.decode(b'"text %d"' % next(numbers)), 20_000) < 4500
    assert grown(lambda: plan.decode(b'"text %d"' % next(numbers)), 20_000) < 100
    assert grown(lambda: plan.decode(b'"t\\u00e9xt %d"' % next(numbers)), 20_000) < 1100
    assert grown(lambda: plan.decode('"té %d"'.encode() % next(numbers)), 20_000) < 100
