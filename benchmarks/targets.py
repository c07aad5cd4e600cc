"""Targets, the measured values, and whether they are met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Literal

import attrs

from benchmarks.tables import spread, table


@attrs.frozen
class Target:
    """A figure with a bound, which the median of the measured values must keep to."""

    what: str
    relation: Literal["at least", "at most", "below"]
    bound: float
    measured: Sequence[float]
    """One value a turn, or none if it was not measured."""
    aim: float | None = None
    """A better value that is not required."""

    @property
    def met(self) -> bool:
        """Whether the median keeps to the bound. A target that was not measured is not met."""
        if not self.measured:
            return False
        found = median(self.measured)
        match self.relation:
            case "at least":
                return found >= self.bound
            case "at most":
                return found <= self.bound
        return found < self.bound


def targets_table(targets: Iterable[Target]) -> str:
    """Return a table of all `targets`, including those not met."""
    return table(
        ("", "target", "measured", "met"),
        (
            (
                t.what,
                f"{t.relation} {t.bound:.2f}" + (f" (aim {t.aim:.2f})" if t.aim else ""),
                spread(t.measured) if t.measured else "not measured",
                "yes" if t.met else "**no**",
            )
            for t in targets
        ),
    )
