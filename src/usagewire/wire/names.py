"""The spelling of each field and tag on the wire: data, cited and dated.

Every JSON name comes from here. Most fields need no entry: the API writes the attribute's own name,
and the other dialects write that name in camelCase or PascalCase. The tables hold the exceptions.

A *dialect* is a way to write; reading accepts every spelling of every dialect at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin

from usagewire import models as m

Dialect: TypeAlias = Literal["api", "legacy", "dart", "powershell"]
"""`api`: the API today (specification of 2026-08-21, openai-python 3.54).
`legacy`: the first published specification (2024-12-04).
`dart`: the property names of the generated Dart SDK.
`powershell`: the parameter names of the generated PowerShell SDK."""

DIALECTS: Final[tuple[Dialect, ...]] = get_args(Dialect)

OWN_MODULES: Final = frozenset({"usagewire.models", "usagewire.converters.flat_row"})
"""Where the classes are defined whose fields are spelled by this module."""

_LASTING_MODULES: Final = OWN_MODULES | {"builtins", "decimal", "types", "typing"}


def is_own(kind: Any) -> bool:
    """Return whether a type is made of our own classes and of Python's, and of no others."""
    arguments = get_args(kind)
    if arguments:
        return all(map(is_own, (get_origin(kind), *arguments)))
    return getattr(kind, "__module__", None) in _LASTING_MODULES


TAG: Final = "object"
"""The attribute and JSON key of the tag."""

EXTRA: Final = "additional_properties"
"""The attribute that holds the unknown fields. It is no JSON key; OpenAPI has the same name."""

SPELLINGS: Final[Mapping[str, Mapping[Dialect, str]]] = {
    # `source` is an attribute of library objects in Dart, hence the underscore in its SDK.
    "source_": {"api": "source", "legacy": "source", "dart": "source_", "powershell": "Source"},
    # 2024-12-04 `sessions`; 2025-02-10 `num_sessions`, though `required` went on naming `sessions`.
    "sessions": {
        "api": "num_sessions",
        "legacy": "sessions",
        "dart": "numSessions",
        "powershell": "Sessions",
    },
    # 2024-12-04 `result` in the schema, `results` in its examples; 2026-05-13 `results` in both.
    "results": {"api": "results", "legacy": "result", "dart": "result", "powershell": "Result"},
}
"""Attributes whose spelling is not their own name in the dialect's letter case."""

ALSO_READ: Final[Mapping[str, tuple[str, ...]]] = {
    # The Groovy client generated from the 2024-12-04 specification.
    TAG: ("_object",),
    # camelCase and PascalCase clients generated from the specification of 2026-05-13 on.
    "results": ("Results",),
    "sessions": ("NumSessions",),
}
"""Spellings that are read and that no dialect writes."""

ALWAYS_WRITTEN: Final = frozenset({"next_page"})
"""Attributes written as null when they are None, because the specification (2026-05-13 to
2026-08-21) lists them as required and nullable. Any other None is left out, which every version of
the specification allows."""

_KINDS_OF_2024: Final = (
    m.UsageCompletionsResult,
    m.UsageEmbeddingsResult,
    m.UsageModerationsResult,
    m.UsageImagesResult,
    m.UsageAudioSpeechesResult,
    m.UsageAudioTranscriptionsResult,
    m.UsageVectorStoresResult,
    m.UsageCodeInterpreterSessionsResult,
    m.CostsResult,
)

KINDS_OF_FLAT_CLIENTS: Final = (
    *_KINDS_OF_2024,
    m.UsageFileSearchCallsResult,
    m.UsageWebSearchCallsResult,
)
"""The kinds a row with a wrong tag can be. The clients that write wrong tags were generated before
`UsageDecisionsResult` (openai-python 3.54, 2026-11), whose fields are those of completions."""


def tags(cls: type) -> tuple[str, ...]:
    """Return every tag that means `cls`, the one to write first, or () where it has none."""
    tag = getattr(cls, TAG, None)
    if not isinstance(tag, str):
        return ()
    if cls not in _KINDS_OF_2024:
        return (tag,)
    words = tag.replace(".", "_").split("_")
    return (
        tag,
        # The examples of the specifications from 2024-12-04 to 2025-02-10 misspell it so.
        tag.replace("organization.", "orgainzation.", 1),
        # The enum names of the generated protobuf and Scala clients.
        "OBJECT_" + "_".join(words).upper(),
        "".join(map(str.capitalize, words)),
    )


CLASS_OF_TAG: Final[Mapping[str, type]] = {
    tag: cls for cls in (m.UsageResponse, m.UsageTimeBucket, *m.ROW_CLASSES) for tag in tags(cls)
}
"""The class of every known tag."""


def spelling(attribute: str, dialect: Dialect) -> str:
    """Return how `dialect` writes the JSON key of `attribute` of one of our classes."""
    if attribute in SPELLINGS:
        return SPELLINGS[attribute][dialect]
    if dialect in ("api", "legacy"):
        return attribute
    first, *rest = attribute.split("_")
    tail = "".join(map(str.capitalize, rest))
    return first + tail if dialect == "dart" else first.capitalize() + tail


def spellings(attribute: str) -> tuple[str, ...]:
    """Return every JSON key that is read as `attribute`, the API's own first."""
    every = [spelling(attribute, dialect) for dialect in DIALECTS]
    return tuple(dict.fromkeys([*every, attribute, *ALSO_READ.get(attribute, ())]))


WRAPPERS: Final = ("ActualInstance", "actual_instance")
"""Keys under which generated clients (PowerShell; Python and others) put the row itself when they
serialise their `oneOf` model, beside `ActualType`, `OneOfSchemas` and the like."""

API_ERROR: Final = "error"
"""The key of the API's error answer, `{"error": {"message": ..., "type": ..., ...}}`."""

USAGE_METRICS: Final = frozenset(
    {
        "input_tokens",
        "output_tokens",
        "num_model_requests",
        "images",
        "characters",
        "seconds",
        "usage_bytes",
        "sessions",
        "num_requests",
    }
)
"""The counts that make a row a usage row. A row that says it is a cost, has no amount and has one
of these above zero was written by a generated client that tags every row as a cost (the Dart SDK's
tag enum has one value; specification of 2025-02-10)."""

PERSONAL: Final = frozenset(
    {
        # Group key of the rows (specification of 2024-12-04): a pseudonym, and that of one person.
        "user_id",
        # In no specification; in costs rows by users' reports of 2025 and 2026.
        "user_email",
        # In no specification: what the API's user objects hold (specification of 2024-12-04: `id`,
        # `name`, `email`) is called so where rows have been enriched with it, or stands as a whole
        # under `user`. A bare `name` is not in this list: projects, keys and files have one too.
        "user_name",
        "email",
        "user",
    }
)
"""The fields that tell who a person is, in snake_case; they are meant in every spelling.

Not in the list, because they name something other than a person: `project_id`, `api_key_id`,
`organization_id` and the names of these. A key belongs to a project and often to a service. Where
each person has a key of their own, its id is as personal as `user_id`.
"""
