"""Rules that belong to one kind of row: costs that are no costs, and kinds nobody knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from usagewire import _wire
from usagewire._fields import Rules
from usagewire.errors import DecodeError, EncodeError, quote
from usagewire.models import ROW_CLASSES, UsageResponse, UsageTimeBucket

Hook = Callable[..., Any]

KNOWN_TAGS: Final = frozenset(
    tag for cls in (UsageResponse, UsageTimeBucket, *ROW_CLASSES) for tag in _wire.tags(cls)
)

METRIC_KEYS: Final = frozenset(
    key for attribute in _wire.USAGE_METRICS for key in _wire.spellings(attribute)
)


def read_costs(costs: Hook, flat: Hook, rules: Rules) -> Hook:
    """Return the hook for a costs row that notices usage rows wearing the costs tag.

    Some generated clients give every row the tag of costs (see `_wire.USAGE_METRICS`). Such a row
    has no amount and counts above zero. It is refused as `wrong_tag`; with `strict=False` the
    fields tell the kind, as in `UsageTimeBucketResultInner.to_result`.
    """

    def read(o: Any, kind: Any = None) -> Any:
        row = costs(o, kind)
        if row.amount is not None:
            return row
        used = _used_metrics(o)
        if not used:
            return row
        if rules.strict:
            raise DecodeError(
                "wrong_tag",
                f"the row says it is a cost, has no amount and has {quote(used[0])}: a generated"
                " client wrote it. strict=False goes by the fields, as does"
                " UsageTimeBucketResultInner",
            ).within(_wire.TAG)
        rules.used()
        return flat(o, None).to_result()

    return read


def write_costs(write_class: Hook) -> Hook:
    """Return the writing hook for a costs row: it refuses what `read_costs` would not take back."""

    def write(row: Any) -> Any:
        written = write_class(row)
        used = _used_metrics(row.additional_properties) if row.amount is None else ()
        if used:
            raise EncodeError(f"a cost without amount cannot have {quote(used[0])}")
        return written

    return write


def _used_metrics(o: Mapping[str, Any]) -> list[str]:
    """Return the keys of usage counts that `o` has above zero."""
    return sorted(key for key in METRIC_KEYS & o.keys() if o[key] not in (None, 0, "0"))


def write_unknown(write_class: Hook) -> Hook:
    """Return the writing hook for `UnknownResult`: it refuses a tag that reads as another kind."""

    def write(row: Any) -> Any:
        if row.object in KNOWN_TAGS:
            raise EncodeError(f"an UnknownResult cannot have the known tag {quote(row.object)}")
        return write_class(row)

    return write
