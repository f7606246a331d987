"""
LangChain's messages, of a model that does not say who made it.

Such models, the fakes for tests among them, need not say why they stop.
"""

from __future__ import annotations

from typing import Any

from llmtrack.dialects import langchain

name = "langchain.plain"
operation = "chat"
provider: str | None = None
has_terminator = False

read = langchain.read
quick = langchain.quick


def recognises(value: Any, /) -> bool:
    """Whether the value is such a message, or a part of one."""
    return langchain.is_message(value) and not langchain.recognises(value)
