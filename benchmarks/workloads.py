"""The data that is measured: seeded, made up, in the shape of the API's answers, as NDJSON.

Ids and models repeat as they do in an organization's usage; counts and amounts vary. No value is
null, so that every peer, whatever it does about nulls, has the same keys to write. Amounts of money
are JSON numbers whose shortest text is exact, because not every peer keeps a string exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from string import ascii_letters, digits
from typing import Any, Final

import attrs
import orjson

from usagewire import (
    CostsResult,
    UsageAudioSpeechesResult,
    UsageAudioTranscriptionsResult,
    UsageCodeInterpreterSessionsResult,
    UsageCompletionsResult,
    UsageDecisionsResult,
    UsageEmbeddingsResult,
    UsageFileSearchCallsResult,
    UsageImagesResult,
    UsageModerationsResult,
    UsageResponse,
    UsageResult,
    UsageVectorStoresResult,
    UsageWebSearchCallsResult,
)

SEED: Final = 20260821
BUCKETS: Final = 7
ROWS_PER_BUCKET: Final = 5
DAY: Final = 86_400
FIRST_DAY: Final = 1_785_542_400
"""2026-08-01 in Unix seconds UTC."""

GROUPS: Final = "project_id user_id api_key_id model"

KEYS: Final[Mapping[str, str]] = {
    UsageCompletionsResult.object: "input_tokens output_tokens num_model_requests"
    f" input_cached_tokens input_audio_tokens output_audio_tokens {GROUPS} batch",
    UsageDecisionsResult.object: "input_tokens output_tokens num_model_requests"
    " input_cached_tokens input_cache_write_tokens input_uncached_tokens input_text_tokens"
    f" output_text_tokens input_cached_text_tokens {GROUPS} service_tier api_source",
    UsageEmbeddingsResult.object: f"input_tokens num_model_requests {GROUPS}",
    UsageModerationsResult.object: f"input_tokens num_model_requests {GROUPS}",
    UsageImagesResult.object: f"images num_model_requests size source {GROUPS}",
    UsageAudioSpeechesResult.object: f"characters num_model_requests {GROUPS}",
    UsageAudioTranscriptionsResult.object: f"seconds num_model_requests {GROUPS}",
    UsageVectorStoresResult.object: "usage_bytes project_id",
    UsageCodeInterpreterSessionsResult.object: "num_sessions project_id",
    UsageFileSearchCallsResult.object: "num_requests project_id user_id api_key_id vector_store_id",
    UsageWebSearchCallsResult.object: f"num_model_requests num_requests {GROUPS} context_level",
    CostsResult.object: "amount quantity quantity_unit line_item project_id api_key_id",
}
"""For each tag, the keys of its rows beside the tag, in the order in which they are written."""

PAGE_TAGS: Final = tuple(tag for tag in KEYS if tag != UsageDecisionsResult.object)
"""The rows pages hold. The SDK (openai-python 3.54) knows decisions in pages of their own only."""


@attrs.frozen
class Workload:
    """One NDJSON text and the type of its lines."""

    name: str
    title: str
    kind: Any
    """Our type of a line."""
    data: bytes
    rows: int
    """Rows in all lines; what is measured is given per row."""

    @property
    def head(self) -> bytes:
        """The first few hundred lines, with which a peer warms up."""
        return b"\n".join(self.data.split(b"\n", 300)[:300])


class _Values:
    """A seeded source of values for keys."""

    def __init__(self, seed: int) -> None:
        self._random = random = Random(seed)  # noqa: S311 -- test data

        def ids(prefix: str, size: int, count: int) -> list[str]:
            letters = ascii_letters + digits
            return [prefix + "".join(random.choices(letters, k=size)) for _ in range(count)]

        families = ("gpt-5", "gpt-5-mini", "gpt-4.1", "gpt-4.1-nano", "gpt-4o", "gpt-4o-mini", "o4")
        self._pools: dict[str, list[Any]] = {
            "project_id": ids("proj_", 24, 40),
            "user_id": ids("user-", 24, 200),
            "api_key_id": ids("key_", 16, 300),
            "vector_store_id": ids("vs_", 32, 30),
            "model": [f"{name}-2025-{month:02}-14" for name in families for month in (4, 8, 11)],
            "batch": [False, False, False, True],
            "service_tier": ["default", "flex", "priority"],
            "api_source": ["agents_api", "unlabeled"],
            "size": ["1024x1024", "1024x1536", "1536x1024"],
            "source": ["image.generation", "image.edit", "image.variation"],
            "context_level": ["low", "medium", "high"],
            "quantity_unit": ["tokens", "1000_tokens", "gibibyte_hours", "images"],
            "line_item": [f"{name}, {way}" for name in families for way in ("input", "output")],
        }

    def of(self, key: str) -> Any:
        random = self._random
        if key in self._pools:
            return random.choice(self._pools[key])
        if key == "amount":
            return {"value": round(random.uniform(0, 400), 6), "currency": "usd"}
        if key == "quantity":
            return round(random.uniform(0, 90_000), 3)
        if key == "usage_bytes":
            return random.randrange(2**38)
        if key.endswith("tokens"):
            return random.randrange(10 ** random.randint(3, 7))
        return random.randrange(10 ** random.randint(1, 5))

    def row(self, tag: str) -> dict[str, Any]:
        return {"object": tag} | {key: self.of(key) for key in KEYS[tag].split()}

    def page(self, number: int) -> dict[str, Any]:
        """Return a page of one kind, or of mixed kinds where `number` is odd."""
        kind = [self._random.choice(PAGE_TAGS)]
        tags = PAGE_TAGS if number % 2 else kind
        return {
            "object": "page",
            "data": [self._bucket(number * BUCKETS + day, tags) for day in range(BUCKETS)],
            "has_more": True,
            "next_page": f"page_{self._random.getrandbits(128):032x}",
        }

    def _bucket(self, day: int, tags: Iterable[str]) -> dict[str, Any]:
        start = FIRST_DAY + day * DAY
        kinds = self._random.choices(tuple(tags), k=ROWS_PER_BUCKET)
        return {
            "object": "bucket",
            "start_time": start,
            "end_time": start + DAY,
            "results": [self.row(tag) for tag in kinds],
        }


def completions(rows: int) -> Workload:
    """Return completions rows of 12 keys, which are to be read into a class of 25 fields."""
    values = _Values(SEED)
    data = _lines(values.row(UsageCompletionsResult.object) for _ in range(rows))
    return Workload("completions", "completions rows", UsageCompletionsResult, data, rows)


def mixed(rows: int) -> Workload:
    """Return rows of all 12 kinds in random order, each kind as frequent as any."""
    values = _Values(SEED)
    tags = Random(SEED).choices(tuple(KEYS), k=rows)  # noqa: S311 -- test data
    return Workload("mixed", "mixed rows", UsageResult, _lines(map(values.row, tags)), rows)


def pages(rows: int) -> Workload:
    """Return pages of a week by days, with about `rows` rows in all of them."""
    values = _Values(SEED)
    count = -(-rows // (BUCKETS * ROWS_PER_BUCKET))
    data = _lines(map(values.page, range(count)))
    return Workload("pages", "pages", UsageResponse, data, count * BUCKETS * ROWS_PER_BUCKET)


WORKLOADS: Final[Mapping[str, Callable[[int], Workload]]] = {
    "completions": completions,
    "mixed": mixed,
    "pages": pages,
}


def _lines(documents: Iterable[dict[str, Any]]) -> bytes:
    text = bytearray()
    for document in documents:
        text += orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    return bytes(text)
