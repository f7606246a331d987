"""What a call cost: by the user's own table, else by genai-prices."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from llmtrack.prices.listed import listed_price, price_list, ready, warm
from llmtrack.prices.table import MILLION, PriceTable, is_priceable
from llmtrack.record import Cost, CostStatus, TokenUsage

__all__ = ["PriceTable", "is_priceable", "output_rate", "price_of", "ready", "warm"]

_logger = logging.getLogger("llmtrack")

_complained: set[type[Exception]] = set()


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


def output_rate(
    usage: TokenUsage,
    *,
    models: Sequence[str | None],
    provider: str | None,
    at: datetime,
    table: PriceTable | None,
) -> tuple[Decimal, Decimal] | None:
    """
    Return what the input cost, and what each output token adds to that.

    A cost that runs along with a stream is then a multiplication. None where
    there is no price.
    """
    costs = [
        price_of(
            replace(usage, output_tokens=tokens),
            models=models,
            provider=provider,
            at=at,
            table=table,
            complete=False,
        )[0]
        for tokens in (0, MILLION)
    ]
    begun, million = costs
    if begun is None or million is None:
        return None
    return begun.usd, (million.usd - begun.usd) / MILLION


def _first_price(
    usage: TokenUsage,
    models: Sequence[str | None],
    provider: str | None,
    at: datetime,
    table: PriceTable | None,
    complete: bool,
) -> tuple[Cost | None, CostStatus]:
    if not is_priceable(usage):
        return None, "no_usage"
    if table is not None:
        for name in models:
            if name:
                cost, status = table.price(name, usage, at, complete)
                if status != "unknown_model":
                    return cost, status
    listed = price_list()
    if listed is not None:
        for name in models:
            if name:
                cost, status = listed_price(listed, name, provider, usage, at, complete)
                if status != "unknown_model":
                    return cost, status
    nowhere = table is None and listed is None
    return None, "no_prices" if nowhere else "unknown_model"
