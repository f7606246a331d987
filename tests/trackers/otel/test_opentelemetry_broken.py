"""What does not reach the program: processors, exporters and providers that fail."""

from __future__ import annotations

import threading
import time

import pytest

import llmtrack
from llmtrack import track_llm_call

sdk = pytest.importorskip("opentelemetry.sdk.trace")


class Raises(sdk.SpanProcessor):
    """A processor that fails where it is told to."""

    def __init__(self, where: str) -> None:
        self._where = where

    def on_start(self, span, parent_context=None) -> None:
        if self._where == "start":
            raise RuntimeError("no")

    def on_end(self, span) -> None:
        if self._where == "end":
            raise RuntimeError("no")


@pytest.mark.parametrize("where", ["start", "end"])
def test_a_processor_that_raises_does_not_reach_the_program(make_telemetry, where):
    """
    A stream is read to its end whatever the program's span processors do, and
    its call is counted.
    """
    telemetry = make_telemetry(processors=[Raises(where)])

    @track_llm_call(tracker=telemetry.tracker)
    def answer():
        yield from "abc"

    assert ["a", "b", "c"] == list(answer())

    llmtrack.flush()
    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert 1 == point.count
    assert 0 == len(telemetry.tracker._spans._open)


@pytest.mark.usefixtures("nothing_logged")
def test_a_span_that_the_program_ended_is_left_alone(telemetry, make_record, events_of):
    """
    A second end would make the SDK complain.
    """
    from opentelemetry.trace import get_current_span

    started, *_, ended = events_of(make_record())

    telemetry.tracker.track(started)
    with telemetry.tracker.activate(started.call):
        get_current_span().end()
    telemetry.tracker.track(ended)

    assert 1 == len(telemetry.spans)


def test_flush_lets_the_providers_export(telemetry, make_telemetry):
    """
    Both providers are flushed.
    """
    flushed = []
    telemetry.tracer_provider.force_flush = lambda timeout: flushed.append("spans")
    telemetry.meter_provider.force_flush = lambda timeout: flushed.append("metrics")

    assert telemetry.tracker.flush(5.0) is True
    assert ["metrics", "spans"] == sorted(flushed)


def test_flush_keeps_its_time(telemetry):
    """
    A collector that never answers does not hold the program.
    """
    answered = threading.Event()
    telemetry.tracer_provider.force_flush = lambda timeout: answered.wait(60)

    start = time.monotonic()
    done = telemetry.tracker.flush(0.01)

    answered.set()
    assert done is False
    assert time.monotonic() - start < 30


def test_flush_survives_a_provider_that_raises(telemetry, caplog):
    """
    What a provider raises is logged.
    """

    def raises(timeout: int) -> None:
        raise RuntimeError("no")

    telemetry.tracer_provider.force_flush = raises

    assert telemetry.tracker.flush(5.0) is True
    assert "could not flush" in caplog.text
