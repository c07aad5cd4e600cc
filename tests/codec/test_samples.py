"""The sample pages and lines, and every reported quirk, strict and lenient."""

import json
from decimal import Decimal
from typing import Any

import attrs
import pytest

from tests.support.cases import cases
from tests.support.comparing import Refused, at, exact, expect, filled, outcome
from tests.support.paths import Loads, Way
from tests.support.samples import PAGES, QUIRKS, SAMPLES, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
    UsageAudioSpeechesResult,
    UsageAudioTranscriptionsResult,
    UsageCodeInterpreterSessionsResult,
    UsageCompletionsResult,
    UsageDecisionsResult,
    UsageEmbeddingsResult,
    UsageFileSearchCallsResult,
    UsageImagesResult,
    UsageModerationsResult,
    UsageResponse,
    UsageVectorStoresResult,
    UsageWebSearchCallsResult,
    dumps,
)

ROW_OF_PAGE = {
    "completions": UsageCompletionsResult,
    "completions_sdk354": UsageCompletionsResult,
    "completions_first_of_two": UsageCompletionsResult,
    "embeddings": UsageEmbeddingsResult,
    "moderations": UsageModerationsResult,
    "images": UsageImagesResult,
    "audio_speeches": UsageAudioSpeechesResult,
    "audio_transcriptions": UsageAudioTranscriptionsResult,
    "vector_stores": UsageVectorStoresResult,
    "code_interpreter_sessions": UsageCodeInterpreterSessionsResult,
    "file_search_calls": UsageFileSearchCallsResult,
    "web_search_calls": UsageWebSearchCallsResult,
    "decisions": UsageDecisionsResult,
    "costs": CostsResult,
}

# The expectation of each quirk: values by their place in the record, or a refusal. "lenient" is
# given only if it differs from "strict".
EXPECTED = cases("quirks.ndjson")

ELASTIC = "row_per_line_elastic (result + start_time/end_time; elastic/integrations cel.yml.hbs)"

# The counts of lines, records, rejected and blank lines, and the codes of the rejections.
LINES: dict[str, tuple[tuple[int, int, int, int], list[str]]] = {
    "page_per_line": ((2, 2, 0, 0), []),
    "bucket_per_line": ((2, 2, 0, 0), []),
    ELASTIC: ((1, 1, 0, 0), []),
    "row_per_line_airbyte (constructorfabric/insight connector)": (
        (2, 0, 2, 0),
        ["missing_tag", "missing_tag"],
    ),
    "row_per_line_bigquery (mozilla/bigquery-etl)": ((1, 0, 1, 0), ["missing_tag"]),
    "page_plus_blank_line_crlf_bom": ((3, 2, 0, 1), []),
    "truncated_last_line": ((2, 1, 1, 0), ["syntax"]),
}

every_page = pytest.mark.parametrize("page", PAGES)
every_quirk = pytest.mark.parametrize("quirk", QUIRKS)
every_mode = pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])


def kind_of(payload: Any) -> Any:
    """Return the option `type` for a sample, which may be a list of pages."""
    return {"type": list[UsageResponse]} if isinstance(payload, list) else {}


def meant(quirk: str, *, strict: bool) -> Any:
    """Return the expectation of a quirk."""
    expected = EXPECTED[quirk]
    return expected["strict"] if strict else expected.get("lenient", expected["strict"])


def test_every_sample_has_an_expectation() -> None:
    """There is an expectation for each quirk and for each sample of lines, and no other."""
    assert set(QUIRKS) == set(EXPECTED)
    assert set(SAMPLES["ndjson"]) == set(LINES)


@every_mode
@every_quirk
def test_quirk(loads: Loads, quirk: str, *, strict: bool) -> None:
    """A quirk gives the expected values, or is refused at the expected place."""
    expected = meant(quirk, strict=strict)
    document = text(QUIRKS[quirk])
    if isinstance(expected, Refused):
        options = kind_of(QUIRKS[quirk])
        assert expected == outcome(loads, document, strict=strict, **options)
        return
    record = loads(document, strict=strict, **kind_of(QUIRKS[quirk]))

    assert exact(expected) == exact({place: at(record, place) for place in expected})


@every_quirk
def test_quirk_survives(loads: Loads, quirk: str) -> None:
    """The record of a quirk reads back equal after it was written."""
    if isinstance(meant(quirk, strict=False), Refused):
        return
    options = kind_of(QUIRKS[quirk])
    record = loads(text(QUIRKS[quirk]), strict=False, **options)

    assert exact(record) == exact(loads(dumps(record), **options))


@every_page
@every_mode
def test_page(loads: Loads, page: str, *, strict: bool) -> None:
    """Each sample page has rows of its endpoint."""
    record = loads(text(PAGES[page]), strict=strict)
    kinds = {type(row) for bucket in record.data for row in bucket.results}

    assert (UsageResponse, {ROW_OF_PAGE[page]}) == (type(record), kinds)


@every_page
def test_page_values(loads: Loads, page: str) -> None:
    """Each value of a page is in the attribute of its name, and no value is left."""
    renamed = {"source": "source_", "num_sessions": "sessions"}
    (rows, *_) = [bucket["results"] for bucket in PAGES[page]["data"]]
    records = loads(text(PAGES[page])).data[0].results
    for data, record in zip(rows, records, strict=True):
        extra = record.additional_properties
        for key, value in data.items():
            name, expected = renamed.get(key, key), value
            if key == "amount":
                expected = CostsResultAmount(
                    value=Decimal(str(value["value"])), currency=value["currency"]
                )
            if key == "quantity":
                expected = Decimal(value)
            actual = extra[name] if key in extra else getattr(record, name)

            assert exact(expected) == exact(actual)

        assert set(extra) <= {"organization_id"}


@every_page
def test_page_is_written_as_it_was(loads: Loads, page: str) -> None:
    """A page is written with the same keys and values, except nulls and digits of money."""
    written = json.loads(dumps(loads(text(PAGES[page])), money="number"), parse_float=Decimal)
    given = json.loads(
        json.dumps(PAGES[page]).replace('"0.1739150000000000000000000000"', "0.173915"),
        parse_float=Decimal,
    )

    assert filled(given) == filled(written)


@every_page
def test_page_has_its_cursor(loads: Loads, page: str) -> None:
    """`next_page` is written even if it is null, because the API requires the key."""
    assert PAGES[page]["next_page"] == json.loads(dumps(loads(text(PAGES[page]))))["next_page"]


@pytest.mark.parametrize("sample", SAMPLES["ndjson"])
def test_lines(path: Way, sample: str) -> None:
    """Each sample of lines has the expected counts and rejections."""
    data = "\n".join(SAMPLES["ndjson"][sample]).encode()
    decoder = path.Decoder(on_error="collect")
    decoder.decode_lines(data)
    counts = attrs.astuple(decoder.counts)

    assert LINES[sample] == (counts[:4], [one.code for one in decoder.rejections])
    assert len(data) == decoder.counts.bytes


def test_row_with_times(path: Way) -> None:
    """The times of the bucket are kept if a log copies them into each row."""
    (line,) = SAMPLES["ndjson"][ELASTIC]
    (record,) = path.Decoder().decode_lines(line)

    assert {"start_time", "end_time"} <= set(record.additional_properties)


def test_flattened_in_a_concrete_type(loads: Loads) -> None:
    """With the type of a page, a page without a tag is read, but its untagged rows are refused."""
    page = text(QUIRKS["page_without_object_and_next_page"])

    assert expect(Refused("missing_tag", "$.data[0].results[0]")) == outcome(
        loads, page, UsageResponse
    )
