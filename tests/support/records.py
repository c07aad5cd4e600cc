"""Records with a value in every field."""

from decimal import Decimal
from typing import Any, Final

import attrs

from usagewire import (
    CostsResult,
    CostsResultAmount,
    UnknownResult,
    UsageImagesResult,
    UsageResponse,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
)
from usagewire.models import ROW_CLASSES

CLASSES: Final = (
    *ROW_CLASSES,
    UnknownResult,
    CostsResultAmount,
    UsageTimeBucket,
    UsageResponse,
    UsageTimeBucketResultInner,
)


def full(cls: Any) -> Any:
    """Return a record of a class with a different value in every field."""
    values: dict[str, Any] = {}
    for number, field in enumerate(attrs.fields(cls)[:-1], 1):
        kind = str(field.type)
        values[field.name] = (
            {"object": "later.result"}.get(field.name)
            or (number if "int" in kind else None)
            or (f"s{number}" if "str" in kind else None)
            or (Decimal(number) / 8 if kind.startswith("decimal") else None)
            or (True if "bool" in kind else None)
            or (CostsResultAmount(value=Decimal("1.5"), currency="usd") if "Amount" in kind else ())
        )
    if cls is UsageTimeBucket:
        values["results"] = (full(CostsResult), full(UsageImagesResult))
    if cls is UsageResponse:
        values["data"] = (full(UsageTimeBucket),)
    return cls(**values)
