"""Run a module under a sanitizer: `python -m proof.under pytest tests/test_codec.py`.

LeakSanitizer is told at the end of the process what nobody points to any more. Of orjson, which
keeps a few strings of its own so, it does not hear: they are imported while it looks away. No other
leak is passed over.
"""

from __future__ import annotations

import ctypes
import runpy
import sys


def main() -> None:
    """Run the module that the arguments name."""
    sanitizer = ctypes.CDLL(None)
    sanitizer.__lsan_disable()
    import orjson  # noqa: F401, PLC0415 -- not before

    sanitizer.__lsan_enable()
    sys.argv = sys.argv[1:]
    from usagewire import _accel, _native  # type: ignore[attr-defined]  # noqa: PLC0415 -- after that

    if _accel.unavailable() is not None or "build" not in str(_native.__file__):
        sys.exit("the build under a sanitizer is not the one in use")
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
