"""Let each allocation of C fail in turn: `python -m proof.memory.oom`.

The k-th allocation of a call fails, for k = 1, 2, 3 and so on. The call must raise MemoryError or
give its usual answer. It must not lose or repeat a record, or leak a reference. This needs the module
`_testcapi`, which Python's own builds have.

orjson does not check whether it gets memory, and CPython up to 3.13 crashes if an iterator over a
dict gets none. So recorded answers replace them and the functions of the reference.
"""

from __future__ import annotations

import _imp
import faulthandler
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from importlib.util import spec_from_file_location
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import orjson

from proof.support.classes import (
    Circle,
    Drawing,
    Hooked,
    Kinds,
    Lists,
    Money,
    Mutable,
    Open,
    Point,
    Square,
    converter_with_hook,
    kinds,
)  # fmt: skip
from proof.support.exact import exact
from proof.support.user_classes import PROVED
from usagewire import Encoder, UsageObject, UsageWireError, make_converter
from usagewire.codec.line_decoder import progress_from
from usagewire.native import plans
from usagewire.native.descriptions import Reference
from usagewire.native.lowering import Lowering

try:
    import _testcapi  # type: ignore[import-not-found]
except ImportError:
    sys.exit("this Python has no _testcapi")

ENOUGH: Final = 40
"""Calls in a row without a failure, after which no allocation is left to fail."""
HELD: Final = 100
"""CPython reuses this many freed dicts, lists and floats. They are held during the test."""
PADS: Final = 200
"""Lengths of a text in records, so that the buffer becomes full at each place."""


def _documents_of_types() -> dict[str, list[bytes]]:
    """Return the documents of `documents.txt` by type."""
    found: dict[str, list[bytes]] = {}
    text = Path(__file__).with_name("documents.txt").read_bytes()
    _, row, *lines = text.replace(b"<FF>", b"\xff").splitlines()
    for line in lines:
        if line.startswith(b"== "):
            texts = found.setdefault(line[3:].decode(), [])
        else:
            texts.append(line.replace(b"ROW", row))
    return found


_DOCUMENTS: Final = _documents_of_types()
_BACK: Final = " handed back"
LINES: Final = {name: texts for name, texts in _DOCUMENTS.items() if _BACK not in name}
BAD: Final = {
    name.removesuffix(_BACK): texts for name, texts in _DOCUMENTS.items() if _BACK in name
}
RECORDS: Final[tuple[Any, ...]] = (
    Point(70000, 0.25, "label"),
    Mutable(1, "n" * 300, point=Point(1)),
    Money(price=Decimal("1.10"), tax=Decimal("1E+30"), rebate=Decimal(1)),
    Lists([1, 2], (0.5,), ["a", "é"], (Point(1),), [[True]], [None, 1], [Decimal("0.5")]),
    Open("k", {"a": [1, {"b": 2}]}),
    Circle(0.5, Point(2)),
    Square(1, [Point(1), Point(2)]),
    Drawing((Circle(0.5), Square(1)), Circle(1.5)),
    kinds(70000),
    kinds("text"),
    kinds([1, "x"]),
)
FILLING: Final = Lists(
    [2**40] * 9, nested=[[False] * 4, [], [True]] * 3, prices=[Decimal("123456789.25")] * 7
)
REFUSED: Final[tuple[Any, ...]] = (
    Point("x"),  # type: ignore[arg-type]
    Open("k", {"a": {1: 2}}),
    Money(price=Decimal("NaN")),
    kinds({1}),
    Kinds(Hooked(1), either=0.5),  # type: ignore[arg-type]
    Point,
)


class OutOfOrderError(Exception):
    """A call gave a wrong answer or leaked references."""


def _remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that repeats the earlier answers of `function`."""
    answers: dict[str, Any] = {}

    def call(*arguments: Any) -> Any:
        key = repr(arguments)
        if key not in answers:
            try:
                answers[key] = function(*arguments)
            except orjson.JSONDecodeError as error:
                answers[key] = orjson.JSONDecodeError, (error.msg, error.doc, error.pos)
            except (UsageWireError, TypeError) as error:
                answers[key] = UsageWireError, (str(error),)
        found = answers[key]
        if type(found) is tuple:
            raise found[0](*found[1])
        return found

    return call


class Loop:
    """Makes calls in which one allocation after the other fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0

    def run(
        self,
        what: str,
        call: Callable[[], Any],
        is_right: Callable[[Any], object] = lambda _: True,
        *,
        after: Callable[[bool], object] = bool,
        counted: bool = True,
    ) -> None:
        """Repeat `call` with each allocation failing, and check other answers with `is_right`.

        `after` is called each time with whether the call failed. With `counted`, the number of
        references must be the same at the end.
        """
        call()  # makes objects that are made once
        after(False)
        quiet, k = 0, 0
        counts: list[list[int]] = []
        while quiet < ENOUGH:
            k += 1
            failed, answer = _failing(k, call)
            self.calls += 1
            self.failures += failed
            quiet = 0 if failed else quiet + 1
            if not failed and not is_right(answer):
                raise OutOfOrderError(f"{what}, allocation {k}: {answer!r}")
            answer = None
            try:
                after(failed)
            except OutOfOrderError as error:
                raise OutOfOrderError(f"{what}, allocation {k}: {error}") from None
        if not counted:
            return
        # Repeat now that nothing is made for the first time, and compare the references.
        for _ in range(2):
            gc.collect()
            before = _references()
            for again in range(1, k + 1):
                _failing(again, call)
            after(True)
            gc.collect()
            counts.append([b - a for a, b in zip(before, _references(), strict=True)])
        if any(min(abs(one), abs(two)) > 5 for one, two in zip(*counts, strict=True)):
            names = [getattr(one, "__name__", repr(one)) for one in _WATCHED]
            raise OutOfOrderError(f"{what}: leaked references: {counts} of {names}")


def _failing(k: int, call: Callable[[], Any]) -> tuple[bool, Any]:
    """Call with the k-th allocation failing. Return whether the call failed, and its answer."""
    held: list[Any] = [({}, [], k * 0.1) for _ in range(HELD)]
    _testcapi.set_nomemory(k - 1, k)
    try:
        return False, call()
    except MemoryError:
        return True, None
    except SystemError as error:
        # A fault of CPython: a Python function, or making a type, fails without an exception.
        if not str(error).startswith(("<function ", "execution of module ")):
            raise
        return True, None
    finally:
        _testcapi.remove_mem_hooks()
        held.clear()


_WATCHED: Final[list[Any]] = [
    *(None, True, False, NotImplemented, Decimal, Decimal(0), dict, list),
    *(Point, Mutable, Money, Lists, Open, Circle, Square, Drawing, UsageObject),
]


def _references() -> list[int]:
    return [sys.getrefcount(one) for one in _WATCHED]


@contextmanager
def _stand_in() -> Iterator[None]:
    functions = plans.REFERENCE._asdict()
    for name, function in functions.items():
        if callable(function) and not isinstance(function, type):
            functions[name] = _remembered(function)
    with patch.object(plans, "REFERENCE", Reference(**functions)):
        yield


def _plan(name: str) -> Any:
    return plans.Plan(*_arguments(name))


def _arguments(name: str) -> tuple[Any, ...]:
    kind = PROVED[name]
    hook = make_converter().get_structure_hook(kind)
    with _stand_in():
        return plans.lowered(hook, kind)


def _reads(text: bytes) -> Callable[[Any], bool]:
    return lambda plan: plan.decode(text) is not NotImplemented


def _documents(loop: Loop) -> None:
    for name, lines in LINES.items():
        plan = _plan(name)
        for text in lines:
            if not _reads(text)(plan):
                raise OutOfOrderError(f"handed back: {text!r}")
            right = exact(NotImplemented), exact(plan.decode(text))
            is_right = partial(lambda right, answer: exact(answer) in right, right)
            loop.run(f"decode {text!r}", partial(plan.decode, text, bool), is_right)
    for name, lines in BAD.items():
        plan = _plan(name)
        for text in lines:
            decode = partial(plan.decode, text, bool)
            loop.run(f"decode {text!r}", decode, lambda answer: answer is NotImplemented)


def _lines(loop: Loop) -> None:
    for name, good in LINES.items():
        plan = _plan(name)
        bad = BAD.get(name, (b"what?",))
        pairs = zip(good * len(bad), bad * len(good), strict=True)
        texts = [line for pair in pairs for line in pair][:24]
        for lines, skips in ((list(good) * 2, False), (texts, True), (texts, False)):
            text = b"".join(line + b"\n" for line in lines)
            _one_text(loop, name, plan, text, skips=skips)
    # Skip more lines than CPython has small ints.
    _one_text(loop, "bad lines", _plan("Point"), b"what?\n" * 300 + b'{"x":1}\n', skips=True)


def _new_texts(loop: Loop) -> None:
    plan = _plan("Mutable")
    numbers = range(10_000, 11_000)
    texts = cycle([b'{"count":%d,"name":"new %d","share":%d.5}' % (i, i, i) for i in numbers])

    loop.run(
        "decode new texts",
        lambda: plan.decode(next(texts)),
        lambda answer: answer.name == f"new {answer.count}",
    )
    arguments = _arguments("Mutable")
    texts = cycle(['{"count":10000,"name":"naïve"}'.encode()])
    loop.run("a new plan", lambda: plans.Plan(*arguments).decode(next(texts)))


def _one_text(loop: Loop, name: str, plan: Any, text: bytes, *, skips: bool) -> None:
    def read(place: memoryview[int], records: list[Any]) -> None:
        try:
            plan.decode_lines(text, place, len(text), 2**20, 4096, skips, records, bool)
        finally:
            plan.track()

    whole: list[Any] = []
    last = progress_from(0)
    read(last, whole)
    expected = [exact(record) for record in whole]
    state: list[Any] = []

    def call() -> None:
        place, records = progress_from(0), list[Any]()
        state[:] = place, records
        read(place, records)

    def after(failed: bool) -> None:  # noqa: FBT001
        if not state:
            return
        place, records = state
        state.clear()
        before = text[: place[0]].count(b"\n")
        if before != len(records) + place[2] + place[3]:
            raise OutOfOrderError(
                f"{before} lines, {len(records)} records, {place[2]} skipped, {place[3]} blank"
            )
        if not failed and place[0] < last[0]:
            # C hands the line back if a replaced function gets no memory.
            place[1] = False
        if failed or place != last:
            read(place, records)
        if [exact(record) for record in records] != expected or place != last:
            raise OutOfOrderError(
                f"{len(records)} of {len(expected)} records; {place.tolist()}, not {last.tolist()}"
            )

    loop.run(f"decode_lines of {name}", call, after=after)


def _plans(loop: Loop) -> None:
    for name in LINES:
        arguments = _arguments(name)
        loop.run(f"Plan of {name}", partial(plans.Plan, *arguments), _reads(LINES[name][0]))


def _writer() -> Any:
    encoder = Encoder(converter=converter_with_hook())
    for record in (*RECORDS, *_read()):
        encoder.encode(record)
    writer = encoder._writer
    assert writer is not None
    return writer


def _read() -> list[Any]:
    plan = _plan("UsageObject")
    return [plan.decode(text) for text in LINES["UsageObject"]]


def _writing(loop: Loop) -> None:
    with _stand_in():
        writer = _writer()
    records = [*RECORDS, *_read()]

    def encode(what: str, record: Any) -> None:
        right = writer.encode(record), NotImplemented
        loop.run(f"encode {what}", partial(writer.encode, record), lambda answer: answer in right)

    def are_lines(answer: tuple[bytes, int]) -> bool:
        return answer[0] == b"".join(lines[: answer[1]])

    for record in (*records, *REFUSED, records, [*records, 5]):
        encode(f"{record!r:.80}", record)
    some = [*records * 6, REFUSED[0], *records]
    whole, end = writer.encode_lines(some, 0)
    if end != len(records) * 6:
        raise OutOfOrderError(f"written up to {end}")
    lines = whole.splitlines(keepends=True)

    loop.run("encode_lines", lambda: writer.encode_lines(some, 0), are_lines)
    for pad in range(PADS):
        text = "p" * pad
        points = [Point(1, label=text)] * 2
        encode(f"{pad} letters", [*points, FILLING])
        encode(f"{pad} letters", points[:1])
        encode(f"{pad} letters", Open(text, {"a": 1}))
        whole, _ = writer.encode_lines(points, 0)
        lines = whole.splitlines(keepends=True)
        loop.run(f"lines, {pad} letters", partial(writer.encode_lines, points, 0), are_lines)


def _writers(loop: Loop) -> None:
    lowering, converter = Lowering("written"), converter_with_hook()
    for record in (*RECORDS, *_read()):
        lowering.index_of(converter.get_unstructure_hook(type(record)))
    specs = tuple(lowering.classes)

    def call() -> Any:
        writer = plans.Writer(plans.REFERENCE)
        writer.add(specs)
        for index, spec in enumerate(specs):
            writer.allow(spec[0], index)
        return writer

    loop.run("Writer", call, lambda writer: writer.encode(Point(5)) is not NotImplemented)
    writer = plans.Writer(plans.REFERENCE)
    writer.add(specs[:1] * 300)  # more than CPython has small ints
    loop.run("allow", partial(writer.allow, specs[0][0], 299))
    loop.run("add", partial(writer.add, specs[:1]), counted=False)  # the writer keeps each class


def _modules(loop: Loop) -> None:
    from usagewire.native import extension  # noqa: PLC0415 -- it exists now

    spec = spec_from_file_location("usagewire.native.extension", extension.__file__)
    assert spec is not None

    def call() -> Any:
        module = _imp.create_dynamic(spec)
        _imp.exec_dynamic(module)
        return module

    # CPython miscounts None there, also with its own modules.
    loop.run("import", call, lambda module: module.Plan.__name__ == "Plan", counted=False)


def main() -> None:
    """Run all parts."""
    faulthandler.enable()
    if plans.unavailable() is not None:
        sys.exit(f"nothing to try: {plans.unavailable()}")
    loop = Loop()
    gc.disable()
    gc.freeze()  # the collector skips existing objects
    try:
        for part in (_modules, _plans, _documents, _new_texts, _lines, _writers, _writing):
            part(loop)
    except OutOfOrderError as error:
        sys.exit(f"oom: {error}")
    print(
        f"oom: {loop.calls} calls with a failing allocation, {loop.failures} failed, no wrong result"
    )


if __name__ == "__main__":
    main()
