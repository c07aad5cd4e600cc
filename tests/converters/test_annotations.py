"""Annotations that Python resolves later: strings, and all annotations since Python 3.14 (PEP 649).

`from __future__ import annotations` makes a string of each annotation, so these tests use strings
for both.
"""

# mypy: disable-error-code="name-defined, used-before-def"
# ruff: noqa: F821 -- some names are missing on purpose

import dataclasses
import sys
from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypedDict, TypeVar

import attrs
import pytest

from tests.support.paths import Loads
from usagewire import Decoder, UsageWireError, dumps

DEFERRED: Final = pytest.mark.skipif(sys.version_info < (3, 14), reason="PEP 649")
T = TypeVar("T")


def local_attrs() -> Any:
    """Return an attrs class that names a local class by a string."""

    @attrs.frozen
    class Item:
        n: int

    @attrs.frozen
    class Order:
        items: "list[Item]"
        parent: "Order | None" = None

    return Order


def local_dataclass() -> Any:
    """Return such a dataclass."""

    @dataclasses.dataclass
    class Order:
        items: "list[Order]"

    return Order


def local_typed_dict() -> Any:
    """Return such a `TypedDict`."""

    class Order(TypedDict):
        items: "list[Order]"

    return Order


def local_named_tuple() -> Any:
    """Return such a `NamedTuple`."""

    class Order(NamedTuple):
        items: "list[Order]"

    return Order


def wrong_attribute() -> Any:
    """Return a class with an attribute that its module does not have."""
    return attrs.make_class("Wrong", {"x": attrs.field(type="sys.Nowhere")})


def wrong_syntax() -> Any:
    """Return a class with an annotation that is not an expression."""
    return attrs.make_class("Wrong", {"x": attrs.field(type="list[")})


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (local_attrs, "'Item' is not defined"),
        (local_dataclass, "'Order' is not defined"),
        (local_typed_dict, "'Order' is not defined"),
        (local_named_tuple, "'Order' is not defined"),
        (wrong_attribute, "has no attribute 'Nowhere'"),
        (wrong_syntax, "must be an expression"),
    ],
)
def test_unresolved(loads: Loads, make: Callable[[], Any], reason: str) -> None:
    """A string that its module cannot resolve is refused in reading and writing, with advice."""
    cls = make()
    expected = f"cannot resolve the annotations of .*{cls.__name__}.*{reason}.*: define its names"

    with pytest.raises(UsageWireError, match=expected):
        loads("{}", cls)
    with pytest.raises(UsageWireError, match=expected):
        dumps({}, type=cls)
    assert attrs.has(cls) == (f"attrs.resolve_types({cls.__name__}, loc" in refusal(cls))


def refusal(cls: Any) -> str:
    """Return why no decoder can be made for a class."""
    with pytest.raises(UsageWireError) as caught:
        Decoder(cls)
    return str(caught.value)


def test_resolved_by_the_user(loads: Loads) -> None:
    """After `attrs.resolve_types` a class may name local classes by strings."""

    @attrs.frozen
    class Item:
        n: int

    @attrs.frozen
    class Order:
        items: "list[Item]"
        parent: "Order | None" = None

    attrs.resolve_types(Order, localns=locals())
    order = Order([Item(1)], Order([]))

    assert order == loads('{"items":[{"n":1}],"parent":{"items":[]}}', Order)
    assert order == loads(dumps(order), Order)


def test_defined_later(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class can be read as soon as its module has the names, also after a refusal."""

    @attrs.frozen
    class Early:
        later: "Later"

    assert "'Later' is not defined" in refusal(Early)

    later = attrs.make_class("Later", {"n": attrs.field(type=int)})
    monkeypatch.setitem(globals(), "Later", later)

    assert Early(later(5)) == loads('{"later":{"n":5}}', Early)


def deferred_attrs() -> Any:
    """Return an attrs class that names itself and a local class defined later."""

    @attrs.frozen
    class Order:
        items: list[Item]
        parent: Order | None = None

    @attrs.frozen
    class Item:
        n: int

    return Order


def deferred_dict_class() -> Any:
    """Return the same without slots."""

    @attrs.define(slots=False)
    class Order:
        items: list[Item]
        parent: Order | None = None

    @attrs.define(slots=False)
    class Item:
        n: int

    return Order


def deferred_child() -> Any:
    """Return a class whose base names local classes defined later."""

    @attrs.frozen
    class Base:
        items: list[Item]

    @attrs.frozen
    class Order(Base):
        parent: Order | None = None

    @attrs.frozen
    class Item:
        n: int

    return Order


def deferred_generic() -> Any:
    """Return a generic class of a local class."""

    @attrs.frozen
    class Order(Generic[T]):
        items: list[T]
        parent: Order[T] | None = None

    @attrs.frozen
    class Item:
        n: int

    return Order[Item]


def deferred_dataclass() -> Any:
    """Return the same as a dataclass."""

    @dataclasses.dataclass
    class Order:
        items: list[Item]
        parent: Order | None = None

    @dataclasses.dataclass
    class Item:
        n: int

    return Order


def deferred_typed_dict() -> Any:
    """Return the same as a `TypedDict`."""

    class Order(TypedDict):
        items: list[Item]
        parent: Order | None

    class Item(TypedDict):
        n: int

    return Order


def deferred_and_missing() -> Any:
    """Return a class that names a local class which is never defined."""

    @attrs.frozen
    class Order:
        items: list[Nowhere]

    return Order


@DEFERRED
@pytest.mark.parametrize(
    "make",
    [
        deferred_attrs,
        deferred_dict_class,
        deferred_child,
        deferred_generic,
        deferred_dataclass,
        deferred_typed_dict,
    ],
)
def test_deferred(loads: Loads, make: Callable[[], Any]) -> None:
    """An annotation that is not a string may name local classes, also those defined later."""
    cls = make()
    document = b'{"items":[{"n":1}],"parent":{"items":[],"parent":null}}'

    assert document == dumps(loads(document, cls), type=cls)


@DEFERRED
def test_deferred_and_missing() -> None:
    """A name that is never defined is refused."""
    assert "'Nowhere' is not defined: define its names in its module" in refusal(
        deferred_and_missing()
    )
