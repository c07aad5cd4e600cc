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
    """Return the rows of a table with `|` between the columns. Lines with `#` are comments."""
    lines = (DATA / name).read_text("utf-8").splitlines()
    head, *rows = [line.split("|") for line in lines if not line.startswith("#")]
    return [
        {key.strip(): cell.strip() for key, cell in zip(head, row, strict=True)} for row in rows
    ]


def unescaped(cell: str) -> bytes:
    r"""Return the bytes of a cell with escapes, such as `\n` and `\xff`."""
    return cell.encode("ascii").decode("unicode_escape").encode("latin-1")


def texts(name: str) -> dict[str, bytes]:
    """Return the texts of a table by their names."""
    return {row["name"]: unescaped(row["text"]) for row in table(name)}


def cases(name: str) -> dict[str, Any]:
    """Return the cases of a file of JSON lines, by their names.

    `{"UsageImagesResult": {...}}` becomes such a record. `Decimal`, `tuple` and `Refused` can be
    written in the same way.
    """
    lines = (DATA / name).read_text("utf-8").splitlines()
    found = [json.loads(line, object_hook=revive) for line in lines]
    assert len(found) == len({case["name"] for case in found})
    return {case.pop("name"): case for case in found}


def revive(data: dict[str, Any]) -> Any:
    """Return the object that a JSON object with one key describes, or else the dict."""
    (key, value), *more = data.items() if data else [("", None)]
    if more or not (key in REVIVED or key in usagewire.__all__):
        return data
    return REVIVED[key](value) if key in REVIVED else getattr(usagewire, key)(**value)
