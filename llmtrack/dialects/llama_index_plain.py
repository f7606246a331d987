"""
LlamaIndex's answers, of a model that does not pass on the provider's own.

Such models, the mock for tests among them, need not say why they stop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmtrack.dialects import llama_index
from llmtrack.dialects.reading import Reading
from llmtrack.dialects.shapes import fields

name = "llama_index.plain"
operation = "chat"
provider: str | None = None
has_terminator = False

read: Callable[[Any], Reading] = llama_index.read
quick = None


def recognises(value: Any, /) -> bool:
    """Whether the value is such a chunk or response."""
    return llama_index.is_answer(value) and fields(value)("raw") is None
