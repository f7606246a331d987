"""Prices of genai-prices, where it is installed: never fetched, never updated."""

from __future__ import annotations

import logging
import sys
from copy import deepcopy
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from typing import Any, Final, NamedTuple

from llmtrack.prices.table import Rates
from llmtrack.record import Cost, CostStatus, TokenUsage

_logger = logging.getLogger("llmtrack")

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


def warm() -> bool:
    """
    Load the price list: 0.2 s, once a process, for set-up or a thread.

    Returns:
        Whether there is one: genai-prices comes with the extra `prices`.
    """
    return price_list() is not None


def ready() -> bool:
    """Tell whether pricing a call takes microseconds: nothing is left to load."""
    return bool(_loaded)


#: What the list calls the fields of `Rates`, in their order.
_RATES: Final = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


class PriceList:
    """genai-prices, with its bundled data or what the program gave it."""

    def __init__(self) -> None:
        self.usage: Any = import_module("genai_prices").Usage
        self.snapshot: Any = import_module("genai_prices.data_snapshot").get_snapshot
        self.snapshot()
        self.version: str = import_module("importlib.metadata").version("genai-prices")
        types: Any = import_module("genai_prices.types")
        own: Any = import_module("genai_prices.data_snapshot").DataSnapshot
        #: Of a snapshot, a model and its prices. Others may calculate otherwise.
        self.types: Final = own, types.ModelInfo, types.ModelPrice


#: The one list, or None where there is none, once that is known.
_loaded: list[PriceList | None] = []


def price_list() -> PriceList | None:
    """Return genai-prices, or None where it is not installed."""
    if not _loaded:
        _loaded.append(_load())
    return _loaded[0]


def _load() -> PriceList | None:
    try:
        return PriceList()
    except ImportError:
        return None
    except Exception:
        _logger.warning("cannot import genai-prices", exc_info=True)
        return None


class _Known(NamedTuple):
    """
    What was found for a name, so that the list needs not calculate again.

    Attributes:
        model: The list's model.
        price: The prices that it has at the moment.
        fields: What is in them.
        bands: Input tokens -> the rates of a prompt of no more than these.
    """

    model: Any
    price: Any
    fields: dict[str, Any]
    bands: list[tuple[int, Rates]]

    def usd(self, usage: TokenUsage, at: datetime) -> Decimal | None:
        """Return what a call costs; None where the list is to be asked."""
        if not self.bands:
            return None
        price = self.model.prices
        if price is not self.price:
            # There are several, each with a time.
            price = self.model.get_prices(at)
        if price is not self.price or vars(price) != self.fields:
            return None
        for most, rates in self.bands:
            if (usage.input_tokens or 0) <= most:
                return rates.usd(usage)
        return None


#: A model whose prices only the list understands.
_OPAQUE: Final = _Known(None, None, {}, [])
_Names = dict[tuple[str, str | None], _Known | None]
#: How many names are remembered.
_KEPT_NAMES: Final = 1_024
#: A snapshot, and the names that were looked up in it: None where it has none.
_remembered: tuple[Any, _Names] = (None, {})


def listed_price(
    prices: PriceList,
    model: str,
    provider: str | None,
    usage: TokenUsage,
    at: datetime,
    complete: bool,
) -> tuple[Cost | None, CostStatus]:
    """Return what a call costs by the list, or why it does not say."""
    snapshot = prices.snapshot()
    names = _names_of(snapshot)
    key = model, provider
    known = names.get(key)
    if known is not None:
        usd = known.usd(usage, at)
        if usd is not None:
            return Cost(usd, complete, "genai-prices", prices.version), "priced"
    elif key in names:
        return None, "unknown_model"
    for name, owner in _candidates(model, provider):
        try:
            result = _calculate(prices, snapshot, name, owner, usage, at)
        except LookupError:
            continue
        if _has_unpriced(result.model_price, usage):
            return None, "unpriced_unit"
        usd = result.total_price
        if known is not _OPAQUE:
            known = _learn(prices, snapshot, name, owner, at, result)
            _remember(names, key, known)
            # The same digits, from the first call on.
            usd = known.usd(usage, at) or usd
        return Cost(usd, complete, "genai-prices", prices.version), "priced"
    _remember(names, key, None)
    return None, "unknown_model"


def _names_of(snapshot: Any) -> _Names:
    """Return the names that were looked up in a snapshot; others are forgotten."""
    global _remembered
    of, names = _remembered
    if of is not snapshot:
        names = {}
        _remembered = snapshot, names
    return names


def _remember(names: _Names, key: tuple[str, str | None], known: _Known | None) -> None:
    if len(names) >= _KEPT_NAMES:
        names.clear()
    names[key] = known


def _learn(
    prices: PriceList,
    snapshot: Any,
    name: str,
    owner: str | None,
    at: datetime,
    result: Any,
) -> _Known:
    """
    Return the rates that the list has for a model.

    The list takes 0.1 ms for a call. Where it does nothing but multiply, as its
    price for one call of each band confirms, that is done here from now on.
    """
    model, price = result.model, result.model_price
    if (type(snapshot), type(model), type(price)) != prices.types:
        return _OPAQUE
    bands: list[tuple[int, Rates]] = []
    try:
        # A copy, to notice when the program changes a price.
        fields = deepcopy(vars(price))
        starts = {tier.start for each in fields.values() for tier in _tiers(each)}
        beyond = max(starts, default=0) + 1_000_003
        for most in (*sorted(starts), sys.maxsize):
            asked = min(most, beyond)
            rates = Rates(*(_rate(fields.get(each), asked) for each in _RATES))
            call = TokenUsage(
                asked,
                100_003,
                cache_read_tokens=asked // 3,
                cache_write_tokens=asked // 7,
            )
            told = _calculate(prices, snapshot, name, owner, call, at).total_price
            if None in (rates.input, rates.output) or told != rates.usd(call):
                return _OPAQUE
            bands.append((most, rates))
    except Exception:
        _logger.debug("cannot learn the prices of %s", name, exc_info=True)
        return _OPAQUE
    return _Known(model, price, fields, bands)


def _tiers(price: Any) -> list[Any]:
    return getattr(price, "tiers", [])


def _rate(price: Any, input_tokens: int) -> Any:
    """Return a price for a prompt of so many tokens."""
    for tier in reversed(_tiers(price)):
        if input_tokens > tier.start:
            return tier.price
    return getattr(price, "base", price)


def _candidates(model: str, provider: str | None) -> list[tuple[str, str | None]]:
    """Return the names to try: as given, then without `provider/`."""
    owner = _PROVIDERS.get(provider, provider) if provider else None
    prefix, slash, name = model.partition("/")
    if not slash:
        return [(model, owner)]
    return [(model, owner), (name, prefix if provider in _ROUTERS else owner)]


def _calculate(
    prices: PriceList,
    snapshot: Any,
    model: str,
    provider: str | None,
    usage: TokenUsage,
    at: datetime,
) -> Any:
    return snapshot.calc(
        prices.usage(
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
