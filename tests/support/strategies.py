"""Hypothesis strategies: records of our classes, any JSON, and files of good and bad lines."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import attrs
from hypothesis import strategies as st

from tests.support.samples import BOM, PAGES, VECTORS, row, text
from usagewire import (
    CostsResultAmount,
    UnknownResult,
    UsageResponse,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
)
from usagewire.models import NO_PROPERTIES, ROW_CLASSES

INT64 = st.integers(-(2**63), 2**63 - 1)
DECIMALS = st.builds(
    lambda sign, digits, exponent: Decimal(f"{sign}{digits}e{exponent}"),
    st.sampled_from(["", "-"]),
    st.integers(0, 10**36),
    st.integers(-40, 10) | st.sampled_from([-6176, -6000, -400, -323, 300, 6100]),
)
FLOATS = st.floats(-(2.0**53), 2.0**53) | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda number: abs(number) < 2.0**63
)
# Any JSON that is written back unchanged, so no number has more than 64 bits.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
# No known key begins with "x ", in any dialect.
EXTRA = st.dictionaries(st.text().map("x ".__add__), JSON, max_size=3).map(
    lambda extra: extra or NO_PROPERTIES
)
LATER_TAG = st.text().map("later.".__add__)


def of_type(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of the type of a field of our classes."""
    scalars = {int: INT64, str: st.text(), bool: st.booleans(), Decimal: DECIMALS}
    if kind in scalars:
        return scalars[kind]
    if kind == CostsResultAmount:
        return records(CostsResultAmount)
    if kind == Mapping[str, Any]:
        return EXTRA
    if kind == UsageTimeBucket.__annotations__["results"]:
        return st.lists(ROW_RECORDS, max_size=3).map(tuple)
    if kind == UsageResponse.__annotations__["data"]:
        return st.lists(records(UsageTimeBucket), max_size=2).map(tuple)
    return st.none() | of_type(kind.__args__[0])


def records(cls: Any) -> st.SearchStrategy[Any]:
    """Return records of one of our classes, with any values in their fields."""
    fields = {field.name: of_type(field.type) for field in attrs.fields(cls)}
    if cls is UnknownResult:
        fields["object"] = LATER_TAG
    return st.builds(cls, **fields)


ROW_RECORDS = st.deferred(
    lambda: st.one_of(*(records(cls) for cls in (*ROW_CLASSES, UnknownResult)))
)
TAGGED = st.one_of(ROW_RECORDS, records(UsageTimeBucket), records(UsageResponse))
CLASSES = (*ROW_CLASSES, UnknownResult, CostsResultAmount, UsageTimeBucket, UsageResponse)
EVERY = st.one_of(TAGGED, records(CostsResultAmount), records(UsageTimeBucketResultInner))
ROW_DATA = st.sampled_from(
    [data for page in PAGES.values() for bucket in page["data"] for data in bucket["results"]]
)
WILD_KEYS = st.sampled_from(
    [
        *("object", "Object", "_object", "error", "ActualInstance", "actual_instance", "results"),
        *("result", "data", "has_more", "amount", "value", "usage_bytes", "input_tokens", "images"),
        *("num_sessions", "numSessions", "quantity", "project_id", "additional_properties"),
    ]
)
TAG_VALUES = st.sampled_from(
    [cls.object for cls in CLASSES if isinstance(vars(cls).get("object"), str)]
)
WILD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | TAG_VALUES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(WILD_KEYS | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=20,
)
# Numbers that no double holds: many digits, far exponents, and minus zero in many forms.
LONG_NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True
)
PLACES_OF_NUMBERS = st.sampled_from(
    [
        '{"object":"organization.costs.result","amount":{"value":%s},"quantity":%s}',
        '{"object":"organization.costs.result","new":[%s,{"a":%s}]}',
        '{"object":"organization.usage.vector_stores.result","usage_bytes":%s,"new":%s}',
        '{"object":"organization.usage.later.result","a":%s,"b":%s}',
        "[%s,%s]",
    ]
)
LINES = st.lists(
    st.one_of(
        ROW_DATA.map(text),
        st.builds(
            lambda line, one, two: (line % (one, two)).encode(),
            PLACES_OF_NUMBERS,
            LONG_NUMBERS,
            LONG_NUMBERS,
        ),
        st.just(text(row(VECTORS))),
        WILD.map(lambda value: json.dumps(value).encode()),
        st.binary(max_size=12),
        st.sampled_from([b"", b" \t", BOM, BOM + b"{}", b"x" * 600, b" " * 600, b"{", b"}"]),
    ),
    max_size=8,
)
FILES = st.builds(
    lambda lines, ends, first: (
        first + b"".join(line + end for line, end in zip(lines, ends, strict=False))
    ),
    LINES,
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\n\n", b""]), min_size=8, max_size=8),
    st.sampled_from([b"", b"", BOM]),
)
