"""What a call costs: the user's table first, then the list, else the reason."""

import logging
import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from llmtrack import prices
from llmtrack.prices import PriceTable, output_rate, price_of, warm
from llmtrack.prices import listed as listed_prices
from llmtrack.record import TokenUsage

AT = datetime(2026, 11, 20, tzinfo=UTC)
USAGE = TokenUsage(10_000, 1_000, cache_read_tokens=4_000)

#: Model, provider, and list prices of input, cached input and output.
BY_HAND = [
    ("gpt-4o", "openai", "2.5", "1.25", "10"),
    ("gpt-4o-mini", "openai", "0.15", "0.075", "0.6"),
    ("gpt-4.1", "openai", "2", "0.5", "8"),
    ("gpt-5", "openai", "1.25", "0.125", "10"),
    ("gpt-5-mini", "openai", "0.25", "0.025", "2"),
    ("o3", "openai", "2", "0.5", "8"),
    ("claude-sonnet-4-5", "anthropic", "3", "0.3", "15"),
    ("gemini-2.5-pro", "gcp.gemini", "1.25", "0.125", "10"),
    ("gemini-2.5-flash", "gcp.vertex_ai", "0.3", "0.03", "2.5"),
    ("llama-3.3-70b-versatile", "groq", "0.59", "0.59", "0.79"),
]


def price(*models, provider=None, usage=USAGE, table=None, complete=True):
    return price_of(
        usage,
        models=models,
        provider=provider,
        at=AT,
        table=table,
        complete=complete,
    )


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Let every test look names up anew, without a network."""

    def refuse(*_args, **_options):
        raise AssertionError("the network was used")

    monkeypatch.setattr(listed_prices, "_remembered", (None, {}))
    monkeypatch.setattr(prices, "_complained", set())
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def listed():
    """Skip without the extra `prices`."""
    pytest.importorskip("genai_prices")
    assert warm()


@pytest.fixture
def set_list(listed, monkeypatch):
    """Give what sets a price list of one model, as a program may, and returns that."""
    from genai_prices import data_snapshot, types

    def set_list(usd):
        model = types.ModelInfo(
            id="own-model",
            match=types.ClauseEquals("own-model"),
            prices=types.ModelPrice(input_mtok=Decimal(usd), output_mtok=Decimal(usd)),
        )
        own = types.Provider(id="own", name="Own", api_pattern="own", models=[model])
        snapshot = data_snapshot.DataSnapshot(providers=[own], from_auto_update=False)
        monkeypatch.setattr(data_snapshot, "_custom_snapshot", snapshot)
        return model

    return set_list


@pytest.fixture
def own_list(set_list):
    """Give the one model of a price list that the program has set."""
    return set_list(1)


@pytest.fixture
def no_list(monkeypatch):
    """Give a machine without the extra `prices`."""
    monkeypatch.setattr(prices, "price_list", lambda: None)
    monkeypatch.setattr(listed_prices, "price_list", lambda: None)


@pytest.mark.parametrize(("model", "provider", "input", "cached", "output"), BY_HAND)
def test_costs_are_those_of_a_hand_calculation(
    model, provider, input, cached, output, listed
):
    """
    6,000 fresh, 4,000 cached and 1,000 output tokens, to the last digit.
    """
    expected = (
        6_000 * Decimal(input) + 4_000 * Decimal(cached) + 1_000 * Decimal(output)
    ) / 1_000_000

    cost, status = price(model, provider=provider)

    assert ("priced", expected) == (status, cost.usd)
    assert "genai-prices" == cost.source
    assert cost.version


@pytest.mark.parametrize(("model", "provider", "input", "cached", "output"), BY_HAND)
def test_the_users_table_calculates_the_same(model, provider, input, cached, output):
    """
    The same rates in a table of one's own give the same costs, exactly.
    """
    table = PriceTable().add(
        model,
        input=Decimal(input),
        cache_read=float(cached),
        output=Decimal(output),
    )
    expected = (
        6_000 * Decimal(input) + 4_000 * Decimal(cached) + 1_000 * Decimal(output)
    ) / 1_000_000

    assert expected == table.cost(model, USAGE).usd


def test_the_users_table_goes_before_the_list(listed):
    """
    What one negotiated is what one pays.
    """
    table = PriceTable(version="ours").add("gpt-4o", input=1, output=0)

    cost, status = price("gpt-4o", provider="openai", table=table)

    assert (Decimal("0.01"), "user", "ours") == (cost.usd, cost.source, cost.version)
    assert "priced" == status


def test_models_that_the_table_lacks_are_in_the_list(listed):
    """
    A table need not be complete.
    """
    table = PriceTable().add("other", input=1, output=0)

    cost, _ = price("gpt-4o", provider="openai", table=table)

    assert "genai-prices" == cost.source


def test_the_answered_model_goes_before_the_requested_one():
    """
    An alias may be answered by another model; where that is unknown, it helps.
    """
    table = PriceTable().add("alias", input=1, output=0).add("exact", input=2, output=0)

    assert Decimal("0.02") == price("exact", "alias", table=table)[0].usd
    assert Decimal("0.01") == price("unheard-of", "alias", table=table)[0].usd
    assert Decimal("0.01") == price(None, "alias", table=table)[0].usd


def test_a_partial_stream_has_an_incomplete_cost():
    """
    What arrived is priced, and the cost says that there was more.
    """
    table = PriceTable().add("m", input=1, output=0)

    assert price("m", table=table, complete=False)[0].complete is False


@pytest.mark.parametrize(("model", "provider", "input", "cached", "output"), BY_HAND)
def test_a_running_cost_ends_at_the_cost(
    model, provider, input, cached, output, listed
):
    """
    The input's cost and so much for each output token are the cost, exactly.
    """
    asked = {"models": (model,), "provider": provider, "at": AT, "table": None}

    begun, each = output_rate(USAGE, **asked)

    assert price(model, provider=provider)[0].usd == begun + 1_000 * each


def test_without_a_price_there_is_no_running_cost(listed):
    """
    None, and never 0.
    """
    asked = {"models": ("gpt-99",), "provider": "openai", "at": AT, "table": None}

    assert output_rate(USAGE, **asked) is None


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("openai/gpt-4o", None),
        ("openai/gpt-4o", "litellm"),
        ("gpt-4o", "azure.ai.openai"),
        ("gpt-4o", "azure.ai.inference"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws.bedrock"),
        ("models/gemini-2.5-pro", "gcp.gemini"),
        ("mistral-large-latest", "mistral_ai"),
        ("grok-4", "x_ai"),
    ],
)
def test_names_are_found_as_providers_give_them(model, provider, listed):
    """
    OpenTelemetry's provider names, and prefixes, are understood.
    """
    assert "priced" == price(model, provider=provider)[1]


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-99-nano-of-the-future", "openai"),
        ("llama3:8b", "ollama"),
        ("gpt-4o", "my-own-gateway"),
        ("our-deployment", "azure.ai.openai"),
        ("whatever", None),
    ],
)
def test_an_unknown_model_has_no_cost(model, provider, listed):
    """
    None and the reason; another provider's price is not taken for it.
    """
    assert (None, "unknown_model") == price(model, provider=provider)


def test_a_call_without_a_model_has_no_cost(listed):
    """
    Without any name there is nothing to look up.
    """
    assert (None, "unknown_model") == price(None, None)


def test_a_unit_that_has_no_price_is_not_free(listed):
    """
    The list has whisper-1 by the second; by the token it would cost 0.
    """
    assert (None, "unpriced_unit") == price("whisper-1", provider="openai")


def test_without_tokens_there_is_no_cost(listed):
    """
    The input must be known, and no less than its cached part.
    """
    assert (None, "no_usage") == price("gpt-4o", usage=TokenUsage())
    assert (None, "no_usage") == price(
        "gpt-4o", usage=TokenUsage(10, 1, cache_read_tokens=50)
    )


def test_without_any_prices_the_reason_says_so(no_list):
    """
    No table and no list is another reason than a model that is not in them.
    """
    assert (None, "no_prices") == price("gpt-4o")
    assert (None, "unknown_model") == price("gpt-4o", table=PriceTable())
    assert warm() is False


def test_an_unknown_name_is_looked_up_once(listed, monkeypatch):
    """
    A name that is not in the list costs next to nothing from then on.
    """
    price("gpt-99", provider="openai")
    monkeypatch.setattr(listed_prices, "_calculate", None)

    assert (None, "unknown_model") == price("gpt-99", provider="openai")


@pytest.mark.parametrize(("model", "provider", "input", "cached", "output"), BY_HAND)
def test_a_known_name_is_calculated_once(
    model, provider, input, cached, output, listed, monkeypatch
):
    """
    The list takes 0.1 ms for a call; the second call of a model takes 2 us.
    """
    first = price(model, provider=provider)
    monkeypatch.setattr(listed_prices, "_calculate", None)

    assert first == price(model, provider=provider)


@pytest.mark.parametrize("tokens", [0, 1, 199_999, 200_000, 200_001, 5_000_000])
@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("gemini-2.5-pro", "google"),
        ("claude-sonnet-4-5", "anthropic"),
        ("sonar-pro", "perplexity"),
    ],
)
def test_what_is_remembered_costs_what_the_list_says(model, provider, tokens, listed):
    """
    Also where a long prompt costs more a token, or a request has its own price.
    """
    from genai_prices.data_snapshot import get_snapshot

    usage = TokenUsage(
        tokens, 77, cache_read_tokens=tokens // 2, cache_write_tokens=tokens // 3
    )
    price(model, provider=provider)
    own = listed_prices.price_list()
    said = listed_prices._calculate(own, get_snapshot(), model, provider, usage, AT)

    assert said.total_price == price(model, provider=provider, usage=usage)[0].usd


def test_a_price_that_changes_with_the_hour_is_looked_up_by_it(own_list):
    """
    A call costs what held when it was made, whatever was asked before.
    """
    from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint

    own_list.prices = [
        ConditionalPrice(
            prices=ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(1))
        ),
        ConditionalPrice(
            StartDateConstraint(AT.date()),
            prices=ModelPrice(input_mtok=Decimal(2), output_mtok=Decimal(2)),
        ),
    ]
    asked = {
        "models": ["own-model"],
        "provider": "own",
        "table": None,
        "complete": True,
    }
    usage = TokenUsage(1_000_000, 0)

    costs = [
        price_of(usage, at=AT - timedelta(days), **asked)[0].usd
        for days in (0, 1, 0, 0, 1, 1)
    ]

    assert [2, 1, 2, 2, 1, 1] == costs


def test_a_price_that_the_program_changes_is_not_remembered(own_list):
    """
    In place, as well as by another list.
    """
    from genai_prices.types import ModelPrice, Tier, TieredPrices

    def usd():
        usage = TokenUsage(1_000_000, 0)
        return price("own-model", provider="own", usage=usage)[0].usd

    costs = [usd(), usd()]
    own_list.prices.input_mtok = Decimal(5)
    costs += [usd(), usd()]
    own_list.prices = ModelPrice(input_mtok=Decimal(6), output_mtok=Decimal(6))
    costs += [usd(), usd()]
    tiered = TieredPrices(Decimal(7), [Tier(1_000, Decimal(8))])
    own_list.prices.input_mtok = tiered
    costs += [usd(), usd()]
    tiered.tiers[0].price = Decimal(9)
    costs += [usd(), usd()]

    assert [1, 1, 5, 5, 6, 6, 8, 8, 9, 9] == costs


def test_a_list_that_calculates_in_its_own_way_is_asked_each_time(own_list):
    """
    Prices of another class may be anything but a price for each token.
    """
    from genai_prices.types import ModelPrice

    class Flat(ModelPrice):
        def calc_price(self, usage):
            usd = Decimal(usage.output_tokens) ** 2
            return {"input_price": usd, "output_price": usd, "total_price": usd}

    own_list.prices = Flat(input_mtok=Decimal(1), output_mtok=Decimal(1))

    costs = [
        price("own-model", provider="own", usage=TokenUsage(0, tokens))[0].usd
        for tokens in (2, 3, 4)
    ]

    assert [4, 9, 16] == costs


def test_misses_do_not_fill_the_memory(listed, monkeypatch):
    """
    A program that asks for made-up names is no reason to grow.
    """
    monkeypatch.setattr(listed_prices, "_KEPT_NAMES", 5)

    for number in range(20):
        price(f"made-up-{number}", provider="openai")

    assert 5 == len(listed_prices._remembered[1])


def test_a_list_that_fails_is_contained(monkeypatch, caplog):
    """
    An error in the list is logged once; the call has no cost.
    """

    class Broken:
        version = "0"

        def snapshot(self):
            raise RuntimeError("broken")

    monkeypatch.setattr(prices, "price_list", Broken)

    with caplog.at_level(logging.WARNING, "llmtrack"):
        answers = [price("gpt-4o"), price("gpt-4o")]

    assert [(None, "unknown_model")] * 2 == answers
    assert 1 == len(caplog.records)


def test_prices_of_a_program_that_updates_them_are_used(listed, monkeypatch):
    """
    A snapshot that the program set is its own decision; misses are forgotten.
    """
    from genai_prices import data_snapshot

    assert (None, "unknown_model") == price("gpt-4x", provider="openai")
    bundled = data_snapshot.get_snapshot()
    own = data_snapshot.DataSnapshot(providers=bundled.providers, from_auto_update=True)
    monkeypatch.setattr(data_snapshot, "_custom_snapshot", own)

    assert "priced" == price("gpt-4o", provider="openai")[1]


def test_a_price_is_that_of_the_snapshot_that_is_set(set_list):
    """
    What was remembered of one snapshot is not taken for the price in another.
    """
    set_list(1)
    before = price("own-model", provider="own")[0]

    set_list(2)
    after = price("own-model", provider="own")[0]

    assert 2 * before.usd == after.usd
