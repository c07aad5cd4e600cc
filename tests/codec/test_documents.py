"""One JSON document instead of lines: told as early as can be, read whole, accounted for."""

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


# --- telling -----------------------------------------------------------------------------------


def told(data: bytes, size: int = 1, limit: int = 1000) -> tuple[str, int]:
    """Return what a stream is said to be, and after how many bytes."""
    teller = DocumentSniffer(limit)
    done = 0
    for chunk in cut(data, size):
        done += len(chunk)
        try:
            lines = teller.feed(chunk)
        except OverflowError:
            return "too large", done
        if lines is not None:
            assert data[:done] == lines
            return "lines", done
    lines, document = teller.close()
    assert data == lines + (document.text if document else b"")
    if document is None:
        return "lines", done
    return "broken" if document.is_broken else "document", done


TOLD = {
    # What it is, after how many bytes that is known at the earliest; the rest is told at the end.
    "nothing": (b"", "lines", 0),
    "blank lines": (b"\n \n\r\n", "lines", 5),
    "an object a line": (b"{}\n{}\n", "lines", 3),
    "an object with a blank before LF": (b'{"a": 1} \r\n', "lines", 11),
    "an object after blank lines": (b"\n \n{}\n{}\n", "lines", 6),
    "an object after the BOM": (BOM + b"{}\n{}\n", "lines", 6),
    "an object after the BOM and a blank line": (BOM + b"\n{}\n{}\n", "lines", 7),
    "an object without LF": (b'{"a": 1}', "lines", 8),
    "a number": (b"5\n{}\n", "lines", 2),
    "a word": (b"what?\n{}\n", "lines", 6),
    "the BOM later": (b"\n" + BOM + b"{\n", "lines", 6),
    "a bad object": (b'{"a": NaN}\n{}\n', "lines", 11),
    "an object cut off in a name": (b'{"a": 1, "b\n{}\n', "lines", 12),
    "an object cut off after a comma": (b'{"a": 1,\n{}\n{}\n{}\n', "lines", 15),
    "the same before a bad line": (b'{"a": 1,\n{}\nbad\n{}\n', "lines", 16),
    "the same at the end": (b'{"a": 1,\n{}\n', "lines", 12),
    "an array cut off, before objects": (b"[1,\n{}\n{}\n{}\n", "lines", 10),
    "a whole array before a line": (b"[1]\n\n5\n{}\n", "lines", 7),
    "a bracket before an object": (b"[\n{}", "lines", 4),
    "an object over lines": (b'{\n"a": 1\n}\n', "document", 11),
    "an object that opens in another": (b'{"a": {\n}}', "document", 10),
    "an object that breaks after a colon": (b'{"a":\n1}', "document", 8),
    "a brace alone": (b"{\n", "broken", 2),
    "a brace without LF": (b"{", "broken", 1),
    "a bracket alone": (b"[", "broken", 1),
    "an array": (b"[]", "document", 2),
    "an array on a line": (b"[{}, {}]\n \n", "document", 11),
    "an array of an object a line": (b"[\n{},\n{}\n]\n", "document", 11),
    "an array of one object": (b"[\n{}\n]", "document", 6),
    "an array that begins its lines with commas": (b"[{}\n,{}\n,{}]", "document", 12),
    "an array with an object alone on a line": (b'[{"a": [\n{}\n]}]', "document", 15),
    "an array after the BOM": (BOM + b"[]", "document", 5),
    "an array after blank lines": (b"\n\r\n[\n]", "document", 6),
    "an array cut off": (b"[{},\n{},\n{", "broken", 10),
    "an object over lines cut off": (b'{\n"a": 1,\n', "broken", 10),
    "a document of bad text": (b'[\n"\xff"\n]', "broken", 7),
    "two documents": (b"{\n}\n{\n}\n", "broken", 8),
}


@pytest.mark.parametrize("name", TOLD)
def test_told_as_early_as_can_be(name: str) -> None:
    """Lines are told when the first line is whole, or the one that stands in no document."""
    data, kind, size = TOLD[name]

    assert (kind, size) == told(data)


@pytest.mark.parametrize("name", TOLD)
def test_told_in_chunks_of_any_size(name: str) -> None:
    """What a stream is does not hang on its chunks, whatever the limit."""
    data, _, _ = TOLD[name]
    for limit in range(1, len(data) + 2):
        expected = told(data, 1, limit)[0]
        for size in (2, 3, 7, 1000):
            assert expected == told(data, size, limit)[0]


PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"a"', b"1", b"{}", b'{"a":1}', b"[]", b" ", b"\n"]


@given(st.lists(st.sampled_from([*PIECES, b"\n", b",\n"]), max_size=20).map(b"".join))
def test_told_exactly(data: bytes) -> None:
    """A document is an array, or an object over lines of which the first is open; else lines."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        assert told(data)[0] in ("lines", "broken")
        return
    first = data.strip().split(b"\n")[0].rstrip()
    is_open = type(value) is dict and first != data.strip() and first[-1:] in b"{[,:"

    assert ("document" if type(value) is list or is_open else "lines") == told(data)[0]


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
def test_whatever_json_prints_is_told(values: list[Any], indent: int) -> None:
    """A printed array is a document, and so is a printed object that takes several lines."""
    for value in (values, *values):
        printed = json.dumps(value, indent=indent).encode()

        assert ("document" if value != {} else "lines") == told(printed, 7, 10**6)[0]
        assert "lines" == told(text(value) + b"\n" + text(value), 7, 10**6)[0]


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
    """What goes past the limit is lines where the first line does, else too large."""
    assert expected == told(data, limit=100)[0] == told(data, 1000, limit=100)[0]


def test_head_of_a_stream_that_breaks_off() -> None:
    """Of what was held back, lines are given, and of the beginning of a document nothing."""
    for head, expected in (
        (b'{"a": 1,\n{}\n', b'{"a": 1,\n{}\n'),
        (BOM + b"{}", BOM + b"{}"),
        (b'{"a": 1', b""),
        (b"{\n1,\n", b""),
        (b"", b""),
    ):
        teller = DocumentSniffer(100)
        teller.feed(head)

        assert expected == teller.abort()


# --- spans -------------------------------------------------------------------------------------


@given(st.lists(JSON, min_size=1, max_size=5), st.sampled_from([None, 0, 2]), st.booleans())
def test_spans(values: list[Any], indent: int | None, bom: bool) -> None:
    """Each element of an array has its place in the text."""
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
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
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
    """A document that is no JSON is one rejection, which says where it breaks."""
    data = INDENTED[:-5]
    reader = read(cut(data, size), on_error="collect")

    assert list(reader) == []
    assert Counts(lines=1, rejected=1, bytes=len(data)) == reader.counts
    [one] = reader.rejections
    assert (1, 0, len(data), "syntax") == (one.line, one.offset, one.length, one.code)
    assert f"at byte {len(data)}" in one.message


@each_path
def test_every_truncation_of_a_document() -> None:
    """Wherever a document is cut off, that is told and every byte is accounted for."""
    data = indented([row(), row()])
    for end in range(1, len(data)):
        reader = read([data[:end]], on_error="collect")

        assert list(reader) == []
        assert Counts(lines=1, rejected=1, bytes=end) == reader.counts


@each_path
def test_document_that_cannot_be_read_to_its_end() -> None:
    """The beginning of a document in a damaged file is no heap of bad lines."""
    packed = gzip.compress(INDENTED)
    reader = read([packed[:-1]])
    with pytest.raises(FileError, match="ends in the middle"):
        next(reader)

    assert ([], Counts()) == (list(reader), reader.counts)


@each_path
def test_first_line_that_begins_like_an_array() -> None:
    """A bad first line that begins with a bracket does not cost the lines after it."""
    reader = read(io.BytesIO(b"[1,\n" + LINES), on_error="collect")

    assert ROWS == list(reader)
    assert [1] == [one.line for one in reader.rejections]


@each_path
@pytest.mark.parametrize("first", [b"", b"\n", BOM, b"what?\n", b'{"a": NaN}\n'])
def test_records_come_when_their_line_is_whole(first: bytes) -> None:
    """The first record of a live source comes out before anything more is asked for."""
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
    """A printed document longer than a line may be is refused, and costs no file after it."""
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
    """Where a record is a list, a single line of it is a line like any other."""
    line = b'[{"usage_bytes": 1}]\n'

    assert [[UsageVectorStoresResult(usage_bytes=1)]] == list(
        read(io.BytesIO(line), list[UsageVectorStoresResult])
    )


@each_path
def test_document_of_a_decoder_is_that_of_read() -> None:
    """`decode_document` and `read` take a document for the same."""
    for data in (INDENTED, ARRAY, INDENTED[:-5], b"[" + text(PAGE) + b",\n5]"):
        decoder = Decoder(on_error="collect")
        records = decoder.decode_document(data)
        reader = read([data], on_error="collect")

        assert (records, decoder.counts) == (list(reader), reader.counts)
        assert decoder.rejections == [attrs.evolve(one, file=None) for one in reader.rejections]
