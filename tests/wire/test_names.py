"""Names: ours in every dialect, both ways, and those that users give their own classes."""

import json
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import attrs
import pytest
from cattrs import Converter
from cattrs.gen import override

from tests.support.comparing import Refused, exact, outcome
from tests.support.full_records import CLASSES, full
from tests.support.paths import Way
from tests.support.samples import VECTORS, row, text
from usagewire import (
    DIALECTS,
    CostsResult,
    UsageCodeInterpreterSessionsResult,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
    UsageVectorStoresResult,
    UsageWireError,
    configure_converter,
    dumps,
    make_converter,
)
from usagewire.models import ROW_CLASSES

Loads = Callable[..., Any]

# Attributes whose names do not follow the letter case of the dialect.
EXCEPTIONS = {
    ("api", "source_"): "source",
    ("api", "sessions"): "num_sessions",
    ("api", "results"): "results",
    ("legacy", "source_"): "source",
    ("legacy", "sessions"): "sessions",
    ("legacy", "results"): "result",
    ("dart", "source_"): "source_",
    ("dart", "sessions"): "numSessions",
    ("dart", "results"): "result",
    ("powershell", "source_"): "Source",
    ("powershell", "sessions"): "Sessions",
    ("powershell", "results"): "Result",
}
# Names that are read though no dialect writes them.
ALSO_READ = {
    "sessions": ["NumSessions"],
    "results": ["Results"],
    "object": ["_object"],
}
CASES: dict[str, Callable[[str], str]] = {
    "api": str,
    "legacy": str,
    "dart": lambda name: name[0] + name.title().replace("_", "")[1:],
    "powershell": lambda name: name.title().replace("_", ""),
}


def spelled(name: str, dialect: str) -> str:
    """Return how a dialect writes an attribute."""
    # `title` takes a digit for the end of a word: 30m is one.
    plain = CASES[dialect](name).replace("30M", "30m").replace("12H", "12h")
    return EXCEPTIONS.get((dialect, name), plain)


every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
every_dialect = pytest.mark.parametrize("dialect", DIALECTS)
FIELDS = [(cls, field.name) for cls in CLASSES for field in attrs.fields(cls)[:-1]]
every_field = pytest.mark.parametrize(
    ("cls", "name"), FIELDS, ids=[f"{cls.__name__}.{name}" for cls, name in FIELDS]
)


# --- ours ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("path")
@every_dialect
@every_class
def test_written(cls: Any, dialect: Any) -> None:
    """A record is written under the names of the dialect, and no other."""
    names = [field.name for field in attrs.fields(cls)[:-1]]
    tag = ["object"] if hasattr(cls, "object") and "object" not in names else []
    written = json.loads(dumps(full(cls), dialect=dialect))

    assert {spelled("object" if n == "object" else n, dialect) for n in [*tag, *names]} == set(
        written
    )


@every_dialect
@every_class
def test_written_and_read(loads: Loads, cls: Any, dialect: Any) -> None:
    """What a dialect writes reads back equal, as its class."""
    record = full(cls)

    assert exact(record) == exact(loads(dumps(record, dialect=dialect), cls))


@every_field
def test_read(loads: Loads, cls: Any, name: str) -> None:
    """A field is read under its name in each dialect, and the historical ones."""
    record = full(cls)
    data = json.loads(dumps(record))
    value = data.pop(spelled(name, "api"))
    for key in {*(spelled(name, dialect) for dialect in DIALECTS), name, *ALSO_READ.get(name, ())}:
        assert exact(record) == exact(loads(text(data | {key: value}), cls))
        assert exact(record) == exact(loads(text({key: value} | data), cls))


@pytest.mark.parametrize("key", ["object", "Object", "_object"])
@pytest.mark.parametrize("cls", [*ROW_CLASSES, UsageTimeBucket], ids=lambda cls: cls.__name__)
def test_tag_is_read(loads: Loads, cls: Any, key: str) -> None:
    """The tag is read under each of its names, by class and by union."""
    record = full(cls)
    data = json.loads(dumps(record))
    data = {key: data.pop("object")} | data

    assert exact(record) == exact(loads(text(data)))
    assert exact(record) == exact(loads(text(data), cls))


TAGS_OF_OLD = {
    "orgainzation.usage.vector_stores.result": UsageVectorStoresResult,
    "OBJECT_ORGANIZATION_USAGE_VECTOR_STORES_RESULT": UsageVectorStoresResult,
    "OrganizationUsageVectorStoresResult": UsageVectorStoresResult,
    "OrganizationUsageCodeInterpreterSessionsResult": UsageCodeInterpreterSessionsResult,
    "OBJECT_ORGANIZATION_COSTS_RESULT": CostsResult,
    "orgainzation.costs.result": CostsResult,
}


@pytest.mark.parametrize("tag", TAGS_OF_OLD)
def test_tag_of_old(loads: Loads, tag: str) -> None:
    """Tags as early examples and generated clients write them are known, and written right."""
    record = loads(text({"object": tag, "usage_bytes": 5, "sessions": 5, "amount": {}}))

    assert TAGS_OF_OLD[tag] is type(record)
    assert TAGS_OF_OLD[tag].object == json.loads(dumps(record))["object"]


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("api", "input_cache_write_30m_tokens"),
        ("legacy", "input_cache_write_30m_tokens"),
        ("dart", "inputCacheWrite30mTokens"),
        ("powershell", "InputCacheWrite30mTokens"),
    ],
)
def test_name_with_a_digit(dialect: Any, expected: str) -> None:
    """A word that begins with a digit keeps its letters."""
    record = UsageTimeBucketResultInner(object="x", input_cache_write_30m_tokens=5)

    assert 5 == json.loads(dumps(record, dialect=dialect))[expected]


@pytest.mark.parametrize(
    "key",
    ["Project_Id", "PROJECT_ID", "projectID", "project-id", "projectid", " project_id", "sessions"],
)
def test_other_spellings_are_unknown(loads: Loads, key: str) -> None:
    """A key in no known spelling is an unknown key."""
    assert {key: "p"} == loads(text(row(**{key: "p"}))).additional_properties


def test_additional_properties_is_no_key(loads: Loads) -> None:
    """A key that is called like the attribute for unknown fields is an unknown field."""
    record = loads(text(row(additional_properties={"a": 1})))

    assert {"additional_properties": {"a": 1}} == record.additional_properties
    assert exact(record) == exact(loads(dumps(record)))


@pytest.mark.usefixtures("path")
@every_dialect
def test_unknown_keys_are_not_respelled(dialect: Any) -> None:
    """Keys that nobody knows are written as they were read, in every dialect."""
    record = UsageVectorStoresResult(usage_bytes=5, additional_properties={"new_key": 1})

    assert 1 == json.loads(dumps(record, dialect=dialect))["new_key"]


# --- users' ----------------------------------------------------------------------------------


@attrs.frozen
class Job:
    """A class of a user's."""

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
    """`names=` gives a field a key, or several: the first is written, all are read."""
    name, keys = NAMED[way]
    converter = make_converter(names={Job: {"kind": name}})
    decoder = path.Decoder(Job, converter=converter)

    assert {keys[0]: "x", "size": 0} == converter.unstructure(Job("x"))
    for key in keys:
        assert Job("x", 2) == decoder.decode(text({key: "x", "size": 2}))


def test_names_replace(path: Way) -> None:
    """A field with a name of its own is not read under its attribute's."""
    converter = make_converter(names={Job: {"kind": "job_kind"}}, unknown="forbid")
    decoder = path.Decoder(Job, converter=converter)

    assert Refused("unknown_field", "$.kind") == outcome(
        decoder.decode, '{"job_kind":"x","kind":1}'
    )
    assert Refused("missing_field", "$.job_kind") == outcome(decoder.decode, "{}")


def test_names_that_differ(path: Way) -> None:
    """Two names of one field with two values are ambiguous for users' classes too."""
    converter = make_converter(names={Job: {"kind": ("kind", "k")}})
    decoder = path.Decoder(Job, converter=converter)

    assert Refused("ambiguous_name", "$.k") == outcome(decoder.decode, '{"kind":"a","k":"b"}')
    assert Job("a") == decoder.decode('{"kind":"a","k":"a"}')


def test_names_of_ours(path: Way) -> None:
    """Fields of our own classes can be named too."""
    converter = make_converter(names={UsageVectorStoresResult: {"project_id": "project"}})
    record = UsageVectorStoresResult(usage_bytes=5, project_id="p")

    assert "p" == converter.unstructure(record)["project"]
    assert record == path.Decoder(converter=converter).decode(text(row(project="p")))


def test_names_of_the_catch_all(path: Way) -> None:
    """`additional_properties` with a name is a field like any other."""
    converter = make_converter(names={UsageVectorStoresResult: {"additional_properties": "more"}})
    decoder = path.Decoder(UsageVectorStoresResult, converter=converter)
    record = decoder.decode(text(row(more={"a": 1}, other=2)))

    assert {"a": 1} == record.additional_properties
    assert {"a": 1} == converter.unstructure(record)["more"]


@attrs.frozen
class Marked:
    """A class with names in its annotations."""

    kind: Annotated[str, override(rename="job-kind")]
    size: Annotated[int, "not a name"] = 0
    hidden: Annotated[int, override(omit=True)] = 7


def test_annotated(loads: Loads) -> None:
    """`Annotated[..., override(...)]` names a field, or leaves it out."""
    assert Marked("x", 2) == loads('{"job-kind":"x","size":2}', Marked)
    assert b'{"job-kind":"x","size":2}' == dumps(Marked("x", 2))


def test_names_before_annotated(path: Way) -> None:
    """`names=` goes before `Annotated`."""
    converter = make_converter(names={Marked: {"kind": "k"}})

    assert Marked("x") == path.Decoder(Marked, converter=converter).decode('{"k":"x"}')


@attrs.frozen
class Aliased:
    """A class with an alias and a private attribute."""

    kind: str = attrs.field(alias="jobKind")
    _size: int = 0


def test_alias(loads: Loads) -> None:
    """An attrs alias is the JSON key; a private attribute's alias has no underscore."""
    record = Aliased(jobKind="x", size=2)

    assert record == loads('{"jobKind":"x","size":2}', Aliased)
    assert b'{"jobKind":"x","size":2}' == dumps(record)


def test_without_alias(path: Way) -> None:
    """Without `use_alias` the attribute is the key."""
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
    ("names", "said"),
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
def test_names_refused(path: Way, names: Any, said: str) -> None:
    """A name that two fields share, of no field, or that is none, is refused when built."""
    (cls,) = names
    with pytest.raises(UsageWireError, match=said.replace("(", r"\(").replace(")", r"\)")):
        path.Decoder(cls, converter=make_converter(names=names))


@attrs.frozen
class Tagged:
    """A class with a tag of its own."""

    object: ClassVar[Literal["job"]] = "job"
    n: int


def test_tag_of_ones_own(loads: Loads) -> None:
    """A user's class may have a tag, which is written, read and told apart in unions."""
    assert b'{"object":"job","n":5}' == dumps(Tagged(5))
    assert Tagged(5) == loads('{"n":5,"object":"job"}', Tagged | UsageVectorStoresResult)
    assert UsageVectorStoresResult is type(loads(text(row()), Tagged | UsageVectorStoresResult))
    assert Refused("wrong_tag", "$.object") == outcome(loads, '{"object":"x","n":5}', Tagged)


def test_tag_of_ones_own_has_one_name(loads: Loads) -> None:
    """The tag of a user's class is not looked for under the names that generated clients use."""
    assert Refused("missing_tag") == outcome(loads, '{"Object":"job","n":5}', Tagged | Aliased2)


@attrs.frozen
class Aliased2:
    """Another class with a tag of its own."""

    object: ClassVar[str] = "other"


def test_two_members_with_one_tag(loads: Loads) -> None:
    """A union of two classes with one tag cannot be told apart and is refused when built."""

    @attrs.frozen
    class Twin:
        object: ClassVar[str] = VECTORS

    with pytest.raises(UsageWireError, match=VECTORS):
        loads("{}", Twin | UsageVectorStoresResult)


@attrs.frozen
class Wide(UsageVectorStoresResult):
    """A subclass of ours with a field of its own."""

    my_field: int = attrs.field(default=0, alias="mine")


def test_subclass_of_ours(loads: Loads) -> None:
    """A subclass keeps our spellings for our fields and the user's rules for its own."""
    record = Wide(usage_bytes=5, mine=2, additional_properties={"x": 1})

    assert record == loads(text({"Object": VECTORS, "usageBytes": 5, "mine": 2, "x": 1}), Wide)
    assert {"Object": VECTORS, "UsageBytes": 5, "mine": 2, "x": 1} == json.loads(
        dumps(record, dialect="powershell")
    )


def test_configured_converter_has_the_dialect() -> None:
    """A converter of a user's writes the dialect that it is configured for."""
    converter = Converter()
    configure_converter(converter, "powershell")

    assert {"Object": VECTORS, "UsageBytes": 5} == converter.unstructure(
        UsageVectorStoresResult(usage_bytes=5)
    )
