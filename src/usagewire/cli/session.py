"""One run of a command: it reads files in batches, counts lines and failures, and ends."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NoReturn, TypeAlias

import attrs
from cattrs import Converter
from rich.console import Console

from usagewire.analysis.summary import rows
from usagewire.cli.exits import FAILED, REJECTED, exit_on_failure
from usagewire.cli.terminal.messages import RejectionPrinter, print_message
from usagewire.cli.terminal.progress import Bar, State, total_size
from usagewire.codec.counts import Counts
from usagewire.codec.decoder import Decoder
from usagewire.converters.configure import make_converter
from usagewire.converters.row_rules import reject_unknown
from usagewire.errors import FileError, Rejection, quote
from usagewire.models import UnknownResult, UsageObject
from usagewire.streaming.reader import Reader, read
from usagewire.wire.layout import Unknown

MOST_SHOWN: Final = 20
"""At most this many rejected lines of a file are printed, unless the command prints all."""

MOST_KINDS: Final = 20
"""At most this many unknown kinds of rows are named."""

OnRejection: TypeAlias = Callable[[Rejection], None]

_COUNTS: Final = ("lines", "records", "rejected", "blank", "lenient", "unknown")
_UNLESS_ZERO: Final = ("lenient", "unknown")


class Session:
    """The reading of one command. `unfinished` returns the message for an early end."""

    def __init__(
        self,
        unfinished: Callable[[], str],
        *,
        limit: float | None = MOST_SHOWN,
        console: Console | None = None,
    ) -> None:
        self.console = console or Console(stderr=True)
        self.rejections = RejectionPrinter(self.console, limit)
        self.leniencies = 0
        """The number of values that only a lenient converter of the command accepted."""
        self.source: Reader[Any] | Decoder[Any] | None = None
        """The reader or decoder whose counts are the counts of the session."""
        self.cleanup = ExitStack()
        """Closed when the command ends, however it ends."""
        self._unfinished = unfinished
        self._lines = 0
        self._failures: dict[str, str] = {}
        self._unknown_kinds: Counter[str] = Counter()

    @property
    def counts(self) -> Counts:
        """The counts of the lines read so far."""
        return self.source.counts if self.source else Counts()

    @property
    def line_counts(self) -> dict[str, int]:
        """The counts of lines by the names under which they are printed."""
        counts = attrs.asdict(self.counts)
        counts["lenient"] += self.leniencies
        return {name: counts[name] for name in _COUNTS}

    def reading_rules(
        self, *, lenient: bool, strict_kinds: bool, unknown: Unknown = "keep"
    ) -> dict[str, Any]:
        """Return the options of `read` for the options of a command."""
        if not strict_kinds:
            return {"strict": not lenient, "unknown": unknown}
        return {"converter": self.converter(lenient=lenient, strict_kinds=True, unknown=unknown)}

    def converter(
        self,
        then: Callable[[Any], Any] | None = None,
        *,
        lenient: bool,
        strict_kinds: bool,
        unknown: Unknown = "keep",
    ) -> Converter:
        """Return a converter for the options of a command.

        `then` receives each record, and its result becomes the record. It may reject the record.
        The converter notes the kinds of unknown rows that `then` accepted, which may change them.
        """
        converter = make_converter(
            strict=not lenient, unknown=unknown, on_lenient=self.use_leniency
        )
        if strict_kinds:
            reject_unknown(converter)
        if then is None and not lenient:
            return converter  # C reads it
        structure = converter.get_structure_hook(UsageObject)

        def read_record(value: Any, kind: Any) -> Any:
            before = self.leniencies
            try:
                record = structure(value, kind)
                if then is None:
                    return record
                found = then(record)
            except BaseException:
                self.leniencies = before
                raise
            self._name_unknown_rows(record)
            return found

        converter.register_structure_hook_func(lambda kind: kind == UsageObject, read_record)
        return converter

    def name_unknown(self, records: Iterable[Any]) -> None:
        """Note the kinds of the unknown rows of records that were just read."""
        if self.counts.unknown == self._unknown_kinds.total():
            return
        for record in records:
            self._name_unknown_rows(record)

    def _name_unknown_rows(self, record: Any) -> None:
        for row, _, _ in rows(record):
            if isinstance(row, UnknownResult):
                kind, kinds = quote(row.object), self._unknown_kinds
                is_named = kind in kinds or len(kinds) < MOST_KINDS
                kinds[kind if is_named else "others"] += 1

    def batches(
        self,
        files: Sequence[str],
        kind: Any = UsageObject,
        *,
        on_error: OnRejection | None = None,
        required: bool = False,
        **options: Any,
    ) -> Iterator[list[Any]]:
        """Yield the records of `files` as `read` does, with a progress bar for large files.

        `on_error` receives each rejected line after it was printed. If a file cannot be read, its
        error is printed and the next file is read. If all are `required`, the error is raised.
        """
        on_error = self.rejection_handler(on_error)
        reader = read(files, kind, on_error=on_error, max_rejections=0, **options)
        self.source = self.source or reader
        self.cleanup.callback(reader.close)

        def progress() -> State:
            return State(reader.name, reader.taken, self._lines)

        self.cleanup.enter_context(Bar(self.console, total_size(files), progress))
        while True:
            try:
                for batch in reader.batches():
                    self._lines = self.counts.lines
                    yield batch
                break
            except FileError as error:
                if required:
                    raise
                self._failures["files"] = str(error)
                self.print(str(error))
        self.cleanup.close()
        self.rejections.finish_file()

    def rejection_handler(self, then: OnRejection | None = None) -> OnRejection:
        """Return an `on_error` that prints a rejected line and then calls `then`."""

        def reject(rejection: Rejection) -> None:
            self._lines += 1
            self.rejections.print(rejection)
            if then is not None:
                then(rejection)

        return reject

    def report(self, task: str, error: FileError | None) -> None:
        """Print the error of a task, unless it repeats the last one. None means success."""
        text = str(error or "")
        if text and text != self._failures.get(task):
            self.print(text)
        self._failures[task] = text

    def use_leniency(self) -> None:
        """Count a value that only a lenient converter accepted."""
        self.leniencies += 1

    def print(self, text: str) -> None:
        """Print a message."""
        print_message(self.console, text)

    def summary_line(self, *more: str) -> str:
        """Return the counts and `more` on one line."""
        counts = self.line_counts.items()
        words = [f"{name} {n}" for name, n in counts if n or name not in _UNLESS_ZERO]
        return ", ".join([*words, *more])

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Exit with a status on an interrupt, an error, or output that cannot be written."""
        with exit_on_failure(lambda: f"{self.summary_line()}; {self._unfinished()}"), self.cleanup:
            yield

    def finish(self, *more: str) -> NoReturn:
        """Print the counts and `more`, and exit with the status of the run."""
        sys.stdout.flush()
        if kinds := self._unknown_kinds.most_common():
            self.print(f"unknown kinds: {', '.join(f'{name} {n}' for name, n in kinds)}")
        self.print(self.summary_line(*more))
        if any(self._failures.values()):
            sys.exit(FAILED)
        sys.exit(REJECTED if self.counts.rejected else 0)
