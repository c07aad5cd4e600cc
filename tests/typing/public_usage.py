"""Public usage as a type checker sees it. mypy and pyright read this file; nothing runs it."""

from __future__ import annotations

from decimal import Decimal
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
