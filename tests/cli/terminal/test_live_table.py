"""The table of growing sums: its content, and when and where it is drawn."""

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from tests.support.cli import Screen, console
from usagewire import UsageVectorStoresResult
from usagewire.analysis.summary import Summary
from usagewire.cli.terminal import live_table
from usagewire.cli.terminal.live_table import LiveTable


@pytest.fixture
def screen() -> Screen:
    """Return a new terminal."""
    return Screen()


def grown(*sizes: int) -> Iterator[Summary]:
    """Yield sums by project as they grow."""
    sums = Summary(["project_id"])
    for project, size in enumerate(sizes):
        sums.add(UsageVectorStoresResult(usage_bytes=size, project_id=f"proj\x1b[2J{project:03}"))
        yield sums


def test_the_table_is_drawn_only_when_it_has_changed(screen: Screen) -> None:
    """Nothing is drawn again until the line below the table changes."""
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
    """It is drawn less often if drawing takes long, and at once if the log is idle."""
    clock = iter([0.0, 0.0, 0.1, 0.3, 0.5, 1.0, 5.5, 5.5, 5.6, 5.6])
    monkeypatch.setattr(live_table, "monotonic", lambda: next(clock))
    numbers = iter("abcdefgh")
    with LiveTable(console(screen), next(grown(5)), lambda: f"<{next(numbers)}>") as table:
        table.show(idle=False)  # from 0.0 to 0.0: the next at 0.25 or later
        table.show(idle=False)  # at 0.1
        table.show(idle=False)  # from 0.3 to 0.5: the next at 2.5 or later
        table.show(idle=False)  # at 1.0
        table.show(idle=False)  # from 5.5 to 5.5
        table.show(idle=True)  # at 5.6
    assert ["<a>", "<b>", "<c>", "<d>"] == [w for w in map("<{}>".format, "abcdefgh")
                                            if w in screen.getvalue()]  # fmt: skip


def test_groups_that_do_not_fit_are_counted(screen: Screen) -> None:
    """The table is never higher than the terminal, and the total includes all groups."""
    *_, sums = grown(*range(100))
    with LiveTable(console(screen), sums, lambda: "below") as table:
        table.show(idle=True)
        drawn = screen.getvalue()
    assert 12 == len(drawn.splitlines())
    assert 5 == drawn.count("proj\\x1b")
    assert "4,950" in drawn
    assert "... and 95 more groups; below" in drawn


def test_values_cannot_control_the_terminal(screen: Screen) -> None:
    """Control characters are drawn as escapes."""
    with LiveTable(console(screen), next(grown(5)), lambda: "log\x1b[2J") as table:
        table.show(idle=True)
    assert "\x1b[2J" not in screen.getvalue()
    assert "proj\\x1b[2J000" in screen.getvalue()
    assert "log\\x1b[2J" in screen.getvalue()


def test_without_a_terminal_nothing_is_drawn() -> None:
    """That is true even if colours are forced."""
    nowhere = io.StringIO()
    forced = Console(file=nowhere, force_terminal=True)
    with LiveTable(forced, next(grown(5)), lambda: "below") as table:
        table.show(idle=True)
    assert not nowhere.getvalue()
