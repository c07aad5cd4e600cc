"""Rules for one kind of row: mistagged cost rows and unknown row types."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from usagewire.converters.scalars import Leniency
from usagewire.errors import DecodeError, EncodeError, quote
from usagewire.models import CostsResult
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook, describe

METRIC_KEYS: Final = frozenset(
    key for attribute in wire_names.USAGE_METRICS for key in wire_names.spellings(attribute)
)
AMOUNT_KEYS: Final = frozenset(wire_names.spellings("amount"))


def mistagged_by(o: Mapping[str, Any]) -> str | None:
    """Return the key that shows that a JSON object tagged as costs is a usage row, or None.

    Some generated clients give every row the tag of costs (see `names.USAGE_METRICS`). Such a row
    has no amount and counts above zero.
    """
    if any(o[key] is not None for key in AMOUNT_KEYS & o.keys()):
        return None
    used = (key for key in METRIC_KEYS & o.keys() if o[key] not in (None, 0, "0"))
    return min(used, default=None)


def read_costs(costs: Hook) -> Hook:
    """Return the hook for a costs row that refuses usage rows with the tag of costs."""

    def read(o: Any, kind: Any = None) -> Any:
        if type(o) is dict and (key := mistagged_by(o)):
            raise DecodeError(
                "wrong_tag",
                f"the row says it is a cost, but has no amount and has {quote(key)}: a generated"
                " client wrote it. In a union with its kind, strict=False goes by the fields, as"
                " does UsageTimeBucketResultInner",
            ).within(wire_names.TAG)
        return costs(o, kind)

    return describe(read, "costs", costs)


def read_costs_in_union(costs: Hook, flat: Hook, classes: Collection[Any], used: Leniency) -> Hook:
    """Return the hook for a row tagged as costs, in a union of `classes`, with `strict=False`.

    The fields of a usage row tell its kind, as in `UsageTimeBucketResultInner.to_result`.
    """

    def read(o: Any, kind: Any = None) -> Any:
        if mistagged_by(o):
            row = flat(o, None).to_result()
            if type(row) in classes:
                used()
                return row
        return costs(o, kind)

    return describe(read, "costs", costs)


def write_costs(write_class: Hook) -> Hook:
    """Return the writing hook for a costs row: it refuses rows that `read_costs` refuses."""

    def write(row: Any) -> Any:
        written = write_class(row)
        if key := mistagged_by({"amount": row.amount, **row.additional_properties}):
            raise EncodeError(f"a cost without amount cannot have {quote(key)}")
        return written

    return describe(write, "costs", write_class)


def read_unknown(read_class: Hook) -> Hook:
    """Return the hook for `UnknownResult`: it refuses the tag of a known kind."""

    def read(o: Any, kind: Any = None) -> Any:
        row = read_class(o, kind)
        if row.object in wire_names.CLASS_OF_TAG:
            raise DecodeError(
                "wrong_tag", f"{quote(row.object)} is a known kind, and not one asked for"
            ).within(wire_names.TAG)
        return row

    return describe(read, "unknown", read_class)


def write_unknown(write_class: Hook) -> Hook:
    """Return the writing hook for `UnknownResult`: it refuses a tag that reads as another kind."""

    def write(row: Any) -> Any:
        if row.object in wire_names.CLASS_OF_TAG:
            raise EncodeError(f"an UnknownResult cannot have the known tag {quote(row.object)}")
        return write_class(row)

    return describe(write, "unknown", write_class)


def is_costs(cls: Any) -> bool:
    """Return whether `cls` is `CostsResult` or derived from it."""
    return isinstance(cls, type) and issubclass(cls, CostsResult)
