"""Processes that write are killed, or refused by the system, at each of their calls that matter.

strace injects the fault at one number of a call. Each case is a fork of one process, so that Python
starts but once: a fork that is to fail at its first call makes so many others before that this one
has the number, a fork that is to fail at its second makes one less, and so on.
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
"""What to tell strace, how the process ends, and what it says."""

CALLS = "write,fsync,ftruncate,?rename,?renameat,?renameat2"

NUMBER = 60
"""The number of the call that fails; all commands together make less of each."""

BUFFER = 2**10
"""Bytes of lines that are handed to the system at once: few, so that little takes many calls."""

FORKS = """
import io, json, os, sys
from usagewire.streaming import writer

number, writer.BUFFER, commands, undisturbed, jobs = json.load(sys.stdin)
sys.stderr = io.StringIO()  # which takes no call


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
    told = sys.stderr = io.StringIO()
    spend(call, number - turn)
    try:
        run(name, folder)
        end = 0
    except BaseException as error:
        told.write(f"{type(error).__name__}: {error}")
        end = 1
    # Not by a call that can be the one to fail.
    os.pwrite(os.open(folder + ".told", os.O_CREAT | os.O_WRONLY), told.getvalue().encode(), 0)
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
"""A program that runs each command undisturbed and then does each job in a fork, which is to run a
command in a folder so that it fails in its turn of a call. It prints how each fork ended: 0, or 1
where the command raised. What that said is in a file beside the folder."""

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
        if end.code not in (0, 1):  # rejected lines are no failure
            raise
"""

OLD = b"what was there before\n"
TORN = b'{"torn'
LONG = [random.Random(seed).randbytes(2**10).hex() for seed in range(3)]  # noqa: S311 -- test data
ROWS = b"".join(text(row(COMPLETIONS, model=model)) + b"\n" for model in LONG)


@attrs.frozen
class Command:
    """What is run, the files that are there before, and how often it makes each call."""

    code: str
    args: tuple[Any, ...]
    before: dict[str, bytes]
    calls: dict[str, int]

    def prepare(self, folder: Path) -> Path:
        """Make a folder with the files that are there before."""
        folder.mkdir()
        for name, content in self.before.items():
            (folder / name).write_bytes(content)
        return folder

    def run(self, folder: Path) -> dict[str, bytes]:
        """Run in this process and return the files that are there then."""
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
"""What replaces files. Of gzip, the first lines give but its header before the end."""

LOGGING = {
    "append": Command(WRITE, ("log", True), {"log": OLD}, {"write": 3, "fsync": 2, "ftruncate": 0}),
    "complete": Command(
        WRITE, ("log", True), {"log": OLD + b"{}"}, {"write": 4, "fsync": 3, "ftruncate": 0}
    ),
    "mend": Command(
        WRITE,
        ("log", True),
        {"log": OLD + TORN, "log.torn": OLD},
        {"write": 5, "fsync": 5, "ftruncate": 1},
    ),
}
"""What adds to a log: whole lines, a line that only lacks its LF, and a torn one."""

COMMANDS = REPLACING | LOGGING


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of each file in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@attrs.frozen
class Case:
    """One call that was to fail: how the process ended, and where its files are."""

    call: str
    turn: int
    end: int
    folder: Path

    @property
    def told(self) -> str:
        """What the process said, unless it was killed."""
        told = self.folder.with_name(f"{self.folder.name}.told")
        return told.read_text(encoding="utf-8") if told.exists() else ""


@attrs.frozen
class Outcome:
    """What came of a command: undisturbed, and in each case of a fault."""

    fault: str
    after: dict[str, bytes]
    cases: list[Case]


def require_strace() -> None:
    """Skip where nothing can be traced."""
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
    """Run each command with the fault at each of its calls, and so that it just misses them."""
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
def test_failures_are_told(outcomes: Mapping[str, Outcome], name: str) -> None:
    """No call fails unnoticed: the process ends at it, or says what the system said."""
    outcome = outcomes[name]
    _, end, told = FAULTS[outcome.fault]
    calls = COMMANDS[name].calls

    expected = [
        (case.call, case.turn, end if case.turn <= calls[case.call] else 0)
        for case in outcome.cases
    ]
    assert expected == [(case.call, case.turn, case.end) for case in outcome.cases]
    assert [] == [case for case in outcome.cases if case.end == 1 and told not in case.told]


@pytest.mark.parametrize("name", REPLACING)
def test_replaced(outcomes: Mapping[str, Outcome], name: str) -> None:
    """Each file is the old one or the new one, and running the command again does all of it."""
    before, after, fault = REPLACING[name].before, outcomes[name].after, outcomes[name].fault
    for case in outcomes[name].cases:
        left = files(case.folder)
        parts = {name for name in left if name.endswith(".part")}

        assert before.keys() == left.keys() - parts
        assert [] == [name for name in after if left[name] not in (before[name], after[name])]
        assert set() == parts or fault == "kill"
        # A rejected line is on disk before the file that had it is replaced.
        assert after.get("bad") == left.get("bad") or left.get("in") == before.get("in")
        if name != "convert in place":
            assert after == REPLACING[name].run(case.folder)


@pytest.mark.parametrize("name", LOGGING)
def test_logged(outcomes: Mapping[str, Outcome], name: str) -> None:
    """A log has every byte that it had and some of the lines, and opening it again mends it."""
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
        # Killed just before it takes the torn line from the log, it sets that aside once more.
        assert again.get("log.torn", b"") in (torn, torn + TORN + b"\n", torn[:-1] + b"\n" + torn)
        assert again["log"] == (
            after["log"] if left["log"] == before["log"] else left["log"] + lines
        )
