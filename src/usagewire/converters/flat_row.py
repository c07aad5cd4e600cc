"""The flattened row of generated clients: one class with the fields of every kind of row.

Clients generated from the early specification have it. A rule turns such a row into its own class.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Self

import attrs

from usagewire.converters.scalars import write_decimal
from usagewire.errors import DecodeError, quote
from usagewire.models import (
    NO_PROPERTIES,
    ROW_CLASSES,
    CostsResult,
    CostsResultAmount,
    UnknownResult,
    UsageResult,
)
from usagewire.wire import names as wire_names


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageTimeBucketResultInner:
    """A row of any kind in one shape, as two generated SDKs (Dart, PowerShell) have it.

    The first 21 fields are theirs (specifications of 2024-12-04 and 2025-02-10), the rest came to
    the API later. None is required but `object`: no real row has what those SDKs require together.
    Units and meaning of each field are those of the row classes.

    >>> flat = UsageTimeBucketResultInner(
    ...     object="organization.costs.result", images=2, num_model_requests=1, characters=0
    ... )
    >>> flat.to_result().object
    'organization.usage.images.result'
    """

    object: str
    """The tag as it was written; some clients write that of costs whatever the row holds."""
    input_tokens: int | None = None
    """Input tokens of all kinds. Completions, decisions, embeddings, moderations."""
    input_cached_tokens: int | None = None
    """Input tokens served from cache. Completions, decisions."""
    output_tokens: int | None = None
    """Output tokens of all kinds. Completions, decisions."""
    input_audio_tokens: int | None = None
    """Audio input tokens, uncached ones only since 2026-07-15. Completions, decisions."""
    output_audio_tokens: int | None = None
    """Audio output tokens. Completions, decisions."""
    num_model_requests: int | None = None
    """Requests to the model. Every kind that has a model."""
    project_id: str | None = None
    """Project. None unless grouped by it. Every kind."""
    user_id: str | None = None
    """User. None unless grouped by it."""
    api_key_id: str | None = None
    """API key. None unless grouped by it."""
    model: str | None = None
    """Model. None unless grouped by it."""
    batch: bool | None = None
    """Whether these were batch requests. None unless grouped by it. Completions, decisions."""
    images: int | None = None
    """Images made. Images."""
    source_: str | None = None
    """Where images came from, as `image.edit`. None unless grouped by it. Images."""
    size: str | None = None
    """Image size, as `1024x1024`. None unless grouped by it. Images."""
    characters: int | None = None
    """Characters spoken. Audio speeches."""
    seconds: int | None = None
    """Seconds of audio. Audio transcriptions."""
    usage_bytes: int | None = None
    """Bytes stored. Vector stores."""
    sessions: int | None = None
    """Sessions. Code interpreter sessions."""
    amount: CostsResultAmount | None = None
    """What was spent. Costs."""
    line_item: str | None = None
    """Free text naming what is billed. None unless grouped by it. Costs."""
    quantity: Decimal | None = None
    """How much was billed, in `quantity_unit`. Costs. Since 2026-05-13."""
    service_tier: str | None = None
    """Service tier. None unless grouped by it. Completions, decisions. Since 2026-05-13."""
    input_cache_write_tokens: int | None = None
    """Input tokens written to cache. Completions, decisions. Since 2026-07-15."""
    input_uncached_tokens: int | None = None
    """Input tokens neither read from nor written to cache. Since 2026-07-15."""
    input_text_tokens: int | None = None
    """Uncached text input tokens. Completions, decisions. Since 2026-07-15."""
    output_text_tokens: int | None = None
    """Text output tokens. Completions, decisions. Since 2026-07-15."""
    input_cached_text_tokens: int | None = None
    """Cached text input tokens. Completions, decisions. Since 2026-07-15."""
    input_cached_audio_tokens: int | None = None
    """Cached audio input tokens. Completions, decisions. Since 2026-07-15."""
    input_image_tokens: int | None = None
    """Uncached image input tokens. Completions, decisions. Since 2026-07-15."""
    input_cached_image_tokens: int | None = None
    """Cached image input tokens. Completions, decisions. Since 2026-07-15."""
    output_image_tokens: int | None = None
    """Image output tokens. Completions, decisions. Since 2026-07-15."""
    num_requests: int | None = None
    """Tool calls. File searches, web searches. Since 2026-07-15."""
    vector_store_id: str | None = None
    """Vector store. None unless grouped by it. File searches. Since 2026-07-15."""
    context_level: str | None = None
    """Context level, as `medium`. None unless grouped by it. Web searches. Since 2026-07-15."""
    quantity_unit: str | None = None
    """Unit of `quantity`; an open set. Costs. Since 2026-08-21."""
    input_cache_write_30m_tokens: int | None = None
    """The `30m` ones among the cache writes. Since openai-python 3.54."""
    input_cache_write_12h_tokens: int | None = None
    """The `12h` ones among the cache writes. Since openai-python 3.54."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by it. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""

    def to_result(self) -> UsageResult:
        """Return the row as its own class.

        The tag tells the kind, but where fields are above zero that the tagged kind does not have,
        or a row tagged as costs has nothing of a cost, the fields tell it: some generated clients
        tag every row as costs and write zero for absent counts. An unknown tag gives an
        `UnknownResult`. An empty string in a group key is what a client wrote for null and becomes
        None; zeros of other kinds are dropped.

        Raises:
            DecodeError: `ambiguous_kind` where neither tag nor fields tell the kind, as with
                embeddings and moderations, which have the same fields; `missing_field` where a
                field is None that the kind requires.
        """
        cls = wire_names.CLASS_OF_TAG.get(self.object)
        if cls not in ROW_CLASSES:
            return _as_unknown(self)
        held = {name: getattr(self, name) for name in _OWN if not _is_blank(getattr(self, name))}
        return _build(cls if _fits(cls, held, self) else _by_fields(held, self), self)  # type: ignore[no-any-return]

    @classmethod
    def from_result(cls, row: UsageResult) -> Self:
        """Return `row`, of any kind, in the flattened shape, with its right tag.

        Unknown keys that this shape has a field for move there: all that fit the field from an
        `UnknownResult`, and from other rows the zeros that clients write for absent counts.
        `to_result` is the inverse, but for such zeros and for empty strings in group keys.
        """
        kind: Any = type(row)
        own = _names(kind)
        fields: dict[str, Any] = {"object": row.object}
        fields |= {name: v for name in own if (v := getattr(row, name)) is not None}
        if not row.additional_properties:
            return cls(**fields)
        extra = dict(row.additional_properties)
        for key, value in row.additional_properties.items():
            name = _ATTRIBUTE_OF.get(key, "")
            fits = type(value) is _SCALARS.get(name) or value is None
            if name and fits and name not in own and (isinstance(row, UnknownResult) or not value):
                fields[name] = extra.pop(key)
        fields[wire_names.EXTRA] = extra or NO_PROPERTIES
        return cls(**fields)


_OWN = tuple(
    a.name
    for a in attrs.fields(UsageTimeBucketResultInner)
    if a.name not in (wire_names.TAG, wire_names.EXTRA)
)
_ATTRIBUTE_OF = {key: name for name in _OWN for key in wire_names.spellings(name)}
_SCALARS = {
    a.name: kind
    for a in attrs.fields(UsageTimeBucketResultInner)
    for kind in (int, str, bool)
    if a.type == kind | None
}
_FIELDS_OF: dict[type, frozenset[str]] = {
    cls: frozenset(attrs.fields_dict(cls)) for cls in ROW_CLASSES
}
_REQUIRED_OF: dict[type, tuple[str, ...]] = {
    cls: tuple(a.name for a in attrs.fields(cls) if a.default is attrs.NOTHING)
    for cls in ROW_CLASSES
}
_OF_COSTS = ("amount", "quantity", "quantity_unit", "line_item")


@cache
def _names(cls: Any) -> frozenset[str]:
    return frozenset(attrs.fields_dict(cls))


def _is_blank(value: Any) -> bool:
    """Return whether clients write `value` for an absent one."""
    return not (value.value if isinstance(value, CostsResultAmount) else value)


def _fits(cls: type, held: Iterable[str], flat: UsageTimeBucketResultInner) -> bool:
    """Return whether the fields allow that the row is a `cls`, as its tag says."""
    if not _FIELDS_OF[cls].issuperset(held):
        return False
    if cls is not CostsResult or any(getattr(flat, name) is not None for name in _OF_COSTS):
        return True
    return all(getattr(flat, name) is None for name in wire_names.USAGE_METRICS)


def _by_fields(held: Mapping[str, Any], flat: UsageTimeBucketResultInner) -> type:
    """Return the one kind that has all fields of `held`."""
    kinds = [
        cls
        for cls in wire_names.KINDS_OF_FLAT_CLIENTS
        if cls is not CostsResult
        and _FIELDS_OF[cls].issuperset(held)
        and all(getattr(flat, name) is not None for name in _REQUIRED_OF[cls])
    ]
    if len(kinds) == 1:
        return kinds[0]
    could = " or ".join(cls.__name__ for cls in kinds) or "of no known kind"
    shown = ", ".join(f"{name}={value!r}" for name, value in held.items()) or "nothing above zero"
    raise DecodeError(
        "ambiguous_kind",
        f"the tag is {quote(flat.object)}, and with {quote(shown)} the row could be {could}",
    )


def _build(cls: Any, flat: UsageTimeBucketResultInner) -> Any:
    fields: dict[str, Any] = {}
    for a in attrs.fields(cls):
        value = getattr(flat, a.name)
        if value is None and a.default is attrs.NOTHING:
            key = wire_names.spelling(a.name, "api")
            raise DecodeError(
                "missing_field", f"{cls.__name__} requires {key!r}, which is absent"
            ).within(key)
        fields[a.name] = None if value == "" else value
    return cls(**fields)


def _as_unknown(flat: UsageTimeBucketResultInner) -> UnknownResult:
    """Return the row as one of an unknown kind, its fields as JSON under the API's names."""
    properties: dict[str, Any] = {}
    for name in _OWN:
        value = getattr(flat, name)
        if isinstance(value, CostsResultAmount):
            amount = {"value": value.value, "currency": value.currency}
            extra = value.additional_properties
            value = {key: _as_json(part) for key, part in amount.items() if part is not None}
            value |= extra
        if value is not None:
            properties[wire_names.spelling(name, "api")] = _as_json(value)
    properties |= flat.additional_properties
    return UnknownResult(object=flat.object, additional_properties=properties or NO_PROPERTIES)


def _as_json(value: Any) -> Any:
    return write_decimal(value) if isinstance(value, Decimal) else value
