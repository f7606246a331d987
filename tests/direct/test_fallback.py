"""When a stream is not to be had, and what else can go wrong."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from llmtrack import (
    ConfigurationError,
    Outcome,
    acall_llm,
    call_llm,
    configure,
    track_llm_call,
)
from llmtrack.testing import RecordingTracker, chat_chunks

CHUNKS = chat_chunks("Hel", "lo")
WHOLE = {
    "choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


class RefusedError(Exception):
    """An answer with a status, as clients raise it."""

    def __init__(self, message, status_code):
        super().__init__(message)
        self.status_code = status_code


class Client:
    """A client that answers its streaming calls as it is told."""

    def __init__(self, *answers, lazily=False):
        self.answers = list(answers)
        self.given = []
        self.lazily = lazily
        self.chat = SimpleNamespace(completions=self)

    def create(self, *, model, messages, stream=False, stream_options=None):
        self.given.append((stream, stream_options))
        answer = self.answers.pop(0) if stream else WHOLE
        if isinstance(answer, BaseException):
            return self.later(answer) if self.lazily else self.now(answer)
        return answer

    def now(self, exc):
        raise exc

    def later(self, exc):
        raise exc
        yield


def ask(client, recorder, **options):
    return call_llm(client, model="m", messages="Hi", tracker=recorder, **options)


def ask_async(client, recorder, **options):
    asking = acall_llm(client, model="m", messages="Hi", tracker=recorder, **options)
    return asyncio.run(asking)


each_way = pytest.mark.parametrize("ask", [ask, ask_async])
each_moment = pytest.mark.parametrize("lazily", [False, True])

OBJECTIONS = [
    TypeError("create() got an unexpected keyword argument 'stream'"),
    NotImplementedError("no streaming here"),
    AttributeError("'Model' object has no attribute 'stream'"),
    RefusedError("'stream' does not support true with this model", 400),
    RefusedError("streaming is not available", 422),
]


@each_way
@each_moment
@pytest.mark.parametrize("objection", OBJECTIONS, ids=lambda e: type(e).__name__)
def test_a_client_that_cannot_stream_is_asked_plainly(ask, lazily, objection, recorder):
    """
    One call, whose record says that it was plain, and why.
    """
    client = Client(objection, lazily=lazily)

    record = ask(client, recorder)

    assert (Outcome.SUCCESS, False) == (record.outcome, record.stream)
    assert "Hello" == record.output_text
    assert str(objection) in record.metadata["llmtrack.fallback"]
    assert [True, False] == [stream for stream, _ in client.given]
    assert recorder.record.metadata == record.metadata


@each_way
def test_a_client_with_no_way_to_stream_is_asked_once(ask, recorder):
    """
    Where the signature tells, nothing is tried.
    """
    client = SimpleNamespace(create=lambda model, messages: WHOLE)

    record = ask(client, recorder)

    assert not record.stream
    assert "the client has no way to stream" == record.metadata["llmtrack.fallback"]


@each_way
def test_a_client_that_does_not_heed_stream_is_told_of(ask, recorder):
    """
    An answer in one piece is taken, and the record says so.
    """
    client = Client(WHOLE)

    record = ask(client, recorder)

    assert ("Hello", False) == (record.output_text, record.stream)
    assert "one piece" in record.metadata["llmtrack.fallback"]
    assert 1 == len(client.given)


@each_way
@each_moment
def test_a_stream_without_usage_is_better_than_no_stream(ask, lazily, recorder):
    """
    Who does not know `stream_options` is asked to stream without.
    """
    refusal = RefusedError("Unrecognized request argument: stream_options", 400)
    client = Client(refusal, iter(CHUNKS), lazily=lazily)

    record = ask(client, recorder)

    assert (True, "Hello") == (record.stream, record.output_text)
    assert {} == record.metadata
    assert [(True, {"include_usage": True}), (True, None)] == client.given


@each_way
@each_moment
@pytest.mark.parametrize(
    "error",
    [
        RefusedError("Rate limit reached for streaming requests", 429),
        RefusedError("the upstream server is overloaded", 503),
        RefusedError("stream: not allowed for this key", 403),
        RefusedError("maximum context length is 8192 tokens", 400),
        RefusedError("bad bitstream", 400),
        TypeError("unsupported operand"),
        ValueError("stream"),
        TimeoutError("stream timed out"),
    ],
    ids=str,
)
def test_any_other_error_is_not_tried_again(ask, lazily, error, recorder):
    """
    A rate limit that is asked again makes it worse.
    """
    client = Client(error, lazily=lazily)

    record = ask(client, recorder)

    assert Outcome.ERROR is record.outcome
    assert str(error) == record.error.message
    assert {} == record.metadata
    assert 1 == len(client.given)


@each_way
def test_a_broken_stream_is_not_tried_again(ask, recorder):
    """
    Once a chunk is there, an error is the call's.
    """

    def breaking():
        yield CHUNKS[0]
        raise NotImplementedError("stream")

    client = Client(breaking())

    record = ask(client, recorder)

    assert (Outcome.ERROR, True) == (record.outcome, record.stream)
    assert "Hel" == record.output_text
    assert 1 == len(client.given)


@each_way
def test_stream_true_streams_or_fails(ask, recorder):
    """
    Who insists on a stream gets no plain call in its place.
    """
    client = Client(NotImplementedError("stream"))

    record = ask(client, recorder, stream=True)

    assert (Outcome.ERROR, {}) == (record.outcome, record.metadata)
    assert 1 == len(client.given)


@each_way
def test_stream_false_is_no_fallback(ask, recorder):
    """
    A plain call that was asked for needs no reason.
    """
    record = ask(Client(), recorder, stream=False)

    assert (False, {}) == (record.stream, record.metadata)


@each_way
def test_a_failing_fallback_is_one_error(ask, recorder):
    """
    The plain call's error is the call's.
    """

    def create(*, model, messages, stream=False):
        if stream:
            raise NotImplementedError("stream")
        raise RefusedError("Rate limit reached", 429)

    record = ask(SimpleNamespace(create=create), recorder)

    assert ("error", "rate_limit") == (record.outcome, record.error.kind)
    assert "NotImplementedError" in record.metadata["llmtrack.fallback"]
    assert record.call_id == recorder.record.call_id


@each_way
@pytest.mark.parametrize("passing", [KeyboardInterrupt, SystemExit])
def test_what_must_pass_passes(ask, passing, recorder):
    """
    Ctrl-C is raised, and the call is over.
    """
    client = Client(passing())

    with pytest.raises(passing):
        ask(client, recorder)

    assert Outcome.CANCELLED is recorder.record.outcome


@each_way
def test_the_record_is_there_when_llmtrack_is_disabled(ask, recorder, monkeypatch):
    """
    The caller wants an answer; no tracker is told.
    """
    monkeypatch.setenv("LLMTRACK_DISABLED", "1")

    record = ask(Client(iter(CHUNKS)), recorder)

    assert (Outcome.SUCCESS, "Hello") == (record.outcome, record.output_text)
    assert [] == recorder.history


@each_way
def test_the_content_is_captured_where_that_is_configured(ask, recorder):
    """
    With `capture_content` trackers get it too.
    """
    configure(capture_content=True)
    try:
        ask(Client(iter(CHUNKS)), recorder)
    finally:
        configure(capture_content=None)

    assert ("Hi", "Hello") == (
        recorder.record.input_text.rpartition("\n")[2].rpartition(": ")[2],
        recorder.record.output_text,
    )


@each_way
def test_a_broken_tracker_takes_nothing_from_the_record(ask):
    """
    What a tracker raises is contained.
    """

    class Broken:
        def track(self, event):
            raise RuntimeError("no disk")

    record = ask(Client(iter(CHUNKS)), Broken())

    assert (Outcome.SUCCESS, "Hello") == (record.outcome, record.output_text)


@each_way
def test_the_answer_of_a_very_long_stream_is_counted(ask, recorder):
    """
    Tokens that are counted on another thread are waited for.
    """
    chunks = chat_chunks(*(f"word{n} " for n in range(20_000)))

    record = ask(Client(iter(chunks)), recorder)

    assert record.usage.output_tokens > 20_000


def test_a_call_inside_of_a_tracked_function_is_part_of_it(recorder):
    """
    The inner call has the tokens, the outer one the parentage.
    """

    @track_llm_call(tracker=recorder)
    def outer():
        return call_llm(
            Client(iter(CHUNKS)), model="m", messages="Hi", tracker=recorder
        ).output_text

    assert "Hello" == outer()

    inner, around = recorder.records
    assert inner.parent_id == around.call_id
    assert "nested" == around.cost_status


async def test_a_cancelled_thread_reads_no_further():
    """
    A sync client in acall_llm: its stream is left at the next chunk.
    """
    recorder = RecordingTracker()
    read = []
    loop = asyncio.get_running_loop()

    def chunks():
        for chunk in CHUNKS * 1000:
            read.append(chunk)
            if len(read) == 2:
                loop.call_soon_threadsafe(task.cancel)
            if len(read) > 1:
                ended.wait(10)
            yield chunk

    ended = threading.Event()
    client = Client(chunks())
    asking = acall_llm(client, model="m", messages="Hi", tracker=recorder)
    task = asyncio.ensure_future(asking)

    with pytest.raises(asyncio.CancelledError):
        await task
    ended.set()

    assert Outcome.CANCELLED is recorder.record.outcome
    assert 2 == len(read)


def test_not_a_tracker_is_said_at_once():
    """
    As everywhere, before anything is asked.
    """
    client = Client(iter(CHUNKS))

    with pytest.raises(ConfigurationError, match="tracker"):
        call_llm(client, model="m", messages="Hi", tracker=object())

    assert [] == client.given
