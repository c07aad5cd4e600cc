"""References and memory: C keeps none after reading, and records own what they hold."""

import gc
import sys
from decimal import Decimal
from functools import partial
from typing import Any, Final

import attrs
import orjson
import pytest

from tests.support.native import (
    BY_C,
    DOCUMENTS,
    HANDED_BACK,
    PRICE,
    SHAPES,
    Mutable,
    Point,
    Priced,
    compact,
    grown,
    plan_for,
    read_lines,
)
from tests.support.samples import COMPLETIONS, PAGES, row, text
from usagewire import (
    CostsResultAmount,
    UsageCompletionsResult,
    UsageObject,
    UsageTimeBucket,
    UsageVectorStoresResult,
)
from usagewire.converters import scalars
from usagewire.models import NO_PROPERTIES

pytestmark = BY_C

TOKENS: Final = [
    "1", "1.5", "1e5", "9223372036854775807", "18446744073709551616", "true", "null", '"s"',
    r'"\u00e9"', r'"\ud800"', '"1.5"', '"0"', '"1e5"', '"x1"', '"é"', "[1]", '{"a":1}',
    "123456.789", "1.00", "12345678901234567.5",
]  # fmt: skip
CASES: Final[dict[str, tuple[Any, bytes]]] = {
    **{f"page {page}": (UsageObject, text(PAGES[page])) for page in PAGES},
    **{f"handed back {case}": (UsageObject, data) for case, data in HANDED_BACK.items()},
    **{f"shape {i}": (kind, data) for i, (kind, data, _) in enumerate(SHAPES)},
    **{f"cut {at}": (UsageObject, DOCUMENTS[1][:at]) for at in range(0, len(DOCUMENTS[1]), 5)},
    **{f"cut page {at}": (UsageObject, DOCUMENTS[4][:at]) for at in range(0, len(DOCUMENTS[4]), 9)},
    **{
        f"value {token} as {kind}": (list[kind], f"[{token}]".encode())
        for kind in (int, float, str, bool, Decimal, Any)
        for token in TOKENS
    },
    "mutable cut": (Mutable, b'{"x":1,"items":[1,2,"x"]}'),
    "mutable no end": (Mutable, b'{"items":[1,2],"table":{"a":1},"x":1'),
    "mutable missing": (Mutable, b'{"items":[1,2],"note":"abc"}'),
    "bad later item": (list[Point], b'[{"x":1,"note":"abc"},{"x":2},{"x":"x"}]'),
    "bad end of items": (list[Point], b'[{"x":1},{"x":2}'),
    "extra then bad": (UsageObject, text(row(a=1, b=[1], c="x", usage_bytes="x"))),
    "a long unknown key": (UsageObject, text(row(**{"k" * 70: 1, "é" * 9: 2}))),
    "a long ignored key": (UsageObject, text(row(**{"k" * 70: [1], "é" * 9: 2.5}))),
    "extra twice": (UsageObject, b'{"object":"later","a":12345678901,"a":[12345678901]}'),
    "junk after": (UsageObject, text(row(a=[1])) + b"x"),
}
"""Types and documents, good and bad, for each way through the C text."""


@pytest.mark.usefixtures("_small_heap")
def test_no_memory_is_kept() -> None:
    """Reading a document many times, good or bad, takes no more memory."""
    for case, (kind, data) in CASES.items():
        plan = plan_for(kind, unknown="ignore" if "ignored" in case else "keep")
        lines = data + b"\n" + data
        # Python fills caches of its own in the first calls.
        decode = partial(plan.decode, data, bool)
        assert min(abs(grown(decode)) for _ in range(3)) < 30, case
        assert min(abs(grown(partial(read_lines, plan, lines))) for _ in range(3)) < 30, case


@pytest.mark.usefixtures("_small_heap")
def test_no_reference_is_kept() -> None:
    """Shared objects have as many references as before when the records are gone."""
    shared: dict[str, Any] = {
        "None": None,
        "true": True,
        "zero": scalars.ZERO,
        "no unknown keys": NO_PROPERTIES,
        "class of a row": UsageVectorStoresResult,
        "frozen class": Point,
        "mutable class": Mutable,
        "Decimal": Decimal,
        "default": PRICE,
        "class of a bucket": UsageTimeBucket,
        "class of an amount": CostsResultAmount,
        "orjson.loads": orjson.loads,
        "read_decimal": scalars.read_decimal,
    }
    records: list[Any] = []
    for kind, data in CASES.values():
        plan_for(kind).decode(data)
    shared["text"] = plan_for(list[str]).decode(b'["some text"]')[0]
    gc.collect()
    before = {name: sys.getrefcount(one) for name, one in shared.items()}
    for kind, data in CASES.values():
        for _ in range(20):
            records.append(plan_for(kind).decode(data))
            plan_for(list[str]).decode(b'["some text"]')
    records.clear()
    gc.collect()
    changes = {name: sys.getrefcount(one) - before[name] for name, one in shared.items()}

    assert {} == {name: change for name, change in changes.items() if abs(change) > 10}


@pytest.mark.parametrize(
    ("kind", "data", "shared"),
    [
        (Priced, b'{"x":1}', PRICE),
        (Priced, b'{"x":1}', Priced),
        (UsageVectorStoresResult, text(row()), NO_PROPERTIES),
        (list[str], b'["kept here"]', None),
    ],
    ids=["default", "class", "no unknown keys", "text"],
)
def test_records_own_what_they_hold(kind: Any, data: bytes, shared: Any) -> None:
    """Each record has a reference to its class, its defaults and shared strings."""
    plan = plan_for(kind)
    shared = plan.decode(data)[0] if shared is None else shared
    before = sys.getrefcount(shared)
    records = [plan.decode(data) for _ in range(100)]
    assert 100 == sys.getrefcount(shared) - before
    del records
    assert before == sys.getrefcount(shared)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal")
def test_records_own_each_none() -> None:
    """Each record has a reference to None for each field that is None."""
    plan = plan_for(UsageCompletionsResult)
    data = compact(row(COMPLETIONS))
    one = plan.decode(data)
    nones = sum(getattr(one, a.name) is None for a in attrs.fields(UsageCompletionsResult))
    before = sys.getrefcount(None)
    records = [plan.decode(data) for _ in range(200)]
    assert abs(sys.getrefcount(None) - before - 200 * nones) < 50
    del records
