"""The group of all commands. It needs the extra `cli`.

Results go to standard output. Messages about the run go to standard error.
"""

import io
import sys

import click

from usagewire import __version__
from usagewire.cli import help_epilogs
from usagewire.cli.commands.convert import convert
from usagewire.cli.commands.info import info
from usagewire.cli.commands.summary import summary
from usagewire.cli.commands.tail import tail
from usagewire.cli.commands.validate import validate
from usagewire.cli.exits import exit_on_output_error


@click.group(
    commands=(convert, info, summary, tail, validate),
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog=help_epilogs.READING,
)
@click.version_option(__version__, prog_name="usagewire")
def usagewire() -> None:
    """Sum up, check and convert the data of OpenAI's organization Usage and Costs API."""
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command line and exit with its status."""
    with exit_on_output_error():  # help and usage errors are output too
        usagewire(prog_name="usagewire")
