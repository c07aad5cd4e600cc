"""`usagewire summary`: add up the metrics and money of files by group."""

import click

from usagewire.cli import help_epilogs, options
from usagewire.cli.session import Session
from usagewire.cli.terminal.messages import print_result
from usagewire.cli.terminal.tables import FORMATS


@click.command(epilog=help_epilogs.READING)
@options.FILES
@options.BY
@options.KIND
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS]),
    default="table",
    help="The form of the result. Money is exact in all of them. csv has no total.",
)
@click.option(
    "--breakdown",
    is_flag=True,
    help="Also sum the parts of the token totals. The totals already contain them.",
)
@options.LENIENT
@options.STRICT_KINDS
def summary(
    *, files: tuple[str, ...], by: str, kinds: tuple[str, ...], form: str, breakdown: bool,
    lenient: bool, strict_kinds: bool,
) -> None:  # fmt: skip
    """Add up metrics and money by model, project, day or other keys.

    input_cached_tokens is a part of input_tokens. Bad lines are reported on standard error, at most
    20 of each file. A file that cannot be read is reported too, and the sums cover the others.
    """
    sums = options.new_summary(by, kinds, breakdown=breakdown)
    session = Session(lambda: "no sums were printed")
    with session.guard():
        rules = session.reading_rules(lenient=lenient, strict_kinds=strict_kinds)
        for batch in session.batches(files, **rules):
            session.name_unknown(batch)
            for record in batch:
                sums.add(record)
        print_result(FORMATS[form](sums, session.line_counts))
        session.finish(*options.skipped_rows(sums))
