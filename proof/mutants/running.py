"""Run tests on a copy of the package that has a fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parents[2]
TIMEOUT: Final = 300
"""Seconds for one part of the tests, because a fault can make it run for ever."""
MAX_KIB: Final = 4 << 20
"""Memory for one part, because a fault can make it take all."""


def failure(part: tuple[str, ...], source: Path, pure: str = "", timeout: float = TIMEOUT) -> str:
    """Run a part on the package in `source`. Return the failure, or an empty str.

    A part is a module and its arguments. `pure` is the value of `USAGEWIRE_PURE`.
    """
    module, *arguments = part
    if module == "pytest":
        arguments = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", *arguments]
    environment = {
        **os.environ,
        "PYTHONPATH": str(source),
        "HYPOTHESIS_PROFILE": "ci",
        "USAGEWIRE_PURE": pure,
    }
    with tempfile.TemporaryFile() as output:
        code = _exit_code([sys.executable, "-m", module, *arguments], environment, output, timeout)
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines()
    if code is None:
        return f"{module}: timeout"
    if not code:
        return ""
    lines = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    failed = lines[0] if lines else f"{module}: exit code {code}"
    return failed.removeprefix("FAILED ").removeprefix("ERROR ").partition(" - ")[0]


def _exit_code(
    command: list[str], environment: Mapping[str, str], output: IO[bytes], timeout: float
) -> int | None:
    """Return the exit code of a command, or None if it is not done in time."""
    limited = ["sh", "-c", f'ulimit -v {MAX_KIB}; exec "$@"', "sh", *command]
    process = subprocess.Popen(
        limited,
        cwd=ROOT,
        env=environment,
        stdout=output,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def say(line: str) -> None:
    """Write a line at once, because the run takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
