"""Pickles and checkpoints of an earlier version can be read."""

import base64
import json
import pickle
from pathlib import Path
from typing import Any, Final

import pytest

from usagewire import UsageVectorStoresResult, read

BEFORE: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "version_0_1_0_dev0.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", BEFORE["pickles"])
def test_pickles_from_before_the_modules_moved(name: str) -> None:
    """A pickle names the old module of a class, which still has that class."""
    pickled = BEFORE["pickles"][name]
    assert pickled["repr"] == repr(pickle.loads(base64.b64decode(pickled["pickle"])))


def test_checkpoint_from_before_the_modules_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading continues where an earlier version stopped."""
    monkeypatch.chdir(tmp_path)
    Path("usage.ndjson").write_text(BEFORE["text"], encoding="utf-8")
    with read("usage.ndjson", UsageVectorStoresResult, resume=BEFORE["checkpoint"]) as records:
        assert [2, 3] == [record.usage_bytes for record in records]
