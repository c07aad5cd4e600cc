"""What every test of decoding has in common: the ways to decode, exact comparison, the samples.

A test that decodes or encodes asks for the fixture `path` (or `loads`) and so runs once for each
way that `PATHS` names; meanwhile every decoder and encoder has to go that way. A comparison goes
through `exact`, because `==` takes 1, 1.0 and True for one.
"""

import gc
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, NamedTuple, Union, get_args, get_origin

import attrs
import hypothesis
import pytest

import usagewire
from usagewire import DecodeError, Decoder, Encoder
from usagewire.codec import decoder, encoder, functions
from usagewire.converters import classes
from usagewire.native import plans

PATHS: Final = {
    "reference": {"SIGHTINGS": 10**9},
    "shapes": {"SIGHTINGS": 1, "MAX_SHAPES": 10**9},
    "c": {"SIGHTINGS": 10**9},
}
"""The ways to decode: step by step, by straight code from the first object on, and by the C
extension before the first. Every test of decoding runs on each, and every test of encoding, for
which the first two are one."""

if plans.unavailable() is not None:
    del PATHS["c"]

SHIPPED: Final = {"SIGHTINGS": classes.SIGHTINGS, "MAX_SHAPES": classes.MAX_SHAPES}
"""What the package itself does: straight code for what comes by often."""

SAMPLES: Final = json.loads((Path(__file__).parent / "data" / "samples.json").read_text("utf-8"))
PAGES: Final = {name: page["payload"] for name, page in SAMPLES["pages"].items()}
QUIRKS: Final = {quirk["name"]: quirk["payload"] for quirk in SAMPLES["quirks"]}

CACHES: Final = [
    value
    for module in (functions, decoder, encoder)
    for value in vars(module).values()
    if hasattr(value, "cache_clear")
]

OURS: Final = frozenset({*get_args(usagewire.UsageObject), usagewire.CostsResultAmount})
"""The classes that the C extension reads and writes, whatever the options are."""

COMPLETIONS: Final = "organization.usage.completions.result"
VECTORS: Final = "organization.usage.vector_stores.result"
COSTS: Final = "organization.costs.result"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell lets what it starts in the background ignore it, and what that starts would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("deep", deadline=None, max_examples=5000)
hypothesis.settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)


class Way(NamedTuple):
    """One way to decode, with the names that the package has for it."""

    name: str
    loads: Callable[..., Any]
    Decoder: Callable[..., usagewire.Decoder[Any]]


@pytest.fixture(scope="session", params=PATHS)
def path(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Go one way to decode, from the first object on."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (SHIPPED | PATHS[request.param]).items():
            patch.setattr(classes, name, value)
        patch.setattr(plans, "PURE", request.param != "c")
        check_ways(patch)
        # What was built before may know the shapes that came by.
        for cached in CACHES:
            cached.cache_clear()
        assert (request.param == "c") == usagewire.accelerated()
        yield Way(request.param, usagewire.loads, usagewire.Decoder)


def check_ways(patch: pytest.MonkeyPatch) -> None:
    """Make each decoder that is built, and each encoder that is used, prove which way it goes.

    By C, where that is in use, go classes of ours and unions and lists of them; others may. A
    converter of one's own may do anything with them.
    """
    build, encode, encode_lines = Decoder.__init__, Encoder.encode, Encoder.encode_lines

    def built(self: Any, type: Any = usagewire.UsageObject, **options: Any) -> None:  # noqa: A002 -- as it is named there
        build(self, type, **options)
        kinds = set(leaves(type))
        if not usagewire.accelerated():
            assert self.not_accelerated == plans.unavailable()
        elif kinds and kinds <= OURS and options.get("converter") is None:
            assert self.not_accelerated is None

    def check(self: Any, records: Iterable[Any]) -> None:
        for cls in {type(record) for record in records}:
            if not usagewire.accelerated():
                assert self.not_accelerated(cls) == plans.unavailable()
            elif cls in OURS and self._is_own:
                assert self.not_accelerated(cls) is None

    def encoded(self: Any, obj: Any) -> bytes:
        data = encode(self, obj)
        check(self, [obj])
        return data

    def encoded_lines(self: Any, objs: Any, **options: Any) -> bytes:
        data = encode_lines(self, objs, **options)
        check(self, objs if isinstance(objs, list) else [])
        return data

    patch.setattr(Decoder, "__init__", built)
    patch.setattr(Encoder, "encode", encoded)
    patch.setattr(Encoder, "encode_lines", encoded_lines)


def leaves(kind: Any) -> Iterator[Any]:
    """Yield the types that a union or list is made of, without None."""
    if get_origin(kind) in (list, Union, UnionType):
        for argument in get_args(kind):
            yield from leaves(argument)
    elif kind is not None and kind is not NoneType:
        yield kind


@pytest.fixture
def _shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode as the package does by itself."""
    for name, value in SHIPPED.items():
        monkeypatch.setattr(classes, name, value)
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture
def _small_heap() -> Iterator[None]:
    """Leave what there is out of the collector's sight, so that it takes no time to look."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="session")
def loads(path: Way) -> Callable[..., Any]:
    """`usagewire.loads` on one way to decode."""
    return path.loads


class Refused(NamedTuple):
    """How a document is refused: the code and the place."""

    code: str
    path: str = "$"


def exact(value: Any) -> Any:
    """Return `value` as something that equals only what has the same values of the same types.

    So 1, 1.0, True and Decimal(1) are four values and -0.0 is not 0.0; but Decimal("1.0") is
    Decimal(1), and an empty mapping is an empty mapping.
    """
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        return (type(value), {name: exact(getattr(value, name)) for name in names})
    if isinstance(value, Mapping):
        return (Mapping, {key: exact(one) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return (type(value), [exact(one) for one in value])
    if isinstance(value, float):
        return (float, repr(value))
    return (type(value), value)


def outcome(call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return what `call` returns, exactly, or how it refuses the document."""
    try:
        return exact(call(*args, **options))
    except DecodeError as error:
        return Refused(error.code, error.path)


def expect(value: Any) -> Any:
    """Return what `outcome` gives for `value`: a value, or a `Refused`."""
    return value if isinstance(value, Refused) else exact(value)


def text(value: Any) -> bytes:
    """Return `value` as JSON; of a Decimal, the string."""
    return json.dumps(value, ensure_ascii=False, default=str).encode()


def row(tag: str = VECTORS, **fields: Any) -> dict[str, Any]:
    """Return a row of the kind `tag` as JSON data, with the fields it requires and those given."""
    required: dict[str, dict[str, Any]] = {
        COMPLETIONS: {"input_tokens": 3, "output_tokens": 2, "num_model_requests": 1},
        VECTORS: {"usage_bytes": 5},
    }
    return {"object": tag, **required.get(tag, {}), **fields}


BOM: Final = b"\xef\xbb\xbf"


def mixed(limit: int) -> bytes:
    """Return twenty lines of every kind, of which two are longer than `limit`.

    They give 8 records, one more with `strict=False`, and three are blank.
    """
    lines = [
        *(text(row(usage_bytes=number)) for number in range(3)),
        b"\r",
        *(b"what?", text(row(usage_bytes="x")), text(row(usage_bytes="3")), b"\xff\xfe", b""),
        *(b"x" * (limit + 1), text(row(usage_bytes=4)), BOM + text(row()), b"[]", b'{"object":'),
        *(text(row(project_id="é€😀")), text({"object": "later"}) + b"\r", b" \t"),
        *(b"x" * (limit + 9) + b"\r", text(row(usage_bytes=5)), text(row(usage_bytes=6))),
    ]
    return BOM + b"\n".join(lines)


@pytest.fixture
def no_gc_callbacks() -> Iterator[None]:
    """Take out what Hypothesis has the collector call: an error in there would be dropped."""
    before = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = before
