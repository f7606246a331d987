"""The guarded way to trackers, and what became of their events."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from time import monotonic
from typing import Any, Final, cast
from weakref import ref

from llmtrack import delivery
from llmtrack.events import Delta, Event
from llmtrack.guard import guarded, report
from llmtrack.record import CallInfo
from llmtrack.trackers.protocol import ALL_EVENTS, Tracker, wanted_events

Send = Callable[[Event], BaseException | None]

#: Events of one async tracker that may wait; further ones are dropped, counted.
ASYNC_LIMIT: Final = 10_000


class _Count:
    """What became of the events of all trackers with one name."""

    __slots__ = ("delivered", "dropped", "failed")

    def __init__(self) -> None:
        self.delivered = self.failed = self.dropped = 0


class Outlet:
    """One tracker, and the guard in front of it."""

    __slots__ = (
        "__weakref__",
        "_count",
        "_generation",
        "_track",
        "activates",
        "name",
        "tracker",
        "waiting",
        "wants",
    )

    def __init__(self, tracker: Tracker) -> None:
        self.tracker: Tracker = tracker
        self.name: str = str(getattr(tracker, "name", "") or type(tracker).__name__)
        self.wants: frozenset[type[Event]] = wanted_events(tracker)
        self.activates: bool = hasattr(tracker, "activate")
        self.waiting: int = 0
        self._generation = delivery.generation
        self._count = _counts[self.name]
        self._track = tracker.track
        _remember(self.name, tracker)
        delivery.arm()

    def send(self, event: Event) -> BaseException | None:
        """
        Give an event to the tracker.

        Returns:
            A `KeyboardInterrupt` or the like that has to pass once everybody
            has been told, or None.
        """
        try:
            # By a variable: see `CallState.elapsed`.
            track = self._track
            pending = track(event)
            if pending is None:
                # No lock: the interpreter does not switch threads inside of
                # `+=` on an attribute (CPython 3.11 to 3.13).
                self._count.delivered += 1
            elif inspect.isawaitable(pending):
                self._await(pending)
        except Exception as exc:
            self._count.failed += 1
            report(f"tracker {self.name}", exc)
        except BaseException as exc:
            self._count.failed += 1
            return exc
        return None

    def activate(self, call: CallInfo) -> AbstractContextManager[Any] | None:
        """Return what the tracker wants entered around the work, or None."""
        activate = getattr(self.tracker, "activate", None)
        if activate is None:
            return None
        made = guarded(f"activate of {self.name}", activate, call, default=None)
        return cast("AbstractContextManager[Any] | None", made)

    def _await(self, pending: Awaitable[Any]) -> None:
        """Let the loop of the delivery await it, after what came before."""
        if self._generation != delivery.generation:
            # Forked: what waits is the parent process's.
            self._generation, self.waiting = delivery.generation, 0
        if self.waiting >= ASYNC_LIMIT:
            self._count.dropped += 1
            if inspect.iscoroutine(pending):
                pending.close()
            return
        self.waiting += 1
        delivery.loop().submit(self, pending, self._awaited)

    def _awaited(self, exc: BaseException | None) -> None:
        self.waiting -= 1
        if exc is None:
            self._count.delivered += 1
        else:
            self._count.failed += 1
            report(f"tracker {self.name}", exc)


class Outlets:
    """
    The outlets of a call, and what all of them together want.

    Attributes:
        all: The outlets.
        tell: Gives an event to those that want events of its class, by the class;
            returns what `Outlet.send` does.
        want_deltas: Whether any of them wants each chunk.
        activate: Whether any of them wants to be entered around the work.
    """

    __slots__ = ("activate", "all", "tell", "want_deltas")

    def __init__(self, *outlets: Outlet) -> None:
        self.all: tuple[Outlet, ...] = outlets
        self.tell: dict[type[Event], Send] = {
            cls: _sender([outlet.send for outlet in outlets if cls in outlet.wants])
            for cls in ALL_EVENTS
        }
        self.want_deltas: bool = any(Delta in outlet.wants for outlet in outlets)
        self.activate: bool = any(outlet.activates for outlet in outlets)


def _sender(sends: Sequence[Send]) -> Send:
    """Return what sends to all of them; nearly always there is one."""
    if len(sends) == 1:
        return sends[0]

    def send(event: Event) -> BaseException | None:
        passing = None
        for each in sends:
            passing = each(event) or passing
        return passing

    return send


_counts: defaultdict[str, _Count] = defaultdict(_Count)
# The trackers that have ever been used and are still there, by their ids. What they
# hold back is theirs to deliver, however short the life of an outlet.
_trackers: dict[int, tuple[str, Callable[[], Any]]] = {}


def _remember(name: str, tracker: Tracker) -> None:
    key = id(tracker)

    def forget(_: Any) -> None:
        _trackers.pop(key, None)

    try:
        _trackers[key] = name, ref(tracker, forget)
    except TypeError:
        # It cannot be referred to weakly.
        _trackers[key] = name, lambda: tracker


def flush_trackers(timeout: float) -> bool:
    """Flush all trackers within some seconds; return whether all was delivered."""
    deadline = monotonic() + timeout
    done = True
    for name, tracker in list(_trackers.values()):
        flush = getattr(tracker(), "flush", None)
        if flush is not None:
            done &= _flushed(name, flush, max(0.0, deadline - monotonic()))
    return done


def _flushed(name: str, flush: Callable[[float], Any], timeout: float) -> bool:
    where = f"flush of {name}"
    done = guarded(where, flush, timeout, default=False)
    if inspect.isawaitable(done):
        result = delivery.loop().result
        done = guarded(where, result, done, timeout, default=False)
    return done is not False


def statistics() -> dict[str, dict[str, int]]:
    """
    Return what became of the events, by the tracker's name.

    Returns:
        `delivered` (the tracker took it), `failed` (it raised) and `dropped`
        (it, or the queue in front of it, was full) for each name.
    """
    dropped: defaultdict[str, int] = defaultdict(int)
    for name, tracker in list(_trackers.values()):
        own = getattr(tracker(), "dropped", 0)
        dropped[name] += own if isinstance(own, int) else 0
    return {
        name: {
            "delivered": count.delivered,
            "failed": count.failed,
            "dropped": count.dropped + dropped[name],
        }
        for name, count in list(_counts.items())
    }


delivery.on_flush(flush_trackers)
