"""A difference between C and the reference: reduced, and shown as a `Finding`."""

from __future__ import annotations

import marshal
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import attrs

from proof.fuzz.findings import Finding
from proof.support.both_paths import Encoders, Options, Pair, differ
from proof.support.classes import OURS, YOURS
from usagewire.converters import classes
from usagewire.native import plans

COMPILE_AFTER: Final = 200
"""Records of a class before converters compile it. The compiled code is not the reference."""

KNOWN: Final = frozenset({*OURS, *YOURS})


class DifferenceError(Exception):
    """C and the reference gave different answers."""


def prepare() -> None:
    """Delay compiled code, and exit if there is no C extension to compare."""
    classes.COMPILE_AFTER = COMPILE_AFTER  # type: ignore[misc]
    if plans.unavailable() is not None:
        sys.exit(f"nothing to compare: {plans.unavailable()}")


def written_apart(encoders: Encoders, records: list[Any]) -> str:
    """Describe records that C and the reference write differently."""
    record = next((one for one in records if not encoders.write_one(one)), records)
    answers = []
    for encoder in (encoders.c, encoders.reference):
        try:
            answers.append(repr(encoder.encode(record)))
        except Exception as error:
            answers.append(f"{type(error).__name__}: {error}")
    return (
        f"written {encoders.how}:\n  {_shown(record)}\n  C: {answers[0]}\n  reference: {answers[1]}"
    )


def _shown(record: Any) -> str:
    try:
        return repr(record)
    except Exception as error:
        names = [a.name for a in attrs.fields(type(record)) if hasattr(record, a.name)]
        return f"{type(record).__name__} with {names} only ({error})"


def smaller(options: Options, way: str, data: bytes, cuts: tuple[int, ...]) -> str:
    """Describe an input on which they differ, after reducing it."""

    def differs(text: bytes, marks: tuple[int, ...] = ()) -> bool:
        return differ(*Pair(options).read(way, text, marks))

    if differs(data):
        data, cuts = _reduced(data, differs), ()
    finding = Finding(what="?", options=options, way=way, data=data, cuts=cuts)
    answers = [
        one.fault or marshal.loads(one.exact)  # noqa: S302 -- our own
        for one in Pair(options).read(way, data, cuts)
    ]
    return f"{finding!r}\n  C: {answers[0]}\n  reference: {answers[1]}"


def _reduced(data: bytes, differs: Callable[[bytes], bool]) -> bytes:
    """Return a part of `data` on which they still differ. Drop lines first, then bytes."""
    lines = data.split(b"\n")
    kept = _less(lines, lambda some: differs(b"\n".join(some)))
    letters = _less([bytes([c]) for c in b"\n".join(kept)], lambda some: differs(b"".join(some)))
    return b"".join(letters)


def _less(parts: list[bytes], differs: Callable[[list[bytes]], bool]) -> list[bytes]:
    size = len(parts) // 2
    deadline = time.monotonic() + 20
    while size and time.monotonic() < deadline:
        at = 0
        while at < len(parts) and time.monotonic() < deadline:
            rest = parts[:at] + parts[at + size :]
            if differs(rest):
                parts = rest
            else:
                at += size
        size //= 2
    return parts
