"""The official SDK's types, validated by pydantic straight from JSON."""

from __future__ import annotations

from typing import Any, Final

from openai.types.admin.organization.usage_completions_response import (
    DataResultOrganizationUsageCompletionsResult,
)
from pydantic import TypeAdapter

from benchmarks.peers import Decode, Document, Encode, each_line, openai_responses
from usagewire import UsageCompletionsResult

NAME: Final = "openai SDK (validate_json)"
ABOUT: Final = (
    "the same models with pydantic's `validate_json`, which the SDK itself does not use for"
    " responses. Completions rows use their class, and mixed rows the union, which the SDK declares"
    " to pydantic without a discriminator. Writing is as above."
)

_TYPES: Final[dict[Any, Any]] = openai_responses.TYPES | {
    UsageCompletionsResult: DataResultOrganizationUsageCompletionsResult
}


def document(kind: Any) -> Document:
    """Return `validate_json`."""
    return TypeAdapter[Any](_TYPES[kind]).validate_json


def decoder(kind: Any) -> Decode:
    """Return a function that validates each line."""
    return each_line(document(kind))


def encoder(kind: Any) -> Encode:
    """Return a function that writes each model."""
    return openai_responses.encoder(kind)
