"""What a chunk costs while it flows."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contestants import Contestant, Decorator, identity
from reading import (
    read,
    read_async,
    read_by_next,
    track_by_hand,
    track_by_hand_async,
    track_texts_by_hand,
    track_texts_by_hand_async,
)
from sources import (
    HEAD,
    AsyncProviderStream,
    ProviderStream,
    Stopwatch,
    chunk_as_json,
    openai_chunks,
    texts,
)
from timing import BARE, BY_HAND, LLMTRACK, UNTIMED, Case, Pass, fresh

#: Of a stream. Short enough to keep its text until the end, as most answers are.
CHUNKS: Final = 2_000 + HEAD
#: Streams in a pass.
STREAMS: Final = 1


@dataclass(frozen=True, slots=True)
class _Kind:
    """Chunks of one kind, how they are tracked by hand, and the limits."""

    name: str
    make: Callable[[], Sequence[Any]]
    by_hand: Callable[[Any], Any]
    by_hand_async: Callable[[Any], Any]
    limits: tuple[float, float] | None = None
    async_limits: tuple[float, float] | None = None


_KINDS: Final = (
    _Kind(
        "str",
        lambda: texts(CHUNKS),
        track_texts_by_hand,
        track_texts_by_hand_async,
        (160, 60),
    ),
    _Kind(
        "OpenAI",
        lambda: openai_chunks(CHUNKS),
        track_by_hand,
        track_by_hand_async,
        (250, 170),
        (350, 350),
    ),
)
_COLD: Final = _Kind(
    "OpenAI, all objects different",
    lambda: openai_chunks(CHUNKS, CHUNKS),
    track_by_hand,
    track_by_hand_async,
)


def cases(contestants: Sequence[Contestant]) -> Iterator[Case]:
    """Yield the cases of generators, providers' streams and `next`."""
    for kind in (*_KINDS, _COLD):
        chunks = kind.make()
        yield _sync(kind, chunks, contestants)
        if kind is not _COLD:
            yield _async(kind, chunks, contestants)
            yield _provider_stream(kind, chunks, contestants)
            yield _async_provider_stream(kind, chunks, contestants)
            yield _by_next(kind, chunks, contestants)
    yield _raw_json(contestants)


def _sync(
    kind: _Kind, chunks: Sequence[Any], contestants: Sequence[Contestant]
) -> Case:
    def source(_: Contestant | None) -> tuple[Stopwatch, Any]:
        watch = Stopwatch(chunks)
        return watch, fresh(watch.generator())

    return _case(
        f"{kind.name} chunk, generator",
        [each for each in contestants if each.generator],
        lambda each: each.generator,
        source,
        read,
        kind.by_hand,
        kind.limits,
    )


def _provider_stream(
    kind: _Kind, chunks: Sequence[Any], contestants: Sequence[Contestant]
) -> Case:
    return _case(
        f"{kind.name} chunk, provider's stream",
        [each for each in contestants if each.stream],
        lambda each: each.stream,
        lambda _: _provided(chunks),
        read,
        kind.by_hand,
        kind.limits,
    )


def _by_next(
    kind: _Kind, chunks: Sequence[Any], contestants: Sequence[Contestant]
) -> Case:
    return _case(
        f"{kind.name} chunk, provider's stream by `next`",
        [each for each in contestants if each.stream],
        lambda each: each.stream,
        lambda _: _provided(chunks),
        read_by_next,
        kind.by_hand,
        None,
    )


def _raw_json(contestants: Sequence[Contestant]) -> Case:
    chunks = [chunk_as_json(number) for number in range(CHUNKS)]

    def source(_: Contestant | None) -> tuple[Stopwatch, Any]:
        watch = Stopwatch(chunks)
        return watch, fresh(watch.generator())

    return _case(
        "OpenAI chunk as a dict, generator",
        [each for each in contestants if each.stream],
        lambda each: each.generator,
        source,
        read,
        _track_dicts_by_hand,
        None,
    )


def _async(
    kind: _Kind, chunks: Sequence[Any], contestants: Sequence[Contestant]
) -> Case:
    def source(_: Contestant | None) -> tuple[Stopwatch, Any]:
        watch = Stopwatch(chunks)
        return watch, fresh(watch.async_generator())

    return _case(
        f"{kind.name} chunk, async generator",
        [each for each in contestants if each.async_generator],
        lambda each: each.async_generator,
        source,
        read_async,
        kind.by_hand_async,
        kind.async_limits,
        run=_in_a_loop,
    )


def _async_provider_stream(
    kind: _Kind, chunks: Sequence[Any], contestants: Sequence[Contestant]
) -> Case:
    def source(_: Contestant | None) -> tuple[Stopwatch, Any]:
        watch = Stopwatch(chunks)
        generate = fresh(watch.async_generator())
        return watch, lambda: AsyncProviderStream(generate())

    return _case(
        f"{kind.name} chunk, async provider's stream",
        [each for each in contestants if each.stream],
        lambda each: each.stream,
        source,
        read_async,
        kind.by_hand_async,
        kind.async_limits,
        run=_in_a_loop,
    )


def _provided(chunks: Sequence[Any]) -> tuple[Stopwatch, Any]:
    watch = Stopwatch(chunks)
    generate = fresh(watch.generator())
    return watch, lambda: ProviderStream(generate())


def _case(
    what: str,
    contestants: Sequence[Contestant],
    decorator: Callable[[Contestant], Decorator | None],
    source: Callable[[Contestant | None], tuple[Stopwatch, Any]],
    reader: Callable[[Any], Any],
    by_hand: Callable[[Any], Any],
    limits: tuple[float, float] | None,
    run: Callable[[Callable[[Any], Any], Any], None] | None = None,
) -> Case:
    run = run or _at_once
    passes = {
        BARE: _pass(None, *source(None), fresh(reader), run),
        BY_HAND: _pass(None, *source(None), fresh(by_hand), run),
    }
    for each in contestants:
        watch, make = source(each)
        decorate = decorator(each) or identity
        passes[each.name] = _pass(each, watch, decorate(make), fresh(reader), run)
    return Case(
        what,
        passes,
        units=STREAMS * (CHUNKS - HEAD),
        limits=dict(zip((LLMTRACK, UNTIMED), limits or (), strict=False)),
    )


def _pass(
    contestant: Contestant | None,
    watch: Stopwatch,
    make: Callable[[], Any],
    reader: Callable[[Any], Any],
    run: Callable[[Callable[[Any], Any], Any], None],
) -> Pass:
    def time_streams() -> float:
        total = 0
        for _ in range(STREAMS):
            if contestant is None:
                run(reader, make)
            else:
                with contestant.during():
                    run(reader, make)
                contestant.flush()
            total += watch.taken
        return total

    return time_streams


def _at_once(reader: Callable[[Any], Any], make: Callable[[], Any]) -> None:
    reader(make())


def _in_a_loop(reader: Callable[[Any], Any], make: Callable[[], Any]) -> None:
    async def main() -> None:
        await reader(make())

    _LOOP.run_until_complete(main())


def _track_dicts_by_hand(stream: Any) -> int:
    parts: list[str] = []
    for chunk in stream:
        if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
            parts.append(chunk["choices"][0]["delta"]["content"])
    return len("".join(parts)) // 4


_LOOP: Final = asyncio.new_event_loop()
