"""Arguments and options that several commands share, and the summary that two of them build."""

from typing import Final

import click

from usagewire.analysis.summary import KEYS, KINDS, Summary
from usagewire.errors import UsageWireError

FILES: Final = click.argument("files", metavar="FILE...", nargs=-1, required=True)
LENIENT: Final = click.option(
    "--lenient",
    is_flag=True,
    help='Also accept "5" and 59200.0 as counts, and "TRUE" as true. Unwrap rows of generated'
    " clients, and accept rows of any kind that are tagged as costs, and pages and buckets with an"
    " unknown tag.",
)
STRICT_KINDS: Final = click.option(
    "--strict-kinds",
    is_flag=True,
    help="Reject rows of kinds that this version does not know. By default they are records without"
    " metrics, and standard error names their kinds.",
)
BY: Final = click.option(
    "--by",
    metavar="KEY,KEY...",
    default="model",
    help=f"Group rows by these keys: {', '.join(KEYS)}. Days and months are UTC.",
)
KIND: Final = click.option(
    "--kind",
    "kinds",
    metavar="KIND",
    multiple=True,
    help=f"Sum only rows of this kind: {', '.join(KINDS.values())}, or the full tag of another"
    " kind. The option may be repeated.",
)


def new_summary(by: str, kinds: tuple[str, ...], *, breakdown: bool = False) -> Summary:
    """Return an empty summary for the options. Wrong options are a usage error."""
    keys = [key.strip() for key in by.split(",") if key.strip()]
    try:
        return Summary(keys, kinds=kinds, breakdown=breakdown)
    except UsageWireError as error:
        raise click.UsageError(str(error)) from None


def skipped_rows(summary: Summary) -> list[str]:
    """Return a message about the rows that `--kind` left out, if there are any."""
    skipped = ", ".join(f"{kind} {count}" for kind, count in summary.skipped.items())
    return [f"rows skipped: {skipped}"] if skipped else []
