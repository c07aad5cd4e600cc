"""`usagewire tail`: its sums, where it stops and where it continues.

No time passes in these tests. When the command would wait, the next step of a script runs, and a
signal arrives after the last step.
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
from usagewire.streaming.follow.tail import FollowedLog

STORED = stored()

WATCHED, PLACE = Path("usage.log"), Path("place")

Step = Callable[[], Any]
Tail = Callable[..., Result]

interrupt = partial(signal.raise_signal, signal.SIGINT)
terminate = partial(signal.raise_signal, signal.SIGTERM)


def append(text: str) -> None:
    """Append to the log."""
    with WATCHED.open("a") as file:
        file.write(text)


def total_of(result: Result) -> int:
    """Return the printed sum of lines like `STORED`."""
    cells = result.stdout.splitlines()[-1].split()
    return int(cells[2].replace(",", "")) if len(cells) > 2 else 0


@pytest.fixture
def tail(monkeypatch: pytest.MonkeyPatch) -> Tail:
    """Run `usagewire tail` on a log of `text`: one of `steps` at each wait, and then Ctrl-C."""

    def follow(
        *options: Any, text: str = "", steps: tuple[Step, ...] = (), end: Step = interrupt
    ) -> Result:
        if text:
            WATCHED.write_text(text)
        script = iter([*steps, end])

        def pause(_: FollowedLog) -> None:
            next(script)()

        monkeypatch.setattr(FollowedLog, "pause", pause)
        return run("tail", WATCHED, *options)

    return follow


@pytest.mark.parametrize("end", [interrupt, terminate])
@pytest.mark.parametrize("options", [[], ["--by", "day,project_id", "--kind", "costs"]])
def test_the_sums_are_the_same_as_those_of_summary(
    tail: Tail, options: list[str], end: Step
) -> None:
    """The sums have every line before the signal, and the status reports bad lines."""
    text = Path(LOG).read_text()
    first, second = text[:10_000], text[10_000:]
    result = tail(*options, text=first, steps=(partial(append, second),), end=end)
    expected = run("summary", WATCHED, *options)
    assert (1, expected.stdout) == (result.exit_code, result.stdout)
    assert expected.stderr.splitlines()[-1] == result.stderr.splitlines()[-1]


def test_every_bad_line_is_printed(tail: Tail) -> None:
    """There is no limit, because a log may be followed for a long time."""
    result = tail(text=BAD * 30)
    named = [line.split()[0] for line in result.stderr.splitlines()[:-1]]
    assert (1, [f"{WATCHED}:{n}:" for n in range(1, 31)]) == (result.exit_code, named)


def test_lenient(tail: Tail) -> None:
    """`--lenient` accepts lenient values and counts them."""
    assert 1 == tail(text=stored('"5"')).exit_code
    result = tail("--lenient")
    assert (0, 5) == (result.exit_code, total_of(result))
    assert result.stderr.endswith("blank 0, lenient 1\n")


def test_a_second_signal_ends_it_without_sums(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second Ctrl-C no sums are printed, and the status is 130."""
    monkeypatch.setattr(signals, "ECHO", 0)
    result = tail(text=STORED, end=lambda: (interrupt(), interrupt()))
    assert (130, "") == (result.exit_code, result.stdout)
    assert "interrupted before all input was read: lines 1" in result.stderr
    assert result.stderr.endswith("; no sums were printed\n")


@pytest.mark.parametrize("before", range(5))
def test_each_line_is_summed_once_over_two_runs(tail: Tail, before: int) -> None:
    """The second run continues where the first stopped, and reports that."""
    lines = [STORED.replace("1", str(10**n)) for n in range(5)]
    first = tail("--checkpoint", PLACE, text="".join(lines[:before]) + lines[before][:30])
    append(lines[before][30:] + "".join(lines[before + 1 :]))
    second = tail("--checkpoint", PLACE)
    assert (0, 0) == (first.exit_code, second.exit_code)
    expected = [int("0" + "1" * before), int("1" * (5 - before) + "0" * before)]
    assert expected == [total_of(first), total_of(second)]
    message = "continues at the checkpoint; the sums cover later lines only"
    assert f"{WATCHED}: {message}" in second.stderr


def test_the_checkpoint_is_kept_up_to_date(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a sudden end, the next run continues at the last checkpoint that was written."""
    monkeypatch.setattr(checkpoint_file, "PAUSE", 0)

    def die() -> None:
        raise KeyboardInterrupt

    assert 130 == tail("--checkpoint", PLACE, text=STORED * 3, end=die).exit_code
    append(STORED * 2)
    assert 2 == total_of(tail("--checkpoint", PLACE))


def test_the_checkpoint_is_not_written_all_the_time(
    tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written at once, to find out whether that works, every few seconds, and at the end."""
    written: list[int] = []
    writer = checkpoint_file.Writer

    def count(path: str) -> Any:
        written.append(1)
        return writer(path)

    monkeypatch.setattr(checkpoint_file, "Writer", count)
    tail("--checkpoint", PLACE, text=STORED, steps=(partial(append, STORED),) * 9)
    assert 2 == len(written)


def test_the_checkpoint_is_one_line(tail: Tail) -> None:
    """It is the checkpoint of the reader, which `read` accepts too."""
    tail("--checkpoint", PLACE, text=STORED * 2)
    [line] = PLACE.read_text().splitlines()
    assert 3 == json.loads(line)["line"]


def damaged(tail: Tail) -> str:
    """Return the checkpoint of a log of one line, with one byte changed."""
    tail("--checkpoint", PLACE, text=STORED)
    return PLACE.read_text().replace('"line":2', '"line":3')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a checkpoint"),
        ("{}", "'{}' is not a checkpoint"),
        (STORED, " is not a checkpoint"),
        ('{"usagewire_checkpoint":99}', "version 99"),
        (damaged, "damaged"),
        (None, "Is a directory"),
    ],
)
def test_a_bad_checkpoint_is_refused(tail: Tail, text: Any, message: str) -> None:
    """The status is 2, the log is not read from its beginning, and the file is unchanged."""
    text = text(tail) if callable(text) else text
    if text is None:
        PLACE.mkdir()
    else:
        PLACE.write_text(text)
    result = tail("--checkpoint", PLACE, text=STORED)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(f"{PLACE}: ")
    assert message in result.stderr
    assert text == (None if text is None else PLACE.read_text())


def test_a_checkpoint_of_another_log_is_refused(tail: Tail) -> None:
    """The log is not read from its beginning, and the checkpoint is unchanged."""
    tail("--checkpoint", PLACE, text=STORED)
    kept = PLACE.read_text()
    result = tail("--checkpoint", PLACE, text=BAD * 100)
    assert (2, "", kept) == (result.exit_code, result.stdout, PLACE.read_text())
    assert "are neither in this file nor in a rotated file beside it" in result.stderr


@pytest.mark.parametrize("name", ["usage.log", "./usage.log", "place.gz"])
def test_the_name_of_a_checkpoint(tail: Tail, name: str) -> None:
    """It cannot be the log, and cannot end as the name of a compressed file."""
    result = tail("--checkpoint", name, text=STORED)
    assert (2, [WATCHED]) == (result.exit_code, [*Path().iterdir()])
    assert result.stderr.startswith(f"{name}: ")


def test_a_checkpoint_that_cannot_be_written_costs_no_sums(
    tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is printed once, writing is tried again, and the status is 2 if it always fails."""
    monkeypatch.setattr(checkpoint_file, "PAUSE", 0)
    place = Path("none/place")
    steps = (partial(append, STORED),) * 3
    result = tail("--checkpoint", place, text=STORED, steps=steps)
    assert (2, 4) == (result.exit_code, total_of(result))
    assert 1 == result.stderr.count(f"{place}: No such file or directory")
    result = tail("--checkpoint", place, steps=(*steps, place.parent.mkdir))
    assert (0, True) == (result.exit_code, place.exists())


def test_a_log_that_cannot_be_read_is_tried_again(tail: Tail) -> None:
    """The error is printed once, and the status is 2 only if the last attempt failed."""

    def make_way() -> None:
        WATCHED.rmdir()
        WATCHED.write_text(STORED)

    result = tail(steps=(WATCHED.mkdir, lambda: None, lambda: None))
    assert (2, 1) == (result.exit_code, result.stderr.count(f"{WATCHED}: Is a directory"))
    WATCHED.rmdir()
    result = tail(steps=(WATCHED.mkdir, lambda: None, make_way, lambda: None))
    assert (0, 1) == (result.exit_code, total_of(result))


def test_the_interval(tail: Tail, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--interval` is the interval of `read`."""
    seen = []
    start = FollowedLog.__init__

    def note(self: FollowedLog, *arguments: Any) -> None:
        seen.append(arguments[-1])
        start(self, *arguments)

    monkeypatch.setattr(FollowedLog, "__init__", note)
    tail("--interval", "1.5")
    assert [1.5] == seen


def test_unknown_kinds(tail: Tail) -> None:
    """The unknown kinds of a log are named at the end. With `--strict-kinds` they are rejected."""
    result = tail(text=STORED + '{"object":"later"}\n')
    assert "unknown kinds: 'later' 1\nlines 2, records 2, rejected 0, blank 0, unknown 1" in (
        result.stderr
    )
    result = tail("--strict-kinds", text=STORED + '{"object":"later"}\n')
    assert "$.object: wrong_tag: 'later' is not the tag" in result.stderr
    assert 1 == result.exit_code
