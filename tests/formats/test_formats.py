"""A stream in other shapes, sync and async, tracked and bare."""

import asyncio
import gc
import json
from types import SimpleNamespace

import pytest

from llmtrack import ConfigurationError, Delta, Outcome, track_llm_call, tracked_stream
from llmtrack.formats import as_deltas, as_json_lines, as_sse, as_text
from llmtrack.testing import Script, chat_chunks

CHUNKS = chat_chunks("Hel", "lo")
SHAPES = {
    "generator": Script.generator,
    "stream": Script.stream,
    "manager": Script.manager,
    "async generator": Script.async_generator,
    "async stream": Script.async_stream,
    "async manager": Script.async_manager,
}
each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
each_tracking = pytest.mark.parametrize(
    "is_tracked", [True, False], ids=["tracked", "bare"]
)


@pytest.fixture
def open_stream(recorder):
    """Return a function that gives a stream of a shape, tracked or not."""

    def opened(shape, script, is_tracked=True):
        if not is_tracked:
            return shape(script)
        return track_llm_call(tracker=recorder)(lambda: shape(script))()

    return opened


def events_of(pieces):
    """Return the data of server-sent events."""
    parts = [piece.partition("\ndata: ") for piece in pieces]
    events = [json.loads(data) for _, _, data in parts]
    assert [f"event: {event['event']}" for event in events] == [p[0] for p in parts]
    assert all(piece.endswith("}\n\n") for piece in pieces)
    return events


@each_shape
@each_tracking
def test_text_is_the_text_of_the_answer(shape, is_tracked, open_stream, read):
    """
    Chunk by chunk, without what is no text.
    """
    stream = open_stream(shape, Script(CHUNKS), is_tracked)

    assert ["Hel", "lo"] == read(as_text(stream))


@each_shape
@each_tracking
def test_deltas_have_the_content_the_reason_and_the_chunk(
    shape, is_tracked, open_stream, read
):
    """
    Each delta has the very chunk; the finish reason comes without text.
    """
    stream = open_stream(shape, Script(CHUNKS), is_tracked)

    deltas = read(as_deltas(stream))

    assert all(type(delta) is Delta for delta in deltas)
    told = [(each.kind, each.text, each.finish_reason) for each in deltas]
    assert [("text", "Hel", None), ("text", "lo", None), ("text", "", "stop")] == told
    assert all(delta.chunk is CHUNKS[delta.index] for delta in deltas)


def test_deltas_of_a_tracked_stream_are_of_its_call(open_stream, recorder):
    """
    They carry the call that the tracker was told of, and count its tokens.
    """
    deltas = list(as_deltas(open_stream(Script.stream, Script(CHUNKS))))

    assert {recorder.record.call_id} == {delta.call.call_id for delta in deltas}
    assert deltas[0].tokens <= deltas[-1].tokens
    assert deltas[-1].tokens > 0


def test_a_chunk_with_several_kinds_gives_several_deltas(read):
    """
    Google sends thoughts, text and whole tool calls in one chunk.
    """
    parts = [
        {"text": "Hm.", "thought": True},
        {"text": "I look."},
        {"function_call": {"name": "look", "args": {"at": "it"}}},
    ]
    chunk = {
        "candidates": [{"content": {"parts": parts}, "finish_reason": "STOP"}],
        "response_id": "r",
    }

    deltas = list(as_deltas(iter([chunk])))

    assert [
        ("reasoning", "Hm.", None),
        ("text", "I look.", None),
        ("tool_call", "look", None),
        ("tool_call", '{"at": "it"}', "STOP"),
    ] == [(each.kind, each.text, each.finish_reason) for each in deltas]


@each_shape
@each_tracking
def test_server_sent_events_end_with_the_record(
    shape, is_tracked, open_stream, recorder, read
):
    """
    A delta for each chunk that brings something, then the finished call.
    """
    stream = open_stream(shape, Script(CHUNKS), is_tracked)

    *deltas, last = events_of(read(as_sse(stream)))

    assert ["Hel", "lo", ""] == [delta["text"] for delta in deltas]
    assert {last["record"]["call_id"]} == {delta["call_id"] for delta in deltas}
    assert ("call_ended", "success") == (last["event"], last["record"]["outcome"])
    assert "stop" == last["record"]["finish_reason"]
    if is_tracked:
        assert recorder.record.to_dict() == last["record"]
    else:
        assert [] == recorder.history


@each_shape
@each_tracking
def test_json_lines_say_the_same(shape, is_tracked, open_stream, read):
    """
    One object a line, of the same events.
    """
    stream = open_stream(shape, Script(CHUNKS), is_tracked)

    lines = read(as_json_lines(stream))

    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    events = [json.loads(line) for line in lines]
    assert ["delta"] * 3 + ["call_ended"] == [event["event"] for event in events]


@each_shape
@each_tracking
def test_an_error_in_the_middle_is_the_last_event(
    shape, is_tracked, open_stream, recorder, read
):
    """
    It comes after what arrived, says what happened, and the call is an error.
    """
    script = Script(CHUNKS, error=ConnectionResetError("gone"), error_at=2)
    stream = open_stream(shape, script, is_tracked)

    *deltas, last = events_of(read(as_sse(stream)))

    assert ["Hel", "lo"] == [delta["text"] for delta in deltas]
    assert ("error", "ConnectionResetError: gone") == (last["event"], last["error"])
    assert ("network", True) == (last["error_kind"], last["retryable"])
    assert "error" == last["record"]["outcome"]
    if is_tracked:
        assert recorder.record.to_dict() == last["record"]


@each_shape
@each_tracking
@pytest.mark.parametrize("form", [as_text, as_deltas])
def test_an_error_is_raised_where_there_is_no_event_for_it(
    form, shape, is_tracked, open_stream, read
):
    """
    The very exception that the stream raised, after what came before it.
    """
    error = ConnectionResetError("gone")
    stream = open_stream(shape, Script(CHUNKS, error=error, error_at=1), is_tracked)
    made = form(stream)

    with pytest.raises(ConnectionResetError) as raised:
        read(made)

    assert raised.value is error


@each_tracking
def test_a_stream_that_stops_short_is_an_error_event(is_tracked, open_stream):
    """
    No exception, no finish reason: the end is told as incomplete.
    """
    stream = open_stream(Script.stream, Script(CHUNKS[:2]), is_tracked)

    last = events_of(list(as_sse(stream)))[-1]

    assert ("error", "incomplete") == (last["event"], last["error_kind"])


@each_shape
def test_closing_closes_the_stream(shape, open_stream, recorder, read):
    """
    The call ends as abandoned, at once, and nothing comes any more.
    """
    made = as_sse(open_stream(shape, Script(CHUNKS)))

    if hasattr(made, "__anext__"):

        async def begin_and_close():
            await anext(made)
            await made.aclose()

        asyncio.run(begin_and_close())
    else:
        next(made)
        made.close()

    assert Outcome.ABANDONED is recorder.record.outcome
    assert [] == read(made)


@pytest.mark.parametrize("name", ["close", "aclose"])
async def test_closing_closes_a_bare_stream(name):
    """
    By whatever method it has for that, awaited or not.
    """
    closed = []

    class Stream:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return CHUNKS[0]

    async def close(self):
        closed.append(name)

    setattr(Stream, name, close)
    made = as_text(Stream())

    await anext(made)
    await made.aclose()

    assert [name] == closed


@pytest.mark.parametrize("shape", [Script.generator, Script.stream, Script.manager])
def test_dropping_drops_the_stream(shape, open_stream, recorder):
    """
    Nobody can read it any more, so the call is abandoned.
    """
    made = as_text(open_stream(shape, Script(CHUNKS)))
    next(made)

    del made
    gc.collect()

    assert Outcome.ABANDONED is recorder.record.outcome


async def test_a_cancellation_passes_through(open_stream, recorder):
    """
    A client that goes away cancels the request; so does the call end.
    """
    made = as_sse(open_stream(Script.async_stream, Script(CHUNKS, hangs_at=2)))

    async def consume():
        async for _ in made:
            pass

    task = asyncio.create_task(consume())
    while not recorder.history:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert Outcome.CANCELLED is recorder.record.outcome


def test_a_coroutine_that_gives_a_stream_is_awaited(recorder, read):
    """
    An async function's call can be given as it is.
    """

    @track_llm_call(tracker=recorder)
    async def answer():
        return Script(CHUNKS).async_stream()

    last = events_of(read(as_sse(answer())))[-1]

    assert recorder.record.to_dict() == last["record"]


def test_a_coroutine_that_fails_is_an_error_event_of_its_call(recorder, read):
    """
    The request itself failed: the record is the tracked call's.
    """

    @track_llm_call(tracker=recorder)
    async def answer():
        raise ConnectionRefusedError("nobody there")

    (last,) = events_of(read(as_sse(answer())))

    assert "error" == last["event"]
    assert recorder.record.to_dict() == last["record"]


def test_a_manager_that_fails_when_entered_is_an_error_event(open_stream, recorder):
    """
    Managers make the request when they are entered.
    """

    class StreamManager:
        def __enter__(self):
            raise ConnectionRefusedError("nobody there")

        def __exit__(self, *_):
            return False

    made = as_sse(track_llm_call(tracker=recorder)(StreamManager)())

    (last,) = events_of(list(made))

    assert recorder.record.to_dict() == last["record"]


def test_bedrocks_dict_is_read_inside():
    """
    The stream is in the dict that the client returns.
    """

    class EventStream:
        def __iter__(self):
            yield {"contentBlockDelta": {"delta": {"text": "Hello"}}}
            yield {"messageStop": {"stopReason": "end_turn"}}

    assert ["Hello"] == list(as_text({"stream": EventStream()}))


def test_a_stream_of_text_is_text():
    """
    A plain generator of strings is a stream too, and ends well.
    """
    last = events_of(list(as_sse(iter(["Hel", "lo"]))))[-1]

    assert ["Hel", "lo"] == list(as_text(iter(["Hel", "lo"])))
    assert "success" == last["record"]["outcome"]


def test_a_stream_inside_of_a_block_is_the_blocks(recorder):
    """
    `tracked(stream)` is a tracked stream like any other.
    """
    with tracked_stream(recorder) as tracked:
        last = events_of(list(as_sse(tracked(Script(CHUNKS).stream()))))[-1]

    assert tracked.record.to_dict() == last["record"]


def test_a_bare_stream_takes_nothing_from_the_call_around_it(recorder):
    """
    Formatting inside of a tracked function is no call of its own.
    """

    @track_llm_call(tracker=recorder)
    def answer():
        yield from as_text(Script(CHUNKS).stream())

    assert ["Hel", "lo"] == list(answer())

    assert "nested" != recorder.record.cost_status
    assert recorder.record.usage.output_tokens > 0


def test_nothing_is_read_ahead():
    """
    A chunk becomes a piece before the next one is asked for.
    """
    steps = []
    made = as_text(Script(CHUNKS, on_step=steps.append).stream())

    next(made)
    seen = list(steps)
    next(made)

    assert len(steps) == len(seen) + 1


def test_hostile_chunks_pass_in_silence():
    """
    What cannot be read brings nothing, and breaks nothing.
    """
    hostile = [None, 5, object(), SimpleNamespace(choices="x"), {"choices": [None]}]

    assert [] == list(as_text(iter(hostile)))
    assert "call_ended" == events_of(list(as_sse(iter(hostile))))[-1]["event"]


@pytest.mark.parametrize("value", [None, 5, "text", b"bytes", {}, {"choices": []}])
@pytest.mark.parametrize("form", [as_text, as_deltas, as_sse, as_json_lines])
def test_what_is_no_stream_is_said_at_once(form, value):
    """
    A response that came whole is no stream.
    """
    with pytest.raises(ConfigurationError, match="not a stream"):
        form(value)


class Both:
    """One class for sync and async, as litellm has it."""

    def __init__(self):
        self.left = list(CHUNKS)

    def __iter__(self):
        return self

    def __aiter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop(0)

    async def __anext__(self):
        if not self.left:
            raise StopAsyncIteration
        return self.left.pop(0)


def test_a_stream_that_is_both_is_sync_outside_of_a_loop():
    """
    Without a loop there is no other way.
    """
    assert ["Hel", "lo"] == list(as_text(Both()))


async def test_a_stream_that_is_both_is_async_in_a_loop():
    """
    In a loop it must not block.
    """
    assert ["Hel", "lo"] == [text async for text in as_text(Both())]


def test_llmtrack_disabled_changes_nothing_for_the_reader(
    open_stream, recorder, monkeypatch
):
    """
    The stream is bare then, and its record nobody's.
    """
    monkeypatch.setenv("LLMTRACK_DISABLED", "1")

    last = events_of(list(as_sse(open_stream(Script.stream, Script(CHUNKS)))))[-1]

    assert "success" == last["record"]["outcome"]
    assert [] == recorder.history
