"""
One truthful record for every LLM call.

Success or error, duration, time to first token, tokens and cost of every call
reach a tracker of your choice, however the call ends.
"""

from llmtrack.block import tracked_stream
from llmtrack.current import current_call
from llmtrack.delivery import flush
from llmtrack.direct import acall_llm, call_llm
from llmtrack.errors import ConfigurationError
from llmtrack.events import (
    CallEnded,
    CallStarted,
    Delta,
    Event,
    FirstToken,
    UsageKnown,
)
from llmtrack.instrument import track_llm_call
from llmtrack.outlets import statistics
from llmtrack.record import (
    CallInfo,
    CallRecord,
    Cost,
    ErrorInfo,
    Outcome,
    TokenUsage,
)
from llmtrack.settings import attributes, configure
from llmtrack.trackers.protocol import Tracker

__version__ = "0.1.0"

__all__ = [
    "CallEnded",
    "CallInfo",
    "CallRecord",
    "CallStarted",
    "ConfigurationError",
    "Cost",
    "Delta",
    "ErrorInfo",
    "Event",
    "FirstToken",
    "Outcome",
    "TokenUsage",
    "Tracker",
    "UsageKnown",
    "__version__",
    "acall_llm",
    "attributes",
    "call_llm",
    "configure",
    "current_call",
    "flush",
    "statistics",
    "track_llm_call",
    "tracked_stream",
]
