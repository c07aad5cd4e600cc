"""Comparison of our classes and results with those of the official `openai` package.

If a new version of the package has a field, tag or endpoint that we lack, a test here fails and
names it. The tests inspect the package's types. The tables list only known differences.
"""

import inspect
import json
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs
import pytest
from openai.resources.admin.organization.usage import Usage
from pydantic import BaseModel

from tests.support.comparing import at, exact, filled
from tests.support.samples import PAGES, QUIRKS, SAMPLES, row, text
from usagewire import (
    CostsResult,
    CostsResultAmount,
    DecodeError,
    EncodeError,
    UsageDecisionsResult,
    UsageResponse,
    UsageTimeBucket,
    dumps,
    loads,
)
from usagewire.models import ROW_CLASSES

ANSWERS: dict[str, Any] = {
    name: get_type_hints(method)["return"]
    for name, method in vars(Usage).items()
    if inspect.isfunction(method) and not name.startswith("_")
}
"""The official class of the answer of each endpoint."""

OURS = {cls.object: cls for cls in (*ROW_CLASSES, UsageTimeBucket, UsageResponse)}
RENAMED = {"source": "source_", "num_sessions": "sessions"}
JSON_TYPES = {int: "int", str: "str", bool: "bool", float: "number", Decimal: "number"}


def bucket_of(endpoint: str) -> Any:
    """Return the official class of the endpoint's buckets."""
    return get_args(ANSWERS[endpoint].model_fields["data"].annotation)[0]


def rows_of(endpoint: str) -> list[Any]:
    """Return the official classes of the rows in the endpoint's buckets."""
    (rows,) = get_args(bucket_of(endpoint).model_fields["results"].annotation)
    while get_origin(rows) not in (Union, UnionType, None):
        rows = get_args(rows)[0]
    return list(get_args(rows)) or [rows]


def tag_of(model: Any) -> str:
    """Return the tag of an official class."""
    (tag,) = get_args(model.model_fields["object"].annotation)
    return str(tag)


def json_types(annotation: Any) -> set[str]:
    """Return the JSON types that a field with this annotation may have."""
    if get_origin(annotation) in (Union, UnionType):
        return set().union(*(json_types(one) for one in get_args(annotation)))
    if get_origin(annotation) is Literal:
        return {JSON_TYPES[type(one)] for one in get_args(annotation)}
    if get_origin(annotation) in (list, tuple):
        return {"list"}
    if annotation is NoneType:
        return {"null"}
    if isinstance(annotation, type) and (
        attrs.has(annotation) or issubclass(annotation, BaseModel)
    ):
        return {"object"}
    return {JSON_TYPES[annotation]}


MODELS = {
    f"{endpoint}: {getattr(model, '__name__', model)}": model
    for endpoint in ANSWERS
    for model in (ANSWERS[endpoint], bucket_of(endpoint), *rows_of(endpoint))
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def test_endpoints() -> None:
    """Our sample pages cover exactly the endpoints of the official package."""
    known = {page["path"].rsplit("/", 1)[1] for page in SAMPLES["pages"].values()}

    assert known == set(ANSWERS)


def test_tags() -> None:
    """Our tags are exactly those of the official package."""
    assert set(OURS) == {tag_of(model) for model in MODELS.values()}


@every_model
def test_fields(model: Any) -> None:
    """A class has exactly the fields of the official class, and requires the same ones."""
    required = {RENAMED.get(n, n): f.is_required() for n, f in model.model_fields.items()}
    ours = {f.name: f.default is attrs.NOTHING for f in attrs.fields(OURS[tag_of(model)])}
    del ours["additional_properties"]

    assert ours | {"object": True} == required


@every_model
def test_types_of_fields(model: Any) -> None:
    """A field takes the same JSON types as in the official class."""
    cls = OURS[tag_of(model)]
    hints = get_type_hints(cls)
    official = {
        RENAMED.get(name, name): json_types(field.annotation)
        for name, field in model.model_fields.items()
        if name != "object"
    }

    assert official == {name: json_types(hints[name]) for name in official}


def test_amount() -> None:
    """An amount has the fields of the official class."""
    (cost,) = [model for model in rows_of("costs") if tag_of(model) == CostsResult.object]
    (amount, _) = get_args(cost.model_fields["amount"].annotation)
    hints = get_type_hints(CostsResultAmount)

    assert set(hints) - {"additional_properties"} == set(amount.model_fields)
    for name, field in amount.model_fields.items():
        assert json_types(hints[name]) == json_types(field.annotation)
        assert not field.is_required()


# --- the same results, and the differences ---------------------------------------------------

ROW = "data.0.results.0"

# For each quirk that the two read differently: a place, and the official value at that place.
DIFFERENCES: dict[str, tuple[str, Any]] = {
    "old_key_result": ("data.0.results", None),
    "old_sessions": (f"{ROW}.num_sessions", None),
    "old_tag_typo": (f"{ROW}.object", "orgainzation.usage.completions.result"),
    "bucket_iso_only": ("data.0.start_time", None),
    "amount_is_plain_number": (f"{ROW}.amount", 0.06),
    "cost_value_nonfinite": (f"{ROW}.amount.value", float("nan")),
    "results_null": ("data.0.results", None),
    "page_without_object_and_next_page": (f"{ROW}.input_tokens", None),
    "ints_as_floats": (f"{ROW}.input_tokens", 59200),
    "float_seconds": (f"{ROW}.seconds", 12.5),
    "fractional_tokens": (f"{ROW}.input_tokens", 10.5),
    "over_int64": (f"{ROW}.input_tokens", 2**63),
    "batch_string": (f"{ROW}.batch", False),
    "unknown_tag": (f"{ROW}.__class__.__name__", "DataResultOrganizationUsageCompletionsResult"),
    "flattened_dart": ("data.0.results", None),
    "flattened_sessions": ("data.0.results", None),
    "camel_case": (f"{ROW}.input_tokens", None),
    "camel_case_ts_fetch_lossy": ("data.0.results", None),
    "pascal_case": ("data", None),
    "groovy_object_key": (f"{ROW}.input_tokens", None),
    "wrapper_powershell": ("data.0.results", None),
    "wrapper_python_openapi_generator": ("data.0.results", None),
    "powershell_depth_truncated": ("data.0.results", None),
    "results_items_as_json_strings": (
        ROW,
        QUIRKS["results_items_as_json_strings"]["data"][0]["results"][0],
    ),
    "protobuf_json": (f"{ROW}.input_tokens", None),
    "scala_enum_tag": (f"{ROW}.__class__.__name__", "DataResultOrganizationUsageCompletionsResult"),
    "error_body_in_log": ("data", None),
}
PAYLOADS = {name: one for name, one in QUIRKS.items() if not isinstance(one, list)}


def official(payload: Any, endpoint: str) -> Any:
    """Return the official object for an answer, made as the official client does."""
    return ANSWERS[endpoint].model_construct(**payload)


def kinds(answer: Any, tag: Any) -> list[list[str]]:
    """Return `tag` of each row in each bucket of an answer."""
    return [[tag(one) for one in bucket.results] for bucket in answer.data]


def agree(payload: Any, endpoint: str) -> bool:
    """Return whether `openai` and usagewire read the same data and kinds of row from an answer."""
    theirs = official(payload, endpoint)
    try:
        ours = loads(text(payload))
        written = json.loads(dumps(ours, money="number"))
    except (DecodeError, EncodeError):
        return False
    return bool(
        filled(theirs.model_dump(warnings=False)) == filled(written)
        and kinds(theirs, lambda one: tag_of(type(one))) == kinds(ours, lambda one: one.object)
    )


@pytest.mark.parametrize("page", PAGES)
def test_page_agrees(page: str) -> None:
    """`openai` and usagewire read a page that follows the specification in the same way."""
    assert agree(PAGES[page], SAMPLES["pages"][page]["path"].rsplit("/", 1)[1])


@pytest.mark.parametrize("quirk", sorted(PAYLOADS.keys() - DIFFERENCES.keys()))
def test_quirk_agrees(quirk: str) -> None:
    """`openai` and usagewire read a quirk in the same way if it is not listed as a difference."""
    assert agree(PAYLOADS[quirk], "costs")


@pytest.mark.parametrize("quirk", DIFFERENCES)
def test_difference_is_real(quirk: str) -> None:
    """A listed difference exists, and has the listed value."""
    place, expected = DIFFERENCES[quirk]

    assert exact(expected) == exact(at(official(PAYLOADS[quirk], "costs"), place))
    assert not agree(PAYLOADS[quirk], "costs")


def one_row(data: dict[str, Any]) -> dict[str, Any]:
    """Return a page with one row as JSON data."""
    bucket = {"object": "bucket", "start_time": 1, "end_time": 2, "results": [data]}
    return {"object": "page", "data": [bucket], "has_more": False, "next_page": None}


@pytest.mark.usefixtures("path")
def test_string_of_money_becomes_a_float() -> None:
    """The official package rounds a string of 36 digits. We keep every digit."""
    value = "1234567.89012345678901234567890123456"
    payload = one_row(row(CostsResult.object, amount={"value": value, "currency": "usd"}))
    theirs = at(official(payload, "costs"), f"{ROW}.amount.value")
    ours = at(loads(text(payload)), f"{ROW}.amount.value")

    assert exact((float(value), Decimal(value))) == exact((theirs, ours))


@pytest.mark.usefixtures("path")
def test_decisions_in_the_common_union() -> None:
    """The official package reads a decisions row from another endpoint as completions."""
    required = {"input_tokens": 1, "output_tokens": 1, "num_model_requests": 1}
    payload = one_row({"object": UsageDecisionsResult.object, **required})
    theirs = at(official(payload, "costs"), ROW)
    ours = at(loads(text(payload)), ROW)

    assert tag_of(type(theirs)) == "organization.usage.completions.result"
    assert UsageDecisionsResult is type(ours)


def test_classes_of_two_endpoints_are_two() -> None:
    """The official package has a separate class for each row at each endpoint. We have one."""
    classes = [rows_of("costs")[0], rows_of("completions")[0]]

    assert tag_of(classes[0]) == tag_of(classes[1])
    assert classes[0] is not classes[1]
