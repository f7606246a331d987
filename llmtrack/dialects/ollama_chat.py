"""Ollama's chat."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects.openai_chat import error_in, tool_calls_in
from llmtrack.dialects.reading import Counts, Quick, Reading
from llmtrack.dialects.shapes import (
    Fields,
    count_in,
    fields,
    quick_by,
    text_in,
    word_in,
)

name = "ollama.chat"
operation = "chat"
provider: str | None = "ollama"
has_terminator = True


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk or response: they have the same shape."""
    field = fields(value)
    return isinstance(field("done"), bool) and field("message") is not None


def read(value: Any, /) -> Reading:
    """Return what a chunk or response says."""
    field = fields(value)
    message = fields(field("message"))
    names, arguments = tool_calls_in(message)
    reading = read_end(field)
    reading.text = text_in(message("content"))
    reading.reasoning = text_in(message("thinking"))
    reading.tool_calls = names
    reading.tool_text = arguments
    return reading


def read_end(field: Fields) -> Reading:
    """Return what each of Ollama's answers says beside its content."""
    reading = Reading(
        response_model=text_in(field("model")), error=error_in(field("error"))
    )
    if field("done") is True:
        reading.finish_reason = word_in(field("done_reason"))
        reading.terminated = True
        reading.counts = Counts(
            input=count_in(field("prompt_eval_count")),
            output=count_in(field("eval_count")),
        )
    return reading


def _text_of(chunk: Any) -> Any:
    """Return the text of a chunk that has no more to it."""
    return chunk.message.content


def _text_in_json(chunk: dict[str, Any]) -> Any:
    """Return the text of such a chunk as it is in the JSON."""
    message = chunk["message"]
    # Some servers put a tool call or a thought beside the text.
    has_more = chunk["done"] or "tool_calls" in message or "thinking" in message
    return None if has_more else message["content"]


quick: Quick = quick_by(_text_of)
quick_json: Quick = quick_by(_text_in_json)
