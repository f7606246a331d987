"""Where the span of a call is the current one, and where it is not."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import llmtrack
from llmtrack import attributes, track_llm_call, tracked_stream
from llmtrack.record import Outcome

trace = pytest.importorskip("opentelemetry.trace")
sdk = pytest.importorskip("opentelemetry.sdk.trace")

pytestmark = pytest.mark.usefixtures("nothing_logged")


def current() -> int:
    """Return the id of the current span; 0 is none."""
    return trace.get_current_span().get_span_context().span_id


class Stream:
    """A client's stream, which says at each chunk which span is the current one."""

    def __init__(self, chunks: int = 3) -> None:
        self._left = chunks

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        if self._left == 0:
            raise StopIteration
        self._left -= 1
        return current()

    def close(self) -> None:
        self._left = 0


class AsyncStream(Stream):
    """Likewise, and async."""

    __iter__ = __next__ = None  # type: ignore[assignment]

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        if self._left == 0:
            raise StopAsyncIteration
        self._left -= 1
        return current()


@pytest.fixture
def tracked(telemetry):
    """Return what decorates a function for the tracker under test."""
    return track_llm_call(tracker=telemetry.tracker, provider="openai", model="m")


@pytest.fixture
def ids(tracked):
    """Return a decorated generator function."""

    @tracked
    def ids(chunks: int = 3) -> Iterator[int]:
        for _ in range(chunks):
            yield current()

    return ids


@pytest.fixture
def async_ids(tracked):
    """Return a decorated async generator function."""

    @tracked
    async def async_ids(chunks: int = 3) -> AsyncIterator[int]:
        for _ in range(chunks):
            await asyncio.sleep(0)
            yield current()

    return async_ids


def test_a_function_works_inside_of_its_span(telemetry, tracked):
    """
    What a function does is inside of its call's span, and nothing after it.
    """
    inside = tracked(lambda: [current()])()

    assert [telemetry.span.context.span_id] == inside
    assert 0 == current()


async def test_a_coroutine_works_inside_of_its_span(telemetry, tracked):
    """
    Likewise for a coroutine function, across its awaits.
    """

    @tracked
    async def answer() -> list[int]:
        before = current()
        await asyncio.sleep(0)
        return [before, current()]

    inside = await answer()

    assert [telemetry.span.context.span_id] * 2 == inside
    assert 0 == current()


def test_each_step_of_a_generator_is_inside_of_its_span(telemetry, ids):
    """
    A generator sees its own span at every step; its consumer never does.
    """
    between = []
    inside = []
    for chunk in ids():
        inside.append(chunk)
        between.append(current())

    llmtrack.flush()
    assert [telemetry.span.context.span_id] * 3 == inside
    assert [0] * 3 == between


async def test_each_step_of_an_async_generator_is_inside_of_its_span(
    telemetry, async_ids
):
    """
    Likewise for an async generator.
    """
    between = []
    inside = []
    async for chunk in async_ids():
        inside.append(chunk)
        between.append(current())

    llmtrack.flush()
    assert [telemetry.span.context.span_id] * 3 == inside
    assert [0] * 3 == between


def test_each_step_of_a_clients_stream_is_inside_of_its_span(telemetry, tracked):
    """
    A stream that a function returned is read inside of the call's span.
    """
    inside = list(tracked(Stream)())

    llmtrack.flush()
    assert [telemetry.span.context.span_id] * 3 == inside
    assert 0 == current()


async def test_each_step_of_an_async_stream_is_inside_of_its_span(telemetry, tracked):
    """
    Likewise for an async stream that a coroutine function returned.
    """

    @tracked
    async def ask() -> AsyncStream:
        return AsyncStream()

    inside = [chunk async for chunk in await ask()]

    llmtrack.flush()
    assert [telemetry.span.context.span_id] * 3 == inside
    assert 0 == current()


def test_each_step_in_a_block_is_inside_of_its_span(telemetry):
    """
    A stream that is read in a `tracked_stream` block has its span, and what else
    happens in the block is outside of it.
    """
    between = []
    inside = []
    with (
        attributes(session_id="session-1"),
        tracked_stream(telemetry.tracker, model="m") as tracked,
    ):
        for chunk in tracked(Stream()):
            inside.append(chunk)
            between.append(current())

    llmtrack.flush()
    assert [telemetry.span.context.span_id] * 3 == inside
    assert [0] * 3 == between
    assert "session-1" == telemetry.attributes["session.id"]


def test_the_parent_is_what_is_current_at_the_start(telemetry, ids):
    """
    The span is a child of the span in which the call started.
    """
    with telemetry.tracer.start_as_current_span("request"):
        stream = ids()
        next(stream)
    with telemetry.tracer.start_as_current_span("elsewhere"):
        list(stream)

    llmtrack.flush()
    request = telemetry.named("request").context.span_id
    assert request == telemetry.named("chat m").parent.span_id


def test_spans_of_the_consumer_are_not_inside_of_the_call(telemetry, ids):
    """
    What a program does between chunks belongs to the program.
    """
    with telemetry.tracer.start_as_current_span("request"):
        for _ in ids(1):
            telemetry.tracer.start_span("render").end()

    llmtrack.flush()
    request = telemetry.named("request").context.span_id
    assert request == telemetry.named("render").parent.span_id


def test_interleaved_streams_each_see_their_own_span(telemetry, ids):
    """
    Streams that are read in turns do not get into each other's way.
    """
    first, second = ids(), ids()

    pairs = list(zip(first, second, strict=True))

    llmtrack.flush()
    assert 2 == len(telemetry.spans)
    assert 1 == len({one for one, _ in pairs})
    assert 1 == len({other for _, other in pairs})
    assert pairs[0][0] != pairs[0][1]
    assert 0 == current()


def test_nested_calls_are_nested_spans(telemetry, tracked):
    """
    A decorated function that calls a decorated one is the parent of its span, and
    the two are one request to the metrics.
    """
    inner = tracked(lambda: "hello")
    outer = tracked(lambda: inner())

    outer()

    llmtrack.flush()
    inner_span, outer_span = telemetry.spans
    assert outer_span.context.span_id == inner_span.parent.span_id
    assert 1 == sum(point.count for point in telemetry.points(DURATION))


def test_nested_generators_are_one_request(telemetry, tracked, ids):
    """
    Likewise for a decorated generator that yields from a decorated one.
    """

    @tracked
    def outer() -> Iterator[int]:
        yield from ids()

    list(outer())

    llmtrack.flush()
    inner_span, outer_span = telemetry.spans
    assert outer_span.context.span_id == inner_span.parent.span_id
    assert 1 == sum(point.count for point in telemetry.points(DURATION))


def test_each_step_in_a_context_of_its_own(telemetry, ids):
    """
    A web framework reads each chunk in a fresh copy of the context, on any thread.
    """
    stream = ids()
    inside: list[int] = []

    def step() -> None:
        contextvars.copy_context().run(lambda: inside.append(next(stream)))

    for _ in range(3):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    with pytest.raises(StopIteration):
        contextvars.copy_context().run(next, stream)

    llmtrack.flush()
    assert [telemetry.span.context.span_id] * 3 == inside


async def test_each_step_in_a_task_of_its_own(telemetry, async_ids):
    """
    `asyncio.wait_for` on 3.11 reads each chunk in a new task.
    """
    stream = async_ids()

    inside = [await asyncio.create_task(anext(stream)) for _ in range(3)]
    with pytest.raises(StopAsyncIteration):
        await asyncio.create_task(anext(stream))

    llmtrack.flush()
    assert [telemetry.span.context.span_id] * 3 == inside
    assert 0 == current()


async def test_a_stream_that_is_closed_from_another_task(telemetry, async_ids):
    """
    The span ends, and is current in neither of the tasks.
    """
    stream = async_ids()
    await anext(stream)

    await asyncio.create_task(stream.aclose())

    llmtrack.flush()
    assert Outcome.ABANDONED.value == telemetry.attributes["llmtrack.outcome"]
    assert 0 == current()


async def test_an_async_generator_that_is_left_early(telemetry, async_ids):
    """
    After a `break` the next span of the program is not inside of the dead one.
    """
    with telemetry.tracer.start_as_current_span("request"):
        async for _ in async_ids():
            break
        gc.collect()
        for _ in range(10):
            # The loop closes what was left, some turns later.
            await asyncio.sleep(0)
        telemetry.tracer.start_span("next").end()

    llmtrack.flush()
    request = telemetry.named("request").context.span_id
    assert request == telemetry.named("next").parent.span_id
    assert Outcome.ABANDONED.value == telemetry.named("chat m").attributes[OUTCOME]


async def test_a_step_that_is_cancelled(telemetry, async_ids, tracked):
    """
    A call that is cancelled in the middle of a step leaves no span behind.
    """

    @tracked
    async def hang() -> AsyncIterator[int]:
        yield current()
        await asyncio.Event().wait()

    stream = hang()
    await anext(stream)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(stream)

    llmtrack.flush()
    assert Outcome.CANCELLED.value == telemetry.attributes[OUTCOME]
    assert 0 == current()


def test_a_coroutine_that_is_collected_in_the_middle_of_a_step(telemetry, tracked):
    """
    A task that is never finished is closed in another context, without complaint.
    """

    @tracked
    async def hang() -> int:
        await _Forever()
        return current()

    pending = hang()
    contextvars.copy_context().run(pending.send, None)

    pending.close()

    llmtrack.flush()
    assert Outcome.ABANDONED.value == telemetry.attributes[OUTCOME]
    assert 0 == current()


def test_a_stream_that_is_dropped(telemetry, ids):
    """
    A span ends also where nobody closes its stream.
    """
    stream = ids()
    next(stream)

    del stream
    gc.collect()

    llmtrack.flush()
    assert Outcome.ABANDONED.value == telemetry.attributes[OUTCOME]
    assert "UNSET" == telemetry.span.status.status_code.name


def test_an_exception_is_the_spans_error(telemetry, tracked):
    """
    What a stream raises is on its span, and reaches the program as it is.
    """
    boom = ConnectionResetError("gone")

    @tracked
    def breaks() -> Iterator[int]:
        yield 1
        raise boom

    with pytest.raises(ConnectionResetError) as caught:
        list(breaks())

    llmtrack.flush()
    assert boom is caught.value
    assert "ConnectionResetError" == telemetry.attributes["error.type"]
    assert "network" == telemetry.attributes["llmtrack.error.kind"]


def test_a_span_that_a_generator_holds_across_its_yields(telemetry, tracked):
    """
    It is current again at the generator's next step, and never at the consumer's.
    """

    @tracked
    def retrieve() -> Iterator[int]:
        with telemetry.tracer.start_as_current_span("retrieve"):
            yield current()
            yield current()
        yield current()

    between = []
    inside = []
    for chunk in retrieve():
        inside.append(chunk)
        between.append(current())

    llmtrack.flush()
    held = telemetry.named("retrieve").context.span_id
    assert [held, held, telemetry.named("chat m").context.span_id] == inside
    assert [0] * 3 == between


def test_reading_on_after_the_end_is_outside_of_the_span(telemetry, tracked):
    """
    A stream that is read after its close has no span any more.
    """
    stream = tracked(Stream)()
    next(stream)
    stream.close()

    assert [] == list(stream)
    llmtrack.flush()
    assert 1 == len(telemetry.spans)


@pytest.mark.parametrize("streams", [1_000])
def test_many_open_streams(telemetry, ids, streams):
    """
    A thousand streams that are open at once each see their own span.
    """
    open_streams = [ids(2) for _ in range(streams)]

    first = [next(stream) for stream in open_streams]
    second = [next(stream) for stream in open_streams]
    for stream in open_streams:
        stream.close()

    llmtrack.flush()
    assert streams == len(set(first))
    assert first == second
    assert 0 == len(telemetry.tracker._spans._open)


DURATION = "gen_ai.client.operation.duration"
OUTCOME = "llmtrack.outcome"


class _Forever:
    """Something to wait for without a loop."""

    def __await__(self) -> Any:
        yield
