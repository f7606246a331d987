"""`call_llm` and `acall_llm`: one call of any client, and its record."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import nullcontext
from dataclasses import replace
from itertools import chain
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, Self

from llmtrack import delivery, dialects, ways
from llmtrack.activation import Working
from llmtrack.call import Call
from llmtrack.dialects.reading import Dialect, Reading
from llmtrack.dialects.request import from_arguments
from llmtrack.errors import ConfigurationError, error_info
from llmtrack.guard import guarded
from llmtrack.outlets import Outlets
from llmtrack.plan import Plan, outlets_for
from llmtrack.proxies import StreamProxy, attach
from llmtrack.record import CallRecord, Outcome
from llmtrack.settings import is_disabled
from llmtrack.summary import summarise
from llmtrack.ways import Attempt

if TYPE_CHECKING:
    from llmtrack.trackers.protocol import TrackerLike

#: Where the record says why the answer did not come in chunks.
_FALLBACK: Final = "llmtrack.fallback"
#: Seconds to wait for tokens that are counted on another thread.
_PATIENCE: Final = 10.0


def call_llm(
    client: Any,
    *,
    model: str,
    messages: str | Sequence[Any],
    stream: bool | None = None,
    tracker: TrackerLike | None = None,
    **params: Any,
) -> CallRecord:
    """
    Call a model through any client, and return the record of the call.

    How the client is called is found by looking at it. Messages are in OpenAI's
    words; for a client with words of its own they are put in those: Anthropic,
    Google and Bedrock get instructions apart from the messages, Google contents
    of parts, Bedrock content blocks, others message objects. So are `temperature`,
    `top_p`, `max_tokens` and `stop`; everything else goes to the client as it is.
    Anthropic's `max_tokens` is 4096 unless given. A stream of chat completions is
    asked to report its usage.

    An error of the client or the provider is on the record, not raised. The
    answer's text is on the record that is returned; trackers get it only with
    `capture_content`.

    Args:
        client: A client, or its method that makes the call.
        model: The model.
        messages: The conversation; text is one message of the user.
        stream: True streams or fails; False makes a plain call; None streams
            where the client can, else makes one plain call, and the record's
            metadata say why under `llmtrack.fallback`.
        tracker: Where events go; None is what `configure` says.
        params: What else the client is given.

    Raises:
        ConfigurationError: The client cannot be called, is async, or cannot do
            what `stream` wants; or not a tracker.
    """
    asked = _Asked(call_llm, client, model, messages, stream, tracker, params)
    with asked:
        asked.read(asked.answer())
    if asked.is_counting:
        delivery.wait(_PATIENCE)
    return asked.record()


async def acall_llm(
    client: Any,
    *,
    model: str,
    messages: str | Sequence[Any],
    stream: bool | None = None,
    tracker: TrackerLike | None = None,
    **params: Any,
) -> CallRecord:
    """
    Call a model through any client: see `call_llm`.

    A client that is not async works too, on another thread.
    """
    asked = _Asked(acall_llm, client, model, messages, stream, tracker, params)
    with asked:
        await asked.read_async(await asked.answer_async())
    if asked.is_counting:
        await _in_thread(delivery.wait, _PATIENCE)
    return asked.record()


class _Asked:
    """
    One call by `call_llm`: what is tried, what came back, what is recorded.

    As a context manager it is the call's own block: the client's exceptions end
    the call and go no further.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        client: Any,
        model: str,
        messages: str | Sequence[Any],
        stream: bool | None,
        tracker: TrackerLike | None,
        params: dict[str, Any],
    ) -> None:
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        in_async = function is acall_llm
        found = ways.find(client, model, messages, params, prefer_async=in_async)
        if found.is_async and not in_async:
            raise ConfigurationError(
                f"{client!r} is async; write `await acall_llm(client, ...)`"
            )
        self._client = found
        self._attempts = deque(ways.attempts(found, stream, params))
        if not self._attempts:
            raise ConfigurationError(
                f"{client!r} has no way to "
                f"{'stream' if stream else 'answer in one piece'}; leave `stream` out"
            )
        given = {"messages": messages, **params, "model": model}
        request = from_arguments({**given, "stream": stream is not False})
        request.client = client
        outlets = Outlets if is_disabled() else outlets_for(tracker)
        self._call = Call(Plan(name=function.__name__, outlets=outlets), request)
        if stream is None and found.streaming is None:
            self._fall_back("the client has no way to stream")
        self._text = _Text()
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        self._call.start()
        return self

    def __exit__(self, _: object, exc: BaseException | None, __: object) -> bool:
        if exc is not None:
            self._call.failed(exc)
        if isinstance(exc, ConfigurationError) or not isinstance(exc, Exception):
            return False
        self._failure = exc
        return True

    # Sync and async, each step beside the other.

    def answer(self) -> Any:
        """Return what the client answers, tracked."""
        while True:
            attempt = self._attempts.popleft()
            try:
                with Working(self._call):
                    return self._attach(attempt, self._ask(attempt))
            except Exception as exc:
                if not self._may_go_on(attempt, exc):
                    raise

    async def answer_async(self) -> Any:
        while True:
            attempt = self._attempts.popleft()
            try:
                with Working(self._call):
                    return self._attach(attempt, await self._ask_async(attempt))
            except Exception as exc:
                if not self._may_go_on(attempt, exc):
                    raise

    def _ask(self, attempt: Attempt) -> Any:
        value = attempt.method(**self._client.arguments(), **attempt.extra)
        if inspect.isawaitable(value) and not hasattr(value, "__aiter__"):
            getattr(value, "close", int)()
            raise ConfigurationError(
                "the client is async; write `await acall_llm(client, ...)`"
            )
        return _begun(value)

    async def _ask_async(self, attempt: Attempt) -> Any:
        arguments = {**self._client.arguments(), **attempt.extra}
        if self._client.is_async:
            value = attempt.method(**arguments)
        else:
            value = await _in_thread(_ask_blocking, attempt.method, arguments)
        if inspect.isawaitable(value):
            value = await value
        return await _begun_async(value)

    def read(self, answer: Any) -> None:
        """Read an answer to its end."""
        stream = self._stream_in(answer)
        if stream is None:
            return
        with stream if hasattr(stream, "__enter__") else nullcontext(stream) as chunks:
            for chunk in chunks:
                self._text.add(chunk)
                # Cancelled, while this thread went on.
                if self._call.is_over:
                    return

    async def read_async(self, answer: Any) -> None:
        stream = self._stream_in(answer)
        if stream is None:
            return
        if hasattr(stream, "__aenter__"):
            async with stream as chunks:
                await self._read_chunks(chunks)
        elif hasattr(stream, "__aiter__"):
            await self._read_chunks(stream)
        else:
            await _in_thread(self.read, answer)

    async def _read_chunks(self, chunks: AsyncIterator[Any]) -> None:
        async for chunk in chunks:
            self._text.add(chunk)

    # What they share.

    @property
    def is_counting(self) -> bool:
        """Whether the call is over and its tokens are still being counted."""
        return self._call.record is None

    def record(self) -> CallRecord:
        """Return the record, with the answer's text for the caller."""
        record = self._call.record or self._summary()
        text, reasoning = "".join(self._text.text), "".join(self._text.reasoning)
        return replace(
            record,
            output_text=record.output_text or text or None,
            reasoning_text=record.reasoning_text or reasoning or None,
        )

    def _summary(self) -> CallRecord:
        """Return a record in place of one that a blocked thread does not finish."""
        error = error_info(self._failure) if self._failure else None
        outcome = Outcome.ERROR if error else Outcome.SUCCESS
        return summarise(self._call, outcome, error, self._call.elapsed())

    def _attach(self, attempt: Attempt, value: Any) -> Any:
        if attempt.word is not None:
            # Known to be so only once it is attached, and told at once then.
            self._fall_back("the client answered in one piece")
        answer = attach(self._call, value)
        if attempt.word is not None and not self._call.is_over:
            del self._call.metadata[_FALLBACK]
            self._call.forget_info()
        return answer

    def _stream_in(self, answer: Any) -> Any:
        """Return what is left to be read of an answer, or None."""
        if self._call.is_over:
            self._text.add(answer)
            return None
        if isinstance(answer, dict):
            # Bedrock's, which keeps its shape.
            return next(v for v in answer.values() if issubclass(type(v), StreamProxy))
        return answer

    def _may_go_on(self, attempt: Attempt, exc: Exception) -> bool:
        """Whether the next attempt may be made, for this one is not understood."""
        if not self._attempts or attempt.word is None:
            return False
        objection = ways.objection(exc)
        if objection is None:
            return False
        if objection != attempt.word:
            # Without its options a stream would be refused all the same.
            while self._attempts and self._attempts[0].word is not None:
                self._attempts.popleft()
            if not self._attempts:
                return False
        if self._attempts[0].word is None:
            self._fall_back(str(error_info(exc)))
        return True

    def _fall_back(self, reason: str) -> None:
        self._call.metadata[_FALLBACK] = reason
        self._call.forget_info()


class _Text:
    """The text of an answer, for the caller's own copy of the record."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self._dialect: Dialect | None = None

    def add(self, value: Any) -> None:
        """Read a chunk or a response."""
        self._dialect = self._dialect or dialects.find(value)
        if self._dialect is not None:
            read = self._dialect.read
            reading = guarded("reading", read, value, default=Reading())
            self.text.append(reading.text or "")
            self.reasoning.append(reading.reasoning or "")


class _Begun:
    """An async stream of which the first chunk has been read."""

    def __init__(self, first: Any, rest: AsyncIterator[Any]) -> None:
        self._first = [first]
        self._rest = rest

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return self._first.pop() if self._first else await anext(self._rest)


async def _in_thread(function: Callable[..., Any], *args: Any) -> Any:
    # asyncio takes longer to import than all of llmtrack.
    from asyncio import to_thread

    return await to_thread(function, *args)


def _ask_blocking(method: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    return _begun(method(**arguments))


def _begun(value: Any) -> Any:
    """
    Return a stream that has begun: some clients ask only when it is read.

    So an objection to streaming comes while there is still another way to ask.
    """
    if isinstance(value, GeneratorType):
        for first in value:
            return chain((first,), value)
    return value


async def _begun_async(value: Any) -> Any:
    if isinstance(value, AsyncGeneratorType):
        source: AsyncGenerator[Any, None] = value
        async for first in source:
            return _Begun(first, source)
    return value
