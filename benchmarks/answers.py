"""Assert that a peer's answer equals ours. No peer is timed before that."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import attrs

from benchmarks.peers import PEERS, Peer, load
from benchmarks.shapes import EXTRA, JSON_NAMES
from benchmarks.workloads import Workload
from usagewire import Decoder


def as_dict(value: Any) -> Any:
    """Return a record of any peer as a dict from JSON key to value, without nulls.

    A float becomes the Decimal of its shortest text. A bool becomes its name, because `True == 1`.
    """
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list | tuple):
        return [as_dict(item) for item in value]
    return {
        key: item if type(item) in _AS_THEY_ARE else as_dict(item)
        for key, item in _items(value)
        if item is not None
    }


_AS_THEY_ARE: Final = (str, int, Decimal)


def check_decoding(peer: Peer, workload: Workload) -> None:
    """Assert that `peer` reads the same records as we do. It may drop all unknown keys.

    Raises:
        NotSupported: `peer` cannot read the type at all.
    """
    theirs = workload.decoding(peer)()
    ours = workload.decoding(load(PEERS[0]))()
    _assert_equal(ours, theirs, workload.unknown)


def check_encoding(peer: Peer, workload: Workload) -> None:
    """Assert that the text that `peer` writes reads back as the records it was given.

    Raises:
        NotSupported: `peer` cannot write the type at all.
    """
    encode = peer.encoder(workload.kind)
    written = encode(peer.decoder(workload.kind)(workload.data))
    decoder = Decoder(workload.kind)
    _assert_equal(decoder.decode_lines(workload.data), decoder.decode_lines(written))
    assert written.count(b'":') == workload.data.count(b'":'), "as many keys as were read"


def _assert_equal(
    ours: list[Any], theirs: list[Any], unknown: frozenset[str] = frozenset()
) -> None:
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        mine, found = as_dict(one), as_dict(other)
        assert unknown <= mine.keys(), "we keep unknown keys"
        if not unknown & found.keys():
            mine = {key: value for key, value in mine.items() if key not in unknown}
        assert mine == found


def _items(record: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(record, dict):
        return record.items()
    cls: Any = type(record)
    items = [(key, getattr(record, name, None)) for name, key in _names(cls)]
    extra = getattr(record, EXTRA, None)
    return [*items, *extra.items()] if extra else items


@lru_cache(maxsize=64)
def _names(cls: Any) -> tuple[tuple[str, str], ...]:
    """Return the attributes of a peer's class and their keys, including the tag."""
    if attrs.has(cls):
        names = {a.name for a in attrs.fields(cls)}
    elif hasattr(cls, "__struct_fields__"):
        names = set(cls.__struct_fields__)
    elif hasattr(cls, "model_fields"):
        names = set(cls.model_fields)
    else:
        names = set(cls.__dataclass_fields__)
    return tuple(
        (name, JSON_NAMES.get(name, name)) for name in sorted(names - {EXTRA} | {"object"})
    )
