"""Lines: records, rejections and counts, leniencies, and an example of each code."""

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from tests.support.cases import texts
from tests.support.classes import Inner
from tests.support.comparing import Refused, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import (
    BOM,
    COMPLETIONS,
    COSTS,
    MISTAGGED,
    VECTORS,
    bucket,
    line,
    numbers,
    row,
    text,
)
from usagewire import CODES, Counts, DecodeError, Rejection, UsageVectorStoresResult

MIXED = line(1) + b"what?\n" + b"\n" + line(2) + b'{"object":5}\n' + line(3)
MIXED_COUNTS = Counts(lines=6, records=3, rejected=2, blank=1, bytes=len(MIXED))


@pytest.mark.parametrize(("on_error", "kept"), [("skip", 0), ("collect", 2)])
def test_bad_lines_are_passed_over(path: Way, on_error: str, kept: int) -> None:
    """Good lines give records, and bad lines are counted and, with `collect`, kept."""
    decoder = path.Decoder(on_error=on_error)

    assert [1, 2, 3] == numbers(decoder.decode_lines(MIXED))
    assert (MIXED_COUNTS, kept) == (decoder.counts, len(decoder.rejections))


def test_collect(path: Way) -> None:
    """A rejection has the place of the line, what is wrong with it, and its bytes."""
    decoder = path.Decoder(on_error="collect", name="usage.ndjson")
    decoder.decode_lines(MIXED)
    first, second = decoder.rejections

    assert ("syntax", "$", 2, len(line(1)), 5, b"what?", "usage.ndjson") == (
        *(first.code, first.path, first.line, first.offset),
        *(first.length, first.raw, first.file),
    )
    assert ("wrong_type", "$.object", 5, b'{"object":5}') == (
        *(second.code, second.path, second.line, second.raw),
    )
    assert "usage.ndjson:5: $.object: wrong_type: expected a string, got 5" == str(second)


def test_raise(path: Way) -> None:
    """With `raise`, the error holds the rejection and the records before it."""
    decoder = path.Decoder()
    with pytest.raises(DecodeError, match=r"^line 2: \$: syntax: ") as caught:
        decoder.decode_lines(MIXED)

    assert [1] == numbers(caught.value.records)
    assert caught.value.rejection == decoder.rejections[0]
    assert decoder.counts == Counts(lines=2, records=1, rejected=1, bytes=len(line(1)) + 6)


def test_feed_goes_on_after_raise(path: Way) -> None:
    """With `raise`, the next call goes on after the bad line, so nothing is lost."""
    decoder = path.Decoder()
    found = []
    for call in (lambda: decoder.feed(MIXED), lambda: decoder.feed(b""), decoder.close):
        try:
            found.append(numbers(call()))
        except DecodeError as error:
            found.append(numbers(error.records))

    assert [[1], [2], [3]] == found
    assert MIXED_COUNTS == decoder.counts


def test_close_goes_on_after_raise(path: Way) -> None:
    """`close` also gives the records after a bad line."""
    decoder = path.Decoder()
    with pytest.raises(DecodeError):
        decoder.feed(b"what?\n" + line(1) + line(2).rstrip())

    assert [1, 2] == numbers(decoder.close())


def test_function(path: Way) -> None:
    """A function is called with each rejection."""
    received: list[Rejection] = []
    decoder = path.Decoder(on_error=received.append)
    records = decoder.decode_lines(MIXED)

    assert [1, 2, 3] == numbers(records)
    assert received == decoder.rejections
    assert [2, 5] == [one.line for one in received]


def test_function_that_raises(path: Way) -> None:
    """An error of the function is raised, the line is counted, and reading can go on."""

    def refuse(rejection: Rejection) -> None:
        raise LookupError(rejection.code)

    decoder = path.Decoder(on_error=refuse)
    with pytest.raises(LookupError, match="syntax"):
        decoder.feed(MIXED)
    with pytest.raises(LookupError, match="wrong_type"):
        decoder.feed(b"")

    assert [1, 2, 3] == numbers(decoder.feed(b""))
    assert MIXED_COUNTS == decoder.counts


def test_rejections_are_capped(path: Way) -> None:
    """All rejections are counted, and the first ones are kept."""
    decoder = path.Decoder(on_error="collect", max_rejections=2)
    decoder.decode_lines(b"x\n" * 5)

    assert ([1, 2], 5) == ([one.line for one in decoder.rejections], decoder.counts.rejected)


def test_rejections_are_a_copy(path: Way) -> None:
    """The caller can change the list of rejections."""
    decoder = path.Decoder(on_error="collect")
    decoder.decode_lines(b"x\n")
    decoder.rejections.clear()

    assert len(decoder.rejections) == 1


def test_decode_always_raises(path: Way) -> None:
    """The error of a single document is raised, whatever `on_error` is."""
    decoder = path.Decoder(on_error="skip")
    with pytest.raises(DecodeError) as caught:
        decoder.decode("what?")

    assert (None, Counts()) == (caught.value.rejection, decoder.counts)


# --- numbering -------------------------------------------------------------------------------


def test_decode_lines_counts_from_the_start(path: Way) -> None:
    """Each call of `decode_lines` counts its lines from 1, and `counts` adds up."""
    decoder = path.Decoder(on_error="collect")
    for _ in range(2):
        decoder.decode_lines(b"\nx\n")

    assert [(2, 1), (2, 1)] == [(one.line, one.offset) for one in decoder.rejections]
    assert Counts(lines=4, rejected=2, blank=2, bytes=6) == decoder.counts


def test_feed_numbers_the_whole_stream(path: Way) -> None:
    """Lines of `feed` are numbered from the first chunk."""
    decoder = path.Decoder(on_error="collect")
    for _ in range(2):
        decoder.feed(b"\nx\n")

    assert [(2, 1), (4, 4)] == [(one.line, one.offset) for one in decoder.rejections]


def test_decode_lines_between_feeds(path: Way) -> None:
    """`decode_lines` does not change a line that `feed` holds back."""
    decoder = path.Decoder()
    decoder.feed(line(1)[:20])

    assert [5] == numbers(decoder.decode_lines(line(5)))
    assert [1] == numbers(decoder.feed(line(1)[20:]))


def test_counts_are_a_snapshot(path: Way) -> None:
    """A `Counts` does not change later."""
    decoder = path.Decoder()
    before = decoder.counts
    decoder.decode_lines(line(1))

    assert Counts() == before


def test_leniencies_of_good_lines_stay_counted(path: Way) -> None:
    """A bad line removes only its own leniencies."""
    good, bad = text(row(usage_bytes="5")), text(row(usage_bytes="5", project_id=5))
    for call in ("decode_lines", "feed"):
        decoder = path.Decoder(strict=False, on_error="skip")
        getattr(decoder, call)(b"\n".join([good, good, bad, good, bad, b"", b"x", good, b""]))

        assert (4, 3, 4) == (
            decoder.counts.records,
            decoder.counts.rejected,
            decoder.counts.lenient,
        )


NOT_JSON = texts("not_json.txt") | {
    "UTF-16": '{"object":"later.result"}'.encode("utf-16"),
    "too deep to parse": b'{"object":' + b"[" * 5000 + b"]" * 5000 + b"}",
}
not_json = pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON)


@not_json
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
def test_syntax(loads: Loads, data: bytes, *, strict: bool) -> None:
    """A document that is not one JSON object in UTF-8 is a syntax error."""
    assert Refused("syntax") == outcome(loads, data, strict=strict)


@not_json
def test_syntax_of_a_line(path: Way, data: bytes) -> None:
    """A line that is not one JSON object is rejected or blank, and the next line is read."""
    decoder = path.Decoder(on_error="collect")
    records = decoder.decode_lines(b"\n" + data.replace(b"\n", b" ") + b"\n" + text(row()))

    assert ([UsageVectorStoresResult], 3) == ([type(one) for one in records], decoder.counts.lines)
    assert decoder.counts.rejected + decoder.counts.blank == 2


@pytest.mark.parametrize("data", ["{}", "[]", "5", "null", '"x"'])
def test_document_that_is_not_an_object(loads: Loads, data: str) -> None:
    """A document can be any JSON value if the type is not a class."""
    assert {"{}": {}, "[]": [], "5": 5, "null": None, '"x"': "x"}[data] == loads(data, Any)


@pytest.mark.parametrize(
    ("line", "is_blank"),
    [
        *((line, True) for line in (b"", b" ", b"\t", b"\r", b" \t \r")),
        *((line, False) for line in (b"\x0b", b"\x0c", b"\xc2\xa0", b"\0")),
    ],
    ids=repr,
)
def test_blank_line(path: Way, line: bytes, *, is_blank: bool) -> None:
    """A line of spaces, tabs and CR is blank, and a line of other space is rejected."""
    decoder = path.Decoder(on_error="raise" if is_blank else "skip")
    decoder.decode_lines(line + b"\n" + text(row()) + b"\n" + line + b"\n")

    assert attrs.astuple(decoder.counts)[:4] == ((3, 1, 0, 2) if is_blank else (3, 1, 2, 0))


def test_bom_of_lines(path: Way) -> None:
    """A byte order mark is skipped before the first line, and rejected before another."""
    decoder = path.Decoder(on_error="collect")
    records = decoder.decode_lines(BOM + text(row()) + b"\n" + BOM + text(row()) + b"\n")

    assert [UsageVectorStoresResult(usage_bytes=5)] == records
    assert [(one.code, one.line) for one in decoder.rejections] == [("syntax", 2)]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, bytes.decode])
def test_bom_of_a_document(loads: Loads, kind: Callable[[bytes], Any]) -> None:
    """A byte order mark before a document is skipped, for any type of data."""
    assert UsageVectorStoresResult(usage_bytes=5) == loads(kind(BOM + text(row())))


def test_line_too_long(path: Way) -> None:
    """A line over the limit, even of spaces, is rejected, and the next line is read."""
    good = text(row())
    decoder = path.Decoder(on_error="collect", max_line_bytes=len(good))
    blank = b" " * (len(good) + 2)
    lines = [good, good + b" ", good + b"\r", blank, good]

    assert 3 == len(decoder.decode_lines(b"\n".join(lines)))
    assert [("line_too_long", 2, len(good) + 1), ("line_too_long", 4, len(blank))] == [
        (one.code, one.line, one.length) for one in decoder.rejections
    ]


# --- leniencies are counted ------------------------------------------------------------------

LENIENT = {
    "none": (row(), 0),
    "one": (row(usage_bytes="5"), 1),
    "one beside an unknown key": (row(usage_bytes="5", later=1), 1),
    "one beside another spelling": (row(usage_bytes="5", projectId="p"), 1),
    "one under another spelling": ({"object": VECTORS, "UsageBytes": "5"}, 1),
    "one in an unusual tag": ({"Object": VECTORS, "usage_bytes": 5.0}, 1),
    "two": (row(COMPLETIONS, batch="FALSE", input_tokens=5.0), 2),
    "two in a page": (
        {
            "object": "page",
            "has_more": "true",
            "data": [bucket(result=[row(usage_bytes="5", later=1), row()])],
        },
        2,
    ),
    "wrapper": ({"ActualInstance": row()}, 1),
    "wrapper and value": ({"ActualInstance": row(usage_bytes="5")}, 2),
    "mistagged costs": (MISTAGGED, 1),
    "mistagged costs and value": (MISTAGGED | {"images": "2"}, 2),
}


@pytest.mark.parametrize("call", ["decode", "decode_lines"])
@pytest.mark.parametrize(("data", "expected"), LENIENT.values(), ids=LENIENT)
def test_leniencies_are_counted(path: Way, data: Any, expected: int, call: str) -> None:
    """Each value that only `strict=False` accepts counts once, in a document and in a line."""
    decoder = path.Decoder(strict=False)
    getattr(decoder, call)(text(data))

    assert expected == decoder.counts.lenient


def test_strict_rejects_each_leniency(path: Way) -> None:
    """Every leniency is rejected by default."""
    lines = b"\n".join(text(data) for data, count in LENIENT.values() if count)
    decoder = path.Decoder(on_error="skip")
    decoder.decode_lines(lines)

    assert (0, len(LENIENT) - 1) == (decoder.counts.records, decoder.counts.rejected)


@attrs.frozen
class Picky:
    x: int = attrs.field(validator=attrs.validators.gt(5))


EVERY_CODE: dict[str, tuple[Any, dict[str, Any]]] = {
    "syntax": ("what", {}),
    "wrong_type": (text(row(usage_bytes="5")), {}),
    "out_of_range": (text(row(usage_bytes=2**63)), {}),
    "bad_decimal": (text({"object": COSTS, "quantity": "NaN"}), {}),
    "bad_value": ('{"x":5}', {"type": Picky}),
    "missing_field": ("{}", {"type": Picky}),
    "unknown_field": (text(row(later=1)), {"unknown": "forbid"}),
    "ambiguous_name": (text(row(usageBytes=6)), {}),
    "missing_tag": ("{}", {}),
    "wrong_tag": (text(MISTAGGED), {}),
    "ambiguous_kind": (
        text({"object": COSTS, "input_tokens": 1, "num_model_requests": 1}),
        {"strict": False},
    ),
    "sdk_wrapper": ('{"ActualInstance":{}}', {}),
    "api_error": ('{"error":{"message":"no"}}', {}),
    "too_deep": (b'{"object":"x","a":' + b"[" * 300 + b"]" * 300 + b"}", {}),
    "line_too_long": (b" " * 11, {"max_line_bytes": 10}),
}


OF_CONVERSION = ["no_interval"]  # a rejection of `Conversion`, not of a line


def test_every_code_has_an_example() -> None:
    """There is an example for each code that a line can be rejected with."""
    assert list(CODES) == [*EVERY_CODE, *OF_CONVERSION]


@pytest.mark.parametrize("code", EVERY_CODE)
def test_code(path: Way, code: str) -> None:
    """The line of each example is rejected with its code."""
    line, options = EVERY_CODE[code]
    decoder = path.Decoder(on_error="collect", **options)
    decoder.decode_lines(line)

    assert [code] == [one.code for one in decoder.rejections]


@pytest.mark.parametrize("code", CODES)
def test_code_is_explained(code: str) -> None:
    """Each code has an explanation."""
    assert len(CODES[code]) > 20


@pytest.mark.parametrize("number", ["1e400", "-1e999", "9" * 400])
def test_huge_number_of_a_key_that_comes_again(path: Way, number: str) -> None:
    """A number that no field takes does not reject a line if its key comes again."""
    decoder = path.Decoder(list[Inner], on_error="skip")
    line = f'[{{"a":{number},"a":3}}]'

    assert [[Inner(a=3)]] == decoder.decode_lines(line.encode())
