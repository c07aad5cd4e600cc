import gc
import sys
from pathlib import Path

import pytest

for library in (
    "duckdb",
    "jsonlines",
    "mashumaro",
    "msgspec",
    "polars",
    "pydantic",
    "pytest_benchmark",
):
    pytest.importorskip(library, reason=f"the bench extra, which brings {library}, is absent")

from benchmarks import (  # noqa: E402 -- they import these libraries
    answers,
    growth,
    peers,
    readers,
    stream_memory,
    streaming,
    workloads,
)

from usagewire import Counts  # noqa: E402 -- after the check

ROWS = 140

UNSUPPORTED = {
    ("msgspec_attrs", "completions", "encoding"),
    ("msgspec_attrs", "mixed", "decoding"),
    ("msgspec_attrs", "mixed", "encoding"),
    ("msgspec_attrs", "pages", "decoding"),
    ("msgspec_attrs", "pages", "encoding"),
}

TINY = stream_memory.Sizes(stream=100_000, line=2**17, document=10_000)


@pytest.fixture
def _uncollected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take no time for collecting garbage, of which a run of tests has much, before each timing."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


@pytest.mark.parametrize("way", ["decoding", "encoding"])
@pytest.mark.parametrize("workload", workloads.WORKLOADS)
@pytest.mark.parametrize("peer", peers.PEERS)
def test_peer_gives_our_answer(peer: str, workload: str, way: str) -> None:
    """What is timed gives equal records, and what a peer cannot do it refuses."""
    check = {"decoding": answers.check_decoding, "encoding": answers.check_encoding}[way]
    data = workloads.WORKLOADS[workload](ROWS)
    if (peer, workload, way) in UNSUPPORTED:
        with pytest.raises(peers.NotSupported):
            check(peers.load(peer), data)
    else:
        check(peers.load(peer), data)


@pytest.mark.parametrize("workload", workloads.WORKLOADS)
def test_workload_repeats(workload: str) -> None:
    """A workload is the same in every process, and has as many rows as it says."""
    first, second = (workloads.WORKLOADS[workload](ROWS) for _ in range(2))
    assert first == second
    assert first.data.count(b'.result"') == first.rows == ROWS


@pytest.mark.usefixtures("_uncollected")
def test_reading_is_reported_for_each_format() -> None:
    """Each file is read as it was decoded, and has a line in the report."""
    report = streaming.section(streaming.measure(streaming.Sizes(rows=ROWS, turns=1)))
    assert [1] * len(streaming.SUFFIXES) == [report.count(f"\n| {s} |") for s in streaming.SUFFIXES]


@pytest.mark.parametrize("reader", readers.READERS, ids=lambda reader: reader.name)
def test_reader_finds_every_row(reader: readers.FileReader, tmp_path: Path) -> None:
    """Each reader whose time is taken finds all rows of a good file, with their values."""
    file = tmp_path / "good.ndjson"
    file.write_bytes(workloads.completions(ROWS).data)
    readers.check(reader, file)
    assert readers.totals(reader, file)[0] == ROWS


@pytest.mark.usefixtures("_uncollected")
def test_damaged_lines_are_rejected_and_no_good_line_is_lost() -> None:
    """Of 26 % bad lines of every kind we give no record, and of the others each, unaltered."""
    measured = readers.measure(readers.Sizes(rows=ROWS, turns=1))
    ours = [by_reader["usagewire"] for by_reader in measured.damage.values()]
    assert [(104, 0, 0)] * 2 == [(one.got, one.lost, one.made) for one in ours]
    assert "140 lines = 104 records + 36 rejected" in readers.section(measured)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("case", stream_memory.CASES, ids=lambda case: case.title)
def test_memory_case_counts_every_line(
    case: stream_memory.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read while memory is watched is what was written."""
    monkeypatch.setattr(stream_memory, "ROWS_AT_ONCE", 10)
    expected = case.write(tmp_path / "input", TINY)
    counts = stream_memory.observed(case, tmp_path / "input")["counts"]
    assert expected == Counts(**{**counts, "bytes": 0})


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_watched_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The peak in all is no less than the one in the first tenth, or than before reading."""
    monkeypatch.setattr(stream_memory, "ROWS_AT_ONCE", 10)
    case = stream_memory.CASES[0]
    expected = case.write(tmp_path / "input", TINY)
    peaks = stream_memory.run_case(case, tmp_path / "input", expected)
    assert 0 < peaks.tenth <= peaks.after
    assert 0 < peaks.before <= peaks.after


@pytest.mark.parametrize("shape", growth.SHAPES, ids=lambda shape: shape.title)
def test_hostile_shape_counts_every_line(shape: growth.Shape, tmp_path: Path) -> None:
    """What is timed at two sizes has as many lines, good, bad and blank, as it is to have."""
    growth.check(shape, 3, shape.make(3, tmp_path))


@pytest.mark.usefixtures("_uncollected")
def test_growth_is_reported_for_each_shape() -> None:
    """Each shape has a line in the report."""
    sizes = growth.Sizes(divisor=1_000_000, turns=1)
    report = growth.section(growth.measure(sizes, growth.SHAPES[:3]))
    assert [1] * 3 == [report.count(f"\n| {shape.title} |") for shape in growth.SHAPES[:3]]
