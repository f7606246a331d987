"""What a call costs, however short; what is added before and after the chunks."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter, perf_counter_ns, process_time_ns
from typing import Any, Final

from contestants import Contestant, nothing
from reading import track_by_hand
from sources import (
    chunk_as_json,
    openai_chunks,
    parsed,
)
from timing import BARE, BY_HAND, LLMTRACK, Case, Pass, fresh, timed

#: Calls, or streams of one chunk, in a pass.
CALLS: Final = 25
#: Of the stream after which the tokens have to be counted.
LONG: Final = 2_000


def cases(contestants: Sequence[Contestant]) -> Iterator[Case]:
    """Yield the cases of whole calls, of their beginning and of their end."""
    yield from _functions(contestants)
    yield _async_function(contestants)
    yield _one_chunk(contestants)
    yield _before_first(contestants)
    yield _after_last(contestants)
    yield from _whole_streams(contestants)


def _functions(contestants: Sequence[Contestant]) -> Iterator[Case]:
    results: dict[str, Any] = {
        "str": "hello",
        "dict": {"text": "hello", "usage": 3},
        "OpenAI's response": _response(),
    }
    for name, result in results.items():

        def answer(question: str, result: Any = result) -> Any:
            return result

        def by_hand(question: str, result: Any = result) -> Any:
            start = perf_counter()
            try:
                answered = result
            finally:
                _ = perf_counter() - start
            return answered

        passes = {BARE: _calls(fresh(answer)), BY_HAND: _calls(by_hand)}
        for each in contestants:
            if each.function:
                passes[each.name] = _calls(each.function(fresh(answer)), each)
        yield Case(
            f"a call of a function, {name}",
            passes,
            units=CALLS,
            unit="us",
            limits={LLMTRACK: 12},
        )


def _async_function(contestants: Sequence[Contestant]) -> Case:
    async def answer(question: str) -> Any:
        return "hello"

    loop = asyncio.new_event_loop()

    def calls(function: Callable[[str], Any]) -> Callable[[str], Any]:
        return lambda question: loop.run_until_complete(function(question))

    passes = {BARE: _calls(calls(fresh(answer)))}
    for each in contestants:
        if each.function:
            passes[each.name] = _calls(calls(each.function(fresh(answer))), each)
    return Case("a call of a coroutine function, str", passes, units=CALLS, unit="us")


def _one_chunk(contestants: Sequence[Contestant]) -> Case:
    chunk = parsed(chunk_as_json(1))

    def stream(question: str) -> Iterator[Any]:
        yield chunk

    def read(make: Callable[[str], Iterator[Any]]) -> Callable[[str], object]:
        def read_one(question: str) -> None:
            for _ in make(question):
                pass

        return read_one

    def by_hand(question: str) -> int:
        start = perf_counter()
        first = None
        parts = []
        for each in stream(question):
            if each.choices and each.choices[0].delta.content:
                if first is None:
                    first = perf_counter() - start
                parts.append(each.choices[0].delta.content)
        _ = perf_counter() - start
        return len("".join(parts)) // 4

    passes = {BARE: _calls(read(fresh(stream))), BY_HAND: _calls(by_hand)}
    for each in contestants:
        if each.generator:
            passes[each.name] = _calls(read(each.generator(fresh(stream))), each)
    return Case(
        "a stream of one chunk, generator",
        passes,
        units=CALLS,
        unit="us",
        limits={LLMTRACK: 20},
    )


def _before_first(contestants: Sequence[Contestant]) -> Case:
    chunks = openai_chunks(3)

    def stream(question: str) -> Iterator[Any]:
        yield from chunks

    def to_the_first(
        make: Callable[[str], Iterator[Any]], each: Contestant | None = None
    ) -> Pass:
        def pass_() -> float:
            total = 0
            for _ in range(CALLS):
                start = perf_counter_ns()
                iterator = iter(make("hi"))
                next(iterator)
                total += perf_counter_ns() - start
                for _chunk in iterator:
                    pass
            if each is not None:
                each.flush()
            return total

        return pass_

    passes = {BARE: to_the_first(fresh(stream))}
    for each in contestants:
        if each.generator:
            passes[each.name] = to_the_first(each.generator(fresh(stream)), each)
    return Case(
        "added before the first chunk",
        passes,
        units=CALLS,
        unit="us",
        limits={LLMTRACK: 15},
    )


def _after_last(contestants: Sequence[Contestant]) -> Case:
    chunks = openai_chunks(LONG)

    def stream(question: str) -> Iterator[Any]:
        yield from chunks

    def from_the_last(
        make: Callable[[str], Iterator[Any]], each: Contestant | None = None
    ) -> Pass:
        def pass_() -> float:
            iterator = iter(make("hi"))
            for _ in range(LONG):
                next(iterator)
            start = perf_counter_ns()
            for _chunk in iterator:
                pass
            taken = perf_counter_ns() - start
            if each is not None:
                each.flush()
            return taken

        return pass_

    passes = {BARE: from_the_last(fresh(stream))}
    for each in contestants:
        if each.generator:
            passes[each.name] = from_the_last(each.generator(fresh(stream)), each)
    return Case(
        f"after the last chunk, {LONG:,} chunks without usage",
        passes,
        unit="us",
        limits={LLMTRACK: 1_000},
    )


def _whole_streams(contestants: Sequence[Contestant]) -> Iterator[Case]:
    """Yield what a chunk costs with all that is done before and after the chunks."""
    chunks = openai_chunks(LONG)

    def stream(question: str) -> Iterator[Any]:
        yield from chunks

    def read(make: Callable[[str], Iterator[Any]]) -> Callable[[], None]:
        def read_all() -> None:
            for _ in make("hi"):
                pass

        return read_all

    def computed(run: Callable[[], None], flush: Callable[[], object]) -> Pass:
        def time_all_threads() -> float:
            start = process_time_ns()
            run()
            flush()
            return process_time_ns() - start

        return time_all_threads

    seen = {BARE: timed(read(fresh(stream)))}
    seen[BY_HAND] = timed(lambda: track_by_hand(stream("hi")))
    spent = {BARE: computed(read(fresh(stream)), nothing)}
    for each in contestants:
        if each.generator:
            whole = read(each.generator(fresh(stream)))
            seen[each.name] = timed(whole, each.flush)
            spent[each.name] = computed(whole, each.flush)
    what = f"a whole stream of {LONG:,} OpenAI chunks, a chunk"
    yield Case(what, seen, units=LONG)
    yield Case(f"{what}, all threads until delivered", spent, units=LONG)


def _calls(call: Callable[[str], object], each: Contestant | None = None) -> Pass:
    def run() -> None:
        for _ in range(CALLS):
            call("hi")

    return timed(run, each and each.flush)


def _response() -> Any:
    from openai.types.chat import ChatCompletion

    return ChatCompletion.model_validate(
        {
            "id": "chatcmpl-b",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gpt-4o-mini",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "logprobs": None,
                    "message": {"role": "assistant", "content": "hello world"},
                }
            ],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        }
    )
