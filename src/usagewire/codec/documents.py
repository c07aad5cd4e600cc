"""One JSON document instead of lines: how it is recognised, and the decoder of its records.

This module knows the brackets and quotes of JSON. It must not know rules about values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

import attrs
import orjson

from usagewire.codec.context import DecodeContext, Place, RunDecoder, T, syntax_error
from usagewire.codec.counts import Counts
from usagewire.codec.line_buffer import BOM
from usagewire.errors import DecodeError
from usagewire.wire.exact_json import parse

_BLANK: Final = b" \t\r\n"
_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]')
_OPEN: Final = (b"{", b"[", b",", b":")
"""The possible ends of the first line of an object that is printed over several lines."""


class DocumentSniffer:
    """A sniffer that decides whether a stream is lines of JSON or one document, by its first bytes.

    A document is an array, or an object printed over several lines. The sniffer holds back up to
    `limit` bytes that may begin one. A first line that is a whole object is a line. After a whole
    value, only a comma or a closing bracket can follow in a document.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._head = bytearray()
        # The start of the first line that was not checked.
        self._next = 0
        # The possible beginnings of the next line of a document. If empty, any is possible; if
        # None, the next line is the first.
        self._followers: tuple[bytes, ...] | None = None

    def feed(self, text: bytes) -> bytes | None:
        """Return the text so far if it is lines, or None while `text` is held back.

        After lines, feed nothing more. It raises `OverflowError` if a document is over the limit.
        """
        self._head += text
        if b"\n" in text:
            while 0 < (end := self._head.find(b"\n", self._skip_blank()) + 1) <= self._limit:
                if not self._may_follow(end):
                    return bytes(self._head)
        if len(self._head) <= self._limit:
            return None
        if self._followers is None:
            return bytes(self._head)
        raise OverflowError

    def close(self) -> tuple[bytes, Document | None]:
        """Return the lines and None, or no lines and the document, which may be broken."""
        text = bytes(self._head)
        if not self._may_follow(len(text)) or self._followers is None:
            return text, None
        document = Document.read(text)
        if document.is_broken and self._has_lines():
            return text, None
        return b"", document

    def abort(self) -> bytes:
        """Return the lines of a stream that failed, or nothing if a document began."""
        return bytes(self._head) if self._has_lines() else b""

    def _skip_blank(self) -> int:
        """Go to the next line that is not blank, and return where it begins."""
        found = _SPACE.match(self._head, self._next)
        if found is not None:
            self._next = max(self._next, self._head.rfind(b"\n", self._next, found.end()) + 1)
        return self._next

    def _may_follow(self, end: int) -> bool:
        """Check the next line, up to `end`; return whether it can be part of a document."""
        start = self._next or (len(BOM) if self._head.startswith(BOM) else 0)
        line = bytes(self._head[start:end]).strip(_BLANK)
        self._next = end
        if not line:
            return True
        is_first, followers = self._followers is None, self._followers or ()
        value = _value(line)
        self._followers = ()
        if is_first and value is not None:
            # An array on one line is a document if no line follows. No line begins with LF.
            self._followers = (b"\n",)
            return type(value) is list
        if is_first:
            return line.startswith(b"[") or (line.startswith(b"{") and line.endswith(_OPEN))
        if value is not None:
            self._followers = (b",", b"]", b"}")
        return not followers or line.startswith(followers)

    def _has_lines(self) -> bool:
        lines = bytes(self._head).removeprefix(BOM).split(b"\n")
        return any(type(_value(line.strip(_BLANK))) is dict for line in lines)


class Document(NamedTuple):
    """A JSON document and its records: the elements if it is an array, else the document."""

    text: bytes
    """The text, including a byte order mark."""
    items: list[Any]
    """The parsed records, or the error of orjson if the text is not JSON."""
    is_array: bool

    @classmethod
    def read(cls, text: bytes) -> Document:
        """Return `text` as a document."""
        try:
            value = parse(text.removeprefix(BOM))
        except orjson.JSONDecodeError as error:
            return cls(text, [syntax_error(error, text.removeprefix(BOM))], is_array=False)
        is_array = type(value) is list
        return cls(text, value if is_array else [value], is_array)

    @property
    def is_broken(self) -> bool:
        """Whether the text is not JSON."""
        return len(self.items) == 1 and isinstance(self.items[0], DecodeError)

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
    """Return the object or array on a line that was stripped, or None if there is none."""
    if line[:1] + line[-1:] not in (b"{}", b"[]"):
        return None
    try:
        return parse(line)
    except orjson.JSONDecodeError:
        return None


@attrs.frozen
class _Element:
    """The place of a record in the text of a document."""

    index: int = -1
    line: int = 1
    start: int = 0
    end: int = 0


class DocumentDecoder(RunDecoder[T]):
    """The records of one JSON document, after the first `done`. Each counts as a line.

    All bytes of the document are counted with its first record.
    """

    def __init__(
        self, context: DecodeContext[T], name: str | None, document: Document, done: int = 0
    ) -> None:
        super().__init__(context, name)
        self.text = document.text
        self.index = min(done, len(document.items))
        """The index of the next record."""
        self.offset = 0
        """The number of bytes that were counted: none, or all."""
        self._document = document
        self._spans = document.spans()
        self._element = _Element()

    def place(self, back: int = 0) -> Place:
        """Return the place of the next record, or of the record `back` records before it."""
        self._account()
        if self._document.items or not self.offset:
            return Place(item=self.index - back)
        # Without records, a place after the document says that its bytes were counted.
        return Place(1 + self.text.count(b"\n"), len(self.text))

    def counts(self, back: int = 0) -> Counts:
        """Return the decoder's counts without the last `back` records."""
        self._account()
        return self._context.stats.counts(back, self._size(self.index - back, self.index))

    def next_run(self, records: list[T], *, through: bool = False) -> bool:  # noqa: ARG002 -- as `LineDecoder` has it
        """Append the next records up to a bad one to `records`, as `LineDecoder.next_run` does."""
        self._end_run()  # in case it was interrupted
        if self._error is not None:
            size = self._size(self.index, self.index + 1)
            self._reject(self._error, self._next_item(), size, self)
        context, (_, items, is_array) = self._context, self._document
        if not items and not self.offset:
            context.stats.add(len(self.text))
            self.offset = len(self.text)
        if self.index == len(items):
            return False
        if context.plan is not None and not is_array:
            self._read_run(records, [self.text.removeprefix(BOM)], self.index, self._record_of)
        else:
            self._read_run(records, items, self.index, self._record)
        return True

    def _record(self, value: Any) -> T:
        if isinstance(value, DecodeError):
            raise value
        return self._context.structure(value, self._context.type)

    def _account(self) -> None:
        if self._run is None:
            return
        records, before, _ = self._run
        after = len(records)
        if after == before:
            return
        index = self.index + after - before
        size = self._size(self.index, index)
        self._context.stats.add(size, records=after - before)
        self.index = index
        self.offset += size
        self._run = records, after, None

    def _size(self, start: int, stop: int) -> int:
        """Return how many bytes are counted with records `start` to `stop`."""
        return len(self.text) if start == 0 < stop else 0

    def _next_item(self) -> dict[str, Any]:
        index, last = self.index, self._element
        if last.index != index:
            # The records come in order, so the text is searched once.
            try:
                [(start, end)] = islice(self._spans, index - last.index - 1, index - last.index)
                line = last.line + self.text.count(b"\n", last.start, start)
                self._element = last = _Element(index, line, start, end)
            except BaseException:
                self._spans, self._element = self._document.spans(), _Element()
                raise
        return {
            "line": last.line,
            "offset": last.start,
            "length": last.end - last.start,
            "raw": self.text[last.start : last.end][: self._context.max_raw_bytes],
            "file": self._name,
        }
