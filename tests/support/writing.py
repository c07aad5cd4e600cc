"""Records and their lines, and a disk that can fail."""

import errno
import os
from collections.abc import Callable, Iterator
from io import FileIO
from itertools import repeat
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.support.packing import PACK
from tests.support.samples import VECTORS
from usagewire import UsageVectorStoresResult

ROWS = [UsageVectorStoresResult(usage_bytes=number, project_id="é") for number in range(5)]
LINES = b"".join(
    b'{"object":"%s","usage_bytes":%d,"project_id":"\xc3\xa9"}\n' % (VECTORS.encode(), number)
    for number in range(5)
)
LINE = LINES.splitlines(keepends=True)[0]
OLD = b"what was there before\n"
FULL = "No space left on device"
MANY = 8000
"""More records than the writer collects before it writes them to the file."""

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs features of POSIX")
every_suffix = pytest.mark.parametrize("suffix", PACK, ids=lambda suffix: suffix or "uncompressed")
either_way = pytest.mark.parametrize("append", [False, True], ids=["replace", "append"])


@attrs.define
class Disk:
    """A disk that accepts a number of bytes and then raises errors."""

    room: int = 10**9
    """Bytes that it still accepts."""
    at_once: int = 10**9
    """Bytes that it accepts in one call."""
    errors: list[BaseException] = attrs.field(factory=lambda: [OSError(errno.ENOSPC, FULL)])
    """The errors after that, in order. The last one is repeated."""
    room_again: int = 0
    """Bytes that it accepts after each error."""
    truncates: bool = True
    """Whether a file can be made shorter."""

    def open(self, *args: Any, **options: Any) -> FileIO:
        """Open a file of this disk as a `FileIO`."""
        disk = self

        class File(FileIO):
            def write(self, data: Any) -> int:
                if not disk.room:
                    disk.room = disk.room_again
                    raise disk.errors[0] if len(disk.errors) == 1 else disk.errors.pop(0)
                taken = super().write(data[: min(disk.room, disk.at_once)])
                disk.room -= taken
                return taken

            def truncate(self, size: int | None = None) -> int:
                if not disk.truncates and not self.closed:
                    raise OSError(errno.EIO, "Input/output error")
                return super().truncate(size)

        return File(*args, **options)


def contents(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(entry.name for entry in folder.iterdir())


def failing(number: int) -> Callable[..., Any]:
    """Return a function that fails with an error number of the system."""

    def fail(*_: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def records_then(error: BaseException, count: int = MANY) -> Iterator[Any]:
    """Yield enough records for several batches, and then raise `error`."""
    yield from repeat(ROWS[0], count)
    raise error
