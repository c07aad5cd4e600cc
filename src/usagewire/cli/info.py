"""Which types the C extension reads and writes, why it does not the others, and both as text.

What the reasons are is decided by `plans`. This module asks for them as any user may, and prints
nothing.
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

from usagewire import __version__
from usagewire.cli.terminal.tables import shown
from usagewire.codec.decoder import Decoder
from usagewire.codec.encoder import Encoder
from usagewire.converters.flat_row import UsageTimeBucketResultInner
from usagewire.converters.unions import members
from usagewire.errors import UsageWireError
from usagewire.models import CostsResultAmount, UsageObject
from usagewire.native import plans
from usagewire.streaming.dead_letters import DeadLetter

OURS: Final = (*get_args(UsageObject), CostsResultAmount, UsageTimeBucketResultInner, DeadLetter)
"""Every class of ours that is read and written."""


@attrs.frozen
class Paths:
    """The ways that a type is read and written: None by C, else why by the reference."""

    name: str
    read: str | None
    written: str | None


def paths_of(name: str, kind: Any) -> Paths:
    """Return the ways of `kind`, an attrs class or a union of some, which is called `name`.

    Raises:
        UsageWireError: where it is something else, or cannot be read.

    """
    if not all(attrs.has(member) for member in members(kind)):
        raise UsageWireError(f"{name}: this is neither an attrs class nor a union of such classes")
    encoder = Encoder()
    written = (encoder.not_accelerated(member) for member in members(kind))
    try:
        read = Decoder(kind).not_accelerated
    except UsageWireError as error:
        raise UsageWireError(f"{name}: {error}") from error
    return Paths(name, read, next(filter(None, written), None))


def load(name: str) -> Any:
    """Return what `module:Class` names, whose module may stand in the current folder.

    Raises:
        UsageWireError: where there is no such thing, or its module cannot be imported.

    """
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


def as_text(paths: Sequence[Paths]) -> str:
    """Return what is installed, and a line for each type."""
    missing = plans.unavailable()
    rows = [("type", "read by", "written by", "why not by C")]
    rows += [
        (
            shown(each.name),
            _way(each.read),
            _way(each.written),
            # What is said of all is not said of each.
            "" if missing else shown(_why(each)),
        )
        for each in paths
    ]
    names = max(len(row[0]) for row in rows)
    lines = [
        f"version  {__version__}",
        f"Python   {_python()}",
        f"path     {f'reference: {shown(missing)}' if missing else 'C extension'}",
        "",
        *(f"{name:{names}}  {read:9}  {written:10}  {why}" for name, read, written, why in rows),
    ]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def as_json(paths: Sequence[Paths]) -> str:
    """Return the same as one JSON object; a reason is null where the C extension is in use."""
    types = [
        {"type": each.name, "not_read_by_c": each.read, "not_written_by_c": each.written}
        for each in paths
    ]
    missing = plans.unavailable()
    result = {
        "version": __version__,
        "python": _python(),
        "accelerated": missing is None,
        "not_accelerated": missing,
        "types": types,
    }
    return json.dumps(result, indent=2) + "\n"


def _way(reason: str | None) -> str:
    return "C" if reason is None else "reference"


def _why(paths: Paths) -> str:
    if paths.read == paths.written:
        return paths.read or ""
    reasons = {"reading": paths.read, "writing": paths.written}
    return "; ".join(f"{what}: {reason}" for what, reason in reasons.items() if reason)


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
