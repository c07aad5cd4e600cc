"""The end of each help page: the kinds of files, and the exit statuses."""

from __future__ import annotations

from typing import Final

from usagewire.cli.exits import BROKEN_PIPE, FAILED, INTERRUPTED, REJECTED, TERMINATED

_FILES: Final = """\
\b
FILE is a path, a glob, a URL (of what fsspec has a driver for), or - for
standard input. It is NDJSON or one JSON document, plain or compressed by gzip,
zstd, bzip2 or xz. Several files are read one after the other.
"""

_LOG: Final = """\
\b
FILE is the path of one log of NDJSON, not compressed, which need not be there
yet. It may be rotated; what was written to it before that is read first.
"""

_SIGNALS: Final = f"  {INTERRUPTED}  interrupted (Ctrl-C); {TERMINATED} told to end (SIGTERM)"
_SECOND_SIGNAL: Final = f"""\
  {INTERRUPTED}  interrupted again before the sums were printed; {TERMINATED} the same by SIGTERM"""


def _exit_statuses(good: str, failed: str, stopped: str) -> str:
    return f"""
\b
Exit status:
  0    {good}
  {REJECTED}    some lines were rejected; the others are in the result
  {FAILED}    wrong usage, or a file that cannot be read, or output that cannot be
       written; {failed}
{stopped}
  {BROKEN_PIPE}  who read the output wants no more of it; nothing is said
"""


_READ: Final = "every line was read"

INFO: Final = f"""\
\b
TYPE is module:Class, an attrs class of yours or a union of some, as in
shop.orders:Order. The module is imported; it may stand in the current folder.

\b
Exit status:
  0    all was told
  {FAILED}    wrong usage, or a type that cannot be imported or read, or output that
       cannot be written
  {BROKEN_PIPE}  who read the output wants no more of it; nothing is said
"""

OVERVIEW: Final = _FILES + _exit_statuses(_READ, "each command says what then", _SIGNALS)
READING: Final = _FILES + _exit_statuses(_READ, "the other files are in the result", _SIGNALS)
CONVERTING: Final = _FILES + _exit_statuses(_READ, "then no file was written", _SIGNALS)
FOLLOWING: Final = _LOG + _exit_statuses(
    "stopped by Ctrl-C or SIGTERM, and every line was read",
    "at the end, or from the start",
    _SECOND_SIGNAL,
)
