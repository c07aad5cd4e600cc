"""Decoding of unusual lines: completions rows with one thing changed at a time, and bad lines.

`python -m benchmarks.variants` measures this part alone and prints it; `--small` takes seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, Final

import attrs

from benchmarks import answers, peers
from benchmarks.damages import BAD_SHARE, DAMAGES, damaged
from benchmarks.headline import CATTRS, OURS, REFERENCE, STRUCTS, Sizes
from benchmarks.peers import NotSupported
from benchmarks.tables import number, spread, table
from benchmarks.targets import Target, targets_table
from benchmarks.turns import Task, in_turns, ratios
from benchmarks.workloads import VARIANTS, Workload
from usagewire import Decoder
from usagewire.codec.counts import MAX_REJECTIONS
from usagewire.codec.decoder import DecoderOptions

BESIDE: Final = (STRUCTS, "orjson_dicts", "pydantic_models", CATTRS, REFERENCE)
"""The peers that are measured."""

USUAL: Final = "completions"

AS_FAST: Final = ("sorted_keys", "unknown_keys", "escapes", "unique_strings")
"""Variants in which we must be as fast as msgspec, and half as fast a byte as in the usual rows."""

KEEPS_ALL: Final = '`on_error="collect"`, all kept'
"""This mode keeps every rejection, which is more than the default. It has no target."""

MODES: Final[Mapping[str, DecoderOptions]] = {
    '`on_error="collect"`': {"on_error": "collect"},
    KEEPS_ALL: {"on_error": "collect", "max_rejections": 10**9},
    '`on_error="skip"`': {"on_error": "skip"},
}
"""The ways to handle bad lines."""

BAD: Final[Mapping[str, Sequence[str]]] = {
    "cut short": ("cut short",),
    "of all kinds": tuple(DAMAGES),
}
"""The kinds of damage in a text of bad lines."""

FULL: Final = Sizes(rows=50_000, turns=9)
SMALL: Final = Sizes(rows=500, turns=2)


@attrs.frozen(kw_only=True)
class Measured:
    """The measured times."""

    sizes: Sizes
    workloads: Mapping[str, Workload]
    times: Mapping[tuple[str, str], Sequence[float]]
    """Seconds of each turn by variant and peer, and by kind of bad lines and mode."""

    def to_ours(self, variant: str, peer: str) -> list[float]:
        """Return the time of a peer as a multiple of ours for each turn, or nothing."""
        theirs = self.times.get((variant, peer))
        return ratios(theirs, self.times[variant, OURS]) if theirs else []

    def per_byte(self, variant: str) -> list[float]:
        """Return our time a byte as a multiple of that in the usual rows, for each turn."""
        shares = ratios(self.times[variant, OURS], self.times[USUAL, OURS])
        sizes = [len(self.workloads[name].data) for name in (variant, USUAL)]
        return [share / sizes[0] * sizes[1] for share in shares]

    def speed(self, bad: str, mode: str) -> list[float]:
        """Return our lines a second as a multiple of those in good lines, for each turn."""
        return ratios(self.times[USUAL, OURS], self.times[bad, mode])


def measure(sizes: Sizes) -> Measured:
    """Compare every answer with ours, and time all tasks by turns."""
    made = {name: make(sizes.rows) for name, make in VARIANTS.items()}
    tasks: dict[tuple[str, str], Task] = {}
    for name, workload in made.items():
        for peer in (OURS, *BESIDE):
            subject = peers.load(peer)
            try:
                answers.check_decoding(subject, workload)
            except NotSupported:
                continue
            tasks[name, peer] = _as_task(workload.decoding(subject))
    lines = made[USUAL].data.splitlines()
    for title, names in BAD.items():
        text, good = damaged(lines, names)
        for mode in MODES:
            check_bad(text, good, len(lines), mode)
            # A decoder adds to its counts, so each turn has a new one.
            tasks[title, mode] = partial(_decoding_bad, text, mode)
    return Measured(sizes=sizes, workloads=made, times=in_turns(tasks, sizes.turns))


def _as_task(decode: Callable[[], object]) -> Task:
    return lambda: decode


def check_bad(text: bytes, good: Mapping[int, bytes], lines: int, mode: str) -> None:
    """Assert that we return the record of each good line of a damaged text, and count the rest."""
    kind = VARIANTS[USUAL](0).kind
    decoder = Decoder[Any](kind, **MODES[mode])
    expected = peers.load(REFERENCE).decoder(kind)(b"\n".join(good.values()))
    assert decoder.decode_lines(text) == expected
    counts = decoder.counts
    assert (counts.lines, counts.records, counts.blank) == (lines, len(good), 0)
    assert counts.rejected == lines - len(good)


def _decoding_bad(text: bytes, mode: str) -> Any:
    decoder = Decoder[Any](VARIANTS[USUAL](0).kind, **MODES[mode])
    return partial(decoder.decode_lines, text)


def targets(measured: Measured) -> list[Target]:
    """Return each target with its measured values."""
    structs, found = peers.load(STRUCTS).NAME, []
    for name in AS_FAST:
        title = measured.workloads[name].title
        theirs = measured.to_ours(name, STRUCTS)
        found.append(Target(f"decode, {title}: time of {structs} / ours", "at least", 1.0, theirs))
        slower = measured.per_byte(name)
        found.append(
            Target(f"decode, {title}: our time a byte / usual rows", "at most", 2.0, slower)
        )
    for bad in BAD:
        for mode in MODES:
            if mode == KEEPS_ALL:
                continue
            what = f"decode, {BAD_SHARE:.0%} bad lines, {bad}, {mode}: speed / good lines"
            found.append(Target(what, "at least", 1 / 3, measured.speed(bad, mode)))
    return found


def section(measured: Measured) -> str:
    """Return this section of the report."""

    def row(name: str, workload: Workload) -> tuple[str, ...]:
        return (
            workload.title,
            f"{len(workload.data) / workload.rows:.0f}",
            number(median(measured.times[name, OURS]) / workload.rows * 1e9),
            f"{median(measured.per_byte(name)):.2f}",
            *(spread(measured.to_ours(name, peer)) for peer in BESIDE),
        )

    names = [peers.load(peer).NAME for peer in BESIDE]
    head = ("", "bytes a row", "our ns a row", "our ns a byte / usual", *names)
    bad = [
        (f"{kind}, {mode}", spread(measured.speed(kind, mode))) for kind in BAD for mode in MODES
    ]
    return f"""\
This table shows how decoding slows down if lines are unusual. Its first row has
{measured.sizes.rows:,} completions rows, the usual rows. Each other row has the same rows with one
thing changed, except the last, which has about as many rows in pretty-printed pages.

The first three columns describe the rows and our own time. The third compares our time a byte with
that of the usual rows. The columns of peers are their time as a multiple of ours:
a number above 1 means slower than usagewire. All decode the same bytes, measured as in the
headline, over {measured.sizes.turns} turns.

A pretty-printed page is one JSON document. It is decoded alone, by `Decoder.decode` or the peer's
function for one document. The null keys differ from row to row. Unknown keys are kept by usagewire,
in `additional_properties`, and by orjson, in its dicts. The other peers drop them. In the
non-ASCII and escaped strings, `project_id` is not ASCII, `user_id` has `\\"`, `\\\\` and `\\n`, and
`api_key_id` has `\\u` escapes, including surrogate pairs. They repeat as in the usual rows.

{table(head, [row(name, workload) for name, workload in measured.workloads.items()])}

### {BAD_SHARE:.0%} bad lines

This table has the speed of usagewire for a text with bad lines, as a multiple of its speed for the
usual rows: 0.50 is half as many lines a second. Bad lines count as lines. It has no peers, because
none of them returns the good lines of such a text.

"Of all kinds" are the kinds in "Streaming: other readers of the same files". By default the first
{MAX_REJECTIONS:,} rejections are kept and all are counted. If all are kept, each bad line takes the
time of the reference path, because only that finds the reason. Before timing, the records must
equal those of the good lines alone, and the counts must add up.

{table(("bad lines", "speed / good lines"), bad)}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.variants", description=__doc__)
    parser.add_argument("--small", action="store_true", help="little data, few turns")
    measured = measure(SMALL if parser.parse_args().small else FULL)
    print(section(measured), targets_table(targets(measured)), sep="\n\n")


if __name__ == "__main__":
    main()
