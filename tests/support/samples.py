"""Data to decode: the samples, and functions that make rows."""

import json
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parents[1] / "data"
SAMPLES: Final = json.loads((DATA / "samples.json").read_text("utf-8"))
PAGES: Final = {name: page["payload"] for name, page in SAMPLES["pages"].items()}
QUIRKS: Final = {quirk["name"]: quirk["payload"] for quirk in SAMPLES["quirks"]}

COMPLETIONS: Final = "organization.usage.completions.result"
VECTORS: Final = "organization.usage.vector_stores.result"
COSTS: Final = "organization.costs.result"


NOT_HELD: Final = "<not held>"
"""A value that `text_not_held` writes as a number that no `Decimal` holds."""


def text(value: Any) -> bytes:
    """Return `value` as JSON, with each `Decimal` as a string."""
    return json.dumps(value, ensure_ascii=False, default=str).encode()


def text_not_held(value: Any) -> bytes:
    """Return `value` as JSON, with a number that no `Decimal` holds for `NOT_HELD`."""
    return text(value).replace(b'"<not held>"', b"1e-9999999999999999999")


def row(tag: str = VECTORS, **fields: Any) -> dict[str, Any]:
    """Return a row with a tag, its required fields and the given fields, as JSON data."""
    required: dict[str, dict[str, Any]] = {
        COMPLETIONS: {"input_tokens": 3, "output_tokens": 2, "num_model_requests": 1},
        VECTORS: {"usage_bytes": 5},
    }
    return {"object": tag, **required.get(tag, {}), **fields}


def bucket(**fields: Any) -> dict[str, Any]:
    """Return a bucket as JSON data."""
    return {"object": "bucket", "start_time": 1, "end_time": 2, **fields}


def line(number: int) -> bytes:
    """Return a good line, which can be recognised by its number."""
    return text(row(usage_bytes=number)) + b"\n"


def numbers(records: list[Any]) -> list[int]:
    """Return the numbers of good lines."""
    return [record.usage_bytes for record in records]


MISTAGGED: Final = {
    "object": COSTS,
    "amount": None,
    "line_item": None,
    "images": 2,
    "num_model_requests": 1,
    "characters": 0,
    "project_id": "p",
}
"""A row of images with the tag of costs."""

BOM: Final = b"\xef\xbb\xbf"


def mixed(limit: int) -> bytes:
    """Return twenty lines: 8 records, 3 blank, and 9 rejected, two of which are over `limit`.

    With `strict=False`, one more line is a record.
    """
    lines = [
        *(text(row(usage_bytes=number)) for number in range(3)),
        b"\r",
        *(b"what?", text(row(usage_bytes="x")), text(row(usage_bytes="3")), b"\xff\xfe", b""),
        *(b"x" * (limit + 1), text(row(usage_bytes=4)), BOM + text(row()), b"[]", b'{"object":'),
        *(text(row(project_id="é€😀")), text({"object": "later"}) + b"\r", b" \t"),
        *(b"x" * (limit + 9) + b"\r", text(row(usage_bytes=5)), text(row(usage_bytes=6))),
    ]
    return BOM + b"\n".join(lines)
