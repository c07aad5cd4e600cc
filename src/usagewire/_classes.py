"""An attrs class between its JSON object and its instance: one generated function each way.

`structure_function` and `unstructure_function` write the source of a function for one class, the
way attrs writes `__init__` and cattrs writes its hooks: a few straight lines a field, with the test
for the plain case of a value written out and all else left to the converter's hook for the type.

An object is read under the usual JSON keys. Where it has others, `_Respelling` sorts them into
other spellings of known fields and unknown keys, and the same function reads what comes of it:
there is one meaning, and plain rows do not pay for the rest. Keys are counted before anything
nested is read, so that nothing nested is read twice.

attrs makes a frozen instance by one `object.__setattr__` a field (about 200 ns each). Where nothing
but assignment happens in `__init__`, the function fills a *twin* instead: a class of the same
layout without the freezing, whose instance then becomes one of the class (`__class__` assignment,
which CPython allows between classes of one layout). For 25 fields that saves half of the time.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from itertools import count
from types import MemberDescriptorType
from typing import Any, Final, get_origin

import attrs
import orjson
from cattrs import Converter

from usagewire import _values, _wire
from usagewire._fields import Field, Rules, fields_of, tag_keys, tags_of
from usagewire.errors import DecodeError, EncodeError, located, located_writing, quote
from usagewire.models import NO_PROPERTIES, UnknownResult

Hook = Callable[..., Any]

_USUAL: Final[Mapping[str, str]] = {}
_numbers = count(1)


class _Source:
    """Lines of a function to be, and the objects they name."""

    def __init__(self, **objects: Any) -> None:
        self.lines: list[str] = []
        self.objects = objects

    def add(self, indent: int, *lines: str) -> None:
        self.lines += ["    " * indent + line for line in lines]

    def name(self, prefix: str, value: Any) -> str:
        name = f"{prefix}_{len(self.objects)}"
        self.objects[name] = value
        return name

    def function(self, name: str) -> Hook:
        file = f"<usagewire {name} {next(_numbers)}>"
        text = "\n".join(self.lines) + "\n"
        exec(compile(text, file, "exec"), self.objects)  # noqa: S102 -- our own text: field names are identifiers, keys pass through repr()
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        return self.objects[name]  # type: ignore[no-any-return]


# --- reading ---------------------------------------------------------------------------------


def structure_function(cls: Any, converter: Converter, rules: Rules) -> Hook:
    """Return a hook `(JSON object, type) -> instance of cls` that obeys `rules`."""
    origin = get_origin(cls) or cls
    fields = fields_of(cls, converter, rules)
    respelling = _Respelling(origin, fields, rules)
    twin = _twin(origin)
    tags = tags_of(origin)
    source = _Source(
        new=object.__new__, Twin=twin, Class=origin, again=respelling, usual=_USUAL,
        absent=_absent, located=located, wrong_type=_values.wrong_type, check_tag=_check_tag,
        tags=tags, no_extra=NO_PROPERTIES,
    )  # fmt: skip
    source.add(0, "def structure(o, _=None, extra=None, spelled=usual):")
    source.add(1, "if type(o) is not dict: raise wrong_type('an object', o)")
    source.add(1, "n = 0", "at = None", "x = new(Twin)" if twin else "x = {}")
    source.add(1, "try:")
    if tags:
        source.add(2, f"if {_wire.TAG!r} in o:", "    n += 1")
        source.add(3, f"if o[{_wire.TAG!r}] != {tags[0]!r}:")
        source.add(4, f"at = {_wire.TAG!r}", f"check_tag(o[{_wire.TAG!r}], tags, Class)")
    nested = []
    for field in fields:
        reader = _reader(field, converter, rules)
        # Values that may be let off are read, and counted, once: after the keys are known.
        if reader.hook is not None and (reader.test is None or not rules.strict):
            nested.append((field, reader))
        else:
            _add_field(source, field, reader, twin=twin is not None)
    for field, _ in nested:
        key = field.read[0]
        source.add(2, f"if {key!r} in o: n += 1")
        if field.required:
            source.add(2, "else:")
            _add_missing(source, key)
    if respelling.wanted:
        source.add(2, "if n != len(o):", "    at = None", "    return again(o, structure)")
    for field, reader in nested:
        _add_field(source, field, reader, twin=twin is not None, counted=True)
    if respelling.keeps:
        target = f"x.{_wire.EXTRA}" if twin else f"x[{_wire.EXTRA!r}]"
        source.add(2, f"{target} = extra or no_extra")
    if not twin:
        source.add(2, "at = None", "return Class(**x)")
    source.add(1, "except Exception as error:")
    source.add(2, "raise located(error, spelled.get(at, at))")
    if twin:
        source.add(1, *(["x.__class__ = Class"] if twin is not origin else []), "return x")
    return source.function("structure")


@attrs.frozen
class _ValueHook:
    """How the values of one field are read or written."""

    hook: Hook | None
    """The hook to call, None where the value stays as it is."""
    kind: Any = None
    nullable: bool = False
    """Whether null stays null without asking the hook."""
    test: str | None = None
    """An expression over `v` that is true only where the hook would return `v`."""


def _reader(field: Field, converter: Converter, rules: Rules) -> _ValueHook:
    if field.override.struct_hook is not None:
        return _ValueHook(field.override.struct_hook, field.type)
    if field.type is None or not field.use_hook:
        return _ValueHook(None)
    return _value_hook(
        converter.get_structure_hook(field.type, cache_result=False), field.type, rules
    )


def _writer(field: Field, converter: Converter, rules: Rules) -> _ValueHook:
    if field.override.unstruct_hook is not None:
        return _ValueHook(field.override.unstruct_hook, field.type)
    if field.type is None:
        return _ValueHook(converter.unstructure)
    return _value_hook(
        converter.get_unstructure_hook(field.type, cache_result=False), field.type, rules
    )


def _value_hook(hook: Hook, kind: Any, rules: Rules) -> _ValueHook:
    inner = getattr(hook, "not_none", None)
    if inner is not None:
        hook, kind = inner
    return _ValueHook(hook, kind, inner is not None, rules.plain.get((hook, kind)))


def _add_field(
    source: _Source, field: Field, reader: _ValueHook, *, twin: bool, counted: bool = False
) -> None:
    key = field.read[0]
    target = f"x.{field.attribute}" if twin else f"x[{field.argument!r}]"
    source.add(2, f"if {key!r} in o:")
    source.add(3, f"v = o[{key!r}]" if counted else f"n += 1; v = o[{key!r}]")
    if reader.hook is not None:
        unless = ["v is None" if reader.nullable else None, reader.test]
        call = f"{source.name('hook', reader.hook)}(v, {source.name('type', reader.kind)})"
        _add_call(source, 3, unless, at=key, call=call)
    source.add(3, f"{target} = v")
    if field.required:
        if not counted:
            source.add(2, "else:")
            _add_missing(source, key)
    elif twin:
        source.add(2, f"else: {target} = {_default(source, field)}")


def _add_call(
    source: _Source, indent: int, unless: list[str | None], *, at: str, call: str
) -> None:
    """Add `v = call`, to be skipped where one of the expressions `unless` is true."""
    tests = [f"({text})" for text in unless if text]
    if tests:
        source.add(indent, f"if not ({' or '.join(tests)}):")
        indent += 1
    source.add(indent, f"at = {at!r}", f"v = {call}")


def _default(source: _Source, field: Field, instance: str = "") -> str:
    """Return an expression for the default of `field`."""
    default = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return f"{source.name('make', default.factory)}({instance if default.takes_self else ''})"
    return "None" if default is None else source.name("default", default)


def _add_missing(source: _Source, key: str) -> None:
    source.add(3, "at = None")
    source.add(3, "if extra is None: return again(o, structure)")
    source.add(3, f"at = {key!r}", f"raise absent({key!r}, extra, Class)")


def _check_tag(tag: Any, tags: tuple[str, ...], cls: type) -> None:
    if type(tag) is not str:
        raise _values.wrong_type("a string", tag)
    if tag not in tags:
        raise DecodeError(
            "wrong_tag", f"{quote(tag)} is not {tags[0]!r}, the tag of {cls.__name__}"
        )


def _absent(key: str, extra: Mapping[str, Any], cls: type) -> DecodeError:
    return api_error(extra) or DecodeError(
        "missing_field", f"{cls.__name__} requires {key!r}, which is absent"
    )


def api_error(o: Mapping[str, Any]) -> DecodeError | None:
    """Return the error for an error answer of the API, or None where `o` is none."""
    answer = o.get(_wire.API_ERROR)
    if type(answer) is not dict or "message" not in answer:
        return None
    return DecodeError("api_error", f"the API answered with an error: {quote(answer['message'])}")


class _Respelling:
    """Second reading of an object whose keys are not just the usual ones of its class."""

    def __init__(self, cls: type, fields: tuple[Field, ...], rules: Rules) -> None:
        self._class = cls
        self._strict = rules.strict
        self._used = rules.used
        self._usual = {key: field.read[0] for field in fields for key in field.read}
        if tags_of(cls):
            self._usual |= dict.fromkeys(tag_keys(cls), _wire.TAG)
        # A wrapper has no tag; an object that has one is no wrapper, whatever else it has.
        self._wrappers = _wire.WRAPPERS if len(tag_keys(cls)) > 1 and tags_of(cls) else ()
        catches = _wire.EXTRA in attrs.fields_dict(cls) and _wire.EXTRA not in self._usual
        # What an `UnknownResult` holds is its content, whatever is said about unknown keys.
        content = issubclass(cls, UnknownResult)
        self.keeps = catches and (rules.unknown == "keep" or content)
        self._forbids = rules.unknown == "forbid" and not content
        self.wanted = (
            catches or self._forbids or len(self._usual) > len(fields) + bool(tags_of(cls))
        )

    def __call__(self, o: dict[str, Any], structure: Hook) -> Any:
        usual: dict[str, Any] = {}
        spelled: dict[str, str] = {}
        extra: dict[str, Any] = {}
        for key, value in o.items():
            name = self._usual.get(key)
            if name is None:
                extra[key] = value
            elif name not in usual:
                usual[name] = value
                spelled[name] = key
            elif not _same_json(usual[name], value):
                raise DecodeError(
                    "ambiguous_name",
                    f"{spelled[name]!r} and {key!r} are spellings of one field, with other values",
                ).within(key)
        for wrapper in () if _wire.TAG in usual else self._wrappers:
            if wrapper in extra:
                return unwrap(o, wrapper, structure, strict=self._strict, used=self._used)
        if extra and self._forbids:
            key = next(iter(extra))
            raise api_error(extra) or DecodeError(
                "unknown_field", f"{self._class.__name__} has no field for the key {quote(key)}"
            ).within(key)
        if self.keeps:
            _values.read_json(extra)
        return structure(usual, None, extra, spelled)


def unwrap(
    o: dict[str, Any], wrapper: str, structure: Hook, *, strict: bool, used: _values.Leniency
) -> Any:
    """Return the row inside a generated client's wrapper; refuse it where `strict`."""
    if strict:
        raise DecodeError(
            "sdk_wrapper",
            f"a generated client put the row under {wrapper!r}; strict=False unwraps it",
        )
    used()
    try:
        return structure(o[wrapper], None)
    except DecodeError as error:
        raise error.within(wrapper)  # noqa: B904 -- the same error, one step further out


def _same_json(one: Any, other: Any) -> bool:
    """Return whether two JSON values are equal in type too: 1, 1.0 and true are three."""
    sort = orjson.OPT_SORT_KEYS
    return orjson.dumps(one, option=sort) == orjson.dumps(other, option=sort)


def _twin(cls: Any) -> Any:
    """Return a class of the layout of `cls` to fill in its stead, or None where that skips work.

    Work is anything the constructor does beyond storing its arguments: validators, converters, the
    `__attrs_*_init__` hooks, an `__init__` or `__new__` that attrs did not write.
    """
    own = vars(cls)
    metaclass: Any = type(cls)
    hooks = ("__attrs_init__", "__attrs_pre_init__", "__attrs_post_init__")
    if (
        metaclass is not type
        or cls.__new__ is not object.__new__
        or not own.keys() >= {"__slots__", "__attrs_attrs__", "__init__"}
        or any(hasattr(cls, hook) for hook in hooks)
        or any("__init_subclass__" in vars(base) for base in cls.__mro__[:-1])
        or not all(_only_stored(a, cls) for a in attrs.fields(cls))
    ):
        return None
    if cls.__setattr__ is object.__setattr__:
        return cls
    # Both, because CPython has one slot for the two and takes its short way only if both are plain.
    plain = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    body = {"__slots__": own["__slots__"], **plain}
    twin = type(f"{cls.__name__}Twin", cls.__bases__, body)
    try:
        object.__new__(twin).__class__ = cls
    except TypeError:
        return None
    return twin


def _only_stored(a: attrs.Attribute[Any], cls: type) -> bool:
    made_of_self = isinstance(a.default, attrs.Factory) and a.default.takes_self  # type: ignore[arg-type, union-attr]
    plain = a.init and a.validator is None and a.converter is None and not made_of_self
    holder = next((base for base in cls.__mro__ if a.name in vars(base)), None)
    return plain and holder is not None and type(vars(holder)[a.name]) is MemberDescriptorType


# --- writing ---------------------------------------------------------------------------------


def unstructure_function(cls: Any, converter: Converter, rules: Rules) -> Hook:
    """Return a hook `instance of cls -> JSON object` in the names of `rules.dialect`."""
    origin = get_origin(cls) or cls
    fields = fields_of(cls, converter, rules)
    source = _Source(located=located_writing, merge=_merge)
    source.add(0, "def unstructure(x):")
    source.add(1, "at = None", "r = {}", "try:")
    tags = tags_of(origin)
    reserved = {key for field in fields for key in field.read}
    if tags:
        keys = tag_keys(origin)
        reserved |= set(keys)
        key = _wire.spelling(_wire.TAG, rules.dialect) if len(keys) > 1 else _wire.TAG
        source.add(2, f"r[{key!r}] = {tags[0]!r}")
    for field in fields:
        writer = _writer(field, converter, rules)
        source.add(2, f"v = x.{field.attribute}")
        indent = 2
        nullable = writer.nullable
        if field.omit_default:
            default = _default(source, field, "x")
            source.add(2, "if v is not None:" if default == "None" else f"if v != {default}:")
            nullable = nullable and default != "None"
            indent = 3
        if writer.hook is not None:
            unless = ["v is None" if nullable else None, writer.test]
            call = f"{source.name('hook', writer.hook)}(v)"
            _add_call(source, indent, unless, at=field.attribute, call=call)
        source.add(indent, f"r[{field.written!r}] = v")
    if _wire.EXTRA in attrs.fields_dict(origin) and _wire.EXTRA not in reserved:
        source.objects["reserved"] = frozenset(reserved)
        source.add(2, f"v = x.{_wire.EXTRA}")
        source.objects["no_extra"] = NO_PROPERTIES
        source.add(2, "if v is not no_extra:", f"    at = {_wire.EXTRA!r}")
        source.add(3, "merge(r, v, reserved)")
    source.add(2, "return r")
    source.add(1, "except Exception as error:", "    raise located(error, at)")
    return source.function("unstructure")


def _merge(r: dict[str, Any], extra: Any, reserved: frozenset[str]) -> None:
    """Add the unknown keys of a record to its JSON object, unless one would pass for a field."""
    if not isinstance(extra, Mapping):
        raise EncodeError(f"expected a mapping, got {quote(extra)}")
    extra = dict(extra)
    _values.write_json(extra)
    taken = reserved & extra.keys()
    if taken:
        raise EncodeError(f"{min(taken)!r} is the name of a field, not of an additional property")
    r.update(extra)
