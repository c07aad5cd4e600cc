"""Files: the only module that opens anything.

`read` gives the records of a file as an iterator, in memory that does not grow with the file;
`write` replaces a file whole or not at all. Which bytes mean what is not decided here.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Generic, Self, TypeAlias, TypeVar, cast

import attrs
import orjson

from usagewire.codec import Counts, Decoder, Encoder
from usagewire.errors import FileError, Rejection
from usagewire.models import UsageObject

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from usagewire._wire import Dialect

T = TypeVar("T")

Source: TypeAlias = str | os.PathLike[str] | BinaryIO

CHUNK: Final = 2**18
"""Bytes read at once."""

MAX_DOCUMENT_BYTES: Final = 2**28
"""Longest file that is read as one JSON document: a document has to be held in memory whole."""

GZIP_MAGIC: Final = b"\x1f\x8b"
STDIN: Final = "-"


class Reader(Generic[T]):
    """The records of one file, as an iterator and context manager. Made by `read`.

    NDJSON is read line by line. A file that is one JSON document instead (a page printed over
    several lines, or an array of pages) is recognised by its first line and read whole.
    """

    def __init__(self, source: Source, decoder: Decoder[T], whole: Decoder[Any]) -> None:
        self._name = "<stdin>" if source == STDIN else str(getattr(source, "name", source))
        self._decoder = decoder
        self._whole = whole
        self._records: Iterator[T] | None = None
        self._file = _open(source, self._name)

    @property
    def name(self) -> str:
        """Name of the file, as rejections give it."""
        return self._name

    @property
    def counts(self) -> Counts:
        """What was read so far: `lines == records + rejected + blank`."""
        return self._decoder.counts

    @property
    def rejections(self) -> list[Rejection]:
        """The first rejections, each naming the file."""
        return [attrs.evolve(one, file=self._name) for one in self._decoder.rejections]

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._records is None:
            self._records = self._read()
        return next(self._records)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Reading on raises `FileError`."""
        self._file.close()

    def _read(self) -> Iterator[T]:
        raise NotImplementedError
