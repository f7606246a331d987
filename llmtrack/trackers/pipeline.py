"""Decide which events a tracker gets, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from fnmatch import fnmatchcase
from typing import Any

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Event
from llmtrack.record import CallInfo
from llmtrack.trackers.composing import Wrapping
from llmtrack.trackers.protocol import ALL_EVENTS, TrackerLike, is_event_class
from llmtrack.trackers.signatures import accepts, describe, yields


class Filtered(Wrapping):
    """
    Let through the events that match everything that is asked for.

    An event of a call whose provider or model is not known yet does not match a
    filter for it; the later events of the call may.

    Args:
        tracker: A tracker, or what is accepted in place of one.
        events: Event classes, or one of them; None is all that the tracker
            wants.
        providers: Provider names, or one, as `gen_ai.provider.name` has them.
        models: Names of requested or answering models, or one; `*` and `?`
            stand for any characters and for one.
        when: Takes the event, returns whether it passes.

    Raises:
        ConfigurationError: A filter is none of these.
    """

    def __init__(
        self,
        tracker: TrackerLike,
        *,
        events: Iterable[type[Event]] | type[Event] | None = None,
        providers: Iterable[str] | str | None = None,
        models: Iterable[str] | str | None = None,
        when: Callable[[Event], object] | None = None,
    ) -> None:
        super().__init__(tracker)
        if when is not None and not (callable(when) and accepts(when, 1)):
            raise ConfigurationError(
                f"when must be a function of one event; got {describe(when)}"
            )
        if events is not None:
            # A tracker that does not say what it wants gets what is asked for here.
            says = getattr(self.tracker, "events", None) is not None
            offered = self.events if says else ALL_EVENTS
            classes = _classes(events)
            self.events: frozenset[type[Event]] = frozenset(
                e for e in offered if issubclass(e, classes)
            )
            if not self.events:
                raise ConfigurationError(
                    f"no event would pass: {self.name} wants "
                    f"{', '.join(sorted(e.__name__ for e in offered))}"
                )
        self._providers = _names("providers", providers)
        self._models = _names("models", models)
        self._when = when

    def track(self, event: Event, /) -> Coroutine[Any, Any, None] | None:
        if type(event) not in self.events:
            return None
        call = event.record if isinstance(event, CallEnded) else event.call
        if not self._matches(call) or (self._when and not self._when(event)):
            return None
        return self.tracker.track(event)

    def _matches(self, call: CallInfo) -> bool:
        if self._providers is not None and call.provider not in self._providers:
            return False
        if self._models is None:
            return True
        names = {call.request_model, getattr(call, "response_model", None)} - {None}
        return any(
            fnmatchcase(str(name), pattern)
            for name in names
            for pattern in self._models
        )


class Transformed(Wrapping):
    """
    Change events on their way to a tracker.

    Args:
        tracker: A tracker, or what is accepted in place of one.
        transform: Takes the event; returns the same one, another one made with
            `dataclasses.replace`, or None to drop it. `llmtrack.trackers.recipes`
            has some.

    Raises:
        ConfigurationError: `transform` is no function of one event.
    """

    def __init__(
        self, tracker: TrackerLike, transform: Callable[[Any], Event | None]
    ) -> None:
        super().__init__(tracker)
        if not callable(transform) or not accepts(transform, 1) or yields(transform):
            raise ConfigurationError(
                "transform must be a function of one event that returns an event or "
                f"None; got {describe(transform)}"
            )
        self._transform = transform

    def track(self, event: Event, /) -> Coroutine[Any, Any, None] | None:
        changed = self._transform(event)
        if changed is None:
            return None
        if not isinstance(changed, Event):
            raise TypeError(
                "transform must return an event or None; it returned "
                f"{describe(changed)}"
            )
        return self.tracker.track(changed)


def _classes(events: Iterable[type[Event]] | type[Event]) -> tuple[type[Event], ...]:
    classes = (events,) if isinstance(events, type) else _several(events)
    if classes is None or not all(map(is_event_class, classes)):
        raise ConfigurationError(
            f"events must be event classes such as CallEnded; got {events!r}"
        )
    return classes


def _names(what: str, names: Iterable[str] | str | None) -> frozenset[str] | None:
    if names is None:
        return None
    # A string is a name, and not the letters that it is made of.
    several = (names,) if isinstance(names, str) else _several(names)
    if several is None or not all(isinstance(name, str) for name in several):
        raise ConfigurationError(
            f"{what} must be a name or several, such as ['a', 'b']; got {names!r}"
        )
    return frozenset(several)


def _several(values: Iterable[Any]) -> tuple[Any, ...] | None:
    """Return the values, or None where they are none to go through."""
    return tuple(values) if isinstance(values, Iterable) else None
