"""Chunks that are text themselves: `text_stream` and the like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmtrack.dialects.reading import InFull, Keep, Reading
from llmtrack.dialects.shapes import text_in

name = "text"
operation = "chat"
provider: str | None = None
# A generator of strings has nothing to say that it is done with.
has_terminator = False


def recognises(value: Any, /) -> bool:
    """Whether the value is a string or bytes."""
    return isinstance(value, str | bytes)


def read(value: Any, /) -> Reading:
    """Return the text; bytes are taken for UTF-8."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    # A generator of strings may have anything in it.
    return Reading(text=text_in(value))


def quick(append: Callable[[str], object], in_full: InFull) -> Keep:
    """Return how to read chunks that are strings: by keeping them."""
    return append
