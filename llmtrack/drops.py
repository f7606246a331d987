"""How a call learns that its stream was closed or dropped."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any
from weakref import ref

from llmtrack import delivery
from llmtrack.call import Call


class Guard:
    """
    Ends a call whose stream was dropped.

    A follower holds it, and so does the proxy that holds the follower: when
    nobody can read the stream any more, nobody holds the guard. That also covers
    a generator that was never started, whose `finally` never runs. It holds the
    call, never the stream.
    """

    __slots__ = ("_blocks", "_handed_out", "_is_relieved", "call")

    def __init__(self, call: Call) -> None:
        self.call: Call = call
        self._blocks = 0
        self._is_relieved = False
        self._handed_out: ref[Any] | None = None
        # What a finalizer hands over needs somebody who takes it.
        delivery.start()

    def watch(self, follower: Any) -> None:
        """Remember the follower, without holding it."""
        self._handed_out = self.call.follower = ref(follower)

    @property
    def is_dropped(self) -> bool:
        """
        Whether the follower is being finalized, and not closed by somebody.

        Weak references are cleared before the finalizer runs, by reference count
        and by the collector alike: `GeneratorExit` alone does not tell the two.
        """
        return self._handed_out is None or self._handed_out() is None

    def enter_block(self) -> None:
        """Remember that the stream's own block was entered."""
        self._blocks += 1
        self.call.enter_block()

    def leave_block(self, exc: BaseException | None) -> None:
        """Tell the call what leaves the stream's own block."""
        self._blocks -= 1
        self.call.leave_block(exc)

    def relieve(self) -> None:
        """Leave the call to the guard of the stream that came out of this one."""
        self._is_relieved = True

    def failed(self, exc: BaseException) -> None:
        """Tell the call what came out of the follower, unless it was dropped first."""
        if self.is_dropped:
            # A loop that is shut down cancels the task that closes a dropped stream.
            self.call.left(deferred=True)
        else:
            self.call.failed(exc)

    def __del__(self) -> None:
        if not self._is_relieved and not self.call.is_over:
            for _ in range(self._blocks):
                self.call.forget_block()
            self.call.left(deferred=True)


class AwaitGuard(Guard):
    """
    Ends a call whose coroutine nobody awaited.

    Attributes:
        pending: The coroutine, until somebody awaits it. Closing it says that
            Python need not warn of two coroutines where the program made one.
    """

    __slots__ = ("pending",)

    def __init__(self, call: Call, pending: Coroutine[Any, Any, Any]) -> None:
        super().__init__(call)
        self.pending: Coroutine[Any, Any, Any] | None = pending

    def __del__(self) -> None:
        if self.pending is not None:
            self.pending.close()
            super().__del__()


def closing(close: Callable[..., Any], call: Call) -> Callable[..., Any]:
    """Return a stream's own `close` that also tells the call."""
    if inspect.iscoroutinefunction(close):

        @wraps(close)
        async def close_async(*args: Any, **kwargs: Any) -> Any:
            try:
                return await close(*args, **kwargs)
            finally:
                call.left()

        return close_async

    @wraps(close)
    def close_now(*args: Any, **kwargs: Any) -> Any:
        try:
            return close(*args, **kwargs)
        finally:
            call.left()

    return close_now
