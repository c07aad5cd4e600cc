"""Descriptions of types for C, as tuples. They hold data only.

Reading and writing use the same form. `lowering` makes the descriptions, and `schema.c` reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

KINDS: Final = (
    "int", "float", "str", "bool", "Decimal", "money text", "money number", "any", "class", "union",
    "list", "tuple", "set", "frozenset", "items", "dict", "choice", "JSON types",
    "types", "datetime", "date", "time", "timedelta", "UUID", "bytes", "call",
)  # fmt: skip
"""In the order of `KindName` in `schema.h`."""

JSON_TYPES: Final = (None, bool, int, float, str, list, dict)
"""The types that JSON has, with None for null. In the order of `JSON_NULL` and so on."""

REQUIRED, VALUE, FACTORY, FACTORY_OF_SELF = range(4)
"""Whether a field must be present, has a default, or a factory that makes its default. A factory
of the last kind gets the record, but only in writing."""


class Reference(NamedTuple):
    """The functions of the reference that C calls, and its special objects."""

    loads: Callable[..., Any]
    parse: Callable[..., Any]
    dumps: Callable[..., Any]
    exact_dumps: Callable[..., Any]
    json_error: type[Exception]
    wire_error: type[Exception]
    read_any: Callable[..., Any]
    read_extra: Callable[..., Any]
    read_decimal: Callable[..., Any]
    extra_json: Callable[..., Any]
    no_extra: Any
    decimal: type
    zero: Any


class Kind(NamedTuple):
    """The kind of the values of a field or a list."""

    name: int
    nullable: bool = False
    of: Any = None
    """The index of a class, a `UnionDescription`, a `ChoiceDescription` or a `UuidDescription`.
    For other values that JSON holds as text, their class. For collections, a tuple of the kinds of
    the items: one for all items, one for each item, or one for each of `JSON_TYPES` or `type`."""
    make: Any = None
    """Makes a named tuple of a tuple of items, or the key of a dict of its text. In writing, the
    class of the named tuple, or a function that makes the text of a key. For times, returns the
    offset of a `timezone`."""
    hook: Any = None
    """The hook of the reference, which C calls for values that it does not know. If None, the
    reference reads the whole record."""
    type: Any = None
    """The second argument of the hook. In writing a union, its types."""


def kind_named(name: str, of: Any = None, *, nullable: bool = False, make: Any = None) -> Kind:
    """Return a kind without a hook."""
    return Kind(KINDS.index(name), nullable, of, make)


class ChoiceDescription(NamedTuple):
    """The values of an enum or a literal."""

    texts: tuple[str, ...]
    """In reading, the strings. In writing, the JSON of each object."""
    objects: tuple[Any, ...]
    """The Python value for each text."""
    others: dict[Any, Any]
    """In reading, the Python values for integers. In writing, the index of the text for values that
    are a str or an int."""


class UuidDescription(NamedTuple):
    """The class `UUID` and the descriptors of its slots."""

    cls: type
    int: Any
    is_safe: Any
    default: Any
    """The value of `is_safe` in a UUID that is read from text."""


class UnionDescription(NamedTuple):
    """Classes that C distinguishes by a tag or a key in reading, and by type in writing."""

    tags: tuple[str, ...]
    """The tag or Literal of each class. If there are none, each class has a key."""
    classes: tuple[int, ...]
    others: int | None = None
    """The class for other tags or keys."""
    keys: tuple[str, ...] = ()
    """The keys of the tag, or the key of each class. The first one that is present counts."""


class FieldDescription(NamedTuple):
    """One slot of a class."""

    descriptor: Any
    kind: Kind
    mode: int
    default: Any
    """The default or its factory. Reading uses it if the key is missing; writing omits it."""
    key_prefix: bytes | None
    """The JSON text before the value; None if the field has no key."""
    name: str
    """The constructor argument in reading, the attribute in writing."""
    convert: Any = None
    """The attrs converter that C calls, or None."""


class ClassDescription(NamedTuple):
    """An attrs class, a dataclass or a `TypedDict`."""

    cls: type
    fields: tuple[FieldDescription, ...]
    """Fields that have keys come first."""
    keys: tuple[str, ...]
    fields_of_keys: tuple[int, ...]
    tags: tuple[str, ...]
    extra: int
    """The index of the field for unknown keys, or -1."""
    keep_extra: bool
    ignore_extra: bool
    frozen: bool
    tag_field: int
    """The index of the field whose value must not be in `known_tags`, or -1."""
    known_tags: frozenset[str]
    head: bytes
    """The start of its JSON objects."""
    reserved: Any
    """Keys that unknown keys must not equal; None if the reference writes unknown keys."""
    is_slots: bool
    """Whether C fills slots, or reads them."""
    make: Any
    """Makes an instance, if C does not fill the slots. None in writing."""
    init: Any = None
    """The `__init__` that is all that `make` calls besides `object.__new__`, or None."""
    finish: Any = None
    """Called with an instance whose slots C filled, or None."""
    check: Any = None
    """Called with a record after C wrote its fields, or None. Raises if it cannot be written."""
