"""`usagewire validate`: print every rejected line of files with its place and reason."""

import click

from usagewire.cli import help_epilogs, options
from usagewire.cli.session import Session
from usagewire.wire.layout import Unknown


@click.command(epilog=help_epilogs.READING)
@options.FILES
@options.LENIENT
@options.STRICT_KINDS
@click.option(
    "--unknown",
    type=click.Choice(["keep", "forbid"]),
    default="keep",
    help="Whether to accept or reject a line with a field that this version does not know.",
)
def validate(
    *, files: tuple[str, ...], lenient: bool, strict_kinds: bool, unknown: Unknown
) -> None:
    """Print each bad line as file:line: path: code: message.

    A file that cannot be read is reported on standard error, and the next one is read.
    """
    session = Session(lambda: "later lines were not checked", limit=None)
    with session.guard():
        rules = session.reading_rules(lenient=lenient, strict_kinds=strict_kinds, unknown=unknown)
        for batch in session.batches(files, **rules):
            session.name_unknown(batch)
        session.finish()
