"""The JSON keys of our classes, written and read in every dialect."""

import json
from decimal import Decimal
from types import NoneType
from typing import Any

import attrs
import pytest

from tests.support.cases import table
from tests.support.comparing import exact
from tests.support.paths import Loads
from tests.support.records import CLASSES, full
from tests.support.samples import row, text
from usagewire import (
    DIALECTS,
    CostsResult,
    UsageCodeInterpreterSessionsResult,
    UsageTimeBucket,
    UsageTimeBucketResultInner,
    UsageVectorStoresResult,
    dumps,
)
from usagewire.models import ROW_CLASSES
from usagewire.wire.names import is_own

# For each attribute the key that each dialect writes, and the keys that are only read.
NAMES = {cells.pop("attribute"): cells for cells in table("names.txt")}


def spelled(name: str, dialect: str) -> str:
    """Return the key that a dialect writes for an attribute."""
    return NAMES[name][dialect].replace("=", name)


every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
every_dialect = pytest.mark.parametrize("dialect", DIALECTS)
FIELDS = [(cls, field.name) for cls in CLASSES for field in attrs.fields(cls)[:-1]]
every_field = pytest.mark.parametrize(
    ("cls", "name"), FIELDS, ids=[f"{cls.__name__}.{name}" for cls, name in FIELDS]
)


@pytest.mark.usefixtures("path")
@every_dialect
@every_class
def test_written(cls: Any, dialect: Any) -> None:
    """A record is written under exactly the keys of the dialect."""
    names = {field.name for field in attrs.fields(cls)[:-1]}
    names |= {"object"} if hasattr(cls, "object") else set()
    written = json.loads(dumps(full(cls), dialect=dialect))

    assert {spelled(name, dialect) for name in names} == set(written)


def test_every_attribute_is_in_the_table() -> None:
    """The table has exactly the attributes of all classes."""
    assert {name for _, name in FIELDS} | {"object"} == set(NAMES)


@every_dialect
@every_class
def test_written_and_read(loads: Loads, cls: Any, dialect: Any) -> None:
    """A record written in any dialect reads back equal."""
    record = full(cls)

    assert exact(record) == exact(loads(dumps(record, dialect=dialect), cls))


@every_field
def test_read(loads: Loads, cls: Any, name: str) -> None:
    """A field is read under its key in each dialect and under its historical keys."""
    record = full(cls)
    data = json.loads(dumps(record))
    value = data.pop(spelled(name, "api"))
    keys = {name, *(spelled(name, dialect) for dialect in DIALECTS)}
    for key in keys.union(NAMES[name]["also read"].split()):
        assert exact(record) == exact(loads(text(data | {key: value}), cls))
        assert exact(record) == exact(loads(text({key: value} | data), cls))


@pytest.mark.parametrize("key", ["object", "Object", "_object"])
@pytest.mark.parametrize("cls", [*ROW_CLASSES, UsageTimeBucket], ids=lambda cls: cls.__name__)
def test_tag_is_read(loads: Loads, cls: Any, key: str) -> None:
    """The tag is read under each of its keys, for a class and for a union."""
    record = full(cls)
    data = json.loads(dumps(record))
    data = {key: data.pop("object")} | data

    assert exact(record) == exact(loads(text(data)))
    assert exact(record) == exact(loads(text(data), cls))


HISTORICAL_TAGS = {
    "orgainzation.usage.vector_stores.result": UsageVectorStoresResult,
    "OBJECT_ORGANIZATION_USAGE_VECTOR_STORES_RESULT": UsageVectorStoresResult,
    "OrganizationUsageVectorStoresResult": UsageVectorStoresResult,
    "OrganizationUsageCodeInterpreterSessionsResult": UsageCodeInterpreterSessionsResult,
    "OBJECT_ORGANIZATION_COSTS_RESULT": CostsResult,
    "orgainzation.costs.result": CostsResult,
}


@pytest.mark.parametrize("tag", HISTORICAL_TAGS)
def test_historical_tag(loads: Loads, tag: str) -> None:
    """Tags of early examples and generated clients are read, and written as the API's tag."""
    record = loads(text({"object": tag, "usage_bytes": 5, "sessions": 5, "amount": {}}))

    assert HISTORICAL_TAGS[tag] is type(record)
    assert HISTORICAL_TAGS[tag].object == json.loads(dumps(record))["object"]


@pytest.mark.parametrize(
    "key",
    ["Project_Id", "PROJECT_ID", "projectID", "project-id", "projectid", " project_id", "sessions"],
)
def test_other_spellings_are_unknown(loads: Loads, key: str) -> None:
    """A key that is not a known spelling is unknown."""
    assert {key: "p"} == loads(text(row(**{key: "p"}))).additional_properties


def test_additional_properties_is_not_a_key(loads: Loads) -> None:
    """The JSON key `additional_properties` is unknown."""
    record = loads(text(row(additional_properties={"a": 1})))

    assert {"additional_properties": {"a": 1}} == record.additional_properties
    assert exact(record) == exact(loads(dumps(record)))


@pytest.mark.usefixtures("path")
@every_dialect
def test_unknown_keys_keep_their_spelling(dialect: Any) -> None:
    """Every dialect writes unknown keys as they were read."""
    record = UsageVectorStoresResult(usage_bytes=5, additional_properties={"new_key": 1})

    assert 1 == json.loads(dumps(record, dialect=dialect))["new_key"]


@attrs.frozen
class Mine:
    """A class of a user."""


OURS: list[Any] = [int, Decimal, NoneType, Any, *CLASSES, UsageTimeBucketResultInner]


@pytest.mark.parametrize("kind", OURS, ids=str)
def test_own_types(kind: Any) -> None:
    """Types made of our classes and of Python's are our own; others may not be kept for ever."""
    assert all(map(is_own, (kind, list[kind], kind | None, dict[str, kind])))
    assert not any(map(is_own, (Mine, list[Mine], kind | Mine, dict[str, Mine], "Mine")))
