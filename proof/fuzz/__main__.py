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

from proof.fuzz.differences import DifferenceError, prepare, smaller, written_apart
from proof.fuzz.exact_numbers import check_numbers
from proof.fuzz.findings import FINDINGS, RECORDS, Finding
from proof.fuzz.lines import BOM, Line, Pool
from proof.fuzz.models import maker
from proof.fuzz.round_trips import check_altered, check_made_type, check_read_back
from proof.support.altered import altered
from proof.support.both_paths import (
    BETWEEN,
    Encoders,
    Options,
    Pair,
    differ,
    pair_of,
)
from proof.support.classes import TYPES
from proof.support.made_types import MADE, type_of
from proof.support.user_classes import CHANGED, USER_TYPES
from usagewire.wire.names import DIALECTS

BATCH: Final = 250
"""Lines to read at once."""
BATCHES_OF_POOL: Final = 100
ALTERED_RECORDS: Final = 8
VARIANTS: Final = 4
"""Sets of options of each type, as building a decoder takes long."""
BATCHES_OF_OPTIONS: Final = 8000
"""Batches until there are other sets of options."""
READ_BACK: Final = 4
"""Records of a batch that are written and read back."""
BATCHES_OF_TYPE: Final = 40
"""Batches until there is another made type."""
LEAST_TAKEN: Final = 0.85
"""The least share of records that C has to read, and of lines that it has to write."""
ENOUGH: Final = 10_000
"""Lines that are enough to check the shares."""
_OFTEN: Final = ("UsageObject", "UsageObject", "UsageCompletionsResult", "CostsResult", "Shape")
_NAMES: Final = tuple(TYPES)
_USER_NAMES: Final = tuple(USER_TYPES)


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
    made: int = 0
    """Types that were made from the seed."""


@lru_cache(maxsize=2)
def _pool(seed: int, number: int) -> Pool:
    return Pool(f"{seed}/{number}")


@cache
def _encoders(dialect: Any, *, omit: bool) -> Encoders:
    return Encoders(dialect, omit=omit)


@lru_cache(maxsize=2)
def _encoders_of_made(_: str, *, omit: bool) -> Encoders:
    return Encoders("api", omit=omit)


def _encoders_of(name: str) -> Encoders:
    """Return encoders of a type. Those of a made type end with it."""
    return (
        _encoders_of_made(name, omit=False)
        if name.startswith(MADE)
        else _encoders("api", omit=False)
    )


def main() -> None:
    """Compare batches until there are enough lines, or a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=None, help="by default, a random one")
    parser.add_argument("--first", type=int, default=0, help="number of the first batch")
    parser.add_argument("--type", choices=(*_NAMES, *_USER_NAMES), help="read into this type only")
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
            if number % BATCHES_OF_TYPE == 0:
                check_numbers(Random(f"{seed}/{number}"))
                check_made_type(
                    Options(_made_name(seed, number)), _pool(seed, number // BATCHES_OF_POOL)
                )
                tally.made += 1
            _batch(seed, number, arguments.type, tally)
            number += 1
    except DifferenceError as error:
        print(error)
        print(f"fuzz: failed after {tally.lines} lines: --seed {seed} --first {number} --lines 1")
        sys.exit(1)
    except Exception:
        print(f"fuzz: an error in: --seed {seed} --first {number} --lines 1", flush=True)
        raise
    seconds = time.monotonic() - started
    read, wrote = tally.taken / max(1, tally.records), tally.written_by_c / max(1, tally.written)
    print(
        f"fuzz: {tally.lines} lines, seed {seed}: {tally.records} records, {tally.unknown} unknown rows,"
        f" C read {read:.1%}; {tally.written}"
        f" written in {len(DIALECTS)} dialects, C wrote {wrote:.1%}; {tally.altered} altered records;"
        f" {tally.made} made types; {len(FINDINGS) + len(RECORDS)} old findings; no difference; {tally.lines / seconds:,.0f} lines/s"
    )
    if arguments.type is None and tally.lines >= ENOUGH and min(read, wrote) < LEAST_TAKEN:
        sys.exit(f"C read only {read:.1%} or wrote only {wrote:.1%}, not {LEAST_TAKEN:.0%}")


def _batch(seed: int, number: int, name: str | None, tally: Tally) -> None:
    rng = Random(f"{seed}/{number}")
    random, choice = rng.random, rng.choice
    name = name or _type_name(rng, seed, number)
    way = choice(("lines", "lines", "lines", "chunks", "documents", "array"))
    if way == "documents" and random() < 0.1:
        way = "threads"
    is_documents = way in ("documents", "threads")
    line = Line(rng, _pool(seed, number // BATCHES_OF_POOL), documents=is_documents)
    own = f"{seed}/{name}/{choice(range(VARIANTS))}/{number // BATCHES_OF_OPTIONS}"
    options = _options(Random(own), name, way)
    make = maker(type_of(name))
    lines = []
    for _ in range(BATCH):
        if random() < 0.02:
            line.restyle()
        if options.on_error == "raise" or way == "array":
            line.unusual = min(line.unusual, 0.0005)
        lines.append(line.line(make))
    data = (BETWEEN if is_documents else b"\n").join(lines)
    if random() < 0.05:
        data = BOM + data
    if random() < 0.5:
        data += b"\n"
    cuts: tuple[int, ...] = ()
    if way == "chunks":
        cuts = tuple(sorted(rng.choices(range(len(data) + 1), k=choice((1, 3, 30)))))
    pair = pair_of(options)
    before = pair.taken
    found, expected = pair.read(way, data, cuts)
    if differ(found, expected):
        raise DifferenceError(smaller(options, way, data, cuts))
    tally.lines += BATCH if is_documents else found.lines
    tally.unknown += found.unknown
    values = [one for one in found.records if not (is_documents and isinstance(one, str | tuple))]
    records = [record for record in values if attrs.has(type(record))]
    if name in TYPES:
        tally.records += len(records)
        tally.taken += min(pair.taken - before, len(records))
    if values:
        _read_back(rng, values, options, pair)
    if records:
        _write(rng, records, tally, options, pair)


def _type_name(rng: Random, seed: int, number: int) -> str:
    chance = rng.random()
    if chance < 0.4:
        return rng.choice(_OFTEN)
    if chance < 0.85:
        return rng.choice(_NAMES)
    return rng.choice(_USER_NAMES) if chance < 0.95 else _made_name(seed, number)


def _made_name(seed: int, number: int) -> str:
    return f"{MADE}{seed}/{number // BATCHES_OF_TYPE}"


def _options(rng: Random, name: str, way: str) -> Options:
    random, choice = rng.random, rng.choice
    unknown = choice(("keep", "keep", "ignore", "forbid"))
    if random() < 0.25:
        return Options(name, strict=False, unknown=unknown)
    on_error = choice(("call", "call", "skip", "skip", "few", "none", "raise", "again"))
    if way in ("documents", "threads", "array"):
        on_error = "call"
    longest = choice((2**24, 2**24, 2**24, 700, 250))
    return Options(
        name,
        unknown=unknown,
        on_error=on_error,
        max_line_bytes=longest,
        copied=random() < 0.1,
    )


def _reads_back(options: Options) -> bool:
    return options.strict and options.unknown == "keep" and options.type not in CHANGED


def _read_back(rng: Random, values: list[Any], options: Options, pair: Pair) -> None:
    if not _reads_back(options):
        return
    kind = type_of(options.type)
    encoders = _encoders_of(options.type)
    for value in rng.sample(values, min(READ_BACK, len(values))):
        check_read_back(encoders, pair.c.decoder, kind, value)


def _write(rng: Random, records: list[Any], tally: Tally, options: Options, pair: Pair) -> None:
    is_made = options.type.startswith(MADE)
    dialects = DIALECTS if rng.random() < 0.1 else (rng.choice(DIALECTS),)
    for dialect in dialects:
        omit = rng.random() < 0.2
        if is_made:
            encoders = _encoders_of_made(options.type, omit=omit)
        else:
            encoders = _encoders(dialect, omit=omit)
        before = encoders.handed_back
        if not encoders.write(records):
            raise DifferenceError(written_apart(encoders, records))
        if options.type in TYPES or is_made:
            tally.written += len(records)
            tally.written_by_c += len(records) - (encoders.handed_back - before)
    for _ in range(ALTERED_RECORDS):
        record = altered(rng, rng.choice(records))
        tally.altered += 1
        if not encoders.write_one(record):
            raise DifferenceError(written_apart(encoders, [record]))
        if _reads_back(options):
            kind = type_of(options.type)
            check_altered(_encoders_of(options.type), pair.c.decoder, kind, record)
    mixed = [altered(rng, record) if rng.random() < 0.1 else record for record in records[:20]]
    if not encoders.write(mixed):
        raise DifferenceError(written_apart(encoders, mixed))


def _replay(finding: Finding) -> None:
    if differ(*Pair(finding.options).read(finding.way, finding.data, finding.cuts)):
        raise DifferenceError(f"an old finding is back: {finding.what}: {finding}")


def _replay_written(what: str, record: Any) -> None:
    for dialect, omit in product(DIALECTS, (False, True)):
        encoders = _encoders(dialect, omit=omit)
        if not encoders.write_one(record):
            shown = written_apart(encoders, [record])
            raise DifferenceError(f"an old finding is back: {what}: {shown}")


if __name__ == "__main__":
    main()
