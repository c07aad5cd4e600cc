"""Following a log through random writes, rotations, truncations and restarts, against a model."""

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.support.logs import Log
from usagewire import CheckpointError, Counts, Reader, read
from usagewire.streaming.checkpoint import WINDOW, mark
from usagewire.streaming.follow.tail import FollowedLog

DEPTH = 5
"""The number of rotated files that are kept."""

_LINE = '{"object":"organization.usage.vector_stores.result","usage_bytes":%d}'
_GOOD = re.compile(_LINE.replace("{", r"\{").replace("%d", r"(\d{7})").encode())


class Generation:
    """The text that was written to one file between its creation and its end."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.text = b""
        self.lost = False
        """Whether it was destroyed, or is not to be read."""

    def numbers(self, *, tail: bool) -> list[int]:
        """Return the numbers of the good lines; `tail` includes a last line without LF."""
        *whole, last = self.text.split(b"\n")
        found = map(_GOOD.fullmatch, [*whole, last] if tail else whole)
        return [int(one[1]) for one in found if one]

    def bad(self) -> int:
        """Return the number of bad lines."""
        *whole, last = self.text.split(b"\n")
        return sum(not _GOOD.fullmatch(line) for line in [*whole, *([last] if last else [])])


class RotatedLog(RuleBasedStateMachine):
    """A log with its rotated files, and one reader after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.log = Log(self.folder)
        self.path = self.log.path
        self.number = 1_000_000
        self.generations: list[Generation] = []
        self.files: dict[str, Generation] = {}
        """The generation of each file, by the text that is added to the name of the log."""
        self.half: tuple[Generation, bytes] | None = None
        self.late: Generation | None = None
        """The generation that was renamed since the last look, and may still grow."""
        self.held: Generation | None = None
        """The generation that the reader surely has open."""
        self.unlinked: Generation | None = None
        """The deleted generation that is readable because the reader has it open."""
        self.found: list[int] = []
        self.counts = Counts()
        self.patience = 0
        self.waiting = mock.patch.object(FollowedLog, "pause", self.pause)
        self.waiting.start()
        self.reader: Reader[Any] | None = read(self.path, follow=True, on_error="collect")
        self.checkpoint: str | None = None

    # --- the files

    def put(self, text: bytes, added: str = "") -> None:
        """Add text to a file."""
        if added not in self.files:
            self.new()
        self.log.write(text, to=added)
        self.files[added].text += text

    def new(self) -> None:
        """Begin a new generation of the log."""
        self.files[""] = Generation(len(self.generations))
        self.generations.append(self.files[""])

    def line(self) -> bytes:
        """Return a line with a new number."""
        self.number += 1
        return (_LINE % self.number).encode() + b"\n"

    def shift(self) -> None:
        """Make room for a new `.1`."""
        for depth in range(DEPTH, 0, -1):
            for end in ("", ".gz"):
                name = f".{depth}{end}"
                if name in self.files and depth == DEPTH:
                    self.log(name).unlink()
                    self.lose(self.files.pop(name))
                elif name in self.files:
                    self.log(name).rename(self.log(f".{depth + 1}{end}"))
                    self.files[f".{depth + 1}{end}"] = self.files.pop(name)

    def lose(self, gone: Generation) -> None:
        """Note that a generation is gone, unless the reader has it open."""
        if self.held is gone:
            self.unlinked = gone
        else:
            gone.lost = True

    @rule(count=st.integers(1, 3))
    def write(self, count: int) -> None:
        """Write whole lines."""
        self.put(b"".join(self.line() for _ in range(count)))

    @rule(part=st.integers(1, 70))
    def write_half(self, part: int) -> None:
        """Write the beginning of a line."""
        line = self.line()
        part = min(part, len(line) - 1)
        self.put(line[:part])
        self.half = self.files[""], line[part:]

    @precondition(lambda self: self.half)
    @rule()
    def finish_half(self) -> None:
        """Write the rest of that line."""
        assert self.half
        generation, rest = self.half
        self.half = None
        # A reader recognises the rest in a different file only if it is long enough.
        if len(rest) > 8 or self.files.get("") is generation:
            self.put(rest)

    @precondition(lambda self: "" in self.files)
    @rule(times=st.integers(1, 3))
    def rename(self, times: int) -> None:
        """Rotate by renaming, several times with a line between."""
        for again in range(times):
            if again:
                self.put(self.line())
            self.shift()
            self.path.rename(self.log(".1"))
            self.late = self.files[".1"] = self.files.pop("")

    @precondition(lambda self: self.late and self.files.get(".1") is self.late)
    @rule()
    def write_late(self) -> None:
        """Write to a file that was renamed."""
        self.put(self.line(), ".1")
        if "" in self.files:
            self.log.touch("")  # the log is modified after the renamed file

    @rule(data=st.data())
    def pack(self, data: st.DataObject) -> None:
        """Compress a rotated file."""
        unpacked = sorted(name for name in self.files if name and not name.endswith(".gz"))
        if unpacked:
            name = data.draw(st.sampled_from(unpacked))
            self.log.pack(name)
            self.files[name + ".gz"] = self.files.pop(name)

    @precondition(lambda self: "" in self.files)
    @rule(times=st.integers(1, 2))
    def copy_and_cut(self, times: int) -> None:
        """Rotate by copying, several times with a line between."""
        for again in range(times):
            if again:
                self.put(self.line())
            self.shift()
            shutil.copyfile(self.path, self.log(".1"))
            self.log.touch(".1")
            self.files[".1"] = self.empty()
            self.log.touch("")
            self.late = None

    def empty(self) -> Generation:
        """Begin a new generation in the same file, and return the old one."""
        before = self.files.pop("")
        if self.held is before:
            self.held = None
        os.truncate(self.path, 0)
        self.new()
        return before

    @precondition(lambda self: "" in self.files)
    @rule(count=st.integers(0, 5))
    def cut(self, count: int) -> None:
        """Truncate the log without a copy, and write to it."""
        self.empty().lost = True
        self.put(b"".join(self.line() for _ in range(count)))

    @precondition(lambda self: "" in self.files)
    @rule()
    def delete(self) -> None:
        """Delete the log."""
        self.path.unlink()
        self.lose(self.files.pop(""))

    @precondition(lambda self: "" not in self.files)
    @rule()
    def make(self) -> None:
        """Create the log again."""
        self.put(b"")

    # --- the readers

    def pause(self, _: object = None) -> None:
        """Do not wait, and raise KeyboardInterrupt when the patience ends."""
        self.patience -= 1
        if self.patience < 0:
            raise KeyboardInterrupt

    @precondition(lambda self: self.reader)
    @rule()
    def look(self) -> None:
        """Read until there is nothing new, and compare."""
        assert self.reader
        self.patience = 10**6
        quiet = 0
        for batch in self.reader.batches():
            self.found += [one.usage_bytes for one in batch]
            quiet = 0 if batch else quiet + 1
            if quiet == 2 + 2 * DEPTH:  # each rotated file may have nothing
                break
        self.late = None
        self.held = self.files.get("", self.held)
        if self.unlinked is not self.held:
            self.unlinked = None
        self.compare(ended=False)

    @precondition(lambda self: self.reader)
    @rule(count=st.integers(1, 5), patience=st.integers(0, 3))
    def read_some(self, count: int, patience: int) -> None:
        """Read at most a few records."""
        assert self.reader
        self.patience = patience
        self.late = None
        try:
            for _ in range(count):
                self.found.append(next(self.reader).usage_bytes)
        except KeyboardInterrupt:
            pass

    @precondition(lambda self: self.reader)
    @rule()
    def leave(self) -> None:
        """Stop reading. A deleted file that only the reader held open is gone."""
        assert self.reader
        self.checkpoint = self.reader.checkpoint()
        self.counts += self.reader.counts
        self.reader.close()
        self.reader = None
        if self.unlinked:
            self.unlinked.lost = True
        self.held = self.unlinked = None

    @precondition(lambda self: not self.reader)
    @rule()
    def come_back(self) -> None:
        """Resume from the checkpoint."""
        assert self.checkpoint
        self.resume(self.checkpoint)
        try:
            self.read_some(1, 0)
        except CheckpointError:
            self.refused(self.checkpoint)

    @precondition(lambda self: self.reader)
    @rule()
    def restart(self) -> None:
        """Stop and resume at once."""
        self.leave()
        self.come_back()

    def resume(self, checkpoint: str | None) -> None:
        """Start a reader at a checkpoint."""
        self.reader = read(self.path, follow=True, on_error="collect", resume=checkpoint)

    def refused(self, checkpoint: str) -> None:
        """Check that no file has the text, and start again without a checkpoint."""
        assert self.reader
        place = json.loads(checkpoint)
        there = place["covered"]
        for generation in self.generations:
            text = generation.text[:there]
            if len(text) == there and mark(text[:WINDOW], text[-WINDOW:]) == place["mark"]:
                assert generation.lost
        for name, generation in self.files.items():
            generation.lost = generation.lost or bool(name)
        self.reader.close()
        self.resume(None)

    # --- the invariants

    def compare(self, *, ended: bool) -> None:
        """Compare the records that were found with the lines that were written."""
        assert sorted(set(self.found)) == sorted(self.found), "a line came twice"
        rest = list(self.found)
        for generation in self.generations:
            whole = generation.numbers(tail=True)
            here = [number for number in rest if number in whole]
            assert rest[: len(here)] == here, "the order is wrong"
            del rest[: len(here)]
            assert whole[: len(here)] == here, "a line is missing in the middle"
            if not generation.lost:
                last = ended and generation is not self.generations[-1]
                assert len(generation.numbers(tail=last)) <= len(here), "a line is missing"
        assert [] == rest

    def teardown(self) -> None:
        """Read everything to its end, and compare."""
        try:
            if self.reader is None:
                self.come_back()
            self.write(1)
            self.look()
            self.rename(1)
            self.write(1)
            self.look()
            self.compare(ended=True)
            assert self.reader
            counts = self.counts + self.reader.counts
            assert counts.lines == counts.records + counts.rejected + counts.blank
            assert len(self.found) == counts.records
            kept = [one for one in self.generations if not one.lost]
            least = sum(one.bad() for one in kept)
            most = sum(one.bad() + one.lost for one in self.generations)
            assert least <= counts.rejected <= most
            if len(kept) == len(self.generations):
                assert sum(len(one.text) for one in kept) == counts.bytes
        finally:
            self.waiting.stop()
            if self.reader:
                self.reader.close()
            shutil.rmtree(self.folder)


@pytest.mark.skipif(os.name != "posix", reason="renames files that are open")
class TestFollowedLog(RotatedLog.TestCase):  # type: ignore[misc]
    """Each line comes once, in order, unless it was truncated before it could be read."""


deep = settings().max_examples > 1000
TestFollowedLog.settings = settings(
    max_examples=3000 if deep else 200, stateful_step_count=60 if deep else 30, deadline=None
)
