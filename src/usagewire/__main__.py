"""The console command: it starts `usagewire.cli`, or reports the missing package."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its status: 2 if click or rich is not installed."""
    try:
        from usagewire.cli.main import main as run  # noqa: PLC0415 -- it needs an extra
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("click", "rich"):
            raise
        sys.stderr.write(
            f"usagewire: the command line needs {missing}, which is not installed:"
            ' pip install "usagewire[cli]"\n'
        )
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
