"""Spans and metrics: in memory, and as they arrive at a collector."""

from __future__ import annotations

import gzip
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from typing import Any

import pytest

from llmtrack.trackers import OpenTelemetryTracker


class Telemetry:
    """A tracker on SDK providers that keep what they are given."""

    def __init__(self, **options: Any) -> None:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
            InMemorySpanExporter,
        )

        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(
            sampler=options.pop("sampler", None), shutdown_on_exit=False
        )
        for processor in options.pop("processors", ()):
            self.tracer_provider.add_span_processor(processor)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.tracer = self.tracer_provider.get_tracer("program")
        self.tracker = OpenTelemetryTracker(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            **options,
        )

    @property
    def spans(self) -> list[Any]:
        """The spans that have ended, in the order of their ends."""
        return list(self._exporter.get_finished_spans())

    @property
    def span(self) -> Any:
        """The one span that has ended."""
        (span,) = self.spans
        return span

    @property
    def attributes(self) -> dict[str, Any]:
        """The attributes of the one span that has ended."""
        return dict(self.span.attributes)

    def named(self, name: str) -> Any:
        """Return the one span with a name that has ended."""
        (span,) = [span for span in self.spans if span.name == name]
        return span

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics that have points, by name."""
        data = self._reader.get_metrics_data()
        return {
            metric.name: metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> list[Any]:
        """Return the points of a metric; none where nothing was recorded."""
        metrics = self.metrics
        return list(metrics[name].data.data_points) if name in metrics else []


@pytest.fixture
def make_telemetry() -> type[Telemetry]:
    """Return what makes a tracker with spans and metrics in memory."""
    pytest.importorskip("opentelemetry.sdk")
    return Telemetry


@pytest.fixture
def telemetry(make_telemetry: type[Telemetry]) -> Telemetry:
    """Return a tracker with spans and metrics in memory."""
    return make_telemetry()


class Collector:
    """An OTLP receiver on this machine, which decodes what it gets."""

    def __init__(self, requests: dict[str, Any]) -> None:
        received: list[Any] = []
        self._received = received

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                received.append(requests[self.path].FromString(body))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def spans(self) -> list[Any]:
        """The spans that arrived."""
        return [
            span
            for request in self._received
            for resource in getattr(request, "resource_spans", ())
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def scopes(self) -> set[str]:
        """The name of each scope that spans arrived of."""
        return {
            scope.scope.name
            for request in self._received
            for resource in getattr(request, "resource_spans", ())
            for scope in resource.scope_spans
        }

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics that arrived, by name."""
        return {
            metric.name: metric
            for request in self._received
            for resource in getattr(request, "resource_metrics", ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Return an OTLP receiver on this machine."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    package = "opentelemetry.proto.collector"
    traces = import_module(f"{package}.trace.v1.trace_service_pb2")
    metrics = import_module(f"{package}.metrics.v1.metrics_service_pb2")
    collector = Collector(
        {
            "/v1/traces": traces.ExportTraceServiceRequest,
            "/v1/metrics": metrics.ExportMetricsServiceRequest,
        }
    )
    yield collector
    collector.close()


@pytest.fixture
def tell(events_of: Any) -> Callable[..., None]:
    """Return a function that tells a tracker of a call from start to end."""

    def tell(tracker: OpenTelemetryTracker, record: Any) -> None:
        for event in events_of(record):
            if type(event) in tracker.events:
                tracker.track(event)

    return tell


@pytest.fixture
def nothing_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """See to it that neither llmtrack nor OpenTelemetry complains."""
    yield

    complaints = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.WARNING
    ]
    assert [] == complaints
