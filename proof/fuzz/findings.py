"""Inputs that once showed a difference between C and the reference; every run begins with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import attrs

from proof.support.classes import Money
from usagewire import UnknownResult


@attrs.frozen(kw_only=True)
class Finding:
    """One input, and how it was read."""

    what: str
    """What was wrong."""
    type: str
    """The name of the type in `classes.TYPES`."""
    data: bytes
    way: str = "lines"
    """How it is read, as `both_paths.WAYS` says."""
    strict: bool = True
    unknown: Any = "keep"
    on_error: str = "call"
    max_line_bytes: int = 2**24
    cuts: tuple[int, ...] = ()


FINDINGS: Final[tuple[Finding, ...]] = (
    Finding(
        what="a key that is passed over was not looked at: it has to be UTF-8",
        type="Point",
        data=b'{"":"","x":9,"\xff":{}}',
        way="documents",
        unknown="ignore",
    ),
    Finding(
        what="-0 is the integer 0, which a float field takes: the line was refused unheard",
        type="Point",
        data=b'{"x":8,"y":-0,"":""}\n',
        unknown="ignore",
        on_error="skip",
        max_line_bytes=250,
    ),
)

RECORDS: Final[tuple[tuple[str, Any], ...]] = (
    (
        "a tag that cannot be hashed: TypeError came out instead of an EncodeError",
        UnknownResult(object=[1]),  # type: ignore[arg-type]
    ),
    (
        "a signalling NaN compared with a default: InvalidOperation came out",
        Money(price=Decimal(1), rebate=Decimal("sNaN")),
    ),
)
"""Records that were once written in two ways, or refused in two."""
