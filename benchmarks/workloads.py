"""The data of the benchmarks: seeded NDJSON in the shape of the API's responses.

Ids and models repeat as they do in an organization's usage; counts and amounts vary. Workloads that
are encoded have no nulls, so every peer has the same keys to write. Amounts of money are JSON
numbers whose shortest text is exact, because not every peer keeps a string exact.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from random import Random
from string import ascii_letters, digits
from typing import Any, Final

import attrs
import orjson

from benchmarks.peers import Peer
from benchmarks.shapes import EXTRA
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
ROWS_PER_PAGE: Final = BUCKETS * ROWS_PER_BUCKET
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
"""The keys of a row after its tag, in order, by tag."""

PAGE_TAGS: Final = tuple(tag for tag in KEYS if tag != UsageDecisionsResult.object)
"""The rows in pages. The SDK (openai-python 3.54) has decisions only in separate pages."""


@attrs.frozen
class Workload:
    """An NDJSON text and the type of its lines."""

    name: str
    title: str
    kind: Any
    """Our type of a line."""
    data: bytes
    rows: int
    """The number of rows in all lines. Figures are given for each row."""
    documents: tuple[bytes, ...] = ()
    """The documents, if they have more than one line. Each is then decoded alone."""
    unknown: frozenset[str] = frozenset()
    """The keys that our classes do not have."""

    @property
    def head(self) -> bytes:
        """The first few hundred lines, which warm a peer up."""
        return b"\n".join(self.data.split(b"\n", 300)[:300])

    def decoding(self, peer: Peer) -> Callable[[], list[Any]]:
        """Return a function that decodes everything into a list of records of `peer`.

        Raises:
            NotSupported: `peer` cannot read the type at all.
        """
        if not self.documents:
            return partial(peer.decoder(self.kind), self.data)
        decode = peer.document(self.kind)
        return lambda: [decode(document) for document in self.documents]


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

    def some(self, of: list[str], count: int) -> list[str]:
        return self._random.sample(of, count)

    def letters(self, count: int) -> str:
        return "".join(self._random.choices(ascii_letters + digits, k=count))

    def row(self, tag: str) -> dict[str, Any]:
        return {"object": tag} | {key: self.of(key) for key in KEYS[tag].split()}

    def page(self, number: int) -> dict[str, Any]:
        """Return a page with one kind of rows, or with mixed kinds if `number` is not even."""
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
    """Return completions rows of 12 keys, to be decoded into a class of 25 fields."""
    return _completions("completions", "completions rows", map(orjson.dumps, _rows(rows)))


def mixed(rows: int) -> Workload:
    """Return rows of all 12 kinds in random order and in equal shares."""
    values = _Values(SEED)
    tags = Random(SEED).choices(tuple(KEYS), k=rows)  # noqa: S311 -- test data
    data = _lines(map(orjson.dumps, map(values.row, tags)))
    return Workload("mixed", "mixed rows", UsageResult, data, rows)


def pages(rows: int) -> Workload:
    """Return pages of a week in days, with about `rows` rows in total."""
    made = _pages(rows)
    data = _lines(map(orjson.dumps, made))
    return Workload("pages", "pages", UsageResponse, data, len(made) * ROWS_PER_PAGE)


WORKLOADS: Final[Mapping[str, Callable[[int], Workload]]] = {
    "completions": completions,
    "mixed": mixed,
    "pages": pages,
}


def all_fields(rows: int) -> Workload:
    """Return rows with every key of the class. Half of the optional ones are null."""
    values = _Values(SEED + 1)
    fields = [a for a in attrs.fields(UsageCompletionsResult) if a.name != EXTRA]
    optional = [a.name for a in fields if a.default is not attrs.NOTHING]

    def changed(row: dict[str, Any]) -> dict[str, Any]:
        nulls = set(values.some(optional, len(optional) // 2))
        more = {a.name: values.of(a.name) for a in fields if a.name not in row}
        row |= more
        return {key: None if key in nulls else value for key, value in row.items()}

    texts = map(orjson.dumps, map(changed, _rows(rows)))
    return _completions("all_fields", "all 25 keys, half of the optional ones null", texts)


def sorted_keys(rows: int) -> Workload:
    """Return rows whose keys are in sorted order, with the tag in the middle."""
    texts = (orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in _rows(rows))
    return _completions("sorted_keys", "keys in sorted order", texts)


def unknown_keys(rows: int) -> Workload:
    """Return rows with three keys that the class does not have."""
    values = _Values(SEED + 1)
    new = {"new_region": "size", "new_count": "images", "new_details": "quantity_unit"}

    def changed(row: dict[str, Any]) -> dict[str, Any]:
        text, count, unit = map(values.of, new.values())
        more = dict(zip(new, (text, count, {"unit": unit, "count": count}), strict=True))
        items = list(row.items())
        # One near the front, one in the middle, one at the end.
        for place, item in zip((1, 6, len(items) + 2), more.items(), strict=True):
            items.insert(place, item)
        return dict(items)

    texts = map(orjson.dumps, map(changed, _rows(rows)))
    title = "three unknown keys: a string, a number, an object"
    return attrs.evolve(_completions("unknown_keys", title, texts), unknown=frozenset(new))


def escapes(rows: int) -> Workload:
    r"""Return rows with a non-ASCII string, one with \" \\ and \n, and one with \u escapes."""

    def text(row: dict[str, Any]) -> bytes:
        row["project_id"] = f"Büro 東京 \U0001f600 {row['project_id'][-8:]}"
        row["user_id"] = f'{row["user_id"][:16]} "\\me\\"\n'
        row["api_key_id"] = key = f"clé {row['api_key_id'][-12:]} 鍵 \U0001f511"
        return orjson.dumps(row).replace(orjson.dumps(key), json.dumps(key).encode())

    return _completions("escapes", "non-ASCII and escaped strings", map(text, _rows(rows)))


def unique_strings(rows: int) -> Workload:
    """Return rows in which no string except the tag repeats, with strings of the same lengths."""
    values = _Values(SEED + 1)

    def changed(row: dict[str, Any]) -> dict[str, Any]:
        return row | {
            key: row[key][:4] + values.letters(len(row[key]) - 4) for key in GROUPS.split()
        }

    texts = map(orjson.dumps, map(changed, _rows(rows)))
    return _completions("unique_strings", "strings that never repeat", texts)


def pretty_pages(rows: int) -> Workload:
    """Return pages, each printed on many lines with an indent of two."""
    made = _pages(rows)
    texts = tuple(orjson.dumps(page, option=orjson.OPT_INDENT_2) for page in made)
    count = len(made) * ROWS_PER_PAGE
    title = "pages, pretty-printed"
    return Workload("pretty_pages", title, UsageResponse, _lines(texts), count, texts)


VARIANTS: Final[Mapping[str, Callable[[int], Workload]]] = {
    "completions": completions,
    "all_fields": all_fields,
    "sorted_keys": sorted_keys,
    "unknown_keys": unknown_keys,
    "escapes": escapes,
    "unique_strings": unique_strings,
    "pretty_pages": pretty_pages,
}
"""The usual completions rows, the same rows with one thing changed, and pretty-printed pages."""


def _rows(rows: int) -> Iterator[dict[str, Any]]:
    values = _Values(SEED)
    return (values.row(UsageCompletionsResult.object) for _ in range(rows))


def _completions(name: str, title: str, texts: Iterable[bytes]) -> Workload:
    data = _lines(texts)
    return Workload(name, title, UsageCompletionsResult, data, data.count(b"\n"))


def _pages(rows: int) -> list[dict[str, Any]]:
    values = _Values(SEED)
    return [values.page(number) for number in range(-(-rows // ROWS_PER_PAGE))]


def _lines(texts: Iterable[bytes]) -> bytes:
    return b"".join(text + b"\n" for text in texts)
