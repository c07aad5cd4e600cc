"""Records of files: `read`, and the `Reader` it returns.

`ReadLoop` fetches events from a source and hands them to the `Pipeline`, as records are asked for.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from operator import length_hint
from typing import TYPE_CHECKING, Any, Generic, Self, Unpack, cast, overload

from usagewire.codec.context import T
from usagewire.codec.decoder import Decoder, DecoderOptions
from usagewire.errors import FileError, UsageWireError
from usagewire.models import UsageObject
from usagewire.streaming.checkpoint import Checkpoint
from usagewire.streaming.events import Event, EventSource
from usagewire.streaming.follow.tail import INTERVAL, FollowedLog
from usagewire.streaming.pipeline import Pipeline, ReaderState, ReadOptions
from usagewire.streaming.sources import Source, Sources

if TYPE_CHECKING:
    from typing_extensions import TypeForm


@overload
def read(source: Source, **options: Unpack[ReadOptions]) -> Reader[UsageObject]: ...
@overload
def read(source: Source, type: TypeForm[T], **options: Unpack[ReadOptions]) -> Reader[T]: ...
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
            xz are recognised by their first bytes. The text is NDJSON, which takes constant memory,
            or one JSON document: an object printed over several lines or an array of objects. It is
            held in memory whole and so may have `max_line_bytes` at most.
        follow: whether to wait for more at the end of the source, as `tail -F` does. It is the path
            of one log then, not compressed, which need not be there yet. A last line without its LF
            is held back until that comes. The log may be rotated, by renaming or by copying and
            truncating, deleted and made anew. Text that was rotated away before it was read is read
            first, compressed or not. The records end when `Reader.stop` is called.
        interval: seconds between two looks at a log that is followed and has nothing new.
        resume: a checkpoint, to go on where it was taken; with `follow`, whatever the file is
            called now.
        type, options: as in `Decoder`; `name` is the name of the source unless given.

    Raises:
        FileError: where the source cannot be opened, and during iteration where it cannot be read
            on, as when compressed data is damaged; the records before the damage come first.
            Iterating on continues with the next source, or tries a followed log again.
        CheckpointError: where the source is not what was read before the checkpoint, or the
            checkpoint is none.
        DecodeError: during iteration, with `on_error="raise"`, at a bad line. The records before it
            have come out, and iterating on continues after it.
    """
    at = None if resume is None else Checkpoint.loads(resume)
    decoder = Decoder(type, **options)
    name = options.get("name")
    events: EventSource
    events = FollowedLog(source, name, at, interval) if follow else Sources(source, name, at)
    return Reader(ReadLoop(events, Pipeline(decoder, events.start, at)))


class Reader(chain[T], ReaderState[T]):
    """The records of files, in order. Made by `read`. An iterator and a context manager.

    An interrupt while a log that is followed has nothing new costs nothing: iterating on continues.

    Raises:
        UsageWireError: where a record is asked for while one is being read, by an `on_error`
            function or in another thread. No record is lost.
        RuntimeError: where an `on_error` function raises StopIteration.
    """

    def __new__(cls, loop: ReadLoop[T]) -> Self:
        """Return a chain of runs, which needs no Python code for a record.

        A loop over it takes a fifth less time than with a `__next__` in Python.
        """
        return cast("Self", super().from_iterable(iter(_Members(loop.next_run).popleft, None)))

    def __init__(self, loop: ReadLoop[T]) -> None:
        self._loop = loop
        self._pipeline = loop.pipeline

    @property
    def taken(self) -> int:
        """Bytes taken from the files so far, as they are in the files: for showing progress."""
        return self._loop.source.bytes_read

    def batches(self) -> Iterator[list[T]]:
        """Yield the records in lists, about as many as a chunk of text completes.

        None is empty, but with `follow`: then an empty list comes after each look that found
        nothing new. It raises as iterating does, once the records before have come out. It can be
        called again then.
        """
        while True:
            batch, needs_input = self._pipeline.batch()
            if batch:
                yield batch
            elif needs_input and self._pipeline.is_ended:
                return
            elif needs_input and self._loop.fetch():
                yield []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self) -> None:
        """Let the records end soon, after those that were read already.

        It may be called in a signal handler and from another thread. What is held back of a last
        line is not read, so that who resumes at the `checkpoint` reads that line whole.
        """
        self._loop.source.stop()

    def close(self) -> None:
        """Close the file, if `read` opened it. There are no more records then."""
        self._pipeline.close()
        self._loop.source.close()


class ReadLoop(Generic[T]):
    """Feeds a pipeline with the events of a source."""

    def __init__(self, source: EventSource, pipeline: Pipeline[T]) -> None:
        self.source = source
        self.pipeline = pipeline
        self._is_asked = False

    def next_run(self) -> Iterator[T] | None:
        """Return the records of the next run, or None at the end."""
        pipeline = self.pipeline
        if self._is_asked:
            raise UsageWireError(
                f"{pipeline.name}: a record is asked for while one is being read, by an `on_error`"
                " function or another thread"
            )
        # No lock: an interrupt after taking one, before the block that frees it, leaves it taken.
        try:
            self._is_asked = True
            while not length_hint(pipeline.buffer):
                if pipeline.step():
                    if pipeline.is_ended:
                        return None
                    self.fetch()
            return pipeline.buffer
        finally:
            self._is_asked = False

    def fetch(self) -> bool:
        """Fetch the next event; return whether it says that nothing new has come."""
        source, pipeline = self.source, self.pipeline
        event: Event | FileError | None = None
        if not source.stopped:
            pipeline.interrupted = True  # until the event is taken: an interrupt may lose it
            try:
                event = next(source, None)
            except FileError as error:
                event = error
            except BaseException:
                pipeline.interrupted = not source.waiting
                raise
        try:
            pipeline.receive(event, goes_on=source.stopped or source.is_followed)
        finally:
            if pipeline.is_ended:
                source.close()
            elif pipeline.skips_source:
                source.skip_source()
        return event == b""


class _Members(deque[Iterator[T] | None]):
    """The next members of a chain: a run, and an empty iterator that asks for the next run.

    Where `next_run` raises, the chain stays at that iterator and raises, too, and asks again the
    next time. With a generator it would end for good.
    """

    def __init__(self, next_run: Callable[[], Iterator[T] | None]) -> None:
        super().__init__()
        self.next_run = next_run
        self.append(self.asking())

    def asking(self) -> Iterator[Any]:
        # Weak, so that the file of a reader that is forgotten is closed at once.
        return iter(partial(_ask, weakref.ref(self)), None)


def _ask(reference: weakref.ref[_Members[T]]) -> None:
    members = reference()
    if members is None:
        return
    try:
        run = members.next_run()
    except StopIteration as error:
        # It would pass for the end of the records.
        raise RuntimeError("an `on_error` function raised StopIteration") from error
    members.extend((None,) if run is None else (run, members.asking()))
