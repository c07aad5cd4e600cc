"""Benchmarks: the same bytes, read and written by usagewire and by its alternatives (the peers).

`python -m benchmarks.run` (`make bench`) measures everything and writes `benchmarks/RESULTS.md`.
No peer is timed before its answer was found equal to ours (`answers`). The package does not contain
this folder.

Most parts also run alone, and with `--small` they take seconds:

- `python -m benchmarks.headline`: the peers and the C extension.
- `.variants`: unusual lines, and bad ones.
- `.user_classes`: classes of users, and their code.
- `.scale`: very many records.
- `.streaming`: the time to read files.
- `.readers`: other readers of the same files.
- `.stream_memory` and `.growth`: memory and time of long or hostile inputs.
"""
