"""Rows of the usage endpoints, one class for each kind, and `UsageResult`, a row of any kind."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, TypeAlias, get_args

import attrs

from usagewire.models.costs import CostsResult
from usagewire.models.properties import NO_PROPERTIES


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

ROW_CLASSES: Final[tuple[type[UsageResult], ...]] = get_args(UsageResult)[:-1]
"""The classes of the known rows: `UsageResult` without `UnknownResult`, in the same order."""
