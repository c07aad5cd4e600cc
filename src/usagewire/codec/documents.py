"""One JSON document instead of lines: how it is recognised, and its records.

This module knows the brackets and quotes of JSON. It knows no rule about values, and opens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, Generic, NamedTuple

import attrs
import orjson

from usagewire.codec.context import DecodeContext, Place, T
from usagewire.codec.counts import Counts
from usagewire.codec.line_buffer import BOM
from usagewire.errors import lack_of_memory

_BLANK: Final = b" \t\r\n"
_TOKENS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]')
_OPEN: Final = (b"{", b"[", b",", b":")
"""How the first line of an object ends that is printed over several lines."""


class DocumentSniffer:
    """Find out from its beginning whether a stream is lines of JSON or one JSON document.

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


@attrs.frozen
class _Element:
    """A record of a document whose place in the text is known."""

    index: int = -1
    line: int = 1
    start: int = 0
    end: int = 0


class DocumentDecoder(Generic[T]):
    """The records of one JSON document. Each is accounted for as a line.

    The bytes of the document are counted with the first record. The first `done` records were read
    before.
    """

    def __init__(
        self, context: DecodeContext[T], name: str | None, document: Document, done: int = 0
    ) -> None:
        self.pending: list[T] = []
        """Records that were read and not handed over, for who wants all at once."""
        self.text = document.text
        self._context = context
        self._name = name
        self._document = document
        self._index = min(done, len(document.items))
        # The error that the next record is to be rejected for.
        self._error: Exception | None = None
        # A run that is not accounted for: its list, and how many records stand before it there.
        self._run: tuple[list[T], int] | None = None
        self._spans = document.spans()
        self._element = _Element()
        # Whether the bytes of a document without records are still to be counted.
        self._is_uncounted = not document.items

    @property
    def raises_next(self) -> bool:
        """Whether it is known that the next run begins with raising a `DecodeError`."""
        return self._context.stats.on_error == "raise" and self._error is not None

    def place(self, back: int = 0) -> Place:
        """Return the place of the next record, or of the one that is `back` records before it."""
        self._account()
        if self._document.items or self._is_uncounted:
            return Place(item=self._index - back)
        # Without a record, the place tells that the bytes were counted: the document is behind it.
        return Place(1 + self.text.count(b"\n"), len(self.text))

    def counts(self, back: int = 0) -> Counts:
        """Return the decoder's counts, less those of the last `back` records."""
        self._account()
        return self._context.stats.counts(back, self._size(self._index - back, self._index))

    def next_run(self, records: list[T], *, through: bool = False) -> bool:  # noqa: ARG002 -- as `LineDecoder` has it
        """Add the records up to a bad one to `records`; return whether there was one to read.

        Should anything but a bad record stop this, the records that were read are in `records`.

        Raises:
            DecodeError: with `on_error="raise"`, for the bad record after the run before.

        """
        self._end_run()  # in case it was interrupted
        if self._error is not None:
            self._reject_item(self._error)
        if self._is_uncounted:
            self._context.stats.add_bytes(len(self.text))
            self._is_uncounted = False
        if self._index == len(self._document.items):
            return False
        self._read_items(records)
        return True

    def _read_items(self, records: list[T]) -> None:
        context, items, texts = self._context, self._document.items, self._document.texts
        context.stats.start_batch(records)
        append, structure, kind = records.append, context.structure, context.type
        self._run = records, len(records)
        try:
            for index in range(self._index, len(items)):
                if context.plan is not None and texts:
                    append(context.record(texts[index]))
                else:
                    append(structure(_parsed(items[index]), kind))
        except Exception as error:
            memory = lack_of_memory(error)
            if memory is not None:
                raise memory
            self._error = error
        finally:
            self._end_run()

    def _end_run(self) -> None:
        """Account for the run, and leave its records to others."""
        if self._run is not None:
            self._context.stats.drop_leniencies()
            self._account()
            self._run = None

    def _account(self) -> None:
        """Account for the run, as far as it has come."""
        if self._run is None:
            return
        records, before = self._run
        after = len(records)
        if after == before:
            return
        index = self._index + after - before
        self._context.stats.add_records(after - before, self._size(self._index, index))
        self._index = index
        self._run = records, after

    def _size(self, start: int, stop: int) -> int:
        """Return how many bytes are counted with records `start` to `stop`."""
        return len(self.text) if start == 0 < stop else 0

    def _reject_item(self, error: Exception) -> None:
        """Account for the next record, which is bad, and go on to the one after it.

        Raises:
            DecodeError: with `on_error="raise"`; and whatever a callback raises.

        """
        stats, index = self._context.stats, self._index
        size = self._size(index, index + 1)
        found = self._context.to_decode_error(error)
        rejection = stats.rejection(found, self._next_item())
        on_error = stats.on_error
        is_function = callable(on_error)
        # From here on without a call up to the function's, so that a record is counted and reported
        # once, or neither.
        stats.add_rejected(size, rejection)
        self._index += 1
        self._error = None
        if is_function:
            on_error(rejection)  # type: ignore[operator, arg-type]
        elif on_error == "raise":
            found.rejection = rejection
            raise found from found.__cause__

    def _next_item(self) -> dict[str, Any]:
        """Return the place and the bytes of the next record, for its `Rejection`."""
        index, last = self._index, self._element
        if last.index != index:
            # Records are asked for in order, so that the text is searched once.
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


def _parsed(value: Any) -> Any:
    """Return what orjson made of a document, or raise what it said instead."""
    if isinstance(value, orjson.JSONDecodeError):
        raise value
    return value
