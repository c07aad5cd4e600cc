"""The command line: commands, their options, and what each does with what is read.

Results go to standard output, everything about the run to standard error. What a line means is
decided by `read`, what is summed by `Summary`, what is written by `Writer`.

Reached through `usagewire.__main__`; needs the extra `cli` (click, rich).
"""

from __future__ import annotations

import io
import sys
from itertools import chain
from math import inf
from typing import Any, Final

import click
from cattrs import Converter
from rich.console import Console

from usagewire import __version__
from usagewire.analysis.conversion import Conversion, Shape
from usagewire.analysis.summary import KEYS, KINDS, Summary
from usagewire.cli import help_text
from usagewire.cli import info as info_paths
from usagewire.cli.outputs import Outputs
from usagewire.cli.session import Run, printing
from usagewire.cli.terminal.live_table import LiveTable
from usagewire.cli.terminal.progress import is_screen
from usagewire.cli.terminal.tables import FORMATS, shown
from usagewire.codec.decoder import MAX_LINE_BYTES
from usagewire.converters.configure import make_converter
from usagewire.errors import UsageWireError
from usagewire.models import UsageObject
from usagewire.streaming.checkpoint_file import CheckpointFile
from usagewire.streaming.follow.tail import INTERVAL
from usagewire.wire.layout import Unknown
from usagewire.wire.names import DIALECTS, Dialect

_FILES: Final = click.argument("files", metavar="FILE...", nargs=-1, required=True)
_LENIENT: Final = click.option(
    "--lenient",
    is_flag=True,
    help='Also read "5" and 59200.0 as counts, "TRUE" as true, and what generated clients write:'
    " wrappers around rows, and rows of any kind that are tagged as costs.",
)
_BY: Final = click.option(
    "--by",
    metavar="KEY,KEY...",
    default="model",
    show_default=True,
    help=f"Group rows by these keys: {', '.join(KEYS)}. Days and months are UTC.",
)
_KIND: Final = click.option(
    "--kind",
    "kinds",
    metavar="KIND",
    multiple=True,
    help=f"Sum only rows of this kind; may be repeated: {', '.join(KINDS.values())},"
    " or the whole tag of another kind.",
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=help_text.OVERVIEW,
)
@click.version_option(__version__, prog_name="usagewire")
def usagewire() -> None:
    """Sum up, check and convert the data of OpenAI's organization Usage and Costs API."""
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@usagewire.command(epilog=help_text.READING)
@_FILES
@_BY
@_KIND
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS]),
    default="table",
    show_default=True,
    help="How to print the result. json and csv have money exact; csv has no total.",
)
@click.option(
    "--breakdown",
    is_flag=True,
    help="Sum the parts of the token totals too; never add them to the totals.",
)
@_LENIENT
def summary(
    *, files: tuple[str, ...], by: str, kinds: tuple[str, ...], form: str, breakdown: bool,
    lenient: bool,
) -> None:  # fmt: skip
    """Add up metrics and money by model, project, day or other keys.

    input_cached_tokens is a part of input_tokens. Bad lines are named on standard error, at most 20
    a file. A file that cannot be read is named too; the others are in the sums.
    """
    sums = _sums(by, kinds, breakdown=breakdown)
    run = Run(lambda: "no sum was printed")
    with run.guarded():
        for batch in run.batches(files, strict=not lenient):
            for record in batch:
                sums.add(record)
        _print(FORMATS[form](sums, run.seen))
        run.close(*_skipped(sums))


@usagewire.command(epilog=help_text.READING)
@_FILES
@_LENIENT
@click.option(
    "--unknown",
    type=click.Choice(["keep", "forbid"]),
    default="keep",
    show_default=True,
    help="Whether to reject a line with a field that this version does not know.",
)
def validate(*, files: tuple[str, ...], lenient: bool, unknown: Unknown) -> None:
    """Print each bad line as file:line: path: code: message."""
    run = Run(lambda: "what comes after was not checked", most=None)
    with run.guarded():
        for _ in run.batches(files, strict=not lenient, unknown=unknown):
            pass
        run.close()


@usagewire.command(epilog=help_text.CONVERTING)
@_FILES
@click.option(
    "-o",
    "--output",
    "out",
    metavar="OUT",
    required=True,
    help="The file to write, compressed if its name ends in .gz, .zst, .bz2 or .xz; - is standard"
    " output.",
)
@click.option(
    "--to",
    "shape",
    type=click.Choice(["rows", "pages", "flat"]),
    help="What to make of the records: rows, which carry start_time and end_time of their bucket;"
    " pages of one bucket each, of such rows; or rows in the one shape that generated clients have"
    " for all kinds. Without it every record is written as it is.",
)
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default="api",
    show_default=True,
    help="Whose names to write: the API's, those of its first specification, or those of an SDK.",
)
@click.option(
    "--rejects",
    metavar="FILE",
    help="Write the rejected lines to this file as dead letters: one JSON object a line, with the"
    " place, the reason, and the whole line under raw, to be mended there.",
)
@click.option(
    "--from-rejects",
    is_flag=True,
    help="FILE was written by --rejects: read the lines in it, mended or not. Give each round of"
    " mending an OUT of its own, which holds what was mended in it.",
)
@click.option(
    "--drop-personal",
    is_flag=True,
    help="Leave out what tells who a person is: user_id, and user_email, user_name, user and email"
    " among the unknown fields. Rejected lines are kept as they are.",
)
@_LENIENT
def convert(
    *, files: tuple[str, ...], out: str, shape: Shape | None, dialect: Dialect,
    rejects: str | None, from_rejects: bool, drop_personal: bool, lenient: bool,
) -> None:  # fmt: skip
    """Write the records of all files to one, in another shape or by other names.

    OUT and the file of --rejects are replaced whole when all is read, or stay as they were: where a
    file cannot be read or written, and on Ctrl-C. One of them may be among the files that are read.
    Bad lines are named on standard error, at most 20 a file.
    """
    outputs: Outputs | None = None
    run = Run(lambda: outputs.state if outputs else "nothing was written")
    with run.guarded():
        conversion = Conversion(shape, drop_personal=drop_personal)
        converter = _converting(conversion, run, strict=not lenient)
        with Outputs(out, rejects, files, dialect) as outputs:
            if from_rejects:
                batches = run.mended(files, on_error=outputs.reject, converter=converter)
            else:
                batches = run.batches(
                    files,
                    on_error=outputs.reject,
                    strictly=True,
                    max_raw_bytes=MAX_LINE_BYTES,
                    converter=converter,
                )
            for batch in batches:
                outputs.write_all(chain.from_iterable(batch))
            outputs.write_all(conversion.close())
            outputs.close(run.counts.rejected)
        run.close(f"written {outputs.count}")


@usagewire.command(epilog=help_text.FOLLOWING)
@click.argument("file", metavar="FILE")
@_BY
@_KIND
@_LENIENT
@click.option(
    "--checkpoint",
    metavar="CHECKPOINT",
    help="Go on where the run before stopped, as this file tells, and keep it up to date: it is"
    " written now and then, and at the end.",
)
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    default=INTERVAL,
    show_default=True,
    help="How long to wait before looking for new lines again.",
)
def tail(
    *, file: str, by: str, kinds: tuple[str, ...], lenient: bool, checkpoint: str | None,
    interval: float,
) -> None:  # fmt: skip
    """Follow a log that grows, and sum up what comes until Ctrl-C or SIGTERM.

    On a terminal the sums are shown while they grow. At the end they are printed: of the lines that
    were read since this start, not of those before a checkpoint. Each bad line is named on standard
    error. The log is read from its beginning, and on when it is rotated.
    """
    sums = _sums(by, kinds)
    screen = Console()
    same = is_screen(screen) and sys.stderr.isatty()
    run = Run(lambda: "no sum was printed", most=inf, console=screen if same else None)
    with run.guarded():
        place = CheckpointFile(checkpoint, file) if checkpoint is not None else None
        resume = place.read() if place else None
        if resume is not None:
            run.say(f"{file}: goes on at the checkpoint; the sums are of what comes after it")
        with LiveTable(screen, sums, lambda: f"{file}: {run.counted()}") as table:
            for batch in run.follow(file, resume, interval, strict=not lenient):
                for record in batch:
                    sums.add(record)
                table.show(idle=not batch)
                if place:
                    run.tell("checkpoint", place.keep(run.checkpoint))
        if place:
            run.tell("checkpoint", place.keep(run.checkpoint, now=True))
        _print(FORMATS["table"](sums, run.seen))
        run.close(*_skipped(sums))


@usagewire.command(epilog=help_text.TELLING)
@click.argument("types", metavar="[TYPE]...", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
def info(*, types: tuple[str, ...], form: str) -> None:
    """Tell whether the C extension is in use, and for which types.

    All classes of this package are listed, and each TYPE that is given. A type is read and written
    by C, or else by the reference, which does the same and takes longer.
    """
    try:
        paths = [info_paths.paths_of(kind.__name__, kind) for kind in info_paths.OURS]
        paths += [info_paths.paths_of(name, info_paths.load(name)) for name in types]
    except UsageWireError as error:
        raise click.UsageError(shown(str(error))) from None
    _print((info_paths.as_json if form == "json" else info_paths.as_text)(paths))


def main() -> None:
    """Run the command line and exit with its status."""
    with printing():  # help, too, and what is wrong about the usage
        usagewire(prog_name="usagewire")


def _converting(conversion: Conversion, run: Run, *, strict: bool) -> Converter:
    """Return a converter that makes of a record the list of what `conversion` makes of it.

    So what cannot be converted is a bad line like any other.
    """
    converter = make_converter(strict=strict, on_lenient=run.use_leniency)
    structure = converter.get_structure_hook(UsageObject)

    def convert(value: Any, kind: Any) -> list[Any]:
        before = run.leniencies
        try:
            return conversion.add(structure(value, kind))
        except BaseException:
            run.leniencies = before
            raise

    converter.register_structure_hook_func(lambda kind: kind == UsageObject, convert)
    return converter


def _sums(by: str, kinds: tuple[str, ...], *, breakdown: bool = False) -> Summary:
    keys = [key.strip() for key in by.split(",") if key.strip()]
    try:
        return Summary(keys, kinds=kinds, breakdown=breakdown)
    except UsageWireError as error:
        raise click.UsageError(str(error)) from None


def _skipped(sums: Summary) -> list[str]:
    skipped = ", ".join(f"{kind} {count}" for kind, count in sums.skipped.items())
    return [f"rows skipped: {skipped}"] if skipped else []


def _print(text: str) -> None:
    # One long text would be cut without an error where a pipe breaks or a disk fills while
    # Python's output is unbuffered (PYTHONUNBUFFERED; seen with CPython 3.11).
    for line in text.splitlines(keepends=True):
        click.echo(line, nl=False)
