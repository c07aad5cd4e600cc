"""The rules for mistagged cost rows and for unknown rows."""

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
    """Return a key that shows that a JSON object with the tag of costs is a usage row, or None.

    See `names.USAGE_METRICS`.
    """
    if any(o[key] is not None for key in AMOUNT_KEYS & o.keys()):
        return None
    used = (key for key in METRIC_KEYS & o.keys() if o[key] not in (None, 0, "0"))
    return min(used, default=None)


def read_costs(costs: Hook) -> Hook:
    """Return a hook for a costs row that rejects usage rows with the tag of costs."""

    def read(o: Any, kind: Any = None) -> Any:
        if type(o) is dict and (key := mistagged_by(o)):
            raise DecodeError(
                "wrong_tag",
                f"a generated client gave a usage row the tag of costs: it has {quote(key)} but no"
                " amount. Read it as UsageTimeBucketResultInner, or with strict=False as a union"
                " that has its class",
            ).within(wire_names.TAG)
        return costs(o, kind)

    return describe(read, "costs", costs)


def read_costs_in_union(costs: Hook, flat: Hook, classes: Collection[Any], used: Leniency) -> Hook:
    """Return the lenient hook for a row with the tag of costs in a union of `classes`.

    The fields of a usage row choose its class, as in `UsageTimeBucketResultInner.to_result`.
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
    """Return a writing hook for a costs row that rejects the rows that `read_costs` rejects."""

    def write(row: Any) -> Any:
        written = write_class(row)
        if key := mistagged_by({"amount": row.amount, **row.additional_properties}):
            raise EncodeError(f"a costs row without an amount cannot have {quote(key)}")
        return written

    return describe(write, "costs", write_class)


def read_unknown(read_class: Hook) -> Hook:
    """Return a hook for `UnknownResult` that rejects the tag of a known kind."""

    def read(o: Any, kind: Any = None) -> Any:
        row = read_class(o, kind)
        if row.object in wire_names.CLASS_OF_TAG:
            raise DecodeError(
                "wrong_tag", f"{quote(row.object)} is a known tag, but not of the requested type"
            ).within(wire_names.TAG)
        return row

    return describe(read, "unknown", read_class)


def write_unknown(write_class: Hook) -> Hook:
    """Return a writing hook for `UnknownResult` that rejects the tag of a known kind."""

    def write(row: Any) -> Any:
        if row.object in wire_names.CLASS_OF_TAG:
            raise EncodeError(f"an UnknownResult cannot have the known tag {quote(row.object)}")
        return write_class(row)

    return describe(write, "unknown", write_class)


def is_costs(cls: Any) -> bool:
    """Return whether `cls` is `CostsResult` or a subclass."""
    return isinstance(cls, type) and issubclass(cls, CostsResult)
