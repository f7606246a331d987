"""Setting up the tracker, and what it does without an SDK."""

from __future__ import annotations

import subprocess
import sys

import pytest

from llmtrack import track_llm_call
from llmtrack.errors import ConfigurationError
from llmtrack.trackers import OpenTelemetryTracker


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"semconv": "1.36"}, "semconv must be one of 1.41, latest; got '1.36'"),
        (
            {"estimated_tokens": True},
            "estimated_tokens must be one of own, mark; got True",
        ),
        ({"tracer_provider": 1}, "tracer_provider must have get_tracer()"),
        ({"meter_provider": 1}, "meter_provider must have get_meter()"),
        ({"extra_attributes": {}}, "extra_attributes must be a function of one record"),
        (
            {"extra_attributes": lambda *, record: {}},
            "extra_attributes must be a function of one record",
        ),
    ],
)
def test_a_wrong_argument_is_told_at_once(options, message):
    """
    What cannot work is a ConfigurationError that says what is taken.
    """
    with pytest.raises(ConfigurationError) as caught:
        OpenTelemetryTracker(**options)

    assert message in str(caught.value)


@pytest.mark.usefixtures("nothing_logged")
def test_without_an_sdk_it_does_nothing():
    """
    With OpenTelemetry's API alone a tracked program works as without a tracker.
    """

    @track_llm_call(tracker=OpenTelemetryTracker())
    def answer():
        yield from "abc"

    assert ["a", "b", "c"] == list(answer())


def test_opentelemetry_is_imported_when_a_tracker_is_made():
    """
    Who has no such tracker does not pay for the import.
    """
    script = (
        "import sys, llmtrack.trackers.opentelemetry as ours; "
        "before = 'opentelemetry.trace' in sys.modules; ours.OpenTelemetryTracker(); "
        "print(before, 'opentelemetry.trace' in sys.modules)"
    )

    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "False True" == run.stdout.strip()


def test_global_providers_may_be_set_later():
    """
    A tracker that is made before the providers uses them all the same.
    """
    pytest.importorskip("opentelemetry.sdk")
    script = """
from llmtrack import flush, track_llm_call
from llmtrack.trackers import OpenTelemetryTracker
tracker = OpenTelemetryTracker()

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))

track_llm_call(tracker=tracker, model="m")(lambda: "hello")()
flush()
print(exporter.get_finished_spans()[0].name, reader.get_metrics_data() is not None)
"""

    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "chat m True" == run.stdout.strip()
