"""Decoding and encoding in memory: the time and memory of usagewire and of its peers.

`python -m benchmarks.headline` measures this part alone and prints it; `--small` takes seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, TypeAlias

import attrs

from benchmarks import answers, memory, peers
from benchmarks.chart import Bar, Group, draw
from benchmarks.peers import PEERS
from benchmarks.tables import number, spread, table
from benchmarks.targets import Target, targets_table
from benchmarks.turns import Task, in_turns, ratios
from benchmarks.workloads import WORKLOADS, Workload
from usagewire import accelerated

Way: TypeAlias = Literal["decode", "encode"]

OURS: Final = PEERS[0]
REFERENCE: Final = "usagewire_reference"
STRUCTS: Final = "msgspec_structs"
CATTRS: Final = "cattrs_orjson"


@attrs.frozen
class Case:
    """Decoding or encoding of one workload, and the peers that are measured."""

    way: Way
    workload: str
    title: str
    peers: Sequence[str]
    targets: Mapping[str, tuple[float, float | None]]
    """For each peer two factors: how much faster we must be, and how much faster we want to be."""
    texts: int = 1
    """The rows are encoded into this many texts, one after the other. Each is dropped at once."""


CASES: Final = (
    Case(
        "decode",
        "completions",
        "decode completions rows",
        (
            OURS,
            STRUCTS,
            "orjson_dicts",
            "msgspec_attrs",
            "pydantic_models",
            CATTRS,
            REFERENCE,
        ),
        {
            STRUCTS: (2.0, 2.5),
            "orjson_dicts": (2.7, 3.5),
            "msgspec_attrs": (8.0, None),
            "pydantic_models": (13.0, None),
            CATTRS: (18.0, None),
        },
    ),
    Case(
        "decode",
        "mixed",
        "decode mixed rows",
        (OURS, STRUCTS, REFERENCE),
        {STRUCTS: (1.7, None)},
    ),
    Case(
        "decode",
        "pages",
        "decode API pages",
        (OURS, STRUCTS, REFERENCE),
        {STRUCTS: (1.7, None)},
    ),
    Case(
        "encode",
        "completions",
        "encode completions rows",
        (OURS, STRUCTS, CATTRS, REFERENCE),
        {STRUCTS: (1.3, 1.5), CATTRS: (20.0, None)},
    ),
    Case(
        "encode",
        "completions",
        "encode completions rows, a tenth at once",
        (OURS, STRUCTS, CATTRS, REFERENCE),
        {STRUCTS: (1.3, 1.5), CATTRS: (20.0, None)},
        texts=10,
    ),
)

MEMORY_TARGET: Final = 0.6
"""Our records may keep at most this multiple of the memory of Structs."""


@attrs.frozen
class Sizes:
    """The size of a run."""

    rows: int
    turns: int


FULL: Final = Sizes(rows=200_000, turns=9)
SMALL: Final = Sizes(rows=1_000, turns=2)


@attrs.frozen(kw_only=True)
class Measured:
    """The measured times and memory."""

    sizes: Sizes
    times: Mapping[tuple[str, str], Sequence[float]]
    """Seconds of each turn, by title of the case and peer."""
    memory: Mapping[str, float | None]
    """Bytes that a completions row keeps, by peer."""

    def ratios(self, case: Case, peer: str) -> list[float]:
        """Return the time of a peer as a multiple of ours, for each turn."""
        return ratios(self.times[case.title, peer], self.times[case.title, OURS])

    def nanoseconds(self, case: Case, peer: str) -> float:
        """Return the median time a row."""
        return median(self.times[case.title, peer]) / self.sizes.rows * 1e9


def measure(sizes: Sizes) -> Measured:
    """Compare every answer with ours, time each case by turns, and measure the memory."""
    times: dict[tuple[str, str], list[float]] = {}
    for case in CASES:
        workload = WORKLOADS[case.workload](sizes.rows)
        taken = in_turns({peer: _task(case, workload, peer) for peer in case.peers}, sizes.turns)
        times |= {(case.title, peer): spent for peer, spent in taken.items()}
    return Measured(sizes=sizes, times=times, memory=_memory(sizes))


def _task(case: Case, workload: Workload, peer: str) -> Task:
    """Return the task of a peer, after comparing its answer with ours."""
    subject = peers.load(peer)
    decode = workload.decoding(subject)
    if case.way == "decode":
        answers.check_decoding(subject, workload)
        return lambda: decode
    answers.check_encoding(subject, workload)
    encode: Any = subject.encoder(workload.kind)

    def parts() -> list[Any]:
        records = decode()
        size = max(1, -(-len(records) // case.texts))
        return [records[start : start + size] for start in range(0, len(records), size)]

    assert b"".join(map(encode, parts())) == encode(decode())
    # The records are decoded again each time, so that none exist while another peer is timed.
    return lambda: partial(_encode_each, encode, parts())


def _encode_each(encode: Callable[[Any], object], parts: Sequence[Any]) -> object:
    text: object = None
    for part in parts:
        text = None  # as in a program that has written the text to a file
        text = encode(part)
    return text


def _memory(sizes: Sizes) -> dict[str, float | None]:
    workload = WORKLOADS["completions"](sizes.rows)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "lines.ndjson"
        file.write_bytes(workload.data)
        return {peer: memory.kept_per_row(peer, workload, file) for peer in CASES[0].peers}


def targets(measured: Measured) -> list[Target]:
    """Return each target with its measured values."""
    found = [
        Target(
            f"{case.title}: time of {peers.load(peer).NAME} / ours",
            "at least",
            least,
            measured.ratios(case, peer),
            aim,
        )
        for case in CASES
        for peer, (least, aim) in case.targets.items()
    ]
    ours, theirs = (measured.memory[peer] for peer in (OURS, STRUCTS))
    share = [ours / theirs] if ours and theirs else []
    what = f"memory kept a row: ours / {peers.load(STRUCTS).NAME}"
    return [*found, Target(what, "at most", MEMORY_TARGET, share)]


def chart(measured: Measured) -> str:
    """Return the ratios as SVG."""
    groups = [
        Group(
            case.title,
            [
                Bar(peers.load(peer).NAME, measured.ratios(case, peer), is_ours=peer == OURS)
                for peer in case.peers
            ],
        )
        for case in CASES
    ]
    return draw("Time, as a multiple of usagewire's (shorter is faster)", groups)


def section(measured: Measured) -> str:
    """Return this section of the report."""

    def cells(case: Case, peer: str) -> tuple[str, str]:
        if peer not in case.peers:
            return "-", "-"
        ratio = "1.00" if peer == OURS else spread(measured.ratios(case, peer))
        return ratio, number(measured.nanoseconds(case, peer))

    ratio_rows, time_rows = [], []
    for peer in CASES[0].peers:
        ratio, spent = zip(*(cells(case, peer) for case in CASES), strict=True)
        name = peers.load(peer).NAME
        ratio_rows.append((name, *ratio, number(measured.memory[peer])))
        time_rows.append((name, *spent))
    head = ("", *(case.title for case in CASES))
    state = "with the C extension, as installed" if accelerated() else "**without the C extension**"
    return f"""\
The first table has the time of each peer as a multiple of usagewire's: a number above 1
means slower than usagewire. Its last column is the memory that one completions row keeps, in bytes.

The data are {measured.sizes.rows:,} rows of each workload in memory. Each peer decodes them into a
list of records, or encodes such a list. Here, usagewire runs {state}. Completions rows have 12
keys, and all classes for them have the same 25 fields. Garbage collection has its default settings,
and its time counts. One text of all rows needs new memory, and the time that the system takes to
give it counts too. "A tenth at once" encodes ten texts and drops each before the next, so that
malloc already has the memory.

Each answer is compared with ours in full before it is timed. Time is CPU time, over
{measured.sizes.turns} turns after one that warms up. A turn is one round of each peer, and begins
with a different peer each time. A ratio compares two times of the same turn. Cells show the median
and, in brackets, the range of all turns. "Bytes kept" is the growth of the resident memory of a new
process.

{table((*head, "bytes kept a row"), ratio_rows)}

The second table has the same times in nanoseconds a row, as medians. They show the order of
magnitude; to compare peers, use the ratios.

{table(head, time_rows)}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.headline", description=__doc__)
    parser.add_argument("--small", action="store_true", help="little data, few turns")
    measured = measure(SMALL if parser.parse_args().small else FULL)
    print(section(measured), targets_table(targets(measured)), sep="\n\n")


if __name__ == "__main__":
    main()
