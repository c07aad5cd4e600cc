"""`Encoder`, which turns records into bytes. It must not know files, or rules about values."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType
from typing import Any, get_args

import attrs
import orjson
from cattrs import Converter

from usagewire.codec.context import Remade
from usagewire.converters.configure import make_converter, registrations, shared_converter
from usagewire.converters.unions import members
from usagewire.converters.values.annotated import hashable, own_writer
from usagewire.errors import NO_ROOM, EncodeError, UsageWireError, located_writing, quote, text_of
from usagewire.native import plans
from usagewire.wire import exact_json
from usagewire.wire.hook_info import Hook, info_of
from usagewire.wire.names import DIALECTS, Dialect, Money, is_own


class Encoder(Remade):
    """An encoder of records to JSON bytes.

    The amount of a cost is written as a string, as the API writes it. Another `Decimal` is a number
    if it is below 10**18, and an integer or the shortest text of a double. Else it is a string. A
    field of the library's classes that is None is left out, except `next_page`, which the API
    requires.

    Args:
        dialect: the spelling of the JSON keys: `"api"` (the API of today, the default),
            `"legacy"` (the API of 2024), `"dart"` or `"powershell"` (generated clients).
        money: how to write `amount.value` of costs: as `"text"`, or as a `"number"`, which refuses
            an amount that is not the shortest text of a double. By default `"text"` in the dialect
            `"api"`. Other dialects write an amount as any other `Decimal`.
        converter: your own cattrs converter, to use instead of the one for `dialect` and `money`.

    Raises:
        UsageWireError: if an argument is wrong, or `converter` is given together with another.

    >>> from usagewire import Encoder, UsageVectorStoresResult
    >>> Encoder(dialect="dart").encode(UsageVectorStoresResult(usage_bytes=5))
    b'{"object":"organization.usage.vector_stores.result","usageBytes":5}'
    """

    def __init__(
        self,
        *,
        dialect: Dialect = "api",
        money: Money | None = None,
        converter: Converter | None = None,
    ) -> None:
        if converter is not None and (dialect != "api" or money is not None):
            option = "dialect" if money is None else "money"
            raise UsageWireError(f"converter has its own {option}; set it there")
        if dialect not in DIALECTS:
            raise UsageWireError(
                f"dialect is {quote(dialect)}; it must be one of {', '.join(DIALECTS)}"
            )
        if money not in (None, *get_args(Money)):
            raise UsageWireError(f"money is {quote(money)}; it must be 'text' or 'number'")
        if not isinstance(converter, Converter | None):
            raise UsageWireError(f"converter is {quote(converter)}; it must be a cattrs Converter")
        self._dialect: Dialect = dialect
        self._money: Money | None = money
        self._is_own = converter is None
        self._user_converter = converter
        self._registrations = registrations(converter)
        self._writer = self._new_writer()

    def __reduce__(self) -> tuple[Any, ...]:
        given = None if self._is_own else self._user_converter
        return _make, (type(self), self._dialect, self._money, given)

    def not_accelerated(self, cls: type) -> str | None:
        """Return why this encoder does not use the C extension, or None if it does.

        Args:
            cls: the class of the records to write.
        """
        return plans.unavailable() if self._writer is None else self._writer.refusal(cls)

    def encode(self, obj: Any, type: Any = None) -> bytes:  # noqa: A002 -- the name is public
        """Return an object as one JSON document, in UTF-8 bytes.

        Args:
            obj: a record, a list of records, or any other value that a cattrs converter can write.
            type: the type to write `obj` as, such as `Page[Item]` or a union. By default, the class
                of the object. An object that is not of the type is refused.

        Raises:
            EncodeError: if `obj` is not of the type, or holds something that would not read back
                equal.
            UsageWireError: if the type cannot be written.
        """
        try:
            if type is not None and not self._are_written_by_class([obj], type):
                return self._encode(obj, 0, self._hook_of(type))
            writer = self._current_writer()
            if writer is not None:
                text = writer.encode(obj)
                if text is NotImplemented and writer.learn_from(obj):
                    text = writer.encode(obj)
                if text is not NotImplemented:
                    return text  # type: ignore[no-any-return]
            return self._encode(obj, 0)
        except RecursionError as error:
            raise EncodeError.__new__(EncodeError, NO_ROOM) from error

    def encode_lines(
        self,
        objs: Iterable[Any],
        type: Any = None,  # noqa: A002 -- the name is public
        *,
        first: int = 0,
    ) -> bytes:
        """Return records as NDJSON: one JSON document per line, each line ended by LF.

        Args:
            objs: the records, in any iterable.
            type: the type of each record, as in `encode`.
            first: the index of the first record, for the paths of errors. By default 0.

        Raises:
            EncodeError: if a record holds something that would not read back equal. Its `path`
                begins with the index of the record, as in `$[3].model`.
            UsageWireError: if the type cannot be written.
        """
        try:
            if type is None:
                return self._encode_lines(objs, first)
            listed = list(objs)
            if self._are_written_by_class(listed, type):
                return self._encode_lines(listed, first)
            hook = self._hook_of(type)
            return b"".join(self._line(obj, index, hook) for index, obj in enumerate(listed, first))
        except RecursionError as error:
            raise EncodeError.__new__(EncodeError, NO_ROOM) from error

    def _encode_lines(self, objs: Iterable[Any], first: int) -> bytes:
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

    def _line(self, obj: Any, index: int, hook: Hook | None = None) -> bytes:
        try:
            return self._encode(obj, orjson.OPT_APPEND_NEWLINE, hook)
        except EncodeError as error:
            raise error.within(index)

    def _encode(self, obj: Any, option: int, hook: Hook | None = None) -> bytes:
        try:
            if hook is None:
                item = obj[0] if type(obj) is list and obj else obj
                hook = self._converter_for(type(item)).unstructure
            return exact_json.dumps(hook(obj), option)
        except Exception as error:
            if isinstance(error, EncodeError):
                raise
            raise located_writing(error, None)

    def _new_writer(self) -> plans.RecordWriter | None:
        if plans.unavailable() is not None:
            return None
        return plans.RecordWriter(self._hook_of)

    def _are_written_by_class(self, objs: list[Any], kind: Any) -> bool:
        """Return whether writing the objects as a `kind` is writing each by its own class."""
        hook = self._hook_of(kind)
        classes = [member for member in members(kind) if member is not NoneType]
        if info_of(hook)[:1] not in {("union",), ("class",), ("costs",), ("unknown",)}:
            return False
        # A generic class or a container says more about its items than its class does.
        if not all(map(_is_bare_class, classes)):
            return False
        known = set(map(id, classes))
        return all(id(type(obj)) in known for obj in objs)

    def _hook_of(self, kind: Any) -> Hook:
        try:
            kind = hashable(kind)
            return own_writer(kind, self._converter_for(kind).get_unstructure_hook(kind))
        except (UsageWireError, MemoryError):
            raise
        except Exception as error:
            raise UsageWireError(f"cannot write {quote(kind)}: {text_of(error)}") from error

    def _converter_for(self, cls: Any) -> Converter:
        """Return the converter that was given, or the shared one for our own classes."""
        if self._is_own and is_own(cls):
            return shared_converter(self._dialect, money=self._money)
        if self._user_converter is None:
            self._user_converter = make_converter(self._dialect, money=self._money)
        return self._user_converter

    def _current_writer(self) -> plans.RecordWriter | None:
        """Return the writer, or a new one if your own converter has got other hooks since."""
        if not self._is_own and self._registrations != registrations(self._user_converter):
            self._registrations = registrations(self._user_converter)
            if self._writer is not None and not self._writer.is_current():
                self._writer = self._new_writer()
        return self._writer


def _is_bare_class(cls: Any) -> bool:
    return type(cls) is type and attrs.has(cls) and not hasattr(cls, "__parameters__")


def _make(
    cls: type[Encoder], dialect: Dialect, money: Money | None, converter: Converter | None
) -> Encoder:
    return cls(dialect=dialect, money=money, converter=converter)
