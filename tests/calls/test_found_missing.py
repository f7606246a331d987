"""What a user found missing, and is there."""

from __future__ import annotations

import json
import logging

import pytest

import llmtrack
from llmtrack import prices
from llmtrack.testing import RecordingTracker
from llmtrack.trackers import Batched


def test_flush_reaches_the_tracker_of_a_block_that_is_over():
    """
    `flush()` delivers what waits in a tracker's queue, also after the block.
    """
    delivered = []
    tracker = Batched(delivered.extend, size=100, seconds=60)
    with llmtrack.tracked_stream(tracker) as tracked:
        list(tracked(iter(["Forty", "-two"])))
    del tracked

    llmtrack.flush()

    assert delivered


def test_statistics_name_the_trackers_of_a_list(caplog):
    """
    `statistics()` has each tracker of a list under its name, failures counted.
    """

    class Failing:
        def track(self, event):
            raise RuntimeError("a bug")

    caplog.set_level(logging.CRITICAL, "llmtrack")
    with llmtrack.tracked_stream([Failing(), lambda record: None]) as tracked:
        list(tracked(iter(["Forty", "-two"])))
    llmtrack.flush()

    statistics = llmtrack.statistics()

    assert statistics["Failing"]["failed"] > 0


def test_progress_tells_a_cost_before_the_provider_reports_tokens():
    """
    The running cost needs no usage from the provider: the prompt can be counted.
    """
    pytest.importorskip("genai_prices")
    # The first call of a process does not wait for the list to be loaded.
    prices.warm()
    costs = []
    with llmtrack.tracked_stream(
        lambda record: None, model="gpt-4o-mini", input="What is it?"
    ) as tracked:
        for _ in tracked(iter(["Forty", "-two"])):
            costs.append(tracked.progress().cost)

    assert None not in costs


def test_the_model_of_a_request_that_failed_is_known():
    """
    The exception holds the request, and the request's body the model.
    """
    openai = pytest.importorskip("openai")
    from llmtrack.testing import RecordingTracker
    from llmtrack.testing.provider import LoopbackProvider

    recorder = RecordingTracker()
    with LoopbackProvider() as provider:
        base_url = provider.url("429", "openai/v1")
        client = openai.OpenAI(base_url=base_url, api_key="none", max_retries=0)

        @llmtrack.track_llm_call(tracker=recorder)
        def answer():
            return client.chat.completions.create(
                model="gpt-4o-mini",
                messages=[{"role": "user", "content": "What is it?"}],
                stream=True,
            )

        with pytest.raises(openai.RateLimitError):
            answer()
        client.close()

    assert "gpt-4o-mini" == recorder.record.request_model


@pytest.mark.parametrize(
    "value",
    [None, 3, object(), ["a long list"], {"summary": "a long answer"}],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_tokens_of_an_answer_that_cannot_be_read_are_unknown(value, is_streamed):
    """
    Unknown is None, never 0, and a price of the rest says that it is not all.
    """
    recorder = RecordingTracker()

    @llmtrack.track_llm_call(tracker=recorder, model="gpt-4o")
    def answer(prompt):
        return iter([value, value]) if is_streamed else value

    answered = answer("hello there")
    if is_streamed:
        list(answered)
    llmtrack.flush()

    record = recorder.records[0]
    assert (None, "unknown") == (record.usage.output_tokens, record.usage.output_source)
    assert record.cost is None or not record.cost.complete


def test_an_empty_answer_has_no_tokens():
    """
    A string that is empty was read, and has 0 tokens.
    """
    recorder = RecordingTracker()

    @llmtrack.track_llm_call(tracker=recorder)
    def answer(prompt):
        return ""

    answer("hello there")
    llmtrack.flush()

    assert 0 == recorder.records[0].usage.output_tokens


def test_the_names_of_the_package_are_its_own():
    """
    What `dir` shows beside the public names are its parts, not what it imports.
    """
    shown = {name for name in dir(llmtrack) if not name.startswith("_")}

    assert {"TYPE_CHECKING"} >= shown - set(llmtrack.__all__) - llmtrack._PARTS - {
        name for name in shown if type(getattr(llmtrack, name)) is type(llmtrack)
    }


def test_a_model_that_is_told_late_keeps_what_was_counted():
    """
    A stream that breaks with the request behind it has all tokens that came.
    """
    recorder = RecordingTracker()

    class Request:
        url = "https://api.example.com/v1/chat/completions"
        content = b'{"model": "gpt-4o", "messages": []}'

    class BrokenError(Exception):
        request = Request()

    def answer():
        yield from ["word "] * 3_000
        raise BrokenError

    for model in (None, "gpt-4o"):
        with pytest.raises(BrokenError):
            list(llmtrack.track_llm_call(tracker=recorder, model=model)(answer)())
    llmtrack.flush()

    told_late, told_at_once = recorder.records
    assert "gpt-4o" == told_late.request_model
    # How good the count is depends on whether a vocabulary is installed.
    assert told_at_once.usage.output_tokens > 2_000
    assert told_late.usage == told_at_once.usage


def test_a_model_that_is_set_by_hand_decides_how_is_counted():
    """
    `current_call().model` is the model of the answer's tokens too.
    """
    recorder = RecordingTracker()

    @llmtrack.track_llm_call(tracker=recorder)
    def answer():
        llmtrack.current_call().model = "gpt-4o"
        return "Forty-two"

    answer()
    llmtrack.flush()

    told = recorder.records[0].usage

    @llmtrack.track_llm_call(tracker=recorder, model="gpt-4o")
    def same():
        return "Forty-two"

    same()
    llmtrack.flush()
    assert recorder.records[1].usage == told


@pytest.mark.parametrize("usage", [None, {"completion_tokens": 123}])
def test_progress_after_an_answer_is_its_count(usage):
    """
    A handle that outlives its call tells the tokens that are on the record.
    """
    recorder = RecordingTracker()
    handles = []

    @llmtrack.track_llm_call(tracker=recorder)
    def answer():
        handles.append(llmtrack.current_call())
        message = {"role": "assistant", "content": "Forty-two is the answer. " * 40}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"object": "chat.completion", "choices": [choice], "usage": usage}

    answer()
    llmtrack.flush()

    counted = recorder.records[0].usage.output_tokens
    assert counted > 100
    assert counted == handles[0].progress().output_tokens


def test_a_tool_call_beside_a_whole_text_is_counted_with_it():
    """
    An answer with text and a tool call has the tokens of both.
    """
    recorder = RecordingTracker()
    text = "I will look that up for you. " * 20
    arguments = json.dumps({"city": "Berlin", "days": list(range(60))})

    def tokens_of(content, calls):
        message = {"role": "assistant", "content": content, "tool_calls": calls}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        found = {"object": "chat.completion", "id": "1", "choices": [choice]}
        llmtrack.track_llm_call(tracker=recorder)(lambda: found)()
        llmtrack.flush()
        return recorder.records[-1].usage.output_tokens

    calls = [{"type": "function", "function": {"name": "f", "arguments": arguments}}]

    only_text, only_calls = tokens_of(text, None), tokens_of(None, calls)

    assert only_text > 100 < only_calls
    assert abs(only_text + only_calls - tokens_of(text, calls)) < 5


def test_whoever_asks_meanwhile_takes_no_text_away():
    """
    Progress asked for before the first block is folded does not lose its tokens.
    """
    recorder = RecordingTracker()

    @llmtrack.track_llm_call(tracker=recorder)
    def answer():
        for _ in range(3_000):
            llmtrack.current_call().progress()
            yield "word "

    def unasked():
        yield from ["word "] * 3_000

    list(answer())
    list(llmtrack.track_llm_call(tracker=recorder)(unasked)())
    llmtrack.flush()

    asked, alone = recorder.records
    assert alone.usage.output_tokens == asked.usage.output_tokens
