"""Random lines and documents of JSON, good and bad, from a seed.

A line has the fields of a class: keys in every spelling, and values of each kind, some of them
unusual. Its bytes may then be damaged. Most lines of a batch have one *style*, as in a file: keys
of one dialect in one order, and whitespace in the same places.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

import orjson

from proof.fuzz import values
from proof.fuzz.values import quoted
from proof.support.user_classes import NEVER, TEXTS
from usagewire import UsageWireError
from usagewire.converters.scalars import read_decimal, read_float, read_json, read_str
from usagewire.wire import names as wire_names

if TYPE_CHECKING:
    from proof.fuzz.models import Model

BOM: Final = b"\xef\xbb\xbf"
POOL: Final = 400
"""Random texts of each kind in a pool."""
TAG_KEYS: Final = (*[b'"object"'] * 4, b'"_object"')
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
TEXT_TYPES: Final = (dt.datetime, dt.date, dt.time, dt.timedelta, UUID, bytes)
"""Types of values that JSON holds as text."""
Maker: TypeAlias = "Callable[[Line], bytes]"
"""Makes random values of one type."""


class Pool:
    """Random texts of values. The same seed gives the same texts."""

    def __init__(self, seed: str) -> None:
        rng = Random(seed)

        def some(make: Callable[[Random], bytes], *more: bytes) -> list[bytes]:
            return [*(make(rng) for _ in range(POOL)), *more]

        long = [values.long_number(rng) for _ in range(POOL)]
        self.ints = some(values.integer, *values.INTS)
        self.floats, bad_floats = _parted(
            some(values.number, *values.FLOATS, *values.INTS, *long[:40]), read_float
        )
        self.strings, bad_strings = _parted(some(values.string, *values.STRINGS), read_str)
        self.models = [quoted(values.letters(rng, rng.randrange(2, 40))) for _ in range(30)]
        self.decimals, bad_decimals = _parted(
            [
                *some(values.decimal, *values.DECIMALS, *values.FLOATS, *values.INTS),
                *(text for one in long[:60] for text in (one, b'"' + one + b'"')),
            ],
            read_decimal,
        )
        self.anything, bad = _parted(some(values.anything), read_json)
        self.texts = {
            kind: [*TEXTS[kind], *some(partial(values.text_of, kind=kind))] for kind in TEXT_TYPES
        }
        mutated = [
            _damaged(rng, rng.choice(self.texts[kind])) for kind in TEXT_TYPES for _ in range(60)
        ]
        self.unusual = [
            *(
                *values.UNUSUAL,
                *values.UNUSUAL,
                *values.BAD_INTS,
                *values.BAD_DECIMALS,
                *values.FLOATS,
            ),
            *(*bad_floats, *bad_strings, *bad_decimals, *bad, *self.strings[:80]),
            *(*long, *NEVER, *mutated),
        ]


def _damaged(rng: Random, text: bytes) -> bytes:
    """Return the text of a string with another character in one place, or one more or less."""
    at = rng.randrange(1, len(text))
    more = bytes([rng.choice(b"0123456789-+:.TtZz PWDHMSabcdefABCDEFgG~{|}!#_/")])
    return text[:at] + rng.choice((more, b"")) + text[at + rng.choice((0, text[at] != 0x22)) :]


def _parted(texts: list[bytes], read: Callable[[Any], Any]) -> tuple[list[bytes], list[bytes]]:
    """Return the texts that `read` accepts, and the others."""
    good, bad = list[bytes](), list[bytes]()
    for text in texts:
        try:
            read(orjson.loads(text))
        except (orjson.JSONDecodeError, UsageWireError):
            bad.append(text)
        else:
            good.append(text)
    return good, bad


class Line:
    """Makes the lines of one batch, with random numbers, a pool of values and a style."""

    def __init__(self, rng: Random, pool: Pool, *, documents: bool = False) -> None:
        self.documents = documents
        self.random = rng.random
        self.rng = rng
        self.pool = pool
        self.members: dict[tuple[Maker, ...], Maker] = {}
        """The current maker of each union."""
        self.depth = 0
        """The number of objects around the current one."""
        self.restyle()

    def restyle(self) -> None:
        """Choose another style."""
        choice, chance = self.rng.choice, self.random()
        self.dialect = choice((0, 0, 0, 0, 1, 2, 3, -1))
        self.order = choice(("declared", "declared", "declared", "sorted", "reversed", "shuffled"))
        self.tag = choice(("first", "first", "first", "last", "middle"))
        self.density = choice((0.0, 0.3, 0.5, 0.5, 0.9, 1.0))
        self.nulls = choice((0.0, 0.0, 0.5))
        tight = (b",", b":", b"")
        self.comma, self.colon, self.inner = choice(
            (
                *(tight, tight, tight, tight, tight, (b", ", b": ", b"")),
                *((b" ,\t", b" : ", b" "), (b",\r", b":\r", b"\r"), (b",\n  ", b": ", b"\n")),
            )
        )
        if not self.documents:
            self.comma, self.inner = (x.replace(b"\n", b"\t") for x in (self.comma, self.inner))
        self.unusual = choice((0.0, 0.002, 0.002, 0.01, 0.1))
        self.repeats = chance < 0.7  # whether most strings repeat
        self.unknown = choice((0.0, 0.02, 0.3))

    def pick(self, texts: list[bytes] | tuple[bytes, ...]) -> bytes:
        """Return one of some texts."""
        return texts[int(self.random() * len(texts))]

    def string(self) -> bytes:
        """Return a string."""
        is_repeated = self.repeats and self.random() < 0.95
        return self.pick(self.pool.models if is_repeated else self.pool.strings)

    def object(self, model: Model) -> bytes:
        """Return an object of a class, which may have faults."""
        random, dialect, colon = self.random, self.dialect, self.colon
        members = []
        for field in model.fields[self.order]:
            if field.required:
                if random() < 0.002:  # rarely missing
                    continue
            elif random() >= self.density:
                continue
            keys = field.keys
            key = keys[dialect] if 0 <= dialect < len(keys) else self.pick(keys)
            chance = random()
            if chance < self.unusual:
                text = self.pick(self.pool.unusual)
            elif self.nulls and field.nullable and random() < self.nulls:
                text = b"null"
            else:
                text = field.make(self)
            members.append(key + colon + text)
        if self.order == "shuffled":
            self.rng.shuffle(members)
        if random() < self.unknown:
            for _ in range(1 + int(random() * 3)):
                is_usual = random() >= self.unusual
                text = self.pick(self.pool.anything if is_usual else self.pool.unusual)
                members.insert(int(random() * (len(members) + 1)), self.key(model) + colon + text)
        if model.tags or random() < 0.001:
            self.put_tag(model, members)
        if random() < 0.004 and members:
            self.repeat(members, model)
        return b"{" + self.inner + self.comma.join(members) + self.inner + b"}"

    def put_tag(self, model: Model, members: list[bytes]) -> None:
        """Insert the tag into the members."""
        chance = self.random()
        if chance < 0.003:  # no tag
            return
        if chance < 0.02:  # the tag of another class, or an unusual value
            tag = self.pick(ALL_TAGS if chance < 0.01 else self.pool.unusual)
        elif chance < 0.03:
            tag = self.pick(UNKNOWN_TAGS)
        elif self.random() < 0.9 and model.tags:
            tag = model.tags[0]
        else:
            tag = self.pick(model.tags or ALL_TAGS)
        keys = TAG_KEYS if self.dialect and model.ours else TAG_KEYS[:1]
        member = self.pick(keys) + self.colon + tag
        place = {"first": 0, "last": len(members)}.get(self.tag, len(members) // 2)
        members.insert(place, member)

    def repeat(self, members: list[bytes], model: Model) -> None:
        """Repeat a member, a field in any spelling, or the tag."""
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
        """Return a key that is probably unknown."""
        chance = self.random()
        if chance < 0.3:
            return self.pick(NEAR_KEYS if self.random() < 0.05 + self.unusual * 5 else FAR_KEYS)
        if chance < 0.4 and model.all_fields:
            key = self.pick(self.rng.choice(model.all_fields).keys)
            at = 1 + int(self.random() * (len(key) - 2))
            escaped = b"\\u%04x" % key[at]
            return key[:at] + self.pick((b"x", b"", escaped, b"_")) + key[at + 1 :]
        return self.pick(self.pool.strings) if chance < 0.7 else self.pick(self.pool.models)

    def line(self, make: Maker) -> bytes:
        """Return one line or document."""
        chance = self.random()
        text = self.pick(GARBAGE) if chance < 0.01 else make(self)
        if chance > 0.99:
            wrapper = self.pick((b'"ActualInstance"', b'"actual_instance"', b'"error"', b'"data"'))
            end = self.pick((b"}", b',"ActualType":"x"}', b',"a":1}'))
            text = b"{" + wrapper + b":" + text + end
        if self.random() < 0.005 + self.unusual * 1.5:
            text = self.damaged(text)
        if self.random() < 0.002:
            text = BOM + text
        if chance > 0.96:
            text = self.pick(SPACES) + text
        elif chance > 0.92:
            text += self.pick(SPACES)
        return text

    def damaged(self, text: bytes) -> bytes:
        """Return `text` with one or three damages."""
        for _ in range(1 if self.random() < 0.7 else 3):
            at = int(self.random() * (len(text) + 1))
            start, end, new = self.rng.choice(DAMAGES)(self, text, at)
            text = text[:start] + new + text[end:]
        return text

    def after(self, text: bytes, signs: bytes) -> int | None:
        """Return the place after one of `signs` in a text, or None."""
        places = [i + 1 for i, c in enumerate(text) if c in signs]
        return places[int(self.random() * len(places))] if places else None

    def byte(self, choices: bytes = bytes(range(256))) -> bytes:
        """Return one of some bytes."""
        return bytes([choices[int(self.random() * len(choices))]])


Change: TypeAlias = tuple[int, int, bytes]
"""The start and end of a part of a text, and the bytes that replace it."""


def _flip(line: Line, text: bytes, at: int) -> Change:
    return at, at + 1, bytes([c ^ 1 << int(line.random() * 8) for c in text[at : at + 1]])


def _repeat_part(line: Line, text: bytes, at: int) -> Change:
    start, end = sorted(int(line.random() * (len(text) + 1)) for _ in range(2))
    return at, at, text[start:end]


def _insert_after_sign(line: Line, text: bytes, at: int) -> Change:
    at = line.after(text, b",:{}[]") or at
    return at, at, line.pick(SPACES if line.random() < 0.5 else line.pool.unusual)


def _replace_value(line: Line, text: bytes, at: int) -> Change:
    at = line.after(text, b":") or at
    ends = [i for i in (text.find(b",", at), text.find(b"}", at)) if i >= 0]
    return at, min(ends, default=len(text)), line.pick(line.pool.unusual)


SIGNS: Final = b'{}[],:"\\ \t\r-+.eE0123456789tfnu/'
DAMAGES: Final[tuple[Callable[[Line, bytes, int], Change], ...]] = (
    lambda _, text, at: (at, len(text), b""),  # drop the end
    lambda _, __, at: (0, at, b""),  # drop the beginning
    _flip,
    lambda line, _, at: (at, at + 1, line.byte()),  # replace a byte
    lambda line, _, at: (at, at, line.byte(SIGNS)),  # insert a sign
    lambda line, _, at: (at, at, line.byte(SIGNS)),  # insert a sign
    lambda line, _, at: (at, at, line.pick(SPACES)),  # insert whitespace
    lambda line, _, at: (at, at + 1 + int(line.random() * 4), b""),  # drop a few bytes
    _repeat_part,
    lambda line, _, at: (at, at, line.pick(line.pool.unusual)),  # insert a value
    _insert_after_sign,
    _replace_value,
    _replace_value,
    lambda line, text, _: (len(text), len(text), line.pick((b"", b" ", b",", b"\r")) + text),
)
"""Ways to damage a text, most of them at a random place."""


ALL_TAGS: Final = [
    *(quoted(tag) for tag in wire_names.CLASS_OF_TAG), b'"circle"', b'"square"', b'"later"',
    b'"organization.usage.later.result"', b'""', b'"obj\\u0065ct"', '"é"'.encode(),
    b'"bucke\\u0074"', b'"' + b"t" * 70 + b'"', b"null", b"5",
]  # fmt: skip
UNKNOWN_TAGS: Final = [
    b'"list"', b'"chat.completion"', b'"organization.usage.later.result"', b'"Page"',
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
