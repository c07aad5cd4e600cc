"""usagewire without its C extension, as with `USAGEWIRE_PURE=1`, in the same process."""

from __future__ import annotations

from typing import Any, Final
from unittest.mock import patch

from benchmarks.peers import Decode, Document, Encode
from usagewire import Decoder, Encoder
from usagewire.native import plans

NAME: Final = "usagewire, reference path"
ABOUT: Final = "the same decoder and encoder, built as if there were no C extension."


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
