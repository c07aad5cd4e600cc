"""Pages and buckets, which hold rows, and `UsageObject`, anything that has a tag."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from usagewire.models.properties import NO_PROPERTIES
from usagewire.models.rows import UsageResult


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageTimeBucket:
    """An interval of time and its rows. The time of a row stands here and nowhere else.

    Held by the pages of every usage endpoint and of `/v1/organization/costs`; rows of any kind may
    stand in any bucket. Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["bucket"]] = "bucket"

    start_time: int
    """Start of the interval, inclusive, in Unix seconds UTC."""
    end_time: int
    """End of the interval, exclusive, in Unix seconds UTC."""
    results: tuple[UsageResult, ...]
    """The rows; empty when nothing was used. The API renamed this one on 2026-05-13."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageResponse:
    """A page of buckets: one answer of the API.

    Returned by every usage endpoint and by `/v1/organization/costs`.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["page"]] = "page"

    data: tuple[UsageTimeBucket, ...]
    """The buckets of this page."""
    has_more: bool
    """Whether there are pages after this one."""
    next_page: str | None = None
    """Cursor of the next page. None on the last one; nullable since 2026-05-13."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


UsageObject: TypeAlias = UsageResponse | UsageTimeBucket | UsageResult
"""Anything with a tag: a page, a bucket or a row of any kind; `object` tells which."""
