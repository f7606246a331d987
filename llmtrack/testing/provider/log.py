"""What the provider remembers of the requests it got."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Request:
    """
    One request.

    Attributes:
        path: The path behind the scenario.
        scenario: What was to happen.
        run: The group that the request belongs to, or None.
        stream: Whether the body asked for a stream.
        retry_count: The header `x-stainless-retry-count`, or None.
        route: The API operation, None where there is none such.
        dialect: The first segment of the path, None where there is none such.
        status: The HTTP status of the answer, None as long as there is none.
        frames_sent: How many frames of a stream were written.
        frames_total: How many were to be written; None where it is no stream.
        client_gone: Whether the client was seen to leave early.
        done: Whether the answer is over.
    """

    path: str
    scenario: str
    run: str | None
    stream: bool
    retry_count: str | None
    route: str | None = None
    dialect: str | None = None
    status: int | None = None
    frames_sent: int = 0
    frames_total: int | None = None
    client_gone: bool = False
    done: bool = False


class RequestLog:
    """All requests, oldest first; safe to use from many threads."""

    def __init__(self) -> None:
        self._requests: list[Request] = []
        self._of_run: Counter[str] = Counter()
        self._changed = threading.Condition()

    def add(self, request: Request) -> int:
        """Take a request in; return how many came before it in its run."""
        with self._changed:
            self._requests.append(request)
            if request.run is None:
                return 0
            earlier = self._of_run[request.run]
            self._of_run[request.run] += 1
            return earlier

    def end(self, request: Request) -> None:
        """Mark a request as answered."""
        with self._changed:
            request.done = True
            self._changed.notify_all()

    def rows(self, run: str | None = None) -> list[dict[str, Any]]:
        """Return the requests, or those of one run, as they are now."""
        with self._changed:
            return [asdict(each) for each in self._requests if run in (None, each.run)]

    def wait(self, timeout: float) -> bool:
        """Wait until every request is answered; return whether they are."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(each.done for each in self._requests), timeout
            )

    def renew_lock(self) -> None:
        """Forget, in a forked child, that a thread of the parent held the lock."""
        self._changed = threading.Condition()

    def clear(self) -> None:
        """Forget all requests."""
        with self._changed:
            self._requests.clear()
            self._of_run.clear()
            self._changed.notify_all()
