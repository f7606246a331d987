import gc
import tracemalloc
from weakref import ref

import pytest

import llmtrack
from llmtrack.tokens import warm

#: Text that waits until it is folded or counted, and room for the interpreter's own.
_BOUND = 200_000


@pytest.fixture(autouse=True, scope="module")
def _warm():
    """Load what counting takes, which stays."""
    warm()


@pytest.mark.parametrize(
    "kind", ["generator of str", "generator of chunks", "provider's stream"]
)
def test_a_stream_is_followed_in_constant_memory(tracked, sources, kind):
    """
    Late in a long stream no more is held than early in it.
    """
    stream = iter(tracked(sources[kind])(40_000))

    early, late = _held_at(stream, 2_000, 39_000)

    assert late - early < _BOUND


async def test_an_async_stream_is_followed_in_constant_memory(tracked, async_source):
    """
    Late in a long stream no more is held than early in it.
    """
    held = []
    count = 0

    tracemalloc.start()
    async for _ in tracked(async_source)(40_000):
        count += 1
        if count in (2_000, 39_000):
            llmtrack.flush()
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert held[1] - held[0] < _BOUND


@pytest.mark.parametrize("kind", ["generator of chunks", "provider's stream"])
def test_chunks_are_not_kept(tracked, sources, kind):
    """
    Of the chunks that went by the last two may be held, and no other.
    """
    alive = []

    for chunk in tracked(sources[kind])(500):
        alive.append(ref(chunk))
        del chunk
        held = sum(each() is not None for each in alive)
        assert held <= 3

    llmtrack.flush()
    gc.collect()
    assert not any(each() for each in alive)


def test_a_record_holds_no_stream(sources):
    """
    Who keeps all records keeps no connections.
    """
    records = []
    stream = sources["provider's stream"](10)
    alive = ref(stream)
    track = llmtrack.track_llm_call(tracker=records.append)
    make = [stream]

    list(track(make.pop)())
    del stream
    llmtrack.flush()
    gc.collect()

    assert 1 == len(records)
    assert alive() is None


def _held_at(stream, *numbers):
    held = []
    gc.collect()
    tracemalloc.start()
    for number, _ in enumerate(stream):
        if number in numbers:
            llmtrack.flush()
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return held
