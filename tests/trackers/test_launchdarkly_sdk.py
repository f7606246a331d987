"""
What LaunchDarkly's own SDK sends, received on loopback.

Holds for ldai 0.10 to 1.2: the environment decides which one is there.
"""

import functools
import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.record import Outcome, TokenUsage
from llmtrack.trackers import LaunchDarklyTracker
from llmtrack.trackers.tracker import as_tracker

ldclient = pytest.importorskip("ldclient", reason="needs the extra launchdarkly")
pytest.importorskip("ldai", reason="needs the extra launchdarkly")

from ldai import client as ldai_client  # noqa: E402
from ldclient.config import Config  # noqa: E402
from ldclient.integrations.test_data import TestData  # noqa: E402

LDAI = tuple(map(int, version("launchdarkly-server-sdk-ai").split(".")[:2]))
HAS_RUNS = LDAI >= (0, 18)
HAS_TOOLS = LDAI >= (0, 17)


class Receiver(ThreadingHTTPServer):
    """LaunchDarkly's event service, as far as a client sees it."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.events = []


class Answer(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if self.path.startswith("/bulk"):
            self.server.events.extend(json.loads(body))
        self.send_response(202)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(receiver):
    data = TestData.data_source()
    data.update(
        data.flag("chat-config")
        .variations(
            {
                "_ldMeta": {
                    "enabled": True,
                    "variationKey": "var-a",
                    "version": 3,
                    "mode": "completion",
                },
                "model": {"name": "gpt-4o-mini"},
                "provider": {"name": "openai"},
                "messages": [{"role": "system", "content": "Hello {{name}}"}],
            }
        )
        .variation_for_all(0)
    )
    client = ldclient.LDClient(
        Config(
            sdk_key="sdk-fake",
            update_processor_class=data,
            send_events=True,
            diagnostic_opt_out=True,
            events_uri=f"http://127.0.0.1:{receiver.server_port}",
            flush_interval=3600,
        ),
        start_wait=5,
    )
    # Its test data source cannot be closed twice.
    client.close = functools.cache(client.close)
    yield client
    client.close()


@pytest.fixture
def evaluate(client):
    """Return a function that gives what one gets for a config in this version."""
    context = ldclient.Context.builder("user-1").kind("user").name("Ada").build()
    ai_client = ldai_client.LDAIClient(client)

    def evaluate(key="chat-config"):
        if hasattr(ai_client, "completion_config"):
            from ldai.models import AICompletionConfigDefault

            default = AICompletionConfigDefault.disabled()
            return ai_client.completion_config(key, context, default, {"name": "Ada"})
        default = ldai_client.AIConfig(enabled=False)
        return ai_client.config(key, context, default, {"name": "Ada"})

    return evaluate


@pytest.fixture
def sent(client, receiver):
    """Return a function that gives the metrics by run, once all have arrived."""

    def sent():
        client.close()
        runs = {}
        for event in receiver.events:
            data = event.get("data")
            # The SDK tells of itself too, and then data is a string or no metric's.
            if event["kind"] == "custom" and "configKey" in (data or ""):
                key = event["key"].removeprefix("$ld:ai:")
                run = runs.setdefault(data.get("runId"), {})
                run.setdefault(key, []).append(event["metricValue"])
        return list(runs.values())

    return sent


def tell(tracker, events):
    for event in events:
        tracker.track(event)


SUCCESS = {
    "tokens:ttf": [250],
    "duration:total": [1250],
    "generation:success": [1],
    "tokens:total": [30],
    "tokens:input": [20],
    "tokens:output": [10],
}


def test_a_call_that_worked(evaluate, sent, make_record, events_of):
    """
    Every metric of a streamed call arrives once.
    """
    tell(LaunchDarklyTracker(evaluate()), events_of(make_record()))

    assert [SUCCESS] == sent()


def test_a_call_that_failed(evaluate, sent, failed_record, events_of):
    """
    Duration and error arrive.
    """
    tell(LaunchDarklyTracker(evaluate()), events_of(failed_record))

    assert [{"duration:total": [1250], "generation:error": [1]}] == sent()


def test_a_call_that_was_abandoned(evaluate, sent, make_record, events_of):
    """
    A stream that was left after its first token counts as success.
    """
    record = make_record(outcome=Outcome.ABANDONED, usage=TokenUsage())

    tell(LaunchDarklyTracker(evaluate()), events_of(record))

    assert [
        {"tokens:ttf": [250], "duration:total": [1250], "generation:success": [1]}
    ] == sent()


def test_two_calls_are_two_runs(evaluate, sent, make_record, events_of, caplog):
    """
    A config gives each call a fresh run, so that LaunchDarkly drops nothing.
    """
    tracker = LaunchDarklyTracker(evaluate())
    first, second = events_of(make_record()), events_of(make_record())

    with caplog.at_level(logging.WARNING, "ldclient.util"):
        tell(tracker, [first[0], second[0], *first[1:], *second[1:]])

    doubled = {key: values * 2 for key, values in SUCCESS.items()}
    assert ([SUCCESS, SUCCESS] if HAS_RUNS else [doubled]) == sent()
    assert [] == caplog.records


def test_a_function_evaluates_for_each_call(evaluate, sent, make_record, events_of):
    """
    A function without arguments is asked once a call.
    """
    tracker = LaunchDarklyTracker(evaluate)

    tell(tracker, events_of(make_record()))
    tell(tracker, events_of(make_record()))

    arrived = [value for run in sent() for value in run["generation:success"]]
    assert [1, 1] == arrived


def test_launchdarklys_tracker_itself_is_a_tracker(
    evaluate, sent, make_record, events_of
):
    """
    What LaunchDarkly hands out may be passed where a tracker is expected.
    """
    config = evaluate()
    if HAS_RUNS:
        launchdarkly = config.create_tracker()
    else:
        launchdarkly = config[1] if isinstance(config, tuple) else config.tracker

    tell(as_tracker(launchdarkly), events_of(make_record()))

    assert [SUCCESS] == sent()


@pytest.mark.skipif(not HAS_RUNS, reason="trackers of this ldai are good for any call")
def test_a_tracker_used_twice_is_our_warning_not_launchdarklys(
    evaluate, sent, make_record, events_of, caplog
):
    """
    One warning with the cure, instead of one for each metric of each call.
    """
    tracker = LaunchDarklyTracker(evaluate().create_tracker())

    for _ in range(3):
        tell(tracker, events_of(make_record()))

    assert [SUCCESS] == sent()
    assert ["llmtrack"] == [record.name for record in caplog.records]


@pytest.mark.skipif(not HAS_TOOLS, reason="this ldai has no track_tool_calls")
def test_tool_calls_arrive_each(evaluate, sent, make_record, events_of):
    """
    A tool that was called twice counts twice.
    """
    record = make_record(tool_calls=("weather", "weather"))

    tell(LaunchDarklyTracker(evaluate()), events_of(record))

    assert [1, 1] == sent()[0]["tool_call"]


def test_no_tokens_at_all_send_nothing(evaluate, sent, make_record, events_of):
    """
    Counts of zero and unknown counts are not sent.
    """
    tracker = LaunchDarklyTracker(evaluate)

    tell(tracker, events_of(make_record(usage=TokenUsage(0, 0, 0))))
    tell(tracker, events_of(make_record(usage=TokenUsage())))

    assert not any("tokens:total" in run for run in sent())


def test_a_disabled_config_is_the_programs_decision(
    evaluate, sent, make_record, events_of
):
    """
    A missing flag gives a tracker that works, and is used.
    """
    tell(LaunchDarklyTracker(evaluate("no-such-flag")), events_of(make_record()))

    assert [SUCCESS] == sent()


def test_a_client_that_raises_is_the_trackers_failure(
    evaluate, client, make_record, events_of, monkeypatch
):
    """
    All metrics are tried, and whoever guards the tracker is told.
    """
    tried = []

    def fail(key, *args):
        tried.append(key)
        raise RuntimeError("no")

    tracker = LaunchDarklyTracker(evaluate())
    *before, end = events_of(make_record())
    tell(tracker, before)
    monkeypatch.setattr(client, "track", fail)

    with pytest.raises(RuntimeError):
        tracker.track(end)

    assert {"$ld:ai:duration:total", "$ld:ai:tokens:ttf"} < set(tried)


@pytest.mark.skipif(
    not hasattr(ldai_client.LDAIClient, "create_tracker"), reason="no such method"
)
def test_the_ai_client_is_not_taken_for_a_config(client):
    """
    `create_tracker` of the client resumes a run, and is not meant.
    """
    with pytest.raises(ConfigurationError, match="not the client that makes it"):
        LaunchDarklyTracker(ldai_client.LDAIClient(client))


def test_the_clients_client_is_refused_as_a_tracker(client):
    """
    `LDClient.track(event_name, context)` is no tracker's `track`.
    """
    with pytest.raises(ConfigurationError, match="one argument"):
        as_tracker(client)
