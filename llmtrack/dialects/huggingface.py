"""Hugging Face's chat completion and text generation, through its client."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects import openai_chat
from llmtrack.dialects.reading import Counts, Quick, Reading
from llmtrack.dialects.shapes import count_in, fields, origins, text_in, word_in

name = "huggingface.chat"
operation = "chat"
provider: str | None = "huggingface"
has_terminator = True

quick: Quick = openai_chat.quick


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk or response of either kind."""
    return "huggingface_hub" in origins(value)


def read(value: Any, /) -> Reading:
    """Return what a chunk or response says."""
    field = fields(value)
    token, details = field("token"), fields(field("details"))
    if token is None and field("generated_text") is None:
        return openai_chat.read(value)
    reading = Reading(finish_reason=word_in(details("finish_reason")))
    generated = count_in(details("generated_tokens"))
    if generated is not None:
        reading.counts = Counts(output=generated)
    if token is None:
        reading.text = text_in(field("generated_text"))
    elif not fields(token)("special"):
        # The last chunk repeats all text as `generated_text`.
        reading.text = text_in(fields(token)("text"))
    return reading
