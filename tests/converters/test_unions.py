"""Unions whose members differ in the tag, or in a required field."""

from typing import Any

import pytest

from tests.support.classes import WithA, WithB
from tests.support.comparing import Refused, expect, outcome
from tests.support.paths import Loads
from tests.support.samples import COSTS, VECTORS, bucket, row, text
from usagewire import (
    UnknownResult,
    UsageCompletionsResult,
    UsageImagesResult,
    UsageResult,
    UsageVectorStoresResult,
)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('"object":"later.result"', UnknownResult(object="later.result")),
        ('"object":""', UnknownResult(object="")),
        ('"Object":"later.result"', UnknownResult(object="later.result")),
        ("", Refused("missing_tag")),
        ('"object":null', Refused("wrong_type", "$.object")),
        ('"object":5', Refused("wrong_type", "$.object")),
        ('"object":["bucket"]', Refused("wrong_type", "$.object")),
        ('"Object":5', Refused("wrong_type", "$.Object")),
        ('"_object":null', Refused("wrong_type", "$._object")),
    ],
)
def test_tag_of_a_union(loads: Loads, tag: str, expected: Any, *, strict: bool) -> None:
    """An unknown tag makes an unknown row. A tag that is not a string is rejected."""
    assert expect(expected) == outcome(loads, f"{{{tag}}}", strict=strict)


def test_tag_need_not_come_first(loads: Loads) -> None:
    """The tag may come after other keys."""
    document = f'{{"usage_bytes":5,"later":{{"object":"bucket"}},"object":"{VECTORS}"}}'

    assert UsageVectorStoresResult is type(loads(document))


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lenient"])
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (f'"object":"{VECTORS}",', UsageVectorStoresResult(usage_bytes=5)),
        ("", UsageVectorStoresResult(usage_bytes=5)),
        ('"object":"organization.usage.images.result",', Refused("wrong_tag", "$.object")),
        ('"object":"later.result",', Refused("wrong_tag", "$.object")),
        ('"Object":"later.result",', Refused("wrong_tag", "$.Object")),
        ('"object":null,', Refused("wrong_type", "$.object")),
        ('"object":{},', Refused("wrong_type", "$.object")),
    ],
)
def test_tag_of_one_class(loads: Loads, tag: str, expected: Any, *, strict: bool) -> None:
    """If the type is one class, the tag may be absent, but it must not be another tag."""
    document = f'{{{tag}"usage_bytes":5}}'

    assert expect(expected) == outcome(loads, document, UsageVectorStoresResult, strict=strict)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (bucket(results=[]), UsageResult),
        (row(COSTS), UsageCompletionsResult | UnknownResult),
        (row(VECTORS), UnknownResult),
        (row("later.result"), UsageVectorStoresResult | UsageImagesResult),
    ],
    ids=["bucket", "costs", "vectors", "unknown"],
)
def test_tag_outside_the_union(loads: Loads, data: dict[str, Any], kind: Any) -> None:
    """A tag of no member of the union is rejected. A known tag never makes an unknown row."""
    assert Refused("wrong_tag", "$.object") == outcome(loads, text(data), kind)


def test_union_without_tags(loads: Loads) -> None:
    """A required field distinguishes classes without tags."""
    union = WithA | WithB

    assert [WithA(1), WithB(2)] == loads('[{"a":1},{"b":2}]', list[union])
    assert Refused("bad_value") == outcome(loads, "{}", union)
    assert Refused("syntax") == outcome(loads, "[1]", union)
    assert Refused("wrong_type", "$.a") == outcome(loads, '{"a":"x"}', union)
