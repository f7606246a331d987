"""LlamaIndex's answers, which carry the provider's own as `raw`."""

from __future__ import annotations

from typing import Any

from llmtrack import dialects
from llmtrack.dialects.reading import Reading
from llmtrack.dialects.shapes import fields, items, joined, origins, text_in

name = "llama_index.chat"
operation = "chat"
provider: str | None = None
has_terminator = True
# The message holds all text so far, and tool calls grow under one's hands.
quick = None


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk or response with the provider's own in it."""
    return is_answer(value) and fields(value)("raw") is not None


def is_answer(value: Any, /) -> bool:
    """Whether the value is LlamaIndex's."""
    if "llama_index" not in origins(value):
        return False
    field = fields(value)
    return field("message") is not None or isinstance(field("text"), str)


def read(value: Any, /) -> Reading:
    """Return what a chunk or response says."""
    field = fields(value)
    raw = field("raw")
    inner = None if raw is None else dialects.find(raw)
    reading = Reading() if inner is None else inner.read(raw)
    delta = field("delta")
    if isinstance(delta, str):
        # All choices are merged into one here.
        reading.text = delta or None
        reading.other_text = None
    elif field("message") is not None:
        blocks = items(fields(field("message"))("blocks"))
        reading.text = joined([text_in(fields(block)("text")) for block in blocks])
    else:
        reading.text = text_in(field("text"))
    return reading
