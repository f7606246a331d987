"""litellm's answers: OpenAI's shape, whoever answers."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects import openai_chat
from llmtrack.dialects.reading import Quick, Reading
from llmtrack.dialects.shapes import fields, origins

name = "litellm.chat"
operation = "chat"
provider: str | None = None
has_terminator = True

quick: Quick = openai_chat.quick


def recognises(value: Any, /) -> bool:
    """Whether the value is a chunk or response of chat."""
    return "litellm" in origins(value) and openai_chat.has_choices(fields(value))


def read(value: Any, /) -> Reading:
    """Return what a chunk or response says."""
    reading = openai_chat.read(value)
    counts = reading.counts
    if counts is not None and not counts.input and not counts.output:
        # What it says of a response that came without usage.
        reading.counts = None
    return reading


def has_invented_ending(stream: Any, /) -> bool:
    """
    Whether a stream of litellm's that ended was never told why.

    litellm then says `stop` all the same: of streams that were cut off, were
    empty, or did not make sense.
    """
    if getattr(stream, "received_finish_reason", "") is not None:
        return False
    # Gemini's finish reason is in the chunks alone.
    return not any(openai_chat.read(chunk).finish_reason for chunk in _sent_to(stream))


def has_invented_usage(stream: Any, /) -> bool:
    """
    Whether the usage of a stream of litellm's is an estimate of its own.

    It looks like the provider's; but no chunk that the provider sent has any.
    """
    if not hasattr(stream, "received_finish_reason"):
        return False
    return all(fields(chunk)("usage") is None for chunk in _sent_to(stream))


def _sent_to(stream: Any) -> list[Any]:
    """Return what the provider sent, which litellm keeps; the last one first."""
    sent = getattr(stream, "chunks", None)
    return sent[::-1] if isinstance(sent, list) else []
