"""The time of an import: that of a whole process, less that of a bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from statistics import median
from time import perf_counter
from typing import Final

STATEMENTS: Final[Mapping[str, str]] = {
    "usagewire": "import usagewire",
    "usagewire, the models": "from usagewire import UsageResponse",
    "usagewire, all of it": "from usagewire import *",
    "orjson": "import orjson",
    "cattrs + orjson": "import cattrs.preconf.orjson",
    "msgspec": "import msgspec",
    "pydantic": "from pydantic import BaseModel, TypeAdapter",
    "mashumaro + orjson": "import mashumaro.mixins.orjson, mashumaro.codecs.orjson",
    "openai SDK": "import openai",
    "openai SDK, usage types": "import openai.types.admin.organization",
}
"""The import that a user of each library needs."""


def seconds(times: int = 9) -> dict[str, float]:
    """Return the median over `times` processes for each library. Libraries take turns."""
    taken: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for turn in range(times + 1):
        bare = _run("pass")
        for name, statement in STATEMENTS.items():
            spent = _run(statement) - bare
            if turn:  # the first turn fills the caches of the file system
                taken[name].append(spent)
    return {name: median(spent) for name, spent in taken.items()}


def _run(statement: str) -> float:
    # Installed packages have their bytecode on disk.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=env)  # noqa: S603 -- our own command
    return perf_counter() - start
