"""Read texts of other projects in every place, by both paths: `python -m proof.conformance --help`.

Each path must give the answer of Python's JSON parser, with the rules of our documentation for
numbers and depth. A record is written and read again. Both paths must give the same bytes and the
same error. The texts are our own list, and those of the checkouts that you name.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from proof.conformance.places import DOCUMENT, PLACES, Place, Reader, expected, lines_differ
from proof.conformance.suites import SUITES, Input, our_list, widened
from proof.support.both_paths import without_c
from usagewire import accelerated

SHOWN: Final = 40
"""Differences to print."""
LINES: Final = "lines"
"""The name of the last row of the table."""


class Conformance:
    """The reading of texts in all places by two paths, and its differences."""

    def __init__(self) -> None:
        self.fast = Reader()
        with without_c():
            self.reference = Reader()
        self.differences: list[str] = []

    def suite(self, inputs: Iterable[Input]) -> Counter[tuple[str, str]]:
        """Read all inputs in all places. Return how many were accepted and refused in each."""
        counts: Counter[tuple[str, str]] = Counter()
        for one in widened(inputs):
            for place in PLACES:
                counts[place.name, self.read(one, place)] += 1
            counts[LINES, self.read_lines(one)] += 1
        return counts

    def read(self, one: Input, place: Place) -> str:
        """Return what became of an input in a place: accepted or refused."""
        text = place.embed(one.text)
        answer = expected(place, one.text)
        try:
            found, again = self.fast.read(place, text), self.reference.read(place, text)
            self.check(found.whole == again.whole, one, place, "the paths differ")
            self.check(not found.differs(answer), one, place, f"{found[:2]} is not {answer}")
            if place is DOCUMENT and one.is_json is not None:
                said = found.refused is None if one.is_json else found.refused == ("syntax", "$")
                self.check(said, one, place, f"the suite says otherwise: {found.refused}")
            as_text = _text(text)
            if as_text is not None:
                whole = self.fast.read(place, as_text).whole
                self.check(whole == found.whole, one, place, "a str differs from its bytes")
        except Exception as error:
            self.check(False, one, place, f"{type(error).__name__}: {error}")
            return "refused"
        return "accepted" if found.refused is None else "refused"

    def read_lines(self, one: Input) -> str:
        """Return what became of an input as lines. All lines must be accepted, or it is refused."""
        try:
            found, again = self.fast.lines(one.text), self.reference.lines(one.text)
        except Exception as error:
            self.check(False, one, LINES, f"{type(error).__name__}: {error}")
            return "refused"
        self.check(found.whole == again.whole, one, LINES, "the paths differ")
        self.check(not lines_differ(found, one.text), one, LINES, f"{found[:2]}")
        return "refused" if found.rejected else "accepted"

    def check(self, is_right: bool, one: Input, place: Place | str, what: str) -> None:  # noqa: FBT001
        """Keep a difference."""
        if not is_right:
            name = place if isinstance(place, str) else place.name
            self.differences.append(f"{one.name}: {ascii(one.text)[:80]}: {name}: {what[:300]}")


def _text(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def main() -> None:
    """Read the suites, print a table, and fail if there is a difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in SUITES:
        parser.add_argument(f"--{name.lower()}", type=Path, help=f"a checkout of {name}")
    arguments = vars(parser.parse_args())
    started, run = time.monotonic(), Conformance()
    counts = {"our list": run.suite(our_list())}
    for name, inputs in SUITES.items():
        folder = arguments[name.lower()]
        if folder is not None:
            counts[name] = run.suite(inputs(folder))
            if not counts[name]:
                sys.exit(f"conformance: {folder} has no texts of {name}")
    _print(counts)
    for line in run.differences[:SHOWN]:
        print(line)
    texts = sum(sum(of[LINES, how] for how in ("accepted", "refused")) for of in counts.values())
    paths = "by C and the reference" if accelerated() else "without C"
    print(
        f"conformance: {texts} texts in {len(PLACES) + 1} places, {paths}:"
        f" {len(run.differences)} differences; {time.monotonic() - started:.0f} s"
    )
    sys.exit(bool(run.differences))


def _print(counts: dict[str, Counter[tuple[str, str]]]) -> None:
    print("| place |", " | ".join(counts), "|")
    print("|---" * (1 + len(counts)) + "|")
    for name in (*(place.name for place in PLACES), LINES):
        cells = [f"{of[name, 'accepted']:,} / {of[name, 'refused']:,}" for of in counts.values()]
        print(f"| {name} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
