"""Decompression told by the first bytes: all text that can be had, and then an error if any."""

import bz2
import gzip
import lzma
import random
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from usagewire import FileError
from usagewire._compression import Decompressor

zstd: Any = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

TEXT = b"".join(b'{"line": %d, "project_id": "proj_%d"}\n' % (n, n * n) for n in range(20))
CHECKED = {zstd.CompressionParameter.checksum_flag: 1}
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda text: gzip.compress(text, mtime=0),
    "zstd": lambda text: bytes(zstd.compress(text, options=CHECKED)),
    "bzip2": lambda text: bz2.compress(text, 1),
    "xz": lambda text: lzma.compress(text, preset=1),
}
UNPACK: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "zstd": zstd.ZstdDecompressor,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}
SUFFIXES = {"gzip": ".gz", "zstd": ".zst", "bzip2": ".bz2", "xz": ".xz"}
SKIPPED = [bytes((0x50 + n, 0x2A, 0x4D, 0x18, n, 0, 0, 0)) + b"?" * n for n in (0, 5, 15)]

# A flipped length may make more of a member than there is.
DAMAGE = "usage: (damaged {0} data near byte|the {0} data ends in the middle, after|what follows)"

every_kind = pytest.mark.parametrize("kind", PACK)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Yield `data` in chunks."""
    return (data[start : start + size] for start in range(0, len(data), size))


def unpack(data: bytes, size: int = 2**18) -> tuple[bytes, FileError | None]:
    """Return the text that comes out, and the error it ends in."""
    source = Decompressor("usage")
    pieces: list[bytes] = []
    try:
        for chunk in cut(data, size):
            pieces.extend(source.feed(chunk))
        pieces.extend(source.close())
    except FileError as error:
        return b"".join(pieces), error
    return b"".join(pieces), None


def flip(data: bytes, place: int, bits: int = 0xFF) -> bytes:
    """Return `data` with bits of one byte flipped."""
    return data[:place] + bytes((data[place] ^ bits,)) + data[place + 1 :]


def big_text(size: int) -> bytes:
    """Return text that compresses to about half."""
    return random.Random(size).randbytes(size // 2).hex().encode()  # noqa: S311 -- test data


# --- telling -----------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_told_by_the_first_bytes(kind: str, size: int) -> None:
    """Whatever the chunks, the format is told and the text comes out whole."""
    source = Decompressor("usage")
    pieces = [piece for chunk in cut(PACK[kind](TEXT), size) for piece in source.feed(chunk)]
    pieces.extend(source.close())

    assert (TEXT, kind) == (b"".join(pieces), source.kind)


def test_plain_chunks_are_passed_on() -> None:
    """Plain text comes out as the chunks that went in, also those that told it."""
    for chunks in ([TEXT, b"{}\n", TEXT], [b'{"', b'a":', b" 1", b"}\n", b"{}\n"]):
        source = Decompressor("usage")
        found = [piece for chunk in chunks for piece in source.feed(chunk)]

        assert list(map(id, chunks)) == list(map(id, [*found, *source.close()]))
        assert source.kind is None


@pytest.mark.parametrize(
    "data", [b"", b"\x1f", b"\x28\xb5\x2f", b"\x50\x2a\x4d", b"BZh", b"BZh0", b"\xfd7zXZ", b"{}"]
)
def test_beginning_of_a_magic_is_plain(data: bytes) -> None:
    """What ends before it tells a format is plain, and empty input gives nothing."""
    for size in (1, 10):
        assert (data, None) == unpack(data, size)
    assert [] == [*Decompressor("usage").feed(b""), *Decompressor("usage").close()]


# --- members -----------------------------------------------------------------------------------

HALF = len(TEXT) // 2
MEMBERS = {
    "two members": lambda pack: pack(TEXT[:HALF]) + pack(TEXT[HALF:]),
    "a member a line": lambda pack: b"".join(map(pack, TEXT.splitlines(keepends=True))),
    "empty members": lambda pack: pack(b"") * 3 + pack(TEXT) + pack(b"") * 2,
}


@every_kind
@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("size", [1, 13, 2**18])
def test_members(kind: str, name: str, size: int) -> None:
    """Any number of members stand for their texts one after the other."""
    assert (TEXT, None) == unpack(MEMBERS[name](PACK[kind]), size)


@pytest.mark.parametrize(("kind", "zeros"), [("gzip", 1), ("gzip", 999), ("xz", 4), ("xz", 2**18)])
@pytest.mark.parametrize("size", [7, 2**18])
def test_padding(kind: str, zeros: int, size: int) -> None:
    """Zeros may follow a member of gzip, and of xz in fours."""
    padded = PACK[kind](TEXT) + b"\0" * zeros

    assert (TEXT * 2, None) == unpack(padded * 2, size)


@pytest.mark.parametrize(("kind", "zeros"), [("xz", 1), ("xz", 6), ("zstd", 4), ("bzip2", 1)])
@pytest.mark.parametrize("after", ["end", "member"])
def test_wrong_padding(kind: str, zeros: int, after: str) -> None:
    """Zeros that the format does not allow are an error after the text."""
    packed = PACK[kind](TEXT)
    text, error = unpack(packed + b"\0" * zeros + (packed if after == "member" else b""))

    assert TEXT == text
    assert f"{kind} data" in str(error)


@pytest.mark.parametrize("size", [1, 2**18])
def test_skippable_frames(size: int) -> None:
    """Zstd frames that are to be skipped may stand anywhere."""
    packed = PACK["zstd"](TEXT)
    for frame in SKIPPED:
        assert (TEXT * 2, None) == unpack(frame + packed + frame * 2 + packed + frame, size)
    assert (b"", None) == unpack(SKIPPED[1], size)


@every_kind
@pytest.mark.parametrize("garbage", [b"garbage", b"{}", b"B", b"\0\0\0\0!"])
@pytest.mark.parametrize("size", [1, 2**18])
def test_garbage_after(kind: str, garbage: bytes, size: int) -> None:
    """What follows a member and is none is an error that says where, after the text."""
    packed = PACK[kind](TEXT)
    text, error = unpack(packed + garbage, size)

    assert TEXT == text
    assert str(error).startswith("usage: ")
    start = len(packed) + (len(garbage) - len(garbage.lstrip(b"\0"))) * (kind in ("gzip", "xz"))
    assert re.search(f"byte {start} on|(near byte|after) {len(packed + garbage)}", str(error))


@every_kind
def test_another_format_after(kind: str) -> None:
    """A member of another format is garbage."""
    for other in PACK.values():
        text, error = unpack(PACK[kind](TEXT) + other(TEXT))

        assert (TEXT * 2, True) == (text, error is None) or (TEXT, True) == (
            text,
            error is not None,
        )


def test_many_members_are_fast() -> None:
    """What follows a member is not copied for every member."""
    members = gzip.compress(b"") * 20_000

    assert (b"", None) == unpack(members + b"\0" * 3 + members, len(members) * 3)


# --- ends in the middle and damage -------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("size", [1, 2**18])
def test_every_truncation(kind: str, size: int) -> None:
    """Cut off anywhere, all text that the decoder has comes out and then an error."""
    first, second = PACK[kind](TEXT[:HALF]), PACK[kind](TEXT[HALF:])
    whole = first + second
    for end in range(6, len(whole)):
        text, error = unpack(whole[:end], size)

        known, start = (TEXT[:HALF], len(first)) if end >= len(first) else (b"", 0)
        assert known + UNPACK[kind]().decompress(whole[start:end]) == text
        if end == len(first):
            assert error is None
        else:
            assert f"usage: the {kind} data ends in the middle, after {end} bytes" == str(error)


@every_kind
@pytest.mark.parametrize("size", [5, 2**18])
def test_every_flipped_byte(kind: str, size: int) -> None:
    """With any byte flipped, all text before it comes out; the end is clean only after all text."""
    packed = PACK[kind](TEXT)
    for place in range(6, len(packed)):
        for bits in (0x01, 0x10, 0x80, 0xFF):
            text, error = unpack(flip(packed, place, bits), size)

            assert text.startswith(UNPACK[kind]().decompress(packed[:place]))
            if error is None:
                assert TEXT == text
            else:
                assert re.match(DAMAGE.format(kind), str(error))
