"""OpenAI's legacy completions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmtrack.dialects.openai_chat import error_in
from llmtrack.dialects.reading import Reading
from llmtrack.dialects.shapes import (
    fields,
    items,
    joined,
    openai_counts,
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


def texts(chunks: Sequence[Any], /) -> list[Any]:
    """Return the text of each chunk; falsy where there is more to read."""
    return [
        None if (choice := chunk.choices[0]).index else choice.text for chunk in chunks
    ]
