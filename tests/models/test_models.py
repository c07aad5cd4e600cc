"""The classes of `usagewire.models`: frozen, slotted, hashable, tagged and documented."""

import ast
import copy
import pickle
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

from tests.support.cases import cases
from usagewire import models
from usagewire.models import NO_PROPERTIES, ROW_CLASSES

MODELS = cases("models.ndjson")
"""The newest description of each class by the API: its tag, the number of its keys (with `object`),
and values for its required fields."""

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
    """Return a record of `cls` with values for its required fields."""
    return cls(**REQUIRED[cls.__name__], **more)


@every_class
def test_frozen(cls: type[Any]) -> None:
    """A field of a record cannot be assigned."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        make(cls).additional_properties = {}


@every_class
def test_equal_and_hashable(cls: type[Any]) -> None:
    """Two records with the same values are equal and have the same hash."""
    assert len({make(cls), make(cls)}) == 1


@every_class
def test_additional_properties_are_compared_but_not_hashed(cls: type[Any]) -> None:
    """Records with different unknown fields differ, but unknown fields need no hash."""
    assert make(cls) != make(cls, additional_properties={"later": []})
    assert hash(make(cls)) == hash(make(cls, additional_properties={"later": []}))


@every_class
def test_additional_properties_is_last(cls: type[Any]) -> None:
    """`additional_properties` is the last field, and its default is the shared empty mapping."""
    last = attrs.fields(cls)[-1]

    assert (last.name, last.default) == ("additional_properties", NO_PROPERTIES)


def test_same_fields_of_another_kind_differ() -> None:
    """An embeddings row never equals a moderations row."""
    assert make(models.UsageEmbeddingsResult) != make(models.UsageModerationsResult)


@every_class
@pytest.mark.parametrize("slot", ["__dict__", "__weakref__"])
def test_slots_only(cls: type[Any], slot: str) -> None:
    """A record has no dict and no weakref slot."""
    assert not hasattr(make(cls), slot)


@every_tagged
def test_tag(cls: type[Any]) -> None:
    """The class and a record have the tag."""
    tag = TAGS[cls.__name__]

    assert (tag, tag) == (cls.object, make(cls).object)


@every_tagged
def test_tag_is_not_an_argument(cls: type[Any]) -> None:
    """The constructor does not accept the tag."""
    with pytest.raises(TypeError, match="object"):
        make(cls, object=TAGS[cls.__name__])


def test_unknown_tag_is_an_argument() -> None:
    """`UnknownResult` takes its tag as its first field."""
    assert [field.name for field in attrs.fields(models.UnknownResult)] == [
        "object",
        "additional_properties",
    ]


def test_amount_has_no_tag() -> None:
    """An amount has no tag."""
    assert not hasattr(models.CostsResultAmount, "object")


@pytest.mark.parametrize("cls", ROW_CLASSES, ids=lambda cls: cls.__name__)
def test_key_count(cls: type[Any]) -> None:
    """A row has as many keys as in the newest description by the API."""
    names = {field.name for field in attrs.fields(cls)} - {"additional_properties"} | {"object"}

    assert MODELS[cls.__name__]["keys"] == len(names)


@every_class
def test_defaults(cls: type[Any]) -> None:
    """Exactly the fields that the API requires have no default. The default of others is None."""
    defaults = {field.name: field.default for field in attrs.fields(cls)[:-1]}
    required = dict.fromkeys(REQUIRED[cls.__name__], attrs.NOTHING)

    assert dict.fromkeys(defaults) | required == defaults


@every_class
def test_keyword_only(cls: type[Any]) -> None:
    """The constructor rejects a positional argument."""
    with pytest.raises(TypeError, match="positional"):
        cls(1)


@every_class
@every_copy
def test_copies_are_equal(cls: type[Any], duplicate: Any) -> None:
    """A copied or pickled record equals the original."""
    record = make(cls, additional_properties={"later": [1]})

    assert record == duplicate(record)


@every_class
def test_a_field_that_a_pickle_lacks(cls: type[Any]) -> None:
    """A record that was pickled before a field existed gets the default of the field."""
    record = make(cls)
    _, _, state = record.__reduce_ex__(4)[:3]
    optional = [a.name for a in attrs.fields(cls) if a.default is not attrs.NOTHING]
    for name in optional:
        older = cls.__new__(cls)
        older.__setstate__({key: value for key, value in state.items() if key != name})

        assert record == older
        assert getattr(record, name) is getattr(older, name)


def test_no_properties_is_empty() -> None:
    """The shared default is an empty mapping that equals an empty dict."""
    assert (len(NO_PROPERTIES), list(NO_PROPERTIES), repr(NO_PROPERTIES)) == (0, [], "{}")
    assert [NO_PROPERTIES, {}] == [{}, NO_PROPERTIES]
    with pytest.raises(KeyError, match="later"):
        NO_PROPERTIES["later"]


def test_no_properties_is_immutable() -> None:
    """The shared default takes no items and no attributes."""
    common: Any = NO_PROPERTIES
    with pytest.raises(TypeError):
        common["later"] = 1
    with pytest.raises(AttributeError):
        common.later = 1


@every_copy
def test_no_properties_stays_one_object(duplicate: Any) -> None:
    """A copied or pickled shared default is the same object."""
    assert NO_PROPERTIES is duplicate(NO_PROPERTIES)


def test_unions() -> None:
    """`UsageResult` is every row, and `UsageObject` is a page, a bucket or a row."""
    rows = (*ROW_CLASSES, models.UnknownResult)

    assert rows == get_args(models.UsageResult)
    assert (models.UsageResponse, models.UsageTimeBucket, *rows) == get_args(models.UsageObject)


def test_every_public_class_is_tested() -> None:
    """These tests cover every public class of the package."""
    public = {node.name for node in SOURCE_CLASSES if not node.name.startswith("_")}

    assert public == {cls.__name__ for cls in CLASSES}


@pytest.mark.parametrize("node", SOURCE_CLASSES, ids=lambda node: node.name)
def test_docstrings(node: ast.ClassDef) -> None:
    """Every class has a docstring, and a docstring follows every field."""
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

    assert ast.get_docstring(node)
    assert bare == []
