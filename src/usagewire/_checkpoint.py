"""Where reading stopped, in a form that can be kept, and how the file is known again.

A checkpoint names a place by what stands before it: beside the line and the byte it holds a mark, a
hash of the first and the last bytes that were read. So it does not matter what a file is called or
where it lies, and a file that was replaced or cut is noticed.

This module knows places and bytes: no JSON of records, no files.
"""

from __future__ import annotations

import json
import zlib
from hashlib import blake2b
from typing import Any, Final, Self

import attrs
from attrs.validators import and_, deep_iterable, ge, instance_of, max_len, min_len, optional

from usagewire._stream import Place
from usagewire.errors import CheckpointError, quote

VERSION: Final = 1
"""What this version writes and reads."""

WINDOW: Final = 4096
"""How many bytes at the beginning, and how many before the place, a mark is made from."""

_SIZE: Final[Any] = and_(instance_of(int), ge(0))
_HASH: Final[Any] = instance_of(str)


def mark(head: bytes, tail: bytes) -> str:
    """Return the mark of a text that begins with `head` and whose last bytes are `tail`."""
    return blake2b(head + b"\0" + tail, digest_size=16).hexdigest()


def sources_mark(before: str, name: str) -> str:
    """Return the mark of the names of some sources: `before` is that of all but the last."""
    name_bytes = name.encode("utf-8", "surrogatepass")
    return blake2b(before.encode() + name_bytes, digest_size=16).hexdigest()


def _from_json(pair: list[int] | tuple[int, int] | None) -> tuple[int, ...] | None:
    return tuple(pair) if isinstance(pair, list) else pair


@attrs.frozen(kw_only=True)
class Checkpoint:
    """A place in one of several sources."""

    source: int = attrs.field(default=0, validator=_SIZE)
    """Which of the sources, from 0."""
    before: str = attrs.field(default="", validator=_HASH)
    """`sources_mark` of the sources before it; empty where there are none."""
    file: str = attrs.field(default="", validator=instance_of(str))
    """Its name, for people."""
    inode: tuple[int, int] | None = attrs.field(
        default=None,
        converter=_from_json,
        validator=optional(
            deep_iterable(instance_of(int), and_(instance_of(tuple), min_len(2), max_len(2)))
        ),
    )
    """Device and number of the file, by which a log that has nothing read is known again."""
    line: int = attrs.field(default=1, validator=_SIZE)
    offset: int = attrs.field(default=0, validator=_SIZE)
    item: int | None = attrs.field(default=None, validator=optional(_SIZE))
    """These are the `Place`."""
    covered: int = attrs.field(default=0, validator=_SIZE)
    """How many bytes of text the mark is made from: all before the place, or a whole document."""
    mark: str = attrs.field(default="", validator=_HASH)

    @property
    def place(self) -> Place:
        """The place in the source."""
        return Place(self.line, self.offset, self.item)

    def matches(self, head: bytes, tail: bytes) -> bool:
        """Return whether a text of `covered` bytes with this beginning and end is what was read."""
        return not self.covered or mark(head, tail) == self.mark

    def witness(self, name: str, head: bytes, tail: bytes) -> Witness:
        """Return a witness of what was read from the file `name`, once that is seen to be the same.

        `head` is the beginning of the file, `tail` what it has in the `WINDOW` bytes before the
        place, or before its end where that comes sooner.

        Raises:
            CheckpointError: where the file was cut or replaced.

        """
        if len(tail) < min(self.covered, WINDOW):
            raise CheckpointError(
                f"{name}: ends before byte {self.covered}, where the checkpoint was taken: the file"
                " was cut or replaced"
            )
        head = head[: min(self.covered, WINDOW)]
        if not self.matches(head, tail):
            raise CheckpointError(
                f"{name}: what stands before byte {self.covered} is not what was read before the"
                " checkpoint: the file was replaced"
            )
        return Witness(head, tail, self.covered)

    def dumps(self) -> str:
        """Return the checkpoint as one line of ASCII text."""
        fields = {"usagewire_checkpoint": VERSION} | attrs.asdict(self)
        text = json.dumps(fields, separators=(",", ":"))
        return f'{text[:-1]},{_CHECK}{zlib.crc32(text.encode()):08x}"}}'

    @classmethod
    def loads(cls, text: str | bytes) -> Self:
        """Return the checkpoint that `dumps` made `text` from.

        Raises:
            CheckpointError: where it is damaged, or written by a newer version.

        """
        if isinstance(text, bytes):
            text = text.decode("ascii", "replace")
        try:
            fields: Any = json.loads(text)
            version = fields.pop("usagewire_checkpoint")
        except (AttributeError, KeyError, TypeError, ValueError):
            raise CheckpointError(f"no checkpoint: {quote(text)}") from None
        if type(version) is not int or version > VERSION or version < 1:
            raise CheckpointError(
                f"the checkpoint is of version {quote(version)}; this usagewire reads version"
                f" {VERSION}"
            )
        body, _, check = text.strip().rpartition("," + _CHECK)
        if check != f'{zlib.crc32(body.encode("utf-8", "replace") + b"}"):08x}"}}':
            raise CheckpointError("the checkpoint is damaged: its check sum is another")
        fields.pop("check")
        try:
            return cls(**fields)
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"the checkpoint is damaged: {error}") from error


_CHECK: Final = '"check":"'


class Witness:
    """What is needed of a text to make the mark of any place that reading comes by.

    Fed with the text in step with reading: the lines of a chunk are read before the next chunk is
    added, but for the last, which may be held back for long.
    """

    def __init__(self, head: bytes = b"", tail: bytes = b"", offset: int = 0) -> None:
        self._head = head
        self._start = offset
        self._chunk = b""
        self._tail = tail
        # Of the first line that is not read yet: its place, and what stands before it.
        self._held = offset, tail

    def add(self, chunk: bytes, place: int) -> None:
        """Take the next chunk; the lines before byte `place` have all been read."""
        self._held = place, self._tail_at(place)
        end = self._start + len(self._chunk)
        self._tail = self._within(end)
        self._start = end
        self._chunk = chunk
        if len(self._head) < WINDOW:
            self._head += chunk[: WINDOW - len(self._head)]

    def seen(self, place: int) -> tuple[bytes, bytes]:
        """Return the beginning and the end of the text before byte `place`, a line's first."""
        return self._head[:place], self._tail_at(place)

    def _tail_at(self, place: int) -> bytes:
        return self._within(place) if place > self._start else self._held[1]

    def _within(self, place: int) -> bytes:
        count = place - self._start
        tail = self._chunk[max(0, count - WINDOW) : count]
        missing = WINDOW - len(tail)
        return self._tail[-missing:] + tail if missing else tail
