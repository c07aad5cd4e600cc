"""Documents that C reads by itself, and documents that it hands back to the reference.

Other tests compare the answers of all paths. These call C alone, and compare it with the reference.
So they also fail for a C extension that hands everything back.
"""

import json
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import attrs
import orjson
import pytest

from tests.support.comparing import exact, outcome
from tests.support.native import (
    BACK,
    BY_C,
    DOCUMENTS,
    HANDED_BACK,
    compact,
    damaged,
    dice,
    meant,
    plan_for,
    slotted,
    taken,
)
from tests.support.records import CLASSES, full
from tests.support.samples import COSTS, PAGES, VECTORS, row, text
from usagewire import (
    DIALECTS,
    UnknownResult,
    UsageImagesResult,
    UsageObject,
    UsageResponse,
    UsageVectorStoresResult,
    dumps,
    loads,
    make_converter,
)
from usagewire.wire.names import CLASS_OF_TAG

pytestmark = BY_C

OPTIONS: Final[list[dict[str, Any]]] = [
    {"strict": strict, "unknown": unknown}
    for strict in (True, False)
    for unknown in ("keep", "ignore", "forbid")
]
every_option = pytest.mark.parametrize("options", OPTIONS, ids=str)


def reversed_keys(value: Any) -> Any:
    """Return JSON data with the keys of each object in the opposite order, the tag last."""
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(one) for one in value] if isinstance(value, list) else value


WRITINGS: Final[dict[str, Callable[[Any], bytes]]] = {
    "compact": compact,
    "spaced": text,
    "indented": lambda value: json.dumps(value, indent=2, default=str).encode(),
    "escaped": lambda value: json.dumps(value, separators=(",", ":"), default=str).encode(),
    "tag last": lambda value: compact(reversed_keys(value)),
    "padded": lambda value: b" \t\r\n" + compact(value) + b" \t\r\n",
}


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("page", PAGES)
def test_pages(page: str, writing: str) -> None:
    """C reads a page of the API, and each bucket and each row of it."""
    write = WRITINGS[writing]
    buckets = PAGES[page]["data"]
    rows = [one for bucket in buckets for one in bucket.get("results", bucket.get("result"))]
    for kind in (UsageObject, UsageResponse):
        assert taken(kind, write(PAGES[page])) is not BACK
    for one in [*buckets, *rows]:
        assert taken(UsageObject, write(one)) is not BACK
        assert taken(CLASS_OF_TAG[one["object"]], write(one)) is not BACK
    assert taken(list[UsageObject], write(rows)) is not BACK


@every_option
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_field(cls: Any, dialect: Any, options: dict[str, Any]) -> None:
    """C reads every class in every spelling, with all fields and with the required ones only."""
    record = full(cls)
    data = json.loads(orjson.dumps(make_converter(dialect).unstructure(record)))
    for write in WRITINGS.values():
        assert exact(record) == exact(taken(cls, write(data), **options))
    required = [a.name for a in attrs.fields(cls) if a.default is attrs.NOTHING]
    least = cls(**{name: getattr(record, name) for name in required})
    assert exact(least) == exact(taken(cls, dumps(least, dialect=dialect), **options))


EXTRAS: Final = [
    b"1", b"-5", b"1.5", b'"s"', b"null", b"true", b"false", b"[]", b"{}", b'[1,{"a":[null]}]',
]  # fmt: skip


@every_option
@pytest.mark.parametrize("extra", EXTRAS, ids=repr)
@pytest.mark.parametrize("key", ["new", "neu é", "a" * 40])
def test_unknown_keys(options: dict[str, Any], extra: bytes, key: str) -> None:
    """C keeps or ignores an unknown key, and hands the document back if it is forbidden."""
    member = b'"%s":%s' % (key.encode(), extra)
    for data in (
        b'{"object":"%s","usage_bytes":5,%s}' % (VECTORS.encode(), member),
        b'{"%s": %s , "usage_bytes":5}' % (key.encode(), extra),
        b'{"object":"%s",%s,"usage_bytes":5}' % (VECTORS.encode(), member),
    ):
        found = taken(UsageVectorStoresResult, data, **options)
        assert (found is BACK) == (options["unknown"] == "forbid")
        if options["unknown"] == "keep":
            assert exact({key: orjson.loads(extra)}) == exact(found.additional_properties)


def test_depth_of_unknown_values() -> None:
    """C keeps unknown values of up to 99 levels. If they are ignored, it skips up to 200 levels."""
    for unknown, most in (("keep", 99), ("ignore", 200)):
        for depth in (1, 49, 50, 51, 63, 64, 65, 98, 99, 100, 101, 199, 200, 201):
            for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
                value = opening * depth + (b"1" if opening != b"[" else b"") + closing * depth
                data = b'{"object":"%s","usage_bytes":5,"x":%s}' % (VECTORS.encode(), value)
                assert (depth <= most) == (taken(UsageObject, data, unknown=unknown) is not BACK)


@pytest.mark.parametrize("case", HANDED_BACK)
def test_handed_back(case: str) -> None:
    """C hands an unusual or wrong document back, for a union and for one class."""
    assert plan_for(UsageObject).decode(HANDED_BACK[case]) is BACK
    found = plan_for(UsageVectorStoresResult).decode(HANDED_BACK[case])
    assert found is BACK or case == "no tag"


def test_other_tags() -> None:
    """A type with UnknownResult reads an unknown tag as one, and never a known tag."""
    later, known = b'{"object":"later","x":1}', text({"object": COSTS})

    assert isinstance(taken(UsageObject, later), UnknownResult)
    assert isinstance(taken(UnknownResult, later), UnknownResult)
    assert taken(UsageVectorStoresResult | UsageImagesResult, later) is BACK
    assert taken(UnknownResult, known) is BACK
    assert taken(UsageVectorStoresResult | UnknownResult, known) is BACK
    assert taken(UsageVectorStoresResult, known) is BACK


def test_first_key_of_the_tag_counts() -> None:
    """If an object has several tag keys, the first spelling counts, in any order."""
    for data in (
        text({"Object": "later", "object": COSTS}),
        text({"object": COSTS, "Object": "later"}),
        b'{"Object":"later","Object":"other"}',
        b'{"Object":"later","Object":"other","object":"last"}',
    ):
        assert meant(UsageObject, data) == outcome(loads, data)


@pytest.mark.parametrize("index", range(len(DOCUMENTS)))
@pytest.mark.parametrize("kind", [UsageObject, UsageResponse], ids=["any", "page"])
def test_damaged_documents(index: int, kind: Any) -> None:
    """C reads a document that is cut or has a wrong byte as the reference does, or not at all."""
    data = DOCUMENTS[index]
    kinds = [kind, CLASS_OF_TAG[json.loads(data)["object"]]]
    more = (b" ", b"\n", b"\\", b":", b"[", b"{", b"-", b"e")
    for one in damaged(data, (b'"', b",", b"}", b"\xc3", b"0", b"\0"), more):
        for each in kinds:
            taken(each, one)


IGNORED: Final = [
    b"[]",
    b"{}",
    b"[[],{}]",
    b'{"a":[1,{"b":null}],"c":"d"}',
    b' [ 1 , "two" , true , { "a" : [ false ] , "b" : { } } ] ',
    b'[{"a":1.5},"\xc3\xa9","\\n",[1e5]]',
]


@pytest.mark.parametrize("value", IGNORED, ids=repr)
def test_damaged_values_that_are_ignored(value: bytes) -> None:
    """An ignored value has to be JSON in each of its bytes."""
    head, tail = b'{"usage_bytes":1,"x":', b',"project_id":"p"}'
    options = {"unknown": "ignore"}
    assert taken(UsageVectorStoresResult, head + value + tail, **options) is not BACK
    signs = [bytes([sign]) for sign in b'",}][{:01-x \\']
    for one in damaged(value + b" ", signs, signs):
        taken(UsageVectorStoresResult, head + one + tail, **options)
    for at in range(len(value) + 1):
        assert taken(UsageVectorStoresResult, head + value[:at], **options) is BACK


OPTIONAL: Final = attrs.field(type=int | None, default=None)
LONG: Final = slotted(
    "Long", frozen=True, **{"k" * length: OPTIONAL for length in range(40, 0, -1)}
)
WIDEST: Final = slotted("Widest", frozen=True, **{f"f{i}": OPTIONAL for i in range(64)})


def test_keys_of_every_length() -> None:
    """C distinguishes keys of any length, in any order."""
    rolled = dice(4)
    for _ in range(300):
        lengths = rolled.sample(range(1, 41), rolled.randrange(1, 41))
        data = compact({"k" * length: length for length in lengths})
        for one in (data, data.replace(b":", b" : ").replace(b",", b" , "), data + b" " * 40):
            found = taken(LONG, one)
            assert all(getattr(found, "k" * length) == length for length in lengths)


def test_keys_that_are_nearly_known() -> None:
    """A key is unknown if one character differs, also its last one."""
    for length in range(1, 41):
        for key in ("k" * (length - 1) + "l", "l" + "k" * (length - 1)):
            data = b'{"%s":1,"%s":2}' % (b"k" * length, key.encode())
            for _ in range(3):
                assert taken(LONG, data) == LONG(**{"k" * length: 1})
        # C guesses the next key, and compares its quotes and colon, too.
        for unusual in (
            *(b'{"%s" :1}', b'{ "%s":1}', b'{"%s"1}', b'{"%s":1'),
            *(b'{"%s:1}', b'{"%s":1}}', b'{"%s":1 }'),
        ):
            taken(LONG, unusual % (b"k" * length) + b" " * 40)


def test_guess_of_the_next_key() -> None:
    """C compares the guess of the next key in all its characters, quotes and the colon."""
    for length in range(1, 41):
        key = b"k" * length
        other = b"kk" if length == 1 else b"k"
        usual = b'{"%s":1,"%s":2}' % (other, key) + b" " * 40
        for unusual in (
            *(b'{"%s":1,"%sl":2}', b'{"%s":1,"l%s":2}', b'{"%s":1,"%s"2}', b'{"%s":1,"%s" 2}'),
            *(b'{"%s":1,"%s":}', b'{"%s":1,"%s :2}', b'{"%s":1,,"%s":2}', b'{"%s":1 "%s":2}'),
            *(b'{"%s":1,%s":2}', b'{"%s":1"%s":2}', b'{"%s" 1,"%s":2}', b'{"%s"1,"%s":2}'),
        ):
            assert taken(LONG, usual) == LONG(**{other.decode(): 1, key.decode(): 2})
            taken(LONG, unusual % (other, key) + b" " * 40)
        for at in range(length):
            near = key[:at] + b"l" + key[at + 1 :]
            assert taken(LONG, usual) is not BACK
            data = b'{"%s":1,"%s":2}' % (other, near) + b" " * 40
            assert taken(LONG, data) == LONG(**{other.decode(): 1})


def test_most_fields() -> None:
    """C reads a class of 64 fields with any of them filled."""
    for filled in ([0], [63], [0, 63], [31, 32], list(range(64)), [62, 63, 1]):
        data = compact({f"f{i}": i for i in filled})
        assert WIDEST(**{f"f{i}": i for i in filled}) == taken(WIDEST, data)
    assert taken(WIDEST, b'{"f63":1,"f63":1}') is BACK


def test_order_of_keys_may_change() -> None:
    """C reads keys in any order, after any other order."""
    rolled = dice(5)
    data = json.loads(DOCUMENTS[0])
    required = {"object", "input_tokens", "output_tokens", "num_model_requests"}
    for _ in range(200):
        keys = rolled.sample(list(data), len(data))
        some = [key for key in keys if key in required or rolled.random() < 0.9]
        for one in (keys, some):
            assert taken(UsageObject, compact({key: data[key] for key in one})) is not BACK


@pytest.mark.parametrize("data", ["{}", bytearray(b"{}"), None, 5])
def test_decode_misused(data: Any) -> None:
    """A plan reads only bytes."""
    with pytest.raises(TypeError):
        plan_for(int).decode(data)


def test_threads_share_a_decoder() -> None:
    """Each thread gets its own records from a cached decoder, and shared objects stay correct."""
    documents = [text(PAGES[page]) for page in PAGES] + list(HANDED_BACK.values())
    documents += [
        orjson.dumps(row(project_id=f"p{i}", new=[i, 1.5, "é"], usage_bytes=i)) for i in range(500)
    ]
    expected = [outcome(loads, data) for data in documents]
    wrong: list[Any] = []

    def read(seed: int) -> None:
        order = list(range(len(documents)))
        dice(seed).shuffle(order)
        wrong.extend(i for i in order * 2 if outcome(loads, documents[i]) != expected[i])

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(switch)

    assert wrong == []


@pytest.mark.parametrize("arguments", [(), (b"1", print, None), ("1",), (bytearray(b"1"),)])
def test_document_misused(arguments: Any) -> None:
    """Wrong arguments are refused."""
    with pytest.raises(TypeError):
        plan_for(int).decode(*arguments)


def test_note_of_unknown_rows() -> None:
    """C calls the function with the number of unknown rows, and raises what it raises."""
    counts: list[int] = []
    page = b'{"object":"page","data":[],"has_more":false,"next_page":null}'
    plan = plan_for(UsageObject)

    plan.decode(b'{"object":"later"}', counts.append)
    plan.decode(page, counts.append)
    assert [1] == counts
    with pytest.raises(ZeroDivisionError):
        plan.decode(b'{"object":"later"}', lambda count: count / 0)
