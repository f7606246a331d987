"""What was lost for an hour when a call became cheaper, and what always had been."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from collections.abc import Mapping
from decimal import Decimal

import pytest
import wrapt

import llmtrack
from llmtrack import Outcome, TokenUsage, current_call, track_llm_call, tracked_stream


@pytest.mark.skipif(sys.platform != "linux", reason="copies the process by libc's fork")
def test_processes_that_were_copied_after_the_import_share_no_id():
    """
    A snapshot that is taken after the imports gives each copy ids of its own.
    """
    program = """
        import ctypes, os
        from llmtrack import track_llm_call
        from llmtrack.testing import RecordingTracker

        recorder = RecordingTracker()
        answer = track_llm_call(tracker=recorder)(lambda: "hello")
        # Not os.fork, of which Python tells llmtrack.
        fork = ctypes.PyDLL(None).fork
        for _ in range(2):
            child = fork()
            if not child:
                answer()
                print(recorder.history[0].call.call_id, flush=True)
                os._exit(0)
            os.waitpid(child, 0)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    ids = done.stdout.split()
    assert (2, 2) == (len(ids), len(set(ids)))


def test_progress_is_not_counted_again_for_each_who_asks(recorder):
    """
    A long answer that waits to be counted is counted once, however often one looks.
    """
    may_count = threading.Event()
    asked = []

    class Counter:
        def count(self, text, model):
            asked.append(len(text))
            may_count.wait(10)
            return len(text)

    llmtrack.configure(counter=Counter())
    try:
        with tracked_stream(recorder) as tracked:
            tracked("some words " * 10_000)
            for _ in range(5):
                assert tracked.progress().output_tokens > 0
            may_count.set()
        llmtrack.flush()
    finally:
        llmtrack.configure(counter=None)

    assert 110_000 == recorder.records[0].usage.output_tokens
    assert [110_000] == asked


class Groq:
    """Looks like a client of Groq's."""

    base_url = "https://api.groq.com/openai/v1"

    def chat(self):
        """Do what clients do."""


class OpenRouter(Groq):
    """Looks like a client of OpenRouter's."""

    base_url = "https://openrouter.ai/api/v1"


groq, openrouter = Groq(), OpenRouter()


def test_a_function_that_is_reloaded_is_looked_at_again(recorder):
    """
    Who serves a call is what the function's code of that moment names.
    """

    @track_llm_call(tracker=recorder)
    def ask():
        return groq and "answer"

    def edited():
        return openrouter and "answer"

    ask()
    # As IPython's autoreload does.
    ask.__code__ = edited.__code__
    ask()

    assert ["groq", "openrouter"] == [each.provider for each in recorder.records]


async def test_a_call_that_is_over_takes_no_more_chunks(recorder):
    """
    The first text may come after the block was left, and is not read any more.
    """
    goes_on = asyncio.Event()

    async def source():
        yield None
        await goes_on.wait()
        for _ in range(3_000):
            yield {"choices": [{"index": 0, "delta": {"content": "word "}}]}

    async def read(stream):
        return [chunk async for chunk in stream]

    async with tracked_stream(recorder) as tracked:
        reading = asyncio.create_task(read(tracked(source())))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    goes_on.set()
    chunks = await reading

    assert 3_001 == len(chunks)
    assert Outcome.ABANDONED == tracked.record.outcome
    assert tracked.progress().chunks < 5


def test_progress_after_a_call_without_a_count_is_an_estimate(recorder):
    """
    Where the record says no number, the running estimate is what there is.
    """
    handles = []

    @track_llm_call(tracker=recorder)
    def outer():
        handles.append(current_call())
        return track_llm_call(tracker=recorder)(lambda: "word " * 50)()

    @track_llm_call(tracker=recorder)
    def by_hand():
        handles.append(current_call())
        current_call().usage = TokenUsage(input_tokens=5)
        return "word " * 50

    outer()
    by_hand()

    assert all(handle.progress().output_tokens > 20 for handle in handles)


@pytest.mark.parametrize("before", [[], ["word "]])
def test_what_only_claims_to_be_a_string_is_counted(recorder, before):
    """
    A proxy of a string is passed on, and its text is counted.
    """
    chunks = [*before, *(wrapt.ObjectProxy("word ") for _ in range(100))]

    @track_llm_call(tracker=recorder)
    def stream():
        yield from chunks

    passed = list(stream())
    llmtrack.flush()

    assert all(map(lambda a, b: a is b, chunks, passed))
    record = recorder.records[0]
    assert Outcome.SUCCESS == record.outcome
    assert record.usage.output_tokens > 50


def test_a_whole_proxy_of_a_string_is_counted(recorder):
    """
    So is what a function returns.
    """
    track_llm_call(tracker=recorder)(lambda: wrapt.ObjectProxy("word " * 100))()
    llmtrack.flush()

    assert recorder.records[0].usage.output_tokens > 50


def test_a_finalizer_does_not_read_the_prompt(recorder):
    """
    What is to be counted is looked at by the delivery's thread, not where a stream
    happens to be dropped.
    """
    threads = []

    class Message(Mapping):
        def __getitem__(self, name):
            threads.append(threading.current_thread())
            return {"role": "user", "content": "hello"}[name]

        def __iter__(self):
            return iter(("role", "content"))

        def __len__(self):
            return 2

    @track_llm_call(tracker=recorder)
    def answer(messages):
        yield "a"
        yield "b"

    stream = answer([Message()])
    next(stream)
    threads.clear()
    del stream
    llmtrack.flush()

    assert threads
    assert threading.main_thread() not in threads
    assert Outcome.ABANDONED == recorder.records[0].outcome


@pytest.mark.parametrize(
    "odd", [Decimal(5), "many", 10**400, -3, 5.5, True], ids=lambda odd: str(odd)[:9]
)
def test_progress_survives_a_usage_that_makes_no_sense(recorder, odd):
    """
    What was set by hand may be no number; progress is one, and nothing is raised.
    """
    handles = []

    @track_llm_call(tracker=recorder)
    def answer():
        handles.append(current_call())
        current_call().usage = TokenUsage(output_tokens=odd)
        yield "word "

    list(answer())

    progress = handles[0].progress()
    assert int is type(progress.output_tokens)
    assert progress.output_tokens >= 0


def test_a_handle_does_not_hold_the_text_of_a_call_that_is_over(recorder):
    """
    A long answer is let go, also where its tokens were reported.
    """
    text = "word " * 1_000
    handles = []
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 1, "completion_tokens": 1_000}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    found = {"object": "chat.completion", "choices": [choice], "usage": usage}

    @track_llm_call(tracker=recorder)
    def answer():
        handles.append(current_call())
        return found

    before = sys.getrefcount(text)
    answer()
    llmtrack.flush()

    assert before == sys.getrefcount(text)


class Claims:
    """Claims to be a string by a way of its own."""

    def __getattribute__(self, name):
        return str if name == "__class__" else object.__getattribute__(self, name)

    def __str__(self):
        return "word "

    def __len__(self):
        return 5


def test_what_claims_to_be_a_string_by_any_means_is_counted(recorder):
    """
    Each object is asked what it is, and not only its class.
    """

    @track_llm_call(tracker=recorder)
    def stream():
        yield from [Claims() for _ in range(100)]

    list(stream())
    llmtrack.flush()

    assert "text" == recorder.records[0].dialect
    assert recorder.records[0].usage.output_tokens > 50


async def test_an_answer_that_is_awaited_twice_is_read_once(recorder):
    """
    A future may be awaited again, while its answer is still to be counted.
    """
    function = {"name": "look", "arguments": "{}"}
    calls = [{"id": "1", "type": "function", "function": function}]
    message = {"role": "assistant", "content": "word " * 5_000, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    pending = asyncio.get_running_loop().create_future()
    pending.set_result({"object": "chat.completion", "choices": [choice]})

    async with tracked_stream(recorder, capture_content=True) as tracked:
        answer = tracked(pending)
        await answer
        await answer
    llmtrack.flush()

    record = recorder.records[0]
    assert (("look",), 25_000) == (record.tool_calls, len(record.output_text))


def test_globals_that_refuse_to_be_read_do_no_harm(recorder):
    """
    A function may run with globals that raise when they are looked into.
    """

    class Refusing(dict):
        def get(self, name, default=None):
            raise RuntimeError(name)

    names = Refusing(recorder=recorder)
    exec("def answer():\n    return recorder and 'hello'", names)

    assert "hello" == track_llm_call(tracker=recorder)(names["answer"])()
    assert Outcome.SUCCESS == recorder.records[0].outcome
