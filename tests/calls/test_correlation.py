"""W3C trace ids on every record, when OpenTelemetry is on."""

from __future__ import annotations

import pytest

from llmtrack import track_llm_call
from llmtrack.testing import RecordingTracker

sdk = pytest.importorskip("opentelemetry.sdk.trace")

from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: E402
    InMemorySpanExporter,
)

from llmtrack.trackers import OpenTelemetryTracker  # noqa: E402


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans):
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    yield provider
    provider.shutdown()


def ids_of(span):
    context = span.get_span_context()
    return {
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
    }


def test_a_record_has_the_ids_of_the_span_around_it(provider):
    """
    A call inside the program's own span can be found by that.
    """
    recorder = RecordingTracker()
    answer = track_llm_call(tracker=recorder)(lambda: "hello")

    with provider.get_tracer("test").start_as_current_span("request") as span:
        answer()

    (record,) = recorder.records
    assert ids_of(span) == record.metadata


@pytest.mark.parametrize("kind", ["function", "generator"])
def test_a_record_has_the_ids_of_its_own_span(provider, spans, kind):
    """
    Where a tracker makes a span of the call, the other trackers name that one.
    """
    recorder = RecordingTracker()
    trackers = [OpenTelemetryTracker(tracer_provider=provider), recorder]

    def function():
        return "hello"

    def generator():
        yield "hello"

    made = {"function": function, "generator": generator}[kind]
    for _ in track_llm_call(tracker=trackers)(made)():
        pass

    (record,) = recorder.records
    (span,) = spans.get_finished_spans()
    assert ids_of(span) == record.metadata


def test_the_users_keys_win(provider):
    """
    Metadata that the user gives is never overwritten.
    """
    recorder = RecordingTracker()
    metadata = {"trace_id": "mine"}
    answer = track_llm_call(tracker=recorder, metadata=metadata)(lambda: "hello")

    with provider.get_tracer("test").start_as_current_span("request"):
        answer()

    assert "mine" == recorder.records[0].metadata["trace_id"]


def test_without_a_span_there_are_no_ids():
    """
    Nothing is made up.
    """
    recorder = RecordingTracker()

    track_llm_call(tracker=recorder)(lambda: "hello")()

    assert {} == recorder.records[0].metadata
