"""A tracker that remembers what it was told."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from llmtrack import CallEnded, CallRecord, Event, flush
from llmtrack.trackers.protocol import ALL_BUT_DELTA, ALL_EVENTS

E = TypeVar("E", bound=Event)


class RecordingTracker:
    """
    Remember every event, for a test to look at.

    Endings that arise in a finalizer, and those whose tokens are slow to count,
    are delivered by a thread a moment later: whatever is read here waits for them
    first. May be used from any number of threads.

    Args:
        deltas: Whether `Delta` is recorded too.
        exceptions: Whether `CallEnded.exception` is kept. Its traceback holds the
            stream, which then is not dropped when the program drops it.
        timeout: Seconds to wait for what is not delivered yet.

    Attributes:
        events: The classes of the events that it wants, as for any tracker. What
            it was told is `history`.
    """

    def __init__(
        self,
        *,
        deltas: bool = False,
        exceptions: bool = False,
        timeout: float = 10.0,
    ) -> None:
        self.events: frozenset[type[Event]] = ALL_EVENTS if deltas else ALL_BUT_DELTA
        self._keeps_exceptions = exceptions
        self._timeout = timeout
        self._history: list[Event] = []

    def track(self, event: Event, /) -> None:
        """Remember an event."""
        if isinstance(event, CallEnded) and not self._keeps_exceptions:
            event = replace(event, exception=None)
        self._history.append(event)

    @property
    def history(self) -> list[Event]:
        """
        All events by now, in the order in which they came.

        Raises:
            TimeoutError: They were not delivered in time.
        """
        if not flush(self._timeout):
            raise TimeoutError(
                f"some events were not delivered in {self._timeout} s; is a tracker "
                "blocking, or an async one waiting for something?"
            )
        return list(self._history)

    @property
    def records(self) -> list[CallRecord]:
        """The records of all calls that ended by now, in the order of their end."""
        return [event.record for event in self.of(CallEnded)]

    @property
    def record(self) -> CallRecord:
        """
        The record of the only call that ended.

        Raises:
            AssertionError: None ended, or more than one.
        """
        records = self.records
        if len(records) != 1:
            raise AssertionError(f"one call should have ended; {len(records)} did")
        return records[0]

    def of(self, cls: type[E], /) -> list[E]:
        """Return the events of a class, in the order in which they came."""
        return [event for event in self.history if isinstance(event, cls)]

    def clear(self) -> None:
        """Forget everything that came by now."""
        del self._history[: len(self.history)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._history)} events>"
