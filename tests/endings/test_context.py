"""Contexts: what the caller set stays, and nothing leaks in or out."""

import asyncio
import contextlib
import threading
from contextvars import ContextVar, copy_context

import pytest

from llmtrack import attributes, current_call, track_llm_call, tracked_stream
from llmtrack.testing import RecordingTracker, Script, chat_chunks

CHUNKS = chat_chunks("Hel", "lo", "!")

variable = ContextVar("variable", default="nobody's")


class Spanning:
    """A tracker that is a context, as a span is."""

    def __init__(self):
        self.recorder = RecordingTracker()
        self.depth = 0

    def track(self, event):
        self.recorder.track(event)

    @contextlib.contextmanager
    def activate(self, call):
        token = variable.set(call.name)
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
            variable.reset(token)


@pytest.fixture
def spanning():
    """Return a tracker that sets a context variable."""
    return Spanning()


def looking(seen):
    """Return a script that looks at the variable inside of each step."""
    return Script(CHUNKS, on_step=lambda step: seen.append(variable.get()))


@pytest.mark.parametrize("shape", ["generator", "stream"])
def test_the_trackers_context_is_that_of_a_step_and_no_more(spanning, shape):
    """
    Inside of each step it is there; before, between and after it is the caller's.
    """
    inside, outside = [], []
    source = getattr(looking(inside), shape)

    def consume():
        variable.set("the caller's")
        for _ in track_llm_call(tracker=spanning, name="answer")(source)():
            outside.append(variable.get())
        outside.append(variable.get())

    copy_context().run(consume)

    assert ["answer"] * 5 == inside
    assert ["the caller's"] * 5 == outside
    assert 0 == spanning.depth


@pytest.mark.parametrize("shape", ["async_generator", "async_stream"])
async def test_the_trackers_context_is_that_of_an_async_step(spanning, shape):
    """
    Async steps too, whatever else runs while they wait.
    """
    inside, outside = [], []
    source = getattr(looking(inside), shape)

    async for _ in track_llm_call(tracker=spanning, name="answer")(source)():
        outside.append(variable.get())
        await asyncio.sleep(0)

    assert ["answer"] * 5 == inside
    assert ["nobody's"] * 4 == outside


class OnlyNext:
    """A stream that is read by `next` alone: `iter` does not take it."""

    def __init__(self, step):
        self._step = step

    def __next__(self):
        return self._step()


def test_a_step_of_what_has_no_iter_enters_the_context_once(spanning):
    """
    A stream of which `next` is all there is is no iterator to Python.
    """
    depths = []

    def step():
        depths.append(spanning.depth)
        return CHUNKS[0]

    stream = track_llm_call(tracker=spanning)(lambda: OnlyNext(step))()
    for _ in range(3):
        next(stream)

    assert [1, 1, 1] == depths


async def test_interleaved_streams_do_not_see_each_other(spanning):
    """
    Each stream works in the context of its own call.
    """
    first, second = [], []
    streams = [
        track_llm_call(tracker=spanning, name=name)(looking(seen).async_generator)()
        for name, seen in (("first", first), ("second", second))
    ]

    for _ in range(4):
        for stream in streams:
            await anext(stream)

    assert ["first"] * 4 == first
    assert ["second"] * 4 == second


def test_what_a_generator_sets_is_as_visible_as_without_tracking(recorder):
    """
    A generator's own variables show in its caller, as Python has it, and no more.
    """

    def answer():
        variable.set("the generator's")
        yield "word"

    def seen_after(generator):
        next(generator)
        return variable.get()

    bare = copy_context().run(seen_after, answer())
    tracked = copy_context().run(seen_after, track_llm_call(tracker=recorder)(answer)())

    assert bare == tracked


def test_the_current_call_is_that_of_the_body_and_of_the_step(recorder):
    """
    `current_call()` is there inside, and not in the code that reads.
    """
    inside = []

    @track_llm_call(tracker=recorder)
    def answer():
        inside.append(current_call().call_id)
        return Script(
            CHUNKS, on_step=lambda step: inside.append(current_call().call_id)
        ).stream()

    outside = [current_call() for _ in answer()]

    assert {recorder.record.call_id} == set(inside)
    assert [None] * 4 == outside


def test_a_call_in_a_consumer_is_not_part_of_the_stream(recorder):
    """
    What a program does between two chunks is not done by the stream.
    """
    inner = track_llm_call(tracker=recorder, name="inner")(lambda: "text")
    with tracked_stream(recorder, name="stream") as tracked:
        for _ in tracked(Script(CHUNKS).stream()):
            inner()

    parents = {record.parent_id for record in recorder.records}

    assert {None} == parents


def test_a_call_in_a_step_is_part_of_the_stream(recorder):
    """
    What is called to make a chunk has the stream as its parent.
    """
    inner = track_llm_call(tracker=recorder, name="inner")(lambda: "text")
    answer = track_llm_call(tracker=recorder, name="outer")(
        Script(["word"], on_step=lambda step: inner()).generator
    )

    list(answer())

    *inners, outer = recorder.records
    assert {outer.call_id} == {record.parent_id for record in inners}
    assert 2 == len(inners)


async def test_attributes_hold_in_tasks_and_nowhere_else(recorder):
    """
    Tasks copy the context; a bare thread has none of it.
    """
    call = track_llm_call(tracker=recorder)(lambda: "text")

    async def in_a_task():
        call()

    with attributes(session_id="42"):
        await asyncio.create_task(in_a_task())
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
    call()

    assert [{"session_id": "42"}, {}, {}] == [
        record.metadata for record in recorder.records
    ]
