"""Inputs on which C and the reference once differed. Every run begins with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import attrs

from proof.support.both_paths import Options
from proof.support.classes import Money
from usagewire import UnknownResult


@attrs.frozen(kw_only=True)
class Finding:
    """An input, and how to read it."""

    what: str
    """A description of the fault."""
    options: Options
    data: bytes
    way: str = "lines"
    """A key of `both_paths.WAYS`."""
    cuts: tuple[int, ...] = ()


FINDINGS: Final[tuple[Finding, ...]] = (
    Finding(
        what="C did not check that an ignored key is UTF-8",
        options=Options("Point", unknown="ignore"),
        data=b'{"":"","x":9,"\xff":{}}',
        way="documents",
    ),
    Finding(
        what="C skipped a line with -0 in a float field, which is the integer 0",
        options=Options("Point", unknown="ignore", on_error="skip", max_line_bytes=250),
        data=b'{"x":8,"y":-0,"":""}\n',
    ),
    Finding(
        what="C took a number beyond a double for a syntax error, but its key came again",
        options=Options("Square", on_error="skip"),
        data=b'{"side":7,"points":[{"x":1e400,"x":3},{"x":4,"y":-1e400,"y":2}]}\n',
    ),
)

RECORDS: Final[tuple[tuple[str, Any], ...]] = (
    (
        "a tag that cannot be hashed raised TypeError, not EncodeError",
        UnknownResult(object=[1]),  # type: ignore[arg-type]
    ),
    (
        "comparing a signalling NaN with a default raised InvalidOperation",
        Money(price=Decimal(1), rebate=Decimal("sNaN")),
    ),
)
"""Records that C and the reference once wrote or refused differently."""
