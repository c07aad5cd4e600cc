"""Interrupts of streaming: no exception, at any point, loses or repeats a record."""

import gc
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count as count_from
from itertools import islice
from typing import Any

import pytest
from cattrs import Converter

from tests.support.chunks import cut
from tests.support.fragile import Fragile, adds_up, burning
from tests.support.reading import came
from usagewire import Decoder, FileError, Rejection, read
from usagewire.streaming import source_text

pytestmark = pytest.mark.usefixtures("path")  # each way to decode streams


SIX = b"".join(b'{"n":%d}\n\n?\n' % n for n in range(1, 7))
ARRAY = b'[7,\n{"n":1}, {"n":2},\n7, {"n":3}, {"n":4}, {"n":5}, {"n":6}, 7]'


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("by", ["records", "batches"])
@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize(
    ("chunks", "is_document"),
    [(cut(SIX, 5), False), ([SIX], False), ([ARRAY], True)],
    ids=["cut lines", "lines", "document"],
)
def test_interrupted_hook(
    chunks: list[bytes], at: int, by: str, error: type[BaseException], *, is_document: bool
) -> None:
    """An interrupt while a record is made is raised, and no record is lost or comes twice."""
    whole = read(chunks, Fragile, on_error="collect")
    list(whole)
    armed = [at]

    def burn(value: int) -> None:
        if armed == [value]:
            armed.clear()
            raise error

    reader = read(chunks, Fragile, on_error="collect")
    records: list[Fragile] = []
    with burning(burn), pytest.raises(error):
        records.extend(came(reader, by))
    counts = reader.counts
    resumed = read(chunks, Fragile, on_error="collect", resume=reader.checkpoint())

    before, rest = [one.n for one in records], [one.n for one in resumed]

    assert adds_up(counts)
    assert (list(range(1, 7)), len(before)) == (before + rest, counts.records)
    assert is_document or at - 1 == counts.records
    assert rest == [one.n for one in came(reader, by)]
    assert whole.counts == counts + resumed.counts
    assert (whole.rejections, whole.counts) == (reader.rejections, reader.counts)


def test_no_memory_in_a_custom_converter() -> None:
    """A MemoryError is raised even from a group of cattrs, and the line is read again."""
    decoder = Decoder(Fragile, converter=Converter(detailed_validation=True), on_error="collect")
    with burning(fail), pytest.raises(MemoryError):
        decoder.feed(b'{"n":1}\n')

    assert ([Fragile(1)], []) == (decoder.feed(b""), decoder.rejections)


def test_error_without_text() -> None:
    """If a hook raises an exception whose `str` fails, the line is still rejected."""

    class SpeechlessError(ValueError):
        def __str__(self) -> str:
            raise RuntimeError

    def burn(_: int) -> None:
        raise SpeechlessError

    decoder = Decoder(Fragile, on_error="collect")
    with burning(burn):
        assert [] == decoder.feed(b'{"n":1}\n')

    assert ["bad_value"] == [one.code for one in decoder.rejections]
    assert adds_up(decoder.counts)


@pytest.mark.parametrize("step", ["_cut", "has_line"])
def test_no_memory_to_cut_lines(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If memory runs out while a chunk is cut into lines, the chunk is not lost."""
    decoder = Decoder(Counter[str])  # C does not read it
    lines = decoder._line_decoder._lines  # noqa: SLF001 -- nothing else fails there on demand
    with monkeypatch.context() as patch:
        patch.setattr(lines, step, fail)
        with pytest.raises(MemoryError):
            decoder.feed(b'{"n":1}\n{"n":2}\n')

    assert [1, 2] == [one["n"] for one in decoder.feed(b"")]


def fail(*_: Any) -> None:
    """Have no memory."""
    raise MemoryError


LOG = [b'{"n":1}\n{"n":2}\n?\n\n{"n"', b':3}\n{"n":4}\nx']
DOCUMENT = [b'[{"n":1},\n{"n":2},', b'7,\n {"n":3}, 7]']


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("done", "by"), [(None, "records"), (1, "batches")])
@pytest.mark.parametrize("chunks", [LOG, DOCUMENT], ids=["lines", "document"])
def test_interrupt_at_every_call(chunks: list[bytes], done: int | None, by: str) -> None:
    """Wherever an interrupt comes, the place, the counts and the rejections agree.

    Resuming from the place gives the rest. Iterating again gives the rest too, or an error.
    """
    resume = None
    if done is not None:
        before = read(chunks, Fragile, on_error="skip")
        list(islice(before, done))
        resume = before.checkpoint()
    whole = read(chunks, Fragile, on_error="collect", resume=resume)
    expected = list(whole)
    for count in count_from(1):
        seen: list[Rejection] = []
        records: list[Fragile] = []
        reader = read(chunks, Fragile, on_error=seen.append, resume=resume)
        try:
            with interrupt_at_call(count) as came:
                put_all_into(records, reader, by)
            if not came:
                break
        except KeyboardInterrupt:
            pass
        counts, place = reader.counts, reader.checkpoint()
        again = read(chunks, Fragile, on_error="collect", resume=place)
        rest = list(again)

        assert expected == records + rest
        assert (whole.rejections, whole.counts) == (seen + again.rejections, counts + again.counts)
        with suppress(FileError):
            put_all_into(records, reader, by)
            assert expected == records
            assert (whole.rejections, whole.counts) == (seen, reader.counts)

    assert (expected, count > 100) == (records, True)
    gc.collect()  # warnings about finalizers come here


def put_all_into(records: list[Any], reader: Any, by: str) -> None:
    """Put all records into a list as they come, without a step between."""
    if by == "records":
        records.extend(reader)
    else:
        for batch in reader.batches():
            records += batch


@contextmanager
def interrupt_at_call(count: int) -> Iterator[list[bool]]:
    """Interrupt the package once, at a call, where Python would deliver a signal.

    The list has an item then. Python ignores an interrupt in a finalizer.
    """
    left = count
    came: list[bool] = []

    def hook(frame: Any, event: str, _: object) -> None:
        nonlocal left
        module = frame.f_globals.get("__name__", "usagewire.")  # compiled code has none
        if event in {"call", "c_return"} and module.startswith("usagewire."):
            left -= 1
            if left == 0:
                came.append(True)
                raise KeyboardInterrupt

    sys.setprofile(hook)
    try:
        yield came
    finally:
        sys.setprofile(None)


def test_interrupted_between_sources_and_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """If text may have been lost, reading further is an error, never the end."""
    reader = read([b'{"n":1}\n', b'{"n":2}\n'], Fragile)
    assert Fragile(1) == next(reader)
    with monkeypatch.context() as patch:
        patch.setattr(source_text.SourceText, "push", fail)
        with pytest.raises(MemoryError):
            next(reader)
    checkpoint = reader.checkpoint()
    with pytest.raises(FileError, match="interrupted; open it again"):
        next(reader)

    assert [Fragile(2)] == list(read([b'{"n":1}\n{"n":2}\n'], Fragile, resume=checkpoint))


def test_place_while_lines_are_read() -> None:
    """A finalizer or signal handler may ask for the place between lines: it fits the counts."""
    rows = [b'{"object":"later","n":%d,"y":[1,2.5,{"z":3}]}\n' % n for n in range(400)]
    seen: list[tuple[int, str]] = []

    def ask(phase: str, _: Any) -> None:
        if phase == "start" and len(seen) < 40:
            seen.append((reader.counts.records, reader.checkpoint()))

    before = gc.get_threshold()
    reader = read([b"".join(rows[at : at + 20]) for at in range(0, len(rows), 20)])
    gc.callbacks.append(ask)
    gc.set_threshold(20)
    try:
        whole = list(reader)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(ask)

    assert len({count for count, _ in seen}) > 3
    for count, place in seen:
        assert whole[count:] == list(read([b"".join(rows)], resume=place))


def test_closed_reader_keeps_no_text() -> None:
    """A closed reader that is kept for its counts does not keep unread text."""
    text = b'{"n":1}\n' * (source_text._AT_ONCE // 4)  # noqa: SLF001 -- more than is cut at once
    before = sys.getrefcount(text)
    reader = read(iter([text]), Fragile)
    assert Fragile(1) == next(reader)
    counts, place = reader.counts, reader.checkpoint()
    reader.close()

    assert (before, counts, place) == (sys.getrefcount(text), reader.counts, reader.checkpoint())
