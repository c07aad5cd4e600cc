"""Make a usage log like that of an organization, with the quirks of real logs.

    python examples/generate.py --seed 1 --days 14 --out examples/usage.ndjson
    python examples/generate.py --seed 1 --days 14 --page examples/costs_page.json

The same seed gives the same bytes. Model names are like those of the API; every id, count and price
is invented. `usage.ndjson` has, for each day from 2026-08-01:

- pages, buckets, and lines with one row, which has `start_time` and `end_time`;
- all twelve kinds of row, and sometimes a kind that this library does not know;
- completions with every part of their token totals. The parts add up: input = uncached + cached +
  cache writes, uncached = text + audio + image, and so on. Some rows are not grouped;
- costs as numbers, as strings with 28 decimals, as "0E-6176" and as null. Some are negative
  credits, few have a currency in upper case, and all have fields that no specification has;
- older spellings: the bucket key `result`, the count `sessions`, and keys in camelCase and
  PascalCase, as in generated clients;
- days without usage, a blank line, and one line for each entry of `BAD_LINES`, which a strict
  reader must reject.

`costs_page.json` is one answer of the costs endpoint, printed over several lines.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import usagewire as uw

Json = dict[str, Any]

DAY: Final = 86_400
FIRST_DAY: Final = 1_785_542_400  # 2026-08-01T00:00:00Z

PROJECTS: Final = ("proj_exampleA", "proj_exampleB", "proj_exampleC")
USERS: Final = ("user-exampleA", "user-exampleB", None)
KEYS: Final = ("key_exampleA", "key_exampleB", "key_exampleC", None)
TIERS: Final = ("default", "default", "priority", "flex", None)

# Dollars per million tokens: input, cached input, cache writes, output.
PRICES: Final = {
    "gpt-4o-2024-08-06": ("2.50", "1.25", "3.125", "10"),
    "gpt-4o-mini-2024-07-18": ("0.15", "0.075", "0.1875", "0.6"),
    "gpt-5.4-mini-2026-03-17": ("0.25", "0.025", "0.3125", "2"),
    "gpt-realtime-2.1-mini-2026-08-28": ("0.6", "0.06", "0.75", "2.4"),
}
COST_KINDS: Final = ("input", "cached input", "cache writes", "output")

BAD_LINES: Final = {
    "syntax": '{"object": "bucket", "start_time": 1785542400, "end_time": 1785628800, "resul',
    "wrong_type": '{"object": "organization.usage.embeddings.result", "input_tokens": "4096",'
    ' "num_model_requests": 8, "project_id": "proj_exampleB"}',
    "bad_decimal": '{"object": "organization.costs.result", "amount": {"value": "NaN",'
    ' "currency": "usd"}, "line_item": "web search tool calls"}',
    "api_error": '{"error": {"message": "Invalid limit provided: 366.", "type":'
    ' "invalid_request_error", "param": null, "code": null}}',
    "missing_field": '{"object": "organization.usage.completions.result", "input_tokens": 100,'
    ' "num_model_requests": 1, "model": "gpt-4o-2024-08-06"}',
    "out_of_range": '{"object": "organization.usage.vector_stores.result",'
    ' "usage_bytes": 9223372036854775808, "project_id": null}',
}
"""A bad line for each of these codes of `usagewire.CODES`."""


class Log:
    """A generator of lines from one random number generator."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 -- made-up data, the same every time

    def day(self, start: int) -> Iterator[str]:
        """Yield the lines of the day that starts at Unix second `start`."""
        tokens = [self.completions() for _ in range(self.random.randint(4, 7))]
        yield as_line(page(bucket(start, tokens)))
        yield self.older(start, bucket(start, [self.completions(2024) for _ in range(3)]))
        yield as_line(bucket(start, [self.audio_completions(), self.decisions()]))
        for row in [*self.model_rows(), *self.tool_rows()]:
            yield as_line(row | {"start_time": start, "end_time": start + DAY})
        yield self.sessions(start)
        costs = bucket(start, self.costs(start, tokens))
        costs |= {"start_time_iso": iso(start), "end_time_iso": iso(start + DAY)}
        yield as_line(self.random.choice([costs, page(costs)]))
        if start // DAY % 6 == 0:
            yield as_line(bucket(start, [self.unknown()]))
        if start // DAY % 7 == 0:
            yield as_line(page(bucket(start, [])))

    def group(self, *keys: str) -> Json:
        """Return values for these group keys. In a row that is not grouped, all are null."""
        values: Json = {
            "project_id": self.random.choice(PROJECTS),
            "user_id": self.random.choice(USERS),
            "api_key_id": self.random.choice(KEYS),
        }
        grouped = self.random.randint(0, 9) > 0
        return {key: values[key] if grouped else None for key in keys}

    def completions(self, since: int = 2026) -> Json:
        """Return a completions row with the token fields that the API had in the year `since`."""
        n = self.random.randint
        text, cached, writes = n(1_000, 900_000), n(0, 400_000), n(0, 50_000)
        writes_30m = n(0, writes)
        image = n(0, 20_000) if n(0, 3) == 0 else 0
        output = n(500, 250_000)
        row: Json = {
            "object": "organization.usage.completions.result",
            "input_tokens": text + image + cached + writes,
            "output_tokens": output,
            "num_model_requests": n(1, 900),
            "input_cached_tokens": cached,
        }
        if since >= 2026:  # noqa: PLR2004 -- a year
            row |= {
                "input_uncached_tokens": text + image,
                "input_cache_write_tokens": writes,
                "input_cache_write_30m_tokens": writes_30m,
                "input_cache_write_12h_tokens": writes - writes_30m,
                "input_text_tokens": text,
                "input_image_tokens": image,
                "input_audio_tokens": 0,
                "input_cached_text_tokens": cached,
                "input_cached_image_tokens": 0,
                "input_cached_audio_tokens": 0,
                "output_text_tokens": output,
                "output_image_tokens": 0,
                "output_audio_tokens": 0,
                "service_tier": self.random.choice(TIERS),
            }
        models = [model for model in PRICES if "realtime" not in model]
        return (
            row
            | self.group("project_id", "user_id", "api_key_id")
            | {
                "model": self.random.choice(models),
                "batch": self.random.choice((False, True, None)),
            }
        )

    def audio_completions(self) -> Json:
        """Return a completions row with audio tokens in every total."""
        n = self.random.randint
        text, audio, cached_text, cached_audio = (n(0, 40_000) for _ in range(4))
        output_text, output_audio = n(0, 9_000), n(0, 30_000)
        return {
            "object": "organization.usage.completions.result",
            "input_tokens": text + audio + cached_text + cached_audio,
            "input_uncached_tokens": text + audio,
            "input_text_tokens": text,
            "input_audio_tokens": audio,
            "input_cached_tokens": cached_text + cached_audio,
            "input_cached_text_tokens": cached_text,
            "input_cached_audio_tokens": cached_audio,
            "input_cache_write_tokens": 0,
            "output_tokens": output_text + output_audio,
            "output_text_tokens": output_text,
            "output_audio_tokens": output_audio,
            "num_model_requests": n(1, 60),
            **self.group("project_id", "user_id", "api_key_id"),
            "model": "gpt-realtime-2.1-mini-2026-08-28",
            "batch": False,
            "service_tier": None,
            "api_source": self.random.choice(("agents_api", "unlabeled", None)),
        }

    def decisions(self) -> Json:
        """Return a decisions row."""
        n = self.random.randint
        return {
            "object": "organization.usage.decisions.result",
            "input_tokens": n(100, 9_000),
            "output_tokens": n(10, 400),
            "num_model_requests": n(1, 40),
            **self.group("project_id", "user_id", "api_key_id"),
            "model": "example-decider",
            "batch": None,
            "service_tier": None,
            "api_source": None,
        }

    def model_rows(self) -> Iterator[Json]:
        """Yield rows of the other kinds that have a model."""
        n, choice = self.random.randint, self.random.choice
        for kind, model, fields in (
            ("embeddings", "text-embedding-3-small", {"input_tokens": n(100, 2_000_000)}),
            ("embeddings", "text-embedding-3-large", {"input_tokens": n(100, 90_000)}),
            ("moderations", "omni-moderation-latest", {"input_tokens": n(100, 50_000)}),
            ("audio_speeches", choice(("tts-1", None)), {"characters": n(50, 20_000)}),
            ("audio_transcriptions", "whisper-1", {"seconds": n(5, 9_000)}),
            ("images", choice(("gpt-image-1", "dall-e-3")), {
                "images": n(1, 40),
                "source": choice(("image.generation", "image.edit", None)),
                "size": choice(("1024x1024", "1536x1024", None)),
            }),
        ):  # fmt: skip
            yield {
                "object": f"organization.usage.{kind}.result",
                **fields,
                "num_model_requests": n(1, 300),
                **self.group("project_id", "user_id", "api_key_id"),
                "model": model,
            }

    def tool_rows(self) -> Iterator[Json]:
        """Yield rows of file search, web search and vector stores."""
        n, choice = self.random.randint, self.random.choice
        yield {
            "object": "organization.usage.file_searches.result",
            "num_requests": n(1, 200),
            **self.group("project_id", "user_id", "api_key_id"),
            "vector_store_id": choice(("vs_exampleA", "vs_exampleB", None)),
        }
        yield {
            "object": "organization.usage.web_searches.result",
            "num_model_requests": n(1, 50),
            "num_requests": n(1, 120),
            **self.group("project_id", "user_id", "api_key_id"),
            "model": "gpt-4o-2024-08-06",
            "context_level": choice(("low", "medium", "high", None)),
        }
        yield {
            "object": "organization.usage.vector_stores.result",
            "usage_bytes": n(2**30, 2**43),
            **self.group("project_id"),
        }

    def sessions(self, start: int) -> str:
        """Return a bucket of code interpreter sessions, with the key of today or of 2024."""
        row = {
            "object": "organization.usage.code_interpreter_sessions.result",
            self.random.choice(("num_sessions", "sessions")): self.random.randint(1, 30),
            **self.group("project_id"),
        }
        return as_line(bucket(start, [row]))

    def older(self, start: int, whole: Json) -> str:
        """Return a bucket in the dialects by turns: the API of today, of 2024, and two clients."""
        dialect = uw.DIALECTS[start // DAY % len(uw.DIALECTS)]
        return uw.dumps(uw.loads(json.dumps(whole)), dialect=dialect).decode()

    def costs(self, start: int, tokens: list[Json]) -> list[Json]:
        """Return costs rows for the tokens by line item, and for other items."""
        sums: dict[tuple[str, str], int] = {}
        for row in tokens:
            prefix = "priority | " if row["service_tier"] == "priority" else ""
            parts = (
                row["input_uncached_tokens"],
                row["input_cached_tokens"],
                row["input_cache_write_tokens"],
                row["output_tokens"],
            )
            for kind, count in zip(COST_KINDS, parts, strict=True):
                key = row["model"], f"{prefix}{row['model']}, {kind}"
                sums[key] = sums.get(key, 0) + count
        rows = []
        for (model, item), count in sums.items():
            price = PRICES[model][COST_KINDS.index(item.rpartition(", ")[2])]
            rows.append(self.cost(item, Decimal(price) * count / 1_000_000, count, "tokens"))
        model = self.random.choice(list(PRICES))
        calls = self.random.randint(1, 90)
        rows += [
            self.cost(f"{model}, output, long context", Decimal("0.0375") * calls, calls, "tokens"),
            self.cost("web search tool calls", Decimal(calls) / 100, calls, None),
            self.cost("file search tool calls", Decimal(calls) / 400, calls, None),
        ]
        day = start // DAY
        if day % 3 == 0:
            rows.append(self.cost("free daily tokens, input", Decimal(0), 22_091, "tokens"))
            rows[-1]["amount"]["value"] = "0E-6176"
        if self.random.randint(0, 3) == 0:
            rows.append(
                self.cost("credit", -Decimal(self.random.randint(1, 900)) / 100, None, None)
            )
        if day % 5 == 0:
            rows.append(self.cost("Image models", Decimal(1), None, None) | {"amount": None})
        return rows

    def cost(self, item: str, value: Decimal, quantity: int | None, unit: str | None) -> Json:
        """Return a costs row. Its amount is a number or a string with 28 decimals."""
        number: float | str = float(value) if self.random.randint(0, 1) else f"{value:.28f}"
        return {
            "object": "organization.costs.result",
            "amount": {
                "value": number,
                "currency": "USD" if self.random.randint(0, 19) == 0 else "usd",
            },
            "line_item": item if self.random.randint(0, 29) else None,
            **self.group("project_id"),
            "api_key_id": None,
            "quantity": quantity,
            "quantity_unit": unit,
            "organization_id": "org-exampleA",
            "organization_name": "Example Organization",
            "project_name": None,
            "user_email": None,
        }

    def unknown(self) -> Json:
        """Return a row of a kind that the API does not have yet."""
        return {
            "object": "organization.usage.videos.result",
            "video_seconds": self.random.randint(5, 600),
            "num_model_requests": self.random.randint(1, 9),
            **self.group("project_id"),
        }


def bucket(start: int, rows: list[Json]) -> Json:
    """Return the bucket of a day."""
    return {"object": "bucket", "start_time": start, "end_time": start + DAY, "results": rows}


def page(*buckets: Json) -> Json:
    """Return the only page of an answer."""
    return {"object": "page", "data": list(buckets), "has_more": False, "next_page": None}


def iso(time: int) -> str:
    """Return a time in the format of the undocumented field `start_time_iso`."""
    return datetime.fromtimestamp(time, UTC).isoformat()


def as_line(value: Json) -> str:
    """Return a value as one line of JSON."""
    return json.dumps(value, separators=(",", ":"))


def usage(seed: int, days: int) -> str:
    """Return the text of `usage.ndjson`."""
    log = Log(seed)
    lines = [line for day in range(days) for line in log.day(FIRST_DAY + day * DAY)]
    for line in [*BAD_LINES.values(), ""]:
        lines.insert(log.random.randint(1, len(lines)), line)
    return "\n".join(lines) + "\n"


def costs_page(seed: int, days: int) -> str:
    """Return the text of `costs_page.json`: costs of three days after the log."""
    log = Log(seed)
    starts = [FIRST_DAY + day * DAY for day in range(days, days + 3)]
    whole = page(*(bucket(start, log.costs(start, [log.completions()])) for start in starts))
    whole["data"].append(bucket(starts[-1] + DAY, []))
    return json.dumps(whole, indent=2) + "\n"


def main() -> None:
    """Write the requested files."""
    parser = argparse.ArgumentParser(description="Make a usage log, the same for the same seed.")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same bytes")
    parser.add_argument("--days", type=int, default=14, help="days in the log")
    parser.add_argument("--out", type=Path, help="where to write the log (NDJSON)")
    parser.add_argument("--page", type=Path, help="where to write a page of costs (JSON)")
    options = parser.parse_args()
    for path, text in ((options.out, usage), (options.page, costs_page)):
        if path is not None:
            path.write_bytes(text(options.seed, options.days).encode())


if __name__ == "__main__":
    main()
