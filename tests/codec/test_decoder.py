"""`Decoder` and `Encoder`: what happens at a bad line, interrupts, bounds, inputs, and writing."""

import gc
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from enum import Enum, IntEnum
from itertools import islice, permutations
from typing import Any, get_args

import attrs
import orjson
import pytest

import usagewire
from tests.support.comparing import Refused, exact, outcome
from tests.support.paths import Way
from tests.support.samples import COMPLETIONS, COSTS, PAGES, VECTORS, row, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
    Counts,
    DecodeError,
    Decoder,
    EncodeError,
    Encoder,
    Rejection,
    UnknownResult,
    UsageCompletionsResult,
    UsageImagesResult,
    UsageResponse,
    UsageTimeBucket,
    UsageVectorStoresResult,
    UsageWireError,
    accelerated,
    dumps,
    make_converter,
)
from usagewire.models import NO_PROPERTIES

Loads = Callable[..., Any]


def line(number: int) -> bytes:
    """Return a good line that is told by its number."""
    return text(row(usage_bytes=number)) + b"\n"


def numbers(records: list[Any]) -> list[int]:
    """Return the numbers of good lines."""
    return [record.usage_bytes for record in records]


MIXED = line(1) + b"what?\n" + b"\n" + line(2) + b'{"object":5}\n' + line(3)
MIXED_COUNTS = Counts(lines=6, records=3, rejected=2, blank=1, bytes=len(MIXED))


# --- on_error --------------------------------------------------------------------------------


@pytest.mark.parametrize("on_error", ["skip", "collect"])
def test_bad_lines_are_passed_over(path: Way, on_error: str) -> None:
    """With skip and collect, all good lines come out and the bad ones are counted."""
    decoder = path.Decoder(on_error=on_error)

    assert [1, 2, 3] == numbers(decoder.decode_lines(MIXED))
    assert MIXED_COUNTS == decoder.counts


def test_skip_keeps_nothing(path: Way) -> None:
    """With skip, rejections are counted and not kept."""
    decoder = path.Decoder(on_error="skip")
    decoder.decode_lines(MIXED)

    assert decoder.rejections == []


def test_collect(path: Way) -> None:
    """A rejection says where the line stands, what is wrong and what it said."""
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


def test_rejection_as_text(path: Way) -> None:
    """A rejection reads as a line of a compiler's output."""
    decoder = path.Decoder(on_error="collect", name="usage.ndjson")
    decoder.decode_lines(MIXED)

    assert str(decoder.rejections[1]) == (
        "usage.ndjson:5: $.object: wrong_type: expected a string, got 5"
    )


def test_raise(path: Way) -> None:
    """With raise, the error holds the rejection and the records before it."""
    decoder = path.Decoder()
    with pytest.raises(DecodeError, match=r"^line 2: \$: syntax: ") as caught:
        decoder.decode_lines(MIXED)

    assert [1] == numbers(caught.value.records)
    assert caught.value.rejection == decoder.rejections[0]
    assert decoder.counts == Counts(lines=2, records=1, rejected=1, bytes=len(line(1)) + 6)


def test_feed_goes_on_after_raise(path: Way) -> None:
    """With raise, the next call goes on after the bad line: nothing is lost."""
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
    """`close` gives the lines after a bad one too."""
    decoder = path.Decoder()
    with pytest.raises(DecodeError):
        decoder.feed(b"what?\n" + line(1) + line(2).rstrip())

    assert [1, 2] == numbers(decoder.close())


def test_function(path: Way) -> None:
    """A function is told each rejection as it comes."""
    told: list[Rejection] = []
    decoder = path.Decoder(on_error=told.append)
    records = decoder.decode_lines(MIXED)

    assert [1, 2, 3] == numbers(records)
    assert told == decoder.rejections
    assert [2, 5] == [one.line for one in told]


def test_function_that_raises(path: Way) -> None:
    """What a function raises passes as it is, the line counts, and reading can go on."""

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
    """All rejections are counted, and the first ones kept."""
    decoder = path.Decoder(on_error="collect", max_rejections=2)
    decoder.decode_lines(b"x\n" * 5)

    assert ([1, 2], 5) == ([one.line for one in decoder.rejections], decoder.counts.rejected)


def test_rejections_are_a_copy(path: Way) -> None:
    """The list of rejections is the caller's to change."""
    decoder = path.Decoder(on_error="collect")
    decoder.decode_lines(b"x\n")
    decoder.rejections.clear()

    assert len(decoder.rejections) == 1


def test_decode_raises_whatever_is_said(path: Way) -> None:
    """A single document has no line: its error is raised, whatever `on_error` says."""
    decoder = path.Decoder(on_error="skip")
    with pytest.raises(DecodeError) as caught:
        decoder.decode("what?")

    assert (None, Counts()) == (caught.value.rejection, decoder.counts)


@pytest.mark.parametrize(
    "options",
    [
        {"on_error": "ignore"},
        {"on_error": None},
        {"max_line_bytes": 0},
        {"max_rejections": -1},
        {"unknown": "drop"},
        {"converter": make_converter(), "strict": False},
        {"converter": make_converter(), "unknown": "forbid"},
    ],
    ids=str,
)
def test_option_that_is_none(path: Way, options: dict[str, Any]) -> None:
    """An option that is not one is refused when the decoder is made."""
    with pytest.raises(UsageWireError):
        path.Decoder(**options)


# --- numbering -------------------------------------------------------------------------------


def test_decode_lines_counts_from_the_start(path: Way) -> None:
    """Each call of `decode_lines` numbers its lines anew, and `counts` adds up."""
    decoder = path.Decoder(on_error="collect")
    for _ in range(2):
        decoder.decode_lines(b"\nx\n")

    assert [(2, 1), (2, 1)] == [(one.line, one.offset) for one in decoder.rejections]
    assert Counts(lines=4, rejected=2, blank=2, bytes=6) == decoder.counts


def test_feed_numbers_the_whole_stream(path: Way) -> None:
    """Lines that are fed are numbered from the first chunk on."""
    decoder = path.Decoder(on_error="collect")
    for _ in range(2):
        decoder.feed(b"\nx\n")

    assert [(2, 1), (4, 4)] == [(one.line, one.offset) for one in decoder.rejections]


def test_decode_lines_between_feeds(path: Way) -> None:
    """`decode_lines` leaves a line that is fed half alone."""
    decoder = path.Decoder()
    decoder.feed(line(1)[:20])

    assert [5] == numbers(decoder.decode_lines(line(5)))
    assert [1] == numbers(decoder.feed(line(1)[20:]))


def test_counts_are_a_snapshot(path: Way) -> None:
    """Counts that were taken do not change."""
    decoder = path.Decoder()
    before = decoder.counts
    decoder.decode_lines(line(1))

    assert Counts() == before


def test_leniencies_of_good_lines_stay_counted(path: Way) -> None:
    """A bad line takes back its own leniencies and no other's."""
    good, bad = text(row(usage_bytes="5")), text(row(usage_bytes="5", project_id=5))
    for call in ("decode_lines", "feed"):
        decoder = path.Decoder(strict=False, on_error="skip")
        getattr(decoder, call)(b"\n".join([good, good, bad, good, bad, b"", b"x", good, b""]))

        assert (4, 3, 4) == (
            decoder.counts.records,
            decoder.counts.rejected,
            decoder.counts.lenient,
        )


# --- a document ------------------------------------------------------------------------------


def test_document_of_one(path: Way) -> None:
    """`decode_document` takes one object printed over several lines."""
    decoder = path.Decoder()
    data = orjson.dumps(PAGES["costs"], option=orjson.OPT_INDENT_2)

    assert [UsageResponse] == [type(one) for one in decoder.decode_document(data)]
    assert Counts(lines=1, records=1, bytes=len(data)) == decoder.counts


def test_document_of_many(path: Way) -> None:
    """Each element of an array counts as a line; a bad one is told with its place in the text."""
    decoder = path.Decoder(on_error="collect")
    data = b"[" + line(1) + b', 5,\n {"object":5},' + line(2) + b"]"

    assert [1, 2] == numbers(decoder.decode_document(data))
    assert [(2, b"5"), (3, b'{"object":5}')] == [(r.line, r.raw) for r in decoder.rejections]
    assert [(data.index(r.raw), len(r.raw)) for r in decoder.rejections] == [
        (r.offset, r.length) for r in decoder.rejections
    ]
    assert Counts(lines=4, records=2, rejected=2, bytes=len(data)) == decoder.counts


def test_document_too_deep(path: Way) -> None:
    """An element that nests too deep to be written is rejected, and the others come out."""
    deep = b'{"object":"x","a":' + b"[" * 500 + b"]" * 500 + b"}"
    decoder = path.Decoder(on_error="collect")

    assert [1] == numbers(decoder.decode_document(b"[" + deep + b"," + line(1) + b"]"))
    assert ["too_deep"] == [one.code for one in decoder.rejections]


def test_document_that_is_none(path: Way) -> None:
    """Text that is no JSON is one bad line."""
    decoder = path.Decoder(on_error="collect")

    assert decoder.decode_document(b"[{]") == []
    assert ["syntax"] == [one.code for one in decoder.rejections]


def test_document_raises_after_the_good_ones(path: Way) -> None:
    """With raise, no good element of an array is lost."""
    decoder = path.Decoder()
    found = []
    try:
        found += decoder.decode_document(b"[" + line(1) + b",5," + line(2) + b"]")
    except DecodeError as error:
        found += error.records
    found += decoder.close()

    assert [1, 2] == numbers(found)


def test_empty_array(path: Way) -> None:
    """An empty array has no records, and its bytes are counted."""
    decoder = path.Decoder()

    assert decoder.decode_document(b"[]") == []
    assert Counts(bytes=2) == decoder.counts


# --- interrupts ------------------------------------------------------------------------------


def interrupted(error: type[BaseException]) -> Any:
    """Return a class whose instance of 2 raises `error` the first time it is made."""
    armed = [True]

    @attrs.frozen
    class Fragile:
        n: int
        x: int = attrs.field()

        @x.validator
        def _check(self, _: Any, value: int) -> None:
            if value == 2 and armed:
                armed.clear()
                raise error

    return Fragile


FRAGILE = b"".join(b'{"n":"7","x":%d}\n' % x for x in (1, 2, 3))
interrupts = pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, SystemExit])


@interrupts
def test_interrupt_passes(path: Way, error: type[BaseException]) -> None:
    """An interrupt or lack of memory passes as it is, and the counts add up."""
    decoder = path.Decoder(interrupted(error), strict=False, on_error="skip")
    with pytest.raises(error):
        decoder.feed(FRAGILE)
    counts = decoder.counts

    assert counts.lines == counts.records + counts.rejected + counts.blank
    assert (1, 1, len(FRAGILE) // 3) == (counts.records, counts.lenient, counts.bytes)


@interrupts
def test_nothing_is_lost_to_an_interrupt(path: Way, error: type[BaseException]) -> None:
    """After an interrupt the next call gives every record that was not given yet."""
    decoder = path.Decoder(interrupted(error), strict=False, on_error="skip")
    with pytest.raises(error):
        decoder.feed(FRAGILE)

    assert [1, 2, 3] == [one.x for one in decoder.feed(b"")]
    assert Counts(lines=3, records=3, bytes=len(FRAGILE), lenient=3) == decoder.counts


@interrupts
def test_interrupted_decode_lines(path: Way, error: type[BaseException]) -> None:
    """An interrupted `decode_lines` leaves nothing behind in what is fed."""
    decoder = path.Decoder(interrupted(error), strict=False, on_error="skip")
    with pytest.raises(error):
        decoder.decode_lines(FRAGILE)

    assert [9] == [one.x for one in decoder.feed(b'{"n":1,"x":9}\n')]
    assert [1, 2, 3] == [one.x for one in decoder.decode_lines(FRAGILE)]


@interrupts
def test_interrupted_decode(path: Way, error: type[BaseException]) -> None:
    """An interrupted `decode` passes the interrupt and the decoder goes on."""
    decoder = path.Decoder(interrupted(error))
    with pytest.raises(error):
        decoder.decode('{"n":1,"x":2}')

    assert decoder.decode('{"n":1,"x":2}').x == 2


@interrupts
def test_interrupted_document(path: Way, error: type[BaseException]) -> None:
    """An interrupted `decode_document` passes the interrupt and the counts add up."""
    decoder = path.Decoder(interrupted(error))
    with pytest.raises(error):
        decoder.decode_document('[{"n":1,"x":1},{"n":1,"x":2},{"n":1,"x":3}]')
    counts = decoder.counts

    assert counts.lines == counts.records + counts.rejected + counts.blank


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, ZeroDivisionError, OSError])
def test_other_errors_are_bad_values(path: Way, error: type[Exception]) -> None:
    """Any other error of a hook or validator is a rejection of the line."""
    decoder = path.Decoder(interrupted(error), strict=False, on_error="collect")
    records = decoder.decode_lines(FRAGILE)

    assert ([1, 3], ["bad_value"]) == (
        [one.x for one in records],
        [one.code for one in decoder.rejections],
    )


def test_recursion_is_too_deep(path: Way) -> None:
    """A class inside itself may nest no deeper than Python can go."""
    deep = b'{"inner":' * 900 + b"{}" + b"}" * 900

    assert Refused("too_deep") == outcome(path.loads, deep, Nest)._replace(path="$")


@attrs.frozen
class Nest:
    """A class inside itself."""

    inner: "Nest | None" = None


# --- bounds ----------------------------------------------------------------------------------

HUGE = 1_000_000


LONG: dict[str, tuple[Any, dict[str, Any]]] = {
    "value": (row(usage_bytes="x" * HUGE), {}),
    "value in a list": (row(usage_bytes=["x" * HUGE]), {}),
    "key of a value": (row(usage_bytes={"x" * HUGE: 1}), {}),
    "key of an unknown value": (row(**{"x" * HUGE: 1e30}), {}),
    "keys that are not ASCII": (row(**{"é" * HUGE: {"é" * HUGE: 1e30}}), {}),
    "forbidden key": (row(**{"x" * HUGE: 1}), {"unknown": "forbid"}),
    "tag": ({"object": "x" * HUGE}, {"type": UsageVectorStoresResult}),
    "digits": ({"object": COSTS, "quantity": "9" * HUGE}, {}),
    "no digits": ({"object": COSTS, "quantity": "x" * HUGE}, {}),
    "answer of the API": ({"error": {"message": "x" * HUGE}}, {}),
    "no object": ("x" * HUGE, {}),
    "no JSON": (["x" * HUGE, float("nan")], {}),
}


@pytest.mark.parametrize("case", LONG)
def test_rejection_is_short(path: Way, case: str) -> None:
    """Whatever the line holds, its rejection keeps and quotes little of it."""
    data, options = LONG[case]
    decoder = path.Decoder(on_error="collect", **options)
    decoder.decode_lines(text(data))
    (rejection,) = decoder.rejections

    assert len(rejection.message) < 300
    assert len(rejection.path) < 1500
    assert len(rejection.raw) == 4096
    assert rejection.length > HUGE


def test_error_of_a_hook_is_quoted_short(path: Way) -> None:
    """The message of somebody else's error is cut as well."""

    def refuse(value: Any, _: Any) -> Any:
        raise ValueError(value)

    converter = make_converter()
    converter.register_structure_hook(Nest, refuse)
    decoder = path.Decoder(list[Nest], converter=converter, on_error="collect")
    decoder.decode_lines(text(["x" * HUGE]))

    assert len(str(decoder.rejections[0])) < 300


def test_path_is_short(path: Way) -> None:
    """The path of a place deep inside shows where it begins and ends."""
    later: Any = 1e30
    for _ in range(90):
        later = {"abcdefgh": later}
    found = outcome(path.loads, text(row(later=later)))

    assert found.path.startswith("$.later.abcdefgh.")
    assert found.path.endswith(".abcdefgh")
    assert "..." in found.path
    assert len(found.path) < 300


def test_errors_can_be_shown_anywhere(path: Way) -> None:
    """Messages and paths are ASCII, whatever the line holds, but for names of keys."""
    decoder = path.Decoder(on_error="collect")
    decoder.decode_lines(text(row(usage_bytes="é\u202e\n\0")))

    assert str(decoder.rejections[0]).isascii()
    assert str(decoder.rejections[0]).isprintable()


def kept_by(decode: Callable[[int], Any]) -> int:
    """Return how many bytes more stay in memory after `decode(1)` than after `decode(0)`."""
    kept = []
    tracemalloc.start()
    for part in range(2):
        decode(part)
        gc.collect()
        kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return kept[1] - kept[0]


@pytest.mark.usefixtures("_shipped")
@pytest.mark.parametrize("times", [1, 5])
def test_unknown_tags_leave_nothing_behind(times: int) -> None:
    """Tags and keys that nobody knows take no memory once their rows are gone."""
    decoder = Decoder()

    def decode(part: int) -> None:
        for number in range(part * 5000, part * 5000 + 5000):
            line = f'{{"object":"later.{number}","key {number}":{number}}}'
            for _ in range(times):
                decoder.decode(line)

    assert kept_by(decode) < 200_000


@pytest.mark.usefixtures("_shipped")
def test_long_keys_leave_nothing_behind() -> None:
    """Not even a few keys that nobody knows take much memory, however long they are."""
    decoder = Decoder()

    def decode(part: int) -> None:
        for number in range(20 * part):
            line = text(row(**{f"{number}".ljust(200_000, "x"): 1}))
            for _ in range(5):
                decoder.decode(line)

    assert kept_by(decode) < 500_000


@pytest.mark.usefixtures("_shipped")
def test_any_order_of_keys_is_read() -> None:
    """Rows are read alike however many orders of keys came by, and however often."""
    decoder = Decoder()
    data = row(COMPLETIONS, model="m", later=1)
    expected = decoder.decode(text(data))
    for order in islice(permutations(data), 0, 720, 2):
        line = text({key: data[key] for key in order})

        assert [expected] * 5 == [decoder.decode(line) for _ in range(5)]


def test_rejections_leave_nothing_behind(path: Way) -> None:
    """Rejected lines take no memory with skip."""
    decoder = path.Decoder(on_error="skip")
    data = b"".join(b'{"object":"later","n":"%d"\n' % number for number in range(5000))

    assert kept_by(lambda _: decoder.decode_lines(data)) < 200_000


def test_held_back_line_is_bounded(path: Way) -> None:
    """An endless line is held back only up to the limit."""
    decoder = path.Decoder(on_error="collect", max_line_bytes=1000)
    tracemalloc.start()
    for _ in range(100):
        decoder.feed(b"x" * 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    decoder.feed(b"\n")

    assert peak < 1_000_000
    assert [10_000_000] == [one.length for one in decoder.rejections]


# --- inputs ----------------------------------------------------------------------------------

KINDS = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "slice": lambda data: memoryview(b"  " + data + b"  ")[2:-2],
    "str": bytes.decode,
}
every_input = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
ACCENTED = text(row(project_id="é€😀"))


@every_input
def test_input_of_a_document(loads: Loads, kind: Any) -> None:
    """A document may be bytes, bytearray, memoryview or str."""
    assert UsageVectorStoresResult(usage_bytes=5, project_id="é€😀") == loads(kind(ACCENTED))


@every_input
@pytest.mark.parametrize("call", ["decode_lines", "feed", "decode_document"])
def test_input_of_lines(path: Way, kind: Any, call: str) -> None:
    """Lines may be bytes, bytearray, memoryview or str; bytes are counted in UTF-8."""
    data = ACCENTED + b"\n"
    decoder = path.Decoder()
    records = getattr(decoder, call)(kind(data))

    assert [UsageVectorStoresResult(usage_bytes=5, project_id="é€😀")] == records
    assert len(data) == decoder.counts.bytes


@every_input
def test_input_may_change_afterwards(path: Way, kind: Any) -> None:
    """What is held back is the decoder's own: the caller may reuse a buffer."""
    data = kind(line(7))
    decoder = path.Decoder()
    decoder.feed(data[:-1])
    if isinstance(data, bytearray):
        data[:] = b"?" * len(data)

    assert [7] == numbers(decoder.feed(b"\n"))


def test_str_with_a_lone_surrogate(path: Way) -> None:
    """A str that cannot be UTF-8 is a syntax error."""
    decoder = path.Decoder(on_error="collect")
    records = decoder.decode_lines('{"object":"\ud800"}\n' + line(1).decode())

    assert ([1], ["syntax"]) == (numbers(records), [one.code for one in decoder.rejections])
    assert Refused("syntax") == outcome(path.loads, '{"object":"\ud800"}')


def test_default_type(loads: Loads) -> None:
    """Without a type, a document is whatever its tag says."""
    union = {cls.__name__ for cls in get_args(usagewire.UsageObject)}

    assert union >= {type(loads(text(page))).__name__ for page in PAGES.values()}
    assert UsageVectorStoresResult is type(loads(text(row())))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (UsageVectorStoresResult, UsageVectorStoresResult(usage_bytes=5)),
        (UsageVectorStoresResult | UsageImagesResult, UsageVectorStoresResult(usage_bytes=5)),
        (UsageVectorStoresResult | None, UsageVectorStoresResult(usage_bytes=5)),
        (Any, row()),
        (dict[str, Any], row()),
    ],
    ids=str,
)
def test_type_asked_for(loads: Loads, kind: Any, expected: Any) -> None:
    """A class, a union, an optional or a container may be asked for."""
    assert exact(expected) == exact(loads(text(row()), kind))


def test_null_for_an_optional(loads: Loads) -> None:
    """Null is a document where None is asked for."""
    assert loads("null", UsageVectorStoresResult | None) is None


def test_list_of_rows(loads: Loads) -> None:
    """An array is a document where a list is asked for."""
    assert [1, 2] == numbers(
        loads(b"[" + line(1) + b"," + line(2) + b"]", list[usagewire.UsageObject])
    )


def test_accelerated() -> None:
    """Whether the C extension is in use is said, and nothing else."""
    assert accelerated() in (True, False)


# --- writing ---------------------------------------------------------------------------------


def wrong(**fields: Any) -> UsageCompletionsResult:
    """Return a row with the given fields, which no reader would have made."""
    good = {"input_tokens": 1, "output_tokens": 1, "num_model_requests": 1}
    return UsageCompletionsResult(**good | fields)


class Tier(str, Enum):  # noqa: UP042 -- as it is written where Python may be older than 3.11
    """A str that is one of a few."""

    FLEX = "flex"


class Size(IntEnum):
    """An int that is one of a few."""

    BIG = 7


class Plain(Enum):
    """Neither str nor int."""

    FLEX = "flex"


CANNOT = {
    "float for int": (wrong(input_tokens=1.0), "$.input_tokens"),
    "bool for int": (wrong(input_tokens=True), "$.input_tokens"),
    "str for int": (wrong(input_tokens="1"), "$.input_tokens"),
    "None for int": (wrong(input_tokens=None), "$.input_tokens"),
    "int past 64 bits": (wrong(input_tokens=2**63), "$.input_tokens"),
    "int below 64 bits": (wrong(input_cached_tokens=-(2**63) - 1), "$.input_cached_tokens"),
    "int for str": (wrong(model=1), "$.model"),
    "bytes for str": (wrong(model=b"x"), "$.model"),
    "plain enum for str": (wrong(model=Plain.FLEX), "$.model"),
    "int for bool": (wrong(batch=1), "$.batch"),
    "lone surrogate": (wrong(model="\ud800"), "$"),
    "NaN": (CostsResult(quantity=Decimal("NaN")), "$.quantity"),
    "sNaN": (CostsResult(quantity=Decimal("sNaN")), "$.quantity"),
    "infinity": (CostsResult(quantity=Decimal("-Infinity")), "$.quantity"),
    "float for Decimal": (CostsResult(quantity=1.5), "$.quantity"),
    "int for Decimal": (CostsResult(quantity=1), "$.quantity"),
    "exponent too large": (CostsResult(quantity=Decimal("1E+6145")), "$.quantity"),
    "exponent too small": (CostsResult(quantity=Decimal("1E-6177")), "$.quantity"),
    "dict for amount": (CostsResult(amount={"value": 1}), "$.amount"),
    "inside the amount": (
        CostsResult(amount=CostsResultAmount(value=Decimal("NaN"))),
        "$.amount.value",
    ),
    "list for tuple": (UsageTimeBucket(start_time=1, end_time=2, results=[]), "$.results"),
    "inside a tuple": (
        UsageTimeBucket(start_time=1, end_time=2, results=(wrong(), wrong(model=1))),
        "$.results[1].model",
    ),
    "not a member": (UsageTimeBucket(start_time=1, end_time=2, results=(5,)), "$.results[0]"),
    "page in a bucket": (
        UsageTimeBucket(
            start_time=1, end_time=2, results=(UsageResponse(data=(), has_more=False),)
        ),
        "$.results[0]",
    ),
    "known tag": (UnknownResult(object=COMPLETIONS), "$"),
    "known tag of old": (UnknownResult(object="bucket"), "$"),
    "extra with a field's key": (
        wrong(additional_properties={"model": "x"}),
        "$.additional_properties",
    ),
    "extra with another spelling": (
        wrong(additional_properties={"inputTokens": 1}),
        "$.additional_properties",
    ),
    "extra with the tag": (
        wrong(additional_properties={"object": "x"}),
        "$.additional_properties",
    ),
    "extra int key": (wrong(additional_properties={1: 2}), "$.additional_properties"),
    "extra NaN": (wrong(additional_properties={"x": float("nan")}), "$.additional_properties.x"),
    "extra of 64 bits": (wrong(additional_properties={"x": 2**64}), "$.additional_properties.x"),
    "extra tuple": (wrong(additional_properties={"x": ()}), "$.additional_properties.x"),
    "extra no mapping": (wrong(additional_properties=[("x", 1)]), "$.additional_properties"),
    "extra None": (wrong(additional_properties=None), "$.additional_properties"),
    "extra empty list": (wrong(additional_properties=[]), "$.additional_properties"),
    "a cost that reads as use": (
        CostsResult(additional_properties={"input_tokens": 5}),
        "$",
    ),
}


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(("record", "place"), CANNOT.values(), ids=CANNOT)
def test_cannot_be_written(record: Any, place: str) -> None:
    """A record that would not read back equal is refused, at its place."""
    with pytest.raises(EncodeError) as caught:
        dumps(record)

    assert place == caught.value.path
    assert len(str(caught.value)) < 400


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "value",
    [object(), 2**64, float("nan"), float("-inf"), "\ud800", {1: 2}, {"a": float("inf")}, [object]],
    ids=repr,
)
def test_value_cannot_be_written(value: Any) -> None:
    """What is not JSON is refused."""
    with pytest.raises(EncodeError):
        dumps(value)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (wrong(model=Tier.FLEX), "flex"),
        (wrong(model="é\n\0"), "é\n\0"),
    ],
)
def test_str_is_written(loads: Loads, record: Any, expected: str) -> None:
    """Any text, and a member of an enum of str, is written as the str it is."""
    assert exact(expected) == exact(loads(dumps(record)).model)


def test_int_enum_is_written(loads: Loads) -> None:
    """A member of an enum of int is written as the int it is."""
    assert exact(7) == exact(loads(dumps(wrong(input_tokens=Size.BIG))).input_tokens)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", b"0"),
        ("-0.00", b"0"),
        ("0E-6176", b"0"),
        ("1", b"1"),
        ("1.50", b"1.5"),
        ("-0.06", b"-0.06"),
        ("1E+3", b"1000"),
        ("123456789012345678", b"123456789012345678"),
        ("1E+17", b"100000000000000000"),
        ("1E+18", b'"1E+18"'),
        ("9223372036854775808", b'"9223372036854775808"'),
        ("0.1234567890123456789", b'"0.1234567890123456789"'),
        ("1E-7", b"1e-7"),
        ("1E-400", b'"1E-400"'),
        ("1E+6144", b'"1E+6144"'),
        ("1.6500000000000000000000000000000000", b"1.65"),
    ],
)
def test_money_is_written(loads: Loads, value: str, expected: bytes) -> None:
    """Money is a number where a reader gets the same Decimal of it, else a string."""
    record = CostsResult(quantity=Decimal(value))
    data = dumps(record)

    assert expected == data.partition(b'"quantity":')[2].removesuffix(b"}")
    assert exact(record) == exact(loads(data))


@pytest.mark.usefixtures("path")
def test_none_is_left_out() -> None:
    """A None is left out, but for the key that the API always has."""
    page = UsageResponse(data=(), has_more=False)

    assert b'{"object":"page","data":[],"has_more":false,"next_page":null}' == dumps(page)
    assert b'{"object":"%s","usage_bytes":5}' % VECTORS.encode() == dumps(
        UsageVectorStoresResult(usage_bytes=5)
    )


@pytest.mark.usefixtures("path")
def test_unknown_fields_are_written_last() -> None:
    """Unknown fields come after those of the class, as they were."""
    record = UsageVectorStoresResult(usage_bytes=5, additional_properties={"a": [1.0, None]})

    assert dumps(record).endswith(b'"usage_bytes":5,"a":[1.0,null]}')


def test_no_unknown_fields_are_one_object(loads: Loads) -> None:
    """Records without unknown fields share one empty mapping."""
    assert NO_PROPERTIES is loads(text(row())).additional_properties


@pytest.mark.usefixtures("path")
def test_lines_end_in_lf() -> None:
    """Each line ends in LF, and no record makes no line."""
    records = [UsageVectorStoresResult(usage_bytes=1)] * 2

    assert (dumps(records[0]) + b"\n") * 2 == Encoder().encode_lines(iter(records))
    assert Encoder().encode_lines([]) == b""


@pytest.mark.usefixtures("path")
def test_error_in_lines_has_the_index() -> None:
    """The path of an error in a line begins with the index of the record."""
    with pytest.raises(EncodeError) as caught:
        Encoder().encode_lines([wrong(), wrong(model=1)])
    with pytest.raises(EncodeError) as later:
        Encoder().encode_lines([wrong(model=1)], first=1000)

    assert ("$[1].model", "$[1000].model") == (caught.value.path, later.value.path)


@pytest.mark.usefixtures("path")
def test_converter_of_ones_own() -> None:
    """An encoder and a decoder may use a converter of yours."""
    converter = make_converter("dart", names={Nest: {"inner": "in"}})
    record = Nest(inner=Nest())

    assert b'{"in":{"in":null}}' == Encoder(converter=converter).encode(record)
    assert record == Decoder(Nest, converter=converter).decode('{"in":{"in":null}}')


@pytest.mark.usefixtures("path")
def test_dialect_of_ones_own_converter() -> None:
    """The dialect is said to the converter."""
    with pytest.raises(UsageWireError):
        Encoder(dialect="dart", converter=make_converter())


@pytest.mark.usefixtures("path")
def test_dialect_that_is_none() -> None:
    """A dialect that is none is refused."""
    with pytest.raises(UsageWireError, match="powershell"):
        dumps(wrong(), dialect="ruby")  # type: ignore[arg-type]
