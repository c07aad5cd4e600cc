"""`usagewire convert`: the records of files in another shape or dialect, in one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

import click
from cattrs import Converter

from usagewire.analysis.conversion import Conversion, Shape
from usagewire.cli import help_epilogs, options
from usagewire.cli.outputs import Outputs
from usagewire.cli.session import Session
from usagewire.codec.decoder import Decoder
from usagewire.codec.line_buffer import MAX_LINE_BYTES
from usagewire.converters.configure import make_converter
from usagewire.errors import UsageWireError
from usagewire.models import UsageObject
from usagewire.streaming.dead_letters import DeadLetter
from usagewire.wire.names import DIALECTS, Dialect

_MAX_LETTER_BYTES: Final = 6 * MAX_LINE_BYTES + 2**16
"""A dead letter escapes some characters of its line, to six times their length at most."""


@click.command(epilog=help_epilogs.CONVERTING)
@options.FILES
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
@options.LENIENT
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
    session = Session(lambda: outputs.state if outputs else "nothing was written")
    with session.guard():
        conversion = Conversion(shape, drop_personal=drop_personal)
        converter = _conversion_converter(conversion, session, strict=not lenient)
        with Outputs(out, rejects, files, dialect) as outputs:
            reading: dict[str, Any] = {"max_raw_bytes": MAX_LINE_BYTES, "converter": converter}
            if from_rejects:
                batches = _mended_batches(session, files, outputs, **reading)
            else:
                reject = outputs.reject
                batches = session.batches(files, on_error=reject, required=True, **reading)
            for batch in batches:
                outputs.write_all(chain.from_iterable(batch))
            outputs.write_all(conversion.close())
            outputs.close(session.counts.rejected)
        session.finish(f"written {outputs.count}")


def _conversion_converter(conversion: Conversion, session: Session, *, strict: bool) -> Converter:
    """Return a converter from JSON to the list of records that `conversion` makes of a record.

    So a record that cannot be converted is a rejected line like any other.
    """
    converter = make_converter(strict=strict, on_lenient=session.use_leniency)
    structure = converter.get_structure_hook(UsageObject)

    def convert(value: Any, kind: Any) -> list[Any]:
        before = session.leniencies
        try:
            return conversion.add(structure(value, kind))
        except BaseException:
            session.leniencies = before
            raise

    converter.register_structure_hook_func(lambda kind: kind == UsageObject, convert)
    return converter


def _mended_batches(
    session: Session, files: Sequence[str], outputs: Outputs, **reading: Any
) -> Iterator[list[Any]]:
    """Yield the records of the lines in `files` of dead letters.

    A line that is rejected again is kept with the notes of its letter.
    """
    on_error = session.rejection_handler(lambda r: outputs.reject(r, letter.additional_properties))
    decoder = session.source = Decoder(on_error=on_error, max_rejections=0, **reading)
    others: list[int] = []
    for letters in session.batches(
        files,
        DeadLetter,
        on_error=lambda rejection: others.append(rejection.line),
        required=True,
        max_line_bytes=_MAX_LETTER_BYTES,
    ):
        for letter in letters:
            yield letter.feed_to(decoder)
    if others:
        raise UsageWireError(f"{len(others)} lines are no dead letters; mend or remove them")
