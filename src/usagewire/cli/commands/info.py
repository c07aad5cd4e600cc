"""`usagewire info`: the types that the C extension reads and writes, and why it does not others.

The decoder and the encoder give the reasons.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, get_args

import attrs
import click

from usagewire import __version__
from usagewire.cli import help_text
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


@click.command(epilog=help_text.INFO)
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
        paths = [_paths_of(kind.__name__, kind) for kind in _OWN_TYPES]
        paths += [_paths_of(name, _load(name)) for name in types]
    except UsageWireError as error:
        raise click.UsageError(shown(str(error))) from None
    print_result(_as_json(paths) if form == "json" else _as_text(paths))


@attrs.frozen
class _Paths:
    """How a type is read and written: None by C, else the reason why by the reference."""

    name: str
    read: str | None
    written: str | None


def _paths_of(name: str, kind: Any) -> _Paths:
    if not all(attrs.has(member) for member in members(kind)):
        raise UsageWireError(f"{name}: this is neither an attrs class nor a union of such classes")
    encoder = Encoder()
    written = (encoder.not_accelerated(member) for member in members(kind))
    try:
        read = Decoder(kind).not_accelerated
    except UsageWireError as error:
        raise UsageWireError(f"{name}: {error}") from error
    return _Paths(name, read, next(filter(None, written), None))


def _load(name: str) -> Any:
    """Return the type `module:Class`; the module may be in the current folder."""
    module, colon, path = name.partition(":")
    if not (module and colon and path):
        raise UsageWireError(f"{name}: a type is named as module:Class")
    if os.getcwd() not in sys.path:  # noqa: PTH109 -- sys.path is of str
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        kind: Any = import_module(module)
        for part in path.split("."):
            kind = getattr(kind, part)
    except (Exception, SystemExit) as error:
        raise UsageWireError(
            f"{name}: cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return kind


def _as_text(paths: Sequence[_Paths]) -> str:
    """Return the versions, and a line for each type."""
    missing = plans.unavailable()
    rows = [("type", "read by", "written by", "why not by C")]
    for each in paths:
        # Without C, the line `path` gives the one reason for all of them.
        why = "" if missing else shown(_why(each))
        rows.append((shown(each.name), _path(each.read), _path(each.written), why))
    names = max(len(row[0]) for row in rows)
    lines = [
        f"version  {__version__}",
        f"Python   {_python()}",
        f"path     {f'reference: {shown(missing)}' if missing else 'C extension'}",
        "",
        *(f"{name:{names}}  {read:9}  {written:10}  {why}" for name, read, written, why in rows),
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _as_json(paths: Sequence[_Paths]) -> str:
    """Return the same as one JSON object; a reason is null where C is used."""
    missing = plans.unavailable()
    result = {
        "version": __version__,
        "python": _python(),
        "accelerated": missing is None,
        "not_accelerated": missing,
        "types": [
            {"type": each.name, "not_read_by_c": each.read, "not_written_by_c": each.written}
            for each in paths
        ],
    }
    return json.dumps(result, indent=2) + "\n"


def _path(reason: str | None) -> str:
    return "C" if reason is None else "reference"


def _why(paths: _Paths) -> str:
    if paths.read == paths.written:
        return paths.read or ""
    reasons = {"reading": paths.read, "writing": paths.written}
    return "; ".join(f"{task}: {reason}" for task, reason in reasons.items() if reason)


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
