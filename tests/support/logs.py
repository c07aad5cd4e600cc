"""A log that is followed, and the records that are read from it."""

import os
import shutil
from pathlib import Path
from typing import Any

from tests.support.packing import PACK
from usagewire import Reader, read


def lines(*numbers: int) -> bytes:
    """Return a line for each number."""
    line = '{"object":"organization.usage.vector_stores.result","usage_bytes":%d}\n'
    return "".join(line % number for number in numbers).encode()


class Log:
    """A log to write and rotate, with one second between changes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "usage.ndjson"
        self._time = 1_700_000_000

    def __call__(self, added: str) -> Path:
        """Return the path with `added` after its name, or with the name after a "/"."""
        return self.path.with_name((self.path.name + added).rpartition("/")[2])

    def write(self, *texts: bytes | int, to: str = "") -> None:
        """Append texts, and lines for numbers."""
        with self(to).open("ab") as file:
            for one in texts:
                file.write(one if isinstance(one, bytes) else lines(one))
        self.touch(to)

    def touch(self, added: str = "") -> None:
        """Set the time of the last change."""
        self._time += 1
        os.utime(self(added), (self._time, self._time))

    def rename(self, added: str) -> None:
        """Rename the log."""
        self.path.rename(self(added))

    def restore(self, added: str) -> None:
        """Rename a file back to the log."""
        self(added).rename(self.path)

    def rotate(self, depth: int = 3) -> None:
        """Rename the log to `.1`, `.1` to `.2`, and so on."""
        for number in range(depth, 0, -1):
            older = self(f".{number - 1}" if number > 1 else "")
            if older.exists():
                older.rename(self(f".{number}"))

    def copy_and_cut(self, added: str = ".1") -> None:
        """Copy the log and truncate it."""
        shutil.copyfile(self.path, self(added))
        self.touch(added)
        self.cut()

    def cut(self, *texts: bytes | int) -> None:
        """Truncate the log to zero bytes, and then write to it."""
        os.truncate(self.path, 0)
        self.write(*texts)

    def delete(self) -> None:
        """Remove the log."""
        self.path.unlink()

    def pack(self, added: str = ".1", suffix: str = ".gz") -> None:
        """Compress a file of the log, and keep its time."""
        file = self(added)
        packed = file.with_name(file.name + suffix)
        packed.write_bytes(PACK[suffix](file.read_bytes()))
        shutil.copystat(file, packed)
        file.unlink()


def follow(log: Log, resume: str | None = None, **options: Any) -> Reader[Any]:
    """Follow the log and collect bad lines."""
    return read(log.path, follow=True, resume=resume, on_error="collect", **options)


def news(reader: Reader[Any]) -> list[int]:
    """Return the new numbers, up to the second empty batch in a row."""
    found: list[int] = []
    quiet = 0
    for batch in reader.batches():
        found += [one.usage_bytes for one in batch]
        quiet = 0 if batch else quiet + 1
        if quiet == 2:
            break
    return found
