"""What a record says, and does not say, of calls that went unusual ways."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest

from llmtrack import Delta, Outcome, track_llm_call
from llmtrack.prices import PriceTable
from llmtrack.testing import RecordingTracker


@pytest.fixture
def recorder():
    return RecordingTracker()


@pytest.fixture(autouse=True)
def own_prices():
    from llmtrack import configure

    table = PriceTable()
    table.add("gpt-4o", input=1, output=2)
    configure(prices=table)
    yield
    configure(prices=None)


class RateLimitError(Exception):
    """As openai raises it: the refused request is behind it."""

    status_code = 429

    def __init__(self):
        super().__init__("slow down")
        body = json.dumps({"model": "gpt-4o", "messages": []}).encode()
        request = SimpleNamespace(
            url="https://api.openai.com/v1/chat/completions", content=body
        )
        self.response = SimpleNamespace(request=request, headers={"retry-after": "2"})


def chunk(content=None, finish_reason=None, error=None):
    delta = SimpleNamespace(content=content)
    choice = SimpleNamespace(index=0, delta=delta, finish_reason=finish_reason)
    return SimpleNamespace(
        id="c", model="gpt-4o", object="chat.completion.chunk", choices=[choice],
        usage=None, error=error,
    )  # fmt: skip


def test_a_refused_request_costs_nothing(recorder):
    """
    Nobody bills a 429: the record has no cost, and says that nothing was used.
    """

    @track_llm_call(tracker=recorder)
    def answer(prompt, model="gpt-4o"):
        raise RateLimitError

    with pytest.raises(RateLimitError):
        answer("hello there")

    (record,) = recorder.records
    assert (None, "no_usage") == (record.cost, record.cost_status)


def test_a_refused_request_is_found_behind_its_exception(recorder):
    """
    Model and address are known of a call that never got an answer.
    """

    @track_llm_call(tracker=recorder)
    def answer():
        raise RateLimitError

    with pytest.raises(RateLimitError):
        answer()

    (record,) = recorder.records
    assert ("gpt-4o", "api.openai.com") == (record.request_model, record.server_address)
    assert 2.0 == record.error.retry_after


def test_an_answer_that_ended_in_an_error_is_not_complete(recorder):
    """
    A finish reason beside an error does not make the answer whole.
    """

    @track_llm_call(tracker=recorder)
    def answer():
        yield chunk("Hello")
        yield chunk(finish_reason="error", error={"message": "no", "code": 502})

    list(answer())

    (record,) = recorder.records
    assert (Outcome.ERROR, False) == (record.outcome, record.complete)


def test_a_delta_counts_its_own_text(recorder):
    """
    The running count on a delta includes what the delta brings, and its index is
    its place in the stream.
    """
    deltas = RecordingTracker(deltas=True)

    @track_llm_call(tracker=deltas)
    def answer(prompt, model="gpt-4o"):
        yield from ("Hello there, ", "how are ", "you?")

    list(answer("hi"))

    told = deltas.of(Delta)
    assert [0, 1, 2] == [delta.index for delta in told]
    assert told[0].tokens > 0
    assert sorted(delta.tokens for delta in told) == [delta.tokens for delta in told]


def test_the_finish_reason_comes_as_a_delta(recorder):
    """
    A chunk that brings nothing but the finish reason is a delta without text.
    """
    deltas = RecordingTracker(deltas=True)

    @track_llm_call(tracker=deltas)
    def answer():
        yield chunk("Hello")
        yield chunk(finish_reason="stop")

    list(answer())

    assert [("Hello", None), ("", "stop")] == [
        (delta.text, delta.finish_reason) for delta in deltas.of(Delta)
    ]


class StreamingBody(io.BytesIO):
    """As botocore's: it can be read once."""


def invoke_model():
    answer = {
        "type": "message", "role": "assistant", "model": "claude", "id": "m1",
        "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }  # fmt: skip
    body = StreamingBody(json.dumps(answer).encode())
    return {"ResponseMetadata": {"HTTPHeaders": {}}, "body": body}


def test_a_body_that_is_read_once_is_read_by_the_program(recorder):
    """
    Bedrock's `invoke_model`: the record comes from the bytes that the program read.
    """
    tracked = track_llm_call(tracker=recorder)(invoke_model)

    response = tracked()
    before = list(recorder.records)
    read = response["body"].read()

    (record,) = recorder.records
    assert [] == before
    assert "Hello" == json.loads(read)["content"][0]["text"]
    assert (3, 2) == (record.usage.input_tokens, record.usage.output_tokens)
    assert (Outcome.SUCCESS, "end_turn") == (record.outcome, record.finish_reason)


def test_a_body_read_in_pieces_is_one_answer(recorder):
    """
    Pieces count once the body has said that there are no more.
    """
    tracked = track_llm_call(tracker=recorder)(invoke_model)

    body = tracked()["body"]
    while body.read(16):
        assert [] == recorder.records

    (record,) = recorder.records
    assert (Outcome.SUCCESS, 2) == (record.outcome, record.usage.output_tokens)


def test_a_body_that_is_never_read_is_abandoned(recorder):
    """
    Whoever drops the body has left the call.
    """
    tracked = track_llm_call(tracker=recorder)(invoke_model)

    tracked()

    assert [Outcome.ABANDONED] == [record.outcome for record in recorder.records]
