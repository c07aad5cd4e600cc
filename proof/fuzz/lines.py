"""Lines and documents of JSON, good and bad, from a seed.

A line is made from the fields of a class (names in every spelling, values of each kind, odd ones
among them), and then perhaps broken as bytes. Lines of one batch mostly have one *style*: names of
one dialect in one order, with whitespace in the same places, as files have.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random
from types import NoneType, UnionType
from typing import Any, Final, TypeAlias, Union, get_args, get_origin, get_type_hints

import attrs
import orjson

from proof.fuzz import values
from proof.fuzz.values import quoted
from usagewire import UsageWireError
from usagewire.converters.scalars import read_decimal, read_float, read_json, read_str
from usagewire.wire import names as wire_names

POOL: Final = 400
"""How many random texts of a kind are at hand at a time."""

TAG_KEYS: Final = (
    b'"object"', b'"object"', b'"object"', b'"object"', b'"_object"',
)  # fmt: skip
SPACES: Final = (
    b" ", b"  ", b"\t", b"\r", b" \t ", b"\r\n", b"\n", b"\x0b", b"\x0c", b"\xc2\xa0", b"\x00",
)  # fmt: skip
GARBAGE: Final = (
    b"", b" ", b"\r", b"what?", b"null", b"true", b"5", b'"x"', b"[]", b"{}", b"{", b"}", b"[",
    b"\xff", b"\xef\xbb\xbf", b"\xef\xbb\xbf{}", b"\x00", b"{}{}", b"{} {}", b"{}x", b"[{}]",
    b"-", b'{"', b'{"a', b'{"error":{"message":"quota","type":"t"}}', b'{"error":"x"}',
    b'{"error":{"message":1}}', b'{"object":"error","error":{"message":"m"}}', b"NaN", b"  {}  ",
    b"{}\x00", b"'", b"\t\t", b"{}\r\r",
)  # fmt: skip


Maker: TypeAlias = "Callable[[Line], bytes]"
"""Makes values of one type."""


class Pool:
    """Texts of values, drawn at random; from one seed always the same ones."""

    def __init__(self, seed: str) -> None:
        rng = Random(seed)

        def some(make: Callable[[Random], bytes], *more: bytes) -> list[bytes]:
            return [*(make(rng) for _ in range(POOL)), *more]

        ints = some(values.integer, *values.INTS)
        self.ints = ints
        self.floats, bad_floats = _parted(
            some(values.number, *values.FLOATS, *values.INTS), read_float
        )
        self.strings, bad_strings = _parted(some(values.string, *values.STRINGS), read_str)
        self.models = [quoted(values.letters(rng, rng.randrange(2, 40))) for _ in range(30)]
        self.decimals, bad_decimals = _parted(
            some(values.decimal, *values.DECIMALS, *values.FLOATS, *values.INTS), read_decimal
        )
        self.anything, bad = _parted(some(values.anything), read_json)
        self.odd = [
            *(*values.ODD, *values.ODD, *values.BAD_INTS, *values.BAD_DECIMALS, *values.FLOATS),
            *(*bad_floats, *bad_strings, *bad_decimals, *bad, *self.strings[:80]),
        ]


def _parted(texts: list[bytes], read: Callable[[Any], Any]) -> tuple[list[bytes], list[bytes]]:
    """Return those that `read` takes, and the others."""
    good: list[bytes] = []
    bad: list[bytes] = []
    for text in texts:
        try:
            read(orjson.loads(text))
        except (orjson.JSONDecodeError, UsageWireError):
            bad.append(text)
        else:
            good.append(text)
    return good, bad


class Line:
    """What makes the lines of one batch: random numbers, values and a style."""

    def __init__(self, rng: Random, pool: Pool, *, documents: bool = False) -> None:
        self.documents = documents
        self.random = rng.random
        self.rng = rng
        self.pool = pool
        self.members: dict[tuple[Maker, ...], Maker] = {}
        """Which member of a union is made at the moment."""
        self.restyle()

    def restyle(self) -> None:
        """Take another style."""
        choice, chance = self.rng.choice, self.random()
        self.dialect = choice((0, 0, 0, 0, 1, 2, 3, -1))
        self.order = choice(("declared", "declared", "declared", "sorted", "reversed", "shuffled"))
        self.tag = choice(("first", "first", "first", "last", "middle"))
        self.density = choice((0.0, 0.3, 0.5, 0.5, 0.9, 1.0))
        self.nulls = choice((0.0, 0.0, 0.5))
        self.comma, self.colon, self.inner = choice(
            ((b",", b":", b""),) * 5
            + (
                (b", ", b": ", b""),
                (b" ,\t", b" : ", b" "),
                (b",\r", b":\r", b"\r"),
                (b",\n  ", b": ", b"\n"),
            )
        )
        if not self.documents:
            self.comma, self.inner = (
                text.replace(b"\n", b"\t") for text in (self.comma, self.inner)
            )
        self.oddness = choice((0.0, 0.002, 0.002, 0.01, 0.1))
        self.repeats = chance < 0.7  # whether strings come again
        self.unknown = choice((0.0, 0.02, 0.3))

    def pick(self, texts: list[bytes] | tuple[bytes, ...]) -> bytes:
        """Return one of them."""
        return texts[int(self.random() * len(texts))]

    # --- values ---

    def integer(self) -> bytes:
        """Return an integer."""
        return self.pick(self.pool.ints)

    def number(self) -> bytes:
        """Return a number."""
        return self.pick(self.pool.floats)

    def string(self) -> bytes:
        """Return a string."""
        return self.pick(
            self.pool.models if self.repeats and self.random() < 0.95 else self.pool.strings
        )

    def boolean(self) -> bytes:
        """Return true or false."""
        return b"true" if self.random() < 0.5 else b"false"

    def decimal(self) -> bytes:
        """Return a number or a decimal string."""
        return self.pick(self.pool.decimals)

    def any(self) -> bytes:
        """Return anything."""
        return self.pick(self.pool.anything)

    # --- objects ---

    def object(self, model: Model) -> bytes:
        """Return an object of a class, or nearly."""
        random, dialect, colon = self.random, self.dialect, self.colon
        members = []
        for field in model.fields[self.order]:
            if field.required:
                if random() < 0.002:  # seldom is one missing
                    continue
            elif random() >= self.density:
                continue
            keys = field.keys
            key = keys[dialect] if 0 <= dialect < len(keys) else self.pick(keys)
            chance = random()
            if chance < self.oddness:
                text = self.pick(self.pool.odd)
            elif self.nulls and field.nullable and random() < self.nulls:
                text = b"null"
            else:
                text = field.make(self)
            members.append(key + colon + text)
        if self.order == "shuffled":
            self.rng.shuffle(members)
        if random() < self.unknown:
            for _ in range(1 + int(random() * 3)):
                text = self.any() if random() >= self.oddness else self.pick(self.pool.odd)
                members.insert(int(random() * (len(members) + 1)), self.key(model) + colon + text)
        if model.tags or random() < 0.001:
            self.put_tag(model, members)
        if random() < 0.004 and members:
            self.repeat(members, model)
        return b"{" + self.inner + self.comma.join(members) + self.inner + b"}"

    def put_tag(self, model: Model, members: list[bytes]) -> None:
        """Put the tag among the members."""
        chance = self.random()
        if chance < 0.003:  # no tag
            return
        tag = (
            model.tags[0]
            if self.random() < 0.9 and model.tags
            else self.pick(model.tags or ALL_TAGS)
        )
        if chance < 0.02:  # a tag that is another class's, or nobody's, or none
            tag = self.pick(ALL_TAGS if chance < 0.01 else self.pool.odd)
        member = (
            self.pick(TAG_KEYS if self.dialect and model.ours else TAG_KEYS[:1]) + self.colon + tag
        )
        place = {"first": 0, "last": len(members)}.get(self.tag, len(members) // 2)
        members.insert(place, member)

    def repeat(self, members: list[bytes], model: Model) -> None:
        """Repeat a member: the same, or its key with another value, or the field by another name."""
        at = int(self.random() * len(members))
        chance = self.random()
        again = members[at]
        if chance < 0.6 and model.all_fields:
            field = self.rng.choice(model.all_fields)
            again = self.pick(field.keys) + self.colon + field.make(self)
        elif chance < 0.7:
            again = self.pick(TAG_KEYS) + self.colon + self.pick(ALL_TAGS)
        members.insert(int(self.random() * (len(members) + 1)), again)

    def key(self, model: Model) -> bytes:
        """Return a key that is probably nobody's."""
        chance = self.random()
        if chance < 0.3:
            return self.pick(NEAR_KEYS if self.random() < 0.05 + self.oddness * 5 else FAR_KEYS)
        if chance < 0.4 and model.all_fields:
            key = self.pick(self.rng.choice(model.all_fields).keys)
            at = 1 + int(self.random() * (len(key) - 2))
            escaped = b"\\u%04x" % key[at]
            return key[:at] + self.pick((b"x", b"", escaped, b"_")) + key[at + 1 :]
        return self.pick(self.pool.strings) if chance < 0.7 else self.pick(self.pool.models)

    # --- lines ---

    def line(self, make: Maker) -> bytes:
        """Return one line or document."""
        chance = self.random()
        text = self.pick(GARBAGE) if chance < 0.01 else make(self)
        if chance > 0.99:
            wrapper = self.pick((b'"ActualInstance"', b'"actual_instance"', b'"error"', b'"data"'))
            text = (
                b"{" + wrapper + b":" + text + self.pick((b"}", b',"ActualType":"x"}', b',"a":1}'))
            )
        if self.random() < 0.005 + self.oddness * 1.5:
            text = self.broken(text)
        if chance > 0.96:
            text = self.pick(SPACES) + text
        elif chance > 0.92:
            text += self.pick(SPACES)
        return text

    def broken(self, text: bytes) -> bytes:
        """Return `text` with something done to its bytes."""
        for _ in range(1 if self.random() < 0.7 else 3):
            text = self.rng.choice(BREAKS)(self, text)
        return text

    def at(self, text: bytes) -> int:
        """Return a place in a text, its end included."""
        return int(self.random() * (len(text) + 1))


# --- ways to break a text ---


def cut(line: Line, text: bytes) -> bytes:
    """Leave the end out."""
    return text[: line.at(text)]


def behead(line: Line, text: bytes) -> bytes:
    """Leave the beginning out."""
    return text[line.at(text) :]


def flip(line: Line, text: bytes) -> bytes:
    """Flip a bit of a byte."""
    at = line.at(text)
    if at == len(text):
        return text
    return text[:at] + bytes([text[at] ^ 1 << int(line.random() * 8)]) + text[at + 1 :]


def change(line: Line, text: bytes) -> bytes:
    """Put another byte in the place of one."""
    at = line.at(text)
    return text[:at] + bytes([int(line.random() * 256)]) + text[at + 1 :]


def put(line: Line, text: bytes) -> bytes:
    """Put a sign that means something to JSON somewhere."""
    at = line.at(text)
    signs = b'{}[],:"\\ \t\r-+.eE0123456789tfnu/'
    return text[:at] + bytes([signs[int(line.random() * len(signs))]]) + text[at:]


def space(line: Line, text: bytes) -> bytes:
    """Put whitespace, or what looks so, somewhere."""
    at = line.at(text)
    return text[:at] + line.pick(SPACES) + text[at:]


def leave_out(line: Line, text: bytes) -> bytes:
    """Leave out a few bytes."""
    at = line.at(text)
    return text[:at] + text[at + 1 + int(line.random() * 4) :]


def move(line: Line, text: bytes) -> bytes:
    """Repeat a part somewhere else."""
    a, b, at = line.at(text), line.at(text), line.at(text)
    return text[:at] + text[min(a, b) : max(a, b)] + text[at:]


def value(line: Line, text: bytes) -> bytes:
    """Put a value somewhere, most likely where none belongs."""
    at = line.at(text)
    return text[:at] + line.pick(line.pool.odd) + text[at:]


def after_sign(line: Line, text: bytes) -> bytes:
    """Put whitespace or another value after a comma or colon."""
    places = [i for i, c in enumerate(text) if c in b",:{}[]"]
    if not places:
        return text
    at = places[int(line.random() * len(places))] + 1
    more = line.pick(SPACES) if line.random() < 0.5 else line.pick(line.pool.odd)
    return text[:at] + more + text[at:]


def exchange(line: Line, text: bytes) -> bytes:
    """Put something else in the place of a number or a word."""
    places = [i for i, c in enumerate(text) if c == b":"[0]]
    if not places:
        return text
    at = places[int(line.random() * len(places))] + 1
    ends = [i for i in (text.find(b",", at), text.find(b"}", at)) if i >= 0]
    return text[:at] + line.pick(line.pool.odd) + text[min(ends, default=len(text)) :]


def twice(line: Line, text: bytes) -> bytes:
    """Put it there twice."""
    return text + line.pick((b"", b" ", b",", b"\r")) + text


BREAKS: Final[tuple[Callable[[Line, bytes], bytes], ...]] = (
    *(
        cut,
        behead,
        flip,
        change,
        put,
        put,
        space,
        leave_out,
        move,
        value,
        after_sign,
        exchange,
        exchange,
    ),
    twice,
)


# --- what classes look like ---


@attrs.frozen
class Field:
    """A field of a class."""

    keys: tuple[bytes, ...]
    """Its names as JSON, those of the dialects first."""
    required: bool
    nullable: bool
    make: Maker
    """Make a value of it."""


class Model:
    """A class, as far as its JSON goes."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.ours = ours = cls.__module__.startswith("usagewire.")
        hints = get_type_hints(cls)
        fields = [
            Field(
                tuple(quoted(key) for key in _keys(a.name, ours=ours)),
                a.default is attrs.NOTHING,
                NoneType in get_args(hints[a.name]),
                maker(hints[a.name]) if a.name != wire_names.TAG else _any_tag,
            )
            for a in attrs.fields(cls)
            if a.name != wire_names.EXTRA
        ]
        self.all_fields = fields
        self.fields = {
            "declared": fields,
            "shuffled": fields,
            "sorted": sorted(fields, key=lambda field: field.keys[0]),
            "reversed": fields[::-1],
        }
        tag = getattr(cls, wire_names.TAG, None)
        texts = wire_names.tags(cls) or ((tag,) if isinstance(tag, str) else ())
        self.tags = [quoted(text) for text in texts]


def _keys(name: str, *, ours: bool) -> tuple[str, ...]:
    if not ours:
        return (name,)
    named = [wire_names.spelling(name, dialect) for dialect in wire_names.DIALECTS]
    return (*named, *wire_names.spellings(name))


def _any_tag(line: Line) -> bytes:
    chance = line.random()
    if chance < 0.9:
        return line.pick(line.pool.models)
    return line.pick(ALL_TAGS) if chance < 0.97 else line.pick(line.pool.odd)


_models: dict[type, Model] = {}


def model_of(cls: type) -> Model:
    """Return what class `cls` looks like."""
    if cls not in _models:
        _models[cls] = Model(cls)
    return _models[cls]


def maker(kind: Any) -> Maker:
    """Return what makes values of a type."""
    scalars: dict[Any, Maker] = {
        int: Line.integer,
        float: Line.number,
        str: Line.string,
        bool: Line.boolean,
        Decimal: Line.decimal,
        Any: Line.any,
    }
    if kind in scalars:
        return scalars[kind]
    arguments = [one for one in get_args(kind) if one not in (NoneType, ...)]
    if get_origin(kind) in (list, tuple):
        return _list_of(maker(arguments[0]))
    if get_origin(kind) in (Union, UnionType):
        return _one_of(tuple(maker(one) for one in arguments))
    model = model_of(kind)
    return lambda line: line.object(model)


def _one_of(makers: tuple[Maker, ...]) -> Maker:
    """Return what makes values of a union: of one class many times in a row, as in files."""
    if len(makers) == 1:
        return makers[0]

    def made(line: Line) -> bytes:
        make = line.members.get(makers)
        if make is None or line.random() < 0.1:
            line.members[makers] = make = makers[int(line.random() * len(makers))]
        return make(line)

    return made


def _list_of(make: Maker) -> Maker:
    def made(line: Line) -> bytes:
        most = 4 if line.random() < 0.95 else 40  # seldom many
        items = [make(line) for _ in range(int(line.random() * most))]
        return b"[" + line.inner + line.comma.join(items) + line.inner + b"]"

    return made


ALL_TAGS: Final = [
    *(quoted(tag) for tag in wire_names.CLASS_OF_TAG), b'"circle"', b'"square"', b'"later"',
    b'"organization.usage.later.result"', b'""', b'"obj\\u0065ct"', '"é"'.encode(),
    b'"bucke\\u0074"', b'"' + b"t" * 70 + b'"', b"null", b"5",
]  # fmt: skip
FAR_KEYS: Final = [
    quoted(f"{start}{i}") for i in range(20) for start in ("new_", "input_tokens_", "")
]
NEAR_KEYS: Final = [
    b'"object"', b'"_object"', b'"error"', b'"ActualInstance"', b'"actual_instance"',
    b'"ActualType"', b'"additional_properties"', b'""', b'"input_token"', b'"input_tokens_"',
    b'"Input_tokens"', b'"amoun"', b'"usage_byte"', b'"result"', b'"Results"',
    b'"input\\u005ftokens"', b'"ob\\u006aect"', b'"source"',
    *(quoted(key) for attribute in wire_names.USAGE_METRICS for key in wire_names.spellings(attribute)),
    '"clé"'.encode(), b'"' + b"k" * 70 + b'"', b'"a\\nb"', b'"\\ud83d\\ude00"', b'"\\ud800"',
    b'"\xff"',
]  # fmt: skip
