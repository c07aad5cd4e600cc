"""The data of the organization Usage and Costs API, as frozen and slotted attrs classes.

This module holds the classes, their fields and what each field means. It must not know how a
value is written: no JSON, no spelling of a key, no dialect, no decoding and no validation. It
imports nothing of this package.

Conventions, for every class:

- A count is an `int` that fits a signed 64-bit integer.
- A time is an `int` of Unix seconds in UTC; the end of an interval is exclusive.
- Money and quantities are `decimal.Decimal`, never `float`.
- `None` means that the API did not say, or, in a group key, that the answer was not grouped by it.
- A record is frozen and takes keyword arguments only. It is hashable; `additional_properties` is
  not part of the hash and, where it is not empty, a plain dict that nobody should change.
- `object` is the API's tag of the class: readable on the class, not an argument of it (only
  `UnknownResult`, and `flat.UsageTimeBucketResultInner`, take it).

Each class cites where its shape comes from: the API specification of a date, or, for what no
specification had yet by 2026-08-21, the types of openai-python 3.54. A field without a date of
its own is as old as its class.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal, TypeAlias

import attrs


class _NoProperties(Mapping[str, Any]):
    """The empty mapping that records without unknown fields share: read-only, and one object."""

    __slots__ = ()

    def __getitem__(self, key: str, /) -> Any:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"

    def __reduce__(self) -> str:
        # A string makes pickle and copy look the object up here by that name: one object stays one.
        return "NO_PROPERTIES"


NO_PROPERTIES: Final[Mapping[str, Any]] = _NoProperties()
"""The default of every `additional_properties`. It equals `{}` and cannot be changed."""


MIN_EXPONENT: Final = -6176
MAX_ADJUSTED: Final = 6144
"""The least exponent and the greatest adjusted exponent of money and quantities, those of IEEE 754
decimal128, which the API's own amounts show (`0E-6176`). The bound keeps exact sums of any amounts
within about 12,400 digits."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class CostsResultAmount:
    """An amount of money, as it stands in `CostsResult.amount`.

    Source: API specification of 2024-12-04; both fields nullable since openai-python 3.54.
    """

    value: Decimal | None = None
    """Money in units of `currency`, exact; negative for a credit. None when not stated."""
    currency: str | None = None
    """ISO 4217 code, lower case in the specification (`usd`). None when not stated."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class CostsResult:
    """Costs of one day, for one combination of group keys.

    Held by the buckets of `/v1/organization/costs`, whose only bucket width is a day.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.costs.result"]] = "organization.costs.result"

    amount: CostsResultAmount | None = None
    """What was spent. None when not stated."""
    quantity: Decimal | None = None
    """How much was billed, in `quantity_unit`. None when not stated. Since 2026-05-13."""
    quantity_unit: str | None = None
    """Unit of `quantity`, as `tokens`; an open set. None when not stated. Since 2026-08-21."""
    line_item: str | None = None
    """Free text naming what is billed. None unless grouped by it."""
    project_id: str | None = None
    """Project that was billed. None unless grouped by it."""
    api_key_id: str | None = None
    """API key that was billed. None unless grouped by it. Since 2026-05-13."""
    user_id: str | None = None
    """User that was billed. None unless grouped by it. Since openai-python 3.54."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by it. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False, init=False, repr=False, eq=False)
class _TokenRow:
    """Tokens in and out of a model, for one combination of group keys.

    The totals hold their parts. Since the API specification of 2026-07-15:

    - input_tokens = input_uncached_tokens + input_cached_tokens + input_cache_write_tokens
    - input_uncached_tokens = input_text_tokens + input_audio_tokens + input_image_tokens
    - input_cached_tokens = input_cached_text_tokens + input_cached_audio_tokens
      + input_cached_image_tokens
    - output_tokens = output_text_tokens + output_audio_tokens + output_image_tokens

    and since openai-python 3.54:

    - input_cache_write_tokens = input_cache_write_30m_tokens + input_cache_write_12h_tokens

    The trap: since 2026-07-15 `input_tokens` includes audio, image and cache-write tokens, and
    `input_audio_tokens` is the uncached audio alone. Adding the two counts that audio twice.

    The dates of the fields are those of completions rows; decisions rows had every field from the
    start.
    """

    input_tokens: int
    """All input tokens; since 2026-07-15 audio, image and cache writes are parts of it."""
    output_tokens: int
    """All output tokens; since 2026-07-15 text, audio and image are parts of it."""
    num_model_requests: int
    """Requests made to the model."""
    input_cached_tokens: int | None = None
    """Input tokens read from the cache, a part of the total. None when not stated."""
    input_cache_write_tokens: int | None = None
    """Input tokens written to the cache, a part of the total. None when not stated.
    Since 2026-07-15."""
    input_cache_write_30m_tokens: int | None = None
    """Part of the cache writes: the `30m` ones. None when not stated. Since openai-python 3.54."""
    input_cache_write_12h_tokens: int | None = None
    """Part of the cache writes: the `12h` ones. None when not stated. Since openai-python 3.54."""
    input_uncached_tokens: int | None = None
    """Input tokens that the cache had no part in. None when not stated. Since 2026-07-15."""
    input_text_tokens: int | None = None
    """Uncached text input tokens. None when not stated. Since 2026-07-15."""
    output_text_tokens: int | None = None
    """Text output tokens. None when not stated. Since 2026-07-15."""
    input_cached_text_tokens: int | None = None
    """Text input tokens read from the cache. None when not stated. Since 2026-07-15."""
    input_audio_tokens: int | None = None
    """Audio input tokens, uncached only and in `input_tokens` since 2026-07-15: never add the two.
    None when not stated. Since 2025-02-10."""
    input_cached_audio_tokens: int | None = None
    """Audio input tokens read from the cache. None when not stated. Since 2026-07-15."""
    output_audio_tokens: int | None = None
    """Audio output tokens, a part of the total. None when not stated. Since 2025-02-10."""
    input_image_tokens: int | None = None
    """Uncached image input tokens. None when not stated. Since 2026-07-15."""
    input_cached_image_tokens: int | None = None
    """Image input tokens read from the cache. None when not stated. Since 2026-07-15."""
    output_image_tokens: int | None = None
    """Image output tokens. None when not stated. Since 2026-07-15."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    user_id: str | None = None
    """User of the usage. None unless grouped by it."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by it."""
    model: str | None = None
    """Model that was used. None unless grouped by it."""
    batch: bool | None = None
    """Whether the requests were batch jobs. None unless grouped by it."""
    service_tier: str | None = None
    """Service tier of the requests. None unless grouped by it. Since 2026-05-13."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by it. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageCompletionsResult(_TokenRow):
    """Tokens of completions, for one combination of group keys.

    `input_tokens` already includes audio since 2026-07-15: adding `input_audio_tokens` to it counts
    audio twice. Held by the buckets of `/v1/organization/usage/completions`.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.completions.result"]] = (
        "organization.usage.completions.result"
    )


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageDecisionsResult(_TokenRow):
    """Tokens of decisions, for one combination of group keys; the fields are those of completions.

    `input_tokens` includes audio: adding `input_audio_tokens` to it counts audio twice.
    Held by the buckets of `/v1/organization/usage/decisions`. Source: openai-python 3.54.
    """

    object: ClassVar[Literal["organization.usage.decisions.result"]] = (
        "organization.usage.decisions.result"
    )


@attrs.frozen(kw_only=True, weakref_slot=False, init=False, repr=False, eq=False)
class _InputTokenRow:
    """Tokens into a model that answers without tokens, for one combination of group keys."""

    input_tokens: int
    """Input tokens."""
    num_model_requests: int
    """Requests made to the model."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    user_id: str | None = None
    """User of the usage. None unless grouped by it."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by it."""
    model: str | None = None
    """Model that was used. None unless grouped by it."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageEmbeddingsResult(_InputTokenRow):
    """Tokens of embeddings, for one combination of group keys.

    Held by the buckets of `/v1/organization/usage/embeddings`. It has the fields of
    `UsageModerationsResult`: only the tag tells the two apart.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.embeddings.result"]] = (
        "organization.usage.embeddings.result"
    )


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageModerationsResult(_InputTokenRow):
    """Tokens of moderations, for one combination of group keys.

    Held by the buckets of `/v1/organization/usage/moderations`. It has the fields of
    `UsageEmbeddingsResult`: only the tag tells the two apart.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.moderations.result"]] = (
        "organization.usage.moderations.result"
    )


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageImagesResult:
    """Images processed, for one combination of group keys.

    Held by the buckets of `/v1/organization/usage/images`. Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.images.result"]] = (
        "organization.usage.images.result"
    )

    images: int
    """Images processed."""
    num_model_requests: int
    """Requests made to the model."""
    source_: str | None = None
    """`image.generation`, `image.edit` or `image.variation`. None unless grouped by it."""
    size: str | None = None
    """Width and height in pixels, as in `1024x1024`. None unless grouped by it."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    user_id: str | None = None
    """User of the usage. None unless grouped by it."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by it."""
    model: str | None = None
    """Model that was used. None unless grouped by it."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageAudioSpeechesResult:
    """Text turned into speech, for one combination of group keys.

    Held by the buckets of `/v1/organization/usage/audio_speeches`.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.audio_speeches.result"]] = (
        "organization.usage.audio_speeches.result"
    )

    characters: int
    """Characters of text processed."""
    num_model_requests: int
    """Requests made to the model."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    user_id: str | None = None
    """User of the usage. None unless grouped by it."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by it."""
    model: str | None = None
    """Model that was used. None unless grouped by it."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageAudioTranscriptionsResult:
    """Speech turned into text, for one combination of group keys.

    Held by the buckets of `/v1/organization/usage/audio_transcriptions`.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.audio_transcriptions.result"]] = (
        "organization.usage.audio_transcriptions.result"
    )

    seconds: int
    """Seconds of audio processed."""
    num_model_requests: int
    """Requests made to the model."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    user_id: str | None = None
    """User of the usage. None unless grouped by it."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by it."""
    model: str | None = None
    """Model that was used. None unless grouped by it."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageVectorStoresResult:
    """Storage of vector stores, by project or for the whole organization.

    Held by the buckets of `/v1/organization/usage/vector_stores`.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.vector_stores.result"]] = (
        "organization.usage.vector_stores.result"
    )

    usage_bytes: int
    """Bytes stored; passes 2**31 in ordinary use."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageCodeInterpreterSessionsResult:
    """Code interpreter sessions, by project or for the whole organization.

    Held by the buckets of `/v1/organization/usage/code_interpreter_sessions`.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.code_interpreter_sessions.result"]] = (
        "organization.usage.code_interpreter_sessions.result"
    )

    sessions: int
    """Sessions counted. The name is that of 2024-12-04; the API changed its own on 2025-02-10."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageFileSearchCallsResult:
    """Calls of the file search tool, for one combination of group keys.

    Held by the buckets of `/v1/organization/usage/file_search_calls`; the tag says `file_searches`.
    Source: API specification of 2026-07-15.
    """

    object: ClassVar[Literal["organization.usage.file_searches.result"]] = (
        "organization.usage.file_searches.result"
    )

    num_requests: int
    """Calls of the tool."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    user_id: str | None = None
    """User of the usage. None unless grouped by it."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by it."""
    vector_store_id: str | None = None
    """Vector store that was searched. None unless grouped by it."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageWebSearchCallsResult:
    """Calls of the web search tool, for one combination of group keys.

    Held by the buckets of `/v1/organization/usage/web_search_calls`; the tag says `web_searches`.
    Source: API specification of 2026-07-15.
    """

    object: ClassVar[Literal["organization.usage.web_searches.result"]] = (
        "organization.usage.web_searches.result"
    )

    num_model_requests: int
    """Requests made to the model."""
    num_requests: int
    """Calls of the tool."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by it."""
    user_id: str | None = None
    """User of the usage. None unless grouped by it."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by it."""
    model: str | None = None
    """Model that was used. None unless grouped by it."""
    context_level: str | None = None
    """Search context size: `low`, `medium` or `high`. None unless grouped by it."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by it. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Fields this version does not know, by input key; written back; in equality, not in hash."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UnknownResult:
    """A row of a kind that this version does not know, kept whole so that it can be written back.

    May be held by the buckets of any endpoint. Source: none, for it is what no specification had.
    """

    object: str
    """The tag, as it was read."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Every other field of the row, by input key; written back; in equality, not in hash."""


UsageResult: TypeAlias = (
    UsageCompletionsResult
    | UsageEmbeddingsResult
    | UsageModerationsResult
    | UsageImagesResult
    | UsageAudioSpeechesResult
    | UsageAudioTranscriptionsResult
    | UsageVectorStoresResult
    | UsageCodeInterpreterSessionsResult
    | UsageFileSearchCallsResult
    | UsageWebSearchCallsResult
    | UsageDecisionsResult
    | CostsResult
    | UnknownResult
)
"""A row of any kind; `object` tells which."""

ROW_CLASSES: Final = (
    UsageCompletionsResult,
    UsageEmbeddingsResult,
    UsageModerationsResult,
    UsageImagesResult,
    UsageAudioSpeechesResult,
    UsageAudioTranscriptionsResult,
    UsageVectorStoresResult,
    UsageCodeInterpreterSessionsResult,
    UsageFileSearchCallsResult,
    UsageWebSearchCallsResult,
    UsageDecisionsResult,
    CostsResult,
)
"""The classes of the known rows: `UsageResult` without `UnknownResult`, in the same order."""


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
