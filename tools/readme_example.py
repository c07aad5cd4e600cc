"""Print the first Python example of the README, so that it can be run as a script."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
example = re.search(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
if example is None:
    raise SystemExit("README.md has no Python example")
print(example[1])
