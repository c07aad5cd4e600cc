"""cattrs with orjson as shipped, on our own attrs classes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, cast

import attrs
import orjson
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.preconf.orjson import OrjsonConverter, make_converter
from cattrs.strategies import configure_tagged_union

from benchmarks.peers import Decode, Document, Encode
from benchmarks.shapes import EXTRA, JSON_NAMES, tag_of
from usagewire import (
    CostsResultAmount,
    UsageCompletionsResult,
    UsageResponse,
    UsageResult,
    UsageTimeBucket,
)
from usagewire.models import ROW_CLASSES

NAME: Final = "cattrs + orjson"
ABOUT: Final = (
    "`cattrs.preconf.orjson.make_converter()` on usagewire's own classes, with `loads` and `dumps`"
    " for each line. Completions rows are decoded by the converter as shipped, without hooks. The"
    " other types need a Decimal hook (`Decimal(str(v))`, written as a string),"
    " `configure_tagged_union(UsageResult, tag_name='object', tag_generator=...)`, and"
    " `override(rename=...)` for `source` and `num_sessions`. Writing needs `omit_if_default`, and"
    " `override(omit=True)` for `additional_properties`. Rows are written as members of the union,"
    " which adds their tag; a hook adds the tag of pages and buckets. It converts wrong types"
    " instead of refusing them, and drops unknown keys."
)


def _configured() -> OrjsonConverter:
    converter = make_converter(omit_if_default=True)
    converter.register_structure_hook(Decimal, lambda v, _: Decimal(str(v)))
    converter.register_unstructure_hook(Decimal, str)
    for cls in (CostsResultAmount, *ROW_CLASSES):
        _register(converter, cls)
    configure_tagged_union(
        UsageResult, converter, tag_name="object", tag_generator=lambda cls: cast("Any", cls).object
    )
    for outer in (UsageTimeBucket, UsageResponse):
        _register(converter, outer)
        _add_tag(converter, outer)
    return converter


def _register(converter: OrjsonConverter, cls: type[Any]) -> None:
    names: dict[str, Any] = {
        a.name: override(rename=JSON_NAMES[a.name])
        for a in attrs.fields(cls)
        if a.name in JSON_NAMES
    }
    read: Any = make_dict_structure_fn(cls, converter, **names)
    names[EXTRA] = override(omit=True)
    write: Any = make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **names)
    converter.register_structure_hook(cls, read)
    converter.register_unstructure_hook(cls, write)


def _add_tag(converter: OrjsonConverter, cls: type[Any]) -> None:
    without, tag = converter.get_unstructure_hook(cls), tag_of(cls)

    def write(record: Any) -> dict[str, Any]:
        return {"object": tag, **without(record)}

    converter.register_unstructure_hook(cls, write)


_CONVERTER: Final = _configured()
_AS_SHIPPED: Final = make_converter()


def document(kind: Any) -> Document:
    """Return a function that loads a document."""
    loads = _converter(kind).loads
    return lambda data: loads(data, kind)


def decoder(kind: Any) -> Decode:
    """Return a function that loads each line."""
    loads = _converter(kind).loads

    def decode(data: bytes) -> list[Any]:
        return [loads(line, kind) for line in data.splitlines()]

    return decode


def _converter(kind: Any) -> OrjsonConverter:
    return _AS_SHIPPED if kind is UsageCompletionsResult else _CONVERTER


def encoder(kind: Any) -> Encode:
    """Return a function that dumps each record."""
    dumps, newline = _CONVERTER.dumps, orjson.OPT_APPEND_NEWLINE
    written_as = UsageResult if kind is UsageCompletionsResult else kind

    def encode(records: list[Any]) -> bytes:
        text = bytearray()
        for record in records:
            text += dumps(record, unstructure_as=written_as, option=newline)
        return bytes(text)

    return encode
