"""Files that a thread decompresses ahead: the same records and errors, and no leftover thread."""

import gzip
import io
import random
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.reading import LINES, ROWS, everything
from tests.support.samples import row, text
from tests.support.waiting import until
from usagewire import UsageVectorStoresResult, read, write
from usagewire.io import decompression, files, prefetch


def threads() -> list[threading.Thread]:
    """Return the threads that read ahead."""
    return [one for one in threading.enumerate() if one.name.endswith("(_run)")]


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a gzip file that is worth a thread and larger than the prefetched part."""
    pytest.importorskip("zlib_ng")
    monkeypatch.setattr(decompression, "_FAR", 1)
    path = tmp_path / "usage.gz"
    path.write_bytes(gzip.compress(LINES * 6000))
    return path


ENDS: dict[str, Callable[[Any], object]] = {
    "read": lambda reader: [None for _ in reader],
    "closed": lambda reader: reader.close(),
    "left": lambda reader: [None for _ in zip(range(10), reader, strict=False)],
}


@pytest.mark.parametrize("end", ENDS)
def test_thread_ends(packed: Path, end: str, opened: list[io.FileIO]) -> None:
    """When reading ends, in any way, the thread ends and the file is closed."""
    reader = read(packed)
    for _ in range(4000):
        next(reader)
    [thread] = threads()
    ENDS[end](reader)
    del reader
    thread.join(5)

    assert ([], [True]) == (threads(), [one.closed for one in opened])


def test_threads_of_several_files_end(packed: Path) -> None:
    """Several files have one thread at a time."""
    seen = {len(threads()) for _ in read([packed] * 2).batches()}

    assert {0, 1} >= seen
    assert threads() == []


@pytest.mark.parametrize(
    ("suffix", "size"), [("", 9000), (".zst", 9000), (".bz2", 9000), (".xz", 9000), (".gz", 1000)]
)
def test_files_without_a_thread(ndjson: Path, suffix: str, size: int) -> None:
    """A small gzip file, and a file of any other compression, gets no thread."""
    write(f"{ndjson}{suffix}", ROWS * size)
    reader = read(f"{ndjson}{suffix}")

    assert [0] * size * 5 == [len(threads()) for _ in reader]


@pytest.mark.parametrize(("rows", "members", "seen"), [(1000, 30, {0}), (30_000, 1, {0, 1})])
def test_thread_for_a_large_member(tmp_path: Path, rows: int, members: int, seen: set[int]) -> None:
    """A large gzip member gets a thread if zlib-ng reads it; small members get none."""
    pytest.importorskip("zlib_ng")
    path = tmp_path / "usage.gz"
    path.write_bytes(gzip.compress(LINES * rows, 1) * members)

    assert seen == {len(threads()) for _ in read(path).batches()}


def test_thread_holds_little(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread decompresses at most two pieces of text ahead."""
    made: list[int] = []

    class Counting(prefetch.PrefetchIterator[Any]):
        def __init__(self, items: Any, **options: Any) -> None:
            super().__init__((made.append(len(item)) or item for item in items), **options)

    monkeypatch.setattr(files, "PrefetchIterator", Counting)
    reader = read(packed)
    assert until(lambda: next(reader) and made)
    time.sleep(0.05)

    assert 3 >= len(made)
    assert decompression.LARGE >= max(made)
    reader.close()


@pytest.mark.parametrize("place", [0.3, 0.5, 0.9, 0.999])
def test_damage_in_a_thread(tmp_path: Path, place: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damage in a large file gives all text before it and one error, with or without a thread."""
    noise = random.Random(1).randbytes(2**21).hex()  # noqa: S311 -- test data
    lines = [text(row(usage_bytes=n, project_id=noise[n : n + 200])) for n in range(0, 2**22, 200)]
    data = bytearray(gzip.compress(b"\n".join(lines), 1))
    at = int(len(data) * place)
    data[at : at + 64] = bytes(64)
    known = zlib.decompressobj(31).decompress(data[:at]).count(b"\n")
    path = tmp_path / "usage.gz"
    path.write_bytes(data)
    monkeypatch.setattr(decompression, "_FAR", 2**19)
    options = {"type": UsageVectorStoresResult, "name": "usage", "on_error": "skip"}
    expected = everything(io.BytesIO(data), **options)
    found = everything(path, **options)

    assert expected == found
    assert len(found) >= known
    assert ["usage: damaged gzip data near byte"] == [
        one[:34] for one in found if isinstance(one, str)
    ]


def test_damage_in_a_file_that_changes(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a damaged file was replaced meanwhile, the error still comes."""
    data = bytearray(packed.read_bytes())
    data[-8] ^= 1  # of the checksum
    packed.write_bytes(data)
    monkeypatch.setattr(files, "_again", lambda *_: iter([gzip.compress(b"")]))
    found = everything(packed)

    assert (30_000, str) == (len(found) - 1, type(found[-1]))
    assert "gzip" in found[-1]


def test_where_there_are_no_threads(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no thread can be started, reading continues without one."""

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)

    assert 30_000 == sum(map(len, read(packed).batches()))


@pytest.mark.parametrize("use", ["next(reader)", "list(zip(range(4000), reader))"])
def test_exit_is_quiet(packed: Path, use: str) -> None:
    """A program that exits in the middle of a file prints no warning."""
    code = f"import sys, usagewire; reader = usagewire.read(sys.argv[1]); {use}"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code, packed]
    done = subprocess.run(command, capture_output=True, check=False)

    assert (0, b"") == (done.returncode, done.stderr)
