"""See that the proofs take the branches of the C text: `python -m proof.coverage.branches FOLDER`.

A branch is one way out of a condition, as gcov counts them in a build with `--coverage` that ran. At
least 95 % of them have to have been taken once. Of the others, each is in a function that
`UNCOVERED.md` names and says why; a function that it names in vain is a failure, too.
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
    """Return what gcov tells of each file of the C text."""
    command = (
        "gcov",
        "--json-format",
        "--stdout",
        "--branch-probabilities",
        f"{folder}/extension.o",
    )
    done = subprocess.run(command, capture_output=True, check=True)
    return [one for one in json.loads(done.stdout)["files"] if one["file"].startswith(TEXT)]


def explained() -> set[str]:
    """Return the functions of which not each branch has to be taken."""
    return set(re.findall(r"`(\w+)`", EXPLAINED.read_text(encoding="utf-8")))


def main() -> None:
    """Count."""
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
        sys.exit("branches: there are none")
    share = taken / ways
    print(
        f"branches: {taken} of {ways} taken ({share:.1%}); {ways - taken} others in {len(left)} functions"
    )
    known = explained()
    if share < LEAST_TAKEN:
        sys.exit(f"at least {LEAST_TAKEN:.0%} have to be")
    if left.keys() - known:
        sys.exit(f"{EXPLAINED.name} says nothing of {', '.join(sorted(left.keys() - known))}")
    if known - left.keys():
        sys.exit(
            f"{EXPLAINED.name} tells of what is taken: {', '.join(sorted(known - left.keys()))}"
        )


if __name__ == "__main__":
    main()
