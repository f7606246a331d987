"""Chunks that are text themselves: `text_stream` and the like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llmtrack.dialects.reading import InFull, Keep, Reading

name = "text"
operation = "chat"
provider: str | None = None
# A generator of strings has nothing to say that it is done with.
has_terminator = False


def recognises(value: Any, /) -> bool:
    """Whether the value is a string or bytes."""
    return isinstance(value, str | bytes)


def read(value: Any, /) -> Reading:
    """Return the text; a character cut in two is left out."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "ignore")
    return Reading(text=value or None)


def texts(chunks: Sequence[Any], /) -> list[Any]:
    """Return the chunks themselves."""
    return list(chunks)


def quick(append: Callable[[str], None], in_full: InFull) -> Keep:
    """Return how to read chunks that are strings: by keeping them."""
    return append
