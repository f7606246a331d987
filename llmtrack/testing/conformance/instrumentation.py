"""What is put to the test: something that tracks calls, and the lack of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import llmtrack


class Instrumentation(Protocol):
    """
    Something that tracks calls, llmtrack or anything else.

    It tells a tracker llmtrack's events; one that has events of its own turns
    them into these.
    """

    def decorate(self, function: Any, tracker: llmtrack.Tracker, /) -> Any:
        """Return what stands in for a function that makes calls."""
        ...

    def block(self, tracker: llmtrack.Tracker, /) -> Any:
        """
        Return a context manager, sync and async, for a block that makes one call.

        Entering it gives a function of a stream that returns what stands in for it.
        """
        ...


class Llmtrack:
    """`track_llm_call` and `tracked_stream`."""

    def decorate(self, function: Any, tracker: llmtrack.Tracker, /) -> Any:
        return llmtrack.track_llm_call(tracker=tracker)(function)

    def block(self, tracker: llmtrack.Tracker, /) -> Any:
        return llmtrack.tracked_stream(tracker)


class Bare:
    """No instrumentation: what the program does when nobody looks."""

    def decorate(self, function: Any, tracker: llmtrack.Tracker, /) -> Any:
        return function

    def block(self, tracker: llmtrack.Tracker, /) -> Any:
        return _BareBlock()


class _BareBlock:
    def __enter__(self) -> Callable[[Any], Any]:
        return _itself

    def __exit__(self, *_: object) -> None:
        """Let everything pass."""

    async def __aenter__(self) -> Callable[[Any], Any]:
        return _itself

    async def __aexit__(self, *_: object) -> None:
        """Let everything pass."""


def _itself(stream: Any) -> Any:
    return stream
