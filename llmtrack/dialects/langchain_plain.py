"""
LangChain's messages, of a model that does not say who made it.

Such models, the fakes for tests among them, need not say why they stop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmtrack.dialects import langchain
from llmtrack.dialects.reading import Quick, Reading

name = "langchain.plain"
operation = "chat"
provider: str | None = None
has_terminator = False

read: Callable[[Any], Reading] = langchain.read
quick: Quick = langchain.quick


def recognises(value: Any, /) -> bool:
    """Whether the value is such a message, or a part of one."""
    return langchain.is_message(value) and not langchain.recognises(value)
