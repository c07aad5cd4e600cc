"""The peers: one module each, which imports its library and no other peer's.

A peer is set up as its documentation says to, with the least that gives our answer. It gets the
whole NDJSON text and gives a list of records, or gets a list of records and gives the whole text;
or it gets one document, which may take many lines.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Protocol, TypeAlias, cast

Document: TypeAlias = Callable[[bytes], Any]
Decode: TypeAlias = Callable[[bytes], list[Any]]
Encode: TypeAlias = Callable[[list[Any]], bytes]

PEERS: Final = (
    "usagewire_records",
    "usagewire_reference",
    "orjson_dicts",
    "cattrs_orjson",
    "msgspec_structs",
    "msgspec_attrs",
    "pydantic_models",
    "mashumaro_dataclasses",
    "openai_responses",
    "openai_validated",
)
"""The modules here; ours, the measure of the others, comes first."""


class NotSupported(Exception):  # noqa: N818 -- an answer, not an error
    """The peer cannot do this; the message is the reason it gives."""


class Peer(Protocol):
    """What each module here offers."""

    NAME: str
    """What to call it in tables."""
    ABOUT: str
    """How it was set up, and where what it does differs."""

    def document(self, kind: Any) -> Document:
        """Return what turns one JSON document into what stands for our type `kind`."""

    def decoder(self, kind: Any) -> Decode:
        """Return what turns NDJSON into records of what stands for our type `kind`."""

    def encoder(self, kind: Any) -> Encode:
        """Return what turns such records into NDJSON."""


def each_line(document: Document) -> Decode:
    """Return what gives each line to `document`."""

    def decode(data: bytes) -> list[Any]:
        return [document(line) for line in data.splitlines()]

    return decode


def load(name: str) -> Peer:
    """Import the peer of that name and return it."""
    return cast("Peer", import_module(f"{__name__}.{name}"))
