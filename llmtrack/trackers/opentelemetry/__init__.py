"""OpenTelemetry: a span and metrics a call, by the GenAI semantic conventions."""

from llmtrack.trackers.opentelemetry.tracker import OpenTelemetryTracker

__all__ = ["OpenTelemetryTracker"]
