"""What all trackers have in common that stand in front of another one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from llmtrack.events import Event
from llmtrack.record import CallInfo
from llmtrack.trackers.isolation import dropped_by
from llmtrack.trackers.protocol import Tracker, TrackerLike, wanted_events
from llmtrack.trackers.tracker import as_tracker, tracker_name


class Wrapping:
    """
    A tracker in front of another one, whose optional attributes it shows.

    Attributes:
        tracker: The tracker behind.
        events: What that one wants.
    """

    activate: Callable[[CallInfo], AbstractContextManager[Any]]

    def __init__(self, tracker: TrackerLike) -> None:
        self.tracker: Tracker = as_tracker(tracker)
        self.events: frozenset[type[Event]] = wanted_events(self.tracker)
        self.name: str = f"{type(self).__name__}({tracker_name(self.tracker)})"
        activate = getattr(self.tracker, "activate", None)
        if activate is not None:
            self.activate = activate

    @property
    def dropped(self) -> int:
        """Events that the tracker behind dropped."""
        return dropped_by(self.tracker)

    def flush(self, timeout: float, /) -> bool:
        """Flush the tracker behind."""
        flush = getattr(self.tracker, "flush", None)
        return flush is None or flush(timeout) is not False

    def close(self) -> None:
        """Close the tracker behind."""
        close = getattr(self.tracker, "close", None)
        if close is not None and not inspect.iscoroutinefunction(close):
            close()
