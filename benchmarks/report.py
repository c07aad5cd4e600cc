"""All figures of a run as Markdown. This module measures nothing, but describes the machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final, Literal

import attrs

from benchmarks import (
    growth,
    headline,
    peers,
    readers,
    scale,
    stream_memory,
    streaming,
    user_classes,
    variants,
)
from benchmarks.headline import OURS, REFERENCE, Way
from benchmarks.tables import filled, number, spread, table
from benchmarks.targets import Target, targets_table
from benchmarks.turns import ratios
from benchmarks.workloads import BUCKETS, ROWS_PER_BUCKET, Workload
from usagewire import accelerated

WAYS: Final[tuple[Way, ...]] = ("decode", "encode")
LIBRARIES: Final = (
    "usagewire",
    "attrs",
    "cattrs",
    "orjson",
    "msgspec",
    "pydantic",
    "pydantic-core",
    "mashumaro",
    "openai",
    "pytest-benchmark",
    "jsonlines",
    "zlib-ng",
    "polars",
    "duckdb",
)
TARGETS: Final[tuple[tuple[str, Literal["at most", "below"], float], ...]] = (
    ("cattrs_orjson", "at most", 0.6),
    ("pydantic_models", "below", 1.0),
)
"""Bounds for our time without C, as a multiple of the time of these peers."""

CHART: Final = "results.svg"
"""The file with the chart of the headline, next to the report."""


@attrs.frozen(kw_only=True)
class Measured:
    """All measurements of one run."""

    headline: headline.Measured
    variants: variants.Measured
    user_classes: user_classes.Measured
    scale: scale.Measured
    workloads: Sequence[Workload]
    turns: int
    times: Mapping[tuple[Way, str, str], Sequence[float]]
    """Seconds of each turn, by way, workload and peer."""
    memory_rows: int
    memory: Mapping[tuple[str, str], float | None]
    """Bytes kept a row, by workload and peer."""
    imports: Mapping[str, float]
    """Seconds by library."""
    streaming: streaming.Measured
    readers: readers.Measured
    stream_memory: stream_memory.Measured
    growth: growth.Measured

    def ratios(self, way: Way, workload: str, peer: str) -> list[float]:
        """Return the peer's time as a multiple of ours for each turn, or nothing if unsupported."""
        ours = self.times[way, workload, OURS]
        theirs = self.times.get((way, workload, peer), ())
        return [b / a for a, b in zip(ours, theirs, strict=bool(theirs))]

    def nanoseconds(self, way: Way, workload: Workload, peer: str) -> float | None:
        """Return the median time a row, or None if not supported."""
        times = self.times.get((way, workload.name, peer))
        return median(times) / workload.rows * 1e9 if times else None


def ratio_tables(measured: Measured) -> str:
    """Return the tables of ratios, which are also printed after a run."""
    return "\n\n".join(
        f"### {way.capitalize()}\n\n" + _by_peer(measured, _ratio_cell(measured, way))
        for way in WAYS
    )


def render(measured: Measured) -> str:
    """Return the whole report."""
    sections = {
        "Benchmarks": _introduction(measured),
        "Headline": f"![Time of each peer, as a multiple of usagewire's]({CHART})\n\n"
        + headline.section(measured.headline),
        "Targets": _targets(measured),
        "Unusual lines": variants.section(measured.variants),
        "Your own classes": user_classes.section(measured.user_classes),
        "From few records to very many": scale.section(measured.scale),
        "All peers: time, as a multiple of usagewire's": "In these tables, a number above 1 means"
        " slower than usagewire. The introduction describes the data and the method."
        f"\n\n{ratio_tables(measured)}",
        "Nanoseconds a row, for orientation": _nanoseconds(measured),
        "Memory kept a row": _memory(measured),
        "Import time": _imports(measured),
        "How each peer is set up": _setups(),
        "Not supported": _unsupported(measured),
        **_streaming_sections(measured),
        "Machine and versions": _machine(),
    }
    text = "\n\n".join(f"## {title}\n\n{body}" for title, body in sections.items())
    return filled(text.removeprefix("#")) + "\n"


def _streaming_sections(measured: Measured) -> dict[str, str]:
    return {
        "Streaming: time to read a file": streaming.section(measured.streaming),
        "Streaming: other readers of the same files": readers.section(measured.readers),
        "Streaming: memory": stream_memory.section(measured.stream_memory),
        "Streaming: time in proportion to the input": growth.section(measured.growth),
    }


def _introduction(measured: Measured) -> str:
    sizes = "\n".join(
        f"- **{w.title}**: {w.rows:,} rows on {w.data.count(10):,} lines,"
        f" {len(w.data) / w.rows:.0f} bytes a row."
        for w in measured.workloads
    )
    state = (
        "is in use; `usagewire, reference path` is the same process without it"
        if accelerated()
        else "is **not** in use, and all figures are of the reference path"
    )
    return f"""\
Written by `python -m benchmarks.run` on {datetime.now(UTC):%Y-%m-%d}. All figures are of this one
run. The C extension {state}.

usagewire is compared with its peers: other ways to read and write the same data. This introduction
describes the data and the method of the sections "All peers" and "Memory kept a row". The other
sections describe their own.

{sizes}

Each workload is one NDJSON text without nulls, and every peer gets the same bytes. Ids and models
repeat. Completions rows have 12 keys and are decoded into a class of 25 fields. Mixed rows are of
all 12 kinds in equal shares. A page has {BUCKETS} buckets of {ROWS_PER_BUCKET} rows. Every other
page has rows of one kind, and the rest have mixed kinds. No page has decisions, because the SDK's
pages of other kinds cannot hold them. Amounts are JSON numbers, because the SDK turns strings into
floats too. Its floats are compared by their shortest text.

Decoding starts with the whole text and ends with a list of all records. Its time includes splitting
lines and collecting garbage, with Python's default settings. Encoding starts with the peer's own
records and ends with the whole text. Before a peer is timed, all its records are compared with
ours, field by field. Its text is decoded by usagewire and compared too, and must have the same
number of keys.

All peers run in one process and one thread, by turns. A turn is one round of each peer, and there
are {measured.turns}. Time is the CPU time of the process, so waiting for a core does not count. A
ratio compares two times of the same turn. Cells show the median and, in brackets, the range of all
turns. Compare only ratios of one run: the speed of a machine drifts, and another machine gives
other ratios."""


def _targets(measured: Measured) -> str:
    found = [
        *headline.targets(measured.headline),
        *variants.targets(measured.variants),
        *user_classes.targets(measured.user_classes),
        *scale.targets(measured.scale),
        *_reference_targets(measured),
        *streaming.targets(measured.streaming),
        *stream_memory.targets(measured.stream_memory),
        *growth.targets(measured.growth),
    ]
    return (
        'This table has every target of the project, including those not met. "Measured" is the'
        " median and range in this run, and the median must meet the target. An aim is a better"
        f" value that is not required. {sum(t.met for t in found)} of {len(found)} are met."
        f"\n\n{targets_table(found)}"
    )


def _reference_targets(measured: Measured) -> list[Target]:
    def times(peer: str) -> Sequence[float]:
        return measured.times["decode", "completions", peer]

    return [
        Target(
            f"without C, decode completions rows: our time / {peers.load(peer).NAME}",
            relation,
            bound,
            ratios(times(REFERENCE), times(peer)),
        )
        for peer, relation, bound in TARGETS
    ]


def _nanoseconds(measured: Measured) -> str:
    def cells(way: Way) -> Callable[[Workload, str], str]:
        return lambda workload, peer: number(measured.nanoseconds(way, workload, peer))

    tables = (f"### {way.capitalize()}\n\n" + _by_peer(measured, cells(way)) for way in WAYS)
    caution = (
        "These are the times of the ratios above, in nanoseconds a row, as medians of the turns."
        " They show the order of magnitude; to compare peers, use the ratios."
    )
    return "\n\n".join([caution, *tables])


def _memory(measured: Measured) -> str:
    def cell(workload: Workload, peer: str) -> str:
        return number(measured.memory[workload.name, peer])

    return (
        "This table has the bytes of memory that a decoded row keeps: the growth of the resident"
        f" memory of a new process that holds the records of {measured.memory_rows:,} rows, after"
        " collecting garbage. The text does not count.\n\n" + _by_peer(measured, cell)
    )


def _imports(measured: Measured) -> str:
    rows = ((name, f"{spent * 1e3:.0f}") for name, spent in measured.imports.items())
    return (
        "This table has the time of importing each library, in milliseconds: that of a process that"
        " imports it, less that of one that does not. Each figure is the median of several"
        ' processes. "The models" imports one class of usagewire, and "all of it" every public'
        " name.\n\n" + table(("library", "ms"), rows)
    )


def _setups() -> str:
    lines = (f"- **{peer.NAME}**: {peer.ABOUT}" for peer in map(peers.load, peers.PEERS))
    return "Each peer is set up so that its answer equals ours.\n\n" + "\n".join(lines)


def _unsupported(measured: Measured) -> str:
    lines = []
    for name in peers.PEERS:
        peer = peers.load(name)
        for workload in measured.workloads:
            for way, ask in (("decode", peer.decoder), ("encode", peer.encoder)):
                try:
                    ask(workload.kind)
                except peers.NotSupported as reason:
                    lines.append(f"- **{peer.NAME}**, {way} {workload.title}: {reason}.")
    return "These combinations are not supported, for the reason given.\n\n" + "\n".join(lines)


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rows = [
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        *((name, version(name)) for name in LIBRARIES),
    ]
    return table(("", ""), rows)


def _processor() -> str:
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def _ratio_cell(measured: Measured, way: Way) -> Callable[[Workload, str], str]:
    def cell(workload: Workload, peer: str) -> str:
        if peer == OURS:
            return "1.00"
        return spread(measured.ratios(way, workload.name, peer))

    return cell


def _by_peer(measured: Measured, cell: Callable[[Workload, str], str]) -> str:
    """Return a table with a row for each peer and a column for each workload."""
    return table(
        ("", *(workload.title for workload in measured.workloads)),
        (
            (peers.load(peer).NAME, *(cell(workload, peer) for workload in measured.workloads))
            for peer in peers.PEERS
        ),
    )
