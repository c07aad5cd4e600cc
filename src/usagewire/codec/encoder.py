"""`Encoder`, which turns records into bytes. It must not know files, or rules about values."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson
from cattrs import Converter

from usagewire.converters.configure import make_converter
from usagewire.errors import EncodeError, UsageWireError, located_writing, quote
from usagewire.native import plans
from usagewire.wire.names import DIALECTS, Dialect

_cached_converter = lru_cache(maxsize=8)(make_converter)


class Encoder:
    """An encoder of records to JSON bytes.

    Money is written as a number if a reader gets the same `Decimal` from it, else as a string. A
    field of the library's classes that is None is left out, except `next_page`, which the API
    requires.

    Args:
        dialect: the spelling of the JSON keys: `"api"` (the API of today, the default),
            `"legacy"` (the API of 2024), `"dart"` or `"powershell"` (generated clients).
        converter: your own cattrs converter, to use instead of the one for `dialect`.

    Raises:
        UsageWireError: if the dialect is unknown, or both arguments are given.

    >>> from usagewire import Encoder, UsageVectorStoresResult
    >>> Encoder(dialect="dart").encode(UsageVectorStoresResult(usage_bytes=5))
    b'{"object":"organization.usage.vector_stores.result","usageBytes":5}'
    """

    def __init__(self, *, dialect: Dialect = "api", converter: Converter | None = None) -> None:
        if converter is not None and dialect != "api":
            raise UsageWireError("converter has its own dialect; set it there")
        if dialect not in DIALECTS:
            raise UsageWireError(f"dialect is {dialect!r}; it must be one of {', '.join(DIALECTS)}")
        if not isinstance(converter, Converter | None):
            raise UsageWireError(f"converter is {quote(converter)}; it must be a cattrs Converter")
        self._is_own = converter is None
        self._converter = converter or _cached_converter(dialect)
        self._unstructure = self._converter.unstructure
        self._writer = self._new_writer()

    def not_accelerated(self, cls: type) -> str | None:
        """Return why this encoder does not use the C extension, or None if it does.

        Args:
            cls: the class of the records to write.
        """
        return plans.unavailable() if self._writer is None else self._writer.refusal(cls)

    def encode(self, obj: Any) -> bytes:
        """Return an object as one JSON document, in UTF-8 bytes.

        Args:
            obj: a record, a list of records, or any other value that a cattrs converter can write.

        Raises:
            EncodeError: if `obj` holds something that would not read back equal.
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
        """Return records as NDJSON: one JSON document per line, each line ended by LF.

        Args:
            objs: the records, in any iterable.
            first: the index of the first record, for the paths of errors. By default 0.

        Raises:
            EncodeError: if a record holds something that would not read back equal. Its `path`
                begins with the index of the record, as in `$[3].model`.
        """
        writer = self._current_writer()
        # One buffer, because each result of orjson.dumps that is kept holds about 4 kB.
        whole = bytearray()
        if writer is None:
            for index, obj in enumerate(objs, first):
                whole += self._line(obj, index)
            return bytes(whole)
        objs = objs if type(objs) is list else list(objs)
        for obj in objs[:1]:  # so that C can write all of them in one call, without a copy
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
            return orjson.dumps(self._unstructure(obj), option=option)
        except Exception as error:
            if isinstance(error, EncodeError):
                raise
            raise located_writing(error, None)

    def _new_writer(self) -> plans.RecordWriter | None:
        if plans.unavailable() is not None:
            return None
        return plans.RecordWriter(self._converter.get_unstructure_hook)

    def _current_writer(self) -> plans.RecordWriter | None:
        """Return the writer, or a new one if your own converter has got other hooks since."""
        if not self._is_own and self._writer is not None and not self._writer.is_current():
            self._writer = self._new_writer()
        return self._writer
