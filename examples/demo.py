"""Run the command line on the sample files, and check the result of every command.

    python examples/demo.py

Exits with 0 if every command ended as planned. The sample log has lines that are rejected on
purpose, so the commands that read it exit with 1.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from generate import BAD_LINES

EXAMPLES: Final = Path(__file__).resolve().parent
LOG: Final = "examples/usage.ndjson"
PAGE: Final = "examples/costs_page.json"

# A heading, the expected exit status and the arguments of each command.
COMMANDS: Final = (
    ("Usage by kind", 1, f"summary {LOG} --by kind"),
    ("Tokens and requests by model", 1, f"summary {LOG} --kind completions --kind embeddings"),
    ("Money by day", 1, f"summary {LOG} --kind costs --by day"),
    (
        "Money by day and line item, in one page",
        0,
        f"summary {PAGE} --kind costs --by day,line_item",
    ),
    ("The same page by month, as JSON", 0, f"summary {PAGE} --by month --format json"),
)


def run(heading: str, arguments: str) -> subprocess.CompletedProcess[str]:
    """Print a heading and run the command. Capture only its standard error."""
    print(f"\n== {heading}\n$ usagewire {arguments}\n", flush=True)
    command = [sys.executable, "-m", "usagewire", *arguments.split()]
    # The command writes to standard output directly, so that it knows whether it is a terminal.
    return subprocess.run(  # noqa: S603 -- our own command
        command, cwd=EXAMPLES.parent, stderr=subprocess.PIPE, text=True, check=False
    )


def main() -> str | None:
    """Run every command. Return a message if one did not end as planned."""
    for heading, expected, arguments in COMMANDS:
        done = run(heading, arguments)
        closing = done.stderr.splitlines()[-1:]
        print(*closing, sep="\n")
        if done.returncode != expected:
            return f"exit status {done.returncode} instead of {expected}:\n{done.stderr}"
    done = run("Rejected lines", f"validate {LOG}")
    print(done.stderr, end="")
    if done.returncode != 1 or f"rejected {len(BAD_LINES)}," not in done.stderr:
        return f"expected {len(BAD_LINES)} rejected lines and exit status 1, got {done.returncode}"
    print("\nAll commands ended as planned. The sample has these bad lines on purpose.")
    return None


if __name__ == "__main__":
    sys.exit(main())
