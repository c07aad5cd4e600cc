"""The progress bar of long work. It is drawn on a terminal and removed when the work ends."""

import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from rich import progress
from rich.console import Console, RenderableType
from rich.text import Text

from usagewire.cli.terminal.tables import shown
from usagewire.io.files import paths

LARGE: Final = 4 * 2**20
"""The bar appears if all files together have at least this many bytes, or if the size is unknown
and this many were read. Fewer are read within a second."""


class State(NamedTuple):
    """The name of the file being read, and the bytes (before decompression) and lines read."""

    file: str
    taken: int
    lines: int


class Bar(progress.Progress):
    """A bar for reading `total` bytes, or an unknown number if `total` is None.

    A thread calls `state`, so it must be quick and change nothing.
    """

    def __init__(self, console: Console, total: int | None, state: Callable[[], State]) -> None:
        self._total = total
        self._state = state
        super().__init__(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.DownloadColumn(),
            _LinesPerSecond(),
            progress.TimeRemainingColumn(),
            console=console,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,  # rich would print it on standard error
            disable=not is_screen(console),
        )
        self.add_task("", total=total, lines=0)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the current bar, or nothing until the work is known to be long."""
        file, taken, lines = self._state()
        if max(taken, self._total or 0) >= LARGE:
            for task in self.task_ids:
                self.update(task, description=shown(file), completed=taken, lines=lines)
            yield from super().get_renderables()


class _LinesPerSecond(progress.ProgressColumn):
    def render(self, task: progress.Task) -> Text:
        rate = task.fields["lines"] / (task.elapsed or 1)
        return Text(f"{rate:,.0f} lines/s", style="progress.data.speed")


def is_screen(console: Console) -> bool:
    """Return whether lines can be redrawn: a file is not a terminal, even if colours are forced."""
    return console.file.isatty() and console.is_interactive


def total_size(names: Iterable[str]) -> int | None:
    """Return the total number of bytes of all files, or None if one of them is not a file."""
    total = 0
    for name in names:
        found = paths(name)
        if not found:
            return None
        for path in found:
            with suppress(OSError, ValueError):  # reading the file raises the error
                status = Path(path).stat()
                if not stat.S_ISREG(status.st_mode):
                    return None
                total += status.st_size
    return total
