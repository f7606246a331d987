"""The rules of LaunchDarkly's metrics, on fakes of every generation of its SDK."""

import threading

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted
from llmtrack.record import Outcome, TokenUsage
from llmtrack.trackers import LaunchDarklyTracker


class OldTracker:
    """As in ldai 0.8 to 0.17: no guards, good for any number of calls."""

    def __init__(self):
        self.sent = []

    def track_duration(self, duration):
        self.sent.append(("duration", duration))

    def track_time_to_first_token(self, time_to_first_token):
        self.sent.append(("ttft", time_to_first_token))

    def track_tokens(self, tokens):
        self.sent.append(("tokens", tokens.total, tokens.input, tokens.output))

    def track_success(self):
        self.sent.append(("success",))

    def track_error(self):
        self.sent.append(("error",))


class NewTracker(OldTracker):
    """As in ldai since 0.18: good for one call."""

    resumption_token = "token"

    def track_tool_calls(self, tool_calls):
        self.sent.append(("tools", *tool_calls))


class Config:
    """An AI Config since ldai 0.18."""

    def __init__(self):
        self.runs = []

    def create_tracker(self):
        self.runs.append(NewTracker())
        return self.runs[-1]


class Client:
    """`LDAIClient`, whose method of the same name resumes a tracker."""

    def create_tracker(self, token, context):
        raise NotImplementedError


def tell(tracker, events):
    for event in events:
        tracker.track(event)


def test_a_streamed_call_sends_each_metric_once(make_record, events_of):
    """
    Milliseconds, tokens and one outcome, in the order of LaunchDarkly's SDK.
    """
    config = Config()
    record = make_record(tool_calls=("weather", "clock"))

    tell(LaunchDarklyTracker(config), events_of(record))

    assert [
        ("ttft", 250),
        ("duration", 1250),
        ("success",),
        ("tokens", 30, 20, 10),
        ("tools", "weather", "clock"),
    ] == config.runs[0].sent


def test_milliseconds_are_whole(make_record, events_of):
    """
    They are cut as LaunchDarkly's SDK cuts them, and never below zero.
    """
    config = Config()
    record = make_record(duration=1.2345, time_to_first_token=-0.001)

    tell(LaunchDarklyTracker(config), events_of(record))

    assert [("ttft", 0), ("duration", 1234)] == config.runs[0].sent[:2]


def test_a_failed_call_is_an_error(failed_record, events_of):
    """
    Duration and error; no tokens, which would use up the one shot for nothing.
    """
    config = Config()

    tell(LaunchDarklyTracker(config), events_of(failed_record))

    assert [("duration", 1250), ("error",)] == config.runs[0].sent


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.ABANDONED])
@pytest.mark.parametrize(
    ("early_exit", "with_token", "without"),
    [
        ("by_token", ["success"], ["error"]),
        ("success", ["success"], ["success"]),
        ("error", ["error"], ["error"]),
        ("none", [], []),
    ],
)
def test_a_call_that_was_left_counts_as_it_is_told_to(
    make_record, events_of, outcome, early_exit, with_token, without
):
    """
    By default it is a success once a token has arrived, and an error before.
    """
    config = Config()
    tracker = LaunchDarklyTracker(config, early_exit=early_exit)

    tell(tracker, events_of(make_record(outcome=outcome)))
    tell(tracker, events_of(make_record(outcome=outcome, time_to_first_token=None)))

    outcomes = [
        [name for name, *_ in run.sent if name in ("success", "error")]
        for run in config.runs
    ]
    assert [with_token, without] == outcomes
    assert all("duration" in dict.fromkeys(s[0] for s in r.sent) for r in config.runs)


@pytest.mark.parametrize(
    ("usage", "sent"),
    [
        (TokenUsage(), []),
        (TokenUsage(0, 0, 0), []),
        (TokenUsage(None, 10, None), [("tokens", 10, 0, 10)]),
        (TokenUsage(20, 10, 35), [("tokens", 35, 20, 10)]),
        (TokenUsage(20, 10, None), [("tokens", 30, 20, 10)]),
    ],
)
def test_tokens_are_numbers_and_never_none(make_record, events_of, usage, sent):
    """
    The provider's total, else the sum; nothing where nothing is known.
    """
    config = Config()

    tell(LaunchDarklyTracker(config), events_of(make_record(usage=usage)))

    assert sent == [each for each in config.runs[0].sent if each[0] == "tokens"]


@pytest.mark.parametrize(
    ("sources", "sent"),
    [
        (("tokenizer", "estimate"), []),
        (("reported", "estimate"), [("tokens", 0, 20, 0)]),
        (("reported", "reported"), [("tokens", 30, 20, 10)]),
    ],
)
def test_estimates_can_be_kept_out(make_record, events_of, sources, sent):
    """
    With `estimated_tokens=False` only what the provider reported is sent.
    """
    config = Config()
    usage = TokenUsage(20, 10, 30, input_source=sources[0], output_source=sources[1])

    tracker = LaunchDarklyTracker(config, estimated_tokens=False)
    tell(tracker, events_of(make_record(usage=usage)))

    assert sent == [each for each in config.runs[0].sent if each[0] == "tokens"]


def test_each_call_has_a_run_of_its_own(make_record, events_of):
    """
    Calls that overlap do not share a tracker.
    """
    config = Config()
    tracker = LaunchDarklyTracker(config)
    first, second = events_of(make_record()), events_of(make_record(duration=3.0))

    tell(tracker, [first[0], second[0], *second[1:], *first[1:]])

    durations = [[s[1] for s in run.sent if s[0] == "duration"] for run in config.runs]
    assert [[1250], [3000]] == durations


def shared(tracker):
    return type("SharedConfig", (), {"tracker": tracker})()


@pytest.mark.parametrize(
    "source_of",
    [
        lambda tracker: tracker,
        lambda tracker: ("config", tracker),
        shared,
        lambda tracker: lambda: tracker,
        lambda tracker: lambda: ("config", tracker),
        lambda tracker: lambda: shared(tracker),
    ],
    ids=["tracker", "pair", "config", "factory", "factory-pair", "factory-config"],
)
def test_every_way_to_name_an_old_tracker_is_taken(make_record, events_of, source_of):
    """
    Before 0.18, ldai hands out a tracker beside the config, or on it.
    """
    launchdarkly = OldTracker()
    tracker = LaunchDarklyTracker(source_of(launchdarkly))

    tell(tracker, events_of(make_record()))
    tell(tracker, events_of(make_record()))

    assert 2 == launchdarkly.sent.count(("success",))


def test_a_factory_of_configs_is_asked_when_a_call_starts(make_record, events_of):
    """
    A function may evaluate the config anew for each call.
    """
    configs = []

    def evaluate():
        configs.append(Config())
        return configs[-1]

    tracker = LaunchDarklyTracker(evaluate)
    start, *rest = events_of(make_record())

    tracker.track(start)
    assert 1 == len(configs)
    tell(tracker, rest)

    assert 1 == len(configs[0].runs)


def test_a_tracker_of_one_run_that_is_used_twice_is_told(
    make_record, events_of, caplog
):
    """
    The second call is dropped by us and not by LaunchDarkly, with one warning.
    """
    launchdarkly = NewTracker()
    tracker = LaunchDarklyTracker(launchdarkly)

    for _ in range(3):
        tell(tracker, events_of(make_record()))

    assert 1 == launchdarkly.sent.count(("success",))
    assert 2 == tracker.dropped
    assert 1 == len(caplog.records)
    assert "LaunchDarklyTracker(config)" in caplog.text


def test_the_inner_call_gets_the_one_run(make_record, events_of, caplog):
    """
    A tracker of one run around a nested call keeps the call that has tokens.
    """
    launchdarkly = NewTracker()
    tracker = LaunchDarklyTracker(launchdarkly)
    outer = events_of(make_record(usage=TokenUsage(), cost=None, cost_status="nested"))
    inner = events_of(make_record())

    tell(tracker, [outer[0], *inner, *outer[1:]])

    assert ("tokens", 30, 20, 10) in launchdarkly.sent
    assert 0 == tracker.dropped
    assert [] == caplog.records


def test_only_one_of_two_threads_gets_the_one_run(make_record):
    """
    The guard is atomic, which LaunchDarkly's own is not.
    """
    launchdarkly = NewTracker()
    tracker = LaunchDarklyTracker(launchdarkly)
    records = [make_record() for _ in range(20)]
    barrier = threading.Barrier(len(records))

    def end(record):
        barrier.wait()
        tracker.track(CallEnded(record, 1.0, record))

    threads = [threading.Thread(target=end, args=(record,)) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 == launchdarkly.sent.count(("success",))


def test_a_method_that_raises_does_not_keep_the_others(make_record, events_of):
    """
    All metrics are tried; whoever guards the tracker is told.
    """

    class Broken(OldTracker):
        def track_duration(self, duration):
            raise RuntimeError("no connection")

    launchdarkly = Broken()
    *before, end = events_of(make_record())
    tracker = LaunchDarklyTracker(launchdarkly)
    tell(tracker, before)

    with pytest.raises(RuntimeError, match="no connection"):
        tracker.track(end)

    assert ["ttft", "success", "tokens"] == [name for name, *_ in launchdarkly.sent]


def test_a_source_that_fails_is_asked_once_a_call(make_record, events_of):
    """
    A factory that raises costs the call's metrics, and is not asked again.
    """
    asked = []

    def fail():
        asked.append(1)
        raise RuntimeError("no flag")

    tracker = LaunchDarklyTracker(fail)
    start, *rest = events_of(make_record())

    with pytest.raises(RuntimeError):
        tracker.track(start)
    tell(tracker, rest)

    assert [1] == asked


def test_a_call_without_its_start_is_sent_too(make_record):
    """
    A filter in front may let only endings through.
    """
    config = Config()
    record = make_record()

    LaunchDarklyTracker(config).track(CallEnded(record, 1.0, record))

    assert ("success",) in config.runs[0].sent


def test_nothing_is_kept_of_a_call_that_has_ended(make_record, events_of):
    """
    Memory does not grow with the number of calls.
    """
    tracker = LaunchDarklyTracker(Config())

    for _ in range(100):
        tell(tracker, events_of(make_record()))

    assert {} == tracker._open


def test_calls_that_never_end_are_not_kept_without_bound(make_call, monkeypatch):
    """
    Beyond a limit the open calls are not remembered.
    """
    monkeypatch.setattr("llmtrack.trackers.launchdarkly._OPEN_LIMIT", 10)
    tracker = LaunchDarklyTracker(Config())

    for _ in range(100):
        tracker.track(CallStarted(make_call(), 0.0))

    assert 10 == len(tracker._open)


@pytest.mark.parametrize("source", [object(), 42, None, "key", lambda key: None, dict])
def test_a_source_that_is_none_is_refused(source):
    """
    The error says what is taken.
    """
    with pytest.raises(ConfigurationError, match="takes an AI Config"):
        LaunchDarklyTracker(source)


def test_the_client_is_not_taken_for_a_config():
    """
    `LDAIClient.create_tracker` is resumption, and wants arguments.
    """
    with pytest.raises(ConfigurationError, match="not the client that makes it"):
        LaunchDarklyTracker(Client())


def test_an_unknown_early_exit_is_refused():
    """
    A typo is told at set-up.
    """
    with pytest.raises(ConfigurationError, match="by_token, success, error, none"):
        LaunchDarklyTracker(Config(), early_exit="sucess")
