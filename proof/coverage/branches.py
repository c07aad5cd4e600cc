"""Count the branches that the proofs take: `python -m proof.coverage.branches FOLDER`.

gcov counts each way out of a condition in a build with `--coverage`. The proofs must take at least
95 % of them. `UNCOVERED.md` must name each function with another branch, and no other function.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

LEAST_TAKEN: Final = 0.95
TEXT: Final = "src/usagewire/native/csrc/"
EXPLAINED: Final = Path(__file__).with_name("UNCOVERED.md")


def counted(folder: str) -> list[dict[str, Any]]:
    """Return the counts of gcov for each C file."""
    options = ("--json-format", "--stdout", "--branch-probabilities")
    command = ("gcov", *options, f"{folder}/extension.o")
    done = subprocess.run(command, capture_output=True, check=True)
    return [one for one in json.loads(done.stdout)["files"] if one["file"].startswith(TEXT)]


def explained() -> set[str]:
    """Return the functions that `UNCOVERED.md` names."""
    return set(re.findall(r"`(\w+)`", EXPLAINED.read_text(encoding="utf-8")))


def main() -> None:
    """Print the branches that were never taken, and fail if there are too many."""
    ways = taken = 0
    left: Counter[str] = Counter()
    for file in counted(sys.argv[1]):
        text = Path(file["file"]).read_text(encoding="utf-8").splitlines()
        for line in file["lines"]:
            counts = [branch["count"] for branch in line["branches"]]
            never = counts.count(0)
            ways += len(counts)
            taken += len(counts) - never
            if never:
                number, function = line["line_number"], line["function_name"]
                left[function] += never
                place = f"{file['file'].removeprefix(TEXT)}:{number}: {function}"
                print(f"{place}: {never} of {len(counts)} never: {text[number - 1].strip()}")
    if not ways:
        sys.exit("branches: gcov found none")
    share = taken / ways
    others = f"{ways - taken} others in {len(left)} functions"
    print(f"branches: {taken} of {ways} taken ({share:.1%}); {others}")
    known = explained()
    if share < LEAST_TAKEN:
        sys.exit(f"at least {LEAST_TAKEN:.0%} must be taken")
    if left.keys() - known:
        sys.exit(f"{EXPLAINED.name} does not name {', '.join(sorted(left.keys() - known))}")
    if known - left.keys():
        sys.exit(f"all branches are taken in {', '.join(sorted(known - left.keys()))}")


if __name__ == "__main__":
    main()
