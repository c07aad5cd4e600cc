"""A log to follow, without a wait between two looks."""

from pathlib import Path

import pytest

from tests.support.logs import Log
from usagewire.streaming.follow.tail import FollowedLog


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """Return a log that does not exist yet."""
    return Log(tmp_path)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Do not wait between two looks."""
    if "_waits" not in request.fixturenames:
        monkeypatch.setattr(FollowedLog, "pause", lambda _: None)


@pytest.fixture
def _waits() -> None:
    """Wait for the interval."""
