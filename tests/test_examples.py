"""The examples run, and the generator makes the committed sample data."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import usagewire as uw
from usagewire.analysis.summary import rows
from usagewire.models import ROW_CLASSES

EXAMPLES = Path(__file__).parent.parent / "examples"
LOG = EXAMPLES / "usage.ndjson"
PAGE = EXAMPLES / "costs_page.json"
TEXT = LOG.read_text()


def run(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an example in a separate process."""
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def values(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key of a JSON document with its value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from values(item)
    elif isinstance(value, list):
        for item in value:
            yield from values(item)


@pytest.fixture(scope="module")
def records() -> list[Any]:
    """Return every record of the sample log."""
    with uw.read(LOG, on_error="skip") as reader:
        return list(reader)


def test_the_generator_makes_the_sample(tmp_path: Path) -> None:
    """The same seed gives the committed bytes."""
    done = run(
        "generate.py", *shlex.split("--seed 1 --days 14 --out log --page page"), cwd=tmp_path
    )
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    assert LOG.read_bytes() == (tmp_path / "log").read_bytes()
    assert PAGE.read_bytes() == (tmp_path / "page").read_bytes()
    assert LOG.stat().st_size < 300_000


def test_another_seed_gives_another_log(tmp_path: Path) -> None:
    """A different seed changes the log."""
    run("generate.py", "--seed", "2", "--out", "log", cwd=tmp_path)
    assert LOG.read_bytes() != (tmp_path / "log").read_bytes()


def test_the_sample_has_every_kind_of_row(records: list[Any]) -> None:
    """The sample has all twelve kinds and an unknown one, in pages, in buckets and alone."""
    classes = {type(row) for record in records for row, _, _ in rows(record)}
    assert {*ROW_CLASSES, uw.UnknownResult} == classes
    alone = {type(record) for record in records}
    assert {uw.UsageResponse, uw.UsageTimeBucket, uw.UsageImagesResult} <= alone


def test_every_row_of_the_sample_has_a_time(records: list[Any]) -> None:
    """Rows outside a bucket have their own time."""
    times = {start for record in records for _, start, _ in rows(record)}
    assert 14 == len(times)
    assert None not in times


def test_the_bad_lines_of_the_sample_are_rejected() -> None:
    """Each bad line has a different code, and no other line is rejected."""
    with uw.read(LOG, on_error="collect") as reader:
        kept = sum(1 for _ in reader)
    assert [
        "api_error", "bad_decimal", "missing_field", "out_of_range", "syntax", "wrong_type",
    ] == sorted(rejection.code for rejection in reader.rejections)  # fmt: skip
    assert (kept + 7, 1) == (reader.counts.lines, reader.counts.blank)


@pytest.mark.parametrize(
    "quirk",
    [
        '"result":', '"sessions":', '"num_sessions":', '"inputTokens":', '"InputTokens":',
        '"0E-6176"', '"USD"', '"line_item":"credit"', '"amount":null', '"organization_id":',
        '"start_time_iso":', '"results":[]', '"model":null', '"source":', '"priority | ',
        ', long context"', '"batch":true', '"service_tier":"flex"', '"context_level":"medium"',
    ],
)  # fmt: skip
def test_the_sample_has_the_quirks_it_lists(quirk: str) -> None:
    """The sample has the quirks that the generator's docstring lists."""
    assert quirk in TEXT


def test_costs_of_the_sample_are_numbers_and_long_strings() -> None:
    """Amounts have both forms."""
    lines = [json.loads(line) for line in TEXT.splitlines() if re.match(r"\{.*costs", line)]
    amounts = [v["value"] for line in lines for k, v in values(line) if k == "amount" and v]
    assert {float, str} == {type(amount) for amount in amounts}
    assert min(float(amount) for amount in amounts) < 0
    assert any(len(a.partition(".")[2]) == 28 for a in amounts if isinstance(a, str))


def test_tokens_of_the_sample_add_up(records: list[Any]) -> None:
    """A total is the sum of its parts in every row that has the parts."""
    seen = 0
    for row in (row for record in records for row, _, _ in rows(record)):
        if not isinstance(row, uw.UsageCompletionsResult) or row.input_uncached_tokens is None:
            continue
        seen += 1
        uncached = (row.input_text_tokens, row.input_audio_tokens, row.input_image_tokens)
        written = (row.input_cache_write_30m_tokens, row.input_cache_write_12h_tokens)
        cached = (
            row.input_cached_text_tokens,
            row.input_cached_audio_tokens,
            row.input_cached_image_tokens,
        )
        output = (row.output_text_tokens, row.output_audio_tokens, row.output_image_tokens)
        whole = (row.input_uncached_tokens, row.input_cached_tokens, row.input_cache_write_tokens)
        for total, parts in (
            (row.input_tokens, whole),
            (row.input_uncached_tokens, uncached),
            (row.input_cached_tokens, cached),
            (row.input_cache_write_tokens, written),
            (row.output_tokens, output),
        ):
            assert total == sum(part or 0 for part in parts), row
    assert seen > 50


def test_the_sample_can_be_written_and_read_again(records: list[Any], tmp_path: Path) -> None:
    """A copy of the sample has every record."""
    uw.write(tmp_path / "copy", records)
    with uw.read(tmp_path / "copy") as reader:
        assert records == list(reader)


def test_the_demo(tmp_path: Path) -> None:
    """The demo exits with 0 from any folder and shows every rejected line."""
    done = run("demo.py", cwd=tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    assert 6 == done.stdout.count("examples/usage.ndjson:")
    assert "Traceback" not in done.stdout


def test_the_quickstart(tmp_path: Path) -> None:
    """The quickstart prints sums and writes a copy without the bad lines."""
    done = run("quickstart.py", cwd=tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    with uw.read(tmp_path / "valid.ndjson") as reader:
        copy = sum(1 for _ in reader)
    assert f"valid.ndjson: {copy} lines" == done.stdout.splitlines()[-1]
    assert 6 == done.stdout.count("rejected: line ")
    assert "2026-08 gpt-4o-2024-08-06: " in done.stdout
