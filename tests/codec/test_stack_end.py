"""Reading and writing where the stack has room for few more calls."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import usagewire as uw
from tests.support.paths import CACHES
from usagewire.native import plans

ENTERING = 6
"""The call itself, functions that only pass it on, and the handler may find no room. Their number
of levels depends on the version of Python, and on what it has specialised."""
LEVELS = 130


@attrs.define
class Tree:
    x: int
    kids: list["Tree"] = attrs.Factory(list)


attrs.resolve_types(Tree)
ROW = b'{"object":"organization.usage.vector_stores.result","usage_bytes":5,"new":{"a":[1]}}'
RECORD = uw.loads(ROW)
TREE = Tree(1, [Tree(2, [Tree(3)])])

CALLS: dict[str, Callable[[Any, Any, Any], object]] = {
    "encode": lambda encoder, _, __: encoder.encode(RECORD),
    "encode a tree": lambda encoder, _, __: encoder.encode(TREE),
    "encode a list": lambda encoder, _, __: encoder.encode([RECORD]),
    "encode as a type": lambda encoder, _, __: encoder.encode(TREE, Tree),
    "encode_lines": lambda encoder, _, __: encoder.encode_lines([RECORD, TREE]),
    "encode_lines as a type": lambda encoder, _, __: encoder.encode_lines([TREE], Tree),
    "dumps": lambda _, __, ___: uw.dumps(RECORD),
    "loads": lambda _, __, ___: uw.loads(ROW),
    "decode": lambda _, decoder, __: decoder.decode(ROW),
    "decode a bad document": lambda _, decoder, __: decoder.decode(b'{"object":5}'),
    "decode a tree": lambda _, __, trees: trees.decode(b'{"x":1,"kids":[{"x":2}]}'),
    "decode_lines": lambda _, decoder, __: decoder.decode_lines(ROW + b"\n?\n" + ROW),
    "decode_document": lambda _, decoder, __: decoder.decode_document(b"[" + ROW + b",5]"),
    "feed": lambda _, decoder, __: decoder.feed(ROW + b"\n?\n"),
    "close": lambda _, decoder, __: decoder.close(),
}


# The fixture `path` would put functions of the tests between the caller and the library.
@pytest.mark.parametrize("pure", [True, False], ids=["reference", "c"])
@pytest.mark.parametrize("name", CALLS)
def test_only_our_errors_at_the_end_of_the_stack(
    monkeypatch: pytest.MonkeyPatch, name: str, *, pure: bool
) -> None:
    """A call that has begun succeeds or raises an error of the library, however deep it is."""
    monkeypatch.setattr(plans, "PURE", plans.PURE or pure)
    for cache in CACHES:
        cache.cache_clear()
    objects = uw.Encoder(), uw.Decoder(on_error="skip"), uw.Decoder(Tree)
    calls = CALLS[name], lambda *_: None

    def outcome(number: int, levels: int) -> str:
        if levels:
            return outcome(number, levels - 1)
        try:
            calls[number](*objects)
        except uw.UsageWireError:
            return "refused"
        return "done"

    def outcome_at(number: int, room: int) -> str:
        try:
            return outcome(number, sys.getrecursionlimit() - _depth() - room)
        except RecursionError:
            return "bare"

    outcome(0, 0)
    without_room = [outcome_at(1, room) for room in range(LEVELS)].count("bare")
    found = [outcome_at(0, room) for room in range(LEVELS)]

    assert "bare" not in found[without_room + ENTERING :]
    assert {"bare"} < set(found)


def _depth() -> int:
    frame, depth = inspect.currentframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


@pytest.mark.usefixtures("path")
def test_an_error_of_the_last_level_is_whole() -> None:
    """An error that no function made has a path, a message and a text."""
    encoded = uw.EncodeError.__new__(uw.EncodeError, "nested too deep")
    decoded = uw.DecodeError.__new__(uw.DecodeError, "too_deep", "nested too deep")

    assert ("$: nested too deep", "nested too deep") == (str(encoded), encoded.message)
    assert "$: too_deep: nested too deep" == str(decoded)
    assert ("too_deep", "$", None) == (decoded.code, decoded.path, decoded.rejection)
    assert "$[3]: nested too deep" == str(encoded.within(3))
