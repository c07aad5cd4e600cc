"""Dead letters: rejected lines kept whole, read back, fixed and fed again at their old place."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import usagewire
from tests.support.paths import Way
from tests.support.samples import row, text
from tests.support.strategies import FILES
from usagewire import (
    Counts,
    DeadLetter,
    DeadLetters,
    DecodeError,
    FileError,
    Rejection,
    UsageVectorStoresResult,
    UsageWireError,
    dumps,
    loads,
    read,
    write,
)
from usagewire.streaming.dead_letters import RAW_LIMIT

GOOD = text(row(usage_bytes=1))
BAD = text(row(usage_bytes="5"))
ONE, RECORD = UsageVectorStoresResult(usage_bytes=1), UsageVectorStoresResult(usage_bytes=5)

LETTER = DeadLetter(
    file="a.ndjson", line=7, offset=700, length=len(BAD), path="$.usage_bytes", code="wrong_type",
    message="expected an integer, got '5'", raw=BAD.decode(),
)  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a file of letters that does not exist yet."""
    return tmp_path / "rejects.ndjson"


def letters_of(file: Path) -> list[DeadLetter]:
    """Return the letters in a file."""
    with read(file, DeadLetter) as letters:
        return list(letters)


def rejected(data: bytes, file: Path, **options: Any) -> list[DeadLetter]:
    """Return the letters of the bad lines of `data`, written to `file` and read back."""
    with DeadLetters(file) as letters:
        usagewire.Decoder(on_error=letters, **options).decode_lines(data)
    return letters_of(file)


# --- nothing is lost -------------------------------------------------------------------------


@given(data=FILES)
@settings(max_examples=25)
def test_every_bad_line_is_kept(
    path: Way, tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """The letters have all facts of the rejections, and each line byte for byte."""
    seen: list[Rejection] = []
    path.Decoder(on_error=seen.append, max_raw_bytes=2**20, name="é.ndjson").decode_lines(data)
    file = tmp_path_factory.mktemp("letters") / "rejects.ndjson"
    letters = rejected(data, file, name="é.ndjson")

    assert seen == [
        Rejection(
            **{a.name: getattr(one, a.name) for a in attrs.fields(Rejection) if a.name != "raw"},
            raw=one.data,
        )
        for one in letters
    ]
    assert [data[one.offset :][: one.length] for one in letters] == [one.data for one in letters]
    assert not any(one.truncated for one in letters)


@given(data=FILES, limit=st.sampled_from([500, 2**20]))
@settings(max_examples=25)
def test_letters_fed_again_are_the_same(
    path: Way, tmp_path_factory: pytest.TempPathFactory, data: bytes, limit: int
) -> None:
    """A letter that was not fixed is rejected again, at its place and for its reason."""
    folder = tmp_path_factory.mktemp("letters")
    # If two CR precede the LF, the first is taken for a part of the line end later.
    data = data.replace(b"\r\r\n", b"\r\n")
    first = rejected(data, folder / "first", max_line_bytes=limit)
    with DeadLetters(folder / "second") as letters:
        decoder = path.Decoder(on_error=letters, max_line_bytes=limit)
        assert [] == [record for letter in first for record in letter.feed_to(decoder)]
    second = letters_of(folder / "second")

    expected, found = ([attrs.evolve(one, message="") for one in each] for each in (first, second))
    assert expected == found
    assert (len(first), len(first)) == (decoder.counts.rejected, decoder.counts.lines)


PLACED = {"file", "line", "offset", "length", "path", "code", "message"}
SHAPES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "text": ('{"é":'.encode(), {"raw": '{"é":'}),
    "no text": (b"\xff{", {"raw_base64": "/3s="}),
    "controls": (b"\x00\x1b\x7f\t", {"raw": "\x00\x1b\x7f\t"}),
    "half a character": ("é".encode()[:1], {"raw_base64": "ww=="}),
    "a lone surrogate": (b"\xed\xa0\x80", {"raw_base64": "7aCA"}),
    "a byte order mark": (b"\xef\xbb\xbf{}", {"raw": "\ufeff{}"}),
}


@pytest.mark.parametrize("case", SHAPES)
def test_how_a_line_is_written(case: str, file: Path) -> None:
    """A line is text if it is UTF-8, and base64 if not, and comes back the same."""
    line, raw = SHAPES[case]
    (letter,) = rejected(GOOD + b"\n" + line + b"\n", file, name="a.ndjson")
    written = json.loads(file.read_bytes())

    assert line == letter.data
    assert raw.items() <= written.items()
    assert PLACED | set(raw) == set(written)
    assert ("a.ndjson", 2, len(GOOD) + 1, len(line)) == tuple(
        written[key] for key in ("file", "line", "offset", "length")
    )


@pytest.mark.parametrize("name", ["b\udcff.ndjson", "a\n\u202eb.ndjson", None])
def test_any_file_name(name: str | None, file: Path) -> None:
    """A name that is not UTF-8 is written with escapes."""
    (letter,) = rejected(BAD, file, name=name)
    assert (name and name.replace("\udcff", "\\udcff")) == letter.file


def test_long_lines_are_whole(file: Path) -> None:
    """Letters have the whole line; `rejections` have its beginning."""
    line = b" " * 10_000 + BAD
    with DeadLetters(file) as letters:
        decoder = usagewire.Decoder(on_error=letters)
        decoder.decode_lines(line)
    (letter,) = letters_of(file)
    assert (line, False) == (letter.data, letter.truncated)
    assert [line[:RAW_LIMIT]] == [one.raw for one in decoder.rejections]


RAWS: dict[str, tuple[bool, dict[str, Any], int]] = {
    "by default": (False, {}, 4096),
    "whole lines": (True, {}, 9000),
    "whole lines, within the limit": (True, {"max_line_bytes": 5000}, 5000),
    "as many as asked for": (False, {"max_raw_bytes": 6000}, 6000),
    "as many as asked for, of whole lines": (True, {"max_raw_bytes": 10}, 10),
}


@pytest.mark.parametrize("case", RAWS)
def test_a_function_gets_so_much_of_a_line(path: Way, case: str) -> None:
    """A callback gets 4096 bytes, unless it wants whole lines or the user says how many."""
    whole, options, expected = RAWS[case]
    seen: list[Rejection] = []

    def on_error(rejection: Rejection) -> None:
        seen.append(rejection)

    on_error.whole_lines = whole  # type: ignore[attr-defined]
    path.Decoder(on_error=on_error, **options).decode_lines(b"x" * 9000)
    assert [(expected, 9000)] == [(len(one.raw), one.length) for one in seen]


# --- the file --------------------------------------------------------------------------------


@pytest.mark.parametrize("append", [False, True])
def test_the_file_is_whole_or_as_it_was(file: Path, *, append: bool) -> None:
    """After an exception the old letters are there and, with `append`, the new ones too."""
    (before,) = rejected(BAD, file)
    with pytest.raises(ZeroDivisionError), DeadLetters(file, append=append) as letters:  # noqa: PT012 -- raised in the end
        usagewire.Decoder(on_error=letters).decode_lines(b"what")
        letters.flush()
        raise ZeroDivisionError
    first, *added = letters_of(file)
    assert (before, ["syntax"] * append) == (first, [one.code for one in added])
    assert ["syntax"] == [one.code for one in rejected(b"what", file)]


@pytest.mark.parametrize(("data", "count"), [(GOOD, 0), (b"what\n" + GOOD + b"\nwhat", 2)])
def test_letters_are_counted(file: Path, data: bytes, count: int) -> None:
    """`count` is the number of letters; without bad lines the file is empty."""
    with DeadLetters(file) as letters:
        usagewire.Decoder(on_error=letters).decode_lines(data)
        assert count == letters.count
    assert count == len(file.read_bytes().splitlines())


def test_a_closed_file_takes_no_letter(file: Path) -> None:
    """If a line cannot be kept, reading stops with an error."""
    letters = DeadLetters(file)
    letters.discard()
    with pytest.raises(FileError, match=r"rejects\.ndjson"):
        usagewire.Decoder(on_error=letters).decode_lines(BAD)
    assert not file.exists()


@pytest.mark.parametrize("name", ["rejects.ndjson.gz", "rejects.ndjson"])
def test_letters_replace_the_file_they_are_read_from(path: Way, name: str, tmp_path: Path) -> None:
    """The letters of lines that are still wrong replace the file at the end."""
    file = tmp_path / name
    rejected(BAD + b"\nwhat\n", file, name="a.ndjson")
    records: list[Any] = []
    with DeadLetters(file) as letters, read(file, DeadLetter) as old:
        decoder = path.Decoder(on_error=letters)
        for letter in old:
            records += letter.mended(letter.data.replace(b'"5"', b"5")).feed_to(decoder)
    assert [RECORD] == records
    assert [("a.ndjson", 2, "what")] == [(one.file, one.line, one.raw) for one in letters_of(file)]


# --- fixing and feeding again ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("letter", "strict", "records", "counts"),
    [
        (LETTER.mended(GOOD), True, [ONE], Counts(lines=1, records=1, bytes=len(GOOD) + 1)),
        (LETTER, False, [RECORD], Counts(lines=1, records=1, bytes=len(BAD) + 1, lenient=1)),
        (LETTER.mended(b""), True, [], Counts(lines=1, blank=1, bytes=1)),
        (LETTER.mended(b" \t"), True, [], Counts(lines=1, blank=1, bytes=3)),
    ],
    ids=["fixed", "allowed", "emptied", "blank"],
)
def test_result_of_a_letter(
    path: Way, letter: DeadLetter, strict: bool, records: list[Any], counts: Counts
) -> None:
    """A letter counts as a line of its decoder, which may accept the line by lenient conversion."""
    decoder = path.Decoder(strict=strict)
    assert records == letter.feed_to(decoder)
    assert counts == decoder.counts


def test_a_letter_keeps_its_place(path: Way) -> None:
    """A letter that is rejected again keeps its file, line and offset."""
    with pytest.raises(DecodeError, match=r"a\.ndjson:7: \$\.usage_bytes: wrong_type") as caught:
        LETTER.feed_to(path.Decoder())
    assert caught.value.rejection is not None
    assert LETTER == DeadLetter.from_rejection(caught.value.rejection)


def test_letters_do_not_disturb_a_stream(path: Way) -> None:
    """A decoder can be fed letters while it holds half a line back."""
    decoder = path.Decoder()
    assert [] == decoder.feed(GOOD[:9])
    assert [RECORD] == LETTER.mended(text(row())).feed_to(decoder)
    assert [UsageVectorStoresResult(usage_bytes=1)] == decoder.feed(GOOD[9:] + b"\n")
    assert (2, 2) == (decoder.counts.lines, decoder.counts.records)


def test_a_record_of_a_document_is_one_letter(path: Way, file: Path) -> None:
    """A record that is printed over several lines is fed again as one."""
    data = json.dumps([row(), row(usage_bytes="5")], indent=2).encode()
    source = file.with_name("page.json")
    source.write_bytes(data)
    with DeadLetters(file) as letters, read(source, on_error=letters) as records:
        assert [RECORD] == list(records)
    (letter,) = letters_of(file)
    assert (b"\n" in letter.data, 6, str(source)) == (True, letter.line, letter.file)
    assert [RECORD] == letter.mended(letter.data.replace(b'"5"', b"5")).feed_to(path.Decoder())


# --- truncated letters -----------------------------------------------------------------------

LONG = text(row(usage_bytes=5, later="é" * 5000))


@pytest.fixture
def truncated(file: Path) -> DeadLetter:
    """Return the letter of a good line that was too long."""
    (letter,) = rejected(LONG, file, max_line_bytes=8000, name="a.ndjson")
    return letter


@pytest.mark.parametrize(
    ("line", "limit", "size"),
    [(LONG, {"max_line_bytes": 8000}, RAW_LIMIT), (BAD, {"max_raw_bytes": 5}, 5)],
)
def test_truncated_letter(file: Path, line: bytes, limit: dict[str, int], size: int) -> None:
    """If a letter has only the beginning of its line, `truncated` is true."""
    (letter,) = rejected(line, file, **limit)
    assert (line[:size], len(line), True) == (letter.data, letter.length, letter.truncated)


@pytest.mark.parametrize("limit", [8000, 2**20])
def test_a_truncated_letter_is_rejected_again(path: Way, truncated: DeadLetter, limit: int) -> None:
    """The beginning of a line is rejected, even if the whole line would be allowed."""
    decoder = path.Decoder(on_error="collect", max_line_bytes=limit)
    assert [] == truncated.feed_to(decoder)
    (again,) = decoder.rejections
    assert ("line_too_long", len(LONG), "a.ndjson") == (again.code, again.length, again.file)
    assert truncated == attrs.evolve(DeadLetter.from_rejection(again), message=truncated.message)


@pytest.mark.parametrize("data", [GOOD, b"", b" "])
def test_a_beginning_may_look_whole(path: Way, data: bytes) -> None:
    """The beginning of a line is rejected even if it is a good line or a blank one by itself."""
    letter = DeadLetter.from_rejection(
        Rejection(code="x", message="", path="$", line=1, offset=0, length=9999, raw=data)
    )
    with pytest.raises(DecodeError, match="the beginning of this line of 9999 bytes was kept"):
        letter.feed_to(path.Decoder())


@pytest.mark.parametrize("line", [GOOD, b""])
def test_a_truncated_letter_of_length_0(path: Way, line: bytes) -> None:
    """A letter that says that it is truncated is rejected, even if its length is 0."""
    letter = attrs.evolve(LETTER.mended(line), truncated=True, length=0)
    with pytest.raises(DecodeError, match="line_too_long: only the beginning"):
        letter.feed_to(path.Decoder())


def test_a_truncated_letter_is_fixed_with_the_whole_line(path: Way, truncated: DeadLetter) -> None:
    """A truncated letter with the whole line is like any other."""
    (record,) = truncated.mended(LONG).feed_to(path.Decoder())
    assert RECORD == attrs.evolve(record, additional_properties={})


def test_a_fixed_line_may_be_too_long(path: Way) -> None:
    """`max_line_bytes` applies to letters too."""
    decoder = path.Decoder(on_error="collect", max_line_bytes=20, max_raw_bytes=9)
    assert [] == LETTER.mended(GOOD).feed_to(decoder)
    (bad,) = decoder.rejections
    assert ("line_too_long", len(GOOD), GOOD[:9]) == (bad.code, bad.length, bad.raw)


# --- the class -------------------------------------------------------------------------------

UNSOUND: dict[str, tuple[dict[str, Any], str]] = {
    "no line": ({"raw": None}, "either raw or raw_base64"),
    "two lines": ({"raw_base64": ""}, "either raw or raw_base64"),
    "no base64": ({"raw": None, "raw_base64": "é"}, "must be base64"),
    "other signs": ({"raw": None, "raw_base64": "e3 0="}, "must be base64"),
}


@pytest.mark.parametrize("case", UNSOUND)
def test_unsound_letters(path: Way, case: str) -> None:
    """A letter without exactly one line is refused when it is made, and when it is read."""
    change, message = UNSOUND[case]
    with pytest.raises(UsageWireError, match=message):
        attrs.evolve(LETTER, **change)
    data = {k: v for k, v in (attrs.asdict(LETTER) | change).items() if v is not None}
    del data["additional_properties"]
    with pytest.raises(DecodeError, match=f"bad_value: .*{message}"):
        path.loads(text(data), DeadLetter)


def test_notes_in_letters_stay(path: Way) -> None:
    """Unknown fields are kept and written back, unless they are forbidden."""
    noted = path.loads(dumps(LETTER)[:-1] + b',"owner":"Ada"}', DeadLetter)
    assert {"owner": "Ada"} == noted.additional_properties
    assert hash(LETTER) == hash(noted)
    assert noted == loads(dumps(noted.mended(GOOD).mended(BAD)), DeadLetter)
    with pytest.raises(DecodeError, match="unknown_field"):
        path.loads(dumps(noted), DeadLetter, unknown="forbid")


@pytest.mark.usefixtures("path")
def test_letters_can_be_written_like_any_record(file: Path) -> None:
    """`write` writes all fields of a letter."""
    write(file, [LETTER], dialect="dart")
    assert [LETTER] == letters_of(file)


def test_text_that_is_not_utf8_is_a_bad_line(path: Way) -> None:
    """A lone surrogate in a letter made in Python is rejected, as any bad line is."""
    letter = LETTER.mended('{"object":"\ud800"}')
    decoder = path.Decoder(on_error="collect")
    assert [] == letter.feed_to(decoder)
    assert [("syntax", letter.data)] == [(one.code, one.raw) for one in decoder.rejections]
