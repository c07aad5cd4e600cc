"""Records to bytes: `Encoder`. Sans-I/O, and without a rule about values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import orjson
from cattrs import Converter

from usagewire.converters.configure import make_converter, shared_converter
from usagewire.errors import EncodeError, UsageWireError, located_writing, quote
from usagewire.native import plans
from usagewire.wire.names import DIALECTS, Dialect, is_own


class Encoder:
    """Turn records into JSON bytes.

    Args:
        dialect: whose names to write: `api`, `legacy`, `dart` or `powershell`.
        converter: a converter of yours to use instead.

    Raises:
        UsageWireError: for a dialect that is not one.

    Money is written as a number where a reader gets the same Decimal from it, else as a string.
    A None is left out, except where the API requires the key.

    >>> from usagewire import Encoder, UsageVectorStoresResult
    >>> Encoder(dialect="dart").encode(UsageVectorStoresResult(usage_bytes=5))
    b'{"object":"organization.usage.vector_stores.result","usageBytes":5}'
    """

    def __init__(self, *, dialect: Dialect = "api", converter: Converter | None = None) -> None:
        if converter is not None and dialect != "api":
            raise UsageWireError("give the dialect to the converter that you pass")
        if dialect not in DIALECTS:
            raise UsageWireError(
                f"dialect is {quote(dialect)}; it must be one of {', '.join(DIALECTS)}"
            )
        if not isinstance(converter, Converter | None):
            raise UsageWireError(f"converter is {quote(converter)}; it must be a cattrs Converter")
        self._dialect = dialect
        self._is_own = converter is None
        self._user_converter = converter
        self._writer = self._new_writer()

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (type(self), self._dialect, None if self._is_own else self._user_converter)

    def __copy__(self) -> Self:
        function, arguments = self.__reduce__()
        return function(*arguments)  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: Any) -> Self:
        return self.__copy__()

    def not_accelerated(self, cls: type) -> str | None:
        """Return why records of `cls` are written without the C extension; None where with it."""
        return plans.unavailable() if self._writer is None else self._writer.refusal(cls)

    def encode(self, obj: Any) -> bytes:
        """Return `obj`, a record or a list of records, as one JSON document.

        It raises `EncodeError` where it holds something that would not read back equal.
        """
        writer = self._current_writer()
        if writer is not None:
            text = writer.encode(obj)
            if text is NotImplemented and writer.learn_from(obj):
                text = writer.encode(obj)
            if text is not NotImplemented:
                return text  # type: ignore[no-any-return]
        return self._encode(obj, 0)

    def encode_lines(self, objs: Iterable[Any], *, first: int = 0) -> bytes:
        """Return `objs` as NDJSON, each line ended by LF.

        It raises `EncodeError` as `encode` does. The path begins with the index of the record,
        counted from `first`.
        """
        writer = self._current_writer()
        # One buffer: results of orjson.dumps that are kept pin about 4 kB each.
        whole = bytearray()
        if writer is None:
            for index, obj in enumerate(objs, first):
                whole += self._line(obj, index)
            return bytes(whole)
        objs = objs if type(objs) is list else list(objs)
        for obj in objs[:1]:  # or the text of all others would be copied to where this one stands
            writer.learn(type(obj))
        text, index = writer.encode_lines(objs, 0)
        if index == len(objs):
            return text
        whole += text
        while index < len(objs):
            if not writer.learn(type(objs[index])):
                whole += self._line(objs[index], first + index)
                index += 1
            text, index = writer.encode_lines(objs, index)
            whole += text
        return bytes(whole)

    def _line(self, obj: Any, index: int) -> bytes:
        try:
            return self._encode(obj, orjson.OPT_APPEND_NEWLINE)
        except EncodeError as error:
            raise error.within(index)

    def _encode(self, obj: Any, option: int) -> bytes:
        try:
            item = obj[0] if type(obj) is list and obj else obj
            return orjson.dumps(self._converter_for(type(item)).unstructure(obj), option=option)
        except Exception as error:
            if isinstance(error, EncodeError):
                raise
            raise located_writing(error, None)

    def _new_writer(self) -> plans.RecordWriter | None:
        if plans.unavailable() is not None:
            return None
        return plans.RecordWriter(self._hook_of)

    def _hook_of(self, cls: type) -> Any:
        return self._converter_for(cls).get_unstructure_hook(cls)

    def _converter_for(self, cls: type) -> Converter:
        """Return the converter that was given, or the shared one for our own classes."""
        if self._is_own and is_own(cls):
            return shared_converter(self._dialect)
        if self._user_converter is None:
            self._user_converter = make_converter(self._dialect)
        return self._user_converter

    def _current_writer(self) -> plans.RecordWriter | None:
        """Return the writer; of a converter that may have got other hooks since, a new one."""
        if not self._is_own and self._writer is not None and not self._writer.is_current():
            self._writer = self._new_writer()
        return self._writer


def _make(cls: type[Encoder], dialect: Dialect, converter: Converter | None) -> Encoder:
    return cls(dialect=dialect, converter=converter)
