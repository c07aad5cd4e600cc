"""usagewire: read and write the data of OpenAI's organization Usage and Costs API.

The public surface: everything here is re-exported from where it is defined.
"""

from usagewire._wire import DIALECTS, Dialect
from usagewire.codec import accelerated, dumps, loads
from usagewire.converters import configure_converter, make_converter
from usagewire.decoder import Counts, Decoder
from usagewire.encoder import Encoder
from usagewire.errors import (
    CODES,
    DecodeError,
    EncodeError,
    FileError,
    Rejection,
    UsageWireError,
)
from usagewire.files import Reader, read, write
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

__version__ = "0.1.0.dev0"

__all__ = [
    "CODES",
    "DIALECTS",
    "CostsResult",
    "CostsResultAmount",
    "Counts",
    "DecodeError",
    "Decoder",
    "Dialect",
    "EncodeError",
    "Encoder",
    "FileError",
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
    "__version__",
    "accelerated",
    "configure_converter",
    "dumps",
    "loads",
    "make_converter",
    "read",
    "write",
]
