"""OpenAI's legacy completions."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects.openai_chat import error_in
from llmtrack.dialects.reading import Quick, Reading
from llmtrack.dialects.shapes import (
    fields,
    items,
    joined,
    openai_counts,
    quick_by,
    text_in,
    word_in,
)

name = "openai.completions"
operation = "text_completion"
provider: str | None = None
has_terminator = True


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk or response with `choices[].text`."""
    field = fields(value)
    choices = items(field("choices"))
    if not choices:
        return bool(field("object") == "text_completion")
    first = fields(choices[0])
    chatty = first("delta") is not None or first("message") is not None
    return isinstance(first("text"), str) and not chatty


def read(value: Any, /) -> Reading:
    """Return what a chunk or response says."""
    field = fields(value)
    reading = Reading(
        response_id=text_in(field("id")),
        response_model=text_in(field("model")),
        counts=openai_counts(field("usage")),
        error=error_in(field("error")),
    )
    for position, each in enumerate(items(field("choices"))):
        choice = fields(each)
        index = choice("index")
        text = text_in(choice("text"))
        if (position if index is None else index) != 0:
            reading.other_text = joined((reading.other_text, text))
            continue
        reading.text = text
        reading.finish_reason = word_in(choice("finish_reason"))
    return reading


def _text_of(chunk: Any) -> Any:
    """Return the text of a chunk that has no more to it."""
    choice = chunk.choices[0]
    return None if choice.index else choice.text


def _text_in_json(chunk: dict[str, Any]) -> Any:
    """Return the text of such a chunk as it is in the JSON."""
    (choice,) = chunk["choices"]
    has_more = choice.get("index") or choice.get("finish_reason")
    return None if has_more else choice["text"]


quick: Quick = quick_by(_text_of)
quick_json: Quick = quick_by(_text_in_json)
