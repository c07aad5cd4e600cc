"""Time tasks by turns: one round of each task, and then the next round of each.

If the machine's speed drifts, it drifts for all tasks. Ratios compare times of the same turn. Each
turn begins with a different task, so no task always follows the same one. That matters because
memory that was just freed is faster to get than other memory.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice
from time import process_time
from typing import TypeAlias, TypeVar

Key = TypeVar("Key")

Task: TypeAlias = Callable[[], Callable[[], object]]
"""Prepare, which is not timed, and return the function to time."""


def in_turns(tasks: Mapping[Key, Task], turns: int) -> dict[Key, list[float]]:
    """Return the CPU seconds of each turn, by task, after one turn that warms up."""
    taken: dict[Key, list[float]] = {key: [] for key in tasks}
    for turn in range(turns + 1):
        first = turn % len(tasks)
        for key, prepare in islice(cycle(tasks.items()), first, first + len(tasks)):
            spent = seconds(prepare())
            if turn:
                taken[key].append(spent)
    return taken


def seconds(do: Callable[[], object]) -> float:
    """Return the CPU seconds that `do` takes, without those to free its result."""
    gc.collect()
    start = process_time()
    made = do()
    spent = process_time() - start
    del made
    return spent


def ratios(these: Sequence[float], to: Sequence[float]) -> list[float]:
    """Return `these` as a multiple of `to`, for each turn."""
    return [one / other for one, other in zip(these, to, strict=True)]
