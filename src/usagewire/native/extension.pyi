# The C extension: it reads typed records from JSON bytes and writes them, in their usual forms.

from collections.abc import Callable
from typing import Any, final

from usagewire.native.descriptions import ClassDescription, Kind, Reference

@final
class Plan:
    def __init__(
        self,
        reference: Reference,
        classes: tuple[ClassDescription, ...],
        kind: Kind,
        strict: bool,
        calls_hooks: bool,
        /,
    ) -> None: ...
    @property
    def calls_hooks(self) -> bool: ...
    def decode(self, text: bytes, note_unknown: Callable[[int], object] = ..., /) -> Any: ...
    def decode_lines(
        self,
        text: bytes,
        progress: memoryview[int],
        stop: int,
        longest: int,
        most: int,
        skips: int,
        records: list[Any],
        note_unknown: Callable[[int], object] = ...,
        found: list[int] = ...,
        /,
    ) -> None: ...
    def track(self) -> None: ...

@final
class Writer:
    def __init__(self, reference: Reference, /) -> None: ...
    def add(self, classes: tuple[ClassDescription, ...], /) -> int: ...
    def allow(self, cls: type, index: int, /) -> None: ...
    def encode(self, record: Any, /) -> Any: ...
    def encode_lines(self, records: list[Any], start: int, /) -> tuple[bytes, int]: ...
