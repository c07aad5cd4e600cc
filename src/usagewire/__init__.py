"""usagewire: read and write the data of OpenAI's organization Usage and Costs API.

The public surface: everything here is defined in a module of the package and loaded when it is
first asked for, so that who wants the models alone does not wait for the converters.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usagewire.analysis.conversion import Conversion
    from usagewire.codec.counts import Counts
    from usagewire.codec.decoder import Decoder
    from usagewire.codec.encoder import Encoder
    from usagewire.codec.functions import accelerated, dumps, loads
    from usagewire.converters.configure import configure_converter, make_converter
    from usagewire.converters.flat_row import UsageTimeBucketResultInner
    from usagewire.errors import (
        CODES,
        CheckpointError,
        DecodeError,
        EncodeError,
        FileError,
        Rejection,
        UsageWireError,
    )
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
    from usagewire.streaming.aio.reader import AsyncReader, aread
    from usagewire.streaming.dead_letters import DeadLetter, DeadLetters
    from usagewire.streaming.pipeline import Position
    from usagewire.streaming.reader import Reader, read
    from usagewire.streaming.writer import Writer, write
    from usagewire.wire.names import DIALECTS, Dialect

__version__ = "0.1.0.dev0"

_MODULE_OF = {
    "DIALECTS": "wire.names",
    "Dialect": "wire.names",
    "AsyncReader": "streaming.aio.reader",
    "aread": "streaming.aio.reader",
    "accelerated": "codec.functions",
    "dumps": "codec.functions",
    "loads": "codec.functions",
    "Conversion": "analysis.conversion",
    "configure_converter": "converters.configure",
    "make_converter": "converters.configure",
    "DeadLetter": "streaming.dead_letters",
    "DeadLetters": "streaming.dead_letters",
    "Counts": "codec.counts",
    "Decoder": "codec.decoder",
    "Encoder": "codec.encoder",
    "CODES": "errors",
    "CheckpointError": "errors",
    "DecodeError": "errors",
    "EncodeError": "errors",
    "FileError": "errors",
    "Rejection": "errors",
    "UsageWireError": "errors",
    "Position": "streaming.pipeline",
    "Reader": "streaming.reader",
    "read": "streaming.reader",
    "Writer": "streaming.writer",
    "write": "streaming.writer",
    "UsageTimeBucketResultInner": "converters.flat_row",
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
