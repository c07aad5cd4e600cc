"""The C extension on its own, compared with the reference."""

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
from tests.support.cases import texts
from tests.support.comparing import exact, outcome
from tests.support.samples import COMPLETIONS, COSTS, DATA, PAGES, VECTORS, row, text
from usagewire import Decoder, Encoder, UsageVectorStoresResult, make_converter
from usagewire.codec.line_decoder import progress_from
from usagewire.native import plans
from usagewire.wire.exact_json import parse

BY_C: Final = [
    pytest.mark.skipif(plans.unavailable() is not None, reason="the C extension is not in use"),
    pytest.mark.parametrize("path", ["c"], indirect=True),
    pytest.mark.usefixtures("path"),
]
"""The marks of a test module that is only about C."""

BACK: Final = NotImplemented
"""The answer of C when it hands a document back to the reference."""


@functools.cache
def plan_for(kind: Any, strict: bool = True, unknown: Any = "keep") -> Any:  # noqa: FBT002 -- a cache key
    """Return the plan for a type."""
    decoder = Decoder(kind, strict=strict, unknown=unknown)
    assert decoder.not_accelerated is None
    return plan_of(decoder)


def plan_of(decoder: Decoder[Any]) -> Any:
    """Return the plan of a decoder, or None."""
    return decoder._context.plan  # noqa: SLF001 -- these tests are about it


def writer_of(encoder: Encoder) -> Any:
    """Return the writer of an encoder."""
    return encoder._writer  # noqa: SLF001 -- these tests are about it


def dice(seed: int) -> random.Random:
    """Return a generator of random numbers, which are the same each time."""
    return random.Random(seed)  # noqa: S311 -- not for secrets


@functools.cache
def converter_for(strict: bool = True, unknown: Any = "keep") -> Converter:  # noqa: FBT002 -- a cache key
    """Return the reference."""
    return make_converter(strict=strict, unknown=unknown)


def meant(kind: Any, data: bytes, **options: Any) -> Any:
    """Return the result of the reference for a document, or how it refuses the document."""

    def read() -> Any:
        try:
            value = parse(data)
        except orjson.JSONDecodeError as error:
            raise usagewire.DecodeError("syntax", "no JSON") from error
        return converter_for(**options).structure(value, kind)

    return outcome(read)


def taken(kind: Any, data: bytes, **options: Any) -> Any:
    """Return the record that C makes of a document, or BACK, and compare it with the reference."""
    found = plan_for(kind, **options).decode(data)
    if found is not BACK:
        assert meant(kind, data, **options) == exact(found), data
    return found


def compact(value: Any) -> bytes:
    """Return a value as JSON without spaces, as most logs have it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def read_lines(plan: Any, data: bytes, start: int = 0, **given: Any) -> tuple[list[Any], list[Any]]:
    """Return the records of the lines that C reads, and the progress that it reports."""
    options = {"stop": len(data), "longest": 10**6, "most": 10**6, "passes": False} | given
    records: list[Any] = []
    progress = progress_from(start)
    plan.decode_lines(data, progress, *options.values(), records, bool)
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
    """Return how many more blocks of memory are in use after many calls."""
    for _ in range(40):
        call()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(times):
        call()
    gc.collect()
    return sys.getallocatedblocks() - before


def _tokens() -> dict[str, list[str]]:
    """Return the JSON texts of single values, by section."""
    found: dict[str, list[str]] = {}
    for line in (DATA / "tokens.txt").read_text("utf-8").splitlines()[1:]:
        if re.fullmatch(r"\[[a-z]+\]", line):
            section = found.setdefault(line[1:-1], [])
        else:
            section += line.split("  ")
    return found


TOKENS: Final = _tokens()

HANDED_BACK: Final = texts("handed_back.txt")
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
