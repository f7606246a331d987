"""
What a type checker makes of the public surface.

Read by mypy and pyright, never run: `tox -e typing`.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
)
from decimal import Decimal
from typing import Any, Protocol, assert_type

import llmtrack
from llmtrack import (
    CallEnded,
    CallRecord,
    Delta,
    Event,
    FirstToken,
    Outcome,
    TokenUsage,
    Tracker,
    acall_llm,
    attributes,
    call_llm,
    current_call,
    flush,
    statistics,
    track_llm_call,
    tracked_stream,
)

# Functions of every kind keep their parameters and what they return.


@track_llm_call
def function(question: str, *, times: int = 1) -> str:
    return question * times


@track_llm_call
async def coroutine_function(question: str) -> bytes:
    return question.encode()


@track_llm_call
def generator_function(question: str) -> Generator[str, int, float]:
    sent = yield question
    return float(sent)


@track_llm_call
def iterator_function(question: str) -> Iterator[str]:
    yield question


@track_llm_call
async def async_generator_function(question: str) -> AsyncGenerator[str, int]:
    yield question


@track_llm_call
async def async_iterator_function(question: str) -> AsyncIterator[str]:
    yield question


def use_functions() -> None:
    assert_type(function("why", times=2), str)
    assert_type(generator_function("why"), Generator[str, int, float])
    assert_type(generator_function("why").send(1), str)
    assert_type(iterator_function("why"), Iterator[str])
    assert_type(async_generator_function("why"), AsyncGenerator[str, int])
    assert_type(async_iterator_function("why"), AsyncIterator[str])

    function(1)  # type: ignore[arg-type]
    function("why", tiems=2)  # type: ignore[call-arg]


async def use_coroutine_functions(assistant: Assistant) -> None:
    assert_type(await coroutine_function("why"), bytes)
    assert_type(await described("why"), str)
    assert_type(await assistant.aanswer("why"), str)

    async for chunk in async_generator_function("why"):
        assert_type(chunk, str)


# So they do when the decorator is given options.


def to_metadata(question: str) -> dict[str, object]:
    return {"question": question}


@track_llm_call(name="answer", provider="openai", model="gpt-4o-mini")
def named(question: str) -> str:
    return question


@track_llm_call(
    model=lambda question: question,
    input=lambda question: question,
    metadata=to_metadata,
    capture_content=True,
)
async def described(question: str) -> str:
    return question


@track_llm_call(metadata={"team": "search"}, capture_content=None)
def streaming(question: str) -> Iterator[str]:
    yield question


def use_options() -> None:
    assert_type(named("why"), str)
    assert_type(streaming("why"), Iterator[str])

    track_llm_call(temperature=1)  # type: ignore[call-overload]


# Methods are bound as they were.


class Assistant:
    @track_llm_call
    def answer(self, question: str) -> str:
        return question

    @track_llm_call(name="answer")
    async def aanswer(self, question: str) -> str:
        return question

    @track_llm_call
    def stream(self, question: str) -> Iterator[str]:
        yield question

    @classmethod
    @track_llm_call
    def shared(cls, question: str) -> int:
        return len(question)

    @staticmethod
    @track_llm_call
    def alone(question: str) -> int:
        return len(question)


def use_methods(assistant: Assistant) -> None:
    assert_type(assistant.answer("why"), str)
    assert_type(Assistant.answer(assistant, "why"), str)
    assert_type(assistant.stream("why"), Iterator[str])
    assert_type(assistant.shared("why"), int)
    assert_type(Assistant.shared("why"), int)
    assert_type(assistant.alone("why"), int)
    assert_type(Assistant.alone("why"), int)


# Whatever can be called can be decorated.


class CallableObject:
    def __call__(self, question: str) -> float:
        return float(question)


def use_callables(any_function: Callable[[int], str]) -> None:
    assert_type(track_llm_call(CallableObject())("1"), float)
    assert_type(track_llm_call(any_function)(1), str)
    assert_type(track_llm_call(lambda: 1)(), int)

    track_llm_call(42)  # type: ignore[call-overload]


# A tracker is anything with one method, and what the design names beside it.


class OneMethod:
    def track(self, event: Event, /) -> None:
        if isinstance(event, CallEnded):
            assert_type(event.record, CallRecord)
        if isinstance(event, FirstToken):
            assert_type(event.time_to_first_token, float)


class AsyncMethod:
    events = frozenset({Delta, CallEnded})

    async def track(self, event: Event, /) -> None: ...


class FiveMethods:
    """What LaunchDarkly's tracker has."""

    def track_duration(self, duration: int) -> None: ...
    def track_time_to_first_token(self, time_to_first_token: int) -> None: ...
    def track_tokens(self, tokens: Any) -> None: ...
    def track_success(self) -> None: ...
    def track_error(self) -> None: ...


def on_record(record: CallRecord) -> None: ...


async def on_record_async(record: CallRecord) -> None: ...


class HasTrack(Protocol):
    def track(self, event: Event, /) -> None: ...


def use_trackers(structural: HasTrack, nominal: Tracker) -> None:
    tracker: Tracker = OneMethod()
    also: Tracker = AsyncMethod()

    track_llm_call(tracker=None)
    track_llm_call(tracker=tracker)
    track_llm_call(tracker=also)
    track_llm_call(tracker=OneMethod())
    track_llm_call(tracker=AsyncMethod())
    track_llm_call(tracker=FiveMethods())
    track_llm_call(tracker=structural)
    track_llm_call(tracker=nominal)
    track_llm_call(tracker=on_record)
    track_llm_call(tracker=on_record_async)
    track_llm_call(tracker=[OneMethod(), FiveMethods(), on_record])
    track_llm_call(tracker=(OneMethod(), AsyncMethod()))

    track_llm_call(tracker=object())  # type: ignore[call-overload]


# A block gives a handle, and the handle gives the stream that it was given.


def use_block(chunks: Iterator[str], answers: Generator[int, str, None]) -> None:
    with tracked_stream(OneMethod(), name="answer") as tracked:
        assert_type(tracked(chunks), Iterator[str])
        assert_type(tracked(answers), Generator[int, str, None])
        assert_type(tracked.progress().elapsed, float)
        assert_type(tracked.progress().cost, Decimal | None)

    assert_type(tracked.record, CallRecord | None)
    for record in tracked.records:
        assert_type(record, CallRecord)


async def use_async_block(chunks: AsyncIterator[bytes]) -> None:
    async with tracked_stream() as tracked:
        async for chunk in tracked(chunks):
            assert_type(chunk, bytes)

    assert_type(tracked.record, CallRecord | None)


# One function for any client.


def use_call_llm(client: Any) -> None:
    record = call_llm(client, model="m", messages=[{"role": "user", "content": "why"}])

    assert_type(record, CallRecord)
    assert_type(record.outcome, Outcome)
    assert_type(record.usage, TokenUsage)
    assert_type(record.time_to_first_token, float | None)


async def use_acall_llm(client: Any) -> None:
    assert_type(
        await acall_llm(client, model="m", messages=[], temperature=0), CallRecord
    )


# The rest of the surface.


def use_the_rest() -> None:
    call = current_call()
    if call is not None:
        call.model = "gpt-4o-mini"

    with attributes(session_id="s", user_id=1):
        function("why")

    llmtrack.configure(tracker=OneMethod(), metadata={"team": "search"})
    flush(1.0)
    assert_type(statistics()["OneMethod"]["delivered"], int)
    assert_type(llmtrack.__version__, str)
