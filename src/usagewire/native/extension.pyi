# The C extension: typed records straight from bytes and back, where they are plain.

from typing import Any, final

@final
class Plan:
    def __init__(
        self,
        functions: tuple[Any, ...],
        classes: tuple[Any, ...],
        unions: tuple[Any, ...],
        kind: tuple[int, bool, Any],
        strict: bool,
        /,
    ) -> None: ...
    def decode(self, text: bytes, /) -> Any: ...
    def decode_lines(
        self,
        text: bytes,
        progress: memoryview[int],
        stop: int,
        longest: int,
        most: int,
        passes: bool,
        records: list[Any],
        /,
    ) -> None: ...
    def track(self) -> None: ...

@final
class Writer:
    def __init__(self, functions: tuple[Any, ...], /) -> None: ...
    def add(self, spec: tuple[Any, ...], /) -> int: ...
    def allow(self, cls: type, index: int, /) -> None: ...
    def encode(self, record: Any, /) -> Any: ...
    def encode_lines(self, records: list[Any], start: int, /) -> tuple[bytes, int]: ...
