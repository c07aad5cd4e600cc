"""A table of growing sums that is redrawn on standard output if that is a terminal."""

from collections.abc import Callable
from time import monotonic
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from usagewire.analysis.summary import Summary
from usagewire.cli.terminal.progress import is_screen
from usagewire.cli.terminal.tables import live_table, shown

_PAUSE: Final = 0.25
"""At least this many seconds pass between two redraws."""

_SHARE: Final = 10
"""Drawing takes at most a tenth of the time, even with very many groups."""


class LiveTable:
    """A table of `sums`, with the line that `below` returns under it, while a `with` block runs.

    The line must change whenever the sums change. Without a terminal nothing is drawn.
    """

    def __init__(self, console: Console, sums: Summary, below: Callable[[], str]) -> None:
        self._console = console
        self._sums = sums
        self._below = below
        self._live = Live(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False
        )
        self._drawn = ""
        self._next = 0.0

    def show(self, *, idle: bool) -> None:
        """Redraw the table if it has changed: at once if `idle`, or a few times a second."""
        started = monotonic()
        if not self._live.is_started or (not idle and started < self._next):
            return
        below = self._below()
        if below == self._drawn:
            return
        table, others = live_table(self._sums, self._console.height - 1)
        more = f"... and {others:,} more groups; " if others else ""
        line = Text(more + shown(below), style="dim", no_wrap=True, overflow="ellipsis")
        self._live.update(Group(table, line), refresh=True)
        self._drawn = below
        now = monotonic()
        self._next = now + max(_PAUSE, _SHARE * (now - started))

    def __enter__(self) -> Self:
        if is_screen(self._console):
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
