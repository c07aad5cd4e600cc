"""Benchmarks: the same bytes through usagewire and through what else people use for them.

`python -m benchmarks.run` (`make bench`) measures and writes `benchmarks/RESULTS.md`. Nothing is
timed before its answer was found equal to ours (`answers`). Nothing here is part of the package.
"""
