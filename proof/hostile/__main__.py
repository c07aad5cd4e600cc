"""Write and read records of hostile classes: `python -m proof.hostile --help`.

These classes have code in `__eq__`, `__hash__`, `__del__`, `__getattribute__`, a property, a
metaclass, a mapping or a hook. The code raises, drops the last reference to a value, or changes the
record that is being written. It may also encode a record of a new class. C and the reference must
run the same code and give the same bytes or error. If C hands a record back, the code runs again. It
may then find a changed record, and only a crash or a foreign error is wrong. `make sanitize` runs
this under AddressSanitizer, which reports a read of freed memory.
"""

from __future__ import annotations

import argparse
import contextvars
import faulthandler
import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from random import Random
from typing import Any, Final

import attrs

from proof.support.both_paths import without_c
from usagewire import Decoder, Encoder, UsageWireError, make_converter
from usagewire.models import NO_PROPERTIES
from usagewire.native import plans

ACTIONS: Final = ("nothing", "drop", "empty", "raise", "swap", "encode", "grow", "shrink")
"""Things that hostile code does to the record that is being written."""
EACH: Final = 3
"""A list has at most this many records."""


class Scene:
    """The record that is being written, and what hostile code does to it."""

    def __init__(self) -> None:
        self.record: Any = None
        self.action = "nothing"
        self.calls: list[str] = []
        self.is_alone = False
        self.encode: Callable[[Any], Any] = repr
        self.decode: Callable[[], Any] = list
        self.new = 0
        self.handed_back = False

    def run(self, called: str) -> None:
        """Note the call, and do the action."""
        self.calls.append(called)
        record, self.record = self.record, None
        if record is None or self.action == "nothing":
            return
        if self.action == "raise":
            raise KeyError(called)
        if self.action == "encode":
            self.new += 1
            self.encode(NEW_CLASSES[self.new % len(NEW_CLASSES)](self.new))
            return
        if self.action in ("grow", "shrink"):
            self._resize(record)
            return
        for name in ("inner", "text", "number", "many", "some", "additional_properties"):
            if self.action == "empty":
                if hasattr(record, name):
                    object.__delattr__(record, name)
            elif self.action == "swap" or name == "inner":
                object.__setattr__(record, name, None)

    def _resize(self, record: Any) -> None:
        for name in ("many", "some", "by_name"):
            items: Any = getattr(record, name, set())
            if self.action == "shrink":
                items.clear()
            elif name == "by_name":
                items.update((str(n), Hooked(n)) for n in range(9))
            else:
                (items.extend if name == "many" else items.update)(map(Hooked, range(9)))


SCENE: Final = Scene()

NEW_CLASSES: Final = [
    attrs.make_class(f"New{i}", {"x": attrs.field(type=int)}, slots=True) for i in range(300)
]
"""Classes that an encoder first meets while it writes others."""


def runs(called: str, answer: Any) -> Any:
    """Return a method that runs hostile code and returns `answer`."""

    def method(*_: Any) -> Any:
        SCENE.run(called)
        return answer

    return method


@attrs.define(eq=False)
class EqualByCode:
    """Has an `__eq__`, and no hash."""

    n: int = 0
    s: str = ""
    __eq__ = runs("__eq__", False)
    __hash__ = None  # type: ignore[assignment]


@attrs.define(eq=False)
class UnequalByCode:
    """Has an `__ne__`."""

    n: int = 0
    __ne__ = runs("__ne__", True)


@attrs.define(eq=False)
class HashedByCode:
    """Has a `__hash__`."""

    n: int = 0
    __hash__ = runs("__hash__", 1)


class Comparing(type):
    """A metaclass with `__eq__` and `__hash__`."""

    def __eq__(cls, other: object) -> bool:
        """Run hostile code if no paths are compared. They look up classes in different ways."""
        if SCENE.is_alone:
            SCENE.run("metaclass __eq__")
        return cls is other

    def __hash__(cls) -> int:
        """Return the hash of another class, so that the two are compared."""
        return hash(Outer)


@attrs.define(eq=False)
class OfMetaclass(metaclass=Comparing):
    """A class of the metaclass."""

    n: int = 0


@attrs.define(eq=False)
class Attributes:
    """Runs code when an attribute is read."""

    n: int = 0
    more = property(runs("property", 1))

    def __getattribute__(self, name: str) -> Any:
        """Run hostile code for the field."""
        if name == "n":
            SCENE.run("__getattribute__")
        return object.__getattribute__(self, name)


@attrs.define(eq=False)
class Hooked:
    """Is written by a hook, which runs code."""

    n: int = 0

    def __hash__(self) -> int:
        """Return a hash by which sets have the same order each time."""
        return self.n


def written(value: Hooked) -> Any:
    """Return what the hook of `Hooked` makes of a value."""
    SCENE.run("hook")
    return value.n if value.n % 2 else {"n": [value.n]}


def converter(*, omit: bool) -> Any:
    """Return a converter with that hook."""
    made = make_converter(omit_if_default=omit)
    made.register_unstructure_hook(Hooked, written)
    return made


class Noting(Encoder):
    """Notes whether the reference wrote a record."""

    def _encode(self, *arguments: Any) -> bytes:
        SCENE.handed_back = True
        return super()._encode(*arguments)


class Number(int):
    """An int with an `__eq__`."""

    __eq__ = runs("int __eq__", False)
    __hash__ = int.__hash__


class Text(str):
    """A str with `__eq__` and `__hash__`."""

    __slots__ = ()
    __eq__ = runs("str __eq__", False)
    __hash__ = runs("str __hash__", 1)


class Raising(Mapping[str, Any]):
    """A mapping that runs code when it is read."""

    __getitem__ = runs("mapping __getitem__", 1)
    __len__ = runs("mapping __len__", 1)

    def __iter__(self) -> Iterator[str]:
        """Run hostile code."""
        SCENE.run("mapping __iter__")
        yield "a"


SEVEN: Final = Decimal(7)
INNER: Final = EqualByCode(0, "default")


@attrs.define(eq=False)
class Outer:
    """Holds values of hostile classes, and values that C compares with defaults."""

    a: int
    text: str = "default"
    price: Decimal = Decimal("1.5")
    inner: EqualByCode | None = None
    unequal: UnequalByCode | None = None
    hashed: HashedByCode | None = None
    number: int = 5
    items: tuple[EqualByCode, ...] = ()
    hooked: Hooked | None = None
    many: list[Hooked] = attrs.Factory(list)
    by_name: dict[str, Hooked] = attrs.Factory(dict)
    some: set[Hooked] = attrs.Factory(set)
    additional_properties: Any = attrs.field(default=NO_PROPERTIES)


@attrs.define(eq=False)
class OuterOfMetaclass(Outer):
    """Has hostile defaults and a value of the metaclass."""

    inner: EqualByCode = INNER
    unequal: UnequalByCode = attrs.field(default=UnequalByCode(7))
    hashed: HashedByCode = attrs.field(default=HashedByCode(7))
    attributes: Attributes = attrs.field(default=Attributes(7))
    of_metaclass: OfMetaclass = attrs.field(default=OfMetaclass(7))


class Finalized:
    """Empties a record when it is collected, and reads another one."""

    def __init__(self, record: Any) -> None:
        self.record = record
        self.myself = self  # a cycle, so that only the collector frees it

    def __del__(self) -> None:
        """Empty the slots."""
        SCENE.decode()
        for name in ("text", "inner", "number", "price"):
            if hasattr(self.record, name):
                object.__delattr__(self.record, name)


def outer(rng: Random) -> Outer:
    """Return a record with some hostile values."""
    chance = rng.random
    record = OuterOfMetaclass(1) if chance() < 0.1 else Outer(rng.randrange(10))
    letters = "".join(rng.choice('abé"') for _ in range(rng.randrange(40)))
    if chance() < 0.5:
        record.text = letters if chance() < 0.7 else Text(letters)
    if chance() < 0.5:
        record.price = Decimal(rng.choice((7, 10**30))) + rng.randrange(9)
    if chance() < 0.6:
        record.inner = INNER if chance() < 0.2 else EqualByCode(rng.randrange(9), letters)
    if chance() < 0.3:
        record.unequal = UnequalByCode(rng.randrange(9))
    if chance() < 0.3:
        record.hashed = HashedByCode(rng.randrange(9))
    if isinstance(record, OuterOfMetaclass) and chance() < 0.7:
        record.attributes = Attributes(rng.randrange(9))
        record.of_metaclass = OfMetaclass(rng.randrange(9))
    if chance() < 0.4:
        record.number = rng.randrange(9) if chance() < 0.6 else Number(rng.randrange(9))
    if chance() < 0.3:
        record.items = tuple(EqualByCode(n, letters) for n in range(rng.randrange(3)))
    if chance() < 0.3:
        record.hooked = Hooked(rng.randrange(9))
        values = [Hooked(rng.randrange(9)) for _ in range(rng.randrange(4))]
        record.many, record.some = values, {*values}
        record.by_name = {str(value.n): value for value in values}
    if chance() < 0.3:
        # C calls the reference to write a dict, so the hash of a key runs twice.
        others = {Text("k") if SCENE.is_alone else "k": letters}
        record.additional_properties = Raising() if chance() < 0.5 else others
    return record


def answer(write: Callable[[Any], bytes], seed: str, action: str) -> tuple[object, list[str]]:
    """Return the JSON or the error of a record or a list, and the code that ran."""
    rng = Random(seed)
    records = [outer(rng) for _ in range(rng.randint(1, EACH))]
    SCENE.record, SCENE.action, SCENE.calls = rng.choice(records), action, []
    SCENE.encode, SCENE.new = write, int(seed.partition("/")[2])
    SCENE.handed_back = False
    many = rng.random() < 0.5
    try:
        found: object = write(records if many else records.pop(0))
    except Exception as error:
        found = type(error), str(error)
    SCENE.record = None
    return found, SCENE.calls


def compare(seed: int, rounds: int) -> int:
    """Compare C with the reference. Return how often hostile code ran."""
    ran = 0
    for omit in (True, False):
        c = Noting(converter=converter(omit=omit))
        assert c.not_accelerated(Outer) is None
        with without_c():
            reference = Encoder(converter=converter(omit=omit))
        for number in range(rounds):
            name, action = f"{seed}/{number}", ACTIONS[number % len(ACTIONS)]
            for way in ("encode", "encode_lines"):
                write = [getattr(encoder, way) for encoder in (c, reference)]
                if way == "encode_lines":
                    write = [_as_list(one) for one in write]
                expected = answer(write[1], name, action)
                got = answer(write[0], name, action)
                ran += len(expected[1])
                if not _agree(got, expected, action):
                    case = f"{way} of {name}, {action}, omit={omit}"
                    sys.exit(f"hostile: {case}:\n  C: {got}\n  reference: {expected}")
    return ran


def _agree(got: tuple[Any, list[str]], expected: tuple[Any, list[str]], action: str) -> bool:
    """Return whether C gave the right answer."""
    if got == expected or not SCENE.handed_back:
        return got == expected
    if action in ("nothing", "encode"):
        return bool(got[0] == expected[0]) and len(got[1]) >= len(expected[1])
    return isinstance(got[0], bytes) or issubclass(got[0][0], UsageWireError)


def _as_list(write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    return lambda found: write(found if isinstance(found, list) else [found])


@contextmanager
def _collected_at_once() -> Iterator[None]:
    """Run the collector as often as possible."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def survive(seed: int, rounds: int) -> None:
    """Write and read while the collector runs finalizers, which empty the records."""
    rng = Random(seed)
    encoder = Encoder(converter=converter(omit=True))
    decoder: Decoder[Any] = Decoder(Outer, on_error="skip")
    again: Decoder[Any] = Decoder(Outer, on_error="skip")
    line = b'{"a":1,"text":"t\\u00e9","inner":{"n":5},"items":[{"n":1}],"number":7}\n'

    def meanwhile(phase: str, _: Any) -> None:
        if phase == "start" and rng.random() < 0.1:
            again.decode_lines(line)
        if phase == "start" and SCENE.record is not None and rng.random() < 0.5:
            object.__setattr__(SCENE.record, "price", SEVEN)

    gc.callbacks.append(meanwhile)
    SCENE.is_alone, SCENE.encode = True, encoder.encode
    SCENE.decode = lambda: again.decode_lines(line)
    try:
        with _collected_at_once():
            for _ in range(rounds):
                SCENE.record = None
                records = [outer(rng) for _ in range(EACH)]
                SCENE.record, SCENE.action = rng.choice(records), rng.choice(ACTIONS)
                Finalized(records[-1])
                try:
                    # The first comparison of Decimals in a context allocates a decimal context.
                    contextvars.Context().run(encoder.encode, SCENE.record)
                    encoder.encode(records[-1])
                    encoder.encode_lines(records)
                except UsageWireError:
                    pass  # a slot is empty
                except Exception as error:
                    if not isinstance(error, KeyError | AttributeError):
                        raise
                assert len(decoder.decode_lines(line * EACH)) == EACH
    finally:
        SCENE.is_alone, SCENE.decode = False, list
        gc.callbacks.remove(meanwhile)


def main() -> None:
    """Compare the paths, then write and read while the collector runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=None, help="by default, a random one")
    arguments = parser.parse_args()
    faulthandler.enable()
    if plans.unavailable() is not None:
        sys.exit(f"nothing to compare: {plans.unavailable()}")
    seed = Random().randrange(2**32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}, {arguments.rounds} rounds", flush=True)
    ran = compare(seed, arguments.rounds)
    survive(seed, arguments.rounds // 5)
    if not ran:
        sys.exit("hostile: no hostile code ran")
    print(f"hostile: {arguments.rounds} rounds, seed {seed}: code ran {ran} times; no difference")


if __name__ == "__main__":
    main()
