"""Lines that C reads from one text: where it stops, and which lines it skips as malformed."""

import signal
from array import array
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.support.comparing import Refused, exact
from tests.support.native import (
    BACK,
    BY_C,
    DOCUMENTS,
    damaged,
    meant,
    plan_for,
    read_lines,
    taken,
)
from tests.support.samples import COMPLETIONS, VECTORS, row, text
from usagewire import Counts, Decoder, UsageObject, UsageVectorStoresResult
from usagewire.codec.context import Place
from usagewire.codec.line_decoder import (
    SKIP_BLANK,
    SKIP_LEADING_BLANK,
    SKIP_MALFORMED,
    progress_from,
)

pytestmark = BY_C

FIVE: Final = b"1\n22\n333 \r\n4444\n55555\n"
BLANK, TORN, WRONG_TYPE = FIVE + b"\n6\n", FIVE + b"6", FIVE + b"true\n6\n"


@pytest.mark.parametrize(
    ("data", "given", "records", "place"),
    [
        (FIVE, {}, [1, 22, 333, 4444, 55555], 22),
        (FIVE, {"most": 0}, [], 0),
        (FIVE, {"most": 1}, [1], 2),
        (FIVE, {"most": 4}, [1, 22, 333, 4444], 16),
        (FIVE, {"start": 2}, [22, 333, 4444, 55555], 22),
        (FIVE, {"start": 22}, [], 22),
        (FIVE, {"stop": 5}, [1, 22], 5),
        (FIVE, {"stop": 4}, [1], 2),
        (FIVE, {"stop": 0}, [], 0),
        (FIVE, {"longest": 5}, [1, 22, 333, 4444, 55555], 22),
        (FIVE, {"longest": 4}, [1, 22], 5),
        (FIVE, {"longest": 1}, [1], 2),
        (FIVE, {"longest": 0}, [], 0),
        (BLANK, {}, [1, 22, 333, 4444, 55555], 22),
        (TORN, {}, [1, 22, 333, 4444, 55555], 22),
        (WRONG_TYPE, {}, [1, 22, 333, 4444, 55555], 22),
        (b"", {}, [], 0),
        (b"[\n1]\n", {}, [], 0),
        (b"1 2\n", {}, [], 0),
        (b"1,\n", {}, [], 0),
    ],
)
def test_lines(data: bytes, given: dict[str, Any], records: list[int], place: int) -> None:
    """C stops at a line that is unusual, too long or unfinished, and after a number of lines."""
    found, stopped = read_lines(plan_for(int), data, **given)

    assert exact(records) == exact(found)
    assert [place, 0] == [stopped[0], stopped[2]]


def test_lines_do_not_span() -> None:
    """An LF ends a line everywhere, and is whitespace in a document."""
    data = text(row())
    for at in range(len(data)):
        for plan in (plan_for(UsageObject), plan_for(UsageVectorStoresResult)):
            cut = data[:at] + b"\n" + data[at:] + b"\n"
            records, place = read_lines(plan, cut)
            assert ([], 0) == (records, place[0]) or not cut[:at].strip()
    assert taken(UsageObject, data.replace(b" ", b"\n")) is not BACK


@pytest.mark.parametrize("data", [b" ", b"\t\r ", b"\r"], ids=str)
def test_unfinished_line(data: bytes) -> None:
    """The blank beginning of a line is not malformed."""
    assert ([], [0, 0, 0, 0]) == read_lines(plan_for(UsageVectorStoresResult), data)


def test_lines_are_added() -> None:
    """C appends records to the list that it gets, and returns None."""
    records, progress = ["first"], array("q", [0, 1, 7, 9])

    assert plan_for(int).decode_lines(b"1\n2\n", progress, 4, 9, 9, False, records) is None  # noqa: FBT003 -- as C takes it
    assert ["first", 1, 2] == records
    assert [4, 0, 7, 9] == progress.tolist()


START: Final = array("q", [0, 0, 0, 0])


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (b"1\n", START, 2, 9, 9, False),
        ("1\n", START, 2, 9, 9, False, []),
        (bytearray(b"1\n"), START, 2, 9, 9, False, []),
        (b"1\n", [0, 0, 0, 0], 2, 9, 9, False, []),
        (b"1\n", bytes(32), 2, 9, 9, False, []),
        (b"1\n", array("q", [0, 0, 0]), 2, 9, 9, False, []),
        (b"1\n", START, 2, 9, 9, False, ()),
        (b"1\n", START, "2", 9, 9, False, []),
        (b"1\n", START, 2, 9, None, False, []),
        (b"1\n", START, 2, 9, 9, None, []),
        (b"1\n", array("q", [-1, 0, 0, 0]), 2, 9, 9, False, []),
        (b"1\n", array("q", [2, 0, 0, 0]), 1, 9, 9, False, []),
        (b"1\n", START, 3, 9, 9, False, []),
        (b"1\n", START, 2, -1, 9, False, []),
        (b"1\n", START, 2, 9, -1, False, []),
        (b"1\n", START, 2**70, 9, 9, False, []),
        (b"1\n", START, 2, 9, 9, False, [], print, None),
    ],
    ids=repr,
)
def test_lines_misused(arguments: Any) -> None:
    """Wrong arguments are refused, and C reads or writes nothing outside the text."""
    before = list(arguments[1]) if arguments else []
    with pytest.raises((TypeError, ValueError, OverflowError, BufferError)):
        plan_for(int).decode_lines(*arguments)
    if len(arguments) >= 7:
        assert not arguments[6]
        assert list(arguments[1]) == before


DAMAGED: Final = {
    **{f"damaged {i}": data for i, data in enumerate(DOCUMENTS)},
    "wrong type": text(row(usage_bytes="x")),
    "wrong type of a flag": text(row(COMPLETIONS, batch=5)),
    "an integer with a point": text(row(project_id="p", usage_bytes=59200.0)),
    "an integer with an exponent": text(row()).replace(b": 5", b": 59e2"),
    "an integer in quotes": text(row(usage_bytes="5")),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("case", DAMAGED)
def test_reference_rejects_malformed_lines(case: str, strict: bool) -> None:
    """The reference rejects every line that C calls malformed, damaged anywhere."""
    data = DAMAGED[case].replace(b"\n", b" ")
    malformed = 0
    more = (b" ", b"x", b"\\", b":", b"null", b'"a":1,')
    for line in damaged(data, (b'"', b",", b"}", b"\xc3", b"0", b"["), more):
        for kind in (UsageObject, UsageVectorStoresResult):
            records, place = read_lines(plan_for(kind, strict=strict), line + b"\n")
            expected = meant(kind, line, strict=strict)
            assert [expected] == exact(records)[1] if records else place[:1] == [0], line
            assert not place[1] or isinstance(expected, Refused), line
            assert place[2] == 0
            malformed += place[1]
    assert malformed > len(data)


RECORD, MALFORMED, UNSURE = range(3)
LINES: Final = [
    (text(row()), RECORD),
    (b"what?", MALFORMED),
    (b"[]", MALFORMED),
    (b"5", MALFORMED),
    (b'{"object":"later"}x', MALFORMED),
    (b'{"object":"later" "x":1}', MALFORMED),
    (text(row(usage_bytes="x")), MALFORMED),
    (b'{"object":"later","x":01}', MALFORMED),
    (b'{"object":"%s"}' % VECTORS.encode(), MALFORMED),
    (text(row(usage_bytes="x") | {"project_id": 5}), MALFORMED),
    (b'{"object":"later","x":"\\', MALFORMED),
    (b'{"object":"later","x":"abc', MALFORMED),
    (b'{"object":"later","x":[1,', UNSURE),
    (b"", UNSURE),
    (b" \t\r", UNSURE),
    (text(row(Object=VECTORS)), UNSURE),
    (b"\xef\xbb\xbf" + text(row()), UNSURE),
    (text(row()), RECORD),
]


@pytest.mark.parametrize(("line", "sort"), LINES)
@pytest.mark.parametrize("skips", [True, False])
def test_malformed_lines_are_skipped(line: bytes, sort: int, skips: bool) -> None:
    """On request C skips and counts malformed lines, and no other lines."""
    first = text(row()) + b"\n"
    data = first + line + b"\n" + first
    records, place = read_lines(plan_for(UsageObject), data, passes=skips)
    is_malformed = sort == MALFORMED
    goes_on = sort == RECORD or (is_malformed and skips)
    assert [len(data) if goes_on else len(first), not goes_on and is_malformed] == place[:2]
    assert [1 + goes_on + (sort == RECORD), is_malformed and skips] == [len(records), place[2]]


def test_skipped_lines_count() -> None:
    """Skipped lines count towards the limit of lines in a call, and add up."""
    plan = plan_for(UsageObject)
    data = b"x\n" * 5 + text(row()) + b"\n" + b"x\n" * 5

    assert ([], [6, False, 3, 0]) == read_lines(plan, data, passes=True, most=3)
    records, place = read_lines(plan, data, passes=True)
    assert [1, len(data), False, 10, 0] == [len(records), *place]
    torn, place = read_lines(plan, b"x", passes=True)
    assert [[], 0, 0] == [torn, place[0], place[2]]


@pytest.mark.parametrize(
    ("data", "skips", "records", "progress"),
    [
        (b"\n \t\r\n1\n", SKIP_LEADING_BLANK, [1], [7, 0, 0, 2]),
        (b"\n \t\r\n1\n", SKIP_BLANK, [], [0, 0, 0, 0]),
        (b"\n\n", SKIP_LEADING_BLANK, [], [2, 0, 0, 2]),
        (b"1\n\n\n2\n", SKIP_BLANK, [1, 2], [6, 0, 0, 2]),
        (b"1\n\n\n2\n", SKIP_LEADING_BLANK, [1], [2, 0, 0, 0]),
        # Blank lines count with the record after them, so that a place is right after its record.
        (b"1\n\n\n", SKIP_BLANK, [1], [2, 0, 0, 0]),
        (b"1\n\n?\n", SKIP_BLANK, [1], [2, 0, 0, 0]),
        (b"1\n\n1 2\n", SKIP_BLANK, [1], [2, 0, 0, 0]),
        (b"1\n\n1 2\n\n3\n", SKIP_BLANK | SKIP_MALFORMED, [1, 3], [10, 0, 1, 2]),
        (b"1\n" + b" " * 9 + b"\n2\n", SKIP_BLANK, [1, 2], [14, 0, 0, 1]),
        (b"1\n" + b" " * 10 + b"\n2\n", SKIP_BLANK, [1], [2, 0, 0, 0]),
        (b"1\n ", SKIP_BLANK, [1], [2, 0, 0, 0]),
    ],
)
def test_blank_lines_are_skipped(
    data: bytes, skips: int, records: list[int], progress: list[int]
) -> None:
    """On request C skips and counts blank lines, before the first record and between records."""
    assert (records, progress) == read_lines(plan_for(int), data, passes=skips, longest=9)


@pytest.mark.parametrize("on_error", ["skip", "collect"])
def test_rejected_lines_are_counted(on_error: Any) -> None:
    """A decoder counts the same rejected lines, whether it keeps the rejections or not."""
    data = b"".join(line + b"\n" for line, _ in LINES * 5)
    keeping = Decoder(on_error="collect", max_rejections=1000)
    quiet = Decoder(on_error=on_error, max_rejections=3)

    assert exact(keeping.decode_lines(data)) == exact(quiet.decode_lines(data))
    assert keeping.counts == quiet.counts
    assert quiet.rejections == (keeping.rejections[:3] if on_error == "collect" else [])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("no_gc_callbacks")
@pytest.mark.parametrize("milliseconds", [2, 5, 9])
def test_interrupt_loses_nothing(milliseconds: int) -> None:
    """An interrupt stops the reading of a large text, and the next call returns the rest."""
    numbers = list(range(1000)) * 200
    data = b"".join(b'{"usage_bytes":%d,"new":1.5}\n' % number for number in numbers)
    decoder = Decoder(UsageVectorStoresResult)
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)

    def feed_until_interrupted() -> None:
        # Repeat, because an interrupt in the callback of a weak reference is dropped.
        signal.setitimer(signal.ITIMER_REAL, milliseconds / 1000, 1)
        while True:
            decoder.feed(data)

    try:
        with pytest.raises(KeyboardInterrupt):
            feed_until_interrupted()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    rest = decoder.feed(b"")
    counts = decoder.counts

    # There is no rest if the interrupt came between two calls.
    assert [record.usage_bytes for record in rest] in (numbers, [])
    assert counts.lines == counts.records
    assert counts.records * len(data) == counts.bytes * len(numbers)
    assert counts.records % len(numbers) == 0


def test_interrupt_while_unknown_rows_are_noted() -> None:
    """A line or document whose unknown rows could not be noted gives no record, and comes again."""
    plan, records, given, raises = plan_for(UsageObject), list[Any](), list[int](), [True]

    def note(rows: int) -> None:
        if raises:
            raises.clear()
            raise KeyboardInterrupt
        given.append(rows)

    data = text(row()) + b"\n" + b'{"object":"x"}\n' * 2
    progress = progress_from(0)
    arguments = data, progress, len(data), 10**6, 10**6, 0, records, note
    with pytest.raises(KeyboardInterrupt):
        plan.decode_lines(*arguments)
    assert (1, len(text(row())) + 1) == (len(records), progress[0])
    plan.decode_lines(*arguments)
    assert (3, [1, 1]) == (len(records), given)
    plan.track()

    raises.append(True)
    with pytest.raises(KeyboardInterrupt):
        plan.decode(b'{"object":"x"}', note)
    plan.decode(b'{"object":"x"}', note)
    plan.decode(text(row()), note)
    assert [1, 1, 1] == given


class Asked:
    """A plan that runs a function after each call, as a signal handler may do."""

    def __init__(self, plan: Any, function: Callable[[], object]) -> None:
        self.decode, self.track = plan.decode, plan.track
        self._plan, self._function = plan, function

    def decode_lines(self, *arguments: Any) -> None:
        """Read lines, and run the function."""
        self._plan.decode_lines(*arguments)
        self._function()


@pytest.mark.parametrize("through", [False, True])
def test_counts_in_the_middle_of_a_run(*, through: bool) -> None:
    """If a signal handler asks for the counts and the place, no line is counted twice."""
    decoder = Decoder(on_error="skip")
    stream = decoder.begin()
    plan = stream._context.plan  # noqa: SLF001 -- C is called from there
    asked: list[Any] = []

    def ask() -> None:
        asked.append((stream.counts(), stream.place()))

    stream.use(stream._context._replace(plan=Asked(plan, ask)))  # noqa: SLF001 -- the same
    data = b"\n%s\n\nwhat?\n \n%s\n{}\n\n" % (text(row()), text(row()))
    stream.push(data)
    records: list[Any] = []
    while stream.next_run(records, through=through):
        pass

    assert asked
    assert (2, Place(9, len(data))) == (len(records), stream.place())
    assert stream.counts() == Counts(lines=8, records=2, rejected=2, blank=4, bytes=len(data))
