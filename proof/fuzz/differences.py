"""How C and the reference differ on an input: made as small as it goes, and told as a `Finding`."""

from __future__ import annotations

import marshal
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import attrs

from proof.fuzz.findings import Finding
from proof.support.both_paths import Encoders, Options, Pair
from proof.support.classes import OURS, YOURS
from usagewire.converters import classes
from usagewire.native import plans

COMPILE_AFTER: Final = 200
"""How often a class comes by before its compiled code is used, which is not the reference."""

KNOWN: Final = frozenset({*OURS, *YOURS})


class DifferenceError(Exception):
    """C and the reference said two things."""


def prepare() -> None:
    """Have the reference go step by step; end where there is no C to compare it with."""
    classes.COMPILE_AFTER = COMPILE_AFTER  # type: ignore[misc]
    if plans.unavailable() is not None:
        sys.exit(f"nothing to compare: {plans.unavailable()}")


def written_apart(encoders: Encoders, records: list[Any]) -> str:
    """Return what to say about records that are written in two ways."""
    record = next((one for one in records if not encoders.write_one(one)), records)
    said = []
    for encoder in (encoders.c, encoders.reference):
        try:
            said.append(repr(encoder.encode(record)))
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return f"written {encoders.how}:\n  {_shown(record)}\n  by C: {said[0]}\n  meant: {said[1]}"


def _shown(record: Any) -> str:
    try:
        return repr(record)
    except Exception as error:
        names = [a.name for a in attrs.fields(type(record)) if hasattr(record, a.name)]
        return f"{type(record).__name__} with {names} only ({error})"


def smaller(options: Options, way: str, data: bytes, cuts: tuple[int, ...]) -> str:
    """Return what to say about an input, made as small as it goes."""

    def differs(text: bytes, marks: tuple[int, ...] = ()) -> bool:
        said, meant = Pair(options).read(way, text, marks)
        return said.said != meant.said

    if differs(data):
        data, cuts = _reduced(data, differs), ()
    finding = Finding(what="?", way=way, data=data, cuts=cuts, **attrs.asdict(options))
    said, meant = Pair(options).read(way, data, cuts)
    answers = [marshal.loads(answer.said) for answer in (said, meant)]  # noqa: S302 -- our own
    return f"{finding!r}\n  by C:  {answers[0]}\n  meant: {answers[1]}"


def _reduced(data: bytes, differs: Callable[[bytes], bool]) -> bytes:
    """Return less of `data` that still differs: whole lines are left out first, then bytes."""
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
