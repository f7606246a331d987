"""What the metrics say of calls, in both texts of the conventions."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from llmtrack.record import Cost, Outcome, TokenUsage

pytest.importorskip("opentelemetry.sdk")

COMMON = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "server.address": "api.openai.com",
    "server.port": 443,
}
USAGE = TokenUsage(
    20, 10, 30, 8, 4, 5, input_source="reported", output_source="reported"
)
ESTIMATES = TokenUsage(20, 10, 30, input_source="reported", output_source="estimate")


@pytest.fixture
def latest(make_telemetry):
    return make_telemetry(semconv="latest")


def test_the_metrics_of_1_41(telemetry, tell, make_record):
    """
    Names, units and buckets are those that dashboards read.
    """
    tell(telemetry.tracker, make_record(time_to_first_chunk=0.2))

    seconds = tuple(0.01 * 2**n for n in range(14))
    tokens = tuple(4**n for n in range(14))
    found = {
        name: (
            metric.unit,
            getattr(metric.data.data_points[0], "explicit_bounds", 0),
        )
        for name, metric in telemetry.metrics.items()
    }
    assert {
        "gen_ai.client.operation.duration": ("s", seconds),
        "gen_ai.client.operation.time_to_first_chunk": ("s", seconds),
        "gen_ai.client.operation.time_per_output_chunk": ("s", seconds),
        "gen_ai.client.token.usage": ("{token}", tokens),
        "llmtrack.cost": ("{USD}", 0),
    } == found


def test_the_metrics_of_the_latest_text(latest, tell, make_record):
    """
    Inference has names of its own there, and tokens have counters.
    """
    tell(latest.tracker, make_record(time_to_first_chunk=0.2))

    prefix = "gen_ai.client.inference"
    assert {
        f"{prefix}.duration": "s",
        f"{prefix}.time_to_first_chunk": "s",
        f"{prefix}.time_per_output_chunk": "s",
        f"{prefix}.usage.input_tokens": "{token}",
        f"{prefix}.usage.output_tokens": "{token}",
        f"{prefix}.usage.cache_read.input_tokens": "{token}",
        f"{prefix}.usage.cache_write.input_tokens": "{token}",
        f"{prefix}.usage.reasoning.output_tokens": "{token}",
        f"{prefix}.operation.input_tokens": "{token}",
        f"{prefix}.operation.output_tokens": "{token}",
        "llmtrack.cost": "{USD}",
    } == {name: metric.unit for name, metric in latest.metrics.items()}


def test_a_duration(telemetry, tell, make_record):
    """
    Seconds, with the attributes that all metrics have in common.
    """
    tell(telemetry.tracker, make_record(duration=1.25, metadata={"user_id": "ada"}))

    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert 1.25 == point.sum
    assert COMMON == dict(point.attributes)


def test_a_failed_call_has_its_error_on_the_duration(telemetry, tell, failed_record):
    """
    `error.type` is on the duration, and no usage is made up.
    """
    tell(telemetry.tracker, failed_record)

    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert "openai.RateLimitError" == point.attributes["error.type"]
    assert {"gen_ai.client.operation.duration"} == set(telemetry.metrics)


def test_a_cancelled_call_is_no_error(telemetry, tell, make_record):
    """
    Who leaves early does not raise the rate of errors.
    """
    tell(telemetry.tracker, make_record(outcome=Outcome.CANCELLED))

    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert "error.type" not in point.attributes


def test_tokens_by_type(telemetry, tell, make_record):
    """
    Input and output are points of one histogram.
    """
    tell(telemetry.tracker, make_record(usage=USAGE))

    points = telemetry.points("gen_ai.client.token.usage")
    sums = {point.attributes["gen_ai.token.type"]: point.sum for point in points}
    assert {"input": 20, "output": 10} == sums


def test_usage_that_is_not_known_is_not_reported(telemetry, tell, make_record):
    """
    1.41 forbids to report a usage that nobody knows.
    """
    tell(telemetry.tracker, make_record(usage=TokenUsage()))

    assert [] == telemetry.points("gen_ai.client.token.usage")


def test_a_reported_zero_is_reported(telemetry, tell, make_record):
    """
    0 is a count, unlike None.
    """
    tell(telemetry.tracker, make_record(usage=TokenUsage(5, 0)))

    assert 2 == len(telemetry.points("gen_ai.client.token.usage"))


def test_an_estimate_is_not_reported(telemetry, tell, make_record):
    """
    Nobody is billed for a guess.
    """
    tell(telemetry.tracker, make_record(usage=ESTIMATES))

    (point,) = telemetry.points("gen_ai.client.token.usage")
    assert "input" == point.attributes["gen_ai.token.type"]


def test_an_estimate_can_be_marked_instead(make_telemetry, tell, make_record):
    """
    With `estimated_tokens="mark"` the point of the estimated side says so.
    """
    telemetry = make_telemetry(estimated_tokens="mark")

    tell(telemetry.tracker, make_record(usage=ESTIMATES))

    marks = {
        point.attributes["gen_ai.token.type"]: point.attributes.get(
            "llmtrack.usage.estimated"
        )
        for point in telemetry.points("gen_ai.client.token.usage")
    }
    assert {"input": None, "output": True} == marks


def test_the_latest_counters(latest, tell, make_record):
    """
    Each kind of token has a counter; images and audio are not told apart.
    """
    tell(latest.tracker, make_record(usage=USAGE))

    prefix = "gen_ai.client.inference.usage"
    counted = {
        name.removeprefix(f"{prefix}."): metric.data.data_points[0].value
        for name, metric in latest.metrics.items()
        if name.startswith(prefix)
    }
    assert {
        "input_tokens": 20,
        "output_tokens": 10,
        "cache_read.input_tokens": 8,
        "cache_write.input_tokens": 4,
        "reasoning.output_tokens": 5,
    } == counted
    (point,) = latest.points(f"{prefix}.input_tokens")
    assert {**COMMON, "gen_ai.token.modality": "unknown"} == dict(point.attributes)


def test_the_latest_text_counts_calls_of_unknown_usage(latest, tell, failed_record):
    """
    It wants a zero for every inference, failed ones too.
    """
    tell(latest.tracker, failed_record)

    (counter,) = latest.points("gen_ai.client.inference.usage.output_tokens")
    (histogram,) = latest.points("gen_ai.client.inference.operation.output_tokens")
    assert 0 == counter.value
    assert (1, 0) == (histogram.count, histogram.sum)
    assert "openai.RateLimitError" == histogram.attributes["error.type"]
    assert "error.type" not in counter.attributes
    assert "gen_ai.token.modality" not in histogram.attributes


def test_an_estimate_is_a_zero_in_the_latest_text(latest, tell, make_record):
    """
    What no provider reported is zero there, unless it may be marked.
    """
    tell(latest.tracker, make_record(usage=ESTIMATES))

    (point,) = latest.points("gen_ai.client.inference.usage.output_tokens")
    assert 0 == point.value


def test_an_estimate_is_marked_in_the_latest_text_too(
    make_telemetry, tell, make_record
):
    """
    Counters and histograms both carry the mark.
    """
    telemetry = make_telemetry(semconv="latest", estimated_tokens="mark")

    tell(telemetry.tracker, make_record(usage=ESTIMATES))

    for name in ("usage.output_tokens", "operation.output_tokens"):
        (point,) = telemetry.points(f"gen_ai.client.inference.{name}")
        assert point.attributes["llmtrack.usage.estimated"] is True


def test_time_per_chunk_is_the_mean_of_a_stream(telemetry, tell, make_record):
    """
    One point a stream, marked as a mean: a record has no time of each chunk.
    """
    tell(
        telemetry.tracker,
        make_record(duration=1.25, time_to_first_chunk=0.25, chunks=11),
    )

    (point,) = telemetry.points("gen_ai.client.operation.time_per_output_chunk")
    assert (1, 0.1) == (point.count, point.sum)
    assert "mean" == point.attributes["llmtrack.aggregation"]


@pytest.mark.parametrize(
    "fields",
    [{"chunks": 1}, {"outcome": Outcome.ABANDONED}, {"outcome": Outcome.ERROR}],
)
def test_time_per_chunk_is_not_made_up(telemetry, tell, make_record, fields):
    """
    Of a stream that broke off nobody knows when its last chunk came.
    """
    tell(telemetry.tracker, make_record(time_to_first_chunk=0.25, **fields))

    assert [] == telemetry.points("gen_ai.client.operation.time_per_output_chunk")


def test_a_plain_response_has_no_first_chunk(telemetry, tell, make_record):
    """
    The times of chunks are of streams alone.
    """
    tell(telemetry.tracker, make_record(stream=False, time_to_first_chunk=None))

    assert [] == telemetry.points("gen_ai.client.operation.time_to_first_chunk")


def test_cost_is_a_counter_of_dollars(telemetry, tell, make_record):
    """
    Cost adds up; its metric is our own, so an estimated one is there too, marked.
    """
    cost = Cost(Decimal("0.25"), True, "user", "1")

    tell(telemetry.tracker, make_record(cost=cost))
    tell(telemetry.tracker, make_record(cost=cost))
    tell(telemetry.tracker, make_record(cost=cost, usage=ESTIMATES))

    reported, estimated = telemetry.points("llmtrack.cost")
    assert (0.5, COMMON) == (reported.value, dict(reported.attributes))
    assert 0.25 == estimated.value
    assert estimated.attributes["llmtrack.usage.estimated"] is True


def test_the_outer_of_two_calls_is_not_counted(telemetry, tell, make_record):
    """
    Metrics count requests; the outer call made none of its own.
    """
    tell(telemetry.tracker, make_record(cost=None, cost_status="nested"))

    assert {} == telemetry.metrics
    assert 1 == len(telemetry.spans)


@pytest.mark.usefixtures("nothing_logged")
@pytest.mark.parametrize("number", [-1, math.nan])
def test_a_number_that_is_none_is_zero(telemetry, tell, make_record, number):
    """
    A broken clock or price does not make the SDK complain at each call.
    """
    record = make_record(
        duration=0.0 if math.isnan(number) else number,
        time_to_first_chunk=number,
        cost=Cost(Decimal(number), True, "user", "1"),
    )

    tell(telemetry.tracker, record)

    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert 0 == point.sum


def test_exemplars_link_to_the_span(telemetry, tell, make_record):
    """
    From a slow point of a histogram one gets to its trace.
    """
    tell(telemetry.tracker, make_record())

    (point,) = telemetry.points("gen_ai.client.operation.duration")
    span = telemetry.span.context
    exemplars = [(each.trace_id, each.span_id) for each in point.exemplars]
    assert [(span.trace_id, span.span_id)] == exemplars
