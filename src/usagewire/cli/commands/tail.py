"""`usagewire tail`: add up the metrics and money of a growing log until a signal."""

import sys
from collections.abc import Iterator
from math import inf
from typing import Any

import click
from rich.console import Console

from usagewire.cli import help_epilogs, options
from usagewire.cli.checkpoint_file import CheckpointFile
from usagewire.cli.session import Session
from usagewire.cli.signals import stopping
from usagewire.cli.terminal.live_table import LiveTable
from usagewire.cli.terminal.messages import print_result
from usagewire.cli.terminal.progress import is_screen
from usagewire.cli.terminal.tables import FORMATS
from usagewire.errors import CheckpointError, FileError
from usagewire.streaming.follow.tail import INTERVAL
from usagewire.streaming.reader import Reader, read


@click.command(epilog=help_epilogs.FOLLOWING)
@click.argument("file", metavar="FILE")
@options.BY
@options.KIND
@options.LENIENT
@options.STRICT_KINDS
@click.option(
    "--checkpoint",
    metavar="CHECKPOINT",
    help="Continue where the run that wrote this file stopped. The file is updated every few"
    " seconds and at the end.",
)
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=INTERVAL,
    help="How long to wait before the next look for new lines.",
)
def tail(
    *, file: str, by: str, kinds: tuple[str, ...], lenient: bool, strict_kinds: bool,
    checkpoint: str | None, interval: float,
) -> None:  # fmt: skip
    """Follow a growing log, and sum up its rows until Ctrl-C or SIGTERM.

    The log is read from its beginning, or from the checkpoint. A terminal shows the sums while they
    grow. At the end the sums are printed: they cover the lines of this run, not those before the
    checkpoint. Each bad line is reported on standard error.
    """
    sums = options.new_summary(by, kinds)
    screen = Console()
    one_terminal = is_screen(screen) and sys.stderr.isatty()
    session = Session(
        lambda: "no sums were printed", limit=inf, console=screen if one_terminal else None
    )
    with session.guard():
        place = CheckpointFile(checkpoint, file) if checkpoint is not None else None
        resume = place.read() if place else None
        if resume is not None:
            session.print(f"{file}: continues at the checkpoint; the sums cover later lines only")
        with LiveTable(screen, sums, lambda: f"{file}: {session.summary_line()}") as table:
            reader = session.source = read(
                file,
                follow=True,
                interval=interval,
                resume=resume,
                on_error=session.rejection_handler(),
                max_rejections=0,
                **session.reading_rules(lenient=lenient, strict_kinds=strict_kinds),
            )
            for batch in _batches_until_signal(session, reader):
                session.name_unknown(batch)
                for record in batch:
                    sums.add(record)
                table.show(idle=not batch)
                if place:
                    session.report("checkpoint", place.save(reader.checkpoint))
        if place:
            session.report("checkpoint", place.save(reader.checkpoint, now=True))
        print_result(FORMATS["table"](sums, session.line_counts))
        session.finish(*options.skipped_rows(sums))


def _batches_until_signal(session: Session, reader: Reader[Any]) -> Iterator[list[Any]]:
    """Yield the batches of a followed log until a signal, empty ones while nothing is new.

    If the log cannot be read, report that and try again.
    """
    session.cleanup.callback(reader.close)
    # Until the command ends, because the echo of a signal may arrive while sums are printed.
    session.cleanup.enter_context(stopping(reader.stop))
    while True:
        try:
            for batch in reader.batches():
                session.report("log", None)
                yield batch
            break
        except CheckpointError:
            raise
        except FileError as error:
            session.report("log", error)
