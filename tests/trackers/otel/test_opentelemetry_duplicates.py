"""OpenTelemetry's own instrumentation of a client, inside of a tracked call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import llmtrack
from llmtrack import track_llm_call
from llmtrack.testing.provider import LoopbackProvider

pytest.importorskip("opentelemetry.util.genai.invocation")
pytest.importorskip("opentelemetry.sdk")
openai = pytest.importorskip("openai")
instrumentation = pytest.importorskip("opentelemetry.instrumentation.genai.openai")


@pytest.fixture
def client(telemetry, monkeypatch) -> Iterator[Any]:
    """Return an instrumented client, whose spans go where the tracker's go."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    instrumentor = instrumentation.OpenAIInstrumentor()
    instrumentor.instrument(
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
    )
    with (
        LoopbackProvider() as provider,
        openai.OpenAI(
            api_key="none", base_url=provider.url("ok", "openai/v1")
        ) as client,
    ):
        yield client
    instrumentor.uninstrument()


def ask(client: Any, *, stream: bool) -> Any:
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "hi"}],
        **(
            {"stream": True, "stream_options": {"include_usage": True}}
            if stream
            else {}
        ),
    )


def is_ours(span: Any) -> bool:
    return "llmtrack" == span.instrumentation_scope.name


def test_without_a_tracked_call_it_makes_a_span(telemetry, client):
    """
    The instrumentation works, or what follows would prove nothing.
    """
    ask(client, stream=False)

    assert [False] == [is_ours(span) for span in telemetry.spans]


@pytest.mark.parametrize("stream", [True, False])
def test_it_keeps_silent_inside_of_a_tracked_call(telemetry, client, stream):
    """
    One request is one span and one point of the metrics, both of them ours.
    """
    tracked = track_llm_call(tracker=telemetry.tracker)(ask)

    answer = tracked(client, stream=stream)
    if stream:
        assert [chunk for chunk in answer if chunk.choices]

    llmtrack.flush()
    assert [True] == [is_ours(span) for span in telemetry.spans]
    assert "openai" == telemetry.attributes["gen_ai.provider.name"]
    assert telemetry.attributes["gen_ai.usage.input_tokens"] > 0
    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert 1 == point.count


def test_it_speaks_again_after_the_call(telemetry, client):
    """
    The silence is over with the call.
    """
    track_llm_call(tracker=telemetry.tracker)(ask)(client, stream=False)

    ask(client, stream=False)

    llmtrack.flush()
    assert [False, True] == sorted(is_ours(span) for span in telemetry.spans)


def test_it_can_be_heard_beside_ours(make_telemetry, telemetry, client):
    """
    With `suppress_duplicates=False` both make a span, the client's inside of ours.
    """
    from llmtrack.trackers import OpenTelemetryTracker

    tracker = OpenTelemetryTracker(
        tracer_provider=telemetry.tracer_provider,
        meter_provider=telemetry.meter_provider,
        suppress_duplicates=False,
    )

    track_llm_call(tracker=tracker)(ask)(client, stream=False)

    llmtrack.flush()
    (ours,) = [span for span in telemetry.spans if is_ours(span)]
    (other,) = [span for span in telemetry.spans if not is_ours(span)]
    assert ours.context.span_id == other.parent.span_id
