"""The end of each help page: which files a command reads, and its exit statuses."""

from typing import Final

from usagewire.cli.exits import BROKEN_PIPE, FAILED, INTERRUPTED, REJECTED, TERMINATED

_BROKEN_PIPE: Final = f"""\
  {BROKEN_PIPE}  the reader of the output closed it, as head does; nothing is printed
"""


def _exit_statuses(good: str, interrupted: str) -> str:
    return f"""
\b
Exit status:
  0    {good}
  {REJECTED}    some lines were rejected; the result has the other lines
  {FAILED}    the usage is wrong, a file cannot be read, or output cannot be written
  {INTERRUPTED}  {interrupted} (Ctrl-C)
  {TERMINATED}  {interrupted} (SIGTERM)
{_BROKEN_PIPE}"""


READING: Final = """\
\b
FILE is a path, a glob, a URL (if fsspec has a driver for it), or - for
standard input. It is NDJSON or one JSON document. It may be compressed by
gzip, zstd, bzip2 or xz. Several files are read one after the other.
""" + _exit_statuses("every line was read", "interrupted")

FOLLOWING: Final = """\
\b
FILE is the path of one uncompressed NDJSON log, which need not exist yet.
If it is rotated, the rest of the rotated file is read before the new one.
If it cannot be read for a while, that is reported and tried again.
""" + _exit_statuses(
    "stopped by Ctrl-C or SIGTERM, and every line was read",
    "interrupted again before the sums were printed",
)

INFO: Final = f"""\
\b
TYPE is module:Class, as in shop.orders:Order: an attrs class of yours, or a
union of such classes. The module may be in the current folder.

\b
Exit status:
  0    success
  {FAILED}    the usage is wrong, a type cannot be imported or read, or output
       cannot be written
{_BROKEN_PIPE}"""
