"""The page about OpenTelemetry: its code runs, its configuration hangs together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "opentelemetry.md"


def blocks(language: str) -> list[str]:
    """Return the blocks of the page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_code_of_the_page_runs(collector, run_python, monkeypatch):
    """
    All blocks together make spans and metrics that arrive at a collector.
    """
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    use = 'assert "Forty-two" == "".join(answer("?")); llmtrack.flush(30.0)'

    run = run_python("\n".join([*blocks("python"), use]))

    assert "" == run.stderr
    (span,) = collector.spans
    told = {each.key: each.value for each in span.attributes}
    assert span.trace_id.hex() == told["llmtrack.metadata.trace_id"].string_value
    assert "langfuse.observation.completion_start_time" in told
    assert "gen_ai.client.operation.duration" in collector.metrics


def test_the_collectors_configuration_hangs_together():
    """
    Each part that a pipeline names is there, and none is there in vain.
    """
    yaml = pytest.importorskip("yaml")
    (block,) = blocks("yaml")

    configuration: dict[str, Any] = yaml.safe_load(block)

    pipelines = configuration["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines for name in pipeline[kind]}
        assert set(configuration[kind]) == used
