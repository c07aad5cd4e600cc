"""The rules for mistagged cost rows, unknown rows, and containers with an unknown tag."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from cattrs import Converter

from usagewire.converters.scalars import Leniency
from usagewire.errors import DecodeError, EncodeError, quote
from usagewire.models import CostsResult, UnknownResult
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook, describe
from usagewire.wire.layout import tag_keys, tags_of

METRIC_KEYS: Final = frozenset(
    key for attribute in wire_names.USAGE_METRICS for key in wire_names.spellings(attribute)
)
AMOUNT_KEYS: Final = frozenset(wire_names.spellings("amount"))
CONTAINER_OF_KEY: Final[Mapping[str, type]] = {
    key: cls
    for attribute, cls in wire_names.CONTAINERS.items()
    for key in wire_names.spellings(attribute)
}
"""The container that each key of an array of objects shows, a page before a bucket."""


class UnknownRows(threading.local):
    """The function to which the hooks of a thread report the unknown rows that they read."""

    def __init__(self) -> None:
        self.note: Callable[[int], object] = _ignore
        """Called with 1 for each row. A decoder sets it, because converters are shared."""


def _ignore(_: int) -> None:
    pass


UNKNOWN_ROWS: Final = UnknownRows()


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


def container_in(o: Mapping[str, Any], tag: Any) -> tuple[str, type] | None:
    """Return the key that shows that an object with an unknown tag is a container, and its class.

    A page has an array of objects under `data`, and a bucket under `results`.
    """
    if type(tag) is not str or tag in wire_names.CLASS_OF_TAG or wire_names.is_row_tag(tag):
        return None
    for key, cls in CONTAINER_OF_KEY.items():
        items = o.get(key)
        if isinstance(items, list | tuple) and any(isinstance(item, Mapping) for item in items):
            return key, cls
    return None


def read_container(read_class: Hook, cls: type, used: Leniency) -> Hook:
    """Return the lenient hook for a page or bucket `cls`, which also takes an unknown tag."""
    keys, tags = tag_keys(cls), tags_of(cls)

    def read(o: Any, kind: Any = None) -> Any:
        tag = _tag_of(o, keys) if type(o) is dict else None
        found = container_in(o, tag)
        if found is None or tag in tags or not issubclass(cls, found[1]):
            return read_class(o, kind)
        given = {k: tags[0] if k in keys and value == tag else value for k, value in o.items()}
        container = read_class(given, kind)
        used()
        return container

    return describe(read, "container", read_class)


def read_unknown(read_class: Hook) -> Hook:
    """Return a hook for `UnknownResult` that rejects known tags, and pages and buckets."""
    keys = tag_keys(UnknownResult)

    def read(o: Any, kind: Any = None) -> Any:
        row = read_class(o, kind)
        if row.object in wire_names.CLASS_OF_TAG:
            raise DecodeError(
                "wrong_tag", f"{quote(row.object)} is a known tag, but not of the requested type"
            ).within(wire_names.TAG)
        if _tag_of(o, keys) is None:
            o = next((o[wrapper] for wrapper in wire_names.WRAPPERS if wrapper in o), o)
        if found := container_in(o, row.object):
            key, cls = found
            name = tags_of(cls)[0]
            raise DecodeError(
                "wrong_tag",
                f"{quote(row.object)} is not a known tag, and the object looks like a {name}: it"
                f" has objects under {quote(key)}. Give it the tag {name!r}, or read it as"
                " UsageObject with strict=False",
            ).within(wire_names.TAG)
        UNKNOWN_ROWS.note(1)
        return row

    return describe(read, "unknown", read_class)


def reject_unknown(converter: Converter) -> None:
    """Make `converter` reject every unknown row as `wrong_tag`."""
    read_unknown_row = converter.get_structure_hook(UnknownResult)

    def reject(o: Any, kind: Any = None) -> Any:
        row = read_unknown_row(o, kind)
        raise DecodeError(
            "wrong_tag", f"{quote(row.object)} is not the tag of a known kind of row"
        ).within(wire_names.TAG)

    converter.register_structure_hook(UnknownResult, describe(reject, "rejecting"))


def _tag_of(o: Mapping[str, Any], keys: Collection[str]) -> Any:
    return next((o[key] for key in keys if key in o), None)


def write_unknown(write_class: Hook) -> Hook:
    """Return a writing hook for `UnknownResult` that rejects the rows that `read_unknown` does."""

    def write(row: Any) -> Any:
        if row.object in wire_names.CLASS_OF_TAG:
            raise EncodeError(f"an UnknownResult cannot have the known tag {quote(row.object)}")
        written = write_class(row)
        if found := container_in(row.additional_properties, row.object):
            raise EncodeError(
                f"an UnknownResult with the tag {quote(row.object)} cannot have objects under"
                f" {quote(found[0])}"
            )
        return written

    return describe(write, "unknown", write_class)


def is_container(cls: Any) -> bool:
    """Return whether `cls` is a page or a bucket, or a subclass that has a tag."""
    classes = tuple(wire_names.CONTAINERS.values())
    return isinstance(cls, type) and issubclass(cls, classes) and bool(tags_of(cls))


def is_costs(cls: Any) -> bool:
    """Return whether `cls` is `CostsResult` or a subclass."""
    return isinstance(cls, type) and issubclass(cls, CostsResult)
