"""Lines of text on standard output and standard error, next to a bar or table on the terminal.

Text from a file cannot control the terminal: control characters are printed as escapes.
"""

import sys

import click
from rich.console import Console
from rich.text import Text

from usagewire.cli.terminal.progress import is_screen
from usagewire.cli.terminal.tables import shown
from usagewire.errors import Rejection


def print_message(console: Console, text: str) -> None:
    """Print a line on standard error, or on `console` if that may have a bar or a table."""
    if is_screen(console):
        console.print(Text(shown(text)), soft_wrap=True)
    else:
        # Not by rich, which may print a line twice if an interrupt arrives.
        click.echo(shown(text), err=True)


def print_result(text: str) -> None:
    """Print the result of a command on standard output, line by line.

    If output is unbuffered (PYTHONUNBUFFERED; seen with CPython 3.11), one long text is cut without
    an error when a pipe breaks or a disk fills.
    """
    for line in text.splitlines(keepends=True):
        click.echo(line, nl=False)


class RejectionPrinter:
    """A printer of the first `limit` rejected lines of each file on standard error.

    If `limit` is None, all rejected lines are the result and go to standard output.
    """

    def __init__(self, console: Console, limit: float | None) -> None:
        self._console = console
        self._limit = limit
        self._file: str | None = None
        self._count = 0

    def print(self, rejection: Rejection) -> None:
        """Print a rejected line, unless its file has reached the limit."""
        if self._limit is None:
            # If both outputs are one terminal, rich moves its bar out of the way.
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
        """Print how many rejected lines of the file were not printed, if there are any."""
        if self._limit is not None and self._count > self._limit:
            more = self._count - self._limit
            print_message(self._console, f"{self._file}: ... and {more} more")
        self._count = 0
