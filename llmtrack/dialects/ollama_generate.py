"""Ollama's completion of a prompt."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects.ollama_chat import read_end
from llmtrack.dialects.reading import Quick, Reading
from llmtrack.dialects.shapes import fields, quick_by, text_in

name = "ollama.generate"
operation = "text_completion"
provider: str | None = "ollama"
has_terminator = True


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk or response: they have the same shape."""
    field = fields(value)
    return isinstance(field("done"), bool) and isinstance(field("response"), str)


def read(value: Any, /) -> Reading:
    """Return what a chunk or response says."""
    field = fields(value)
    reading = read_end(field)
    reading.text = text_in(field("response"))
    reading.reasoning = text_in(field("thinking"))
    return reading


def _text_of(chunk: Any) -> Any:
    """Return the text of a chunk that has no more to it."""
    return chunk.response


def _text_in_json(chunk: dict[str, Any]) -> Any:
    """Return the text of such a chunk as it is in the JSON."""
    return None if chunk["done"] or "thinking" in chunk else chunk["response"]


quick: Quick = quick_by(_text_of)
quick_json: Quick = quick_by(_text_in_json)
