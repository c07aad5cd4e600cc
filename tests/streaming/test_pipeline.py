"""The invariants of streaming: no line disappears, however it comes and whatever is raised."""

import gc
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest
from cattrs import Converter
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunks import cut, cut_at
from tests.support.comparing import exact
from tests.support.packing import PACK, two_members
from tests.support.reading import came
from tests.support.samples import BOM, mixed, numbers, row, text
from usagewire import Counts, DecodeError, Decoder, FileError, Rejection, UsageObject, loads, read
from usagewire.io import files
from usagewire.streaming import source_text

pytestmark = pytest.mark.usefixtures("path")  # each way to decode streams

LIMIT = 110
MIXED = mixed(LIMIT)
OPTIONS: dict[str, Any] = {"max_line_bytes": LIMIT, "on_error": "collect"}


class Result(NamedTuple):
    """What came of a stream."""

    records: list[Any]
    rejections: list[Rejection]
    counts: Counts


@attrs.frozen
class Fragile:
    """A class whose making calls `FUSE`, which may raise."""

    n: int = attrs.field()

    @n.validator
    def _check(self, _: Any, value: int) -> None:
        FUSE[0](value)


FUSE: list[Callable[[int], None]] = [lambda _: None]


@contextmanager
def burning(burn: Callable[[int], None]) -> Iterator[None]:
    """Let `burn` be called by each `Fragile` that is made."""
    FUSE[0] = burn
    try:
        yield
    finally:
        FUSE[0] = lambda _: None


def adds_up(counts: Counts) -> bool:
    """Return whether each line is accounted for once."""
    return counts.lines == counts.records + counts.rejected + counts.blank


def decoded(chunks: list[bytes]) -> Result:
    """Return what comes of chunks that are fed to a decoder."""
    decoder = Decoder(**OPTIONS)
    records = [one for chunk in chunks for one in decoder.feed(chunk)] + decoder.close()
    return Result(exact(records), decoder.rejections, decoder.counts)


def was_read(source: Any) -> Result:
    """Return what comes of a source that is read; its rejections are given no name."""
    with read(source, **OPTIONS) as reader:
        records = exact(list(reader))
        rejections = [attrs.evolve(one, file=None) for one in reader.rejections]
        return Result(records, rejections, reader.counts)


# --- the oracle ------------------------------------------------------------------------------


class Line(NamedTuple):
    """What a line is, found out by itself."""

    size: int
    blank: bool
    record: Any = None
    rejection: tuple[Any, ...] | None = None


def oracle(data: bytes, limit: int, kind: Any) -> list[Line]:
    """Return what each line of a stream is: split on LF, decode each line."""
    lines = data.split(b"\n")
    offset = 0
    found = []
    for number, line in enumerate(lines, 1):
        is_last = number == len(lines)
        size = len(line) + (not is_last)
        lead = len(BOM) if number == 1 and line.startswith(BOM) else 0
        content = line[lead:].removesuffix(b"\r")
        place = (number, offset + lead, len(content), content[:4096])
        offset += size
        if is_last and not line:
            break
        if len(content) > limit:
            found.append(Line(size, blank=False, rejection=(*place, "line_too_long")))
        elif not content.strip(b" \t\r"):
            found.append(Line(size, blank=True))
        elif content.startswith(BOM):  # `loads` would skip it
            found.append(Line(size, blank=False, rejection=(*place, "syntax")))
        else:
            try:
                found.append(Line(size, blank=False, record=exact(loads(content, kind))))
            except DecodeError as error:
                found.append(Line(size, blank=False, rejection=(*place, error.code)))
    return found


def told(rejection: Rejection) -> tuple[Any, ...]:
    """Return of a rejection what the oracle says."""
    return (
        *(rejection.line, rejection.offset, rejection.length, rejection.raw),
        rejection.code,
    )


def test_mixed() -> None:
    """The file of twenty lines has lines of every kind, and gives what its lines give alone."""
    lines = oracle(MIXED, LIMIT, UsageObject)
    result = decoded([MIXED])

    assert Counts(lines=20, records=8, rejected=9, blank=3, bytes=len(MIXED)) == result.counts
    assert [one.record for one in lines if one.record] == result.records[1]
    assert [one.rejection for one in lines if one.rejection] == list(map(told, result.rejections))
    assert {"syntax", "wrong_type", "line_too_long", "missing_tag"} >= {
        one.code for one in result.rejections
    }


LINES = st.one_of(
    st.integers(0, 99).map(lambda n: b'{"n":%d}' % n),
    st.sampled_from([b"", b" \t", b"\r", b'{"n":1}\r', b'{"n":"x"}', b"{", b"[]", b"\xff", BOM]),
    st.sampled_from([b"x" * 13, b"x" * 14, b"x" * 40, b"x" * 14 + b"\r", b' {"n": 12345 }']),
    st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")),
)
STREAMS = st.builds(
    lambda bom, lines, end: bom + b"\n".join(lines) + end,
    st.sampled_from([b"", BOM]),
    st.lists(LINES, max_size=12),
    st.sampled_from([b"", b"\n"]),
)
FAILURES = st.lists(st.sampled_from([None, None, KeyboardInterrupt, MemoryError, OSError]))


class Feeding:
    """A decoder that is fed, and all that came of it, compared with the lines at each step."""

    def __init__(self, lines: list[Line], on_error: str, callbacks: list[Any]) -> None:
        self.lines = lines
        self.on_error = on_error
        self.callbacks = callbacks
        self.seen: list[Rejection] = []
        self.records: list[Any] = []
        self.decoder = Decoder(
            Fragile, max_line_bytes=14, on_error=self.call if on_error == "call" else on_error
        )

    def call(self, rejection: Rejection) -> None:
        """Take a rejection, and raise what is next."""
        self.seen.append(rejection)
        if self.callbacks and (error := self.callbacks.pop()):
            raise error

    def take(self, part: Callable[[], list[Any]]) -> None:
        """Take the records of a call, and of those that go on after it raised something."""
        try:
            self.records += map(exact, part())
        except DecodeError as error:
            self.seen += [error.rejection] if error.rejection else []
            self.records += map(exact, error.records)
        except (KeyboardInterrupt, MemoryError, OSError):
            pass
        else:
            self.check()
            return
        self.check()
        self.take(lambda: self.decoder.feed(b""))

    def check(self) -> None:
        """Assert that all lines so far are accounted for."""
        counts = self.decoder.counts
        done = self.lines[: counts.lines]
        bad = [one.rejection for one in done if one.rejection]

        assert adds_up(counts)
        assert (sum(one.size for one in done), sum(one.blank for one in done), len(bad)) == (
            *(counts.bytes, counts.blank, counts.rejected),
        )
        if self.on_error != "skip":
            assert bad == list(map(told, self.decoder.rejections))
        if self.on_error in {"raise", "call"}:
            assert bad == list(map(told, self.seen))


@given(
    data=STREAMS,
    cuts=st.lists(st.integers(0, 200)),
    on_error=st.sampled_from(["skip", "collect", "raise", "call"]),
    hooks=FAILURES,
    callbacks=FAILURES,
)
def test_feeding_anything(
    data: bytes, cuts: list[int], on_error: str, hooks: list[Any], callbacks: list[Any]
) -> None:
    """In any chunks and with interrupts anywhere, a decoder gives what the lines give alone."""
    feeding = Feeding(oracle(data, 14, Fragile), on_error, callbacks)

    def burn(_: int) -> None:
        # Of a hook any other exception would be a bad value.
        if hooks and (error := hooks.pop()) and error is not OSError:
            raise error

    with burning(burn):
        for chunk in cut_at(data, cuts):
            feeding.take(lambda chunk=chunk: feeding.decoder.feed(chunk))  # type: ignore[misc]
        feeding.take(feeding.decoder.close)

    assert [one.record for one in feeding.lines if one.record] == feeding.records
    assert len(feeding.lines) == feeding.decoder.counts.lines


# --- chunk invariance ------------------------------------------------------------------------


HALVES = [[MIXED[:at], MIXED[at:]] for at in range(len(MIXED) + 1)]
BYTES = [piece for byte in cut(MIXED, 1) for piece in (byte, b"")]


@pytest.mark.parametrize("cuts", [HALVES, [BYTES]], ids=["two chunks", "bytes"])
def test_every_cut(cuts: list[list[bytes]]) -> None:
    """Fed in two chunks, cut anywhere, or byte by byte, the twenty lines give the same."""
    expected = decoded([MIXED])
    for chunks in cuts:
        assert expected == decoded(chunks)


@pytest.mark.parametrize("suffix", PACK)
def test_every_cut_of_a_source(suffix: str) -> None:
    """Read in such chunks, compressed in any way or not, they give the same."""
    expected = decoded([MIXED])
    data = two_members(MIXED, suffix)
    for at in range(len(data) + 1):
        assert expected == was_read([data[:at], data[at:]])
    assert expected == was_read(cut(data, 1))


@given(
    suffix=st.sampled_from(list(PACK)),
    cuts=st.lists(st.integers(0, len(MIXED)), max_size=20),
    at_once=st.integers(1, 200),
)
def test_any_cuts(suffix: str, cuts: list[int], at_once: int) -> None:
    """Cut in any chunks, and into blocks of any size, the twenty lines give the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_text, "_AT_ONCE", at_once)
        assert decoded([MIXED]) == was_read(cut_at(two_members(MIXED, suffix), cuts))


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("size", [1, 7, 64, 2**18])
def test_file_in_chunks_of_any_size(
    suffix: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file gives the same whatever is read at once."""
    monkeypatch.setattr(files, "CHUNK", size)
    file = tmp_path / "usage"
    file.write_bytes(two_members(MIXED, suffix))

    assert decoded([MIXED]) == was_read(file)


def test_records_in_many_blocks() -> None:
    """A source that is longer than what is cut at once, by far, gives each line once."""
    lines = [text(row(usage_bytes=number)) for number in range(30_000)]
    with read(io.BytesIO(b"\n".join(lines))) as reader:
        found = [number for batch in reader.batches() for number in numbers(batch)]

    assert list(range(30_000)) == found
    assert reader.counts.bytes > 2 * source_text._AT_ONCE  # noqa: SLF001 -- or this shows nothing


# --- prefix ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("path")
def test_every_prefix() -> None:
    """What a part of the stream gives is the beginning of what the whole gives."""
    whole = decoded([MIXED])
    for at in range(len(MIXED) + 1):
        decoder = Decoder(**OPTIONS)
        records, rejections = exact(decoder.feed(MIXED[:at]))[1], decoder.rejections

        assert whole.records[1][: len(records)] == records
        assert whole.rejections[: len(rejections)] == rejections
        assert decoder.counts.bytes == MIXED.rfind(b"\n", 0, at) + 1
        before = decoder.counts.lines
        decoder.close()
        assert decoder.counts.lines - before in {0, 1}
        assert at == decoder.counts.bytes


# --- conservation ----------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 50, 10_000])
def test_reader_counts_what_came_out(chunk: int) -> None:
    """After each record, and in each call of a callback, the counts are of what came before."""
    came: list[Any] = []
    seen: list[Rejection] = []

    def check(rejection: Rejection) -> None:
        seen.append(rejection)
        counts = reader.counts
        assert adds_up(counts)
        assert (rejection.line, len(seen), len(came)) == (
            *(counts.lines, counts.rejected, counts.records),
        )

    reader = read(cut(MIXED, chunk), **OPTIONS | {"on_error": check})
    for record in reader:
        came.append(record)
        counts = reader.counts
        assert adds_up(counts)
        assert (len(came), len(seen)) == (counts.records, counts.rejected)
        assert (counts.bytes, counts.lines + 1) == (reader.position.offset, reader.position.line)

    assert (len(MIXED), 20) == (reader.counts.bytes, reader.counts.lines)


def test_counts_of_several_files(tmp_path: Path) -> None:
    """Counts and rejections are of all files that were read, lines and offsets of the one."""
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        file.write_bytes(MIXED)
    one = decoded([MIXED])
    with read(files, **OPTIONS) as reader:
        list(reader)

    assert one.counts + one.counts == reader.counts
    assert [
        attrs.evolve(rejection, file=str(file)) for file in files for rejection in one.rejections
    ] == reader.rejections


def test_leniencies_of_what_came_out() -> None:
    """A leniency is counted with the record that has it."""
    lines = b"".join(text(row(usage_bytes=n)) + b"\n" for n in ("1", 2, "3", True, "4"))
    reader = read([lines], strict=False, on_error="skip")
    found = [reader.counts.lenient for _ in reader]

    assert [1, 1, 2, 3] == found


def test_counts_asked_for_by_a_hook() -> None:
    """Whoever asks for the counts while a record is made changes nothing."""
    found = []

    def ask(_: int) -> None:
        found.append((reader.counts.records, reader.position.line))

    reader = read([b'{"n":1}\n{"n":2}\n\n{"n":3}\n'], Fragile)
    with burning(ask):
        records = list(reader)

    assert [1, 2, 3] == [one.n for one in records]
    assert Counts(lines=4, records=3, blank=1, bytes=25) == reader.counts
    assert all(records <= 3 and line <= 5 for records, line in found)


# --- on_error --------------------------------------------------------------------------------


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("chunk", [1, 50, 10_000])
def test_raise_carries_the_records(chunk: int) -> None:
    """With "raise" each bad line is raised once, with the records before it; feeding goes on."""
    decoder = Decoder(**OPTIONS | {"on_error": "raise"})
    records: list[Any] = []
    raised = []

    def take(part: Callable[[], list[Any]]) -> None:
        try:
            records.extend(part())
        except DecodeError as error:
            records.extend(error.records)
            raised.append(error.rejection)
            take(lambda: decoder.feed(b""))

    for part in cut(MIXED, chunk):
        take(lambda part=part: decoder.feed(part))  # type: ignore[misc]
    take(decoder.close)

    assert decoded([MIXED]) == (exact(records), raised, decoder.counts)


def test_collect_is_capped() -> None:
    """Of many rejections the first are kept; all are counted."""
    with read([MIXED], **OPTIONS, max_rejections=3) as reader:
        list(reader)

    assert ([4 + 1, 6, 7], 9) == ([one.line for one in reader.rejections], reader.counts.rejected)


# --- interrupts ------------------------------------------------------------------------------


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
    """An interrupt while any record is made passes, and no record is lost or comes twice."""
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


@pytest.mark.usefixtures("path")
def test_no_memory_in_a_converter_of_ones_own() -> None:
    """It passes where cattrs puts it into a group, too, and the line is read again."""
    decoder = Decoder(Fragile, converter=Converter(detailed_validation=True), on_error="collect")
    with burning(fail), pytest.raises(MemoryError):
        decoder.feed(b'{"n":1}\n')

    assert ([Fragile(1)], []) == (decoder.feed(b""), decoder.rejections)


@pytest.mark.usefixtures("path")
def test_error_that_cannot_say_what_it_is() -> None:
    """A hook may raise what has no words for itself: the line is rejected all the same."""

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
    """Where memory ends while a chunk is cut into lines, the chunk is not lost."""
    decoder = Decoder(Fragile)
    lines = decoder._line_decoder._lines  # noqa: SLF001 -- nothing else fails there on demand
    with monkeypatch.context() as patch:
        patch.setattr(lines, step, fail)
        with pytest.raises(MemoryError):
            decoder.feed(b'{"n":1}\n{"n":2}\n')

    assert [1, 2] == [one.n for one in decoder.feed(b"")]


def fail(*_: Any) -> None:
    """Have no memory."""
    raise MemoryError


LOG = [b'{"n":1}\n{"n":2}\n?\n\n{"n"', b':3}\n{"n":4}\nx']
DOCUMENT = [b'[{"n":1},\n{"n":2},', b'7,\n {"n":3}, 7]']


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("done", "by"), [(None, "records"), (1, "batches")])
@pytest.mark.parametrize("chunks", [LOG, DOCUMENT], ids=["lines", "document"])
def test_interrupt_at_every_call(chunks: list[bytes], done: int | None, by: str) -> None:
    """Wherever an interrupt is delivered, the place, the counts and what was told fit together.

    Reading again from the place gives the rest, and so does reading on, or it is an error.
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
    gc.collect()  # what is told of finalizers is told here


def put_all_into(records: list[Any], reader: Any, by: str) -> None:
    """Put all records into a list as they come; nothing can come between."""
    if by == "records":
        records.extend(reader)
    else:
        for batch in reader.batches():
            records += batch


@contextmanager
def interrupt_at_call(count: int) -> Iterator[list[bool]]:
    """Interrupt the package once where Python would deliver a signal: at its calls.

    The list has an item then. Python ignores an interrupt of a finalizer.
    """
    left = count
    came: list[bool] = []

    def hook(frame: Any, event: str, _: object) -> None:
        nonlocal left
        module = frame.f_globals.get("__name__", "usagewire.")  # code made for a shape has none
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
    """Where text may have been lost, reading on is an error, never a clean end."""
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
