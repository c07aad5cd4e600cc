"""The command line: `tail`, what it sums, where it stops and where it goes on.

Time does not pass in these tests: where the command would wait, the next step of a script is done,
and after the last one a signal comes.
"""

import io
import json
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from usagewire import UsageVectorStoresResult
from usagewire.analysis.summary import Summary
from usagewire.cli import checkpoint_file, signals
from usagewire.cli.main import usagewire
from usagewire.cli.terminal import live_table
from usagewire.cli.terminal.live_table import LiveTable
from usagewire.streaming.follow.tail import Follow

LOG = Path(__file__).parents[2] / "examples" / "usage.ndjson"
STORED = '{"object":"organization.usage.vector_stores.result","usage_bytes":1}\n'
BAD = "what?\n"

Step = Callable[[], Any]
Tail = Callable[..., Result]

interrupt = partial(signal.raise_signal, signal.SIGINT)
terminate = partial(signal.raise_signal, signal.SIGTERM)


def append(path: Path, text: str) -> None:
    """Add to the end of a log."""
    with path.open("a") as file:
        file.write(text)


def stored(result: Result) -> int:
    """Return the sum that was printed, of lines that are `STORED`."""
    total = result.stdout.splitlines()[-1].split()
    return int(total[2].replace(",", "")) if len(total) > 2 else 0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return where a log is to be."""
    return tmp_path / "usage.log"


@pytest.fixture
def tail(log: Path, monkeypatch: pytest.MonkeyPatch) -> Tail:
    """Run `usagewire tail` on the log with a script: a step whenever it waits, then Ctrl-C."""

    def run(*options: Any, steps: tuple[Step, ...] = (), end: Step = interrupt) -> Result:
        script = iter([*steps, end])

        def pause(_: Follow) -> None:
            next(script)()

        monkeypatch.setattr(Follow, "pause", pause)
        return CliRunner().invoke(usagewire, ["tail", str(log), *map(str, options)])

    return run


# --- what is summed --------------------------------------------------------------------------


@pytest.mark.parametrize("end", [interrupt, terminate])
@pytest.mark.parametrize("options", [[], ["--by", "day,project_id", "--kind", "costs"]])
def test_the_sums_are_those_of_summary(
    tail: Tail, log: Path, options: list[str], end: Step
) -> None:
    """Whatever came before the signal is in the sums; the status tells of bad lines."""
    first, second = LOG.read_text()[:10_000], LOG.read_text()[10_000:]
    log.write_text(first)
    result = tail(*options, steps=(partial(append, log, second),), end=end)
    expected = CliRunner().invoke(usagewire, ["summary", str(log), *options])
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
    assert (0, 7) == (result.exit_code, stored(result))


def test_a_line_that_is_not_whole_is_not_read(tail: Tail, log: Path) -> None:
    """It is neither summed nor rejected before its end has come."""
    log.write_text(STORED + STORED[:20])
    result = tail()
    assert (0, 1) == (result.exit_code, stored(result))
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
    assert (0, 5) == (result.exit_code, stored(result))
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


# --- checkpoints -----------------------------------------------------------------------------


@pytest.mark.parametrize("before", range(5))
def test_each_line_is_summed_once_over_two_runs(
    tail: Tail, log: Path, tmp_path: Path, before: int
) -> None:
    """The second goes on where the first stopped, and says that its sums are of the rest."""
    lines = [STORED.replace("1", str(10**n)) for n in range(5)]
    log.write_text("".join(lines[:before]) + (lines[before][:30]))
    first = tail("--checkpoint", tmp_path / "place")
    append(log, lines[before][30:] + "".join(lines[before + 1 :]))
    second = tail("--checkpoint", tmp_path / "place")
    assert (0, 0) == (first.exit_code, second.exit_code)
    expected = [int("0" + "1" * before), int("1" * (5 - before) + "0" * before)]
    assert expected == [stored(first), stored(second)]
    assert f"{log}: goes on at the checkpoint; the sums are of what comes after it" in second.stderr


def test_the_checkpoint_is_kept_up_to_date(
    tail: Tail, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sudden end the next run reads nothing twice of what was kept before."""
    monkeypatch.setattr(checkpoint_file, "PAUSE", 0)
    log.write_text(STORED * 3)

    def die() -> None:
        raise KeyboardInterrupt

    assert 130 == tail("--checkpoint", tmp_path / "place", end=die).exit_code
    append(log, STORED * 2)
    assert 2 == stored(tail("--checkpoint", tmp_path / "place"))


def test_the_checkpoint_is_not_written_all_the_time(
    tail: Tail, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written at once, to learn whether it can be, now and then, and at the end."""
    written: list[int] = []
    writer = checkpoint_file.Writer

    def count(path: str) -> Any:
        written.append(1)
        return writer(path)

    monkeypatch.setattr(checkpoint_file, "Writer", count)
    log.write_text(STORED)
    tail("--checkpoint", tmp_path / "place", steps=(partial(append, log, STORED),) * 9)
    assert 2 == len(written)


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
    tail: Tail, log: Path, tmp_path: Path, text: str | None, said: str
) -> None:
    """The status is 2, nothing is read, and the file is left as it was."""
    place = tmp_path / "place"
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


def test_a_damaged_checkpoint_is_refused(tail: Tail, log: Path, tmp_path: Path) -> None:
    """One byte that was changed is noticed."""
    log.write_text(STORED)
    tail("--checkpoint", tmp_path / "place")
    damaged = (tmp_path / "place").read_text().replace('"line":2', '"line":3')
    (tmp_path / "place").write_text(damaged)
    result = tail("--checkpoint", tmp_path / "place")
    assert (2, damaged) == (result.exit_code, (tmp_path / "place").read_text())
    assert "damaged" in result.stderr


def test_a_log_that_is_another_is_refused(tail: Tail, log: Path, tmp_path: Path) -> None:
    """Reading does not begin anew by itself, and the checkpoint is left as it was."""
    log.write_text(STORED)
    tail("--checkpoint", tmp_path / "place")
    kept = (tmp_path / "place").read_text()
    log.write_text(BAD * 100)
    result = tail("--checkpoint", tmp_path / "place")
    assert (2, "", kept) == (result.exit_code, result.stdout, (tmp_path / "place").read_text())
    assert str(log) in result.stderr


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
    assert (2, 4) == (result.exit_code, stored(result))
    assert 1 == result.stderr.count(f"{place}: No such file or directory")
    result = tail("--checkpoint", place, steps=(*steps, place.parent.mkdir))
    assert (0, True) == (result.exit_code, place.exists())


# --- what cannot be followed -----------------------------------------------------------------


def test_a_log_that_cannot_be_read_is_tried_again(tail: Tail, log: Path) -> None:
    """What is in the way is told once; only if it still is at the end is the status 2."""

    def make_way() -> None:
        log.rmdir()
        log.write_text(STORED)

    result = tail(steps=(log.mkdir, lambda: None, lambda: None))
    assert (2, 1) == (result.exit_code, result.stderr.count(f"{log}: Is a directory"))
    log.rmdir()
    result = tail(steps=(log.mkdir, lambda: None, make_way, lambda: None))
    assert (0, 1) == (result.exit_code, stored(result))


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
    result = CliRunner().invoke(usagewire, ["tail", *arguments])
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


# --- the live table --------------------------------------------------------------------------


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture
def screen() -> Screen:
    """Return a terminal that nobody has written to."""
    return Screen()


def console(screen: io.StringIO) -> Console:
    """Return a console on a terminal of 12 lines."""
    return Console(
        file=screen, force_terminal=screen.isatty(), width=60, height=12, _environ={"TERM": "xterm"}
    )


def grown(*sizes: int) -> Iterator[Summary]:
    """Yield sums by project as they grow."""
    sums = Summary(["project_id"])
    for project, size in enumerate(sizes):
        sums.add(UsageVectorStoresResult(usage_bytes=size, project_id=f"proj\x1b[2J{project:03}"))
        yield sums


def test_the_table_is_drawn_only_when_it_has_changed(screen: Screen) -> None:
    """What is the same is left alone, however often it is shown."""
    sums = next(grown(5))
    below = "one"
    with LiveTable(console(screen), sums, lambda: below) as table:
        table.show(idle=True)
        drawn = screen.getvalue()
        assert "one" in drawn
        table.show(idle=True)
        assert drawn == screen.getvalue()
        below = "two"
        table.show(idle=True)
        assert "two" in screen.getvalue()


def test_the_table_is_drawn_a_few_times_a_second(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast the records come, and less often where drawing takes long; at rest at once."""
    clock = iter([0.0, 0.0, 0.1, 0.3, 0.5, 1.0, 5.5, 5.5, 5.6, 5.6])
    monkeypatch.setattr(live_table, "monotonic", lambda: next(clock))
    numbers = iter("abcdefgh")
    with LiveTable(console(screen), next(grown(5)), lambda: f"<{next(numbers)}>") as table:
        table.show(idle=False)  # from 0.0 to 0.0: the next from 0.25 on
        table.show(idle=False)  # at 0.1
        table.show(idle=False)  # from 0.3 to 0.5: the next from 2.5 on
        table.show(idle=False)  # at 1.0
        table.show(idle=False)  # from 5.5 to 5.5
        table.show(idle=True)  # at 5.6
    assert ["<a>", "<b>", "<c>", "<d>"] == [w for w in map("<{}>".format, "abcdefgh")
                                            if w in screen.getvalue()]  # fmt: skip


def test_groups_that_do_not_fit_are_told(screen: Screen) -> None:
    """The table is never higher than the terminal; the total is of all groups."""
    *_, sums = grown(*range(100))
    with LiveTable(console(screen), sums, lambda: "below") as table:
        table.show(idle=True)
        drawn = screen.getvalue()
    assert 12 == len(drawn.splitlines())
    assert 5 == drawn.count("proj\\x1b")
    assert "4,950" in drawn
    assert "... and 95 more groups; below" in drawn


def test_nothing_in_the_table_steers_the_terminal(screen: Screen) -> None:
    """Values are escaped as everywhere."""
    with LiveTable(console(screen), next(grown(5)), lambda: "log\x1b[2J") as table:
        table.show(idle=True)
    assert "\x1b[2J" not in screen.getvalue()
    assert "proj\\x1b[2J000" in screen.getvalue()
    assert "log\\x1b[2J" in screen.getvalue()


def test_without_a_terminal_nothing_is_drawn() -> None:
    """Not even where colours are forced."""
    nowhere = io.StringIO()
    forced = Console(file=nowhere, force_terminal=True)
    with LiveTable(forced, next(grown(5)), lambda: "below") as table:
        table.show(idle=True)
    assert not nowhere.getvalue()


def test_the_checkpoint_is_that_of_the_reader(tail: Tail, log: Path, tmp_path: Path) -> None:
    """It is one line, which `read` takes too."""
    log.write_text(STORED * 2)
    tail("--checkpoint", tmp_path / "place")
    text = (tmp_path / "place").read_text()
    assert 1 == text.count("\n")
    assert 3 == json.loads(text)["line"]
