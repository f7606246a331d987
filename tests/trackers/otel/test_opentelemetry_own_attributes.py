"""What a span says beside the conventions' names, and of the request."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from llmtrack.record import Cost, TokenUsage

pytest.importorskip("opentelemetry.sdk")

_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
ESTIMATES = TokenUsage(
    20, 10, 30, input_source="reported", output_source="estimate", confidence=0.8
)


def test_cost_is_told_under_our_own_names(telemetry, tell, make_record):
    """
    The conventions have no cost yet; ours is a float of dollars, with its source.
    """
    cost = Cost(Decimal("0.000009"), False, "genai-prices", "2026-11-01")

    tell(telemetry.tracker, make_record(cost=cost))

    assert 0.000009 == telemetry.attributes["llmtrack.cost.usd"]
    assert "genai-prices" == telemetry.attributes["llmtrack.cost.source"]
    assert "2026-11-01" == telemetry.attributes["llmtrack.cost.version"]
    assert telemetry.attributes["llmtrack.cost.complete"] is False


def test_the_reason_for_no_cost_is_told(telemetry, tell, failed_record):
    """
    A call without a cost says why.
    """
    tell(telemetry.tracker, failed_record)

    assert "no_usage" == telemetry.attributes["llmtrack.cost.status"]
    assert "llmtrack.cost.usd" not in telemetry.attributes


def test_an_estimate_is_told_under_our_own_names_only(telemetry, tell, make_record):
    """
    What no provider reported never passes for what one did; the other side stays.
    """
    tell(telemetry.tracker, make_record(usage=ESTIMATES))

    assert 20 == telemetry.attributes["gen_ai.usage.input_tokens"]
    assert "gen_ai.usage.output_tokens" not in telemetry.attributes
    assert 10 == telemetry.attributes["llmtrack.usage.output_tokens"]
    assert "estimate" == telemetry.attributes["llmtrack.usage.output_source"]
    assert 0.8 == telemetry.attributes["llmtrack.usage.confidence"]
    assert "llmtrack.usage.estimated" not in telemetry.attributes


def test_an_estimate_can_be_marked_instead(make_telemetry, tell, make_record):
    """
    With `estimated_tokens="mark"` it is under both names, and marked.
    """
    telemetry = make_telemetry(estimated_tokens="mark")

    tell(telemetry.tracker, make_record(usage=ESTIMATES))

    assert 10 == telemetry.attributes["gen_ai.usage.output_tokens"]
    assert telemetry.attributes["llmtrack.usage.estimated"] is True


def test_usage_that_was_set_by_hand_passes_as_reported(telemetry, tell, make_record):
    """
    The program said it, so it is no estimate of ours.
    """
    tell(telemetry.tracker, make_record(usage=TokenUsage(20, 10)))

    assert 20 == telemetry.attributes["gen_ai.usage.input_tokens"]


def test_a_call_is_found_by_its_id(telemetry, tell, make_record):
    """
    The ids of the record are on the span, so that logs and traces can be joined.
    """
    record = make_record(parent_id="outer", name="answer")

    tell(telemetry.tracker, record)

    assert record.call_id == telemetry.attributes["llmtrack.call_id"]
    assert "outer" == telemetry.attributes["llmtrack.parent_id"]
    assert "answer" == telemetry.attributes["llmtrack.name"]


def test_metadata_is_told(telemetry, tell, make_record):
    """
    The user's keys are attributes; conversation, session and user have a name.
    """
    metadata = {
        "conversation_id": "conv-1",
        "session_id": "session-1",
        "user_id": "ada",
        "tags": ["a", "b"],
        "price": Decimal("0.5"),
        "nested": {"a": 1},
        "nothing": None,
    }

    tell(telemetry.tracker, make_record(metadata=metadata))

    assert {
        "gen_ai.conversation.id": "conv-1",
        "session.id": "session-1",
        "user.id": "ada",
        "llmtrack.metadata.tags": ("a", "b"),
        "llmtrack.metadata.price": 0.5,
        "llmtrack.metadata.nested": '{"a": 1}',
    }.items() <= telemetry.attributes.items()
    assert "llmtrack.metadata.nothing" not in telemetry.attributes


def test_a_session_is_not_made_a_conversation(telemetry, tell, make_record):
    """
    `gen_ai.conversation.id` is there only where the program gave one.
    """
    tell(telemetry.tracker, make_record(metadata={"session_id": "session-1"}))

    assert "gen_ai.conversation.id" not in telemetry.attributes


def test_the_programs_own_attributes_are_added(make_telemetry, tell, make_record):
    """
    `extra_attributes` is asked once a call, with its record.
    """
    telemetry = make_telemetry(
        extra_attributes=lambda record: {
            "gen_ai.usage.cost": record.cost and record.cost.usd,
            "absent": None,
        }
    )

    tell(telemetry.tracker, make_record())

    assert 0.000009 == telemetry.attributes["gen_ai.usage.cost"]
    assert "absent" not in telemetry.attributes


def test_a_failing_function_of_the_program_costs_its_attributes_only(
    make_telemetry, tell, make_record
):
    """
    Where `extra_attributes` raises, the span ends with everything else.
    """
    telemetry = make_telemetry(extra_attributes=lambda record: {}["missing"])

    with pytest.raises(KeyError):
        tell(telemetry.tracker, make_record())

    assert 10 == telemetry.attributes["gen_ai.usage.output_tokens"]
    assert 1 == telemetry.points("gen_ai.client.operation.duration")[0].count


def test_metadata_that_cannot_be_told_costs_itself_only(telemetry, tell, make_record):
    """
    Where metadata cannot even be turned into text, the rest is told.
    """

    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    with pytest.raises(RuntimeError):
        tell(telemetry.tracker, make_record(metadata={"it": Hostile()}))

    assert 10 == telemetry.attributes["gen_ai.usage.output_tokens"]


def test_content_is_not_told(telemetry, tell, make_record):
    """
    A record's texts stay here as long as OpenTelemetry's variable is not set.
    """
    tell(telemetry.tracker, make_record(input_text="hi", output_text="hello"))

    assert not [name for name in telemetry.attributes if name.endswith(".messages")]


@pytest.mark.parametrize("word", ["event_only", "no_content", "", "false"])
def test_content_is_not_told_on_spans_for_other_words(
    make_telemetry, tell, make_record, monkeypatch, word
):
    """
    Only `span_only` and `span_and_event` mean spans.
    """
    monkeypatch.setenv(_CONTENT, word)
    telemetry = make_telemetry()

    tell(telemetry.tracker, make_record(input_text="hi", output_text="hello"))

    assert "gen_ai.input.messages" not in telemetry.attributes


@pytest.mark.parametrize("word", ["span_only", "SPAN_AND_EVENT", "true"])
def test_content_is_told_where_both_say_so(
    make_telemetry, tell, make_record, monkeypatch, word
):
    """
    With the variable and `capture_content` prompt and answer are messages.
    """
    monkeypatch.setenv(_CONTENT, word)
    telemetry = make_telemetry()
    texts = {"input_text": "hi", "output_text": "hello", "reasoning_text": "hm"}

    tell(telemetry.tracker, make_record(**texts))

    asked = json.loads(telemetry.attributes["gen_ai.input.messages"])
    assert [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}] == asked
    (answer,) = json.loads(telemetry.attributes["gen_ai.output.messages"])
    assert "assistant" == answer["role"]
    assert "stop" == answer["finish_reason"]
    assert ["reasoning", "text"] == [part["type"] for part in answer["parts"]]


def test_content_that_was_not_captured_cannot_be_told(
    make_telemetry, tell, make_record, monkeypatch
):
    """
    The variable alone is not enough.
    """
    monkeypatch.setenv(_CONTENT, "span_only")
    telemetry = make_telemetry()

    tell(telemetry.tracker, make_record())

    assert not [name for name in telemetry.attributes if name.endswith(".messages")]


@pytest.mark.parametrize(
    ("semconv", "expected"),
    [
        ("1.41", {"gen_ai.request.top_k": 40.0}),
        (
            "latest",
            {
                "gen_ai.request.top_k": 40,
                "gen_ai.request.reasoning.level": "low",
                "gen_ai.request.previous_response.id": "resp-1",
            },
        ),
    ],
)
def test_the_parameters_of_the_request(
    make_telemetry, tell, make_record, semconv, expected
):
    """
    A record that carries them has them told, each in the conventions' type.
    """
    telemetry = make_telemetry(semconv=semconv)
    record = make_record()
    parameters = {
        "temperature": 0,
        "topP": 0.5,
        "top_k": 40,
        "max_completion_tokens": 100,
        "seed": 7,
        "stop": "END",
        "n": 2,
        "reasoning": {"effort": "low"},
        "previous_response_id": "resp-1",
        "conversation": {"id": "conv-1"},
        "presence_penalty": "no number",
    }

    with_parameters = replace(record, request_parameters=parameters)
    tell(telemetry.tracker, with_parameters)

    told = {
        name: value
        for name, value in telemetry.attributes.items()
        if name.startswith(("gen_ai.request.", "gen_ai.conversation"))
    }
    assert {
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.top_p": 0.5,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.choice.count": 2,
        "gen_ai.conversation.id": "conv-1",
        **expected,
    } == told
    assert type(expected["gen_ai.request.top_k"]) is type(told["gen_ai.request.top_k"])
