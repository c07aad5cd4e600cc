"""Compressed bytes in, text out: all of it that can be had, and then an error where one is due.

What is compressed is told by its first bytes, never by a name, and may have several members one
after the other (gzip calls them members, zstd frames, bzip2 and xz streams). Zeros may follow a
member of gzip, and in fours one of xz; whatever else is no member is an error.

Text comes in pieces of at most `PIECE` bytes, or `LARGE` where the bytes can be had again, so
memory does not grow with what the input stands for. Beside a piece there are the decoder's own
buffers, limited for xz by `XZ_MEMORY` and for zstd by the library's default (windows of 2**27
bytes), and what is kept for a replay.

A decoder that fails gives none of the text of the call that failed. So the call is replayed a byte
at a time, with gzip from a copy of the decoder, else from the member's beginning, and all text
before the damaged byte comes out. A zstd, bzip2 or xz member cannot be replayed once more than
`KEEP` compressed bytes of it were read: then up to `PIECE` bytes of text are lost before the
damage, and no more than `_SLICE` compressed bytes stand for. Text comes before the checksum that
covers it, so damage that only a checksum shows is told after its text.

Where the bytes can be had again, as those of a file, nothing is kept and more is done in a call,
which takes less time. Should a call fail, all is read again by calls that can be replayed: what
they add to the text comes out, and then their error.

Far into a member, gzip by zlib-ng is worth a thread of its own: there a call is one stretch without
the interpreter lock. The other decoders ask for the lock each time their output grows, and wait for
it while records are made: measured, a thread makes xz, zstd and the standard library's gzip slower,
and bzip2 not faster.

Every iterator must be exhausted before the next call, or that call fails: no text is skipped
silently. This module opens nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

from usagewire.errors import FileError

PIECE: Final = 2**18
"""The most bytes of text that come out at once where data is compressed."""

LARGE: Final = 2**20
"""The same where the bytes can be had again. In a thread, each piece costs a wait for the lock."""

KEEP: Final = 2**20
"""The most bytes of one zstd, bzip2 or xz member that are kept, to replay them on damage."""

XZ_MEMORY: Final = 2**28
"""The most bytes an xz decoder may take: four times what the highest preset, `xz -9`, needs."""

_SLICE: Final = 2**14
"""Bytes given to a decoder at once, so that what follows a small member is not copied for each."""

_LARGE_SLICE: Final = 2**17
"""The same far into a member, where the bytes can be had again."""

_FAR: Final = 2**21
"""After how many bytes of text of a member what is left may be worth a thread, which takes 0.1 ms
to start. Small members are not: each piece of text waits for the lock."""

_GZIP: Final = 16 + zlib.MAX_WBITS
_NO_ZERO: Final = re.compile(rb"[^\0]")


class Compressor(Protocol):
    """What `compressor` gives: the bytes of all calls together are one member."""

    def compress(self, data: bytes, /) -> bytes:
        """Return compressed bytes that are ready, which may be none."""
        ...

    def flush(self) -> bytes:
        """Return the rest of the compressed bytes. Nothing can be added then."""
        ...


class _Decoder(Protocol):
    """What bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Gunzip:
    """The decoder of zlib or zlib-ng, as a `_Decoder` that can be copied."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @property
    def eof(self) -> bool:
        return bool(self.inner.eof)

    @property
    def needs_input(self) -> bool:
        return not self.inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return bytes(self.inner.unused_data)

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return bytes(self.inner.decompress(data or self.inner.unconsumed_tail, max_length))

    def copy(self) -> _Gunzip:
        return _Gunzip(self.inner.copy())


class _Format(NamedTuple):
    """How one format is told, read and written."""

    magics: tuple[bytes, ...]
    """What a member begins with."""
    suffix: str
    """How the names of files to write end."""
    modules: tuple[str, ...]
    """The modules that have it, the first to be preferred."""
    missing: str
    """What to say where there is none of them."""
    padding: int
    """Zeros may stand after a member in multiples of this; none where it is 0."""
    decoder: Callable[[Any], _Decoder]
    compressor: Callable[[Any], Compressor]
    steady: str = ""
    """The name of a decoder that does a call in one stretch without the interpreter lock, and
    cannot be copied. Not every module has it."""
    hides: bool = False
    """Whether a decoder may have more text though it says that it needs input."""


_FORMATS: Final = {
    "gzip": _Format(
        magics=(b"\x1f\x8b",),
        suffix=".gz",
        modules=("zlib_ng.zlib_ng", "zlib"),
        missing="this Python was built without zlib",
        padding=1,
        decoder=lambda module: _Gunzip(module.decompressobj(_GZIP)),
        # Whatever reads: the same bytes on every machine. It writes no time.
        compressor=lambda _: zlib.compressobj(wbits=_GZIP),
        steady="_ZlibDecompressor",
    ),
    "zstd": _Format(
        # A frame, or one of the 16 kinds of frames to skip.
        magics=(b"\x28\xb5\x2f\xfd", *(bytes((kind, 0x2A, 0x4D, 0x18)) for kind in range(80, 96))),
        suffix=".zst",
        modules=("compression.zstd", "backports.zstd"),
        missing="it takes a package more: pip install 'usagewire[zstd]'",
        padding=0,
        decoder=lambda zstd: zstd.ZstdDecompressor(),
        compressor=lambda zstd: zstd.ZstdCompressor(
            options={zstd.CompressionParameter.checksum_flag: 1}
        ),
    ),
    "bzip2": _Format(
        magics=tuple(b"BZh%d" % level for level in range(1, 10)),
        suffix=".bz2",
        modules=("bz2",),
        missing="this Python was built without bz2",
        padding=0,
        decoder=lambda bz2: bz2.BZ2Decompressor(),
        compressor=lambda bz2: bz2.BZ2Compressor(),
        hides=True,
    ),
    "xz": _Format(
        magics=(b"\xfd7zXZ\0",),
        suffix=".xz",
        modules=("lzma",),
        missing="this Python was built without lzma",
        padding=4,
        decoder=lambda lzma: lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY),
        compressor=lambda lzma: lzma.LZMACompressor(lzma.FORMAT_XZ),
    ),
}
_LONGEST: Final = max(len(magic) for format_ in _FORMATS.values() for magic in format_.magics)


def _load(kind: str, name: str) -> Any:
    """Return the module that has the format `kind`."""
    for module in _FORMATS[kind].modules:
        with suppress(ImportError):
            return import_module(module)
    raise FileError(f"{name}: {kind} cannot be read or written: {_FORMATS[kind].missing}")


def compressor(suffix: str, name: str | None = None) -> Compressor | None:
    """Return what compresses files whose names end in `suffix`, or None where none is to.

    The same calls give the same bytes: neither a name nor a time is written.

    Args:
        suffix: `.gz`, `.zst`, `.bz2` or `.xz`, or any other, for which there is no compressor.
        name: what an error message calls the file, `suffix` unless given.

    Raises:
        FileError: where the module for it is not there; the message says what to install.

    """
    for kind, format_ in _FORMATS.items():
        if format_.suffix == suffix:
            return format_.compressor(_load(kind, name or suffix))
    return None


class Decompressor:
    """Give the text of a stream of bytes, be it compressed or not.

    Args:
        name: what error messages call the source of the bytes.
        again: gives the first so many bytes that were fed once more, in chunks, if that is
            possible. It is called where the data is damaged. Empty pieces may come out then.

    """

    def __init__(self, name: str, again: Callable[[int], Iterable[bytes]] | None = None) -> None:
        self.name = name
        self.kind: str | None = None
        """The format: gzip, zstd, bzip2 or xz. None while it is untold, and of plain text."""
        self._head: list[bytes] = []
        self._plain = False
        self._spent = False
        self._again = again
        self._offset = 0
        self._given = 0
        self._began = 0
        self._is_steady = False
        self._padding = 0
        self._member: _Member | None = None
        self._module: Any = None

    @property
    def pays_ahead(self) -> bool:
        """Whether another thread should do what is left, while records are made."""
        return self._is_steady and self._given - self._began >= _FAR

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Return an iterator over the text that `data` adds; plain text comes as it is.

        Raises:
            FileError: after that text, where the data is damaged or followed by something else;
                and at once after an error, after `close` and where an iterator was not exhausted.

        """
        if self._plain:
            return iter((data,) if data else ())
        self._spend()
        return self._read(data)

    def close(self) -> Iterator[bytes]:
        """Return an iterator over what is left: the bytes that were too few to tell a format by.

        Raises:
            FileError: where the data ends in the middle; and as `feed` does.

        """
        self._plain = False
        self._spend()
        return self._end()

    def _spend(self) -> None:
        """Let further calls fail, until `_spent` is taken back."""
        if self._spent:
            raise FileError(f"{self.name}: reading has ended or was interrupted; open it again")
        self._spent = True

    def _read(self, data: bytes) -> Iterator[bytes]:
        if self.kind is None and data:
            self._head.append(data)
            data = b"".join(self._head)
            self.kind = _kind(data)
            if self.kind is not None:
                self._module = _load(self.kind, self.name)
                steady = _FORMATS[self.kind].steady
                # That of Python 3.12 and later asks for the lock each time its output grows.
                can = hasattr(self._module, steady) and self._module is not zlib
                self._is_steady = self._again is not None and can
                self._head.clear()
            elif len(data) >= _LONGEST:
                yield from self._head
                self._head.clear()
                self._plain = True
        if self.kind is not None:
            yield from self._unpack(data, self.kind)
        self._spent = False

    def _end(self) -> Iterator[bytes]:
        if self._member is not None:
            raise FileError(
                f"{self.name}: the {self.kind} data ends in the middle, after {self._offset} bytes"
            )
        if self.kind is not None:
            self._check_padding(self.kind, self._offset)
        yield from self._head

    def _unpack(self, data: bytes, kind: str) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            if self._member is None:
                at = self._skip_padding(data, at, kind)
                self._member = self._new_member(kind) if at < len(data) else None
                self._began = self._given
                continue
            part = data[at : at + self._member.room]
            try:
                for text in self._member.feed(part):
                    self._given += len(text)
                    yield text
            except _DamagedError as damage:
                if self._again is not None:
                    yield from self._anew(self._again(self._offset), data)
                place = self._offset + at + damage.place
                what = f"{kind} data near byte {place}: {damage}"
                # A limit on memory is no damage, but only the decoder's words tell it.
                word = "too demanding" if "memory" in what.lower() else "damaged"
                raise FileError(f"{self.name}: {word} {what}") from damage.__cause__
            at += len(part) - self._member.unused
            if self._member.ended:
                self._member = None
        self._offset += len(data)

    def _new_member(self, kind: str) -> _Member:
        start: Callable[[], _Decoder] = partial(_FORMATS[kind].decoder, self._module)
        if self._is_steady:
            start = partial(getattr(self._module, _FORMATS[kind].steady), wbits=_GZIP)
        if self._again is not None:
            return _LargeMember(start, hides=_FORMATS[kind].hides)
        return _Member(start, hides=_FORMATS[kind].hides)

    def _anew(self, before: Iterable[bytes], data: bytes) -> Iterator[bytes]:
        """Yield what all fed so far, of which `data` is the last, adds to the text that came out.

        Raises:
            FileError: after it. There is none where the bytes before are others by now.

        """
        source = Decompressor(self.name)
        to_skip = self._given
        for chunk in chain(before, (data,)):
            for text in source.feed(chunk):
                yield text[to_skip:]  # though it be empty: who runs this in a thread may end it
                to_skip = max(0, to_skip - len(text))

    def _skip_padding(self, data: bytes, start: int, kind: str) -> int:
        """Return where the next member begins, `len(data)` where there is none yet."""
        at = start
        if _FORMATS[kind].padding:
            found = _NO_ZERO.search(data, start)
            at = found.start() if found else len(data)
            self._padding += at - start
        if at < len(data):
            place = self._offset + at
            self._check_padding(kind, place)
            self._padding = 0
            head = data[at : at + _LONGEST]
            if not any(head.startswith(magic[: len(head)]) for magic in _FORMATS[kind].magics):
                raise FileError(
                    f"{self.name}: what follows the {kind} data, from byte {place} on, is no {kind}"
                )
        return at

    def _check_padding(self, kind: str, place: int) -> None:
        if self._padding and self._padding % _FORMATS[kind].padding:
            raise FileError(
                f"{self.name}: damaged {kind} data near byte {place}: {self._padding} bytes of"
                f" padding, which is no multiple of {_FORMATS[kind].padding}"
            )


def is_compressed(head: bytes) -> bool:
    """Return whether a file that begins with `head` is compressed."""
    return _kind(head) is not None


def _kind(head: bytes) -> str | None:
    for kind, format_ in _FORMATS.items():
        if head.startswith(format_.magics):
            return kind
    return None


class _DamagedError(Exception):
    """Data that cannot be decompressed; the cause is the decoder's error."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place
        """Where in the bytes fed last."""


class _Member:
    """One member, and what it takes to replay its decoder where that fails."""

    def __init__(self, start: Callable[[], _Decoder], *, hides: bool) -> None:
        self.room = _SLICE
        """How many bytes may be fed at once."""
        self._start = start
        self._decoder = start()
        self._hides = hides
        self._fed: bytearray | None = bytearray()
        self._given = 0

    @property
    def ended(self) -> bool:
        """Whether the member is complete."""
        return self._decoder.eof

    @property
    def unused(self) -> int:
        """How many of the bytes fed last are not of this member."""
        return len(self._decoder.unused_data)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text that `data` completes."""
        # A new decoder is made as fast as copied.
        if isinstance(self._decoder, _Gunzip) and self._fed != bytearray():
            self._start = self._decoder.copy().copy
            self._fed = bytearray()
            self._given = 0
        if self._fed is not None:
            self._fed += data
        try:
            for text in _decode(self._decoder, data, PIECE, hides=self._hides):
                self._given += len(text)
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
        to_skip = self._given
        done = 0
        with suppress(Exception):
            for part in parts:
                for text in _decode(decoder, part, PIECE, hides=self._hides):
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

    def __init__(self, start: Callable[[], _Decoder], *, hides: bool) -> None:
        super().__init__(start, hides=hides)
        self._piece = PIECE

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the text that `data` completes."""
        try:
            yield from _decode(self._decoder, data, self._piece, hides=self._hides)
        except MemoryError:
            raise
        except Exception as error:
            raise _DamagedError(str(error), 0) from error
        if self.room < _LARGE_SLICE:
            self.room *= 2
            self._piece = min(2 * self._piece, LARGE)


def _decode(decoder: _Decoder, data: bytes, most: int, *, hides: bool) -> Iterator[bytes]:
    """Yield all text that `data` completes, in pieces of at most `most` bytes."""
    text = decoder.decompress(data, most)
    while text or not (decoder.needs_input or decoder.eof):
        if text:
            yield text
        if decoder.eof or (decoder.needs_input and len(text) < most and not hides):
            break
        text = decoder.decompress(b"", most)
