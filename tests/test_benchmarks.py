import gc
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

import attrs
import pytest

NEEDED = ("duckdb", "jsonlines", "mashumaro", "msgspec", "polars", "pydantic", "pytest_benchmark")

for library in NEEDED:
    pytest.importorskip(library, reason=f"the bench extra, which installs {library}, is absent")

from benchmarks import (  # noqa: E402 -- they import these libraries
    answers,
    chart,
    growth,
    headline,
    peers,
    readers,
    scale,
    stream_memory,
    streaming,
    tables,
    targets,
    turns,
    user_classes,
    variants,
    workloads,
)

from usagewire import Counts, accelerated  # noqa: E402 -- after the check

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
    """Do not collect garbage before each timing, because a run of tests has much of it."""
    monkeypatch.setattr(gc, "collect", lambda: 0)


@pytest.mark.parametrize("way", ["decoding", "encoding"])
@pytest.mark.parametrize("workload", workloads.WORKLOADS)
@pytest.mark.parametrize("peer", peers.PEERS)
def test_peer_gives_our_answer(peer: str, workload: str, way: str) -> None:
    """Each peer that is timed gives equal records, or does not support the workload."""
    check = {"decoding": answers.check_decoding, "encoding": answers.check_encoding}[way]
    data = workloads.WORKLOADS[workload](ROWS)
    if (peer, workload, way) in UNSUPPORTED:
        with pytest.raises(peers.NotSupported):
            check(peers.load(peer), data)
    else:
        check(peers.load(peer), data)


@pytest.mark.parametrize("workload", workloads.WORKLOADS)
def test_workload_repeats(workload: str) -> None:
    """A workload is always the same, and has the stated number of rows."""
    first, second = (workloads.WORKLOADS[workload](ROWS) for _ in range(2))
    assert first == second
    assert first.data.count(b'.result"') == first.rows == ROWS


@pytest.mark.parametrize("variant", workloads.VARIANTS)
@pytest.mark.parametrize("peer", [headline.OURS, *variants.BESIDE])
def test_peer_gives_our_answer_of_each_variant(peer: str, variant: str) -> None:
    """Each peer reads each variant equally, except unknown keys, which most peers drop."""
    answers.check_decoding(peers.load(peer), workloads.VARIANTS[variant](ROWS))


def test_reference_peer_is_without_c() -> None:
    """The reference peer does not use C, even if usagewire does."""
    kind = workloads.completions(0).kind
    paths = [
        peers.load(name).decoder(kind).__self__.not_accelerated  # type: ignore[attr-defined]
        for name in (headline.OURS, headline.REFERENCE)
    ]
    assert [accelerated(), False] == [reason is None for reason in paths]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"usage_bytes":1}', b'{"usage_bytes":2}'),
        (b'{"usage_bytes":1}', b'{"usage_bytes":true}'),
        (b'{"usage_bytes":1}', b'{"usage_bytes":1,"project_id":"p"}'),
        (b'{"usage_bytes":1}', b'{"usage_bytes":1,"new":1}'),
        (b'{"usage_bytes":1,"new":1}', b'{"usage_bytes":1,"new":2}'),
        (b'{"usage_bytes":1,"new":1,"more":1}', b'{"usage_bytes":1,"new":1}'),
    ],
)
def test_other_answer_is_noticed(one: bytes, other: bytes) -> None:
    """A peer with a different answer is not timed. It may drop all unknown keys, but not some."""
    unknown = json.loads(one).keys() - {"usage_bytes"}
    kind = headline.WORKLOADS["mixed"](0).kind
    tag = b'{"object":"organization.usage.vector_stores.result",'
    workload = workloads.Workload("", "", kind, tag + one[1:], 1, unknown=frozenset(unknown))
    peer = peers.load("orjson_dicts")
    answers.check_decoding(peer, workload)

    class Altered:
        decoder = staticmethod(lambda _: lambda _: peer.decoder(kind)(tag + other[1:]))

    with pytest.raises(AssertionError):
        answers.check_decoding(Altered, workload)  # type: ignore[arg-type]


def test_our_answer_must_keep_unknown_keys() -> None:
    """A peer may drop unknown keys only if our answer has them."""
    workload = attrs.evolve(workloads.completions(ROWS), unknown=frozenset({"new"}))
    with pytest.raises(AssertionError):
        answers.check_decoding(peers.load(headline.STRUCTS), workload)


def _lines(variant: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in workloads.VARIANTS[variant](ROWS).data.splitlines()]


def test_variants_are_the_usual_rows_with_one_thing_changed() -> None:
    """Each variant has the values of the usual rows, except the change in its title."""
    usual = _lines("completions")
    assert usual == _lines("sorted_keys")
    assert all(list(row) == sorted(row) for row in _lines("sorted_keys"))
    for changed in ("escapes", "unique_strings"):
        same = [key for key in usual[0] if key not in workloads.GROUPS.split()]
        assert [[r[k] for k in same] for r in usual] == [
            [r[k] for k in same] for r in _lines(changed)
        ]
        assert [list(row) for row in usual] == [list(row) for row in _lines(changed)]
    known = [
        {key: value for key, value in row.items() if not key.startswith("new_")}
        for row in _lines("unknown_keys")
    ]
    assert usual == known
    places = [[key.startswith("new_") for key in row] for row in _lines("unknown_keys")]
    assert [15, (1, 6, 14)] == [len(places[0]), tuple(i for i, new in enumerate(places[0]) if new)]
    assert all(row == places[0] for row in places)
    for row, full in zip(usual, _lines("all_fields"), strict=True):
        assert (25, 10) == (len(full), list(full.values()).count(None))
        assert [] == [key for key in row if full[key] not in (None, row[key])]


def test_unique_strings_never_repeat() -> None:
    """No string except the tag repeats."""
    rows = _lines("unique_strings")
    strings = Counter(row[key] for row in rows for key in workloads.GROUPS.split())
    assert len(strings) == strings.total() == 4 * ROWS


def test_escapes_are_of_every_kind() -> None:
    """Each line has all escapes, and strings that are not ASCII."""
    for line in workloads.escapes(ROWS).data.splitlines():
        assert [] == [
            part
            for part in (b'\\"', b"\\\\", b"\\n", b"\\ud83d\\u", "京".encode())
            if part not in line
        ]


def test_pretty_pages_are_the_pages() -> None:
    """The pages are the same, each on many lines."""
    pretty, compact = workloads.pretty_pages(ROWS), workloads.pages(ROWS)
    pages = [json.loads(line) for line in compact.data.splitlines()]
    assert pages == [json.loads(page) for page in pretty.documents]
    assert all(page.count(b"\n") > 100 for page in pretty.documents)


@pytest.mark.usefixtures("_uncollected")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_headline_is_reported_for_each_peer() -> None:
    """Each peer is in the report and in the chart, and each target has a line."""
    measured = headline.measure(headline.Sizes(rows=ROWS, turns=2))
    report = headline.section(measured)
    names = [peers.load(peer).NAME for peer in headline.CASES[0].peers]
    assert [2] * len(names) == [report.count(f"\n| {name} |") for name in names]
    found = targets.targets_table(headline.targets(measured))
    assert sum(len(case.targets) for case in headline.CASES) + 1 == found.count("| at ")
    drawn = ET.fromstring(headline.chart(measured))  # noqa: S314 -- our own
    labels = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert [] == [name for name in names if name not in labels]


@pytest.mark.usefixtures("_uncollected")
def test_variants_are_reported() -> None:
    """Each variant and each target has a line in the report."""
    measured = variants.measure(variants.Sizes(rows=ROWS, turns=1))
    report = variants.section(measured)
    titles = [workload.title for workload in measured.workloads.values()]
    assert [1] * len(titles) == [report.count(f"\n| {title} |") for title in titles]
    modes = variants.MODES.keys() - {variants.KEEPS_ALL}
    assert 2 * len(variants.AS_FAST) + 2 * len(modes) == len(variants.targets(measured))


@pytest.mark.usefixtures("_uncollected")
def test_user_classes_are_reported() -> None:
    """Each class and each target has a line in the report."""
    measured = user_classes.measure(user_classes.Sizes(rows=ROWS, turns=1))
    report = user_classes.section(measured)
    titles = [*user_classes.KINDS, user_classes.BYTES, *user_classes.CODE]
    assert [1] * len(titles) == [report.count(f"\n| {title} |") for title in titles]
    kinds, code = len(user_classes.KINDS) + 1, len(user_classes.CODE)
    assert 2 * kinds + code == len(user_classes.targets(measured))


def test_paragraphs_are_filled() -> None:
    """The lines of paragraphs are filled, but not those of tables, lists and headings."""
    others = "## Title\n\n| a |\n| --- |\n| b |\n\n- one\n- two"
    words = "word " * 30
    found = tables.filled(f"{others}\n\none\ntwo\n\n{words}")
    assert found == f"{others}\n\none two\n\n{'word ' * 19}word\n{('word ' * 10).strip()}"


def test_lost_good_line_is_noticed() -> None:
    """A damaged text is not timed if a good line of it is lost or altered."""
    lines = workloads.completions(ROWS).data.splitlines()
    text, good = variants.damaged(lines, variants.BAD["of all kinds"])
    for mode in variants.MODES:
        variants.check_bad(text, good, ROWS, mode)
    for other in (b"what?", good[2]):
        with pytest.raises(AssertionError):
            variants.check_bad(text.replace(good[1], other), good, ROWS, mode)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_scale_is_reported_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each number of records has a line, even if it does not fit into memory."""
    sizes = scale.Sizes((100, 200, 400), block=200, calls=(2, 1, 1), turns=1)
    report = scale.section(scale.measure(sizes))
    assert [1] * 3 == [report.count(f"\n| {number} | ") for number in sizes.records]
    monkeypatch.setattr(scale, "available", lambda: 300 * scale.BYTES_A_RECORD)
    without = scale.measure(sizes)
    assert "| 400 | does not fit into memory |" in scale.section(without)
    assert [False] == [target.met for target in scale.targets(without)]


@pytest.mark.parametrize(
    ("relation", "values", "met"),
    [
        ("at least", [1.9, 2.0, 9.0], True),
        ("at least", [0.1, 1.9, 9.0], False),
        ("at most", [1.0, 2.0, 9.0], True),
        ("at most", [1.0, 2.1, 2.2], False),
        ("below", [1.9], True),
        ("below", [2.0], False),
        ("at least", [], False),
        ("below", [], False),
    ],
)
def test_target_is_met_by_the_median(
    relation: Literal["at least", "at most", "below"], values: list[float], met: bool
) -> None:
    """The median must keep to the bound, and a target that was not measured is not met."""
    target = targets.Target("it", relation, 2.0, values)
    assert met == target.met
    assert ("| yes |" if met else "| **no** |") in targets.targets_table([target])


def test_chart_repeats() -> None:
    """The same figures give the same chart, and a bar is as long as its median."""
    groups = [chart.Group("a & b", [chart.Bar("x", [1.0, 2.0, 4.0]), chart.Bar("y", [3.0])])]
    drawn = chart.draw("<title>", groups)
    assert drawn == chart.draw("<title>", groups)
    parts = ET.fromstring(drawn)  # noqa: S314 -- our own
    bars = [part.get("width") for part in parts if part.get("class") == "bar"]
    assert [f"{chart.ROOM * share:.1f}" for share in (2 / 4, 3 / 4)] == bars


def test_turns_alternate() -> None:
    """Each turn begins with a different task. The first turn and the preparation do not count."""
    seen: list[str] = []

    def task(name: str) -> turns.Task:
        return lambda: lambda: seen.append(name)

    taken = turns.in_turns({name: task(name) for name in "ab"}, 2)
    assert list("abbaab") == seen
    assert {"a": 2, "b": 2} == {name: len(spent) for name, spent in taken.items()}


@pytest.mark.usefixtures("_uncollected")
def test_reading_is_reported_for_each_format() -> None:
    """Each format has a line in the report."""
    report = streaming.section(streaming.measure(streaming.Sizes(rows=ROWS, turns=1)))
    assert [1] * len(streaming.SUFFIXES) == [report.count(f"\n| {s} |") for s in streaming.SUFFIXES]


@pytest.mark.parametrize("reader", readers.READERS, ids=lambda reader: reader.name)
def test_reader_finds_every_row(reader: readers.FileReader, tmp_path: Path) -> None:
    """Each reader that is timed finds all rows of a good file, with their values."""
    file = tmp_path / "good.ndjson"
    file.write_bytes(workloads.completions(ROWS).data)
    readers.check(reader, file)
    assert readers.totals(reader, file)[0] == ROWS


@pytest.mark.usefixtures("_uncollected")
def test_damaged_lines_are_rejected_and_no_good_line_is_lost() -> None:
    """We return no record of a bad line, and each record of a good line unchanged."""
    measured = readers.measure(readers.Sizes(rows=ROWS, turns=1))
    ours = [by_reader["usagewire"] for by_reader in measured.damage.values()]
    assert [(104, 0, 0)] * 2 == [(one.got, one.lost, one.made) for one in ours]
    assert "140 lines = 104 records + 36 rejected" in readers.section(measured)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("case", stream_memory.CASES, ids=lambda case: case.title)
def test_memory_case_counts_every_line(
    case: stream_memory.Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading gives the expected counts while memory is measured."""
    monkeypatch.setattr(stream_memory, "ROWS_AT_ONCE", 10)
    expected = case.write(tmp_path / "input", TINY)
    counts = stream_memory.observed(case, tmp_path / "input")["counts"]
    assert expected == Counts(**{**counts, "bytes": 0})


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_is_measured_in_a_separate_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The final peak is at least the peak in the first tenth and the memory before reading."""
    monkeypatch.setattr(stream_memory, "ROWS_AT_ONCE", 10)
    case = stream_memory.CASES[0]
    expected = case.write(tmp_path / "input", TINY)
    peaks = stream_memory.run_case(case, tmp_path / "input", expected)
    assert 0 < peaks.tenth <= peaks.after
    assert 0 < peaks.before <= peaks.after


@pytest.mark.parametrize("shape", growth.SHAPES, ids=lambda shape: shape.title)
def test_hostile_shape_counts_every_line(shape: growth.Shape, tmp_path: Path) -> None:
    """Each hostile shape has the expected good, bad and blank lines."""
    growth.check(shape, 3, shape.make(3, tmp_path))


@pytest.mark.usefixtures("_uncollected")
def test_growth_is_reported_for_each_shape() -> None:
    """Each shape has a line in the report."""
    sizes = growth.Sizes(divisor=1_000_000, turns=1)
    report = growth.section(growth.measure(sizes, growth.SHAPES[:3]))
    assert [1] * 3 == [report.count(f"\n| {shape.title} |") for shape in growth.SHAPES[:3]]
    assert "\n1 blank lines take " in report
