"""What was lost for a day, each time for a microsecond."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

import llmtrack
from llmtrack import Outcome, track_llm_call
from llmtrack.dialects import plain_text


@pytest.fixture
def told(recorder):
    """Return what gives the record of a stream that is read to its end."""

    def read(chunks, **options):
        @track_llm_call(tracker=recorder, **options)
        def stream():
            yield from chunks

        assert chunks == list(stream())
        llmtrack.flush()
        return recorder.records[-1]

    return read


@pytest.mark.parametrize(
    "odd",
    [None, 5, 1.5, True, ("m", "x"), {"error": "x"}, object()],
    ids=lambda odd: type(odd).__name__,
)
@pytest.mark.parametrize("capture", [True, False])
def test_a_stream_of_strings_may_have_anything_in_it(told, odd, capture):
    """
    What is no text is passed on, and the record has the text around it.
    """
    record = told(["a", odd, "b"], capture_content=capture)

    assert (3, Outcome.SUCCESS) == (record.chunks, record.outcome)
    assert record.output_text == ("ab" if capture else None)


def test_a_key_that_is_no_string_costs_no_record(told):
    """
    An event of Bedrock's with a number for a name is an error of the provider's.
    """
    record = told([{"messageStart": {"role": "a"}}, {1: 2}])

    assert (Outcome.ERROR, "1") == (record.outcome, record.error.type)


def test_an_error_that_makes_no_sense_costs_no_record(told, monkeypatch):
    """
    A dialect that gives an error of the wrong types leaves a record of an error.
    """

    def read(value):
        return plain_text.Reading(error=llmtrack.ErrorInfo(type=1, message=2))

    monkeypatch.setattr(plain_text, "read", read)

    record = told(["a"])

    assert Outcome.ERROR == record.outcome


def test_a_client_made_by_the_generator_is_found(recorder):
    """
    Who serves a stream of str may be known only once its generator has begun.
    """

    @track_llm_call(tracker=recorder)
    def stream():
        global client
        client = Client()
        yield "a"

    list(stream())

    assert "groq" == recorder.records[0].provider


class Client:
    """Looks like a client of Groq's."""

    base_url = "https://api.groq.com/openai/v1"

    def chat(self):
        """Do what clients do."""


client = None

_OLLAMA = {"model": "m", "created_at": "2026-11-21T00:00:00Z", "done": False}
_DONE = {**_OLLAMA, "done": True, "done_reason": "stop"}


def test_a_tool_call_beside_text_is_seen_in_json(told):
    """
    A parsed chunk of Ollama's that has both is read in full.
    """
    call = {"function": {"name": "look", "arguments": {}}}
    said = ({"content": "Well"}, {"content": " then", "tool_calls": [call]})
    chunks = [
        {**_OLLAMA, "message": {"role": "assistant", **each}}
        for each in (*said, {"content": "."}, {"content": "!"})
    ]

    record = told([*chunks, {**_DONE, "message": {"role": "assistant", "content": ""}}])

    assert ("look",) == record.tool_calls


@pytest.mark.parametrize(
    ("message", "more"),
    [
        (lambda text: {"message": {"role": "assistant", "content": text}}, "message"),
        (lambda text: {"response": text}, None),
    ],
    ids=["chat", "generate"],
)
def test_a_thought_beside_text_is_counted_in_json(told, message, more):
    """
    Thinking is output, also where its chunk has text.
    """
    chunks = [{**_OLLAMA, **message(text)} for text in ("One", " two", " three")]
    plain = told([*chunks, {**_DONE, **message("")}]).usage.output_tokens
    holder = chunks[1][more] if more else chunks[1]
    holder["thinking"] = "a very long thought about numbers"

    thoughtful = told([*chunks, {**_DONE, **message("")}]).usage.output_tokens

    assert thoughtful >= plain + 4


def test_the_reason_beside_text_is_seen_in_json(told):
    """
    A completion's or Gemini's chunk that has both may be followed by others.
    """
    completion = {"id": "c", "object": "text_completion", "model": "m"}
    completions = [
        {**completion, "choices": [{"index": 0, "text": "a", "finish_reason": None}]},
        {**completion, "choices": [{"index": 0, "text": "b", "finish_reason": None}]},
        {**completion, "choices": [{"index": 0, "text": "c", "finish_reason": "stop"}]},
        {**completion, "choices": [{"index": 0, "text": "d", "finish_reason": None}]},
    ]
    gemini = [
        {"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}}]}
        for text in "abcd"
    ]
    gemini[2]["candidates"][0]["finishReason"] = "STOP"

    assert "stop" == told(completions).finish_reason
    assert "STOP" == told(gemini).finish_reason


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_waits_for_a_name_that_is_being_imported(tmp_path):
    """
    A child can use llmtrack that was forked while a thread first used a name.
    """
    program = """
        import os, signal, sys, threading
        import llmtrack

        begun, forking = threading.Event(), threading.Event()

        class Slow:
            def find_spec(self, name, path=None, target=None):
                if name == "llmtrack.followers":
                    begun.set()
                    forking.wait(5)

        sys.meta_path.insert(0, Slow())
        os.register_at_fork(before=forking.set)
        threading.Thread(target=lambda: llmtrack.track_llm_call).start()
        begun.wait(5)
        child = os.fork()
        if not child:
            signal.alarm(10)
            llmtrack.track_llm_call
            os._exit(0)
        print(os.waitpid(child, 0)[1])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )

    # From Python 3.12 on it warns of a fork beside threads.
    assert "0\n" == done.stdout, done.stderr
