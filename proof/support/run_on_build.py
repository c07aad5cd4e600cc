"""Run a module by a build of the extension of its own: `python -m proof.support.run_on_build pytest tests/codec/test_decoder.py`.

LeakSanitizer, where it is there, tells at the end of the process what nobody points to any more. Of
orjson, which keeps a few strings of its own so, it does not hear: it looks away meanwhile, and the
processes that tests start are not looked at. What CPython leaks itself is listed in `lsan.supp`. No
other leak is passed over.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _unseen() -> Iterator[None]:
    """Have LeakSanitizer, where it is there, look away."""
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
    """Run the module that the arguments name."""
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # of other processes
    with _unseen():
        import orjson  # noqa: F401, PLC0415 -- not before
    sys.argv = sys.argv[1:]
    from usagewire.native import extension, plans  # noqa: PLC0415 -- after that

    if plans.unavailable() is not None or "build" not in str(extension.__file__):
        sys.exit("the build of this proof is not the one in use")
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
