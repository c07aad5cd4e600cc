"""One JSON document instead of lines: how it is told, and where its elements stand.

This module knows JSON's brackets and quotes and nothing of records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson

from usagewire.codec.line_buffer import BOM

_BLANK: Final = b" \t\r\n"
_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]')
_OPEN: Final = (b"{", b"[", b",", b":")
"""How the first line of an object ends that is printed over several lines."""


class DocumentTeller:
    """Tell by its beginning whether a stream is lines of JSON or one JSON document.

    A document is an object printed over several lines, or an array. What may be the beginning of
    one is held back, up to `limit` bytes. It is told line by line: a first line that is an object
    by itself is a line, and after a whole value only some signs can follow in a document.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = bytearray()
        self._next = 0
        """Where the first line that was not looked at begins."""
        self._followers: tuple[bytes, ...] | None = None
        """How the next line must begin in a document; any way where this is empty. None before the
        first line."""

    def feed(self, text: bytes) -> bytes | None:
        """Return what is to be read as lines, or None where `text` is held back.

        Once there was an answer, nothing more is to be fed.

        Raises:
            OverflowError: for what seems to be a document and is larger than the limit.

        """
        self._head += text
        if b"\n" in text:
            while 0 < (end := self._head.find(b"\n", self._next) + 1) <= self._limit:
                if not self._may_follow(end):
                    return bytes(self._head)
        if len(self._head) <= self._limit:
            return None
        if self._followers is None:
            return bytes(self._head)
        raise OverflowError

    def close(self) -> tuple[bytes, Document | None]:
        """Return what is to be read as lines, or the document, which may be one that is broken."""
        text = bytes(self._head)
        if not self._may_follow(len(text)) or self._followers is None:
            return text, None
        document = Document.read(text)
        if document.is_broken and self._has_lines():
            return text, None
        return b"", document

    def abort(self) -> bytes:
        """Return what is to be read as lines where the stream cannot be read on.

        Of the beginning of a document that is nothing: each of its lines would be a bad one.
        """
        return bytes(self._head) if self._has_lines() else b""

    def _may_follow(self, end: int) -> bool:
        """Look at the next line, up to `end`; return whether it may be part of a document."""
        start = self._next or (len(BOM) if self._head.startswith(BOM) else 0)
        line = bytes(self._head[start:end]).strip(_BLANK)
        self._next = end
        if not line:
            return True
        is_first, followers = self._followers is None, self._followers or ()
        value = _value(line)
        self._followers = ()
        if is_first and value is not None:
            # An array on one line is a document where no line follows: none begins with LF.
            self._followers = (b"\n",)
            return type(value) is list
        if is_first:
            return line.startswith(b"[") or (line.startswith(b"{") and line.endswith(_OPEN))
        if value is not None:
            self._followers = (b",", b"]", b"}")
        return not followers or line.startswith(followers)

    def _has_lines(self) -> bool:
        """Return whether any line is an object by itself."""
        lines = bytes(self._head).removeprefix(BOM).split(b"\n")
        return any(type(_value(line.strip(_BLANK))) is dict for line in lines)


class Document(NamedTuple):
    """A JSON document and its records: its elements where it is an array, else itself."""

    text: bytes
    """The text, byte order mark included."""
    items: list[Any]
    """The parsed records; of a text that is no JSON, what orjson said."""
    is_array: bool
    """Whether the records are elements of an array."""

    @classmethod
    def read(cls, text: bytes) -> Document:
        """Return the document that `text` is; the record of one that is no JSON is the error."""
        try:
            value = orjson.loads(text.removeprefix(BOM))
        except orjson.JSONDecodeError as error:
            return cls(text, [error], is_array=False)
        is_array = type(value) is list
        return cls(text, value if is_array else [value], is_array)

    @property
    def texts(self) -> list[bytes]:
        """The text of each record, where that needs no looking for: of one that is no array."""
        return [] if self.is_array else [self.text.removeprefix(BOM)]

    @property
    def is_broken(self) -> bool:
        """Whether the text is no JSON."""
        return len(self.items) == 1 and isinstance(self.items[0], orjson.JSONDecodeError)

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield the start and the end of each record in the text."""
        start = len(BOM) if self.text.startswith(BOM) else 0
        if not self.is_array:
            yield self._stripped(start, len(self.text))
            return
        depth = 0
        for token in _TOKENS.finditer(self.text, start):
            sign = token[0]
            if sign in (b"[", b"{"):
                depth += 1
                if depth == 1:
                    start = token.end()
            elif depth == 1 and sign in (b",", b"]"):
                yield self._stripped(start, token.start())
                start = token.end()
            if sign in (b"]", b"}"):
                depth -= 1

    def _stripped(self, start: int, end: int) -> tuple[int, int]:
        text = self.text[start:end]
        return end - len(text.lstrip(_BLANK)), start + len(text.rstrip(_BLANK))


def _value(line: bytes) -> Any:
    """Return the object or array that a line without blanks around is by itself, or None."""
    if line[:1] + line[-1:] not in (b"{}", b"[]"):
        return None
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
