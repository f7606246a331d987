"""
Dialects that remember what was read before, made anew for each stream.

pydantic-ai's `stream_text()`, `stream_output()` and `stream_response()` give all
of the answer so far in each chunk; streams of bytes cut characters in two.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from dataclasses import replace
from types import AsyncGeneratorType
from typing import Any, Final

from llmtrack.dialects import plain_text, pydantic_ai
from llmtrack.dialects.reading import Dialect, Reading

_TEXT_STREAM: Final = "stream_text"
_OUTPUT_STREAM: Final = "stream_output"
_Decoder: Final = getincrementaldecoder("utf-8")


def of_stream(value: Any, stream: Any, /) -> Dialect:
    """Return the dialect of a piece of text, or of a chunk of pydantic-ai's."""
    if pydantic_ai.is_response(value):
        return Snapshots(pydantic_ai.name, pydantic_ai)
    if isinstance(value, bytes):
        return Decoded()
    if not isinstance(value, str):
        return pydantic_ai
    if _repeats_itself(stream):
        return Snapshots("pydantic_ai.text", plain_text)
    return plain_text


def _repeats_itself(stream: Any) -> bool:
    """Whether a stream is pydantic-ai's of text, not asked for the deltas."""
    if not isinstance(stream, AsyncGeneratorType) or stream.ag_frame is None:
        return False
    if "pydantic_ai" not in stream.ag_code.co_filename:
        return False
    if stream.__name__ == _OUTPUT_STREAM:
        return True
    given = stream.ag_frame.f_locals
    return stream.__name__ == _TEXT_STREAM and given.get("delta") is False


class Snapshots:
    """Reads what is new in each chunk, in the words of another dialect."""

    __slots__ = ("_calls", "_inner", "_read", "name")

    operation = "chat"
    provider: str | None = None
    has_terminator = False
    quick = None

    def __init__(self, name: str, inner: Dialect) -> None:
        self.name: str = name
        self._inner = inner
        self._read: dict[str, str] = {}
        self._calls = 0

    def recognises(self, value: Any, /) -> bool:
        """Whether the value is a chunk of the dialect underneath."""
        return self._inner.recognises(value)

    def read(self, value: Any, /) -> Reading:
        """Return what a chunk says that the ones before it did not."""
        reading = self._inner.read(value)
        calls = reading.tool_calls[self._calls :]
        self._calls += len(calls)
        return replace(
            reading,
            text=self._new("text", reading.text),
            reasoning=self._new("reasoning", reading.reasoning),
            tool_text=self._new("tool_text", reading.tool_text),
            tool_calls=calls,
        )

    def _new(self, part: str, so_far: str | None) -> str | None:
        before = self._read.get(part, "")
        if so_far is None or so_far == before:
            return None
        self._read[part] = so_far
        return so_far[len(before) :] if so_far.startswith(before) else so_far


class Decoded:
    """Reads bytes as the text that they are pieces of."""

    __slots__ = ("_decoder",)

    name: str = plain_text.name
    operation: str = plain_text.operation
    provider: str | None = None
    has_terminator = False
    quick = None

    def __init__(self) -> None:
        self._decoder = _Decoder("replace")

    def recognises(self, value: Any, /) -> bool:
        """Whether the value is bytes."""
        return isinstance(value, bytes)

    def read(self, value: Any, /) -> Reading:
        """Return the characters that are whole by now."""
        if isinstance(value, str):
            return plain_text.read(value)
        return Reading(text=self._decoder.decode(value) or None)
