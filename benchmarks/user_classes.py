"""Classes of users: four fields, one of which has a type that rows of the API do not have.

`python -m benchmarks.user_classes` measures this part alone and prints it; `--small` takes seconds.
"""

from __future__ import annotations

import argparse
from base64 import b64encode, b85encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from functools import partial
from typing import Any, Final, Literal, NewType
from uuid import UUID

import attrs
import msgspec

from benchmarks.headline import Sizes
from benchmarks.tables import number, spread, table
from benchmarks.targets import Target, targets_table
from benchmarks.turns import Task, in_turns, ratios
from usagewire import Decoder, Encoder, make_converter


class Tier(Enum):
    """Values to choose from."""

    FREE = "free"
    TEAM = "team"
    SCALE = "scale"


Tokens = NewType("Tokens", int)

KINDS: Final[Mapping[str, tuple[Any, str]]] = {
    "an enum": (Tier, '"team"'),
    "a Literal": (Literal["auto", "flex", "priority"], '"flex"'),
    "`dict[str, int]`": (dict[str, int], '{"in":5,"out":12,"cached":3}'),
    "a datetime": (datetime, '"2026-11-30T12:34:56Z"'),
    "a date": (date, '"2026-11-30"'),
    "a UUID": (UUID, '"12345678-1234-5678-1234-567812345678"'),
    "`frozenset[str]`": (frozenset[str], '["eu","us","ap"]'),
    "an int or str": (int | str, '"gpt-4o"'),
    "`tuple[int, str]`": (tuple[int, str], '[5,"gpt-4o"]'),
    "a NewType": (Tokens, "512"),
}
"""The type of one field by its title, with the JSON of its value."""

BYTES: Final = "bytes"
"""The title of the field of bytes, which are base85 for us and base64 for msgspec."""
OF_BYTES: Final = [f'"{encode(bytes(range(16))).decode()}"' for encode in (b64encode, b85encode)]

Code = Callable[..., Any]


def _check(_: Any, member: Any, value: int) -> None:
    if value < 0:
        raise ValueError(member.name)


def _post_init(record: Any) -> None:
    if record.a < 0:
        raise ValueError("a")


def _same(value: Any, *_: Any) -> Any:
    return value


CODE: Final[Mapping[str, tuple[dict[str, Any], dict[str, Any], Code]]] = {
    "a validator": ({"validator": _check}, {}, lambda one: _check(one, None, 5)),
    "a converter": ({"converter": _same}, {}, lambda _: _same(5)),
    "`__attrs_post_init__`": ({}, {"__attrs_post_init__": _post_init}, _post_init),
    "a hook of yours": ({"type": complex}, {}, lambda _: _same(5, complex)),
}
"""Options of the field `c`, parts of the class, and a call of the code alone, by title."""

MOST_NANOSECONDS: Final = {"a hook of yours": 300.0}
"""The most time that a record may take besides the code, if it is not `USUAL_NANOSECONDS`."""
USUAL_NANOSECONDS: Final = 200.0

FULL: Final = Sizes(rows=20_000, turns=15)
SMALL: Final = Sizes(rows=500, turns=2)


@attrs.frozen(kw_only=True)
class Measured:
    """The measured times."""

    sizes: Sizes
    times: Mapping[tuple[str, str], Sequence[float]]
    """Seconds of each turn, by title, and by way and library or `code`."""

    def to_ours(self, title: str, way: str) -> list[float]:
        """Return the time of msgspec as a multiple of ours for each turn."""
        return ratios(self.times[title, f"{way} msgspec"], self.times[title, f"{way} ours"])

    def besides(self, title: str) -> list[float]:
        """Return the nanoseconds a record that reading takes besides the code of the class."""
        pairs = zip(self.times[title, "read ours"], self.times[title, "code"], strict=True)
        return [(ours - code) / self.sizes.rows * 1e9 for ours, code in pairs]


def _classes(kind: Any, **options: Any) -> tuple[Any, Any]:
    """Return an attrs class and a Struct with the same fields."""
    body = options.pop("class_body", {})
    given: dict[str, Any] = {"type": kind, **options}
    fields = {
        "a": attrs.field(type=int),
        "b": attrs.field(type=str),
        "c": attrs.field(**given),
        "d": attrs.field(type=int | None, default=None),  # type: ignore[arg-type]
    }
    ours = attrs.make_class("Ours", fields, class_body=body, slots=True, frozen=True)
    members: list[Any] = [("a", int), ("b", str), ("c", kind), ("d", int | None, None)]
    return ours, msgspec.defstruct("Theirs", members, frozen=True)


def _lines(rows: int, value: str) -> bytes:
    parts = (f'{{"a":{i % 997},"b":"item","c":{value},"d":{i % 769}}}\n' for i in range(rows))
    return "".join(parts).encode()


def _comparison(title: str, kind: Any, data: bytes, theirs: bytes) -> dict[tuple[str, str], Task]:
    """Compare our records with those of msgspec, and return the tasks."""
    cls, struct = _classes(kind)
    decoder, other = Decoder[Any](cls), msgspec.json.Decoder(struct)
    encoder, other_encoder = Encoder(), msgspec.json.Encoder()
    records, structs = decoder.decode_lines(data), other.decode_lines(theirs)
    for one, another in zip(records, structs, strict=True):
        assert (one.a, one.b, one.c, one.d) == (another.a, another.b, another.c, another.d)
    assert decoder.decode_lines(encoder.encode_lines(records)) == records
    assert other.decode_lines(other_encoder.encode_lines(structs)) == structs
    return {
        (title, "read ours"): lambda: partial(decoder.decode_lines, data),
        (title, "read msgspec"): lambda: partial(other.decode_lines, theirs),
        (title, "written ours"): lambda: partial(encoder.encode_lines, records),
        (title, "written msgspec"): lambda: partial(other_encoder.encode_lines, structs),
    }


def _code_tasks(title: str, rows: int) -> dict[tuple[str, str], Task]:
    """Return the tasks of reading a class with code, and of running the code alone."""
    options, body, call = CODE[title]
    cls, _ = _classes(options.get("type", int), **options, class_body=body)
    converter = make_converter()
    converter.register_structure_hook(complex, _same)
    decoder, data = Decoder[Any](cls, converter=converter), _lines(rows, "5")
    records = decoder.decode_lines(data)
    assert all(type(one) is cls and one.c == 5 for one in records)

    def run() -> None:
        for one in records:
            call(one)

    return {
        (title, "read ours"): lambda: partial(decoder.decode_lines, data),
        (title, "code"): lambda: run,
    }


def measure(sizes: Sizes) -> Measured:
    """Compare every answer with that of msgspec, and time all tasks by turns."""
    tasks: dict[tuple[str, str], Task] = {}
    for title, (kind, value) in KINDS.items():
        data = _lines(sizes.rows, value)
        tasks |= _comparison(title, kind, data, data)
    theirs, ours = (_lines(sizes.rows, value) for value in OF_BYTES)
    tasks |= _comparison(BYTES, bytes, ours, theirs)
    for title in CODE:
        tasks |= _code_tasks(title, sizes.rows)
    return Measured(sizes=sizes, times=in_turns(tasks, sizes.turns))


def targets(measured: Measured) -> list[Target]:
    """Return each target with its measured values."""
    found = []
    for title in (*KINDS, BYTES):
        for way, least in (("read", 1.2), ("written", 1.0)):
            what = f"a class with {title}, {way}: time of msgspec Struct / ours"
            found.append(Target(what, "at least", least, measured.to_ours(title, way)))
    for title in CODE:
        most = MOST_NANOSECONDS.get(title, USUAL_NANOSECONDS)
        what = f"a class with {title}: nanoseconds besides this code"
        found.append(Target(what, "at most", most, measured.besides(title)))
    return found


def section(measured: Measured) -> str:
    """Return the section of the report."""
    kinds = (
        (
            title,
            spread(measured.to_ours(title, "read")),
            spread(measured.to_ours(title, "written")),
        )
        for title in (*KINDS, BYTES)
    )
    code = ((title, number(sorted(measured.besides(title))[measured.sizes.turns // 2]))
            for title in CODE)  # fmt: skip
    return (
        "Each class has four fields: an int, a str, an optional int, and one of the type in the"
        " table. Both libraries read the same lines into classes with the same fields, and write"
        f" their own records. There are {measured.sizes.rows:,} records. The cells have the time of"
        " msgspec as a multiple of ours: above 1 means that usagewire is faster. Bytes are base85"
        " for usagewire and base64 for msgspec.\n\n"
        + table(("the fourth field", "read", "written"), kinds)
        + "\n\nThe next classes have code that Python runs for each record. The cells have the"
        " nanoseconds that a record takes besides this code alone.\n\n"
        + table(("the class has", "nanoseconds"), code)
    )


def main() -> None:
    """Measure this part alone and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.user_classes", description=__doc__)
    parser.add_argument("--small", action="store_true", help="little data")
    measured = measure(SMALL if parser.parse_args().small else FULL)
    print(section(measured))
    print()
    print(targets_table(targets(measured)))


if __name__ == "__main__":
    main()
