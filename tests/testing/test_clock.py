import math
import time
from datetime import timedelta

import pytest

from llmtrack import track_llm_call, tracked_stream
from llmtrack.testing import Clock, RecordingTracker, Script, chat_chunks

SCRIPT = Script(chat_chunks("Hel", "lo"))


@pytest.fixture
def recorder():
    return RecordingTracker()


@pytest.fixture
def stream(recorder):
    """Return what opens a tracked stream."""
    return track_llm_call(tracker=recorder)(SCRIPT.stream)


def times_of(record):
    """Return all times of a record that are known."""
    found = (
        record.duration,
        record.time_to_first_chunk,
        record.time_to_first_token,
        record.provider_time,
        record.consumer_time,
        record.longest_wait,
    )
    return [seconds for seconds in found if seconds is not None]


def test_the_clock_times_all_calls_that_start_inside(recorder, stream):
    """
    Times are what the test says, to the last digit.
    """
    with Clock() as clock:
        answer = stream()
        clock.advance(0.25)
        next(answer)
        clock.advance(0.5)
        list(answer)

    assert 0.75 == recorder.record.duration
    assert 0.25 == recorder.record.time_to_first_token


def test_the_clock_is_put_back(recorder, stream):
    """
    After the block, calls are timed as before it; blocks may be nested.
    """
    with Clock(5.0) as outer:
        with Clock(7.0):
            list(stream())
        answer = stream()
        outer.advance(1.0)
        list(answer)
    list(stream())

    first, second, third = (record.duration for record in recorder.records)
    assert (0.0, 1.0) == (first, second)
    assert 0.0 < third < 1.0


def test_a_clock_that_goes_back_gives_no_negative_time(recorder, stream):
    """
    Whatever a clock does, a call took no less than nothing.
    """
    with Clock(10.0) as clock:
        answer = stream()
        next(answer)
        clock.advance(-5.0)
        list(answer)

    assert all(seconds >= 0.0 for seconds in times_of(recorder.record))


def test_a_clock_that_goes_back_inside_of_a_step_gives_no_negative_time(recorder):
    """
    The wait for a chunk is no less than nothing either.
    """
    clock = Clock(10.0)
    script = Script(chat_chunks("Hel", "lo"), wait=-1.0, clock=clock)

    with clock, tracked_stream(recorder) as tracked:
        list(tracked(script.stream()))

    assert all(seconds >= 0.0 for seconds in times_of(recorder.record))


@pytest.fixture(params=["freezegun", "time_machine"])
def frozen(request):
    """Return a context manager that stops the clock, of each library."""
    library = pytest.importorskip(request.param)
    if request.param == "freezegun":
        return lambda: library.freeze_time("2026-11-21")
    return lambda: library.travel("2026-11-21", tick=False)


def test_a_frozen_clock_gives_real_numbers(recorder, stream, frozen):
    """
    A call under a stopped clock has times, and none of them is negative.
    """
    with frozen():
        list(stream())

    assert all(0.0 <= seconds < 60.0 for seconds in times_of(recorder.record))


def test_freezegun_freezes_the_times(recorder, stream):
    """
    Under freezegun the monotonic clocks stand still too.
    """
    freezegun = pytest.importorskip("freezegun")

    with freezegun.freeze_time("2026-11-21") as clock:
        answer = stream()
        clock.tick(timedelta(seconds=2))
        list(answer)

    assert 2.0 == recorder.record.duration
    assert 2026 == recorder.record.started_at.year


def test_a_clock_may_be_frozen_in_the_middle_of_a_stream(recorder, stream, frozen):
    """
    What was begun before goes on, and nothing is negative or absurd.
    """
    answer = stream()
    next(answer)

    with frozen():
        list(answer)

    assert all(0.0 <= seconds < 60.0 for seconds in times_of(recorder.record))


def test_a_clock_may_thaw_in_the_middle_of_a_stream(recorder, stream, frozen):
    """
    What was begun under a stopped clock goes on when it runs again.
    """
    with frozen():
        answer = stream()
        next(answer)

    chunks = list(answer)

    assert 2 == len(chunks)
    assert all(
        seconds >= 0.0 and math.isfinite(seconds)
        for seconds in times_of(recorder.record)
    )


def test_the_wall_clock_is_not_asked(recorder, stream, monkeypatch):
    """
    A wall clock that jumps back changes no duration.
    """
    monkeypatch.setattr(time, "time", lambda: -1e9)

    list(stream())

    assert all(0.0 <= seconds < 60.0 for seconds in times_of(recorder.record))
