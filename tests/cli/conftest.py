"""Every test of the command line runs in an empty folder."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder and return it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
