"""Plant each fault of `faults.txt` in a copy of the C text, and run the quick tests.

A fault survives if no test fails. Then a test is missing, or the changed line is not needed. The run
fails if the tests find less than 95 % of the faults, or if a fault does not fit the text any more.

    python -m proof.mutants [--jobs 2] [part of a file name or of a fault ...]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
FAULTS: Final = Path(__file__).with_name("faults.txt")
"""A line for each fault, by C file: `old → new  ## its effect`. The file has the old text once; ⏎ is LF.
Each fault changes more than speed, and tests can find it without a sanitizer."""
LEAST_KILLED: Final = 0.95
TIMEOUT: Final = 120
"""Seconds for one part, because a fault can make it run for ever."""
PARTS: Final = (
    ("pytest", "tests/native"),
    (
        "pytest",
        "-k",
        "[c",
        *(f"tests/codec/test_{name}.py" for name in ("decoder", "line_decoder", "samples")),
        *(f"tests/converters/test_{name}.py" for name in ("classes", "scalars", "unions")),
    ),
    ("proof.fuzz", "--lines", "20000", "--seed", "1"),
)
"""Modules and arguments, which run until one fails."""


class Mutation(NamedTuple):
    """A fault: `new` instead of `old` in a file of `src/usagewire/native/csrc`."""

    file: str
    why: str
    old: str
    new: str


def mutations() -> list[Mutation]:
    """Return the faults of `faults.txt`."""
    found, file = [], ""
    for line in FAULTS.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            file = line[1:-1]
        else:
            change, _, why = line.rpartition("  ## ")
            old, _, new = change.replace("⏎", "\n").partition(" →")
            found.append(Mutation(file, why, old, new[1:]))
    return found


class Killed(NamedTuple):
    """The failure that a fault causes."""

    by: str
    """The test or module that failed; empty if none did."""
    seconds: float


class UnfitError(Exception):
    """The reason why a fault cannot be planted."""


def planted(text: str, mutation: Mutation) -> str:
    """Return the text with the fault.

    Raises:
        UnfitError: if the text does not have the place of the fault exactly once.
    """
    found = text.count(mutation.old)
    if found != 1:
        raise UnfitError(f"{mutation.file} has its text {found} times")
    return text.replace(mutation.old, mutation.new)


def built(folder: Path, mutation: Mutation | None) -> Path:
    """Build a copy of the package with the fault in `folder`, and return its source folder.

    Raises:
        UnfitError: if the fault cannot be planted or compiled.
    """
    source = folder / "src"
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", source, ignore=ignored)
    native = source / "usagewire" / "native"
    if mutation is not None:
        file = native / "csrc" / mutation.file
        file.write_text(planted(file.read_text(), mutation))
    target = native / f"extension{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = f"-I{sysconfig.get_path('include')}", f"-I{native / 'csrc'}"
    command = [os.environ.get("CC", "gcc"), "-std=c11", "-O1", "-w", "-fPIC", "-shared", *include]
    command += ["-o", str(target), str(native / "csrc" / "module.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnfitError(f"it cannot be compiled: {done.stderr.strip().splitlines()[0]}")
    return source


def killed(mutation: Mutation | None) -> Killed:
    """Return the failure with a fault, or without any."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        source = built(Path(name), mutation)
        for part in PARTS:
            by = failure(part, source)
            if by:
                break
    return Killed(by, time.monotonic() - started)


def failure(part: tuple[str, ...], source: Path) -> str:
    """Run a part on the package in `source`. Return the failure, or an empty str."""
    module, *arguments = part
    if module == "pytest":
        arguments = ["-x", "-q", "-p", "no:cacheprovider", "--no-header", *arguments]
    environment = {
        **os.environ,
        "PYTHONPATH": str(source),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_PROFILE": "ci",
        "USAGEWIRE_PURE": "",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return f"{module}: timeout"
    if not done.returncode:
        return ""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    failed = lines[0] if lines else f"{module}: exit code {done.returncode}"
    return failed.removeprefix("FAILED ").partition(" - ")[0]


def result(mutation: Mutation) -> tuple[Mutation, Killed | None, str]:
    """Return a fault, the failure, and the reason why it could not be planted."""
    try:
        return mutation, killed(mutation), ""
    except UnfitError as error:
        return mutation, None, str(error)


def main() -> int:
    """Plant the faults and report. Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="faults to try at the same time")
    parser.add_argument(
        "only", nargs="*", help="plant faults with one of these texts in their file name or effect"
    )
    given = parser.parse_args()
    only = given.only or [""]
    chosen = [m for m in mutations() if any(one in f"{m.file} {m.why}" for one in only)]
    without = killed(None)
    if without.by:
        say(f"without a fault {without.by} fails")
        return 1
    survivors, unfit = [], []
    with ThreadPoolExecutor(given.jobs) as pool:
        for mutation, found, trouble in pool.map(result, chosen):
            if found is None:
                unfit.append(mutation)
                say(f"UNFIT     {mutation.file}: {mutation.why}: {trouble}")
            elif found.by:
                by = f"{found.seconds:.0f} s: {found.by}"
                say(f"killed    {mutation.file}: {mutation.why} ({by})")
            else:
                survivors.append(mutation)
                say(f"SURVIVED  {mutation.file}: {mutation.why} ({found.seconds:.0f} s)")
    count = len(chosen) - len(survivors) - len(unfit)
    say(f"{count} of {len(chosen)} faults killed ({count / max(1, len(chosen)):.1%})")
    return int(bool(unfit) or count < LEAST_KILLED * len(chosen))


def say(line: str) -> None:
    """Write a line at once, because the run takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
