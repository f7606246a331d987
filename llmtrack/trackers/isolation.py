"""Keep what goes wrong in one tracker away from the others."""

from __future__ import annotations

import logging
import threading
from typing import Final

logger: Final = logging.getLogger("llmtrack")

#: How many kinds of exception of one tracker are told apart.
_KINDS_LIMIT: Final = 100


class Failures:
    """
    The failures of one tracker: counted, and logged once for each type.

    Attributes:
        count: How many there were.
    """

    def __init__(self, name: str) -> None:
        self.count: int = 0
        self._name = name
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    def add(self, exc: BaseException, /, count: int = 1) -> None:
        """Count a failure that cost so many events, and log a new kind of it."""
        kind = type(exc).__qualname__
        with self._lock:
            self.count += count
            is_new = kind not in self._logged and len(self._logged) < _KINDS_LIMIT
            if is_new:
                self._logged.add(kind)
        if not is_new:
            return
        try:
            logger.error(
                "%s failed; further failures of this kind are only counted",
                self._name,
                exc_info=exc,
            )
        except Exception:
            # A log handler of the program is foreign code too, and there is no
            # other place to say so.
            return


def dropped_by(tracker: object) -> int:
    """Return how many events a tracker says that it dropped."""
    dropped = getattr(tracker, "dropped", 0)
    return dropped if isinstance(dropped, int) else 0
