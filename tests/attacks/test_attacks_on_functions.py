"""Odd functions, odd arguments, and decorated functions that travel."""

from __future__ import annotations

import asyncio
import copy
import pickle
import types
from functools import partial
from unittest.mock import AsyncMock, MagicMock, Mock

import pytest

from llmtrack import TokenUsage, current_call, flush, track_llm_call, tracked_stream
from llmtrack.testing import RecordingTracker


@track_llm_call(tracker=RecordingTracker())
def named(text: str) -> str:
    return text


def plain(text: str) -> str:
    return text


renamed = track_llm_call(tracker=RecordingTracker())(plain)


class Client:
    @track_llm_call(tracker=RecordingTracker())
    def ask(self) -> str:
        return "a"

    @classmethod
    @track_llm_call(tracker=RecordingTracker())
    def ask_class(cls) -> str:
        return "b"

    @track_llm_call(tracker=RecordingTracker())
    @staticmethod
    def ask_static() -> str:
        return "c"


class Callable:
    def __init__(self) -> None:
        self.said = ["a"]

    def __call__(self) -> str:
        return self.said[0]


@pytest.mark.parametrize("kind", [Mock, MagicMock])
def test_a_mock_can_be_decorated(recorder, kind):
    """A mock has every attribute, `func` and `keywords` too, and is no partial."""
    ask = track_llm_call(tracker=recorder)(kind(return_value="a"))

    answer = ask()

    assert (answer, len(recorder.records)) == ("a", 1)


def test_an_async_mock_can_be_decorated(recorder):
    """What a mock's call returns is awaited like a client's coroutine."""
    ask = track_llm_call(tracker=recorder)(AsyncMock(return_value="a"))

    answer = asyncio.run(ask())

    assert (answer, len(recorder.records)) == ("a", 1)


def test_a_partial_is_still_named_by_its_function(recorder):
    """A partial has the name of what it calls."""
    ask = track_llm_call(tracker=recorder)(partial(plain, "a"))

    ask()

    assert recorder.records[0].name == "plain"


@pytest.mark.parametrize("metadata", [5, ["a b"], "x", object()])
def test_metadata_that_is_none_does_not_reach_the_program(recorder, metadata):
    """A callable may give what is no mapping: the call goes on without."""
    ask = track_llm_call(tracker=recorder, metadata=lambda: metadata)(lambda: "a")

    answer = ask()

    assert (answer, recorder.records[0].metadata) == ("a", {})


@pytest.mark.parametrize("model", [["gpt"], 5, {}, object()])
def test_a_model_that_is_no_string_does_not_reach_the_program(recorder, model):
    """A callable may give what is no name: the call goes on without."""
    ask = track_llm_call(tracker=recorder, model=lambda: model)(lambda: "a")

    answer = ask()

    assert (answer, recorder.records[0].request_model) == ("a", None)


def test_a_block_survives_what_it_was_given(recorder):
    """Neither a model nor metadata of the wrong kind stop the stream."""
    with tracked_stream(recorder, model=["gpt"], metadata=7) as tracked:
        chunks = list(tracked(iter("ab")))

    assert (chunks, recorder.records[0].metadata) == (["a", "b"], {})


def test_what_is_said_by_hand_may_be_nonsense(recorder):
    """`current_call()` takes what is right, and leaves the rest."""

    @track_llm_call(tracker=recorder)
    def ask() -> str:
        call = current_call()
        assert call is not None
        call.model = ["gpt"]
        call.usage = 5
        call.metadata = 7
        return "a"

    answer = ask()

    flush()
    record = recorder.records[0]
    assert (answer, record.request_model, record.metadata) == ("a", None, {})
    assert isinstance(record.usage, TokenUsage)


def test_a_decorated_function_is_pickled_by_its_name():
    """A process pool can be given a decorated function, as it could before."""
    assert pickle.loads(pickle.dumps(named)) is named


def test_a_function_decorated_under_another_name_is_pickled_without_tracking():
    """A tracker does not travel; the program's own function does."""
    assert pickle.loads(pickle.dumps(renamed))("a") == "a"


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        (Client().ask, "a"),
        (Client.ask_class, "b"),
        (Client().ask_class, "b"),
        (Client.ask_static, "c"),
        (Client().ask_static, "c"),
    ],
)
def test_a_decorated_method_can_be_pickled(method, answer):
    """Methods of all kinds travel with their object or class."""
    assert pickle.loads(pickle.dumps(method))() == answer


def test_a_decorated_method_of_a_class_can_be_pickled():
    """A function that is reached by its class is found there again."""
    assert pickle.loads(pickle.dumps(Client.ask))(Client()) == "a"


def test_a_decorated_function_is_copied_by_being_shared():
    """An object that holds a decorated function can be copied deeply."""
    holder = {"ask": named}

    assert copy.deepcopy(holder)["ask"] is named
    assert copy.copy(named) is named


def test_a_decorated_method_is_copied_with_its_object():
    """A deep copy's method is that of the copied object."""
    client = Client()

    copied = copy.deepcopy([client, client.ask])

    assert copied[1].__self__ is copied[0]
    assert copied[0] is not client


def test_a_decorated_object_is_copied_deeply(recorder):
    """A callable object's copy has a state of its own, and is tracked."""
    ask = track_llm_call(tracker=recorder)(Callable())

    copied = copy.deepcopy(ask)
    copied.said[0] = "b"

    assert (ask(), copied(), len(recorder.records)) == ("a", "b", 2)


def test_a_generator_that_can_be_awaited_still_can(recorder):
    """`types.coroutine` makes a generator function for `await`."""

    @track_llm_call(tracker=recorder)
    @types.coroutine
    def ask():
        yield from asyncio.sleep(0).__await__()
        return "a"

    async def program() -> str:
        return await ask()

    answer = asyncio.run(program())

    assert (answer, recorder.records[0].outcome) == ("a", "success")
