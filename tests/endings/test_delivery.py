"""Trackers that do what they like, and must not stop the program."""

import gc
import logging
import threading
import time

import pytest

from llmtrack import Outcome, flush, track_llm_call, tracked_stream
from llmtrack.testing import RecordingTracker, Script, chat_chunks
from llmtrack.trackers import Background

CHUNKS = chat_chunks("Hel", "lo", "!")


@pytest.fixture(autouse=True)
def _small_heap():
    """Let hundreds of collections look at what a test made, not at a whole run."""
    gc.freeze()
    yield
    gc.unfreeze()


def finishes(function):
    """Run a function in a thread, and fail where it does not come to an end."""
    raised = []

    def run():
        try:
            function()
        except BaseException as exc:
            raised.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20.0)
    assert not thread.is_alive(), "it hangs"
    assert [] == raised


def use(tracker, times=20):
    """Read some streams, leave some, drop some, and drop some in cycles."""
    answer = track_llm_call(tracker=tracker)(Script(CHUNKS).stream)
    for _ in range(times):
        list(answer())
        for _ in answer():
            break
        answer()
        cycle = [answer()]
        next(cycle[0])
        cycle.append(cycle)
        del cycle
    gc.collect()


class Told:
    """A tracker that does something, and then records."""

    def __init__(self, recorder, act):
        self._recorder = recorder
        self._act = act

    def track(self, event):
        try:
            self._act(event)
        finally:
            self._recorder.track(event)


LOCK = threading.Lock()


def take_a_lock(event):
    """Take a lock that is not reentrant, and collect garbage inside of it."""
    with LOCK:
        gc.collect()


def log(event):
    """Log, with the locks of logging."""
    logging.getLogger("tests.tracker").warning("%s", event)


def allocate(event):
    """Make the collector run."""
    garbage = []
    for _ in range(2_000):
        cycle = []
        cycle.append(cycle)
        garbage.append(cycle)


def call_a_model(event):
    """Track a call in the middle of being told of one."""
    if event.call.name != "of the tracker":
        inner = track_llm_call(tracker=RecordingTracker(), name="of the tracker")
        list(inner(Script(CHUNKS).stream)())


def flush_it(event):
    """Wait for what waits for this."""
    flush(0.01)


def fail(event):
    """Raise."""
    raise RuntimeError("of the tracker")


@pytest.mark.parametrize(
    "act", [take_a_lock, log, allocate, call_a_model, flush_it, fail, None]
)
def test_a_tracker_may_do_what_it_likes(recorder, act):
    """
    Each call is told once, to its end, and nobody waits for himself.
    """
    tracker = Told(recorder, act or (lambda event: gc.collect()))

    finishes(lambda: use(tracker, 5))

    assert 20 == len(recorder.records)


def test_streams_may_be_dropped_by_the_collector_inside_of_a_tracker(recorder):
    """
    The collector may run anywhere, and so may what it finalizes.
    """
    threshold = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        finishes(lambda: use(Told(recorder, take_a_lock), 5))
    finally:
        gc.set_threshold(*threshold)

    assert 20 == len(recorder.records)


def test_many_threads_may_tell_one_tracker_that_takes_a_lock(recorder):
    """
    A lock of the tracker is never taken on a thread that holds it already.
    """

    def work():
        threads = [
            threading.Thread(target=use, args=(Told(recorder, take_a_lock), 3))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    finishes(work)
    # A thread that collects while another one does has done nothing.
    assert flush(20.0)
    gc.collect()

    assert 96 == len({record.call_id for record in recorder.records})
    assert 96 == len(recorder.records)


def test_a_blocking_tracker_in_the_background_delays_nothing():
    """
    Chunks flow while the tracker waits for something that does not come.
    """
    released = threading.Event()
    seen = []

    class Blocking:
        def track(self, event):
            released.wait(20.0)
            seen.append(event)

    tracker = Background(Blocking())
    with tracked_stream(tracker) as tracked:
        chunks = list(tracked(Script(CHUNKS).stream()))
    told_too_early = list(seen)
    released.set()
    done = tracker.flush(10.0)

    assert len(CHUNKS) == len(chunks)
    assert [] == told_too_early
    assert done
    assert 4 == len(seen)


def test_a_flush_waits_no_longer_than_it_is_told(recorder):
    """
    A tracker that hangs on the delivery thread costs a flush its seconds, no more.
    """
    released = threading.Event()
    answer = track_llm_call(tracker=Told(recorder, lambda event: released.wait(20.0)))
    stream = answer(Script(CHUNKS).stream)
    released.set()
    unread = stream()
    released.clear()
    del unread
    began = time.monotonic()

    done = flush(0.05)

    waited = time.monotonic() - began
    released.set()
    assert not done
    assert waited < 5.0
    assert Outcome.ABANDONED is recorder.record.outcome


def test_ctrl_c_in_a_tracker_passes_when_all_have_been_told(recorder):
    """
    KeyboardInterrupt is the program's: the call ends, the others hear, it passes.
    """

    class Interrupted:
        def track(self, event):
            if type(event).__name__ == "CallEnded":
                raise KeyboardInterrupt

    answer = track_llm_call(tracker=[Interrupted(), recorder])(lambda: "text")

    with pytest.raises(KeyboardInterrupt):
        answer()

    assert Outcome.SUCCESS is recorder.record.outcome


def test_ctrl_c_in_a_tracker_at_the_start_ends_the_call(recorder):
    """
    A call that could not be told to have started was never made, and is over.
    """
    made = []

    class Interrupted:
        def track(self, event):
            if type(event).__name__ == "CallStarted":
                raise KeyboardInterrupt

    @track_llm_call(tracker=[recorder, Interrupted()])
    def answer():
        made.append(1)

    with pytest.raises(KeyboardInterrupt):
        answer()

    assert [] == made
    assert Outcome.CANCELLED is recorder.record.outcome
