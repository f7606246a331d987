"""Clocks that do not go as they should."""

from __future__ import annotations

import pytest

from llmtrack import flush, track_llm_call

freezegun = pytest.importorskip("freezegun")


def test_no_part_of_a_call_is_longer_than_the_call(recorder):
    """A frozen clock may be set back while a stream is read."""
    with freezegun.freeze_time("2024-01-01") as clock:

        @track_llm_call(tracker=recorder)
        def ask():
            clock.tick(10)
            yield "a"
            clock.tick(5)
            yield "b"

        for _ in ask():
            clock.move_to("2024-01-01")

    flush()
    record = recorder.records[0]
    assert record.duration == 0
    assert record.longest_wait <= record.duration
    assert record.time_to_first_token <= record.duration
    assert record.provider_time + record.consumer_time <= record.duration
