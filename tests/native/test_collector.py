"""The garbage collector and C: which records it tracks, and when; which cycles it finds."""

import gc
import weakref
from collections.abc import Callable
from typing import Any, Final

import attrs
import pytest

from tests.support.native import (
    BY_C,
    Holding,
    Mutable,
    NoRef,
    Point,
    WithRef,
    compact,
    plan_for,
    slotted,
    taken,
)
from tests.support.samples import COMPLETIONS, PAGES, row, text
from usagewire import (
    CostsResult,
    Decoder,
    Encoder,
    UnknownResult,
    UsageCompletionsResult,
    UsageResponse,
    UsageTimeBucket,
    UsageVectorStoresResult,
    make_converter,
)
from usagewire.codec.line_decoder import progress_from

pytestmark = BY_C


def frozen(name: str, kind: Any, **options: Any) -> Any:
    """Return a frozen class with one field `x`."""
    return slotted(name, frozen=True, x=attrs.field(type=kind, **options))


OfLists: Final = frozen("OfLists", tuple[list[int], ...])
OfMutables: Final = frozen("OfMutables", tuple[NoRef, ...])
OfAny: Final = frozen("OfAny", tuple[Any, ...])
OfList: Final = frozen("OfList", list[int])
Sharing: Final = frozen("Sharing", int | None, default={"a": []})
Making: Final = frozen("Making", Any, factory=list)
MakingUnusual: Final = frozen("MakingUnusual", int | None, factory=list)


@attrs.frozen
class SharingUnknown:
    number: int
    additional_properties: Any = attrs.field(default={"a": []})


@attrs.frozen
class OfUnknown:
    number: int
    additional_properties: dict[str, Any] = attrs.field(factory=dict)


def bucket(*rows: Any) -> bytes:
    """Return a bucket of rows."""
    return compact({"object": "bucket", "start_time": 1, "end_time": 2, "results": rows})


@pytest.mark.parametrize(
    ("cls", "data", "expected"),
    [
        (UsageVectorStoresResult, b'{"usage_bytes":5}', False),
        (UsageVectorStoresResult, b'{"usage_bytes":5,"new":1}', True),
        (UsageCompletionsResult, text(row(COMPLETIONS, model="m", batch=True)), False),
        (CostsResult, b'{"amount":{"value":1.5,"currency":"usd"}}', False),
        (CostsResult, b'{"amount":{"value":1.5,"currency":"usd","new":1}}', True),
        (CostsResult, b'{"amount":null}', False),
        (UsageTimeBucket, bucket(), False),
        (UsageTimeBucket, bucket(row(), row()), False),
        (UsageTimeBucket, bucket(row(), row(a=1)), True),
        (UsageTimeBucket, bucket(row(a=1), row()), True),
        (UsageResponse, text(PAGES["completions"]), False),
        (UnknownResult, b'{"object":"later"}', False),
        (UnknownResult, b'{"object":"later","a":1}', True),
        (Point, b'{"x":1}', False),
        (Mutable, b'{"x":1}', True),
        (NoRef, b'{"x":1}', True),
        (Holding, b'{"point":{"x":1}}', False),
        (Holding, b'{"point":{"x":1},"points":[{"x":1}]}', False),
        (OfLists, b'{"x":[]}', False),
        (OfLists, b'{"x":[[1]]}', True),
        (OfUnknown, b'{"number":1}', True),
        (SharingUnknown, b'{"number":1}', True),
        (OfAny, b'{"x":[1,"s"]}', False),
        (OfAny, b'{"x":[{"a":1}]}', True),
        (OfMutables, b'{"x":[]}', False),
        (OfMutables, b'{"x":[{"x":1}]}', True),
        (Making, b"{}", True),
        (MakingUnusual, b"{}", True),
        (OfList, b'{"x":[]}', True),
        (Sharing, b"{}", True),
        (WithRef, b'{"x":1}', False),
    ],
)
def test_tracked_records(cls: Any, data: bytes, expected: bool) -> None:
    """A record is GC-tracked, unless it is frozen and holds only atoms, or tuples of them."""
    assert expected == gc.is_tracked(taken(cls, data))
    found = taken(list[cls], b"[%s]" % data)
    assert [expected, True] == [gc.is_tracked(found[0]), gc.is_tracked(found)]


def test_record_is_tracked_as_the_record_in_it() -> None:
    """A frozen record is GC-tracked if a record in it is."""
    point = attrs.field(type=Point | None, default=None)
    holder = slotted("Holder", frozen=True, p=NoRef | None, q=point)

    assert not gc.is_tracked(taken(holder, b'{"p":null,"q":{"x":1}}'))
    assert gc.is_tracked(taken(holder, b'{"q":{"x":1},"p":{"x":1}}'))
    found = taken(UsageTimeBucket, bucket(row(new=1), row()))
    assert [True, False] == [gc.is_tracked(result) for result in found.results]
    assert gc.is_tracked(found.results)


@pytest.mark.parametrize(
    ("cls", "line", "dict_of"),
    [
        (Mutable, b'{"x":1}', lambda record: record.table),
        (OfAny, b'{"x":[{"a":1}]}', lambda record: record.x[0]),
        (OfUnknown, b'{"number":1,"new":1}', lambda record: record.additional_properties),
        (
            OfUnknown,
            b'{"number":1,"new":1,"inner":{"a":1}}',
            lambda record: record.additional_properties["inner"],
        ),
    ],
    ids=["mutable", "tuple", "unknown keys", "object in unknown keys"],
)
def test_cycles_are_collected(cls: Any, line: bytes, dict_of: Callable[[Any], Any]) -> None:
    """The collector finds a cycle through a record and a dict in it."""
    decoder = Decoder(cls)
    for read_one in (decoder.decode, lambda data: decoder.decode_lines(data).pop()):
        record = read_one(line)
        dict_of(record)["self"] = record
        reference = weakref.ref(record)
        del record
        gc.collect()
        assert reference() is None


def read(plan: Any, data: bytes, records: list[Any], *, skip_malformed: bool) -> None:
    """Read lines and leave their objects untracked."""
    plan.decode_lines(data, progress_from(0), len(data), 100, 100, skip_malformed, records)


def test_records_are_tracked_once_all_lines_are_read() -> None:
    """C tracks the objects of lines only in `track`, which a decoder calls at the end."""
    plan = plan_for(Mutable)
    records: list[Any] = []
    data = b'{"x":1}\n{"x":2,"table":{"a":[]}}\n{"x":3}\n'
    read(plan, data, records, skip_malformed=True)
    assert [False] * 3 == [gc.is_tracked(record) for record in records]
    reference = weakref.ref(records.pop())
    assert reference() is not None
    plan.track()
    assert [True] * 2 == [gc.is_tracked(record) for record in records]
    assert reference() is None
    plan.track()

    assert [True] * 3 == [gc.is_tracked(record) for record in Decoder(Mutable).decode_lines(data)]


@pytest.mark.parametrize("skip_malformed", [True, False])
def test_records_are_tracked_after_a_line_without_one(skip_malformed: bool) -> None:
    """C keeps no garbage of a line that gives no record, and tracks earlier records."""
    records: list[Any] = []
    data = b'{"x":1}\n{"x":2,"table":{"a":[1],}}\n'
    read(plan_for(Mutable), data, records, skip_malformed=skip_malformed)
    assert gc.is_tracked(records.pop())


@pytest.mark.usefixtures("_small_heap")
def test_collector_runs_while_others_read() -> None:
    """A record is tracked as the objects in it, even if others use its plan at the same time."""
    inner = {"value": 1.5, "currency": "usd", "new": [1]}
    costs = compact({"object": CostsResult.object, "amount": inner})
    other = Decoder()

    def meanwhile(_: str, __: Any) -> None:
        other.decode_lines(costs)

    before = gc.get_threshold()
    gc.callbacks.append(meanwhile)
    gc.set_threshold(3, 100, 100)
    try:
        found = Decoder().decode_lines(b"\n".join([costs, bucket(row(new=1), row())] * 300))
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(meanwhile)
    for record in found:
        inside = record.amount if type(record) is CostsResult else record.results
        assert gc.is_tracked(record)
        assert gc.is_tracked(inside)


def test_plans_are_freed() -> None:
    """A decoder, its plan and its class are freed when nothing needs them."""

    def build() -> weakref.ref[Any]:
        items = attrs.field(type=list[int | None], default=None)
        cls = slotted("Gone", x=int, y=items, z=attrs.field(type=str, default="d"))
        converter = make_converter()
        Decoder(list[cls], converter=converter).decode('[{"x":1},{"x":2,"y":[1]}]')
        Encoder(converter=converter).encode(cls(1, [1]))
        return weakref.ref(cls)

    references = [build() for _ in range(5)]
    for _ in range(3):
        gc.collect()

    assert [None] * 5 == [reference() for reference in references]
