"""The types of fields, by the tables `types.ndjson` and `refused_types.ndjson`."""

import dataclasses
import datetime as dt
import json
import re
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypedDict, TypeVar
from zoneinfo import ZoneInfo

import attrs
import pydantic
import pytest

from tests.support.comparing import Refused, exact, expect, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import DATA
from tests.support.types import MyInt, expression
from usagewire import (
    Decoder,
    EncodeError,
    Encoder,
    UsageImagesResult,
    UsageWireError,
    dumps,
    make_converter,
)

T = TypeVar("T")


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


TYPES = rows("types.ndjson")


def holder(kind: str) -> Any:
    """Return a class with a field `x` of a type. attrs takes None for no type."""
    field = attrs.field(type=type(None) if kind == "None" else expression(kind))
    return attrs.make_class("Holder", {"x": field})


HOLDERS = {row["type"]: holder(row["type"]) for row in TYPES}


def parametrize(*names: str, column: str) -> Any:
    """Run a test for each type and each cell of a column."""
    found = []
    for row in TYPES:
        cells = row[column].items() if isinstance(row[column], dict) else row[column]
        found += [(row["type"], *([cell] if isinstance(cell, str) else cell)) for cell in cells]
    ids = [ascii(" ".join(case[:2]))[1:90] for case in found]
    return pytest.mark.parametrize(("kind", *names), found, ids=ids)


@parametrize("document", "value", column="reads")
def test_read(loads: Loads, kind: str, document: str, value: str) -> None:
    """A type takes its JSON, alone and in a field, and the value reads back equal."""
    expected, cls = expression(value), HOLDERS[kind]
    record = cls(expected)

    assert exact(expected) == exact(loads(document, expression(kind)))
    assert exact(record) == exact(loads(f'{{"x":{document}}}', cls))
    assert exact(record) == exact(loads(dumps(record), cls))


@parametrize("document", "refusal", column="rejects")
def test_rejected(loads: Loads, kind: str, document: str, refusal: str) -> None:
    """A type rejects other JSON with a code, at its place."""
    code, _, place = refusal.partition(" ")
    data = f'{{"x":{document}}}'

    assert expect(Refused(code, f"$.x{place}")) == outcome(loads, data, HOLDERS[kind])


@pytest.mark.usefixtures("path")
@parametrize("value", column="unwritable")
def test_not_written(kind: str, value: str) -> None:
    """A value that would not read back equal is not written."""
    with pytest.raises(EncodeError) as caught:
        dumps(HOLDERS[kind](expression(value)))

    assert caught.value.path.startswith("$.x")


@pytest.mark.parametrize("row", rows("refused_types.ndjson"), ids=lambda row: row["type"])
def test_refused_type(path: Way, row: dict[str, Any]) -> None:
    """A type that cannot be exact is refused when its decoder is built, and is not written."""
    cls = holder(row["type"])
    with pytest.raises(UsageWireError):
        path.Decoder(cls)
    for value in row["values"]:
        with pytest.raises(EncodeError):
            dumps(cls(expression(value)))


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("kind", ["Plain", "Options"])
def test_names_of_a_record(kind: str) -> None:
    """A dataclass or `TypedDict` takes names, defaults and the rule for unknown keys."""
    cls: Any = expression(kind)
    first = "x" if kind == "Plain" else "a"
    converter = make_converter(
        names={cls: {first: ("first", first)}}, omit_if_default=True, unknown="forbid"
    )
    decoder, encoder = Decoder(cls, converter=converter), Encoder(converter=converter)

    assert cls(**{first: 1}) == decoder.decode('{"first":1}') == decoder.decode(f'{{"{first}":1}}')
    assert b'{"first":1}' == encoder.encode(cls(**{first: 1}), cls)
    assert Refused("unknown_field", "$.later") == outcome(decoder.decode, '{"first":1,"later":2}')


@dataclasses.dataclass
class Started:
    """A dataclass with a tag."""

    object: ClassVar[str] = "job.started"
    job: str


@dataclasses.dataclass
class Box(Generic[T]):
    """A generic dataclass that can hold others of its kind."""

    item: T
    inner: "Box[T] | None" = None


class Cell(NamedTuple, Generic[T]):
    """A generic named tuple."""

    item: T
    next: "Cell[T] | None" = None


class Keyed(TypedDict, Generic[T]):
    """A generic typed dict."""

    item: T


class KeyedMore(Keyed[int], Generic[T]):
    """A typed dict with a key of its own type and one of the base."""

    more: T


@pytest.mark.parametrize(
    ("kind", "good", "bad", "path_of_bad"),
    [
        (Box[int], '{"item":1,"inner":{"item":2,"inner":null}}', '{"item":"a"}', "$.item"),
        (Cell[int], "[1,[2,null]]", '[1,["a",null]]', "$[1][0]"),
        (Keyed[int], '{"item":1}', '{"item":"a"}', "$.item"),
        (KeyedMore[str], '{"item":1,"more":"a"}', '{"item":1,"more":2}', "$.more"),
    ],
    ids=str,
)
def test_generic_record(loads: Loads, kind: Any, good: str, bad: str, path_of_bad: str) -> None:
    """A type variable of a dataclass, `NamedTuple` or `TypedDict` has its value, also in itself."""
    assert good == dumps(loads(good, kind), type=kind).decode()
    assert Refused("wrong_type", path_of_bad) == outcome(loads, bad, kind)


def test_tagged_dataclasses(loads: Loads) -> None:
    """A dataclass with a tag can be in a union with classes of ours."""
    record = Started("a")

    assert [record] == loads(dumps([record]), list[Started | UsageImagesResult])


@pytest.mark.usefixtures("path")
def test_hooks_for_a_refused_type() -> None:
    """Hooks of the user make a refused type, and a subclass of a scalar, readable and writable."""
    converter = make_converter()
    for kind in (complex, MyInt):
        converter.register_structure_hook(kind, lambda value, kind: kind(value))
        converter.register_unstructure_hook(kind, lambda value: abs(value) + 0)
    cls = attrs.make_class(
        "Holder",
        {"x": attrs.field(type=list[complex]), "y": attrs.field(type=dict[str, MyInt] | None)},
    )
    record = cls([2 + 0j], {"a": MyInt(5)})
    data = Encoder(converter=converter).encode(record)

    assert record == Decoder(cls, converter=converter).decode(data)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("kind", [complex, "Pair", "MyInt"], ids=str)
def test_refused_type_of_an_encoder(kind: Any) -> None:
    """An encoder refuses the type that it is given, if a decoder would refuse it."""
    kind = expression(kind) if isinstance(kind, str) else kind
    with pytest.raises(UsageWireError, match="not supported"):
        dumps(5, type=kind)


def test_field_of_pydantic(loads: Loads) -> None:
    """A field of pydantic may describe a value, but may not limit it."""
    described = Annotated[int, pydantic.Field(description="tokens")]
    limited = Annotated[int, pydantic.Field(gt=0)]

    assert [5] == loads("[5]", list[described])
    with pytest.raises(UsageWireError, match=r"constraint .* not supported"):
        loads("[5]", list[limited])


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("kind", ["Colour", "Literal['a']"])
def test_wrong_choice_names_the_type(kind: str) -> None:
    """The error of a value that is not a choice names the type."""
    with pytest.raises(EncodeError, match=f"'no' is not a value of (typing.)?{re.escape(kind)}"):
        dumps(["no"], type=list[expression(kind)])  # type: ignore[misc]


def test_zone_with_a_name(loads: Loads) -> None:
    """A datetime of a zone with a name is written with the offset of that zone."""
    summer = dt.datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    winter = summer.replace(month=1)
    data = dumps([summer, winter], type=list[dt.datetime])

    assert b'["2026-07-01T12:00:00+02:00","2026-01-01T12:00:00+01:00"]' == data
    assert [summer, winter] == loads(data, list[dt.datetime])
