"""`usagewire summary`: its sums, and how they are printed."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import BAD, LOG, run, stored
from usagewire import read
from usagewire.analysis.summary import Summary
from usagewire.cli import session
from usagewire.cli.terminal.tables import money, shown

STORED = stored(1234567)
NASTY = "a\x1b[31mb\r\n\tc\u202ed\x7f\x9be\u2028[red]f[/red] :smile: ünï"


def embedded(model: str | None, tokens: int = 20) -> str:
    """Return a line of embeddings."""
    tag = "organization.usage.embeddings.result"
    row = {"object": tag, "input_tokens": tokens, "num_model_requests": 2, "model": model}
    return json.dumps(row, ensure_ascii=False) + "\n"


def paid(value: Any, currency: str | None = "usd") -> str:
    """Return a line of costs."""
    amount = {"value": value, "currency": currency}
    return json.dumps({"object": "organization.costs.result", "amount": amount}) + "\n"


def table(text: str) -> list[list[str]]:
    """Return the cells of a printed table without empty cells."""
    return [re.split(" {2,}", line.strip()) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("kind", "by"),
    [("completions", "project_id"), ("completions", "model,batch"), ("costs", "day")],
)
def test_every_format_agrees_with_the_summary(kind: str, by: str) -> None:
    """Table, JSON and CSV have the same numbers as `Summary`."""
    expected = Summary(by.split(","), kinds=[kind])
    with read(LOG, on_error="skip") as reader:
        for record in reader:
            expected.add(record)
    options = ("summary", LOG, "--kind", kind, "--by", by, "--format")

    whole = json.loads(run(*options, "json").stdout)
    for group, found in zip([*expected.groups, expected.total], [*whole["groups"], whole["total"]],
                            strict=True):  # fmt: skip
        assert (dict(group.key), group.rows) == (found.get("key", {}), found["rows"])
        assert dict(group.metrics) == found["metrics"]
        assert list(group.cost) == list(found["cost"])
        assert [str(v.normalize()) for v in group.cost.values()] == list(found["cost"].values())

    head, *body = csv.reader(io.StringIO(run(*options, "csv").stdout))
    for group, cells in zip(expected.groups, body, strict=True):
        keys = ["" if v is None else str(v).replace("True", "true") for v in group.key.values()]
        numbers = [group.rows, *group.metrics.values(), *map(money, group.cost.values())]
        assert [k.replace("False", "false") for k in keys] + list(map(str, numbers)) == cells

    used = [n for n, column in enumerate(zip(*body, strict=True)) if set(column) != {"0"}]
    titles, *lines, total = table(run(*options, "table").stdout)
    assert [head[n] for n in used] == titles
    ungrouped = [[cell.replace(",", "") for cell in line] for line in lines]
    assert [[row[n] or "(none)" for n in used] for row in body] == ungrouped
    assert f"{expected.total.rows:,}" == total[1]


@pytest.mark.parametrize(
    ("options", "lines", "expected"),
    [
        (
            [],
            embedded("a", 1_234_567) + embedded("bb", 1) + embedded(None) + paid("-1234.5"),
            (
                "model   rows  requests  input_tokens   cost_usd\n"
                "a          1         2     1,234,567           \n"
                "bb         1         2             1           \n"
                "(none)     2         2            20  -1,234.50\n"
                "total      4         6     1,234,588  -1,234.50\n"
            ),
        ),
        (["--by", ""], STORED * 2, "rows  usage_bytes\n   2    2,469,134\n"),
        (
            ["--by", "kind", "--format", "csv"],
            STORED + paid(1),
            (
                "kind,rows,requests,input_tokens,input_cached_tokens,output_tokens,usage_bytes,"
                "cost_usd\ncosts,1,0,0,0,0,,1.00\nvector_stores,1,0,0,0,0,1234567,\n"
            ),
        ),
        (
            ["--by", "", "--format", "csv"],
            paid(1, "USD") + paid(2, None),
            (
                "rows,requests,input_tokens,input_cached_tokens,output_tokens,cost_usd,cost_?\n"
                "2,0,0,0,0,1.00,2.00\n"
            ),
        ),
    ],
    ids=["table", "without keys there is no total", "None is not zero", "no currency"],
)
def test_the_printed_text(options: list[str], lines: str, expected: str) -> None:
    """A table aligns numbers to the right under their names, and CSV does not."""
    assert expected == run("summary", "-", *options, stdin=lines).stdout


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0E-28", "0.00"),
        ("0E-6176", "0.00"),
        (5, "5.00"),
        ("12.50", "12.50"),
        ("0.1739150000000000000000000000", "0.173915"),
        ("123456789012345678901234567890.123456", "123456789012345678901234567890.123456"),
        (-0.06, "-0.06"),
        ("1E-30", "0." + "0" * 29 + "1"),
        ("1E+30", "1" + "0" * 30 + ".00"),
    ],
)
def test_money_is_exact_and_without_exponent(value: Any, expected: str) -> None:
    """Only zeros after two decimals are dropped."""
    arguments = ("summary", "-", "--by", "kind", "--format")
    whole = json.loads(run(*arguments, "json", stdin=paid(value)).stdout)
    assert {"usd": expected} == whole["total"]["cost"]
    assert expected == run(*arguments, "csv", stdin=paid(value)).stdout.split(",")[-1].strip()
    cell = table(run(*arguments, "table", stdin=paid(value)).stdout)[1][-1]
    assert expected == cell.replace(",", "")


def test_money_without_currency_has_a_separate_key() -> None:
    """It is not added to other money."""
    lines = paid(1, "USD") + paid(2, None)
    whole = json.loads(run("summary", "-", "--format", "json", stdin=lines).stdout)
    assert {"usd": "1.00", "?": "2.00"} == whole["total"]["cost"]


def test_breakdown_shows_the_parts_of_tokens() -> None:
    """`--breakdown` adds columns and changes no total."""
    without, beside = (
        json.loads(run("summary", LOG, "--format", "json", *more).stdout)["total"]["metrics"]
        for more in ([], ["--breakdown"])
    )
    assert "input_audio_tokens" not in without
    assert beside["input_audio_tokens"] > 0
    assert without == {name: beside[name] for name in without}


def test_skipped_rows_of_other_kinds_are_reported() -> None:
    """`--kind` takes short names and whole tags, and the message counts the skipped rows."""
    lines = STORED * 2 + paid(1) + '{"object": "x.y"}\n' + embedded("m")
    result = run("summary", "-", "--by", "kind", "--kind", "costs", "--kind", "x.y", stdin=lines)
    assert ["kind", "costs", "x.y", "total"] == [line[0] for line in table(result.stdout)]
    assert result.stderr.endswith("rows skipped: embeddings 1, vector_stores 2\n")


def test_the_last_line_counts_the_lines() -> None:
    """Lines are records, rejected or blank. Lenient values are counted if there are any."""
    lines = STORED + "\n" + BAD + stored('"7"')
    closing = run("summary", "-", stdin=lines).stderr.splitlines()[-1]
    assert "lines 4, records 1, rejected 2, blank 1" == closing
    result = run("summary", "-", "--lenient", "--format", "json", stdin=lines)
    assert result.stderr.endswith("\nlines 4, records 2, rejected 1, blank 1, lenient 1\n")
    expected = {"lines": 4, "records": 2, "rejected": 1, "blank": 1, "lenient": 1, "unknown": 0}
    assert expected == json.loads(result.stdout)["lines"]


def test_only_the_first_bad_lines_of_a_file_are_printed() -> None:
    """The other bad lines of each file are counted."""
    for name in ("a", "b"):
        Path(name).write_text(BAD * 25)
    errors = run("summary", "a", "b").stderr.splitlines()
    assert 2 * 21 + 1 == len(errors)
    assert "a:20: $: syntax: " in errors[19]
    assert "a: ... and 5 more" == errors[20]
    assert "lines 50, records 0, rejected 50, blank 0" == errors[-1]
    assert session.MOST_SHOWN == int(
        re.findall(r"at most (\d+)", run("summary", "--help").stdout)[0]
    )


@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("model", [NASTY, "proj_" + "x" * 495], ids=["nasty", "long"])
def test_data_cannot_control_the_terminal_and_is_never_cut(form: str, model: str) -> None:
    """Control characters are printed as escapes, and markup of any length as text."""
    printed = run("summary", "-", "--format", form, stdin=embedded(model)).stdout
    assert [] == [c for c in printed if not c.isprintable() and c != "\n"]
    assert "…" not in printed
    text = json.dumps(model) if form == "json" else shown(model)
    assert [1] == [line.count(text) for line in printed.splitlines() if text[-9:-1] in line]


def test_a_currency_cannot_control_the_terminal() -> None:
    """Titles of columns are escaped like cells."""
    printed = run("summary", "-", stdin=paid(1, "[b]\x1b[2J")).stdout
    assert "cost_[b]\\x1b[2j" in printed
