import asyncio

import pytest

from llmtrack.testing import Clock, Script, chat_chunks


async def collected(stream):
    return [chunk async for chunk in stream]


def test_all_shapes_say_the_same():
    """
    A script gives the same chunks whatever they are packed in.
    """
    script = Script("abc")

    async def both():
        return (
            await collected(script.async_generator()),
            await collected(script.async_stream()),
        )

    with script.manager() as managed:
        in_manager = list(managed)
    everywhere = [
        list(script.generator()),
        list(script.stream()),
        in_manager,
        *asyncio.run(both()),
    ]

    assert [["a", "b", "c"]] * 5 == everywhere


def test_an_error_comes_after_so_many_chunks():
    """
    What was yielded before the error is the consumer's.
    """
    error = ConnectionError()
    stream = Script("abc", error=error, error_at=2).stream()

    seen = [next(stream), next(stream)]
    with pytest.raises(ConnectionError) as caught:
        next(stream)

    assert ["a", "b"] == seen
    assert error is caught.value


def test_each_step_moves_the_clock():
    """
    Waiting is a matter of the clock, so no test has to wait.
    """
    clock = Clock()
    stream = Script("ab", wait=[0.25, 0.5], clock=clock).generator()

    shown = [clock() for _ in stream]

    assert [0.25, 0.75] == shown


@pytest.mark.parametrize("leave", ["exhaust", "close", "drop"])
def test_the_connection_is_given_back(leave):
    """
    As with a client's stream: at its end, when it is closed, when it is dropped.
    """
    stream = Script("ab").stream()
    response = stream.response
    next(stream)

    if leave == "exhaust":
        list(stream)
    elif leave == "close":
        stream.close()
    del stream

    assert response.is_closed


async def test_a_hanging_stream_can_be_cancelled():
    """
    An async stream can wait for ever, for a test to cancel it.
    """
    stream = Script("ab", hangs_at=1).async_stream()
    await anext(stream)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(stream)

    assert stream.response.is_closed


def test_chat_chunks_end_with_a_reason_and_the_usage():
    """
    The chunks are those of OpenAI's chat completions with `include_usage`.
    """
    *_, finish, usage = chat_chunks("Hi", usage=(3, 1))

    assert "stop" == finish.choices[0].finish_reason
    assert [] == usage.choices
    assert 4 == usage.usage.total_tokens
