"""Benchmarks: the same bytes through usagewire and through what else people use for them.

`python -m benchmarks.run` (`make bench`) measures and writes `benchmarks/RESULTS.md`. Nothing is
timed before its answer was found equal to ours (`answers`). Nothing here is part of the package.

Most parts run alone too, each with `--small` for a look in seconds: `python -m benchmarks.headline`
(the peers beside C), `.variants` (less plain lines), `.scale` (very many records), and of streaming
`.streaming` (time), `.readers` (other readers), `.stream_memory` and `.growth`.
"""
