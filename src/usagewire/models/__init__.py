"""The data of the organization Usage and Costs API, as frozen and slotted attrs classes.

This package holds the classes, their fields and what each field means. It must not know how a
value is written: no JSON, no spelling of a key, no dialect, no decoding and no validation. It
imports nothing else of usagewire.

Conventions, for every class:

- A count is an `int` that fits a signed 64-bit integer.
- A time is an `int` of Unix seconds in UTC; the end of an interval is exclusive.
- Money and quantities are `decimal.Decimal`, never `float`.
- `None` means that the API did not say, or, in a group key, that the answer was not grouped by it.
- A record is frozen and takes keyword arguments only. It is hashable; `additional_properties` is
  not part of the hash and, where it is not empty, a plain dict that nobody should change.
- `object` is the API's tag of the class: readable on the class, not an argument of it (only
  `UnknownResult`, and `UsageTimeBucketResultInner`, take it).

Each class cites where its shape comes from: the API specification of a date, or, for what no
specification had yet by 2026-08-21, the types of openai-python 3.54. A field without a date of
its own is as old as its class.
"""

from usagewire.models.costs import MAX_ADJUSTED, MIN_EXPONENT, CostsResult, CostsResultAmount
from usagewire.models.pages import UsageObject, UsageResponse, UsageTimeBucket
from usagewire.models.properties import NO_PROPERTIES
from usagewire.models.rows import (
    ROW_CLASSES,
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
    UsageResult,
    UsageVectorStoresResult,
    UsageWebSearchCallsResult,
)

__all__ = [
    "MAX_ADJUSTED",
    "MIN_EXPONENT",
    "NO_PROPERTIES",
    "ROW_CLASSES",
    "CostsResult",
    "CostsResultAmount",
    "UnknownResult",
    "UsageAudioSpeechesResult",
    "UsageAudioTranscriptionsResult",
    "UsageCodeInterpreterSessionsResult",
    "UsageCompletionsResult",
    "UsageDecisionsResult",
    "UsageEmbeddingsResult",
    "UsageFileSearchCallsResult",
    "UsageImagesResult",
    "UsageModerationsResult",
    "UsageObject",
    "UsageResponse",
    "UsageResult",
    "UsageTimeBucket",
    "UsageVectorStoresResult",
    "UsageWebSearchCallsResult",
]

# A class is shown and pickled by the documented path, wherever it is defined.
for _cls in (CostsResultAmount, UnknownResult, UsageTimeBucket, UsageResponse, *ROW_CLASSES):
    _cls.__module__ = __name__
type(NO_PROPERTIES).__module__ = __name__
