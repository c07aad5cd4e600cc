"""`usagewire info`: list the types that the C extension reads and writes, and the exceptions."""

import json
import platform
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, get_args

import attrs
import click

from usagewire import __version__
from usagewire.cli import help_epilogs
from usagewire.cli.terminal.messages import print_result
from usagewire.cli.terminal.tables import shown
from usagewire.codec.decoder import Decoder
from usagewire.codec.encoder import Encoder
from usagewire.converters.flat_row import UsageTimeBucketResultInner
from usagewire.converters.unions import members
from usagewire.errors import UsageWireError
from usagewire.models import CostsResultAmount, UsageObject
from usagewire.native import plans
from usagewire.streaming.dead_letters import DeadLetter

_OWN_TYPES: Final = (
    *get_args(UsageObject), CostsResultAmount, UsageTimeBucketResultInner, DeadLetter,
)  # fmt: skip


@click.command(epilog=help_epilogs.INFO)
@click.argument("types", metavar="[TYPE]...", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    help="The form of the result.",
)
def info(*, types: tuple[str, ...], form: str) -> None:
    """Show whether the C extension is in use, and for which types.

    The list has all classes of this package and each TYPE. Types that C does not read or write use
    the reference (cattrs and orjson): the results are the same, but it is slower.
    """
    try:
        described = [_described(kind.__name__, kind) for kind in _OWN_TYPES]
        described += [_described(name, _load(name)) for name in types]
    except UsageWireError as error:
        raise click.UsageError(shown(str(error))) from None
    missing = plans.unavailable()
    result = {
        "version": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "accelerated": missing is None,
        "not_accelerated": missing,
        "types": described,
    }
    print_result(json.dumps(result, indent=2) + "\n" if form == "json" else _as_text(result))


def _described(name: str, kind: Any) -> dict[str, str | None]:
    """Return the reasons why C does not read and write a type. None means that it does."""
    if not all(attrs.has(member) for member in members(kind)):
        raise UsageWireError(f"{name}: not an attrs class or a union of attrs classes")
    encoder = Encoder()
    written = (encoder.not_accelerated(member) for member in members(kind))
    try:
        read = Decoder(kind).not_accelerated
    except UsageWireError as error:
        raise UsageWireError(f"{name}: {error}") from error
    return {
        "type": name,
        "not_read_by_c": read,
        "not_written_by_c": next(filter(None, written), None),
    }


def _load(name: str) -> Any:
    """Return the type named `module:Class`. The module may be in the current folder."""
    module, colon, path = name.partition(":")
    if not (module and colon and path):
        raise UsageWireError(f"{name}: a type must be given as module:Class")
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    try:
        kind: Any = import_module(module)
        for part in path.split("."):
            kind = getattr(kind, part)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageWireError(f"{name}: cannot be imported: {reason}") from error
    return kind


def _as_text(result: Mapping[str, Any]) -> str:
    missing = result["not_accelerated"]
    rows = [("type", "read by", "written by", "why not by C")]
    for each in result["types"]:
        reasons = {"reading": each["not_read_by_c"], "writing": each["not_written_by_c"]}
        read, written = ("C" if reason is None else "reference" for reason in reasons.values())
        # Without C, all types have one reason, which the line `path` already gives.
        why = "" if missing else shown(_why(reasons))
        rows.append((shown(each["type"]), read, written, why))
    names = max(len(row[0]) for row in rows)
    lines = [
        f"version  {result['version']}",
        f"Python   {result['python']}",
        f"path     {f'reference: {shown(missing)}' if missing else 'C extension'}",
        "",
        *(f"{name:{names}}  {read:9}  {written:10}  {why}" for name, read, written, why in rows),
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _why(reasons: Mapping[str, str | None]) -> str:
    if reasons["reading"] == reasons["writing"]:
        return reasons["reading"] or ""
    return "; ".join(f"{task}: {reason}" for task, reason in reasons.items() if reason)
