"""Events and records: frozen, and made quickly."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from datetime import UTC, datetime

import pytest

from llmtrack import CallEnded, CallInfo, CallRecord, Delta, FirstToken, TokenUsage
from llmtrack.record import Outcome

QUICK = (TokenUsage, CallInfo, CallRecord, FirstToken, Delta, CallEnded)


@pytest.fixture
def record():
    """Return a record with nothing but what it must have."""
    start = datetime(2026, 11, 21, tzinfo=UTC)
    asked = ("id", None, "name", "chat", None, None, None, None, None, None, start, {})
    return CallRecord(*asked, 1.0, Outcome.SUCCESS, True)


@pytest.mark.parametrize("cls", QUICK)
def test_the_constructor_takes_what_the_dataclass_says(cls):
    """
    Parameters, their order and their defaults are those of the fields.
    """
    fields = [each for each in dataclasses.fields(cls) if not each.kw_only]
    by_keyword = [each for each in dataclasses.fields(cls) if each.kw_only]

    parameters = list(inspect.signature(cls).parameters.values())

    assert [each.name for each in parameters] == [
        each.name for each in (*fields, *by_keyword)
    ]
    for parameter, field in zip(parameters, (*fields, *by_keyword), strict=True):
        if field.default is not dataclasses.MISSING:
            assert parameter.default == field.default


@pytest.mark.parametrize("change", [setattr, lambda o, name, _: delattr(o, name)])
def test_what_is_made_is_frozen(record, change):
    """
    Nothing can be set or deleted on a record once it is made.
    """
    with pytest.raises(dataclasses.FrozenInstanceError):
        change(record, "name", "other")

    assert "name" == record.name
    assert CallRecord is type(record)


def test_each_has_a_default_of_its_own(record):
    """
    What a factory makes by default is made for each object anew.
    """
    other = dataclasses.replace(record, request_parameters={})
    again = CallInfo(*(getattr(record, each) for each in INFO))

    assert record.request_parameters == again.request_parameters == {}
    assert record.request_parameters is not again.request_parameters
    assert record == other


def test_wrong_arguments_are_told_as_by_any_class():
    """
    A missing field is named in the error.
    """
    with pytest.raises(TypeError, match=r"CallInfo.__init__\(\) missing .* 'metadata'"):
        CallInfo("id")


def test_copies_are_equal_and_frozen(record):
    """
    Pickled, copied and replaced objects are what they were.
    """
    copies = (
        pickle.loads(pickle.dumps(record)),
        copy.deepcopy(record),
        dataclasses.replace(record, name=record.name),
    )

    assert all(each == record for each in copies)
    assert {CallRecord} == {type(each) for each in copies}
    with pytest.raises(dataclasses.FrozenInstanceError):
        copies[0].name = "other"


def test_a_subclass_is_frozen_too(record):
    """
    A record of the user's own, with a field more, is made and frozen likewise.
    """

    @dataclasses.dataclass(frozen=True, slots=True)
    class Rated(CallInfo):
        stars: int = 3

    rated = Rated(*(getattr(record, each) for each in INFO), stars=5)

    assert (Rated, 5, "name") == (type(rated), rated.stars, rated.name)
    with pytest.raises(dataclasses.FrozenInstanceError):
        rated.stars = 1


def test_a_plain_subclass_is_of_its_own_class(record):
    """
    A subclass without a constructor of its own is not mistaken for its parent.
    """

    class Mine(CallInfo):
        pass

    mine = Mine(*(getattr(record, each) for each in INFO))

    assert Mine is type(mine)
    assert record.call_id == mine.call_id


INFO = [each.name for each in dataclasses.fields(CallInfo) if not each.kw_only]
