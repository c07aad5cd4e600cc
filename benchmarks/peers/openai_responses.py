"""The official SDK's types, built the way the SDK builds a response."""

from __future__ import annotations

import json
from typing import Any, Final

from openai._models import construct_type
from openai.types.admin.organization.usage_completions_response import (
    DataResult,
    UsageCompletionsResponse,
)
from openai.types.admin.organization.usage_decisions_response import DataResult as Decision

from benchmarks.peers import Decode, Document, Encode, each_line
from usagewire import UsageCompletionsResult, UsageResponse, UsageResult

NAME: Final = "openai SDK (as in responses)"
ABOUT: Final = (
    "the steps of a client that gets a response: `json.loads`, and then"
    " `openai._models.construct_type`. That builds pages and buckets without checks, and validates"
    " each row against the union of all rows. A row alone is validated against the same union."
    " Writing is `to_json(indent=None)`. Amounts become floats. Decisions have a separate response"
    " in the SDK, and are added to the union of the mixed rows."
)

TYPES: Final[dict[Any, Any]] = {
    UsageCompletionsResult: DataResult,
    UsageResult: DataResult | Decision,
    UsageResponse: UsageCompletionsResponse,
}
"""The SDK's types for ours."""


def document(kind: Any) -> Document:
    """Return a function that decodes a document as the body of a response."""
    built, loads = TYPES[kind], json.loads
    return lambda data: construct_type(type_=built, value=loads(data))


def decoder(kind: Any) -> Decode:
    """Return a function that decodes each line as the body of a response."""
    return each_line(document(kind))


def encoder(_: Any) -> Encode:
    """Return a function that writes each model."""

    def encode(records: list[Any]) -> bytes:
        text = bytearray()
        for record in records:
            text += record.to_json(indent=None).encode()
            text += b"\n"
        return bytes(text)

    return encode
