"""The progress bar of long work, drawn on a terminal and removed when the work ends."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
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
"""Bytes from which on there is a bar: of all files, or those read where the size is unknown. Fewer
are read in a second."""

_REFRESHES: Final = 4
"""How many times a second the bar is redrawn."""


class State(NamedTuple):
    """The progress of reading."""

    file: str
    """Name of the file that is being read."""
    taken: int
    """Bytes read from the files, before decompression."""
    lines: int
    """Lines read."""


class Bar(Progress):
    """A bar for reading `total` bytes; None where the size is unknown.

    A thread calls `state`, so it must be quick and change nothing.
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
    def render(self, task: Task) -> Text:
        rate = task.fields["lines"] / (task.elapsed or 1)
        return Text(f"{rate:,.0f} lines/s", style="progress.data.speed")


def is_screen(console: Console) -> bool:
    """Return whether it is a terminal on which lines can be redrawn.

    Colours that the environment forces make no terminal of a file.
    """
    return console.file.isatty() and console.is_interactive


def total_size(names: Iterable[str]) -> int | None:
    """Return how many bytes files have together; None where one of them cannot be asked."""
    total = 0
    for name in names:
        found = paths(name)
        if not found:
            return None
        for path in found:
            with suppress(OSError, ValueError):  # the error comes when it is read
                status = Path(path).stat()
                if not stat.S_ISREG(status.st_mode):
                    return None
                total += status.st_size
    return total
