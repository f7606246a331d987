"""
Send a span a call to an OpenTelemetry collector, by the GenAI conventions.

Shows what a collector on this machine receives over OTLP. Needs
`pip install "llmtrack-instrument[otel]"`.
"""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from openai import OpenAI

from llmtrack import call_llm
from llmtrack.testing.provider import LoopbackProvider
from llmtrack.trackers import OpenTelemetryTracker

try:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
except ImportError as error:
    print(f'{error}: pip install "llmtrack-instrument[otel]"')
    sys.exit()


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        received = TracesData.FromString(
            self.rfile.read(int(self.headers["Content-Length"]))
        )
        for span in received.resource_spans[0].scope_spans[0].spans:
            print(f"{span.name} (status {span.status.code})")
            for each in sorted(span.attributes, key=lambda attribute: attribute.key):
                print(f"  {each.key:34}{str(each.value).strip().partition(': ')[2]}")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


with (
    ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector,
    LoopbackProvider() as provider,
):
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    exporter = OTLPSpanExporter(f"http://127.0.0.1:{collector.server_port}/v1/traces")
    traces = TracerProvider()
    traces.add_span_processor(BatchSpanProcessor(exporter))
    tracker = OpenTelemetryTracker(tracer_provider=traces)
    for scenario in ("ok", "429"):
        url = provider.url(scenario, "openai/v1")
        with OpenAI(api_key="none", base_url=url, max_retries=0) as client:
            call_llm(client, model="gpt-4o-mini", messages="Hi", tracker=tracker)
    traces.shutdown()
    collector.shutdown()
