"""Names of attrs and cattrs that they do not document, and that the package uses all the same.

A new version may change them. Then these tests fail, and name the module that has to change.
"""

import ast
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

import attrs
import pytest
from cattrs import Converter, _compat

import usagewire
from usagewire.converters import codegen
from usagewire.wire.instances import HASH_SLOT, Filling

SOURCE: Final = Path(usagewire.__file__).parent


class Interface(Protocol):
    """A protocol."""


@attrs.frozen
class Checked:
    """A frozen class with a validator and a converter."""

    x: int = attrs.field(default=1, validator=attrs.validators.gt(0))
    y: int = attrs.field(default=0, converter=int)


@attrs.define
class Mutable:
    """A class that is not frozen."""


def hook(*_: Any) -> None:
    """Do nothing."""


def find_protocol() -> bool:
    """Return whether only a protocol is found to be one."""
    return _compat.is_protocol(Interface) and not _compat.is_protocol(Checked)


def replace_fallback() -> bool:
    """Return whether the fallback for writing is there and can be replaced."""
    converter = Converter(unstructure_fallback_factory=lambda _: repr)
    dispatch = converter._unstructure_func  # noqa: SLF001 -- it is tested
    given = dispatch._fallback_factory(Checked)  # noqa: SLF001 -- the same
    dispatch._fallback_factory = lambda _: hook  # noqa: SLF001 -- the same
    return given is repr and converter.get_unstructure_hook(object) is hook


def register_union() -> bool:
    """Return whether a registered union is in the table of unions."""
    converter = Converter()
    converter.register_structure_hook(int | str, hook)
    return converter._union_struct_registry[int | str] is hook  # noqa: SLF001 -- it is tested


def prefer_converters() -> bool:
    """Return whether a converter has the option that it was made with."""
    one = Converter(prefer_attrib_converters=True)
    return one._prefer_attrib_converters is not Converter()._prefer_attrib_converters  # noqa: SLF001 -- it is tested


def name_generated_code() -> bool:
    """Return whether attrs names the file and the class of the code that it writes."""
    made: Any = Checked.__init__
    is_named = made.__code__.co_filename.startswith("<attrs generated")
    return is_named and made.__qualname__ == "Checked.__init__"


def blame_attribute() -> bool:
    """Return whether the error of a validator or converter leads to its attribute."""
    found = []
    for arguments in ({"x": 0}, {"y": "a"}):
        try:
            Checked(**arguments)
        except ValueError as error:
            found.append(codegen.blamed_key(error, {"x": "X", "y": "Y"}))
    return found == ["X", "Y"]


def share_setter() -> bool:
    """Return whether the frozen classes, and no others, share one `__setattr__`."""
    return Checked.__setattr__ is Filling.__setattr__ is not Mutable.__setattr__


def hook_setter() -> bool:
    """Return whether the `__setattr__` that runs hooks is made in the module of attrs."""
    hooked = attrs.make_class("Hooked", {"x": attrs.field(on_setattr=hook)})
    made: Any = hooked.__setattr__
    return made.__code__.co_filename == attrs.fields.__code__.co_filename


def name_parts() -> bool:
    """Return whether the `__init__` of attrs names what it calls, and the slot of the hash."""

    @attrs.frozen(cache_hash=True)
    class Full:
        def __attrs_pre_init__(self) -> None:
            """Do nothing."""

        def __attrs_post_init__(self) -> None:
            """Do nothing."""

    made: Any = Full.__init__
    names = {"__attrs_pre_init__", "__attrs_post_init__"}
    return names <= {*made.__code__.co_names} and HASH_SLOT in Full.__slots__


def mark_decorated() -> bool:
    """Return whether attrs marks the class that it decorated, and not a subclass."""
    mark = "__attrs_attrs__"
    return mark in vars(Mutable) and mark not in vars(type("Child", (Mutable,), {}))


def inspect_init() -> bool:
    """Return whether attrs tells if it wrote the `__init__`. This is documented as experimental."""
    without = attrs.make_class("Without", [], init=False)
    return attrs.inspect(Checked).added_init and not attrs.inspect(without).added_init


NAMES: Final[list[tuple[str, str, str, Callable[[], bool]]]] = [
    ("is_protocol", "converters/configure.py", "refuse protocols", find_protocol),
    ("_unstructure_func", "converters/configure.py", "refuse unknown types", replace_fallback),
    ("_fallback_factory", "converters/configure.py", "refuse unknown types", replace_fallback),
    ("_union_struct_registry", "converters/unions.py", "ask hooks for unions", register_union),
    ("_prefer_attrib_converters", "wire/layout.py", "obey the option", prefer_converters),
    ("<attrs generated", "wire/members.py", "recognise code of attrs", name_generated_code),
    ("}.__init__", "wire/instances.py", "recognise code for a class", name_generated_code),
    ("__attr_(?:validator|conv", "converters/codegen.py", "name the field", blame_attribute),
    ("Filling.__setattr__", "wire/instances.py", "recognise frozen classes", share_setter),
    ("__attrs_attrs__", "wire/instances.py", "find undecorated classes", mark_decorated),
    ("__attrs_attrs__", "wire/members.py", "find undecorated classes", mark_decorated),
    ("attrs.fields.__code__", "wire/instances.py", "recognise on_setattr", hook_setter),
    ("_attrs_cached_hash", "wire/instances.py", "fill the slot of the hash", name_parts),
    ("__attrs_pre_init__", "wire/instances.py", "call the class", name_parts),
    ("__attrs_post_init__", "wire/instances.py", "call it", name_parts),
    ("attrs.inspect", "wire/instances.py", "recognise an __init__ of attrs", inspect_init),
]
"""The text in the source, its module, its purpose, and a check of its meaning."""


@pytest.mark.parametrize(("name", "where", "purpose", "check"), NAMES)
def test_private_name(name: str, where: str, purpose: str, check: Callable[[], bool]) -> None:
    """The installed attrs and cattrs have the name, with the meaning that the source needs."""
    assert name in (SOURCE / where).read_text(encoding="utf-8")
    installed = f"attrs {version('attrs')} or cattrs {version('cattrs')}"
    message = f"{installed} changed {name!r}. {where} uses it to {purpose}."
    try:
        means_the_same = check()
    except Exception as error:
        pytest.fail(f"{message} {type(error).__name__}: {error}")
    assert means_the_same, message


def _private_names(text: str) -> set[str]:
    """Return the private names that a module imports from attrs and cattrs, or takes by SLF001."""
    lines = text.splitlines()
    found = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.ImportFrom(module=str(module)) if module.startswith(("attr._", "cattrs._")):
                found |= {one.name for one in node.names}
            case ast.Attribute(attr=name, lineno=line) if "SLF001" in lines[line - 1]:
                found |= {name} if name.startswith("_") else set()
    return found


def test_every_private_name_is_listed() -> None:
    """The table has every private name that the source takes from attrs and cattrs."""
    modules = {path.relative_to(SOURCE).as_posix(): path for path in SOURCE.rglob("*.py")}
    found = {
        (name, where)
        for where, path in modules.items()
        for name in _private_names(path.read_text(encoding="utf-8"))
    }
    of_dataclasses = {(name, "wire/members.py") for name in ("_field_type", "_FIELD_INITVAR")}

    assert set() == found - of_dataclasses - {(name, where) for name, where, *_ in NAMES}
