"""Many streams at once, with mixed endings: none is lost, none is told twice."""

import asyncio
import contextlib
import gc
import random
import threading
from collections import Counter

from llmtrack import CallEnded, CallStarted, Outcome, track_llm_call, tracked_stream
from llmtrack.nesting import open_calls
from llmtrack.testing import Script, chat_chunks, misordered

CHUNKS = chat_chunks("Hel", "lo", "!")
THREADS = 64
STREAMS_A_THREAD = 50
STREAMS = 10_000


def failing():
    """Return a script that fails in the middle."""
    return Script(CHUNKS, error=ConnectionError("lost"), error_at=2)


def counted(recorder, expected):
    """Hold what was recorded against what was done."""
    gc.collect()
    started = Counter(event.call.call_id for event in recorder.of(CallStarted))
    ended = Counter(event.call.call_id for event in recorder.of(CallEnded))
    assert {1} == set(started.values()) == set(ended.values())
    assert started.keys() == ended.keys()
    assert [] == list(misordered(recorder.history))
    assert expected == Counter(record.outcome for record in recorder.records)
    assert not any(call_id in open_calls for call_id in started)


def test_64_threads_end_streams_in_all_ways(recorder):
    """
    Each thread reads, leaves, closes, drops and fails on streams of its own.
    """
    answer = track_llm_call(tracker=recorder)(Script(CHUNKS).stream)
    fails = track_llm_call(tracker=recorder)(failing().stream)
    expected = Counter()
    gate = threading.Barrier(THREADS)

    def read():
        list(answer())
        return Outcome.SUCCESS

    def leave():
        for _ in answer():
            break
        return Outcome.ABANDONED

    def close():
        stream = answer()
        next(stream)
        stream.close()
        return Outcome.ABANDONED

    def drop():
        cycle = [answer()]
        cycle.append(cycle)
        return Outcome.ABANDONED

    def fail():
        with contextlib.suppress(ConnectionError):
            list(fails())
        return Outcome.ERROR

    def block():
        with tracked_stream(recorder) as tracked:
            list(tracked(Script(CHUNKS).generator()))
        return Outcome.SUCCESS

    def work(seed):
        choose = random.Random(seed)
        gate.wait()
        for _ in range(STREAMS_A_THREAD):
            way = choose.choice([read, leave, close, drop, fail, block])
            outcome = way()
            with lock:
                expected[outcome] += 1

    lock = threading.Lock()
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counted(recorder, expected)
    assert THREADS * STREAMS_A_THREAD == len(recorder.records)


def test_one_stream_that_many_threads_read_ends_once(recorder):
    """
    Threads that share a stream get each chunk once, between them.
    """

    class Words:
        def __init__(self):
            self._left = list(range(1_000))
            self._lock = threading.Lock()

        def __iter__(self):
            return self

        def __next__(self):
            with self._lock:
                if not self._left:
                    raise StopIteration
                return f"word {self._left.pop()}"

    stream = track_llm_call(tracker=recorder)(Words)()
    lock = threading.Lock()
    seen = []

    def work():
        while True:
            # Two threads in one generator is what Python itself refuses.
            with lock:
                word = next(stream, None)
            if word is None:
                return
            seen.append(word)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1_000 == len(set(seen)) == len(seen)
    assert 1 == len(recorder.records)
    assert 1_000 == recorder.record.chunks


def test_ten_thousand_asyncio_streams_at_once(recorder):
    """
    All are open at the same time, and then end in all ways.
    """
    script = Script(CHUNKS, pauses=True)
    answer = track_llm_call(tracker=recorder)(script.async_stream)
    generate = track_llm_call(tracker=recorder)(script.async_generator)
    hang = track_llm_call(tracker=recorder)(Script(CHUNKS, hangs_at=1).async_stream)
    fails = track_llm_call(tracker=recorder)(failing().async_generator)
    expected = Counter()

    async def main():
        everybody = asyncio.Event()

        async def read(stream):
            await everybody.wait()
            async for _ in stream:
                pass
            return Outcome.SUCCESS

        async def leave(stream):
            await everybody.wait()
            async for _ in stream:
                break
            return Outcome.ABANDONED

        async def fail(stream):
            await everybody.wait()
            with contextlib.suppress(ConnectionError):
                await read(stream)
            return Outcome.ERROR

        async def time_out(stream):
            await everybody.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await read(stream)
            return Outcome.CANCELLED

        async def never(stream):
            await everybody.wait()
            return Outcome.ABANDONED

        ways = [
            lambda: read(answer()), lambda: read(generate()), lambda: leave(answer()),
            lambda: leave(generate()), lambda: fail(fails()), lambda: time_out(hang()),
            lambda: never(answer()),
        ]  # fmt: skip
        tasks = [asyncio.create_task(ways[n % len(ways)]()) for n in range(STREAMS)]
        await asyncio.sleep(0)
        everybody.set()
        expected.update(await asyncio.gather(*tasks))

    asyncio.run(main())

    counted(recorder, expected)
    assert STREAMS == len(recorder.records)
