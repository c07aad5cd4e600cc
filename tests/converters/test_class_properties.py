"""Properties of classes of every kind: each instance reads back equal, and all paths agree."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proof.support.both_paths import without_c

from tests.support.class_strategies import CLASSES
from tests.support.comparing import exact
from tests.support.paths import Way
from tests.support.samples import DATA
from tests.support.strategies import WILD
from tests.support.type_strategies import ANYTHING
from tests.support.types import expression
from usagewire import DecodeError, Decoder, EncodeError, Encoder, UsageWireError
from usagewire.native import plans

T = TypeVar("T")
SLOW = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    max_examples=settings().max_examples // 5,  # each makes classes and converters
)
OPTIONS = st.fixed_dictionaries(
    {"strict": st.booleans(), "unknown": st.sampled_from(["keep", "ignore", "forbid"])}
)


@SLOW
@given(st.data())
def test_instances(path: Way, data: st.DataObject) -> None:
    """Both paths write an instance of any class as the same text, which reads back equal."""
    kind, values = data.draw(CLASSES)
    record = data.draw(values)
    decoder, encoder = path.Decoder(kind), Encoder()
    written = encoder.encode(record, kind)
    with without_c():
        reference = Encoder().encode(record, kind)

    assert reference == written
    for _ in range(2):
        assert exact(record) == exact(decoder.decode(written))


def test_share_of_c() -> None:
    """C takes at least 95 % of classes of every kind. The share is printed."""
    if plans.unavailable() is not None:
        pytest.skip("the C extension is not in use")
    refused: list[str | None] = []

    @settings(SLOW, max_examples=100)
    @given(CLASSES)
    def count(of: Any) -> None:
        refused.append(Decoder(of[0]).not_accelerated)

    count()
    taken = refused.count(None)
    print(f"C reads {taken} of {len(refused)} classes")  # noqa: T201 -- for `pytest -s`
    assert taken >= 0.95 * len(refused), [one for one in refused if one]


def answer(decoder: Decoder[Any], text: bytes) -> Any:
    """Return the record of a text, or its refusal."""
    try:
        return exact(decoder.decode(text))
    except DecodeError as error:
        return error.code, error.path, str(error)


def changed(draw: Any, value: Any) -> Any:
    """Return JSON with one change: another value, a key less or more, or an item less."""
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 3)) == 0:
        return draw(WILD)
    keys = sorted(value) if isinstance(value, dict) else range(len(value))
    key = draw(st.sampled_from(keys))
    result = value.copy()
    change = draw(st.sampled_from(["inside", "inside", "remove", "add"]))
    if change == "inside":
        result[key] = changed(draw, value[key])
    elif change == "remove":
        del result[key]
    elif isinstance(result, dict):
        result[draw(st.text(max_size=3))] = draw(WILD)
    else:
        result.append(draw(WILD))
    return result


@SLOW
@given(st.data())
def test_other_json(path: Way, data: st.DataObject) -> None:
    """JSON that is nearly an instance gives the same record, or the same error, by both paths."""
    kind, values = data.draw(CLASSES)
    written = Encoder().encode(data.draw(values), kind)
    options = data.draw(OPTIONS)
    decoder = path.Decoder(kind, **options)
    with without_c():
        reference: Decoder[Any] = Decoder(kind, **options)
    for _ in range(3):
        text = json.dumps(changed(data.draw, json.loads(written))).encode()

        assert answer(reference, text) == answer(decoder, text)


@SLOW
@given(st.data())
def test_other_values(path: Way, data: st.DataObject) -> None:
    """An instance with any value in a field reads back equal, or is not written, by both paths."""
    kind, values = data.draw(CLASSES)
    record = data.draw(values)
    if not attrs.has(type(record)) or not attrs.fields(type(record)):
        return
    name = data.draw(st.sampled_from([field.name for field in attrs.fields(type(record))]))
    object.__setattr__(record, name, data.draw(ANYTHING))
    written = []
    for encoder in encoders():
        try:
            written.append(encoder.encode(record, kind))
        except EncodeError as error:
            written.append((error.path, str(error)))

    assert written[0] == written[1]
    if isinstance(written[0], bytes):
        assert record == path.Decoder(kind).decode(written[0])


def encoders() -> Iterator[Encoder]:
    """Yield an encoder of the path, and one of the reference."""
    yield Encoder()
    with without_c():
        yield Encoder()


REFUSED = [
    (row["type"], value)
    for row in map(json.loads, (DATA / "refused_types.ndjson").read_text("utf-8").splitlines())
    for value in row["values"]
    if "[]" not in row["type"]  # Python makes no union of a type without a hash
]


def wrapped(kind: Any, value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield types that are made of a type, each with a value."""
    yield from [(list[kind], [value]), (dict[str, kind], {"x": value}), (kind | None, value)]
    yield from [(tuple[kind, ...], (value,)), (tuple[int, kind], (1, value))]
    for cls in (
        attrs.make_class("Made", {"x": attrs.field(type=kind)}, slots=True),
        dataclasses.make_dataclass("Data", [("x", kind)]),
        NamedTuple("Items", [("x", kind)]),  # type: ignore[misc]
        TypedDict("Keys", {"x": kind}),  # type: ignore[misc, operator]
        attrs.make_class("Generic", {"x": attrs.field(type=T)}, bases=(Generic[T],)),
    ):
        yield cls[kind] if cls.__name__ == "Generic" else cls, cls(x=value)


@pytest.mark.parametrize("of", REFUSED, ids=", ".join)
def test_refused_types(path: Way, of: tuple[str, str]) -> None:
    """A type that holds a refused type is refused by decoders, and its values by encoders."""
    for kind, value in wrapped(*map(expression, of)):
        with pytest.raises(UsageWireError):
            path.Decoder(kind)
        with pytest.raises(UsageWireError):
            Encoder().encode(value, kind)
