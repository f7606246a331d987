"""Threads, forks and finalizers around the delivery."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import threading
from time import monotonic

import pytest

from llmtrack import (
    CallEnded,
    delivery,
    flush,
    statistics,
    track_llm_call,
    tracked_stream,
)
from llmtrack.outlets import Outlet
from llmtrack.testing import RecordingTracker
from llmtrack.trackers.tracker import as_tracker

PROGRAM = """
import gc, os, threading
from contextlib import contextmanager
from llmtrack import CallEnded, flush, track_llm_call

told = threading.Event()
records = []

def keep(record):
    records.append(record)
    told.set()

"""

DROPS = {
    "coroutine": """
class Waiting:
    def __await__(self):
        yield

@track_llm_call(tracker=keep)
async def ask():
    await Waiting()

pending = ask()
pending.send(None)
""",
    "manager": """
@track_llm_call(tracker=keep)
@contextmanager
def ask():
    yield iter("abc")

pending = ask()
""",
    "awaitable": """
class Waiting:
    def __await__(self):
        yield

pending = track_llm_call(tracker=keep)(Waiting)()
""",
}


@pytest.mark.parametrize("kind", DROPS)
def test_what_is_dropped_is_told_without_a_flush(run, kind):
    """A server that never flushes hears of dropped calls too."""
    drop = "\ndel pending\ngc.collect()\ntold.wait(10)\nprint(records[0].outcome)"

    said = run(PROGRAM + DROPS[kind] + drop)

    assert said == "abandoned"


def test_a_fork_waits_for_what_is_being_imported():
    """A module that is half imported at a fork is so in the child for ever."""
    importing, forking, imported = (threading.Event() for _ in range(3))
    # The last one registered is the first one told.
    os.register_at_fork(before=forking.set)

    def job() -> None:
        importing.set()
        forking.wait(10)
        imported.set()

    delivery.start()
    delivery.later(job)
    importing.wait(10)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if imported.is_set() else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_fork_does_not_wait_for_ever():
    """A tracker that hangs holds a fork up for a second, and delivery goes on."""
    hanging, go_on = threading.Event(), threading.Event()

    def job() -> None:
        hanging.set()
        go_on.wait(30)

    delivery.start()
    delivery.later(job)
    hanging.wait(10)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    go_on.set()

    assert flush(10)


def test_a_job_may_fork():
    """A tracker that forks on the delivery thread does not wait for itself."""
    codes: list[int] = []

    def job() -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(3)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    delivery.start()
    delivery.later(job)
    flush(10)

    assert codes == [3]


def test_many_blocks_leave_nothing_with_atexit():
    """`atexit` never gives back the place of what was unregistered."""
    tracker = RecordingTracker()
    with tracked_stream(tracker):
        before = atexit._ncallbacks()

    for _ in range(100):
        with tracked_stream(tracker):
            continue

    assert atexit._ncallbacks() == before


def test_a_tracker_made_after_another_is_still_flushed_first(run):
    """What a tracker registers before it is made shuts down after the flush."""
    said = run(
        """
        import atexit
        from llmtrack import track_llm_call

        class Batch:
            def __init__(self, name):
                self.name = name
                atexit.register(print, name, "shuts down")

            def track(self, event): ...

            def flush(self, timeout):
                print(self.name, "flushed")

        first = track_llm_call(tracker=Batch("one"))(lambda: "a")
        second = track_llm_call(tracker=Batch("two"))(lambda: "a")
        first(), second()
        """
    )

    assert sorted(said.splitlines()[:2]) == ["one flushed", "two flushed"]


def test_many_blocks_of_an_async_tracker_leave_nothing():
    """The loop of the delivery remembers no block that is over."""

    class Tracker:
        async def track(self, event): ...

    tracker = Tracker()
    for _ in range(50):
        with tracked_stream(tracker):
            continue
    flush()
    gc.collect()

    outlets = [each for each in gc.get_objects() if type(each) is Outlet]
    assert sum(each.tracker is tracker for each in outlets) <= 1


def test_what_a_tracker_dropped_is_counted_once():
    """However many blocks and functions share the tracker."""

    class Dropping:
        name = "dropping"
        dropped = 3

        def track(self, event): ...

    tracker = as_tracker(Dropping())
    outlets = [Outlet(tracker) for _ in range(3)]

    assert (len(outlets), statistics()["dropping"]["dropped"]) == (3, 3)


def test_a_flush_inside_of_an_async_tracker_does_not_wait_for_itself():
    """It would hold up the loop that is to deliver what it waits for."""
    took: list[float] = []

    class Tracker:
        events = frozenset({CallEnded})

        async def track(self, event):
            begun = monotonic()
            flush(30)
            took.append(monotonic() - begun)

    track_llm_call(tracker=Tracker())(lambda: "a")()

    assert flush(20)
    assert took[0] < 10


def test_what_outlives_a_call_is_inside_of_what_is_still_open(recorder):
    """A task that a call left behind has the call around that as its parent."""
    tasks: list[asyncio.Task[str]] = []
    go_on = asyncio.Event()

    @track_llm_call(tracker=recorder, name="late", model="x")
    async def late() -> str:
        return "a"

    async def wait() -> str:
        await go_on.wait()
        return await late()

    @track_llm_call(tracker=recorder, name="inner", model="x")
    async def inner() -> str:
        tasks.append(asyncio.create_task(wait()))
        return "a"

    @track_llm_call(tracker=recorder, name="outer", model="x")
    async def outer() -> str:
        await inner()
        flush()
        go_on.set()
        await tasks[0]
        return "a"

    asyncio.run(outer())

    flush()
    ids = {record.name: record.call_id for record in recorder.records}
    parents = {record.name: record.parent_id for record in recorder.records}
    assert parents == {"late": ids["outer"], "inner": ids["outer"], "outer": None}
