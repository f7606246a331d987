"""Mistral's chat, through its own client."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects import openai_chat
from llmtrack.dialects.reading import Quick, Reading
from llmtrack.dialects.shapes import fields, origins, quick_by

name = "mistral.chat"
operation = "chat"
provider: str | None = "mistral_ai"
has_terminator = True


def recognises(value: Any, /) -> bool:
    """Whether the value is an event, which wraps a chunk, or a response."""
    if "mistralai" not in origins(value):
        return False
    return openai_chat.has_choices(fields(_chunk_in(value)))


def read(value: Any, /) -> Reading:
    """Return what an event or response says: OpenAI's shape, one deeper."""
    return openai_chat.read(_chunk_in(value))


def _chunk_in(value: Any) -> Any:
    data = fields(value)("data")
    return value if data is None else data


def _text_of(chunk: Any) -> Any:
    """Return the text of an event that has no more to it."""
    choice = chunk.data.choices[0]
    return None if choice.index else choice.delta.content


quick: Quick = quick_by(_text_of)
