"""Properties of every input: round trips, errors of one kind, no lost lines, any chunks.

Each test draws a class and values for it, so that one test covers all classes.
"""

import json
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.comparing import exact
from tests.support.paths import PATHS, Loads, Way
from tests.support.samples import text
from tests.support.strategies import (
    CLASSES,
    EVERY,
    EXTRA,
    FILES,
    JSON,
    LATER_TAG,
    ROW_DATA,
    ROW_RECORDS,
    TAGGED,
    WILD,
    WILD_KEYS,
)
from usagewire import (
    CODES,
    DIALECTS,
    CostsResult,
    Decoder,
    EncodeError,
    Encoder,
    UnknownResult,
    UsageCompletionsResult,
    UsageObject,
    UsageResponse,
    UsageTimeBucketResultInner,
    UsageWireError,
    dumps,
    make_converter,
)
from usagewire.converters import classes

TYPES = st.sampled_from(
    [
        *(UsageObject, UsageResponse, CostsResult, UsageCompletionsResult, UnknownResult),
        *(UsageTimeBucketResultInner, list[UsageObject], dict[str, int], Any),
    ]
)
UNKNOWN = st.sampled_from(["keep", "ignore", "forbid"])
OPTIONS = st.fixed_dictionaries({"strict": st.booleans(), "unknown": UNKNOWN})
LIMITS = st.sampled_from([5, 500, 2**20])
CONVERTERS = {
    (dialect, strict): make_converter(dialect, strict=strict)
    for dialect in DIALECTS
    for strict in (True, False)
}


# --- round trips -----------------------------------------------------------------------------


@given(record=EVERY, dialect=st.sampled_from(DIALECTS), strict=st.booleans())
def test_converter_round_trip(record: Any, dialect: str, *, strict: bool) -> None:
    """A converter structures its own output to an equal record, in every dialect."""
    converter = CONVERTERS[dialect, strict]

    assert exact(record) == exact(converter.structure(converter.unstructure(record), type(record)))


@given(record=EVERY, dialect=st.sampled_from(DIALECTS), options=OPTIONS)
def test_document_round_trip(loads: Loads, record: Any, dialect: str, options: Any) -> None:
    """A record written in any dialect reads back equal, value and type."""
    options |= {"unknown": "keep"}

    assert exact(record) == exact(
        loads(dumps(record, dialect=dialect), type(record), **options)  # type: ignore[arg-type]
    )


@given(record=TAGGED, dialect=st.sampled_from(DIALECTS))
def test_tag_gives_the_type(loads: Loads, record: Any, dialect: str) -> None:
    """A record with a tag reads back equal without a type."""
    assert exact(record) == exact(loads(dumps(record, dialect=dialect)))  # type: ignore[arg-type]


@given(some=st.lists(TAGGED, max_size=6), dialect=st.sampled_from(DIALECTS))
def test_lines_round_trip(path: Way, some: list[Any], dialect: str) -> None:
    """Records written as lines read back equal and in order."""
    data = Encoder(dialect=dialect).encode_lines(some)  # type: ignore[arg-type]

    assert exact(some) == exact(path.Decoder().decode_lines(data))
    assert len(some) == data.count(b"\n")


@given(some=st.lists(TAGGED, max_size=4))
def test_list_round_trip(loads: Loads, some: list[Any]) -> None:
    """A list of records is one JSON array."""
    assert exact(some) == exact(loads(dumps(some), list[UsageObject]))


@given(data=ROW_DATA, extra=EXTRA)
def test_unknown_keys_survive(loads: Loads, data: dict[str, Any], extra: Any) -> None:
    """Unknown fields are written back as the same JSON."""
    written = json.loads(dumps(loads(text(data | dict(extra)))))

    assert exact(extra) == exact({key: written[key] for key in extra})


@given(tag=LATER_TAG, extra=EXTRA)
def test_unknown_kinds_survive(loads: Loads, tag: str, extra: Any) -> None:
    """An unknown row is written back as the same JSON."""
    data = {"object": tag} | dict(extra)

    assert exact(data) == exact(json.loads(dumps(loads(text(data)))))


# --- only our own errors ---------------------------------------------------------------------


def check_refusal(error: UsageWireError) -> None:
    """Check that a refusal has a known code, a place, and a short message."""
    code = getattr(error, "code", None)
    assert code in CODES
    assert str(error).startswith(("$", "line "))
    assert len(str(error)) < 1500


@given(value=WILD, kind=TYPES, options=OPTIONS)
@settings(max_examples=300)
def test_any_json(loads: Loads, value: Any, kind: Any, options: Any) -> None:
    """Any JSON gives a record that can be compared and printed, or a refusal."""
    try:
        record = loads(json.dumps(value), kind, **options)
    except UsageWireError as error:
        check_refusal(error)
    else:
        assert exact(record) == exact(record)
        assert repr(record)


@given(data=st.binary() | st.text().map(str.encode), kind=TYPES, options=OPTIONS)
def test_any_bytes(loads: Loads, data: bytes, kind: Any, options: Any) -> None:
    """Any bytes give a value or a refusal."""
    try:
        loads(data, kind, **options)
    except UsageWireError as error:
        check_refusal(error)


@given(value=WILD, kind=TYPES, strict=st.booleans())
def test_any_value_for_a_converter(value: Any, kind: Any, *, strict: bool) -> None:
    """Any value of JSON types gives a record or a refusal."""
    try:
        CONVERTERS["api", strict].structure(value, kind)
    except UsageWireError as error:
        check_refusal(error)


@given(
    value=st.binary() | st.complex_numbers() | st.sets(st.integers()) | st.builds(object),
    kind=st.sampled_from(CLASSES),
)
def test_any_object_for_a_converter(value: Any, kind: Any) -> None:
    """A value that cannot come from JSON is refused, also inside an object."""
    converter = CONVERTERS["api", True]
    for given_value in (value, {"object": value}, {"usage_bytes": value, "later": value}):
        with pytest.raises(UsageWireError):
            converter.structure(given_value, kind)


CHANGES = st.sampled_from(["replace", "rename", "remove", "add"])


@given(data=ROW_DATA, change=CHANGES, draw=st.data(), strict=st.booleans())
@settings(max_examples=300)
def test_one_change(
    loads: Loads, data: dict[str, Any], change: str, draw: Any, *, strict: bool
) -> None:
    """A good row with one change reads back equal after it was written, or is refused."""
    changed = dict(data)
    key = draw.draw(st.sampled_from(sorted(changed)))
    new = draw.draw(WILD_KEYS | st.text(max_size=5))
    if change == "replace":
        changed[key] = draw.draw(WILD)
    elif change == "rename":
        changed[new] = changed.pop(key)
    elif change == "remove":
        del changed[key]
    else:
        changed[new] = draw.draw(WILD)
    try:
        record = loads(json.dumps(changed), strict=strict)
    except UsageWireError as error:
        check_refusal(error)
        return

    assert exact(record) == exact(loads(dumps(record)))


@given(data=ROW_DATA, draw=st.data())
def test_wrong_type_is_found(loads: Loads, data: dict[str, Any], draw: Any) -> None:
    """A list instead of any value of a good row is refused at that key."""
    known = {key for key in data if not key.startswith("organization")}
    key = draw.draw(st.sampled_from(sorted(known)))
    with pytest.raises(UsageWireError) as caught:
        loads(text(data | {key: [[]]}))

    assert (caught.value.code, caught.value.path) == ("wrong_type", f"$.{key}")  # type: ignore[attr-defined]


# --- no lost lines, and any chunks -----------------------------------------------------------


@given(data=FILES, limit=LIMITS, unknown=UNKNOWN, kind=st.sampled_from([UsageObject, Any]))
def test_no_line_disappears(path: Way, data: bytes, limit: int, unknown: str, kind: Any) -> None:
    """Each line is a record, rejected or blank, and all bytes of the input are counted."""
    decoder = path.Decoder(kind, on_error="collect", max_line_bytes=limit, unknown=unknown)
    found = decoder.decode_lines(data)
    counts = decoder.counts
    lines = len(data.removesuffix(b"\n").split(b"\n")) if data else 0

    assert (len(found), len(decoder.rejections)) == (counts.records, counts.rejected)
    assert (lines, len(data)) == (counts.lines, counts.bytes)
    assert counts.lines == counts.records + counts.rejected + counts.blank


@given(data=FILES, limit=LIMITS)
def test_rejections_show_their_line(path: Way, data: bytes, limit: int) -> None:
    """The offset and length of a rejection give its line in the input."""
    decoder = path.Decoder(on_error="collect", max_line_bytes=limit)
    decoder.decode_lines(data)
    lines = data.split(b"\n")
    lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
    for one in decoder.rejections:
        line = data[one.offset : one.offset + one.length]

        assert line.startswith(one.raw)
        assert one.code in CODES
        assert lines[one.line - 1] in (line, line + b"\r")


@given(
    data=FILES,
    cuts=st.lists(st.integers(0, 4000), max_size=6).map(sorted),
    limit=LIMITS,
    on_error=st.sampled_from(["collect", "skip", "raise"]),
)
def test_any_cutting(path: Way, data: bytes, cuts: list[int], limit: int, on_error: str) -> None:
    """Records, rejections and counts do not depend on the chunks of the input."""
    whole = path.Decoder(on_error="collect", max_line_bytes=limit)
    expected = whole.decode_lines(data)
    decoder = path.Decoder(on_error=on_error, max_line_bytes=limit)
    found = []
    edges = [0, *(cut for cut in cuts if cut < len(data)), len(data)]
    for start, end in pairwise(edges):
        found += gathered(decoder, partial(decoder.feed, data[start:end]))
    found += gathered(decoder, decoder.close)

    assert exact(expected) == exact(found)
    assert whole.counts == decoder.counts
    assert (whole.rejections if on_error != "skip" else []) == decoder.rejections


@given(
    data=FILES,
    strict=st.booleans(),
    unknown=UNKNOWN,
    kind=st.sampled_from([UsageObject, UsageObject, CostsResult, Any, list[Any]]),
    on_error=st.sampled_from(["collect", "skip"]),
    kept=st.sampled_from([1000, 1, 0]),
)
def test_all_ways_agree(
    data: bytes, unknown: str, kind: Any, on_error: Any, kept: int, *, strict: bool
) -> None:
    """All ways to decode give the same records, rejections and counts."""
    found = []
    for way, values in PATHS.items():
        with pytest.MonkeyPatch.context() as patch:
            for name, value in values.items():
                patch.setattr(classes, name, value)
            decoder: Decoder[Any] = Decoder(
                kind,
                on_error=on_error,
                max_rejections=kept,
                converter=WAYS[way, strict, unknown],
            )
            records = decoder.decode_lines(data)
            found.append((exact(records), decoder.rejections, decoder.counts))

    assert [found[0]] * len(PATHS) == found


WAYS = {
    (way, strict, unknown): make_converter(strict=strict, unknown=unknown)
    for way in PATHS
    for strict in (True, False)
    for unknown in ("keep", "ignore", "forbid")
}


def gathered(decoder: Any, call: Callable[[], list[Any]]) -> list[Any]:
    """Return the records of a call, which is continued after each bad line."""
    found: list[Any] = []
    while True:
        try:
            return found + call()
        except UsageWireError as error:
            found += error.records  # type: ignore[attr-defined]
            call = partial(decoder.feed, b"")


# --- writing ---------------------------------------------------------------------------------

WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(st.characters(), max_size=4),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.tuples(),
    st.dictionaries(st.text(max_size=3) | st.integers(), JSON | st.floats(), max_size=2),
    st.dictionaries(WILD_KEYS, JSON, min_size=1, max_size=2),
    ROW_RECORDS,
    ROW_RECORDS.map(lambda one: (one,)),
    st.builds(object),
    st.just(int),
)


@given(record=EVERY, draw=st.data())
@settings(max_examples=400)
def test_wrong_values_are_not_written(loads: Loads, record: Any, draw: Any) -> None:
    """A record with any value in a field is refused, or reads back equal."""
    name = draw.draw(st.sampled_from([field.name for field in attrs.fields(type(record))]))
    wrong = attrs.evolve(record, **{name: draw.draw(WRONG)})
    try:
        data = dumps(wrong)
    except EncodeError:
        return

    assert wrong == loads(data, type(wrong))


@pytest.mark.usefixtures("path")
@given(value=WRONG, dialect=st.sampled_from(DIALECTS))
def test_any_object_to_write(value: Any, dialect: str) -> None:
    """Any object is written or refused."""
    try:
        data = dumps(value, dialect=dialect)  # type: ignore[arg-type]
    except EncodeError:
        return

    assert b"\n" not in data
