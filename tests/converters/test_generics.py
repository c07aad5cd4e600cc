"""Generic attrs classes: type variables belong to the class that defines the field."""

from typing import Any, Generic, TypeVar

import pytest
from attrs import define

from tests.support.comparing import Refused, expect, outcome
from tests.support.paths import Loads
from tests.support.samples import VECTORS
from usagewire import Encoder, UsageVectorStoresResult, UsageWireError, dumps

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


@define
class Pair(Generic[K, V]):
    k: K
    v: V


@define
class Swapped(Pair[V, K], Generic[K, V]):
    pass


@define
class Half(Pair[int, V], Generic[V]):
    more: list[V]


@define
class Filled(Half[str]):
    pass


@define
class Same(Pair[T, T]):
    x: T | None = None


@define
class Between(Swapped[str, V], Generic[V]):
    pass


@define
class Page(Generic[T]):
    items: list[T]
    next: T | None = None


@define
class Deep(Generic[T]):
    pair: Pair[T, Page[T]]
    pages: dict[str, Page[T]]


@define
class It:
    a: int


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (Pair[str, int], '{"k":"s","v":1}', Pair("s", 1)),
        (Pair[str, int], '{"k":1,"v":"s"}', Refused("wrong_type", "$.k")),
        (Swapped[int, str], '{"k":"s","v":1}', Swapped("s", 1)),
        (Swapped[int, str], '{"k":1,"v":"s"}', Refused("wrong_type", "$.k")),
        (Half[str], '{"k":1,"v":"s","more":["t"]}', Half(1, "s", ["t"])),
        (Half[str], '{"k":1,"v":"s","more":[1]}', Refused("wrong_type", "$.more[0]")),
        (Filled, '{"k":1,"v":"s","more":[]}', Filled(1, "s", [])),
        (Same[int], '{"k":1,"v":2,"x":3}', Same(1, 2, 3)),
        (Same[int], '{"k":1,"v":2,"x":"3"}', Refused("wrong_type", "$.x")),
        (Between[int], '{"k":1,"v":"s"}', Between(1, "s")),
        (Between[int], '{"k":"s","v":1}', Refused("wrong_type", "$.k")),
        (Page[It], '{"items":[{"a":1}],"next":{"a":2}}', Page([It(1)], It(2))),
        (Page[Pair[int, It]], '{"items":[{"k":1,"v":{"a":2}}]}', Page([Pair(1, It(2))])),
        (
            Deep[int],
            '{"pair":{"k":1,"v":{"items":[2]}},"pages":{"z":{"items":[3]}}}',
            Deep(Pair(1, Page([2])), {"z": Page([3])}),
        ),
    ],
    ids=repr,
)
def test_each_base_has_its_own_variables(loads: Loads, kind: Any, data: str, expected: Any) -> None:
    """A variable has the value that its own class is given, whatever its name elsewhere."""
    assert expect(expected) == outcome(loads, data, kind)


@pytest.mark.parametrize("kind", [Page, Pair, Half, list[Page], Pair[int, V]])
def test_an_open_variable_cannot_be_read(loads: Loads, kind: Any) -> None:
    """Nothing says what its values are."""
    with pytest.raises(UsageWireError, match="cannot decode"):
        loads("{}", kind)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("record", "text"),
    [
        (Pair(1, "x"), b'{"k":1,"v":"x"}'),
        (Pair(It(1), [It(2)]), b'{"k":{"a":1},"v":[{"a":2}]}'),
        (Page([It(1)], It(2)), b'{"items":[{"a":1}],"next":{"a":2}}'),
        (Filled(1, "s", ["t"]), b'{"k":1,"v":"s","more":["t"]}'),
        (
            Page([UsageVectorStoresResult(usage_bytes=1)]),
            b'{"items":[{"object":"%s","usage_bytes":1}],"next":null}' % VECTORS.encode(),
        ),
    ],
)
def test_values_are_written_by_their_own_classes(record: Any, text: bytes) -> None:
    """A generic record can be written without naming its type."""
    assert text == dumps(record)
    assert text + b"\n" == Encoder().encode_lines([record])
