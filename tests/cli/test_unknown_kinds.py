"""Rows of kinds that this version does not know: named by default, and rejected if asked."""

import json
from pathlib import Path

import pytest

from tests.support.cli import run, stored
from tests.support.samples import bucket, text
from usagewire import Decoder, UsageObject
from usagewire.cli.session import MOST_KINDS, Session

CHAT = {"object": "chat.completion"}
LATER = {"object": "organization.usage.later.result", "n": 1}
PAGE = {"object": "page", "data": [bucket(results=[CHAT, LATER])], "has_more": False}
LINES = b"\n".join([stored().strip().encode(), text(CHAT), text(PAGE)]) + b"\n"
NAMED = "unknown kinds: 'chat.completion' 2, 'organization.usage.later.result' 1\n"


@pytest.mark.parametrize("command", ["summary", "validate"])
def test_unknown_kinds_are_named(command: str) -> None:
    """Standard error names each unknown kind with the number of its rows, and counts them."""
    result = run(command, "-", stdin=LINES)

    assert 0 == result.exit_code
    assert result.stderr == NAMED + "lines 3, records 3, rejected 0, blank 0, unknown 3\n"


@pytest.mark.parametrize("options", [[], ["--lenient"]])
@pytest.mark.parametrize("command", ["summary", "validate"])
def test_strict_kinds_rejects_unknown_rows(command: str, options: list[str]) -> None:
    """With `--strict-kinds` a line with an unknown row is rejected as `wrong_tag`."""
    lines = stored('"1"').encode() + text(CHAT | {"n": "1"}) + b"\n" + LINES
    result = run(command, "-", "--strict-kinds", *options, stdin=lines)

    assert 1 == result.exit_code
    assert "$.data[0].results[0].object: wrong_tag: 'chat.completion' is not the" in result.output
    counts = "records 2, rejected 3, blank 0, lenient 1" if options else "records 1, rejected 4"
    assert counts in result.stderr
    assert "unknown" not in result.stderr


@pytest.mark.parametrize("options", ["", "--to rows", "--to flat", "--lenient --drop-personal"])
def test_convert_names_unknown_kinds(options: str) -> None:
    """`convert` keeps unknown rows in each shape, and standard error names their kinds."""
    result = run("convert", "-", "-o", "out", *options.split(), stdin=LINES)
    written = Path("out").read_bytes().count(b"\n")

    counts = f"lines 3, records 3, rejected 0, blank 0, unknown 3, written {written}\n"
    assert (0, NAMED + counts) == (result.exit_code, result.stderr)


def test_convert_names_only_rows_that_it_keeps() -> None:
    """A row that is rejected because it has no times counts as rejected alone."""
    result = run("convert", "-", "-o", "out", "--to", "pages", stdin=LINES)

    assert "rejected 2, blank 0, unknown 2" in result.stderr
    assert NAMED.replace("chat.completion' 2", "chat.completion' 1") in result.stderr


def test_convert_rejects_unknown_rows() -> None:
    """With `--strict-kinds`, `convert` rejects unknown rows."""
    result = run("convert", "-", "-o", "out", "--strict-kinds", "--rejects", "bad", stdin=LINES)
    assert (1, stored()) == (result.exit_code, Path("out").read_text())
    assert ["wrong_tag"] * 2 == [
        json.loads(line)["code"] for line in Path("bad").read_text().splitlines()
    ]


def test_only_the_first_kinds_are_named() -> None:
    """A log of many unknown kinds gives a message of a bounded length."""
    lines = b"".join(text({"object": f"kind {n}"}) + b"\n" for n in range(MOST_KINDS + 3))
    result = run("validate", "-", stdin=lines + text({"object": "kind 0"}))

    assert f"'kind {MOST_KINDS - 1}' 1" in result.stderr
    assert f"'kind {MOST_KINDS}'" not in result.stderr
    assert "unknown kinds: others 3, 'kind 0' 2" in result.stderr


def test_c_still_reads_with_strict_kinds() -> None:
    """C reads the known rows with `--strict-kinds`."""
    rules = Session(str).reading_rules(lenient=False, strict_kinds=True)

    assert Decoder().not_accelerated == Decoder(UsageObject, **rules).not_accelerated
