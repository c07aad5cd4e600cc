"""The command line: `tail`, what it sums, where it stops and where it goes on.

Time does not pass in these tests: where the command would wait, the next step of a script is done,
and after the last one a signal comes.
"""

import json
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.support.cli import BAD, LOG, run, stored
from usagewire.cli import checkpoint_file, signals
from usagewire.streaming.follow.tail import Follow

STORED = stored()

Step = Callable[[], Any]
Tail = Callable[..., Result]

interrupt = partial(signal.raise_signal, signal.SIGINT)
terminate = partial(signal.raise_signal, signal.SIGTERM)


def append(path: Path, text: str) -> None:
    """Add to the end of a log."""
    with path.open("a") as file:
        file.write(text)


def total_of(result: Result) -> int:
    """Return the sum that was printed, of lines that are `STORED`."""
    cells = result.stdout.splitlines()[-1].split()
    return int(cells[2].replace(",", "")) if len(cells) > 2 else 0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return where a log is to be."""
    return tmp_path / "usage.log"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where a checkpoint is to be."""
    return tmp_path / "place"


@pytest.fixture
def tail(log: Path, monkeypatch: pytest.MonkeyPatch) -> Tail:
    """Run `usagewire tail` on the log with a script: a step whenever it waits, then Ctrl-C."""

    def follow(*options: Any, steps: tuple[Step, ...] = (), end: Step = interrupt) -> Result:
        script = iter([*steps, end])

        def pause(_: Follow) -> None:
            next(script)()

        monkeypatch.setattr(Follow, "pause", pause)
        return run("tail", log, *options)

    return follow


@pytest.mark.parametrize("end", [interrupt, terminate])
@pytest.mark.parametrize("options", [[], ["--by", "day,project_id", "--kind", "costs"]])
def test_the_sums_are_those_of_summary(
    tail: Tail, log: Path, options: list[str], end: Step
) -> None:
    """Whatever came before the signal is in the sums; the status tells of bad lines."""
    text = Path(LOG).read_text()
    first, second = text[:10_000], text[10_000:]
    log.write_text(first)
    result = tail(*options, steps=(partial(append, log, second),), end=end)
    expected = run("summary", log, *options)
    assert (1, expected.stdout) == (result.exit_code, result.stdout)
    assert expected.stderr.splitlines()[-1] == result.stderr.splitlines()[-1]


def test_a_log_need_not_be_there_and_may_be_rotated(tail: Tail, log: Path) -> None:
    """What was written to it before it is rotated is read, and then what is written anew."""

    def rotate() -> None:
        append(log, STORED)
        log.rename(f"{log}.1")
        append(log, STORED * 4)

    steps = (lambda: append(log, STORED * 2), rotate, lambda: None, lambda: None)
    result = tail(steps=steps)
    assert (0, 7) == (result.exit_code, total_of(result))


def test_a_line_that_is_not_whole_is_not_read(tail: Tail, log: Path) -> None:
    """It is neither summed nor rejected before its end has come."""
    log.write_text(STORED + STORED[:20])
    result = tail()
    assert (0, 1) == (result.exit_code, total_of(result))
    assert "lines 1, records 1, rejected 0, blank 0\n" == result.stderr


def test_every_bad_line_is_named(tail: Tail, log: Path) -> None:
    """A log is followed for long, so there is no end to that."""
    log.write_text(BAD * 30)
    result = tail()
    assert 1 == result.exit_code
    assert [f"{log}:{n}:" for n in range(1, 31)] == [
        line.split()[0] for line in result.stderr.splitlines()[:-1]
    ]


def test_lenient_is_that_of_summary(tail: Tail, log: Path) -> None:
    """`--lenient` takes what it says, and that is counted."""
    log.write_text(STORED.replace("1", '"5"'))
    assert 1 == tail().exit_code
    result = tail("--lenient")
    assert (0, 5) == (result.exit_code, total_of(result))
    assert result.stderr.endswith("blank 0, lenient 1\n")


def test_another_signal_ends_it_without_sums(
    tail: Tail, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who cannot wait for the end says so twice, and the status is 130."""
    monkeypatch.setattr(signals, "ECHO", 0)
    log.write_text(STORED)

    def twice() -> None:
        interrupt()
        interrupt()

    result = tail(end=twice)
    assert (130, "") == (result.exit_code, result.stdout)
    assert "interrupted before all was read: lines 1" in result.stderr
    assert result.stderr.endswith("; no sum was printed\n")


def test_signals_do_afterwards_what_they_did_before(tail: Tail) -> None:
    """The command leaves the process as it was."""
    before = [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]
    tail()
    assert before == [signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)]


@pytest.mark.parametrize("before", range(5))
def test_each_line_is_summed_once_over_two_runs(
    tail: Tail, log: Path, place: Path, before: int
) -> None:
    """The second goes on where the first stopped, and says that its sums are of the rest."""
    lines = [STORED.replace("1", str(10**n)) for n in range(5)]
    log.write_text("".join(lines[:before]) + (lines[before][:30]))
    first = tail("--checkpoint", place)
    append(log, lines[before][30:] + "".join(lines[before + 1 :]))
    second = tail("--checkpoint", place)
    assert (0, 0) == (first.exit_code, second.exit_code)
    expected = [int("0" + "1" * before), int("1" * (5 - before) + "0" * before)]
    assert expected == [total_of(first), total_of(second)]
    assert f"{log}: goes on at the checkpoint; the sums are of what comes after it" in second.stderr


def test_the_checkpoint_is_kept_up_to_date(
    tail: Tail, log: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sudden end the next run reads nothing twice of what was kept before."""
    monkeypatch.setattr(checkpoint_file, "PAUSE", 0)
    log.write_text(STORED * 3)

    def die() -> None:
        raise KeyboardInterrupt

    assert 130 == tail("--checkpoint", place, end=die).exit_code
    append(log, STORED * 2)
    assert 2 == total_of(tail("--checkpoint", place))


def test_the_checkpoint_is_not_written_all_the_time(
    tail: Tail, log: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written at once, to learn whether it can be, now and then, and at the end."""
    written: list[int] = []
    writer = checkpoint_file.Writer

    def count(path: str) -> Any:
        written.append(1)
        return writer(path)

    monkeypatch.setattr(checkpoint_file, "Writer", count)
    log.write_text(STORED)
    tail("--checkpoint", place, steps=(partial(append, log, STORED),) * 9)
    assert 2 == len(written)


def test_the_checkpoint_is_that_of_the_reader(tail: Tail, log: Path, place: Path) -> None:
    """It is one line, which `read` takes too."""
    log.write_text(STORED * 2)
    tail("--checkpoint", place)
    text = place.read_text()
    assert 1 == text.count("\n")
    assert 3 == json.loads(text)["line"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no checkpoint: ''"),
        ("{}", "no checkpoint: '{}'"),
        (STORED, "no checkpoint: "),
        ('{"usagewire_checkpoint":99}', "version 99"),
        (None, "Is a directory"),
    ],
)
def test_what_is_no_checkpoint_is_refused(
    tail: Tail, log: Path, place: Path, text: str | None, said: str
) -> None:
    """The status is 2, nothing is read, and the file is left as it was."""
    if text is None:
        place.mkdir()
    else:
        place.write_text(text)
    log.write_text(STORED)
    result = tail("--checkpoint", place)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(f"{place}: ")
    assert said in result.stderr
    assert text == (None if text is None else place.read_text())


@pytest.mark.parametrize(
    ("log_text", "digits", "said"),
    [(STORED, '"line":3', "damaged"), (BAD * 100, '"line":2', "usage.log")],
    ids=["one byte was changed", "of another log"],
)
def test_a_wrong_checkpoint_is_refused(
    tail: Tail, log: Path, place: Path, log_text: str, digits: str, said: str
) -> None:
    """Reading does not begin anew by itself, and the checkpoint is left as it was."""
    log.write_text(STORED)
    tail("--checkpoint", place)
    kept = place.read_text().replace('"line":2', digits)
    place.write_text(kept)
    log.write_text(log_text)
    result = tail("--checkpoint", place)
    assert (2, "", kept) == (result.exit_code, result.stdout, place.read_text())
    assert said in result.stderr


@pytest.mark.parametrize("name", ["usage.log", "./usage.log", "place.gz"])
def test_a_checkpoint_is_a_file_of_its_own(
    tail: Tail, log: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never replaces the log, and its name asks for no compression."""
    monkeypatch.chdir(log.parent)
    log.write_text(STORED)
    result = tail("--checkpoint", name)
    assert (2, [log.name]) == (result.exit_code, [path.name for path in log.parent.iterdir()])
    assert result.stderr.startswith(f"{name}: ")


def test_a_checkpoint_that_cannot_be_written_costs_no_sums(
    tail: Tail, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once, tried again, and the status is 2 where it never went well."""
    monkeypatch.setattr(checkpoint_file, "PAUSE", 0)
    log.write_text(STORED)
    place = tmp_path / "none" / "place"
    steps = (partial(append, log, STORED),) * 3
    result = tail("--checkpoint", place, steps=steps)
    assert (2, 4) == (result.exit_code, total_of(result))
    assert 1 == result.stderr.count(f"{place}: No such file or directory")
    result = tail("--checkpoint", place, steps=(*steps, place.parent.mkdir))
    assert (0, True) == (result.exit_code, place.exists())


def test_a_log_that_cannot_be_read_is_tried_again(tail: Tail, log: Path) -> None:
    """What is in the way is told once; only if it still is at the end is the status 2."""

    def make_way() -> None:
        log.rmdir()
        log.write_text(STORED)

    result = tail(steps=(log.mkdir, lambda: None, lambda: None))
    assert (2, 1) == (result.exit_code, result.stderr.count(f"{log}: Is a directory"))
    log.rmdir()
    result = tail(steps=(log.mkdir, lambda: None, make_way, lambda: None))
    assert (0, 1) == (result.exit_code, total_of(result))


def test_a_log_that_cannot_be_read_at_first_is_refused(tail: Tail, log: Path) -> None:
    """Who names the wrong thing learns at once."""
    log.mkdir()
    result = tail()
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(f"{log}: Is a directory\n")


@pytest.mark.parametrize(
    "arguments",
    [["-"], ["s3://bucket/log"], ["log", "--interval", "0"], ["log", "--by", "x"], [], ["a", "b"]],
)
def test_wrong_usage_is_explained(arguments: list[str]) -> None:
    """The status is 2, and nothing is printed."""
    result = run("tail", *arguments)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr


def test_the_interval_is_what_is_waited(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--interval` is that of `read`."""
    seen = []
    start = Follow.__init__

    def note(self: Follow, *arguments: Any) -> None:
        seen.append(arguments[-1])
        start(self, *arguments)

    monkeypatch.setattr(Follow, "__init__", note)
    tail("--interval", "1.5")
    assert [1.5] == seen
