"""Figures as Markdown: tables, and several values as their median and range."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, figures: bool = True) -> str:
    """Return a table; unless it has `figures`, the columns after the first are text too."""
    lines = [head, ["---", *["---:" if figures else "---"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Sequence[float]) -> str:
    """Return the median of `values` and their range."""
    if not values:
        return "not supported"
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def number(value: float | None) -> str:
    """Return `value` rounded to an integer."""
    return "not supported" if value is None else f"{value:,.0f}"
