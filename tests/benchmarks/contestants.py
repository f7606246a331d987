"""Who takes part, and what each of them can follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from timing import LLMTRACK, UNTIMED

import llmtrack

Decorator = Callable[[Any], Any]


def identity(value: Any) -> Any:
    """Return the value: nothing to decorate or to wrap."""
    return value


def nothing() -> None:
    """Do nothing: there is nothing to flush."""


@dataclass(frozen=True, slots=True)
class Clients:
    """How to wrap a client; the identity where a library patches openai."""

    wrap: Decorator = identity
    async_wrap: Decorator = identity


@dataclass(frozen=True, slots=True)
class Contestant:
    """
    A library, and what of it is measured; None is what it does not offer.

    Attributes:
        function: Decorates a function.
        generator: Decorates a generator function.
        async_generator: Decorates an async generator function.
        stream: Decorates a function that returns a provider's stream.
        clients: Turns the instrumentation of openai's clients on.
        flush: Waits until all that was recorded is delivered.
        during: Is entered around each pass.
    """

    name: str
    function: Decorator | None = None
    generator: Decorator | None = None
    async_generator: Decorator | None = None
    stream: Decorator | None = None
    clients: Callable[[], Clients] | None = None
    flush: Callable[[], object] = nothing
    during: Callable[[], AbstractContextManager[object]] = nullcontext


class Unmoved:
    """A tracker that takes every event but `Delta`, and does nothing."""

    def track(self, event: llmtrack.Event, /) -> None:
        """Do nothing."""


def tracked(name: str = LLMTRACK, tracker: Any = None) -> Contestant:
    """Return llmtrack with its default settings and a tracker that does nothing."""
    track = llmtrack.track_llm_call(tracker=tracker or Unmoved())

    def wrap(client: Any) -> Any:
        completions = client.chat.completions
        completions.create = track(completions.create)
        return client

    return Contestant(
        name,
        function=track,
        generator=track,
        async_generator=track,
        stream=track,
        clients=lambda: Clients(wrap, wrap),
        flush=lambda: llmtrack.flush(timeout=60),
        during=_untimed if name == UNTIMED else nullcontext,
    )


@contextmanager
def _untimed() -> Iterator[None]:
    llmtrack.configure(chunk_timing=False)
    try:
        yield
    finally:
        llmtrack.configure(chunk_timing=None)
