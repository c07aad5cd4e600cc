"""Checkpoints: one short line, refused if anything in it has changed."""

import json
import math
import zlib
from typing import Any

import attrs
import pytest

from tests.support.samples import row, text
from usagewire import CheckpointError, read
from usagewire.streaming.checkpoint import (
    VERSION,
    WINDOW,
    Checkpoint,
    Prefix,
    PrefixTracker,
    mark,
    sources_mark,
)

CHECKPOINT = Checkpoint(
    source=2,
    before=sources_mark("", "a"),
    file="usage/é.ndjson",
    inode=(64768, 2**64 - 1),
    line=2**33,
    offset=2**40,
    covered=2**40,
    mark=mark(b"head", b"tail"),
)
TEXT = CHECKPOINT.dumps()
CHECKPOINTS = {
    "of everything": CHECKPOINT,
    "at the beginning": Checkpoint(),
    "in a document": Checkpoint(item=3, covered=500, mark=mark(b"[", b"]")),
    "of a name that is no text": Checkpoint(file="\udcff\n\"'"),
}


def sealed(fields: dict[str, Any] | str) -> str:
    """Return a checkpoint of these fields with a valid checksum."""
    body = fields if isinstance(fields, str) else json.dumps(fields, separators=(",", ":"))
    return f'{body[:-1]},"check":"{zlib.crc32(body[:-1].encode()):08x}"}}'


def fields(**changes: Any) -> dict[str, Any]:
    """Return the fields of the checkpoint, with changes."""
    found = {"usagewire_checkpoint": VERSION} | attrs.asdict(CHECKPOINT) | changes
    return {name: value for name, value in found.items() if value is not ...}


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("kind", [str, str.encode, lambda text: f" {text}\r\n"])
def test_round_trip(name: str, kind: Any) -> None:
    """`loads` reads what `dumps` wrote, from str or bytes, with or without a line end."""
    checkpoint = CHECKPOINTS[name]

    assert checkpoint == Checkpoint.loads(kind(checkpoint.dumps()))


def test_sealed() -> None:
    """The tests write checkpoints as the package does."""
    assert sealed(fields()) == TEXT


@pytest.mark.parametrize(
    "name", ["usage.ndjson", "é" * 5000, "/" + "folder/" * 500 + "usage.ndjson"]
)
def test_one_small_line(name: str) -> None:
    """A checkpoint is one short line of ASCII, and valid JSON, for any name of the file."""
    with read([text(row()) + b"\n"], name=name) as reader:
        next(reader)
        found = reader.checkpoint()

    assert (1, True, True) == (len(found.splitlines()), found.isascii(), len(found) < 1600)
    assert name.endswith(json.loads(found)["file"])


def test_flipped() -> None:
    """With any one byte changed, a checkpoint is refused, or it means the same."""
    data = TEXT.encode()
    for at, was in enumerate(data):
        for byte in {was ^ 1 << bit for bit in range(8)} | {0x20, 0x22, 0x39}:
            changed = data[:at] + bytes((byte,)) + data[at + 1 :]
            try:
                found = Checkpoint.loads(changed)
            except CheckpointError:
                continue
            assert (CHECKPOINT, data) == (found, changed)


def test_cut() -> None:
    """Without its beginning, its end or any one byte, a checkpoint is refused."""
    for at in range(len(TEXT)):
        for changed in (TEXT[:at], TEXT[at + 1 :], TEXT[:at] + TEXT[at + 1 :]):
            with pytest.raises(CheckpointError):
                Checkpoint.loads(changed)


NONE: dict[str, Any] = {
    "empty": "",
    "blank": "\n",
    "no JSON": "offset 7",
    "null": "null",
    "a number": "7",
    "a list": "[1]",
    "text": '"checkpoint"',
    "an object": "{}",
    "a log": text(row()) + b"\n",
    "too deep": "[" * 100_000,
    "too long a number": '{"usagewire_checkpoint":' + "1" * 10_000 + "}",
    "two": TEXT + "\n" + TEXT,
    "not ASCII": TEXT.replace("2", "\u0662", 1),
    "bytes that are no text": b"\xff\xfe",
    "an int": 5,
    "a dict": json.loads(TEXT),
    "a bytearray": bytearray(TEXT.encode()),
    "a list of text": [TEXT],
}


@pytest.mark.parametrize("name", NONE)
def test_not_a_checkpoint(name: str) -> None:
    """Anything but a checkpoint is refused with a message that says what to do."""
    with pytest.raises(CheckpointError, match="no checkpoint to read from the beginning") as caught:
        read([], resume=NONE[name])

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "version", [VERSION + 1, 10**6, 0, -1, True, 1.0, "1", None, [1], math.nan]
)
def test_another_version(version: Any) -> None:
    """A different version is refused, and the message names both versions."""
    with pytest.raises(CheckpointError, match=f"version .*reads version {VERSION};"):
        Checkpoint.loads(sealed(fields(usagewire_checkpoint=version)))


SIZES = [True, -1, 2**63, 10**400, 1.0, "7", None, [7], math.nan, math.inf]
FIELDS: dict[str, dict[str, Any]] = {
    "one more": {"more": 1},
    **{f"no {name}": {name: ...} for name in attrs.asdict(CHECKPOINT)},
    **{f"source {str(size)[:9]}": {"source": size} for size in SIZES},
    **{f"line {str(size)[:9]}": {"line": size} for size in [0, *SIZES]},
    **{f"offset {str(size)[:9]}": {"offset": size, "covered": size} for size in SIZES},
    **{f"item {str(size)[:9]}": {"item": size} for size in SIZES if size is not None},
    **{f"since {str(size)[:9]}": {"since": size} for size in SIZES if size is not None},
    "covers less": {"covered": 5},
    "covers nothing": {"covered": 0},
    "in a document and in lines": {"item": 1},
    "before": {"before": 1},
    "file": {"file": None},
    "mark": {"mark": ["a"]},
    "inode of one": {"inode": [1]},
    "inode of three": {"inode": [1, 2, 3]},
    "inode of text": {"inode": "12"},
    "inode of bool": {"inode": [True, 2]},
    "inode below zero": {"inode": [1, -2]},
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields(name: str) -> None:
    """Even with the right checksum, wrong fields are refused."""
    with pytest.raises(CheckpointError, match="the checkpoint is damaged: ") as caught:
        Checkpoint.loads(sealed(fields(**FIELDS[name])))

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("size", [1, 7, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW])
def test_tracker(size: int) -> None:
    """In step with reading, a tracker knows the prefix at each line that was read."""
    data = b"".join(b"%d\n" % number * (1 + number % 70) for number in range(300)) + b"x" * 9000
    tracker = PrefixTracker()
    place = 0
    for at in range(0, len(data), size):
        chunk = data[at : at + size]
        tracker.add(chunk, place)
        assert at + len(chunk) == tracker.end
        for place in [place, *lines_in(data, at, at + len(chunk))]:  # noqa: B020
            head, tail = data[: min(place, WINDOW)], data[max(0, place - WINDOW) : place]
            assert Prefix(place, head, tail) == tracker.seen(place)


def lines_in(data: bytes, start: int, stop: int) -> list[int]:
    """Return where lines begin after a part of the data: the first, the middle and the last."""
    found = [at + 1 for at in range(start, stop) if data[at] == 0x0A]
    return sorted({*found[:1], *found[len(found) // 2 :][:1], *found[-1:]})
