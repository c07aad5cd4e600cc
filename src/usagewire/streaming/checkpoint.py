"""Where reading stopped, in a form that can be kept, and how the file is known again.

Beside the line and the byte, a checkpoint holds a mark: a hash of the first and the last bytes that
were read. So it does not matter what a file is called or where it lies, and a file that was
replaced or truncated is noticed. An edit in the middle that kept the length is not: to see that,
all of it would have to be read again. This module knows places and bytes: no records, no files.
"""

from __future__ import annotations

import json
import zlib
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Self

import attrs
from attrs.validators import optional

from usagewire.codec.context import Place
from usagewire.errors import CheckpointError, quote

VERSION: Final = 1
WINDOW: Final = 4096
"""How many bytes at the beginning, and how many before the place, a mark is made from."""

START_OVER: Final = "read it without the checkpoint to start from its beginning"
"""What to do where a file is not what it was."""

_LARGEST: Final = 2**63 - 1

_CHECK: Final = ',"check":"'


def mark(head: bytes, tail: bytes) -> str:
    """Return the mark of a text that begins with `head` and whose last bytes are `tail`."""
    return blake2b(head + b"\0" + tail, digest_size=16).hexdigest()


def sources_mark(before: str, name: str) -> str:
    """Return the mark of the names of some sources: `before` is that of all but the last."""
    name_bytes = name.encode("utf-8", "surrogatepass")
    return blake2b(before.encode() + name_bytes, digest_size=16).hexdigest()


def _size(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError(f"{field.name} is {quote(value)}")


def _text(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if type(value) is not str:
        raise ValueError(f"{field.name} is {quote(value)}")


def _pair(_: object, field: attrs.Attribute[Any], value: object) -> None:
    # The number of a file may have 128 bits.
    if type(value) is not tuple or list(map(type, value)) != [int, int] or min(value) < 0:
        raise ValueError(f"{field.name} is {quote(value)}")


class Prefix(NamedTuple):
    """The text of a file up to an offset, as far as it is kept to recognise that text."""

    offset: int = 0
    head: bytes = b""
    """The first bytes of the text, `WINDOW` at most."""
    tail: bytes = b""
    """The last bytes before the offset, as many."""
    inode: tuple[int, int] | None = None
    """Device and inode number of a file of a log, where it still has this text."""

    @property
    def is_distinctive(self) -> bool:
        """Whether the text can be recognised by it. The beginning of one line is not enough."""
        return b"\n" in self.head or b"\n" in self.tail

    def extended(self, text: bytes, count: int | None = None) -> Prefix:
        """Return the prefix that ends with `text`, which follows this one, or its first `count`."""
        size = len(text) if count is None else count
        return self._replace(
            offset=self.offset + size,
            head=self.head + text[: min(size, WINDOW - len(self.head))],
            tail=(self.tail + text[max(0, size - WINDOW) : size])[-WINDOW:],
        )


@attrs.frozen(kw_only=True)
class Checkpoint:
    """A place in one of several sources."""

    source: int = attrs.field(default=0, validator=_size)
    """Which of the sources, from 0."""
    before: str = attrs.field(default="", validator=_text)
    """`sources_mark` of the sources before it; empty where there are none."""
    file: str = attrs.field(default="", validator=_text)
    """The end of its name, for people."""
    inode: tuple[int, int] | None = attrs.field(default=None, validator=optional(_pair))
    """Device and number of the file, by which a log that has nothing read is known again."""
    since: int | None = attrs.field(default=None, validator=optional(_size))
    """Of a log that is followed: what was changed last up to this time, in nanoseconds, is done."""
    line: int = attrs.field(default=1, validator=_size)
    offset: int = attrs.field(default=0, validator=_size)
    item: int | None = attrs.field(default=None, validator=optional(_size))
    """These are the `Place`."""
    covered: int = attrs.field(default=0, validator=_size)
    """How many bytes of text the mark is made from: all before the place, or a whole document."""
    mark: str = attrs.field(default="", validator=_text)

    def __attrs_post_init__(self) -> None:
        at = (1, 0) if self.item is not None else (max(1, self.line), self.covered)
        if (self.line, self.offset) != at:
            raise ValueError(f"there is no place at line {self.line} and byte {self.offset}")

    @property
    def place(self) -> Place:
        """The place in the source."""
        return Place(self.line, self.offset, self.item)

    def matches(self, prefix: Prefix) -> bool:
        """Return whether a prefix of `covered` bytes is what was read."""
        return not self.covered or mark(prefix.head, prefix.tail) == self.mark

    def check(self, name: str, prefix: Prefix) -> None:
        """Raise `CheckpointError` unless `prefix` is what was read from the file `name`.

        It ends at the place, or at the end of the file where that comes sooner.
        """
        if len(prefix.tail) < min(self.covered, WINDOW):
            raise CheckpointError(
                f"{name}: ends before byte {self.covered}, where the checkpoint was taken: the file"
                f" was cut or replaced; {START_OVER}"
            )
        if not self.matches(prefix):
            raise CheckpointError(
                f"{name}: what stands before byte {self.covered} is not what was read before the"
                f" checkpoint: the file was replaced; {START_OVER}"
            )

    def dumps(self) -> str:
        """Return the checkpoint as one line of ASCII text."""
        fields = {"usagewire_checkpoint": VERSION} | attrs.asdict(self)
        return _sealed(json.dumps(fields, separators=(",", ":"))[:-1])

    @classmethod
    def loads(cls, text: str | bytes) -> Self:
        """Return the checkpoint that `dumps` made `text` from.

        It raises `CheckpointError` where it is damaged, or written by a newer version.
        """
        if isinstance(text, bytes):
            text = text.decode("ascii", "replace")
        try:
            fields: Any = json.loads(text) if isinstance(text, str) else None
            version = fields.pop("usagewire_checkpoint")
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            raise CheckpointError(f"no checkpoint: {quote(text)}; {_WAY_OUT}") from None
        if version != VERSION or type(version) is not int:
            raise CheckpointError(
                f"the checkpoint is of version {quote(version)}, this usagewire reads version"
                f" {VERSION}; {_WAY_OUT}"
            )
        if text.strip() != _sealed(text.strip().rpartition(_CHECK)[0]):
            raise CheckpointError(f"the checkpoint is damaged; {_WAY_OUT}")
        del fields["check"]
        try:
            if fields.keys() != attrs.fields_dict(cls).keys():
                raise ValueError("it has other fields")
            if isinstance(fields["inode"], list):
                fields["inode"] = tuple(fields["inode"])
            return cls(**fields)
        except ValueError as error:
            raise CheckpointError(f"the checkpoint is damaged: {error}; {_WAY_OUT}") from None


def _sealed(text: str) -> str:
    """Return a JSON object that lacks its brace with that, after the check sum of its text."""
    return f'{text}{_CHECK}{zlib.crc32(text.encode("utf-8", "replace")):08x}"}}'


_WAY_OUT: Final = "give what `checkpoint()` returned, or no checkpoint to read from the beginning"


class PrefixTracker:
    """Knows the prefix that ends at any place that reading comes by.

    Fed with the text in step with reading: the lines of a chunk are read before the next chunk is
    added, but for the last, which may be held back for long. It may begin after a prefix.
    """

    def __init__(self, prefix: Prefix | None = None) -> None:
        self._before = prefix or Prefix()
        self._chunk = b""
        # What stands before the line that was held back when the last chunk was added.
        self._held = self._before

    @property
    def end(self) -> int:
        """How many bytes stand before the next chunk."""
        return self._before.offset + len(self._chunk)

    def add(self, chunk: bytes, place: int) -> None:
        """Take the next chunk; the lines before byte `place` have all been read."""
        held, before = self.seen(place), self._before.extended(self._chunk)
        # All or, should there be an interrupt, nothing.
        self._held, self._before, self._chunk = held, before, chunk

    def seen(self, place: int) -> Prefix:
        """Return the prefix before byte `place`, a line's first."""
        count = place - self._before.offset
        # Without a copy of the chunk, which would take 7 % of the time to read a plain file.
        return self._before.extended(self._chunk, count) if count > 0 else self._held
