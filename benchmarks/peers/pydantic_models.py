"""pydantic on models with the same fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Union

import pydantic
from pydantic import ConfigDict, TypeAdapter, create_model

from benchmarks.peers import Decode, Document, Encode, each_line
from benchmarks.shapes import Field, rebuild, tag_of

NAME: Final = "pydantic"
ABOUT: Final = (
    "`create_model` with the same fields, `strict=True`, and an alias for `source` and"
    " `num_sessions`. `object` is a Literal and the discriminator of the union. Each line uses"
    " `TypeAdapter(T).validate_json` and `dump_json(by_alias=True, exclude_unset=True)`. It writes"
    " money as strings and ignores unknown keys."
)


def _make(cls: type, fields: Sequence[Field]) -> Any:
    members: dict[str, Any] = {
        f.attribute: (
            f.kind,
            pydantic.Field(
                default=... if f.required else None,
                alias=None if f.attribute == f.key else f.key,
            ),
        )
        for f in fields
    }
    if tag := tag_of(cls):
        members["object"] = (Literal[tag], tag)
    return create_model(cls.__name__, __config__=ConfigDict(strict=True), **members)


def _union(rows: tuple[Any, ...]) -> Any:
    return Annotated[Union[rows], pydantic.Field(discriminator="object")]  # noqa: UP007 -- members known at run time


_MADE: Final = rebuild(_make, _union)


def document(kind: Any) -> Document:
    """Return `validate_json`."""
    return TypeAdapter[Any](_MADE[kind]).validate_json


def decoder(kind: Any) -> Decode:
    """Return a function that validates each line."""
    return each_line(document(kind))


def encoder(kind: Any) -> Encode:
    """Return a function that dumps each model."""
    dump = TypeAdapter[Any](_MADE[kind]).dump_json

    def encode(records: list[Any]) -> bytes:
        text = bytearray()
        for record in records:
            text += dump(record, by_alias=True, exclude_unset=True)
            text += b"\n"
        return bytes(text)

    return encode
