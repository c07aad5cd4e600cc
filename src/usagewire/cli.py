"""The command line: `usagewire summary` and `usagewire validate`.

Here are options, output and exit statuses. What a line means is decided by `files.read`, what is
summed by `Summary`. Results go to standard output, everything about the run to standard error, and
nothing read from a file reaches either with its control characters alive.

Reached through `usagewire.__main__`; needs the extra `cli` (click, rich).
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import click
from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from usagewire import __version__
from usagewire._fields import Unknown
from usagewire.errors import FileError, Rejection, UsageWireError
from usagewire.reader import Reader, read
from usagewire.sources import STDIN
from usagewire.summary import KEYS, KINDS, Group, KeyValue, Summary

REJECTED: Final = 1
FAILED: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""Exit statuses beside 0; the last two are what shells report for the signals."""

MOST_SHOWN: Final = 20
"""How many bad lines of a file `summary` names."""

LARGE: Final = 4 * 2**20
"""Bytes of a file from which on progress is shown."""

_EPILOG: Final = f"""\
\b
FILE is NDJSON or one JSON document, plain or gzip; - is standard input.

\b
Exit status:
  0    every line was read
  1    some lines were rejected; the others are in the result
  2    wrong usage, or a file that cannot be read, or output that cannot be
       written; the other files are in the result
  {INTERRUPTED}  interrupted
"""

_FILES: Final = click.argument("files", metavar="FILE...", nargs=-1, required=True)
_LENIENT: Final = click.option(
    "--lenient",
    is_flag=True,
    help='Also read "5" and 59200.0 as counts, "TRUE" as true, and what generated clients write:'
    " wrappers around rows, and rows of any kind that are tagged as costs.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(__version__, prog_name="usagewire")
def usagewire() -> None:
    """Sum up and check the data of OpenAI's organization Usage and Costs API."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@usagewire.command(epilog=_EPILOG)
@_FILES
@click.option(
    "--by",
    metavar="KEY,KEY...",
    default="model",
    show_default=True,
    help=f"Group rows by these keys: {', '.join(KEYS)}. Days and months are UTC.",
)
@click.option(
    "--kind",
    "kinds",
    metavar="KIND",
    multiple=True,
    help=f"Sum only rows of this kind; may be repeated: {', '.join(KINDS.values())},"
    " or the whole tag of another kind.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
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
    a file.
    """
    try:
        keys = [key.strip() for key in by.split(",") if key.strip()]
        sums = Summary(keys, kinds=kinds, breakdown=breakdown)
    except UsageWireError as error:
        raise click.UsageError(str(error)) from None
    with _guarded():
        run = _Run(files, most=MOST_SHOWN, strict=not lenient)
        for record in run:
            sums.add(record)
        # One long text would be cut without an error where a pipe breaks or a disk fills while
        # Python's output is unbuffered (PYTHONUNBUFFERED; seen with CPython 3.11).
        for line in _FORMATS[form](sums, run).splitlines(keepends=True):
            click.echo(line, nl=False)
        run.close(sums.skipped)


@usagewire.command(epilog=_EPILOG)
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
    with _guarded():
        run = _Run(files, most=None, strict=not lenient, unknown=unknown)
        for _ in run:
            pass
        run.close()


def main() -> None:
    """Run the command line and exit with its status."""
    usagewire(prog_name="usagewire")


def shown(text: str) -> str:
    r"""Return `text` with whatever could steer a terminal written as an escape.

    >>> shown("a\x1b[2Jb\n\u202ec")
    'a\\x1b[2Jb\\n\\u202ec'

    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def money(value: Decimal, grouping: str = "") -> str:
    """Return the exact value without exponent, with at least two decimals and no zeros after them.

    >>> money(Decimal("1234.5")), money(Decimal("0E-28")), money(Decimal("-1234.5670"), ",")
    ('1234.50', '0.00', '-1,234.567')

    """
    whole, _, decimals = format(value, f"{grouping}f").partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"


class _Run:
    """The files of one command: their records one after the other, and what else happened."""

    def __init__(
        self, files: tuple[str, ...], *, most: int | None, strict: bool, unknown: Unknown = "keep"
    ) -> None:
        self._files = files
        self._most = most
        self._options: dict[str, Any] = {"strict": strict, "unknown": unknown}
        self._err = Console(stderr=True)
        self.failed = False
        self.seen = dict.fromkeys(("lines", "records", "rejected", "blank", "lenient"), 0)

    def __iter__(self) -> Iterator[Any]:
        for name in self._files:
            yield from self._records(name)

    def say(self, text: str) -> None:
        """Print a line about the run to standard error."""
        self._err.print(Text(shown(text)), soft_wrap=True)

    def close(self, skipped: Mapping[str, int] | None = None) -> None:
        """Say what was read and exit with the status that fits."""
        lenient = self.seen["lenient"]
        counted = [f"{name} {n}" for name, n in self.seen.items() if name != "lenient" or lenient]
        if skipped:
            counted.append(f"rows skipped: {', '.join(f'{k} {n}' for k, n in skipped.items())}")
        sys.stdout.flush()
        self.say(", ".join(counted))
        sys.exit(FAILED if self.failed else REJECTED if self.seen["rejected"] else 0)

    def _records(self, name: str) -> Iterator[Any]:
        bad = 0

        def tell(rejection: Rejection) -> None:
            nonlocal bad
            bad += 1
            if self._most is None:
                click.echo(shown(str(rejection)))
            elif bad <= self._most:
                self.say(str(rejection))

        try:
            with read(name, on_error=tell, max_rejections=0, **self._options) as reader:
                try:
                    yield from self._watched(reader, name)
                finally:
                    counts = reader.counts
                    self.seen = {key: n + getattr(counts, key) for key, n in self.seen.items()}
        except FileError as error:
            self.failed = True
            self.say(str(error))
        if self._most is not None and bad > self._most:
            self.say(f"{name}: ... and {bad - self._most} more")

    def _watched(self, reader: Reader[Any], name: str) -> Iterator[Any]:
        """Yield the records of a file and show how far they are, where somebody sees it."""
        size = _size(name)
        bad_lines_here = self._most is None and sys.stdout.isatty()
        if size < LARGE or not self._err.is_terminal or bad_lines_here:
            yield from reader
            return
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
        # Redirected, standard output would be printed on standard error.
        bars = Progress(*columns, console=self._err, transient=True, redirect_stdout=False)
        with bars as progress:
            # Counted are decompressed bytes: of a gzip file nobody knows the total.
            bar = progress.add_task(shown(name), total=None if name.endswith(".gz") else size)
            for number, record in enumerate(reader):
                if number % 1000 == 0:
                    progress.update(bar, completed=reader.counts.bytes)
                yield record


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn an interrupt, and output that nobody takes, into a quiet end."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("interrupted before all was read", err=True)
        sys.exit(INTERRUPTED)
    except OSError as error:
        # What cannot be read is a FileError, so this is about the output. What is left in its
        # buffer would fail once more when Python exits.
        sys.stdout = io.StringIO()
        if error.errno == errno.EPIPE:
            sys.exit(BROKEN_PIPE)
        click.echo(f"cannot write the output: {error.strerror or error}", err=True)
        sys.exit(FAILED)


def _size(name: str) -> int:
    try:
        return 0 if name == STDIN else os.stat(name).st_size  # noqa: PTH116 -- nothing else is asked of the path
    except (OSError, ValueError):
        return 0


def _as_json(sums: Summary, run: _Run) -> str:
    def plain(group: Group) -> dict[str, Any]:
        cost = {currency or "?": money(value) for currency, value in group.cost.items()}
        return {"rows": group.rows, "metrics": group.metrics, "cost": cost}

    result = {
        "groups": [{"key": group.key} | plain(group) for group in sums.groups],
        "total": plain(sums.total),
        "lines": run.seen,
        "skipped": sums.skipped,
    }
    return json.dumps(result, indent=2) + "\n"


def _as_csv(sums: Summary, _: _Run) -> str:
    total = sums.total
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*sums.by, *_titles(total.metrics, total)])
    for group in sums.groups:
        keys = [_key(value, none="") for value in group.key.values()]
        writer.writerow([*keys, *_numbers(group, total.metrics, total, grouping="")])
    return text.getvalue()


def _as_table(sums: Summary, _: _Run) -> str:
    total, groups = sums.total, sums.groups
    metrics = {name: 0 for name in total.metrics if any(g.metrics.get(name) for g in groups)}
    console = Console(file=sys.stdout)
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for name in sums.by:
        table.add_column(name)
    for name in _titles(metrics, total):
        table.add_column(Text(name), justify="right", no_wrap=True)
    for group in groups:
        keys = [_key(value, none="(none)") for value in group.key.values()]
        table.add_row(*map(Text, [*keys, *_numbers(group, metrics, total, grouping=",")]))
    if sums.by:
        table.add_section()
        keys = ["total", *[""] * (len(sums.by) - 1)]
        table.add_row(*map(Text, [*keys, *_numbers(total, metrics, total, grouping=",")]))
    # rich cuts what does not fit: never let it have less room than the longest words take.
    least, most = Measurement.get(console, console.options.update(width=10**6), table)
    console.width = max(least, console.width) if console.is_terminal else most
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _titles(metrics: Mapping[str, int], total: Group) -> list[str]:
    return ["rows", *metrics, *(f"cost_{shown(currency or '?')}" for currency in total.cost)]


def _numbers(group: Group, metrics: Mapping[str, int], total: Group, *, grouping: str) -> list[str]:
    """Return what stands under `_titles`; nothing under a metric or currency the group lacks."""
    return [
        f"{group.rows:{grouping}}",
        *(f"{group.metrics[name]:{grouping}}" if name in group.metrics else "" for name in metrics),
        *(money(group.cost[c], grouping) if c in group.cost else "" for c in total.cost),
    ]


def _key(value: KeyValue, *, none: str) -> str:
    if value is None:
        return none
    return str(value).lower() if isinstance(value, bool) else shown(value)


_FORMATS: Final[Mapping[str, Callable[[Summary, _Run], str]]] = {
    "table": _as_table,
    "json": _as_json,
    "csv": _as_csv,
}
