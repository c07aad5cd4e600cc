"""The table of sums that grow: what it shows, when and where."""

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
    """Return a terminal that nobody has written to."""
    return Screen()


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
