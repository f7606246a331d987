"""Embeddings in OpenAI's shape, and in Cohere's and Google's."""

from __future__ import annotations

from typing import Any

from llmtrack.dialects.reading import Counts, Reading
from llmtrack.dialects.shapes import (
    count_in,
    fields,
    items,
    openai_counts,
    text_in,
)

name = "embeddings"
operation = "embeddings"
provider: str | None = None
has_terminator = False
quick = None


def recognises(value: Any, /) -> bool:
    """Whether the value holds vectors."""
    field = fields(value)
    if field("embeddings") is not None:
        return True
    data = items(field("data"))
    return bool(data) and fields(data[0])("embedding") is not None


def read(value: Any, /) -> Reading:
    """Return what a response says."""
    field = fields(value)
    reading = Reading(
        response_id=text_in(field("id")),
        response_model=text_in(field("model")),
        counts=openai_counts(field("usage")),
    )
    if reading.counts is None:
        billed = fields(fields(field("meta"))("billed_units"))
        counted = count_in(billed("input_tokens")) or count_in(
            field("prompt_eval_count")
        )
        reading.counts = None if counted is None else Counts(input=counted)
    return reading
