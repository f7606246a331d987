"""The loop on which async trackers run, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent import futures
from typing import Any, TypeVar

T = TypeVar("T")


class DeliveryLoop:
    """An event loop that cannot block the program's."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._pending: set[futures.Future[None]] = set()
        self._turns: dict[object, asyncio.Lock] = {}
        threading.Thread(
            target=self._loop.run_forever, name="llmtrack-async", daemon=True
        ).start()

    def submit(
        self,
        line: object,
        pending: Awaitable[Any],
        done: Callable[[BaseException | None], None],
    ) -> None:
        """Await something after all that was submitted before in the same line."""
        job = self._in_turn(line, pending, done)
        future = asyncio.run_coroutine_threadsafe(job, self._loop)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    def result(self, pending: Awaitable[T], timeout: float) -> T:
        """Await something, and return what it gives."""
        future = asyncio.run_coroutine_threadsafe(_awaiting(pending), self._loop)
        return future.result(timeout)

    def wait(self, timeout: float) -> bool:
        """Wait until everything submitted so far is done, or time is up."""
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
