"""Exit statuses, and the context managers that end a command with one.

A status stands even where the last message cannot be written.
"""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import click

from usagewire.cli.signals import Terminated, terminable
from usagewire.cli.terminal.tables import shown
from usagewire.errors import UsageWireError

REJECTED: Final = 1
FAILED: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
TERMINATED: Final = 143
"""Exit statuses beside 0; the last three are those that shells report for the signals."""


def exit_status(*, failed: bool, rejected: int) -> int:
    """Return the status of a command that came to its end; `rejected` is a number of lines."""
    if failed:
        return FAILED
    return REJECTED if rejected else 0


@contextmanager
def exit_on_failure(state: Callable[[], str]) -> Iterator[None]:
    """Exit on an interrupt, an error or failed output; `state` tells how far the work is."""
    try:
        with exit_on_output_error(), terminable():
            yield
    except KeyboardInterrupt as error:
        status = TERMINATED if isinstance(error, Terminated) else INTERRUPTED
        _exit(status, f"interrupted before all was read: {state()}")
    except UsageWireError as error:
        _exit(FAILED, str(error), f"failed: {state()}")


@contextmanager
def exit_on_output_error() -> Iterator[None]:
    """Exit with a status where output cannot be written."""
    try:
        yield
    except OSError as error:
        # An input that cannot be read is a FileError, so this is about the output. Its buffered
        # rest would fail once more when Python exits.
        sys.stdout = io.StringIO()
        if error.errno == errno.EPIPE:
            sys.stderr = io.StringIO()
            sys.exit(BROKEN_PIPE)
        _exit(FAILED, f"cannot write the output: {error.strerror or error}")


def _exit(status: int, *lines: str) -> NoReturn:
    try:
        for line in lines:
            click.echo(shown(line), err=True)
    except OSError:
        sys.stderr = io.StringIO()
    sys.exit(status)
