"""Deliver later: one by one, or many at once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from llmtrack.errors import ConfigurationError
from llmtrack.events import Event
from llmtrack.trackers.composing import Wrapping
from llmtrack.trackers.protocol import TrackerLike
from llmtrack.trackers.signatures import accepts, describe, yields
from llmtrack.trackers.worker import Overflow, Worker

#: Events that may wait for a `Batched` handler.
_BATCHED_QUEUE = 10_000


class Background(Wrapping):
    """
    Give events to a slow tracker on a thread of its own.

    The calling thread only puts them into a queue. A tracker that never returns
    costs no more than the events that wait for it. `CallEnded.exception` is
    None behind the queue, which must not keep what its traceback holds.

    Args:
        tracker: A tracker, or what is accepted in place of one; may be async.
        queue_size: How many events may wait.
        overflow: What becomes of events when the queue is full: the oldest or
            the newest is dropped, or the program waits.

    Raises:
        ConfigurationError: An argument is none of these.
    """

    def __init__(
        self,
        tracker: TrackerLike,
        *,
        queue_size: int = 10_000,
        overflow: Overflow = "drop_oldest",
    ) -> None:
        super().__init__(tracker)
        self._worker = Worker(
            self.name,
            self._deliver,
            queue_size=queue_size,
            overflow=overflow,
            settle=super().flush,
        )

    def track(self, event: Event, /) -> None:
        self._worker.put(event)

    def flush(self, timeout: float, /) -> bool:
        """Wait until the tracker behind took everything and flushed itself."""
        return self._worker.flush(timeout)

    def close(self) -> None:
        """Deliver what waits, then close the tracker behind if it still answers."""
        if self._worker.close():
            super().close()

    @property
    def delivered(self) -> int:
        """Events that the tracker behind took."""
        return self._worker.delivered

    @property
    def failed(self) -> int:
        """Events on which it raised."""
        return self._worker.failed

    @property
    def dropped(self) -> int:
        """Events for which there was no room here, or behind."""
        return self._worker.dropped + super().dropped

    def _deliver(self, batch: list[Event]) -> Coroutine[Any, Any, None] | None:
        return self.tracker.track(batch[0])


class Batched:
    """
    Give events to a function, many at once, on a thread of its own.

    Args:
        handler: Takes a list of events; may be async. To have the ends of
            calls only: `Filtered(Batched(handler), events={CallEnded})`.
        size: How many events make a batch.
        seconds: How long the first event waits for the others.

    Raises:
        ConfigurationError: The handler cannot take a list, or a number is none.
    """

    def __init__(
        self,
        handler: Callable[[list[Event]], object],
        *,
        size: int = 100,
        seconds: float = 0.5,
    ) -> None:
        if not callable(handler) or not accepts(handler, 1) or yields(handler):
            raise ConfigurationError(
                "the handler of Batched must be a function of one list of events; "
                f"got {describe(handler)}"
            )
        self._handler = handler
        self.name: str = (
            f"Batched({getattr(handler, '__qualname__', type(handler).__name__)})"
        )
        self._worker = Worker(
            self.name,
            self._deliver,
            queue_size=_BATCHED_QUEUE,
            size=size,
            seconds=seconds,
        )

    def track(self, event: Event, /) -> None:
        self._worker.put(event)

    def flush(self, timeout: float, /) -> bool:
        """Hand over what there is, however little."""
        return self._worker.flush(timeout)

    def close(self) -> None:
        """Hand over what there is; events after that are dropped."""
        self._worker.close()

    @property
    def delivered(self) -> int:
        """Events that the handler took."""
        return self._worker.delivered

    @property
    def failed(self) -> int:
        """Events in batches on which it raised."""
        return self._worker.failed

    @property
    def dropped(self) -> int:
        """Events for which there was no room."""
        return self._worker.dropped

    def _deliver(self, batch: list[Event]) -> Coroutine[Any, Any, Any] | None:
        result = self._handler(batch)
        return result if isinstance(result, Coroutine) else None
