r"""Dead letters: rejected lines in a file, to be mended and decoded again.

A dead letter is a `Rejection` with its whole line, as one line of NDJSON that a person can read and
edit. `DeadLetters` writes them while a log is read, by a `Writer`. `read(path, DeadLetter)` reads
them back, and `DeadLetter.feed_to` gives the line to a decoder again, with its first place.

>>> import io, tempfile
>>> from pathlib import Path
>>> from usagewire import DeadLetter, DeadLetters, Decoder, read
>>> path = Path(tempfile.mkdtemp()) / "rejects.ndjson"
>>> row = '{"object":"organization.usage.vector_stores.result","usage_bytes":%s}\n'
>>> log = io.BytesIO((row % 5 + row % "oops" + row % '"6"').encode())
>>> with DeadLetters(path) as letters, read(log, name="a.ndjson", on_error=letters) as records:
...     [record.usage_bytes for record in records], letters.count
([5], 2)

Lines that were mended, by hand or by code, are read again. A line that is still wrong keeps its
place.

>>> decoder = Decoder(on_error="collect")
>>> with read(path, DeadLetter) as letters:
...     for letter in letters:
...         if letter.code == "wrong_type":
...             letter = letter.mended(letter.raw.replace('"6"', "6"))
...         print(letter.feed_to(decoder))
[]
[UsageVectorStoresResult(usage_bytes=6, project_id=None, additional_properties={})]
>>> print(decoder.rejections[0])
a.ndjson:2: $: syntax: invalid JSON: unexpected character, expected a JSON value at byte 66
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, Final, Self

import attrs

from usagewire.codec.context import Place, T
from usagewire.codec.decoder import Decoder
from usagewire.converters.configure import make_converter
from usagewire.errors import RAW_LIMIT, Rejection, UsageWireError
from usagewire.models import NO_PROPERTIES
from usagewire.streaming.writer import Writer

_letter_converter = cache(partial(make_converter, omit_if_default=True))


@attrs.frozen(kw_only=True, weakref_slot=False)
class DeadLetter:
    """A rejected line and what was wrong with it, as one line of a file of dead letters.

    The line is in `raw` or, where it is not UTF-8, in `raw_base64`; both keep its exact bytes. A
    letter is up to six times longer than its line: to read long ones, raise `max_line_bytes`.

    Raises:
        UsageWireError: unless it has one of `raw` and `raw_base64`, and that is base64.
    """

    file: str | None = None
    """Name of the file of the line, or None. Bytes that are not UTF-8 are escaped."""
    line: int
    """Number of the line in that file, from 1."""
    offset: int
    """Bytes before the line, in the decompressed stream."""
    length: int
    """Bytes of the line, without its line end."""
    path: str
    """Where in the line the error is, as `$.results[1].input_tokens`."""
    code: str
    """The kind of error, one of `CODES`."""
    message: str
    """The error in words."""
    raw: str | None = None
    """The line. To mend it, edit this."""
    raw_base64: str | None = None
    """The line in base64, where it is not UTF-8."""
    truncated: bool = False
    """Whether `raw` is only the beginning of the line. It is rejected again until it is mended."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Other fields of the letter, as your notes; written back; in equality, not in hash."""

    def __attrs_post_init__(self) -> None:
        if (self.raw is None) == (self.raw_base64 is None):
            raise UsageWireError("a dead letter has either raw or raw_base64")
        try:
            self.data  # noqa: B018 -- it raises where there is none
        except ValueError as error:
            raise UsageWireError(f"raw_base64 is no base64: {error}") from error

    @classmethod
    def from_rejection(cls, rejection: Rejection) -> Self:
        """Return the letter of a rejection, truncated where that has only a part of the line.

        It has the first 4096 bytes of a line over `max_line_bytes`.
        """
        raw, length = rejection.raw, rejection.length
        if rejection.code == "line_too_long":
            raw = raw[:RAW_LIMIT]
        return cls(
            file=None if rejection.file is None else _escaped(rejection.file),
            line=rejection.line,
            offset=rejection.offset,
            length=length,
            path=_escaped(rejection.path),
            code=rejection.code,
            message=_escaped(rejection.message),
            truncated=len(raw) < length,
            **_line_fields(raw),
        )

    @property
    def data(self) -> bytes:
        """The bytes of the line, or of its beginning where it is `truncated`."""
        if self.raw is not None:
            # A lone surrogate cannot be UTF-8; as it is, the line is rejected.
            return self.raw.encode("utf-8", "surrogatepass")
        return b64decode(self.raw_base64 or "", validate=True)

    def mended(self, line: str | bytes) -> Self:
        """Return the letter with `line` in place of its own, whole and without line end."""
        data = line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
        return attrs.evolve(self, truncated=False, **_line_fields(data))

    def feed_to(self, decoder: Decoder[T]) -> list[T]:
        """Give the line to `decoder` again and return its record, or nothing if there is none.

        The decoder counts the line, or rejects it as its `on_error` says, with the place of the
        line, not that of the letter. A truncated letter is rejected as `line_too_long`. With
        `on_error="raise"` it raises `DecodeError` for a rejected line.
        """
        stream = decoder.begin(self.file, Place(self.line, self.offset))
        stream.push_line(self.data, max(1, self.length) if self.truncated else 0)
        records: list[T] = []
        while stream.next_run(records):
            pass
        return records


class DeadLetters:
    """Write rejected lines to a file of dead letters: a context manager, and a function to call.

    Pass it to `read`, or to any decoder, as `on_error`. Lines of up to `max_line_bytes` are kept
    whole, unless `max_raw_bytes` is less. They hold all that the line held, personal data too.
    `path` and `append` are those of `Writer`, and so is the `FileError` where the file cannot be
    written. Append in runs that are long or that are resumed. Without `append`, the file may be the
    one that letters are read from.
    """

    whole_lines: Final = True
    """A decoder reads this: rejections keep their whole lines."""

    def __init__(self, path: str | os.PathLike[str], *, append: bool = False) -> None:
        self._writer = Writer(path, append=append, converter=_letter_converter())

    @property
    def count(self) -> int:
        """How many letters were written."""
        return self._writer.count

    def __call__(self, rejection: Rejection, notes: Mapping[str, Any] = NO_PROPERTIES) -> None:
        """Take the letter of a rejected line, with notes as its `additional_properties`.

        It raises `FileError` as `Writer.write` does.
        """
        letter = DeadLetter.from_rejection(rejection)
        self._writer.write(attrs.evolve(letter, additional_properties=notes))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._writer.__exit__(kind, error, trace)

    def flush(self) -> None:
        """Wait until all letters are on disk. It raises `FileError` as `Writer.flush` does."""
        self._writer.flush()

    def prepare(self) -> None:
        """Put all letters on disk. It raises `FileError` as `Writer.prepare` does."""
        self._writer.prepare()

    def close(self) -> None:
        """Write what is left and close the file. It raises `FileError` as `Writer.close` does."""
        self._writer.close()

    def discard(self) -> None:
        """Close the file as it was; with `append`, without the letters that were gathered."""
        self._writer.discard()


def _line_fields(line: bytes) -> dict[str, Any]:
    try:
        return {"raw": line.decode(), "raw_base64": None}
    except UnicodeDecodeError:
        return {"raw": None, "raw_base64": b64encode(line).decode()}


def _escaped(text: str) -> str:
    """Return `text` with surrogates escaped, which some file names have and UTF-8 cannot."""
    return text.encode("utf-8", "backslashreplace").decode()
