"""What is added to a real client: where peers that know no generators do the work."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import openai
import openai_client
from contestants import Clients, Contestant
from timing import BARE, LLMTRACK, Case, Pass, timed

_CALLS: Final = 4
_CHUNKS: Final = 100
_STREAMS: Final = 1

#: What is called, by contestant, and how each is flushed.
Creates = dict[str, tuple[Any, Callable[[], object] | None]]


def cases(
    contestants: Sequence[Contestant], originals: openai_client.Originals
) -> Iterator[Case]:
    """
    Yield the cases of a plain call, and of streams.

    Args:
        contestants: Those that patch openai do it now.
        originals: Of openai's methods.
    """
    sync: Creates = {BARE: (_create(originals.client()), None)}
    asynchronous: Creates = {BARE: (_create(originals.async_client()), None)}
    for each in contestants:
        if each.clients is None:
            continue
        ours = each.name == LLMTRACK
        clients: Clients = each.clients()
        # llmtrack wraps a client that no peer has patched.
        plain = originals.client() if ours else openai_client.client(openai.OpenAI)
        sync[each.name] = _create(clients.wrap(plain)), each.flush
        plain = (
            originals.async_client()
            if ours
            else openai_client.async_client(openai.AsyncOpenAI)
        )
        asynchronous[each.name] = _create(clients.async_wrap(plain)), each.flush
    yield _case("a plain call", sync, _CALLS, 0, _run)
    yield _case("a stream of one chunk", sync, _CALLS, 1, _run)
    yield _case("a chunk", sync, _STREAMS, _CHUNKS, _run)
    yield _case("a chunk, async", asynchronous, _STREAMS, _CHUNKS, _run_async)


def _create(client: Any) -> Any:
    return client.chat.completions.create


def _case(
    what: str,
    creates: Creates,
    times: int,
    chunks: int,
    run: Callable[[Any, int], None],
) -> Case:
    def pass_of(create: Any, flush: Callable[[], object] | None) -> Pass:
        def calls() -> None:
            for _ in range(times):
                run(create, chunks)

        return timed(calls, flush)

    return Case(
        f"openai's client: {what}",
        {name: pass_of(*found) for name, found in creates.items()},
        units=times * max(1, chunks),
        unit="us",
    )


def _run(create: Any, chunks: int) -> None:
    answer = create(**openai_client.arguments(chunks))
    if chunks:
        for _ in answer:
            pass


def _run_async(create: Any, chunks: int) -> None:
    async def main() -> None:
        async for _ in await create(**openai_client.arguments(chunks)):
            pass

    _LOOP.run_until_complete(main())


_LOOP: Final = asyncio.new_event_loop()
