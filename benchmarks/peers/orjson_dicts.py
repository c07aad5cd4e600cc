"""orjson alone: one dict for each line, without checks or types."""

from __future__ import annotations

from typing import Any, Final

import orjson

from benchmarks.peers import Decode, Document, Encode, each_line

NAME: Final = "orjson alone (dicts)"
ABOUT: Final = (
    "`orjson.loads` and `orjson.dumps` for each line. It returns dicts, without types, defaults or"
    " checks, and with money as floats."
)


def document(_: Any) -> Document:
    """Return `loads`."""
    return orjson.loads


def decoder(kind: Any) -> Decode:
    """Return a function that parses each line."""
    return each_line(document(kind))


def encoder(_: Any) -> Encode:
    """Return a function that writes each dict."""
    dumps, newline = orjson.dumps, orjson.OPT_APPEND_NEWLINE

    def encode(records: list[Any]) -> bytes:
        text = bytearray()
        for record in records:
            text += dumps(record, option=newline)
        return bytes(text)

    return encode
