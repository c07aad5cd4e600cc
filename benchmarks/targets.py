"""What is aimed at, what was measured, and whether it was reached."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Literal

import attrs

from benchmarks.tables import spread, table


@attrs.frozen
class Target:
    """One figure with a bound; the median of what was measured has to keep to it."""

    what: str
    relation: Literal["at least", "at most", "below"]
    bound: float
    measured: Sequence[float]
    """One value a turn; none where it was not measured."""
    aim: float | None = None
    """What we would like better."""

    @property
    def met(self) -> bool:
        """Whether the bound is kept to; what was not measured does not."""
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
    """Return a table of all `targets`, those not met included."""
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
