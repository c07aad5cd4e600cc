"""Processes that write are killed at each of their system calls, or the call fails.

strace injects the fault into the call with a given number. Each case is a fork of one process, so
that Python starts only once. A fork first makes as many unrelated calls as needed, so that the call
to fail has that number.
"""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.support.samples import COMPLETIONS, row, text
from usagewire.streaming import writer

FAULTS = {
    "kill": ("signal=KILL", -signal.SIGKILL, ""),
    "full": ("error=ENOSPC", 1, os.strerror(errno.ENOSPC)),
    "broken": ("error=EIO", 1, os.strerror(errno.EIO)),
}
"""Each fault: the option of strace, the exit code of the process, and its message."""

CALLS = "write,fsync,ftruncate,?rename,?renameat,?renameat2"

NUMBER = 60
"""The number of the call that fails. All commands together make fewer calls of each kind."""

BUFFER = 2**10
"""Bytes of lines that are written at once: few, so that little data needs several calls."""

FORKS = """
import io, json, os, sys
from usagewire.streaming import writer

number, writer.BUFFER, commands, undisturbed, jobs = json.load(sys.stdin)
sys.stderr = io.StringIO()  # to make no system call


def spend(call, times):
    null = os.open(os.devnull, os.O_RDWR)
    calls = {
        "write": lambda: os.write(null, b""),
        "fsync": lambda: os.fsync(null),
        "ftruncate": lambda: os.ftruncate(null, 0),
        "rename": lambda: os.rename("missing", "nowhere"),
    }
    for _ in range(times):
        try:
            calls[call]()
        except OSError:
            pass
    os.close(null)


def run(name, folder):
    code, args = commands[name]
    names = {}
    os.chdir(folder)
    exec(code, names)
    names["run"](*args)


def fail(name, folder, call, turn):
    message = sys.stderr = io.StringIO()
    spend(call, number - turn)
    try:
        run(name, folder)
        end = 0
    except BaseException as error:
        message.write(f"{type(error).__name__}: {error}")
        end = 1
    # With a call that strace does not trace.
    file = os.open(folder + ".message", os.O_CREAT | os.O_WRONLY)
    os.pwrite(file, message.getvalue().encode(), 0)
    return end


for name, folder in undisturbed:
    run(name, folder)
ends = []
for name, folder, call, turn in jobs:
    child = os.fork()
    if not child:
        os._exit(fail(name, folder, call, turn))
    ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(ends))
"""
"""A program that runs each command without a fault, and then each job in a fork. A job runs a
command in a folder, so that one of its calls fails. The program prints the exit code of each fork:
0, or 1 if the command raised. The message is in a file next to the folder."""

WRITE = """
import random
from usagewire import Writer

def run(path, append):
    with Writer(path, append=append) as writer:
        for seed in range(3):
            writer.write_line(random.Random(seed).randbytes(2**10).hex().encode())
"""

CONVERT = """
import sys
from usagewire.cli.main import main

def run(*args):
    sys.argv = ["usagewire", "convert", *args]
    try:
        main()
    except SystemExit as end:
        if end.code not in (0, 1):  # 1 means rejected lines
            raise
"""

OLD = b"what was there before\n"
TORN = b'{"torn'
LONG = [random.Random(seed).randbytes(2**10).hex() for seed in range(3)]  # noqa: S311 -- test data
ROWS = b"".join(text(row(COMPLETIONS, model=model)) + b"\n" for model in LONG)


@attrs.frozen
class Command:
    """A function with arguments, the files before it, and the number of calls of each kind."""

    code: str
    args: tuple[Any, ...]
    before: dict[str, bytes]
    calls: dict[str, int]

    def prepare(self, folder: Path) -> Path:
        """Make a folder with the files before the command."""
        folder.mkdir()
        for name, content in self.before.items():
            (folder / name).write_bytes(content)
        return folder

    def run(self, folder: Path) -> dict[str, bytes]:
        """Run in this process and return the files after it."""
        names: dict[str, Any] = {}
        exec(self.code, names)  # noqa: S102 -- our own
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(sys, "argv", sys.argv)
            patch.setattr(writer, "BUFFER", BUFFER)
            names["run"](*self.args)
        return files(folder)


REPLACING = {
    "write": Command(WRITE, ("out", False), {"out": OLD}, {"write": 3, "fsync": 2, "rename": 1}),
    "write gzip": Command(
        WRITE, ("out.gz", False), {"out.gz": OLD}, {"write": 2, "fsync": 2, "rename": 1}
    ),
    "convert with rejects": Command(
        CONVERT,
        ("in", "-o", "out.gz", "--rejects", "bad"),
        {"in": ROWS + b"no row\n" + ROWS, "out.gz": OLD, "bad": OLD},
        {"write": 3, "fsync": 4, "rename": 2},
    ),
    "convert in place": Command(
        CONVERT,
        ("in", "-o", "in", "--rejects", "bad"),
        {"in": ROWS + b"no row\n", "bad": b""},
        {"write": 4, "fsync": 4, "rename": 2},
    ),
}
"""Commands that replace files. gzip writes only its header before the end."""

LOGGING = {
    "append": Command(WRITE, ("log", True), {"log": OLD}, {"write": 3, "fsync": 2, "ftruncate": 0}),
    "complete": Command(
        WRITE, ("log", True), {"log": OLD + b"{}"}, {"write": 4, "fsync": 3, "ftruncate": 0}
    ),
    "fix": Command(
        WRITE,
        ("log", True),
        {"log": OLD + TORN, "log.torn": OLD},
        {"write": 5, "fsync": 5, "ftruncate": 1},
    ),
}
"""Commands that append to a log: after whole lines, after a line without LF, and a torn line."""

COMMANDS = REPLACING | LOGGING


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@attrs.frozen
class Case:
    """A job: the call to fail, the exit code of the process, and the folder of its files."""

    call: str
    turn: int
    end: int
    folder: Path

    @property
    def message(self) -> str:
        """The message of the process, unless it was killed."""
        file = self.folder.with_name(f"{self.folder.name}.message")
        return file.read_text(encoding="utf-8") if file.exists() else ""


@attrs.frozen
class Outcome:
    """The files after a command without a fault, and the cases with a fault."""

    fault: str
    after: dict[str, bytes]
    cases: list[Case]


def require_strace() -> None:
    """Skip if strace cannot be used."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    tried = subprocess.run(
        ["strace", "-f", "-o", os.devnull, "true"], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"strace may not trace here: {tried.stderr!r}")


@pytest.fixture(scope="module", params=FAULTS)
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Outcome]:
    """Run each command with the fault at each of its calls, and at the call after the last."""
    require_strace()
    fault = request.param
    folder = tmp_path_factory.mktemp(fault)
    undisturbed = [(name, str(COMMANDS[name].prepare(folder / name))) for name in COMMANDS]
    jobs = [
        (name, str(command.prepare(folder / f"{name}-{call}-{turn}")), call, turn)
        for name, command in COMMANDS.items()
        for call, count in command.calls.items()
        for turn in range(1, count + 2)
    ]
    arguments = {name: (command.code, command.args) for name, command in COMMANDS.items()}
    done = subprocess.run(
        ["strace", "-f", "-o", os.devnull, "-e", f"trace={CALLS}",
         "-e", f"inject={CALLS}:{FAULTS[fault][0]}:when={NUMBER}",
         sys.executable, "-B", "-c", FORKS],
        input=json.dumps((NUMBER, BUFFER, arguments, undisturbed, jobs)).encode(),
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    found = {name: Outcome(fault, files(folder / name), []) for name in COMMANDS}
    for (name, place, call, turn), end in zip(jobs, json.loads(done.stdout), strict=True):
        found[name].cases.append(Case(call, turn, end, Path(place)))
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_failures_are_reported(outcomes: Mapping[str, Outcome], name: str) -> None:
    """A process ends at a call that fails, with the message of the system."""
    outcome = outcomes[name]
    _, end, message = FAULTS[outcome.fault]
    calls = COMMANDS[name].calls

    expected = [
        (case.call, case.turn, end if case.turn <= calls[case.call] else 0)
        for case in outcome.cases
    ]
    assert expected == [(case.call, case.turn, case.end) for case in outcome.cases]
    assert [] == [case for case in outcome.cases if case.end == 1 and message not in case.message]


@pytest.mark.parametrize("name", REPLACING)
def test_replaced(outcomes: Mapping[str, Outcome], name: str) -> None:
    """Each file is the old one or the new one, and the command can be run again."""
    before, after, fault = REPLACING[name].before, outcomes[name].after, outcomes[name].fault
    for case in outcomes[name].cases:
        left = files(case.folder)
        parts = {name for name in left if name.endswith(".part")}

        assert before.keys() == left.keys() - parts
        assert [] == [name for name in after if left[name] not in (before[name], after[name])]
        assert set() == parts or fault == "kill"
        # A rejected line is on disk before the file that contains it is replaced.
        assert after.get("bad") == left.get("bad") or left.get("in") == before.get("in")
        if name != "convert in place":
            assert after == REPLACING[name].run(case.folder)


@pytest.mark.parametrize("name", LOGGING)
def test_logged(outcomes: Mapping[str, Outcome], name: str) -> None:
    """A log keeps every byte and has some of the new lines, and opening it again fixes it."""
    before, after = LOGGING[name].before, outcomes[name].after
    torn = after.get("log.torn", b"")
    lines = after["log"].removeprefix(OLD).removeprefix(b"{}\n")
    for case in outcomes[name].cases:
        left = files(case.folder)
        if left["log"] != before["log"]:
            assert after["log"].startswith(left["log"])
            assert left["log"].startswith(OLD)
            assert left["log"].endswith(b"\n")
            assert torn == left.get("log.torn", b"")
        again = LOGGING[name].run(case.folder)

        assert before.keys() == again.keys()
        # A process killed just before it truncates the log has already moved the torn line.
        assert again.get("log.torn", b"") in (torn, torn + TORN + b"\n", torn[:-1] + b"\n" + torn)
        assert again["log"] == (
            after["log"] if left["log"] == before["log"] else left["log"] + lines
        )
