"""Metrics as Prometheus reads them."""

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded
from llmtrack.record import TokenUsage
from llmtrack.trackers import PrometheusTracker
from llmtrack.trackers import prometheus as module

prometheus_client = pytest.importorskip(
    "prometheus_client", reason="needs the extra prometheus"
)

LABELS = {
    "gen_ai_operation_name": "chat",
    "gen_ai_provider_name": "openai",
    "gen_ai_request_model": "gpt-4o-mini",
    "gen_ai_response_model": "gpt-4o-mini-2024-07-18",
    "server_address": "api.openai.com",
    "server_port": "443",
}
PATIENCE = 30


@pytest.fixture
def registry():
    return prometheus_client.CollectorRegistry()


def end(tracker, *records):
    for record in records:
        tracker.track(CallEnded(record, 1.0, record))


def test_a_call_is_in_every_metric(registry, make_record):
    """
    Names and labels are those of OpenTelemetry's exporter, and our own.
    """
    end(PrometheusTracker(registry), make_record(time_to_first_chunk=0.2))

    def value(name, **labels):
        return registry.get_sample_value(name, {**LABELS, **labels})

    operation = "gen_ai_client_operation"
    reported = {"llmtrack_usage_estimated": ""}
    assert 1.25 == value(f"{operation}_duration_seconds_sum", error_type="")
    assert 0.2 == value(f"{operation}_time_to_first_chunk_seconds_sum")
    assert 0.25 == value("llmtrack_time_to_first_token_seconds_sum")
    assert 20 == value(
        "gen_ai_client_token_usage_sum", gen_ai_token_type="input", **reported
    )
    assert 10 == value("llmtrack_tokens_total", gen_ai_token_type="output", **reported)
    assert 0.000009 == value("llmtrack_cost_total", **reported)
    assert 1 == value("llmtrack_calls_total", llmtrack_outcome="success", error_kind="")


def test_buckets_are_those_of_the_conventions(registry, make_record):
    """
    Dashboards that were made for OpenTelemetry find their boundaries.
    """
    end(PrometheusTracker(registry), make_record())

    found = {
        float(sample.labels["le"])
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == "gen_ai_client_operation_duration_seconds_bucket"
    }
    assert {0.01, 0.02, 1.28, 81.92, float("inf")} <= found
    assert 15 == len(found)


def test_a_failed_call_has_a_type_and_a_kind(registry, failed_record):
    """
    The duration has the error's type, the count its kind.
    """
    end(PrometheusTracker(registry), failed_record)

    text = prometheus_client.generate_latest(registry).decode()
    assert 'error_type="openai.RateLimitError"' in text
    assert 'error_kind="rate_limit"' in text
    assert "gen_ai_client_token_usage_sum" not in text


@pytest.mark.parametrize(("mode", "count"), [("own", None), ("mark", 10)])
def test_estimates_are_marked(registry, make_record, mode, count):
    """
    By default they are under our own name only.
    """
    usage = TokenUsage(20, 10, 30, input_source="reported", output_source="tokenizer")

    tracker = PrometheusTracker(registry, estimated_tokens=mode)
    end(tracker, make_record(usage=usage))

    labels = {
        **LABELS,
        "gen_ai_token_type": "output",
        "llmtrack_usage_estimated": "true",
    }
    assert 10 == registry.get_sample_value("llmtrack_tokens_total", labels)
    assert count == registry.get_sample_value("gen_ai_client_token_usage_sum", labels)


def test_a_nested_call_is_counted_once(registry, make_record):
    """
    The call that made the request is the one that counts.
    """
    outer = make_record(usage=TokenUsage(), cost=None, cost_status="nested")

    end(PrometheusTracker(registry), make_record(), outer)

    labels = {**LABELS, "llmtrack_outcome": "success", "error_kind": ""}
    assert 1 == registry.get_sample_value("llmtrack_calls_total", labels)


def test_labels_have_few_values(registry, make_record, monkeypatch):
    """
    A provider that names a new model with each answer does not fill the memory.
    """
    monkeypatch.setattr(module, "_VALUES_LIMIT", 5)
    tracker = PrometheusTracker(registry)

    end(tracker, *(make_record(response_model=f"model-{n}") for n in range(100)))

    text = prometheus_client.generate_latest(registry).decode()
    assert 'gen_ai_response_model="other"' in text
    assert 'gen_ai_response_model="model-5"' not in text


def test_two_trackers_share_a_registry(registry, make_record):
    """
    A second tracker adds to the first one's metrics.
    """
    for _ in range(2):
        end(PrometheusTracker(registry), make_record())

    labels = {**LABELS, "llmtrack_outcome": "success", "error_kind": ""}
    assert 2 == registry.get_sample_value("llmtrack_calls_total", labels)


def test_names_that_are_taken_are_told(registry):
    """
    Metrics of another library under these names are an error at set-up.
    """
    prometheus_client.Counter("llmtrack_calls", "Not ours.", registry=registry)

    with pytest.raises(ConfigurationError, match="cannot register"):
        PrometheusTracker(registry)


@pytest.mark.parametrize(
    "arguments", [{"registry": object()}, {"estimated_tokens": "yes"}]
)
def test_what_cannot_work_is_refused(arguments):
    """
    A wrong argument is an error at set-up.
    """
    with pytest.raises(ConfigurationError):
        PrometheusTracker(**arguments)


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def exposed(registry):
    """Return the port on which the registry can be scraped."""
    app = prometheus_client.make_wsgi_app(registry)
    with make_server("127.0.0.1", 0, app, handler_class=QuietHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        return response.read().decode()


def test_it_can_be_scraped(registry, exposed, make_record):
    """
    What is served is the text format, which the client's own parser reads.
    """
    from prometheus_client.parser import text_string_to_metric_families

    end(PrometheusTracker(registry), make_record())

    families = text_string_to_metric_families(get(f"http://127.0.0.1:{exposed}/"))
    assert "gen_ai_client_operation_duration_seconds" in {f.name for f in families}


@pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="no prometheus on this machine"
)
def test_a_real_prometheus_scrapes_it(registry, exposed, make_record, tmp_path):
    """
    Prometheus answers a query over what it scraped.
    """
    end(PrometheusTracker(registry), make_record(), make_record())
    config = tmp_path / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        "- job_name: llmtrack\n"
        f"  static_configs: [{{targets: ['127.0.0.1:{exposed}']}}]\n"
    )
    port = 19_090
    query = f"http://127.0.0.1:{port}/api/v1/query?query=sum(llmtrack_calls_total)"

    with subprocess.Popen(
        [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert "2" == answer_of(query)
        finally:
            process.terminate()


def answer_of(query):
    """Ask until there is an answer, or patience is at its end."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            result = json.loads(get(query))["data"]["result"]
        except OSError:
            continue
        if result:
            return result[0]["value"][1]
    return None


def test_a_missing_extra_is_one_line_that_says_what_to_install(monkeypatch):
    """
    Without prometheus_client the tracker says how to get it.
    """
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(ConfigurationError, match=r"llmtrack-instrument\[prometheus\]"):
        PrometheusTracker()
