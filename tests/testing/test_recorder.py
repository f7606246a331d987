import gc
import threading

import pytest

from llmtrack import (
    CallEnded,
    CallStarted,
    Delta,
    FirstToken,
    Outcome,
    UsageKnown,
    track_llm_call,
    tracked_stream,
)
from llmtrack.testing import RecordingTracker, Script, chat_chunks


@pytest.fixture
def recorder():
    return RecordingTracker()


def test_everything_but_deltas_is_recorded(recorder):
    """
    Without being asked, the recorder wants what every tracker gets.
    """
    with tracked_stream(recorder) as tracked:
        list(tracked(Script(chat_chunks("Hi")).stream()))

    assert [CallStarted, FirstToken, UsageKnown, CallEnded] == [
        type(event) for event in recorder.history
    ]


def test_deltas_are_recorded_when_asked_for():
    """
    With `deltas` each chunk that carries content or the finish reason is an event.
    """
    recorder = RecordingTracker(deltas=True)

    with tracked_stream(recorder) as tracked:
        list(tracked(Script(chat_chunks("Hel", "lo")).stream()))

    told = [(event.text, event.finish_reason) for event in recorder.of(Delta)]
    assert [("Hel", None), ("lo", None), ("", "stop")] == told


def test_what_is_read_is_complete(recorder):
    """
    An ending that is delivered a moment later is waited for.
    """

    @track_llm_call(tracker=recorder)
    def answer():
        return Script(chat_chunks("Hi")).stream()

    answer()
    gc.collect()

    assert Outcome.ABANDONED is recorder.record.outcome


def test_exceptions_are_not_kept(recorder):
    """
    The traceback of an exception would hold the stream that is being tested.
    """
    script = Script(error=ConnectionError())

    with pytest.raises(ConnectionError), tracked_stream(recorder) as tracked:
        list(tracked(script.stream()))

    assert [None] == [event.exception for event in recorder.of(CallEnded)]


def test_exceptions_are_kept_when_asked_for():
    """
    A test of the exception itself can have it.
    """
    recorder = RecordingTracker(exceptions=True)
    error = ConnectionError()

    with pytest.raises(ConnectionError), tracked_stream(recorder) as tracked:
        list(tracked(Script(error=error).stream()))

    assert [error] == [event.exception for event in recorder.of(CallEnded)]


def test_the_record_is_the_only_one(recorder):
    """
    Asking for the one record where there is none, or are two, fails.
    """
    with pytest.raises(AssertionError, match="0 did"):
        _ = recorder.record


def test_a_cleared_recorder_starts_anew(recorder):
    """
    What came before `clear` is forgotten, and what comes after it is not.
    """
    call = track_llm_call(tracker=recorder)(lambda: "text")
    call()

    recorder.clear()
    call()

    assert 1 == len(recorder.records)


def test_many_threads_share_a_recorder(recorder):
    """
    No event is lost when many threads are told at once.
    """
    call = track_llm_call(tracker=recorder)(lambda: "text")

    threads = [
        threading.Thread(target=lambda: [call() for _ in range(50)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 400 == len({record.call_id for record in recorder.records})
