"""Measure everything and write `benchmarks/RESULTS.md`: `python -m benchmarks.run`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import imports, memory, report
from benchmarks.peers import PEERS
from benchmarks.workloads import WORKLOADS

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "RESULTS.md"


def main() -> None:
    """Run all measurements, print the ratios and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="rows of each workload")
    parser.add_argument("--turns", type=int, default=7, help="timed rounds of each peer")
    parser.add_argument("--memory-rows", type=int, default=50_000, help="rows held in memory")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        measured = report.Measured(
            workloads=[make(options.rows) for make in WORKLOADS.values()],
            turns=options.turns,
            times=_times(options.rows, options.turns, Path(folder) / "times.json"),
            memory_rows=options.memory_rows,
            memory=_memory(options.memory_rows, Path(folder) / "lines.ndjson"),
            imports=imports.seconds(),
        )
    RESULTS.write_text(report.render(measured))
    print(report.ratio_tables(measured))


def _times(rows: int, turns: int, file: Path) -> dict[Any, list[float]]:
    """Return the seconds of each turn by way, workload and peer."""
    print("timing", flush=True)
    tests = [str(HERE / "test_decode.py"), str(HERE / "test_encode.py")]
    options = [f"--rows={rows}", f"--turns={turns}", f"--benchmark-json={file}"]
    clock = "--benchmark-timer=time.process_time"
    quiet = ["-qq", "--no-header", "--benchmark-quiet", "--override-ini=addopts="]
    run = [sys.executable, "-m", "pytest", *quiet, clock, *options, *tests]
    subprocess.run(run, check=True, cwd=HERE.parent)  # noqa: S603 -- our own command
    times = defaultdict(list)
    for benchmark in json.loads(file.read_bytes())["benchmarks"]:
        case = benchmark["extra_info"]
        key = case["way"], case["workload"], case["peer"]
        times[key].append((case["turn"], benchmark["stats"]["median"]))
    return {key: [taken for _, taken in sorted(turns)] for key, turns in times.items()}


def _memory(rows: int, file: Path) -> dict[tuple[str, str], float | None]:
    """Return the bytes kept a row by workload and peer."""
    print("measuring memory", flush=True)
    kept = {}
    for make in WORKLOADS.values():
        workload = make(rows)
        file.write_bytes(workload.data)
        for peer in PEERS:
            kept[workload.name, peer] = memory.kept_per_row(peer, workload, file)
    return kept


if __name__ == "__main__":
    main()
