"""OpenAI's Responses: typed events, and one object with everything."""

from __future__ import annotations

from typing import Any, Final

from llmtrack.dialects.openai_chat import error_in
from llmtrack.dialects.reading import InBandError, Quick, Reading
from llmtrack.dialects.shapes import (
    Fields,
    arguments_in,
    fields,
    items,
    joined,
    openai_counts,
    quick_by,
    text_in,
    word_in,
)

name = "openai.responses"
operation = "chat"
provider: str | None = None
has_terminator = True

#: Events that carry a piece of the answer. What ends in `.done`, and the
#: final response, repeat the pieces: they are counted once, here.
_TEXT: Final = frozenset(
    (
        "response.output_text.delta",
        "response.refusal.delta",
        "response.output_audio_transcript.delta",
        "response.audio.transcript.delta",
    )
)
_REASONING: Final = frozenset(
    ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
)
_TOOL_TEXT: Final = frozenset(
    (
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.mcp_call_arguments.delta",
        "response.code_interpreter_call_code.delta",
    )
)
_TERMINAL: Final = frozenset(
    (
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.cancelled",
    )
)
_CALLS: Final = frozenset(("function_call", "custom_tool_call", "mcp_call"))


def recognises(value: Any, /) -> bool:
    """Whether the value is an event of a stream, or a response."""
    field = fields(value)
    kind = field("type")
    if isinstance(kind, str) and kind.startswith("response."):
        return True
    if kind == "error":
        # Anthropic's error event has its error in `error`.
        return field("sequence_number") is not None
    return field("object") == "response" and field("choices") is None


def read(value: Any, /) -> Reading:
    """Return what an event or response says."""
    field = fields(value)
    kind = field("type")
    if kind is None:
        return _read_response(field)
    if kind in _TEXT:
        return Reading(text=text_in(field("delta")))
    if kind in _REASONING:
        return Reading(reasoning=text_in(field("delta")))
    if kind in _TOOL_TEXT:
        return Reading(tool_text=text_in(field("delta")))
    if kind == "response.output_item.added":
        item = fields(field("item"))
        return Reading(tool_calls=call_name(item))
    if kind == "response.created":
        return _read_head(fields(field("response")))
    if kind in _TERMINAL:
        return _read_end(fields(field("response")))
    if kind == "error":
        return Reading(error=error_in(value))
    return Reading()


def _read_head(response: Fields) -> Reading:
    return Reading(
        response_id=text_in(response("id")),
        response_model=text_in(response("model")),
    )


def _read_end(response: Fields) -> Reading:
    reading = _read_head(response)
    reading.finish_reason = word_in(response("status"))
    reading.counts = openai_counts(response("usage"))
    reading.error = error_in(response("error"))
    if reading.finish_reason == "failed" and reading.error is None:
        reading.error = InBandError("failed", "the response failed")
    return reading


def _read_response(response: Fields) -> Reading:
    reading = _read_end(response)
    _read_output(reading, response("output"))
    return reading


def reasoning_in(output: Any) -> str | None:
    """Return the reasoning among the items of an output."""
    reading = Reading()
    _read_output(reading, output)
    return reading.reasoning


def _read_output(reading: Reading, output: Any) -> None:
    text: list[str | None] = []
    reasoning: list[str | None] = []
    arguments: list[str | None] = []
    for each in items(output):
        item = fields(each)
        reading.tool_calls += call_name(item)
        arguments += (arguments_in(item("arguments")), text_in(item("input")))
        # A message's content is the answer, a reasoning item's is reasoning.
        into = reasoning if item("type") == "reasoning" else text
        for part in (*items(item("summary")), *items(item("content"))):
            piece = fields(part)
            into.append(text_in(piece("text")) or text_in(piece("refusal")))
    reading.text = joined(text)
    reading.reasoning = joined(reasoning)
    reading.tool_text = joined(arguments)


def call_name(item: Fields) -> tuple[str, ...]:
    """Return the name of the tool that an item calls, if it is a call."""
    called = text_in(item("name")) if item("type") in _CALLS else None
    return (called,) if called else ()


def _text_of(chunk: Any) -> Any:
    """Return the text of an event that has no more to it."""
    return chunk.delta if chunk.type == "response.output_text.delta" else None


def _text_in_json(chunk: dict[str, Any]) -> Any:
    """Return the text of such an event as it is in the JSON."""
    is_text = chunk["type"] == "response.output_text.delta"
    return chunk["delta"] if is_text else None


quick: Quick = quick_by(_text_of)
quick_json: Quick = quick_by(_text_in_json)
