"""
Where events go: one module a backend, and what composes them.

A name is imported when it is first used, so that a backend that is not used
costs nothing. Packages outside llmtrack add theirs through the entry point
group `llmtrack.trackers`: `from llmtrack.trackers import TheirTracker`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmtrack.trackers.background import Background, Batched
    from llmtrack.trackers.budget import Budget
    from llmtrack.trackers.callbacks import Callbacks
    from llmtrack.trackers.jsonlines import JSONLinesTracker
    from llmtrack.trackers.launchdarkly import LaunchDarklyTracker
    from llmtrack.trackers.logs import LoggingTracker
    from llmtrack.trackers.opentelemetry import OpenTelemetryTracker
    from llmtrack.trackers.pipeline import Filtered, Transformed
    from llmtrack.trackers.progress import ProgressTracker
    from llmtrack.trackers.prometheus import PrometheusTracker
    from llmtrack.trackers.sqlite import SQLiteTracker
    from llmtrack.trackers.stdout import StdoutTracker
    from llmtrack.trackers.tracker import FanOut

__all__ = [
    "Background",
    "Batched",
    "Budget",
    "Callbacks",
    "FanOut",
    "Filtered",
    "JSONLinesTracker",
    "LaunchDarklyTracker",
    "LoggingTracker",
    "OpenTelemetryTracker",
    "ProgressTracker",
    "PrometheusTracker",
    "SQLiteTracker",
    "StdoutTracker",
    "Transformed",
]

_MODULES = {
    "Background": "background",
    "Batched": "background",
    "Budget": "budget",
    "Callbacks": "callbacks",
    "FanOut": "tracker",
    "Filtered": "pipeline",
    "JSONLinesTracker": "jsonlines",
    "LaunchDarklyTracker": "launchdarkly",
    "LoggingTracker": "logs",
    "OpenTelemetryTracker": "opentelemetry",
    "ProgressTracker": "progress",
    "PrometheusTracker": "prometheus",
    "SQLiteTracker": "sqlite",
    "StdoutTracker": "stdout",
    "Transformed": "pipeline",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    if not name.startswith("_"):
        from importlib.metadata import entry_points

        for entry_point in entry_points(group=__name__, name=name):
            return entry_point.load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
