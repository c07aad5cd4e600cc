"""Exit statuses, and the context managers that end a command with one.

A command keeps its status even if the last message cannot be written.
"""

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
# Shells report these three for a process that SIGINT, SIGPIPE or SIGTERM ended.
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
TERMINATED: Final = 143


@contextmanager
def exit_on_failure(state: Callable[[], str]) -> Iterator[None]:
    """Exit on an interrupt, an error or failed output. `state` returns the progress in words."""
    try:
        with exit_on_output_error(), terminable():
            yield
    except KeyboardInterrupt as error:
        status = TERMINATED if isinstance(error, Terminated) else INTERRUPTED
        _exit(status, f"interrupted before all input was read: {state()}")
    except UsageWireError as error:
        _exit(FAILED, str(error), f"failed: {state()}")


@contextmanager
def exit_on_output_error() -> Iterator[None]:
    """Exit with a status if output cannot be written."""
    try:
        yield
    except OSError as error:
        # Input that cannot be read raises FileError, so this error is about the output.
        # Without a new stream, Python would try to flush the rest at exit and fail again.
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
