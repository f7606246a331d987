"""What is accepted as a tracker, and how several are one."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, cast

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Event
from llmtrack.record import CallInfo, CallRecord
from llmtrack.trackers.isolation import Failures, dropped_by
from llmtrack.trackers.launchdarkly import LaunchDarklyTracker, speaks_launchdarkly
from llmtrack.trackers.protocol import Tracker, TrackerLike, wanted_events
from llmtrack.trackers.signatures import accepts, describe, yields


def as_tracker(value: TrackerLike, /) -> Tracker:
    """
    Return the tracker that a value stands for.

    A tracker is returned as it is. LaunchDarkly's own tracker, a function of
    one `CallRecord` (sync or async) and a sequence of these are wrapped.

    Raises:
        ConfigurationError: The value is none of these; the message says what
            to do.
    """
    if isinstance(value, type):
        raise ConfigurationError(
            f"tracker must be an instance; got the class {value.__qualname__}. "
            f"Write {value.__qualname__}(...)"
        )
    if callable(getattr(value, "track", None)):
        return _checked(value)
    if speaks_launchdarkly(value):
        return LaunchDarklyTracker(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        if not value:
            raise ConfigurationError(
                "tracker is an empty sequence: nobody would be told. Give it a "
                "tracker, or leave it out"
            )
        return FanOut(*value)
    if callable(value):
        return RecordFunction(value)
    raise ConfigurationError(
        "tracker must have track(event), LaunchDarkly's five track_* methods, or be a "
        f"function of one record; got {describe(value)}. {_cure(value)}"
    )


def tracker_name(tracker: Tracker, /) -> str:
    """Return what a tracker is called in statistics and logs."""
    name = getattr(tracker, "name", None)
    return name if isinstance(name, str) and name else type(tracker).__qualname__


class RecordFunction:
    """
    A function of one `CallRecord`, as a tracker.

    Args:
        function: Sync or async; called once for every call that has ended.

    Raises:
        ConfigurationError: It cannot be called with one record, or is a
            generator function, whose body would never run.
    """

    events: frozenset[type[Event]] = frozenset({CallEnded})

    def __init__(self, function: Callable[[CallRecord], object]) -> None:
        if yields(function):
            raise ConfigurationError(
                "a function given as tracker must not yield, for nobody would iterate "
                f"it; got {describe(function)}"
            )
        if not accepts(function, 1):
            raise ConfigurationError(
                "a function given as tracker must take one argument, the CallRecord; "
                f"got {describe(function)} with {inspect.signature(function)}"
            )
        self._function = function
        self.name: str = getattr(function, "__qualname__", type(function).__qualname__)

    def track(self, event: Event, /) -> Coroutine[Any, Any, None] | None:
        if not isinstance(event, CallEnded):
            return None
        result = self._function(event.record)
        return result if isinstance(result, Coroutine) else None


class FanOut:
    """
    Tell several trackers, each kept away from the failures of the others.

    Args:
        trackers: Trackers, or what is accepted in place of one.

    Attributes:
        trackers: The trackers themselves.
        failed: How often one of them raised, when told through this tracker; a list
            given to llmtrack is taken apart, and `statistics()` counts each.
        dropped: Events that they say they dropped.
    """

    activate: Callable[[CallInfo], AbstractContextManager[Any]]

    def __init__(self, *trackers: TrackerLike) -> None:
        self.trackers: tuple[Tracker, ...] = tuple(
            as_tracker(tracker) for tracker in trackers
        )
        self._members = [
            (tracker, wanted_events(tracker), Failures(tracker_name(tracker)))
            for tracker in self.trackers
        ]
        self.events: frozenset[type[Event]] = frozenset[type[Event]]().union(
            *(wanted for _, wanted, _ in self._members)
        )
        if any(hasattr(tracker, "activate") for tracker in self.trackers):
            self.activate = self._activate

    @property
    def failed(self) -> int:
        return sum(failures.count for _, _, failures in self._members)

    @property
    def dropped(self) -> int:
        return sum(map(dropped_by, self.trackers))

    def track(self, event: Event, /) -> Coroutine[Any, Any, None] | None:
        waiting: list[tuple[Coroutine[Any, Any, None], Failures]] = []
        passing: BaseException | None = None
        for tracker, wanted, failures in self._members:
            if type(event) not in wanted:
                continue
            try:
                result = tracker.track(event)
            except Exception as exc:
                failures.add(exc)
            except BaseException as exc:
                # KeyboardInterrupt passes once the others have been told.
                passing = passing or exc
            else:
                if isinstance(result, Coroutine):
                    waiting.append((result, failures))
        if passing is not None:
            for coroutine, failures in waiting:
                coroutine.close()
                failures.add(passing)
            raise passing
        return _in_turn(waiting) if waiting else None

    def _activate(self, call: CallInfo, /) -> AbstractContextManager[None]:
        return _Active(call, self._members)

    def flush(self, timeout: float, /) -> bool:
        """Flush all; they share the time."""
        deadline = time.monotonic() + timeout
        in_time = True
        for member in self._members:
            left = max(0.0, deadline - time.monotonic())
            in_time = self._ask(member, "flush", left) and in_time
        return in_time

    def close(self) -> None:
        """Close all."""
        for member in self._members:
            self._ask(member, "close")

    @staticmethod
    def _ask(
        member: tuple[Tracker, frozenset[type[Event]], Failures],
        method: str,
        *arguments: float,
    ) -> bool:
        tracker, _, failures = member
        function = getattr(tracker, method, None)
        if function is None or inspect.iscoroutinefunction(function):
            return True
        try:
            return function(*arguments) is not False
        except Exception as exc:
            failures.add(exc)
            return False


class _Active:
    """The contexts of several trackers, entered as one."""

    def __init__(
        self,
        call: CallInfo,
        members: list[tuple[Tracker, frozenset[type[Event]], Failures]],
    ) -> None:
        self._call = call
        self._members = members
        self._entered: list[tuple[AbstractContextManager[Any], Failures]] = []

    def __enter__(self) -> None:
        for tracker, _, failures in self._members:
            activate = getattr(tracker, "activate", None)
            if activate is None:
                continue
            try:
                context = activate(self._call)
                context.__enter__()
            except Exception as exc:
                failures.add(exc)
            else:
                self._entered.append((context, failures))

    def __exit__(
        self,
        cls: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._entered:
            context, failures = self._entered.pop()
            try:
                context.__exit__(cls, exc, traceback)
            except Exception as failure:
                # A context made of a generator raises again what went in.
                if failure is not exc:
                    failures.add(failure)


async def _in_turn(waiting: list[tuple[Coroutine[Any, Any, None], Failures]]) -> None:
    for coroutine, failures in waiting:
        try:
            await coroutine
        except Exception as exc:
            failures.add(exc)


def _checked(tracker: Any) -> Tracker:
    """Return the tracker, or raise where it could only fail later."""
    if yields(tracker.track):
        raise ConfigurationError(
            f"track of {describe(tracker)} must not yield, for nobody would iterate it"
        )
    if not accepts(tracker.track, 1):
        raise ConfigurationError(
            "track of a tracker must take one argument, the event; "
            f"{describe(tracker)} has track{inspect.signature(tracker.track)}"
        )
    for name, arguments in {"activate": 1, "flush": 1, "close": 0}.items():
        method = getattr(tracker, name, None)
        if method is None or (name == "close" and inspect.iscoroutinefunction(method)):
            continue
        if not callable(method) or not accepts(method, arguments):
            raise ConfigurationError(
                f"{name} of {describe(tracker)} must be callable with "
                f"{'one argument' if arguments else 'no argument'}"
            )
        if inspect.iscoroutinefunction(method):
            raise ConfigurationError(
                f"{name} of {describe(tracker)} must not be async: only track may be"
            )
    wanted_events(tracker)
    return cast(Tracker, tracker)


def _cure(value: object) -> str:
    if value is None:
        return "Leave it out"
    if callable(getattr(value, "create_tracker", None)):
        return "Wrap it: LaunchDarklyTracker(config)"
    return "To track a client, decorate the function that calls it"
