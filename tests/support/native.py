"""The C extension alone: the records that it reads, compared with the reference."""

import functools
import gc
import json
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

import attrs
import orjson
import pytest
from cattrs import Converter

import usagewire
from tests.support.comparing import exact, outcome
from tests.support.samples import COMPLETIONS, COSTS, DATA, PAGES, VECTORS, row, text
from usagewire import Decoder, Encoder, UsageVectorStoresResult, make_converter
from usagewire.codec.line_decoder import progress_from
from usagewire.native import plans

BY_C: Final = [
    pytest.mark.skipif(plans.unavailable() is not None, reason="the C extension is not in use"),
    pytest.mark.parametrize("path", ["c"], indirect=True),
    pytest.mark.usefixtures("path"),
]
"""Marks of a module that tests C alone."""

BACK: Final = NotImplemented
"""The answer of C if it hands a document back to the reference."""


@functools.cache
def plan_for(kind: Any, strict: bool = True, unknown: Any = "keep") -> Any:  # noqa: FBT002 -- a cache key
    """Return the plan of a type."""
    decoder = Decoder(kind, strict=strict, unknown=unknown)
    assert decoder.not_accelerated is None
    return plan_of(decoder)


def plan_of(decoder: Decoder[Any]) -> Any:
    """Return the plan of a decoder, or None."""
    return decoder._context.plan  # noqa: SLF001 -- what these tests are about


def writer_of(encoder: Encoder) -> Any:
    """Return the writer of an encoder."""
    return encoder._writer  # noqa: SLF001 -- what these tests are about


def dice(seed: int) -> random.Random:
    """Return a generator of random numbers, the same ones each time."""
    return random.Random(seed)  # noqa: S311 -- not secret


@functools.cache
def converter_for(strict: bool = True, unknown: Any = "keep") -> Converter:  # noqa: FBT002 -- a cache key
    """Return the reference."""
    return make_converter(strict=strict, unknown=unknown)


def meant(kind: Any, data: bytes, **options: Any) -> Any:
    """Return the value that the reference reads, or how it rejects the document."""

    def read() -> Any:
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise usagewire.DecodeError("syntax", "no JSON") from error
        return converter_for(**options).structure(value, kind)

    return outcome(read)


def taken(kind: Any, data: bytes, **options: Any) -> Any:
    """Return the value that C reads, which must be the reference's, or BACK."""
    found = plan_for(kind, **options).decode(data)
    if found is not BACK:
        assert meant(kind, data, **options) == exact(found), data
    return found


def compact(value: Any) -> bytes:
    """Return a value as JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def read_lines(plan: Any, data: bytes, start: int = 0, **given: Any) -> tuple[list[Any], list[Any]]:
    """Return the records of the lines that C reads, and its progress."""
    options = {"stop": len(data), "longest": 10**6, "most": 10**6, "passes": False} | given
    records: list[Any] = []
    progress = progress_from(start)
    plan.decode_lines(data, progress, *options.values(), records)
    plan.track()
    return records, progress.tolist()


def slotted(name: str, *, frozen: bool = False, **fields: Any) -> Any:
    """Return an attrs class with slots; a field is a type or an `attrs.field`."""
    of_attrs = type(attrs.field())
    made = {k: f if isinstance(f, of_attrs) else attrs.field(type=f) for k, f in fields.items()}
    return attrs.make_class(name, made, slots=True, frozen=frozen)


def damaged(data: bytes, instead: Iterable[bytes], more: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `data` cut, without a byte, with another instead of it, and with more before it."""
    for at in range(len(data)):
        yield data[:at]
        yield data[:at] + data[at + 1 :]
        yield from (data[:at] + one + data[at + 1 :] for one in instead)
        yield from (data[:at] + one + data[at:] for one in more)


def grown(call: Callable[[], Any], times: int = 60) -> int:
    """Return how many memory blocks many calls leave."""
    for _ in range(20):
        call()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(times):
        call()
    gc.collect()
    return sys.getallocatedblocks() - before


def _tokens() -> dict[str, list[str]]:
    """Return JSON texts of single values by section."""
    found: dict[str, list[str]] = {}
    for line in (DATA / "tokens.txt").read_text("utf-8").splitlines()[1:]:
        if re.fullmatch(r"\[[a-z]+\]", line):
            section = found.setdefault(line[1:-1], [])
        else:
            section += line.split("  ")
    return found


TOKENS: Final = _tokens()

_TAG: Final = VECTORS.encode()
HANDED_BACK: Final = {
    "no JSON": b"what?",
    "nothing": b"",
    "a space": b" ",
    "more after it": text(row()) + b"x",
    "two": text(row()) * 2,
    "no object": b"[]",
    "null": b"null",
    "no tag": b'{"usage_bytes":5}',
    "no string as tag": b'{"object":5,"usage_bytes":5}',
    "two tags": text(row(Object=VECTORS)),
    "one tag twice": b'{"object":"%s","usage_bytes":5,"object":"%s"}' % (_TAG, COSTS.encode()),
    "a key twice": b'{"object":"%s","usage_bytes":5,"usage_bytes":6}' % _TAG,
    "two spellings": text(row(usageBytes=5)),
    "an escape in a key that may be absent": text(row(project_id="p")).replace(b"t_", rb"t\u005f"),
    "a key with an escape": text(row()).replace(b"usage_bytes", rb"usage\u005fbytes"),
    "an escape in the tag": text(row()).replace(b"organization", rb"\u006frganization"),
    "a missing field": b'{"object":"%s"}' % _TAG,
    "null in a required field": text(row(usage_bytes=None)),
    "a wrapper": b'{"ActualInstance":%s}' % text(row()),
    "a wrapper beside": b'{"object":"later","ActualInstance":5}',
    "an API error": b'{"object":"later","error":{"message":"no"}}',
    "use as a cost": text({"object": COSTS, "input_tokens": 5}),
    "no comma": b'{"object":"%s" "usage_bytes":5}' % _TAG,
    "two commas": b'{"object":"%s",,"usage_bytes":5}' % _TAG,
    "a comma last": b'{"object":"%s","usage_bytes":5,}' % _TAG,
    "a comma first": b'{,"object":"%s","usage_bytes":5}' % _TAG,
    "no colon": b'{"object" "%s","usage_bytes":5}' % _TAG,
    "a key without quotes": b'{object:"%s","usage_bytes":5}' % _TAG,
    "another bracket": b'{"object":"%s","usage_bytes":5]' % _TAG,
    "wrong UTF-8": b'{"object":"%s","usage_bytes":5,"project_id":"\xff"}' % _TAG,
    "a byte that begins nothing": b'{"object":"%s","usage_bytes":5,"project_id":"\x80"}' % _TAG,
    "a surrogate": b'{"object":"%s","usage_bytes":5,"project_id":"\xed\xa0\x80"}' % _TAG,
    "a control character": b'{"object":"%s","usage_bytes":5,"project_id":"a\tb"}' % _TAG,
    "wrong UTF-8 in an unknown key": b'{"object":"%s","usage_bytes":5,"\xff":1}' % _TAG,
    "a value that cannot be kept": b'{"object":"later","x":[1e300]}',
    "an integer that cannot be kept": b'{"object":"later","x":[18446744073709551616]}',
    "a list that does not end": b'{"object":"later","x":[1',
    "a comma last in a list": b'{"object":"page","has_more":false,"data":[{"object":"later"},]}',
    "a comma last in a row": b'{"object":"bucket","start_time":1,"end_time":2,"results":[],}',
}
"""Documents that C hands back to the reference."""

DOCUMENTS: Final = [
    compact(
        row(COMPLETIONS, input_cached_tokens=12, project_id="proj_a", model="gpt-4o", batch=False)
    ),
    text(row(COMPLETIONS, user_id=None, later={"a": [1, "x"]})),
    compact({"object": COSTS, "amount": {"value": 0.06, "currency": "usd"}, "line_item": "é\n"}),
    compact({"usage_bytes": 5, "new": [True, None], "object": VECTORS}),
    compact(PAGES["vector_stores"]),
]


@attrs.frozen
class Point:
    x: int
    note: str = ""


@attrs.frozen
class Base:
    x: int
    y: str = "base"


@attrs.frozen
class Derived(Base):
    z: float = 0.5


@attrs.frozen
class Mine(UsageVectorStoresResult):
    mine: int = 7


@attrs.define
class Mutable:
    x: int
    items: list[int] = attrs.Factory(list)
    table: Any = attrs.Factory(dict)
    note: str | None = None


@attrs.frozen
class WithRef:
    x: int
    note: str = "none"


@attrs.define(weakref_slot=False)
class NoRef:
    x: int


@attrs.frozen
class Holding:
    point: Point
    other: Point | None = None
    points: tuple[Point, ...] = ()


PRICE: Final = Decimal("1.5")


@attrs.frozen
class Priced:
    x: int
    price: Decimal = PRICE


@attrs.frozen(kw_only=True)
class Keeping:
    x: int
    additional_properties: Any


SHAPES: Final[list[tuple[Any, bytes, Any]]] = [
    (Mutable, b'{"x":1}', Mutable(1)),
    (Mutable, b'{"x":1,"items":[2],"table":{"a":1},"note":"n"}', Mutable(1, [2], {"a": 1}, "n")),
    (WithRef, b'{"x":1}', WithRef(1)),
    (NoRef, b'{"x":1}', NoRef(1)),
    (
        Holding,
        b'{"point":{"x":1},"points":[{"x":2},{"x":3}]}',
        Holding(Point(1), None, (Point(2), Point(3))),
    ),
    (Holding, b'{"point":{"x":1},"other":null}', Holding(Point(1))),
    (Derived, b'{"x":1}', Derived(1)),
    (Derived, b'{"z":1.5,"y":"s","x":2}', Derived(2, "s", 1.5)),
    (
        Mine,
        b'{"usage_bytes":1,"mine":2,"new":3}',
        Mine(usage_bytes=1, mine=2, additional_properties={"new": 3}),
    ),
    (Keeping, b'{"x":1,"new":2}', Keeping(x=1, additional_properties={"new": 2})),
    (Keeping, b'{"x":1}', Keeping(x=1, additional_properties={})),
    (Priced, b'{"x":1}', Priced(1)),
    (list[Point], b'[{"x":1},{"x":2}]', [Point(1), Point(2)]),
    (tuple[Point, ...], b"[]", ()),
    (Point | None, b"null", None),
]
"""Types, documents that C reads, and the values."""
