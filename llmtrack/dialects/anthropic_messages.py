"""Anthropic's messages: raw and beta events, the helper's events, messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llmtrack.dialects.openai_chat import error_in
from llmtrack.dialects.reading import Counts, Quick, Reading
from llmtrack.dialects.shapes import (
    Fields,
    arguments_in,
    count_in,
    fields,
    items,
    joined,
    origins,
    quick_by,
    text_in,
    total_of,
    word_in,
)

name = "anthropic.messages"
operation = "chat"
provider: str | None = "anthropic"
has_terminator = True

_EVENTS: Final = frozenset(
    (
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
    )
)
_CALLS: Final = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))


def recognises(value: Any, /) -> bool:
    """Whether the value is an event of a stream, or a message."""
    field = fields(value)
    kind = field("type")
    if not isinstance(kind, str):
        return False
    if kind in _EVENTS or "anthropic" in origins(value):
        return True
    if kind == "error":
        return field("error") is not None and field("sequence_number") is None
    return kind == "message" and isinstance(field("content"), list)


def read(value: Any, /) -> Reading:
    """Return what an event or message says."""
    field = fields(value)
    match field("type"):
        case "content_block_delta":
            return _read_delta(fields(field("delta")))
        case "content_block_start":
            return _read_blocks((field("content_block"),))
        case "message_start":
            return _read_message(fields(field("message")))
        case "message":
            return _read_message(field)
        case "message_delta":
            return Reading(
                finish_reason=word_in(fields(field("delta"))("stop_reason")),
                counts=counts_in(field("usage")),
            )
        case "message_stop":
            return Reading(terminated=True)
        case "error":
            return Reading(error=error_in(field("error")))
        case _:
            # `ping`, and the helper's events, which repeat the raw ones.
            return Reading()


def _read_delta(delta: Fields) -> Reading:
    match delta("type"):
        case "text_delta":
            return Reading(text=text_in(delta("text")))
        case "thinking_delta":
            return Reading(reasoning=text_in(delta("thinking")))
        case "input_json_delta":
            return Reading(tool_text=text_in(delta("partial_json")))
        case _:
            return Reading()


def _read_message(message: Fields) -> Reading:
    reading = _read_blocks(items(message("content")))
    reading.response_id = text_in(message("id"))
    reading.response_model = text_in(message("model"))
    reading.finish_reason = word_in(message("stop_reason"))
    reading.counts = counts_in(message("usage"))
    return reading


def _read_blocks(blocks: Sequence[Any]) -> Reading:
    reading = Reading()
    texts: list[str | None] = []
    thoughts: list[str | None] = []
    arguments: list[str | None] = []
    for block in blocks:
        field = fields(block)
        kind = field("type")
        if kind == "text":
            texts.append(text_in(field("text")))
        elif kind == "thinking":
            thoughts.append(text_in(field("thinking")))
        elif kind in _CALLS:
            called = text_in(field("name"))
            reading.tool_calls += (called,) if called else ()
            arguments.append(arguments_in(field("input")))
    reading.text = joined(texts)
    reading.reasoning = joined(thoughts)
    reading.tool_text = joined(arguments)
    return reading


def counts_in(usage: Any) -> Counts | None:
    """Read a usage object; its `input_tokens` are without the cache's."""
    if usage is None:
        return None
    field = fields(usage)
    uncached = count_in(field("input_tokens"))
    read_tokens = count_in(field("cache_read_input_tokens"))
    written = count_in(field("cache_creation_input_tokens"))
    return Counts(
        input=None if uncached is None else total_of(uncached, read_tokens, written),
        uncached_input=uncached,
        cache_read=read_tokens,
        cache_write=written,
        output=count_in(field("output_tokens")),
        reasoning=count_in(fields(field("output_tokens_details"))("thinking_tokens")),
    )


def _text_of(chunk: Any) -> Any:
    """Return the text of an event that has no more to it."""
    if chunk.type != "content_block_delta":
        return None
    delta = chunk.delta
    return delta.text if delta.type == "text_delta" else None


def _text_in_json(chunk: dict[str, Any]) -> Any:
    """Return the text of such an event as it is in the JSON."""
    delta = chunk["delta"]
    is_text = chunk["type"] == "content_block_delta" and delta["type"] == "text_delta"
    return delta["text"] if is_text else None


quick: Quick = quick_by(_text_of)
quick_json: Quick = quick_by(_text_in_json)
