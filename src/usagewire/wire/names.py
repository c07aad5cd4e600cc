"""The spellings of fields and tags, as tables with sources and dates.

Every JSON name comes from here. Most fields need no entry: the API writes the attribute's name, and
the other dialects write it in camelCase or PascalCase. The tables hold the exceptions.

A dialect is a set of spellings to write. Reading accepts every spelling of every dialect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin

from usagewire import models as m

Dialect: TypeAlias = Literal["api", "legacy", "dart", "powershell"]
"""A set of spellings to write.

- `api`: the API today (specification of 2026-08-21, openai-python 3.54).
- `legacy`: the first published specification (2024-12-04).
- `dart`: the property names of the generated Dart SDK.
- `powershell`: the parameter names of the generated PowerShell SDK.
"""

Money: TypeAlias = Literal["text", "number"]
"""How to write the amount of a cost: `text` is `"0.06"`, as the API writes it, `number` is 0.06."""

DIALECTS: Final[tuple[Dialect, ...]] = get_args(Dialect)
"""Every `Dialect`."""

OWN_MODULES: Final = frozenset({"usagewire.models", "usagewire.converters.flat_row"})
"""The modules that define the classes of this library."""

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
"""The attribute that holds the unknown fields. It is not a JSON key; the name is OpenAPI's."""

SPELLINGS: Final[Mapping[str, Mapping[Dialect, str]]] = {
    # The Dart SDK has an underscore, because `source` is an attribute of library objects in Dart.
    "source_": {"api": "source", "legacy": "source", "dart": "source_", "powershell": "Source"},
    # 2024-12-04 `sessions`; 2025-02-10 `num_sessions`, but `required` still has `sessions`.
    "sessions": {
        "api": "num_sessions",
        "legacy": "sessions",
        "dart": "numSessions",
        "powershell": "Sessions",
    },
    # 2024-12-04 `result` in the schema, `results` in its examples; 2026-05-13 `results` in both.
    "results": {"api": "results", "legacy": "result", "dart": "result", "powershell": "Result"},
}
"""Attributes whose spelling is not their name in the dialect's letter case."""

ALSO_READ: Final[Mapping[str, tuple[str, ...]]] = {
    # The Groovy client generated from the 2024-12-04 specification.
    TAG: ("_object",),
    # camelCase and PascalCase clients, generated from the specification of 2026-05-13 or later.
    "results": ("Results",),
    "sessions": ("NumSessions",),
}
"""Spellings that are read, but that no dialect writes."""

ALWAYS_WRITTEN: Final = frozenset({"next_page"})
"""Attributes that are written even if they are None.

The specification (2026-05-13 to 2026-08-21) lists them as required and nullable. Every version of
the specification allows omitting any other None.
"""

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
"""The possible kinds of a row with a wrong tag. The clients that write wrong tags are older than
`UsageDecisionsResult` (openai-python 3.54, 2026-11), which has the same fields as completions."""


def tags(cls: type) -> tuple[str, ...]:
    """Return every tag of `cls`, the one to write first, or () if it has none."""
    tag = getattr(cls, TAG, None)
    if not isinstance(tag, str):
        return ()
    if cls not in _KINDS_OF_2024:
        return (tag,)
    words = tag.replace(".", "_").split("_")
    return (
        tag,
        # The examples of the specifications from 2024-12-04 to 2025-02-10 have this typo.
        tag.replace("organization.", "orgainzation.", 1),
        # The enum names of the generated protobuf and Scala clients.
        "OBJECT_" + "_".join(words).upper(),
        "".join(map(str.capitalize, words)),
    )


CLASS_OF_TAG: Final[Mapping[str, type]] = {
    tag: cls for cls in (m.UsageResponse, m.UsageTimeBucket, *m.ROW_CLASSES) for tag in tags(cls)
}
"""The class of every known tag."""


CONTAINERS: Final[Mapping[str, type]] = {"data": m.UsageResponse, "results": m.UsageTimeBucket}
"""The attribute of each container that holds its objects."""


def is_row_tag(tag: str) -> bool:
    """Return whether a tag has the form of the API's row tags, known or not."""
    return tag.startswith("organization.") and tag.endswith(".result")


def spelling(attribute: str, dialect: Dialect) -> str:
    """Return the JSON key that `dialect` writes for `attribute` of one of our classes."""
    if attribute in SPELLINGS:
        return SPELLINGS[attribute][dialect]
    if dialect in ("api", "legacy"):
        return attribute
    first, *rest = attribute.split("_")
    tail = "".join(map(str.capitalize, rest))
    return first + tail if dialect == "dart" else first.capitalize() + tail


def spellings(attribute: str) -> tuple[str, ...]:
    """Return every JSON key that is read as `attribute`, the key of the API first."""
    every = [spelling(attribute, dialect) for dialect in DIALECTS]
    return tuple(dict.fromkeys([*every, attribute, *ALSO_READ.get(attribute, ())]))


WRAPPERS: Final = ("ActualInstance", "actual_instance")
"""Keys under which generated clients (PowerShell; Python and others) put the row if they serialise
their `oneOf` model. `ActualType`, `OneOfSchemas` and similar keys are next to it."""

API_ERROR: Final = "error"
"""The key of the error object in an error answer of the API, which has a key `message`."""

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
"""The counts of usage rows.

Some generated clients tag every row as a cost: the tag enum of the Dart SDK has only this value
(specification of 2025-02-10). A count above zero and no amount show that a row is not a cost.
"""

PERSONAL: Final = frozenset(
    {
        # Group key of the rows (specification of 2024-12-04): the pseudonym of one person.
        "user_id",
        # In no specification. Users reported it in costs rows in 2025 and 2026.
        "user_email",
        # In no specification. Enriched rows name the fields of the API's user objects so (`id`,
        # `name`, `email`; specification of 2024-12-04), or have the whole object under `user`.
        # `name` alone is not in this list, because projects, keys and files have a name too.
        "user_name",
        "email",
        "user",
    }
)
"""The fields that identify a person, in snake_case. Each name means all its spellings.

The list excludes `project_id`, `api_key_id`, `organization_id` and their names, because they do not
identify a person. A key belongs to a project and often to a service. If each person has a separate
key, however, its id is as personal as `user_id`.
"""
