"""Prices of one's own."""

from copy import copy
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.prices import PriceTable
from llmtrack.prices import table as tables
from llmtrack.record import TokenUsage

USAGE = TokenUsage(input_tokens=1_000, output_tokens=100)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def usd(table, model="m", usage=USAGE, at=NOW):
    cost = table.cost(model, usage, at=at)
    return cost and cost.usd


def test_prices_are_per_million_tokens():
    """
    1,000 tokens at 2 dollars and 100 at 8 are 0.0028 dollars, exactly.
    """
    table = PriceTable().add("m", input=2, output=8)

    cost = table.cost("m", USAGE)

    assert (Decimal("0.0028"), "user", True) == (cost.usd, cost.source, cost.complete)


def test_floats_are_taken_as_they_are_written():
    """
    0.1 means a tenth, not the nearest binary fraction.
    """
    table = PriceTable().add("m", input=0.1, output=0.2)

    assert Decimal("0.00012") == usd(table)


def test_cached_tokens_have_prices_of_their_own():
    """
    They are part of the input; the rest of it costs the input price.
    """
    usage = TokenUsage(1_000, 0, cache_read_tokens=600, cache_write_tokens=100)
    table = PriceTable().add("m", input=10, output=0, cache_read=1, cache_write=20)

    assert Decimal("0.0056") == usd(table, usage=usage)


def test_without_a_cache_price_cached_tokens_cost_as_others():
    """
    Nothing is free because its price is not given.
    """
    usage = TokenUsage(1_000, 0, cache_read_tokens=600, cache_write_tokens=100)
    table = PriceTable().add("m", input=10, output=0)

    assert Decimal("0.01") == usd(table, usage=usage)


def test_a_free_model_costs_nothing():
    """
    0 is a price, for what runs on one's own machine.
    """
    assert Decimal(0) == usd(PriceTable().add("m", input=0, output=0))


def test_more_cached_than_input_has_no_cost():
    """
    A contradiction is not guessed away.
    """
    usage = TokenUsage(10, 5, cache_read_tokens=60)

    assert PriceTable().add("m", input=1, output=1).cost("m", usage) is None


def test_a_missing_price_for_a_part_is_no_cost():
    """
    A table that knows the input price only cannot price an answer.
    """
    table = PriceTable().add("m", input=1)

    assert usd(table) is None
    assert Decimal("0.001") == usd(table, usage=TokenUsage(1_000, None))


def test_an_unknown_input_is_no_cost():
    """
    The cost of half a call would be taken for the cost of it.
    """
    assert usd(PriceTable().add("m", input=1, output=1), usage=TokenUsage()) is None


@pytest.mark.parametrize("model", ["GPT-4o", "gpt-4O", "openai/gpt-4o"])
def test_case_and_prefix_do_not_matter(model):
    """
    A name is found in any case, and without the provider before it.
    """
    assert usd(PriceTable().add("gpt-4o", input=1, output=1), model) is not None


def test_a_name_wins_over_a_pattern_and_a_longer_pattern_over_a_shorter():
    """
    The most exact entry is taken, in whatever order they were added.
    """
    table = (
        PriceTable()
        .add("gpt-4o-mini", input=1, output=0)
        .add("gpt-4o-mini[-a-z0-9]*", input=4, output=0)
        .add("gpt-4o-min[a-z]*", input=5, output=0)
        .add("gpt-*", input=3, output=0)
        .add("gpt-4o*", input=2, output=0)
    )

    prices = [usd(table, m) for m in ("gpt-4o-mini", "gpt-4o-2024", "gpt-5", "o3")]

    assert [Decimal("0.001"), Decimal("0.002"), Decimal("0.003"), None] == prices


def test_a_price_holds_from_its_date_on():
    """
    A call costs what held when it was made.
    """
    table = (
        PriceTable()
        .add("m", input=1, output=0)
        .add("m", input=2, output=0, since=date(2026, 6, 1))
        .add("m", input=3, output=0, since=datetime(2026, 12, 1, 12, tzinfo=UTC))
    )

    assert Decimal("0.001") == usd(table, at=datetime(2026, 5, 31, tzinfo=UTC))
    assert Decimal("0.002") == usd(table, at=datetime(2026, 6, 1, tzinfo=UTC))
    assert Decimal("0.003") == usd(table, at=datetime(2026, 12, 2, tzinfo=UTC))


def test_a_price_of_the_future_is_not_known_yet():
    """
    Before its date, an entry does not exist.
    """
    table = PriceTable().add("m", input=1, output=0, since=date(2027, 1, 1))

    assert usd(table) is None


def test_what_was_added_last_replaces_the_same():
    """
    A table can be corrected by adding.
    """
    table = PriceTable().add("m", input=1, output=0).add("m", input=2, output=0)

    assert Decimal("0.002") == usd(table)


def test_a_table_that_was_asked_can_be_corrected():
    """
    What a model costs is not remembered beyond the next `add`.
    """
    table = PriceTable().add("gpt-*", input=1, output=0)
    costs = [usd(table, "gpt-5"), usd(table, "o3")]
    table.add("gpt-5", input=2, output=0).add("o*", input=3, output=0)
    costs += [usd(table, "gpt-5"), usd(table, "o3"), usd(table, "gpt-4")]
    table.add("gpt-5", input=4, output=0, since=date(2026, 11, 1))
    costs += [
        usd(table, "gpt-5"),
        usd(table, "gpt-5", at=datetime(2026, 10, 1, tzinfo=UTC)),
    ]

    thousandths = [cost and cost * 1_000 for cost in costs]
    assert [1, None, 2, 3, 1, 4, 2] == thousandths


def test_a_copy_of_a_table_sees_what_the_table_sees():
    """
    A shallow copy shares the prices, so neither remembers what the other changed.
    """
    table = PriceTable().add("m", input=1, output=0)
    other = copy(table)
    before = [usd(table), usd(other)]

    other.add("m", input=2, output=0)

    assert [Decimal("0.001"), Decimal("0.001")] == before
    assert [Decimal("0.002"), Decimal("0.002")] == [usd(table), usd(other)]


def test_names_do_not_fill_the_memory(monkeypatch):
    """
    A program that asks for made-up names is no reason to grow.
    """
    monkeypatch.setattr(tables, "_KEPT_NAMES", 5)
    table = PriceTable().add("m*", input=1, output=0)

    costs = {usd(table, f"m{number}") for number in range(20)}

    assert {Decimal("0.001")} == costs
    assert len(table._found) <= 5


@pytest.mark.parametrize(
    ("table", "version"),
    [
        (PriceTable(version="2026-q4").add("m", input=1, output=1), "2026-q4"),
        (
            PriceTable().add("m", input=1, output=1, since=date(2026, 6, 1)),
            "2026-06-01",
        ),
        (PriceTable().add("m", input=1, output=1), "undated"),
    ],
)
def test_every_cost_has_a_version(table, version):
    """
    The table's own, else the date from which the price holds.
    """
    assert version == table.cost("m", USAGE, at=NOW).version


@pytest.mark.parametrize(
    "price",
    ["2.50", -1, float("nan"), float("inf"), Decimal("NaN"), Decimal(-1), True, [1]],
)
@pytest.mark.parametrize("name", ["input", "output", "cache_read", "cache_write"])
def test_what_is_no_price_is_refused_at_once(name, price):
    """
    A table that would give wrong costs cannot be set up.
    """
    with pytest.raises(ConfigurationError, match=name):
        PriceTable().add("m", **{"input": 1, "output": 1, name: price})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": "", "input": 1}, "model must be"),
        ({"model": None, "input": 1}, "model must be"),
        ({"model": "m"}, "give input=, output= or both"),
        ({"model": "m", "input": 1, "since": "2026-01-01"}, "since must be a date"),
        ({"model": "m", "input": 1, "since": datetime(2026, 1, 1)}, "a time zone"),
    ],
)
def test_what_makes_no_entry_is_refused_at_once(arguments, words):
    """
    The message says what is wrong.
    """
    with pytest.raises(ConfigurationError, match=words):
        PriceTable().add(**arguments)
