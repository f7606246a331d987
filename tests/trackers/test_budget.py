"""A budget tells when calls have cost more than a limit."""

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from llmtrack.errors import ConfigurationError
from llmtrack.events import CallEnded, CallStarted
from llmtrack.record import CallRecord, Cost, Outcome
from llmtrack.trackers.budget import Budget

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ended(usd, cost_status="priced", **metadata):
    """Return the end of a call that cost so much; None: not known."""
    cost = None if usd is None else Cost(Decimal(usd), True, "user", "1")
    record = CallRecord(
        call_id="c",
        parent_id=None,
        name="answer",
        operation="chat",
        provider="openai",
        dialect="openai.chat",
        request_model="gpt-4o",
        server_address=None,
        server_port=None,
        stream=True,
        started_at=NOON,
        metadata=metadata,
        duration=1.0,
        outcome=Outcome.SUCCESS,
        complete=True,
        cost=cost,
        cost_status=cost_status,
    )
    return CallEnded(record, 1.0, record)


class Told:
    """What a budget called back with, on a clock that is set by hand."""

    def __init__(self):
        self.overruns = []
        self.now = NOON

    def budget(self, **options):
        options = {"usd": 1, "on_exceeded": self.overruns.append, **options}
        return Budget(now=lambda: self.now, **options)


@pytest.fixture
def told():
    return Told()


def test_the_call_that_goes_over_is_told(told):
    """
    Once a day, with what was spent and the record of the call.
    """
    budget = told.budget()
    calls = [ended("0.6"), ended("0.4"), ended("0.01"), ended("0.5")]

    for call in calls:
        budget.track(call)

    (overrun,) = told.overruns
    assert (Decimal("1.01"), Decimal(1)) == (overrun.spent, overrun.limit)
    assert overrun.record is calls[2].record
    assert Decimal("1.51") == budget.spent()


def test_each_value_of_a_key_has_its_own_budget(told):
    """
    One user's spending is not another's.
    """
    budget = told.budget(key="user_id")

    budget.track(ended("0.9", user_id="ada"))
    budget.track(ended("0.9", user_id="bob"))
    budget.track(ended("0.9", user_id="bob"))
    budget.track(ended("0.9"))

    assert ["bob"] == [overrun.key for overrun in told.overruns]
    assert Decimal("0.9") == budget.spent("ada")
    assert Decimal("0.9") == budget.spent(None)


def test_values_that_cannot_be_keys_are_told_apart_by_their_looks(told):
    """
    Metadata may be anything.
    """
    budget = told.budget(key="tags")

    budget.track(ended("0.9", tags=["a"]))
    budget.track(ended("0.9", tags=["b"]))
    budget.track(ended("0.9", tags=["a"]))

    assert ["['a']"] == [overrun.key for overrun in told.overruns]


def test_a_new_day_starts_at_zero(told):
    """
    The day is that of UTC; the budget may be exceeded again.
    """
    budget = told.budget()
    budget.track(ended("2"))

    told.now = NOON + timedelta(days=1)
    before = budget.spent()
    budget.track(ended("3"))

    assert Decimal(0) == before
    assert [Decimal(2), Decimal(3)] == [overrun.spent for overrun in told.overruns]


def test_a_budget_for_each_call_looks_at_that_call_alone(told):
    """
    Every call over the limit is told, and none is for those before it.
    """
    budget = told.budget(per="call")

    for usd in ("0.9", "1", "1.1", "0.9", "1.2"):
        budget.track(ended(usd))

    assert [Decimal("1.1"), Decimal("1.2")] == [o.spent for o in told.overruns]


def test_calls_without_a_cost_are_said_to_be_missing(told):
    """
    They add nothing; a budget that sees none of the costs says so.
    """
    budget = told.budget()

    budget.track(ended(None, cost_status="unknown_model"))
    budget.track(ended(None, cost_status="nested"))

    assert (Decimal(0), 1) == (budget.spent(), budget.unpriced)


def test_other_events_are_nothing_to_it(told):
    """
    Only the end of a call has a cost.
    """
    budget = told.budget()

    budget.track(CallStarted(ended("5").record, 0.0))

    assert Decimal(0) == budget.spent()


def test_threads_add_up_exactly(told):
    """
    No call is lost, and one is told.
    """
    budget = told.budget()

    def spend():
        for _ in range(200):
            budget.track(ended("0.001"))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Decimal("1.6") == budget.spent()
    assert 1 == len(told.overruns)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"usd": 0}, "usd"),
        ({"usd": -1}, "usd"),
        ({"usd": "5"}, "usd"),
        ({"usd": float("nan")}, "usd"),
        ({"usd": True}, "usd"),
        ({"per": "week"}, "per must be one of"),
        ({"on_exceeded": None}, "on_exceeded"),
    ],
)
def test_a_budget_that_cannot_work_is_refused(options, words, told):
    """
    At set-up, with what is wrong.
    """
    with pytest.raises(ConfigurationError, match=words):
        told.budget(**options)


def test_it_is_among_the_trackers():
    """
    It is imported from where all of them are.
    """
    from llmtrack import trackers

    assert trackers.Budget is Budget
