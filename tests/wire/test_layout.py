"""The JSON keys of your own classes: `names=`, annotations, aliases and tags."""

import json
from typing import Annotated, Any, ClassVar, Literal

import attrs
import pytest
from cattrs import Converter
from cattrs.gen import override

from tests.support.comparing import Refused, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import VECTORS, row, text
from usagewire import (
    UsageVectorStoresResult,
    UsageWireError,
    configure_converter,
    dumps,
    make_converter,
)


@attrs.frozen
class Job:
    """A user class."""

    kind: str
    size: int = 0


NAMED = {
    "a str": ("job_kind", ["job_kind"]),
    "a tuple": (("job_kind", "kind", "k"), ["job_kind", "kind", "k"]),
    "a list": (["job_kind", "kind"], ["job_kind", "kind"]),
    "override": (override(rename="job_kind"), ["job_kind"]),
}


@pytest.mark.parametrize("way", NAMED)
def test_names(path: Way, way: str) -> None:
    """`names=` gives a field one or more keys: the first is written, all are read."""
    name, keys = NAMED[way]
    converter = make_converter(names={Job: {"kind": name}})
    decoder = path.Decoder(Job, converter=converter)

    assert {keys[0]: "x", "size": 0} == converter.unstructure(Job("x"))
    for key in keys:
        assert Job("x", 2) == decoder.decode(text({key: "x", "size": 2}))


def test_names_replace(path: Way) -> None:
    """A field with a key from `names=` is not read under its attribute's name."""
    converter = make_converter(names={Job: {"kind": "job_kind"}}, unknown="forbid")
    decoder = path.Decoder(Job, converter=converter)

    assert Refused("unknown_field", "$.kind") == outcome(
        decoder.decode, '{"job_kind":"x","kind":1}'
    )
    assert Refused("missing_field", "$.job_kind") == outcome(decoder.decode, "{}")


def test_names_that_differ(path: Way) -> None:
    """Two keys of a field with different values are ambiguous in user classes too."""
    converter = make_converter(names={Job: {"kind": ("kind", "k")}})
    decoder = path.Decoder(Job, converter=converter)

    assert Refused("ambiguous_name", "$.k") == outcome(decoder.decode, '{"kind":"a","k":"b"}')
    assert Job("a") == decoder.decode('{"kind":"a","k":"a"}')


def test_names_of_ours(path: Way) -> None:
    """`names=` works for the fields of our classes too."""
    converter = make_converter(names={UsageVectorStoresResult: {"project_id": "project"}})
    record = UsageVectorStoresResult(usage_bytes=5, project_id="p")

    assert "p" == converter.unstructure(record)["project"]
    assert record == path.Decoder(converter=converter).decode(text(row(project="p")))


def test_names_of_the_catch_all(path: Way) -> None:
    """With a key from `names=`, `additional_properties` is an ordinary field."""
    converter = make_converter(names={UsageVectorStoresResult: {"additional_properties": "more"}})
    decoder = path.Decoder(UsageVectorStoresResult, converter=converter)
    record = decoder.decode(text(row(more={"a": 1}, other=2)))

    assert {"a": 1} == record.additional_properties
    assert {"a": 1} == converter.unstructure(record)["more"]


@attrs.frozen
class Marked:
    """A class with keys in its annotations."""

    kind: Annotated[str, override(rename="job-kind")]
    size: Annotated[int, "not a name"] = 0
    hidden: Annotated[int, override(omit=True)] = 7


def test_annotated(loads: Loads) -> None:
    """`Annotated[..., override(...)]` names a field or omits it."""
    assert Marked("x", 2) == loads('{"job-kind":"x","size":2}', Marked)
    assert b'{"job-kind":"x","size":2}' == dumps(Marked("x", 2))


def test_names_before_annotated(path: Way) -> None:
    """`names=` has priority over `Annotated`."""
    converter = make_converter(names={Marked: {"kind": "k"}})

    assert Marked("x") == path.Decoder(Marked, converter=converter).decode('{"k":"x"}')


@attrs.frozen
class Aliased:
    """A class with an alias and a private attribute."""

    kind: str = attrs.field(alias="jobKind")
    _size: int = 0


def test_alias(loads: Loads) -> None:
    """An attrs alias is the JSON key. The alias of a private attribute has no underscore."""
    record = Aliased(jobKind="x", size=2)

    assert record == loads('{"jobKind":"x","size":2}', Aliased)
    assert b'{"jobKind":"x","size":2}' == dumps(record)


def test_without_alias(path: Way) -> None:
    """Without `use_alias` the attribute's name is the key."""
    converter = make_converter(use_alias=False)
    record = Aliased(jobKind="x", size=2)

    assert {"kind": "x", "_size": 2} == converter.unstructure(record)
    assert record == path.Decoder(Aliased, converter=converter).decode('{"kind":"x","_size":2}')


def test_type_overrides(path: Way) -> None:
    """The converter's `type_overrides` name the fields of a type."""
    converter = make_converter(type_overrides={str: override(rename="text")})

    assert {"text": "x", "size": 0} == converter.unstructure(Job("x"))
    assert Job("x") == path.Decoder(Job, converter=converter).decode('{"text":"x"}')


@pytest.mark.parametrize(
    ("names", "quoted"),
    [
        ({Job: {"kind": "size"}}, "size"),
        ({Job: {"kind": ("kind", "size")}}, "size"),
        ({Job: {"kind": "x", "size": "x"}}, "'x'"),
        ({Job: {"colour": "x"}}, "colour"),
        ({Job: {"kind": 5}}, "5"),
        ({Job: {"kind": ()}}, "()"),
        ({UsageVectorStoresResult: {"project_id": "usageBytes"}}, "usageBytes"),
    ],
    ids=["shared", "shared as second", "shared by two", "no attribute", "int", "empty", "ours"],
)
def test_names_refused(path: Way, names: Any, quoted: str) -> None:
    """The decoder rejects a key of two fields, a key of no field, and a key that is not a str."""
    (cls,) = names
    with pytest.raises(UsageWireError, match=quoted.replace("(", r"\(").replace(")", r"\)")):
        path.Decoder(cls, converter=make_converter(names=names))


@attrs.frozen
class Tagged:
    """A user class with a tag."""

    object: ClassVar[Literal["job"]] = "job"
    n: int


def test_tag_of_a_user(loads: Loads) -> None:
    """The tag of a user class is written, read, and distinguishes the class in unions."""
    assert b'{"object":"job","n":5}' == dumps(Tagged(5))
    assert Tagged(5) == loads('{"n":5,"object":"job"}', Tagged | UsageVectorStoresResult)
    assert UsageVectorStoresResult is type(loads(text(row()), Tagged | UsageVectorStoresResult))
    assert Refused("wrong_tag", "$.object") == outcome(loads, '{"object":"x","n":5}', Tagged)


def test_tag_of_a_user_has_one_name(loads: Loads) -> None:
    """The tag of a user class is read only under the key `object`."""
    assert Refused("missing_tag") == outcome(loads, '{"Object":"job","n":5}', Tagged | Aliased2)


@attrs.frozen
class Aliased2:
    """Another user class with a tag."""

    object: ClassVar[str] = "other"


def test_two_members_with_one_tag(loads: Loads) -> None:
    """A union of two classes with the same tag is rejected when the hook is built."""

    @attrs.frozen
    class SameTag:
        object: ClassVar[str] = VECTORS

    with pytest.raises(UsageWireError, match=VECTORS):
        loads("{}", SameTag | UsageVectorStoresResult)


@attrs.frozen
class Wide(UsageVectorStoresResult):
    """A subclass of our class with a new field."""

    my_field: int = attrs.field(default=0, alias="mine")


def test_subclass_of_ours(loads: Loads) -> None:
    """A subclass keeps our spellings for our fields, and the user's rules for new fields."""
    record = Wide(usage_bytes=5, mine=2, additional_properties={"x": 1})

    assert record == loads(text({"Object": VECTORS, "usageBytes": 5, "mine": 2, "x": 1}), Wide)
    assert {"Object": VECTORS, "UsageBytes": 5, "mine": 2, "x": 1} == json.loads(
        dumps(record, dialect="powershell")
    )


def test_configured_converter_has_the_dialect() -> None:
    """A user's converter writes the dialect that it is configured for."""
    converter = Converter()
    configure_converter(converter, "powershell")

    assert {"Object": VECTORS, "UsageBytes": 5} == converter.unstructure(
        UsageVectorStoresResult(usage_bytes=5)
    )
