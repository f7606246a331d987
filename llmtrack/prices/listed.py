"""Prices of genai-prices, where it is installed: never fetched, never updated."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any, Final

from llmtrack.record import Cost, CostStatus, TokenUsage

_logger = logging.getLogger("llmtrack")

#: How many names without a price are remembered.
_MAX_MISSES: Final = 1_024
_misses: set[tuple[int, str, str | None]] = set()

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
    return price_list.cache_info().currsize > 0


class PriceList:
    """genai-prices, with its bundled data or what the program gave it."""

    def __init__(self) -> None:
        self.usage: Any = import_module("genai_prices").Usage
        self.snapshot: Any = import_module("genai_prices.data_snapshot").get_snapshot
        self.snapshot()
        self.version: str = import_module("importlib.metadata").version("genai-prices")


@cache
def price_list() -> PriceList | None:
    """Return genai-prices, or None where it is not installed."""
    try:
        return PriceList()
    except ImportError:
        return None
    except Exception:
        _logger.warning("cannot import genai-prices", exc_info=True)
        return None


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
    key = (id(snapshot), model, provider)
    if key in _misses:
        return None, "unknown_model"
    for name, owner in _candidates(model, provider):
        try:
            result = _calculate(prices, snapshot, name, owner, usage, at)
        except LookupError:
            continue
        if _has_unpriced(result.model_price, usage):
            return None, "unpriced_unit"
        cost = Cost(result.total_price, complete, "genai-prices", prices.version)
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
