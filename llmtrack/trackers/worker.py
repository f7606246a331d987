"""A thread that delivers events later, from a queue that is bounded."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args
from weakref import WeakSet

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Event
from llmtrack.trackers.isolation import Failures, logger

if TYPE_CHECKING:
    import asyncio

Overflow = Literal["drop_oldest", "drop_newest", "block"]

#: Seconds without work after which the thread ends, until there is some again.
IDLE_SECONDS: Final = 10.0
#: Seconds that `close` waits for what is left.
CLOSE_TIMEOUT: Final = 5.0

_all: WeakSet[Worker] = WeakSet()


@dataclass(slots=True, eq=False)
class _Flush:
    """Somebody waits until so many events are settled."""

    after: int
    deadline: float
    served: threading.Event = field(default_factory=threading.Event)
    in_time: bool = False


class Worker:
    """
    Deliver events in order, in batches, on a daemon thread.

    The thread starts with the first event and ends when there is nothing to
    do for a while. A forked child starts with an empty queue: what waited
    there is its parent's to deliver.

    Args:
        name: What the thread is called, and failures in the log.
        deliver: Takes the next events; may return a coroutine.
        queue_size: How many events may wait.
        overflow: What becomes of an event that finds the queue full, or of the
            one that waited longest. `"block"` makes the program wait.
        size: How many events are delivered together at most.
        seconds: How long the first of them waits for the others.
        settle: Called on the thread when somebody flushes, after the events
            before that; takes the seconds left, returns whether all is done.
        rest: Called on the thread before it ends.

    Attributes:
        delivered: Events that `deliver` took.
        dropped: Events that found the queue full or closed.
        failed: Events that `deliver` raised on.
        retry_in: Seconds after which `deliver` is called without an event; it
            sets this itself. None is never.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[list[Event]], Coroutine[Any, Any, Any] | None],
        *,
        queue_size: int,
        overflow: Overflow = "drop_oldest",
        size: int = 1,
        seconds: float = 0.0,
        settle: Callable[[float], bool] | None = None,
        rest: Callable[[], None] | None = None,
    ) -> None:
        for what, number, least in (
            ("queue_size", queue_size, 1),
            ("size", size, 1),
            ("seconds", seconds, 0),
        ):
            if not isinstance(number, int | float) or not number >= least:
                raise ConfigurationError(
                    f"{what} must be at least {least}; got {number!r}"
                )
        if overflow not in get_args(Overflow):
            raise ConfigurationError(
                f"overflow must be one of {', '.join(get_args(Overflow))}; "
                f"got {overflow!r}"
            )
        self.name = name
        self.delivered: int = 0
        self.dropped: int = 0
        self.retry_in: float | None = None
        self._deliver = deliver
        self._settle = settle
        self._rest = rest
        self._queue_size = max(queue_size, size)
        self._overflow = overflow
        self._size = size
        self._seconds = seconds
        self._failures = Failures(name)
        self._closed = False
        self.start_afresh()
        _all.add(self)

    def start_afresh(self) -> None:
        """Forget queue and thread, as in a forked child, which has neither."""
        self._queue: deque[Event] = deque()
        self._flushes: deque[_Flush] = deque()
        self._accepted = self._settled = 0
        self._thread: threading.Thread | None = None
        self._runner: asyncio.Runner | None = None
        # Re-entrant: a signal handler may track a call in the midst of put.
        lock = threading.RLock()
        self._work = threading.Condition(lock)
        self._room = threading.Condition(lock)

    @property
    def failed(self) -> int:
        return self._failures.count

    def put(self, event: Event, /) -> None:
        """Leave an event to be delivered."""
        event = _fit_to_be_kept(event)
        with self._work:
            if len(self._queue) >= self._queue_size:
                self._make_room()
            if self._closed or len(self._queue) >= self._queue_size:
                self.dropped += 1
                return
            self._queue.append(event)
            self._accepted += 1
            # The thread waits for the first, and then for as many as it takes.
            if len(self._queue) in (1, self._size):
                self._work.notify()
            self._see_that_it_runs()

    def _make_room(self) -> None:
        if self._overflow == "drop_oldest":
            self._queue.popleft()
            self.dropped += 1
            self._settled += 1
        # The thread itself would wait for itself.
        elif self._overflow == "block" and not self._is_me():
            self._room.wait_for(
                lambda: self._closed or len(self._queue) < self._queue_size
            )

    def flush(self, timeout: float) -> bool:
        """
        Wait until all that was put so far is delivered.

        Returns:
            Whether it was, within `timeout` seconds. What is left is logged.
        """
        if self._is_me():
            return False
        flush = _Flush(self._accepted, time.monotonic() + timeout)
        with self._work:
            self._flushes.append(flush)
            self._work.notify()
            runs = self._see_that_it_runs()
        if not runs:
            self._work_here(flush.deadline)
        flush.served.wait(max(0.0, flush.deadline - time.monotonic()))
        self._forget(flush)
        left = flush.after - self._settled
        if left > 0:
            logger.warning("%s did not deliver %d events in time", self.name, left)
        return flush.in_time

    def close(self) -> bool:
        """Deliver what waits, end the thread, and return whether all was done."""
        in_time = self.flush(CLOSE_TIMEOUT)
        with self._work:
            self._closed = True
            self._work.notify_all()
            self._room.notify_all()
        thread = self._thread
        if in_time and thread is not None:
            thread.join(CLOSE_TIMEOUT)
        return in_time

    def _is_me(self) -> bool:
        return threading.current_thread() is self._thread

    def _see_that_it_runs(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(
                target=self._run, name=f"llmtrack-{self.name}", daemon=True
            )
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:
                # At exit no thread can be started any more: flush will deliver.
                logger.debug("%s has no thread of its own", self.name, exc_info=True)
                self._thread = None
        return self._thread is not None

    def _run(self) -> None:
        while self._wait():
            self._hand_over(self._take())
            self._serve_flushes()

    def _work_here(self, deadline: float) -> None:
        """Deliver on the caller's thread what there is."""
        while self._queue and time.monotonic() < deadline:
            self._hand_over(self._take())
        self._serve_flushes()
        self._end()

    def _wait(self) -> bool:
        """Wait until there is something to do; False where the thread shall end."""
        while True:
            with self._work:
                pause = IDLE_SECONDS if self.retry_in is None else self.retry_in
                self._work.wait_for(lambda: self._has_work() or self._closed, pause)
                if self._has_work():
                    self._work.wait_for(self._is_due, self._seconds)
                    return True
                if not self._closed:
                    if self.retry_in is not None:
                        return True
                    # A loop is kept: an async tracker may have a session on it.
                    if self._runner is not None:
                        continue
            # Not under the lock, for nobody shall wait for a file to be closed.
            self._end()
            with self._work:
                if not self._has_work():
                    self._thread = None
                    return False

    def _has_work(self) -> bool:
        return bool(self._queue or self._flushes)

    def _is_due(self) -> bool:
        return len(self._queue) >= self._size or bool(self._flushes) or self._closed

    def _take(self) -> list[Event]:
        with self._work:
            count = min(self._size, len(self._queue))
            batch = [self._queue.popleft() for _ in range(count)]
            self._room.notify_all()
        return batch

    def _hand_over(self, batch: list[Event]) -> None:
        if not batch and self.retry_in is None:
            return
        try:
            result = self._deliver(batch)
            if isinstance(result, Coroutine):
                self._loop().run(result)
        except BaseException as exc:
            # There is nobody on this thread whom an interrupt could reach.
            self._failures.add(exc, len(batch))
        else:
            self.delivered += len(batch)
        with self._work:
            self._settled += len(batch)

    def _loop(self) -> asyncio.Runner:
        if self._runner is None:
            # It takes longer to import than all of llmtrack.
            import asyncio

            self._runner = asyncio.Runner()
        return self._runner

    def _serve_flushes(self) -> None:
        for flush in list(self._flushes):
            if flush.after > self._settled:
                continue
            left = flush.deadline - time.monotonic()
            try:
                done = self._settle is None or self._settle(max(0.0, left))
            except BaseException as exc:
                self._failures.add(exc, 0)
                done = False
            flush.in_time = done is not False
            self._forget(flush)
            flush.served.set()

    def _forget(self, flush: _Flush) -> None:
        with self._work:
            if flush in self._flushes:
                self._flushes.remove(flush)

    def _end(self) -> None:
        """Let go of what belongs to this thread."""
        if self._rest is not None:
            try:
                self._rest()
            except BaseException as exc:
                self._failures.add(exc, 0)
        if self._runner is not None:
            self._runner.close()
            self._runner = None


def _fit_to_be_kept(event: Event) -> Event:
    """Return the event without the exception, whose traceback holds the stream."""
    if isinstance(event, CallEnded) and event.exception is not None:
        return replace(event, exception=None)
    return event


def _start_all_afresh() -> None:
    for worker in list(_all):
        worker.start_afresh()


os.register_at_fork(after_in_child=_start_all_afresh)
