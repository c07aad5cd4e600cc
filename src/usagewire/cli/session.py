"""The reading that one command does: records in batches, bad lines named, and how it ended.

Whatever is said about the run goes to standard error, and nothing read from a file reaches it with
its control characters alive. What the records are for is the command's to know.
"""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NoReturn, TypeAlias, cast

import attrs
import click
from cattrs import Converter
from rich.console import Console
from rich.text import Text

from usagewire.cli.signals import Terminated, stopping, terminable
from usagewire.cli.terminal.progress import Bar, State, is_screen, total_size
from usagewire.cli.terminal.tables import shown
from usagewire.codec.counts import Counts
from usagewire.codec.decoder import MAX_LINE_BYTES, Decoder
from usagewire.errors import CheckpointError, FileError, Rejection, UsageWireError
from usagewire.models import UsageObject
from usagewire.streaming.dead_letters import DeadLetter
from usagewire.streaming.reader import Reader, read

REJECTED: Final = 1
FAILED: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
TERMINATED: Final = 143
"""Exit statuses beside 0; the last three are what shells report for the signals."""

MOST_SHOWN: Final = 20
"""How many bad lines of a file are named, where not all are."""

OnRejection: TypeAlias = Callable[[Rejection], None]

_COUNTS: Final = ("lines", "records", "rejected", "blank", "lenient")

_LONGEST_LETTER: Final = 6 * MAX_LINE_BYTES + 2**16
"""A dead letter escapes some characters of its line, to six times their length at most."""


class Run:
    """The files of one command: batches of their records, and what else happened.

    Args:
        undone: what is to be said where it ends before its end, as that nothing was written.
        most: how many bad lines of each file are named on standard error; None prints them all on
            standard output, as what the command is for.
        console: where lines about the run are printed, standard error unless given.

    """

    def __init__(
        self,
        undone: Callable[[], str],
        *,
        most: float | None = MOST_SHOWN,
        console: Console | None = None,
    ) -> None:
        self.console = console or Console(stderr=True)
        self.failed = False
        """Whether a file could not be read."""
        self.leniencies = 0
        """Values that only a lenient converter of the command let through."""
        self._undone = undone
        self._most = most
        self._counted: Reader[Any] | Decoder[Any] | None = None
        self._file: str | None = None
        self._bad = 0
        self._lines = 0
        self._told: dict[str, str] = {}
        self._open = ExitStack()

    @property
    def counts(self) -> Counts:
        """What was read so far."""
        return self._counted.counts if self._counted else Counts()

    @property
    def seen(self) -> dict[str, int]:
        """The counts of lines, by name."""
        counts = attrs.asdict(self.counts)
        counts["lenient"] += self.leniencies
        return {name: counts[name] for name in _COUNTS}

    def batches(
        self, files: Sequence[str], *, on_error: OnRejection | None = None, **options: Any
    ) -> Iterator[list[Any]]:
        """Yield the records of `files`, with a bar where that is long.

        Args:
            files: what `read` takes.
            on_error: called with each bad line, once it was named.
            options: as in `read`; `strictly` is whether a file that cannot be read ends it all.
                Else it is told, and reading goes on with the next file.

        Raises:
            FileError: only if `strictly`.

        """
        reject = self._rejecting(on_error)
        for reader, batch in self._read(files, on_error=reject, **options):
            self._lines = reader.counts.lines
            yield batch

    def mended(
        self,
        files: Sequence[str],
        *,
        on_error: Callable[[Rejection, Mapping[str, Any]], None],
        converter: Converter,
    ) -> Iterator[list[Any]]:
        """Yield the records of the lines that `files` of dead letters hold.

        Args:
            files: what `read` takes.
            on_error: called with each bad line, and the notes that its letter had.
            converter: as in `Decoder`.

        Raises:
            FileError: where a file cannot be read.
            UsageWireError: at the end, where a line is no dead letter; each such line was named.

        """
        decoder = self._counted = Decoder(
            on_error=self._rejecting(
                lambda rejection: on_error(rejection, letter.additional_properties)
            ),
            max_rejections=0,
            max_raw_bytes=MAX_LINE_BYTES,
            converter=converter,
        )
        others = 0

        def name(rejection: Rejection) -> None:
            nonlocal others
            others += 1
            self._name(rejection)

        for _, letters in self._read(
            files, DeadLetter, on_error=name, strictly=True, max_line_bytes=_LONGEST_LETTER
        ):
            for letter in letters:
                yield letter.feed_to(decoder)
            self._lines = decoder.counts.lines
        if others:
            raise UsageWireError(f"{others} lines are no dead letters; mend or remove them")

    def follow(
        self, file: str, resume: str | None, interval: float, *, strict: bool
    ) -> Iterator[list[Any]]:
        """Yield what comes to a log, until a signal to end; an empty list where nothing came.

        That the log cannot be read is told, and tried again.

        Raises:
            CheckpointError: where there is no going on at the checkpoint `resume`.
            FileError: where this is nothing that can be followed.

        """
        reader = self._counted = read(
            file,
            follow=True,
            interval=interval,
            resume=resume,
            strict=strict,
            on_error=self._rejecting(None),
            max_rejections=0,
        )
        self._open.callback(reader.close)
        # To the end of the run, because the echo of a signal may come while sums are printed.
        self._open.enter_context(stopping(reader.stop))
        while True:
            try:
                for batch in reader.batches():
                    self.tell("log", None)
                    yield batch
                break
            except CheckpointError:
                raise
            except FileError as error:
                self.tell("log", error)

    def tell(self, what: str, trouble: FileError | None) -> None:
        """Say once what goes wrong with what is tried again and again; None says that it went well.

        What goes wrong at the end counts as a failure.
        """
        told = str(trouble or "")
        if told and told != self._told.get(what):
            self.say(told)
        self._told[what] = told
        self.failed = any(self._told.values())

    def checkpoint(self) -> str:
        """Return the place that a log was read to."""
        return cast("Reader[Any]", self._counted).checkpoint()

    def use_leniency(self) -> None:
        """Count a value that only a lenient converter let through."""
        self.leniencies += 1

    def say(self, text: str) -> None:
        """Print a line about the run."""
        if is_screen(self.console):
            # What is drawn there makes room.
            self.console.print(Text(shown(text)), soft_wrap=True)
        else:
            # What rich prints may come out twice where an interrupt comes in between.
            click.echo(shown(text), err=True)

    def counted(self, *more: str) -> str:
        """Return what was read, in words."""
        words = [f"{name} {n}" for name, n in self.seen.items() if name != "lenient" or n]
        return ", ".join([*words, *more])

    def close(self, *more: str) -> NoReturn:
        """Say what was read, and `more`, and exit with the status that fits."""
        sys.stdout.flush()
        self.say(self.counted(*more))
        sys.exit(FAILED if self.failed else REJECTED if self.counts.rejected else 0)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn an interrupt, a failure, and output that nobody takes, into an end with a status."""
        try:
            with printing(), terminable(), self._open:
                yield
        except KeyboardInterrupt as error:
            _end(
                TERMINATED if isinstance(error, Terminated) else INTERRUPTED,
                f"interrupted before all was read: {self.counted()}; {self._undone()}",
            )
        except UsageWireError as error:
            _end(FAILED, str(error), f"failed: {self.counted()}; {self._undone()}")

    def _read(
        self, files: Sequence[str], kind: Any = UsageObject, *, strictly: bool = False,
        **options: Any,
    ) -> Iterator[tuple[Reader[Any], list[Any]]]:  # fmt: skip
        """Yield the reader of `files`, and its batches."""
        reader = read(files, kind, max_rejections=0, **options)
        self._counted = self._counted or reader
        self._open.callback(reader.close)
        self._open.enter_context(
            Bar(
                self.console,
                total_size(files),
                lambda: State(reader.name, reader.taken, self._lines),
            )
        )
        while True:
            try:
                for batch in reader.batches():
                    yield reader, batch
                break
            except FileError as error:
                if strictly:
                    raise
                self.failed = True
                self.say(str(error))
        self._open.close()
        self._name_no_more()

    def _rejecting(self, on_error: OnRejection | None) -> OnRejection:
        def reject(rejection: Rejection) -> None:
            self._lines += 1
            self._name(rejection)
            if on_error is not None:
                on_error(rejection)

        return reject

    def _name(self, rejection: Rejection) -> None:
        """Name a bad line, unless there were too many in its file."""
        if self._most is None:
            self._print(str(rejection))
            return
        if rejection.file != self._file:
            self._name_no_more()
            self._file = rejection.file
        self._bad += 1
        if self._bad <= self._most:
            self.say(str(rejection))

    def _name_no_more(self) -> None:
        """Say how many bad lines of the file were not named."""
        if self._most is not None and self._bad > self._most:
            self.say(f"{self._file}: ... and {self._bad - self._most} more")
        self._bad = 0

    def _print(self, line: str) -> None:
        if sys.stdout.isatty() and is_screen(self.console):
            # It is the same terminal, and the bar that may be there has to make room.
            self.say(line)
        else:
            click.echo(shown(line))


@contextmanager
def printing() -> Iterator[None]:
    """Turn output that cannot be written into an end with a status."""
    try:
        yield
    except OSError as error:
        # What cannot be read is a FileError, so this is about the output. What is left in its
        # buffer would fail once more when Python exits.
        sys.stdout = io.StringIO()
        if error.errno == errno.EPIPE:
            sys.stderr = io.StringIO()
            sys.exit(BROKEN_PIPE)
        _end(FAILED, f"cannot write the output: {error.strerror or error}")


def _end(status: int, *lines: str) -> NoReturn:
    """Say the last lines, if they can be said, and exit with a status that stands anyway."""
    try:
        for line in lines:
            click.echo(shown(line), err=True)
    except OSError:
        sys.stderr = io.StringIO()
    sys.exit(status)
