"""msgspec on our own attrs classes, as far as it supports them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from benchmarks.peers import Decode, Document, Encode, NotSupported

NAME: Final = "msgspec (our attrs classes)"
ABOUT: Final = (
    "`msgspec.json.Decoder(UsageCompletionsResult).decode_lines`. It has no tags for attrs classes,"
    " so it does not check or write `object`. It drops unknown keys."
)


def document(kind: Any) -> Document:
    """Return `decode` for `kind`.

    Raises:
        NotSupported: as in `decoder`.
    """
    return _built(kind).decode


def decoder(kind: Any) -> Decode:
    """Return `decode_lines` for `kind`.

    Raises:
        NotSupported: `kind` is or contains a union of attrs classes.
    """
    return _built(kind).decode_lines


def _built(kind: Any) -> msgspec.json.Decoder[Any]:
    try:
        return msgspec.json.Decoder(kind)
    except TypeError as error:
        raise NotSupported(str(error).split(" - ", 1)[0]) from error


def encoder(kind: Any) -> Encode:
    """Refuse.

    Raises:
        NotSupported: always.
    """
    decoder(kind)
    raise NotSupported("for attrs classes it has no tag to write and no way to leave a field out")
