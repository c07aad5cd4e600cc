"""Pages, buckets and `UsageObject`, the union of everything that has a tag."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from usagewire.models.properties import NO_PROPERTIES
from usagewire.models.rows import UsageResult


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageTimeBucket:
    """An interval of time and its rows, which have no time of their own.

    Endpoint: every usage endpoint and `/v1/organization/costs`. A bucket may hold rows of any kind.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["bucket"]] = "bucket"

    start_time: int
    """Start of the interval, inclusive, in Unix seconds UTC."""
    end_time: int
    """End of the interval, exclusive, in Unix seconds UTC."""
    results: tuple[UsageResult, ...]
    """The rows. Empty if nothing was used. The schema named it `result` until 2026-05-13."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageResponse:
    """A page of buckets: one answer of the API.

    Endpoint: every usage endpoint and `/v1/organization/costs`.
    Source: API specification of 2024-12-04.

    >>> day = UsageTimeBucket(start_time=1785542400, end_time=1785628800, results=())
    >>> page = UsageResponse(data=(day,), has_more=False)
    >>> page.data[0].end_time - page.data[0].start_time
    86400
    """

    object: ClassVar[Literal["page"]] = "page"

    data: tuple[UsageTimeBucket, ...]
    """The buckets of this page."""
    has_more: bool
    """Whether there are pages after this one."""
    next_page: str | None = None
    """Cursor of the next page. None on the last page. Nullable since 2026-05-13."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


UsageObject: TypeAlias = UsageResponse | UsageTimeBucket | UsageResult
"""A page, a bucket or a row of any kind, which its `object` names."""
