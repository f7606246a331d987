"""Many streams at once on one event loop, each chunk parsed from a JSON line."""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from time import perf_counter
from typing import Any, Final

from contestants import Contestant
from openai._models import construct_type
from openai.types.chat import ChatCompletionChunk
from sources import chunk_as_json, last_as_json
from timing import BARE, LLMTRACK, Row, Spread, spread

CHUNKS: Final = 50
#: Seconds that a task wants to sleep that finds out how long the loop is busy.
_NAP: Final = 0.001

Make = Callable[[], AsyncIterator[Any]]


def as_the_client(line: bytes) -> Any:
    """Parse a chunk as openai's client does, which takes 80 us."""
    return construct_type(type_=ChatCompletionChunk, value=json.loads(line))


def at_once(line: bytes) -> Any:
    """Parse a chunk as fast as pydantic can, which takes 3 us."""
    return ChatCompletionChunk.model_validate_json(line)


def rows(
    contestants: Sequence[Contestant],
    streams: int,
    repetitions: int,
    parse: Callable[[bytes], Any] = as_the_client,
) -> Iterator[Row]:
    """Yield the time of all streams together, and the longest lag of the loop."""
    makes: dict[str, tuple[Make, Callable[[], object]]] = {
        BARE: (_source(parse), lambda: None)
    }
    for each in contestants:
        if each.async_generator is not None:
            makes[each.name] = each.async_generator(_source(parse)), each.flush
    seconds: dict[str, list[float]] = {name: [] for name in makes}
    lags: dict[str, list[float]] = {name: [] for name in makes}
    for make, flush in makes.values():
        asyncio.run(_together(make, 20))
        flush()
    for _ in range(repetitions):
        for name, (make, flush) in makes.items():
            taken, lag = asyncio.run(_together(make, streams))
            flush()
            seconds[name].append(taken)
            lags[name].append(lag * 1e3)
    parsed = "" if parse is as_the_client else ", parsed by pydantic alone"
    what = f"{streams:,} streams x {CHUNKS} chunks{parsed}"
    limited = streams >= 10_000
    for name in list(makes)[1:]:
        yield Row(
            f"{what}: the whole run, as a multiple",
            name,
            "x",
            spread(_ratios(seconds[name], seconds[BARE])),
            {
                other: statistics.median(_ratios(seconds[name], seconds[other]))
                for other in (BARE, LLMTRACK)
                if other in seconds and other != name
            },
            limit=1.2 if limited and name == LLMTRACK else None,
        )
    for name in list(makes)[1:]:
        pairs = zip(lags[name], lags[BARE], strict=True)
        yield Row(
            f"{what}: longest lag of the loop added",
            name,
            "ms",
            spread(own - bare for own, bare in pairs),
            {},
            limit=25 if limited and name == LLMTRACK else None,
        )
    bare = lags[BARE]
    yield Row(
        f"{what}: longest lag of the loop added",
        "(the bare program's own)",
        "ms",
        Spread(statistics.median(bare), min(bare), max(bare)),
        {},
    )


def _ratios(own: list[float], others: list[float]) -> list[float]:
    return [a / b for a, b in zip(own, others, strict=True)]


def _source(parse: Callable[[bytes], Any]) -> Make:
    values = [*(chunk_as_json(number) for number in range(CHUNKS - 1)), last_as_json()]
    lines = [json.dumps(value).encode() for value in values]

    async def source() -> AsyncIterator[Any]:
        for line in lines:
            await asyncio.sleep(0)
            yield parse(line)

    return source


async def _together(make: Make, streams: int) -> tuple[float, float]:
    """Return the seconds that all streams took, and the longest lag in seconds."""
    lags: list[float] = []
    is_done = False

    async def nap() -> None:
        while not is_done:
            start = perf_counter()
            await asyncio.sleep(_NAP)
            lags.append(perf_counter() - start - _NAP)

    async def read() -> None:
        count = 0
        async for _ in make():
            count += 1
        if count != CHUNKS:
            raise AssertionError("chunks are lost")

    napping = asyncio.create_task(nap())
    await asyncio.sleep(_NAP * 10)
    lags.clear()
    start = perf_counter()
    await asyncio.gather(*(asyncio.create_task(read()) for _ in range(streams)))
    seconds = perf_counter() - start
    is_done = True
    # The last nap is as long as whatever blocked the loop at the end.
    await napping
    return seconds, max(lags)
