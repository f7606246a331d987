"""Events and records: frozen, and made quickly."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from llmtrack import CallEnded, CallInfo, CallRecord, Delta, FirstToken, TokenUsage
from llmtrack.frozen import maker_of

CLASSES = (TokenUsage, CallInfo, CallRecord, FirstToken, Delta, CallEnded)


def values_of(cls):
    """Return a value for each field of a class, by its name."""
    return {each.name: f"the {each.name}" for each in dataclasses.fields(cls)}


@pytest.mark.parametrize("cls", CLASSES)
def test_a_maker_makes_what_the_class_makes(cls):
    """
    Called like the class, a maker gives an equal object of the very class.
    """
    values = values_of(cls)
    by_place = [
        values[each.name] for each in dataclasses.fields(cls) if not each.kw_only
    ]
    by_name = {
        each.name: values[each.name] for each in dataclasses.fields(cls) if each.kw_only
    }

    made = maker_of(cls)(*by_place, **by_name)

    assert cls(**values) == made
    assert cls is type(made)
    assert hash(cls(**values)) == hash(made)
    assert repr(cls(**values)) == repr(made)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("change", [setattr, lambda o, name, _: delattr(o, name)])
def test_what_is_made_is_frozen(cls, change):
    """
    Nothing can be set or deleted on what a maker made.
    """
    made = maker_of(cls)(**values_of(cls))
    name = dataclasses.fields(cls)[0].name

    with pytest.raises(dataclasses.FrozenInstanceError):
        change(made, name, "other")

    assert f"the {name}" == getattr(made, name)


def test_a_maker_wants_every_field():
    """
    A field that is left out is named, whether the class has a default or not.
    """
    with pytest.raises(TypeError, match=r"TokenUsage\(\) missing .* 'uncounted'"):
        maker_of(TokenUsage)(1, 2, 3)


@pytest.mark.parametrize("cls", CLASSES)
def test_copies_are_equal_and_frozen(cls):
    """
    Pickled, copied and replaced objects are what they were.
    """
    made = maker_of(cls)(**values_of(cls))

    copies = (
        pickle.loads(pickle.dumps(made)),
        copy.deepcopy(made),
        dataclasses.replace(made),
    )

    assert [made] * 3 == list(copies)
    assert {cls} == {type(each) for each in copies}
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(copies[0], dataclasses.fields(cls)[0].name, "other")


def test_a_maker_takes_shared_fields_from_what_is_like_it():
    """
    A record takes all that a `CallInfo` has from it, and needs the rest only.
    """
    info = CallInfo(**values_of(CallInfo))
    others = values_of(CallRecord).keys() - values_of(CallInfo).keys()
    rest = {
        name: value for name, value in values_of(CallRecord).items() if name in others
    }

    made = maker_of(CallRecord, like=CallInfo)(info, **rest)

    assert CallRecord(**values_of(CallRecord)) == made
    with pytest.raises(TypeError, match=r"missing .* 'usage'"):
        maker_of(CallRecord, like=CallInfo)(info, *list(rest.values())[:-9])
