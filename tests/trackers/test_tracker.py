"""What is accepted as a tracker."""

import asyncio
import functools
import subprocess
import sys

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Delta, Event
from llmtrack.trackers import Background, FanOut, Filtered, LaunchDarklyTracker
from llmtrack.trackers.protocol import ALL_BUT_DELTA, ALL_EVENTS, wanted_events
from llmtrack.trackers.tracker import as_tracker, tracker_name


class FiveMethods:
    def __init__(self):
        self.called = []

    def track_duration(self, duration):
        self.called.append(("duration", duration))

    def track_time_to_first_token(self, time_to_first_token):
        self.called.append(("ttft", time_to_first_token))

    def track_tokens(self, tokens):
        self.called.append(("tokens", tokens))

    def track_success(self):
        self.called.append(("success",))

    def track_error(self):
        self.called.append(("error",))


def test_a_tracker_is_taken_as_it_is(told):
    """
    What has `track(event)` is a tracker.
    """
    assert told is as_tracker(told)


def test_launchdarklys_own_tracker_is_taken(make_record, events_of):
    """
    An object with LaunchDarkly's five methods gets the metrics of the call.
    """
    launchdarkly = FiveMethods()

    tracker = as_tracker(launchdarkly)
    for event in events_of(make_record()):
        tracker.track(event)

    assert isinstance(tracker, LaunchDarklyTracker)
    assert ("success",) in launchdarkly.called


def test_a_function_gets_each_record_once(make_record, events_of):
    """
    A function of one record is called when the call has ended, and only then.
    """
    records = []
    record = make_record()

    tracker = as_tracker(records.append)
    for event in events_of(record):
        tracker.track(event)

    assert [record] == records
    assert frozenset({CallEnded}) == wanted_events(tracker)


def test_an_async_function_gives_something_to_await(make_record):
    """
    The coroutine of an async function is handed to whoever delivers.
    """
    records = []
    record = make_record()

    async def keep(record):
        records.append(record)

    asyncio.run(as_tracker(keep).track(CallEnded(record, 1.0, record)))

    assert [record] == records


def test_a_sequence_is_all_of_them(told, make_record, events_of):
    """
    A list may hold trackers, functions and lists.
    """
    records = []
    events = events_of(make_record())

    tracker = as_tracker([told, [records.append]])
    for event in events:
        tracker.track(event)

    assert events == told.seen
    assert 1 == len(records)


@pytest.mark.parametrize("value", [42, "stdout", None, {}, object(), b"", {1, 2}])
def test_anything_else_is_refused_with_what_is_taken(value):
    """
    The error says what it got, what it takes, and what to do.
    """
    with pytest.raises(ConfigurationError) as caught:
        as_tracker(value)

    message = str(caught.value)
    assert message.startswith(
        "tracker must have track(event), LaunchDarkly's five track_* methods, or be a "
        "function of one record; got "
    )


def test_a_refused_value_in_a_list_is_refused():
    """
    A list is as good as its members.
    """
    with pytest.raises(ConfigurationError, match="got 42"):
        as_tracker([print, 42])


def test_a_class_is_not_an_instance(make_told):
    """
    A forgotten pair of parentheses is told as what it is.
    """
    with pytest.raises(ConfigurationError, match=r"Write Told\(\.\.\.\)"):
        as_tracker(make_told)


def test_a_repr_that_raises_does_not_hide_the_error():
    """
    The error describes a value whatever its `repr` does.
    """

    class Hostile:
        def __repr__(self):
            raise RuntimeError

    with pytest.raises(ConfigurationError, match="Hostile"):
        as_tracker(Hostile())


def test_an_ai_config_is_told_how_it_is_meant():
    """
    An AI Config has no five methods, but its cure is near.
    """

    class AIConfig:
        def create_tracker(self):
            return FiveMethods()

    with pytest.raises(ConfigurationError, match=r"LaunchDarklyTracker\(config\)"):
        as_tracker(AIConfig())


@pytest.mark.parametrize(
    "function", [lambda: None, lambda a, b: None, lambda *, record: None]
)
def test_a_function_that_cannot_take_a_record_is_refused(function):
    """
    A signature that does not fit is an error now, not at each call.
    """
    with pytest.raises(ConfigurationError, match="one argument"):
        as_tracker(function)


@pytest.mark.parametrize(
    "function", [print, [].append, lambda *a: None, functools.partial(max, 1)]
)
def test_a_function_that_can_take_a_record_is_taken(function):
    """
    Builtins, bound methods, variadics and partials are functions too.
    """
    assert as_tracker(function)


def test_a_generator_function_is_refused():
    """
    Nobody would iterate what it returns, so that its body would never run.
    """

    def keep(record):
        yield record

    with pytest.raises(ConfigurationError, match="must not yield"):
        as_tracker(functools.partial(keep))


def test_a_track_with_another_signature_is_refused():
    """
    `LDClient.track(event_name, context)` is another method of the same name.
    """

    class LDClient:
        def track(self, event_name, context):
            raise NotImplementedError

    with pytest.raises(ConfigurationError, match=r"track\(event_name, context\)"):
        as_tracker(LDClient())


@pytest.mark.parametrize("events", [CallEnded, {"CallEnded"}, "CallEnded", {int}])
def test_events_that_are_no_event_classes_are_refused(events, told):
    """
    A tracker that would get nothing by mistake is told at once.
    """
    told.events = events

    with pytest.raises(ConfigurationError, match="event classes"):
        as_tracker(told)


def test_an_async_flush_is_refused(told):
    """
    Only `track` may be async: flush is called where no loop runs.
    """

    async def flush(timeout):
        return True

    told.flush = flush

    with pytest.raises(ConfigurationError, match="must not be async"):
        as_tracker(told)


def test_deltas_are_for_those_who_ask(make_told):
    """
    A tracker gets everything but `Delta`; `Event` stands for all its classes.
    """
    assert ALL_BUT_DELTA == wanted_events(make_told())
    assert frozenset({Delta}) == wanted_events(make_told(frozenset({Delta})))
    assert ALL_EVENTS == wanted_events(make_told(frozenset({Event})))


def test_one_that_fails_does_not_keep_the_others_from_hearing(
    told, make_record, caplog
):
    """
    Members of a FanOut are apart: a failure is counted, and logged once.
    """
    record = make_record()

    def fail(record):
        raise RuntimeError("no")

    fan_out = FanOut(fail, told)
    for _ in range(3):
        fan_out.track(CallEnded(record, 1.0, record))

    assert 3 == len(told.seen)
    assert 3 == fan_out.failed
    assert ["llmtrack"] == [entry.name for entry in caplog.records]


def test_an_interrupt_passes_when_all_have_been_told(told, make_record):
    """
    `KeyboardInterrupt` is not contained, and costs nobody the event.
    """
    record = make_record()

    def interrupt(record):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FanOut(interrupt, told).track(CallEnded(record, 1.0, record))

    assert 1 == len(told.seen)


def test_async_members_are_awaited_in_turn(told, make_record):
    """
    A FanOut of async members gives one coroutine, each apart from the others.
    """
    record = make_record()

    async def fail(record):
        raise RuntimeError("no")

    async def pass_on(record):
        told.track(record)

    fan_out = FanOut(fail, pass_on)
    asyncio.run(fan_out.track(CallEnded(record, 1.0, record)))

    assert [record] == told.seen
    assert 1 == fan_out.failed


def test_a_member_gets_what_it_asks_for(make_told, make_delta):
    """
    A FanOut asks for what its members want, and gives each no more than that.
    """
    plain, deltas = make_told(), make_told(frozenset({Delta}))

    fan_out = FanOut(plain, deltas)
    fan_out.track(make_delta())

    assert ALL_EVENTS == fan_out.events
    assert [0, 1] == [len(plain.seen), len(deltas.seen)]


class Context:
    def __init__(self, log, fails=False):
        self.log, self.fails = log, fails

    def __enter__(self):
        if self.fails:
            raise RuntimeError("no")
        self.log.append("enter")

    def __exit__(self, *exc):
        self.log.append("exit")


def test_the_members_contexts_are_entered_as_one(make_told, make_call):
    """
    `activate` is there only where a member has it, and contains what fails.
    """
    log = []
    works, fails, has_none = make_told(), make_told(), make_told()
    works.activate = lambda call: Context(log)
    fails.activate = lambda call: Context(log, fails=True)

    with FanOut(works, fails, has_none).activate(make_call()):
        log.append("body")

    assert ["enter", "body", "exit"] == log
    assert not hasattr(FanOut(has_none), "activate")


def test_an_exception_in_the_body_is_no_failure_of_the_context(make_told, make_call):
    """
    What leaves the body leaves it as it is, and is not counted.
    """
    tracker = make_told()
    log = []
    tracker.activate = lambda call: Context(log)
    fan_out = FanOut(tracker)

    with pytest.raises(StopIteration), fan_out.activate(make_call()):
        raise StopIteration

    assert 0 == fan_out.failed


def test_flush_asks_all_and_tells_whether_all_were_done(make_told):
    """
    One that is late or fails makes the answer False; the others are asked.
    """
    asked = []
    late, done, fails = make_told(), make_told(), make_told()
    late.flush = lambda timeout: asked.append("late") or False
    done.flush = lambda timeout: asked.append("done") or True
    fails.flush = lambda timeout: 1 / 0

    assert not FanOut(late, fails, done).flush(1.0)
    assert ["late", "done"] == asked
    assert FanOut(done, make_told()).flush(1.0)


def test_what_the_members_dropped_is_summed(make_told):
    """
    Statistics see it, also behind other trackers.
    """
    first, second = make_told(), make_told()
    first.dropped, second.dropped = 2, 3

    assert 5 == Background(FanOut(first, Filtered(second))).dropped


def test_close_closes_all_but_what_is_async(make_told):
    """
    An async close is the program's own to await.
    """
    closed = []
    tracker, async_tracker = make_told(), make_told()

    async def close():
        closed.append("async")

    tracker.close = lambda: closed.append("sync")
    async_tracker.close = close

    FanOut(async_tracker, tracker).close()

    assert ["sync"] == closed


def test_names_are_for_people(told):
    """
    Statistics name a function by its name and a tracker by its class.
    """

    def bill(record):
        raise NotImplementedError

    assert "Told" == tracker_name(told)
    assert tracker_name(as_tracker(bill)).endswith("bill")


def test_importing_the_package_loads_no_backend():
    """
    Each backend is imported when it is first used.
    """
    script = (
        "import sys, llmtrack.trackers as trackers; "
        "print(*[m for m in sys.modules if m.startswith('llmtrack.trackers.')])"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    vocabulary = {"protocol", "signatures"}
    modules = {
        name.removeprefix("llmtrack.trackers.") for name in loaded.stdout.split()
    }
    assert set() == modules - vocabulary


def test_an_unknown_name_is_an_attribute_error():
    """
    A name that no module and no entry point has does not exist.
    """
    import llmtrack.trackers

    with pytest.raises(AttributeError, match="NoSuchTracker"):
        llmtrack.trackers.NoSuchTracker


@pytest.mark.parametrize("nobody", [[], (), [print, []]])
def test_an_empty_sequence_is_no_tracker(nobody):
    """
    Who gives no tracker at all has made a mistake.
    """
    with pytest.raises(ConfigurationError, match="empty sequence"):
        as_tracker(nobody)
