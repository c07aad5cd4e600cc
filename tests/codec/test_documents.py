"""One JSON document instead of lines: recognised early, read whole, and counted."""

import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import table, unescaped
from tests.support.chunks import cut
from tests.support.reading import LINES, ROWS
from tests.support.samples import BOM, PAGES, row, text
from usagewire import (
    Counts,
    Decoder,
    FileError,
    UsageResponse,
    UsageTimeBucket,
    UsageVectorStoresResult,
    read,
)
from usagewire.codec.documents import Document, DocumentSniffer

each_path = pytest.mark.usefixtures("path")  # each way to decode reads documents

PAGE = PAGES["costs"]
BUCKET = PAGE["data"][0]


def indented(value: Any) -> bytes:
    """Return JSON over many lines."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


INDENTED = indented(PAGE)


# --- recognition -------------------------------------------------------------------------------


def sniffed(data: bytes, size: int = 1, limit: int = 1000) -> tuple[str, int]:
    """Return the kind of a stream, and after how many bytes it is known."""
    sniffer = DocumentSniffer(limit)
    done = 0
    for chunk in cut(data, size):
        done += len(chunk)
        try:
            lines = sniffer.feed(chunk)
        except OverflowError:
            return "too large", done
        if lines is not None:
            assert data[:done] == lines
            return "lines", done
    lines, document = sniffer.close()
    assert data == lines + (document.text if document else b"")
    if document is None:
        return "lines", done
    return "broken" if document.is_broken else "document", done


SNIFFED = {
    row["name"]: (unescaped(row["text"]), row["kind"], int(row["bytes"]))
    for row in table("documents.txt")
}


@pytest.mark.parametrize("name", SNIFFED)
def test_recognised_early(name: str) -> None:
    """Lines are recognised by their first line, or by the first line that fits no document."""
    data, kind, size = SNIFFED[name]

    assert (kind, size) == sniffed(data)


@pytest.mark.parametrize("name", SNIFFED)
def test_recognised_in_chunks_of_any_size(name: str) -> None:
    """The kind of a stream does not depend on its chunks, whatever the limit is."""
    data, _, _ = SNIFFED[name]
    for limit in range(1, len(data) + 2):
        expected = sniffed(data, 1, limit)[0]
        for size in (2, 3, 7, 1000):
            assert expected == sniffed(data, size, limit)[0]


PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"a"', b"1", b"{}", b'{"a":1}', b"[]", b" ", b"\n"]


@given(st.lists(st.sampled_from([*PIECES, b"\n", b",\n"]), max_size=20).map(b"".join))
def test_recognised_exactly(data: bytes) -> None:
    """A document is an array, or an object over several lines whose first line is open."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        assert sniffed(data)[0] in ("lines", "broken")
        return
    first = data.strip().split(b"\n")[0].rstrip()
    is_open = type(value) is dict and first != data.strip() and first[-1:] in b"{[,:"

    assert ("document" if type(value) is list or is_open else "lines") == sniffed(data)[0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    st.lists(st.dictionaries(st.text(max_size=2), JSON, max_size=2), max_size=2),
    st.sampled_from([0, 4]),
)
def test_output_of_json_is_recognised(values: list[Any], indent: int) -> None:
    """A printed array is a document, and so is an object printed over several lines."""
    for value in (values, *values):
        printed = json.dumps(value, indent=indent).encode()

        assert ("document" if value != {} else "lines") == sniffed(printed, 7, 10**6)[0]
        assert "lines" == sniffed(text(value) + b"\n" + text(value), 7, 10**6)[0]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"{" + b" " * 100, "lines"),
        (b"[" + b"1," * 50, "lines"),
        (b"\n" * 101, "lines"),
        (b"[" + b"1" * 98 + b"]", "document"),
        (b"[" + b"1" * 99 + b"]\n", "lines"),
        (b"[\n" + b"1,\n" * 33, "too large"),
        (b"{\n" + b" " * 99, "too large"),
    ],
)
def test_limit(data: bytes, expected: str) -> None:
    """Text over the limit is lines if its first line is over the limit, or else too large."""
    assert expected == sniffed(data, limit=100)[0] == sniffed(data, 1000, limit=100)[0]


def test_head_of_a_stream_that_breaks_off() -> None:
    """A stream that fails gives the lines held back, and nothing of a document."""
    for head, expected in (
        (b'{"a": 1,\n{}\n', b'{"a": 1,\n{}\n'),
        (BOM + b"{}", BOM + b"{}"),
        (b'{"a": 1', b""),
        (b"{\n1,\n", b""),
        (b"", b""),
    ):
        sniffer = DocumentSniffer(100)
        sniffer.feed(head)

        assert expected == sniffer.abort()


# --- spans -------------------------------------------------------------------------------------


@given(st.lists(JSON, min_size=1, max_size=5), st.sampled_from([None, 0, 2]), st.booleans())
def test_spans(values: list[Any], indent: int | None, bom: bool) -> None:
    """The spans of an array are the places of its elements in the text."""
    data = BOM * bom + b" " + json.dumps(values, indent=indent).encode() + b"\n"
    document = Document.read(data)

    assert values == [orjson.loads(data[start:stop]) for start, stop in document.spans()]


# --- documents through `read` --------------------------------------------------------------------

ARRAY = indented([PAGE, PAGE])
ONE, TWO = [UsageResponse], [UsageResponse] * 2
DOCUMENTS: dict[str, tuple[bytes, list[Any]]] = {
    "indented": (INDENTED, ONE),
    "indented after the BOM": (BOM + INDENTED, ONE),
    "indented after blank lines": (b"\n \n" + INDENTED + b"\n", ONE),
    "indented with CRLF": (INDENTED.replace(b"\n", b"\r\n"), ONE),
    "array": (ARRAY, TWO),
    "array on a line": (orjson.dumps([PAGE, PAGE]), TWO),
    "array on a line with LF": (orjson.dumps([PAGE, PAGE]) + b"\n", TWO),
    "array of one a line": (b"[\n" + text(PAGE) + b",\n" + text(PAGE) + b"\n]\n", TWO),
    "empty array": (b"[]\n", []),
    "page on a line": (text(PAGE), ONE),
    "page a line": (text(PAGE) + b"\n" + text(PAGE), TWO),
    "bucket": (indented(BUCKET), [UsageTimeBucket]),
    "array of a bucket": (indented([BUCKET]), [UsageTimeBucket]),
    "array of rows": (indented([row()] * 3), [UsageVectorStoresResult] * 3),
}


@each_path
@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("size", [1, 16, 2**18])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["uncompressed", "gzip"])
def test_document(name: str, size: int, pack: Any) -> None:
    """A source may be one JSON document, over many lines, or an array of objects."""
    data, expected = DOCUMENTS[name]
    reader = read(cut(pack(data), size))
    records, count = list(reader), len(expected)

    assert expected == [type(one) for one in records]
    assert (count, count) == (reader.counts.lines - reader.counts.blank, reader.counts.records)
    assert len(data) == reader.counts.bytes


@each_path
@pytest.mark.parametrize("size", [1, 2**18])
def test_broken_document(size: int) -> None:
    """A document that is not JSON is one rejection, which says where the error is."""
    data = INDENTED[:-5]
    reader = read(cut(data, size), on_error="collect")

    assert list(reader) == []
    assert Counts(lines=1, rejected=1, bytes=len(data)) == reader.counts
    [one] = reader.rejections
    assert (1, 0, len(data), "syntax") == (one.line, one.offset, one.length, one.code)
    assert f"at byte {len(data)}" in one.message


@each_path
def test_every_truncation_of_a_document() -> None:
    """A document truncated anywhere is one rejection, and every byte is counted."""
    data = indented([row(), row()])
    for end in range(1, len(data)):
        reader = read([data[:end]], on_error="collect")

        assert list(reader) == []
        assert Counts(lines=1, rejected=1, bytes=end) == reader.counts


@each_path
def test_document_that_cannot_be_read_to_its_end() -> None:
    """The lines of a document in a damaged file are not rejected one by one."""
    packed = gzip.compress(INDENTED)
    reader = read([packed[:-1]])
    with pytest.raises(FileError, match="ends in the middle"):
        next(reader)

    assert ([], Counts()) == (list(reader), reader.counts)


@each_path
def test_first_line_that_begins_like_an_array() -> None:
    """The lines after a bad first line that begins with a bracket are read."""
    reader = read(io.BytesIO(b"[1,\n" + LINES), on_error="collect")

    assert ROWS == list(reader)
    assert [1] == [one.line for one in reader.rejections]


@each_path
@pytest.mark.parametrize("first", [b"", b"\n", BOM, b"what?\n", b'{"a": NaN}\n'])
def test_records_come_when_their_line_is_whole(first: bytes) -> None:
    """The first record of a live source comes before the next chunk is requested."""
    asked = []

    def live() -> Iterator[bytes]:
        yield first + LINES[:9]
        yield LINES[9 : LINES.index(b"\n") + 1]
        asked.append("more")
        yield LINES[LINES.index(b"\n") + 1 :]

    reader = read(live(), on_error="skip")

    assert (ROWS[0], []) == (next(reader), asked)
    assert (ROWS[1:], ["more"]) == (list(reader), asked)


@each_path
@pytest.mark.parametrize("after", [[], ROWS], ids=["alone", "before another"])
def test_document_past_the_limit(after: list[Any]) -> None:
    """A printed document over `max_line_bytes` is an error, and the files after it are read."""
    sources = [io.BytesIO(INDENTED), io.BytesIO(LINES)] if after else io.BytesIO(INDENTED)
    reader = read(sources, max_line_bytes=len(INDENTED) - 1)
    with pytest.raises(FileError, match="raise max_line_bytes"):
        next(reader)

    assert after == list(reader)
    assert len(list(read(io.BytesIO(INDENTED), max_line_bytes=len(INDENTED)))) == 1


@each_path
@pytest.mark.parametrize("end", [b"", b"\n"], ids=repr)
def test_array_on_one_line_past_the_limit(end: bytes) -> None:
    """An array on one line that is too long is one rejected line."""
    array = b"[" + LINES.strip().replace(b"\n", b",") + b"]"
    reader = read(io.BytesIO(array + end), on_error="collect", max_line_bytes=len(array) - 1)

    assert list(reader) == []
    assert ["line_too_long"] == [one.code for one in reader.rejections]


@each_path
def test_lists_a_line_are_no_document() -> None:
    """If each record is a list, then a single line is a line and not a document."""
    line = b'[{"usage_bytes": 1}]\n'

    assert [[UsageVectorStoresResult(usage_bytes=1)]] == list(
        read(io.BytesIO(line), list[UsageVectorStoresResult])
    )


@each_path
def test_document_of_a_decoder_is_that_of_read() -> None:
    """`decode_document` and `read` give the same for a document."""
    for data in (INDENTED, ARRAY, INDENTED[:-5], b"[" + text(PAGE) + b",\n5]"):
        decoder = Decoder(on_error="collect")
        records = decoder.decode_document(data)
        reader = read([data], on_error="collect")

        assert (records, decoder.counts) == (list(reader), reader.counts)
        assert decoder.rejections == [attrs.evolve(one, file=None) for one in reader.rejections]


@pytest.mark.parametrize(("limit", "expected"), [(2, b"[]\n"), (3, None)])
def test_end_of_the_first_line_counts(limit: int, expected: bytes | None) -> None:
    """A first line that ends after the limit is a line, and its LF counts."""
    assert expected == DocumentSniffer(limit).feed(b"[]\n")
