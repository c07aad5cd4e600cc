"""Recursive classes are read and written to a fixed depth."""

from __future__ import annotations

import attrs
import pytest

from tests.support.classes import Nest
from tests.support.comparing import Refused, outcome
from tests.support.paths import Loads
from usagewire import Decoder, EncodeError, dumps, loads

OFTEN = 5


@attrs.frozen
class Tree:
    """A recursive class."""

    n: int
    children: tuple[Tree, ...] = ()
    other: Tree | None = None


def test_recursive(loads: Loads) -> None:
    """A recursive class reads back equal, and an error has the whole path."""
    tree = Tree(1, (Tree(2, (Tree(3),)), Tree(4)), Tree(5))

    assert tree == loads(dumps(tree), Tree)
    assert Refused("wrong_type", "$.children[0].other.n") == outcome(
        loads, '{"n":1,"children":[{"n":2,"other":{"n":"x"}}]}', Tree
    )


@attrs.frozen
class Left:
    """The first of two classes that contain each other."""

    right: Right | None = None


@attrs.frozen
class Right:
    """The second of two classes that contain each other."""

    left: Left | None = None


def test_mutually_recursive(loads: Loads) -> None:
    """Two classes that contain each other are read and written."""
    record = Left(Right(Left(Right())))

    assert record == loads(dumps(record), Left)
    assert Refused("wrong_type", "$.right.left.right") == outcome(
        loads, '{"right":{"left":{"right":5}}}', Left
    )


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("depth", [100, 101, 900])
def test_depth_does_not_depend_on_history(depth: int) -> None:
    """A recursive class may nest 100 levels, the first time and later."""
    data = '{"inner":' * depth + "{}" + "}" * depth
    decoder = Decoder(Nest, on_error="collect")
    found = decoder.decode_lines(f"{data}\n" * OFTEN)

    assert ["too_deep"] * (0 if depth == 100 else OFTEN) == [r.code for r in decoder.rejections]
    node = None
    for _ in range(depth + 1):
        node = Nest(node)
    if depth == 100:
        assert [node] * OFTEN == found
        assert loads(dumps(node), Nest) == node
    else:
        with pytest.raises(EncodeError, match="too deep"):
            dumps(node)
