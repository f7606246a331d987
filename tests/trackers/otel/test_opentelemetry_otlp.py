"""What leaves the process: the real exporters, and what arrives at a collector."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal

import pytest

from llmtrack.record import Cost, TokenUsage
from llmtrack.trackers import OpenTelemetryTracker

pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

#: SPAN_KIND_CLIENT on the wire.
_CLIENT = 3


@pytest.fixture
def tracker(
    collector, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenTelemetryTracker]:
    """Return a tracker whose providers export to the collector."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(f"{collector.url}/v1/traces"))
    )
    meter_provider = MeterProvider(
        [
            PeriodicExportingMetricReader(
                OTLPMetricExporter(f"{collector.url}/v1/metrics"),
                export_interval_millis=60_000,
            )
        ],
        shutdown_on_exit=False,
    )
    yield OpenTelemetryTracker(
        tracer_provider=tracer_provider, meter_provider=meter_provider
    )
    tracer_provider.shutdown()
    meter_provider.shutdown()


@pytest.mark.usefixtures("nothing_logged")
def test_a_call_arrives_at_a_collector(collector, tracker, tell, make_record):
    """
    A flush sends the span and its metrics, as the wire format wants them.
    """
    cost = Cost(Decimal("0.25"), True, "user", "1")
    usage = TokenUsage(20, 10, input_source="reported", output_source="reported")

    tell(tracker, make_record(cost=cost, usage=usage))

    assert tracker.flush(30.0) is True
    (span,) = collector.spans
    told = {each.key: each.value for each in span.attributes}
    assert ("chat gpt-4o-mini", _CLIENT) == (span.name, span.kind)
    assert 1_250_000_000 == span.end_time_unix_nano - span.start_time_unix_nano
    assert 20 == told["gen_ai.usage.input_tokens"].int_value
    assert 0.25 == told["llmtrack.cost.usd"].double_value
    (reason,) = told["gen_ai.response.finish_reasons"].array_value.values
    assert "stop" == reason.string_value
    assert {"llmtrack"} == collector.scopes
    (point,) = collector.metrics[
        "gen_ai.client.operation.duration"
    ].histogram.data_points
    assert (1, 1.25) == (point.count, point.sum)
    (point,) = collector.metrics["llmtrack.cost"].sum.data_points
    assert 0.25 == point.as_double


@pytest.mark.usefixtures("nothing_logged")
def test_hostile_values_do_not_cost_the_batch(collector, tracker, tell, make_record):
    """
    One value that protobuf cannot carry would lose every span that is sent with it.
    """
    metadata = {
        "surrogate": "half \ud83d",
        "\udc00": "name",
        "list": ["\ud83d", "ok"],
        "mixed": [1, "\ud83d"],
        "huge": 2**70,
        "nan": float("nan"),
        "object": object(),
        "circle": (circle := []),
        "bytes": b"\xff",
        ("a", "tuple"): 1,
    }
    circle.append(circle)

    tell(tracker, make_record(request_model="m\ud83d", metadata=metadata))
    tell(tracker, make_record())

    assert tracker.flush(30.0) is True
    assert ["chat m?", "chat gpt-4o-mini"] == [span.name for span in collector.spans]
    assert "gen_ai.client.token.usage" in collector.metrics


def test_what_is_open_at_the_exit_arrives(collector, monkeypatch):
    """
    A program that just ends sends the calls that ended, and those that did not.
    """
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    script = """
import sys
from llmtrack import track_llm_call
from llmtrack.trackers import OpenTelemetryTracker
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
exporter = OTLPSpanExporter(f"{sys.argv[1]}/v1/traces")
provider.add_span_processor(BatchSpanProcessor(exporter))

@track_llm_call(tracker=OpenTelemetryTracker(tracer_provider=provider))
def answer(model):
    yield from "abc"

list(answer("done"))
left_open = answer("open")
next(left_open)
"""

    subprocess.run([sys.executable, "-c", script, collector.url], check=True)

    assert ["chat done", "chat open"] == sorted(span.name for span in collector.spans)
