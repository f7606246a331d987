"""Mistral's chat, through its own client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmtrack.dialects import openai_chat
from llmtrack.dialects.reading import Reading
from llmtrack.dialects.shapes import fields, origins

name = "mistral.chat"
operation = "chat"
provider: str | None = "mistral_ai"
has_terminator = True


def recognises(value: Any, /) -> bool:
    """Whether the value is an event, which wraps a chunk, or a response."""
    if "mistralai" not in origins(value):
        return False
    return openai_chat.has_choices(_chunk_in(value))


def read(value: Any, /) -> Reading:
    """Return what an event or response says: OpenAI's shape, one deeper."""
    return openai_chat.read(_chunk_in(value))


def texts(chunks: Sequence[Any], /) -> list[Any]:
    """Return the text of each event; no string where there is more to read."""
    return openai_chat.texts([chunk.data for chunk in chunks])


def _chunk_in(value: Any) -> Any:
    data = fields(value)("data")
    return value if data is None else data
