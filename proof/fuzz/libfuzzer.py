"""The target of libFuzzer: C and the reference read an input, and write its records again.

The first byte of an input chooses the options. libFuzzer watches the C text alone, and makes new
inputs that take new branches. A difference is printed as in `proof.fuzz`.

    python -m proof.fuzz.libfuzzer FOLDER

writes the first inputs to a folder, and words for inputs to `FOLDER.dict`.
"""

from __future__ import annotations

import json
import sys
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, Final

from proof.fuzz.differences import KNOWN, DifferenceError, prepare, smaller, written_apart
from proof.fuzz.findings import FINDINGS
from proof.fuzz.lines import ALL_TAGS, Line, Pool
from proof.fuzz.models import maker
from proof.fuzz.values import BAD_INTS, BAD_UTF8, DECIMALS, FLOATS, INTS, STRINGS, UNUSUAL
from proof.support.both_paths import BETWEEN, Encoders, Options, differ, pair_of
from proof.support.classes import TYPES
from usagewire.wire import names as wire_names

SAMPLES: Final = Path(__file__).parents[2] / "tests" / "data" / "samples.json"
LINES: Final = 8
"""Lines of each type in the first inputs."""
LONGEST_WORD: Final = 100

_MODES: Final = (
    *(("lines", True, unknown, "call") for unknown in ("keep", "ignore", "forbid")),
    ("lines", True, "ignore", "skip"),
    ("documents", True, "keep", "call"),
    ("documents", False, "ignore", "call"),
)
SETTINGS: Final[tuple[tuple[str, Options], ...]] = tuple(
    (way, Options(name, strict=strict, unknown=unknown, on_error=on_error))
    for name, (way, strict, unknown, on_error) in product(TYPES, _MODES)
)
"""The way and the options for each first byte."""

_encoders: Final = [
    Encoders(dialect, omit=omit) for dialect in ("api", "dart") for omit in (False, True)
]


def one(data: bytes) -> None:
    """Read and write one input.

    Raises:
        DifferenceError: if C and the reference differ.
    """
    if not data:
        return
    way, options = SETTINGS[data[0] % len(SETTINGS)]
    text = data[1:]
    found, expected = pair_of(options).read(way, text, ())
    if differ(found, expected):
        raise DifferenceError(smaller(options, way, text, ()))
    records = [record for record in found.records if type(record) in KNOWN]
    encoders = _encoders[len(data) % len(_encoders)]
    if records and not encoders.write(records):
        raise DifferenceError(written_apart(encoders, records))


def seeds() -> list[bytes]:
    """Return the first inputs: samples, old findings, and some lines of each type."""
    samples = json.loads(SAMPLES.read_text(encoding="utf-8"))
    texts: list[Any] = [page["payload"] for page in samples["pages"].values()]
    texts += [quirk["payload"] for quirk in samples["quirks"]]
    found = []
    ours = [i for i, (_, options) in enumerate(SETTINGS) if options.type == "UsageObject"]
    for i, payload in product(ours[: len(_MODES)], texts):
        found.append(bytes([i]) + json.dumps(payload, separators=(",", ":")).encode())
    for finding in FINDINGS:
        settings = [
            i for i, (_, options) in enumerate(SETTINGS) if options.type == finding.options.type
        ]
        found += [bytes([i]) + finding.data for i in settings]
    rng = Random("seeds")
    line = Line(rng, Pool("seeds"))
    for i, (way, options) in enumerate(SETTINGS):
        line.restyle()
        between = BETWEEN if way == "documents" else b"\n"
        lines = [line.line(maker(TYPES[options.type])) for _ in range(LINES)]
        found.append(bytes([i]) + between.join(lines) + b"\n")
    return found


def words() -> list[bytes]:
    """Return words for inputs: keys, tags and values."""
    keys = [
        json.dumps(key).encode()
        for name in wire_names.USAGE_METRICS
        for key in wire_names.spellings(name)
    ]
    texts = {*keys, *ALL_TAGS, *INTS, *BAD_INTS, *FLOATS, *DECIMALS, *STRINGS, *UNUSUAL, *BAD_UTF8}
    return sorted(text for text in texts if 0 < len(text) <= LONGEST_WORD)


def main() -> None:
    """Write the inputs and the words."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(seeds()):
        (folder / f"seed-{i:04}").write_bytes(seed)
    lines = ['"' + "".join(f"\\x{c:02x}" for c in word) + '"\n' for word in words()]
    folder.with_suffix(".dict").write_text("".join(lines), encoding="ascii")


prepare()

if __name__ == "__main__":
    main()
