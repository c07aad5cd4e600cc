"""usagewire, which the other peers are compared with."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.peers import Decode, Document, Encode
from usagewire import Decoder, Encoder

NAME: Final = "usagewire"
ABOUT: Final = (
    "`Decoder(type).decode_lines` and `Encoder().encode_lines` without options, as installed. They"
    " use the C extension if it was built."
)


def document(kind: Any) -> Document:
    """Return `decode` for `kind`."""
    return Decoder[Any](kind).decode


def decoder(kind: Any) -> Decode:
    """Return `decode_lines` for `kind`."""
    return Decoder[Any](kind).decode_lines


def encoder(_: Any) -> Encode:
    """Return `encode_lines`."""
    return Encoder().encode_lines
