"""The command line in this process, lines for its input, and terminals for its output."""

import io
import sys
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result
from rich.console import Console

from usagewire.cli.main import usagewire

ROOT: Final = Path(__file__).parents[2]
LOG: Final = str(ROOT / "examples" / "usage.ndjson")
PAGE: Final = str(ROOT / "examples" / "costs_page.json")
COMMAND: Final = [sys.executable, "-m", "usagewire"]

BAD: Final = "what?\n"


def run(*arguments: Any, stdin: str | bytes | None = None) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(usagewire, [*map(str, arguments)], stdin)


def stored(usage_bytes: Any = 1) -> str:
    """Return a line with a row of vector stores."""
    tag = "organization.usage.vector_stores.result"
    return f'{{"object":"{tag}","usage_bytes":{usage_bytes}}}\n'


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def console(file: io.StringIO, **environment: str) -> Console:
    """Return a console of 12 lines that writes to a file, or to a terminal."""
    environment = {"TERM": "xterm", "NO_COLOR": "1"} | environment
    return Console(
        file=file, force_terminal=file.isatty(), width=100, height=12, _environ=environment
    )
