"""What a span says of a call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from llmtrack.events import CallEnded, CallStarted
from llmtrack.record import ErrorInfo, Outcome, TokenUsage
from llmtrack.trackers.opentelemetry.spans import OPEN_LIMIT

sampling = pytest.importorskip("opentelemetry.sdk.trace.sampling")
trace = pytest.importorskip("opentelemetry.trace")


def test_a_span_is_named_after_operation_and_model(telemetry, tell, make_record):
    """
    The name is the operation and the requested model; the kind is CLIENT.
    """
    tell(telemetry.tracker, make_record())

    assert "chat gpt-4o-mini" == telemetry.span.name
    assert "CLIENT" == telemetry.span.kind.name


@pytest.mark.parametrize(
    ("semconv", "schema"),
    [("1.41", "https://opentelemetry.io/schemas/1.41.0"), ("latest", None)],
)
def test_the_text_of_the_conventions_is_named(
    make_telemetry, tell, make_record, semconv, schema
):
    """
    The scope names the schema; the unreleased text has none.
    """
    telemetry = make_telemetry(semconv=semconv)

    tell(telemetry.tracker, make_record())

    assert "llmtrack" == telemetry.span.instrumentation_scope.name
    assert (schema or "") == (telemetry.span.instrumentation_scope.schema_url or "")


def test_a_model_that_is_not_known_is_not_part_of_the_name(
    telemetry, tell, make_record
):
    """
    Without a model the name is the operation alone.
    """
    tell(telemetry.tracker, make_record(request_model=None))

    assert "chat" == telemetry.span.name
    assert "gen_ai.request.model" not in telemetry.attributes


def test_a_model_that_becomes_known_later_is_told(telemetry, make_call, make_record):
    """
    What the stream told of its request is on the span as if known from the start.
    """
    call = make_call(request_model=None, operation="chat")
    record = make_record(call_id=call.call_id, operation="text_completion")

    telemetry.tracker.track(CallStarted(call, 0.0))
    telemetry.tracker.track(CallEnded(record, 1.25, record))

    assert "text_completion gpt-4o-mini" == telemetry.span.name
    assert "gpt-4o-mini" == telemetry.attributes["gen_ai.request.model"]
    assert "text_completion" == telemetry.attributes["gen_ai.operation.name"]


def test_a_name_that_the_program_gave_is_kept(telemetry, make_record, events_of):
    """
    A function that renames the current span finds that name in its backend.
    """
    record = make_record()
    started, *_, ended = events_of(record)

    telemetry.tracker.track(started)
    with telemetry.tracker.activate(started.call):
        trace.get_current_span().update_name("summarise")
    telemetry.tracker.track(ended)

    assert "summarise" == telemetry.span.name


def test_the_conventions_attributes_of_a_call(telemetry, tell, make_record):
    """
    A call that worked is told under the conventions' names.
    """
    record = make_record(
        response_id="chatcmpl-1",
        time_to_first_chunk=0.2,
        usage=TokenUsage(
            20, 10, 30, 8, 4, 5, input_source="reported", output_source="reported"
        ),
    )

    tell(telemetry.tracker, record)

    told = {
        name: value
        for name, value in telemetry.attributes.items()
        if not name.startswith("llmtrack.")
    }
    assert {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.stream": True,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.time_to_first_chunk": 0.2,
        "gen_ai.usage.cache_creation.input_tokens": 4,
        "gen_ai.usage.cache_read.input_tokens": 8,
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "server.address": "api.openai.com",
        "server.port": 443,
    } == told


def test_cache_writes_have_another_name_in_the_latest_text(
    make_telemetry, tell, make_record
):
    """
    With `semconv="latest"` a cache write is told under the new name only.
    """
    telemetry = make_telemetry(semconv="latest")

    tell(telemetry.tracker, make_record(usage=TokenUsage(20, cache_write_tokens=4)))

    assert 4 == telemetry.attributes["gen_ai.usage.cache_write.input_tokens"]
    assert "gen_ai.usage.cache_creation.input_tokens" not in telemetry.attributes


def test_a_sampler_sees_what_is_known_at_the_start(make_telemetry, tell, make_record):
    """
    The attributes that samplers decide by are there when the span starts.
    """
    sampler = _Sees()
    telemetry = make_telemetry(sampler=sampler)

    tell(telemetry.tracker, make_record())

    assert {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "server.address": "api.openai.com",
        "server.port": 443,
    }.items() <= sampler.seen.items()


def test_a_call_that_is_not_sampled_still_counts(make_telemetry, tell, make_record):
    """
    Sampling is of spans; the metrics have every call.
    """
    asked = []
    telemetry = make_telemetry(
        sampler=sampling.ALWAYS_OFF, extra_attributes=asked.append
    )

    tell(telemetry.tracker, make_record())

    assert [] == telemetry.spans
    assert [] == asked
    assert 1 == telemetry.points("gen_ai.client.operation.duration")[0].count


def test_a_plain_call_does_not_say_that_it_streams(telemetry, tell, make_record):
    """
    `gen_ai.request.stream` is there if and only if the answer came in chunks.
    """
    tell(telemetry.tracker, make_record(stream=False))

    assert "gen_ai.request.stream" not in telemetry.attributes


def test_a_span_has_the_times_of_the_record(telemetry, tell, make_record):
    """
    A span starts and ends when the call did, to the microsecond, however late
    the ending is delivered.
    """
    start = datetime(2026, 11, 20, 12, 30, 15, 123456, UTC)

    tell(telemetry.tracker, make_record(started_at=start, duration=1.25))

    seconds = 1_795_177_815
    assert seconds * 10**9 + 123_456_000 == telemetry.span.start_time
    assert 1_250_000_000 == telemetry.span.end_time - telemetry.span.start_time


def test_success_leaves_the_status_unset(telemetry, tell, make_record):
    """
    A call that worked is never OK: that is for the program to say.
    """
    tell(telemetry.tracker, make_record())

    assert "UNSET" == telemetry.span.status.status_code.name
    assert "error.type" not in telemetry.attributes
    assert "success" == telemetry.attributes["llmtrack.outcome"]


def test_an_error_is_told_without_its_message(telemetry, tell, failed_record):
    """
    ERROR and `error.type`, and what to do about it; the message may quote a prompt.
    """
    tell(telemetry.tracker, failed_record)

    assert "ERROR" == telemetry.span.status.status_code.name
    assert "rate_limit" == telemetry.span.status.description
    assert "openai.RateLimitError" == telemetry.attributes["error.type"]
    assert 429 == telemetry.attributes["llmtrack.error.status_code"]
    assert () == telemetry.span.events
    assert "slow down" not in telemetry.span.to_json()


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.ABANDONED])
def test_leaving_early_is_no_error(telemetry, tell, make_record, outcome):
    """
    Who leaves early leaves the status unset; the outcome says what happened.
    """
    error = ErrorInfo("CancelledError", "", "cancelled")

    tell(telemetry.tracker, make_record(outcome=outcome, error=error, complete=False))

    assert "UNSET" == telemetry.span.status.status_code.name
    assert outcome.value == telemetry.attributes["llmtrack.outcome"]
    assert "error.type" not in telemetry.attributes


@pytest.mark.parametrize(
    ("semconv", "reasons"), [("1.41", None), ("latest", ("error",))]
)
def test_a_generation_that_broke_off(
    make_telemetry, tell, make_record, semconv, reasons
):
    """
    The latest text wants `error` where a finish reason was expected.
    """
    telemetry = make_telemetry(semconv=semconv)
    record = make_record(outcome=Outcome.CANCELLED, finish_reason=None, chunks=3)

    tell(telemetry.tracker, record)

    assert reasons == telemetry.attributes.get("gen_ai.response.finish_reasons")


def test_nothing_is_told_as_none(telemetry, tell, failed_record):
    """
    What is not known is left out: the SDK would keep a None.
    """
    tell(telemetry.tracker, failed_record)

    assert None not in telemetry.attributes.values()


def test_a_provider_that_nobody_knows_is_unknown(telemetry, tell, make_record):
    """
    The conventions require a provider.
    """
    tell(telemetry.tracker, make_record(provider=None))

    assert "unknown" == telemetry.attributes["gen_ai.provider.name"]


def test_a_call_whose_start_was_not_told_has_a_span(telemetry, make_record):
    """
    Behind a filter that lets only endings through, a call is a root span.
    """
    record = make_record()

    with telemetry.tracer.start_as_current_span("somebody else's"):
        telemetry.tracker.track(CallEnded(record, record.duration, record))

    span = telemetry.named("chat gpt-4o-mini")
    assert span.parent is None
    assert 1_250_000_000 == span.end_time - span.start_time


def test_a_late_span_is_inside_of_the_outer_call(telemetry, make_record, events_of):
    """
    A call whose start was not told is still a child of the call it was made in.
    """
    outer = make_record(name="outer")
    inner = make_record(parent_id=outer.call_id, request_model="inner")
    started, *_, ended = events_of(outer)

    telemetry.tracker.track(started)
    telemetry.tracker.track(CallEnded(inner, inner.duration, inner))
    telemetry.tracker.track(ended)

    parent = telemetry.named("chat gpt-4o-mini").context.span_id
    assert parent == telemetry.named("chat inner").parent.span_id


def test_calls_that_never_end_are_forgotten(telemetry, make_call):
    """
    Starts without an end are kept up to a limit, the newest ones.
    """
    calls = [make_call() for _ in range(OPEN_LIMIT + 1)]

    for call in calls:
        telemetry.tracker.track(CallStarted(call, 0.0))

    assert OPEN_LIMIT == len(telemetry.tracker._spans._open)
    assert telemetry.tracker._spans.activate(calls[0].call_id) is None
    assert telemetry.tracker._spans.activate(calls[-1].call_id) is not None


def test_nothing_is_kept_of_a_call_that_has_ended(telemetry, tell, make_record):
    """
    The state of a call goes with its end.
    """
    tell(telemetry.tracker, make_record())

    assert 0 == len(telemetry.tracker._spans._open)


class _Sees(sampling.Sampler):
    """A sampler that keeps what it was given."""

    seen: Any = None

    def should_sample(
        self, parent, trace_id, name, kind=None, attributes=None, *others
    ):
        self.seen = dict(attributes)
        return sampling.SamplingResult(sampling.Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "sees"
