"""Checkpoints: where reading stopped, and how the file is recognised when reading resumes.

A checkpoint holds the line, the byte and a mark: a hash of the first and the last bytes that were
read. A file is therefore recognised by its text, not by its name or folder, and a replaced or
truncated file is noticed. An edit in the middle that keeps the length is not noticed: to find it,
the whole text would have to be read again.

This module knows places and bytes. It must not know records or files.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Self

import attrs
from attrs.validators import optional

from usagewire.codec.context import Place
from usagewire.errors import CheckpointError, quote

VERSION: Final = 1
WINDOW: Final = 4096
"""A mark is made from at most this many bytes at the beginning, and as many before the place."""

START_OVER: Final = "read it without the checkpoint to start from its beginning"
"""The advice to a user whose file has changed."""

_CHECK: Final = ',"check":"'


def mark(head: bytes, tail: bytes) -> str:
    """Return the mark of a text that begins with `head` and whose last bytes are `tail`."""
    return blake2b(head + b"\0" + tail, digest_size=16).hexdigest()


def sources_mark(before: str, name: str) -> str:
    """Return the mark of the names of some sources: `before` marks all names but the last."""
    name_bytes = name.encode("utf-8", "surrogatepass")
    return blake2b(before.encode() + name_bytes, digest_size=16).hexdigest()


def _validator(is_valid: Callable[[Any], bool]) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def validate(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not is_valid(value):
            raise ValueError(f"{field.name} is {quote(value)}")

    return validate


_is_size: Final = _validator(lambda value: type(value) is int and 0 <= value < 2**63)
_is_text: Final = _validator(lambda value: type(value) is str)
_is_inode: Final = _validator(  # an inode number may have 128 bits
    lambda value: type(value) is tuple and list(map(type, value)) == [int, int] and min(value) >= 0
)


class Prefix(NamedTuple):
    """The text of a file before an offset: as much of it as is needed to recognise the text."""

    offset: int = 0
    head: bytes = b""
    """The first bytes of the text, at most `WINDOW`."""
    tail: bytes = b""
    """The last bytes before the offset, at most `WINDOW`."""
    inode: tuple[int, int] | None = None
    """Device and inode number of the log's file that has this text, if one still has it."""

    @property
    def is_distinctive(self) -> bool:
        """Whether it identifies the text. The beginning of one line is not enough."""
        return b"\n" in self.head or b"\n" in self.tail

    def extended(self, text: bytes, count: int | None = None) -> Prefix:
        """Return this prefix plus the first `count` bytes of the following text, or all of them."""
        size = len(text) if count is None else count
        return self._replace(
            offset=self.offset + size,
            head=self.head + text[: min(size, WINDOW - len(self.head))],
            tail=(self.tail + text[max(0, size - WINDOW) : size])[-WINDOW:],
        )


@attrs.frozen(kw_only=True)
class Checkpoint:
    """A place in one of several sources."""

    source: int = attrs.field(default=0, validator=_is_size)
    """Index of the source, from 0."""
    before: str = attrs.field(default="", validator=_is_text)
    """`sources_mark` of the sources before this one; empty for the first source."""
    file: str = attrs.field(default="", validator=_is_text)
    """The end of the file's name, for people."""
    inode: tuple[int, int] | None = attrs.field(default=None, validator=optional(_is_inode))
    """Device and inode number of the file. They identify a log of which nothing was read."""
    since: int | None = attrs.field(default=None, validator=optional(_is_size))
    """For a followed log: files last modified up to this time, in nanoseconds, are finished."""
    line: int = attrs.field(default=1, validator=_is_size)
    offset: int = attrs.field(default=0, validator=_is_size)
    item: int | None = attrs.field(default=None, validator=optional(_is_size))
    """`line`, `offset` and `item` are the fields of the `Place`."""
    covered: int = attrs.field(default=0, validator=_is_size)
    """Bytes of text that the mark covers: all before the place, or a whole document."""
    mark: str = attrs.field(default="", validator=_is_text)

    def __attrs_post_init__(self) -> None:
        at = (1, 0) if self.item is not None else (max(1, self.line), self.covered)
        if (self.line, self.offset) != at:
            raise ValueError(f"line {self.line} and byte {self.offset} do not fit together")

    @property
    def place(self) -> Place:
        """The place in the source."""
        return Place(self.line, self.offset, self.item)

    def matches(self, prefix: Prefix) -> bool:
        """Return whether a prefix of `covered` bytes is the text that was read."""
        return not self.covered or mark(prefix.head, prefix.tail) == self.mark

    def check(self, name: str, prefix: Prefix) -> None:
        """Raise `CheckpointError` unless `prefix` is the text that was read from the file `name`.

        The prefix ends at the place, or at the end of a file that is shorter.
        """
        if len(prefix.tail) < min(self.covered, WINDOW) or not self.matches(prefix):
            raise CheckpointError(
                f"{name}: the first {self.covered} bytes are not those that were read before the"
                f" checkpoint, so the file was truncated or replaced; {START_OVER}"
            )

    def dumps(self) -> str:
        """Return the checkpoint as one line of ASCII text."""
        fields = {"usagewire_checkpoint": VERSION} | attrs.asdict(self)
        return _sealed(json.dumps(fields, separators=(",", ":"))[:-1])

    @classmethod
    def loads(cls, text: str | bytes) -> Self:
        """Return the checkpoint that `dumps` made `text` from.

        It raises `CheckpointError` if the text is damaged, or if a newer version wrote it.
        """
        if isinstance(text, bytes):
            text = text.decode("ascii", "replace")
        try:
            fields: Any = json.loads(text) if isinstance(text, str) else None
            version = fields.pop("usagewire_checkpoint")
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            raise CheckpointError(f"{quote(text)} is not a checkpoint; {_WAY_OUT}") from None
        if version != VERSION or type(version) is not int:
            raise CheckpointError(
                f"the checkpoint has version {quote(version)}, but this usagewire reads version"
                f" {VERSION}; {_WAY_OUT}"
            )
        if text.strip() != _sealed(text.strip().rpartition(_CHECK)[0]):
            raise CheckpointError(f"the checkpoint is damaged; {_WAY_OUT}")
        del fields["check"]
        try:
            if fields.keys() != attrs.fields_dict(cls).keys():
                raise ValueError("its fields are not those of a checkpoint")
            if isinstance(fields["inode"], list):
                fields["inode"] = tuple(fields["inode"])
            return cls(**fields)
        except ValueError as error:
            raise CheckpointError(f"the checkpoint is damaged: {error}; {_WAY_OUT}") from None


def _sealed(text: str) -> str:
    """Complete a JSON object that lacks its brace with a checksum of its text and the brace."""
    return f'{text}{_CHECK}{zlib.crc32(text.encode("utf-8", "replace")):08x}"}}'


_WAY_OUT: Final = "pass what `checkpoint()` returned, or no checkpoint to read from the beginning"


class PrefixTracker:
    """The prefix that ends at each line that reading comes to.

    It receives the text in step with reading: all lines of a chunk are read before the next `add`,
    except the last line, which may be held back for long. It may begin after a prefix.
    """

    def __init__(self, prefix: Prefix | None = None) -> None:
        self._before = prefix or Prefix()
        self._chunk = b""
        # The prefix before the line that was held back when the last chunk was added.
        self._held = self._before

    @property
    def end(self) -> int:
        """Bytes of text before the next chunk."""
        return self._before.offset + len(self._chunk)

    def add(self, chunk: bytes, place: int) -> None:
        """Take the next chunk; all lines before byte `place` have been read."""
        held, before = self.seen(place), self._before.extended(self._chunk)
        # One statement, so that an interrupt changes all of them or none.
        self._held, self._before, self._chunk = held, before, chunk

    def seen(self, place: int) -> Prefix:
        """Return the prefix before byte `place`, the first byte of a line."""
        count = place - self._before.offset
        # No copy of the chunk: it would take 7 % of the time to read an uncompressed file.
        return self._before.extended(self._chunk, count) if count > 0 else self._held
