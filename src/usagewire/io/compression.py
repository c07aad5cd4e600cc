"""Compressed formats: how each one is recognised, which module has it, and what writes it.

This module opens nothing and decompresses nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from usagewire.errors import FileError

XZ_MEMORY: Final = 2**28
"""The most bytes an xz decoder may take: four times what the highest preset, `xz -9`, needs."""

GZIP_WBITS: Final = 16 + zlib.MAX_WBITS
"""What tells zlib that the data has a gzip header and trailer."""


class Compressor(Protocol):
    """A compressor. The bytes of all its calls together are one member."""

    def compress(self, data: bytes, /) -> bytes:
        """Return compressed bytes that are ready, which may be none."""
        ...

    def flush(self) -> bytes:
        """Return the rest of the compressed bytes. Nothing can be added then."""
        ...


Decoder: TypeAlias = Any
"""An object with `eof`, `needs_input`, `unused_data` and `decompress(data, max_length)`, as bz2,
lzma and zstd have it."""


class GzipDecoder:
    """The decoder of zlib or zlib-ng, as a `Decoder` that can be copied."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def needs_input(self) -> bool:
        """Whether there is no more text without more bytes."""
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return at most `max_length` bytes of text."""
        return bytes(self._inner.decompress(data or self._inner.unconsumed_tail, max_length))

    def copy(self) -> GzipDecoder:
        """Return a decoder in the same state."""
        return GzipDecoder(self._inner.copy())


class Format(NamedTuple):
    """One compressed format."""

    name: str
    magics: tuple[bytes, ...]
    """What a member begins with."""
    suffix: str
    modules: tuple[str, ...]
    """The modules that have it, the preferred one first."""
    missing: str
    """The end of the error message where none of them is installed."""
    decoder: Callable[[Any], Decoder]
    compressor: Callable[[Any], Compressor]
    padding: int = 0
    """Zeros may follow a member in multiples of this. 0 allows none."""
    unlocked_decoder: str = ""
    """The name of a decoder that makes a call in one stretch without the interpreter lock, and
    cannot be copied. Not every module has it."""
    hides_output: bool = False
    """Whether a decoder may have more text although it says that it needs input."""

    def load(self, name: str) -> Any:
        """Return the module that has the format.

        It raises `FileError` where none is installed, which says what to install for `name`.
        """
        for module in self.modules:
            with suppress(ImportError):
                return import_module(module)
        raise FileError(f"{name}: {self.name} cannot be read or written: {self.missing}")


FORMATS: Final = (
    Format(
        name="gzip",
        magics=(b"\x1f\x8b",),
        suffix=".gz",
        modules=("zlib_ng.zlib_ng", "zlib"),
        missing="this Python was built without zlib",
        padding=1,
        decoder=lambda module: GzipDecoder(module.decompressobj(GZIP_WBITS)),
        # Never zlib-ng: the bytes are the same on every machine. No time is written.
        compressor=lambda _: zlib.compressobj(wbits=GZIP_WBITS),
        unlocked_decoder="_ZlibDecompressor",
    ),
    Format(
        name="zstd",
        # A frame, or one of the 16 kinds of frames to skip.
        magics=(b"\x28\xb5\x2f\xfd", *(bytes((kind, 0x2A, 0x4D, 0x18)) for kind in range(80, 96))),
        suffix=".zst",
        modules=("compression.zstd", "backports.zstd"),
        missing="it takes a package more: pip install 'usagewire[zstd]'",
        decoder=lambda zstd: zstd.ZstdDecompressor(),
        compressor=lambda zstd: zstd.ZstdCompressor(
            options={zstd.CompressionParameter.checksum_flag: 1}
        ),
    ),
    Format(
        name="bzip2",
        magics=tuple(b"BZh%d" % level for level in range(1, 10)),
        suffix=".bz2",
        modules=("bz2",),
        missing="this Python was built without bz2",
        decoder=lambda bz2: bz2.BZ2Decompressor(),
        compressor=lambda bz2: bz2.BZ2Compressor(),
        hides_output=True,
    ),
    Format(
        name="xz",
        magics=(b"\xfd7zXZ\0",),
        suffix=".xz",
        modules=("lzma",),
        missing="this Python was built without lzma",
        padding=4,
        decoder=lambda lzma: lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY),
        compressor=lambda lzma: lzma.LZMACompressor(lzma.FORMAT_XZ),
    ),
)

LONGEST_MAGIC: Final = max(len(magic) for format_ in FORMATS for magic in format_.magics)
"""How many first bytes tell whether a text is compressed."""


def format_of(head: bytes) -> Format | None:
    """Return the format of a file that begins with `head`, or None where it is not compressed."""
    return next((format_ for format_ in FORMATS if head.startswith(format_.magics)), None)


def compressor(suffix: str, name: str | None = None) -> Compressor | None:
    """Return a compressor for files whose names end in `suffix`, or None where there is none.

    The same calls give the same bytes: neither a name nor a time is written. It raises `FileError`
    as `Format.load` does, for `name` or `suffix`.
    """
    for format_ in FORMATS:
        if format_.suffix == suffix:
            return format_.compressor(format_.load(name or suffix))
    return None
