"""Add up what calls cost, and tell when it is too much."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, Event
from llmtrack.record import CallRecord

Period = Literal["day", "call"]

_PERIODS: Final = ("day", "call")


@dataclass(frozen=True, slots=True)
class Overrun:
    """
    A budget that was exceeded.

    Attributes:
        spent: US dollars, of this call or of the day so far.
        limit: The budget in US dollars.
        per: What the budget is for: `day` or `call`.
        key: The value of the metadata key whose calls are added up; None
            without a key, and for calls that do not have it.
        record: The call that went over.
    """

    spent: Decimal
    limit: Decimal
    per: Period
    key: Any
    record: CallRecord


class Budget:
    """
    Call a function when calls have cost more than a limit.

    It only tells: no stream is stopped, no call refused. A call without a known
    cost adds nothing; `unpriced` says how many there were. It may be used from
    several threads; the function is called in that of the call that went over.

    Args:
        usd: The limit in US dollars.
        per: `day` (of UTC): told once a day and key, by the call that goes over
            the limit. `call`: told of each call that is over it by itself.
        on_exceeded: The function, given an `Overrun`.
        key: A metadata key, such as `user_id`: each of its values has a budget
            of its own. None: one for all.
        now: Gives the time, aware; for tests.

    Raises:
        ConfigurationError: The limit is no positive number, the period is
            unknown, or the function cannot be called.
    """

    def __init__(
        self,
        *,
        usd: Decimal | float,
        per: Period = "day",
        on_exceeded: Callable[[Overrun], object],
        key: str | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        if per not in _PERIODS:
            raise ConfigurationError(f"per must be one of {_PERIODS}; got {per!r}")
        if not callable(on_exceeded):
            raise ConfigurationError(
                f"on_exceeded must be a function of one Overrun; got {on_exceeded!r}"
            )
        self._limit = _dollars(usd)
        self._per: Period = per
        self._on_exceeded = on_exceeded
        self._key = key
        self._now = now or (lambda: datetime.now(UTC))
        self._day = date.min
        self._spent: dict[Any, Decimal] = {}
        self._adding = threading.Lock()
        self.unpriced: int = 0

    def track(self, event: Event, /) -> None:
        if not isinstance(event, CallEnded):
            return
        record = event.record
        key = self._key_of(record)
        if record.cost is None:
            self.unpriced += record.cost_status != "nested"
            return
        usd = record.cost.usd
        if self._per == "call":
            before, spent = Decimal(0), usd
        else:
            before, spent = self._add(key, usd)
        if before <= self._limit < spent:
            self._on_exceeded(Overrun(spent, self._limit, self._per, key, record))

    def spent(self, key: Any = None) -> Decimal:
        """Return the US dollars of today: those of one key, if there is a key."""
        with self._adding:
            self._turn_the_day()
            return self._spent.get(key, Decimal(0))

    def _add(self, key: Any, usd: Decimal) -> tuple[Decimal, Decimal]:
        """Return what the day's calls cost before this one, and with it."""
        with self._adding:
            self._turn_the_day()
            before = self._spent.get(key, Decimal(0))
            self._spent[key] = before + usd
            return before, before + usd

    def _turn_the_day(self) -> None:
        today = self._now().astimezone(UTC).date()
        if today != self._day:
            self._day = today
            self._spent.clear()

    def _key_of(self, record: CallRecord) -> Any:
        if self._key is None:
            return None
        value = record.metadata.get(self._key)
        try:
            hash(value)
        except TypeError:
            return repr(value)
        return value


def _dollars(usd: object) -> Decimal:
    """Return the limit as it was written: 0.15 is 0.15."""
    if isinstance(usd, bool) or not isinstance(usd, Decimal | int | float):
        raise ConfigurationError(f"usd must be a number of dollars; got {usd!r}")
    if not math.isfinite(usd) or usd <= 0:
        raise ConfigurationError(f"usd must be finite and over 0; got {usd!r}")
    return Decimal(str(usd))
