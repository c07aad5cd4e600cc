"""Run a module with another build of the extension: `python -m proof.support.run_on_build MODULE ...`.

LeakSanitizer reports leaks at the end of the process, if it is loaded. It ignores orjson, which keeps
a few strings, and the processes that tests start. `lsan.supp` lists the leaks of CPython. It reports
all other leaks.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _ignored() -> Iterator[None]:
    """Make LeakSanitizer ignore allocations, if it is loaded."""
    process = ctypes.CDLL(None)
    there = hasattr(process, "__lsan_disable")
    if there:
        process.__lsan_disable()
    try:
        yield
    finally:
        if there:
            process.__lsan_enable()


def main() -> None:
    """Run the module of the arguments."""
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # of other processes
    with _ignored():
        import orjson  # noqa: F401, PLC0415 -- its strings are ignored
    sys.argv = sys.argv[1:]
    from usagewire.native import extension, plans  # noqa: PLC0415 -- after orjson

    if plans.unavailable() is not None or "build" not in str(extension.__file__):
        sys.exit("another build of the extension is in use")
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
