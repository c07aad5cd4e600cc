"""The JSON keys that distinguish the classes of a union without tags.

This module must not know what a value means, except strings that a Literal names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, get_origin

import attrs

from usagewire.errors import DecodeError, UsageWireError, quote
from usagewire.wire.hook_info import Hook, describe, info_of
from usagewire.wire.members import members_of


def discriminator(
    kind: Any, hooks: Mapping[Any, Hook], choices_of: Callable[[Any], list[Any]]
) -> Callable[[dict[str, Any]], Any]:
    """Return a function from a JSON object to its class in the union `kind`.

    `hooks` has the structure hook of each class. `choices_of` returns the JSON values of a Literal,
    or [] for another type. It raises `UsageWireError` if no JSON key
    distinguishes the classes.
    """
    classes = list(hooks)
    keys = {cls: _keys_of(cls, hook) for cls, hook in hooks.items()}
    return _by_literal(classes, keys, choices_of) or _by_required_key(kind, classes, keys)


class _Key(NamedTuple):
    """A JSON key by which a field of a class is read."""

    attribute: str
    type: Any
    required: bool
    always_written: bool


def _keys_of(cls: Any, hook: Hook) -> dict[str, _Key]:
    """Return the JSON keys of a class; for a hook of the user's, as `cattrs` names them."""
    match info_of(hook):
        case ("class", structurer):
            return {
                key: _Key(
                    field.attribute,
                    field.type,
                    field.required,
                    field.required or not field.omit_default,
                )
                for field in structurer.layout.fields
                for key in field.read
            }
    overrides = getattr(hook, "overrides", {})
    found = {}
    for a in members_of(get_origin(cls) or cls):
        rename = getattr(overrides.get(a.name), "rename", None)
        required = a.default is attrs.NOTHING
        found[rename or a.name] = _Key(a.name, a.type, required, required)
    return found


def _by_literal(
    classes: list[Any],
    keys: Mapping[Any, Mapping[str, _Key]],
    choices_of: Callable[[Any], list[Any]],
) -> Callable[[dict[str, Any]], Any] | None:
    """Return a function that chooses by a key under which each class has its own Literal."""
    for key in keys[classes[0]]:
        table: dict[Any, Any] = {}
        count = 0
        for cls in classes:
            found = keys[cls].get(key)
            choices = choices_of(found.type) if found and found.always_written else []
            if not choices or not all(type(choice) is str for choice in choices):
                break
            table |= dict.fromkeys(choices, cls)
            count += len(choices)
        else:
            if len(table) == count:
                first = keys[classes[0]]
                names = [one for one in first if first[one].attribute == first[key].attribute]
                chosen: Any = partial(_class_by_literal, names, table)
                return describe(chosen, "by literal", names, table)
    return None


def _class_by_literal(names: list[str], table: Mapping[str, Any], o: dict[str, Any]) -> Any:
    key = next((name for name in names if name in o), None)
    if key is None:
        raise DecodeError(
            "missing_tag", f"the key {quote(names[0])}, which names the class, is absent"
        )
    value = o[key]
    if type(value) is not str:
        raise DecodeError("wrong_type", f"expected a string, got {quote(value)}").within(key)
    if value not in table:
        message = f"expected one of {', '.join(map(quote, table))}, got {quote(value)}"
        raise DecodeError("wrong_tag", message).within(key)
    return table[value]


def _by_required_key(
    kind: Any, classes: list[Any], keys: Mapping[Any, Mapping[str, _Key]]
) -> Callable[[dict[str, Any]], Any]:
    """Return a function that chooses by a key that only one class has, and that it requires."""
    chosen: dict[str, Any] = {}
    rest = list(classes)
    # A class that has such a key is left out for the others, so look again until none is found.
    while found := {cls: own for cls in rest if (own := _own_keys(cls, rest, keys))}:
        for cls, own in found.items():
            chosen |= dict.fromkeys(own, cls)
        rest = [cls for cls in rest if cls not in found]
    if len(rest) > 1:
        names = " and ".join(cls.__name__ for cls in rest)
        raise UsageWireError(
            f"{quote(str(kind))} is not supported: no required JSON key and no Literal is"
            f" different in {names}; register a structure hook for it"
        )
    expected = " or ".join(map(quote, chosen))

    def class_of(o: dict[str, Any]) -> Any:
        for key, cls in chosen.items():
            if key in o:
                return cls
        if rest:
            return rest[0]
        raise DecodeError("bad_value", f"no key tells the class: expected {expected}")

    return describe(class_of, "by key", chosen, rest)


def _own_keys(cls: Any, classes: list[Any], keys: Mapping[Any, Mapping[str, _Key]]) -> list[str]:
    """Return the spellings of a required field of `cls` that no other class has."""
    others = {key for other in classes if other is not cls for key in keys[other]}
    by_field: dict[str, list[str]] = {}
    for key, found in keys[cls].items():
        if found.required:
            by_field.setdefault(found.attribute, []).append(key)
    return next((own for own in by_field.values() if others.isdisjoint(own)), [])
