"""`Counts.unknown`: each unknown row counts once, with the record that holds it."""

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import usagewire as uw
from tests.support.paths import Way
from tests.support.samples import BOM, COSTS, VECTORS, bucket, row, text
from tests.support.threads import in_threads

CHAT = {"object": "chat.completion", "id": "x"}
LATER = {"object": "organization.usage.later.result", "n": 1}
ESCAPED = '{"object":"chat\\u002ecompletion"}'


def page(*rows: Any) -> dict[str, Any]:
    """Return a page with each row in a bucket."""
    return {"object": "page", "data": [bucket(results=[one]) for one in rows], "has_more": False}


@attrs.frozen
class Export:
    rows: list[uw.UsageResult]
    one: uw.UnknownResult | None = None


CALLS: dict[str, Callable[[Any, bytes], object]] = {
    "decode": lambda decoder, data: decoder.decode(data),
    "decode_lines": lambda decoder, data: decoder.decode_lines(data + b"\n"),
    "last line": lambda decoder, data: decoder.decode_lines(data),
    "feed": lambda decoder, data: [decoder.feed(data[:9]), decoder.feed(data[9:] + b"\n")],
    "decode_document": lambda decoder, data: decoder.decode_document(data),
    "array": lambda decoder, data: decoder.decode_document(b"[" + data + b"]"),
    "after a BOM": lambda decoder, data: decoder.decode_lines(BOM + data),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("data", "kind", "options", "expected"),
    [
        (row(), uw.UsageObject, {}, 0),
        (CHAT, uw.UsageObject, {}, 1),
        (CHAT, uw.UnknownResult, {}, 1),
        (CHAT, uw.UsageObject, {"unknown": "ignore"}, 1),
        ({"object": "x"}, uw.UsageObject, {"unknown": "forbid"}, 1),
        (page(CHAT, row(), LATER, CHAT), uw.UsageObject, {}, 3),
        (page(CHAT, row(usage_bytes="5")), uw.UsageObject, {"strict": False}, 1),
        (page(CHAT) | {"object": "list"}, uw.UsageObject, {"strict": False}, 1),
        ({"ActualInstance": CHAT}, uw.UsageObject, {"strict": False}, 1),
        ({"ActualInstance": CHAT}, uw.UnknownResult, {"strict": False}, 1),
        ({"rows": [CHAT, row(), CHAT], "one": LATER}, Export, {}, 3),
        (page(CHAT, LATER), uw.UsageObject, {"converter": uw.make_converter()}, 2),
    ],
)
def test_unknown_rows_are_counted(
    path: Way, call: str, data: Any, kind: Any, options: Any, expected: int
) -> None:
    """Each unknown row of a record counts, wherever it is and however it is read."""
    decoder = path.Decoder(kind, **options)
    CALLS[call](decoder, text(data))

    assert expected == decoder.counts.unknown


@pytest.mark.parametrize("call", CALLS)
def test_rejected_records_have_no_unknown_rows(path: Way, call: str) -> None:
    """The unknown rows of a rejected document or line are not counted."""
    for wrong in (page(CHAT) | {"has_more": 5}, page(CHAT, row(usage_bytes=True))):
        for strict in (True, False):
            decoder = path.Decoder(strict=strict)
            with pytest.raises(uw.DecodeError):
                CALLS[call](decoder, text(wrong))

            assert 0 == decoder.counts.unknown


def unknown_rows(record: Any) -> Iterator[uw.UnknownResult]:
    """Yield the unknown rows of a page, bucket or row, found in the simplest way."""
    if isinstance(record, uw.UnknownResult):
        yield record
    for inner in getattr(record, "data", getattr(record, "results", ())):
        yield from unknown_rows(inner)


ROWS = st.sampled_from([CHAT, LATER, row(), row(usage_bytes=None), row(COSTS), row(VECTORS)])
LINES = st.lists(
    st.one_of(
        ROWS.map(text),
        st.lists(ROWS, max_size=3).map(lambda rows: text(page(*rows))),
        st.lists(ROWS, max_size=3).map(lambda rows: text(bucket(results=rows))),
        st.sampled_from([b"", b"?", b" ", ESCAPED.encode()]),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(lines=LINES, end=st.sampled_from([b"", b"\n"]), array=st.booleans())
def test_counted_with_the_record(path: Way, lines: list[bytes], end: bytes, *, array: bool) -> None:
    """After each record, the count is that of the unknown rows of the records so far."""
    data = b"\n".join(lines) + end
    if array:
        data = b"[" + b",\n".join(line for line in lines if line.startswith(b"{")) + b"]"
    total = 0
    with uw.read(io.BytesIO(data), on_error="skip") as reader:
        for record in reader:
            total += len(list(unknown_rows(record)))
            assert total == reader.counts.unknown
        assert total == reader.counts.unknown
    decoder = path.Decoder(on_error="skip")
    for at in range(0, len(data), 50):
        decoder.feed(data[at : at + 50])
    decoder.close()
    assert array or total == decoder.counts.unknown


MIXED = b"\n".join(map(text, [CHAT, row(), page(CHAT, LATER), row(), LATER])) + b"\n"


@pytest.mark.usefixtures("path")
def test_resumed_run_counts_the_rest() -> None:
    """The counts of a run and of the run that resumed it add up to those of one run."""
    for after in range(6):
        with uw.read(io.BytesIO(MIXED), name="log") as reader:
            for _ in range(after):
                next(reader)
            first, place = reader.counts, reader.checkpoint()
        with uw.read(io.BytesIO(MIXED), name="log", resume=place) as reader:
            assert 5 - after == len(list(reader))

            assert uw.Counts(lines=5, records=5, bytes=len(MIXED), unknown=4) == (
                first + reader.counts
            )


@pytest.mark.usefixtures("path")
def test_async_reading_counts_with_the_record() -> None:
    """`aread` counts the unknown rows of the records that came out."""

    async def counted() -> list[int]:
        async with uw.aread(io.BytesIO(MIXED)) as reader:
            return [reader.counts.unknown async for _ in reader]

    assert [1, 1, 3, 3, 4] == asyncio.run(counted())


@pytest.mark.usefixtures("path")
def test_each_decoder_counts_its_rows() -> None:
    """Decoders in threads, or inside a hook of another, count only what they read themselves."""
    inner, decoders = uw.Decoder(), [uw.Decoder() for _ in range(8)]
    given_out = iter(decoders)

    def work() -> None:
        decoder = next(given_out)
        for _ in range(100):
            decoder.decode(text(page(CHAT, LATER)))
            decoder.decode_lines(MIXED)

    assert [] == in_threads(work)
    assert [600] * 8 == [decoder.counts.unknown for decoder in decoders]

    converter = uw.make_converter()
    converter.register_structure_hook(int, lambda value, _: len(inner.decode_lines(MIXED)) + value)
    outer = uw.Decoder(tuple[uw.UnknownResult, int], converter=converter)
    assert 6 == outer.decode_lines(b'[{"object":"x"},1]\n')[0][1]
    assert (1, 4) == (outer.counts.unknown, inner.counts.unknown)
    converter.structure({"object": "x"}, uw.UnknownResult)
    assert (1, 4) == (outer.counts.unknown, inner.counts.unknown)
