"""Tables of cases in `tests/data`: one case a line."""

import json
from decimal import Decimal
from typing import Any, Final

import usagewire
from tests.support.comparing import Refused
from tests.support.samples import DATA

REVIVED: Final[dict[str, Any]] = {
    "Decimal": Decimal,
    "Refused": lambda arguments: Refused(*arguments),
    "tuple": tuple,
}


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table with `|` between its columns; lines with `#` are comments."""
    lines = (DATA / name).read_text("utf-8").splitlines()
    head, *rows = [line.split("|") for line in lines if not line.startswith("#")]
    return [
        {key.strip(): cell.strip() for key, cell in zip(head, row, strict=True)} for row in rows
    ]


def cases(name: str) -> dict[str, Any]:
    """Return the cases of a file of JSON lines, by their names.

    `{"UsageImagesResult": {...}}` stands for such a record, and likewise `Decimal`, `tuple` and
    `Refused`.
    """
    lines = (DATA / name).read_text("utf-8").splitlines()
    found = [json.loads(line, object_hook=revive) for line in lines]
    assert len(found) == len({case["name"] for case in found})
    return {case.pop("name"): case for case in found}


def revive(data: dict[str, Any]) -> Any:
    """Return the object that a JSON object of one key stands for, or the dict."""
    (key, value), *more = data.items() if data else [("", None)]
    if more or not (key in REVIVED or key in usagewire.__all__):
        return data
    return REVIVED[key](value) if key in REVIVED else getattr(usagewire, key)(**value)
