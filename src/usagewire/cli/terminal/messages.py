"""Lines of text on standard output and standard error, beside a bar or table that may be drawn.

No text from a file steers the terminal: control characters are printed as escapes.
"""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.text import Text

from usagewire.cli.terminal.progress import is_screen
from usagewire.cli.terminal.tables import shown
from usagewire.errors import Rejection


def print_message(console: Console, text: str) -> None:
    """Print a line on standard error, or on `console` where something may be drawn on it."""
    if is_screen(console):
        # The bar or table there makes room.
        console.print(Text(shown(text)), soft_wrap=True)
    else:
        # rich may print a line twice where an interrupt comes in between.
        click.echo(shown(text), err=True)


def print_result(text: str) -> None:
    """Print the result of a command on standard output, line by line.

    One long text would be cut without an error where a pipe breaks or a disk fills while Python's
    output is unbuffered (PYTHONUNBUFFERED; seen with CPython 3.11).
    """
    for line in text.splitlines(keepends=True):
        click.echo(line, nl=False)


class RejectionPrinter:
    """Print rejected lines: the first `limit` of each file on standard error.

    Where `limit` is None, all of them are the result, which goes to standard output.
    """

    def __init__(self, console: Console, limit: float | None) -> None:
        self._console = console
        self._limit = limit
        self._file: str | None = None
        self._count = 0

    def print(self, rejection: Rejection) -> None:
        """Print a rejected line, unless its file is past the limit."""
        if self._limit is None:
            # Where both outputs are one terminal, the bar that may be there has to make room.
            if sys.stdout.isatty() and is_screen(self._console):
                print_message(self._console, str(rejection))
            else:
                click.echo(shown(str(rejection)))
            return
        if rejection.file != self._file:
            self.finish_file()
            self._file = rejection.file
        self._count += 1
        if self._count <= self._limit:
            print_message(self._console, str(rejection))

    def finish_file(self) -> None:
        """Print how many lines of the file were past the limit, if there are any."""
        if self._limit is not None and self._count > self._limit:
            more = self._count - self._limit
            print_message(self._console, f"{self._file}: ... and {more} more")
        self._count = 0
