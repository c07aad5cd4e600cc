"""usagewire: read and write the data of OpenAI's organization Usage and Costs API.

The public surface: everything here is defined in a module of the package and loaded when it is
first asked for, so that who wants the models alone does not wait for the converters.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usagewire._account import Counts
    from usagewire._intake import Position
    from usagewire._wire import DIALECTS, Dialect
    from usagewire.async_reader import AsyncReader, aread
    from usagewire.codec import accelerated, dumps, loads
    from usagewire.conversion import Conversion
    from usagewire.converters import configure_converter, make_converter
    from usagewire.dead_letters import DeadLetter, DeadLetters
    from usagewire.decoder import Decoder
    from usagewire.encoder import Encoder
    from usagewire.errors import (
        CODES,
        CheckpointError,
        DecodeError,
        EncodeError,
        FileError,
        Rejection,
        UsageWireError,
    )
    from usagewire.flat import UsageTimeBucketResultInner
    from usagewire.models import (
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
        UsageObject,
        UsageResponse,
        UsageResult,
        UsageTimeBucket,
        UsageVectorStoresResult,
        UsageWebSearchCallsResult,
    )
    from usagewire.reader import Reader, read
    from usagewire.writer import Writer, write

__version__ = "0.1.0.dev0"

_MODULE_OF = {
    "DIALECTS": "_wire",
    "Dialect": "_wire",
    "AsyncReader": "async_reader",
    "aread": "async_reader",
    "accelerated": "codec",
    "dumps": "codec",
    "loads": "codec",
    "Conversion": "conversion",
    "configure_converter": "converters",
    "make_converter": "converters",
    "DeadLetter": "dead_letters",
    "DeadLetters": "dead_letters",
    "Counts": "_account",
    "Decoder": "decoder",
    "Encoder": "encoder",
    "CODES": "errors",
    "CheckpointError": "errors",
    "DecodeError": "errors",
    "EncodeError": "errors",
    "FileError": "errors",
    "Rejection": "errors",
    "UsageWireError": "errors",
    "Position": "_intake",
    "Reader": "reader",
    "read": "reader",
    "Writer": "writer",
    "write": "writer",
    "UsageTimeBucketResultInner": "flat",
    "CostsResult": "models",
    "CostsResultAmount": "models",
    "UnknownResult": "models",
    "UsageAudioSpeechesResult": "models",
    "UsageAudioTranscriptionsResult": "models",
    "UsageCodeInterpreterSessionsResult": "models",
    "UsageCompletionsResult": "models",
    "UsageDecisionsResult": "models",
    "UsageEmbeddingsResult": "models",
    "UsageFileSearchCallsResult": "models",
    "UsageImagesResult": "models",
    "UsageModerationsResult": "models",
    "UsageObject": "models",
    "UsageResponse": "models",
    "UsageResult": "models",
    "UsageTimeBucket": "models",
    "UsageVectorStoresResult": "models",
    "UsageWebSearchCallsResult": "models",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_MODULE_OF]


__all__ = [
    "CODES",
    "DIALECTS",
    "AsyncReader",
    "CheckpointError",
    "Conversion",
    "CostsResult",
    "CostsResultAmount",
    "Counts",
    "DeadLetter",
    "DeadLetters",
    "DecodeError",
    "Decoder",
    "Dialect",
    "EncodeError",
    "Encoder",
    "FileError",
    "Position",
    "Reader",
    "Rejection",
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
    "UsageTimeBucketResultInner",
    "UsageVectorStoresResult",
    "UsageWebSearchCallsResult",
    "UsageWireError",
    "Writer",
    "__version__",
    "accelerated",
    "aread",
    "configure_converter",
    "dumps",
    "loads",
    "make_converter",
    "read",
    "write",
]
