"""The flattened row of generated clients, and the rules that find its real class.

It must not know hooks or converters.
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
from usagewire.models.pickles import fill_in_defaults
from usagewire.wire import names as wire_names


@fill_in_defaults
@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageTimeBucketResultInner:
    """A row of any kind in one class, as in two generated SDKs (Dart, PowerShell).

    The SDKs have the first 21 fields (specifications of 2024-12-04 and 2025-02-10). The API added
    the others later. The SDKs require several fields, but no row has all of them, so only `object`
    is required here. The meaning and unit of each field are those of the row classes.

    >>> flat = UsageTimeBucketResultInner(
    ...     object="organization.costs.result", images=2, num_model_requests=1, characters=0
    ... )
    >>> flat.to_result().object
    'organization.usage.images.result'
    """

    object: str
    """The tag that was read. Some clients write the tag of costs for every kind of row."""
    input_tokens: int | None = None
    """All input tokens. Completions, decisions, embeddings, moderations."""
    input_cached_tokens: int | None = None
    """Input tokens read from the cache. Completions, decisions."""
    output_tokens: int | None = None
    """All output tokens. Completions, decisions."""
    input_audio_tokens: int | None = None
    """Audio input tokens; since 2026-07-15 uncached ones only. Completions, decisions."""
    output_audio_tokens: int | None = None
    """Audio output tokens. Completions, decisions."""
    num_model_requests: int | None = None
    """Requests made to the model. Every kind that has a model."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by this field. Every kind."""
    user_id: str | None = None
    """User of the usage. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by this field."""
    model: str | None = None
    """Model that was used. None unless grouped by this field."""
    batch: bool | None = None
    """Whether the requests were batch jobs. None unless grouped by it. Completions, decisions."""
    images: int | None = None
    """Images processed. Images."""
    source_: str | None = None
    """Operation, such as `image.edit`. None unless grouped by this field. Images."""
    size: str | None = None
    """Width and height in pixels (`1024x1024`). None unless grouped by this field. Images."""
    characters: int | None = None
    """Characters of text processed. Audio speeches."""
    seconds: int | None = None
    """Seconds of audio processed. Audio transcriptions."""
    usage_bytes: int | None = None
    """Bytes stored. Vector stores."""
    sessions: int | None = None
    """Sessions. Code interpreter sessions."""
    amount: CostsResultAmount | None = None
    """The money spent. Costs."""
    line_item: str | None = None
    """Free text that names the item billed. None unless grouped by this field. Costs."""
    quantity: Decimal | None = None
    """The quantity billed, in `quantity_unit`. Costs. Since 2026-05-13."""
    service_tier: str | None = None
    """Service tier. None unless grouped by this field. Completions, decisions. Since 2026-05-13."""
    input_cache_write_tokens: int | None = None
    """Input tokens written to the cache. Completions, decisions. Since 2026-07-15."""
    input_uncached_tokens: int | None = None
    """Input tokens not read from or written to the cache. Since 2026-07-15."""
    input_text_tokens: int | None = None
    """Uncached text input tokens. Completions, decisions. Since 2026-07-15."""
    output_text_tokens: int | None = None
    """Text output tokens. Completions, decisions. Since 2026-07-15."""
    input_cached_text_tokens: int | None = None
    """Text input tokens read from the cache. Completions, decisions. Since 2026-07-15."""
    input_cached_audio_tokens: int | None = None
    """Audio input tokens read from the cache. Completions, decisions. Since 2026-07-15."""
    input_image_tokens: int | None = None
    """Uncached image input tokens. Completions, decisions. Since 2026-07-15."""
    input_cached_image_tokens: int | None = None
    """Image input tokens read from the cache. Completions, decisions. Since 2026-07-15."""
    output_image_tokens: int | None = None
    """Image output tokens. Completions, decisions. Since 2026-07-15."""
    num_requests: int | None = None
    """Calls of the tool. File searches, web searches. Since 2026-07-15."""
    vector_store_id: str | None = None
    """Vector store. None unless grouped by this field. File searches. Since 2026-07-15."""
    context_level: str | None = None
    """Context size (`medium`). None unless grouped by it. Web searches. Since 2026-07-15."""
    quantity_unit: str | None = None
    """Unit of `quantity`; new units may appear. Costs. Since 2026-08-21."""
    input_cache_write_30m_tokens: int | None = None
    """The `30m` part of the cache-write tokens. Since openai-python 3.54."""
    input_cache_write_12h_tokens: int | None = None
    """The `12h` part of the cache-write tokens. Since openai-python 3.54."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by this field. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""

    def to_result(self) -> UsageResult:
        """Return the row as an instance of its row class.

        The tag chooses the class if the fields fit it. Otherwise the fields choose it. Some
        generated clients tag every row as costs and write zero for absent counts. So only a value
        above zero counts as present, and a row tagged as costs must have a field of a cost.

        An unknown tag gives an `UnknownResult`. An empty string in a group key becomes None,
        because clients write it for null. Zeros in fields of other classes are dropped.

        Raises:
            DecodeError: `ambiguous_kind` if the tag and the fields do not identify the class.
                Embeddings and moderations, for example, have the same fields. `missing_field` if a
                required field of the class is None.
        """
        cls = wire_names.CLASS_OF_TAG.get(self.object)
        if cls not in ROW_CLASSES:
            return _as_unknown(self)
        held = {name: getattr(self, name) for name in _OWN if not _is_blank(getattr(self, name))}
        return _build(cls if _fits(cls, held, self) else _by_fields(held, self), self)  # type: ignore[no-any-return]

    @classmethod
    def from_result(cls, row: UsageResult) -> Self:
        """Return a row of any kind as a flattened row with its tag.

        An unknown field of the row moves to the field of this class that has its name. From an
        `UnknownResult` it moves if its type fits, from other rows only if it is empty or zero.
        `to_result` is the inverse, except for such values and for empty strings in group keys.

        Args:
            row: A row of any class.
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
_OF_COSTS = ("amount", "quantity", "quantity_unit", "line_item")


@cache
def _names(cls: Any) -> frozenset[str]:
    return frozenset(attrs.fields_dict(cls))


def _is_blank(value: Any) -> bool:
    """Return whether `value` is one that clients write for an absent value."""
    return not (value.value if isinstance(value, CostsResultAmount) else value)


def _fits(cls: type, held: Iterable[str], flat: UsageTimeBucketResultInner) -> bool:
    """Return whether the fields allow the row to be a `cls`, the class of its tag."""
    if not _names(cls).issuperset(held):
        return False
    if cls is not CostsResult or any(getattr(flat, name) is not None for name in _OF_COSTS):
        return True
    return all(getattr(flat, name) is None for name in wire_names.USAGE_METRICS)


def _by_fields(held: Mapping[str, Any], flat: UsageTimeBucketResultInner) -> type:
    """Return the only class that has all fields of `held`. Raise if there is not exactly one."""
    kinds = [
        cls
        for cls in wire_names.KINDS_OF_FLAT_CLIENTS
        if cls is not CostsResult
        and _names(cls).issuperset(held)
        and all(
            getattr(flat, a.name) is not None
            for a in attrs.fields(cls)
            if a.default is attrs.NOTHING
        )
    ]
    if len(kinds) == 1:
        return kinds[0]
    could = " or ".join(cls.__name__ for cls in kinds) or "of no known class"
    shown = ", ".join(f"{name}={value!r}" for name, value in held.items()) or "nothing above zero"
    raise DecodeError(
        "ambiguous_kind",
        f"a row with the tag {quote(flat.object)} and {quote(shown)} could be {could}",
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
    """Return the row as an `UnknownResult`, with its fields as JSON under the API's names."""
    properties: dict[str, Any] = {}
    for name in _OWN:
        value = getattr(flat, name)
        if isinstance(value, CostsResultAmount):
            amount = {"value": _as_json(value.value), "currency": value.currency}
            amount = {key: part for key, part in amount.items() if part is not None}
            value = {**amount, **value.additional_properties}
        if value is not None:
            properties[wire_names.spelling(name, "api")] = _as_json(value)
    properties |= flat.additional_properties
    return UnknownResult(object=flat.object, additional_properties=properties or NO_PROPERTIES)


def _as_json(value: Any) -> Any:
    return write_decimal(value) if isinstance(value, Decimal) else value
