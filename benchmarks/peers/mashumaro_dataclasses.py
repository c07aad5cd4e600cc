"""mashumaro with orjson, on dataclasses with the same fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Union

from mashumaro.codecs.orjson import ORJSONDecoder
from mashumaro.config import BaseConfig
from mashumaro.mixins.orjson import DataClassORJSONMixin
from mashumaro.types import Discriminator

from benchmarks.peers import Decode, Document, Encode, each_line
from benchmarks.shapes import Field, rebuild, tag_of

NAME: Final = "mashumaro + orjson"
ABOUT: Final = (
    "`DataClassORJSONMixin` dataclasses with slots and the same fields, with"
    " `ORJSONDecoder(T).decode` and `to_jsonb` for each line. The union is `Discriminator('object',"
    " include_supertypes=True, variant_tagger_fn=...)`. The options are `omit_none`, an alias for"
    " `source` and `num_sessions`, and a Decimal strategy (`Decimal(str(v))`, written as a string)."
    " As shipped, a float would become its binary expansion. It converts wrong types instead of"
    " refusing them, and drops unknown keys."
)


class _Config(BaseConfig):
    omit_none = True
    serialize_by_alias = True
    serialization_strategy = {  # noqa: RUF012 -- as mashumaro declares it
        Decimal: {"deserialize": lambda v: Decimal(str(v)), "serialize": str}
    }


def _make(cls: type, fields: Sequence[Field]) -> Any:
    members: list[tuple[str, Any, Any]] = [
        (
            f.attribute,
            f.kind,
            dataclasses.field(
                default=dataclasses.MISSING if f.required else None,
                metadata={} if f.attribute == f.key else {"alias": f.key},
            ),
        )
        for f in fields
    ]
    if tag := tag_of(cls):
        members.append(("object", Literal[tag], dataclasses.field(default=tag)))
    made = dataclasses.make_dataclass(
        cls.__name__,
        members,
        bases=(DataClassORJSONMixin,),
        slots=True,
        namespace={"Config": _Config, "__module__": __name__},
    )
    globals()[cls.__name__] = (
        made  # the code that mashumaro generates finds a class by module and name
    )
    return made


def _union(rows: tuple[Any, ...]) -> Any:
    tagged = Discriminator("object", include_supertypes=True, variant_tagger_fn=_default_tag)
    return Annotated[Union[rows], tagged]  # noqa: UP007 -- members known at run time


def _default_tag(cls: Any) -> str:
    """Return the default of `object`, which a class with slots does not have as an attribute."""
    return str(cls.__dataclass_fields__["object"].default)


_MADE: Final = rebuild(_make, _union)


def document(kind: Any) -> Document:
    """Return `decode`."""
    return ORJSONDecoder[Any](_MADE[kind]).decode


def decoder(kind: Any) -> Decode:
    """Return a function that decodes each line."""
    return each_line(document(kind))


def encoder(_: Any) -> Encode:
    """Return a function that encodes each record."""

    def encode(records: list[Any]) -> bytes:
        text = bytearray()
        for record in records:
            text += record.to_jsonb()
            text += b"\n"
        return bytes(text)

    return encode
