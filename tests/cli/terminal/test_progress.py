"""The bar for long work: its content, and where it is drawn."""

import io
import re
from pathlib import Path

import pytest

from tests.support.cli import Screen, console
from usagewire.cli.terminal.progress import LARGE, Bar, State, is_screen, total_size


@pytest.mark.parametrize(
    ("total", "taken", "expected"),
    [
        (LARGE, 0, "0.0/4.2 MB"),
        (LARGE, LARGE // 2, "2.1/4.2 MB"),
        (None, LARGE, "4.2/? MB"),
        (LARGE, 2 * LARGE, "8.4/4.2 MB"),
        (LARGE - 1, 0, None),
        (None, LARGE - 1, None),
        (0, 0, None),
    ],
)
def test_a_bar_is_for_large_files(total: int | None, taken: int, expected: str | None) -> None:
    """A file is large if its size is, or if its size is unknown and many bytes were read."""
    screen = Screen()
    with Bar(console(screen), total, lambda: State("a.log", taken, 5)) as bar:
        bar.refresh()
        found = re.findall(r"a\.log .* ([\d.]+/[\d.?]+ MB) [\d,]+ lines/s", screen.getvalue())
    assert {expected} == {*found} | (set() if found else {None})


def test_the_bar_shows_the_current_state() -> None:
    """The file, bytes and lines are read again whenever the bar is drawn."""
    screen = Screen()
    state = State("a", 0, 0)
    with Bar(console(screen), LARGE, lambda: state) as bar:
        state = State("[b]b\x1b[2J", LARGE, 1000)
        bar.refresh()
        drawn = screen.getvalue()
    assert "[b]b\\x1b[2J " in drawn
    assert "0:00:00" in drawn
    assert re.search(r" [1-9][\d,]* lines/s", drawn)


@pytest.mark.parametrize(
    ("file", "environment", "expected"),
    [
        (Screen(), {}, True),
        (Screen(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "1"}, False),
    ],
)
def test_a_screen_is_a_terminal_that_can_be_drawn_on(
    file: io.StringIO, environment: dict[str, str], expected: bool
) -> None:
    """The environment can forbid drawing, but cannot turn a file into a terminal."""
    on = console(file, **environment)
    with Bar(on, LARGE, lambda: State("a", 0, 0)) as bar:
        bar.refresh()
    assert (expected, expected) == (is_screen(on), bool(file.getvalue()))


def test_the_total_size_of_files(tmp_path: Path) -> None:
    """It includes globs, an absent file has no bytes, and that of a pipe or a URL is unknown."""
    for name, size in (("1.log", 5), ("2.log", 7), ("other", 11)):
        (tmp_path / name).write_bytes(b"x" * size)
    files = [str(tmp_path / "*.log"), str(tmp_path / "other"), str(tmp_path / "absent")]
    assert 23 == total_size(files)
    assert [None, None] == [total_size([*files, other]) for other in ("-", "https://a.example/b")]
