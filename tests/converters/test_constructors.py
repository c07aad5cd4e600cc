"""attrs classes of every kind: reading does the same as their constructor."""

import dataclasses
from typing import Any, Final, Generic, TypeVar

import attrs
import pytest

from tests.support.classes import Child, Frozen, Made
from tests.support.comparing import Refused, exact, outcome
from tests.support.paths import Loads, Way
from usagewire import EncodeError, UsageWireError, dumps, make_converter

DECORATORS: dict[str, Any] = {
    "frozen": attrs.frozen,
    "mutable": attrs.define,
    "frozen with a dict": attrs.frozen(slots=False),
    "mutable with a dict": attrs.define(slots=False),
    "keyword only": attrs.frozen(kw_only=True),
    "without a weakref slot": attrs.frozen(weakref_slot=False),
    "with a cached hash": attrs.frozen(cache_hash=True),
}


def decorated(decorate: Any) -> Any:
    """Return a class with two fields, made by a decorator of attrs."""

    class Record:
        x: int
        y: str | None = None

    return decorate(Record)


@attrs.frozen
class OfPlainBase(Frozen):
    """An attrs class with an attrs base."""


class PlainChild(Frozen):
    """A subclass without an attrs decorator."""

    __slots__ = ()


@attrs.define(init=False)
class OwnInit:
    """A class with a custom `__init__`."""

    x: int
    y: str | None = None

    def __init__(self, x: int, y: str | None = None) -> None:
        self.__attrs_init__(x, y)


class Registering:
    """A base with `__init_subclass__`."""

    __slots__ = ()
    names: Final[list[str]] = []

    def __init_subclass__(cls) -> None:
        Registering.names.append(cls.__name__)


@attrs.frozen
class Registered(Registering):
    """A class whose base has `__init_subclass__`."""

    x: int
    y: str | None = None


MADE = {name: decorated(decorate) for name, decorate in DECORATORS.items()} | {
    cls.__name__: cls for cls in (Child, OfPlainBase, PlainChild, OwnInit, Registered)
}
every_make = pytest.mark.parametrize("cls", MADE.values(), ids=MADE)


@every_make
def test_make(loads: Loads, cls: Any) -> None:
    """An attrs class of every kind is read and written."""
    record = loads('{"y":"s","x":5,"later":1}', cls)

    assert exact(cls(x=5, y="s")) == exact(record)
    assert (cls, hash(cls(x=5)) if cls.__hash__ else None) == (
        type(record),
        hash(loads('{"x":5}', cls)) if cls.__hash__ else None,
    )
    assert record == loads(dumps(record), cls)


@every_make
@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{}", Refused("missing_field", "$.x")),
        ('{"x":true}', Refused("wrong_type", "$.x")),
        ('{"x":1,"y":5}', Refused("wrong_type", "$.y")),
        ("[]", Refused("syntax", "$")),
    ],
)
def test_make_refuses(loads: Loads, cls: Any, document: str, expected: Refused) -> None:
    """An attrs class of every kind rejects wrong input."""
    assert expected == outcome(loads, document, cls)


def test_reading_makes_no_subclass(loads: Loads) -> None:
    """Reading a class does not call `__init_subclass__` of its base again."""
    loads('{"x":5}', Registered)

    assert ["Registered"] == sorted(set(Registering.names))
    assert len(Registering.names) <= 2  # attrs creates a slotted class twice


def test_frozen_stays_frozen(loads: Loads) -> None:
    """A record that was read is frozen."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        loads('{"x":5}', Frozen).x = 6


# --- constructors that do more than store ----------------------------------------------------


@attrs.frozen
class Validated:
    """A class with a validator."""

    x: int = attrs.field(validator=attrs.validators.lt(10))


@attrs.frozen
class Converted:
    """A class with a converter, which gets the result of the type's hook."""

    x: int = attrs.field(converter=lambda value: value + 1)


@attrs.frozen
class Checked:
    """A class with an `__attrs_post_init__`."""

    x: int
    doubled: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "doubled", 2 * self.x)


@attrs.frozen
class Prepared:
    """A class with an `__attrs_pre_init__`."""

    x: int
    calls = 0

    def __attrs_pre_init__(self) -> None:
        type(self).calls += 1


@attrs.frozen
class Private:
    """A class with a private attribute, and one that the constructor does not take."""

    _x: int
    y: int = attrs.field(init=False, default=7)


@attrs.define
class SetHook:
    """A class with an `on_setattr` hook, which the constructor does not call."""

    x: int = attrs.field(on_setattr=attrs.setters.validate, validator=attrs.validators.lt(10))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ('{"x":5}', Validated(5)),
        ('{"x":5}', Converted(5)),
        ('{"x":5}', Checked(5)),
        ('{"x":5}', Prepared(5)),
        ("{}", Made()),
        ('{"x":5}', Made(5, [], 10)),
        ('{"x":5,"items":[1],"double":0}', Made(5, [1], 0)),
        ('{"x":5}', Private(5)),
        ('{"x":5}', SetHook(5)),
    ],
    ids=lambda value: type(value).__name__ if attrs.has(type(value)) else "",
)
def test_constructor(loads: Loads, document: str, expected: Any) -> None:
    """Reading runs the validators, converters, hooks and factories of the constructor."""
    assert exact(expected) == exact(loads(document, type(expected)))


@attrs.define
class Computed:
    """A class with attributes that the constructor does not take, but converts."""

    plain: str = attrs.field(init=False, default=7, converter=str)
    of_self: int = attrs.field(
        init=False,
        factory=list,
        converter=attrs.Converter(lambda value, _: len(value), takes_self=True),
    )


@pytest.mark.usefixtures("path")
def test_unwritten_attribute_with_a_converter() -> None:
    """An attribute that is not written must have its default, converted as attrs does."""
    assert b"{}" == dumps(Computed())
    for name, value in (("plain", 7), ("plain", "8"), ("of_self", [])):
        record = Computed()
        object.__setattr__(record, name, value)
        with pytest.raises(EncodeError) as caught:
            dumps(record)
        assert f"$.{name}" == caught.value.path


def test_converted_value_is_written(loads: Loads) -> None:
    """An attrs converter does not run when the value is written."""
    assert b'{"x":6}' == dumps(loads('{"x":5}', Converted))


def test_pre_init_is_called(loads: Loads) -> None:
    """`__attrs_pre_init__` is called once for each record."""
    before = Prepared.calls
    loads('{"x":5}', Prepared)

    assert before + 1 == Prepared.calls


def test_factories_run_for_each_record(loads: Loads) -> None:
    """A default factory runs for each record."""
    one, other = loads("[{},{}]", list[Made])

    assert one.items is not other.items


def test_validator_refuses(path: Way) -> None:
    """An error of a validator becomes a `bad_value` at its field, with its message."""
    decoder = path.Decoder(list[Validated], on_error="collect")
    decoder.decode_lines('[{"x":5},{"x":50}]')

    assert [("bad_value", "$[1].x")] == [(one.code, one.path) for one in decoder.rejections]
    assert "must be < 10" in decoder.rejections[0].message


def test_prefer_attrib_converters(path: Way) -> None:
    """With `prefer_attrib_converters` the attrs converter gets the JSON value."""

    @attrs.frozen
    class Parsed:
        x: int = attrs.field(converter=int)

    converter = make_converter(prefer_attrib_converters=True)

    assert Parsed(5) == path.Decoder(Parsed, converter=converter).decode('{"x":"5"}')
    assert Refused("wrong_type", "$.x") == outcome(path.loads, '{"x":"5"}', Parsed)


# --- generic and inherited -------------------------------------------------------------------

T = TypeVar("T")


@attrs.frozen
class Box(Generic[T]):
    """A generic class."""

    item: "T"
    items: "list[T]" = attrs.Factory(list)


@attrs.frozen
class IntBox(Box[int]):
    """A class with a generic base."""

    more: int = 0


def test_generic(loads: Loads) -> None:
    """A generic class can be read with different type arguments, also those of a base."""
    assert Box(5, [6]) == loads('{"item":5,"items":[6]}', Box[int])
    assert Box("s") == loads('{"item":"s"}', Box[str])
    assert Box(Frozen(5)) == loads('{"item":{"x":5}}', Box[Frozen])
    assert IntBox(1, [2], 3) == loads('{"item":1,"items":[2],"more":3}', IntBox)
    for kind in (Box[int], IntBox):
        assert Refused("wrong_type", "$.items[0]") == outcome(
            loads, '{"item":5,"items":["s"]}', kind
        )


def test_unresolvable(loads: Loads) -> None:
    """A class with an annotation that cannot be resolved is rejected."""

    @attrs.frozen
    class Lost:
        x: "Nowhere"  # type: ignore[name-defined]  # noqa: F821 -- that is the point

    with pytest.raises(UsageWireError, match="Nowhere"):
        loads("{}", Lost)


@dataclasses.dataclass
class Area:
    """A dataclass that sets a member itself."""

    side: int
    area: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        self.area = self.side**2


def test_member_that_a_dataclass_sets(loads: Loads) -> None:
    """A member that `__post_init__` sets is not written, because reading sets it again."""
    assert b'{"side":3}' == dumps(Area(3))
    assert Area(3) == loads('{"side":3}', Area)
