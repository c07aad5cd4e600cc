"""The sample pages, and every quirk ever reported: what comes of it, strict and lenient."""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from typing import Any

import attrs
import pytest

from tests.support.comparing import Refused, exact, expect, outcome
from tests.support.paths import Way
from tests.support.samples import PAGES, QUIRKS, SAMPLES, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
    UnknownResult,
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

Loads = Callable[..., Any]

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

ROW = "data.0.results.0"
OLD_ROW = UsageCompletionsResult(
    input_tokens=1000, output_tokens=500, input_cached_tokens=800, num_model_requests=5
)
FLAT_ROW = attrs.evolve(OLD_ROW, project_id="proj_exampleA", model="gpt-4o-mini-2024-07-18")
NEW_ROW = UsageCompletionsResult(
    input_tokens=5000,
    input_cached_tokens=1800,
    input_cache_write_tokens=200,
    input_uncached_tokens=3000,
    output_tokens=1000,
    input_text_tokens=2500,
    output_text_tokens=800,
    input_cached_text_tokens=1500,
    input_audio_tokens=300,
    input_cached_audio_tokens=100,
    output_audio_tokens=100,
    input_image_tokens=200,
    input_cached_image_tokens=200,
    output_image_tokens=100,
    num_model_requests=5,
    project_id="proj_exampleA",
    user_id="user-exampleA",
    api_key_id="key_exampleA",
    model="gpt-4o-mini-2024-07-18",
    batch=False,
    service_tier="default",
)


def cost(value: str) -> dict[str, Any]:
    """Return what to expect of a page whose first row costs `value` dollars."""
    return {f"{ROW}.amount": CostsResultAmount(value=Decimal(value), currency="usd")}


def refused(code: str, place: str, start: str = "$.data[0].results[0]") -> Refused:
    """Return the refusal of something in the first row of a page."""
    return Refused(code, start + place)


OLD_START = "$.data[0].result[0]"

# What is expected of each quirk: values by their place, or a refusal; strict, then lenient where it
# differs.
EXPECTED: dict[str, list[dict[str, Any] | Refused]] = {
    "old_key_result": [{ROW: OLD_ROW}],
    "old_sessions": [{ROW: UsageCodeInterpreterSessionsResult(sessions=1)}],
    "old_tag_typo": [{ROW: OLD_ROW}],
    "cost_value_string": [cost("12.5")],
    "cost_value_string_28_decimals": [
        cost("0.173915") | {f"{ROW}.additional_properties": {"organization_id": "org-exampleA"}}
    ],
    "cost_value_zero_exponent": [cost("0")],
    "cost_value_zero_decimal128": [cost("0") | {f"{ROW}.quantity": Decimal(22091)}],
    "cost_value_string_34_digits": [cost("1.65")],
    "live_costs_shape_2026": [
        cost("8.4368")
        | {
            "data.0.start_time": 1785542400,
            "data.0.additional_properties": {
                "start_time_iso": "2026-08-01T00:00:00+00:00",
                "end_time_iso": "2026-08-02T00:00:00+00:00",
            },
            f"{ROW}.quantity": Decimal(1687360),
            f"{ROW}.additional_properties": {
                "project_name": "Example project",
                "organization_id": "org-exampleA",
                "organization_name": "Example Org",
                "user_email": None,
            },
        }
    ],
    "bucket_iso_only": [Refused("missing_tag")],
    "amount_is_plain_number": [refused("wrong_type", ".amount")],
    "cost_value_nonfinite": [refused("bad_decimal", ".amount.value")],
    "cost_amount_null": [
        {
            f"{ROW}.amount": None,
            "data.0.results.1.amount": None,
            "data.0.results.2.amount": CostsResultAmount(currency="usd"),
        }
    ],
    "empty_results": [{"data.0.results": (), "data.1.results": ()}],
    "results_null": [Refused("wrong_type", "$.data[0].results")],
    "empty_page": [{"data": (), "has_more": False, "next_page": None}],
    "page_without_object_and_next_page": [Refused("missing_tag")],
    "has_more_without_cursor": [{"has_more": True, "next_page": None}],
    "ints_as_floats": [
        refused("wrong_type", ".input_tokens"),
        {
            ROW: UsageCompletionsResult(
                input_tokens=59200,
                output_tokens=10646,
                input_cached_tokens=5760,
                num_model_requests=10,
                project_id="proj_exampleA",
            )
        },
    ],
    "float_seconds": [refused("wrong_type", ".seconds")],
    "fractional_tokens": [refused("wrong_type", ".input_tokens")],
    "over_int32": [{f"{ROW}.usage_bytes": 5497558138880}],
    "over_2_53": [{f"{ROW}.input_tokens": 2**53 + 1}],
    "over_int64": [refused("out_of_range", ".input_tokens")],
    "batch_string": [
        refused("wrong_type", ".batch"),
        {f"{ROW}.batch": False, "data.0.results.1.batch": False},
    ],
    "unknown_tag": [
        {
            ROW: UnknownResult(
                object="organization.usage.new_thing.result",
                additional_properties={"widgets": 3, "project_id": "proj_exampleA"},
            )
        }
    ],
    "unknown_fields": [
        cost("1")
        | {
            f"{ROW}.additional_properties": {
                "organization_id": "org-exampleA",
                "organization_name": "Example Org",
                "project_name": "Example project",
                "user_email": None,
            }
        }
    ],
    "mixed_kinds_in_one_bucket": [
        {
            f"{ROW}.object": UsageEmbeddingsResult.object,
            "data.0.results.1.object": CostsResult.object,
        }
    ],
    "duplicate_rows_same_group": [
        {
            ROW: attrs.evolve(NEW_ROW, num_model_requests=8),
            "data.0.results.1": attrs.evolve(NEW_ROW, num_model_requests=1),
        }
    ],
    "duplicate_bucket_restated": [
        {f"0.{ROW}.input_tokens": 100, f"1.{ROW}.input_tokens": 150},
    ],
    "cost_negative": [cost("-1.5")],
    "currency_upper": [{f"{ROW}.amount": CostsResultAmount(value=Decimal("3.2"), currency="USD")}],
    "flattened_dart": [refused("wrong_tag", ".object", OLD_START), {ROW: FLAT_ROW}],
    "flattened_sessions": [refused("wrong_tag", ".object", OLD_START), {ROW: FLAT_ROW}],
    "flattened_go_official": [
        cost("0.06")
        | {
            f"{ROW}.object": CostsResult.object,
            f"{ROW}.project_id": "proj_exampleA",
            f"{ROW}.api_key_id": "",
            f"{ROW}.additional_properties.num_sessions": 0,
            f"{ROW}.additional_properties.context_level": "",
            f"{ROW}.additional_properties.batch": False,
        }
    ],
    "camel_case": [{ROW: NEW_ROW}],
    "camel_case_ts_fetch_lossy": [refused("missing_field", ".input_tokens", OLD_START)],
    "pascal_case": [{ROW: NEW_ROW}],
    "groovy_object_key": [{ROW: OLD_ROW}],
    "wrapper_powershell": [refused("sdk_wrapper", "", OLD_START), {ROW: OLD_ROW}],
    "wrapper_python_openapi_generator": [refused("sdk_wrapper", "", OLD_START), {ROW: OLD_ROW}],
    "powershell_depth_truncated": [Refused("wrong_type", "$.data[0].result")],
    "results_items_as_json_strings": [refused("wrong_type", "")],
    "protobuf_json": [
        refused("wrong_type", ".inputTokens"),
        {
            ROW: UsageCompletionsResult(
                input_tokens=5_000_000_000, output_tokens=500, num_model_requests=5
            )
        },
    ],
    "scala_enum_tag": [cost("1") | {f"{ROW}.line_item": "x"}],
    "error_body_in_log": [Refused("api_error")],
}

# Lines, records, rejected, blank; and the codes of the rejections.
LINES: dict[str, tuple[tuple[int, int, int, int], list[str]]] = {
    "page_per_line": ((2, 2, 0, 0), []),
    "bucket_per_line": ((2, 2, 0, 0), []),
    "row_per_line_elastic (result + start_time/end_time; elastic/integrations cel.yml.hbs)": (
        (1, 1, 0, 0),
        [],
    ),
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


def at(record: Any, place: str) -> Any:
    """Return what stands at a dotted place of a record."""

    def step(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return value[name]
        return value[int(name)] if name.isdecimal() else getattr(value, name)

    return reduce(step, place.split("."), record)


def kind_of(payload: Any) -> Any:
    """Return the type to ask for: a list of pages where the sample is a list."""
    return {"type": list[UsageResponse]} if isinstance(payload, list) else {}


def filled(value: Any) -> Any:
    """Return JSON data without its nulls."""
    if isinstance(value, dict):
        return {key: filled(one) for key, one in value.items() if one is not None}
    return [filled(one) for one in value] if isinstance(value, list) else value


def test_every_quirk_has_an_expectation() -> None:
    """The table of expectations names just the quirks there are."""
    assert set(QUIRKS) == set(EXPECTED)


@every_mode
@every_quirk
def test_quirk(loads: Loads, quirk: str, *, strict: bool) -> None:
    """A quirk comes out with the values that were meant, or is refused where it stands."""
    expected = EXPECTED[quirk][0 if strict else -1]
    document = text(QUIRKS[quirk])
    if isinstance(expected, Refused):
        options = kind_of(QUIRKS[quirk])
        assert expected == outcome(loads, document, strict=strict, **options)
        return
    record = loads(document, strict=strict, **kind_of(QUIRKS[quirk]))

    assert exact(expected) == exact({place: at(record, place) for place in expected})


@every_quirk
def test_quirk_survives(loads: Loads, quirk: str) -> None:
    """Whatever a quirk was read as reads back equal after it was written."""
    if isinstance(EXPECTED[quirk][-1], Refused):
        return
    options = kind_of(QUIRKS[quirk])
    record = loads(text(QUIRKS[quirk]), strict=False, **options)

    assert exact(record) == exact(loads(dumps(record), **options))


@every_page
@every_mode
def test_page(loads: Loads, page: str, *, strict: bool) -> None:
    """Each sample page is a page of the rows of its endpoint."""
    record = loads(text(PAGES[page]), strict=strict)
    kinds = {type(row) for bucket in record.data for row in bucket.results}

    assert (UsageResponse, {ROW_OF_PAGE[page]}) == (type(record), kinds)


@every_page
def test_page_values(loads: Loads, page: str) -> None:
    """Each value of a page stands in the attribute of its name, and none is left over."""
    renamed = {"source": "source_", "num_sessions": "sessions"}
    (rows, *_) = [bucket["results"] for bucket in PAGES[page]["data"]]
    records = loads(text(PAGES[page])).data[0].results
    for data, record in zip(rows, records, strict=True):
        extra = record.additional_properties
        for key, value in data.items():
            name = renamed.get(key, key)
            expected = value
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
    """A page is written with the same keys and values, but for nulls and the digits of money."""
    written = json.loads(dumps(loads(text(PAGES[page]))), parse_float=Decimal)
    given = json.loads(
        json.dumps(PAGES[page]).replace('"0.1739150000000000000000000000"', "0.173915"),
        parse_float=Decimal,
    )

    assert filled(given) == filled(written)


@every_page
def test_page_has_its_cursor(loads: Loads, page: str) -> None:
    """`next_page` is written even when it is null: the API requires the key."""
    assert PAGES[page]["next_page"] == json.loads(dumps(loads(text(PAGES[page]))))["next_page"]


@pytest.mark.parametrize("sample", SAMPLES["ndjson"])
def test_lines(path: Way, sample: str) -> None:
    """Each sample of lines has as many records, rejections and blanks as expected."""
    data = "\n".join(SAMPLES["ndjson"][sample]).encode()
    decoder = path.Decoder(on_error="collect")
    decoder.decode_lines(data)
    counts = attrs.astuple(decoder.counts)

    assert LINES[sample] == (counts[:4], [one.code for one in decoder.rejections])
    assert len(data) == decoder.counts.bytes


def test_every_sample_of_lines_has_an_expectation() -> None:
    """The table of lines names just the samples there are."""
    assert set(SAMPLES["ndjson"]) == set(LINES)


def test_row_with_times(path: Way) -> None:
    """A log that copies the bucket's times into each row keeps them."""
    (line,) = SAMPLES["ndjson"][
        "row_per_line_elastic (result + start_time/end_time; elastic/integrations cel.yml.hbs)"
    ]
    (record,) = path.Decoder().decode_lines(line)

    assert {"start_time", "end_time"} <= set(record.additional_properties)


def test_flattened_in_a_concrete_type(loads: Loads) -> None:
    """Asked for a page, a page without a tag is read, and its untagged rows are refused."""
    page = text(QUIRKS["page_without_object_and_next_page"])

    assert expect(Refused("missing_tag", "$.data[0].results[0]")) == outcome(
        loads, page, UsageResponse
    )
