"""Decompression by the first bytes: all text that can be decoded, and then an error if any."""

import bz2
import gzip
import io
import lzma
import random
import re
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.chunks import cut
from tests.support.packing import zstd
from tests.support.reading import LINES, ROWS, everything
from usagewire import FileError, read
from usagewire.io import compression, decompression, files
from usagewire.io.compression import FORMATS, compressor, format_of
from usagewire.io.decompression import Decompressor

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

# The length of a member can be flipped too, so it may end later or earlier.
DAMAGE = "usage: (damaged {0} data near byte|the {0} data (ends in the middle|is followed by))"

every_kind = pytest.mark.parametrize("kind", PACK)


def unpack(
    data: bytes, size: int = 2**18, again: Callable[[int], Iterator[bytes]] | None = None
) -> tuple[bytes, FileError | None]:
    """Return the text of some data, and the error after it."""
    source = Decompressor("usage", again)
    pieces: list[bytes] = []
    try:
        for chunk in cut(data, size):
            pieces.extend(source.feed(chunk))
        pieces.extend(source.close())
    except FileError as error:
        return b"".join(pieces), error
    return b"".join(pieces), None


def unpack_again(data: bytes, size: int = 2**18) -> tuple[bytes, FileError | None]:
    """Return the same as `unpack`, with bytes that can be read again."""
    return unpack(data, size, lambda end: iter(cut(data[:end], size)))


def flip(data: bytes, place: int, bits: int = 0xFF) -> bytes:
    """Return `data` with some bits of one byte flipped."""
    return data[:place] + bytes((data[place] ^ bits,)) + data[place + 1 :]


# --- recognition -------------------------------------------------------------------------------


def test_uncompressed_chunks_are_passed_on() -> None:
    """Uncompressed data comes out as the same chunk objects."""
    for chunks in ([TEXT, b"{}\n", TEXT], [b'{"', b'a":', b" 1", b"}\n", b"{}\n"]):
        source = Decompressor("usage")
        found = [piece for chunk in chunks for piece in source.feed(chunk)]

        assert list(map(id, chunks)) == list(map(id, [*found, *source.close()]))
        assert source.format is None


@pytest.mark.parametrize(
    "data", [b"", b"\x1f", b"\x28\xb5\x2f", b"\x50\x2a\x4d", b"BZh", b"BZh0", b"\xfd7zXZ", b"{}"]
)
def test_data_shorter_than_a_magic(data: bytes) -> None:
    """Data that ends before it shows a format is not compressed."""
    for size in (1, 10):
        assert (data, None) == unpack(data, size)
    assert [] == [*Decompressor("usage").feed(b""), *Decompressor("usage").close()]


# --- members -----------------------------------------------------------------------------------

HALF = len(TEXT) // 2
MEMBERS: dict[str, Callable[[Callable[[bytes], bytes], bytes], bytes]] = {
    "one member": lambda pack, text: pack(text),
    "members cut anywhere": lambda pack, text: (
        pack(text[:100]) + pack(text[100:101]) + pack(text[101:])
    ),
    "a member a line": lambda pack, text: b"".join(map(pack, text.splitlines(keepends=True))),
    "empty members": lambda pack, text: pack(b"") * 3 + pack(text) + pack(b"") * 2,
}


@every_kind
@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("size", [1, 13, 2**18])
def test_members(kind: str, name: str, size: int) -> None:
    """The texts of any number of members follow each other."""
    assert (TEXT, None) == unpack(MEMBERS[name](PACK[kind], TEXT), size)


@pytest.mark.parametrize(("kind", "zeros"), [("gzip", 1), ("gzip", 999), ("xz", 4), ("xz", 2**18)])
@pytest.mark.parametrize("size", [7, 2**18])
def test_padding(kind: str, zeros: int, size: int) -> None:
    """Zeros can follow a gzip member, and in multiples of four an xz member."""
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
    """Skippable zstd frames can be anywhere."""
    packed = PACK["zstd"](TEXT)
    for frame in SKIPPED:
        assert (TEXT * 2, None) == unpack(frame + packed + frame * 2 + packed + frame, size)
    assert (b"", None) == unpack(SKIPPED[1], size)


@every_kind
@pytest.mark.parametrize("garbage", [b"garbage", b"{}", b"B", b"\0\0\0\0!"])
@pytest.mark.parametrize("size", [1, 2**18])
def test_garbage_after(kind: str, garbage: bytes, size: int) -> None:
    """Other data after a member is an error that names its place. The text comes first."""
    packed = PACK[kind](TEXT)
    text, error = unpack(packed + garbage, size)

    assert TEXT == text
    assert str(error).startswith("usage: ")
    start = len(packed) + (len(garbage) - len(garbage.lstrip(b"\0"))) * (kind in ("gzip", "xz"))
    assert re.search(f"byte {start} on|(near byte|after) {len(packed + garbage)}", str(error))


@every_kind
def test_another_format_after(kind: str) -> None:
    """A member of another format is an error."""
    for other in PACK.values():
        text, error = unpack(PACK[kind](TEXT) + other(TEXT))

        assert (TEXT * 2, True) == (text, error is None) or (TEXT, True) == (
            text,
            error is not None,
        )


def test_many_members_are_fast() -> None:
    """The bytes after a member are not copied for every member."""
    members = gzip.compress(b"") * 20_000

    assert (b"", None) == unpack(members + b"\0" * 3 + members, len(members) * 3)


# --- ends in the middle and damage -------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("size", [1, 2**18])
def test_every_truncation(kind: str, size: int) -> None:
    """Data truncated anywhere gives all text that the decoder has, and then an error."""
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
    """All text before a flipped byte comes out, and then an error or all other text."""
    packed = PACK[kind](TEXT)
    for place in range(6, len(packed)):
        for bits in (0x01, 0x10, 0x80, 0xFF):
            text, error = unpack(flip(packed, place, bits), size)

            assert text.startswith(UNPACK[kind]().decompress(packed[:place]))
            if error is None:
                assert TEXT == text
            else:
                assert re.match(DAMAGE.format(kind), str(error))


@every_kind
@pytest.mark.parametrize("size", [5, 2**18])
def test_read_again(kind: str, size: int) -> None:
    """If the bytes can be read again, text and error are the same for any damage."""
    packed = PACK[kind](TEXT[:HALF]) + PACK[kind](TEXT[HALF:])
    damaged = [flip(packed, place, bits) for place in range(len(packed)) for bits in (1, 0xFF)]
    for data in (packed, *damaged, *(packed[:end] for end in range(len(packed)))):
        (text, error), (found, again) = unpack(data, size), unpack_again(data, size)

        assert (text, str(error)) == (found, str(again))


@every_kind
def test_read_again_far_into_a_member(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text and error are the same far into a member, where a call gets more bytes."""
    monkeypatch.setattr(decompression, "KEEP", 2**22)
    text = random.Random(1).randbytes(2**19).hex().encode()  # noqa: S311 -- test data
    packed = PACK[kind](text)
    assert (text, None) == unpack_again(packed)
    for place in range(2**14, len(packed), 2**17):
        data = flip(packed, place)
        (expected, error), (found, again) = unpack(data), unpack_again(data)

        assert (expected, str(error)) == (found, str(again))
        assert expected.startswith(UNPACK[kind]().decompress(packed[:place]))


@pytest.mark.parametrize("kind", ["zstd", "bzip2", "xz"])
def test_damage_far_into_a_member(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a member cannot be replayed, at most the text of one call is lost."""
    monkeypatch.setattr(decompression, "KEEP", 0)
    monkeypatch.setattr(decompression, "_SLICE", 2**12)
    text = random.Random(1).randbytes(2**18).hex().encode()  # noqa: S311 -- test data
    packed = PACK[kind](text)
    for place in range(2**14, len(packed), 2**15):
        found, error = unpack(flip(packed, place))

        assert found.startswith(UNPACK[kind]().decompress(packed[: place - 2**12]))
        assert re.match(DAMAGE.format(kind), str(error))


def test_too_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that needs too much memory is refused, but not called damaged."""
    monkeypatch.setattr(compression, "XZ_MEMORY", 2**20)
    text, error = unpack(PACK["xz"](TEXT))

    assert b"" == text
    assert str(error).startswith("usage: not enough memory for the xz data near byte ")


# --- use -----------------------------------------------------------------------------------------


@every_kind
def test_text_is_not_skipped(kind: str) -> None:
    """The next call fails if an iterator was not read to its end."""
    for left in (0, 1):
        source = Decompressor("usage")
        pieces = source.feed(PACK[kind](TEXT) * 2)
        for _ in range(left):
            next(pieces)
        for call in (lambda: source.feed(b"x"), source.close):  # noqa: B023 -- called at once
            with pytest.raises(FileError, match="usage: reading has ended or was interrupted"):
                call()


@pytest.mark.parametrize("data", [TEXT, b"", b"B", *(pack(TEXT) for pack in PACK.values())])
def test_nothing_after_the_end(data: bytes) -> None:
    """`feed` fails after `close`."""
    source = Decompressor("usage")
    for _ in source.feed(data):
        pass
    for _ in source.close():
        pass
    with pytest.raises(FileError, match="has ended"):
        source.feed(data)


@every_kind
def test_compressor(kind: str) -> None:
    """Compressed data is the same each time, and is decompressed to its text."""
    made = []
    for _ in range(2):
        packer = compressor(SUFFIXES[kind])
        assert packer is not None
        made.append(packer.compress(TEXT[:HALF]) + packer.compress(TEXT[HALF:]) + packer.flush())

    assert made[0] == made[1]
    assert (TEXT, None) == unpack(made[0])
    assert [kind] == [one.name for one in FORMATS if one is format_of(made[0])]
    assert None is compressor(".ndjson")


@every_kind
def test_missing_module(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """If the module for a format is missing, the error names the file and says what to do."""
    for module in next(one for one in FORMATS if one.name == kind).modules:
        monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "usage"
    path.write_bytes(PACK[kind](LINES))
    say = "pip install 'usagewire[zstd]'" if kind == "zstd" else "this Python was built without"
    with pytest.raises(FileError) as caught:
        list(read(path))

    assert str(caught.value).startswith(f"{path}: {kind} cannot be read or written: ")
    assert say in str(caught.value)


@pytest.mark.parametrize("size", [1, 2**18])
def test_gzip_without_zlib_ng(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """If zlib-ng is missing, the standard library's zlib reads gzip and finds all damage."""
    monkeypatch.setitem(sys.modules, "zlib_ng.zlib_ng", None)
    for name in MEMBERS:
        test_members("gzip", name, size)
    test_every_truncation("gzip", size)
    test_every_flipped_byte("gzip", size)


@pytest.mark.parametrize("home", ["compression.zstd", "backports.zstd"])
def test_zstd_of_the_standard_library(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zstd comes from the standard library if it is there, or else from the backport."""
    for module in ("compression", "compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, home.partition(".")[0], ModuleType("package"))
    monkeypatch.setitem(sys.modules, home, zstd)

    assert (TEXT, None) == unpack(PACK["zstd"](TEXT))


# --- through `read` ------------------------------------------------------------------------------


@every_kind
def test_name_does_not_matter(kind: str, tmp_path: Path) -> None:
    """A file is read whatever its name is."""
    for name in ("usage.ndjson", *(f"usage{suffix}" for suffix in SUFFIXES.values())):
        for data in (LINES, PACK[kind](LINES)):
            (tmp_path / name).write_bytes(data)

            assert ROWS == list(read(tmp_path / name))


@every_kind
@pytest.mark.parametrize("size", [1, 2**18])
def test_read_every_truncation(kind: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file truncated anywhere gives the records before, and then one error with the place."""
    monkeypatch.setattr(files, "CHUNK", size)
    packed = PACK[kind](LINES)
    for end in range(6, len(packed)):
        known = UNPACK[kind]().decompress(packed[:end]).count(b"\n")
        error = f"<BytesIO>: the {kind} data ends in the middle, after {end} bytes"

        assert [*range(known), error] == everything(io.BytesIO(packed[:end]))


@every_kind
def test_bomb(kind: str, tmp_path: Path) -> None:
    """A small file of a very long text needs little memory."""
    path = tmp_path / "bomb"
    path.write_bytes(PACK[kind](b" " * 12_000_000 + b"\n" + LINES))
    tracemalloc.start()
    try:
        reader = read(path, on_error="collect", max_line_bytes=2**20)
        records = list(reader)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert (ROWS, ["line_too_long"]) == (records, [one.code for one in reader.rejections])
    assert len(path.read_bytes()) < 2**17
    assert peak < 7_000_000
