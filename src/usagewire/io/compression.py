"""Compressed formats: how to recognise each one, which module has it, and how to write it.

This module must not open files.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from usagewire.errors import FileError

XZ_MEMORY: Final = 2**28
"""An xz decoder may use this many bytes: four times the need of the highest preset, `xz -9`."""

GZIP_WBITS: Final = 16 + zlib.MAX_WBITS
"""The `wbits` of zlib for data with a gzip header and trailer."""


class Compressor(Protocol):
    """A compressor, whose calls return the bytes of one member."""

    def compress(self, data: bytes, /) -> bytes:
        """Return the compressed bytes that are ready, perhaps none."""
        ...

    def flush(self) -> bytes:
        """Return the rest of the compressed bytes, and end the member."""
        ...


Decoder: TypeAlias = Any
"""An object with the interface of `bz2.BZ2Decompressor`, which lzma and zstd share."""


class GzipDecoder:
    """A decoder of zlib or zlib-ng, as a `Decoder` that can be copied."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def needs_input(self) -> bool:
        """Whether the decoder needs more bytes to give more text."""
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
    """The possible first bytes of a member."""
    suffix: str
    modules: tuple[str, ...]
    """The modules that have the format, the preferred one first."""
    missing: str
    """The end of the error message if no such module is installed."""
    decoder: Callable[[Any], Decoder]
    compressor: Callable[[Any], Compressor]
    padding: int = 0
    """The number of zero bytes that may follow a member is a multiple of this; 0 allows none."""
    unlocked_decoder: str = ""
    """The name of a decoder that some modules have. It releases the GIL once for a whole call, and
    cannot be copied."""
    hides_output: bool = False
    """Whether a decoder can have more text although `needs_input` is true."""

    def load(self, name: str) -> Any:
        """Return the module that has the format, or raise a `FileError` about the file `name`."""
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
        # Never zlib-ng, so that the bytes are the same on every machine. It writes no time.
        compressor=lambda _: zlib.compressobj(wbits=GZIP_WBITS),
        unlocked_decoder="_ZlibDecompressor",
    ),
    Format(
        name="zstd",
        # A frame, or one of the 16 kinds of skippable frames.
        magics=(b"\x28\xb5\x2f\xfd", *(bytes((kind, 0x2A, 0x4D, 0x18)) for kind in range(80, 96))),
        suffix=".zst",
        modules=("compression.zstd", "backports.zstd"),
        missing="it needs another package: pip install 'usagewire[zstd]'",
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
"""How many first bytes show whether data is compressed."""


def format_of(head: bytes) -> Format | None:
    """Return the format of data that begins with `head`, or None if it is not compressed."""
    return next((format_ for format_ in FORMATS if head.startswith(format_.magics)), None)


def compressor(suffix: str, name: str | None = None) -> Compressor | None:
    """Return a compressor for the file `name` with the suffix `suffix`, or None for other suffixes.

    The same calls give the same bytes, because no name and no time is written.
    """
    for format_ in FORMATS:
        if format_.suffix == suffix:
            return format_.compressor(format_.load(name or suffix))
    return None
