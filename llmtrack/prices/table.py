"""Prices of one's own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final

from llmtrack.errors import ConfigurationError
from llmtrack.record import Cost, CostStatus, TokenUsage

Price = Decimal | int | float

#: How many names are remembered, with the prices that they have.
_KEPT_NAMES: Final = 1_024

#: What prices are given for.
MILLION: Final = 1_000_000
_MILLION: Final = Decimal(MILLION)
_NOTHING: Final = Decimal(0)
_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices per million tokens; None where there is none."""

    input: Decimal | None
    output: Decimal | None
    cache_read: Decimal | None
    cache_write: Decimal | None

    def usd(self, usage: TokenUsage) -> Decimal | None:
        """Return the price of a call; None if a part of it has no price."""
        read = usage.cache_read_tokens or 0
        write = usage.cache_write_tokens or 0
        total = _NOTHING
        # One after the other: a loop over all four takes as long again.
        if fresh := (usage.input_tokens or 0) - read - write:
            if self.input is None:
                return None
            total += fresh * self.input
        if usage.output_tokens:
            if self.output is None:
                return None
            total += usage.output_tokens * self.output
        if read:
            price = self.input if self.cache_read is None else self.cache_read
            if price is None:
                return None
            total += read * price
        if write:
            price = self.input if self.cache_write is None else self.cache_write
            if price is None:
                return None
            total += write * price
        return total / _MILLION


@dataclass(frozen=True, slots=True)
class _Entry:
    """What was added to a table at once."""

    pattern: str
    since: datetime
    rates: Rates
    version: str


class PriceTable:
    """
    Prices of one's own, asked before any list.

    Args:
        version: Goes on every cost, to tell tables apart. None takes the date
            from which the price holds.
    """

    def __init__(self, *, version: str | None = None) -> None:
        self._version = version
        self._entries: list[_Entry] = []
        # Model, and how many entries there were -> those for it, the best first.
        # A table only grows, so that what it was asked before is forgotten when
        # it changes.
        self._found: dict[tuple[str, int], list[_Entry]] = {}

    def add(
        self,
        model: str,
        *,
        input: Price | None = None,
        output: Price | None = None,
        cache_read: Price | None = None,
        cache_write: Price | None = None,
        since: date | None = None,
    ) -> PriceTable:
        """
        Add the prices of a model, in US dollars per million tokens.

        A full name wins over a pattern, a longer pattern over a shorter one,
        then the latest `since` that has come, then what was added last.

        Args:
            model: A name or a pattern such as `gpt-4o*`, in any case.
            input: Of tokens that come from no cache; None: not known.
            output: Of generated tokens; None: not known.
            cache_read: Of tokens read from a cache; None: as `input`.
            cache_write: Of tokens written to a cache; None: as `input`.
            since: From when on, a date (UTC) or an aware datetime; None: ever.

        Returns:
            The table, so that calls can be chained.

        Raises:
            ConfigurationError: A price is negative, no finite number or a
                string; no price is given; or `since` has no time zone.
        """
        if not isinstance(model, str) or not model:
            raise ConfigurationError(
                f"model must be a name or a pattern; got {model!r}"
            )
        if input is None and output is None:
            raise ConfigurationError(f"{model}: give input=, output= or both")
        start = _moment(since)
        self._entries.append(
            _Entry(
                pattern=model.lower(),
                since=start,
                rates=Rates(
                    input=_decimal("input", input),
                    output=_decimal("output", output),
                    cache_read=_decimal("cache_read", cache_read),
                    cache_write=_decimal("cache_write", cache_write),
                ),
                version=self._version or _version_of(start),
            )
        )
        return self

    def cost(
        self, model: str, usage: TokenUsage, *, at: datetime | None = None
    ) -> Cost | None:
        """
        Return what a call costs by this table alone.

        Args:
            model: The model's name, with or without `provider/`.
            usage: Its tokens.
            at: When the call was made; None: now.

        Returns:
            The cost, or None where the table does not have the model, has no
            price for a part of the usage, or the input is not known.
        """
        return self.price(model, usage, at or datetime.now(UTC), True)[0]

    def price(
        self, model: str, usage: TokenUsage, at: datetime, complete: bool
    ) -> tuple[Cost | None, CostStatus]:
        """Return what `cost` does, and where that is None, why."""
        if not is_priceable(usage):
            return None, "no_usage"
        for entry in self._entries_for(model):
            if entry.since <= at:
                usd = entry.rates.usd(usage)
                if usd is None:
                    return None, "unpriced_unit"
                return Cost(usd, complete, "user", entry.version), "priced"
        return None, "unknown_model"

    def _entries_for(self, model: str) -> list[_Entry]:
        """Return the entries that match a model, the one to take first."""
        key = model, len(self._entries)
        found = self._found.get(key)
        if found is None:
            found = self._look_up(model.lower())
            if len(self._found) >= _KEPT_NAMES:
                self._found.clear()
            self._found[key] = found
        return found

    def _look_up(self, model: str) -> list[_Entry]:
        ranked = [
            (place == 0, entry.pattern == name, len(entry.pattern), entry.since, added)
            for place, name in enumerate(dict.fromkeys((model, _bare(model))))
            for added, entry in enumerate(self._entries)
            if _matches(name, entry.pattern)
        ]
        return [self._entries[rank[-1]] for rank in sorted(ranked, reverse=True)]


def is_priceable(usage: TokenUsage) -> bool:
    """Tell whether the input is known, and no less than its cached part."""
    tokens = usage.input_tokens
    if tokens is None:
        return False
    return tokens >= (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)


def _bare(model: str) -> str:
    """Return a name without the `provider/` before it."""
    return model.rpartition("/")[2]


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _decimal(name: str, price: object) -> Decimal | None:
    """Return a price as it was written: 0.15 is 0.15."""
    if price is None:
        return None
    if isinstance(price, bool) or not isinstance(price, Decimal | int | float):
        raise ConfigurationError(
            f"{name} must be a Decimal, an int or a float, in US dollars per million"
            f" tokens; got {price!r}"
        )
    if not math.isfinite(price) or price < 0:
        raise ConfigurationError(f"{name} must be finite and >= 0; got {price!r}")
    return Decimal(repr(price)) if isinstance(price, float) else Decimal(price)


def _moment(since: date | None) -> datetime:
    if since is None:
        return _EVER
    if not isinstance(since, date):
        raise ConfigurationError(f"since must be a date or a datetime; got {since!r}")
    if not isinstance(since, datetime):
        return datetime.combine(since, time(), UTC)
    if since.tzinfo is None:
        raise ConfigurationError(f"since must have a time zone; got {since!r}")
    return since


def _version_of(since: datetime) -> str:
    return "undated" if since == _EVER else since.date().isoformat()
