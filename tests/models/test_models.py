"""The classes of `usagewire.models`: frozen, slotted, hashable, tagged and documented."""

import ast
import copy
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

from tests.support.cases import cases
from usagewire import models
from usagewire.models import NO_PROPERTIES, ROW_CLASSES

MODELS = cases("models.ndjson")
"""The API's newest description of each class: the tag, the number of keys of a row, `object`
included, and the required fields, with values."""

CLASSES: list[type[Any]] = [getattr(models, name) for name in MODELS]
REQUIRED = {name: model["required"] for name, model in MODELS.items()}
TAGS = {name: model["tag"] for name, model in MODELS.items() if model["tag"]}

SOURCES = [
    ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(Path(models.__file__).parent.glob("*.py"))
]
SOURCE_CLASSES = [
    node for source in SOURCES for node in source.body if isinstance(node, ast.ClassDef)
]

every_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
every_tagged = pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if cls.__name__ in TAGS], ids=lambda cls: cls.__name__
)
every_copy = pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))],
    ids=["copy", "deepcopy", "pickle"],
)


def make(cls: type[Any], **more: Any) -> Any:
    """Return a record of `cls` with its required fields."""
    return cls(**REQUIRED[cls.__name__], **more)


@every_class
def test_frozen(cls: type[Any]) -> None:
    """A field of a record cannot be assigned."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        make(cls).additional_properties = {}


@every_class
def test_equal_and_hashable(cls: type[Any]) -> None:
    """Two records of the same values are one in a set."""
    assert len({make(cls), make(cls)}) == 1


@every_class
def test_additional_properties_are_compared(cls: type[Any]) -> None:
    """Records that differ in their unknown fields differ."""
    assert make(cls) != make(cls, additional_properties={"later": 1})


@every_class
def test_additional_properties_are_not_hashed(cls: type[Any]) -> None:
    """Unknown fields may hold what has no hash."""
    assert hash(make(cls)) == hash(make(cls, additional_properties={"later": []}))


@every_class
def test_additional_properties_is_last(cls: type[Any]) -> None:
    """The unknown fields are the last field and share one empty default."""
    last = attrs.fields(cls)[-1]

    assert (last.name, last.default) == ("additional_properties", NO_PROPERTIES)


def test_same_fields_of_another_kind_differ() -> None:
    """An embeddings row never equals a moderations row."""
    assert make(models.UsageEmbeddingsResult) != make(models.UsageModerationsResult)


@every_class
@pytest.mark.parametrize("slot", ["__dict__", "__weakref__"])
def test_slots_only(cls: type[Any], slot: str) -> None:
    """A record has neither a dict nor a weakref slot."""
    assert not hasattr(make(cls), slot)


@every_tagged
def test_tag(cls: type[Any]) -> None:
    """The tag is readable on the class and on a record."""
    tag = TAGS[cls.__name__]

    assert (tag, tag) == (cls.object, make(cls).object)


@every_tagged
def test_tag_is_no_argument(cls: type[Any]) -> None:
    """The tag is not accepted by the constructor."""
    with pytest.raises(TypeError, match="object"):
        make(cls, object=TAGS[cls.__name__])


def test_unknown_tag_is_an_argument() -> None:
    """A row of an unknown kind takes its tag as a required, first field."""
    assert [field.name for field in attrs.fields(models.UnknownResult)] == [
        "object",
        "additional_properties",
    ]


def test_amount_has_no_tag() -> None:
    """An amount has no tag of its own."""
    assert not hasattr(models.CostsResultAmount, "object")


@pytest.mark.parametrize("cls", ROW_CLASSES, ids=lambda cls: cls.__name__)
def test_key_count(cls: type[Any]) -> None:
    """A row has as many keys as the API's newest description of it: the tag stands in for one."""
    names = {field.name for field in attrs.fields(cls)} - {"additional_properties"} | {"object"}

    assert MODELS[cls.__name__]["keys"] == len(names)


@every_class
def test_required_fields(cls: type[Any]) -> None:
    """Exactly the fields the API requires have no default."""
    expected = set(REQUIRED[cls.__name__])

    assert expected == {f.name for f in attrs.fields(cls) if f.default is attrs.NOTHING}


@every_class
def test_optional_fields_default_to_none(cls: type[Any]) -> None:
    """A field the API does not require is None unless given."""
    record = make(cls)
    optional = [f.name for f in attrs.fields(cls)[:-1] if f.name not in REQUIRED[cls.__name__]]

    assert [None] * len(optional) == [getattr(record, name) for name in optional]


@every_class
def test_keyword_only(cls: type[Any]) -> None:
    """A positional argument is refused."""
    with pytest.raises(TypeError, match="positional"):
        cls(1)


@every_class
@every_copy
def test_copies_are_equal(cls: type[Any], duplicate: Any) -> None:
    """A copied or pickled record equals the original."""
    record = make(cls, additional_properties={"later": [1]})

    assert record == duplicate(record)


def test_no_properties_is_empty() -> None:
    """The common default is an empty mapping."""
    assert (len(NO_PROPERTIES), list(NO_PROPERTIES), repr(NO_PROPERTIES)) == (0, [], "{}")
    with pytest.raises(KeyError, match="later"):
        NO_PROPERTIES["later"]


def test_no_properties_equals_an_empty_dict() -> None:
    """The common default equals an empty dict, whichever stands first."""
    empty: Mapping[str, Any] = {}

    assert (empty == NO_PROPERTIES, empty == NO_PROPERTIES) == (True, True)


def test_no_properties_is_immutable() -> None:
    """The common default takes neither items nor attributes."""
    common: Any = NO_PROPERTIES
    with pytest.raises(TypeError):
        common["later"] = 1
    with pytest.raises(AttributeError):
        common.later = 1


@every_copy
def test_no_properties_stays_one_object(duplicate: Any) -> None:
    """A copied or pickled common default is the same object."""
    assert NO_PROPERTIES is duplicate(NO_PROPERTIES)


def test_result_union() -> None:
    """`UsageResult` is the known rows, in order, and the unknown one."""
    assert (*ROW_CLASSES, models.UnknownResult) == get_args(models.UsageResult)


def test_object_union() -> None:
    """`UsageObject` is a page, a bucket and every row."""
    assert get_args(models.UsageObject) == (
        models.UsageResponse,
        models.UsageTimeBucket,
        *get_args(models.UsageResult),
    )


def test_every_public_class_is_tested() -> None:
    """The classes tested here are the public classes of the module."""
    public = {node.name for node in SOURCE_CLASSES if not node.name.startswith("_")}

    assert public == {cls.__name__ for cls in CLASSES}


@pytest.mark.parametrize("node", SOURCE_CLASSES, ids=lambda node: node.name)
def test_class_docstring(node: ast.ClassDef) -> None:
    """Every class has a docstring of its own."""
    assert ast.get_docstring(node)


@pytest.mark.parametrize("node", SOURCE_CLASSES, ids=lambda node: node.name)
def test_field_docstrings(node: ast.ClassDef) -> None:
    """Every field is followed by a string that says what it is."""
    bare = [
        ast.unparse(field.target)
        for field, after in zip(node.body, [*node.body[1:], None], strict=True)
        if isinstance(field, ast.AnnAssign)
        and not ast.unparse(field.annotation).startswith("ClassVar")
        and not (
            isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        )
    ]

    assert bare == []
