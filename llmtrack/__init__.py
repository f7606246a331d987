"""
One truthful record for every LLM call.

Success or error, duration, time to first token, tokens and cost of every call
reach a tracker of your choice, however the call ends.

A name is imported when it is first used.
"""

from importlib import import_module as _import_module
from os import register_at_fork as _register_at_fork

# Type checkers know it by its name; typing takes longer to import than all of this.
TYPE_CHECKING = False

if TYPE_CHECKING:
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

# Type checkers would take a `__getattr__` for a promise that every name is there.
if not TYPE_CHECKING:
    _MODULES = {
        "CallEnded": "events",
        "CallInfo": "record",
        "CallRecord": "record",
        "CallStarted": "events",
        "ConfigurationError": "errors",
        "Cost": "record",
        "Delta": "events",
        "ErrorInfo": "record",
        "Event": "events",
        "FirstToken": "events",
        "Outcome": "record",
        "TokenUsage": "record",
        "Tracker": "trackers.protocol",
        "UsageKnown": "events",
        "acall_llm": "direct",
        "attributes": "settings",
        "call_llm": "direct",
        "configure": "settings",
        "current_call": "current",
        "flush": "delivery",
        "statistics": "outlets",
        "track_llm_call": "instrument",
        "tracked_stream": "block",
    }
    #: What is found as an attribute too, such as `llmtrack.trackers`.
    _PARTS = {
        *(
            "dialects",
            "formats",
            "prices",
            "providers",
            "testing",
            "tokens",
            "trackers",
        ),
        *_MODULES.values(),
    }

    #: What is being imported for somebody, by any thread.
    _loading = []

    def _loaded(part: str) -> object:
        module = f"{__name__}.{part}"
        _loading.append(module)
        try:
            return _import_module(module)
        finally:
            _loading.remove(module)

    def _finish_loading() -> None:
        # A module half imported at a fork is half imported in the child for ever.
        for module in tuple(_loading):
            _import_module(module)

    _register_at_fork(before=_finish_loading)

    def __getattr__(name: str) -> object:
        if name in _PARTS:
            return _loaded(name)
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(_loaded(_MODULES[name]), name)
        # From now on it is found without asking here.
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
