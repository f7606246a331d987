"""What is streamed: chunks, and the sources and providers that give them."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from time import perf_counter_ns
from typing import Any, Final, Self

WORDS: Final = (
    *(" the", " model", " stream", " of", " tokens"),
    *(",", " hello", " wor", "ld", "."),
)
#: Chunks of a stream that stay in the processor's cache, as one just parsed is.
HOT: Final = 500
#: Chunks that go by before a source begins to take the time.
HEAD: Final = 10


def texts(length: int) -> list[str]:
    """Return the chunks of a stream of strings."""
    return [WORDS[number % len(WORDS)] for number in range(length)]


def chunk_as_json(number: int) -> dict[str, Any]:
    """Return a chunk of OpenAI's as it comes over the wire; the first is a role."""
    text = WORDS[number % len(WORDS)]
    delta = {"content": text} if number else {"role": "assistant", "content": ""}
    return {
        "id": "chatcmpl-b",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    }


def last_as_json() -> dict[str, Any]:
    """Return the chunk that has the finish reason, and no usage."""
    chunk = chunk_as_json(1)
    chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    return chunk


def parsed(value: dict[str, Any]) -> Any:
    """Return a chunk as openai's client gives it."""
    from openai.types.chat import ChatCompletionChunk

    return ChatCompletionChunk.model_validate_json(json.dumps(value))


def openai_chunks(length: int, distinct: int = HOT) -> list[Any]:
    """
    Return the chunks of a whole answer.

    Args:
        length: How many.
        distinct: How many different objects. As many as there are chunks make
            the stream cold: then reading an attribute takes twice as long.
    """
    made = [parsed(chunk_as_json(number)) for number in range(1, distinct + 1)]
    body = [made[number % distinct] for number in range(length - 2)]
    return [parsed(chunk_as_json(0)), *body, parsed(last_as_json())]


class Stopwatch:
    """
    Sources that say how long their consumer took over the chunks.

    A source reads the clock when it is asked for the chunk after the first few,
    and once more when it is asked for one that it does not have. So neither what
    a call costs nor what follows the last chunk is in the time, whoever reads.
    """

    def __init__(self, chunks: Sequence[Any]) -> None:
        self._head = chunks[:HEAD]
        self._rest = chunks[HEAD:]
        self.taken = 0

    @property
    def length(self) -> int:
        """Return over how many chunks the time is taken."""
        return len(self._rest)

    def generator(self) -> Callable[[], Iterator[Any]]:
        """Return a generator function of its own."""
        head, rest = self._head, self._rest

        def source() -> Iterator[Any]:
            for chunk in head:
                yield chunk
            start = perf_counter_ns()
            for chunk in rest:
                yield chunk
            self.taken = perf_counter_ns() - start

        return source

    def async_generator(self) -> Callable[[], AsyncIterator[Any]]:
        """Return an async generator function, which never suspends."""
        head, rest = self._head, self._rest

        async def source() -> AsyncIterator[Any]:
            for chunk in head:
                yield chunk
            start = perf_counter_ns()
            for chunk in rest:
                yield chunk
            self.taken = perf_counter_ns() - start

        return source


class ProviderStream:
    """A stream as openai's client returns it."""

    def __init__(self, source: Iterator[Any]) -> None:
        self._iterator = source

    def __next__(self) -> Any:
        return self._iterator.__next__()

    def __iter__(self) -> Iterator[Any]:
        for chunk in self._iterator:  # noqa: UP028 - as openai has it
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the connection, if there were one."""


class AsyncProviderStream:
    """An async stream as openai's client returns it."""

    def __init__(self, source: AsyncIterator[Any]) -> None:
        self._iterator = source

    async def __anext__(self) -> Any:
        return await self._iterator.__anext__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for chunk in self._iterator:
            yield chunk

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Release the connection, if there were one."""
