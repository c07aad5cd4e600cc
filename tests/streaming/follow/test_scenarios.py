"""Scenarios of following, from `tests/data/following.txt`."""

import os
import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.support.logs import Log, follow, lines, news
from tests.support.packing import PACK
from tests.support.samples import DATA
from usagewire import CheckpointError, Reader, read

pytestmark = pytest.mark.skipif(os.name != "posix", reason="renames files that are open")

SCENARIOS: Final = dict(
    re.findall(r"^(?!#)(.+)\n(.+)$", (DATA / "following.txt").read_text("utf-8"), re.MULTILINE)
)
VARIANTS: Final = {
    "SUFFIX": list(PACK),
    "SOME": ["", "1"],
    "CHANGE": ["cut", "cut 8 9", "delete", "delete | write 8 9"],
    "OTHER": [".torn", ".checkpoint", ".1.torn", "2", ".bak", "-costs.ndjson", ".1.part"],
}


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(steps.replace(word, variant), id=f"{title}-{variant}")
        for title, steps in SCENARIOS.items()
        for word in [next((one for one in VARIANTS if one in steps), "-")]
        for variant in VARIANTS.get(word, ["-"])
    ],
)
def test_scenario(log: Log, steps: str) -> None:
    """Each line comes once and in order in every scenario."""
    reader: Any = None
    checkpoint = None
    for step in steps.split(" | "):
        match step.split():
            case ["write", *words, "to", added]:
                log.write(*map(text_of, words), to=added)
            case ["write" | "cut" as name, *words]:
                getattr(log, name)(*map(text_of, words))
            case ["copy", added]:
                log.copy_and_cut(added)
            case ["pack", _]:
                pass  # in this variant the file is not compressed
            case ["rotate" | "pack" | "touch" | "delete" | "rename" | "restore" as name, *words]:
                getattr(log, name)(*words)
            case ["follow" | "open" as name]:
                reader = follow(log) if name == "follow" else read(log.path, resume=checkpoint)
            case ["refused"]:
                with pytest.raises(CheckpointError, match=r"usage\.ndjson: the .* neither in "):
                    next(reader)
            case ["leave"]:
                checkpoint = reader.checkpoint()
                reader.close()
            case ["resume" | "unmoved" as name]:
                reader = follow(log, checkpoint) if name == "resume" else reader
                assert checkpoint == reader.checkpoint()
            case [name, *words]:
                assert [one for word in words for one in numbers(word)] == FOUND[name](reader)
    reader.close()


FOUND: Final[dict[str, Callable[[Reader[Any]], list[int]]]] = {
    "read": news,
    "look": lambda reader: [one.usage_bytes for one in next(reader.batches())],
    "eventually": lambda reader: news(reader) + news(reader),
    "rest": lambda reader: [one.usage_bytes for one in reader],
    "next": lambda reader: [next(reader).usage_bytes],
    "counts": lambda reader: [
        getattr(reader.counts, name) for name in ("records", "rejected", "lines")
    ],
    "at": lambda reader: [reader.position.line] * reader.position.file.endswith("usage.ndjson"),
}


def numbers(word: str) -> list[int]:
    """Return the numbers of a word: 5, or 5..9."""
    first, _, last = word.partition("..")
    return list(range(int(first), int(last or first) + 1))


def text_of(word: str) -> bytes:
    """Return the bytes of a word: lines, a part of a line, or a bad line."""
    whole, bracket, part = word.partition("[")
    if not whole:
        return word.encode() + b"\n"
    start, _, stop = part.rstrip("]").partition(":")
    text = lines(*numbers(whole))
    return text[int(start or 0) : int(stop) if stop else None] if bracket else text
