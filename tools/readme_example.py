"""Print the first Python example of the README, so that it can be run as a script."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def first_example(text: str) -> str:
    """Return the first fenced Python block."""
    found = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit("README.md has no Python example")
    return found[1]


if __name__ == "__main__":
    print(first_example(README.read_text(encoding="utf-8")))
