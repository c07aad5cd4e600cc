"""Generated functions that read one class in one order of keys, or write one class.

They do the same steps in the same order as the code in `classes`, and nothing else.

attrs makes a frozen instance by one `object.__setattr__` per field (about 200 ns each). If
`__init__` only assigns, a generated function fills an instance of a mutable class of the same
layout and then sets its `__class__`. With 25 fields this saves half of the time. CPython allows it
only if the layouts are equal and have no weakref slot. Otherwise the function calls the class.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Mapping, Sequence
from operator import itemgetter
from types import FunctionType
from typing import Any

import attrs

from usagewire.converters import scalars
from usagewire.errors import EncodeError, located, located_writing, quote
from usagewire.models import NO_PROPERTIES
from usagewire.wire import names as wire_names
from usagewire.wire.hook_info import Hook, ValueHook
from usagewire.wire.instances import HASH_SLOT, Filling, init_side_effects
from usagewire.wire.layout import Layout
from usagewire.wire.members import attrs_wrote


class _Source:
    """The lines of a generated function and the objects that they name."""

    def __init__(self, **objects: Any) -> None:
        self._lines: list[str] = []
        self._objects = objects

    def add(self, indent: int, *lines: str) -> None:
        self._lines += ["    " * indent + line for line in lines]

    def name(self, prefix: str, value: Any) -> str:
        """Return a name for `value` in the generated code."""
        name = f"{prefix}_{len(self._objects)}"
        self._objects[name] = value
        return name

    def function(self, name: str) -> Hook:
        code = compile("\n".join(self._lines), f"<usagewire {name}>", "exec")
        exec(code, self._objects)  # noqa: S102 -- our own text: attributes are identifiers, keys go through repr()
        return self._objects[name]  # type: ignore[no-any-return]

    def add_call(self, indent: int, v: str, hook: ValueHook, *, at: str | None, kind: bool) -> None:
        """Add lines that call `hook` with `v`, unless its test shows that it would return `v`.

        `at` is the step of the path to note before the call; None if it is noted already.
        """
        if hook.hook is None:
            return
        tests = [] if hook.test is None else [hook.test.format(v=v)]
        if hook.nullable:
            tests.append(f"{v} is None")
        if tests:
            self.add(indent, f"if not ({' or '.join(f'({test})' for test in tests)}):")
            indent += 1
        call = f"{self.name('hook', hook.hook)}({v}"
        call += f", {self.name('kind', hook.kind)})" if kind else ")"
        if at is not None:
            self.add(indent, f"at = {at!r}")
        self.add(indent, f"{v} = {call}")

    def default(self, default: Any, instance: str = "") -> str:
        """Return an expression for the default of a field."""
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            made = instance if default.takes_self else ""
            return f"{self.name('make', default.factory)}({made})"
        return "None" if default is None else self.name("default", default)


def compile_structure(
    keys: tuple[str, ...], layout: Layout, hooks: Sequence[ValueHook], check_tag: Hook, filled: Any
) -> Hook:
    """Return a function that reads objects with exactly `keys`, in this order and complete.

    `filled` is the `mutable_layout` of the class.
    """
    source = _Source(
        new=object.__new__, Mutable=filled, Class=layout.cls, located=located,
        check_tag=check_tag, read_json=scalars.read_json, blamed_key=blamed_key,
    )  # fmt: skip
    source.add(0, "def structure(o):")
    source.add(1, "at = None", "try:")
    variables = {key: f"v{i}" for i, key in enumerate(keys)}
    if keys:
        source.add(2, f"{', '.join(variables.values())}, = o.values()")
    for key in layout.tag_keys & variables.keys():
        v = variables[key]
        source.add(2, f"if {v} != {layout.tags[0]!r}: check_tag({v}, {key!r})")
    values: dict[str, str] = {}
    index = {key: layout.index[key] for key in keys if key in layout.index}
    for key, i in sorted(index.items(), key=itemgetter(1)):
        values[layout.fields[i].attribute] = variables[key]
        source.add_call(2, variables[key], hooks[i], at=key, kind=True)
    extra = variables.keys() - layout.index.keys() - layout.tag_keys
    if extra and layout.keeps:
        items = (f"{key!r}: {v}" for key, v in variables.items() if key in extra)
        source.add(2, "at = None", f"extra = read_json({{{', '.join(items)}}})")
        values[wire_names.EXTRA] = "extra"
    elif layout.catch_all is not None and layout.catch_all.default is attrs.NOTHING:
        values[wire_names.EXTRA] = "{}"
    source.add(2, "at = None")
    if filled is None:
        names = {field.attribute: field.argument for field in layout.fields}
        if layout.catch_all is not None:
            names[wire_names.EXTRA] = layout.catch_all.alias
        # The keys of a `TypedDict` need not be identifiers.
        arguments = (f"{names[name]!r}: {v}" for name, v in values.items())
        source.add(2, f"x = Class(**{{{', '.join(arguments)}}})")
    else:
        source.add(2, "x = new(Mutable)")
        for a in attrs.fields(layout.cls):
            source.add(2, f"x.{a.name} = {values.get(a.name) or source.default(a.default)}")
        if filled is not layout.cls:
            source.add(2, "x.__class__ = Class")
    attribute_keys = source.name("keys", {layout.fields[i].attribute: k for k, i in index.items()})
    source.add(1, "except Exception as error:")
    source.add(2, f"raise located(error, at or blamed_key(error, {attribute_keys}))")
    source.add(1, "return x")
    return source.function("structure")


def blamed_key(error: Exception, keys: Mapping[str, str]) -> str | None:
    """Return the JSON key of the attribute whose validator or attrs converter raised `error`.

    attrs gives each of them a line of the `__init__` that it generates.
    """
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if attrs_wrote(code):
            line = linecache.getline(code.co_filename, trace.tb_lineno)
            found = re.search(r"__attr_(?:validator|converter)_(\w+)\(", line)
            return None if found is None else keys.get(found[1])
        trace = trace.tb_next
    return None


def mutable_layout(cls: Any) -> Any:
    """Return a mutable class with the layout of `cls`, or None if `__init__` does more."""
    makes_subclasses = any("__init_subclass__" in vars(base) for base in cls.__mro__[:-1])
    if init_side_effects(cls) or makes_subclasses:
        return None
    if cls.__setattr__ is object.__setattr__:
        return cls
    # CPython has one slot for both, and its fast path needs both to be those of `object`.
    setters = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    body = {"__slots__": vars(cls)["__slots__"], **setters}
    mutable = type(f"Mutable{cls.__name__}", cls.__bases__, body)
    try:
        object.__new__(mutable).__class__ = cls
    except TypeError:
        return None
    return mutable


def compile_finish(filling: Filling) -> Hook | None:
    """Return a function that does what attrs does after it filled the slots, or None if nothing."""
    post_init = filling.post_init
    if not (filling.validated or filling.caches_hash) and post_init is None:
        return None
    if not (filling.validated or filling.caches_hash) and type(post_init) is FunctionType:
        return post_init
    source = _Source(disabled=attrs.validators.get_disabled, store=object.__setattr__)
    source.add(0, "def finish(x):")
    if filling.validated:
        source.add(1, "if not disabled():")
    for a in filling.validated:
        validator, member = source.name("validator", a.validator), source.name("member", a)
        source.add(2, f"{validator}(x, {member}, x.{a.name})")
    if post_init is not None:
        source.add(1, "x.__attrs_post_init__()")
    if filling.caches_hash:
        source.add(1, f"store(x, {HASH_SLOT!r}, None)")
    return source.function("finish")


def compile_unstructure(layout: Layout, hooks: Sequence[ValueHook]) -> Hook:
    """Return a function `instance of layout.cls -> JSON object`."""
    source = _Source(
        Class=layout.cls, EncodeError=EncodeError, located=located_writing, merge=merge,
        no_extra=NO_PROPERTIES, check_default=check_default,
    )  # fmt: skip
    wrong = "f'expected a {Class.__name__}, got a {type(x).__name__}'"
    source.add(0, "def unstructure(x):")
    source.add(1, f"if type(x) is not Class: raise EncodeError({wrong})")
    source.add(1, "at = None", "r = {}", "try:")
    if layout.tags:
        source.add(2, f"r[{layout.written_tag_key!r}] = {layout.tags[0]!r}")
    for field, hook in zip(layout.fields, hooks, strict=True):
        indent = 2
        # Reading an attribute and comparing it may run code of the user's.
        source.add(2, f"at = {field.attribute!r}", f"v = x.{field.attribute}")
        if field.omit_default:
            default = source.default(field.default, "x")
            source.add(2, "if v is not None:" if default == "None" else f"if v != {default}:")
            indent = 3
        source.add_call(indent, "v", hook, at=None, kind=False)
        source.add(indent, f"r[{field.written!r}] = v")
    for member in layout.unwritten:
        call = f"check_default(x, {source.name('member', member)})"
        source.add(2, f"at = {member.name!r}", call)
    if layout.catch_all is not None:
        taken = source.name("reserved", layout.tag_keys | layout.index.keys())
        source.add(2, f"at = {wire_names.EXTRA!r}", f"v = x.{wire_names.EXTRA}")
        source.add(2, f"if v is not no_extra: merge(r, v, {taken})")
    source.add(2, "return r")
    source.add(1, "except Exception as error:", "    raise located(error, at)")
    return source.function("unstructure")


def check_default(x: Any, member: Any) -> None:
    """Raise if a member that is not written has another value than a new instance has."""
    value = getattr(x, member.name, attrs.NOTHING)
    default = member.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = default.factory(x) if default.takes_self else default.factory()
    if member.converter is not None and default is not attrs.NOTHING:
        takes_all = isinstance(member.converter, attrs.Converter)
        default = member.converter(default, *((x, member) if takes_all else ()))
    if value is not default and not value == default:
        raise EncodeError(
            f"{quote(value)} is not the default, but the constructor does not take the field"
        )


def checking(layout: Layout) -> Hook | None:
    """Return a function that raises for a record that cannot be written, or None if none can."""
    if not layout.unwritten:
        return None

    def check(x: Any) -> None:
        for member in layout.unwritten:
            check_default(x, member)

    return check


def merge(r: dict[str, Any], extra: Any, reserved: frozenset[str]) -> None:
    """Add the unknown fields of a record to its JSON object. Raise for the name of a field."""
    if not isinstance(extra, Mapping):
        raise EncodeError(f"expected a mapping, got {quote(extra)}")
    extra = scalars.write_json(dict(extra))
    taken = reserved & extra.keys()
    if taken:
        raise EncodeError(f"additional_properties cannot have {min(taken)!r}, the key of a field")
    r.update(extra)
