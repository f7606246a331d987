"""pydantic-ai's events, responses and results."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects.reading import Counts, Reading
from llmtrack.dialects.shapes import (
    Fields,
    arguments_in,
    count_in,
    fields,
    items,
    joined,
    origins,
    text_in,
    word_in,
)

name = "pydantic_ai.events"
operation = "chat"
provider: str | None = None
# A run ends with its result, but its parts can be streamed without one.
has_terminator = False
# A streamed response is all of it so far: see `per_stream`.
quick = None


def recognises(value: Any, /) -> bool:
    """Whether the value is an event of a run, a response, or a result."""
    if "pydantic_ai" not in origins(value):
        return False
    field = fields(value)
    return (
        isinstance(field("event_kind"), str)
        or is_response(value)
        or (field("usage") is not None and field("output") is not None)
    )


def is_response(value: Any, /) -> bool:
    """Whether the value is a response of a model, perhaps unfinished."""
    return "pydantic_ai" in origins(value) and fields(value)("kind") == "response"


def read(value: Any, /) -> Reading:
    """Return what an event, response or result says."""
    field = fields(value)
    if is_response(value):
        return _read_response(field)
    match field("event_kind"):
        case "part_start":
            return _read_parts((field("part"),))
        case "part_delta":
            return _read_delta(fields(field("delta")))
        case "agent_run_result":
            result = _read_result(fields(field("result")))
            # Its text has come in parts already.
            result.text = None
            result.terminated = True
            return result
        case None:
            return _read_result(field)
        case _:
            return Reading()


def _read_result(result: Fields) -> Reading:
    last = result("response")
    reading = Reading() if last is None else _read_response(fields(last))
    reading.text = text_in(result("output")) or reading.text
    # The usage of a run is that of all its turns.
    reading.counts = _counts_in(result("usage")) or reading.counts
    return reading


def _read_response(response: Fields) -> Reading:
    reading = _read_parts(items(response("parts")))
    reading.response_id = text_in(response("provider_response_id"))
    reading.response_model = text_in(response("model_name"))
    reading.finish_reason = word_in(response("finish_reason"))
    reading.counts = _counts_in(response("usage"))
    return reading


def _read_parts(parts: Any) -> Reading:
    reading = Reading()
    texts: list[str | None] = []
    thoughts: list[str | None] = []
    arguments: list[str | None] = []
    for each in parts:
        part = fields(each)
        match part("part_kind"):
            case "text":
                texts.append(text_in(part("content")))
            case "thinking":
                thoughts.append(text_in(part("content")))
            case "tool-call" | "builtin-tool-call":
                called = text_in(part("tool_name"))
                reading.tool_calls += (called,) if called else ()
                arguments.append(arguments_in(part("args")))
    reading.text = joined(texts)
    reading.reasoning = joined(thoughts)
    reading.tool_text = joined(arguments)
    return reading


def _read_delta(delta: Fields) -> Reading:
    match delta("part_delta_kind"):
        case "text":
            return Reading(text=text_in(delta("content_delta")))
        case "thinking":
            return Reading(reasoning=text_in(delta("content_delta")))
        case "tool_call":
            called = text_in(delta("tool_name_delta"))
            return Reading(
                tool_calls=(called,) if called else (),
                tool_text=arguments_in(delta("args_delta")),
            )
        case _:
            return Reading()


def _counts_in(usage: Any) -> Counts | None:
    """Read the counts; one of 0 was not reported (yet)."""
    field = fields(usage)
    into, out = count_in(field("input_tokens")), count_in(field("output_tokens"))
    if not into and not out:
        return None
    return Counts(
        input=into,
        output=out,
        cache_read=count_in(field("cache_read_tokens")),
        cache_write=count_in(field("cache_write_tokens")),
        reasoning=count_in(fields(field("details"))("reasoning_tokens")),
    )
