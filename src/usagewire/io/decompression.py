"""Decompression: compressed bytes in, text out. All text that can be had comes before an error.

The first bytes tell the format, never a name. Members (zstd frames, bzip2 and xz streams) may
follow each other. This module opens nothing.

Memory does not grow with the size of the text: a piece has at most `PIECE` bytes, or `LARGE` where
the bytes can be read again, and a decoder's own buffers are limited, for xz by `XZ_MEMORY` and for
zstd by the library's default (windows of 2**27 bytes).

A decoder that fails gives none of the text of the failing call. So the call is replayed a byte at a
time, with gzip from a copy of the decoder, else from the member's beginning. A zstd, bzip2 or xz
member of which more than `KEEP` compressed bytes were read cannot be replayed. Then up to `PIECE`
bytes of text before the damage are lost, and the text of at most `_SLICE` compressed bytes. An
error that only a checksum shows comes after the text. Where the bytes can be read again, as those
of a file, nothing is kept and a call does more, which takes less time. Where such a call fails,
everything is read again by calls of the first kind.

Far into a member, gzip by zlib-ng is worth a thread of its own: there a call is one stretch without
the interpreter lock. The other decoders ask for the lock each time their output grows. Measured: a
thread makes xz, zstd and the standard library's gzip slower, and bzip2 no faster.
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
"""The most bytes of text that come out at once where data is compressed."""
LARGE: Final = 2**20
"""The same where the bytes can be read again. In a thread, each piece waits for the lock."""
KEEP: Final = 2**20
"""The most bytes of one zstd, bzip2 or xz member that are kept, to replay them on damage."""
_SLICE: Final = 2**14
"""Bytes given to a decoder at once, so that what follows a small member is not copied for each."""
_LARGE_SLICE: Final = 2**17
"""The same far into a member, where the bytes can be read again."""
_FAR: Final = 2**21
"""Bytes of text of a member, after which the rest may be worth a thread (0.1 ms to start)."""

_NO_ZERO: Final = re.compile(rb"[^\0]")


class Decompressor:
    """Give the text of a stream of bytes, be it compressed or not.

    Exhaust every iterator before the next call, or that call fails: no text is skipped silently.
    `name` is for error messages. `read_again` returns the first so many bytes that were fed once
    more, in chunks. It is called where the data is damaged. Empty pieces may come out then.
    """

    def __init__(
        self, name: str, read_again: Callable[[int], Iterable[bytes]] | None = None
    ) -> None:
        self.name = name
        self.format: Format | None = None
        """None while it is unknown, and where the text is not compressed."""
        self._read_again = read_again
        self._head: list[bytes] = []
        self._is_plain = False
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
        """Whether another thread should do the rest, while records are made."""
        return self._is_unlocked and self._emitted - self._emitted_before_member >= _FAR

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Return an iterator over the text that `data` adds. Plain text comes as it is.

        It raises `FileError` after that text, where the data is damaged or followed by something
        else; and at once after an error, after `close` and where an iterator was not exhausted.
        """
        if self._is_plain:
            return iter((data,) if data else ())
        self._start_call()
        return self._read(data)

    def close(self) -> Iterator[bytes]:
        """Return an iterator over the rest: bytes that were too few to tell a format by.

        It raises `FileError` where the data ends in the middle, and as `feed` does.
        """
        self._is_plain = False
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
                # That of Python 3.12 and later asks for the lock each time its output grows.
                has_unlocked = hasattr(self._module, self.format.unlocked_decoder)
                can_unlock = has_unlocked and self._module is not zlib
                self._is_unlocked = self._read_again is not None and can_unlock
                self._head.clear()
            elif len(data) >= LONGEST_MAGIC:
                yield from self._head
                self._head.clear()
                self._is_plain = True
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
                place = self._offset + at + damage.place
                what = f"{format_.name} data near byte {place}: {damage}"
                # A limit on memory is no damage, but only the decoder's words tell it.
                word = "too demanding" if "memory" in what.lower() else "damaged"
                raise FileError(f"{self.name}: {word} {what}") from damage.__cause__
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
        """Yield what all data so far, of which `data` is the last, adds to the text that came out.

        It raises `FileError` after it, unless the bytes before have changed since.
        """
        source = Decompressor(self.name)
        to_skip = self._emitted
        for chunk in chain(before, (data,)):
            for text in source.feed(chunk):
                yield text[to_skip:]  # even if empty: a thread that runs this may be told to stop
                to_skip = max(0, to_skip - len(text))

    def _skip_padding(self, data: bytes, start: int, format_: Format) -> int:
        """Return where the next member begins, `len(data)` where there is none yet."""
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
                    f"{self.name}: what follows the {format_.name} data, from byte {place} on, is"
                    f" no {format_.name}"
                )
        return at

    def _check_padding(self, format_: Format, place: int) -> None:
        if self._padding and self._padding % format_.padding:
            raise FileError(
                f"{self.name}: damaged {format_.name} data near byte {place}: {self._padding} bytes"
                f" of padding, which is no multiple of {format_.padding}"
            )


class _DamagedError(Exception):
    """Data that cannot be decompressed. The cause is the decoder's error."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place
        """The byte, counted in the last bytes that were fed."""


class _Member:
    """One member, and what it takes to replay its decoder where that fails."""

    def __init__(self, start: Callable[[], Decoder], *, hides_output: bool) -> None:
        self.slice_size = _SLICE
        """How many bytes may be fed at once."""
        self._start = start
        self.decoder = start()
        self._hides_output = hides_output
        self._fed: bytearray | None = bytearray()
        self._emitted = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text that `data` completes."""
        # A new decoder is made as fast as copied.
        if isinstance(self.decoder, GzipDecoder) and self._fed != bytearray():
            self._start = self.decoder.copy().copy
            self._fed = bytearray()
            self._emitted = 0
        if self._fed is not None:
            self._fed += data
        try:
            for text in _decode(self.decoder, data, PIECE, hides_output=self._hides_output):
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
        """Yield the text that the failing call lost and return the place of the damaged byte."""
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
            # No more than a piece: a call that comes to a whole one does not fail.
            yield b"".join(lost)
        return max(0, done - 1)


class _LargeMember(_Member):
    """One member that is decoded by calls of more and more bytes, and not replayed."""

    def __init__(self, start: Callable[[], Decoder], *, hides_output: bool) -> None:
        super().__init__(start, hides_output=hides_output)
        self._piece = PIECE

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text that `data` completes."""
        try:
            yield from _decode(self.decoder, data, self._piece, hides_output=self._hides_output)
        except MemoryError:
            raise
        except Exception as error:
            raise _DamagedError(str(error), 0) from error
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
