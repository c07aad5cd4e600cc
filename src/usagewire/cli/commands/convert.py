"""`usagewire convert`: write the records of files to one file, in another shape or dialect."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

import click

from usagewire.analysis.conversion import Conversion, Shape
from usagewire.cli import help_epilogs, options
from usagewire.cli.outputs import Outputs
from usagewire.cli.session import Session
from usagewire.codec.decoder import Decoder
from usagewire.codec.line_buffer import MAX_LINE_BYTES
from usagewire.errors import UsageWireError
from usagewire.streaming.dead_letters import DeadLetter
from usagewire.wire.names import DIALECTS, Dialect

_MAX_LETTER_BYTES: Final = 6 * MAX_LINE_BYTES + 2**16
"""A dead letter may escape each character of its line, to at most six times the length."""


@click.command(epilog=help_epilogs.READING)
@options.FILES
@click.option(
    "-o",
    "--output",
    "out",
    metavar="OUT",
    required=True,
    help="The file to write, or - for standard output. A name that ends in .gz, .zst, .bz2 or .xz"
    " makes it a compressed file.",
)
@click.option(
    "--to",
    "shape",
    type=click.Choice(["rows", "pages", "flat"]),
    help="The shape of the written records. Rows get the start_time and end_time of their bucket."
    " Pages have one bucket each, with such rows. Flat rows have the one shape that generated"
    " clients use for all kinds. By default each record keeps its shape.",
)
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default="api",
    help="The field names to write: api (today's API), legacy (its first specification), or the"
    " names of an SDK.",
)
@click.option(
    "--rejects",
    metavar="FILE",
    help="Write the rejected lines to this file as dead letters, one JSON object a line. Each has"
    " the place, the reason, and the whole line under raw, where you can fix it.",
)
@click.option(
    "--from-rejects",
    is_flag=True,
    help="FILE was written by --rejects: read the lines under raw, fixed or not. Write each run to"
    " a new OUT, because OUT is replaced.",
)
@click.option(
    "--drop-personal",
    is_flag=True,
    help="Leave out the fields that identify a person: user_id, and the unknown fields user_email,"
    " user_name, user and email. Rejected lines still contain them.",
)
@options.LENIENT
@options.STRICT_KINDS
def convert(
    *, files: tuple[str, ...], out: str, shape: Shape | None, dialect: Dialect,
    rejects: str | None, from_rejects: bool, drop_personal: bool, lenient: bool,
    strict_kinds: bool,
) -> None:  # fmt: skip
    """Write the records of all files to one file, in another shape or with other field names.

    OUT and the --rejects file are replaced after all input was read. They stay unchanged on Ctrl-C,
    or if a file cannot be read or written. One of them may also be an input. Bad lines are reported
    on standard error, at most 20 of each file.
    """
    outputs: Outputs | None = None
    session = Session(lambda: outputs.state if outputs else "nothing was written")
    with session.guard():
        conversion = Conversion(shape, drop_personal=drop_personal)
        # Each record becomes a list. A line that cannot be converted is rejected as any other.
        converter = session.converter(conversion.add, lenient=lenient, strict_kinds=strict_kinds)
        with Outputs(out, rejects, files, dialect) as outputs:
            reading: dict[str, Any] = {"max_raw_bytes": MAX_LINE_BYTES, "converter": converter}
            if from_rejects:
                batches = _batches_from_letters(session, files, outputs, **reading)
            else:
                batches = session.batches(files, on_error=outputs.reject, required=True, **reading)
            for batch in batches:
                outputs.write_all(chain.from_iterable(batch))
            outputs.write_all(conversion.close())
            outputs.close(session.counts.rejected)
        session.finish(f"written {outputs.count}")


def _batches_from_letters(
    session: Session, files: Sequence[str], outputs: Outputs, **reading: Any
) -> Iterator[list[Any]]:
    """Yield the records of the lines in dead letters. A line rejected again keeps its notes."""
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
        raise UsageWireError(f"{len(others)} lines are not dead letters; fix or remove them")
