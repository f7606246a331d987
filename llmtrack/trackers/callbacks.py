"""A function for each thing that can happen to a call."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

from llmtrack.errors import ConfigurationError
from llmtrack.events import (
    CallEnded,
    CallStarted,
    Delta,
    Event,
    FirstToken,
    UsageKnown,
)
from llmtrack.record import Outcome
from llmtrack.trackers.signatures import accepts, describe, yields

_BY_OUTCOME: Final = {
    Outcome.SUCCESS: "on_complete",
    Outcome.ERROR: "on_error",
    Outcome.CANCELLED: "on_stop",
    Outcome.ABANDONED: "on_stop",
}
_BY_EVENT: Final = {
    CallStarted: "on_start",
    FirstToken: "on_first_token",
    Delta: "on_delta",
    UsageKnown: "on_usage",
}


class Callbacks:
    """
    Call a function, sync or async, with each event of its kind.

    Args:
        on_start: A call has started.
        on_first_token: The first generated content has arrived.
        on_delta: A chunk with content has arrived.
        on_usage: The tokens are known.
        on_complete: A call has ended well.
        on_error: A call has failed.
        on_stop: A call was cancelled or abandoned.
        on_end: A call has ended, however; after the one above.

    Raises:
        ConfigurationError: One of them is no function of one event.
    """

    def __init__(
        self,
        *,
        on_start: Callable[[CallStarted], object] | None = None,
        on_first_token: Callable[[FirstToken], object] | None = None,
        on_delta: Callable[[Delta], object] | None = None,
        on_usage: Callable[[UsageKnown], object] | None = None,
        on_complete: Callable[[CallEnded], object] | None = None,
        on_error: Callable[[CallEnded], object] | None = None,
        on_stop: Callable[[CallEnded], object] | None = None,
        on_end: Callable[[CallEnded], object] | None = None,
    ) -> None:
        given: dict[str, Callable[[Any], object] | None] = {
            "on_start": on_start,
            "on_first_token": on_first_token,
            "on_delta": on_delta,
            "on_usage": on_usage,
            "on_complete": on_complete,
            "on_error": on_error,
            "on_stop": on_stop,
            "on_end": on_end,
        }
        self._functions = {name: fn for name, fn in given.items() if fn is not None}
        for name, function in self._functions.items():
            if not callable(function) or not accepts(function, 1) or yields(function):
                raise ConfigurationError(
                    f"{name} must be a function of one event; got {describe(function)}"
                )
        self.events: frozenset[type[Event]] = frozenset(
            cls for cls, name in _BY_EVENT.items() if name in self._functions
        )
        if self._functions.keys() & {*_BY_OUTCOME.values(), "on_end"}:
            self.events |= {CallEnded}

    def track(self, event: Event, /) -> Coroutine[Any, Any, None] | None:
        if not isinstance(event, CallEnded):
            return self._call(_BY_EVENT[type(event)], event)
        try:
            pending = self._call(_BY_OUTCOME[event.record.outcome], event)
        finally:
            # The end is the end, also where the function above raised.
            last = self._call("on_end", event)
        if pending is not None and last is not None:
            return _both(pending, last)
        return pending or last

    def _call(self, name: str, event: Event) -> Coroutine[Any, Any, None] | None:
        function = self._functions.get(name)
        result = function(event) if function is not None else None
        return result if isinstance(result, Coroutine) else None


async def _both(
    first: Coroutine[Any, Any, None], second: Coroutine[Any, Any, None]
) -> None:
    try:
        await first
    finally:
        await second
