"""Benchmarks: the same bytes through usagewire and through what else people use for them.

`python -m benchmarks.run` (`make bench`) measures and writes `benchmarks/RESULTS.md`. Nothing is
timed before its answer was found equal to ours (`answers`). Nothing here is part of the package.

The parts about streaming run alone too: `python -m benchmarks.streaming` (time), `.readers` (other
readers), `.stream_memory` and `.growth`, each with `--small` for a look in seconds.
"""
