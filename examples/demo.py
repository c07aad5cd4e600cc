"""Show what the command line does with the sample log, and check that it did.

    python examples/demo.py

Exits with 0 where every command ended as planned: the sample holds lines to be rejected, so the
commands that read it exit with 1.
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

COMMANDS: Final = (
    ("What was used, by kind of usage", 1, ("summary", LOG, "--by", "kind")),
    (
        "Tokens and requests, by model",
        1,
        ("summary", LOG, "--kind", "completions", "--kind", "embeddings"),
    ),
    ("Money by day", 1, ("summary", LOG, "--kind", "costs", "--by", "day")),
    (
        "Money by day and line item, of one answer of the API",
        0,
        ("summary", PAGE, "--kind", "costs", "--by", "day,line_item"),
    ),
    ("The same as JSON, in one sum", 0, ("summary", PAGE, "--by", "month", "--format", "json")),
)


def run(heading: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Print a heading and what the command prints; its standard error stays with us."""
    print(f"\n== {heading}\n$ usagewire {' '.join(arguments)}\n", flush=True)
    command = [sys.executable, "-m", "usagewire", *arguments]
    # Standard output is left to the command, which knows whether it is a terminal.
    return subprocess.run(  # noqa: S603 -- our own command
        command, cwd=EXAMPLES.parent, stderr=subprocess.PIPE, text=True, check=False
    )


def main() -> str | None:
    """Run every command; return what did not go as planned, or None."""
    for heading, expected, arguments in COMMANDS:
        done = run(heading, *arguments)
        closing = done.stderr.splitlines()[-1:]
        print(*closing, sep="\n")
        if done.returncode != expected:
            return f"exit status {done.returncode} instead of {expected}:\n{done.stderr}"
    done = run("What was rejected, and why", "validate", LOG)
    print(done.stderr, end="")
    if done.returncode != 1 or f"rejected {len(BAD_LINES)}," not in done.stderr:
        return f"expected {len(BAD_LINES)} rejected lines and exit status 1, got {done.returncode}"
    print("\nAll of this was planned: the sample holds these lines to show what becomes of them.")
    return None


if __name__ == "__main__":
    sys.exit(main())
