"""Records of files: `read`, and the `Reader` it returns.

This module fetches what `sources` gives, hands it to the `Intake` and gives its records one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from usagewire._checkpoint import Checkpoint
from usagewire._intake import Intake
from usagewire.decoder import MAX_LINE_BYTES, Decoder, DecoderOptions, T
from usagewire.errors import CheckpointError, FileError
from usagewire.models import UsageObject
from usagewire.sources import Source, Sources

if TYPE_CHECKING:
    from typing_extensions import TypeForm


@overload
def read(
    source: Source, *, resume: str | bytes | None = None, **options: Unpack[DecoderOptions]
) -> Reader[UsageObject]: ...
@overload
def read(
    source: Source,
    type: TypeForm[T],
    *,
    resume: str | bytes | None = None,
    **options: Unpack[DecoderOptions],
) -> Reader[T]: ...
def read(
    source: Source,
    type: Any = UsageObject,  # noqa: A002 -- the name is public
    *,
    resume: str | bytes | None = None,
    **options: Unpack[DecoderOptions],
) -> Reader[Any]:
    """Return an iterator over the records of `source`, which is a context manager too.

    Args:
        source: a path, a glob, `-` for standard input, a URL, a binary file object (which stays
            open), an iterable of bytes, or several of these in an iterable. gzip, zstd, bzip2 and
            xz are recognised by their first bytes. The text is NDJSON, or one JSON document: an
            object printed over several lines or an array of objects. NDJSON takes constant memory;
            a document is held in memory whole and so may have `max_line_bytes` at most.
        resume: a checkpoint, to go on where it was taken.
        type, options: as in `Decoder`; `name` is the name of the source unless given.

    Raises:
        FileError: where the source cannot be opened, and during iteration where it cannot be read
            on, as when compressed data is damaged; the records before the damage come first.
            Iterating on continues with the next source.
        CheckpointError: where the source is not what was read before the checkpoint, or the
            checkpoint is none.
        DecodeError: during iteration, with `on_error="raise"`, at a bad line. The records before it
            have come out, and iterating on continues after it.

    """
    at = None if resume is None else Checkpoint.loads(resume)
    decoder = Decoder(type, **options)
    sources = Sources(source, options.get("name"), at)
    return Reader(sources, decoder, options.get("max_line_bytes", MAX_LINE_BYTES), at)


class Reader(Intake[T]):
    """The records of files, in order. Made by `read`."""

    def __init__(
        self, sources: Sources, decoder: Decoder[T], limit: int, resume: Checkpoint | None
    ) -> None:
        super().__init__(decoder, limit, sources.name, resume)
        self._sources = sources
        self._ended = False

    @property
    def taken(self) -> int:
        """Bytes taken from the files so far, as they are in the files: for showing progress."""
        return self._sources.taken

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        for record in self._rest:
            return record
        while self._advance():
            if self._ended:
                raise StopIteration
            self._pull()
        return next(self._rest)

    def batches(self) -> Iterator[list[T]]:
        """Yield the records in lists, about as many as a chunk of text completes; none is empty.

        Raises:
            UsageWireError: as iterating does, once the records before it have come out. `batches`
                can be called again then.

        """
        while True:
            batch, dry = self._collect()
            if batch:
                yield batch
            elif dry and self._ended:
                return
            elif dry:
                self._pull()

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
        """Close the file, if `read` opened it. There are no more records then."""
        self._ended = True
        self._shut()
        self._sources.close()

    def _pull(self) -> None:
        """Fetch the next event."""
        try:
            event = next(self._sources, None)
        except FileError as error:
            self._abort(error)
            if isinstance(error, CheckpointError):
                self._sources.close()
            return
        try:
            if event is None:
                self._ended = True
                self._finish()
            else:
                self._take(event)
        except CheckpointError:
            self.close()
            raise
        except FileError:
            self._sources.leave()
            raise
