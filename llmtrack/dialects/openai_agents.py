"""OpenAI's Agents: events of a run, and its result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from llmtrack.dialects import openai_responses
from llmtrack.dialects.reading import Quick, Reading
from llmtrack.dialects.shapes import (
    fields,
    items,
    joined,
    openai_counts,
    origins,
    quick_by,
    text_in,
)

name = "openai_agents.events"
operation = "chat"
provider: str | None = "openai"
has_terminator = True

#: What the chat models put where they know no id.
_NO_ID: Final = "__fake_id__"


def recognises(value: Any, /) -> bool:
    """Whether the value is an event of a run, or a result."""
    if "agents" not in origins(value):
        return False
    field = fields(value)
    return isinstance(field("type"), str) or field("raw_responses") is not None


def read(value: Any, /) -> Reading:
    """Return what an event or result says."""
    field = fields(value)
    if field("raw_responses") is not None:
        return _read_result(value)
    if field("type") != "raw_response_event":
        # Everything else is made of these.
        return Reading()
    reading = openai_responses.read(field("data"))
    if reading.response_id == _NO_ID:
        reading.response_id = None
    if reading.counts is not None:
        # Each turn of a run reports its own.
        reading.counts = replace(reading.counts, additive=True)
    return reading


def _read_result(result: Any) -> Reading:
    field = fields(result)
    reading = Reading(
        text=text_in(field("final_output")),
        counts=openai_counts(fields(field("context_wrapper"))("usage")),
    )
    for each in items(field("raw_responses")):
        reading.response_id = text_in(fields(each)("response_id"))
        output = fields(each)("output")
        thought = openai_responses.reasoning_in(output)
        reading.reasoning = joined((reading.reasoning, thought))
        for item in items(output):
            reading.tool_calls += openai_responses.call_name(fields(item))
    return reading


def _text_of(chunk: Any) -> Any:
    """Return the text of an event that has no more to it."""
    event = chunk.data
    return event.delta if event.type == "response.output_text.delta" else None


quick: Quick = quick_by(_text_of)
