"""A clock that moves when it is told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import Self

from llmtrack import settings as process


class Clock:
    """
    Stand in for llmtrack's clock.

    Inside of `with clock:` all calls that start are timed by it.

        clock = Clock()
        with clock:
            stream = answer("question")
            clock.advance(0.25)
            next(stream)

    Args:
        now: Seconds that it shows first.
    """

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._lock = Lock()
        self._replaced: list[Callable[[], float] | None] = []

    def __call__(self) -> float:
        """Return the seconds that it shows."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move by some seconds; negative ones move it back, as no clock should."""
        with self._lock:
            self._now += seconds

    def __enter__(self) -> Self:
        self._replaced.append(process._settings.clock)
        process._settings = replace(process._settings, clock=self)
        return self

    def __exit__(self, *_: object) -> None:
        process._settings = replace(process._settings, clock=self._replaced.pop())
