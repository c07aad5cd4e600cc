"""Figures as Markdown: tables, medians with their ranges, and paragraphs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from textwrap import fill


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, figures: bool = True) -> str:
    """Return a table. The columns after the first have `figures`, or else text."""
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


def filled(text: str) -> str:
    """Return Markdown with paragraphs in lines of at most 100 columns and the rest unchanged."""
    blocks = (
        block
        if block.startswith(("#", "|", "-", "!"))
        else fill(block, 100, break_long_words=False, break_on_hyphens=False)
        for block in text.split("\n\n")
    )
    return "\n\n".join(blocks)
