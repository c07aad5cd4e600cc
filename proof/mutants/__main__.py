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
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from proof.mutants.running import ROOT, failure, say

FAULTS: Final = Path(__file__).with_name("faults.txt")
"""A line for each fault, by C file: `old → new  ## its effect`. The file has the old text once; ⏎ is LF.
Each fault changes more than speed, and tests can find it without a sanitizer."""
LEAST_KILLED: Final = 0.95
PARTS: Final = (
    ("pytest", "tests/native"),
    (
        "pytest",
        "-k",
        "[c",
        *(
            f"tests/codec/test_{name}.py"
            for name in ("decoder", "encoder", "foreign_errors", "line_decoder", "samples")
        ),
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


def killed(mutation: Mutation | None) -> str:
    """Return the test or module that fails with a fault, or without any; empty if none does."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        source = built(Path(name), mutation)
        return next((by for part in PARTS if (by := failure(part, source))), "")


def result(mutation: Mutation) -> tuple[Mutation, str, str]:
    """Return a fault, its result, and the details."""
    started = time.monotonic()
    try:
        by = killed(mutation)
    except UnfitError as error:
        return mutation, "UNFIT", str(error)
    return mutation, "killed" if by else "SURVIVED", f"{time.monotonic() - started:.0f} s: {by}"


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
    if without:
        say(f"without a fault {without} fails")
        return 1
    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(given.jobs) as pool:
        for mutation, how, details in pool.map(result, chosen):
            counts[how] += 1
            say(f"{how:9} {mutation.file}: {mutation.why} ({details})")
    share = counts["killed"] / max(1, len(chosen))
    say(f"{counts['killed']} of {len(chosen)} faults killed ({share:.1%})")
    return int(counts["UNFIT"] > 0 or (bool(chosen) and share < LEAST_KILLED))


if __name__ == "__main__":
    sys.exit(main())
