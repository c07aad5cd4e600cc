"""The peers: one module each, which imports its own library and no other peer's.

A peer is set up as its documentation recommends, with the fewest options that give our answer. It
decodes a whole NDJSON text to a list of records, or encodes such a list to a whole text. It also
decodes one document, which may have many lines.
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
"""The modules here. Ours comes first: figures of the others are multiples of ours."""


class NotSupported(Exception):  # noqa: N818 -- an answer, not an error
    """The peer cannot do this. The message is its reason."""


class Peer(Protocol):
    """The interface of each module here."""

    NAME: str
    """Its name in tables."""
    ABOUT: str
    """Its set-up, and how its results differ from ours."""

    def document(self, kind: Any) -> Document:
        """Return a function that decodes one JSON document to the peer's type for our `kind`."""

    def decoder(self, kind: Any) -> Decode:
        """Return a function that decodes NDJSON to records of the peer's type for our `kind`."""

    def encoder(self, kind: Any) -> Encode:
        """Return a function that encodes such records as NDJSON."""


def each_line(document: Document) -> Decode:
    """Return a function that decodes each line by `document`."""

    def decode(data: bytes) -> list[Any]:
        return [document(line) for line in data.splitlines()]

    return decode


def load(name: str) -> Peer:
    """Import and return the peer of that name."""
    return cast("Peer", import_module(f"{__name__}.{name}"))
