"""Decompression: compressed bytes in, text out. All text that can be decoded comes before an error.

The first bytes show the format; the name does not matter. Members (called frames in zstd, streams
in bzip2 and xz) can follow each other. This module must not open files.

Memory does not grow with the text. A piece of text has at most `PIECE` bytes, or `LARGE` if the
bytes can be read again. The buffers of decoders are limited: xz by `XZ_MEMORY`, and zstd by the
default of its library (windows of 2**27 bytes).

A decoder that fails gives no text of the failing call. So the call is replayed byte by byte: gzip
from a copy of the decoder, other formats from the start of the member. These cannot be replayed
after more than `KEEP` compressed bytes of a member. Then up to `PIECE` bytes of text before the
damage are lost, and the text of at most `_SLICE` compressed bytes. If only a checksum shows an
error, all text comes first. If the bytes can be read again, as from a file, nothing is kept and
each call gets more bytes, which is faster. If such a call fails, everything is read again in the
first way.

Far into a member, gzip with zlib-ng is worth a thread, because a call releases the GIL once for its
whole length. Other decoders take the GIL each time their output grows. Measured: a thread makes xz,
zstd and the standard library's gzip slower, and bzip2 no faster.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any, Final

from usagewire.errors import FileError
from usagewire.io.compression import (
    GZIP_WBITS,
    LONGEST_MAGIC,
    Decoder,
    Format,
    GzipDecoder,
    format_of,
)

PIECE: Final = 2**18
"""A piece of compressed data gives at most this many bytes of text."""
LARGE: Final = 2**20
"""The same if the bytes can be read again. It is larger because a thread waits for the GIL."""
KEEP: Final = 2**20
"""At most this many bytes of a zstd, bzip2 or xz member are kept, to replay them after damage."""
_SLICE: Final = 2**14
"""Bytes given to a decoder at once. They are few, because those after a member are copied."""
_LARGE_SLICE: Final = 2**17
"""The same far into a member, if the bytes can be read again."""
_FAR: Final = 2**21
"""Bytes of text of a member after which the rest may be worth a thread (0.1 ms to start)."""

_NO_ZERO: Final = re.compile(rb"[^\0]")


class Decompressor:
    """The text of a stream of bytes, which may be compressed or not.

    Read every iterator to its end, or the next call fails, so that no text is skipped silently.
    `name` is for error messages. If the data is damaged, `read_again` is called with a number of
    bytes and returns the first bytes of the stream again, in chunks. Some pieces may be empty then.
    """

    def __init__(
        self, name: str, read_again: Callable[[int], Iterable[bytes]] | None = None
    ) -> None:
        self.name = name
        self.format: Format | None = None
        """The format, or None while it is unknown and if the data is not compressed."""
        self._read_again = read_again
        self._head: list[bytes] = []
        self._is_uncompressed = False
        self._is_unusable = False
        self._offset = 0
        self._emitted = 0
        self._emitted_before_member = 0
        self._is_unlocked = False
        self._padding = 0
        self._member: _Member | None = None
        self._module: Any = None

    @property
    def is_worth_a_thread(self) -> bool:
        """Whether another thread should do the rest."""
        return self._is_unlocked and self._emitted - self._emitted_before_member >= _FAR

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Return an iterator over the text that `data` adds.

        It raises `FileError` after that text, if the data is damaged or followed by other data. It
        raises at once after an error, after `close`, and if an iterator was not read to its end.
        """
        if self._is_uncompressed:
            return iter((data,) if data else ())
        self._start_call()
        return self._read(data)

    def close(self) -> Iterator[bytes]:
        """Return an iterator over the rest: bytes that were too few to show a format.

        It raises `FileError` if the data ends in the middle, and as `feed` does.
        """
        self._is_uncompressed = False
        self._start_call()
        return self._end()

    def _start_call(self) -> None:
        if self._is_unusable:
            raise FileError(f"{self.name}: reading has ended or was interrupted; open it again")
        self._is_unusable = True

    def _read(self, data: bytes) -> Iterator[bytes]:
        if self.format is None and data:
            self._head.append(data)
            data = b"".join(self._head)
            self.format = format_of(data)
            if self.format is not None:
                self._module = self.format.load(self.name)
                # The one of Python 3.12 and later takes the GIL each time its output grows.
                has_unlocked = hasattr(self._module, self.format.unlocked_decoder)
                can_unlock = has_unlocked and self._module is not zlib
                self._is_unlocked = self._read_again is not None and can_unlock
                self._head.clear()
            elif len(data) >= LONGEST_MAGIC:
                yield from self._head
                self._head.clear()
                self._is_uncompressed = True
        if self.format is not None:
            yield from self._unpack(data, self.format)
        self._is_unusable = False

    def _end(self) -> Iterator[bytes]:
        if self.format is not None:
            if self._member is not None:
                raise FileError(
                    f"{self.name}: the {self.format.name} data ends in the middle, after"
                    f" {self._offset} bytes"
                )
            self._check_padding(self.format, self._offset)
        yield from self._head

    def _unpack(self, data: bytes, format_: Format) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            if self._member is None:
                at = self._skip_padding(data, at, format_)
                self._member = self._new_member(format_) if at < len(data) else None
                self._emitted_before_member = self._emitted
                continue
            part = data[at : at + self._member.slice_size]
            try:
                for text in self._member.feed(part):
                    self._emitted += len(text)
                    yield text
            except _DamagedError as damage:
                if self._read_again is not None:
                    yield from self._replay(self._read_again(self._offset), data)
                what = f"damaged {format_.name} data"
                # A limit on memory is not damage. Only the decoder's message distinguishes them.
                if "memory" in str(damage).lower():
                    what = f"not enough memory for the {format_.name} data"
                place = self._offset + at + damage.place
                message = f"{self.name}: {what} near byte {place}: {damage}"
                raise FileError(message) from damage.__cause__
            at += len(part) - len(self._member.decoder.unused_data)
            if self._member.decoder.eof:
                self._member = None
        self._offset += len(data)

    def _new_member(self, format_: Format) -> _Member:
        start: Callable[[], Decoder] = partial(format_.decoder, self._module)
        if self._is_unlocked:
            start = partial(getattr(self._module, format_.unlocked_decoder), wbits=GZIP_WBITS)
        kind = _Member if self._read_again is None else _LargeMember
        return kind(start, hides_output=format_.hides_output)

    def _replay(self, before: Iterable[bytes], data: bytes) -> Iterator[bytes]:
        """Yield the text of `before` and `data` that did not come out yet.

        It raises `FileError` after that text, unless `before` has changed since.
        """
        source = Decompressor(self.name)
        to_skip = self._emitted
        for chunk in chain(before, (data,)):
            for text in source.feed(chunk):
                yield text[to_skip:]  # even if empty, so that a thread can be stopped
                to_skip = max(0, to_skip - len(text))

    def _skip_padding(self, data: bytes, start: int, format_: Format) -> int:
        """Return where the next member begins, which is `len(data)` if there is none yet."""
        at = start
        if format_.padding:
            found = _NO_ZERO.search(data, start)
            at = found.start() if found else len(data)
            self._padding += at - start
        if at < len(data):
            place = self._offset + at
            self._check_padding(format_, place)
            self._padding = 0
            head = data[at : at + LONGEST_MAGIC]
            if not any(head.startswith(magic[: len(head)]) for magic in format_.magics):
                raise FileError(
                    f"{self.name}: the {format_.name} data is followed by other data from byte"
                    f" {place} on"
                )
        return at

    def _check_padding(self, format_: Format, place: int) -> None:
        if self._padding and self._padding % format_.padding:
            raise FileError(
                f"{self.name}: damaged {format_.name} data near byte {place}: {self._padding} bytes"
                f" of padding, which is not a multiple of {format_.padding}"
            )


class _DamagedError(Exception):
    """Data that cannot be decompressed. The cause is the decoder's error."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place
        """The index of the damaged byte in the last bytes that were fed."""


class _Member:
    """One member, with the bytes to replay if its decoder fails."""

    def __init__(self, start: Callable[[], Decoder], *, hides_output: bool) -> None:
        self.slice_size = _SLICE
        """The decoder gets at most this many bytes at once."""
        self._piece = PIECE
        self._start = start
        self.decoder = start()
        self._hides_output = hides_output
        self._fed: bytearray | None = bytearray()
        self._emitted = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text that `data` completes."""
        # Not before the first bytes: to make a decoder takes no longer than to copy it.
        if self._fed and isinstance(self.decoder, GzipDecoder):
            self._start = self.decoder.copy().copy
            self._fed = bytearray()
            self._emitted = 0
        if self._fed is not None:
            self._fed += data
        try:
            for text in _decode(self.decoder, data, self._piece, hides_output=self._hides_output):
                self._emitted += len(text)
                yield text
        except MemoryError:
            raise
        except Exception as error:
            place = yield from self._replay(len(data))
            raise _DamagedError(str(error), place) from error
        if self._fed is not None and len(self._fed) + _SLICE > KEEP:
            self._fed = None

    def _replay(self, last: int) -> Generator[bytes, None, int]:
        """Yield the text that the failing call lost; return the index of the damaged byte."""
        if self._fed is None:
            return 0
        known = len(self._fed) - last
        parts = [bytes(self._fed[:known]), *(bytes((byte,)) for byte in self._fed[known:])]
        decoder = self._start()
        lost: list[bytes] = []
        to_skip = self._emitted
        done = 0
        with suppress(Exception):
            for part in parts:
                for text in _decode(decoder, part, PIECE, hides_output=self._hides_output):
                    if len(text) > to_skip:
                        lost.append(text[to_skip:])
                    to_skip = max(0, to_skip - len(text))
                done += 1
        if lost:
            # At most one piece, because a call that gives a whole piece does not fail.
            yield b"".join(lost)
        return max(0, done - 1)


class _LargeMember(_Member):
    """One member that is not replayed, and is decoded by calls of more and more bytes."""

    def __init__(self, start: Callable[[], Decoder], *, hides_output: bool) -> None:
        super().__init__(start, hides_output=hides_output)
        self._fed = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text that `data` completes."""
        yield from super().feed(data)
        if self.slice_size < _LARGE_SLICE:
            self.slice_size *= 2
            self._piece = min(2 * self._piece, LARGE)


def _decode(decoder: Decoder, data: bytes, most: int, *, hides_output: bool) -> Iterator[bytes]:
    text: bytes = decoder.decompress(data, most)
    while text or not (decoder.needs_input or decoder.eof):
        if text:
            yield text
        if decoder.eof or (decoder.needs_input and len(text) < most and not hides_output):
            break
        text = decoder.decompress(b"", most)
