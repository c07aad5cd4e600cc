"""Code of users that runs while C reads: hooks, validators, converters and constructors."""

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import attrs
import pytest

from tests.support.comparing import exact, outcome
from tests.support.native import BY_C, compact, meant, plan_of, read_lines
from usagewire import (
    Counts,
    DecodeError,
    Decoder,
    UnknownResult,
    UsageResult,
    make_converter,
)
from usagewire.wire.exact_json import parse

pytestmark = BY_C

SEEN: Final[list[Any]] = []
"""The arguments that the code of users got."""


@pytest.fixture(autouse=True)
def _nothing_seen() -> Iterator[None]:
    SEEN.clear()
    yield
    SEEN.clear()


def noted(name: str) -> Callable[..., Any]:
    """Return a validator that notes its arguments."""
    return lambda record, attribute, value: SEEN.append((name, type(record), attribute.name, value))


def plus(number: int) -> Callable[[int], int]:
    """Return a converter that notes and adds a number."""

    def convert(value: int) -> int:
        SEEN.append(("convert", value))
        return value + number

    return convert


@attrs.frozen(cache_hash=True)
class Full:
    """A class with all that attrs runs after the slots are filled."""

    a: int = attrs.field(validator=noted("first"))
    b: int = attrs.field(default=7, converter=plus(10), validator=noted("second"))
    c: tuple[int, ...] = attrs.field(factory=lambda: SEEN.append("factory") or (1,))
    d: "Full | None" = None

    def __attrs_post_init__(self) -> None:
        """Note the record, and whether the collector sees it."""
        SEEN.append(("post", self.a, self.b, gc.is_tracked(self)))


@pytest.mark.parametrize(
    "text", [b'{"a":1}', b'{"c":[2],"b":3,"a":1}', b'{"a":1,"d":{"a":2,"b":4},"x":0}']
)
def test_all_that_attrs_runs(text: bytes) -> None:
    """C runs the code of a class with the values, and as often, as the constructor does."""
    decoder = Decoder(Full)
    found = plan_of(decoder).decode(text)
    by_c = SEEN[:]
    SEEN.clear()
    expected = make_converter().structure(parse(text), Full)

    assert exact(expected) == exact(found)
    assert hash(expected) == hash(found)
    assert sorted(map(repr, SEEN)) == sorted(map(repr, by_c))
    assert [one for one in SEEN if one[0] != "convert" and one != "factory"] == [
        one for one in by_c if one[0] != "convert" and one != "factory"
    ]


def test_disabled_validators() -> None:
    """No validator runs while attrs has them disabled, also if the plan is older."""
    plan = plan_of(Decoder(Full))
    with attrs.validators.disabled():
        plan.decode(b'{"a":1}')
    assert not [one for one in SEEN if one[0] in ("first", "second")]
    plan.decode(b'{"a":1}')
    assert 2 == len([one for one in SEEN if one[0] in ("first", "second")])


def test_wrapped_init() -> None:
    """A wrapper that a user put around the `__init__` of attrs is called."""

    @attrs.frozen
    class Wrapped:
        x: int

    inner = Wrapped.__init__

    def init(self: Any, *, x: int) -> None:
        SEEN.append(x)
        inner(self, x + 1)

    Wrapped.__init__ = init
    decoder = Decoder(Wrapped)

    assert 6 == plan_of(decoder).decode(b'{"x":5}').x
    assert [5] == SEEN


def test_names_of_arguments() -> None:
    """The constructor gets the fields that are present by their names, in order."""

    @attrs.define(init=False)
    class Own:
        x: int
        _y: int = 2
        z: int = 3

        def __init__(self, **given: int) -> None:
            SEEN.append(tuple(given.items()))
            self.__attrs_init__(**given)

    plan = plan_of(Decoder(Own))
    for text in (b'{"x":1}', b'{"z":1,"x":2}', b'{"y":4,"x":3}', b'{"x":1}', b'{"x":9,"x":1}'):
        plan.decode(text)
    expected = [(("x", 1),), (("x", 2), ("z", 1)), (("x", 3), ("y", 4)), (("x", 1),)]
    assert expected == SEEN  # a key that comes twice is for the reference


def test_init_that_returns_something() -> None:
    """An `__init__` that does not return None is an error of the class."""

    @attrs.define(init=False)
    class Odd:
        x: int

        def __init__(self, x: int) -> None:
            self.x = x
            return x  # type: ignore[return-value] # noqa: PLE0101 -- this is tested

    decoder = Decoder(Odd)
    assert plan_of(decoder).decode(b'{"x":5}') is NotImplemented
    with pytest.raises(DecodeError, match="should return None"):
        decoder.decode(b'{"x":5}')


WIDE: Final = attrs.make_class(
    "Wide", {f"f{i}": attrs.field(type=int, default=i) for i in range(150)}
)


def test_many_fields() -> None:
    """A class with more fields than a word has bits is read, and a second value is noticed."""
    decoder = Decoder(WIDE)
    plan = plan_of(decoder)
    for names in ((), ("f149",), ("f70", "f1"), [f"f{i}" for i in range(150)]):
        given = dict.fromkeys(names, -1)
        assert exact(WIDE(**given)) == exact(plan.decode(compact(given)))
    assert plan.decode(b'{"f149":1,"f149":1}') is NotImplemented
    assert plan.decode(b'{"f1":1,"f1":1}') is NotImplemented
    assert WIDE(f149=2) == decoder.decode(b'{"f149":1,"f149":2}')


class Stop(BaseException):
    """An exception that is not an `Exception`."""


def raising(error: BaseException) -> Callable[..., Any]:
    """Return a hook that raises for the value 5."""

    def hook(value: Any, _: Any) -> Any:
        SEEN.append(value)
        if value == 5:
            raise error
        return value

    return hook


@attrs.define
class Held:
    """A class with a field that a hook of the user reads."""

    x: complex
    y: int = 0


def held(hook: Callable[..., Any], **options: Any) -> Decoder[Held]:
    """Return a decoder with a hook."""
    converter = make_converter()
    converter.register_structure_hook(complex, hook)
    return Decoder(Held, converter=converter, **options)


LINES: Final = b'{"x":1}\n{"x":5}\n{"x":2}\n'


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Stop(), MemoryError()], ids=repr)
def test_exceptions_that_pass(error: BaseException) -> None:
    """An interrupt or a lack of memory in a hook passes, and no record is lost."""
    decoder = held(raising(error), on_error="collect")
    with pytest.raises(type(error)):
        decoder.decode(b'{"x":5}')
    with pytest.raises(type(error)):
        decoder.feed(LINES)
    assert [5, 1, 5] == SEEN
    assert 1 == decoder.counts.records
    SEEN[:] = [0]
    decoder = held(lambda value, _: value, on_error="collect")
    assert [Held(1), Held(5), Held(2)] == decoder.decode_lines(LINES)


@pytest.mark.parametrize("error", [ValueError("no"), RecursionError(), StopIteration(), OSError()])
def test_exceptions_that_reject(error: Exception) -> None:
    """Any other exception rejects the line, with the place that the reference gives it."""
    decoder = held(raising(error), on_error="collect")
    assert [Held(1), Held(2)] == decoder.decode_lines(LINES)
    assert [(2, "$.x")] == [(r.line, r.path) for r in decoder.rejections]


def test_hook_gets_what_the_parser_gives() -> None:
    """A hook gets the value that the parser of the reference makes, and may keep it."""
    decoder = held(lambda value, _: SEEN.append(value) or value)
    plan = plan_of(decoder)
    texts = (
        b"1", b"-0", b"1.50", b"1e400", b"123456789012345678901234567890", b'"a\\u00e9"', b"null",
        b"true", b'{"a":[1,{"b":0.1000000000000000055}]}', b"[]", b'{"a":1,"a":2}', b" [ 1 ] ",
    )  # fmt: skip
    for text in texts:
        document = b'{"x":' + text + b',"y":3}'
        assert exact(parse(text)) == exact(plan.decode(document).x), text
    assert len(texts) == len(SEEN)


def test_hook_uses_the_decoder() -> None:
    """A hook may read by the same decoder."""
    decoder: Any = None

    def hook(value: Any, _: Any) -> Any:
        return decoder.decode(compact({"x": value - 1})) if value else "end"

    decoder = held(hook)
    expected: Any = "end"
    for _ in range(4):
        expected = Held(expected)
    assert expected == decoder.decode(b'{"x":3}')
    assert [expected] * 3 == decoder.decode_lines(b'{"x":3}\n' * 3)


def test_hook_changes_everything() -> None:
    """A hook may collect garbage, change its class, and drop the converter."""

    @attrs.define
    class Outer:
        first: list[Held]
        second: complex
        third: tuple[Held, ...] = ()

    converter = make_converter()

    def hook(value: Any, _: Any) -> Any:
        gc.collect()
        SEEN.append([one for one in gc.get_objects() if type(one) is Outer])
        Held.__doc__ = str(value)
        Outer.extra = value  # type: ignore[attr-defined]
        return [value]

    converter.register_structure_hook(complex, hook)
    decoder = Decoder(Outer, converter=converter)
    text = b'{"first":[{"x":1},{"x":2,"y":3}],"second":4,"third":[{"x":5}]}'
    found = plan_of(decoder).decode(text)
    assert [[]] * 4 == SEEN  # a record is not seen before it is complete
    expected = Outer([Held([1]), Held([2], 3)], [4], (Held([5]),))  # type: ignore[arg-type, list-item]
    assert expected == found
    assert [expected] * 2 == decoder.decode_lines((text + b"\n") * 2)


def test_hook_in_threads() -> None:
    """Hooks may let other threads read by the same decoder."""
    gate = threading.Barrier(4)

    def hook(value: Any, _: Any) -> Any:
        if value == 7:
            gate.wait(10)
        return value

    decoder = held(hook)
    found: list[Any] = []

    def work() -> None:
        found.extend(decoder.decode(b'{"y":1,"x":7}') for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Held(7, 1)] * 80 == found


@attrs.define
class Report:
    """Unknown rows that a hook reads, and one that C reads."""

    row: complex
    n: int
    other: UsageResult | None = None


UNKNOWN: Final = {"object": "organization.usage.new.result", "a": 1}


def report_decoder(**options: Any) -> Decoder[Report]:
    """Return a decoder whose hook reads a row."""
    converter = make_converter()
    converter.register_structure_hook(
        complex, lambda value, _: converter.structure(value, UsageResult)
    )
    return Decoder(Report, converter=converter, **options)


def test_unknown_rows_in_hooks() -> None:
    """An unknown row that a hook reads is counted once, also if C hands the line back after it."""
    good = compact({"row": UNKNOWN, "n": 1, "other": UNKNOWN})
    back = b'{"row":%b,"n":1,"\\u006f":1}' % compact(UNKNOWN)
    bad = b'{"row":%b,"n":"x"}' % compact(UNKNOWN)
    decoder = report_decoder(on_error="collect")
    records = decoder.decode_lines(b"\n".join([good, back, good, bad, good, b""]))
    assert 4 == len(records)
    assert all(type(one.row) is UnknownResult for one in records)
    assert 7 == decoder.counts.unknown
    decoder = report_decoder()
    decoder.decode(good)
    decoder.decode(back)
    assert 3 == decoder.counts.unknown


def test_leniency_in_a_class_with_hooks() -> None:
    """Each leniency counts once, although C may hand a record back."""

    @attrs.define
    class Inner:
        a: dict[str, int]
        b: int

    decoder = Decoder(Inner, strict=False)
    assert Inner({"k": 5}, 6) == decoder.decode(b'{"a":{"k":"5"},"b":"6"}')
    decoder.decode_lines(b'{"a":{"k":5},"b":6}\n{"a":{"k":"5"},"b":6}\n')
    assert 3 == decoder.counts.lenient
    assert Counts() != decoder.counts


def test_set_of_records() -> None:
    """The records of a set are complete, and seen by the collector, when they are hashed."""

    @attrs.frozen(eq=False)
    class Hashed:
        x: list[int]

        def __hash__(self) -> int:
            SEEN.append(gc.is_tracked(self))
            return self.x[0]

    @attrs.define
    class Sets:
        s: set[Hashed]
        f: frozenset[Hashed] = frozenset()

    records, _ = read_lines(plan_of(Decoder(Sets)), b'{"s":[{"x":[1]},{"x":[2]}]}\n' * 2)
    assert 2 == len(records)
    assert [True] * 4 == SEEN
    assert plan_of(Decoder(Sets)).decode(b'{"s":[{"x":[]}]}') is NotImplemented


@pytest.mark.parametrize("depth", [10, 24, 30, 60, 99, 100, 101, 150])
def test_recursion_through_hooks(depth: int) -> None:
    """The limit of nested levels is that of the reference, wherever C stops."""

    @attrs.define
    class Nested:
        n: int = 0
        inner: "list[Nested] | None" = None
        other: "dict[str, Nested] | None" = None

    attrs.resolve_types(Nested, localns={"Nested": Nested})
    text = b"{}"
    for level in range(depth):
        text = b'{"inner":[%b]}' % text if level % 2 else b'{"other":{"k":%b}}' % text
    found, expected = Decoder(Nested, on_error="collect"), make_converter()
    records = found.decode_lines(text + b"\n")
    if depth > 100:
        with pytest.raises(DecodeError, match="too_deep"):
            expected.structure(parse(text), Nested)
        assert ["too_deep"] == [r.code for r in found.rejections]
    else:
        assert exact([expected.structure(parse(text), Nested)]) == exact(records)


def test_converter_that_makes_a_cycle() -> None:
    """The collector sees a record whose attrs converter returns a container."""

    @attrs.frozen
    class Boxed:
        x: int = attrs.field(converter=lambda value: [value])

    record = plan_of(Decoder(Boxed)).decode(b'{"x":5}')
    assert [5] == record.x
    assert gc.is_tracked(record)


def failing(value: Any, *_: Any) -> Any:
    """Return a value, or raise for 5."""
    if value == 5:
        raise ValueError(value)
    return value


@pytest.mark.parametrize(
    "options", [{"converter": failing}, {"validator": lambda *given: failing(given[2])}]
)
def test_code_that_rejects(options: dict[str, Any]) -> None:
    """A line whose value the code of a class rejects is handed back, and others are read."""
    cls = attrs.make_class("Picky", {"x": attrs.field(type=int, **options)})
    decoder = Decoder(cls, on_error="collect")
    assert plan_of(decoder).decode(b'{"x":5}') is NotImplemented
    assert [cls(1), cls(2)] == decoder.decode_lines(LINES)
    assert ["$.x"] == [r.path for r in decoder.rejections]


@pytest.mark.parametrize("fields", [1, 70])
@pytest.mark.parametrize("default", [{}, {"factory": dict}])
def test_unknown_keys_of_a_called_class(fields: int, default: dict[str, Any]) -> None:
    """A class that C calls gets its unknown keys, or an empty dict if it requires them."""
    body = {f"f{i}": attrs.field(type=int, default=i) for i in range(fields)}
    extra = attrs.field(type=dict[str, Any], kw_only=True, **default)
    cls = attrs.make_class("Wide", {**body, "additional_properties": extra}, slots=False)
    plan = plan_of(Decoder(cls))
    assert cls(additional_properties={}) == plan.decode(b"{}")
    assert cls(f0=5, additional_properties={"new": [1]}) == plan.decode(b'{"new":[1],"f0":5}')


def test_unknown_rows_of_a_called_class() -> None:
    """A subclass of `UnknownResult` that C calls has no known tag, and is counted."""

    class Later(UnknownResult):
        """Has instances with a dict."""

    decoder = Decoder(Later)
    assert "later" == decoder.decode(b'{"object":"later","a":1}').object
    assert 1 == decoder.counts.unknown
    known = b'{"object":"organization.usage.images.result","images":1}'
    assert plan_of(decoder).decode(known) is NotImplemented


@attrs.define
class Kinds:
    """Fields of kinds that C reads piece by piece."""

    items: tuple[int, str] | None = None
    empty: tuple[()] = ()
    table: dict[str, int] | None = None
    keyed: dict[int, int] | None = None
    either: int | str | None = None
    number: float | str | None = None
    both: int | float | None = None
    choice: Literal["a", "b", "c", "d", "e", 1] = "a"


BROKEN: Final = (
    b'{"items":[1,"a"',
    b'{"items":[1,"a",5]}',
    b'{"items":5}',
    b'{"empty":[1]}',
    b'{"table":{5:1}}',
    b'{"table":{"a" 1}}',
    b'{"table":{"a":1',
    b'{"table":{"a":1,"a":1}}',
    b'{"keyed":{"a":1}}',
    b'{"keyed":{"5":1,"5":1}}',
    b'{"either":-}',
    b'{"either":12345678901234567890}',
    b'{"either":1.5}',
    b'{"number":[]}',
    b'{"choice":"a',
    b'{"choice":"\\u0061x"}',
    b'{"choice":2}',
    b'{"choice":true}',
)


@pytest.mark.parametrize("text", BROKEN)
def test_broken_pieces(text: bytes) -> None:
    """C hands back a piece that is broken or unusual."""
    assert plan_of(Decoder(Kinds)).decode(text) is NotImplemented
    assert meant(Kinds, text) == outcome(lambda: Decoder(Kinds).decode(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"empty":[],"items":[ 1 , "a" ]}', Kinds((1, "a"))),
        (b'{"keyed":{"5":1,"-7":2}}', Kinds(keyed={5: 1, -7: 2})),
        (b'{"number":1.50}', Kinds(number=1.5)),
        (b'{"number":1e5}', Kinds(number=1e5)),
        (b'{"both":1234567890123456789}', Kinds(both=1234567890123456789)),
        (b'{"both":1.0}', Kinds(both=1.0)),
        (b'{"number":12345678901234567890}', Kinds(number=12345678901234567890.0)),
        (b'{"choice":"\\u0061"}', Kinds()),
        (b'{"choice":1,"either":null}', Kinds(choice=1)),
    ],
)
def test_pieces(text: bytes, expected: Kinds) -> None:
    """C reads usual pieces, and the hook of a piece reads unusual ones."""
    assert exact(expected) == exact(plan_of(Decoder(Kinds)).decode(text))


def test_attrs_converter_gets_the_value_itself() -> None:
    """With `prefer_attrib_converters`, an attrs converter gets what the parser made."""
    cls = attrs.make_class("Raw", {"x": attrs.field(type=int, converter=repr)})
    decoder = Decoder(cls, converter=make_converter(prefer_attrib_converters=True))
    for text, value in ((b"5", "5"), (b'{"a":[1]}', "{'a': [1]}"), (b'"5"', "'5'")):
        assert value == plan_of(decoder).decode(b'{"x":%b}' % text).x


def test_broken_json_before_a_hook() -> None:
    """A hook does not see a value that is not JSON."""
    plan = plan_of(held(lambda value, _: SEEN.append(value)))
    for text in (b'{"x":}', b'{"x":"a', b'{"x":[1}', b'{"x":tru}'):
        assert plan.decode(text) is NotImplemented
    assert [] == SEEN
