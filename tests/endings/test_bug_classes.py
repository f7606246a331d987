"""
What goes wrong in streaming instrumentation, each once, by the name of the bug.

The numbers are those of the bug classes that were collected from the trackers of
comparable projects; docs/conformance.md shows the cells that the first tests run.
"""

import asyncio
import contextlib
import copy
import functools
import gc
import inspect
import json
import logging
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
import weakref
from contextvars import ContextVar
from types import SimpleNamespace

import pytest

from llmtrack import (
    CallEnded,
    CallStarted,
    ConfigurationError,
    statistics,
    track_llm_call,
    tracked_stream,
)
from llmtrack.nesting import open_calls
from llmtrack.testing import Clock, Script, assert_tracked, chat_chunks
from llmtrack.testing.conformance import ENDINGS, SHAPES, run

CHUNKS = chat_chunks("Hel", "lo", "!")
SIX_SHAPES = {
    "generator",
    "async generator",
    "function returning a stream",
    "function returning an async stream",
    "stream in tracked_stream",
    "async stream in tracked_stream",
}


@pytest.fixture
def stream(recorder):
    """Return what opens a tracked stream."""
    return track_llm_call(tracker=recorder)(Script(CHUNKS).stream)


def cells(*endings):
    """Run the six shapes through some endings of the table."""
    rows = [each for each in ENDINGS if each.name in endings]
    assert len(endings) == len(rows)
    return run(
        shapes=[each for each in SHAPES if each.name in SIX_SHAPES], endings=rows
    )


def outcomes(found):
    """Return the outcomes of cells that are there, and are right."""
    assert [] == [cell for cell in found if cell.wrong]
    return {cell.outcome for cell in found if not cell.absent}


def test_01_a_stream_that_is_left_early_stays_open_for_ever():
    """
    However a stream is left, its call ends, and nothing of it is kept.
    """
    before = set(open_calls)

    found = cells(
        "break", "islice, or two next()", "close() or aclose()", "del and gc",
        "leaves `with`",
    )  # fmt: skip

    assert {"abandoned"} == outcomes(found)
    assert set(open_calls) <= before


def test_02_a_stream_that_is_never_iterated_leaves_nothing(recorder, stream):
    """
    The request was made, so there is a record of it, without chunks.
    """
    stream()

    gc.collect()

    assert_tracked(recorder, outcome="abandoned", chunks=0)


def test_03_an_error_is_recorded_as_success():
    """
    What a stream raises is an error, whatever is cleaned up before.
    """
    found = cells("raises at chunk 0", "raises at chunk k")

    assert {"error"} == outcomes(found)


def test_04_a_cancellation_is_lost():
    """
    CancelledError is no Exception, and ends the call as cancelled.
    """
    found = cells("cancelled while waiting", "KeyboardInterrupt")

    assert {"cancelled"} == outcomes(found)


def test_05_an_exception_in_a_with_body_is_masked(recorder, stream):
    """
    The block's exception is the call's error, and not a GeneratorExit.
    """
    with pytest.raises(KeyError), stream() as chunks:
        for _ in chunks:
            raise KeyError("in the body")

    record = assert_tracked(recorder, outcome="error")
    assert "KeyError" == record.error.type


def test_06_a_break_is_recorded_as_an_error(recorder, stream):
    """
    The consumer may leave whenever it likes.
    """
    for _ in stream():
        break

    assert_tracked(recorder, outcome="abandoned", error=None)


def test_07_a_context_leaks_or_is_left_in_another_task(recorder, caplog):
    """
    A tracker's context is entered for a step, and never held across one.
    """
    otel = pytest.importorskip("opentelemetry.context")
    current = ContextVar("current", default="the caller's")

    class Activating:
        def track(self, event):
            recorder.track(event)

        @contextlib.contextmanager
        def activate(self, call):
            token = otel.attach(otel.set_value("span", call.call_id))
            variable = current.set("the call's")
            yield
            current.reset(variable)
            otel.detach(token)

    inside = []

    @track_llm_call(tracker=Activating())
    async def answer():
        for chunk in CHUNKS:
            inside.append(current.get())
            yield chunk

    seen = []

    async def main():
        async for _ in answer():
            seen.append((current.get(), otel.get_value("span")))
            break
        await asyncio.sleep(0)
        seen.append((current.get(), otel.get_value("span")))

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())

    assert ["the call's"] == inside
    assert [("the caller's", None)] * 2 == seen
    assert [] == [each for each in caplog.records if each.name != "asyncio"]
    assert_tracked(recorder, outcome="abandoned")


def test_08_a_task_for_each_chunk_breaks_timeouts():
    """
    Every step is taken in the consumer's own task.
    """
    found = cells(
        "exhausted", "timeout in the source", "timeout inside the block",
        "timeout outside", "anyio cancel scope",
    )  # fmt: skip

    assert {"success", "error", "cancelled"} == outcomes(found)


class Hostile:
    """A chunk whose attributes raise."""

    @property
    def choices(self):
        raise RuntimeError("no choices")

    @property
    def usage(self):
        raise RuntimeError("no usage")


HOSTILE = [
    None,
    Hostile(),
    SimpleNamespace(choices=None),
    SimpleNamespace(choices=[]),
    SimpleNamespace(choices=[None]),
    SimpleNamespace(choices=[SimpleNamespace(index=-1, delta=None)]),
    SimpleNamespace(choices=[SimpleNamespace(index=10**9, delta=Hostile())]),
    {"choices": 5, "usage": "many", "error": object()},
    object(),
    b"\xff\xfe",
    float("nan"),
    type,
    *CHUNKS,
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("first", range(len(HOSTILE)))
def test_09_an_exception_of_the_instrumentation_kills_the_stream(first):
    """
    Whatever chunks look like and trackers do, the program gets its chunks.
    """

    class Raising:
        def track(self, event):
            raise ValueError("track")

        def activate(self, call):
            raise ValueError("activate")

        def flush(self, timeout):
            raise ValueError("flush")

    chunks = HOSTILE[first:] + HOSTILE[:first]
    answer = track_llm_call(tracker=Raising())(Script(chunks).stream)

    seen = list(answer())

    assert len(chunks) == len(seen)
    assert all(mine is theirs for mine, theirs in zip(chunks, seen, strict=True))


def test_10_a_chunk_without_choices_raises_or_is_asked_for(recorder):
    """
    The usage chunk has no choices; nobody gets one who did not ask for it.
    """
    asked = []

    @track_llm_call(tracker=recorder)
    def create(**request):
        asked.append(request)
        return Script(chat_chunks("Hi", usage=(3, 1))).stream()

    chunks = list(create(model="gpt-4o-mini", stream=True))

    assert [{"model": "gpt-4o-mini", "stream": True}] == asked
    assert 3 == len(chunks)
    assert 1 == recorder.record.usage.output_tokens


def test_11_a_chunk_is_held_back_until_the_next_one_comes(recorder):
    """
    Before the source is asked for a chunk, the consumer has all the others.
    """
    seen = []
    had = []
    script = Script(CHUNKS, on_step=lambda number: had.append(len(seen)))

    with tracked_stream(recorder) as tracked:
        for chunk in tracked(script.stream()):
            seen.append(chunk)

    assert list(range(len(CHUNKS) + 1)) == had


def test_12_the_wrapper_hides_what_the_stream_has(stream):
    """
    Class, attributes and protocols are the stream's own: no more and no less.
    """
    bare = Script(CHUNKS).stream()

    with stream() as chunks:
        assert isinstance(chunks, type(bare))
        assert not chunks.response.is_closed
        protocols = (
            "__enter__", "__aenter__", "__iter__", "__next__", "__aiter__",
            "__anext__", "close", "aclose", "send", "throw",
        )  # fmt: skip
        for name in protocols:
            assert hasattr(bare, name) == hasattr(chunks, name), name


def test_12_entering_the_wrapper_gives_the_raw_stream(stream):
    """
    `with stream as entered` gives the stand-in, which is followed.
    """
    chunks = stream()

    with chunks as entered:
        assert entered is chunks


class LegacyAPIResponse:
    """What `with_raw_response` gives, in short."""

    def __init__(self, stream):
        self.headers = {"x-request-id": "42"}
        self.http_response = SimpleNamespace(is_stream_consumed=False)
        self._stream = stream

    def parse(self):
        return self._stream


def test_13_a_raw_response_goes_untracked(recorder):
    """
    What is parsed from a raw response is followed, and its headers are there.
    """

    @track_llm_call(tracker=recorder)
    def create():
        return LegacyAPIResponse(Script(CHUNKS).stream())

    response = create()
    headers = response.headers
    list(response.parse())

    assert {"x-request-id": "42"} == headers
    assert_tracked(recorder, outcome="success", chunks=4)


def test_13_a_raw_response_that_is_never_parsed_has_no_ending(recorder):
    """
    The call was made, and nobody read the answer.
    """
    answer = track_llm_call(tracker=recorder)(
        lambda: LegacyAPIResponse(Script(CHUNKS).stream())
    )

    answer()
    gc.collect()

    assert_tracked(recorder, outcome="abandoned")


def delegating(chunks):
    """Yield all chunks of another iterator."""
    yield from chunks


def by_next(chunks):
    """Step by `next`."""
    seen = []
    with contextlib.suppress(StopIteration):
        while True:
            seen.append(next(chunks))
    return seen


@pytest.mark.parametrize(
    "drive",
    [
        by_next,
        list,
        lambda chunks: list(delegating(chunks)),
        lambda chunks: [chunk for _, chunk in enumerate(chunks)],
        lambda chunks: list(map(id, chunks)),
        lambda chunks: [next(chunks), *chunks],
    ],
)
def test_14_next_and_for_are_not_counted_alike(recorder, stream, drive):
    """
    However a stream is driven, it is the same stream.
    """
    seen = drive(stream())

    assert len(CHUNKS) == len(seen)
    assert_tracked(recorder, outcome="success", chunks=4)


async def test_14_anext_and_async_for_are_not_counted_alike(recorder):
    """
    However an async stream is driven, it is the same stream.
    """
    stream = track_llm_call(tracker=recorder)(Script(CHUNKS).async_stream)()

    seen = [await anext(stream)]
    seen += [chunk async for chunk in stream]

    assert len(CHUNKS) == len(seen)
    assert_tracked(recorder, outcome="success", chunks=4)


class AsyncWords:
    """An async iterator without any way to close it."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        return "word"


class WithClose(AsyncWords):
    async def close(self):
        return "closed"


class WithAclose(AsyncWords):
    async def aclose(self):
        return "closed"


class WithSyncClose(AsyncWords):
    def close(self):
        return "closed"


@pytest.mark.parametrize(
    ("cls", "has"),
    [
        (AsyncWords, set()),
        (WithClose, {"close"}),
        (WithAclose, {"aclose"}),
        (WithSyncClose, {"close"}),
    ],
)
async def test_15_close_and_aclose_are_mixed_up(recorder, cls, has):
    """
    A stream has the way to close it that it had, sync or async, and no other.
    """
    stream = track_llm_call(tracker=recorder)(cls)()
    await anext(stream)

    found = {name for name in ("close", "aclose") if hasattr(stream, name)}
    for name in found:
        answer = getattr(stream, name)()
        assert "closed" == (await answer if inspect.isawaitable(answer) else answer)
    del stream

    assert has == found
    assert_tracked(recorder, outcome="abandoned", chunks=1)


def conversation():
    """Answer what is sent, survive what is thrown, and return a value."""
    got = yield "ready"
    while got is not None:
        try:
            got = yield got
        except LookupError as exc:
            got = yield f"caught {exc}"
    return "done"


def test_16_what_is_sent_thrown_and_returned_gets_lost(recorder):
    """
    A decorated generator is a generator in all that one can do with it.
    """
    stream = track_llm_call(tracker=recorder)(conversation)()

    answers = [next(stream), stream.send("one"), stream.throw(LookupError("two"))]
    with pytest.raises(StopIteration) as stopped:
        stream.send(None)

    assert ["ready", "one", "caught two"] == answers
    assert "done" == stopped.value.value
    assert_tracked(recorder, outcome="success")


def test_16_a_decorated_generator_can_be_a_context_manager(recorder):
    """
    `contextmanager` throws into the generator, and looks at what comes out.
    """

    @contextlib.contextmanager
    @track_llm_call(tracker=recorder)
    def session():
        with contextlib.suppress(ZeroDivisionError):
            yield "open"

    with session() as opened:
        1 / 0

    assert "open" == opened
    assert_tracked(recorder, outcome="success")


class Kinds:
    """Functions of all kinds."""

    def plain(self):
        return None

    async def coroutine(self):
        return None

    def generator(self):
        yield

    async def async_generator(self):
        yield

    @staticmethod
    def static():
        yield

    @classmethod
    async def of_class(cls):
        return None


KINDS = [
    Kinds.plain, Kinds.coroutine, Kinds.generator, Kinds.async_generator,
    Kinds().generator, Kinds().coroutine, Kinds.static, Kinds.of_class,
    functools.partial(Kinds.generator, None), functools.partial(Kinds.coroutine, None),
]  # fmt: skip


@pytest.mark.parametrize("function", KINDS)
@pytest.mark.parametrize(
    "ask",
    [
        inspect.isfunction, inspect.ismethod, inspect.isgeneratorfunction,
        inspect.isasyncgenfunction, inspect.iscoroutinefunction, inspect.isclass,
        callable, inspect.signature, lambda each: getattr(each, "__name__", None),
        lambda each: getattr(each, "__doc__", None),
    ],
)  # fmt: skip
def test_17_what_kind_of_function_it_is_gets_lost(recorder, function, ask):
    """
    Frameworks look at a function to know how to call it.
    """
    tracked = track_llm_call(tracker=recorder)(function)

    assert ask(function) == ask(tracked)


def test_18_the_record_ends_when_the_function_returns_the_stream(recorder):
    """
    The duration is that of the stream, until it has been read.
    """
    clock = Clock()
    script = Script(CHUNKS, wait=0.5, clock=clock)

    with clock:
        list(track_llm_call(tracker=recorder)(script.stream)())

    assert_tracked(recorder, duration=2.5, chunks=4)


def chat(**delta):
    """Return a chat chunk with such a delta."""
    field = {"role": None, "content": None, "tool_calls": None, **delta}
    choice = SimpleNamespace(
        index=0, delta=SimpleNamespace(**field), finish_reason=None
    )
    return SimpleNamespace(object="chat.completion.chunk", choices=[choice], usage=None)


CALL = SimpleNamespace(
    index=0, id="1", function=SimpleNamespace(name="look_up", arguments="")
)
FINISH = chat_chunks()[-1]


@pytest.mark.parametrize(
    ("chunks", "after"),
    [
        ([chat(role="assistant", content=""), chat(content="Hi"), FINISH], 2.0),
        ([chat(role="assistant"), chat(reasoning_content="Hm"), FINISH], 2.0),
        ([chat(tool_calls=[CALL]), FINISH], 1.0),
        ([chat(refusal="No."), FINISH], 1.0),
        ([chat(role="assistant", content=""), FINISH], None),
        (
            [
                {"type": "ping"},
                {
                    "type": "content_block_delta",
                    "delta": {"type": "text_delta", "text": "Hi"},
                },
                {"type": "message_stop"},
            ],
            2.0,
        ),
    ],
    ids=["role first", "reasoning", "tool call", "refusal", "none", "ping first"],
)
def test_19_the_first_frame_is_taken_for_the_first_token(recorder, chunks, after):
    """
    A token is text, reasoning or part of a tool call; no token is None, not 0.
    """
    clock = Clock()

    with clock, tracked_stream(recorder) as tracked:
        list(tracked(Script(chunks, wait=1.0, clock=clock).stream()))

    assert after == recorder.record.time_to_first_token
    assert 1.0 == recorder.record.time_to_first_chunk


def test_20_a_wall_clock_that_jumps_makes_durations_negative(
    recorder, stream, monkeypatch
):
    """
    Durations are of a monotonic clock.
    """
    answer = stream()
    monkeypatch.setattr(time, "time", lambda: 0.0)

    list(answer)

    assert 0.0 <= recorder.record.duration < 60.0


def test_21_an_abort_has_no_tokens_and_costs_nothing(recorder):
    """
    What arrived is counted, marked as a lower bound, and never 0.
    """
    answer = track_llm_call(tracker=recorder)(
        Script(chat_chunks("Hello there, ", "my friend", usage=(9, 4))).stream
    )

    for _ in answer():
        break

    usage = recorder.record.usage
    assert usage.output_tokens > 0
    assert usage.is_estimated
    assert usage.is_lower_bound
    assert usage.input_tokens is None


def anthropic(type, **fields):
    """Return an event of Anthropic's stream."""
    return {"type": type, **fields}


def test_22_cumulative_usage_is_added_up(recorder):
    """
    The last value of each field holds; cache reads are part of the input, once.
    """
    start = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 1}
    usage = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 7}
    events = [
        anthropic("message_start", message={"id": "m", "model": "c", "usage": start}),
        anthropic("content_block_delta", delta={"type": "text_delta", "text": "Hi"}),
        anthropic("message_delta", delta={"stop_reason": "end_turn"}, usage=usage),
        anthropic("message_stop"),
    ]

    with tracked_stream(recorder) as tracked:
        list(tracked(Script(events).stream()))

    found = recorder.record.usage
    assert (100, 7, 90) == (
        found.input_tokens,
        found.output_tokens,
        found.cache_read_tokens,
    )


def test_23_nested_instrumentation_doubles_the_tokens(recorder):
    """
    Tokens belong to the innermost call; the others say that they are nested.
    """
    create = track_llm_call(tracker=recorder)(
        Script(chat_chunks("Hi", usage=(3, 1))).stream
    )

    @track_llm_call(tracker=recorder)
    def answer():
        for chunk in create():
            yield chunk.choices

    list(answer())

    inner, outer = recorder.records
    assert 1 == inner.usage.output_tokens
    assert outer.usage.output_tokens is None
    assert "nested" == outer.cost_status
    assert outer.call_id == inner.parent_id


def test_23_decorating_twice_doubles_the_tokens(recorder):
    """
    A stream that is tracked already is followed once.
    """
    script = Script(chat_chunks("Hi", usage=(3, 1)))
    once = track_llm_call(tracker=recorder)(script.stream)
    twice = track_llm_call(tracker=recorder)(once)

    with tracked_stream(recorder) as tracked:
        list(tracked(twice()))

    counted = [record.usage.output_tokens for record in recorder.records]
    assert [1] == [count for count in counted if count is not None]


def test_24_a_vocabulary_is_downloaded(recorder, monkeypatch):
    """
    Tokens are counted without any network.
    """
    tried = []

    def connect(self, address):
        tried.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: tried.append(0))

    with tracked_stream(recorder, model="gpt-4o") as tracked:
        list(tracked(Script(chat_chunks("Some text to be counted. " * 50)).stream()))

    assert recorder.record.usage.output_tokens > 100
    assert [] == tried


def test_25_an_error_ends_a_call_twice():
    """
    After an error, neither close nor drop is another ending.
    """
    found = cells("error, then close, then drop")

    assert {"error"} == outcomes(found)


def test_25_two_threads_end_a_call_twice(recorder):
    """
    When many threads close a stream at once, one of them is the first.
    """
    for _ in range(50):
        stream = track_llm_call(tracker=recorder)(AlwaysOpen)()
        next(stream)
        gate = threading.Barrier(4)

        def close(stream=stream, gate=gate):
            gate.wait()
            stream.close()

        threads = [threading.Thread(target=close) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert 50 == len(recorder.of(CallEnded)) == len(recorder.of(CallStarted))


class AlwaysOpen:
    """A stream that can be closed by anybody, at any time."""

    def __iter__(self):
        return self

    def __next__(self):
        return "word"

    def close(self):
        """Say that there is nothing more to do."""


def test_26_closing_the_wrapper_leaves_the_connection_open(stream):
    """
    close(), leaving `with`, and dropping what was read give the connection back.
    """
    closed, left, dropped = stream(), stream(), stream()
    responses = [each.response for each in (closed, left, dropped)]

    closed.close()
    with left:
        next(left)
    next(dropped)
    del dropped

    assert [True, True, True] == [each.is_closed for each in responses]


@pytest.mark.parametrize("shape", ["generator", "stream"])
def test_27_chunks_are_kept(recorder, shape):
    """
    A stream of any length takes the same memory; no chunk outlives its step.
    """
    alive = weakref.WeakSet()

    class Chunk(SimpleNamespace):
        __hash__ = object.__hash__

    def source(count):
        for _ in range(count):
            chunk = Chunk(**vars(chat_chunks("Some words", finish_reason=None)[0]))
            alive.add(chunk)
            yield chunk

    def consume(count):
        chunks = source(count)
        stream = chunks if shape == "generator" else Iterating(chunks)
        most = 0
        tracemalloc.start()
        with tracked_stream(recorder) as tracked:
            for _ in tracked(stream):
                most = max(most, len(alive))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most, peak

    consume(500)
    _, short = consume(8_000)
    most, long = consume(16_000)

    assert most <= 3
    assert long - short < 50_000


class Iterating:
    """A client's stream around a generator."""

    def __init__(self, chunks):
        self._chunks = chunks

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._chunks)


def test_28_a_stream_that_is_open_at_the_exit_is_lost(tmp_path):
    """
    A process that ends with an open stream has a record of it.
    """
    path = tmp_path / "calls.jsonl"
    script = f"""
from llmtrack import track_llm_call
from llmtrack.testing import Script
from llmtrack.trackers import JSONLinesTracker
stream = track_llm_call(tracker=JSONLinesTracker({str(path)!r}))(Script("abc").stream)()
next(stream)
"""

    subprocess.run([sys.executable, "-c", script], check=True)

    [line] = path.read_text().splitlines()
    assert "abandoned" == json.loads(line)["outcome"]


def test_29_a_finalizer_deadlocks(recorder):
    """
    A tracker may collect garbage, and what is collected may be streams.
    """

    class Collecting:
        def track(self, event):
            gc.collect()
            recorder.track(event)

    answer = track_llm_call(tracker=Collecting())(Script(CHUNKS).stream)

    for _ in range(3):
        cycle = [answer()]
        next(cycle[0])
        cycle.append(cycle)
        del cycle
    list(answer())

    assert 4 == len(recorder.records)


def test_30_a_callback_with_the_wrong_signature_drops_everything():
    """
    What cannot be a tracker is refused at once, and not found out at night.
    """

    class Wrong:
        def track(self, event, answer, model):
            """Take more than anybody gives."""

    with pytest.raises(ConfigurationError, match="track"):
        track_llm_call(tracker=Wrong())(len)


def test_30_a_failing_tracker_is_not_noticed():
    """
    Events that a tracker failed on are counted.
    """

    class Failing:
        name = "failing in test 30"

        def track(self, event):
            raise OSError("disk full")

    track_llm_call(tracker=Failing())(lambda: "text")()

    assert 3 == statistics()[Failing.name]["failed"]


def test_31_a_copy_raises_or_the_original_is_written_on(stream):
    """
    copy.copy does what it does with the stream, which has no new attributes.
    """
    bare = Script(CHUNKS).stream()
    chunks = stream()
    next(chunks)

    copied = copy.copy(chunks)

    assert type(bare) is type(copied)
    assert vars(bare).keys() == vars(chunks.__wrapped__).keys()


def test_32_a_client_is_imported_by_name():
    """
    Streams are recognised by what they look like; no client is imported for it.
    """
    script = """
import sys
from llmtrack import track_llm_call
from llmtrack.testing import RecordingTracker, Script, chat_chunks
recorder = RecordingTracker()
list(track_llm_call(tracker=recorder)(Script(chat_chunks("Hi")).stream)())
assert recorder.record.dialect == "openai.chat"
clients = {"openai", "anthropic", "httpx", "httpx2", "requests", "google", "boto3"}
print(*clients & set(sys.modules))
"""

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "" == done.stdout.strip()
