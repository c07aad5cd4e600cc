"""Plant each fault of `faults.txt` in a copy of the C text and see the quick tests fail.

A fault that no test finds survives: either a test is missing, or the line it changes is not needed.
Less than 95 % found, or a fault that does not fit the text any more, is a failure.

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
"""By file of the C text, one line for each fault: `old → new  ## what it breaks`. The old text stands
there just once; ⏎ is LF. No fault changes only speed, or could only be seen by a sanitizer."""
LEAST_KILLED: Final = 0.95
TIMEOUT: Final = 120
"""Seconds for one part; a fault may make it run for ever."""

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
"""What is run, one after the other, until something fails: modules and their arguments."""


class Mutation(NamedTuple):
    """A fault: `new` instead of `old` in a file of `src/usagewire/native/csrc`."""

    file: str
    why: str
    old: str
    new: str


def mutations() -> list[Mutation]:
    """Return the faults."""
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
    """How a fault was found."""

    by: str
    """The test that failed, or what else happened; empty where nothing did."""
    seconds: float


class UnfitError(Exception):
    """Why a fault cannot be planted."""


def planted(text: str, mutation: Mutation) -> str:
    """Return the text with the fault in it.

    Raises:
        UnfitError: where the place of the fault is not there, or not the only one.
    """
    found = text.count(mutation.old)
    if found != 1:
        raise UnfitError(f"its text stands {found} times in {mutation.file}")
    return text.replace(mutation.old, mutation.new)


def built(folder: Path, mutation: Mutation | None) -> Path:
    """Return a copy of the package in `folder`, built with the fault.

    Raises:
        UnfitError: where the fault cannot be planted, or is no C.
    """
    source = folder / "src"
    shutil.copytree(
        ROOT / "src",
        source,
        ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "*.egg-info"),
    )
    native = source / "usagewire" / "native"
    if mutation is not None:
        file = native / "csrc" / mutation.file
        file.write_text(planted(file.read_text(), mutation))
    target = native / f"extension{sysconfig.get_config_var('EXT_SUFFIX')}"
    include = f"-I{sysconfig.get_path('include')}", f"-I{native / 'csrc'}"
    command = [os.environ.get("CC", "gcc"), "-std=c11", "-O1", "-w", "-fPIC", "-shared", *include]
    done = subprocess.run(
        [*command, "-o", target, native / "csrc" / "module.c"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnfitError(f"it is no C: {done.stderr.strip().splitlines()[0]}")
    return source


def killed(mutation: Mutation | None) -> Killed:
    """Return what finds a fault, or what fails without one."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        source = built(Path(name), mutation)
        for part in PARTS:
            by = failure(part, source)
            if by:
                break
    return Killed(by, time.monotonic() - started)


def failure(part: tuple[str, ...], source: Path) -> str:
    """Return what fails when a part runs on the package in `source`; nothing where it passes."""
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
        return f"{module}: no end"
    if not done.returncode:
        return ""
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    said = lines[0] if lines else f"{module}: exit code {done.returncode}"
    return said.removeprefix("FAILED ").partition(" - ")[0]


def result(mutation: Mutation) -> tuple[Mutation, Killed | None, str]:
    """Return a fault, how it was found, and why it could not be planted."""
    try:
        return mutation, killed(mutation), ""
    except UnfitError as error:
        return mutation, None, str(error)


def main() -> int:
    """Plant the faults and report; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("only", nargs="*", help="plant those that one of these is part of")
    given = parser.parse_args()
    chosen = [
        m
        for m in mutations()
        if not given.only or any(o in f"{m.file} {m.why}" for o in given.only)
    ]
    without = killed(None)
    if without.by:
        say(f"without any fault there fails {without.by}")
        return 1
    survivors, unfit = [], []
    with ThreadPoolExecutor(given.jobs) as pool:
        for mutation, found, trouble in pool.map(result, chosen):
            if found is None:
                unfit.append(mutation)
                say(f"UNFIT     {mutation.file}: {mutation.why}: {trouble}")
            elif found.by:
                say(
                    f"killed    {mutation.file}: {mutation.why} ({found.seconds:.0f} s: {found.by})"
                )
            else:
                survivors.append(mutation)
                say(f"SURVIVED  {mutation.file}: {mutation.why} ({found.seconds:.0f} s)")
    count = len(chosen) - len(survivors) - len(unfit)
    say(f"{count} of {len(chosen)} faults killed ({count / max(1, len(chosen)):.1%})")
    return int(bool(unfit) or count < LEAST_KILLED * len(chosen))


def say(line: str) -> None:
    """Write a line at once: the whole takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
