"""The forms on disk: what is written today is what any later version must read.

`tests/data` keeps a checkpoint of each kind of source, and a file of dead letters. No line of these
files may ever change: a new form is a new line.
"""

import gzip
import io
import json
import os
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest

from tests.support.logs import Log, lines, news
from tests.support.samples import BOM, DATA, row, text
from usagewire import CheckpointError, DeadLetter, DeadLetters, Reader, Rejection, read
from usagewire.models import NO_PROPERTIES
from usagewire.streaming.checkpoint import WINDOW, Checkpoint, mark, sources_mark

CHECKPOINTS = dict(
    line.split(": ", 1)
    for line in (DATA / "checkpoints.txt").read_text(encoding="utf-8").splitlines()
)
"""The checkpoint of each of `CASES`, in which every file has the device 1 and the inode 2."""

THREE = lines(1, 2, 3)
MANY = lines(*range(1, 301))
LONG = MANY + text(row(usage_bytes=301, project_id="p" * 3 * WINDOW)) + b"\n" + lines(302, 303)
ARRAY = json.dumps([row(usage_bytes=number) for number in (1, 2, 3)], indent=1).encode()


class Case(NamedTuple):
    """A source, the records to read before the checkpoint, and the numbers of the others."""

    source: Callable[[], Any]
    taken: int
    rest: list[int]
    options: Mapping[str, Any] = NO_PROPERTIES

    def open(self, resume: str | None = None) -> Reader[Any]:
        """Read the source, from a checkpoint if one is given."""
        return read(self.source(), resume=resume, on_error="skip", **self.options)


def put(name: str, data: bytes) -> str:
    """Write a file and return its path."""
    Path(name).write_bytes(data)
    return name


def log(*steps: Callable[[Log], object]) -> Callable[[], Any]:
    """Return a function that writes a log, unless it is there, and returns its path."""

    def make() -> Path:
        one = Log(Path())
        if not list(Path().glob("usage*")):
            for step in steps:
                step(one)
        return one.path

    return make


FOLLOW = {"follow": True, "interval": 0.01}
CASES = {
    "file": Case(lambda: put("usage.ndjson", THREE), 1, [2, 3]),
    "file, at its beginning": Case(lambda: put("usage.ndjson", THREE), 0, [1, 2, 3]),
    "file, at its end": Case(lambda: put("usage.ndjson", THREE), 3, []),
    "file, at its end without LF": Case(lambda: put("usage.ndjson", THREE[:-1]), 3, []),
    "file of one window": Case(lambda: put("usage.ndjson", MANY), 58, [*range(59, 301)]),
    "file of many windows": Case(lambda: put("usage.ndjson", LONG), 301, [302, 303]),
    "file with a byte order mark": Case(lambda: put("usage.ndjson", BOM + THREE), 1, [2, 3]),
    "file with blank and bad lines": Case(
        lambda: put("usage.ndjson", b"\nwhat?\n" + lines(1) + b"\r\n{}\n" + lines(2)), 1, [2]
    ),
    "file with a new name": Case(lambda: put("usage.ndjson", THREE), 1, [2, 3], {"name": 'é"\n'}),
    "compressed file": Case(lambda: put("a.ndjson.gz", gzip.compress(THREE)), 2, [3]),
    "second of two files": Case(
        lambda: [put("a.ndjson", THREE), put("b.ndjson", lines(4, 5))], 4, [5]
    ),
    "third of three files": Case(
        lambda: [put("a", THREE), put("\udcffé", lines(4, 5)), put("c", lines(6, 7))], 6, [7]
    ),
    "file object": Case(lambda: io.BytesIO(THREE), 2, [3]),
    "chunks": Case(lambda: [THREE[:100], THREE[100:]], 1, [2, 3]),
    "chunks with a long name": Case(lambda: [THREE], 1, [2, 3], {"name": "folder/" * 50}),
    "array": Case(lambda: put("usage.json", ARRAY), 2, [3]),
    "array, at its end": Case(lambda: put("usage.json", ARRAY), 3, []),
    "array of many windows": Case(lambda: [b"\n" * 3 * WINDOW + ARRAY], 1, [2, 3]),
    "log": Case(log(lambda one: one.write(1, 2, 3)), 2, [3], FOLLOW),
    "log, at its beginning": Case(log(lambda one: one.write(1, 2)), 0, [1, 2], FOLLOW),
    "log that does not exist": Case(log(), 0, [], FOLLOW),
    "log that was rotated before": Case(
        log(lambda one: one.write(8, 9), Log.rotate, lambda one: one.write(1, 2)), 1, [2], FOLLOW
    ),
    "log, at its beginning, that was rotated before": Case(
        log(lambda one: one.write(8, 9), Log.rotate, lambda one: one.write(1, 2)), 0, [1, 2], FOLLOW
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use relative paths, because a checkpoint has the path of its file."""
    monkeypatch.chdir(tmp_path)


def portable(checkpoint: str) -> str:
    """Return a checkpoint with the device 1 and the inode 2, if it has any."""
    found = Checkpoint.loads(checkpoint)
    return attrs.evolve(found, inode=found.inode and (1, 2)).dumps()


@pytest.mark.parametrize("name", CASES)
def test_checkpoints_are_written_as_before(name: str) -> None:
    """A checkpoint has the same bytes as in the version that wrote it first."""
    with CASES[name].open() as reader:
        list(islice(reader, CASES[name].taken))
        assert CHECKPOINTS[name] == portable(reader.checkpoint())


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints_of_before_are_read(name: str) -> None:
    """Reading continues where an earlier version stopped."""
    with CASES[name].open(CHECKPOINTS[name]) as reader:
        follows = CASES[name].options.get("follow")
        found = news(reader) if follows else [record.usage_bytes for record in reader]

    assert CASES[name].rest == found


@pytest.mark.parametrize("name", ["file", "log"])
def test_a_checkpoint_has_the_inode(name: str) -> None:
    """A checkpoint has the device and the inode of its file."""
    with CASES[name].open() as reader:
        next(reader)
        found = Checkpoint.loads(reader.checkpoint()).inode

    status = os.stat("usage.ndjson")  # noqa: PTH116 -- as the package calls it
    assert (status.st_dev, status.st_ino) == found


@pytest.mark.parametrize("name", ["file", "compressed file", "log", "array"])
def test_checkpoints_of_before_notice_another_text(name: str) -> None:
    """A file whose first byte has changed is refused."""
    source = CASES[name].source()
    data = Path(source).read_bytes()
    is_packed = data.startswith(b"\x1f\x8b")
    changed = b" " + (gzip.decompress(data) if is_packed else data)[1:]
    Path(source).write_bytes(gzip.compress(changed) if is_packed else changed)

    resumed = read(source, resume=CHECKPOINTS[name], on_error="skip", **CASES[name].options)
    with resumed as reader, pytest.raises(CheckpointError):
        next(reader)


def test_marks() -> None:
    """The marks are BLAKE2b of 16 bytes, which no version may change."""
    assert "94c1f8dbfd088d79532925d1f71a39ad" == mark(b"head", b"tail")
    assert "7025e075d5e2f6cde3cc051a31f07660" == mark(b"", b"")
    assert "5400288981d98dd61b9e939c84005d69" == sources_mark("", "a.ndjson")
    assert "d2517de1af5691ba5a06fec92967afc5" == sources_mark(
        sources_mark("", "a.ndjson"), "é\udcff"
    )


# --- dead letters ------------------------------------------------------------------------------

LETTERS = DATA / "dead_letters.ndjson"


def rejection(raw: bytes, code: str = "syntax", **fields: Any) -> Rejection:
    """Return a rejection of a line."""
    known: dict[str, Any] = {"message": "in words", "path": "$", "line": 7, "offset": 2**40}
    return Rejection(**known | {"code": code, "raw": raw, "length": len(raw)} | fields)


REJECTED: list[tuple[Rejection, dict[str, Any]]] = [
    (rejection(b'{"a": 1'), {}),
    (rejection(b'"\xc3\xa9\t\x00\x7f\\ "', "wrong_type", file="é.ndjson"), {}),
    (rejection(b"\xff{", file="folder/\udcff\n.ndjson"), {}),
    (rejection(b"{}", "missing_field", path='$.results[1]["a b\udc80"]', line=1, offset=0), {}),
    (rejection(b"x" * 5000, "line_too_long", length=9_000_000_000), {}),
    (rejection(b"\xc3", length=2), {}),
    (rejection(b""), {}),
    (rejection(b"[]", "wrong_type"), {"note": "mine", "n": [1, None, 0.5, {"b": True}]}),
]


def test_letters_are_written_as_before() -> None:
    """A file of dead letters has the same bytes as in the version that wrote it first."""
    with DeadLetters("rejects.ndjson") as letters:
        for one, notes in REJECTED:
            letters(one, notes or NO_PROPERTIES)

    assert LETTERS.read_bytes() == Path("rejects.ndjson").read_bytes()


def test_letters_of_before_are_read() -> None:
    """A file of dead letters means the same as when it was written."""
    with read(LETTERS, DeadLetter) as letters:
        found = list(letters)

    expected = [
        attrs.evolve(DeadLetter.from_rejection(one), additional_properties=notes)
        for one, notes in REJECTED
    ]
    assert expected == found
    assert [one.raw[:4096] for one, _ in REJECTED] == [one.data for one in found]
    assert [False, False, False, False, True, True, False, False] == [
        one.truncated for one in found
    ]
