"""Measure everything and write `benchmarks/RESULTS.md` and its chart: `python -m benchmarks.run`.

With `--small` it measures little data and prints the report instead. These parts also run alone,
with or without `--small`, and print their section of the report: `benchmarks.headline`,
`.variants`, `.user_classes`, `.scale`, `.streaming`, `.readers`, `.stream_memory` and `.growth`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import (
    growth,
    headline,
    imports,
    memory,
    readers,
    report,
    scale,
    stream_memory,
    streaming,
    user_classes,
    variants,
)
from benchmarks.peers import PEERS
from benchmarks.workloads import WORKLOADS

HERE: Final = Path(__file__).parent
RESULTS: Final = "RESULTS.md"


def main() -> None:
    """Run all measurements, print the ratios and write the report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=20_000, help="rows of each workload")
    parser.add_argument("--turns", type=int, default=7, help="timed rounds of each peer")
    parser.add_argument("--memory-rows", type=int, default=50_000, help="rows held in memory")
    parser.add_argument("--small", action="store_true", help="little data; write no file")
    options = parser.parse_args()
    if options.small:
        with TemporaryDirectory() as folder:
            _write(_measured(1_000, 2, 1_000, small=True), Path(folder))
            print((Path(folder) / RESULTS).read_text())
        return
    measured = _measured(options.rows, options.turns, options.memory_rows)
    _write(measured, HERE)
    print(report.ratio_tables(measured))


def _write(measured: report.Measured, folder: Path) -> None:
    (folder / RESULTS).write_text(report.render(measured))
    (folder / report.CHART).write_text(headline.chart(measured.headline))


def _measured(rows: int, turns: int, memory_rows: int, *, small: bool = False) -> report.Measured:
    with TemporaryDirectory() as folder:
        return report.Measured(
            headline=_part("the headline", headline, small=small),
            variants=_part("unusual lines", variants, small=small),
            user_classes=_part("classes of users", user_classes, small=small),
            scale=_part("very many records", scale, small=small),
            workloads=[make(rows) for make in WORKLOADS.values()],
            turns=turns,
            times=_times(rows, turns, Path(folder) / "times.json"),
            memory_rows=memory_rows,
            memory=_memory(memory_rows, Path(folder) / "lines.ndjson"),
            imports=imports.seconds(2 if small else 9),
            streaming=_part("streaming", streaming, small=small),
            readers=_part("other readers", readers, small=small),
            stream_memory=_part("memory of streaming", stream_memory, small=small),
            growth=_part("growth", growth, small=small),
        )


def _part(title: str, module: Any, *, small: bool) -> Any:
    print(f"measuring {title}", flush=True)
    return module.measure(module.SMALL if small else module.FULL)


def _times(rows: int, turns: int, file: Path) -> dict[Any, list[float]]:
    """Return the seconds of each turn, by way, workload and peer."""
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
    """Return the bytes kept a row, by workload and peer."""
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
