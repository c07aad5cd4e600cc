"""`usagewire validate`, which prints every bad line."""

from pathlib import Path

import pytest

from tests.support.cli import BAD, run, stored

LENIENT = stored('"7"')
UNKNOWN = stored().replace("}", ',"later":1}')


def test_validate_prints_every_bad_line() -> None:
    """Each bad line is on standard output with its file, line, path, code and message."""
    Path("log").write_text(stored() + BAD * 25 + stored("null"))
    result = run("validate", "log")
    lines = result.stdout.splitlines()
    assert 26 == len(lines)
    assert "log:2: $: syntax: invalid JSON" in lines[0]
    assert "log:27: $.usage_bytes: wrong_type: expected an integer, got null" == lines[-1]
    assert "lines 27, records 1, rejected 26, blank 0\n" == result.stderr


@pytest.mark.parametrize(
    ("lines", "options", "status"),
    [
        (LENIENT, [], 1),
        (LENIENT, ["--lenient"], 0),
        (UNKNOWN, [], 0),
        (UNKNOWN, ["--unknown", "keep"], 0),
        (UNKNOWN, ["--unknown", "forbid"], 1),
    ],
)
def test_validate_is_as_strict_as_asked(lines: str, options: list[str], status: int) -> None:
    """`--lenient` accepts more lines, and `--unknown forbid` accepts fewer."""
    assert status == run("validate", "-", *options, stdin=lines).exit_code
