"""The rows of the usage endpoints, one class for each kind, and `UsageResult`, their union."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, TypeAlias, get_args

import attrs

from usagewire.models.costs import CostsResult
from usagewire.models.properties import NO_PROPERTIES


@attrs.frozen(kw_only=True, weakref_slot=False, init=False, repr=False, eq=False)
class _TokenRow:
    """Tokens into and out of a model. The dates of the fields are those of completions rows."""

    input_tokens: int
    """All input tokens. Since 2026-07-15 they include audio, image and cache-write tokens."""
    output_tokens: int
    """All output tokens. Since 2026-07-15 they include text, audio and image tokens."""
    num_model_requests: int
    """Requests made to the model."""
    input_cached_tokens: int | None = None
    """Input tokens read from the cache, a part of `input_tokens`. None if not stated."""
    input_cache_write_tokens: int | None = None
    """Input tokens written to the cache, a part of `input_tokens`. None if not stated.
    Since 2026-07-15."""
    input_cache_write_30m_tokens: int | None = None
    """The `30m` part of the cache-write tokens. None if not stated. Since openai-python 3.54."""
    input_cache_write_12h_tokens: int | None = None
    """The `12h` part of the cache-write tokens. None if not stated. Since openai-python 3.54."""
    input_uncached_tokens: int | None = None
    """Input tokens not read from or written to the cache. None if not stated. Since 2026-07-15."""
    input_text_tokens: int | None = None
    """Uncached text input tokens. None if not stated. Since 2026-07-15."""
    output_text_tokens: int | None = None
    """Text output tokens. None if not stated. Since 2026-07-15."""
    input_cached_text_tokens: int | None = None
    """Text input tokens read from the cache. None if not stated. Since 2026-07-15."""
    input_audio_tokens: int | None = None
    """Audio input tokens. Since 2026-07-15 they are uncached ones only, and a part of
    `input_tokens`: do not add the two. None if not stated. Since 2025-02-10."""
    input_cached_audio_tokens: int | None = None
    """Audio input tokens read from the cache. None if not stated. Since 2026-07-15."""
    output_audio_tokens: int | None = None
    """Audio output tokens, a part of `output_tokens`. None if not stated. Since 2025-02-10."""
    input_image_tokens: int | None = None
    """Uncached image input tokens. None if not stated. Since 2026-07-15."""
    input_cached_image_tokens: int | None = None
    """Image input tokens read from the cache. None if not stated. Since 2026-07-15."""
    output_image_tokens: int | None = None
    """Image output tokens. None if not stated. Since 2026-07-15."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by this field."""
    user_id: str | None = None
    """User of the usage. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by this field."""
    model: str | None = None
    """Model that was used. None unless grouped by this field."""
    batch: bool | None = None
    """Whether the requests were batch jobs. None unless grouped by this field."""
    service_tier: str | None = None
    """Service tier of the requests. None unless grouped by this field. Since 2026-05-13."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by this field. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageCompletionsResult(_TokenRow):
    """Tokens of completions, for one combination of group keys.

    Endpoint: `/v1/organization/usage/completions`. Source: API specification of 2024-12-04.

    Since 2026-07-15 `input_tokens` includes audio tokens, and `input_audio_tokens` counts uncached
    audio only. If you add the two, you count that audio twice. Since then these sums hold:

    - input_tokens = input_uncached_tokens + input_cached_tokens + input_cache_write_tokens
    - input_uncached_tokens = input_text_tokens + input_audio_tokens + input_image_tokens
    - input_cached_tokens = input_cached_text_tokens + input_cached_audio_tokens
      + input_cached_image_tokens
    - output_tokens = output_text_tokens + output_audio_tokens + output_image_tokens
    - input_cache_write_tokens = input_cache_write_30m_tokens + input_cache_write_12h_tokens
      (since openai-python 3.54)
    """

    object: ClassVar[Literal["organization.usage.completions.result"]] = (
        "organization.usage.completions.result"
    )


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageDecisionsResult(_TokenRow):
    """Tokens of decisions, for one combination of group keys.

    Endpoint: `/v1/organization/usage/decisions`. Source: openai-python 3.54.

    The fields and sums are those of `UsageCompletionsResult`. Each field is as old as the class.
    """

    object: ClassVar[Literal["organization.usage.decisions.result"]] = (
        "organization.usage.decisions.result"
    )


@attrs.frozen(kw_only=True, weakref_slot=False, init=False, repr=False, eq=False)
class _InputTokenRow:
    """Tokens into a model that has no output tokens."""

    input_tokens: int
    """Input tokens."""
    num_model_requests: int
    """Requests made to the model."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by this field."""
    user_id: str | None = None
    """User of the usage. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by this field."""
    model: str | None = None
    """Model that was used. None unless grouped by this field."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageEmbeddingsResult(_InputTokenRow):
    """Tokens of embeddings, for one combination of group keys.

    Endpoint: `/v1/organization/usage/embeddings`. Source: API specification of 2024-12-04.

    `UsageModerationsResult` has the same fields; only the tag differs.
    """

    object: ClassVar[Literal["organization.usage.embeddings.result"]] = (
        "organization.usage.embeddings.result"
    )


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageModerationsResult(_InputTokenRow):
    """Tokens of moderations, for one combination of group keys.

    Endpoint: `/v1/organization/usage/moderations`. Source: API specification of 2024-12-04.

    `UsageEmbeddingsResult` has the same fields; only the tag differs.
    """

    object: ClassVar[Literal["organization.usage.moderations.result"]] = (
        "organization.usage.moderations.result"
    )


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageImagesResult:
    """Images processed, for one combination of group keys.

    Endpoint: `/v1/organization/usage/images`. Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.images.result"]] = (
        "organization.usage.images.result"
    )

    images: int
    """Images processed."""
    num_model_requests: int
    """Requests made to the model."""
    source_: str | None = None
    """`image.generation`, `image.edit` or `image.variation`. None unless grouped by this field."""
    size: str | None = None
    """Width and height in pixels, as in `1024x1024`. None unless grouped by this field."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by this field."""
    user_id: str | None = None
    """User of the usage. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by this field."""
    model: str | None = None
    """Model that was used. None unless grouped by this field."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageAudioSpeechesResult:
    """Text turned into speech, for one combination of group keys.

    Endpoint: `/v1/organization/usage/audio_speeches`. Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.audio_speeches.result"]] = (
        "organization.usage.audio_speeches.result"
    )

    characters: int
    """Characters of text processed."""
    num_model_requests: int
    """Requests made to the model."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by this field."""
    user_id: str | None = None
    """User of the usage. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by this field."""
    model: str | None = None
    """Model that was used. None unless grouped by this field."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageAudioTranscriptionsResult:
    """Speech turned into text, for one combination of group keys.

    Endpoint: `/v1/organization/usage/audio_transcriptions`.
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
    """Project of the usage. None unless grouped by this field."""
    user_id: str | None = None
    """User of the usage. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by this field."""
    model: str | None = None
    """Model that was used. None unless grouped by this field."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageVectorStoresResult:
    """Storage of vector stores, by project or for the whole organization.

    Endpoint: `/v1/organization/usage/vector_stores`. Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.vector_stores.result"]] = (
        "organization.usage.vector_stores.result"
    )

    usage_bytes: int
    """Bytes stored. Ordinary values are above `2**31`."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by this field."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageCodeInterpreterSessionsResult:
    """Code interpreter sessions, by project or for the whole organization.

    Endpoint: `/v1/organization/usage/code_interpreter_sessions`.
    Source: API specification of 2024-12-04.
    """

    object: ClassVar[Literal["organization.usage.code_interpreter_sessions.result"]] = (
        "organization.usage.code_interpreter_sessions.result"
    )

    sessions: int
    """Sessions. The API renamed the field from `sessions` to `num_sessions` on 2025-02-10."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by this field."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageFileSearchCallsResult:
    """Calls of the file search tool, for one combination of group keys.

    Endpoint: `/v1/organization/usage/file_search_calls`. Its tag has `file_searches`.
    Source: API specification of 2026-07-15.
    """

    object: ClassVar[Literal["organization.usage.file_searches.result"]] = (
        "organization.usage.file_searches.result"
    )

    num_requests: int
    """Calls of the tool."""
    project_id: str | None = None
    """Project of the usage. None unless grouped by this field."""
    user_id: str | None = None
    """User of the usage. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by this field."""
    vector_store_id: str | None = None
    """Vector store that was searched. None unless grouped by this field."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UsageWebSearchCallsResult:
    """Calls of the web search tool, for one combination of group keys.

    Endpoint: `/v1/organization/usage/web_search_calls`. Its tag has `web_searches`.
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
    """Project of the usage. None unless grouped by this field."""
    user_id: str | None = None
    """User of the usage. None unless grouped by this field."""
    api_key_id: str | None = None
    """API key of the usage. None unless grouped by this field."""
    model: str | None = None
    """Model that was used. None unless grouped by this field."""
    context_level: str | None = None
    """Search context size: `low`, `medium` or `high`. None unless grouped by this field."""
    api_source: str | None = None
    """`agents_api` or `unlabeled`. None unless grouped by this field. Since openai-python 3.54."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields by input key. They are written back and compared, but not hashed."""


@attrs.frozen(kw_only=True, weakref_slot=False)
class UnknownResult:
    """A row of a kind that this version does not know, kept whole so that it can be written back.

    Endpoint: any. Source: none, because the row is in no specification this version knows.

    >>> from usagewire import loads
    >>> row = loads('{"object": "organization.usage.videos.result", "video_seconds": 30}')
    >>> row.object, row.additional_properties["video_seconds"]
    ('organization.usage.videos.result', 30)
    """

    object: str
    """The tag that was read."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Every other field by input key. They are written back and compared, but not hashed."""


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
"""A row of any kind, which its `object` names."""

ROW_CLASSES: Final[tuple[type[UsageResult], ...]] = get_args(UsageResult)[:-1]
"""The members of `UsageResult` without `UnknownResult`, in the same order."""
