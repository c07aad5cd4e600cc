"""msgspec on Structs with the same fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Union

import msgspec

from benchmarks.peers import Decode, Document, Encode
from benchmarks.shapes import Field, rebuild, tag_of

NAME: Final = "msgspec (Struct)"
ABOUT: Final = (
    "`msgspec.defstruct` with the same fields, `frozen=True`, `tag_field='object'`, `rename` for"
    " `source` and `num_sessions`, and `omit_defaults=True`. It uses `json.Decoder(T).decode_lines`"
    " and `json.Encoder(decimal_format='number').encode_lines`. It drops unknown keys, refuses an"
    " unknown tag, and omits a null `next_page`."
)


def _make(cls: type, fields: Sequence[Field]) -> Any:
    tag = tag_of(cls)
    return msgspec.defstruct(
        cls.__name__,
        [(f.attribute, f.kind) if f.required else (f.attribute, f.kind, None) for f in fields],
        tag_field="object" if tag else None,
        tag=tag,
        rename={f.attribute: f.key for f in fields},
        omit_defaults=True,
        frozen=True,
        namespace={"object": tag},
    )


_MADE: Final = rebuild(_make, lambda rows: Union[rows])  # noqa: UP007 -- members known at run time


def document(kind: Any) -> Document:
    """Return `decode` for the Struct, or union of Structs."""
    return msgspec.json.Decoder(_MADE[kind]).decode


def decoder(kind: Any) -> Decode:
    """Return `decode_lines` for the Struct, or union of Structs."""
    return msgspec.json.Decoder(_MADE[kind]).decode_lines


def encoder(_: Any) -> Encode:
    """Return `encode_lines`."""
    return msgspec.json.Encoder(decimal_format="number").encode_lines
