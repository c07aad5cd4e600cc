"""Records of files: `read`, and the `Reader` it returns.

This module fetches what `sources` or `follow` gives, hands it to the `Intake` and gives its records
one by one.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import chain
from operator import length_hint
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast, overload

from usagewire.codec.decoder import MAX_LINE_BYTES, Decoder, DecoderOptions, T
from usagewire.errors import FileError, UsageWireError
from usagewire.models import UsageObject
from usagewire.streaming.checkpoint import Checkpoint
from usagewire.streaming.events import Event, EventSource
from usagewire.streaming.follow.tail import INTERVAL, Follow
from usagewire.streaming.pipeline import Intake
from usagewire.streaming.sources import Source, Sources

if TYPE_CHECKING:
    from typing_extensions import TypeForm


@overload
def read(
    source: Source,
    *,
    follow: bool = False,
    interval: float = INTERVAL,
    resume: str | bytes | None = None,
    **options: Unpack[DecoderOptions],
) -> Reader[UsageObject]: ...
@overload
def read(
    source: Source,
    type: TypeForm[T],
    *,
    follow: bool = False,
    interval: float = INTERVAL,
    resume: str | bytes | None = None,
    **options: Unpack[DecoderOptions],
) -> Reader[T]: ...
def read(
    source: Source,
    type: Any = UsageObject,  # noqa: A002 -- the name is public
    *,
    follow: bool = False,
    interval: float = INTERVAL,
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
        follow: whether to wait for more at the end of the source, as `tail -F` does. It is the path
            of one log then, not compressed, which need not be there yet. A last line without its LF
            is held back until that comes. The log may be rotated, by renaming or by copying and
            cutting, deleted and made anew; what was rotated away before it was read is read first,
            compressed or not. The records end when `Reader.stop` is called.
        interval: seconds between two looks at a log that is followed and has nothing new.
        resume: a checkpoint, to go on where it was taken. With `follow`, in whatever file that is
            now.
        type, options: as in `Decoder`; `name` is the name of the source unless given.

    Raises:
        FileError: where the source cannot be opened, and during iteration where it cannot be read
            on, as when compressed data is damaged; the records before the damage come first.
            Iterating on continues with the next source; of a log that is followed it is tried
            again.
        CheckpointError: where the source is not what was read before the checkpoint, or the
            checkpoint is none.
        DecodeError: during iteration, with `on_error="raise"`, at a bad line. The records before it
            have come out, and iterating on continues after it.

    """
    at = None if resume is None else Checkpoint.loads(resume)
    decoder = Decoder(type, **options)
    name = options.get("name")
    sources: EventSource = (
        Follow(source, name, at, interval) if follow else Sources(source, name, at)
    )
    return Reader(sources, decoder, options.get("max_line_bytes", MAX_LINE_BYTES), at)


class Reader(Intake[T], chain[T]):
    """The records of files, in order. Made by `read`.

    An interrupt while a log that is followed has nothing new costs nothing: iterating on continues.

    Raises:
        UsageWireError: where a record is asked for while one is being read, by an `on_error`
            function or in another thread. No record is lost.
        RuntimeError: where an `on_error` function raises StopIteration.

    """

    # As a `chain` it takes no Python code to give a record, but for a call of `_refill` a run. The
    # members of the chain come from `_members`: in turn one that is empty and makes that call, and
    # `_rest`. A chain stays at a member that raises, so iterating on calls again.
    _members: deque[Iterator[T] | None]

    def __new__(cls, *_: Any) -> Self:
        """Return a chain whose members come from a deque of its own."""
        members: deque[Iterator[T] | None] = deque()
        # Here no Python code either: an interrupt would end the chain for good.
        self = cast("Self", super().from_iterable(iter(members.popleft, None)))
        self._members = members
        return self

    def __init__(
        self, sources: EventSource, decoder: Decoder[T], limit: int, resume: Checkpoint | None
    ) -> None:
        super().__init__(decoder, limit, sources.start.name, resume)
        self._sources = sources
        self._stopped = False
        # Weak, so that the file of a reader that is forgotten is closed at once.
        self._call = partial(_refill, weakref.ref(self))
        self._members.append(iter(self._call, None))
        self._filling = Lock()
        self._begin = sources.start  # a checkpoint may be taken at once

    @property
    def taken(self) -> int:
        """Bytes taken from the files so far, as they are in the files: for showing progress."""
        return self._sources.bytes_read

    def batches(self) -> Iterator[list[T]]:
        """Yield the records in lists, about as many as a chunk of text completes.

        None is empty, but with `follow`: an empty list comes after each look that found nothing
        new, so that the time can be told and shown.

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
            elif dry and self._pull():
                yield []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def stop(self) -> None:
        """Let the records end soon, after those that were read already.

        It may be called in a signal handler and from another thread. What is held back of a last
        line is not read, so that who resumes at the `checkpoint` reads that line whole.
        """
        self._stopped = True
        self._sources.stop()

    def close(self) -> None:
        """Close the file, if `read` opened it. There are no more records then."""
        self._shut()
        self._sources.close()

    def _refill(self) -> None:
        """Let the next run of records come next, or the end."""
        # A chain must not be asked for a record while it waits for this.
        if self._filling.locked():
            raise UsageWireError(
                f"{self.name}: a record is asked for while one is being read, by an `on_error`"
                " function or another thread"
            )
        with self._filling:
            while not length_hint(self._rest):
                if self._advance():
                    if self._ended:
                        self._members.append(None)
                        return
                    self._pull()
            self._members.extend((self._rest, iter(self._call, None)))

    def _pull(self) -> bool:
        """Fetch the next event; return whether it is that nothing new has come."""
        sources = self._sources
        event: Event | FileError | None = None
        if not self._stopped:
            self._torn = True  # until the event is taken: an interrupt may lose it
            try:
                event = next(sources, None)
            except FileError as error:
                event = error
            except BaseException:
                self._torn = not sources.waiting
                raise
        try:
            self._receive(event, goes_on=self._stopped or sources.is_followed)
        finally:
            if self._ended:
                sources.close()
            elif self._unwanted:
                sources.skip_source()
        return event == b""


def _refill(reader: weakref.ref[Reader[Any]]) -> None:
    alive = reader()
    if alive is None:
        return
    try:
        alive._refill()  # noqa: SLF001 -- a part of it
    except StopIteration as error:
        # It would pass for the end of the member that calls this.
        raise RuntimeError("an `on_error` function raised StopIteration") from error
