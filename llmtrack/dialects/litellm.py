"""litellm's answers: OpenAI's shape, whoever answers."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects import openai_chat
from llmtrack.dialects.shapes import origins

name = "litellm.chat"
operation = "chat"
provider: str | None = None
has_terminator = True

read = openai_chat.read
texts = openai_chat.texts


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk or response of chat."""
    return "litellm" in origins(value) and openai_chat.has_choices(value)
