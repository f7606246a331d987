"""Cohere's chat, version 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llmtrack.dialects.reading import Counts, InBandError, Quick, Reading
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
    word_in,
)

name = "cohere.chat"
operation = "chat"
provider: str | None = "cohere"
has_terminator = True

_EVENTS: Final = frozenset(
    (
        "message-start",
        "content-start",
        "content-delta",
        "content-end",
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "tool-call-end",
        "citation-start",
        "citation-end",
        "message-end",
    )
)


def recognises(value: Any, /) -> bool:
    """Whether the value is an event of a stream, or a response."""
    field = fields(value)
    kind = field("type")
    if isinstance(kind, str):
        return kind in _EVENTS
    if field("finish_reason") is None or field("message") is None:
        return False
    return "cohere" in origins(value) or isinstance(
        fields(field("message"))("content"), list
    )


def read(value: Any, /) -> Reading:
    """Return what an event or response says."""
    field = fields(value)
    kind = field("type")
    if kind is None:
        return _read_end(field, _read_message(fields(field("message"))))
    delta = fields(field("delta"))
    message = fields(delta("message"))
    if kind == "content-delta" or kind == "content-start":
        part = fields(message("content"))
        return Reading(text=text_in(part("text")), reasoning=text_in(part("thinking")))
    if kind == "tool-plan-delta":
        return Reading(reasoning=text_in(message("tool_plan")))
    if kind == "tool-call-start" or kind == "tool-call-delta":
        return _read_calls((message("tool_calls"),))
    if kind == "message-start":
        return Reading(response_id=text_in(field("id")))
    if kind == "message-end":
        return _read_end(delta, Reading())
    return Reading()


def _read_end(field: Fields, reading: Reading) -> Reading:
    reading.response_id = text_in(field("id"))
    reading.finish_reason = word_in(field("finish_reason"))
    reading.counts = _counts_in(field("usage"))
    if reading.finish_reason == "ERROR":
        # The client takes it for an ordinary end.
        said = text_in(field("error")) or "the answer ended with an error"
        reading.error = InBandError("ERROR", said)
    return reading


def _read_message(message: Fields) -> Reading:
    reading = _read_calls(items(message("tool_calls")))
    parts = [fields(part) for part in items(message("content"))]
    thoughts = [text_in(part("thinking")) for part in parts]
    reading.text = joined([text_in(part("text")) for part in parts])
    reading.reasoning = joined([*thoughts, text_in(message("tool_plan"))])
    return reading


def _read_calls(calls: Sequence[Any]) -> Reading:
    functions = [fields(fields(call)("function")) for call in calls]
    names = [text_in(function("name")) for function in functions]
    return Reading(
        tool_calls=tuple(called for called in names if called),
        tool_text=joined([arguments_in(each("arguments")) for each in functions]),
    )


def _counts_in(usage: Any) -> Counts | None:
    """Read the tokens; what is billed differs."""
    if usage is None:
        return None
    field = fields(usage)
    tokens = fields(field("tokens"))
    return Counts(
        input=count_in(tokens("input_tokens")),
        output=count_in(tokens("output_tokens")),
        cache_read=count_in(field("cached_tokens")),
    )


def _text_of(chunk: Any) -> Any:
    """Return the text of an event that has no more to it."""
    if chunk.type != "content-delta":
        return None
    return chunk.delta.message.content.text


def _text_in_json(chunk: dict[str, Any]) -> Any:
    """Return the text of such an event as it is in the JSON."""
    is_text = chunk["type"] == "content-delta"
    return chunk["delta"]["message"]["content"]["text"] if is_text else None


quick: Quick = quick_by(_text_of)
quick_json: Quick = quick_by(_text_in_json)
