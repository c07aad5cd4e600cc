"""The command line as a whole: sources, exit statuses, help, and its extra."""

import errno
import gzip
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import pytest

from tests.support.cli import BAD, LOG, run, stored
from usagewire import __version__
from usagewire.__main__ import main
from usagewire.analysis.summary import KEYS, KINDS
from usagewire.cli import exits, session
from usagewire.cli.main import usagewire

STORED = stored(1234567)
NOTHING = "lines 0, records 0, rejected 0, blank 0"

posix = pytest.mark.skipif(os.name != "posix", reason="needs file names of POSIX")


@pytest.mark.parametrize("text", [STORED * 2, STORED + STORED.strip(), f"[{STORED},{STORED}]"])
@pytest.mark.parametrize("other", ["absent", "*.none", "none://x"])
def test_a_file_that_cannot_be_read_is_skipped(text: str, other: str) -> None:
    """The files before and after it are read to the last line."""
    for name in ("a", "b"):
        Path(name).write_text(text)
    result = run("validate", "a", other, "b")
    assert (2, 1) == (result.exit_code, result.stderr.count(f"{other}: "))
    assert result.stderr.endswith("\nlines 4, records 4, rejected 0, blank 0\n")


@pytest.mark.parametrize("command", ["summary", "validate"])
@pytest.mark.parametrize(
    ("files", "status"),
    [
        (["good"], 0),
        (["good", "bad"], 1),
        (["empty"], 0),
        (["good", "absent"], 2),
        (["bad", "absent"], 2),
        (["."], 2),
        (["good", "broken.gz"], 2),
        ([], 2),
    ],
)
def test_exit_statuses(command: str, files: list[str], status: int) -> None:
    """0 is success, 1 is some lines rejected, 2 is a file that cannot be read."""
    for name, text in {"good": STORED, "bad": BAD + STORED, "empty": ""}.items():
        Path(name).write_text(text)
    Path("broken.gz").write_bytes(gzip.compress(STORED.encode())[:-3])
    result = run(command, *files)
    assert (status, None) == (result.exit_code, result.exception and result.exception.__context__)
    if status == 2 and files:
        assert f"\n{files[-1]}: " in "\n" + result.stderr
    if command == "summary" and "good" in files:
        assert "usage_bytes" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("convert in", ["--output"]),
        ("convert -o out", ["FILE"]),
        ("convert in -o out --to csv", ["rows", "pages", "flat"]),
        ("summary - --by modle", KEYS),
        ("summary - --by model,model", ["twice"]),
        ("summary - --kind completion", KINDS.values()),
        ("summary - --format xml", ["table", "json", "csv"]),
        ("summary - --nonsense", ["--nonsense"]),
        ("tail", ["FILE"]),
        ("tail a b", ["b"]),
        ("tail -", ["path"]),
        ("tail .", [".: Is a directory"]),
        ("tail s3://bucket/log", ["path"]),
        ("tail log --by x", KEYS),
        ("tail log --interval 0", ["--interval"]),
    ],
)
def test_wrong_usage(arguments: str, expected: Iterable[str], folder: Path) -> None:
    """The status is 2, nothing is written, and the error names the fault or the valid values."""
    result = run(*arguments.split(), stdin=STORED)
    assert (2, "", []) == (result.exit_code, result.stdout, [*folder.iterdir()])
    assert [] == [word for word in expected if word not in result.stderr]


def test_help_describes_every_command_and_option() -> None:
    """The help has each command, option, key, kind and exit status."""
    assert {"convert", "info", "summary", "tail", "validate"} == set(usagewire.commands)
    overview = run("--help").stdout
    for name, command in usagewire.commands.items():
        page = run(name, "--help").stdout
        assert name in overview
        for parameter in command.params:
            described = isinstance(parameter, click.Option) and parameter.help
            assert described or parameter.human_readable_name.strip("[].") in ("FILE", "TYPE")
            assert [] == [n for n in parameter.opts if n.startswith("-") and n not in page]
        reading = (1, exits.INTERRUPTED, exits.TERMINATED) if name != "info" else ()
        for status in (0, exits.FAILED, exits.BROKEN_PIPE, *reading):
            assert re.search(rf"(^|; ) *{status} +\w", page, re.MULTILINE)
    words = set(re.findall(r"[a-z_]+", run("summary", "--help").stdout))
    assert {*KEYS, *KINDS.values()} <= words


@posix
@pytest.mark.parametrize("command", ["summary", "validate"])
def test_file_names_cannot_control_the_terminal(command: str) -> None:
    """Control characters in a name are escaped, whether or not the file can be read."""
    Path("a\x1b[31m").write_text(BAD)
    result = run(command, "a\x1b[31m", "\x1b")
    assert "\x1b" not in result.output
    assert "a\\x1b[31m:1: $: syntax" in result.output
    assert "\\x1b: No such file" in result.output


def test_the_console_script_runs_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`main` takes the arguments of the process and exits with the status."""
    monkeypatch.setattr(sys, "argv", ["usagewire", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (0, f"usagewire, version {__version__}\n") == (ended.value.code, capsys.readouterr().out)


@pytest.mark.parametrize(
    ("missing", "ends", "expected"),
    [
        ("click", SystemExit, 'needs click, which is not installed: pip install "usagewire[cli]"'),
        ("rich", SystemExit, 'needs rich, which is not installed: pip install "usagewire[cli]"'),
        ("csv", ImportError, "import of csv halted"),
        ("usagewire.analysis.summary", ImportError, "import of usagewire.analysis.summary halted"),
    ],
)
def test_a_missing_extra_is_named(
    missing: str, ends: type[BaseException], expected: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Only click and rich are part of the extra. Any other import error is raised."""
    for module in [name for name in sys.modules if name.startswith("usagewire.cli")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ends) as ended:
        main()
    printed = capsys.readouterr()
    assert "" == printed.out
    assert expected in (printed.err if ends is SystemExit else str(ended.value))
    assert getattr(ended.value, "code", 2) == 2


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (
            KeyboardInterrupt(),
            exits.INTERRUPTED,
            f"interrupted before all input was read: {NOTHING}; no sums were printed\n",
        ),
        (OSError(errno.EPIPE, "Broken pipe"), exits.BROKEN_PIPE, ""),
        (OSError(errno.ENOSPC, "Full"), exits.FAILED, "cannot write the output: Full\n"),
    ],
)
def test_an_early_end_has_a_status_and_no_result(
    error: BaseException, status: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No incomplete result is printed."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(session, "read", fail)
    result = run("summary", LOG)
    assert (status, "", message) == (result.exit_code, result.stdout, result.stderr)
