"""What the program does with a stream when its call is over already."""

import asyncio
import gc

import pytest

from llmtrack import Outcome, current_call, track_llm_call, tracked_stream
from llmtrack.testing import Clock, Script, chat_chunks

MANY = chat_chunks(*["word "] * 3000)


@pytest.mark.parametrize("shape", ["generator", "stream"])
@pytest.mark.parametrize("chunks", [MANY, ["word "] * 3001], ids=["chat", "text"])
def test_a_stream_can_be_read_on_behind_its_block(recorder, shape, chunks):
    """
    The block ends the call, not the stream: all the rest is still there.
    """
    with tracked_stream(recorder) as tracked:
        stream = tracked(getattr(Script(chunks), shape)())
        next(stream)
    _ = recorder.record

    rest = list(stream)

    assert 3000 == len(rest)


@pytest.mark.parametrize("shape", ["async_generator", "async_stream"])
async def test_an_async_stream_can_be_read_on_behind_its_block(recorder, shape):
    """
    The async ones too.
    """
    async with tracked_stream(recorder) as tracked:
        stream = tracked(getattr(Script(MANY), shape)())
        await anext(stream)
    _ = recorder.record

    rest = [chunk async for chunk in stream]

    assert 3000 == len(rest)


def test_reading_on_after_ones_own_close_is_no_error(recorder):
    """
    A closed stream ends without its finish reason, and that is not incomplete.
    """
    with tracked_stream(recorder) as tracked:
        stream = tracked(Script(MANY).stream())
        next(stream)
        stream.close()
        rest = list(stream)

    assert [] == rest
    assert Outcome.ABANDONED is recorder.record.outcome


def test_a_failure_after_ones_own_close_is_no_error(recorder):
    """
    Some clients raise when a closed stream is read on; the consumer asked for it.
    """

    class Closing:
        is_closed = False

        def __iter__(self):
            return self

        def __next__(self):
            if self.is_closed:
                raise RuntimeError("the stream is closed")
            return "word"

        def close(self):
            self.is_closed = True

    with tracked_stream(recorder) as tracked:
        stream = tracked(Closing())
        next(stream)
        stream.close()
        with pytest.raises(RuntimeError):
            next(stream)

    assert Outcome.ABANDONED is recorder.record.outcome


def test_a_stream_that_is_still_held_tells_its_times(recorder):
    """
    What is waited for a chunk counts, also when the block ends before the stream.
    """
    with Clock() as clock, tracked_stream(recorder) as tracked:
        stream = tracked(Script(MANY, wait=0.25, clock=clock).stream())
        next(stream)
        clock.advance(1.0)

    assert 0.25 == recorder.record.provider_time
    assert 1.0 == recorder.record.consumer_time
    stream.close()


class Cleanup:
    """An async generator whose cleanup takes some turns of the loop."""

    def __init__(self):
        self.is_done = False

    async def steps(self):
        try:
            for number in range(3):
                yield f"word {number}"
        finally:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.is_done = True


def run_and_listen(main):
    """Run a coroutine function; return what the loop complained of."""
    heard = []
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(lambda _, context: heard.append(context["message"]))
        runner.run(main())
    return heard


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("leave", ["hold", "drop", "drop in a cycle"])
def test_a_cleanup_that_awaits_is_done_at_the_end_of_the_loop(recorder, leave):
    """
    The loop closes an open async generator once, and waits for its cleanup.
    """
    cleanup = Cleanup()
    answer = track_llm_call(tracker=recorder)(cleanup.steps)
    held = []

    async def main():
        stream = answer()
        await anext(stream)
        if leave == "hold":
            held.append(stream)
            return
        cycle = [stream]
        if leave == "drop in a cycle":
            cycle.append(cycle)
        del stream, cycle
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)

    heard = run_and_listen(main)

    assert [] == heard
    assert cleanup.is_done
    assert Outcome.ABANDONED is recorder.record.outcome


async def test_a_source_that_the_program_holds_is_not_closed(recorder):
    """
    Dropping the stand-in of a generator is not dropping the generator.
    """
    source = Script("abc").async_generator()
    async with tracked_stream(recorder) as tracked:
        async for _ in tracked(source):
            break
    for _ in range(5):
        await asyncio.sleep(0)

    rest = [chunk async for chunk in source]

    assert ["b", "c"] == rest


def stubborn():
    """Yield once more when told to leave."""
    try:
        yield "first"
    except GeneratorExit:
        yield "one more"
    yield "last"


def swallowing():
    """Return a value when told to leave."""
    try:
        yield "first"
    except GeneratorExit:
        return "swallowed"


def leaving():
    """Let GeneratorExit pass."""
    yield "first"


def what_happens(stream, step):
    """Return what a step gives: a value, or how it raised."""
    try:
        return step(stream)
    except BaseException as exc:
        return type(exc), exc.args


@pytest.mark.parametrize("source", [stubborn, swallowing, leaving])
@pytest.mark.parametrize(
    "leave", [lambda stream: stream.close(), lambda stream: stream.throw(GeneratorExit)]
)
def test_a_generator_may_do_as_it_likes_when_it_is_told_to_leave(
    recorder, source, leave
):
    """
    close() and throw(GeneratorExit) give what they would have given.
    """
    bare = source()
    stream = track_llm_call(tracker=recorder)(source)()

    both = []
    for each in (bare, stream):
        seen = [what_happens(each, next), what_happens(each, leave)]
        both.append([*seen, what_happens(each, next), what_happens(each, next)])

    assert both[0] == both[1]
    assert Outcome.ABANDONED is recorder.record.outcome


async def stubborn_async():
    """Yield once more when told to leave."""
    try:
        yield "first"
    except GeneratorExit:
        yield "one more"
    yield "last"


async def swallowing_async():
    """Return when told to leave."""
    try:
        yield "first"
    except GeneratorExit:
        return


async def what_happens_async(stream, step):
    """Return what a step gives: a value, or how it raised."""
    try:
        return await step(stream)
    except BaseException as exc:
        return type(exc), exc.args


@pytest.mark.parametrize("source", [stubborn_async, swallowing_async])
@pytest.mark.parametrize(
    "leave",
    [lambda stream: stream.aclose(), lambda stream: stream.athrow(GeneratorExit())],
)
async def test_an_async_generator_may_do_as_it_likes_when_it_is_told_to_leave(
    recorder, source, leave
):
    """
    aclose() and athrow(GeneratorExit) give what they would have given.
    """
    bare = source()
    stream = track_llm_call(tracker=recorder)(source)()

    both = []
    for each in (bare, stream):
        seen = [await what_happens_async(each, step) for step in (anext, leave)]
        both.append([*seen, await what_happens_async(each, anext)])
        await what_happens_async(each, lambda stream: stream.aclose())

    assert both[0] == both[1]
    assert Outcome.ABANDONED is recorder.record.outcome


async def test_a_dropped_source_is_closed_in_the_same_turn_whoever_looked(recorder):
    """
    To look at the frames of what is open changes nothing about when it is closed.
    """
    cleanup = Cleanup()
    answer = track_llm_call(tracker=recorder)(cleanup.steps)
    other = track_llm_call(tracker=recorder)(Script("abc").generator)()
    next(other)

    async for _ in answer():
        current_call()
        break
    for _ in range(4):
        await asyncio.sleep(0)

    assert cleanup.is_done


class Resumable:
    """A client's stream that goes on after a wait was broken off."""

    def __init__(self, breaks_off):
        self._breaks_off = breaks_off
        self._count = 0

    def __iter__(self):
        return self

    def __next__(self):
        self._count += 1
        if self._count == 2:
            raise self._breaks_off
        if self._count > 4:
            raise StopIteration
        return f"word {self._count}"

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None


def test_a_wait_that_is_broken_off_in_a_block_can_be_taken_up_again(recorder):
    """
    What the program caught inside of the block has not ended the stream.
    """
    with tracked_stream(recorder) as tracked:
        stream = tracked(Resumable(KeyboardInterrupt()))
        seen = [next(stream)]
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        seen += stream

    assert ["word 1", "word 3", "word 4"] == seen
    assert Outcome.SUCCESS is recorder.record.outcome
    assert 3 == recorder.record.chunks


async def test_an_async_wait_that_times_out_in_a_block_can_be_taken_up_again(recorder):
    """
    A program may wait for some time for a chunk, and then once more.
    """
    async with tracked_stream(recorder) as tracked:
        stream = tracked(Resumable(asyncio.CancelledError()))
        seen = [await anext(stream)]
        with pytest.raises(asyncio.CancelledError):
            await anext(stream)
        seen += [chunk async for chunk in stream]

    assert ["word 1", "word 3", "word 4"] == seen
    assert Outcome.SUCCESS is recorder.record.outcome


def test_a_stream_can_be_added_to_a_list(recorder):
    """
    Operators that a stream does not have are left to what stands beside it.
    """
    stream = track_llm_call(tracker=recorder)(Script("abc").stream)()
    chunks = []

    chunks += stream

    assert ["a", "b", "c"] == chunks
    with pytest.raises(TypeError):
        stream + 1


def entered(recorder, shape):
    """Return what is entered by hand, and the stream in it."""
    script = Script("abc")
    if shape == "tracked_stream":
        block = tracked_stream(recorder).__enter__()
        return block, block(script.stream())
    source = script.manager if shape == "manager" else script.stream
    block = track_llm_call(tracker=recorder)(source)()
    return block, block.__enter__()


SHAPES = ["stream", "manager", "tracked_stream"]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_block_that_was_entered_by_hand_and_dropped_is_left(recorder, shape):
    """
    A call does not stay open because nobody can leave its block any more.
    """
    block, stream = entered(recorder, shape)
    next(stream)

    del stream, block
    gc.collect()

    assert Outcome.ABANDONED is recorder.record.outcome


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_outlives_the_block_that_was_dropped(recorder, shape):
    """
    As long as somebody can read it, the call is open.
    """
    block, stream = entered(recorder, shape)
    next(stream)

    del block
    gc.collect()
    open_by_then = recorder.records == []
    list(stream)

    assert open_by_then
    assert Outcome.SUCCESS is recorder.record.outcome


def test_a_block_without_a_stream_that_was_dropped_is_left(recorder):
    """
    Entered by hand, and nothing was opened in it.
    """
    block = tracked_stream(recorder).__enter__()

    del block
    gc.collect()

    assert Outcome.ABANDONED is recorder.record.outcome


async def test_an_awaitable_that_is_no_coroutine_is_waited_for(recorder):
    """
    To await a stand-in is to drop it, and not to leave the call.
    """

    class Request:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            gc.collect()
            return Script("abc").async_stream()

    stream = await track_llm_call(tracker=recorder)(Request)()
    chunks = [chunk async for chunk in stream]

    assert ["a", "b", "c"] == chunks
    assert Outcome.SUCCESS is recorder.record.outcome


async def test_an_awaitable_that_nobody_awaits_is_abandoned(recorder):
    """
    The call was made by whoever returned it.
    """

    class Request:
        def __await__(self):
            yield

    track_llm_call(tracker=recorder)(lambda: Request())()
    gc.collect()

    assert Outcome.ABANDONED is recorder.record.outcome


class LegacyAPIResponse:
    """What `with_raw_response` gives, in short."""

    http_response = None

    def parse(self):
        return Script("abc").stream()


def test_a_raw_response_may_be_dropped_once_it_is_parsed(recorder):
    """
    `create().parse()` holds the stream, and not what it came out of.
    """
    stream = track_llm_call(tracker=recorder)(LegacyAPIResponse)().parse()
    gc.collect()

    chunks = list(stream)

    assert ["a", "b", "c"] == chunks
    assert Outcome.SUCCESS is recorder.record.outcome
