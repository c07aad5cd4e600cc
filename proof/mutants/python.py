"""Make small changes to the Python text that reads and writes, and run the tests on each.

A change survives if no test fails. Then a test is missing, or the change makes no difference. The
survivors that make no difference are in `survivors.txt`, each with its reason. The run fails if
another change survives, or if a line of that list fits no change any more.

The tests of the module run first, then those of its folder, then the quick tests without C and with
C: with C, many of them would not run the changed text.

    python -m proof.mutants.python [--sample 120] [--seed 1] [--jobs 2] [part of a module's path ...]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from proof.mutants.changes import Change, changes
from proof.mutants.running import ROOT, TIMEOUT, failure, say

PACKAGE: Final = ROOT / "src" / "usagewire"
TESTS: Final = ROOT / "tests"
MODULES: Final = (
    "wire/*.py",
    "converters/**/*.py",
    "codec/*.py",
    "streaming/checkpoint.py",
    "streaming/dead_letters.py",
    "io/append_log.py",
)
"""The text that decides what is read, what is written, and what is kept on disk."""
SURVIVORS: Final = Path(__file__).with_name("survivors.txt")
"""A line for each change, by module: `scope: old → new  ## why it makes no difference`."""
ALSO_FIRST: Final = {
    "codec/context.py": ("codec/test_decoder.py", "codec/test_line_decoder.py"),
    "codec/decoder.py": ("native/test_documents.py",),
    "codec/encoder.py": ("native/test_writing.py",),
    "codec/functions.py": ("codec/test_sharing.py", "codec/test_options.py"),
    "codec/line_decoder.py": ("native/test_lines.py",),
    "converters/codegen.py": ("native/test_classes.py",),
    "converters/configure.py": ("codec/test_copying.py",),
    "converters/values/annotated.py": ("converters/test_types.py",),
    "converters/values/choices.py": ("converters/test_unions.py",),
    "converters/values/keys.py": ("converters/test_containers.py",),
    "converters/values/text.py": ("converters/test_types.py",),
    "io/append_log.py": ("streaming/test_appending.py",),
    "streaming/checkpoint.py": ("test_compatibility.py",),
    "streaming/dead_letters.py": ("test_compatibility.py",),
    "wire/discriminators.py": ("converters/test_unions.py",),
    "wire/names.py": ("analysis/test_conversion.py",),
    "wire/members.py": ("converters/test_generics.py", "converters/test_constructors.py"),
}
"""Tests of modules that have no test of their name, or more tests than that."""
FOLDERS: Final = {
    "wire": ("wire", "converters"),
    "converters": ("converters",),
    "codec": ("codec",),
}
"""The tests for a folder. Those of other folders run as a part of the quick tests only."""


def modules() -> list[str]:
    """Return the paths of the modules to change, in the package."""
    return [
        path.relative_to(PACKAGE).as_posix()
        for pattern in MODULES
        for path in sorted(PACKAGE.glob(pattern))
    ]


def parts(module: str) -> list[tuple[tuple[str, ...], str]]:
    """Return the tests for a module, which run until one fails, and `USAGEWIRE_PURE` for each."""
    folder, name = Path(module).parts[0], Path(module).stem
    own = [f"{folder}/test_{name}.py", *ALSO_FIRST.get(module, ())]
    first = [f"tests/{test}" for test in own if (TESTS / test).exists()]
    first += [f"tests/{one}" for one in FOLDERS.get(folder, ())]
    quick = ("tests", "-m", "not hypothesis", *os.environ.get("QUICK", "").split())
    return [
        (("pytest", *first), ""),
        (("pytest", *quick, "-k", "not [compiled"), "1"),
        (("pytest", *quick, "-k", "not [compiled and not [reference"), ""),
    ]


def killed(change: Change) -> str:
    """Return the test that fails with a change; empty if none does."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        package = Path(name) / "usagewire"
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("csrc"))
        (package / change.module).write_text(change.text, encoding="utf-8")
        found = (failure(part, package.parent, pure) for part, pure in parts(change.module))
        return next(filter(None, found), "")


def listed() -> dict[tuple[str, str], str]:
    """Return the reason for each change of `survivors.txt`."""
    found, module = {}, ""
    for line in SURVIVORS.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            module = line[1:-1]
        else:
            change, _, why = line.rpartition("  ## ")
            found[module, change] = why
    return found


def sampled(every: list[Change], count: int, seed: int) -> list[Change]:
    """Return `count` changes, spread evenly over the modules; all if `count` is 0."""
    if not 0 < count < len(every):
        return every
    step = len(every) / count
    offset = random.Random(seed).random()
    return [every[int((index + offset) * step)] for index in range(count)]


def main() -> int:
    """Make the changes and report. Return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=0, help="how many changes; 0 for all")
    parser.add_argument("--seed", type=int, default=1, help="which changes a sample has")
    parser.add_argument("--jobs", type=int, default=2, help="changes to try at the same time")
    parser.add_argument("only", nargs="*", help="change modules with one of these in their path")
    given = parser.parse_args()
    reasons = listed()
    every = [c for m in modules() for c in changes(m, (PACKAGE / m).read_text(encoding="utf-8"))]
    unfit = sorted(reasons.keys() - {change.key for change in every})
    for module, line in unfit:
        say(f"UNFIT     {module}: {line}")
    chosen = [c for c in every if any(part in c.module for part in given.only or [""])]
    chosen = sampled(chosen, given.sample, given.seed)
    say(f"{len(chosen)} of {len(every)} changes, seed {given.seed}")
    counts: Counter[str] = Counter()
    failed: set[str] = set()
    with ThreadPoolExecutor(given.jobs) as pool:
        trials = [pool.submit(trial, change, reasons) for change in chosen]
        for done in as_completed(trials):
            change, how, details, by = done.result()
            counts[how] += 1
            failed.add(by)
            say(f"{how:9} {change.module}: {change.key[1]} ({details})")
    tried = len(chosen) - counts["listed"]
    say(f"{counts['killed']} of {tried} changes killed, {counts['listed']} listed as survivors")
    # Otherwise a test that always fails would kill every change.
    tests = sorted(one for one in failed if one.startswith("tests/"))
    without = failure(("pytest", *tests), PACKAGE.parent, timeout=TIMEOUT * 10)
    if without:
        say(f"without a change {without} fails")
    return int(bool(unfit) or counts["SURVIVED"] > 0 or bool(without))


def trial(change: Change, reasons: dict[tuple[str, str], str]) -> tuple[Change, str, str, str]:
    """Return a change, its result, the details, and the test that fails."""
    if change.key in reasons:
        return change, "listed", reasons[change.key], ""
    started = time.monotonic()
    by = killed(change)
    details = f"{time.monotonic() - started:.0f} s: {by}"
    return change, "killed" if by else "SURVIVED", details, by


if __name__ == "__main__":
    sys.exit(main())
