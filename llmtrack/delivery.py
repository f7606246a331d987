"""The guarded way to trackers, and the queue for what must not run where it arose."""

from __future__ import annotations

import atexit
import inspect
import logging
import os
import sys
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from llmtrack.events import Event
from llmtrack.record import CallInfo
from llmtrack.trackers.protocol import Tracker, wanted_events

if TYPE_CHECKING:
    from llmtrack.delivery_loop import DeliveryLoop

T = TypeVar("T")
Job = Callable[[], object]

logger = logging.getLogger("llmtrack")

#: Seconds that the exit of the process waits for trackers.
EXIT_TIMEOUT: Final = 5.0
#: Events of one async tracker that may wait; further ones are dropped, counted.
ASYNC_LIMIT: Final = 10_000

_reported: set[tuple[str, type]] = set()


def report(where: str, exc: BaseException) -> None:
    """Log what went wrong inside of llmtrack or a tracker, once per kind."""
    kind = (where, type(exc))
    if kind in _reported:
        return
    _reported.add(kind)
    try:
        logger.warning(
            "%s raised %s; the program goes on, and the next ones are only counted",
            where,
            type(exc).__name__,
            exc_info=exc,
        )
    except Exception:
        # A log handler of the program is foreign code too, and there is no
        # other place to say so.
        return


def guarded(where: str, function: Callable[..., T], *args: Any, default: T) -> T:
    """Return what a function returns, or the default where it raises."""
    try:
        return function(*args)
    except Exception as exc:
        report(where, exc)
        return default


class _Tally:
    """What became of the events of all trackers with one name."""

    __slots__ = ("delivered", "dropped", "failed")

    def __init__(self) -> None:
        self.delivered = self.failed = self.dropped = 0


class Outlet:
    """One tracker, and the guard in front of it."""

    __slots__ = (
        "__weakref__",
        "_count",
        "_track",
        "activates",
        "name",
        "tracker",
        "waiting",
        "wants",
    )

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.name = str(getattr(tracker, "name", "") or type(tracker).__name__)
        self.wants = wanted_events(tracker)
        self.activates = hasattr(tracker, "activate")
        self.waiting = 0
        self._count = _counts[self.name]
        self._track = tracker.track
        _known.add(self)

    def send(self, event: Event) -> BaseException | None:
        """
        Give an event to the tracker.

        Returns:
            A `KeyboardInterrupt` or the like that has to pass once everybody
            has been told, or None.
        """
        try:
            pending = self._track(event)
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

    def flush(self, timeout: float) -> bool:
        """Flush the tracker, where it can; return whether all was delivered."""
        flush = getattr(self.tracker, "flush", None)
        if flush is None:
            return True
        done = guarded(f"flush of {self.name}", flush, timeout, default=False)
        if inspect.isawaitable(done):
            result = _post.loop().result
            done = guarded(
                f"flush of {self.name}", result, done, timeout, default=False
            )
        return done is not False

    def _await(self, pending: Awaitable[Any]) -> None:
        """Let the loop of the delivery await it, after what came before."""
        if self.waiting >= ASYNC_LIMIT:
            self._count.dropped += 1
            if inspect.iscoroutine(pending):
                pending.close()
            return
        self.waiting += 1
        _post.loop().submit(self, pending, self._awaited)

    def _awaited(self, exc: BaseException | None) -> None:
        self.waiting -= 1
        if exc is None:
            self._count.delivered += 1
        else:
            self._count.failed += 1
            report(f"tracker {self.name}", exc)


class _Post:
    """A thread for what was handed over, and a loop for what must be awaited."""

    def __init__(self) -> None:
        # Its put is re-entrant, as documented: a finalizer may call it while
        # the very same thread is inside of put. queue.Queue would deadlock.
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: DeliveryLoop | None = None
        self._starting = threading.Lock()

    def later(self, job: Job) -> None:
        """Run a job on the delivery thread, in order. Safe in a finalizer."""
        self._jobs.put(job)

    def start(self) -> bool:
        """Start the thread unless it runs. Not for finalizers: it takes locks."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = start_thread("llmtrack-delivery", self._run)
        return self._thread is not None

    def loop(self) -> DeliveryLoop:
        """Return the loop on which async trackers run."""
        if self._loop is None:
            # asyncio takes longer to import than all of llmtrack.
            from llmtrack.delivery_loop import DeliveryLoop

            with self._starting:
                self._loop = self._loop or DeliveryLoop()
        return self._loop

    def wait_for_loop(self, timeout: float) -> bool:
        """Wait until async trackers took everything, or time is up."""
        return self._loop is None or self._loop.wait(timeout)

    def wait(self, timeout: float) -> bool:
        """Wait until everything handed over so far is done, or time is up."""
        if threading.current_thread() is self._thread:
            return self._jobs.empty()
        if not self.start():
            return self._run_here()
        done = threading.Event()
        self.later(done.set)
        return done.wait(timeout)

    def _run_here(self) -> bool:
        """Do the work on this thread: none can be started, at exit."""
        while not self._jobs.empty():
            self._do(self._jobs.get())
        return True

    def _run(self) -> None:
        while True:
            self._do(self._jobs.get())

    @staticmethod
    def _do(job: Job) -> None:
        try:
            job()
        except BaseException as exc:
            # A KeyboardInterrupt raised by a tracker has no caller here.
            report("delivery", exc)


def start_thread(name: str, target: Job) -> threading.Thread | None:
    """Start a thread that does not keep the process alive; None at exit."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as exc:
        report("start of a thread", exc)
        return None
    return thread


_counts: defaultdict[str, _Tally] = defaultdict(_Tally)
_known: weakref.WeakSet[Outlet] = weakref.WeakSet()
_post = _Post()
_before_exit: list[Job] = []
#: Differs in a forked child, which must not report its parent's calls.
generation = 0

later = _post.later
start = _post.start
wait = _post.wait


def flush(timeout: float = EXIT_TIMEOUT) -> bool:
    """
    Deliver everything that is known by now.

    Args:
        timeout: Seconds to wait at most, in all.

    Returns:
        Whether all of it was delivered in time.
    """
    deadline = time.monotonic() + timeout
    done = _post.wait(timeout)
    done &= _post.wait_for_loop(max(0.0, deadline - time.monotonic()))
    for outlet in list(_known):
        done &= outlet.flush(max(0.0, deadline - time.monotonic()))
    return done


def statistics() -> dict[str, dict[str, int]]:
    """
    Return what became of the events, by the tracker's name.

    Returns:
        `delivered` (the tracker took it), `failed` (it raised) and `dropped`
        (it, or the queue in front of it, was full) for each name.
    """
    dropped: defaultdict[str, int] = defaultdict(int)
    for outlet in list(_known):
        own = getattr(outlet.tracker, "dropped", 0)
        dropped[outlet.name] += own if isinstance(own, int) else 0
    return {
        name: {
            "delivered": count.delivered,
            "failed": count.failed,
            "dropped": count.dropped + dropped[name],
        }
        for name, count in list(_counts.items())
    }


def before_exit(job: Job) -> None:
    """Run a job when the process exits, before the trackers are flushed."""
    _before_exit.append(job)


def at_exit() -> None:
    """End what is open, and give the trackers some seconds."""
    for job in _before_exit:
        _post.later(job)
    if not flush(EXIT_TIMEOUT):
        left = sum(outlet.waiting for outlet in list(_known))
        logger.warning(
            "the process exits, and not every event was delivered within %s s "
            "(%s of async trackers are left)", EXIT_TIMEOUT, left
        )  # fmt: skip


def arm_child() -> None:
    """
    See to it that a `multiprocessing` child runs `at_exit`.

    It leaves by `os._exit`, which runs no `atexit` function, but runs its own
    finalizers before.
    """
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process and util and process.parent_process() is not None:
        util.Finalize(None, at_exit, exitpriority=100)


def _after_fork() -> None:
    global generation
    generation += 1
    _post.__init__()  # type: ignore[misc]
    for outlet in list(_known):
        outlet.waiting = 0


atexit.register(at_exit)
os.register_at_fork(after_in_child=_after_fork)
