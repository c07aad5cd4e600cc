"""One decoder used by several threads, and from inside its own calls."""

import itertools
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import usagewire as uw
from tests.support.threads import in_threads

ROW = b'{"usage_bytes":"5"}'


@pytest.fixture
def switching() -> Iterator[None]:
    """Switch threads as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("path", "switching")
def test_loads_in_threads() -> None:
    """`loads` gives each thread its records, lenient conversions included."""

    def work() -> None:
        for _ in range(300):
            row = uw.loads(ROW, uw.UsageVectorStoresResult, strict=False)
            assert row.usage_bytes == 5
            with pytest.raises(uw.DecodeError):
                uw.loads(b'{"usage_bytes":"5","num":', uw.UsageVectorStoresResult, strict=False)

    assert [] == in_threads(work)


@pytest.mark.usefixtures("path", "switching")
def test_documents_in_threads_are_counted() -> None:
    """Each lenient conversion of a good document is counted, and none of a bad one."""
    decoder = uw.Decoder(uw.UsageImagesResult, strict=False)

    def work() -> None:
        for _ in range(100):
            decoder.decode(b'{"images":"5","num_model_requests":1.0}')
            with pytest.raises(uw.DecodeError):
                decoder.decode(b'{"images":"5","num_model_requests":1.0,"model":1}')

    assert [] == in_threads(work)
    assert uw.Counts(lenient=8 * 100 * 2) == decoder.counts


@pytest.mark.usefixtures("path", "switching")
def test_lines_in_threads() -> None:
    """Each call reads all its lines or is refused as a whole, and the counts are those read."""
    decoder = uw.Decoder(uw.UsageVectorStoresResult, strict=False, on_error="skip")
    read: list[int] = []
    refused: list[str] = []

    def work() -> None:
        for _ in range(50):
            try:
                read.append(len(decoder.decode_lines(ROW + b"\n?\n" + ROW)))
            except uw.UsageWireError as error:
                refused.append(str(error))

    assert [] == in_threads(work)
    assert {2} == set(read)
    assert all("another thread" in message for message in refused)
    assert 400 == len(read) + len(refused)
    n = len(read)
    assert (3 * n, 2 * n, n, 2 * n) == (*attrs.astuple(decoder.counts)[:3], decoder.counts.lenient)


CALLS: dict[str, Callable[[uw.Decoder[Any]], object]] = {
    "decode_lines": lambda decoder: decoder.decode_lines(b"1\n"),
    "decode_document": lambda decoder: decoder.decode_document(b"[1]"),
    "feed": lambda decoder: decoder.feed(b"1\n"),
    "close": lambda decoder: decoder.close(),
}


@pytest.mark.parametrize("inner", CALLS)
@pytest.mark.parametrize("outer", ["decode_lines", "feed"])
def test_a_callback_cannot_read_lines_by_its_decoder(outer: str, inner: str) -> None:
    """It is refused, and the lines of the call around it are all read."""
    messages: list[str] = []

    def on_error(_: uw.Rejection) -> None:
        try:
            CALLS[inner](decoder)
        except uw.UsageWireError as error:
            messages.append(str(error))

    decoder = uw.Decoder(int, on_error=on_error)
    records = getattr(decoder, outer)(b"1\n?\n3\n")

    assert [1, 3] == records
    assert 1 == len(messages)
    assert "use another decoder" in messages[0]
    assert (3, 2, 1) == attrs.astuple(decoder.counts)[:3]


@attrs.define
class Outer:
    n: int
    text: str


def test_a_hook_may_decode_a_document_by_its_decoder() -> None:
    """A document inside a document is one more document."""
    converter = uw.make_converter()
    converter.register_structure_hook(
        str, lambda value, _: decoder.decode(value).text if value.startswith("{") else value
    )
    decoder = uw.Decoder(Outer, converter=converter)

    assert "x" == decoder.decode('{"n":1,"text":"{\\"n\\":2,\\"text\\":\\"x\\"}"}').text


@pytest.mark.usefixtures("path", "switching")
@pytest.mark.parametrize("converter", [None, uw.make_converter()], ids=["ours", "given"])
def test_one_encoder_in_threads(converter: Any) -> None:
    """Each thread gets the text of its record, whichever classes the encoder meets first."""
    fields = {"a": attrs.field(type=int), "b": attrs.field(type=str, default="x")}
    classes = [attrs.make_class(f"K{index}", fields, slots=True) for index in range(60)]
    encoder = uw.Encoder(converter=converter)
    order = itertools.count()

    def work() -> None:
        dice = random.Random(next(order))  # noqa: S311 -- test data
        for _ in range(60):
            record = dice.choice(classes)(dice.randrange(10**9))
            text = b'{"a":%d,"b":"x"}' % record.a
            assert text == encoder.encode(record)
            assert 2 * (text + b"\n") == encoder.encode_lines([record, record])
            assert b"[" + text + b"]" == encoder.encode([record])

    assert [] == in_threads(work)


@pytest.mark.usefixtures("path", "switching")
def test_documents_beside_lines_are_counted() -> None:
    """A rejected document in one thread takes nothing from the lines of another."""
    decoder = uw.Decoder(uw.UsageImagesResult, strict=False, on_error="skip")
    lines = b'{"images":"5","num_model_requests":1}\n' * 3000

    def work(order: list[int] = [*range(4)]) -> None:  # noqa: B006 -- threads take from it
        if order.pop() == 0:
            decoder.decode_lines(lines)
            return
        for _ in range(300):
            with pytest.raises(uw.DecodeError):
                decoder.decode(b'{"images":"5","num_model_requests":1,"model":1}')

    assert [] == in_threads(work, 4)
    assert (3000, 3000) == (decoder.counts.records, decoder.counts.lenient)
