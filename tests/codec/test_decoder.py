"""`Decoder`: documents, interrupts, bounded memory, inputs and arguments."""

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
from tests.support.fragile import adds_up
from tests.support.paths import Loads, Way
from tests.support.samples import (
    COMPLETIONS,
    COSTS,
    NOT_HELD,
    PAGES,
    line,
    numbers,
    row,
    text,
    text_not_held,
)
from usagewire import (
    Counts,
    DecodeError,
    Decoder,
    UsageImagesResult,
    UsageVectorStoresResult,
    UsageWireError,
    dumps,
    loads,
    make_converter,
)
from usagewire.codec.counts import DecodeStats, OnError

DEEP = b'{"object":"x","a":' + b"[" * 500 + b"]" * 500 + b"}"


@pytest.mark.parametrize(
    ("data", "expected", "codes"),
    [
        (b"[]", [], []),
        (b"[{]", [], ["syntax"]),
        (b"[" + DEEP + b"," + line(1) + b"]", [1], ["too_deep"]),
        (orjson.dumps(row(usage_bytes=1), option=orjson.OPT_INDENT_2), [1], []),
    ],
    ids=["empty array", "not JSON", "too deep to be written", "one object over several lines"],
)
def test_document(path: Way, data: bytes, expected: list[int], codes: list[str]) -> None:
    """`decode_document` gives the good elements and rejects the others, each as a line."""
    decoder = path.Decoder(on_error="collect")

    assert expected == numbers(decoder.decode_document(data))
    assert codes == [one.code for one in decoder.rejections]
    lines, rejected = len(expected) + len(codes), len(codes)
    assert decoder.counts == Counts(
        lines=lines, records=len(expected), rejected=rejected, bytes=len(data)
    )


def test_rejected_elements(path: Way) -> None:
    """The rejection of an element of an array has its place in the text."""
    decoder = path.Decoder(on_error="collect")
    data = b"[" + line(1) + b', 5,\n {"object":5},' + line(2) + b"]"

    assert [1, 2] == numbers(decoder.decode_document(data))
    assert [(2, b"5"), (3, b'{"object":5}')] == [(r.line, r.raw) for r in decoder.rejections]
    assert [(data.index(r.raw), len(r.raw)) for r in decoder.rejections] == [
        (r.offset, r.length) for r in decoder.rejections
    ]
    assert Counts(lines=4, records=2, rejected=2, bytes=len(data)) == decoder.counts


def test_document_raises_after_the_good_ones(path: Way) -> None:
    """With `raise`, the error has all good elements of an array."""
    decoder = path.Decoder()
    with pytest.raises(DecodeError) as caught:
        decoder.decode_document(b"[" + line(1) + b",5," + line(2) + b"]")

    assert ([1, 2], []) == (numbers(caught.value.records), decoder.close())


# --- interrupts ------------------------------------------------------------------------------


def interrupted(error: type[BaseException]) -> Any:
    """Return a class whose first instance with `x=2` raises `error`."""
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
def test_interrupt(path: Way, error: type[BaseException]) -> None:
    """After an interrupt or lack of memory, the counts add up and the next call loses nothing."""
    decoder = path.Decoder(interrupted(error), strict=False, on_error="skip")
    with pytest.raises(error):
        decoder.feed(FRAGILE)

    assert Counts(lines=1, records=1, bytes=len(FRAGILE) // 3, lenient=1) == decoder.counts
    assert [1, 2, 3] == [one.x for one in decoder.feed(b"")]
    assert Counts(lines=3, records=3, bytes=len(FRAGILE), lenient=3) == decoder.counts


@interrupts
def test_interrupted_decode_lines(path: Way, error: type[BaseException]) -> None:
    """An interrupted `decode_lines` leaves no text for the next call."""
    decoder = path.Decoder(interrupted(error), strict=False, on_error="skip")
    with pytest.raises(error):
        decoder.decode_lines(FRAGILE)

    assert [9] == [one.x for one in decoder.feed(b'{"n":1,"x":9}\n')]
    assert [1, 2, 3] == [one.x for one in decoder.decode_lines(FRAGILE)]


@interrupts
def test_interrupted_decode(path: Way, error: type[BaseException]) -> None:
    """`decode` works again after an interrupt."""
    decoder = path.Decoder(interrupted(error))
    with pytest.raises(error):
        decoder.decode('{"n":1,"x":2}')

    assert decoder.decode('{"n":1,"x":2}').x == 2


@interrupts
def test_interrupted_document(path: Way, error: type[BaseException]) -> None:
    """The counts add up after an interrupted `decode_document`."""
    decoder = path.Decoder(interrupted(error))
    with pytest.raises(error):
        decoder.decode_document('[{"n":1,"x":1},{"n":1,"x":2},{"n":1,"x":3}]')

    assert adds_up(decoder.counts)


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, ZeroDivisionError, OSError])
def test_other_errors_are_bad_values(path: Way, error: type[Exception]) -> None:
    """Any other error of a hook or validator rejects the line."""
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
    "key of an unknown value": (row(**{"x" * HUGE: NOT_HELD}), {}),
    "keys that are not ASCII": (row(**{"é" * HUGE: {"é" * HUGE: NOT_HELD}}), {}),
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
    decoder.decode_lines(text_not_held(data))
    (rejection,) = decoder.rejections

    assert len(rejection.message) < 300
    assert len(rejection.path) < 1500
    assert len(rejection.raw) == 4096
    assert rejection.length > HUGE


def test_error_of_a_hook_is_quoted_short(path: Way) -> None:
    """The message of an error of a hook is cut too."""

    def refuse(value: Any, _: Any) -> Any:
        raise ValueError(value)

    converter = make_converter()
    converter.register_structure_hook(Nest, refuse)
    decoder = path.Decoder(list[Nest], converter=converter, on_error="collect")
    decoder.decode_lines(text(["x" * HUGE]))

    assert len(str(decoder.rejections[0])) < 300


def test_path_is_short(path: Way) -> None:
    """A long path shows its beginning and its end."""
    later: Any = NOT_HELD
    for _ in range(90):
        later = {"abcdefgh": later}
    found = outcome(path.loads, text_not_held(row(later=later)))

    assert found.path.startswith("$.later.abcdefgh.")
    assert found.path.endswith(".abcdefgh")
    assert "..." in found.path
    assert len(found.path) < 300


def test_errors_can_be_shown_anywhere(path: Way) -> None:
    """Messages are printable ASCII, whatever the line holds."""
    decoder = path.Decoder(on_error="collect")
    decoder.decode_lines(text(row(usage_bytes="é\u202e\n\0")))

    assert str(decoder.rejections[0]).isascii()
    assert str(decoder.rejections[0]).isprintable()


def kept_by(decode: Callable[[int], Any]) -> int:
    """Return how many more bytes are in memory after `decode(1)` than after `decode(0)`."""
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
    """Unknown tags and keys use no memory after their rows are garbage."""
    decoder = Decoder()

    def decode(part: int) -> None:
        for number in range(part * 5000, part * 5000 + 5000):
            line = f'{{"object":"later.{number}","key {number}":{number}}}'
            for _ in range(times):
                decoder.decode(line)

    assert kept_by(decode) < 200_000


@pytest.mark.usefixtures("_shipped")
def test_long_keys_leave_nothing_behind() -> None:
    """Long unknown keys use no memory after their rows are garbage."""
    decoder = Decoder()

    def decode(part: int) -> None:
        for number in range(20 * part):
            line = text(row(**{f"{number}".ljust(200_000, "x"): 1}))
            for _ in range(5):
                decoder.decode(line)

    assert kept_by(decode) < 500_000


@pytest.mark.usefixtures("_shipped")
def test_any_order_of_keys_is_read() -> None:
    """Rows with any order of keys give the same record, each time they are read."""
    decoder = Decoder()
    data = row(COMPLETIONS, model="m", later=1)
    expected = decoder.decode(text(data))
    for order in islice(permutations(data), 0, 720, 2):
        line = text({key: data[key] for key in order})

        assert [expected] * 5 == [decoder.decode(line) for _ in range(5)]


def test_rejections_leave_nothing_behind(path: Way) -> None:
    """Rejected lines use no memory with `skip`."""
    decoder = path.Decoder(on_error="skip")
    data = b"".join(b'{"object":"later","n":"%d"\n' % number for number in range(5000))

    assert kept_by(lambda _: decoder.decode_lines(data)) < 200_000


def test_held_back_line_is_bounded(path: Way) -> None:
    """A line without an end is held back only up to the limit."""
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
    """A document can be bytes, bytearray, memoryview or str."""
    assert UsageVectorStoresResult(usage_bytes=5, project_id="é€😀") == loads(kind(ACCENTED))


@every_input
@pytest.mark.parametrize("call", ["decode_lines", "feed", "decode_document"])
def test_input_of_lines(path: Way, kind: Any, call: str) -> None:
    """Lines can be bytes, bytearray, memoryview or str, and `counts.bytes` is that of UTF-8."""
    data = ACCENTED + b"\n"
    decoder = path.Decoder()
    records = getattr(decoder, call)(kind(data))

    assert [UsageVectorStoresResult(usage_bytes=5, project_id="é€😀")] == records
    assert len(data) == decoder.counts.bytes


@every_input
def test_input_may_change_afterwards(path: Way, kind: Any) -> None:
    """The caller can reuse a buffer, because the decoder copies the text that it holds back."""
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
    """Without a type, the tag decides what a document is."""
    union = {cls.__name__ for cls in get_args(usagewire.UsageObject)}

    assert union >= {type(loads(text(page))).__name__ for page in PAGES.values()}
    assert UsageVectorStoresResult is type(loads(text(row())))


STORED = UsageVectorStoresResult(usage_bytes=5)


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (UsageVectorStoresResult, row(), STORED),
        (UsageVectorStoresResult | UsageImagesResult, row(), STORED),
        (UsageVectorStoresResult | None, row(), STORED),
        (UsageVectorStoresResult | None, None, None),
        (list[usagewire.UsageObject], [row(), row()], [STORED, STORED]),
        (Any, row(), row()),
        (dict[str, Any], row(), row()),
    ],
    ids=str,
)
def test_type(loads: Loads, kind: Any, data: Any, expected: Any) -> None:
    """The type can be a class, a union, an optional or a container."""
    assert exact(expected) == exact(loads(text(data), kind))


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
    """A wrong option is refused when the decoder is made."""
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
    """Arguments of a wrong type are refused with a `UsageWireError`."""
    with pytest.raises(UsageWireError):
        call()


@pytest.mark.parametrize(
    ("on_error", "most", "expected"),
    [("raise", 0, True), ("skip", 9, False), ("collect", 0, False), ("collect", 1, True)],
)
def test_a_rejection_that_no_one_gets_is_not_wanted(
    on_error: OnError, most: int, *, expected: bool
) -> None:
    """C skips malformed lines only if no one gets their rejections."""
    assert expected == DecodeStats(on_error, most, 0).wants_rejection


@pytest.mark.parametrize(
    ("option", "least"), [("max_line_bytes", 1), ("max_rejections", 0), ("max_raw_bytes", 0)]
)
def test_least_limit(option: str, least: int) -> None:
    """Each limit has a least value, and the error for a smaller one names both."""
    limits: list[dict[str, Any]] = [{option: least}, {option: least - 1}]
    Decoder(**limits[0])
    with pytest.raises(UsageWireError, match=f"^{option} must be an int of at least {least},"):
        Decoder(**limits[1])
