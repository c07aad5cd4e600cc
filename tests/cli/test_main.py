"""The command line as a whole: sources, exit statuses, help, and that it needs an extra."""

import errno
import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from tests.support.cli import BAD, COMMAND, LOG, run, stored
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
def test_a_file_that_cannot_be_read_takes_nothing_with_it(text: str, other: str) -> None:
    """What stands before it and after it is read to its last line."""
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
def test_the_status_says_how_it_went(command: str, files: list[str], status: int) -> None:
    """0 is all, 1 is some lines rejected, 2 is a file that cannot be read."""
    for name, text in {"good": STORED, "bad": BAD + STORED, "empty": ""}.items():
        Path(name).write_text(text)
    Path("broken.gz").write_bytes(gzip.compress(STORED.encode())[:-3])
    result = run(command, *files)
    assert (status, None) == (result.exit_code, result.exception and result.exception.__context__)
    if status == 2 and files:
        assert f"\n{files[-1]}: " in "\n" + result.stderr
    if command == "summary" and "good" in files:
        assert "usage_bytes" in result.stdout


def test_help_describes_every_command_and_option() -> None:
    """Each command, option, key, kind and exit status is in the help."""
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
def test_names_of_files_are_data_too(command: str) -> None:
    """A name with an escape in it is shown escaped, whether or not the file can be read."""
    Path("a\x1b[31m").write_text(BAD)
    result = run(command, "a\x1b[31m", "\x1b")
    assert "\x1b" not in result.output
    assert "a\\x1b[31m:1: $: syntax" in result.output
    assert "\\x1b: No such file" in result.output


def test_a_process_prints_what_was_asked_and_exits_with_the_status() -> None:
    """`python -m usagewire` gives the result on standard output and the rest on standard error."""
    done = subprocess.run(
        [*COMMAND, "summary", LOG, "--format", "json"], capture_output=True, check=False
    )
    assert 1 == done.returncode
    assert 1 < len(json.loads(done.stdout)["groups"])
    assert b"rejected 6," in done.stderr


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
    """Only click and rich are the extra's; any other import error is an error of ours."""
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
    ("error", "status", "said"),
    [
        (
            KeyboardInterrupt(),
            exits.INTERRUPTED,
            f"interrupted before all was read: {NOTHING}; no sum was printed\n",
        ),
        (OSError(errno.EPIPE, "Broken pipe"), exits.BROKEN_PIPE, ""),
        (OSError(errno.ENOSPC, "Full"), exits.FAILED, "cannot write the output: Full\n"),
    ],
)
def test_an_early_end_has_a_status_and_no_result(
    error: BaseException, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing incomplete is printed."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(session, "read", fail)
    result = run("summary", LOG)
    assert (status, "", said) == (result.exit_code, result.stdout, result.stderr)
