"""One document in, one document out: `loads` and `dumps`, over cached decoders and encoders."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, overload

from usagewire.codec.decoder import Data, Decoder
from usagewire.codec.encoder import Encoder
from usagewire.models import UsageObject
from usagewire.native import plans
from usagewire.wire.layout import Unknown
from usagewire.wire.names import Dialect

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


@overload
def loads(data: Data, *, strict: bool = True, unknown: Unknown = "keep") -> UsageObject: ...
@overload
def loads(
    data: Data, type: TypeForm[T], *, strict: bool = True, unknown: Unknown = "keep"
) -> T: ...
def loads(
    data: Data,
    type: Any = UsageObject,  # noqa: A002 -- the name is public
    *,
    strict: bool = True,
    unknown: Unknown = "keep",
) -> Any:
    """Return the one JSON document `data` holds as a `type`.

    Args:
        data: bytes, bytearray, memoryview or str; a UTF-8 byte order mark is skipped.
        type, strict, unknown: as in `Decoder`; by default any page, bucket or row.

    Raises:
        DecodeError: where the data is not JSON or not of the type.
        UsageWireError: where the type cannot be decoded or an option is not one.

    >>> from usagewire import loads, UsageImagesResult
    >>> row = '{"images": 2, "num_model_requests": 1, "source": "image.edit"}'
    >>> loads(row, UsageImagesResult).source_
    'image.edit'
    """
    try:
        decoder = _decoder(type, strict, unknown)
    except TypeError:
        # No hash, so no key of a cache: `Decoder` says what is wrong with it.
        decoder = Decoder(type, strict=strict, unknown=unknown)
    return decoder.decode(data)


def dumps(obj: Any, *, dialect: Dialect = "api") -> bytes:
    """Return `obj`, a record or a list of records, as one JSON document in the names of `dialect`.

    A record reads back equal from what is returned, or this raises.

    Raises:
        EncodeError: where `obj` holds something that would not read back equal.
        UsageWireError: for a dialect that is not one.

    >>> from usagewire import dumps, UsageCodeInterpreterSessionsResult
    >>> dumps(UsageCodeInterpreterSessionsResult(sessions=3))
    b'{"object":"organization.usage.code_interpreter_sessions.result","num_sessions":3}'
    """
    encoder = _encoder(dialect) if isinstance(dialect, str) else Encoder(dialect=dialect)
    return encoder.encode(obj)


def accelerated() -> bool:
    """Return whether the C extension is in use: it was built, and USAGEWIRE_PURE is not set.

    `not_accelerated` of `Decoder` and of `Encoder` tells why a class does not use it.
    """
    return plans.unavailable() is None


@lru_cache(maxsize=64)
def _decoder(kind: Any, strict: bool, unknown: Unknown) -> Decoder[Any]:  # noqa: FBT001 -- a cache key
    return Decoder(kind, strict=strict, unknown=unknown)


@lru_cache(maxsize=8)
def _encoder(dialect: Dialect) -> Encoder:
    return Encoder(dialect=dialect)
