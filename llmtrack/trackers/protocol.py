"""What a tracker is, and what may stand for one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, TypeAlias, Union, runtime_checkable

from llmtrack.errors import ConfigurationError
from llmtrack.events import (
    CallEnded,
    CallStarted,
    Delta,
    Event,
    FirstToken,
    UsageKnown,
)
from llmtrack.record import CallInfo, CallRecord
from llmtrack.trackers.signatures import describe

#: What a tracker gets that does not say what it wants.
ALL_BUT_DELTA: Final = frozenset[type[Event]](
    {CallStarted, FirstToken, UsageKnown, CallEnded}
)
ALL_EVENTS: Final = ALL_BUT_DELTA | {Delta}

_COLLECTIONS: Final = (frozenset, set, tuple, list)


@runtime_checkable
class Tracker(Protocol):
    """
    Where events go.

    A tracker is called from many threads at once, on the thread of the call, so
    it is quick, never blocks for long, and never grows without bound. What it
    raises is contained, logged once and counted. It must not keep
    `CallEnded.exception`, whose traceback holds the stream.

    Optional attributes, looked up when the tracker is registered:

    - `events`, a frozenset of event classes: what the tracker wants. Without it
      a tracker gets everything but `Delta`.
    - `activate(call)`: see `Activating`.
    - `flush(timeout)` and `close()`: see `Flushing` and `Closing`.
    """

    def track(self, event: Event, /) -> Coroutine[Any, Any, None] | None:
        """
        Take an event.

        May be `async`, or return a coroutine: llmtrack awaits it on a loop of
        its own, never on the program's. Anything else that it returns, such as
        a task of the program's loop, is ignored.
        """


class Activating(Protocol):
    """A tracker that wants to be the context in which the call works."""

    def activate(self, call: CallInfo, /) -> AbstractContextManager[Any]:
        """
        Return what is entered around the function body and each single step.

        It is never held across a yield, and may be entered on another thread
        than the one before.
        """
        ...


class Flushing(Protocol):
    """A tracker that delivers later."""

    def flush(self, timeout: float, /) -> bool:
        """
        Deliver what waits, and return whether all of it was delivered in time.

        Takes at most `timeout` seconds. Called at exit too. Not `async`.
        """
        ...


class Closing(Protocol):
    """A tracker that holds something open."""

    def close(self) -> None:
        """
        Deliver what waits and let go; events after that are dropped.

        An `async` close is the program's own to await: llmtrack leaves it alone.
        """


@runtime_checkable
class LaunchDarklyLike(Protocol):
    """The five methods that LaunchDarkly's trackers share since ldai 0.8."""

    def track_duration(self, duration: int) -> None:
        """Take milliseconds."""

    def track_time_to_first_token(self, time_to_first_token: int) -> None:
        """Take milliseconds."""

    def track_tokens(self, tokens: Any) -> None:
        """Take an object with `total`, `input` and `output`, each an int."""

    def track_success(self) -> None:
        """Count a generation that worked."""

    def track_error(self) -> None:
        """Count a generation that did not."""


# Union, for the name of the alias itself can only be written as a string.
TrackerLike: TypeAlias = Union[  # noqa: UP007
    Tracker,
    LaunchDarklyLike,
    Callable[[CallRecord], object],
    Sequence["TrackerLike"],
]


def wanted_events(tracker: Tracker, /) -> frozenset[type[Event]]:
    """
    Return the event classes that a tracker wants.

    A class of `events` stands for its subclasses too, so that `{Event}` is
    everything.

    Raises:
        ConfigurationError: `events` is no collection of event classes.
    """
    given = getattr(tracker, "events", None)
    if given is None:
        return ALL_BUT_DELTA
    if not isinstance(given, _COLLECTIONS) or not all(map(is_event_class, given)):
        raise ConfigurationError(
            "events of a tracker must be a frozenset of event classes such as "
            f"CallEnded; {describe(tracker)} has {given!r}"
        )
    return frozenset(
        each for each in ALL_EVENTS if any(issubclass(each, cls) for cls in given)
    )


def is_event_class(value: object, /) -> bool:
    """Return whether the value is `Event` or one of its classes."""
    return isinstance(value, type) and issubclass(value, Event)
