# The public names for type checkers, imported from the modules that `__init__.py` lists.

from usagewire.analysis.conversion import Conversion as Conversion
from usagewire.analysis.summary import Summary as Summary
from usagewire.codec.counts import Counts as Counts
from usagewire.codec.decoder import Decoder as Decoder
from usagewire.codec.encoder import Encoder as Encoder
from usagewire.codec.functions import accelerated as accelerated
from usagewire.codec.functions import dumps as dumps
from usagewire.codec.functions import loads as loads
from usagewire.converters.configure import configure_converter as configure_converter
from usagewire.converters.configure import make_converter as make_converter
from usagewire.converters.flat_row import UsageTimeBucketResultInner as UsageTimeBucketResultInner
from usagewire.errors import CODES as CODES
from usagewire.errors import CheckpointError as CheckpointError
from usagewire.errors import DecodeError as DecodeError
from usagewire.errors import EncodeError as EncodeError
from usagewire.errors import FileError as FileError
from usagewire.errors import Rejection as Rejection
from usagewire.errors import UsageWireError as UsageWireError
from usagewire.models import CostsResult as CostsResult
from usagewire.models import CostsResultAmount as CostsResultAmount
from usagewire.models import UnknownResult as UnknownResult
from usagewire.models import UsageAudioSpeechesResult as UsageAudioSpeechesResult
from usagewire.models import UsageAudioTranscriptionsResult as UsageAudioTranscriptionsResult
from usagewire.models import (
    UsageCodeInterpreterSessionsResult as UsageCodeInterpreterSessionsResult,
)
from usagewire.models import UsageCompletionsResult as UsageCompletionsResult
from usagewire.models import UsageDecisionsResult as UsageDecisionsResult
from usagewire.models import UsageEmbeddingsResult as UsageEmbeddingsResult
from usagewire.models import UsageFileSearchCallsResult as UsageFileSearchCallsResult
from usagewire.models import UsageImagesResult as UsageImagesResult
from usagewire.models import UsageModerationsResult as UsageModerationsResult
from usagewire.models import UsageObject as UsageObject
from usagewire.models import UsageResponse as UsageResponse
from usagewire.models import UsageResult as UsageResult
from usagewire.models import UsageTimeBucket as UsageTimeBucket
from usagewire.models import UsageVectorStoresResult as UsageVectorStoresResult
from usagewire.models import UsageWebSearchCallsResult as UsageWebSearchCallsResult
from usagewire.streaming.aio.reader import AsyncReader as AsyncReader
from usagewire.streaming.aio.reader import aread as aread
from usagewire.streaming.dead_letters import DeadLetter as DeadLetter
from usagewire.streaming.dead_letters import DeadLetters as DeadLetters
from usagewire.streaming.pipeline import Position as Position
from usagewire.streaming.reader import Reader as Reader
from usagewire.streaming.reader import read as read
from usagewire.streaming.writer import Writer as Writer
from usagewire.streaming.writer import write as write
from usagewire.wire.names import DIALECTS as DIALECTS
from usagewire.wire.names import Dialect as Dialect

__version__: str
