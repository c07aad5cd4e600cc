"""The invariants of streaming: no line disappears, for any chunks and any exceptions."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunks import cut, cut_at
from tests.support.comparing import exact
from tests.support.fragile import Fragile, adds_up, burning
from tests.support.packing import PACK, two_members
from tests.support.samples import BOM, mixed, numbers, row, text
from usagewire import Counts, DecodeError, Decoder, FileError, Rejection, UsageObject, loads, read
from usagewire.io import files
from usagewire.streaming import source_text

pytestmark = pytest.mark.usefixtures("path")  # each way to decode streams

LIMIT = 110
MIXED = mixed(LIMIT)
OPTIONS: dict[str, Any] = {"max_line_bytes": LIMIT, "on_error": "collect"}


class Result(NamedTuple):
    """The results of a stream."""

    records: list[Any]
    rejections: list[Rejection]
    counts: Counts


def decoded(chunks: list[bytes]) -> Result:
    """Feed chunks to a decoder and return the results."""
    decoder = Decoder(**OPTIONS)
    records = [one for chunk in chunks for one in decoder.feed(chunk)] + decoder.close()
    return Result(exact(records), decoder.rejections, decoder.counts)


def was_read(source: Any) -> Result:
    """Read a source and return the results, without the file names of rejections."""
    with read(source, **OPTIONS) as reader:
        records = exact(list(reader))
        rejections = [attrs.evolve(one, file=None) for one in reader.rejections]
        return Result(records, rejections, reader.counts)


class Line(NamedTuple):
    """One line, judged by itself."""

    size: int
    blank: bool
    record: Any = None
    rejection: tuple[Any, ...] | None = None


def oracle(data: bytes, limit: int, kind: Any) -> list[Line]:
    """Return each line of a stream, judged by itself: split on LF and decode each line."""
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


def facts(one: Rejection) -> tuple[Any, ...]:
    """Return the facts of a rejection that the oracle knows."""
    return one.line, one.offset, one.length, one.raw, one.code


def test_mixed() -> None:
    """The twenty lines are of every kind, and each gives what it gives alone."""
    lines = oracle(MIXED, LIMIT, UsageObject)
    result = decoded([MIXED])

    expected = Counts(lines=20, records=8, rejected=9, blank=3, bytes=len(MIXED), unknown=1)
    assert expected == result.counts
    assert [one.record for one in lines if one.record] == result.records[1]
    assert [one.rejection for one in lines if one.rejection] == list(map(facts, result.rejections))
    codes = {one.code for one in result.rejections}
    assert {"syntax", "wrong_type", "line_too_long", "missing_tag"} >= codes


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
    """A decoder that is fed, and its results, compared with the lines at each step."""

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
        """Take a rejection, and raise the next exception."""
        self.seen.append(rejection)
        if self.callbacks and (error := self.callbacks.pop()):
            raise error

    def take(self, part: Callable[[], list[Any]]) -> None:
        """Take the records of a call and, while it raises, of further calls."""
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
        sums = sum(one.size for one in done), sum(one.blank for one in done), len(bad)
        assert sums == (counts.bytes, counts.blank, counts.rejected)
        if self.on_error != "skip":
            assert bad == list(map(facts, self.decoder.rejections))
        if self.on_error in {"raise", "call"}:
            assert bad == list(map(facts, self.seen))


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
        # Any other exception of a hook would be a bad value.
        if hooks and (error := hooks.pop()) and error is not OSError:
            raise error

    with burning(burn):
        for chunk in cut_at(data, cuts):
            feeding.take(lambda chunk=chunk: feeding.decoder.feed(chunk))  # type: ignore[misc]
        feeding.take(feeding.decoder.close)

    assert [one.record for one in feeding.lines if one.record] == feeding.records
    assert len(feeding.lines) == feeding.decoder.counts.lines


@pytest.mark.parametrize("suffix", PACK)
def test_every_cut_of_a_source(suffix: str) -> None:
    """In two chunks, cut anywhere, or byte by byte, the twenty lines give the same."""
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
    """In any chunks, and in blocks of any size, the twenty lines give the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_text, "_AT_ONCE", at_once)
        assert decoded([MIXED]) == was_read(cut_at(two_members(MIXED, suffix), cuts))


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("size", [1, 7, 64, 2**18])
def test_file_in_chunks_of_any_size(
    suffix: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file gives the same for any size of chunks."""
    monkeypatch.setattr(files, "CHUNK", size)
    file = tmp_path / "usage"
    file.write_bytes(two_members(MIXED, suffix))

    assert decoded([MIXED]) == was_read(file)


def test_records_in_many_blocks() -> None:
    """A source of many blocks gives each line once."""
    lines = [text(row(usage_bytes=number)) for number in range(30_000)]
    with read(io.BytesIO(b"\n".join(lines))) as reader:
        found = [number for batch in reader.batches() for number in numbers(batch)]

    assert list(range(30_000)) == found
    assert reader.counts.bytes > 2 * source_text._AT_ONCE  # noqa: SLF001 -- or this shows nothing


def test_every_prefix() -> None:
    """The beginning of a stream gives the first results of the whole."""
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


@pytest.mark.parametrize("chunk", [1, 50, 10_000])
def test_reader_counts_what_came_out(chunk: int) -> None:
    """After each record, and in each callback, the counts cover the lines before."""
    came: list[Any] = []
    seen: list[Rejection] = []

    def check(rejection: Rejection) -> None:
        seen.append(rejection)
        counts = reader.counts
        assert adds_up(counts)
        assert (rejection.line, len(seen)) == (counts.lines, counts.rejected)
        assert len(came) == counts.records

    reader = read(cut(MIXED, chunk), **OPTIONS | {"on_error": check})
    for record in reader:
        came.append(record)
        counts = reader.counts
        assert adds_up(counts)
        assert (len(came), len(seen)) == (counts.records, counts.rejected)
        assert (counts.bytes, counts.lines + 1) == (reader.position.offset, reader.position.line)

    assert (len(MIXED), 20) == (reader.counts.bytes, reader.counts.lines)


def test_counts_of_several_files(tmp_path: Path) -> None:
    """Counts and rejections cover all files; lines and offsets are of one file."""
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        file.write_bytes(MIXED)
    one = decoded([MIXED])
    with read(files, **OPTIONS) as reader:
        list(reader)

    assert one.counts + one.counts == reader.counts
    expected = [attrs.evolve(bad, file=str(file)) for file in files for bad in one.rejections]
    assert expected == reader.rejections


def test_leniencies_of_what_came_out() -> None:
    """A leniency is counted with the record that has it."""
    lines = b"".join(text(row(usage_bytes=n)) + b"\n" for n in ("1", 2, "3", True, "4"))
    reader = read([lines], strict=False, on_error="skip")
    found = [reader.counts.lenient for _ in reader]

    assert [1, 1, 2, 3] == found


def test_counts_asked_for_by_a_hook() -> None:
    """Asking for the counts while a record is made changes nothing."""
    found = []

    def ask(_: int) -> None:
        found.append((reader.counts.records, reader.position.line))

    reader = read([b'{"n":1}\n{"n":2}\n\n{"n":3}\n'], Fragile)
    with burning(ask):
        records = list(reader)

    assert [1, 2, 3] == [one.n for one in records]
    assert Counts(lines=4, records=3, blank=1, bytes=25) == reader.counts
    assert all(records <= 3 and line <= 5 for records, line in found)


def test_lines_that_were_held_back_come_before_an_error() -> None:
    """If the source breaks off, lines that seemed to begin a document are read."""

    def chunks() -> Iterator[bytes]:
        yield b'[\n{"n":1}\n'
        raise OSError("gone")

    reader = read(chunks(), Fragile, on_error="skip")

    assert Fragile(1) == next(reader)
    with pytest.raises(FileError, match="gone"):
        next(reader)
    assert (2, 1, 1) == (reader.counts.lines, reader.counts.records, reader.counts.rejected)
