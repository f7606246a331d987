"""The loop on which async trackers run, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent import futures
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

#: Seconds that a job may take where there is no thread for it.
_TIMEOUT: Final = 5.0


class DeliveryLoop:
    """
    An event loop that cannot block the program's.

    Args:
        start_thread: Starts a thread, of a name, that runs a function; returns None
            at exit, when there can be none. Then each job is run to its end where
            it is submitted.
    """

    def __init__(
        self, start_thread: Callable[[str, Callable[[], object]], object | None]
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._pending: set[futures.Future[None]] = set()
        # A block has a line of its own, and there may be very many of them.
        self._turns: WeakKeyDictionary[object, asyncio.Lock] = WeakKeyDictionary()
        self._thread = start_thread("llmtrack-async", self._loop.run_forever)
        self._has_thread = self._thread is not None

    def submit(
        self,
        line: object,
        pending: Awaitable[Any],
        done: Callable[[BaseException | None], None],
    ) -> None:
        """Await something after all that was submitted before in the same line."""
        job = self._in_turn(line, pending, done)
        if not self._has_thread:
            self._loop.run_until_complete(asyncio.wait_for(job, _TIMEOUT))
            return
        future = asyncio.run_coroutine_threadsafe(job, self._loop)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    def result(self, pending: Awaitable[T], timeout: float) -> T:
        """Await something, and return what it gives."""
        if not self._has_thread:
            waiting = asyncio.wait_for(_awaiting(pending), timeout)
            return self._loop.run_until_complete(waiting)
        future = asyncio.run_coroutine_threadsafe(_awaiting(pending), self._loop)
        return future.result(timeout)

    def wait(self, timeout: float) -> bool:
        """Wait until everything submitted so far is done, or time is up."""
        if threading.current_thread() is self._thread:
            # A tracker that flushes would wait for itself.
            return False
        return not futures.wait(list(self._pending), timeout).not_done

    async def _in_turn(
        self,
        line: object,
        pending: Awaitable[Any],
        done: Callable[[BaseException | None], None],
    ) -> None:
        # An asyncio.Lock is fair: first come, first served.
        async with self._turns.setdefault(line, asyncio.Lock()):
            try:
                await pending
            except Exception as exc:
                done(exc)
            else:
                done(None)


async def _awaiting(pending: Awaitable[T]) -> T:
    return await pending
