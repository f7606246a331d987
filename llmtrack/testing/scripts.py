"""Streams that do what a script says, as generators and as clients' classes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Self

from .clock import Clock


@dataclass(frozen=True, kw_only=True)
class Script:
    """
    What a stream does, step by step.

    The methods give the same stream in the shapes that clients have; each call
    gives a new one.

    Args:
        chunks: What it yields; see `chat_chunks`.
        wait: Seconds by which each step moves the clock; or a number for each.
        clock: The clock that is moved; None has no waiting.
        error: What it raises, or None.
        error_at: How many chunks come before the error; None is all of them.
        hangs_at: How many chunks come before an async stream waits for ever.
        pauses: Whether an async stream gives the loop a turn at each step.
        on_step: Called inside of the stream, at each step, with its number.
        result: What a generator returns.
    """

    chunks: Sequence[Any] = field(default=(), kw_only=False)
    wait: float | Sequence[float] = 0.0
    clock: Clock | None = None
    error: BaseException | None = None
    error_at: int | None = None
    hangs_at: int | None = None
    pauses: bool = False
    on_step: Callable[[int], object] | None = None
    result: Any = None

    def generator(self) -> Generator[Any, Any, Any]:
        """Return a generator."""
        for number, chunk in enumerate(self.chunks):
            self._step(number)
            yield chunk
        self._step(len(self.chunks))
        return self.result

    async def async_generator(self) -> AsyncGenerator[Any, Any]:
        """Return an async generator."""
        for number, chunk in enumerate(self.chunks):
            await self._async_step(number)
            yield chunk
        await self._async_step(len(self.chunks))

    def stream(self) -> ScriptedStream:
        """Return a stream as a sync client has it."""
        return ScriptedStream(self)

    def async_stream(self) -> AsyncScriptedStream:
        """Return a stream as an async client has it."""
        return AsyncScriptedStream(self)

    def manager(self) -> ScriptedStreamManager:
        """Return a context manager that makes the request when it is entered."""
        return ScriptedStreamManager(self)

    def async_manager(self) -> AsyncScriptedStreamManager:
        """Return an async context manager that makes the request when entered."""
        return AsyncScriptedStreamManager(self)

    def _step(self, number: int) -> None:
        if self.on_step is not None:
            self.on_step(number)
        if self.clock is not None:
            waits = self.wait
            last = number >= len(self.chunks)
            if isinstance(waits, Sequence):
                self.clock.advance(0.0 if last else waits[number])
            else:
                self.clock.advance(waits)
        at = len(self.chunks) if self.error_at is None else self.error_at
        if self.error is not None and number == at:
            raise self.error

    async def _async_step(self, number: int) -> None:
        if self.pauses:
            await asyncio.sleep(0)
        if number == self.hangs_at:
            await asyncio.get_running_loop().create_future()
        self._step(number)


class ScriptedResponse:
    """
    What a client's stream has as `response`.

    Attributes:
        is_closed: Whether the connection was given back.
        headers: None that say anything.
    """

    def __init__(self) -> None:
        self.is_closed: bool = False
        self.headers: dict[str, str] = {}

    def close(self) -> None:
        """Give the connection back."""
        self.is_closed = True


class ScriptedStream:
    """
    A stream as clients return it: iterator, context manager, with `close`.

    The connection is given back when the stream ends, fails, is closed, or is
    dropped after it was read from.

    Attributes:
        response: The response that it is read from.
    """

    def __init__(self, script: Script) -> None:
        self.response: ScriptedResponse = ScriptedResponse()
        self._steps = _reading(script.generator(), self.response)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return next(self._steps)

    def close(self) -> None:
        """Give the connection back; there is nothing to read after that."""
        self.response.close()
        self._steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncScriptedStream:
    """The async twin of `ScriptedStream`."""

    def __init__(self, script: Script) -> None:
        self.response: ScriptedResponse = ScriptedResponse()
        self._steps = _async_reading(script.async_generator(), self.response)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await anext(self._steps)

    async def close(self) -> None:
        """Give the connection back; there is nothing to read after that."""
        self.response.close()
        await self._steps.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class ScriptedStreamManager:
    """
    What some clients return: the request is made on entering, closed on leaving.

    Attributes:
        response: What the stream will be read from.
    """

    def __init__(self, script: Script) -> None:
        self._stream = ScriptedStream(script)
        self.response: ScriptedResponse = self._stream.response

    def __enter__(self) -> ScriptedStream:
        return self._stream

    def __exit__(self, *_: object) -> None:
        self._stream.close()


class AsyncScriptedStreamManager:
    """The async twin of `ScriptedStreamManager`."""

    def __init__(self, script: Script) -> None:
        self._stream = AsyncScriptedStream(script)
        self.response: ScriptedResponse = self._stream.response

    async def __aenter__(self) -> AsyncScriptedStream:
        return self._stream

    async def __aexit__(self, *_: object) -> None:
        await self._stream.close()


def _reading(
    steps: Generator[Any, Any, Any], response: ScriptedResponse
) -> Generator[Any, Any, None]:
    try:
        yield from steps
    finally:
        response.close()


async def _async_reading(
    steps: AsyncGenerator[Any, Any], response: ScriptedResponse
) -> AsyncGenerator[Any, None]:
    try:
        async for chunk in steps:
            yield chunk
    finally:
        response.close()


def chat_chunks(
    *texts: str,
    finish_reason: str | None = "stop",
    usage: tuple[int, int] | None = None,
    error: str | None = None,
    model: str = "gpt-4o-mini",
) -> list[SimpleNamespace]:
    """
    Return chunks as OpenAI's chat completions have them, one for each text.

    Args:
        texts: What the answer says.
        finish_reason: Comes in a chunk of its own; None is a stream that stops
            without it, which is incomplete.
        usage: Input and output tokens, reported in one more chunk without choices.
        error: The type of an error that comes as the last chunk, and is not raised.
        model: The model that answers.
    """
    chunks = [_chat_chunk(model, _choice(text, None)) for text in texts]
    if finish_reason is not None:
        chunks.append(_chat_chunk(model, _choice(None, finish_reason)))
    if usage is not None:
        last = _chat_chunk(model)
        last.usage = SimpleNamespace(
            prompt_tokens=usage[0], completion_tokens=usage[1], total_tokens=sum(usage)
        )
        chunks.append(last)
    if error is not None:
        failed = _chat_chunk(model)
        failed.error = SimpleNamespace(type=error, message="it went wrong", code=None)
        chunks.append(failed)
    return chunks


def _choice(text: str | None, finish_reason: str | None) -> SimpleNamespace:
    delta = SimpleNamespace(role=None, content=text, tool_calls=None)
    return SimpleNamespace(index=0, delta=delta, finish_reason=finish_reason)


def _chat_chunk(model: str, *choices: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(
        id="chatcmpl-1",
        object="chat.completion.chunk",
        model=model,
        choices=list(choices),
        usage=None,
    )
