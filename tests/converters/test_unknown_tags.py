"""Objects with an unknown tag: rows of kinds that are not known, and pages and buckets."""

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import usagewire as uw
from tests.support.comparing import Refused, expect, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import VECTORS, bucket, row, text
from usagewire.converters.row_rules import reject_unknown

ROW = row(VECTORS)
BUCKET = bucket(results=[ROW])
PAGE = {"object": "page", "data": [BUCKET], "has_more": False}
WRONG = Refused("wrong_tag", "$.object")


def tagged(container: dict[str, Any], tag: str, **more: Any) -> dict[str, Any]:
    """Return a page or bucket with another tag."""
    return container | {"object": tag} | more


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (tagged(PAGE, "list"), PAGE),
        (tagged(PAGE, "Page"), PAGE),
        (tagged(BUCKET, "interval"), BUCKET),
        ({"_object": "list", "Data": [BUCKET], "HasMore": False}, PAGE),
        ({"Object": "x", "Result": [ROW], "StartTime": 1, "EndTime": 2}, BUCKET),
        ({"ActualInstance": tagged(BUCKET, "")}, None),
    ],
)
def test_container_with_an_unknown_tag(loads: Loads, data: Any, known: Any) -> None:
    """A page or bucket with an unknown tag is rejected. Lenient conversion reads it."""
    document = text(data)

    if known is None:
        assert loads(text(BUCKET)) == loads(document, strict=False)
        return
    for kind in (uw.UsageObject, uw.UsageResult, uw.UnknownResult):
        assert WRONG.code == outcome(loads, document, kind).code
    assert expect(loads(text(known))) == outcome(loads, document, strict=False)
    assert WRONG.code == outcome(loads, document, uw.UsageResult, strict=False).code


@pytest.mark.parametrize(
    ("container", "name", "key"), [(PAGE, "page", "data"), (BUCKET, "bucket", "results")]
)
def test_the_message_names_the_container(
    loads: Loads, container: dict[str, Any], name: str, key: str
) -> None:
    """The message says what the object looks like, and why."""
    with pytest.raises(uw.DecodeError, match=f"looks like a {name}: it has objects under '{key}'"):
        loads(text(tagged(container, "list")))


@pytest.mark.parametrize(
    "data",
    [
        {"object": "chat.completion", "choices": [{"index": 0}]},
        {"object": "list", "data": []},
        {"object": "list", "data": ["text", 5, [{}]]},
        {"object": "list", "data": {"x": 1}, "results": None},
        {"object": "organization.usage.new.result", "results": [{"x": 1}], "data": [{}]},
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_other_objects_are_unknown_rows(path: Way, data: dict[str, Any], *, strict: bool) -> None:
    """An object without an array of objects, or with the tag of a row, is an unknown row."""
    record = path.loads(text(data), strict=strict)

    fields = {key: value for key, value in data.items() if key != "object"}
    assert uw.UnknownResult(object=data["object"], additional_properties=fields) == record
    assert record == path.loads(uw.dumps(record))


def test_container_leniency_is_counted_once(path: Way) -> None:
    """Each container whose tag only lenient conversion accepts counts once."""
    page = tagged(PAGE, "list", data=[tagged(BUCKET, "interval"), BUCKET])
    for kind in (uw.UsageObject, uw.UsageResponse):
        decoder = path.Decoder(kind, strict=False)

        assert 2 == len(decoder.decode(text(page)).data)
        assert 2 == decoder.counts.lenient


def test_container_of_other_types(loads: Loads) -> None:
    """A container is read by its class alone, and by a subclass, but never by another class."""

    @attrs.frozen(kw_only=True, weakref_slot=False)
    class MyBucket(uw.UsageTimeBucket):
        note: str = ""

    document = text(tagged(BUCKET, "interval", note="n"))

    for kind in (MyBucket, MyBucket | uw.UnknownResult):
        assert "n" == loads(document, kind, strict=False).note
        assert WRONG == outcome(loads, document, kind)
    assert WRONG == outcome(loads, document, uw.UsageResponse, strict=False)
    two = text(tagged(BUCKET, "interval", _object="other"))
    assert "ambiguous_name" == outcome(loads, two, strict=False).code


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("key", ["data", "Data", "results", "result", "Result", "Results"])
def test_an_unknown_row_like_a_container_is_not_written(key: str) -> None:
    """A row that reading rejects is not written, by `dumps` and as a line."""
    record = uw.UnknownResult(object="x", additional_properties={key: [1, {}]})

    for write in (uw.dumps, lambda one: uw.Encoder().encode_lines([one])):
        with pytest.raises(uw.EncodeError, match=f"objects under '{key}'"):
            write(record)
    kept = attrs.evolve(record, object="organization.usage.new.result")
    assert kept == uw.loads(uw.dumps(kept))


def test_unknown_rows_can_be_rejected(path: Way) -> None:
    """A converter that rejects unknown rows rejects them wherever they are, and reads the rest."""
    converter = uw.make_converter()
    reject_unknown(converter)
    decoder = path.Decoder(converter=converter, on_error="collect")
    unknown = {"object": "chat.completion"}
    lines = [PAGE, unknown, PAGE | {"data": [bucket(results=[unknown])]}, ROW]

    assert 2 == len(decoder.decode_lines(b"\n".join(map(text, lines))))
    assert ["$.object", "$.data[0].results[0].object"] == [one.path for one in decoder.rejections]
    assert 0 == decoder.counts.unknown
    with pytest.raises(uw.DecodeError, match="not the tag of a known kind"):
        decoder.decode(text(unknown))
    assert path.name != "c" or decoder.not_accelerated is None


VALUES = st.sampled_from([None, 5, "x", [], [{}], [[]], [1, {"a": 1}], {}, [BUCKET], [ROW]])
KEYS = st.sampled_from(["data", "Data", "results", "result", "Result", "choices", "x"])
TAGS = st.sampled_from(["list", "", "page", "bucket", "organization.x.result", "chat.completion"])


@settings(max_examples=60)
@given(tag=TAGS, fields=st.dictionaries(KEYS, VALUES), strict=st.booleans())
def test_what_is_read_is_written(
    path: Way, tag: str, fields: dict[str, Any], *, strict: bool
) -> None:
    """Every object that is read is written, and read back equal by strict conversion."""
    data = {"object": tag, "start_time": 1, "end_time": 2, "has_more": True} | fields
    try:
        record = path.loads(text(data), strict=strict)
    except uw.DecodeError:
        return
    assert record == path.loads(uw.dumps(record))
