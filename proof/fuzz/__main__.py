"""Compare C with the reference over random lines and records: `python -m proof.fuzz --help`.

The seed and the number of a batch determine its lines, so a single batch can be repeated. An input
on which the two differ is reduced and printed as a `Finding`.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import time
from functools import cache, lru_cache
from itertools import product
from random import Random
from typing import Any, Final

import attrs

from proof.fuzz.differences import KNOWN, DifferenceError, prepare, smaller, written_apart
from proof.fuzz.findings import FINDINGS, RECORDS, Finding
from proof.fuzz.lines import Line, Pool, maker
from proof.support.altered import altered
from proof.support.both_paths import BETWEEN, Encoders, Options, Pair, pair_of
from proof.support.classes import TYPES
from usagewire.wire.names import DIALECTS

BATCH: Final = 250
"""Lines to read at once."""
BATCHES_OF_POOL: Final = 100
ALTERED_RECORDS: Final = 8
LEAST_TAKEN: Final = 0.85
"""The least share of records that C has to read, and of lines that it has to write."""
ENOUGH: Final = 10_000
"""Lines that are enough to check the shares."""
_OFTEN: Final = ("UsageObject", "UsageObject", "UsageCompletionsResult", "CostsResult", "Shape")
_NAMES: Final = tuple(TYPES)


@attrs.define
class Tally:
    """Counts of a run."""

    lines: int = 0
    records: int = 0
    unknown: int = 0
    taken: int = 0
    written: int = 0
    written_by_c: int = 0
    altered: int = 0


@lru_cache(maxsize=2)
def _pool(seed: int, number: int) -> Pool:
    return Pool(f"{seed}/{number}")


@cache
def _encoders(dialect: Any, *, omit: bool) -> Encoders:
    return Encoders(dialect, omit=omit)


def main() -> None:
    """Compare batches until there are enough lines, or a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=None, help="by default, a random one")
    parser.add_argument("--first", type=int, default=0, help="number of the first batch")
    parser.add_argument("--type", choices=_NAMES, default=None, help="read into this type only")
    parser.add_argument("--progress", help="write the number of the current batch to this file")
    arguments = parser.parse_args()
    faulthandler.enable()
    prepare()
    seed = Random().randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}, {arguments.lines} lines", flush=True)
    started, tally = time.monotonic(), Tally()
    try:
        for finding in FINDINGS:
            _replay(finding)
        for what, record in RECORDS:
            _replay_written(what, record)
        number = arguments.first
        while tally.lines < arguments.lines:
            if arguments.progress:
                with open(arguments.progress, "w") as file:  # noqa: PTH123 -- a thousand times
                    file.write(f"--seed {seed} --first {number} --lines 1\n")
            _batch(seed, number, arguments.type, tally)
            number += 1
    except DifferenceError as error:
        print(error)
        print(f"fuzz: failed after {tally.lines} lines: --seed {seed} --first {number} --lines 1")
        sys.exit(1)
    seconds = time.monotonic() - started
    read, wrote = tally.taken / max(1, tally.records), tally.written_by_c / max(1, tally.written)
    print(
        f"fuzz: {tally.lines} lines, seed {seed}: {tally.records} records, {tally.unknown} unknown rows,"
        f" C read {read:.1%}; {tally.written}"
        f" written in {len(DIALECTS)} dialects, C wrote {wrote:.1%}; {tally.altered} altered records;"
        f" {len(FINDINGS) + len(RECORDS)} old findings; no difference; {tally.lines / seconds:,.0f} lines/s"
    )
    if arguments.type is None and tally.lines >= ENOUGH and min(read, wrote) < LEAST_TAKEN:
        sys.exit(f"C read only {read:.1%} or wrote only {wrote:.1%}, not {LEAST_TAKEN:.0%}")


def _batch(seed: int, number: int, name: str | None, tally: Tally) -> None:
    rng = Random(f"{seed}/{number}")
    random, choice = rng.random, rng.choice
    if name is None:
        name = choice(_OFTEN if random() < 0.4 else _NAMES)
    way = choice(("lines", "lines", "lines", "chunks", "documents", "array"))
    line = Line(rng, _pool(seed, number // BATCHES_OF_POOL), documents=way == "documents")
    options = _options(rng, name, way)
    make = maker(TYPES[name])
    lines = []
    for _ in range(BATCH):
        if random() < 0.02:
            line.restyle()
        if options.on_error == "raise" or way == "array":
            line.unusual = min(line.unusual, 0.0005)
        lines.append(line.line(make))
    data = (BETWEEN if way == "documents" else b"\n").join(lines)
    if random() < 0.5:
        data += b"\n"
    cuts: tuple[int, ...] = ()
    if way == "chunks":
        cuts = tuple(sorted(rng.choices(range(len(data) + 1), k=choice((1, 3, 30)))))
    pair = Pair(options) if options.on_error == "few" else pair_of(options)
    before = pair.taken
    found, expected = pair.read(way, data, cuts)
    if found.exact != expected.exact:
        raise DifferenceError(smaller(options, way, data, cuts))
    tally.lines += BATCH if way == "documents" else found.lines
    tally.unknown += found.unknown
    records = [record for record in found.records if type(record) in KNOWN]
    tally.records += len(records)
    tally.taken += min(pair.taken - before, len(records))
    if records:
        _write(rng, records, tally)


def _options(rng: Random, name: str, way: str) -> Options:
    random, choice = rng.random, rng.choice
    unknown = choice(("keep", "keep", "ignore", "forbid"))
    if random() < 0.25:
        # Building a decoder with another converter takes long, so there are few.
        return Options(name, strict=False, unknown=unknown)
    on_error = choice(("call", "call", "skip", "skip", "few", "raise"))
    if way in ("documents", "array"):
        on_error = "call"
    longest = choice((2**24, 2**24, 2**24, 700, 250))
    return Options(name, unknown=unknown, on_error=on_error, max_line_bytes=longest)


def _write(rng: Random, records: list[Any], tally: Tally) -> None:
    dialects = DIALECTS if rng.random() < 0.1 else (rng.choice(DIALECTS),)
    for dialect in dialects:
        omit = rng.random() < 0.2
        encoders = _encoders(dialect, omit=omit)
        before = encoders.handed_back
        if not encoders.write(records):
            raise DifferenceError(written_apart(encoders, records))
        if not omit:  # C does not omit defaults from factories
            tally.written += len(records)
            tally.written_by_c += len(records) - (encoders.handed_back - before)
    for _ in range(ALTERED_RECORDS):
        record = altered(rng, rng.choice(records))
        tally.altered += 1
        if not encoders.write_one(record):
            raise DifferenceError(written_apart(encoders, [record]))
    mixed = [altered(rng, record) if rng.random() < 0.1 else record for record in records[:20]]
    if not encoders.write(mixed):
        raise DifferenceError(written_apart(encoders, mixed))


def _replay(finding: Finding) -> None:
    found, expected = Pair(finding.options).read(finding.way, finding.data, finding.cuts)
    if found.exact != expected.exact:
        raise DifferenceError(f"an old finding is back: {finding.what}: {finding}")


def _replay_written(what: str, record: Any) -> None:
    for dialect, omit in product(DIALECTS, (False, True)):
        encoders = _encoders(dialect, omit=omit)
        if not encoders.write_one(record):
            shown = written_apart(encoders, [record])
            raise DifferenceError(f"an old finding is back: {what}: {shown}")


if __name__ == "__main__":
    main()
