"""Check that C leaks nothing: `python -m proof.memory.leaks`.

The same work runs many times: good and bad lines, records and altered records, and making plans and
writers. Afterwards shared objects (None, classes, their defaults) must have as many references as
before, and the memory in use must be the same. Up to Python 3.11 None is not immortal, so each None
in a slot must also have its reference.

A debug build of Python also counts all references. It does not count those that orjson makes, so
`json` replaces orjson there. The meaning of the input does not matter here.
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

import attrs
import orjson

from proof.fuzz.lines import Line, Pool
from proof.fuzz.models import maker
from proof.support.altered import altered
from proof.support.both_paths import Options, Side, read_documents, read_lines
from proof.support.classes import OURS, YOURS, converter_with_hook, written_kinds
from proof.support.user_classes import PROVED
from usagewire import Decoder, Encoder, UsageWireError, make_converter
from usagewire.codec.line_decoder import progress_from
from usagewire.converters import scalars
from usagewire.models import NO_PROPERTIES
from usagewire.native import plans
from usagewire.native.descriptions import KINDS
from usagewire.wire.names import DIALECTS

LINES: Final = 200
ROUNDS: Final = 4
ABOUT: Final = 20
"""References that the interpreter may take or drop meanwhile."""
SLACK: Final = 2000
"""Bytes that a round may add. A leaked record would add hundreds for each line."""

total: Final[Callable[[], int] | None] = getattr(sys, "gettotalrefcount", None)


class LeftBehindError(Exception):
    """C leaked references or memory."""


def _watched() -> list[Any]:
    found: list[Any] = [None, True, False, NotImplemented, NO_PROPERTIES, Decimal, scalars.ZERO]
    found += [(), ""]
    found += [dict, list, tuple, int, str, float, UsageWireError]
    for cls in (*OURS, *YOURS):
        found.append(cls)
        found += [a.default for a in attrs.fields(cls) if a.default is not None]
    return found


def _texts(name: str, *, bad: bool) -> bytes:
    rng = Random(f"leaks {name}")
    line = Line(rng, _POOL)
    line.unusual = 0.05 if bad else 0
    lines = [line.line(maker(PROVED[name])).replace(b"\n", b" ") for _ in range(LINES)]
    return b"\n".join(lines) + b"\n"


_POOL: Final = Pool("leaks")


def reading() -> Callable[[], None]:
    """Return work that reads into every type, in every mode."""
    jobs = []
    for name in PROVED:
        for bad in (False, True):
            for unknown in ("keep", "ignore", "forbid"):
                side = Side(Options(name, unknown=unknown, on_error="skip"), by_c=True)
                jobs.append((side.decoder, _texts(name, bad=bad)))

    def work() -> None:
        for decoder, data in jobs:
            read_lines(decoder, data, ())
            read_documents(decoder, data.replace(b"\n", b"\x1e"), ())

    return work


def _records() -> list[Any]:
    records: list[Any] = []
    for name in PROVED:
        records += Decoder(PROVED[name], on_error="skip").decode_lines(_texts(name, bad=False))
    return [record for record in records if type(record) in {*OURS, *YOURS}]


def writing() -> Callable[[], None]:
    """Return work that writes records and altered records."""
    records, rng = _records(), Random("altered")
    altered_ones = [altered(rng, rng.choice(records)) for _ in range(1500)]
    encoders = [Encoder(dialect=dialect) for dialect in DIALECTS]
    options: tuple[dict[str, Any], ...] = ({}, {"omit_if_default": True})
    hooked = [Encoder(converter=converter_with_hook(**given)) for given in options]
    of_kinds = [written_kinds(one) for one in (5, "x", [1], {"a": None}, {1: 2}, {1}, 2**70)]

    def work() -> None:
        for encoder in encoders:
            encoder.encode_lines(records)
            encoder.encode(records)
            for record in altered_ones:
                # Altered values of this package raise the last two.
                with suppress(UsageWireError, ValueError, RuntimeError):
                    encoder.encode(record)
        for encoder in hooked:
            for record in of_kinds:
                with suppress(UsageWireError):
                    encoder.encode_lines([record, record])

    return work


_BROKEN: Final = (
    (1, (5,)),
    (2, (len(KINDS), False, None)),
    (2, (KINDS.index("class"), False, 99)),
    (2, (KINDS.index("date"), False, int, None, None, None)),
    (2, (KINDS.index("UUID"), False, (UUID, 5, 5, None), None, None, None)),
    (2, (KINDS.index("union"), False, ((), (99,), None, ()))),
)
"""Arguments that a plan refuses, with their index."""


def making() -> Callable[[], None]:
    """Return work that makes and frees plans and writers, good and bad."""
    lowered = []
    for name, kind in PROVED.items():
        hook = make_converter().get_structure_hook(kind)
        lowered.append((_texts(name, bad=False), plans.lowered(hook, kind)))
    hook_of = make_converter().get_unstructure_hook

    def work() -> None:
        for text, arguments in lowered:
            plan = plans.Plan(*arguments)
            plan.decode_lines(text, progress_from(0), len(text), 2**20, 4096, True, [])
            plan.track()
            for index, broken in _BROKEN:
                with suppress(TypeError, ValueError, IndexError, SystemError):
                    plans.Plan(*arguments[:index], broken, *arguments[index + 1 :])
                    raise LeftBehindError(f"C made a plan of {broken}")
        for _ in range(10):
            writer = plans.RecordWriter(hook_of)
            for cls in (*OURS, *YOURS):
                writer.learn(cls)

    return work


def _measure(what: str, work: Callable[[], None], watched: list[Any]) -> None:
    for _ in range(3):
        work()
    gc.collect()
    before = [sys.getrefcount(one) for one in watched]
    for _ in range(ROUNDS):
        work()
    gc.collect()
    after = [sys.getrefcount(one) for one in watched]
    for one, less, more in zip(watched, before, after, strict=True):
        if abs(more - less) > ABOUT:
            raise LeftBehindError(f"{what}: {more - less} references to {one!r:.60}")
    if total is None:
        tracemalloc.start()
        work()
        gc.collect()
        # Caches of the standard library fill up slowly, but a leak is in each round.
        rounds = (_growth(work) for _ in range(4 * ROUNDS))
        least = next((grown for grown in rounds if grown <= SLACK), SLACK + 1)
        tracemalloc.stop()
        if least > SLACK:
            raise LeftBehindError(f"{what}: more than {SLACK} bytes in each round")
    else:
        added = [_growth(work, total) for _ in range(ROUNDS)]
        if min(map(abs, added)) > ABOUT:
            raise LeftBehindError(f"{what}: references added by each round: {added}")


def _memory() -> int:
    return tracemalloc.get_traced_memory()[0]


def _growth(work: Callable[[], None], measure: Callable[[], int] = _memory) -> int:
    before = measure()
    work()
    gc.collect()
    return measure() - before


def _nones() -> int:
    """Compare the references to None with the slots that hold it. Return the number of slots."""
    if sys.version_info >= (3, 12):
        return 0
    seen = 0
    for cls in OURS:
        side = Side(Options(cls.__name__, on_error="skip"), by_c=True)
        data = _texts(cls.__name__, bad=False)
        side.decoder.decode_lines(data)
        for text in (data, _texts(cls.__name__, bad=True)):
            plan = plans.plan_for(side.decoder._context.structure, PROVED[cls.__name__])
            # The interpreter may take or drop a reference, even a few times in a row.
            counted = [_none_counts(plan, text) for _ in range(9)]
            if not any(held == slots and not left for held, slots, left in counted):
                raise LeftBehindError(f"{cls.__name__}: None referenced, in slots, left: {counted}")
            seen += counted[0][1]
    return seen


def _none_counts(plan: Any, text: bytes) -> tuple[int, int, int]:
    """Return new references to None, the slots with None, and references that are left."""
    records: list[Any] = []
    place = progress_from(0)
    gc.collect()
    before = sys.getrefcount(None)
    while place[0] < len(text):
        plan.decode_lines(text, place, len(text), 2**20, 4096, True, records, bool)
        if place[0] < len(text):
            place[0] = text.index(b"\n", place[0]) + 1  # the line was handed back
    plan.track()
    after = sys.getrefcount(None)
    slots = sum(map(_none_slots, records))
    records.clear()
    return after - before, slots, sys.getrefcount(None) - before


def _none_slots(value: Any) -> int:
    if value is None:
        return 1
    if isinstance(value, list | tuple):
        return sum(map(_none_slots, value))
    if type(value) is dict:
        return sum(map(_none_slots, value.values()))
    if not attrs.has(type(value)):
        return 0
    return sum(_none_slots(getattr(value, a.name)) for a in attrs.fields(type(value)))


def _loads(text: bytes) -> Any:
    try:
        value = json.loads(text.decode())
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # fails for half a surrogate pair
        return value  # noqa: TRY300 -- the shortest
    except (ValueError, RecursionError) as error:
        raise orjson.JSONDecodeError(str(error), "", 0) from None


def _dumps(value: Any, option: int = 0) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise TypeError("surrogates") from error
    return text + b"\n" if option & orjson.OPT_APPEND_NEWLINE else text


def main() -> None:
    """Measure all work."""
    if total is not None:
        orjson.loads, orjson.dumps = _loads, _dumps  # type: ignore[assignment]
        plans.REFERENCE = plans.REFERENCE._replace(loads=_loads, dumps=_dumps)  # type: ignore[misc]
    if plans.unavailable() is not None:
        sys.exit(f"nothing to try: {plans.unavailable()}")
    watched = _watched()
    gc.disable()  # it frees other objects
    try:
        slots = _nones()
        for work in (making, reading, writing):
            _measure(work.__name__, work(), watched)
    except LeftBehindError as error:
        sys.exit(f"leaks: {error}")
    build = "debug" if total is not None else "release"
    print(
        f"leaks: {len(PROVED)} types, {LINES} lines each, good and bad, {ROUNDS} rounds: {len(watched)} shared"
        f" objects and memory as before, {slots} slots with None counted;"
        f" Python {sys.version_info.major}.{sys.version_info.minor}, {build} build"
    )


if __name__ == "__main__":
    main()
