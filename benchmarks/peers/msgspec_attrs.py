"""msgspec on our own attrs classes, where it can."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from benchmarks.peers import Decode, Document, Encode, NotSupported

NAME: Final = "msgspec (our attrs classes)"
ABOUT: Final = (
    "`msgspec.json.Decoder(UsageCompletionsResult).decode_lines`. It neither checks nor writes"
    " `object`, for it has no tags for attrs classes, and drops unknown keys."
)


def document(kind: Any) -> Document:
    """Return `decode` for `kind`.

    Raises:
        NotSupported: as `decoder`.
    """
    return _built(kind).decode


def decoder(kind: Any) -> Decode:
    """Return `decode_lines` for `kind`.

    Raises:
        NotSupported: for a union of attrs classes, or a class that holds one.
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
