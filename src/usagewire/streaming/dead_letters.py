"""Dead letters: rejected lines in a file, which can be fixed and decoded again.

A dead letter is a `Rejection` with its whole line, written as one line of NDJSON that a person can
read and edit. This module writes letters with a `Writer` and must not know files.
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
    """A rejected line and its error: one line of a file of dead letters.

    `read(path, DeadLetter)` reads the file. `raw` holds the line, or `raw_base64` if the line is
    not UTF-8; both keep its exact bytes. A letter can be six times as long as its line. If the
    lines are long, raise `max_line_bytes` to read their letters.

    Raises:
        UsageWireError: if not exactly one of `raw` and `raw_base64` is given, or if `raw_base64` is
            not base64.

    >>> from usagewire import DeadLetter, Decoder, Rejection
    >>> bad = Rejection(code="syntax", message="", path="$", line=7, offset=700, length=1, raw=b"{")
    >>> letter = DeadLetter.from_rejection(bad)
    >>> line = '{"object":"organization.usage.vector_stores.result","usage_bytes":5}'
    >>> [record.usage_bytes for record in letter.mended(line).feed_to(Decoder())]
    [5]
    """

    file: str | None = None
    """Name of the line's file, or None. Bytes that are not UTF-8 are escaped."""
    line: int
    """Number of the line in that file, from 1."""
    offset: int
    """Bytes before the line, in the decompressed stream."""
    length: int
    """Bytes of the line, without its line end."""
    path: str
    """JSON path of the error in the line, as `$.results[1].input_tokens`."""
    code: str
    """The kind of error, one of `CODES`."""
    message: str
    """The error in words."""
    raw: str | None = None
    """The line as text. Edit this to fix the line."""
    raw_base64: str | None = None
    """The line in base64, if it is not UTF-8."""
    truncated: bool = False
    """Whether `raw` is only the beginning of the line. Until it is fixed, it is rejected again."""
    additional_properties: Mapping[str, Any] = attrs.field(default=NO_PROPERTIES, hash=False)
    """Unknown fields, as your notes. They are written back, and compared but not hashed."""

    def __attrs_post_init__(self) -> None:
        if (self.raw is None) == (self.raw_base64 is None):
            raise UsageWireError("a dead letter must have either raw or raw_base64")
        try:
            self.data  # noqa: B018 -- it raises if the base64 is invalid
        except ValueError as error:
            raise UsageWireError(f"raw_base64 must be base64: {error}") from error

    @classmethod
    def from_rejection(cls, rejection: Rejection) -> Self:
        """Return the letter of a rejection.

        The letter is truncated if the rejection has only a part of the line. It has at most 4096
        bytes of a line that is longer than `max_line_bytes`.

        Args:
            rejection: the rejection of a line, as `on_error` receives it.
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
        """The bytes of the line, or of its beginning if it is `truncated`."""
        if self.raw is not None:
            # A lone surrogate cannot be UTF-8, so the line will be rejected.
            return self.raw.encode("utf-8", "surrogatepass")
        return b64decode(self.raw_base64 or "", validate=True)

    def mended(self, line: str | bytes) -> Self:
        """Return this letter with a fixed line.

        Args:
            line: the whole line, without its line end.
        """
        data = line if isinstance(line, bytes) else line.encode("utf-8", "surrogatepass")
        return attrs.evolve(self, truncated=False, **_line_fields(data))

    def feed_to(self, decoder: Decoder[T]) -> list[T]:
        """Decode the line again and return a list of its record, empty if there is no record.

        `decoder` counts the line. If it rejects the line, it follows its `on_error`, and the
        rejection has the place of the line, not the place of the letter. A truncated letter is
        rejected as `line_too_long`.

        Args:
            decoder: the decoder for the type of the records.

        Raises:
            DecodeError: if the line is rejected and the decoder has `on_error="raise"`.
        """
        stream = decoder.begin(self.file, Place(self.line, self.offset))
        stream.push_line(self.data, max(1, self.length) if self.truncated else 0)
        records: list[T] = []
        while stream.next_run(records):
            pass
        return records


class DeadLetters:
    r"""A writer of dead letters: a context manager, and a function that takes rejections.

    Pass it as `on_error` to `read` or to any decoder. It keeps whole lines of up to
    `max_line_bytes`, or their first `max_raw_bytes` if the decoder has that option. The letters
    hold everything that the lines hold, including personal data.

    Args:
        path: the file to write. Without `append`, it can be the file that letters are read from.
        append: whether to keep the letters that are in the file. Append in runs that take long and
            in runs that resume.

    Raises:
        FileError: if the file cannot be written, as `Writer` explains.

    >>> import io, tempfile
    >>> from pathlib import Path
    >>> from usagewire import DeadLetter, DeadLetters, Decoder, read
    >>> path = Path(tempfile.mkdtemp()) / "rejects.ndjson"
    >>> row = '{"object":"organization.usage.vector_stores.result","usage_bytes":%s}\n'
    >>> log = io.BytesIO((row % 5 + row % "oops" + row % '"6"').encode())
    >>> with DeadLetters(path) as letters, read(log, name="a.ndjson", on_error=letters) as records:
    ...     [record.usage_bytes for record in records], letters.count
    ([5], 2)

    Fix the lines by hand or in code, and decode them again. A line that is still wrong keeps its
    place:

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

    whole_lines: Final = True
    """This tells a decoder that rejections keep their whole lines."""

    def __init__(self, path: str | os.PathLike[str], *, append: bool = False) -> None:
        self._writer = Writer(path, append=append, converter=_letter_converter())

    @property
    def count(self) -> int:
        """The number of letters that were written."""
        return self._writer.count

    def __call__(self, rejection: Rejection, notes: Mapping[str, Any] = NO_PROPERTIES) -> None:
        """Write the letter of a rejection.

        Args:
            rejection: the rejection of a line.
            notes: JSON values to write as the `additional_properties` of the letter.

        Raises:
            FileError: as `Writer.write` does.
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
        """Write all letters and close the file. It raises `FileError` as `Writer.close` does."""
        self._writer.close()

    def discard(self) -> None:
        """Close the file without the letters that are not in it yet, as `Writer.discard` does."""
        self._writer.discard()


def _line_fields(line: bytes) -> dict[str, Any]:
    try:
        return {"raw": line.decode(), "raw_base64": None}
    except UnicodeDecodeError:
        return {"raw": None, "raw_base64": b64encode(line).decode()}


def _escaped(text: str) -> str:
    """Escape surrogates, which some file names have and UTF-8 cannot encode."""
    return text.encode("utf-8", "backslashreplace").decode()
