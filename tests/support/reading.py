"""Five lines, their records, and functions that read a source."""

from collections.abc import Iterator
from typing import Any

from tests.support.samples import row, text
from usagewire import FileError, UsageVectorStoresResult, read

ROWS = [UsageVectorStoresResult(usage_bytes=number, project_id="é") for number in range(5)]
LINES = b"".join(text(row(usage_bytes=number, project_id="é")) + b"\n" for number in range(5))
FIRST = LINES.index(b"\n") + 1


def everything(source: Any, **options: Any) -> list[Any]:
    """Return the bytes of each record of a source, and the message of each `FileError`."""
    found: list[Any] = []
    reader = read(source, **options)
    while True:
        try:
            found.extend(record.usage_bytes for record in reader)
        except FileError as error:
            found.append(str(error))
        else:
            return found


def came(reader: Any, by: str) -> Iterator[Any]:
    """Yield the records of a reader one by one, or by "batches"."""
    if by == "batches":
        for batch in reader.batches():
            yield from batch
    else:
        yield from reader
