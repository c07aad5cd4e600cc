"""A class inside itself is read and written to one fixed depth."""

from __future__ import annotations

import attrs
import pytest

from tests.support.comparing import Refused, outcome
from tests.support.paths import Loads
from usagewire import Decoder, EncodeError, dumps, loads

OFTEN = 5


@attrs.frozen
class Tree:
    """A class inside itself."""

    n: int
    children: tuple[Tree, ...] = ()
    other: Tree | None = None


def test_recursive(loads: Loads) -> None:
    """A class inside itself is read to any depth, and errors have the whole path."""
    tree = Tree(1, (Tree(2, (Tree(3),)), Tree(4)), Tree(5))

    assert tree == loads(dumps(tree), Tree)
    assert Refused("wrong_type", "$.children[0].other.n") == outcome(
        loads, '{"n":1,"children":[{"n":2,"other":{"n":"x"}}]}', Tree
    )


@attrs.frozen
class Left:
    """One of two classes inside each other."""

    right: Right | None = None


@attrs.frozen
class Right:
    """The other of two classes inside each other."""

    left: Left | None = None


def test_mutually_recursive(loads: Loads) -> None:
    """Two classes inside each other are read."""
    record = Left(Right(Left(Right())))

    assert record == loads(dumps(record), Left)
    assert Refused("wrong_type", "$.right.left.right") == outcome(
        loads, '{"right":{"left":{"right":5}}}', Left
    )


@attrs.define
class Node:
    """A class that nests as deep as it likes."""

    child: Node | None = None


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("depth", [100, 101, 900])
def test_depth_does_not_depend_on_history(depth: int) -> None:
    """A class inside itself is read and written down to level 100, at first and later."""
    data = '{"child":' * depth + "{}" + "}" * depth
    decoder = Decoder(Node, on_error="collect")
    found = decoder.decode_lines(f"{data}\n" * OFTEN)

    assert ["too_deep"] * (0 if depth == 100 else OFTEN) == [r.code for r in decoder.rejections]
    node = None
    for _ in range(depth + 1):
        node = Node(node)
    if depth == 100:
        assert [node] * OFTEN == found
        assert loads(dumps(node), Node) == node
    else:
        with pytest.raises(EncodeError, match="too deep"):
            dumps(node)
