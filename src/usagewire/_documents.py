"""One JSON document instead of lines: how it is told, and where its elements stand.

This module knows JSON's brackets and quotes and nothing of records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import orjson

from usagewire._lines import BOM

_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]')


class DocumentTeller:
    """Tell by its beginning whether a stream is lines of JSON or one JSON document.

    A document is an object printed over several lines, or an array. What looks like one is held
    back up to `limit` bytes; past that, and where it turns out not to be JSON, it is lines.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head: list[bytes] = []
        self._size = self._lines = 0
        self._begun = False
        self._state: Literal["untold", "likely", "certain"] = "untold"

    def feed(self, text: bytes) -> list[bytes] | None:
        """Return what is to be read as lines, or None where `text` is held back.

        Once there was an answer, nothing more is to be fed.

        Raises:
            OverflowError: for what can only be a document and is larger than the limit.

        """
        # Blank lines before the text tell nothing.
        shown = text if self._begun else text.removeprefix(BOM).lstrip()
        self._begun = self._begun or bool(shown)
        self._head.append(text)
        self._size += len(text)
        self._lines += shown.count(b"\n")
        if self._state == "untold":
            if self._lines < 2 and self._size <= self._limit:  # noqa: PLR2004 -- the second tells
                return None
            if not self._looks_like_a_document():
                return self._head
        if self._size <= self._limit:
            return None
        if self._state == "certain":
            raise OverflowError
        return self._head

    def close(self) -> tuple[list[bytes], Document | None]:
        """Return what is to be read as lines, or the document."""
        if self._state == "untold" and not self._looks_like_a_document():
            return self._head, None
        try:
            return [], Document.parsed(b"".join(self._head))
        except orjson.JSONDecodeError:
            return self._head, None

    def abort(self) -> list[bytes]:
        """Return what is to be read as lines where the stream cannot be read on.

        Of the beginning of a document that is nothing: each of its lines would be a bad one.
        """
        lines = b"".join(self._head).removeprefix(BOM).split(b"\n")
        return self._head if any(map(_is_object, lines)) else []

    def _looks_like_a_document(self) -> bool:
        first, *more = b"".join(self._head).removeprefix(BOM).lstrip().split(b"\n", 2)
        first = first.rstrip()
        if first[:1] == b"[":
            self._state = "likely"
        is_open = first[-1:] in (b"{", b"[", b",") and first[:1] in (b"{", b"[")
        if is_open and more and not _is_object(more[0]):
            self._state = "certain"
        return self._state != "untold"


class Document(NamedTuple):
    """A JSON document and its records: its elements where it is an array, else itself."""

    text: bytes
    """The text, byte order mark included."""
    items: list[object]
    """The parsed records."""
    is_array: bool
    """Whether the records are elements of an array."""

    @classmethod
    def parsed(cls, text: bytes) -> Document:
        """Return the document that `text` is.

        Raises:
            orjson.JSONDecodeError: where it is none.

        """
        value = orjson.loads(text.removeprefix(BOM))
        is_array = type(value) is list
        return cls(text, value if is_array else [value], is_array)

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
            elif (sign == b"," and depth == 1) or (sign in (b"]", b"}") and depth == 1):
                yield self._stripped(start, token.start())
                start = token.end()
            if sign in (b"]", b"}"):
                depth -= 1

    def _stripped(self, start: int, end: int) -> tuple[int, int]:
        text = self.text[start:end]
        return start + len(text) - len(text.lstrip()), start + len(text.rstrip())


def _is_object(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict
    except orjson.JSONDecodeError:
        return False
