"""Public usage, which mypy and pyright check. This file is never run."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import assert_type

import attrs
from cattrs import Converter

import usagewire as uw


@attrs.define
class Job:
    name: str
    size: int


def one_class(data: bytes) -> None:
    assert_type(uw.loads(data, uw.UsageCompletionsResult), uw.UsageCompletionsResult)
    assert_type(uw.loads(data, Job), Job)


def unions(data: bytes) -> None:
    assert_type(
        uw.loads(data, uw.CostsResult | uw.UsageImagesResult),
        uw.CostsResult | uw.UsageImagesResult,
    )
    assert_type(uw.loads(data, uw.UsageResult), uw.UsageResult)
    assert_type(uw.loads(data, Job | None), Job | None)


def containers(data: bytes) -> None:
    assert_type(uw.loads(data, list[uw.UsageTimeBucket]), list[uw.UsageTimeBucket])
    assert_type(
        uw.loads(data, list[uw.CostsResult | uw.UnknownResult]),
        list[uw.CostsResult | uw.UnknownResult],
    )


def default(data: str) -> None:
    assert_type(uw.loads(data), uw.UsageObject)
    assert_type(uw.Decoder().decode_lines(data), list[uw.UsageObject])


def decoder(data: memoryview) -> None:
    decoder = uw.Decoder(uw.CostsResult, strict=False, unknown="forbid", on_error="collect")
    assert_type(decoder, uw.Decoder[uw.CostsResult])
    assert_type(decoder.decode(data), uw.CostsResult)
    assert_type(decoder.feed(data) + decoder.close(), list[uw.CostsResult])
    assert_type(decoder.counts.lines, int)
    assert_type(decoder.rejections, list[uw.Rejection])


def callback() -> None:
    seen: list[uw.Rejection] = []
    uw.Decoder(on_error=seen.append)


def narrowing(row: uw.UsageResult) -> Decimal | None:
    if isinstance(row, uw.CostsResult):
        assert_type(row.amount, uw.CostsResultAmount | None)
        return row.amount.value if row.amount else None
    return None


def files(path: str) -> None:
    with uw.read(path, uw.UsageResponse) as pages:
        assert_type(pages, uw.Reader[uw.UsageResponse])
        for page in pages:
            assert_type(page.data, tuple[uw.UsageTimeBucket, ...])
    assert_type(uw.write(path, [uw.UnknownResult(object="x")], dialect="dart"), int)
    with uw.Writer(path, append=True) as log:
        assert_type(log.write_all([uw.UnknownResult(object="x")]), int)
        assert_type(log.torn, Path | None)


async def streams(path: str, chunks: AsyncIterator[bytes], stream: asyncio.StreamReader) -> None:
    async with uw.aread(chunks, uw.UsageResponse, on_error="skip") as pages:
        assert_type(pages, uw.AsyncReader[uw.UsageResponse])
        async for page in pages:
            assert_type(page, uw.UsageResponse)
        assert_type(pages.counts.lines, int)
        assert_type(pages.position.offset, int)
    async for rows in uw.aread(stream, resume=pages.checkpoint()).batches():
        assert_type(rows, list[uw.UsageObject])
    log = uw.aread(path, follow=True, interval=1)
    assert_type(await anext(log), uw.UsageObject)
    log.stop()
    await log.aclose()


def letters(path: str) -> None:
    decoder = uw.Decoder(uw.CostsResult)
    with uw.DeadLetters(path) as rejects, uw.read(path, on_error=rejects, max_raw_bytes=None):
        assert_type(rejects.count, int)
    for letter in uw.read(path, uw.DeadLetter):
        assert_type(letter.raw, str | None)
        assert_type(letter.mended(b"{}").feed_to(decoder), list[uw.CostsResult])


def shapes(record: uw.UsageObject) -> None:
    made = uw.Conversion("pages", drop_personal=True)
    assert_type(
        [*made.add(record), *made.close()], list[uw.UsageObject | uw.UsageTimeBucketResultInner]
    )


def flat(row: uw.UsageTimeBucketResultInner) -> None:
    assert_type(row.to_result(), uw.UsageResult)
    assert_type(
        uw.UsageTimeBucketResultInner.from_result(row.to_result()), uw.UsageTimeBucketResultInner
    )


def converters() -> None:
    assert_type(uw.make_converter("legacy", names={Job: {"size": ("bytes", "size")}}), Converter)
    uw.configure_converter(Converter(), "powershell", unknown="ignore")
    assert_type(uw.Encoder(dialect="api").encode_lines([Job("a", 1)]), bytes)
    assert_type(uw.dumps(Job("a", 1)), bytes)
