"""The data of the organization Usage and Costs API, as frozen and slotted attrs classes.

This package holds the classes, their fields and the meaning of each field. It must not know JSON,
spellings, dialects, decoding or validation. It imports nothing else of usagewire.

Conventions for every class:

- A count is an `int` that fits a signed 64-bit integer.
- A time is an `int` in Unix seconds UTC. The end of an interval is exclusive.
- Money and quantities are `decimal.Decimal`, never `float`.
- `None` means that the API did not state the value. In a group key, `None` means that the answer
  was not grouped by this key.
- A record is frozen, hashable, and takes keyword arguments only. The hash does not include
  `additional_properties`, which is a dict that you should not change.
- `object` is the API's tag. It is an attribute of the class. Only `UnknownResult` and
  `UsageTimeBucketResultInner` take it as an argument.

Each class names its source: the API specification of a date, or the types of openai-python 3.54 if
no specification up to 2026-08-21 has the class. A field without a date is as old as its class.
"""

from usagewire.models.costs import MAX_ADJUSTED, MIN_EXPONENT, CostsResult, CostsResultAmount
from usagewire.models.pages import UsageObject, UsageResponse, UsageTimeBucket
from usagewire.models.pickles import fill_in_defaults
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

# `repr` and pickle use the documented path of a class, not the module that defines it.
for _cls in (CostsResultAmount, UnknownResult, UsageTimeBucket, UsageResponse, *ROW_CLASSES):
    _cls.__module__ = __name__
    fill_in_defaults(_cls)
type(NO_PROPERTIES).__module__ = __name__
