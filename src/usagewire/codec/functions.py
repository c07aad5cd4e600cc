"""`loads` and `dumps`, which read and write one document with cached decoders and encoders."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, overload

from cattrs import Converter

from usagewire.codec.context import Data
from usagewire.codec.decoder import Decoder
from usagewire.codec.encoder import Encoder
from usagewire.errors import NO_ROOM, EncodeError, UsageWireError
from usagewire.models import UsageObject
from usagewire.native import plans
from usagewire.wire.layout import Unknown
from usagewire.wire.names import Dialect, Money

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


@overload
def loads(
    data: Data,
    *,
    strict: bool = True,
    unknown: Unknown = "keep",
    converter: Converter | None = None,
) -> UsageObject: ...
@overload
def loads(
    data: Data,
    type: TypeForm[T],
    *,
    strict: bool = True,
    unknown: Unknown = "keep",
    converter: Converter | None = None,
) -> T: ...
def loads(
    data: Data,
    type: Any = UsageObject,  # noqa: A002 -- the name is public
    *,
    strict: bool = True,
    unknown: Unknown = "keep",
    converter: Converter | None = None,
) -> Any:
    """Read one JSON document and return it as an object of `type`.

    Args:
        data: the document, as bytes, bytearray, memoryview or str. A UTF-8 byte order mark is
            skipped.
        type: the type to return, as in `Decoder`. By default, any page, bucket or row.
        strict: whether values must have exactly the JSON type of their field, as in `Decoder`.
        unknown: what to do with unknown fields, as in `Decoder`.
        converter: your own cattrs converter, as in `Decoder`.

    Returns:
        An object of `type`.

    Raises:
        DecodeError: if the data is not JSON, or not of the type.
        UsageWireError: if the type cannot be decoded, or an argument is wrong.

    >>> from usagewire import loads, UsageImagesResult
    >>> row = '{"images": 2, "num_model_requests": 1, "source": "image.edit"}'
    >>> loads(row, UsageImagesResult).source_
    'image.edit'
    """
    try:
        if converter is not None:
            return Decoder(type, strict=strict, unknown=unknown, converter=converter).decode(data)
        try:
            decoder = _decoder(type, strict, unknown)
        except (UsageWireError, MemoryError):
            raise
        except Exception:
            # An argument has no hash, so the cache cannot be used. If it is wrong, this raises.
            decoder = Decoder(type, strict=strict, unknown=unknown)
        return decoder.decode(data)
    except RecursionError as error:
        raise UsageWireError(NO_ROOM) from error


def dumps(
    obj: Any,
    *,
    dialect: Dialect = "api",
    type: Any = None,  # noqa: A002 -- the name is public
    money: Money | None = None,
    converter: Converter | None = None,
) -> bytes:
    """Write `obj` as one JSON document, which `loads` reads back as an equal object.

    Args:
        obj: a record, a list of records, or any other value that a cattrs converter can write.
        dialect: the spelling of the JSON keys, as in `Encoder`. By default that of the API.
        type: the type to write `obj` as, as in `Encoder.encode`. By default its own class.
        money: how to write the amount of a cost, as in `Encoder`. By default as text in the dialect
            of the API.
        converter: your own cattrs converter, as in `Encoder`. An `Encoder` that you keep is faster.

    Returns:
        The JSON, as UTF-8 bytes without spaces and without a line end.

    Raises:
        EncodeError: if `obj` holds something that would not read back equal.
        UsageWireError: if an argument is wrong, or the type cannot be written.

    >>> from usagewire import dumps, UsageCodeInterpreterSessionsResult
    >>> dumps(UsageCodeInterpreterSessionsResult(sessions=3))
    b'{"object":"organization.usage.code_interpreter_sessions.result","num_sessions":3}'
    """
    try:
        has_money = money is None or isinstance(money, str)
        if converter is None and has_money and isinstance(dialect, str):
            encoder = _encoder(dialect, money)
        else:
            encoder = Encoder(dialect=dialect, money=money, converter=converter)
        return encoder.encode(obj, type)
    except RecursionError as error:
        raise EncodeError.__new__(EncodeError, NO_ROOM) from error


def accelerated() -> bool:
    """Return whether the C extension is in use: it was built, and `USAGEWIRE_PURE` is not set.

    For a single type, `Decoder.not_accelerated` and `Encoder.not_accelerated` give the reason.
    """
    return plans.unavailable() is None


@lru_cache(maxsize=64)
def _decoder(kind: Any, strict: bool, unknown: Unknown) -> Decoder[Any]:  # noqa: FBT001 -- a cache key
    return Decoder(kind, strict=strict, unknown=unknown)


@lru_cache(maxsize=8)
def _encoder(dialect: Dialect, money: Money | None) -> Encoder:
    return Encoder(dialect=dialect, money=money)
