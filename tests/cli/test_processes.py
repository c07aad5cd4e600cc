"""The command line as processes: pipes, signals, full disks and terminals."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import pytest

from tests.support.cli import BAD as BAD_TEXT
from tests.support.cli import COMMAND, LOG, PAGE, run, stored
from usagewire.cli import exits

pty = pytest.importorskip("pty", reason="needs sh, signals and terminals of POSIX")

STORED: Final = stored().encode()
BAD: Final = BAD_TEXT.encode()
WIDE: Final = STORED.replace(b":1}", b":1" + b" " * 5000 + b"}")
"""A line that is decoded quickly for its size."""

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")

PATIENCE: Final = 20
"""Seconds after which a command that has not ended fails its test."""


def finished(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.run([*COMMAND, *arguments], check=False, **options)


def piped(script: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a shell script in which {} is a command."""
    return subprocess.run(  # noqa: S602 -- pipes of the shell are what is tested
        script.replace("{}", shlex.join([*COMMAND, *arguments])),
        shell=True, capture_output=True, text=True, check=False, **options,
    )  # fmt: skip


@contextmanager
def started(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command, and kill it in the end if it still runs."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with subprocess.Popen([*COMMAND, *arguments], **options) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def endless() -> Iterator[IO[bytes]]:
    """Return a pipe that gives a bad line and then good lines without end."""
    script = (
        f"import os\ntext = {STORED!r} * 1000\nos.write(1, {BAD!r})\nwhile True: os.write(1, text)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as source:
        assert source.stdout is not None
        try:
            yield source.stdout
        finally:
            source.kill()


CONVERT: Final = ["convert", "-", "-o", "out", "--rejects", "rejects"]


@pytest.mark.parametrize(
    ("arguments", "number", "status", "undone"),
    [
        (["summary", "-"], signal.SIGINT, exits.INTERRUPTED, "no sums were printed"),
        (["validate", "-"], signal.SIGINT, exits.INTERRUPTED, "later lines were not checked"),
        (CONVERT, signal.SIGINT, exits.INTERRUPTED, "nothing was written"),
        (CONVERT, signal.SIGTERM, exits.TERMINATED, "nothing was written"),
    ],
)
def test_a_signal_ends_long_work_and_the_counts_are_printed(
    arguments: list[str], number: int, status: int, undone: str,
    endless: IO[bytes], tmp_path: Path,
) -> None:  # fmt: skip
    """The command ends although there is more to read, and leaves no temporary file."""
    with started(*arguments, stdin=endless, cwd=tmp_path) as process:
        line = rejections_of(process, arguments[0]).readline()
        assert line.startswith(b"<stdin>:1: $: syntax")  # it reads
        process.send_signal(number)
        out, errors = process.communicate(timeout=PATIENCE)
    found = re.fullmatch(
        r"interrupted before all input was read:"
        r" lines (\d+), records (\d+), rejected 1, blank 0; (.*)\n",
        errors.decode(),
    )
    assert found
    assert (status, b"", undone) == (process.returncode, out, found[3])
    assert int(found[1]) == int(found[2]) + 1
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(("command", "packed"), [("summary", False), ("convert", True)])
def test_a_signal_ends_waiting(command: str, packed: bool, tmp_path: Path) -> None:
    """A command that waits for more input ends too, even while a thread reads ahead."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    text = STORED + BAD
    packer = zlib.compressobj(wbits=31)
    options = ["-o", "out"] if command == "convert" else []
    with started(command, str(fifo), *options, cwd=tmp_path) as process, fifo.open("wb", 0) as file:
        file.write(packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH) if packed else text)
        assert b"fifo:2: $: syntax" in rejections_of(process, command).readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert exits.INTERRUPTED == process.returncode
    assert b"interrupted before all input was read: lines 2, records 1, rejected 1," in errors
    assert ["fifo"] == [path.name for path in tmp_path.iterdir()]


def rejections_of(process: subprocess.Popen[bytes], command: str) -> IO[bytes]:
    """Return the stream on which a command reports bad lines."""
    stream = process.stdout if command == "validate" else process.stderr
    assert stream is not None
    return stream


def test_a_log_that_is_followed_is_summed_up_at_sigterm(tmp_path: Path) -> None:
    """Standard output has only the sums, and the next run continues from there."""
    log = tmp_path / "log"
    arguments = ("tail", str(log), "--by", "", "--checkpoint", str(tmp_path / "place"))
    for rows in (3, 5):
        with log.open("ab") as file:
            file.write(STORED * rows + BAD)
        with started(*arguments) as process:
            assert process.stderr is not None
            messages = iter(process.stderr.readline, b"")
            assert any(b": $: syntax" in line for line in messages)  # it reads
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=PATIENCE)
        assert (1, f"rows  usage_bytes\n   {rows}            {rows}\n") == (
            process.returncode,
            out.decode(),
        )


@pytest.mark.parametrize(
    ("options", "unbuffered"),
    [
        ("validate", ""),
        ("summary --by line_item,day --format csv", ""),
        ("summary --by line_item,day --format csv", "1"),
        ("convert -o -", "1"),
    ],
)
def test_a_broken_pipe_ends_quietly(options: str, unbuffered: str, tmp_path: Path) -> None:
    """A reader that takes one line gets one line, and no error is printed."""
    file = tmp_path / "log"
    amount = ', "amount": 1' if options == "validate" else ""
    file.write_text("".join(
        f'{{"object": "organization.costs.result", "line_item": "{n:050}"{amount}}}\n'
        for n in range(4000)
    ))  # fmt: skip
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    script = "({}; echo status $? >&2) | head -1"
    done = piped(script, *options.split(), str(file), env=environment)
    assert (1, f"status {exits.BROKEN_PIPE}\n") == (done.stdout.count("\n"), done.stderr)


def test_a_broken_pipe_of_standard_error_ends_quietly_too(tmp_path: Path) -> None:
    """The error of a closed standard error is not mistaken for a rejected line."""
    (tmp_path / "log").write_bytes(BAD * 50_000)
    arguments = ("convert", "log", "-o", "out", "--rejects", "rejects")
    done = piped("({} 2>&1; echo status $? >&2) | true", *arguments, cwd=tmp_path)
    assert f"status {exits.BROKEN_PIPE}\n" == done.stderr
    assert ["log"] == [path.name for path in tmp_path.iterdir()]


def test_standard_input_can_be_the_file_that_is_replaced(tmp_path: Path) -> None:
    """Its rejected lines are not lost, although the command line does not name it."""
    log = tmp_path / "log"
    log.write_bytes(STORED + BAD)
    with log.open("rb") as stdin:
        done = finished("convert", "-", "-o", str(log), stdin=stdin)
    assert (2, STORED + BAD) == (done.returncode, log.read_bytes())
    assert "replacing it would lose 1 rejected lines" in done.stderr


@needs_full
@pytest.mark.parametrize(
    "arguments",
    [
        ["summary", LOG],
        ["validate", LOG],
        ["convert", LOG, "-o", "-", "--rejects", "rejects"],
        ["--help"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_full_disk_is_an_error_without_traceback(arguments: list[str], tmp_path: Path) -> None:
    """The status is 2 and a conversion writes no file. Help is output like any other."""
    with Path("/dev/full").open("w") as full:
        done = finished(*arguments, stdout=full, cwd=tmp_path)
    assert (2, []) == (done.returncode, list(tmp_path.iterdir()))
    messages = [line for line in done.stderr.splitlines() if not line.startswith(f"{LOG}:")]
    assert ["cannot write the output: No space left on device"] == messages


@needs_full
@pytest.mark.parametrize(
    "arguments",
    ["summary " + LOG, "convert nosuch -o out", "summary --by nosuch " + LOG, "--help", "tail -h"],
)
def test_the_status_is_2_if_no_message_can_be_printed(arguments: str, tmp_path: Path) -> None:
    """With both streams on a full disk, the status is still right."""
    with Path("/dev/full").open("w") as full:
        done = finished(*arguments.split(), stdout=full, stderr=full, cwd=tmp_path)
    assert 2 == done.returncode


@needs_full
def test_an_interrupt_keeps_its_status_if_no_message_can_be_printed() -> None:
    """The error of the message is not mistaken for a rejected line."""
    with (
        Path("/dev/full").open("w") as full,
        started("validate", "-", stdin=subprocess.PIPE, stderr=full) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(BAD)
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert exits.TERMINATED == process.wait(PATIENCE)


def test_a_closed_standard_output_is_wrong_usage() -> None:
    """The message says that standard output is closed."""
    done = piped("{} >&-", "summary", PAGE)
    assert 2 == done.returncode
    assert "standard output is closed" in done.stderr


def on_terminal(*arguments: str, columns: int = 80, **streams: Any) -> str:
    """Return the text that a command writes to a terminal, without its colours.

    By default both standard output and standard error are the terminal.
    """
    ours, theirs = pty.openpty()
    streams = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs} | streams
    with subprocess.Popen([*COMMAND, *arguments], env=terminal_environment(columns), **streams):
        os.close(theirs)
        text = b"".join(iter(lambda: read_terminal(ours), b""))
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", text.decode())


def terminal_environment(columns: int = 80) -> dict[str, str]:
    """Return the environment of a process on a terminal."""
    return os.environ | {"COLUMNS": str(columns), "LINES": "24", "TERM": "xterm"}


def read_terminal(terminal: int) -> bytes:
    """Return the next bytes of a terminal, or none if its other end is closed."""
    try:
        return os.read(terminal, 2**16)
    except OSError:  # Linux raises it at the end
        return b""


def screens(text: str) -> list[str]:
    """Return the lines that were on a terminal, including those that were overwritten."""
    return [line for line in re.split(r"\r|\n|\x1b\[\d*[A-Z]|\x1b\[\?25[hl]", text) if line.strip()]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log that is large enough for a bar, with a bad last line."""
    file = tmp_path_factory.mktemp("large") / "[b]large.ndjson"
    file.write_bytes(WIDE * 1000 + BAD)
    return file


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_a_narrow_terminal_cuts_nothing(columns: int) -> None:
    """Long line items are folded between words, but numbers and ids are not."""
    arguments = ("summary", PAGE, "--by", "project_id,line_item")
    unframed = run(*arguments).stdout
    printed = on_terminal(*arguments, columns=columns, stderr=subprocess.DEVNULL)
    assert "…" not in printed
    words = [word for word in printed.split() if "─" not in word]
    assert sorted(unframed.split()) == sorted(words)


def test_long_work_shows_a_bar(large: Path) -> None:
    """It has the file, bytes of the total, lines per second and time left, and is removed."""
    printed = on_terminal("summary", str(large), "--by", "", columns=120)
    bar = r"\S*\[b\]large.ndjson .*━.* \d\.\d/5\.1 MB [\d,]+ lines/s \d:\d\d:\d\d"
    lines = screens(printed)
    bars = [line for line in lines if re.fullmatch(bar, line.strip())]
    assert bars
    assert [True] == [f"{large}:1001: $: syntax: " in line for line in lines if "syntax" in line]
    assert lines[-1].startswith("lines ")
    assert "━" not in "".join(lines[-4:])


def test_without_a_terminal_there_is_no_bar(large: Path) -> None:
    """A file or a pipe gets no bar, even if colours are forced. Standard output has the result."""
    forced = os.environ | {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "1"}
    done = finished("summary", str(large), "--format", "json", env=forced)
    assert (1, 2) == (done.returncode, done.stderr.count("\n"))
    assert 1 == json.loads(done.stdout)["lines"]["rejected"]
    assert "━" not in done.stderr + done.stdout


def test_bad_lines_and_the_bar_do_not_mix(tmp_path: Path) -> None:
    """On one terminal each bad line of `validate` is on a separate line, and none is lost."""
    file = tmp_path / "log"
    file.write_bytes((WIDE * 500 + BAD) * 4)
    lines = screens(on_terminal("validate", str(file), columns=200))
    bad = [line for line in lines if "syntax" in line]
    assert [f"{file}:{501 * n}: $: syntax" for n in range(1, 5)] == [
        line[: line.index(": invalid")] for line in bad
    ]
    assert any("lines/s" in line for line in lines)


def test_records_cannot_control_the_terminal(tmp_path: Path) -> None:
    """Characters that could are escaped on a terminal, with the same meaning, and not in a file."""
    name = "a\x9b2J\u202eb\U000e0001ü"
    row = '{"object":"organization.usage.vector_stores.result","usage_bytes":1,"project_id":"%s"}\n'
    file = tmp_path / "log"
    file.write_text(row % name, encoding="utf-8")
    printed = on_terminal("convert", str(file), "-o", "-", stderr=subprocess.DEVNULL, columns=200)
    assert row % "a\\u009b2J\\u202eb\\udb40\\udc01ü" == printed.replace("\r", "")
    assert file.read_bytes() == run("convert", file, "-o", "-").stdout_bytes


def test_the_sums_of_a_followed_log_are_shown_while_it_grows(tmp_path: Path) -> None:
    """The table overwrites itself until Ctrl-C, and then the last one stays."""
    log = tmp_path / "log"
    log.write_bytes(STORED * 3)
    ours, theirs = pty.openpty()
    options = {"stdout": theirs, "stderr": theirs, "env": terminal_environment()}
    with started("tail", str(log), "--by", "kind", **options) as process:
        os.close(theirs)
        text = wait_for(ours, b"", b"lines 3,")
        with log.open("ab") as file:
            file.write(STORED * 1231)
        text = wait_for(ours, text, b"lines 1234,")
        process.send_signal(signal.SIGINT)
        text += b"".join(iter(lambda: read_terminal(ours), b""))
        assert 0 == process.wait(PATIENCE)
    os.close(ours)
    lines = screens(re.sub(r"\x1b\[[0-9;]*m", "", text.decode()))
    rows = [line.split() for line in lines if line.startswith(" total")]
    assert ["total", "3", "3"] == rows[0]
    assert ["total", "1,234", "1,234"] == rows[-1]
    assert "lines 1234, records 1234, rejected 0, blank 0" == lines[-1]


def wait_for(terminal: int, text: bytes, expected: bytes) -> bytes:
    """Return `text` and the next output of a terminal, up to the `expected` bytes."""
    while expected not in text:
        more = read_terminal(terminal)
        assert more, text
        text += more
    return text
