"""Files to read and to write."""

from io import FileIO
from pathlib import Path

import pytest

from tests.support.reading import LINES
from tests.support.writing import OLD, Disk
from usagewire.io import files, filesystem


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return the path of a file that exists already, alone in its folder."""
    file = tmp_path / "usage.ndjson"
    file.write_bytes(OLD)
    return file


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Write to a disk that can be full."""
    disk = Disk()
    monkeypatch.setattr(filesystem, "FileIO", disk.open)
    return disk


@pytest.fixture
def ndjson(tmp_path: Path) -> Path:
    """Return the path of a file of five lines."""
    file = tmp_path / "usage.ndjson"
    file.write_bytes(LINES)
    return file


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[FileIO]:
    """Return a list that every file joins when it is opened for reading."""
    opened: list[FileIO] = []
    new = files.FileIO
    monkeypatch.setattr(files, "FileIO", lambda name: opened.append(new(name)) or opened[-1])
    return opened
