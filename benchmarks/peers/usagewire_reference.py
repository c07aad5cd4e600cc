"""usagewire without its C extension, in the same process: what `USAGEWIRE_PURE=1` gives."""

from __future__ import annotations

from typing import Any, Final
from unittest.mock import patch

from benchmarks.peers import Decode, Document, Encode
from usagewire import Decoder, Encoder
from usagewire.native import plans

NAME: Final = "usagewire, reference path"
ABOUT: Final = "The same decoder and encoder, built as where there is no C extension."


def document(kind: Any) -> Document:
    """Return `decode` for `kind`."""
    return _built(kind).decode


def decoder(kind: Any) -> Decode:
    """Return `decode_lines` for `kind`."""
    return _built(kind).decode_lines


def encoder(_: Any) -> Encode:
    """Return `encode_lines`."""
    with patch.object(plans, "PURE", new=True):
        return Encoder().encode_lines


def _built(kind: Any) -> Decoder[Any]:
    with patch.object(plans, "PURE", new=True):
        built = Decoder[Any](kind)
    assert built.not_accelerated is not None
    return built
