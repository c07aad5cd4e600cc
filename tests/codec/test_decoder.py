"""`Decoder`: documents, interrupts, bounded memory, and the inputs it takes."""

import gc
import tracemalloc
from collections.abc import Callable
from itertools import islice, permutations
from typing import Any, get_args

import attrs
import orjson
import pytest

import usagewire
from tests.support.classes import Nest
from tests.support.comparing import Refused, exact, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import COMPLETIONS, COSTS, PAGES, line, numbers, row, text
from usagewire import (
    Counts,
    DecodeError,
    Decoder,
    UsageImagesResult,
    UsageResponse,
    UsageVectorStoresResult,
    UsageWireError,
    accelerated,
    dumps,
    loads,
    make_converter,
)


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


def test_document_that_is_not_json(path: Way) -> None:
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
    """A rejection keeps and quotes little of its line, however long the line is."""
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
    """Unknown tags and keys take no memory once their rows are gone."""
    decoder = Decoder()

    def decode(part: int) -> None:
        for number in range(part * 5000, part * 5000 + 5000):
            line = f'{{"object":"later.{number}","key {number}":{number}}}'
            for _ in range(times):
                decoder.decode(line)

    assert kept_by(decode) < 200_000


@pytest.mark.usefixtures("_shipped")
def test_long_keys_leave_nothing_behind() -> None:
    """Long unknown keys take no memory once their rows are gone."""
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
    """The decoder copies the text that it holds back: the caller may reuse a buffer."""
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
    """`accelerated` says whether the C extension is in use."""
    assert accelerated() in (True, False)


# --- arguments ---


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
def test_wrong_option(path: Way, options: dict[str, Any]) -> None:
    """An option of another value is refused when the decoder is made."""
    with pytest.raises(UsageWireError):
        path.Decoder(**options)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "call",
    [
        lambda: loads(5),  # type: ignore[call-overload]
        lambda: loads(None),  # type: ignore[call-overload]
        lambda: loads(b"1", [int]),  # type: ignore[call-overload]
        lambda: loads(b"1", int, unknown=[]),  # type: ignore[call-overload]
        lambda: dumps(5, dialect=[]),  # type: ignore[arg-type]
        lambda: Decoder().decode_lines(5),  # type: ignore[arg-type]
        lambda: Decoder().feed(5),  # type: ignore[arg-type]
        lambda: Decoder().decode_document(5),  # type: ignore[arg-type]
        lambda: Decoder(max_line_bytes="a"),  # type: ignore[call-overload]
        lambda: Decoder(converter=5),  # type: ignore[call-overload]
        lambda: usagewire.Encoder(converter=5),  # type: ignore[arg-type]
        lambda: usagewire.write(5, []),  # type: ignore[arg-type]
    ],
)
def test_wrong_argument(call: Any) -> None:
    """Arguments of a wrong type are refused with the library's own error."""
    with pytest.raises(UsageWireError):
        call()
