"""Memory that decoded records keep, as the operating system counts it. Linux only.

`python -m benchmarks.memory PEER WORKLOAD FILE` decodes FILE in a process that does nothing else.
It prints the growth of resident memory, in bytes, while the records exist. Memory that Python or C
allocated counts the same. The text is read before and does not count.
"""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from benchmarks import peers
from benchmarks.workloads import WORKLOADS, Workload


def kept_per_row(peer: str, workload: Workload, file: Path) -> float | None:
    """Return the bytes a row of `workload`, whose text is in `file`. None means not supported."""
    run = [sys.executable, "-m", __spec__.name, peer, workload.name, str(file)]
    answer = subprocess.run(run, check=True, capture_output=True, text=True).stdout  # noqa: S603 -- our own command
    return int(answer) / workload.rows if answer else None


def resident() -> int:
    """Return the bytes of resident memory of this process, without garbage."""
    gc.collect()
    with suppress(AttributeError):  # a C library other than glibc
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _grown(peer: str, workload: str, file: Path) -> int:
    decode = peers.load(peer).decoder(WORKLOADS[workload](0).kind)
    text = file.read_bytes()
    decode(b"\n".join(text.split(b"\n", 300)[:300]))
    before = resident()
    records = decode(text)
    after = resident()
    assert records
    return after - before


if __name__ == "__main__":
    with suppress(peers.NotSupported):
        print(_grown(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
