"""What is decided about calls before the first one is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from llmtrack.directory import Directory
from llmtrack.outlets import Outlet, Outlets
from llmtrack.settings import settings
from llmtrack.trackers.protocol import Tracker

_default: tuple[Any, Outlets] = (object(), Outlets())


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    What all calls of a function or block have in common.

    Attributes:
        name: The name on the record.
        outlets: Returns where events go.
        provider: Overrides what would be found.
        model: Overrides what would be found; or a callable on the arguments.
        input: Likewise.
        metadata: Added to the call; or a callable on the arguments.
        capture_content: None is what `configure` says.
        directory: Remembers who serves the calls.
    """

    name: str
    outlets: Callable[[], Outlets]
    provider: str | None = None
    model: Any = None
    input: Any = None
    metadata: Any = None
    capture_content: bool | None = None
    directory: Directory = field(default_factory=lambda: Directory(None))


def outlets_for(tracker: Any) -> Callable[[], Outlets]:
    """
    Return what tells where events go.

    Raises:
        ConfigurationError: Not a tracker.
    """
    if tracker is None:
        return _default_outlets
    from llmtrack.trackers.tracker import as_tracker

    outlets = _outlets_of(as_tracker(tracker))
    return lambda: outlets


def _default_outlets() -> Outlets:
    global _default
    chosen = settings().tracker
    if _default[0] is not chosen:
        from llmtrack.trackers.stdout import StdoutTracker
        from llmtrack.trackers.tracker import as_tracker

        tracker = StdoutTracker() if chosen is None else as_tracker(chosen)
        _default = (chosen, _outlets_of(tracker))
    return _default[1]


def _outlets_of(tracker: Tracker) -> Outlets:
    """Return an outlet for each of several trackers, so that each has its count."""
    from llmtrack.trackers.tracker import FanOut

    several = tracker.trackers if isinstance(tracker, FanOut) else (tracker,)
    return Outlets(*map(Outlet, several))
