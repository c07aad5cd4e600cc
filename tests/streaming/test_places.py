"""The counts and the place after each record, with blank and bad lines between them."""

import io
import random
from typing import Any

import pytest

import usagewire as uw

LINES = [
    b'{"usage_bytes":1}', b'{"usage_bytes":22}\r', b'{"usage_bytes":3,"x":[1]}', b"", b" ",
    b"\t\r", b"?", b'{"usage_bytes":"x"}', b" " * 70, b"\xef\xbb\xbf",
]  # fmt: skip
TEXTS = [
    b"\n".join(dice.choice(LINES) for _ in range(dice.randrange(1, 30))) + dice.choice([b"", b"\n"])
    for dice in [random.Random(5)]  # noqa: S311 -- test data
    for _ in range(150)
]


def counted(data: bytes) -> uw.Counts:
    """Return the counts of a text, line by line, in the simplest way."""
    counts = uw.Counts()
    for number, line in enumerate(data.splitlines(keepends=True)):
        body = line.removesuffix(b"\n").removesuffix(b"\r")
        body = body.removeprefix(b"\xef\xbb\xbf") if number == 0 else body
        blank = not body.strip(b" \t\r") and len(body) <= 60
        record = body.startswith(b'{"usage_bytes":') and b'x"' not in body[-3:]
        counts += uw.Counts(
            lines=1, bytes=len(line), blank=blank, records=record,
            rejected=not blank and not record,
        )  # fmt: skip
    return counts


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("on_error", ["skip", "collect", "raise"])
def test_the_place_after_each_record(on_error: Any) -> None:
    """The counts are those of the bytes before the place, and both end with the record."""
    for data in TEXTS:
        options: Any = {"on_error": on_error, "max_line_bytes": 60}
        with uw.read(io.BytesIO(data), uw.UsageVectorStoresResult, **options) as reader:
            going = True
            while going:
                try:
                    going = next(reader, None) is not None
                except uw.DecodeError:
                    continue
                offset = reader.position.offset
                assert counted(data[:offset]) == reader.counts, data
                assert reader.position.line == 1 + reader.counts.lines
                assert not going or data[:offset].rstrip(b"\r\n").endswith(b"}")
            assert counted(data) == reader.counts


def test_asking_after_each_record_is_linear() -> None:
    """A place is found from the place before it, so a run is searched once."""
    finds = 0

    class Text(bytes):
        def rfind(self, *arguments: Any) -> int:
            nonlocal finds
            finds += 1
            return super().rfind(*arguments)

    decoder = uw.Decoder(uw.UsageVectorStoresResult)
    lines = decoder.begin()
    lines.push(b'{"usage_bytes":5}\n' * 3000)
    run: list[Any] = []
    lines.next_run(run)
    buffer = lines._lines  # noqa: SLF001 -- the searches can only be counted there
    buffer.text = Text(buffer.text)
    counts = [lines.counts(back) for back in range(len(run), -1, -1)]

    assert list(range(3001)) == [one.records for one in counts] or not uw.accelerated()
    assert finds <= 2 * 3000 + 2
