"""The C extension by itself: what it takes, what it gives back, and what it leaves behind.

The other tests show that the answer is right by every way. These ask C alone, so that a C part that
gives everything back, or keeps what it should drop, does not pass for a good one.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs
import orjson
import pytest

import usagewire
from tests.support.comparing import Refused, exact, outcome
from tests.support.native import (
    BACK,
    BY_C,
    DOCUMENTS,
    GIVEN_BACK,
    TOKENS,
    compact,
    dice,
    meant,
    plan_for,
    read_lines,
    taken,
)
from tests.support.records import CLASSES, full
from tests.support.samples import COMPLETIONS, COSTS, PAGES, VECTORS, row, text
from usagewire import (
    DIALECTS,
    Decoder,
    UnknownResult,
    UsageImagesResult,
    UsageObject,
    UsageResponse,
    UsageVectorStoresResult,
    accelerated,
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


# --- what C takes ----------------------------------------------------------------------------


def turned(value: Any) -> Any:
    """Return JSON data with the keys of each object in the other order, the tag last."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(one) for one in value] if isinstance(value, list) else value


WRITINGS: Final[dict[str, Callable[[Any], bytes]]] = {
    "compact": compact,
    "spaced": text,
    "indented": lambda value: json.dumps(value, indent=2, default=str).encode(),
    "escaped": lambda value: json.dumps(value, separators=(",", ":"), default=str).encode(),
    "tag last": lambda value: compact(turned(value)),
    "padded": lambda value: b" \t\r\n" + compact(value) + b" \t\r\n",
}
every_writing = pytest.mark.parametrize("writing", WRITINGS)


@every_writing
@pytest.mark.parametrize("page", PAGES)
def test_pages_are_taken(page: str, writing: str) -> None:
    """A page of the API is read by C, and so is each bucket and each row of it."""
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
def test_every_field_is_taken(cls: Any, dialect: Any, options: dict[str, Any]) -> None:
    """Every class is read by C in every spelling, full and with what it requires alone."""
    record = full(cls)
    data = json.loads(orjson.dumps(make_converter(dialect).unstructure(record)))
    for write in WRITINGS.values():
        assert exact(record) == exact(taken(cls, write(data), **options))
    needed = {
        a.name: getattr(record, a.name) for a in attrs.fields(cls) if a.default is attrs.NOTHING
    }
    least = cls(**needed)
    assert exact(least) == exact(taken(cls, dumps(least, dialect=dialect), **options))


EXTRAS: Final = [
    b"1", b"-5", b"1.5", b'"s"', b"null", b"true", b"false", b"[]", b"{}", b'[1,{"a":[null]}]',
]  # fmt: skip


@every_option
@pytest.mark.parametrize("extra", EXTRAS, ids=repr)
@pytest.mark.parametrize("key", ["new", "neu é", "a" * 40])
def test_unknown_keys(options: dict[str, Any], extra: bytes, key: str) -> None:
    """An unknown key is kept or passed over by C, and given back where it is forbidden."""
    for data in (
        b'{"object":"%s","usage_bytes":5,"%s":%s}' % (VECTORS.encode(), key.encode(), extra),
        b'{"%s": %s , "usage_bytes":5}' % (key.encode(), extra),
        b'{"object":"%s","%s":%s,"usage_bytes":5}' % (VECTORS.encode(), key.encode(), extra),
    ):
        found = taken(UsageVectorStoresResult, data, **options)
        assert (found is BACK) == (options["unknown"] == "forbid")
        if options["unknown"] == "keep":
            assert exact({key: orjson.loads(extra)}) == exact(found.additional_properties)


@pytest.mark.parametrize("case", GIVEN_BACK)
def test_given_back(case: str) -> None:
    """What is odd or wrong is given back, in a union and in its class, and leaves nothing."""
    for kind in (UsageObject, UsageVectorStoresResult):
        assert plan_for(kind).decode(GIVEN_BACK[case]) is BACK or case == "no tag"
    assert plan_for(UsageObject).decode(GIVEN_BACK[case]) is BACK


def test_other_tags() -> None:
    """An unknown tag is an UnknownResult where the type has it; a known one never is."""
    later, known = b'{"object":"later","x":1}', text({"object": COSTS})

    assert isinstance(taken(UsageObject, later), UnknownResult)
    assert isinstance(taken(UnknownResult, later), UnknownResult)
    assert taken(UsageVectorStoresResult | UsageImagesResult, later) is BACK
    assert taken(UnknownResult, known) is BACK
    assert taken(UsageVectorStoresResult | UnknownResult, known) is BACK
    assert taken(UsageVectorStoresResult, known) is BACK


def test_first_key_of_the_tag_counts() -> None:
    """Of several keys of the tag in a union the first spelling counts, wherever it stands."""
    for keys in (("Object", "object"), ("object", "Object")):
        data = text(dict.fromkeys(keys, "later") | {"object": COSTS})
        assert meant(UsageObject, data) == outcome(loads, data)
    for data in (
        b'{"Object":"later","Object":"other"}',
        b'{"Object":"later","Object":"other","object":"last"}',
    ):
        assert meant(UsageObject, data) == outcome(loads, data)


# --- single values ---------------------------------------------------------------------------


INTS, FLOATS, DECIMALS, TEXTS, WRONG, OTHERS, _ = TOKENS.values()
WRONG += ['"\x01"', '"\x1f"', '"a\tb"']
POOL: Final = [*INTS, *FLOATS, *DECIMALS, *TEXTS, *WRONG, *OTHERS]

KINDS: Final[dict[str, tuple[Any, list[str]]]] = {
    "int": (int, INTS),
    "float": (float, [*INTS[:21], "-0", "-1", "-1234567", "9007199254740992", *FLOATS[:18]]),
    "str": (str, TEXTS),
    "bool": (bool, ["true", "false"]),
    "Decimal": (Decimal, [*INTS, *FLOATS[:18], *DECIMALS]),
    "Any": (Any, [*INTS, *FLOATS[:9], *TEXTS, *OTHERS]),
    "int | None": (int | None, [*INTS, "null"]),
    "str | None": (str | None, [*TEXTS, "null"]),
    "bool | None": (bool | None, ["true", "false", "null"]),
    "Decimal | None": (Decimal | None, [*DECIMALS, "null"]),
    "float | None": (float | None, [*FLOATS[:9], "null"]),
    "list[int]": (list[int], ["[]", "[1,2]"]),
    "tuple[int, ...]": (tuple[int, ...], ["[]", "[1,2]"]),
    "list[list[int] | None]": (list[list[int] | None], ["[]", "[[1],null]", "[[[]]]"][:2]),
}
FRAMES: Final = ["%s", " %s ", "\n\t\r%s", "%s             "]
OBJECTS: Final = [
    '{"x":%s}',
    '{ "x" : %s }',
    '{"x":%s,"y":"some more of it"}',
    '{"y":"some more","x":%s}',
]


@pytest.mark.parametrize("name", KINDS)
def test_values(name: str) -> None:
    """A value is read as the reference reads it or given back, and its usual forms are read."""
    kind, usual = KINDS[name]
    holder = attrs.make_class(
        "Holder",
        {"x": attrs.field(type=kind), "y": attrs.field(type=str, default="")},
        slots=True,
        frozen=True,
    )
    for token in POOL:
        for frame in FRAMES:
            found = taken(kind, (frame % token).encode())
            assert found is not BACK or token not in usual, token
        for frame in OBJECTS:
            found = taken(holder, (frame % token).encode())
            assert found is not BACK or token not in usual, token
        for frame in ("[%s]", "[ %s , %s ]", "[%s,%s,%s]"):
            found = (
                taken(list[kind], (frame.replace("%s", "{0}").format(token)).encode())
                if "{" not in token
                else None
            )
            assert found is not BACK or token not in usual, token


AFTER: Final = (
    "", " ", "       ", "\n", "0", "x", ".", "e", "E", ".0", ",", "}", "/", ":", "-", "e1",
)  # fmt: skip


def test_integers_of_every_length() -> None:
    """Integers of any digits are read, whatever stands after them, and nothing else is."""
    rolled = dice(1)
    for length in range(1, 21):
        for _ in range(40):
            digits = str(rolled.randrange(10 ** (length - 1), 10**length))
            for token in (sign + digits + after for sign in ("", "-") for after in AFTER):
                for kind, frame in ((int, "%s"), (list[int], "[%s]")):
                    data = (frame % token).encode()
                    is_refused = isinstance(meant(kind, data), Refused)
                    assert is_refused == (taken(kind, data) is BACK)


def test_floats_are_rounded_right() -> None:
    """A number with a point is the double nearest to it."""
    rolled = dice(2)
    for _ in range(5000):
        whole = str(rolled.randrange(10 ** rolled.randrange(1, 17)))
        part = "".join(rolled.choices("0123456789", k=rolled.randrange(1, 17)))
        for sign in ("", "-"):
            token = f"{sign}{whole}.{part}"
            assert exact(float(token)) == exact(taken(list[float], f"[{token}]".encode())[0])


def test_money_is_exact() -> None:
    """A number of money is the Decimal of its shortest text; a string is what it says."""
    rolled = dice(3)
    for _ in range(3000):
        whole = str(rolled.randrange(10 ** rolled.randrange(1, 17)))
        part = "".join(rolled.choices("0123456789", k=rolled.randrange(1, 17)))
        for token in (
            f"{whole}.{part}",
            f"-{whole}.{part}",
            f'"{whole}.{part}"',
            f"{whole}.{part[0]}00",
        ):
            assert taken(list[Decimal], f"[{token}]".encode()) is not BACK
            found = taken(Decimal, f"{token} ".encode())
            assert str(found) == str(meant(Decimal, token.encode())[1])


def test_strings_of_every_length() -> None:
    """A string of any length is read, with any character at any place in it."""
    for length in range(81):
        letters = "".join(chr(ord("a") + (7 * i + length) % 26) for i in range(length))
        assert letters == taken(str, f'"{letters}"'.encode())
        assert letters == taken(list[str], f'["{letters}","{letters}"]'.encode())[1]
        for at in range(0, length, 1 if length < 36 else 5):
            for odd in (
                "é",
                "\x7f",
                "\\n",
                '\\"',
                "\\\\",
                "\\u00e9",
                "\n",
                '"',
                "\x00",
                "\x1f",
                " ",
                "!",
            ):
                data = f'"{letters[:at]}{odd}{letters[at + 1 :]}"'.encode()
                found = taken(str, data)
                assert (found is BACK) == (odd in ("\n", '"', "\x00", "\x1f")), data


def test_strings_that_differ_in_one_letter() -> None:
    """Strings that differ anywhere are different, however alike they are."""
    for length in (2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 33, 40, 63, 64, 65):
        texts = ["a" * length] + ["a" * at + "b" + "a" * (length - at - 1) for at in range(length)]
        data = orjson.dumps(texts)
        for _ in range(2):
            assert texts == plan_for(list[str]).decode(data)


def test_escapes_of_long_strings() -> None:
    """Escapes are read in strings of any length."""
    for length in (1, 250, 254, 255, 256, 257, 300):
        for escape in (r"\n", r"\u0041", r"\"", r"\/", r"\b", r"\f", r"\r", r"\t", r"\\"):
            data = b'"' + b"a" * length + escape.encode() + b'"'
            assert orjson.loads(data) == taken(str, data)
    for wrong in (rb'"\a"', rb'"\0"', rb'"\ "', rb'"\N"', b'"\\', b'"\\"', b'"\\\n"', rb'"\u"'):
        assert taken(str, wrong) is BACK


def damaged(data: bytes, instead: Iterable[bytes], more: Iterable[bytes]) -> Iterator[bytes]:
    """Yield `data` cut, without a byte, with another instead of it, and with more before it."""
    for at in range(len(data)):
        yield data[:at]
        yield data[:at] + data[at + 1 :]
        yield from (data[:at] + one + data[at + 1 :] for one in instead)
        yield from (data[:at] + one + data[at:] for one in more)


@pytest.mark.parametrize("index", range(len(DOCUMENTS)))
@pytest.mark.parametrize("kind", [UsageObject, UsageResponse], ids=["any", "page"])
def test_damaged_documents(index: int, kind: Any) -> None:
    """A document that is cut, or wrong in one byte, is read as the reference reads it or not."""
    data = DOCUMENTS[index]
    kinds = [kind, CLASS_OF_TAG[json.loads(data)["object"]]]
    signs = (b" ", b"\n", b"\\", b":", b"[", b"{", b"-", b"e")
    for one in damaged(data, (b'"', b",", b"}", b"\xc3", b"0", b"\0"), signs):
        for each in kinds:
            taken(each, one)


PASSED_OVER: Final = [
    b"[]",
    b"{}",
    b"[[],{}]",
    b'{"a":[1,{"b":null}],"c":"d"}',
    b' [ 1 , "two" , true , { "a" : [ false ] , "b" : { } } ] ',
    b'[{"a":1.5},"\xc3\xa9","\\n",[1e5]]',
]


@pytest.mark.parametrize("index", range(len(PASSED_OVER)))
def test_damaged_values_that_are_passed_over(index: int) -> None:
    """A value that nobody keeps has to be JSON all the same, in each of its bytes."""
    value = PASSED_OVER[index]
    head, tail = b'{"usage_bytes":1,"x":', b',"project_id":"p"}'
    options = {"unknown": "ignore"}
    assert taken(UsageVectorStoresResult, head + value + tail, **options) is not BACK
    signs = [bytes([sign]) for sign in b'",}][{:01-x \\']
    for one in damaged(value + b" ", signs, signs):
        taken(UsageVectorStoresResult, head + one + tail, **options)
    for at in range(len(value) + 1):
        assert taken(UsageVectorStoresResult, head + value[:at], **options) is BACK


# --- keys ------------------------------------------------------------------------------------

LONG: Final = attrs.make_class(
    "Long",
    {("k" * length): attrs.field(type=int | None, default=None) for length in range(40, 0, -1)},
    slots=True,
    frozen=True,
)


def test_keys_of_every_length() -> None:
    """Keys of any length, in any order, are told apart."""
    rolled = dice(4)
    for _ in range(300):
        lengths = rolled.sample(range(1, 41), rolled.randrange(1, 41))
        data = compact({"k" * length: length for length in lengths})
        for one in (data, data.replace(b":", b" : ").replace(b",", b" , "), data + b" " * 40):
            found = taken(LONG, one)
            assert all(getattr(found, "k" * length) == length for length in lengths)


def test_keys_that_are_nearly_known() -> None:
    """A key that differs from a known one in one letter is unknown, at its end too."""
    for length in range(1, 41):
        for key in ("k" * (length - 1) + "l", "l" + "k" * (length - 1)):
            data = b'{"%s":1,"%s":2}' % (b"k" * length, key.encode())
            for _ in range(3):
                found = taken(LONG, data)
                assert found == LONG(**{"k" * length: 1})
        # The guess is of the key that comes next, with just its colon and quotes.
        for odd in (
            b'{"%s" :1}',
            b'{ "%s":1}',
            b'{"%s"1}',
            b'{"%s":1',
            b'{"%s:1}',
            b'{"%s":1}}',
            b'{"%s":1 }',
        ):
            taken(LONG, odd % (b"k" * length) + b" " * 40)


def test_guess_of_the_next_key() -> None:
    """The key that came next last time is known by all of its letters, quotes and its colon."""
    for length in range(1, 41):
        key = b"k" * length
        other = b"kk" if length == 1 else b"k"
        usual = b'{"%s":1,"%s":2}' % (other, key) + b" " * 40
        for odd in (
            *(b'{"%s":1,"%sl":2}', b'{"%s":1,"l%s":2}', b'{"%s":1,"%s"2}', b'{"%s":1,"%s" 2}'),
            *(b'{"%s":1,"%s":}', b'{"%s":1,"%s :2}', b'{"%s":1,,"%s":2}', b'{"%s":1 "%s":2}'),
            *(b'{"%s":1,%s":2}', b'{"%s":1"%s":2}', b'{"%s" 1,"%s":2}', b'{"%s"1,"%s":2}'),
        ):
            assert taken(LONG, usual) == LONG(**{other.decode(): 1, key.decode(): 2})
            taken(LONG, odd % (other, key) + b" " * 40)
        for at in range(length):
            near = key[:at] + b"l" + key[at + 1 :]
            assert taken(LONG, usual) is not BACK
            data = b'{"%s":1,"%s":2}' % (other, near) + b" " * 40
            assert taken(LONG, data) == LONG(**{other.decode(): 1})


WIDEST: Final = attrs.make_class(
    "Widest",
    {f"f{i}": attrs.field(type=int | None, default=None) for i in range(64)},
    slots=True,
    frozen=True,
)


def test_most_fields() -> None:
    """A class of 64 fields is read, any of them filled."""
    for filled in ([0], [63], [0, 63], [31, 32], list(range(64)), [62, 63, 1]):
        data = compact({f"f{i}": i for i in filled})
        assert WIDEST(**{f"f{i}": i for i in filled}) == taken(WIDEST, data)
    assert taken(WIDEST, b'{"f63":1,"f63":1}') is BACK


def test_order_of_keys_may_change() -> None:
    """Each order of keys is read, after whatever order came before."""
    rolled = dice(5)
    data = json.loads(DOCUMENTS[0])
    for _ in range(200):
        keys = rolled.sample(list(data), len(data))
        assert taken(UsageObject, compact({key: data[key] for key in keys})) is not BACK
        assert (
            taken(
                UsageObject,
                text(
                    {key: data[key] for key in keys if rolled.random() < 0.9}
                    | {
                        key: data[key]
                        for key in ("object", "input_tokens", "output_tokens", "num_model_requests")
                    }
                ),
            )
            is not BACK
        )


def test_depth_of_what_is_passed_over() -> None:
    """An unknown value that is passed over may nest 200 deep, one that is kept 99."""
    for unknown, most in (("keep", 99), ("ignore", 200)):
        for depth in (1, 49, 50, 51, 63, 64, 65, 98, 99, 100, 101, 199, 200, 201):
            for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
                value = opening * depth + (b"1" if opening != b"[" else b"") + closing * depth
                data = b'{"object":"%s","usage_bytes":5,"x":%s}' % (VECTORS.encode(), value)
                assert (depth <= most) == (taken(UsageObject, data, unknown=unknown) is not BACK)


# --- a text of lines -------------------------------------------------------------------------


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
)  # fmt: skip
def test_lines(data: bytes, given: dict[str, Any], records: list[int], place: int) -> None:
    """Lines are read up to one that is odd, too long or has no end, and up to a number of them."""
    found, stopped = read_lines(plan_for(int), data, **given)

    assert exact(records) == exact(found)
    assert [place, 0] == [stopped[0], stopped[2]]


def test_lines_do_not_span() -> None:
    """An LF ends a line wherever it stands, also where it would be space."""
    data = text(row())
    for at in range(len(data)):
        for plan in (plan_for(UsageObject), plan_for(UsageVectorStoresResult)):
            cut = data[:at] + b"\n" + data[at:] + b"\n"
            records, place = read_lines(plan, cut)
            assert ([], 0) == (records, place[0]) or not cut[:at].strip()
    assert taken(UsageObject, data.replace(b" ", b"\n")) is not BACK


@pytest.mark.parametrize("data", [b" ", b"\t\r ", b"\r"], ids=str)
def test_line_that_has_not_come_yet(data: bytes) -> None:
    """Of the beginning of a line nothing is sure."""
    assert ([], [0, 0, 0]) == read_lines(plan_for(UsageVectorStoresResult), data)


def test_lines_are_added() -> None:
    """Records come after those that a list has, and the answer is None."""
    records, progress = ["first"], array("q", [0, 1, 7])

    assert plan_for(int).decode_lines(b"1\n2\n", progress, 4, 9, 9, False, records) is None  # noqa: FBT003 -- as C takes it
    assert ["first", 1, 2] == records
    assert [4, 0, 7] == progress.tolist()


START: Final = array("q", [0, 0, 0])


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (b"1\n", START, 2, 9, 9, False),
        ("1\n", START, 2, 9, 9, False, []),
        (bytearray(b"1\n"), START, 2, 9, 9, False, []),
        (b"1\n", [0, 0, 0], 2, 9, 9, False, []),
        (b"1\n", bytes(24), 2, 9, 9, False, []),
        (b"1\n", array("q", [0, 0]), 2, 9, 9, False, []),
        (b"1\n", START, 2, 9, 9, False, ()),
        (b"1\n", START, "2", 9, 9, False, []),
        (b"1\n", START, 2, 9, None, False, []),
        (b"1\n", array("q", [-1, 0, 0]), 2, 9, 9, False, []),
        (b"1\n", array("q", [2, 0, 0]), 1, 9, 9, False, []),
        (b"1\n", START, 3, 9, 9, False, []),
        (b"1\n", START, 2, -1, 9, False, []),
        (b"1\n", START, 2, 9, -1, False, []),
        (b"1\n", START, 2**70, 9, 9, False, []),
    ],
    ids=repr,
)
def test_lines_misused(arguments: Any) -> None:
    """Wrong arguments are refused, and nothing is read or written past the text."""
    before = list(arguments[1]) if arguments else []
    with pytest.raises((TypeError, ValueError, OverflowError, BufferError)):
        plan_for(int).decode_lines(*arguments)
    if len(arguments) == 7:
        assert not arguments[6]
        assert list(arguments[1]) == before


@pytest.mark.parametrize("data", ["{}", bytearray(b"{}"), None, 5])
def test_decode_misused(data: Any) -> None:
    """One document is bytes and nothing else."""
    with pytest.raises(TypeError):
        plan_for(int).decode(data)


REFUSED_LINES: Final = {
    **{f"damaged {i}": data for i, data in enumerate(DOCUMENTS)},
    "wrong type": text(row(usage_bytes="x")),
    "wrong type of a flag": text(row(COMPLETIONS, batch=5)),
    "an integer with a point": text(row(project_id="p", usage_bytes=59200.0)),
    "an integer with an exponent": text(row()).replace(b": 5", b": 59e2"),
    "an integer in quotes": text(row(usage_bytes="5")),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("case", REFUSED_LINES)
def test_refused_lines_are_refused(case: str, strict: bool) -> None:
    """A line that C is sure gives no record gives none by the reference, damaged anywhere."""
    data = REFUSED_LINES[case].replace(b"\n", b" ")
    sure = 0
    signs = (b" ", b"x", b"\\", b":", b"null", b'"a":1,')
    for line in damaged(data, (b'"', b",", b"}", b"\xc3", b"0", b"["), signs):
        for kind in (UsageObject, UsageVectorStoresResult):
            records, place = read_lines(plan_for(kind, strict=strict), line + b"\n")
            expected = meant(kind, line, strict=strict)
            assert [expected] == exact(records)[1] if records else place[:1] == [0], line
            assert not place[1] or isinstance(expected, Refused), line
            assert place[2] == 0
            sure += place[1]
    assert sure > len(data)


LINES_OF_ALL: Final = [
    (text(row()), True, False),
    (b"what?", False, True),
    (b"[]", False, True),
    (b"5", False, True),
    (b'{"object":"later"}x', False, True),
    (b'{"object":"later" "x":1}', False, True),
    (text(row(usage_bytes="x")), False, True),
    (b'{"object":"later","x":01}', False, True),
    (b'{"object":"%s"}' % VECTORS.encode(), False, True),
    (text(row(usage_bytes="x") | {"project_id": 5}), False, True),
    (b'{"object":"later","x":"\\', False, True),
    (b'{"object":"later","x":"abc', False, True),
    (b'{"object":"later","x":[1,', False, False),
    (b"", False, False),
    (b" \t\r", False, False),
    (text(row(Object=VECTORS)), False, False),
    (b"\xef\xbb\xbf" + text(row()), False, False),
    (text(row()), True, False),
]


@pytest.mark.parametrize("index", range(len(LINES_OF_ALL)))
def test_refused_lines_are_passed_over(index: int) -> None:
    """Where nobody hears why, refused lines are passed over and counted, and no others."""
    line, is_record, is_refused = LINES_OF_ALL[index]
    data = text(row()) + b"\n" + line + b"\n" + text(row()) + b"\n"
    second = data.index(b"\n") + 1
    for passes in (False, True):
        records, place = read_lines(plan_for(UsageObject), data, passes=passes)
        goes_on = is_record or (is_refused and passes)
        assert [len(data) if goes_on else second, not goes_on and is_refused] == place[:2]
        assert [1 + goes_on + is_record, passes and is_refused] == [len(records), place[2]]


def test_lines_that_are_passed_over_count() -> None:
    """Lines that are passed over are of those that are read at once, and add up."""
    plan = plan_for(UsageObject)
    data = b"x\n" * 5 + text(row()) + b"\n" + b"x\n" * 5

    assert ([], [6, False, 3]) == read_lines(plan, data, passes=True, most=3)
    records, place = read_lines(plan, data, passes=True)
    assert [1, len(data), False, 10] == [len(records), *place]
    torn, place = read_lines(plan, b"x", passes=True)
    assert [[], 0, 0] == [torn, place[0], place[2]]


@pytest.mark.parametrize("on_error", ["skip", "collect"])
def test_refused_lines_are_counted(on_error: Any) -> None:
    """Lines that are refused are counted alike, whether anybody hears of them or not."""
    data = b"".join(line + b"\n" for line, _, _ in LINES_OF_ALL * 5)
    told = Decoder(on_error="collect", max_rejections=1000)
    quiet = Decoder(on_error=on_error, max_rejections=3)

    assert exact(told.decode_lines(data)) == exact(quiet.decode_lines(data))
    assert told.counts == quiet.counts
    assert quiet.rejections == (told.rejections[:3] if on_error == "collect" else [])


# --- interrupts and threads ------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("no_gc_callbacks")
@pytest.mark.parametrize("milliseconds", [2, 5, 9])
def test_interrupt_loses_nothing(milliseconds: int) -> None:
    """An interrupt while a large text is read comes through, and the next call gives the rest."""
    numbers = list(range(1000)) * 200
    data = b"".join(b'{"usage_bytes":%d,"new":1.5}\n' % number for number in numbers)
    decoder = Decoder(UsageVectorStoresResult)
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)

    def feed_until_interrupted() -> None:
        # Again and again, because one that comes in a weakref's callback is dropped.
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

    # Unless it came between two calls.
    assert [record.usage_bytes for record in rest] in (numbers, [])
    assert counts.lines == counts.records
    assert counts.records * len(data) == counts.bytes * len(numbers)
    assert counts.records % len(numbers) == 0


def test_threads_share_a_decoder() -> None:
    """Threads that read by one cached decoder get each their own, and what they share is sound."""
    documents = [text(PAGES[page]) for page in PAGES] + list(GIVEN_BACK.values())
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


# --- in use or not ---------------------------------------------------------------------------

PACKAGE: Final = Path(usagewire.__file__).parent
ASK: Final = """
import usagewire as uw
row = uw.loads('{"object":"organization.usage.vector_stores.result","usage_bytes":5}')
print(uw.accelerated(), row.usage_bytes, uw.dumps(row).decode())
print(uw.Decoder().not_accelerated)
print(uw.Encoder().not_accelerated(uw.UsageVectorStoresResult))
"""
ROW_TEXT: Final = '5 {"object":"organization.usage.vector_stores.result","usage_bytes":5}'


def asked(folder: Path, **variables: str) -> list[str]:
    """Return what another process says of the package in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(folder), **variables}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("value", ["", "0"])
def test_in_use(value: str) -> None:
    """Where it was built, the extension is in use, and nothing is said against it."""
    assert [f"True {ROW_TEXT}", "None", "None"] == asked(PACKAGE.parent, USAGEWIRE_PURE=value)
    assert accelerated()


def test_turned_off() -> None:
    """USAGEWIRE_PURE=1 turns the extension off, and the answers are the same."""
    reason = "USAGEWIRE_PURE is set"

    assert [f"False {ROW_TEXT}", reason, reason] == asked(PACKAGE.parent, USAGEWIRE_PURE="1")


def test_not_built(tmp_path: Path) -> None:
    """Without the built extension the package works, and says what is missing."""
    shutil.copytree(
        PACKAGE,
        tmp_path / "usagewire",
        ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"),
    )
    said, *reasons = asked(tmp_path, USAGEWIRE_PURE="")
    assert f"False {ROW_TEXT}" == said
    assert [True] * 2 == [one.startswith("the C extension cannot be imported (") for one in reasons]


def test_subinterpreters(tmp_path: Path) -> None:
    """In a subinterpreter the extension works, or importing it is refused in plain words."""
    said = tmp_path / "said"
    native = sys.modules["usagewire.native.extension"].__file__
    ask = f"""
import sys
sys.path[:0] = {sys.path!r}
try:
    from importlib.util import module_from_spec, spec_from_file_location
    spec = spec_from_file_location("usagewire.native.extension", {native!r})
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    said = module.Plan.__name__
except ImportError as error:
    said = str(error)
open({str(said)!r}, "w").write(said)
"""
    run = f"""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
one = interpreters.create()
interpreters.run_string(one, {ask!r})
interpreters.destroy(one)
"""
    subprocess.run([sys.executable, "-c", run], check=True, capture_output=True)

    assert re.fullmatch(
        r"Plan|module usagewire\.native\.extension does not support loading in subinterpreters",
        said.read_text(),
    )
