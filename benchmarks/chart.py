"""Bars and their ranges as SVG, for light and dark pages. The same bars give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from statistics import median
from typing import Final

import attrs

WIDTH: Final = 760
LEFT: Final = 220
"""The x coordinate at which bars begin."""
ROOM: Final = 390
"""The length of the longest bar."""
ROW: Final = 22
HEAD: Final = 34

STYLE: Final = (
    ".page{fill:#fff}text{font:13px system-ui,sans-serif;fill:#1f2328}.head{font-weight:600}"
    ".bar{fill:#8c959f}.ours{fill:#1a7f37}.range{stroke:#1f2328;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.bar{fill:#6e7681}"
    ".ours{fill:#3fb950}.range{stroke:#e6edf3}}"
)


@attrs.frozen
class Bar:
    """A bar that is as long as the median of its values, and a line for their range."""

    label: str
    values: Sequence[float]
    is_ours: bool = False


@attrs.frozen
class Group:
    """Bars under one heading."""

    title: str
    bars: Sequence[Bar]


def draw(title: str, groups: Sequence[Group]) -> str:
    """Return the bars of all groups on one scale that starts at 0."""
    longest = max(max(bar.values) for group in groups for bar in group.bars)
    height = HEAD * (len(groups) + 1) + ROW * sum(len(group.bars) for group in groups)
    return "\n".join(
        (
            '<svg xmlns="http://www.w3.org/2000/svg" role="img"',
            f'  viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="page" width="{WIDTH}" height="{height}"/>',
            f'<text class="head" x="12" y="22">{escape(title)}</text>',
            *_groups(groups, ROOM / longest),
            "</svg>\n",
        )
    )


def _groups(groups: Sequence[Group], scale: float) -> Iterator[str]:
    top = HEAD
    for group in groups:
        yield f'<text class="head" x="12" y="{top + 24}">{escape(group.title)}</text>'
        top += HEAD
        for bar in group.bars:
            yield from _bar(bar, top, scale)
            top += ROW


def _bar(bar: Bar, top: int, scale: float) -> Iterator[str]:
    middle = median(bar.values)
    low, high = LEFT + min(bar.values) * scale, LEFT + max(bar.values) * scale
    line, kind = top + ROW // 2, "ours" if bar.is_ours else "bar"
    yield f'<text x="{LEFT - 8}" y="{line + 4}" text-anchor="end">{escape(bar.label)}</text>'
    yield (
        f'<rect class="{kind}" x="{LEFT}" y="{top + 3}" width="{middle * scale:.1f}"'
        f' height="{ROW - 6}"/>'
    )
    if low < high:
        yield f'<path class="range" d="M{low:.1f} {line}H{high:.1f}"/>'
    figure = f"{middle:.2f}" if middle < 10 else f"{middle:.1f}"
    yield f'<text x="{high + 8:.1f}" y="{line + 4}">{figure}</text>'
