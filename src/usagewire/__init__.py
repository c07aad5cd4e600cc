"""Read and write the data of OpenAI's organization Usage and Costs API.

This module exports the public names and loads each on first use, so that importing the models alone
loads no converter. `__init__.pyi` lists the same names for type checkers.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0.dev0"

_NAMES_IN = {
    "analysis.conversion": ("Conversion",),
    "analysis.summary": ("Summary",),
    "codec.counts": ("Counts",),
    "codec.decoder": ("Decoder",),
    "codec.encoder": ("Encoder",),
    "codec.functions": ("accelerated", "dumps", "loads"),
    "converters.configure": ("configure_converter", "make_converter"),
    "converters.flat_row": ("UsageTimeBucketResultInner",),
    "errors": (
        "CODES",
        "CheckpointError",
        "DecodeError",
        "EncodeError",
        "FileError",
        "Rejection",
        "UsageWireError",
    ),
    "models": (
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
    ),
    "streaming.aio.reader": ("AsyncReader", "aread"),
    "streaming.dead_letters": ("DeadLetter", "DeadLetters"),
    "streaming.pipeline": ("Position",),
    "streaming.reader": ("Reader", "read"),
    "streaming.writer": ("Writer", "write"),
    "wire.names": ("DIALECTS", "Dialect"),
}

_MODULE_OF = {name: module for module, names in _NAMES_IN.items() for name in names}

__all__ = ["__version__", *_MODULE_OF]  # noqa: PLE0604  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *_MODULE_OF]
