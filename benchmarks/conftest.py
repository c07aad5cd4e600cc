"""The number of rounds, the amount of data and the order in which peers are timed.

All peers take turns: one round of each, and then the next round of each. If the machine's speed
drifts, it drifts for all of them. The report compares times of the same turn.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

from benchmarks.peers import PEERS
from benchmarks.workloads import WORKLOADS, Workload


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options for the size of a run."""
    parser.addoption("--rows", type=int, default=2_000, help="rows of each workload")
    parser.addoption("--turns", type=int, default=1, help="rounds of each peer")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test for every workload, turn and peer. The peer changes fastest."""
    turns = range(metafunc.config.getoption("--turns"))
    cases = [(w, turn, peer) for w in WORKLOADS for turn in turns for peer in PEERS]
    metafunc.parametrize(("workload", "turn", "peer"), cases, indirect=["workload"])


@pytest.fixture
def workload(request: pytest.FixtureRequest) -> Workload:
    """Return the workload of that name, which is made once."""
    return _made(request.param, request.config.getoption("--rows"))


@lru_cache(maxsize=1)
def _made(name: str, rows: int) -> Workload:
    return WORKLOADS[name](rows)
