"""How far long work is: a bar with bytes, lines per second and time left.

It is drawn on standard error where that is a terminal, and nowhere else. It is taken away when the
work ends. What is read, and how, is not known here.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from usagewire.cli.terminal.tables import shown
from usagewire.io.files import paths

LARGE: Final = 4 * 2**20
"""From how many bytes on there is a bar: those of all files, or those taken where that is unknown.
Less is read in a second."""

_REFRESHES: Final = 4
"""How many times a second the bar is drawn anew."""


class State(NamedTuple):
    """How far reading is."""

    file: str
    """Name of the file that is being read."""
    taken: int
    """Bytes taken from the files, as they are in the files."""
    lines: int
    """Lines read."""


class Bar(Progress):
    """A bar for reading `total` bytes, or None where nobody knows how many.

    `state` is asked in a thread, so it must be quick and change nothing.
    """

    def __init__(self, console: Console, total: int | None, state: Callable[[], State]) -> None:
        self._total = total
        self._state = state
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            _LinesPerSecond(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            refresh_per_second=_REFRESHES,
            # Redirected, standard output would be printed on standard error.
            redirect_stdout=False,
            disable=not is_screen(console),
        )
        self.add_task("", total=total, lines=0)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bar as it is now; nothing while the work is not known to be long."""
        file, taken, lines = self._state()
        if max(taken, self._total or 0) >= LARGE:
            for task in self.task_ids:
                self.update(task, description=shown(file), completed=taken, lines=lines)
            yield from super().get_renderables()


class _LinesPerSecond(ProgressColumn):
    """The lines read since the beginning by the seconds since then."""

    def render(self, task: Task) -> Text:
        rate = task.fields["lines"] / (task.elapsed or 1)
        return Text(f"{rate:,.0f} lines/s", style="progress.data.speed")


def is_screen(console: Console) -> bool:
    """Return whether a person looks at it, on a terminal on which lines can be drawn anew.

    Colours that are forced by the environment make no terminal of a file.
    """
    return console.file.isatty() and console.is_interactive


def total_size(names: Iterable[str]) -> int | None:
    """Return how many bytes files have together; None where one of them cannot be asked."""
    total = 0
    for size in _sizes(names):
        if size is None:
            return None
        total += size
    return total


def _sizes(names: Iterable[str]) -> Iterator[int | None]:
    for name in names:
        found = paths(name)
        if not found:
            yield None
        for path in found:
            try:
                status = Path(path).stat()
            except (OSError, ValueError):
                yield 0  # which reading will tell
            else:
                yield status.st_size if stat.S_ISREG(status.st_mode) else None
