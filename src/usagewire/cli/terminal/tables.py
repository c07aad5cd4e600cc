"""A summary as text: a table, CSV or JSON, with exact money and no control characters."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from usagewire.analysis.summary import Group, KeyValue, Summary

_AROUND: Final = 6
"""Lines of a framed table that are not groups: the titles, the total, and the lines around them."""


def shown(text: str) -> str:
    r"""Return `text` with an escape for each character that could control a terminal.

    >>> shown("a\x1b[2Jb\n\u202ec")
    'a\\x1b[2Jb\\n\\u202ec'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def money(value: Decimal, grouping: str = "") -> str:
    """Return the exact value without an exponent, with at least two decimals.

    Zeros after those are dropped.

    >>> money(Decimal("1234.5")), money(Decimal("0E-28")), money(Decimal("-1234.5670"), ",")
    ('1234.50', '0.00', '-1,234.567')
    """
    whole, _, decimals = format(value, f"{grouping}f").partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"


def as_json(sums: Summary, lines: Mapping[str, int]) -> str:
    """Return the sums, the skipped rows and the counts `lines` as one JSON object."""

    def plain(group: Group) -> dict[str, Any]:
        cost = {currency or "?": money(value) for currency, value in group.cost.items()}
        return {"rows": group.rows, "metrics": group.metrics, "cost": cost}

    result = {
        "groups": [{"key": group.key} | plain(group) for group in sums.groups],
        "total": plain(sums.total),
        "lines": lines,
        "skipped": sums.skipped,
    }
    return json.dumps(result, indent=2) + "\n"


def as_csv(sums: Summary, _: Mapping[str, int]) -> str:
    """Return the groups as CSV, without a total."""
    total = sums.total
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*sums.by, *_titles(total.metrics, total)])
    for group in sums.groups:
        keys = [_key(value, none="") for value in group.key.values()]
        writer.writerow([*keys, *_numbers(group, total.metrics, total, grouping="")])
    return text.getvalue()


def as_table(sums: Summary, _: Mapping[str, int]) -> str:
    """Return the groups and their total as a table for standard output."""
    console = Console()
    table = _table(sums, sums.groups, framed=console.is_terminal)
    # rich cuts text that does not fit, so the table is at least as wide as its longest words.
    least, most = Measurement.get(console, console.options.update(width=10**6), table)
    console.width = max(least, console.width) if console.is_terminal else most
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def live_table(sums: Summary, height: int) -> tuple[Table, int]:
    """Return a table of at most `height` lines, and the number of groups that it leaves out."""
    groups = sums.groups
    most = max(1, height - _AROUND)
    table = _table(sums, groups[:most], framed=True)
    for column in table.columns:
        column.no_wrap = True
    return table, max(0, len(groups) - most)


FORMATS: Final = {"table": as_table, "json": as_json, "csv": as_csv}


def _table(sums: Summary, groups: Sequence[Group], *, framed: bool) -> Table:
    total = sums.total
    metrics = {name: 0 for name in total.metrics if any(g.metrics.get(name) for g in groups)}
    table = Table(box=box.SIMPLE_HEAD if framed else None, pad_edge=False)
    for name in sums.by:
        table.add_column(name)
    for name in _titles(metrics, total):
        table.add_column(Text(name), justify="right", no_wrap=True)
    for group in groups:
        keys = [_key(value, none="(none)") for value in group.key.values()]
        table.add_row(*map(Text, [*keys, *_numbers(group, metrics, total, grouping=",")]))
    if sums.by:
        table.add_section()
        keys = ["total", *[""] * (len(sums.by) - 1)]
        table.add_row(*map(Text, [*keys, *_numbers(total, metrics, total, grouping=",")]))
    return table


def _titles(metrics: Mapping[str, int], total: Group) -> list[str]:
    return ["rows", *metrics, *(f"cost_{shown(currency or '?')}" for currency in total.cost)]


def _numbers(group: Group, metrics: Mapping[str, int], total: Group, *, grouping: str) -> list[str]:
    """Return the cells under `_titles`, empty for a metric or currency that the group lacks."""
    return [
        f"{group.rows:{grouping}}",
        *(f"{group.metrics[name]:{grouping}}" if name in group.metrics else "" for name in metrics),
        *(money(group.cost[c], grouping) if c in group.cost else "" for c in total.cost),
    ]


def _key(value: KeyValue, *, none: str) -> str:
    if value is None:
        return none
    return str(value).lower() if isinstance(value, bool) else shown(value)
