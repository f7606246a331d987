"""What a call cost: by the user's own table, else by genai-prices."""

from __future__ import annotations

import importlib.metadata
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any, Final

from llmtrack.errors import ConfigurationError
from llmtrack.record import Cost, CostStatus, TokenUsage

_logger = logging.getLogger("llmtrack")

Price = Decimal | int | float

_MILLION: Final = 1_000_000
_USER: Final = "user"
_LIST: Final = "genai-prices"
#: How many names without a price are remembered.
_MAX_MISSES: Final = 1_024
_misses: set[tuple[int, str, str | None]] = set()
_complained: set[type[Exception]] = set()

#: OpenTelemetry's name of a provider -> that of genai-prices, where the latter
#: does not know the former.
_PROVIDERS: Final = {
    "aws.bedrock": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
    "fireworks_ai": "fireworks",
}
#: Clients that pass calls on: the name's own prefix says who serves.
_ROUTERS: Final = (None, "litellm")


@dataclass(frozen=True, slots=True)
class _Rates:
    """Prices per million tokens; None where there is none."""

    pattern: str
    since: datetime
    input: Decimal | None
    output: Decimal | None
    cache_read: Decimal | None
    cache_write: Decimal | None

    def usd(self, usage: TokenUsage) -> Decimal | None:
        """Return the price of a call; None if a part of it has no price."""
        read = usage.cache_read_tokens or 0
        write = usage.cache_write_tokens or 0
        parts = (
            ((usage.input_tokens or 0) - read - write, self.input),
            (read, self.input if self.cache_read is None else self.cache_read),
            (write, self.input if self.cache_write is None else self.cache_write),
            (usage.output_tokens or 0, self.output),
        )
        total = Decimal(0)
        for tokens, price in parts:
            if tokens and price is None:
                return None
            total += tokens * (price or 0)
        return total / _MILLION


class PriceTable:
    """
    Prices of one's own, asked before any list.

    Args:
        version: Goes on every cost, to tell tables apart. None takes the date
            from which the price holds.
    """

    def __init__(self, *, version: str | None = None) -> None:
        self._version = version
        self._rates: list[_Rates] = []

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
        self._rates.append(
            _Rates(
                pattern=model.lower(),
                since=_moment(since),
                input=_decimal("input", input),
                output=_decimal("output", output),
                cache_read=_decimal("cache_read", cache_read),
                cache_write=_decimal("cache_write", cache_write),
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
        if not _is_priceable(usage):
            return None, "no_usage"
        rates = self._find(model.lower(), at)
        if rates is None:
            return None, "unknown_model"
        usd = rates.usd(usage)
        if usd is None:
            return None, "unpriced_unit"
        version = self._version or _version_of(rates.since)
        return Cost(usd, complete, _USER, version), "priced"

    def _find(self, model: str, at: datetime) -> _Rates | None:
        for name in dict.fromkeys((model, model.rpartition("/")[2])):
            found = [
                (rates.pattern == name, len(rates.pattern), rates.since, place)
                for place, rates in enumerate(self._rates)
                if rates.since <= at and _matches(name, rates.pattern)
            ]
            if found:
                return self._rates[max(found)[-1]]
        return None


def price_of(
    usage: TokenUsage,
    *,
    models: Sequence[str | None],
    provider: str | None,
    at: datetime,
    table: PriceTable | None,
    complete: bool,
) -> tuple[Cost | None, CostStatus]:
    """
    Return what a call cost, or why that is not known. Never raises.

    Args:
        usage: Its tokens.
        models: The model's names, the most exact one first.
        provider: OpenTelemetry's name of who served it.
        at: When it was made: prices change.
        table: The user's own prices, asked first.
        complete: Whether the whole answer arrived.
    """
    try:
        return _first_price(usage, models, provider, at, table, complete)
    except Exception as error:
        if type(error) not in _complained:
            _complained.add(type(error))
            _logger.warning("cannot price %s (%s)", models, provider, exc_info=True)
        return None, "unknown_model"


def _first_price(
    usage: TokenUsage,
    models: Sequence[str | None],
    provider: str | None,
    at: datetime,
    table: PriceTable | None,
    complete: bool,
) -> tuple[Cost | None, CostStatus]:
    if not _is_priceable(usage):
        return None, "no_usage"
    names = [name for name in dict.fromkeys(models) if name]
    if table is not None:
        for name in names:
            cost, status = table.price(name, usage, at, complete)
            if status != "unknown_model":
                return cost, status
    library = _library()
    if library is not None:
        for name in names:
            cost, status = _listed(library, name, provider, usage, at, complete)
            if status != "unknown_model":
                return cost, status
    nowhere = table is None and library is None
    return None, "no_prices" if nowhere else "unknown_model"


def warm() -> bool:
    """
    Load the price list: 0.2 s, once a process, for set-up or a thread.

    Returns:
        Whether there is one: genai-prices comes with the extra `prices`.
    """
    library = _library()
    if library is None:
        return False
    try:
        library.snapshot()
    except Exception:
        _logger.warning("cannot load the price list", exc_info=True)
        return False
    return True


class _PriceList:
    """genai-prices, with its bundled data or what the program gave it."""

    def __init__(self) -> None:
        self.usage: Any = import_module("genai_prices").Usage
        self.snapshot: Any = import_module("genai_prices.data_snapshot").get_snapshot
        self.version = importlib.metadata.version("genai-prices")


@cache
def _library() -> _PriceList | None:
    try:
        return _PriceList()
    except ImportError:
        return None
    except Exception:
        _logger.warning("cannot import genai-prices", exc_info=True)
        return None


def _listed(
    library: _PriceList,
    model: str,
    provider: str | None,
    usage: TokenUsage,
    at: datetime,
    complete: bool,
) -> tuple[Cost | None, CostStatus]:
    snapshot = library.snapshot()
    key = (id(snapshot), model, provider)
    if key in _misses:
        return None, "unknown_model"
    for name, owner in _candidates(model, provider):
        try:
            result = _calculate(library, snapshot, name, owner, usage, at)
        except LookupError:
            continue
        if _has_unpriced(result.model_price, usage):
            return None, "unpriced_unit"
        cost = Cost(result.total_price, complete, _LIST, library.version)
        return cost, "priced"
    if len(_misses) < _MAX_MISSES:
        _misses.add(key)
    return None, "unknown_model"


def _candidates(model: str, provider: str | None) -> list[tuple[str, str | None]]:
    """Return the names to try: as given, then without `provider/`."""
    owner = _PROVIDERS.get(provider, provider) if provider else None
    prefix, slash, name = model.partition("/")
    if not slash:
        return [(model, owner)]
    return [(model, owner), (name, prefix if provider in _ROUTERS else owner)]


def _calculate(
    library: _PriceList,
    snapshot: Any,
    model: str,
    provider: str | None,
    usage: TokenUsage,
    at: datetime,
) -> Any:
    return snapshot.calc(
        library.usage(
            input_tokens=usage.input_tokens or 0,
            output_tokens=usage.output_tokens or 0,
            cache_read_tokens=usage.cache_read_tokens or None,
            cache_write_tokens=usage.cache_write_tokens or None,
        ),
        model,
        provider,
        None,
        at,
    )


def _has_unpriced(price: Any, usage: TokenUsage) -> bool:
    """Tell whether the list has no price for a kind of token, and takes 0."""
    return any(
        tokens and getattr(price, name, None) is None
        for tokens, name in (
            (usage.input_tokens, "input_mtok"),
            (usage.output_tokens, "output_mtok"),
        )
    )


def _is_priceable(usage: TokenUsage) -> bool:
    """Tell whether the input is known, and no less than its cached part."""
    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    return usage.input_tokens is not None and usage.input_tokens >= cached


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


_EVER: Final = datetime.min.replace(tzinfo=UTC)


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
